"""Tags are told in Chromium: before everything, before they run, and when it is taken back."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from telling import Customer, Telling, customer, telling

from house import ROOT

VECTORS = json.loads((ROOT / "tests/vectors/google-consent-mode.json").read_text("utf-8"))
UPDATES = {
    tuple(v["categories"].values()): ["consent", "update", v["update"]] for v in VECTORS["vectors"]
}
DENIED, GRANTED = UPDATES[False, False, False], UPDATES[True, True, True]
ADAPTERS = """
    [adapters.google]
    url_passthrough = true

    [adapters.meta]
    ldu = true

    [adapters.matomo]
"""
GTAG = "<script>dataLayer.push(['the page was here'])</script>"
RUN = "window.ran = dataLayer.map((call) => [...call])"
FBQ = """<script>
!function(f,n){if(f.fbq)return;n=f.fbq=function(){n.callMethod?
n.callMethod.apply(n,arguments):n.queue.push([...arguments])};if(!f._fbq)f._fbq=n;n.push=n;
n.loaded=!0;n.version='2.0';n.queue=[]}(window);fbq('init','1');fbq('track','PageView');
</script>"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    """One server for all tests of this file."""
    with telling(tmp_path_factory.mktemp("adapters"), ADAPTERS) as found:
        found.tags["gtag"] = RUN
        yield found


@pytest.fixture
def who(browser: Browser, served: Telling) -> Iterator[Customer]:
    """A fresh visitor of the shop."""
    with customer(browser, served) as found:
        yield found


def layer(page: Page) -> list[Any]:
    """What stands in the data layer: the arguments of each call, and whether they are arguments."""
    kinds: list[str] = page.evaluate(
        "() => dataLayer.map((call) => Object.prototype.toString.call(call))"
    )
    calls: list[Any] = json.loads(
        page.evaluate("() => JSON.stringify(dataLayer.map((call) => [...call]))")
    )
    assert {kind for kind, call in zip(kinds, calls, strict=True) if len(call) > 1} == {
        "[object Arguments]"
    }
    return calls


def test_the_default_is_said_before_anything_else(who: Customer, served: Telling) -> None:
    """Byte for byte, by the stub; what the page says comes after it, and the update of the boot."""
    page = who.open(served.write("/first", GTAG))
    page.wait_for_function("() => dataLayer.length > 4")

    assert json.dumps(layer(page)) == json.dumps(
        [VECTORS["defaultCall"], *VECTORS["setCalls"], ["the page was here"], DENIED]
    )


def test_without_the_stub_the_boot_script_says_the_default(who: Customer, served: Telling) -> None:
    """An owner who pasted one line has it said by the adapter, before its update."""
    page = who.open(served.write("/bare", stub=False))

    assert layer(page) == [VECTORS["defaultCall"], *VECTORS["setCalls"], DENIED]


def test_a_tag_finds_the_update_when_it_runs(who: Customer, served: Telling) -> None:
    """Nothing is asked of the third party before; the tag that is released is told already."""
    page = who.open(served.write("/tag", served.held("gtag", "marketing")))
    page.wait_for_timeout(500)
    assert who.third_party() == []

    page.evaluate("() => holdfire.acceptAll()")
    page.wait_for_function("() => window.ran")
    assert page.evaluate("() => window.ran.at(-1)") == GRANTED

    page.evaluate("() => holdfire.withdraw()")
    page.wait_for_function("() => dataLayer.at(-1)[2].ad_storage === 'denied'")
    assert layer(page)[-3:] == [DENIED, GRANTED, DENIED]


def test_who_comes_back_is_told_of_before_any_tag(who: Customer, served: Telling) -> None:
    """The default denies, the update of the boot script grants, and only then the tag runs."""
    address = served.write("/back", served.held("gtag", "marketing"))
    page = who.open(address)
    page.evaluate("() => holdfire.acceptAll()")
    page.wait_for_function("() => window.ran")
    page.reload()
    page.wait_for_function("() => window.ran")

    assert page.evaluate("() => window.ran") == [
        VECTORS["defaultCall"],
        *VECTORS["setCalls"],
        GRANTED,
    ]


@pytest.mark.parametrize("gpc", [False, True])
def test_in_california_gpc_denies_advertising_alone(
    browser: Browser, served: Telling, *, gpc: bool
) -> None:
    """Silence is consent there, and the signal opposes the sale before any tag."""
    headers = {"extra_http_headers": {"Sec-GPC": "1"}} if gpc else {}
    with customer(browser, served, **headers) as who:
        page = who.open(served.write("/ca", place="US-CA"))
        page.wait_for_function("() => dataLayer.length > 3")

        assert layer(page)[-1] == UPDATES[True, True, not gpc]


def test_metas_pixel_hears_of_us_before_it_begins(who: Customer, served: Telling) -> None:
    """Its own snippet still loads it; the refusal stands in front of what the page says."""
    page = who.open(served.write("/meta"))
    page.evaluate("(code) => { document.body.append(document.createRange()"
                  ".createContextualFragment(code)) }", FBQ)  # fmt: skip

    assert page.evaluate("() => fbq.queue") == [
        ["consent", "revoke"],
        ["init", "1"],
        ["track", "PageView"],
    ]
    page.evaluate("() => holdfire.acceptAll()")
    page.wait_for_function("() => fbq.queue.length > 3")
    assert page.evaluate("() => fbq.queue.at(-1)") == ["consent", "grant"]


def test_only_what_is_on_is_on_the_page(who: Customer, served: Telling) -> None:
    """No other adapter leaves a trace."""
    page = who.open(served.write("/on"))

    names = "['uetq', 'clarity', 'ppms', '_hsp', 'wp_consent_type', 'posthog']"
    assert page.evaluate(f"() => {names}.filter((name) => name in window)") == []
    assert page.evaluate("() => _paq") == [["requireConsent"]]
