"""How held scripts come to life: in what order, with what of their own, and with what pauses."""

from typing import Any

from playwright.sync_api import Page, Route
from visits import Visit

THIRTY = 30
BUSY_MS = 12  # longer than a slice may go on: each script ends one

HELD = '<script type="text/plain" data-category="analytics" {more}>{code}</script>'
PAGE = """\
<!doctype html>
<html lang="en">
<title>Held scripts</title>
<script>
  const said = [];
  let frame = 0;
  const count = () => {{ frame++; requestAnimationFrame(count); }};
  requestAnimationFrame(count);
  const say = (word) => said.push({{ word, frame }});
  const busy = (ms) => {{ for (const end = performance.now() + ms; performance.now() < end;); }};
</script>
{policy}
<script {nonce} src="/s/demo.js?geo=DE"></script>
<p>A page of the shop.</p>
{held}
</html>
"""


def held(code: str = "", **attributes: str | bool) -> str:
    """A held script; an attribute that is ``True`` has no value."""
    more = [
        name.replace("_", "-") + ("" if value is True else f'="{value}"')
        for name, value in attributes.items()
    ]
    return HELD.format(more=" ".join(more), code=code)


def opened(visit: Visit, *scripts: str, policy: str = "", nonce: str = "") -> Page:
    """Open a page with these held scripts; every ``/t/{word}.js`` says its word."""
    page = visit.context.new_page()
    html = PAGE.format(held="\n".join(scripts), policy=policy, nonce=nonce)

    def tag(route: Route) -> None:
        word = route.request.url.rpartition("/")[2].removesuffix(".js")
        route.fulfill(body=f'say("{word}")', content_type="text/javascript")

    page.route("**/held", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.route("**/t/*.js", tag)
    page.goto(f"{visit.demo.own}/held")
    page.evaluate("() => window.holdfire.ready")
    return page


def said(page: Page, count: int) -> list[dict[str, Any]]:
    """What the scripts said, once there were so many."""
    page.wait_for_function(f"() => said.length >= {count}")
    heard: list[dict[str, Any]] = page.evaluate("() => said")
    return heard


def words(page: Page, count: int) -> list[str]:
    """Their words alone."""
    return [one["word"] for one in said(page, count)]


def accept(page: Page) -> None:
    """Press the button that allows everything."""
    page.get_by_role("button", name="Accept all", exact=True).click()


def test_scripts_run_as_the_parser_would_have_run_them(visit: Visit) -> None:
    """In document order; inline ones after what loads before them, deferred ones at the end."""
    page = opened(
        visit,
        held(data_src="/t/first.js"),
        held('say("inline")'),
        held(data_src="/t/deferred.js", defer=True),
        held(data_src="/t/module.js", data_type="module"),
        held('say("after")'),
        held(data_src="/t/second.js"),
        held('say("last")'),
    )
    accept(page)

    assert words(page, 7) == ["first", "inline", "after", "second", "last", "deferred", "module"]


def test_a_script_keeps_what_its_markup_says(visit: Visit) -> None:
    """Its handlers run, and what does not match its hash does not; the next one is not held up."""
    wrong = "sha384-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    page = opened(
        visit,
        held(data_src="/t/good.js", onload="say('loaded')"),
        held(data_src="/t/bad.js", onerror="say('refused')", integrity=wrong, crossorigin=True),
        held('say("next")'),
    )
    accept(page)

    assert words(page, 4) == ["good", "loaded", "refused", "next"]


def test_under_a_nonce_policy_only_scripts_with_the_nonce_run(visit: Visit) -> None:
    """Markup that slipped in without the nonce gains nothing by being marked as held."""
    policy = (
        '<meta http-equiv="Content-Security-Policy" content="script-src \'nonce-r4nd\'; '
        "require-trusted-types-for 'script'\">"
    )
    page = opened(
        visit,
        held('say("theirs")'),
        held('say("ours")', nonce="r4nd"),
        held(data_src="/t/loaded.js", nonce="r4nd"),
        policy=policy,
        nonce='nonce="r4nd"',
    )
    accept(page)

    assert words(page, 2) == ["ours", "loaded"]
    visit.settle(page)
    assert words(page, 2) == ["ours", "loaded"]


def test_many_at_once_leave_the_page_room_to_paint(visit: Visit) -> None:
    """Thirty busy scripts run in their order, each in a frame of its own, after the click's."""
    scripts = [held(f'busy({BUSY_MS}); say("{at}")') for at in range(THIRTY)]

    assert_room_to_paint(opened(visit, *scripts))


def test_functions_that_wait_leave_the_page_room_to_paint(visit: Visit) -> None:
    """Those of the page's own code do as its scripts do."""
    page = opened(visit)
    page.evaluate(
        """([count, ms]) => {
          for (let at = 0; at < count; at++)
            holdfire.when("analytics", () => { busy(ms); say(String(at)); });
        }""",
        [THIRTY, BUSY_MS],
    )

    assert_room_to_paint(page)


def assert_room_to_paint(page: Page) -> None:
    """All thirty run in their order, each in a frame of its own, after the click's."""
    page.evaluate(
        "() => addEventListener('click', () => { window.clicked = frame; }, {capture: true})"
    )
    accept(page)
    heard = said(page, THIRTY)

    assert [one["word"] for one in heard] == [str(at) for at in range(THIRTY)]
    frames = [one["frame"] for one in heard]
    assert page.evaluate("() => window.clicked") < frames[0]
    assert len(set(frames)) == THIRTY


def test_a_refusal_meanwhile_holds_the_rest(visit: Visit) -> None:
    """Permission is asked when a script's turn comes, not when its wait began."""
    scripts = [
        held(f'busy({BUSY_MS}); say("{at}"); if ({at} == 2) holdfire.withdraw()')
        for at in range(THIRTY)
    ]
    page = opened(visit, *scripts)
    accept(page)
    words(page, 3)
    visit.settle(page)

    assert words(page, 3) == ["0", "1", "2"]
