"""A page in a WebView, with a fake app around it: it is told, may ask and show, and cannot decide."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from embedding import Embedding, Shopper, embedding, shopper
from playwright.sync_api import Browser, Page, expect

from house import ROOT

SAID, ASKED = re.findall(r"```json\n(.*?)```", (ROOT / "docs/webviews.md").read_text(), re.DOTALL)
WKWEBVIEW = """
window.heard = [];
window.webkit = { messageHandlers: { holdfire: { postMessage: (text) => heard.push(text) } } };
"""
ANDROID = """
window.heard = [];
window.holdfireHost = new (class extends EventTarget {
  postMessage(text) { heard.push(text); }
  reply(text) { this.dispatchEvent(new MessageEvent("message", { data: text })); }
})();
"""
HELD = (
    '<script type="text/plain" data-category="marketing">window.ran = true</script>'
    '<script type="text/plain" data-category="necessary">window.needed = [window.heard?.length]'
    "</script>"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedding]:
    """One server for all tests of this file."""
    with embedding(tmp_path_factory.mktemp("native")) as found:
        yield found


@pytest.fixture
def who(browser: Browser, served: Embedding) -> Iterator[Shopper]:
    """A fresh visitor of the shop."""
    with shopper(browser, served) as found:
        yield found


def heard(page: Page) -> list[Any]:
    """Every message that the app was sent."""
    texts: list[str] = page.evaluate("() => heard")
    return [json.loads(text) for text in texts]


def ask(page: Page, **message: object) -> None:
    """Say something as an app does that runs a script in the page."""
    text = json.dumps({"holdfire": 1, **message})
    page.evaluate("(text) => postMessage(text, '/')", text)
    page.wait_for_timeout(200)


@pytest.mark.parametrize("app", [WKWEBVIEW, ANDROID], ids=["WKWebView", "Android"])
def test_the_app_hears_what_holds_before_any_tag_runs(who: Shopper, app: str) -> None:
    """First once, then at each change; every message says all of it."""
    who.context.add_init_script(app)
    page = who.shop(HELD)
    page.wait_for_function("() => window.needed")
    assert page.evaluate("() => needed") == [1], "a tag ran before the app was told"
    (first,) = heard(page)
    assert set(first) == set(json.loads(SAID))
    assert (first["type"], first["site"], first["regime"]) == ("ready", "shop", "de")
    assert first["decisions"]["marketing"] == {"allow": False, "reason": "default_denied"}

    page.evaluate("() => holdfire.acceptAll()")
    page.wait_for_function("() => window.ran")
    page.evaluate("() => holdfire.withdraw()")
    page.wait_for_function("() => !holdfire.allowed('marketing')")
    assert [
        (m["type"], m["decisions"]["marketing"]["allow"], m["prompt"]) for m in heard(page)
    ] == [("ready", False, "banner"), ("change", True, "link"), ("change", False, "link")]


def test_what_the_app_injects_counts_from_the_first_decision_on(who: Shopper) -> None:
    """In California nothing is asked of an adult; of a child, the sale is denied from the start."""
    who.context.add_init_script(WKWEBVIEW + "window.holdfireNative = { age: 15 };")
    page = who.shop(HELD, place="US-CA")
    page.wait_for_function("() => window.needed")

    (first,) = heard(page)
    assert first["decisions"]["marketing"] == {"allow": False, "reason": "minor"}
    assert page.evaluate("() => window.ran") is None


def test_no_app_makes_anybody_older(who: Shopper) -> None:
    """An age that was told once stays; a greater one is not heard."""
    who.context.add_init_script(
        WKWEBVIEW + "window.holdfireNative = { age: Number(sessionStorage.age || 15) };"
    )
    page = who.shop(HELD, place="US-CA")
    page.evaluate("() => { sessionStorage.age = '40'; }")
    page.reload()
    page.wait_for_function("() => window.needed")

    assert heard(page)[0]["decisions"]["marketing"]["reason"] == "minor"
    assert page.evaluate("() => window.ran") is None


def test_the_app_may_ask_and_open_the_settings(who: Shopper) -> None:
    """By a script in the page, and on Android by the object it gave to the page."""
    who.context.add_init_script(ANDROID)
    page = who.shop("")
    state, show = map(json.loads, ASKED.splitlines())
    ask(page, **state)
    assert [m["type"] for m in heard(page)] == ["ready", "state"]
    ask(page, **show)
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.evaluate(
        """() => holdfireHost.reply('{"holdfire":1,"type":"show","view":"preferences"}')"""
    )
    expect(page.get_by_role("dialog")).to_be_visible()


def test_no_message_sets_anything(who: Shopper, served: Embedding) -> None:
    """Whatever verb is tried, by the app's way or by a frame that takes it: nothing is chosen."""
    who.context.add_init_script("if (top === window) {" + ANDROID + "}")
    page = who.shop(served.frame("ads", "/pretender"))
    before = page.evaluate("() => JSON.stringify({...localStorage})")
    granted = {"functional": True, "analytics": True, "marketing": True}
    for verb in ("choose", "acceptAll", "accept_all", "save", "set", "consent", "withdraw"):
        ask(page, type=verb, categories=granted, choice=granted)
        ask(page, type="show", view=verb)
        page.evaluate(
            "(text) => holdfireHost.reply(text)",
            json.dumps({"holdfire": 1, "type": verb, "categories": granted}),
        )
    frame = page.frame("ads")
    assert frame is not None
    frame.evaluate(
        """() => { for (const type of ["state", "show"]) for (const target of [parent, top])
          target.postMessage(JSON.stringify({holdfire: 1, type, view: "preferences"}), "*"); }"""
    )
    page.wait_for_timeout(300)

    assert [m["type"] for m in heard(page)] == ["ready"]
    assert page.evaluate("() => holdfire.allowed('marketing')") is False
    assert page.evaluate("() => JSON.stringify({...localStorage})") == before
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert who.posted() == []


def test_a_page_outside_any_app_is_as_ever(who: Shopper) -> None:
    """Nothing to tell it to: no error, no global more."""
    page = who.shop(HELD)
    page.wait_for_function("() => window.needed")

    assert page.evaluate(
        "() => Object.keys(window).filter((name) => name.startsWith('holdfire'))"
    ) == ["holdfire"]
