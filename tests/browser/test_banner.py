"""The interface, as visitors of the demo meet it."""

from typing import Any

import pytest
from axe import faults
from playwright.sync_api import Browser, Page, expect
from visits import Demo, Visit, visitor

SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 360, "height": 740}}


def open_settings(page: Page) -> None:
    """From the first layer to the preference centre."""
    page.get_by_role("button", name="Settings", exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en", "de"])
def test_no_accessibility_fault_in_the_preference_centre(
    browser: Browser, demo: Demo, size: str, scheme: Any, locale: str
) -> None:
    """axe-core, WCAG 2.2 AA, finds nothing in any language, size or colour scheme."""
    with visitor(browser, demo, viewport=SIZES[size], color_scheme=scheme, locale=locale) as visit:
        page = visit.open("DE")
        page.locator('[data-control="settings"]').click()
        expect(page.get_by_role("dialog")).to_be_visible()
        for details in page.get_by_role("dialog").locator("details > summary:visible").all():
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
    for details in page.get_by_role("dialog").locator("details > summary:visible").all():
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


def test_the_banner_is_fetched_only_where_there_is_something_to_ask(visit: Visit) -> None:
    """In Texas nothing is asked first, and the page has a way back of its own: no interface comes."""
    page = visit.open("US-TX")
    visit.settle(page)

    chunks = [r.url for r in visit.requests if "/assets/" in r.url]
    assert not [url for url in chunks if "/template." not in url]  # one tag is a template
