"""A visitor's receipt in a real browser: from the page's own code, and as a page to look at."""

import re
from pathlib import Path

import pytest
from axe import AXE, LEVELS
from playwright.sync_api import Browser, Page
from visits import Demo, Visit, visitor

from holdfire.ledger.verdict import judge


@pytest.fixture
def chosen(visit: Visit) -> Page:
    """The shop, with a choice that was made and recorded."""
    page = visit.open("DE")
    with page.expect_response(re.compile(r"/choices\b")) as answer:
        page.evaluate("() => window.holdfire.acceptAll()")
    assert answer.value.status == 201
    page.wait_for_function("() => window.holdfire.receipt().then(() => true, () => false)")
    return page


def fetched(page: Page, demo: Demo) -> tuple[str, bytes]:
    """The receipt that the page's own code gets, and the policy of the service."""
    receipt = page.evaluate("() => window.holdfire.receipt()")
    return receipt, page.request.get(f"{demo.own}/log/policy").body()


def test_the_pages_code_gets_a_receipt_that_verifies(chosen: Page, demo: Demo) -> None:
    """``holdfire.receipt()`` is the file itself: verified offline under the service's policy."""
    receipt, policy = fetched(chosen, demo)
    verdict = judge(receipt.encode(), policy)

    assert verdict.outcome == "verified"
    assert verdict.proved is not None
    assert verdict.proved.said["action"] == "accept_all"


def address(page: Page, demo: Demo) -> str:
    """Where the readable page of the newest choice is."""
    choices = page.request.get(f"{demo.own}/v1/sites/demo/choices").json()["choices"]
    return f"{demo.own}/v1/sites/demo/receipts/{choices[0]['event_id']}/page"


def test_the_page_saves_the_same_receipt(chosen: Page, visit: Visit, demo: Demo) -> None:
    """Its button needs no request: the file is in the page."""
    receipt, _ = fetched(chosen, demo)
    said: list[str] = []
    chosen.on("console", lambda message: said.append(message.text))
    chosen.goto(address(chosen, demo))
    visit.forget()
    with chosen.expect_download() as download:
        chosen.get_by_role("link", name="Download receipt").click()

    saved = Path(download.value.path()).read_text()
    assert download.value.suggested_filename == "demo-1.tlog-proof"
    assert saved.partition("\n\n")[0].split("\n")[1] == receipt.split("\n")[1]
    assert not [r for r in visit.requests if not r.url.startswith("data:")]
    assert not said


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1_100])
def test_the_page_can_be_read_by_everybody(
    chosen: Page, demo: Demo, scheme: str, width: int
) -> None:
    """Nothing that axe finds, and nothing to scroll sideways for, by day and by night."""
    chosen.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    chosen.set_viewport_size({"width": width, "height": 800})
    chosen.goto(address(chosen, demo))

    assert chosen.evaluate("document.documentElement.scrollWidth") <= width
    chosen.evaluate(AXE)
    found = chosen.evaluate("levels => axe.run(document, {runOnly: levels})", LEVELS)
    assert not [fault["id"] for fault in found["violations"]]


def test_the_page_is_laid_out_for_paper(browser: Browser, demo: Demo) -> None:
    """In print there is no button, and ink on white, whatever the screen was."""
    with visitor(browser, demo, color_scheme="dark") as visit:
        page = visit.open("DE")
        with page.expect_response(re.compile(r"/choices\b")):
            page.evaluate("() => window.holdfire.rejectAll()")
        page.goto(address(page, demo))
        page.emulate_media(media="print")

        assert not page.locator(".button").is_visible()
        assert page.locator("main").evaluate("m => getComputedStyle(m).color") == "rgb(0, 0, 0)"
