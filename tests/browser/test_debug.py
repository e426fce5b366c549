"""The debugger in Chromium: what it shows of a page, that it changes nothing, and who can use it."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import variants as stage
from axe import AXE, LEVELS
from playwright.sync_api import Browser, Locator, Page, expect
from variants import Caller, Variants, caller, variants

from house import demo_site

PATIENCE = 700  # ms; how long a page that should stay silent is watched
NASTY = "&lt;img src=x onerror='window.parsed = 1'&gt;"
BODY = (
    '<main><h1>A shop</h1><iframe title="A film" width="300" height="150"'
    ' data-category="functional" data-service="video" data-src="{third}/film"></iframe>'
    '<img alt="" data-category="marketing" data-service="ad-pixel" data-src="{third}/pixel.gif">'
    '<img alt="" data-category="marketing" src="{third}/loose.gif">'
    '<script data-category="analytics" nonce="__NONCE__">window.loose = 1</script>'
    f'<script type="text/plain" data-service="{NASTY}" nonce="__NONCE__">0</script>'
    '{tag}<p><a href="#" data-holdfire="preferences">Settings</a></p></main>'
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variants]:
    """One server for all tests of this file; every variant of the site may be debugged."""
    site = msgspec.structs.replace(demo_site(), debug=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "demo_site", lambda: site)
        with variants(tmp_path_factory.mktemp("debug")) as found:
            yield found


def write(served: Variants, name: str, place: str = "DE") -> str:
    """Write a page with everything on it; returns its address."""
    body = BODY.replace("{third}", served.third).replace("{tag}", served.tag("counter"))
    return served.write(f"/debug/{name}", body, head=served.boot(place=place))


def open_debugger(who: Caller, address: str) -> Page:
    """Open a page with the debugger, until it shows why."""
    page = who.open(f"{address}#holdfire-debug")
    expect(panel(page)).to_be_visible()
    expect(section(page, "Why this regime").locator("li").first).to_be_attached()
    return page


def panel(page: Page) -> Locator:
    """The panel; Playwright's locators reach into its shadow tree."""
    return page.locator("holdfire-debug section")


def section(page: Page, title: str) -> Locator:
    """One section of it."""
    return panel(page).locator("details").filter(has=page.locator("summary", has_text=title))


def rows(page: Page, title: str) -> dict[str, str]:
    """State and reason by name, of one section."""
    found: list[Any] = section(page, title).evaluate(
        "node => [...node.querySelectorAll('li')].map(li => ["
        " li.querySelector('b, button')?.textContent ?? '',"
        " [li.querySelector('i')?.textContent, [...li.querySelectorAll('p')].at(-1)?.textContent]"
        " .filter(Boolean).join(': ')])"
    )
    return dict(found)


def test_nothing_comes_for_who_did_not_ask(browser: Browser, served: Variants) -> None:
    """A visitor of a site with ``debug`` loads no overlay, asks for no trace and sees nothing."""
    with caller(browser, served) as who:
        page = who.open(write(served, "silent"))
        page.wait_for_timeout(PATIENCE)
        assert not [path for path in who.ours() if "overlay" in path or "trace" in path]
        assert page.locator("holdfire-debug").count() == 0

        page.evaluate("() => { location.hash = 'holdfire-debug' }")
        expect(panel(page)).to_be_visible()


def test_it_shows_what_became_of_each_element(browser: Browser, served: Variants) -> None:
    """Held, refused, running, and not held by a fault of the markup; each with its reason."""
    with caller(browser, served) as who:
        page = open_debugger(who, write(served, "elements"))
        third = served.third
        frame, pixel = f"<iframe> {third}/film", f"<img> {third}/pixel.gif"
        tag, loose = f"<script> {third}/tag/counter.js", f"<img> {third}/loose.gif"
        before = rows(page, "On this page")
        assert before[frame] == "held: default_denied"
        assert before[pixel] == "held: default_denied"
        assert before[tag] == "held: default_denied"
        assert before[loose] == "loose: its address is not under data-"
        assert before["<script> inline"] in {  # two of them: the later one stands for its name
            "held: unknown_service",
            "loose: its type is not text/plain: it ran by itself",
        }

        page.evaluate("() => holdfire.choose({analytics: true})")
        expect(section(page, "On this page")).to_contain_text("choice_granted")
        after = rows(page, "On this page")
        assert after[tag] == "running: choice_granted"
        assert after[pixel] == "refused: choice_denied"
        assert rows(page, "Decisions")["analytics"] == "allowed: choice_granted"
        assert rows(page, "Decisions")["mixpanel"] == "denied: choice_denied"

        page.evaluate("() => holdfire.withdraw()")
        expect(section(page, "On this page")).to_contain_text("runs until the page is left")
        assert who.fired() == ["counter"]


def test_it_knows_scripts_that_ran_before_it_was_there(browser: Browser, served: Variants) -> None:
    """What the law allows at once bears no marks any more when the overlay arrives."""
    with caller(browser, served) as who:
        page = open_debugger(who, write(served, "early", place="US-CA"))
        tag = f"<script> {served.third}/tag/counter.js"
        assert rows(page, "On this page")[tag] == "running: default_granted"


def test_it_says_why_and_by_whose_authority(browser: Browser, served: Variants) -> None:
    """The trace is that of the service for this place, and asked for again when something changed."""
    with caller(browser, served) as who:
        page = open_debugger(who, write(served, "why"))
        why = section(page, "Why this regime")
        expect(why).to_contain_text("category analytics")
        expect(why).to_contain_text("TDDDG")
        expect(rows_of(page, "What holds")).to_contain_text("de, opt_in")

        page.evaluate("() => holdfire.rejectAll()")
        expect(why).to_contain_text("reject_all, lasts")
        expect(rows_of(page, "What holds")).to_contain_text("reject_all")


def rows_of(page: Page, title: str) -> Locator:
    """The list of one section."""
    return section(page, title).locator("ul")


def test_all_that_it_shows_is_text(browser: Browser, served: Variants) -> None:
    """A mark that looks like markup is shown as it is written, and is nothing else."""
    with caller(browser, served) as who:
        page = open_debugger(who, write(served, "text"))
        expect(section(page, "On this page")).to_contain_text("<img src=x onerror=")
        page.wait_for_timeout(PATIENCE)
        assert page.evaluate("() => window.parsed") is None
        assert page.locator("holdfire-debug section img").count() == 0


def test_it_works_without_a_mouse(browser: Browser, served: Variants) -> None:
    """Escape folds it, Enter opens it, the focus goes along, and every control can be reached."""
    with caller(browser, served) as who:
        page = open_debugger(who, write(served, "keys"))
        close = panel(page).get_by_role("button", name="Close")
        close.focus()
        page.keyboard.press("Escape")
        pill = page.locator("holdfire-debug .pill")
        expect(panel(page)).to_be_hidden()
        expect(pill).to_be_focused()
        expect(pill).to_contain_text("2 loose")

        page.keyboard.press("Enter")
        expect(panel(page)).to_be_visible()
        page.keyboard.press("Tab")
        expect(panel(page).get_by_role("checkbox")).to_be_focused()
        page.keyboard.press("Tab")
        expect(close).to_be_focused()
        page.keyboard.press("Tab")
        expect(section(page, "On this page").locator("summary")).to_be_focused()


def test_it_stays_on_every_page_where_that_is_wanted(browser: Browser, served: Variants) -> None:
    """The box keeps it in this browser; without the box the next page has none."""
    with caller(browser, served) as who:
        address = write(served, "kept")
        page = open_debugger(who, address)
        panel(page).get_by_role("checkbox").check()
        again = who.open(address)
        expect(panel(again)).to_be_visible()
        panel(again).get_by_role("checkbox").uncheck()
        last = who.open(address)
        last.wait_for_timeout(PATIENCE)
        assert last.locator("holdfire-debug").count() == 0


def test_stop_takes_it_away(browser: Browser, served: Variants) -> None:
    """``holdfire.stop()`` leaves nothing of it."""
    with caller(browser, served) as who:
        page = open_debugger(who, write(served, "stop"))
        page.evaluate("() => holdfire.stop()")
        assert page.locator("holdfire-debug").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_is_accessible(
    browser: Browser, served: Variants, width: int, scheme: Any
) -> None:
    """On a desk and on a phone: nothing runs over, and axe finds nothing."""
    size = {"width": width, "height": 800}
    with caller(browser, served, viewport=size, color_scheme=scheme) as who:
        page = open_debugger(who, write(served, "fits"))
        page.evaluate("() => holdfire.rejectAll()")
        section(page, "Why this regime").locator("summary").click()
        over = panel(page).evaluate(
            "node => [node, ...node.querySelectorAll('*')].filter(one =>"
            " one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== 'inline')"
            " .map(one => one.outerHTML.slice(0, 99))"
        )
        assert over == []
        box = panel(page).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        page.evaluate(AXE)
        found = page.evaluate(
            "async levels => (await axe.run({include: ['holdfire-debug']}, {runOnly: levels}))"
            ".violations.map(({id, nodes}) => [id, nodes.map(node => node.html)])",
            LEVELS,
        )
        assert found == []
