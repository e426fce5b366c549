"""Takes the pictures of README and docs again: ``make screenshots``, then look at them.

Starts the demo on free loopback ports, opens it in Debian's Chromium, writes PNG files to docs/.
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests/browser"))

from visits import chromium, start_demo, stop  # noqa: E402 -- the tests' own door


def banner(page: Page) -> None:
    """The first layer, as it comes."""
    page.get_by_role("button", name="Reject all").wait_for()


def preferences(page: Page) -> None:
    """The preference centre with one category unfolded."""
    page.get_by_role("button", name="Settings", exact=True).click()
    page.get_by_role("dialog").wait_for()


def chosen(page: Page) -> None:
    """After analytics alone was allowed: what the panel says of each tag."""
    page.evaluate("() => holdfire.choose({functional: false, analytics: true, marketing: false})")
    page.locator('[data-tag="plausible"] [data-state="fired"]').wait_for()


SHOTS = (
    # file, place, step, width, height, scheme
    ("banner.png", "DE", banner, 1280, 800, "light"),
    ("preferences.png", "DE", preferences, 1280, 800, "light"),
    ("preferences-dark-phone.png", "DE", preferences, 390, 844, "dark"),
    ("decisions.png", "DE", chosen, 1280, 800, "light"),
)


def main() -> None:
    """Take them all."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        process, demo = start_demo(Path(folder))
        browser = chromium(playwright)
        for file, place, step, width, height, scheme in SHOTS:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
                reduced_motion="reduce",
            )
            page = context.new_page()
            page.goto(f"{demo.own}/?geo={place}")
            page.locator('html[data-panel="ready"]').wait_for(state="attached")
            step(page)
            page.wait_for_timeout(400)
            page.screenshot(path=ROOT / "docs" / file)
            print(f"docs/{file}")  # noqa: T201 -- says what it made
            context.close()
        browser.close()
        stop(process)


if __name__ == "__main__":
    main()
