"""Tags as their makers publish them: silent before consent, heard after it, silent once it ends."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route
from telling import Customer, Telling, customer, telling

from house import ROOT

MADE = ROOT / "sdk/consumers"
ADAPTERS = """
    [adapters.clarity]

    [adapters.adobe]

    [adapters.segment]

    [adapters.posthog]
"""
SILENCE = 700  # milliseconds in which a tag that must be silent could have spoken

# Unless it says that it is held, a tag runs from the start: what keeps it silent is what it is told.
POSTHOG = """<script src="{third}/tag/posthog.js"></script><script>
posthog.init("key", {{ api_host: "{third}/hit/posthog", opt_out_capturing_by_default: true,
  autocapture: false, disable_session_recording: true, advanced_disable_flags: true,
  request_batching: false, persistence: "memory", opt_out_useragent_filter: true }});
window.speak = () => posthog.capture("seen");
</script>"""
HELD = """<script type="text/plain" data-category="analytics" data-src="{third}/tag/posthog.js">
</script><script>window.speak = () => window.posthog?.capture("seen")</script>
<script type="text/plain" data-category="analytics">posthog.init("key", {{
  api_host: "{third}/hit/posthog", opt_out_capturing_by_default: true, autocapture: false,
  disable_session_recording: true, advanced_disable_flags: true, request_batching: false,
  persistence: "memory", opt_out_useragent_filter: true, capture_pageview: false }})</script>"""
ALLOY = """<script>
!function(n,o){{o.forEach(function(o){{n[o]||((n.__alloyNS=n.__alloyNS||[]).push(o),n[o]=
function(){{var u=arguments;return new Promise(function(i,l){{n[o].q.push([i,l,u])}})}},
n[o].q=[])}})}}(window,["alloy"]);
alloy("configure", {{ datastreamId: "d", orgId: "o@AdobeOrg", edgeDomain: "edge.example",
  defaultConsent: "pending", clickCollectionEnabled: false }});
window.speak = () => {{ alloy("sendEvent", {{ xdm: {{ eventType: "seen" }} }}).catch(() => {{}}) }};
</script><script async src="{third}/tag/alloy.js"></script>"""
SEGMENT = """<script src="{third}/tag/segment.js"></script><script>
window.analytics = Segment.AnalyticsBrowser.load({{ writeKey: "key", cdnSettings: {{ integrations: {{
  "Segment.io": {{ apiKey: "key", apiHost: "{host}/hit/segment", protocol: "http" }} }} }} }});
window.speak = () => analytics.track("seen");
</script>"""
WRAPPED = """<script src="{third}/tag/segment.js"></script><script>
const wrap = Segment.createWrapper({{
  shouldLoadSegment: () => new Promise((load) =>
    (window.holdfire = window.holdfire || []).push((hf) => hf.when("analytics", load))),
  getCategories: () => ({{ analytics: holdfire.allowed("analytics") }}),
  registerOnConsentChanged: (tell) => (window.holdfire = window.holdfire || []).push((hf) =>
    hf.on("change", () => tell({{ analytics: hf.allowed("analytics") }}))),
}});
const wrapped = new Segment.AnalyticsBrowser();
wrap(wrapped);
wrapped.load({{ writeKey: "key", cdnSettings: {{ integrations: {{ "Segment.io": {{ apiKey: "key",
  apiHost: "{host}/hit/segment", protocol: "http" }} }},
  consentSettings: {{ allCategories: ["analytics"], hasUnmappedDestinations: false }} }} }});
window.speak = () => {{ if (holdfire.allowed("analytics")) wrapped.track("seen"); }};
</script>"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    """One server for all tests of this file, with the tags as they are made now."""
    if not (MADE / "node_modules").is_dir():
        missing = "the tags are not installed; run: make sdk/consumers/node_modules/.made"
        pytest.fail(missing, pytrace=False)
    folder = tmp_path_factory.mktemp("consumers")
    subprocess.run(["node", str(MADE / "build.mjs"), str(folder / "tags")], check=True)
    with telling(folder, ADAPTERS) as found:
        found.tags |= {
            path.stem: path.read_text("utf-8") for path in Path(folder / "tags").glob("*.js")
        }
        yield found


@pytest.fixture
def who(browser: Browser, served: Telling) -> Iterator[Customer]:
    """A fresh visitor of the shop; no request leaves this machine."""
    with customer(browser, served) as found:
        served.hits.clear()

        def elsewhere(route: Route) -> None:
            served.hits.append(f"{route.request.method} {route.request.url}")
            script = route.request.resource_type == "script"
            route.fulfill(
                content_type="text/javascript" if script else "application/json",
                headers={"access-control-allow-origin": "*", "access-control-allow-headers": "*"},
                body="" if script else '{"requestId":"r","handle":[]}',
            )

        found.context.route(
            lambda url: "localhost" not in url and "127.0.0.1" not in url, elsewhere
        )
        yield found


def heard(served: Telling, word: str) -> int:
    """How often the canary heard of a tag, its preflights aside."""
    return sum(word in hit and not hit.startswith("OPTIONS") for hit in served.hits)


def spoken(page: Page) -> None:
    """Have the tag speak, and give it the time."""
    page.evaluate("() => { speak() }")
    page.wait_for_timeout(SILENCE)


def until(page: Page, met: Callable[[], bool]) -> None:
    """Wait, while the page goes on, until something is so."""
    for _ in range(100):
        if met():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not come about")


@pytest.mark.parametrize(
    ("name", "html", "word"),
    [
        ("posthog", POSTHOG, "/hit/posthog"),
        ("held posthog", HELD, "/hit/posthog"),
        ("alloy", ALLOY, "edge.example"),
        ("segment", SEGMENT, "/hit/segment"),
        ("segment wrapped by its consent tools", WRAPPED, "/hit/segment"),
    ],
    ids=lambda one: one if len(one) < 50 and "<" not in one else "",
)
def test_a_tag_is_silent_until_told_and_silent_again(
    who: Customer, served: Telling, name: str, html: str, word: str
) -> None:
    """Nothing before consent, something after it, and no event after it was taken back."""
    host = served.third.removeprefix("http://")
    tag = html.format(third=served.third, host=host)
    page = who.open(served.write(f"/{name.replace(' ', '-')}", tag))
    spoken(page)
    assert heard(served, word) == 0, served.hits

    page.evaluate("() => holdfire.acceptAll()")
    page.wait_for_function("() => holdfire.allowed('analytics')")
    until(page, lambda: page.evaluate("() => { speak() }") or heard(served, word) > 0)

    page.evaluate("() => holdfire.withdraw()")
    page.wait_for_function("() => !holdfire.allowed('analytics')")
    page.wait_for_timeout(SILENCE)
    before = heard(served, word)
    spoken(page)
    spoken(page)
    assert heard(served, word) == before, served.hits


def test_clarity_is_told_before_it_is_loaded(who: Customer, served: Telling) -> None:
    """Held, it is not asked for; released, it finds the consent first in its queue."""
    page = who.open(served.write("/clarity", served.held("clarity", "analytics")))
    page.wait_for_timeout(SILENCE)
    assert who.third_party() == []

    page.evaluate("() => holdfire.acceptAll()")
    page.wait_for_function("() => window.Clarity")
    page.evaluate("() => Clarity.init('project')")
    until(page, lambda: heard(served, "clarity.ms") > 0)
    page.evaluate("() => { holdfire.withdraw(); }")
    page.wait_for_function("() => !holdfire.allowed('analytics')")

    told = page.evaluate("() => clarity.q.map((call) => [...call]).filter(([c]) => c !== 'start')")
    assert [[name, what["ad_Storage"], what["analytics_Storage"]] for name, what in told] == [
        ["consentv2", "denied", "denied"],
        ["consentv2", "granted", "granted"],
        ["consentv2", "denied", "denied"],
    ]
