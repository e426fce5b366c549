"""What was on view, drawn again: the kept script and words in a browser that can reach nothing else.

No server is started. Each request of the page is answered here from what is kept, or not at all;
a policy of the page and a browser that is offline stand behind that.
"""

from __future__ import annotations

import html
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec

from holdfire.errors import HoldfireError
from holdfire.evidence import Evidence
from holdfire.law import Value
from holdfire.lint.browser import chromium
from holdfire.lint.visit import Visit, boot_of
from holdfire.replay.account import Kept

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

ORIGIN = "https://replay.invalid"  # a name that nobody can have: RFC 2606 §2
WINDOW = (1280, 800)  # CSS pixels; of the visitor's own nothing is recorded
TALLEST = 8_000
VIEWS = {1: "banner", 2: "preferences"}
COME_SECONDS, POLL_MS = 20.0, 50
PAGE = """\
<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<title>Replay</title>
<style>body {{ margin: 0; font: 16px/1.5 sans-serif; background: #fff }}</style>
<script src="{script}"></script>
<body></body>
</html>
"""
POLICY = "; ".join(
    (
        "default-src 'none'",
        f"script-src {ORIGIN}",
        "style-src 'unsafe-inline'",  # the interface brings its style with it
        "img-src data:",
    )
)
BROWSER = """\
(said) => {
  const say = (name, value) =>
    Object.defineProperty(Navigator.prototype, name, { get: () => value, configurable: true });
  for (const [name, value] of Object.entries(said)) say(name, value);
}
"""
WORDS = """\
() => [...document.querySelectorAll("holdfire-ui")]
  .flatMap((box) => [...(box.shadowRoot?.children ?? [])])
  .map((element) => element.innerText ?? "")
  .join("\\n")
  .trim()
"""
HIDDEN = """\
() => {
  const deep = (root) => [...root.querySelectorAll("*")].flatMap((element) =>
    [element, ...(element.shadowRoot ? deep(element.shadowRoot) : [])]);
  return Math.max(0, ...deep(document).map((e) =>
    /auto|scroll/.test(getComputedStyle(e).overflowY) ? e.scrollHeight - e.clientHeight : 0));
}
"""


class NothingToShow(HoldfireError):
    """Nothing of ours was on view when the visitor acted, or nothing that can be kept."""


class Unwritable(HoldfireError):
    """The picture cannot be put where it was asked for: name another file."""


class Build(msgspec.Struct):
    """The kept build of the SDK, as far as a page loads of it (``web.display``)."""

    chunks: dict[str, str]


class Picture(Value, frozen=True):
    """What came up."""

    words: str  # all that can be read in it, to the last line
    asked: tuple[str, ...]  # what the page asked for that is not kept: nothing, if all is right


class Stage(NamedTuple):
    """What the page is made of, by path; and in what it is set."""

    files: Mapping[str, tuple[str, str]]  # content type and text
    layer: int
    language: str
    said: Mapping[str, object]  # what the browser says by itself


def staged(kept: Sequence[Kept], proof: Evidence) -> Stage:
    """Set the stage. Raises ``NothingToShow``; ``HoldfireError`` if what was on view is gone."""
    if proof.layer == 0:
        raise NothingToShow("nothing of ours was on view: the act came from the site's own code")
    if proof.control == "always_allow":
        raise NothingToShow("the act was made at a placeholder in the page, which is not kept")
    found = {one.shown: one.body for one in kept if one.body is not None}
    if missing := [what for what in ("boot", "sdk", "texts") if what not in found]:
        raise HoldfireError(f"it cannot be shown again without what is gone: {', '.join(missing)}")
    script = found["boot"].decode()
    boot = boot_of(script)
    if boot is None:
        raise HoldfireError("the boot script that is kept is none of ours")
    if boot["look"].get("layout") == "headless":
        raise NothingToShow("the site draws the interface itself, and its pages are not kept")
    site, language = proof.site, proof.language
    declared = {"age": proof.age, "residence": "-".join(filter(None, proof.residence or ()))}
    query = urlencode({key: value for key, value in declared.items() if value not in {None, ""}})
    words, more = found["texts"].decode().splitlines()
    files = {
        f"/assets/{name}": text
        for name, text in msgspec.json.decode(found["sdk"], type=Build).chunks.items()
    }
    files[f"/assets/words-{site}-{language}.{boot['words']}.js"] = words
    files[f"/assets/more-{site}-{language}.{boot['words']}.js"] = more
    files[f"/s/{site}.js"] = script
    source = html.escape(f"/s/{site}.js{'?' + query if query else ''}")
    page = PAGE.format(language=html.escape(language), script=source)
    signals = proof.signals
    track = {True: "1", False: "0", None: None}[signals.dnt]
    return Stage(
        files={
            "/": ("text/html; charset=utf-8", page),
            **{path: ("text/javascript; charset=utf-8", text) for path, text in files.items()},
        },
        layer=proof.layer,
        language=language,
        # A site may hide its banner from robots: whoever acted was none.
        said={"globalPrivacyControl": signals.gpc, "doNotTrack": track, "webdriver": False},
    )


def draw(stage: Stage, file: Path) -> Picture:
    """Draw it into ``file``, a PNG.

    Raises ``Unavailable`` without a browser, ``Unwritable``, ``HoldfireError`` if nothing comes up.
    """
    asked: list[str] = []

    def answer(route: Route) -> None:
        address = urlsplit(route.request.url)
        held = stage.files.get(address.path)
        if f"{address.scheme}://{address.netloc}" != ORIGIN or held is None:
            asked.append(route.request.url)
            route.abort()
            return
        kind, text = held
        headers = {"content-type": kind, "content-security-policy": POLICY}
        route.fulfill(body=text, headers=headers)

    with chromium() as browser:
        context = browser.new_context(
            viewport={"width": WINDOW[0], "height": WINDOW[1]},
            locale=stage.language,
            reduced_motion="reduce",
            service_workers="block",
            offline=True,
        )
        try:
            context.route("**/*", answer)
            words = _drawn(context, stage, file)
        finally:
            context.close()
    return Picture(words, tuple(asked))


def _drawn(context: BrowserContext, stage: Stage, file: Path) -> str:
    context.add_init_script(f"({BROWSER})({json.dumps(stage.said)})")
    visit = Visit(context, ORIGIN + "/")
    visit.open()
    page = visit.page
    if not visit.shows(stage.layer):  # it does not come by itself: somebody opened it
        page.evaluate("(view) => { window.holdfire.show(view) }", VIEWS[stage.layer])
    end = time.monotonic() + COME_SECONDS
    while not visit.shows(stage.layer):
        if time.monotonic() > end:
            raise HoldfireError("nothing came up")
        page.wait_for_timeout(POLL_MS)
    _unrolled(page)
    png = page.screenshot(animations="disabled")
    try:
        file.write_bytes(png)
    except OSError as error:
        raise Unwritable(f"{file}: {error.strerror}") from error
    words: str = page.evaluate(WORDS)
    return words


def _unrolled(page: Page) -> None:
    """Make the window as high as it takes to see all of it."""
    for _ in range(3):
        hidden: int = page.evaluate(HIDDEN)
        if not hidden:
            return
        size = page.viewport_size or {"width": WINDOW[0], "height": WINDOW[1]}
        height = min(TALLEST, size["height"] + hidden)
        page.set_viewport_size({"width": size["width"], "height": height})
        page.wait_for_timeout(POLL_MS)
