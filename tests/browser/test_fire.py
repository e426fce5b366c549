"""What fires and, above all, what does not: every request of a real page in a real browser."""

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from visits import Demo, Visit, visitor

ANALYTICS = {"GET /tags/posthog.js", "GET /tags/plausible.js", "POST /e/", "POST /api/event"}
MARKETING = {"GET /tags/mixpanel.js", "GET /pixel.gif", "GET /frame.html", "POST /track/"}
FUNCTIONAL = {"GET /video.html", "GET /chat.js"}
LOADED = {
    "posthog": "GET /tags/posthog.js",
    "plausible": "GET /tags/plausible.js",
    "mixpanel": "GET /tags/mixpanel.js",
    "ad-pixel": "GET /pixel.gif",
    "ad-frame": "GET /frame.html",
    "video": "GET /video.html",
    "chat": "GET /chat.js",
}
"""The request by which each tag of the shop comes to life."""

SENT = "() => !Object.keys(localStorage).some(key => key.includes(':out:'))"
"""The page has heard that its acts are recorded: a response on the network is not yet that."""


def act(page: Page, name: str) -> None:
    """Use one of the banner's buttons."""
    page.get_by_role("button", name=name, exact=True).first.click()


def fired(page: Page, visit: Visit, wanted: set[str]) -> None:
    """Wait until each of these has been requested."""
    for _ in range(100):
        if wanted <= set(visit.third_party()):
            return
        page.wait_for_timeout(50)
    missing = wanted - set(visit.third_party())
    raise AssertionError(f"never requested: {missing}; requested: {visit.third_party()}")


@pytest.mark.parametrize("tag", LOADED)
def test_nothing_fires_before_a_choice(visit: Visit, tag: str) -> None:
    """In Germany no tag's request leaves the page before the visitor has had their say."""
    page = visit.open("DE")
    expect(page.get_by_role("button", name="Reject all")).to_be_visible()
    page.mouse.wheel(0, 4_000)
    visit.settle(page)

    assert LOADED[tag] not in visit.third_party()
    assert visit.third_party() == []


def test_nothing_fires_after_a_refusal(visit: Visit) -> None:
    """After "Reject all" the third party hears nothing, now or on the next page."""
    page = visit.open("DE")
    act(page, "Reject all")
    visit.settle(page)
    page.reload()
    visit.settle(page)

    assert visit.third_party() == []
    expect(page.get_by_role("button", name="Reject all")).to_be_hidden()


def test_after_accepting_all_each_tag_fires_once(visit: Visit) -> None:
    """Each tag comes to life without a reload, exactly once."""
    page = visit.open("DE")
    act(page, "Accept all")
    fired(page, visit, ANALYTICS | MARKETING | FUNCTIONAL)
    visit.settle(page)

    requests = visit.third_party()
    for tag, request in LOADED.items():
        assert requests.count(request) == 1, tag


def test_a_partial_choice_fires_what_it_granted_and_nothing_else(visit: Visit) -> None:
    """Analytics alone: its two tags, and no request of any other."""
    page = visit.open("DE")
    page.evaluate(
        "() => window.holdfire.choose({functional: false, analytics: true, marketing: false})"
    )
    fired(page, visit, ANALYTICS)
    visit.settle(page)

    assert not (MARKETING | FUNCTIONAL) & set(visit.third_party())


def test_withdrawal_stops_the_tags_and_takes_their_cookies(visit: Visit) -> None:
    """After a withdrawal nothing more is sent, and what the services stored is gone."""
    page = visit.open("DE")
    act(page, "Accept all")
    fired(page, visit, ANALYTICS | MARKETING | FUNCTIONAL)
    page.wait_for_function("() => /ph_/.test(document.cookie) && /mp_/.test(document.cookie)")

    page.evaluate("() => window.holdfire.withdraw()")
    visit.settle(page)
    visit.forget()
    page.get_by_role("button", name="Add to bag").first.click()
    visit.settle(page)
    page.reload()
    visit.settle(page)

    assert visit.third_party() == []
    assert not {name for name in visit.cookies() if name.startswith(("ph_", "mp_", "demo_ad"))}
    stored = page.evaluate("() => Object.keys(localStorage)")
    assert all(key.startswith("holdfire") for key in stored), stored


def test_gpc_in_california_silences_marketing_without_a_click(browser: Browser, demo: Demo) -> None:
    """With the signal on, what carries a sale stays silent; the rest runs, as the law has it."""
    with visitor(browser, demo, gpc=True) as visit:
        page = visit.open("US-CA")
        fired(page, visit, ANALYTICS | FUNCTIONAL)
        visit.settle(page)

        assert not MARKETING & set(visit.third_party())
        assert page.evaluate("() => window.holdfire.decision('marketing')") == {
            "allow": False,
            "reason": "gpc",
        }


def test_gpc_in_the_header_alone_is_obeyed(browser: Browser, demo: Demo) -> None:
    """A browser may send the header and not show the property."""
    with visitor(browser, demo, extra_http_headers={"Sec-GPC": "1"}) as visit:
        page = visit.open("US-CA")
        fired(page, visit, ANALYTICS | FUNCTIONAL)
        visit.settle(page)

        assert not MARKETING & set(visit.third_party())


def test_without_gpc_california_runs_until_the_visitor_opts_out(visit: Visit) -> None:
    """An opt-out regime runs by default, and an opt-out stops the sale at once and for good."""
    page = visit.open("US-CA")
    fired(page, visit, ANALYTICS | MARKETING | FUNCTIONAL)
    page.evaluate("() => window.holdfire.rejectAll()")
    visit.settle(page)
    visit.forget()
    page.reload()
    visit.settle(page)

    assert visit.third_party() == []


def test_a_choice_arrives_in_the_other_tab(visit: Visit) -> None:
    """What is chosen in one tab holds in every open tab at once."""
    one = visit.open("DE")
    other = visit.open("DE")
    visit.settle(other)
    assert visit.third_party() == []

    act(one, "Accept all")
    other.wait_for_function("() => window.holdfire.allowed('analytics')")
    expect(other.get_by_role("button", name="Reject all")).to_be_hidden()

    one.evaluate("() => window.holdfire.withdraw()")
    other.wait_for_function("() => !window.holdfire.allowed('analytics')")


def test_a_choice_is_remembered_without_asking_the_server(visit: Visit) -> None:
    """A returning visitor's tags fire from local state, and nothing is asked again."""
    page = visit.open("DE")
    with page.expect_response("**/choices*"):
        act(page, "Accept all")
    page.wait_for_function(SENT)
    fired(page, visit, ANALYTICS)
    visit.forget()
    page.reload()
    fired(page, visit, ANALYTICS | MARKETING | FUNCTIONAL)

    assert not [r.url for r in visit.requests if "/assets/banner" in r.url]
    assert not [r.url for r in visit.requests if "/v1/" in r.url]


def test_the_cookie_brings_a_choice_back_when_storage_was_cleared(visit: Visit) -> None:
    """Browsers clear script-written storage after days; the server's cookie outlives it."""
    page = visit.open("DE")
    with page.expect_response("**/choices*"):
        act(page, "Reject all")
    page.wait_for_function("() => document.cookie.includes('holdfire_demo=')")
    page.evaluate("() => localStorage.clear()")
    page.reload()
    page.evaluate("() => window.holdfire.ready")

    assert page.evaluate("() => window.holdfire.decision('analytics').reason") == "choice_denied"
    expect(page.get_by_role("button", name="Reject all")).to_be_hidden()


SERVER_FAULTS = {
    "abort": lambda route: route.abort(),
    "error": lambda route: route.fulfill(status=500, body="oops"),
    "corrupt": lambda route: route.fulfill(
        status=200, body="!function(", content_type="text/javascript"
    ),
    "not JavaScript": lambda route: route.fulfill(
        status=200, body="<html>", content_type="text/html"
    ),
}


@pytest.mark.parametrize("fault", SERVER_FAULTS)
def test_no_tag_fires_when_the_boot_script_cannot_be_had(
    browser: Browser, demo: Demo, fault: str
) -> None:
    """No answer is no consent."""
    with visitor(browser, demo) as visit:
        page = visit.context.new_page()
        page.route("**/s/demo.js*", SERVER_FAULTS[fault])
        page.goto(f"{demo.own}/?geo=DE")
        visit.settle(page)

        assert visit.third_party() == []


@pytest.mark.parametrize("fault", ["abort", "error"])
def test_the_page_stays_silent_when_the_banner_cannot_be_had(
    browser: Browser, demo: Demo, fault: str
) -> None:
    """Without its banner the page keeps denying, and is usable."""
    with visitor(browser, demo) as visit:
        page = visit.context.new_page()
        page.route("**/assets/banner*", SERVER_FAULTS[fault])
        page.goto(f"{demo.own}/?geo=DE")
        visit.settle(page)

        assert visit.third_party() == []
        assert page.evaluate("() => window.holdfire.allowed('analytics')") is False
        page.get_by_role("button", name="Add to bag").first.click()


def test_a_choice_made_while_the_server_is_away_is_applied_and_sent_later_once(
    browser: Browser, demo: Demo
) -> None:
    """The act holds at once, and arrives exactly once when the server is back."""
    with visitor(browser, demo) as visit:
        page = visit.open("DE")
        away: list[Route] = []

        def refuse(route: Route) -> None:
            away.append(route)
            route.abort()

        page.route("**/choices*", refuse)
        act(page, "Reject all")
        visit.settle(page)
        assert away
        assert page.evaluate("() => window.holdfire.decision('analytics').reason") == (
            "choice_denied"
        )

        page.unroute("**/choices*")
        with page.expect_response("**/choices*") as answer:
            page.reload()
        # 200 where the page before had just sent it and was gone before it heard the answer.
        assert answer.value.status in {200, 201}
        page.wait_for_function(SENT)
        visit.forget()
        page.reload()
        visit.settle(page)
        assert not [r for r in visit.requests if "/choices" in r.url]
        assert visit.third_party() == []


def test_tags_added_later_are_held_and_released_too(visit: Visit) -> None:
    """An element a script adds after the fact is treated as one of the page's own."""
    page = visit.open("DE")
    page.evaluate(
        """third => {
          const image = document.createElement('img');
          image.dataset.category = 'marketing';
          image.dataset.src = third + '/pixel.gif?late';
          document.body.append(image);
        }""",
        demo_third(visit),
    )
    visit.settle(page)
    assert visit.third_party() == []

    act(page, "Accept all")
    fired(page, visit, {"GET /pixel.gif"})
    visit.settle(page)
    assert visit.third_party().count("GET /pixel.gif") == 2


def demo_third(visit: Visit) -> str:
    """The third party's origin."""
    return visit.demo.third


def test_calls_pushed_before_the_script_came_are_run(visit: Visit) -> None:
    """The page may talk to Holdfire before it is there."""
    page = visit.context.new_page()
    page.add_init_script(
        "window.holdfire = [(api) => { window.__early = api.allowed('analytics') }];"
    )
    page.goto(f"{visit.demo.own}/?geo=DE")
    page.wait_for_function("() => window.__early === false")
