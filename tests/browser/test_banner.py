"""The interface, as a visitor meets it: with eyes, with a keyboard alone, with a screen reader."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from visits import Demo, Visit, visitor

from house import ROOT

AXE = ROOT / "sdk/node_modules/axe-core/axe.min.js"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 360, "height": 740}}


def faults(page: Page, part: str) -> list[str]:
    """What axe-core finds in a part of Holdfire's interface, reached through its shadow root."""
    page.evaluate(AXE.read_text())
    found: Any = page.evaluate(
        """async ([part, levels]) => {
          const include = [{fromShadowDom: ['holdfire-ui', part]}];
          const found = await axe.run({include}, {runOnly: levels});
          // What axe cannot tell counts as well, but for text beside which something scrolls.
          const obscured = node => node.any.some(check => /Obscur/.test(check.data?.messageKey));
          return [...found.violations, ...found.incomplete].flatMap(rule =>
            rule.nodes.filter(node => !obscured(node))
              .map(node => `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary}`));
        }""",
        [part, LEVELS],
    )
    return [str(fault) for fault in found]


def open_settings(page: Page) -> None:
    """From the first layer to the preference centre."""
    page.get_by_role("button", name="Settings", exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en", "de"])
def test_no_accessibility_fault_on_either_layer(
    browser: Browser, demo: Demo, size: str, scheme: Any, locale: str
) -> None:
    """axe-core, WCAG 2.2 AA, finds nothing in any language, size or colour scheme."""
    with visitor(browser, demo, viewport=SIZES[size], color_scheme=scheme, locale=locale) as visit:
        page = visit.open("DE")
        expect(page.locator("holdfire-ui [role=region]")).to_be_visible()
        assert faults(page, "[role=region]") == []

        page.locator('[data-control="settings"]').click()
        expect(page.get_by_role("dialog")).to_be_visible()
        for details in page.get_by_role("dialog").locator("details > summary").all():
            details.click()
        assert faults(page, "dialog") == []


def test_accept_and_refuse_weigh_the_same(visit: Visit) -> None:
    """The same kind of element, the same box, the same computed look, side by side."""
    page = visit.open("DE")
    # Both at one moment: the card may still be sliding in.
    looks = page.locator("holdfire-ui [role=region]").evaluate(
        """card => ['accept_all', 'reject_all'].map(control => {
          const button = card.querySelector(`[data-control="${control}"]`);
          const {width, height, top} = button.getBoundingClientRect();
          const style = getComputedStyle(button);
          const look = ['color', 'backgroundColor', 'fontSize', 'fontWeight', 'borderColor',
            'borderWidth', 'opacity', 'textDecorationLine'].map(name => style[name]);
          return [button.tagName, width, height, top, ...look];
        })"""
    )

    assert looks[0] == looks[1]


def test_the_page_stays_usable_beside_the_first_layer(visit: Visit) -> None:
    """The banner is a region, not a dialog: nothing is blocked, moved or focused."""
    page = visit.open("DE")
    expect(page.get_by_role("button", name="Reject all")).to_be_visible()

    assert page.get_by_role("dialog").count() == 0
    assert page.evaluate("() => document.activeElement === document.body")
    page.get_by_role("button", name="Add to bag").first.click()
    expect(page.locator("#bag")).to_have_text("1")


def test_the_layout_does_not_shift(browser: Browser, demo: Demo) -> None:
    """Nothing on the page moves when the banner comes and when it goes."""
    with visitor(browser, demo) as visit:
        visit.context.add_init_script(
            "window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach("
            "entry => { window.shift += entry.value })).observe({type: 'layout-shift', buffered: true})"
        )
        page = visit.open("DE")
        page.get_by_role("button", name="Reject all").click()
        visit.settle(page)

        # The panel fills in as its facts arrive; only what Holdfire does to the page counts here.
        assert page.evaluate("() => window.shift") < 0.02


def test_a_keyboard_is_enough(visit: Visit) -> None:
    """From the address bar: Tab reaches the banner first; Enter opens, Space switches, Enter saves."""
    page = visit.open("DE")
    expect(page.get_by_role("button", name="Reject all")).to_be_visible()
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(focused(page))
        if reached[-1] == "settings":
            break
    assert {"accept_all", "reject_all", "settings"} <= set(reached)

    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("switch", name="Statistics", exact=True).focus()
    page.keyboard.press("Space")
    page.locator('[data-control="save"]').focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.evaluate("() => window.holdfire.allowed('analytics')") is True
    assert page.evaluate("() => window.holdfire.allowed('marketing')") is False


def focused(page: Page) -> str:
    """The control that has the focus, looked up through the shadow root."""
    name: str = page.evaluate(
        """() => {
          let at = document.activeElement;
          while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
          return at?.dataset?.control ?? '';
        }"""
    )
    return name


def test_focus_is_kept_in_the_dialog_and_given_back(visit: Visit) -> None:
    """Tab goes round inside; Escape closes, consents to nothing, and returns to the opener."""
    page = visit.open("DE")
    page.get_by_role("button", name="Reject all").click()
    opener = page.locator("footer [data-holdfire=preferences]")
    opener.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    for _ in range(30):
        page.keyboard.press("Tab")
        inside = page.evaluate(
            "() => document.activeElement === document.body"
            " || !!document.activeElement.closest('holdfire-ui')"
        )
        assert inside, "the focus left the dialog for the page behind it"

    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    assert page.evaluate("() => window.holdfire.decision('analytics').reason") == "choice_denied"


def test_escape_on_the_first_layer_decides_nothing(visit: Visit) -> None:
    """Only a button is an answer."""
    page = visit.open("DE")
    button = page.get_by_role("button", name="Reject all")
    button.focus()
    page.keyboard.press("Escape")
    visit.settle(page)

    expect(button).to_be_visible()
    assert visit.third_party() == []
    assert not [r for r in visit.requests if "/choices" in r.url]


def test_no_switch_is_on_before_the_visitor_turns_it_on(visit: Visit) -> None:
    """In an opt-in regime nothing optional is preset."""
    page = visit.open("DE")
    open_settings(page)
    switches = page.get_by_role("dialog").get_by_role("switch")

    assert switches.count() >= 3
    for switch in switches.all():
        expect(switch).not_to_be_checked()


def test_the_preference_centre_discloses_services_and_cookies(visit: Visit) -> None:
    """Provider, cookies with purpose and lifetime, and the provider's own policy."""
    page = visit.open("DE")
    open_settings(page)
    for details in page.get_by_role("dialog").locator("details > summary").all():
        details.click()

    for name in ("PostHog", "Plausible", "Mixpanel", "ph_*", "mp_*"):
        expect(page.get_by_role("dialog")).to_contain_text(name)


def test_the_way_back_is_permanent(visit: Visit) -> None:
    """After any choice the settings are one act away, and withdrawing takes no more than agreeing."""
    page = visit.open("DE")
    page.get_by_role("button", name="Accept all").click()
    page.reload()
    page.locator("footer [data-holdfire=preferences]").click()
    page.get_by_role("dialog").locator('[data-control="reject_all"]').click()

    page.wait_for_function("() => !window.holdfire.allowed('analytics')")


def test_german_visitors_are_asked_in_german(browser: Browser, demo: Demo) -> None:
    """The browser's language picks the text."""
    with visitor(browser, demo, locale="de-DE") as visit:
        page = visit.open("DE")

        expect(page.get_by_role("button", name="Alle ablehnen")).to_be_visible()


def test_californians_see_their_status_when_the_signal_is_honoured(
    browser: Browser, demo: Demo
) -> None:
    """11 CCR 7025(c)(6): the page shows that the opt-out request was honoured."""
    with visitor(browser, demo, gpc=True) as visit:
        page = visit.open("US-CA")
        assert page.get_by_role("button", name="Reject all").count() == 0
        page.locator("footer [data-holdfire=preferences]").click()

        expect(page.get_by_role("dialog")).to_contain_text("Opt-Out Request Honored")


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_lost_on_a_narrow_screen_or_at_high_zoom(
    browser: Browser, demo: Demo, width: int
) -> None:
    """At 320 px, and at 1280 px magnified four times, every control can be reached."""
    scale = 4 if width == 1280 else 1
    size = {"width": width // scale, "height": 800 // scale}
    with visitor(browser, demo, viewport=size, device_scale_factor=scale) as visit:
        page = visit.open("DE")
        for control in ("accept_all", "reject_all", "settings"):
            button = page.locator(f'[data-control="{control}"]').first
            button.scroll_into_view_if_needed()
            box = button.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= size["width"]
            assert box["height"] >= 24


def test_the_banner_is_fetched_only_where_there_is_something_to_ask(visit: Visit) -> None:
    """In Texas nothing is asked first, and the page has a way back of its own: no chunk is loaded."""
    page = visit.open("US-TX")
    visit.settle(page)

    assert not [r.url for r in visit.requests if "/assets/" in r.url]
