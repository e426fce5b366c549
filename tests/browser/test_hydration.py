"""Pages made on a server by the code of the documents: the page that arrives keeps what it finds."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from embedding import Embedding, Shopper, embedding, shopper
from playwright.sync_api import Browser, Page, expect
from starlette.requests import Request

from house import ROOT

DOCUMENT = (ROOT / "docs/server-rendering.md").read_text()
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
(NODE,) = re.findall(r"```js\n(.*?)```", DOCUMENT, re.DOTALL)
TAKING_BACK, HIDING = re.findall(r"```html\n(<script>.*?</script>)\n```", DOCUMENT, re.DOTALL)
PLACES = {"DE": "198.18.74.1", "US-CA": "198.18.4.1", "GB": "198.18.94.1", "nowhere": "192.0.2.1"}
CATEGORIES = ("functional", "marketing")
WATCHING = """<script>
  window.moved = [];
  new MutationObserver((records) => records.forEach(({target, removedNodes, attributeName}) => {
    for (const node of removedNodes) if (node.matches?.("[data-rendered]")) moved.push("removed");
    if (target.matches("[data-rendered],[data-holdfire-layer]") && attributeName) {
      moved.push(attributeName);
    }
  })).observe(document, {childList: true, subtree: true, attributes: true});
</script>"""

SENT = """() => document.cookie.includes("holdfire_")
  && !Object.keys(localStorage).some((key) => key.includes(":out:"))"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedding]:
    """One server for all tests of this file."""
    with embedding(tmp_path_factory.mktemp("hydration")) as found:
        yield found


def renderer(served: Embedding, site: str = "shop") -> dict[str, Any]:
    """The example of the documents, set to this server."""
    found: dict[str, Any] = {}
    exec(EXAMPLE, found)  # noqa: S102 -- the document's own code is what is tested
    found |= {"SERVICE": f"http://127.0.0.1:{served.port}", "SITE": site}
    found["COOKIES"] = (f"__Host-holdfire_{site}", f"holdfire_{site}")
    return found


def asked_for(code: dict[str, Any], request: Request) -> Any:
    """The notice for the visitor of a request, as a site's server would ask for it."""
    headers = {key.lower(): value for key, value in request.headers.items()}
    return code["ask"](headers["x-forwarded-for"], headers, request.cookies)


def write_shop(served: Embedding) -> str:
    """A page with two embeds, each live where it is allowed and held where it is not."""
    code = renderer(served)
    films = {
        name: served.write("widget", f"/film-{name}", "<!doctype html>A film.")
        for name in CATEGORIES
    }

    def page(request: Request) -> str:
        notice = asked_for(code, request)
        embeds = "".join(
            f'<iframe title="Film" data-rendered="{name}" src="{film}"></iframe>'
            if code["allowed"](notice, name)
            else f'<iframe title="Film" data-category="{name}" data-src="{film}"></iframe>'
            for name, film in films.items()
        )
        given = f"<script>window.rendered = {json.dumps(notice)}</script>"
        return f"<!doctype html>{WATCHING}{given}{served.boot('')}{TAKING_BACK}{embeds}"

    return served.write("shop", "/rendered", page)


def films(who: Shopper) -> list[str]:
    """Which films were asked for, each time."""
    return [r.url.partition("/film-")[2] for r in who.requests if "/film-" in r.url]


def live(page: Page) -> list[str]:
    """Which films are in the page now."""
    found: list[str] = page.evaluate(
        "() => [...document.querySelectorAll('iframe[src]')].map((f) => f.src.split('/film-')[1])"
    )
    return found


def act(page: Page, call: str) -> None:
    """Let the visitor act, until the service knows of it, and of a signal told on the same page."""
    with page.expect_response("**/choices*"):
        page.evaluate(f"() => holdfire.{call}()")
    page.wait_for_function(SENT)


@pytest.mark.parametrize("said", [{}, {"sec-gpc": "1"}], ids=["", "gpc"])
@pytest.mark.parametrize("call", [None, "acceptAll", "rejectAll"])
@pytest.mark.parametrize("place", ["DE", "US-CA"])
def test_the_page_keeps_what_the_server_rendered(
    browser: Browser, served: Embedding, place: str, call: str | None, said: dict[str, str]
) -> None:
    """What is allowed loads once, what is not never, and the page decides as the server did."""
    headers = {"x-forwarded-for": PLACES[place], **said}
    with shopper(browser, served, extra_http_headers=headers) as who:
        if call:
            act(who.open(served.write("shop", "/first", served.boot(""))), call)
        page = who.open(write_shop(served))
        page.wait_for_timeout(500)
        notice = page.evaluate("() => rendered")
        allowed = [one["id"] for one in notice["categories"] if one["allow"]]

        assert page.evaluate("() => moved") == []
        assert live(page) == films(who) == [name for name in CATEGORIES if name in allowed]
        for one in notice["categories"]:
            decision = page.evaluate("(id) => holdfire.decision(id)", one["id"])
            assert decision == {"allow": one["allow"], "reason": one["reason"]}
        prompt = page.evaluate("() => holdfire.ready.then(({prompt}) => prompt)")
        assert prompt == notice["prompt"]


def test_what_was_rendered_goes_with_the_consent(browser: Browser, served: Embedding) -> None:
    """A withdrawal takes it out of the page; a new consent lets it in again, as anything held."""
    with shopper(browser, served, extra_http_headers={"x-forwarded-for": PLACES["DE"]}) as who:
        act(who.open(served.write("shop", "/first", served.boot(""))), "acceptAll")
        page = who.open(write_shop(served))
        assert live(page) == ["functional", "marketing"]
        act(page, "withdraw")
        page.wait_for_function("() => !document.querySelector('iframe[src]')")
        assert films(who) == ["functional", "marketing"]
        page.evaluate("() => holdfire.acceptAll()")
        page.wait_for_function("() => document.querySelectorAll('iframe[src]').length === 2")


def test_the_page_takes_out_what_it_knows_better(browser: Browser, served: Embedding) -> None:
    """An extension that gives GPC to pages and not to servers: it is gone once the page decides."""
    with shopper(browser, served, extra_http_headers={"x-forwarded-for": PLACES["US-CA"]}) as who:
        who.context.add_init_script(
            "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"
        )
        page = who.open(write_shop(served))
        page.wait_for_function("() => moved.includes('removed')")

        assert live(page) == ["functional"]


def test_without_an_answer_everything_is_held(served: Embedding) -> None:
    """The service cannot be reached, or does not believe who asks: nothing is rendered live."""
    code = renderer(served)
    code["SERVICE"] = "http://127.0.0.1:1"  # nobody listens there
    assert code["ask"](PLACES["US-CA"]) is None
    assert code["allowed"](None, "necessary") is False
    assert code["is_believed"]() is False
    assert renderer(served)["is_believed"]() is True


def test_both_languages_of_the_document_ask_alike(served: Embedding, tmp_path: Path) -> None:
    """Node is answered what Python is, for a visitor with a signal and for one with a bad token."""
    here = f"http://127.0.0.1:{served.port}"
    assert "http://10.0.0.5:8080" in NODE
    program = tmp_path / "ask.mjs"
    program.write_text(
        NODE.replace("http://10.0.0.5:8080", here)
        + f"""
const notice = await ask("{PLACES["US-CA"]}", {{ "sec-gpc": "1" }});
const may = ["functional", "marketing", "no-such"].map((name) => allowed(notice, name));
const forged = await ask("{PLACES["US-CA"]}", {{}}, {{ holdfire_shop: "forged" }});
console.log(JSON.stringify([notice, may, forged, allowed(forged, "necessary"), await isBelieved()]));
"""
    )
    told = subprocess.run(["node", program], capture_output=True, text=True, check=True, timeout=30)
    code = renderer(served)
    notice = code["ask"](PLACES["US-CA"], {"sec-gpc": "1"})

    assert json.loads(told.stdout) == [notice, [True, False, False], None, False, True]
    assert code["ask"](PLACES["US-CA"], {}, {"holdfire_shop": "forged"}) is None


def test_a_question_that_was_rendered_does_not_move(browser: Browser, served: Embedding) -> None:
    """Shown in the first bytes where it is due and hidden where it is not; nothing is redrawn."""
    code = renderer(served, "bare")

    def page(request: Request) -> str:
        notice = asked_for(code, request)
        shown = notice and notice["prompt"] in {"banner", "notice"}
        state = "data-holdfire-shown" if shown else "hidden"
        return (
            f"<!doctype html>{WATCHING}{served.boot('', 'bare')}{HIDING}"
            f'<section id="first" data-holdfire-layer="1" {state}>'
            '<button data-holdfire="accept_all">Yes</button>'
            '<button data-holdfire="reject_all">No</button></section>'
            '<p><a data-holdfire="preferences" href="#">Settings</a></p>'
        )

    address = served.write("bare", "/asked", page)
    with shopper(browser, served, extra_http_headers={"x-forwarded-for": PLACES["DE"]}) as who:
        first = who.open(address)
        first.wait_for_timeout(500)
        expect(first.locator("#first")).to_be_visible()
        assert first.evaluate("() => moved") == []
        with first.expect_response("**/choices*"):
            first.get_by_role("button", name="No").click()
        expect(first.locator("#first")).to_be_hidden()
        first.wait_for_function("() => document.cookie.includes('holdfire_bare')")

        again = who.open(address)
        again.wait_for_timeout(500)
        expect(again.locator("#first")).to_be_hidden()
        assert again.evaluate("() => moved") == []


def test_a_question_that_was_rendered_for_nothing_is_hidden(
    browser: Browser, served: Embedding
) -> None:
    """The page knows of an answer that the server could not."""
    shown = (
        f"<!doctype html>{served.boot('', 'bare')}{HIDING}"
        '<section id="first" data-holdfire-layer="1" data-holdfire-shown>A question.</section>'
        '<p><a data-holdfire="preferences" href="#">Settings</a></p>'
    )
    with shopper(browser, served, extra_http_headers={"x-forwarded-for": PLACES["US-CA"]}) as who:
        page = who.open(served.write("bare", "/stale", shown))
        expect(page.locator("#first")).to_be_hidden()
