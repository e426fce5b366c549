"""The gallery in real Chromium: every scene draws what it says, without a fault, and by itself."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from visits import Demo, Visit

from holdfire.demo.gallery import SURFACES, THEMES
from house import ROOT

AXE = (ROOT / "sdk/node_modules/axe-core/axe.min.js").read_text()
LOCALES = ROOT / "config/locales"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FIRST = 'holdfire-ui [data-layer="1"]'
CENTRE = "holdfire-ui dialog.centre"
PILL = 'holdfire-ui .back [data-control="preferences"]'
SHOWN = {
    "box": FIRST,
    "bar": f"{FIRST}.bar",
    "dialog": f"{FIRST}.dialog",
    "blocking": "holdfire-ui dialog.dialog",
    "notice": f'{FIRST} [data-control="acknowledge"]',
    "close": f'{FIRST} [data-control="close"]',
    "signal": f"{FIRST} .note",
    "age": f"{FIRST} button",
    "settings": CENTRE,
    "embedded": '[data-holdfire="embed"] holdfire-ui input',
    "way-back": 'holdfire-ui .back [data-control="withdraw"]',
    "opt-out-link": 'main a[data-holdfire="preferences"]',
    "opt-out-pill": PILL,
    "opt-out": CENTRE,
    "opt-out-status": "holdfire-ui .back .honored",
    "held": 'holdfire-ui [data-control="load_once"]',
    "colours": FIRST,
    "headless": '[data-holdfire-layer="1"] [data-holdfire="reject_all"]',
}
"""By surface, what is to be seen in its scene."""


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One profile for all: scenes keep nothing. axe-core is there before the page."""
    made = browser.new_context(viewport={"width": 390, "height": 760}, reduced_motion="reduce")
    made.add_init_script(AXE)
    made.set_default_timeout(10_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that threw fails the test."""
    faults: list[str] = []
    made = context.new_page()
    made.on("pageerror", lambda error: faults.append(str(error)))
    made.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    yield made
    made.close()
    assert faults == []


def open_scene(
    page: Page, demo: Demo, surface: str, theme: str = "light", language: str = "en"
) -> None:
    """Open one and wait for what it shows."""
    query = f"surface={surface}&theme={theme}&language={language}"
    page.goto(f"{demo.own}/gallery/scene?{query}")
    expect(page.locator(SHOWN[surface]).first).to_be_visible()


def faults_of(page: Page) -> list[str]:
    """What axe-core finds on a whole page, shadow trees included."""
    found: Any = page.evaluate(
        """async levels => {
          const found = await axe.run({runOnly: levels, iframes: false, resultTypes: ['violations']});
          return found.violations.flatMap(rule =>
            rule.nodes.map(node => `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary}`));
        }""",
        LEVELS,
    )
    return [str(fault) for fault in found]


@pytest.mark.parametrize(
    ("surface", "theme", "language"),
    [
        # In every run each surface in one of two looks that differ in all, and a few in a third.
        *(
            pytest.param(surface, *look, marks=() if number % 2 == turn else pytest.mark.long)
            for number, surface in enumerate(SURFACES)
            for turn, look in enumerate((("light", "en"), ("dark", "ar")))
        ),
        *product(("box", "settings", "held"), ("site",), ("en",)),
        # The other halves take as long again, and differ from these in one thing at a time.
        *(
            pytest.param(*scene, marks=pytest.mark.long)
            for pair in (("dark", "en"), ("light", "ar"))
            for scene in product(SURFACES, *((one,) for one in pair))
        ),
    ],
)
def test_no_scene_has_an_accessibility_fault(
    page: Page, demo: Demo, surface: str, theme: str, language: str
) -> None:
    """Every surface is drawn in every theme and both directions, and axe-core finds nothing."""
    open_scene(page, demo, surface, theme, language)

    assert faults_of(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.long
@pytest.mark.parametrize("language", sorted(path.stem for path in LOCALES.glob("*.toml")))
def test_no_language_has_an_accessibility_fault_on_any_surface(
    page: Page, demo: Demo, language: str
) -> None:
    """The whole product: every state and layout in every theme, in each of the sixty languages."""
    found = {}
    for surface, theme in product(SURFACES, THEMES):
        open_scene(page, demo, surface, theme, language)
        if faults := faults_of(page):
            found[surface, theme] = faults

    assert found == {}


def test_the_gallery_itself_has_none(page: Page, demo: Demo) -> None:
    """axe-core finds nothing on the page of frames, on a phone and on a desktop."""
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"{demo.own}/gallery?surface=box")

        assert faults_of(page) == []
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_the_filters_work_with_the_keyboard(page: Page, demo: Demo) -> None:
    """Tab reaches each list, keys choose, Enter on the button shows what was asked for."""
    page.goto(f"{demo.own}/gallery?surface=box")
    page.get_by_label("Surface").focus()
    page.keyboard.press("ArrowDown")  # from the box to the bar
    page.keyboard.press("Tab")
    page.keyboard.press("End")  # a site's colours
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**surface=bar&theme=site&**")

    expect(page.locator("iframe")).to_have_count(1)
    inner = page.frame_locator("iframe")
    expect(inner.get_by_role("button", name="Reject all")).to_be_visible()


def test_what_is_pressed_in_a_frame_stays_in_it(visit: Visit) -> None:
    """A refusal in one frame is recorded, and neither another frame nor the shop hears of it."""
    page = visit.context.new_page()
    page.set_viewport_size({"width": 1280, "height": 1400})  # both frames, whole
    page.goto(f"{visit.demo.own}/gallery?surface=box&theme=all")
    first, second = page.frame_locator("iframe").nth(0), page.frame_locator("iframe").nth(1)
    refuse = second.get_by_role("button", name="Reject all")
    expect(refuse).to_be_visible()
    with page.expect_response(lambda answer: "/choices" in answer.url) as told:
        first.get_by_role("button", name="Reject all").click()

    assert told.value.status == 201
    expect(first.get_by_role("button", name="Reject all")).to_have_count(0)
    expect(refuse).to_be_visible()
    assert page.evaluate("() => Object.keys(localStorage)") == []
    expect(visit.open().get_by_role("button", name="Reject all")).to_be_visible()
    assert visit.cookies() == {"holdfire_demo-box"}


@pytest.mark.parametrize("surface", ["box", "bar", "dialog", "blocking", "close"])
@pytest.mark.parametrize("language", ["fi", "ta", "ar"])
def test_accept_and_refuse_are_one_size_at_every_width(
    page: Page, demo: Demo, surface: str, language: str
) -> None:
    """However long their words, at 320 px, on a phone held sideways and on a desktop."""
    open_scene(page, demo, surface, language=language)
    for width, height in ((320, 640), (844, 390), (1280, 800)):
        page.set_viewport_size({"width": width, "height": height})
        boxes = [
            page.locator(f'{FIRST} [data-control="{name}"]').bounding_box()
            for name in ("accept_all", "reject_all")
        ]
        assert boxes[0]
        assert boxes[1]
        assert abs(boxes[0]["width"] - boxes[1]["width"]) < 0.5
        assert abs(boxes[0]["height"] - boxes[1]["height"]) < 0.5
        assert boxes[0]["height"] >= 44


def test_nothing_of_it_is_printed(page: Page, demo: Demo) -> None:
    """On paper there is the page alone, whatever was open."""
    for surface in ("box", "blocking", "settings", "way-back"):
        open_scene(page, demo, surface)
        page.emulate_media(media="print")
        expect(page.locator(SHOWN[surface]).first).to_be_hidden()
        page.emulate_media(media="screen")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_way_back_is_slim_on_a_phone_and_can_be_hit(
    page: Page, demo: Demo, language: str
) -> None:
    """No wider than a page's margin and a thumb high, at the edge where lines begin."""
    page.set_viewport_size({"width": 320, "height": 640})
    open_scene(page, demo, "way-back", language=language)
    for control in ("preferences", "withdraw"):
        box = page.locator(f'holdfire-ui .back [data-control="{control}"]').bounding_box()
        assert box
        assert 24 <= box["width"] <= 32
        assert box["height"] >= 44
        assert box["x"] + box["width"] > 318 if language == "ar" else box["x"] < 2
