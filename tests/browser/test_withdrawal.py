"""A withdrawal that withdraws: what services left in the browser goes, in every tab."""

from collections.abc import Callable

from playwright.sync_api import Page, Route
from visits import Visit

LEAVE = """() => {
  document.cookie = "ph_id=1; path=/";
  document.cookie = "mp_id=1; path=/";
  document.cookie = "basket=1; path=/";
  localStorage.setItem("ph_x", "1");
  sessionStorage.setItem("mp_x", "1");
  localStorage.setItem("basket", "1");
}"""
"""What two services and the shop leave behind."""

LEFT = """() => [
  ...document.cookie.split("; ").map(one => one.split("=")[0]),
  ...Object.keys(localStorage), ...Object.keys(sessionStorage),
].filter(name => !name.startsWith("holdfire")).sort()"""

SENT = "() => !Object.keys(localStorage).some(key => key.includes(':out:'))"


def accepted(visit: Visit) -> Page:
    """A page on which everything is allowed, and the service knows."""
    page = visit.open("DE")
    page.get_by_role("button", name="Accept all", exact=True).first.click()
    page.wait_for_function("() => /ph_/.test(document.cookie)")
    page.wait_for_function(SENT)
    return page


def listing(member: str) -> Callable[[Route], None]:
    """The boot script of a site that says one thing more of PostHog."""

    def add(route: Route) -> None:
        whole = route.fetch().text().replace('"id":"posthog",', f'"id":"posthog",{member},', 1)
        route.fulfill(body=whole, content_type="text/javascript")

    return add


def test_what_services_left_is_removed_and_what_is_the_shop_s_stays(visit: Visit) -> None:
    """Cookies and storage keys of refused services go, those of nobody's list stay."""
    page = accepted(visit)
    page.evaluate(LEAVE)
    page.evaluate("() => holdfire.withdraw()")
    page.wait_for_function("() => !/ph_id|mp_id/.test(document.cookie)")
    visit.settle(page)
    page.reload()

    assert page.evaluate(LEFT) == ["basket", "basket"]


def test_a_cookie_that_no_page_sees_is_expired_by_the_service(visit: Visit) -> None:
    """An ``HttpOnly`` cookie of a refused service goes with the answer; the shop's own stays."""
    page = accepted(visit)
    for name in ("ph_secret", "basket_secret"):
        visit.context.add_cookies(
            [{"url": visit.demo.own, "httpOnly": True, "value": "1", "name": name}]
        )
    with page.expect_response("**/choices*"):
        page.evaluate("() => holdfire.withdraw()")
    page.wait_for_function(SENT)

    assert "ph_secret" not in visit.cookies()
    assert "basket_secret" in visit.cookies()


def test_every_open_tab_takes_back_what_its_services_left(visit: Visit) -> None:
    """The other tab hears of the withdrawal, sweeps as well, and its tags write nothing anew."""
    one, other = accepted(visit), visit.open("DE")
    other.wait_for_function("() => holdfire.allowed('analytics')")
    other.evaluate("() => sessionStorage.setItem('mp_tab', '1')")
    one.evaluate("() => holdfire.withdraw()")
    other.wait_for_function("() => !holdfire.allowed('analytics')")
    other.wait_for_function("() => sessionStorage.getItem('mp_tab') === null")
    visit.settle(other)
    other.close()
    visit.settle(one)
    one.reload()
    # What a script wrote as its page went is swept by the next one, once that has been drawn.
    one.wait_for_function(f"() => !({LEFT})()[0]")

    assert {name for name in visit.cookies() if name.startswith(("ph_", "mp_", "demo_ad"))} == set()


def test_a_database_of_a_refused_service_is_removed(visit: Visit) -> None:
    """With the page's own tools, and a service that names it in the site's boot script."""
    page = visit.context.new_page()

    page.route("**/s/demo.js*", listing('"databases":["ph_*"]'))
    page.goto(f"{visit.demo.own}/?geo=DE")
    page.evaluate("() => holdfire.acceptAll()")
    made = """name => new Promise(done => {
      indexedDB.open(name).onsuccess = event => { event.target.result.close(); done(); };
    })"""
    for name in ("ph_events", "basket"):
        page.evaluate(made, name)
    page.evaluate("() => holdfire.withdraw()")
    names = "(await indexedDB.databases()).map(one => one.name)"
    page.wait_for_function(f"async () => ({names}).every(name => !name.startsWith('ph_'))")

    assert "basket" in page.evaluate(f"async () => {names}")


def test_a_service_that_only_a_reload_stops_reloads_the_page_once(visit: Visit) -> None:
    """The page is loaded anew when the refusal is on its way, which it outlives, and then stays."""
    page = visit.context.new_page()
    loads: list[str] = []
    page.route("**/s/demo.js*", listing('"reload":true'))
    page.on("domcontentloaded", lambda _: loads.append("loaded"))
    page.goto(f"{visit.demo.own}/?geo=DE")
    page.evaluate("() => holdfire.acceptAll()")
    page.wait_for_function("() => /ph_/.test(document.cookie)")
    with page.expect_event("domcontentloaded"):
        page.evaluate("() => holdfire.withdraw()")
    page.wait_for_function(SENT)
    visit.forget()
    visit.settle(page)

    assert len(loads) == 2
    assert visit.third_party() == []
    assert page.evaluate("() => holdfire.decision('analytics').reason") == "choice_denied"
