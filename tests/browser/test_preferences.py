"""The preference centre: with a keyboard alone, to a screen reader, in another language, embedded."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from visits import Visit

EMBED = """
  for (const part of ['main', 'footer']) {
    const place = document.createElement('div');
    place.dataset.holdfire = 'embed';
    document.querySelector(part).prepend(place);
  }
  window.dispatchEvent(new Event('load'));
"""
FOCUSED = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at?.id || at?.dataset.control || at?.localName || '';
}"""


def opened(page: Page) -> Locator:
    """The preference centre, opened by the page's own code."""
    page.evaluate("() => window.holdfire.show('preferences')")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def tabbed_to(page: Page, wanted: str) -> None:
    """Press Tab until this has the focus."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED) == wanted:
            return
    pytest.fail(f"Tab does not reach {wanted}")


def test_a_keyboard_opens_services_and_decides(visit: Visit) -> None:
    """Tab, Enter and Space reach the services, turn a category on and save; nothing else is on."""
    page = visit.open("DE")
    dialog = opened(page)
    assert page.evaluate(FOCUSED) == "heading"

    tabbed_to(page, "category-analytics")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("table").first).to_be_visible()
    tabbed_to(page, "service-posthog")
    page.keyboard.press("Space")
    tabbed_to(page, "save")
    page.keyboard.press("Enter")

    expect(dialog).to_be_hidden()
    allowed = "ids => ids.map(id => window.holdfire.allowed(id))"
    ids = ["analytics", "plausible", "posthog", "marketing"]
    page.wait_for_function("() => window.holdfire.allowed('analytics')")
    assert page.evaluate(allowed, ids) == [True, True, False, False]


def test_a_screen_reader_is_told_names_states_and_what_is_stored(visit: Visit) -> None:
    """The tree has the dialog's name, its headings in order, switches that are off, and a table."""
    page = visit.open("DE")
    dialog = opened(page)
    dialog.get_by_text("2 services (Statistics)").click()

    told = page.locator("dialog.centre").aria_snapshot()
    for line in (
        '- dialog "Cookie settings":',
        '- heading "Cookie settings" [level=2]',
        '- heading "Statistics" [level=3]',
        '- switch "Statistics"',
        '- columnheader "Kept for"',
        '- rowheader "ph_*"',
        '- cell "1 year"',
        '- combobox "Language":',
    ):
        assert line in told, told
    assert "[checked]" not in told


def test_escape_closes_and_decides_nothing(visit: Visit) -> None:
    """Escape leads back to the first layer; no choice is made or sent."""
    page = visit.open("DE")
    dialog = opened(page)
    visit.forget()
    page.keyboard.press("Escape")

    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Reject all")).to_be_visible()
    visit.settle(page)
    assert not [request for request in visit.requests if request.method == "POST"]


def test_another_language_is_spoken_at_once(visit: Visit) -> None:
    """The list draws the centre anew, from right to left where it has to, and keeps the focus."""
    page = visit.open("DE")
    dialog = opened(page)
    dialog.get_by_label("Language").select_option("ar")

    expect(page.locator("dialog.centre")).to_have_attribute("dir", "rtl")
    expect(page.locator("dialog.centre")).to_have_attribute("lang", "ar")
    assert page.evaluate(FOCUSED) == "language"
    names = page.locator("dialog.centre option").evaluate_all(
        "all => all.map(option => [option.lang, option.textContent])"
    )
    assert ["de", "Deutsch"] in names


def test_the_first_layer_speaks_another_language_too(visit: Visit) -> None:
    """Its button becomes the list; what is drawn anew has the focus where the list was."""
    page = visit.open("DE")
    card = page.locator("holdfire-ui [data-layer='1']")
    card.locator("button[data-control=language]").click()
    expect(card.locator("select")).to_be_focused()
    card.locator("select").select_option("fr")

    expect(card).to_have_attribute("lang", "fr")
    expect(card.locator("button[data-control=language]")).to_be_focused()


def test_three_choices_are_three_entries_and_each_has_its_receipt(
    visit: Visit, tmp_path: Path
) -> None:
    """The history is newest first; a receipt is the service's file, or a page that tells it."""
    page = visit.open("DE")
    for verb in ("acceptAll", "rejectAll", "withdraw"):
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.evaluate(f"() => window.holdfire.{verb}()")
    dialog = opened(page)
    dialog.get_by_role("button", name="Show my choices").click()

    headings = dialog.get_by_role("heading", level=4)
    expect(headings).to_have_text(["Withdrew permission", "Rejected all", "Accepted all"])
    expect(dialog.get_by_text("Applies now", exact=True)).to_have_count(1)
    proof = taken(page, dialog.get_by_role("button", name="Download receipt").last, tmp_path)
    told = taken(page, dialog.get_by_role("button", name="Receipt for a choice").first, tmp_path)
    assert proof.name == "holdfire-demo-1.tlog-proof"
    assert proof.read_bytes().startswith(b"c2sp.org/tlog-proof@v1\nextra ")
    assert told.name == "holdfire-demo-3.html"
    assert told.read_bytes().startswith(b"<!doctype html>")


def test_without_the_service_the_newest_choice_is_told_in_a_text_file(
    visit: Visit, tmp_path: Path
) -> None:
    """The page's own text stands in for the newest receipt; of an older one it says what is wrong."""
    page = visit.open("DE")
    for verb in ("acceptAll", "withdraw"):
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.evaluate(f"() => window.holdfire.{verb}()")
    page.route("**/receipts/**", lambda route: route.fulfill(status=503))
    dialog = opened(page)
    dialog.get_by_role("button", name="Show my choices").click()
    button = dialog.get_by_role("button", name="Download receipt")

    found = taken(page, button.first, tmp_path)
    text = found.read_text("utf-8")
    recorded = json.loads(text[text.index("{") :])
    assert found.name == "holdfire-demo-2.txt"
    assert "Withdrew permission" in text
    assert (recorded["seq"], recorded["action"]) == (2, "withdraw")
    button.last.click()
    expect(dialog.get_by_role("alert")).to_contain_text("cannot be loaded")


def taken(page: Page, button: Locator, folder: Path) -> Path:
    """The file that a button hands to the visitor, under the name it was given."""
    with page.expect_download() as download:
        button.click()
    kept = folder / download.value.suggested_filename
    download.value.save_as(kept)
    return kept


def test_what_cannot_be_loaded_is_told_politely(visit: Visit) -> None:
    """Without the history's chunk the centre says so in a live region, and works on."""
    page = visit.open("DE")
    page.route("**/assets/history.*", lambda route: route.abort())
    dialog = opened(page)
    dialog.get_by_role("button", name="Show my choices").click()

    told = dialog.get_by_role("status").filter(has_text="cannot be loaded")
    expect(told).to_have_count(1)
    dialog.get_by_role("button", name="Reject all").click()
    expect(dialog).to_be_hidden()


def ask_age(route: Route) -> None:
    """The boot script of a site that asks its visitors' age."""
    answer = route.fetch(headers={**route.request.headers, "accept-language": "en"})
    text = answer.text().replace('"ask_age":false', '"ask_age":true')
    route.fulfill(response=answer, body=text)


def test_a_site_that_asks_for_an_age_asks_first(visit: Visit) -> None:
    """The bands are those of the law; once answered, the question about cookies follows."""
    visit.context.route("**/s/demo.js*", ask_age)
    page = visit.open("DE")
    card = page.locator("holdfire-ui [data-layer='1']")
    expect(card.get_by_role("heading", name="How old are you?")).to_be_visible()
    bands = card.get_by_role("button")
    expect(bands).to_have_text(["Under 16", "16 or older"])
    bands.last.click()

    expect(page.get_by_role("button", name="Reject all")).to_be_visible()
    assert page.evaluate("() => localStorage.getItem('holdfire:demo:age')") == "16"
    dialog = opened(page)
    dialog.get_by_role("button", name="16 or older").click()
    dialog.get_by_role("button", name="Under 16").click()
    expect(dialog.get_by_role("button", name="Under 16")).to_be_focused()
    assert page.evaluate("() => localStorage.getItem('holdfire:demo:age')") == "0"


def test_two_embedded_centres_agree(visit: Visit) -> None:
    """Each is a named region that takes no focus; what one saves, the other shows."""
    page = visit.open("DE")
    page.get_by_role("button", name="Reject all").click()
    page.evaluate(EMBED)
    regions = page.get_by_role("region", name="Cookie settings")
    expect(regions).to_have_count(2)
    assert page.evaluate("() => document.activeElement === document.body")
    assert page.get_by_role("dialog").count() == 0

    regions.first.get_by_role("switch", name="Statistics", exact=True).check()
    regions.first.get_by_role("button", name="Save my choice").click()
    expect(regions.last.get_by_role("switch", name="Statistics", exact=True)).to_be_checked()
    regions.last.get_by_label("Language").select_option("de")
    expect(regions.first).to_have_count(0)
    expect(page.get_by_role("region", name="Cookie-Einstellungen")).to_have_count(2)


@pytest.mark.parametrize("width", [320, 390])
def test_nothing_is_lost_on_a_narrow_screen(visit: Visit, width: int) -> None:
    """At 320 CSS pixels, which is 400 % zoom, nothing scrolls sideways and no target is small."""
    page = visit.open("DE")
    page.set_viewport_size({"width": width, "height": 256})
    dialog = opened(page)
    dialog.locator("summary").first.click()

    wide = "parts => parts.filter(part => part.scrollWidth > part.clientWidth + 1).length"
    assert page.locator("dialog.centre, dialog.centre .content").evaluate_all(wide) == 0
    small = """all => all.map(one => [one.outerHTML, one.getBoundingClientRect()])
      .filter(([, box]) => box.width && (box.height < 24 || box.width < 24))
      .map(([markup]) => markup)"""
    targets = page.locator("dialog.centre :is(button, input, select, summary)")
    assert targets.evaluate_all(small) == []
