"""``python -m bench.client.release``: thirty tags released by one click, at a quarter of the speed.

INP of that click on two pages in turns: ours, whose markup holds thirty scripts, and one whose own
small banner inserts the same thirty in its click. Each tag keeps the page busy for a while, as real
ones do. What is quoted are ratios of one run.
"""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from bench.client import hosting, pages
from bench.client.contenders import BARE, HOLDFIRE, Contender
from bench.client.figures import interaction, spread
from bench.client.visit import (
    CLICK_SLOWDOWN,
    FAST,
    chromium,
    click,
    open_page,
    profile,
    settle,
    slow_down,
)

TAGS = 30
BUSY_MS = 3  # of one tag, at full speed
WATCH_MS = 4_000  # for all of them to run, at a quarter of it
FLOOR = Contender("floor-inline", "inserted at once by the page itself", "floor")
PAGES = (HOLDFIRE, FLOOR)

_TAG = f"for(const end=performance.now()+{BUSY_MS};performance.now()<end;);window.ran=(window.ran||0)+1;"
_HELD = '<script type="text/plain" data-category="marketing" data-src="{}"></script>'
_INSERT = """<script>addEventListener("click",(event)=>{{
if(event.target.id==="consent-accept")for(let at=0;at<{};at++){{
const tag=document.createElement("script");tag.src=`/tags/tag-${{at}}.js`;tag.async=false;document.head.append(tag)}}
}})</script>"""


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.client.release", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        base = _host(stack, folder)
        browser = chromium(stack.enter_context(sync_playwright()))
        stack.callback(browser.close)
        found: dict[str, list[float]] = {one.name: [] for one in PAGES}
        for turn in range(rounds):
            for one in PAGES[turn % len(PAGES) :] + PAGES[: turn % len(PAGES)]:
                found[one.name].append(_click(browser, base, one))
    lines = [
        f"| INP of the click that accepts, {TAGS} tags, ms | median | quartiles |",
        "|---|--:|--:|",
    ]
    for one in PAGES:
        middle = spread(found[one.name])
        assert middle is not None, one.name
        lines.append(f"| {one.title} | {middle.median:.0f} | {middle.low:.0f}–{middle.high:.0f} |")
    sys.stdout.write("\n".join(lines) + "\n")


def _host(stack: ExitStack, folder: Path) -> str:
    """Start both servers; the origin of the pages."""
    port, service_port = hosting.free_port(), hosting.free_port()
    base = f"http://127.0.0.1:{port}"
    snippet = hosting.snippet(folder, base, service_port)
    site = folder / "site"
    (site / "tags").mkdir(parents=True)
    addresses = [f"/tags/tag-{at}.js" for at in range(TAGS)]
    for address in addresses:
        (site / address.removeprefix("/")).write_text(_TAG)
    for one in (BARE, *PAGES):
        pages.compose(one, snippet, folder, site)
    _append(site, HOLDFIRE, "".join(_HELD.format(f"{base}{address}") for address in addresses))
    _append(site, FLOOR, _INSERT.format(TAGS))
    stack.enter_context(hosting.holdfire(folder, base, service_port))
    stack.enter_context(hosting.static(site, port))
    return base


def _append(site: Path, one: Contender, markup: str) -> None:
    path = site / f"{one.name}.html"
    path.write_text(path.read_text().replace("</body>", f"{markup}</body>"))


def _click(browser: Browser, base: str, one: Contender) -> float:
    """INP in milliseconds of one click on a new visitor's page; all tags must have run by then."""
    with profile(browser, one) as context:
        page, session = open_page(context, FAST)
        settle(page, base, one, FAST)
        slow_down(session, CLICK_SLOWDOWN)
        click(page, one.accept)
        page.wait_for_timeout(WATCH_MS)
        seen = page.evaluate("() => bench.clicks()")
        ran = page.evaluate("() => window.ran || 0")
        slow_down(session, 1)
    assert ran == TAGS, f"{one.name}: {ran} of {TAGS} tags ran"
    duration = interaction(seen["events"], seen["clicked"])
    assert duration is not None, f"{one.name}: no click was seen"
    return duration


if __name__ == "__main__":
    main()
