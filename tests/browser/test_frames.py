"""Frames of other origins, in a real Chromium: who is told, who is not, and that none can write."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from embedding import Embedding, Shopper, embedding, shopper
from playwright.sync_api import Browser, Frame, Page, expect
from visits import launching

from house import ROOT

(EXAMPLE,) = re.findall(r"```html\n(.*?)```", (ROOT / "docs/frames.md").read_text(), re.DOTALL)
DENIED = {"allow": False, "reason": "default_denied"}
UNANSWERED = {"allow": False, "reason": "store_unavailable"}
ASKING = """
  window.answers = [];
  addEventListener("message", ({data, ports}) => answers.push([data, ports.length]));
  window.ask = (target, more) => target.postMessage(
    {holdfire: 1, ask: "0123456789abcdef", ...more}, "*");
"""
"""What a frame may do by itself, without our script. It is less careful about whom it speaks to."""
HOSTILE = """
() => {
  const texts = ["accept_all", "choose", '{"holdfire":1,"type":"show","view":"preferences"}',
    '{"holdfire":1,"type":"state"}', "x".repeat(1 << 22), ""];
  const nonce = "0123456789abcdef";
  const granted = {necessary: true, functional: true, analytics: true, marketing: true};
  const polluting = JSON.parse(`{"__proto__": {"allow": true, "holdfire": 1, "ask": "${nonce}"},
    "constructor": {"prototype": {"allow": true}}}`);
  const deep = {holdfire: 1}; let at = deep;
  for (let n = 0; n < 2000; n++) at = at.ask = {};
  const verbs = ["choose", "acceptAll", "accept_all", "save", "set", "withdraw", "rejectAll", "push"];
  const messages = [...texts, null, undefined, 0, -1, NaN, true, [], {}, new Date(), /x/, new Map(),
    new Blob(["x"]), new ArrayBuffer(1 << 20), polluting, deep,
    {holdfire: 1, ask: nonce, categories: granted, action: "accept_all"},
    {holdfire: 1, to: nonce, decisions: {marketing: {allow: true, reason: "choice_granted"}}},
    {holdfire: 1, ask: {toString: 1}}, {holdfire: 1, ask: "y".repeat(1 << 20)},
    ...verbs.flatMap((verb) => [{holdfire: 1, [verb]: granted}, {holdfire: 1, type: verb},
      {holdfire: {call: verb}}, {__tcfapiCall: {command: verb, version: 2, callId: 1}}])];
  for (const target of [parent, top]) {
    for (const message of messages) {
      target.postMessage(message, "*");
      const {port1, port2} = new MessageChannel();
      target.postMessage(message, "*", [port2]);
      port1.postMessage({holdfire: 1, categories: granted});
    }
  }
  // And by the port that the page gave to this frame.
  addEventListener("message", ({ports: [port]}) => {
    for (const message of messages) port?.postMessage(message);
    for (const verb of verbs) port?.postMessage({[verb]: granted});
  });
  parent.postMessage({holdfire: 1, ask: nonce}, "*");
  for (let n = 0; n < 2000; n++) parent.postMessage({holdfire: 1, ask: nonce + n}, "*");
}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedding]:
    """One server for all tests of this file."""
    with embedding(tmp_path_factory.mktemp("frames")) as found:
        yield found


@pytest.fixture
def who(browser: Browser, served: Embedding) -> Iterator[Shopper]:
    """A fresh visitor of the shop."""
    with shopper(browser, served) as found:
        yield found


def told(frame: Frame, name: str) -> Any:
    """What a frame knows of an id, once it knows anything."""
    return frame.evaluate("(id) => holdfire.ready.then(() => holdfire.decision(id))", name)


def inner(page: Page, name: str) -> Frame:
    """The frame of this name, loaded."""
    page.wait_for_function("() => document.readyState === 'complete'")
    found = page.frame(name)
    assert found is not None
    return found


def test_a_listed_frame_learns_what_holds_and_each_change(who: Shopper, served: Embedding) -> None:
    """Denied before the choice, allowed within the moment, denied again after the withdrawal."""
    doing = (
        "<script>loadAds = () => { window.ran = true; };"
        " stopAds = () => { window.ran = false; };</script>"
    )
    example = EXAMPLE.replace("https://consent.example", served.origin("shop"))
    example = example.replace("https://shop.example", served.origin("shop"))
    address = served.write("ads", "/slot", f"<!doctype html>{doing}{example}")
    page = who.shop(f'<iframe name="ads" src="{address}"></iframe>')
    ads = inner(page, "ads")
    assert told(ads, "marketing") == DENIED
    assert told(ads, "necessary")["allow"] is True
    assert not ads.evaluate("() => window.ran")

    page.evaluate("() => holdfire.acceptAll()")
    ads.wait_for_function("() => window.ran && holdfire.allowed('ad-pixel')")
    page.evaluate("() => holdfire.withdraw()")
    ads.wait_for_function("() => !holdfire.allowed('marketing') && window.ran === false")
    assert told(ads, "marketing")["reason"] == "choice_denied"


def test_a_frame_inside_a_strangers_frame_is_reached(who: Shopper, served: Embedding) -> None:
    """The page answers whoever is below it; what is between learns nothing."""
    between = served.write(
        "stranger", "/between", f"<script>{ASKING}</script>{served.frame('ads', '/nested')}"
    )
    page = who.shop(f'<iframe name="between" src="{between}"></iframe>')
    ads = inner(page, "ads")
    assert told(ads, "marketing") == DENIED
    page.evaluate("() => holdfire.acceptAll()")
    ads.wait_for_function("() => holdfire.allowed('marketing')")

    middle = inner(page, "between")
    middle.evaluate("() => ask(parent)")
    page.wait_for_timeout(200)
    assert middle.evaluate("() => answers") == []


def test_a_withdrawal_reaches_frames_of_a_page_that_stopped_holding(
    who: Shopper, served: Embedding
) -> None:
    """``stop`` gives back what was taken from the page; of what frames are told nothing was."""
    page = who.shop(served.frame("ads", "/stopped"), place="US")
    ads = inner(page, "ads")
    assert told(ads, "marketing")["allow"] is True
    page.evaluate("() => { holdfire.stop(); holdfire.withdraw(); }")
    ads.wait_for_function("() => !holdfire.allowed('marketing')")


@pytest.mark.parametrize(
    ("name", "more"),
    [("stranger", ""), ("ads", 'sandbox="allow-scripts"'), ("shop.ads", "")],
    ids=["unlisted", "sandboxed", "subdomain"],
)
def test_no_answer_is_a_no(who: Shopper, served: Embedding, name: str, more: str) -> None:
    """Who is not listed, or has no origin, is denied everything, however they ask."""
    page = who.shop(served.frame(name, "/refused", f"<script>{ASKING}</script>", more))
    page.evaluate("() => holdfire.acceptAll()")
    frame = inner(page, name)
    frame.evaluate("() => { ask(parent); ask(top); }")

    assert told(frame, "marketing") == UNANSWERED
    assert frame.evaluate("() => answers") == []


def test_a_window_that_is_no_frame_of_the_page_is_not_answered(
    who: Shopper, served: Embedding
) -> None:
    """A window that the page opened is beside it, whatever its origin."""
    beside = served.write("ads", "/beside", f"{served.script()}<script>{ASKING}</script>")
    page = who.shop("<p>A page.</p>")
    with page.expect_popup() as opened:
        page.evaluate("(address) => { window.open(address); }", beside)
    opened.value.wait_for_function("() => window.ask")
    opened.value.evaluate("() => { ask(opener); }")

    assert told(opened.value.main_frame, "marketing") == UNANSWERED
    assert opened.value.evaluate("() => answers") == []


@pytest.mark.parametrize("name", ["ads", "stranger"])
def test_no_message_sets_anything(who: Shopper, served: Embedding, name: str) -> None:
    """Junk, floods, verbs of every kind, by window and by port: the page is as it was, and runs."""
    page = who.shop(served.frame(name, "/hostile"))
    state = (
        "() => JSON.stringify([holdfire.decision('marketing'), {...localStorage}, document.cookie])"
    )
    before = page.evaluate(state)
    expect(page.get_by_role("button", name="Reject all")).to_be_visible()
    inner(page, name).evaluate(HOSTILE)
    page.wait_for_timeout(700)

    assert page.evaluate(state) == before
    assert page.evaluate("() => 'allow' in {}") is False
    assert page.evaluate("() => holdfire.allowed('marketing')") is False
    expect(page.get_by_role("button", name="Reject all")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert who.posted() == []


def test_a_page_that_comes_to_know_later_answers_later(who: Shopper, served: Embedding) -> None:
    """The frame was there first: it asks until the page has its boot script."""
    frame = served.frame("ads", "/early")
    stub = "<script>window.holdfire = {ready: 1}</script>"
    page = who.open(served.write("shop", "/late", f"<!doctype html>{stub}{frame}"))
    ads = inner(page, "ads")
    assert ads.evaluate("() => holdfire.decision('marketing')") == UNANSWERED
    page.evaluate("() => { delete window.holdfire; }")
    page.add_script_tag(url="/s/shop.js?geo=US")
    ads.wait_for_function("() => holdfire.allowed('marketing')")


def test_what_a_frame_knew_ends_when_it_goes_elsewhere(who: Shopper, served: Embedding) -> None:
    """Another origin in the same frame asks for itself, and is told nothing that was for the first."""
    page = who.shop(served.frame("ads", "/first"))
    assert told(inner(page, "ads"), "marketing") == DENIED
    other = served.write("stranger", "/second", f"{served.script()}<script>{ASKING}</script>")
    page.evaluate("(address) => { document.querySelector('iframe').src = address; }", other)
    page.wait_for_function("() => document.querySelector('iframe')")
    frame = inner(page, "ads")
    frame.wait_for_url(other)
    page.evaluate("() => holdfire.acceptAll()")

    assert told(frame, "marketing") == UNANSWERED
    assert frame.evaluate("() => answers") == []


def test_a_frames_script_asks_for_nothing_but_itself(who: Shopper, served: Embedding) -> None:
    """One request from the frame; and none of the site's own pages makes it."""
    page = who.shop(served.frame("widget", "/quiet"))
    assert told(inner(page, "widget"), "marketing") == DENIED

    from_frame = [r.url for r in who.requests if r.frame.name == "widget"]
    assert from_frame == [
        f"{served.origin('widget')}/quiet",
        f"{served.origin('shop')}/frame.js",
    ]
    assert [r for r in who.requests if r.url.endswith("/frame.js")] == [
        r for r in who.requests if r.url.endswith("/frame.js") and r.frame.name == "widget"
    ]


def test_who_comes_back_to_the_page_asks_anew(browser: Browser, served: Embedding) -> None:
    """The back/forward cache wakes page and frame; what changed meanwhile is known to both."""
    caching = browser.browser_type.launch(
        ignore_default_args=["--disable-back-forward-cache"], **launching()
    )
    # The driver loses sight of a frame that comes from the cache, so the frame reports by itself.
    reporting = "<script>holdfire.on('change', (all) =>"
    reporting += " parent.postMessage(`marketing ${all.allowed('marketing')}`, '*'))</script>"
    noting = "<script>window.reports = []; addEventListener('message', ({data}) =>"
    noting += " typeof data === 'string' && reports.push(data))</script>"
    with shopper(caching, served) as who:
        page = who.shop(
            noting + served.frame("ads", "/kept", reporting), place="US", path="/cached"
        )
        assert told(inner(page, "ads"), "marketing")["allow"] is True
        page.evaluate("() => { window.same = true; }")
        page.goto(served.write("shop", "/away", "<!doctype html><title>Away</title>"))
        other = who.shop("<p>Another.</p>", place="US", path="/other")
        other.evaluate("() => holdfire.rejectAll()")
        other.wait_for_function("() => !holdfire.allowed('marketing')")
        page.go_back(wait_until="commit")  # what comes from there does not load again
        page.wait_for_function("() => reports.includes('marketing false')")
        assert page.evaluate("() => window.same") is True, "it was loaded anew"
    caching.close()
