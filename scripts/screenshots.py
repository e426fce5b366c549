"""Takes the pictures of README and docs again: ``make screenshots``, then look at them.

Starts the demo on free loopback ports, opens it in Debian's Chromium, writes PNG files to docs/.
``scripts/screenshots.py FOLDER`` takes every scene of the gallery into a folder instead, in all
themes, the few languages and all widths; a word after it takes only those with it in their names.
"""

import base64
import sys
import tempfile
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from holdfire.demo.gallery import FEW, SURFACES, THEMES

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests/browser"))

from visits import Demo, chromium, start_demo, stop  # noqa: E402 -- the tests' own door

STILL_MS = 700  # until nothing moves any more
SIZES = {"phone": (390, 760), "narrow": (320, 640), "desktop": (1280, 760)}


class Shot(NamedTuple):
    """One picture of the shop."""

    file: str
    step: Callable[[Page], None]
    width: int = 1280
    height: int = 800
    dark: bool = False


def banner(page: Page) -> None:
    """The first layer, as it comes."""
    page.get_by_role("button", name="Reject all").wait_for()


def preferences(page: Page) -> None:
    """The preference centre."""
    page.get_by_role("button", name="Settings", exact=True).click()
    page.get_by_role("dialog").wait_for()


def chosen(page: Page) -> None:
    """After analytics alone was allowed: what the panel says of each tag."""
    page.evaluate("() => holdfire.choose({functional: false, analytics: true, marketing: false})")
    page.locator('[data-tag="plausible"] [data-state="fired"]').wait_for()


SHOTS = (
    Shot("banner.png", banner),
    Shot("preferences.png", preferences),
    Shot("preferences-dark-phone.png", preferences, 390, 844, dark=True),
    Shot("decisions.png", chosen),
)
SHEET = (
    # surface, theme, language, size: two rows of the sheet
    (("bar", "light", "de", "desktop"), ("blocking", "dark", "en", "desktop")),
    (
        ("box", "light", "ar", "phone"),
        ("settings", "dark", "en", "phone"),
        ("opt-out", "light", "en", "phone"),
        ("held", "site", "fr", "phone"),
        ("opt-out-status", "dark", "en", "phone"),
    ),
)
SHEET_STYLE = """
body { margin: 0; padding: 20px; width: 1160px; background: #e9e6de; }
div { display: flex; gap: 20px; }
div + div { margin-top: 20px; }
img { flex: 1 1 0; min-width: 0; border-radius: 10px; box-shadow: 0 2px 10px rgb(0 0 0 / .16); }
"""


def shop(browser: Browser, demo: Demo) -> None:
    """The pictures of the shop."""
    for shot in SHOTS:
        context = browser.new_context(
            viewport={"width": shot.width, "height": shot.height},
            color_scheme="dark" if shot.dark else "light",
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.goto(f"{demo.own}/?geo=DE")
        page.locator('html[data-panel="ready"]').wait_for(state="attached")
        shot.step(page)
        page.wait_for_timeout(STILL_MS)
        _write(ROOT / "docs" / shot.file, page.screenshot())
        context.close()


def scene(browser: Browser, demo: Demo, name: tuple[str, str, str, str]) -> bytes:
    """One scene of the gallery, as PNG."""
    surface, theme, language, size = name
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
    query = f"surface={surface}&theme={theme}&language={language}"
    page.goto(f"{demo.own}/gallery/scene?{query}", wait_until="networkidle")
    page.wait_for_timeout(STILL_MS)
    png = page.screenshot()
    page.close()
    return png


def sheet(browser: Browser, demo: Demo) -> None:
    """The most telling scenes on one sheet."""
    rows = ""
    for row in SHEET:
        pictures = (base64.b64encode(scene(browser, demo, name)).decode() for name in row)
        images = "".join(f'<img src="data:image/png;base64,{picture}">' for picture in pictures)
        rows += f"<div>{images}</div>"
    page = browser.new_page(viewport={"width": 1200, "height": 100})
    page.set_content(f"<style>{SHEET_STYLE}</style>{rows}")
    _write(ROOT / "docs/gallery.png", page.screenshot(full_page=True))
    page.close()


def every_scene(browser: Browser, demo: Demo, folder: Path, word: str) -> None:
    """All of them, for looking at."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in product(SURFACES, THEMES, FEW, SIZES):
        file = f"{'.'.join(name)}.png"
        if word in file:
            _write(folder / file, scene(browser, demo, name))


def _write(path: Path, png: bytes) -> None:
    path.write_bytes(png)
    print(path)  # noqa: T201 -- says what it made


def main(folder: str = "", word: str = "") -> None:
    """Take them all."""
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright:
        process, demo = start_demo(Path(data))
        browser = chromium(playwright)
        if folder:
            every_scene(browser, demo, Path(folder), word)
        else:
            shop(browser, demo)
            sheet(browser, demo)
        browser.close()
        stop(process)


if __name__ == "__main__":
    main(*sys.argv[1:])
