"""A site that draws for itself: its layers, its controls, and our banner where they fall short."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from variants import Caller, Variants, caller, variants

ACCEPT = '<button data-holdfire="accept_all">Yes</button>'
REJECT = '<button data-holdfire="reject_all">No</button>'
OPEN = '<button data-holdfire="preferences">More</button>'
LAYERS = (
    f'<div id="first" data-holdfire-layer="1" hidden>{ACCEPT}{REJECT}{OPEN}</div>'
    '<form id="second" data-holdfire-layer="2" hidden><input name="hidden"><label>'
    '<input type="checkbox" data-holdfire-category="analytics" checked> Statistics</label>'
    '<button data-holdfire="save">Save</button></form>'
)
WAY_BACK = '<p><a id="back" data-holdfire="preferences" href="#">Settings</a></p>'
OURS = "holdfire-ui [role=region]"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variants]:
    """One server for all tests of this file."""
    with variants(tmp_path_factory.mktemp("headless")) as found:
        yield found


def visit(who: Caller, body: str, head: str = "") -> Page:
    """Open a page of the headless site, with its errors noted from the start."""
    served = who.variants
    noted = (
        "<script nonce='__NONCE__'>window.told = []; window.holdfire = [hf =>"
        " hf.on('error', ({cause}) => told.push(String(cause)))]</script>"
    )
    held = served.tag("counter")
    boot = served.boot("headless")
    return who.open(served.write("/drawn", body + held, site="headless", head=head + noted + boot))


def choice(page: Page, act: Any) -> Any:
    """The record that is sent of what ``act`` does."""
    with page.expect_request("**/choices*") as sent:
        act()
    return sent.value.post_data_json


def test_the_sites_own_controls_decide(browser: Browser, served: Variants) -> None:
    """Shown when due, hidden after the act; what was said is what is recorded and what fires."""
    with caller(browser, served) as who:
        page = visit(who, LAYERS + WAY_BACK)
        expect(page.locator("#first")).to_be_visible()
        assert page.locator("#first").get_attribute("data-holdfire-shown") == ""
        sent = choice(page, page.get_by_role("button", name="No").click)

        assert [sent[name] for name in ("action", "layer", "control")] == [
            "reject_all",
            1,
            "reject_all",
        ]
        expect(page.locator("#first")).to_be_hidden()
        assert who.fired() == []
        assert page.evaluate("() => told") == []
        assert page.locator(OURS).count() == 0


def test_a_switch_is_off_until_the_visitor_turns_it(browser: Browser, served: Variants) -> None:
    """Ticked in the markup, or by a script, it grants nothing; turned by hand, it does."""
    with caller(browser, served) as who:
        page = visit(who, LAYERS + WAY_BACK)
        page.locator("#back").click()
        switch = page.get_by_role("checkbox", name="Statistics")
        expect(switch).not_to_be_checked()
        for forge in ("click()", "parentNode.click()"):
            page.evaluate(f"() => document.querySelector('[type=checkbox]').{forge}")
            expect(switch).not_to_be_checked()
        page.evaluate("() => { document.querySelector('[type=checkbox]').checked = true }")
        forged = choice(page, page.get_by_role("button", name="Save").click)
        assert forged["categories"]["analytics"] is False

        page.locator("#back").click()
        switch.focus()
        page.keyboard.press("Space")
        saved = choice(page, page.get_by_role("button", name="Save").click)
        assert saved["categories"] == {"functional": False, "analytics": True, "marketing": False}
        assert [saved["layer"], saved["control"]] == [2, "save"]
        expect(page.locator("#second")).to_be_hidden()
        expect(page.locator("#back")).to_be_focused()


def test_neither_a_script_nor_escape_consents(browser: Browser, served: Variants) -> None:
    """A click that no hand made is none, and Escape decides nothing."""
    with caller(browser, served) as who:
        page = visit(who, LAYERS + WAY_BACK)
        expect(page.locator("#first")).to_be_visible()
        page.evaluate("() => document.querySelector('[data-holdfire=accept_all]').click()")
        page.get_by_role("button", name="Yes").focus()
        page.keyboard.press("Escape")
        page.wait_for_timeout(300)

        assert page.evaluate("() => holdfire.allowed('analytics')") is False
        assert who.fired() == []
        expect(page.locator("#first")).to_be_visible()


@pytest.mark.parametrize(
    ("body", "head", "missing"),
    [
        (LAYERS.replace(REJECT, "") + WAY_BACK, "", "reject_all"),
        (
            LAYERS.replace(
                '<button data-holdfire="reject', '<button disabled data-holdfire="reject'
            )
            + WAY_BACK,
            "",
            "reject_all",
        ),
        (
            LAYERS + WAY_BACK,
            "<style>[data-holdfire=reject_all] { opacity: 0 }</style>",
            "reject_all",
        ),
        (LAYERS + WAY_BACK, "<style>#first { display: none }</style>", "layer"),
        (LAYERS, "", "way back"),
    ],
    ids=["absent", "disabled", "transparent", "layer-hidden", "no-way-back"],
)
def test_our_banner_takes_over(
    browser: Browser, served: Variants, body: str, head: str, missing: str
) -> None:
    """Where a refusal or a way back is missing, ours is shown, and the page is told why."""
    with caller(browser, served) as who:
        page = visit(who, body, head)
        expect(page.locator(OURS)).to_be_visible()
        expect(page.locator("#first")).to_be_hidden()
        told = page.evaluate("() => told")
        assert len(told) == 1
        assert missing in told[0]
        page.locator(f'{OURS} [data-control="reject_all"]').click()
        expect(page.locator(OURS)).to_be_hidden()
        assert who.fired() == []
