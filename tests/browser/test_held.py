"""What stands in the place of a held thing: its size, its controls, and what is not requested."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from variants import Caller, Variants, caller, variants

PATIENCE = 700  # ms; how long a page that should stay silent is watched
SHIFTS = (
    "<script>window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach("
    "entry => { window.shift += entry.value })).observe({type: 'layout-shift', buffered: true})"
    "</script>"
)
FILM = (
    '<p id="before">Before</p><iframe id="film" title="A film" style="{style}" width="640"'
    ' height="360" data-category="functional" data-service="video" data-src="{third}/film">'
    '</iframe><p id="after">After</p><iframe id="advert" title="An advert" width="300"'
    ' height="250" data-category="marketing" data-service="ad-frame" data-src="{third}/advert">'
    '</iframe><p><a data-holdfire="preferences" href="#">Settings</a></p>'
)
SIZES = [(320, 180), (300, 54), (728, 90), (160, 600), (120, 90), (88, 31), (26, 26)]
STYLES = {
    "as its attributes say": "",
    "as wide as the page, by a ratio": "width: 100%; height: auto; aspect-ratio: 16 / 9",
    "in the middle": "display: block; margin: 2em auto; max-width: 50%; border: 5px dotted",
    "over something": "position: absolute; inset: auto 10px 10px auto; width: 40%",
    "moved": "transform: translate(10%, 20px); box-sizing: border-box; padding: 9px; float: right",
}
HOSTILE = (
    "<style>* { color: lime !important; font-size: 40px !important; margin: 9px !important }"
    " holdfire-ui { display: none !important; position: fixed !important; opacity: 0 !important }"
    " div, p, button { display: none !important }</style>"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variants]:
    """One server for all tests of this file."""
    with variants(tmp_path_factory.mktemp("held")) as found:
        yield found


def write(served: Variants, name: str, *, body: str = FILM, style: str = "", head: str = "") -> str:
    """Write a page with held frames on it; returns its address."""
    # A path and a name stand in for what would be the same markup.
    html = body.replace("{style}", style).replace("{third}", served.third)
    boot = served.boot() + SHIFTS
    return served.write(f"/held/{name}", html, head=head + boot)


def loaded(who: Caller) -> list[str]:
    """The path of everything that was requested of the third party."""
    third = who.variants.third
    return [r.url.removeprefix(third) for r in who.requests if r.url.startswith(third)]


def place(page: Page, name: str = "film") -> Any:
    """What stands in the place of a held thing, once it does."""
    found = page.locator(f"holdfire-ui:has(+ #{name})")
    expect(found).to_have_count(1)
    return found


def control(page: Page, name: str, held: str = "film") -> Any:
    """One of its controls."""
    return place(page, held).locator(f'[data-control="{name}"]')


def boxes(page: Page, *names: str) -> list[Any]:
    """Where these stand, in whole hundredths of a pixel."""
    return [
        page.locator(f"#{name}, holdfire-ui:has(+ #{name})")
        .locator("visible=true")
        .first.evaluate(
            "node => { const {x, y, width, height} = node.getBoundingClientRect();"
            " return [x, y, width, height].map(value => Math.round(value * 100)) }"
        )
        for name in names
    ]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("width", [1000, 390])
def test_the_place_is_as_large_as_what_is_held(
    browser: Browser, served: Variants, style: str, width: int
) -> None:
    """The same box before, meanwhile and after; nothing else moves, also when the window changes."""
    parts = ("before", "film", "after", "advert")
    address = write(served, "size", style=STYLES[style])
    with caller(browser, served, viewport={"width": width, "height": 800}) as who:
        alone = who.context.new_page()
        alone.route("**/s/*.js*", lambda route: route.abort())
        alone.goto(address)
        bare = boxes(alone, *parts)
        page = who.open(address)
        place(page)
        assert boxes(page, *parts) == bare

        for sized in (alone, page):
            sized.set_viewport_size({"width": 500, "height": 700})
        page.wait_for_timeout(100)
        narrow = boxes(alone, *parts)
        assert boxes(page, *parts) == narrow

        page.evaluate("() => holdfire.hide()")
        control(page, "load_once").click()
        expect(page.locator("#film")).to_be_visible()
        assert boxes(page, *parts) == narrow
        page.wait_for_timeout(PATIENCE)
        assert loaded(who) == ["/film"]


def test_nothing_shifts_and_nothing_is_requested(browser: Browser, served: Variants) -> None:
    """CLS 0 when the places come and when the frames do; no request before somebody asked."""
    with caller(browser, served) as who:
        page = who.open(write(served, "shift"))
        place(page)
        page.wait_for_timeout(PATIENCE)
        assert loaded(who) == []

        page.evaluate("() => holdfire.acceptAll()")
        expect(page.locator("holdfire-ui + iframe")).to_have_count(0)
        page.wait_for_timeout(PATIENCE)
        assert sorted(loaded(who)) == ["/advert", "/film"]
        assert page.evaluate("() => window.shift") == 0


def test_load_once_is_this_one_now_and_is_forgotten(browser: Browser, served: Variants) -> None:
    """No record, no cookie, nothing stored; the other stays held; the next page holds it again."""
    with caller(browser, served) as who:
        page = who.open(write(served, "once"))
        control(page, "load_once").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#film")).to_be_focused()
        page.wait_for_timeout(PATIENCE)

        assert loaded(who) == ["/film"]
        assert page.evaluate("() => holdfire.allowed('functional')") is False
        assert not [path for path in who.ours() if path.startswith("/v1/")]
        assert page.evaluate("() => Object.keys(localStorage)") == []
        assert who.context.cookies() == []
        place(page, "advert")

        page.reload()
        place(page)
        page.wait_for_timeout(PATIENCE)
        assert loaded(who) == ["/film"]


@pytest.mark.parametrize("kind", ["iframe", "embed", "object", "video"])
def test_a_withdrawal_takes_it_back(browser: Browser, served: Variants, kind: str) -> None:
    """What was loaded once is unloaded like everything else, and its place is filled again."""
    mark = "data-data" if kind == "object" else "data-src"
    body = (
        f'<{kind} id="film" width="300" height="200" type="text/html" controls'
        f' data-category="functional" {mark}="{served.third}/film"></{kind}>'
    )
    with caller(browser, served) as who:
        page = who.open(write(served, kind, body=body))
        page.evaluate("() => holdfire.rejectAll()")
        control(page, "load_once").click()
        page.wait_for_timeout(PATIENCE)
        assert "/film" in loaded(who)

        page.evaluate("() => holdfire.withdraw()")
        place(page)
        left = page.evaluate(
            "() => { const film = document.getElementById('film');"
            " return [film.getAttribute('src'), film.getAttribute('data'), film.networkState ?? 0] }"
        )
        assert left == [None, None, 0]  # 0: it neither has nor seeks anything (NETWORK_EMPTY)
        assert not [frame.url for frame in page.frames if frame.url.startswith(served.third)]


def test_always_allow_is_a_choice_on_the_record(browser: Browser, served: Variants) -> None:
    """The category is allowed from now on, by an act that says what was used and where."""
    with caller(browser, served) as who:
        page = who.open(write(served, "always"))
        with page.expect_request("**/choices*") as sent:
            control(page, "always_allow").click()
        choice: Any = sent.value.post_data_json
        assert [choice[name] for name in ("action", "layer", "control")] == [
            "save",
            1,
            "always_allow",
        ]
        assert choice["categories"] == {
            "functional": True,
            "analytics": False,
            "marketing": False,
        }
        page.wait_for_function("() => !Object.keys(localStorage).some(key => /:out:/.test(key))")
        page.reload()
        page.wait_for_timeout(PATIENCE)
        assert loaded(who) == ["/film", "/film"]
        place(page, "advert")


@pytest.mark.parametrize("language", ["en", "de", "ar"])
def test_in_any_box_nothing_runs_over(browser: Browser, served: Variants, language: str) -> None:
    """From a skyscraper to a button: a target of 24 pixels, and all inside, in any direction."""
    body = "".join(
        f'<iframe id="f{n}" width="{w}" height="{h}" style="border: 0"'
        f' data-category="functional" data-src="{served.third}/f"></iframe>'
        for n, (w, h) in enumerate(SIZES)
    )
    with caller(browser, served, locale=language) as who:
        page = who.open(write(served, "boxes", body=body))
        for n in range(len(SIZES)):
            found = place(page, f"f{n}")
            fits = found.evaluate(
                "box => { const root = box.shadowRoot.querySelector('.root');"
                " return root.scrollWidth <= root.clientWidth"
                " && root.scrollHeight <= root.clientHeight }"
            )
            target = found.locator('[data-control="load_once"]').bounding_box()
            assert fits, SIZES[n]
            assert target is not None
            assert min(target["width"], target["height"]) >= 24, SIZES[n]
        assert found.locator("[role=group]").get_attribute("dir") == (
            "rtl" if language == "ar" else "ltr"
        )


def test_it_reads_as_a_group_with_its_name(browser: Browser, served: Variants) -> None:
    """A screen reader meets the name, the reason and the controls, where the film would be."""
    with caller(browser, served) as who:
        page = who.open(write(served, "tree"))
        place(page)
        expect(page.locator("body")).to_match_aria_snapshot(
            """
            - paragraph: Before
            - group "Trail film is not loaded":
              - paragraph: Trail film is not loaded
              - paragraph: /This content comes from Trail film/
              - paragraph: Off until you allow it.
              - button "Load once"
              - 'button "Always allow: Preferences"'
            - paragraph: After
            """
        )


def test_no_style_of_the_page_comes_in(browser: Browser, served: Variants) -> None:
    """A hostile style sheet changes neither its look nor its size."""
    look = (
        "box => [box, ...box.shadowRoot.querySelectorAll('div, p, button')].map(node => {"
        " const {color, fontSize, display, opacity, position} = getComputedStyle(node);"
        " const {width, height} = node.getBoundingClientRect();"
        " return [color, fontSize, display, opacity, position, width, height].join() })"
    )
    with caller(browser, served) as who:
        plain = place(who.open(write(served, "plain"))).evaluate(look)
        page = who.open(write(served, "hostile", head=HOSTILE))
        assert place(page).evaluate(look) == plain


def test_it_comes_and_goes_with_the_page(browser: Browser, served: Variants) -> None:
    """Added later, shown later, removed: the place is there exactly while the frame would be."""
    with caller(browser, served) as who:
        page = who.open(write(served, "later", body="<main></main>"))
        page.wait_for_timeout(PATIENCE)
        assert not [path for path in who.ours() if path.startswith("/assets/held")]
        frame = FILM.replace("{style}", "").replace("{third}", served.third)
        page.evaluate(
            "html => { document.querySelector('main').innerHTML ="
            " `<div id='tab' style='display: none'>${html}</div>` }",
            frame,
        )
        page.wait_for_timeout(PATIENCE)
        assert page.locator("holdfire-ui + iframe").count() == 0
        page.evaluate("() => { document.getElementById('tab').style.display = '' }")
        place(page)
        page.evaluate("() => document.getElementById('film').remove()")
        expect(page.locator("holdfire-ui + #after")).to_have_count(0)
        place(page, "advert")


def test_print_leaves_it_out(browser: Browser, served: Variants) -> None:
    """On paper there is only the space."""
    with caller(browser, served) as who:
        page = who.open(write(served, "print"))
        group = place(page).locator("[role=group]")
        expect(group).to_be_visible()
        page.emulate_media(media="print")
        expect(group).to_be_hidden()
