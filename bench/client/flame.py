"""``python -m bench.client.flame``: what the page's main thread does until the banner is there.

One first visit under the slow conditions of ``make bench-client``, recorded by Chromium itself and
drawn as ``bench/client/flame.svg``: time from left to right, each row within the one above it.
Recording costs time of its own, and ever more the finer it is: read it for what takes how much of
the whole, not for milliseconds.
"""

import json
import sys
import tempfile
from contextlib import ExitStack
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import sync_playwright

from bench.client import hosting, pages
from bench.client.contenders import BARE, HOLDFIRE
from bench.client.visit import SLOW, chromium, open_page, profile, settle, view

PICTURE = Path(__file__).with_name("flame.svg")
RECORDED = (
    "blink.user_timing",
    "devtools.timeline",
    "disabled-by-default-v8.compile",
    "toplevel",
    "v8",
)
LEAST_MS = 1.0  # what is shorter is not drawn
LEAST_TASK_MS = 15.0  # a task that is shorter keeps nobody waiting
MARGIN_MS = 60.0  # drawn after the banner is to be seen
WIDTH, ROW, GAP = 1400, 17, 12
FONT = 'font-family="system-ui, sans-serif" font-size="10"'
COLOURS = {
    "task": "#d9dee5",
    "script": "#f2c14e",
    "compile": "#e58f65",
    "style": "#9b8cd9",
    "layout": "#b07cc6",
    "paint": "#7fb685",
    "other": "#b9c4d0",
}
KINDS = {
    "EvaluateScript": "script",
    "FunctionCall": "script",
    "RunPostTaskCallback": "script",
    "FireAnimationFrame": "script",
    "EventDispatch": "script",
    "TimerFire": "script",
    "UpdateLayoutTree": "style",
    "Layout": "layout",
    "PrePaint": "paint",
    "Paint": "paint",
    "Commit": "paint",
    "ParseHTML": "other",
}


class Span(NamedTuple):
    """Something that took time, within ``depth`` others; times in ms from the navigation's start."""

    name: str
    begin: float
    length: float
    depth: int


def main() -> None:
    """Record one view, and draw it."""
    picture = Path(sys.argv[1]) if sys.argv[1:] else PICTURE
    trace, visible = _record()
    picture.write_text(drawn(spans_of(trace, visible + MARGIN_MS), visible))


def _record() -> tuple[list[dict[str, Any]], float]:
    """What Chromium recorded, and when the banner was to be seen, in ms."""
    port, service_port = hosting.free_port(), hosting.free_port()
    base = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        snippet = hosting.snippet(folder, base, service_port)
        site = folder / "site"
        site.mkdir()
        for one in (BARE, HOLDFIRE):
            pages.compose(one, snippet, folder, site)
        stack.enter_context(hosting.holdfire(folder, base, service_port))
        stack.enter_context(hosting.static(site, port))
        browser = chromium(stack.enter_context(sync_playwright()))
        stack.callback(browser.close)
        view(browser, base, BARE, SLOW)  # the browser's own first time is nobody's
        with profile(browser, HOLDFIRE) as context:
            page, _ = open_page(context, SLOW)
            browser.start_tracing(page=page, categories=list(RECORDED))
            settle(page, base, HOLDFIRE, SLOW)
            visible: float = page.evaluate("() => bench.figures().visible")
            recorded = json.loads(browser.stop_tracing())
    events: list[dict[str, Any]] = recorded["traceEvents"]
    return events, visible


def spans_of(events: list[dict[str, Any]], until: float) -> list[Span]:
    """What the thread did that read our boot script, in long tasks alone, nested as it was."""
    ours = next(e for e in events if e["name"] == "EvaluateScript" and "/s/" in _address(e))
    thread = (ours["pid"], ours["tid"])
    here = [e for e in events if (e["pid"], e["tid"]) == thread and e.get("ts")]
    begin = max(e["ts"] for e in here if e["name"] == "navigationStart" and e["ts"] < ours["ts"])
    done = [e for e in here if e.get("ph") == "X" and e["ts"] >= begin]
    spans: list[Span] = []
    above: list[dict[str, Any]] = []
    for event in sorted(done, key=lambda e: (e["ts"], -e["dur"])):
        while above and event["ts"] >= above[-1]["ts"] + above[-1]["dur"]:
            above.pop()
        at, length = (event["ts"] - begin) / 1000, event["dur"] / 1000
        if (not above and length < LEAST_TASK_MS) or length < LEAST_MS or at > until:
            continue
        if event["name"].endswith("RunTask") and above:
            continue
        spans.append(Span(_named(event), at, length, len(above)))
        above.append(event)
    return spans


def _address(event: dict[str, Any]) -> str:
    return str(event["args"].get("data", {}).get("url", ""))


def _named(event: dict[str, Any]) -> str:
    """Its name, with the file or the event it was about."""
    data = event["args"].get("data", {})
    about = _address(event).rpartition("/")[2] or data.get("type", "")
    return f"{event['name'].rpartition('::')[2]} {about}".strip()


def drawn(spans: list[Span], visible: float) -> str:
    """The picture, as SVG; each bar says its name and length when it is pointed at."""
    end = max(span.begin + span.length for span in spans)
    scale = WIDTH / end
    high = GAP * 4 + ROW * (1 + max(span.depth for span in spans))
    line = visible * scale
    title = (
        f"The main thread of a first visit, slow network and processor: {end:.0f} ms from the "
        f"navigation; tasks above {LEAST_TASK_MS:.0f} ms"
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {high}" {FONT}>',
        f'<rect width="{WIDTH}" height="{high}" fill="#fff"/>',
        f'<text x="4" y="{GAP}">{title}</text>',
    ]
    for span in spans:
        x, wide = span.begin * scale, max(span.length * scale, 0.5)
        y = GAP * 2 + span.depth * ROW
        shown = span.name if wide > 6 * len(span.name) else ""
        parts.append(
            f"<g><title>{escape(span.name)}: {span.length:.1f} ms at {span.begin:.0f} ms</title>"
            f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="{ROW - 1}" '
            f'fill="{COLOURS[_kind(span.name)]}"/>'
            f'<text x="{x + 2:.1f}" y="{y + 12}">{escape(shown)}</text></g>'
        )
    parts.append(
        f'<path d="M{line:.1f} {GAP * 1.5}V{high}" stroke="#c0392b"/>'
        f'<text x="{line - 4:.1f}" y="{high - 4}" text-anchor="end" fill="#c0392b">'
        f"banner to be seen at {visible:.0f} ms</text></svg>"
    )
    return "\n".join(parts) + "\n"


def _kind(name: str) -> str:
    first = name.split(maxsplit=1)[0]
    if first == "RunTask":
        return "task"
    return "compile" if first.startswith(("V8.", "v8.compile")) else KINDS.get(first, "other")


if __name__ == "__main__":
    main()
