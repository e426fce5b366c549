"""First layer and corner as WCAG 2.2 AA wants them: with a keyboard, a screen reader, high zoom."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe import faults
from playwright.sync_api import Browser, Locator, Page, expect
from variants import FILLER, Caller, Variants, caller, each_once, variants

from house import demo_site

SITES = ("box", "bar", "dialog", "blocking")
LANGUAGES = ("en", "ar", "de", "ja")
OPENER = '<p><a href="#" data-holdfire="preferences" id="own">Cookie settings</a></p>'


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variants]:
    """The service with all variants of the demo site, each with one page."""
    with variants(tmp_path_factory.mktemp("variants")) as running:
        for site in SITES:
            running.write(f"/{site}", FILLER, site=site, head=running.boot(site))
        yield running


@pytest.fixture
def who(browser: Browser, found: Variants) -> Iterator[Caller]:
    """A fresh visitor with nothing special about them."""
    with caller(browser, found) as fresh:
        yield fresh


def visit(who: Caller, site: str = "box") -> Page:
    """The page of a site, asked in its first layer."""
    page = who.open(f"{who.variants.own(site)}/{site}")
    expect(layer(page)).to_be_visible()
    return page


def layer(page: Page) -> Locator:
    """The first layer."""
    return page.locator('holdfire-ui [data-layer="1"]')


def control(page: Page, name: str) -> Locator:
    """A control of Holdfire's, wherever it stands."""
    return page.locator(f'holdfire-ui [data-control="{name}"]')


def focused(page: Page) -> str:
    """The control that has the focus, or what else has it, looked up through the shadow root."""
    name: str = page.evaluate(
        """() => {
          let at = document.activeElement;
          while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
          return at?.dataset?.control ?? (at?.id || at?.localName);
        }"""
    )
    return name


def choices(who: Caller) -> list[str]:
    """Every choice that went to the service."""
    return [path for path in who.ours() if path.endswith("/choices")]


# ---------------------------------------------------------------- what a machine can tell


def in_every_look(page: Page, part: str) -> list[str]:
    """The faults of a part in both themes and at both ends of width."""
    seen = []
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 740})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            seen += [f"{width} {scheme} {fault}" for fault in faults(page, part)]
    return seen


@pytest.mark.parametrize("site", SITES)
def test_axe_finds_nothing_on_the_first_layer(who: Caller, site: str) -> None:
    """In every layout, in four scripts, in both themes, on the narrowest phone and a desktop."""
    page = who.context.new_page()
    for language in LANGUAGES:
        page.set_extra_http_headers({"accept-language": language})
        page.goto(f"{who.variants.own(site)}/{site}")
        expect(layer(page)).to_have_attribute("lang", language)
        assert in_every_look(page, '[data-layer="1"]') == [], language


def test_axe_finds_nothing_on_the_corner(who: Caller) -> None:
    """With a consent that stands, so that both of its buttons are there."""
    page = who.context.new_page()
    for language in LANGUAGES:
        page.set_extra_http_headers({"accept-language": language})
        page.goto(f"{who.variants.own('box')}/box")
        if language == LANGUAGES[0]:
            control(page, "accept_all").click()
        expect(control(page, "withdraw")).to_be_visible()
        assert in_every_look(page, ".back") == [], language


# ---------------------------------------------------------------- roles and focus


@pytest.mark.parametrize("site", ["box", "bar", "dialog"])
def test_the_first_layer_is_a_region_beside_the_page(who: Caller, site: str) -> None:
    """Named, not modal; it takes no focus and traps none, and Escape decides and closes nothing."""
    page = visit(who, site)
    expect(layer(page)).to_have_role("region")
    expect(layer(page)).to_have_accessible_name("Your choice about cookies")
    assert layer(page).get_attribute("aria-modal") is None
    assert focused(page) == "body"

    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        reached.append(focused(page))
    assert [name for name in reached if name in {"accept_all", "reject_all", "settings"}] == [
        "accept_all",
        "reject_all",
        "settings",
    ]
    assert reached[-1].startswith("p"), "the focus never came to the page's own links"
    expect(layer(page)).to_be_visible()
    assert choices(who) == []


def test_the_blocking_first_layer_is_a_modal_dialog(who: Caller) -> None:
    """The focus is on its heading and stays within; Escape leads out, and decides nothing."""
    page = who.open(
        who.variants.write(
            "/search",
            '<input id="search" aria-label="Search" autofocus>' + FILLER,
            site="blocking",
            head=who.variants.boot("blocking"),
        )
    )
    expect(layer(page)).to_have_role("dialog")
    expect(layer(page)).to_have_accessible_name("Your choice about cookies")
    expect(layer(page)).to_have_attribute("aria-modal", "true")
    assert focused(page) == "question"
    page.evaluate("() => document.querySelector('#p1').focus()")
    assert focused(page) == "question", "the page behind is not inert"
    for _ in range(12):
        page.keyboard.press("Tab")
        assert not focused(page).startswith(("p", "search")), "the focus left for the page behind"

    page.keyboard.press("Escape")
    expect(layer(page)).to_have_count(0)
    expect(page.locator("#search")).to_be_focused()
    expect(control(page, "preferences")).to_be_visible()
    assert choices(who) == []
    assert page.evaluate("() => window.holdfire.decision('analytics')") == {
        "allow": False,
        "reason": "default_denied",
    }
    page.reload()
    expect(layer(page)).to_be_visible()


@pytest.mark.parametrize("site", ["box", "blocking"])
def test_the_settings_give_the_focus_back_to_their_button(who: Caller, site: str) -> None:
    """On the first layer, which is still there."""
    page = visit(who, site)
    control(page, "settings").click()
    expect(page.locator("holdfire-ui #heading")).to_be_focused()
    page.keyboard.press("Escape")

    expect(page.locator("holdfire-ui #heading")).to_have_count(0)
    assert focused(page) == "settings"
    expect(layer(page)).to_be_visible()


def test_the_focus_goes_back_to_the_corner_and_to_the_pages_own_link(who: Caller) -> None:
    """Whether the settings were left or answered."""
    page = visit(who)
    control(page, "reject_all").click()
    for answer in ("Escape", "save"):
        control(page, "preferences").click()
        expect(page.locator("holdfire-ui #heading")).to_be_focused()
        if answer == "save":
            control(page, "save").click()
        else:
            page.keyboard.press(answer)
        expect(control(page, "preferences")).to_be_focused()

    page = who.open(who.variants.write("/own", OPENER + FILLER, head=who.variants.boot()))
    page.locator("#own").click()
    expect(page.locator("holdfire-ui #heading")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#own")).to_be_focused()


def test_an_opener_that_has_vanished_is_no_fault(who: Caller) -> None:
    """The settings close, nothing throws, and the next Tab finds the page."""
    page = who.open(who.variants.write("/own", OPENER + FILLER, head=who.variants.boot()))
    control(page, "reject_all").click()
    page.locator("#own").click()
    expect(page.locator("holdfire-ui #heading")).to_be_focused()
    page.evaluate("() => document.querySelector('#own').remove()")
    page.keyboard.press("Escape")
    expect(page.locator("holdfire-ui #heading")).to_have_count(0)
    page.keyboard.press("Tab")

    assert focused(page) not in {"body", "html"}


def test_withdrawing_leaves_the_focus_beside_the_button_that_went(who: Caller) -> None:
    """The button goes with the consent; the settings beside it take the focus."""
    page = visit(who)
    control(page, "accept_all").click()
    control(page, "withdraw").focus()
    page.keyboard.press("Enter")

    expect(control(page, "withdraw")).to_be_hidden()
    expect(control(page, "preferences")).to_be_focused()
    assert page.evaluate("() => window.holdfire.allowed('analytics')") is False


# ---------------------------------------------------------------- keyboard and screen reader


def tab_to(page: Page, name: str) -> None:
    """Press Tab until a control has the focus, as somebody without a mouse does."""
    for _ in range(80):
        if focused(page) == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name} cannot be reached with Tab")


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize(("name", "allowed"), [("accept_all", True), ("reject_all", False)])
def test_the_question_is_answered_with_the_keyboard_alone(
    who: Caller, site: str, name: str, *, allowed: bool
) -> None:
    """Tab from the top of the page, then Enter."""
    page = visit(who, site)
    tab_to(page, name)
    page.keyboard.press("Enter")

    expect(layer(page)).to_have_count(0)
    assert page.evaluate("() => window.holdfire.allowed('analytics')") is allowed


def test_settings_language_and_withdrawal_with_the_keyboard_alone(who: Caller) -> None:
    """Another language, one switch, save; then the corner takes it back."""
    page = visit(who)
    tab_to(page, "language")
    page.keyboard.press("Enter")
    chooser = page.locator("holdfire-ui select")
    expect(chooser).to_be_focused()
    chooser.press("D")
    expect(layer(page)).to_have_attribute("lang", "de")

    tab_to(page, "settings")
    page.keyboard.press("Enter")
    expect(page.locator("holdfire-ui #heading")).to_be_focused()
    switch = page.get_by_role("switch", name="Statistik", exact=True)
    for _ in range(20):
        page.keyboard.press("Tab")
        if switch.evaluate("node => node.getRootNode().activeElement === node"):
            break
    page.keyboard.press("Space")
    tab_to(page, "save")
    page.keyboard.press("Enter")
    expect(layer(page)).to_have_count(0)
    assert page.evaluate("() => window.holdfire.allowed('analytics')") is True
    assert page.evaluate("() => window.holdfire.allowed('marketing')") is False

    tab_to(page, "withdraw")
    page.keyboard.press("Enter")
    expect(control(page, "withdraw")).to_be_hidden()
    assert page.evaluate("() => window.holdfire.allowed('analytics')") is False


def tree(part: Locator) -> list[str]:
    """The accessibility tree, one node a line, without the addresses of links."""
    lines = (line.strip() for line in part.aria_snapshot().splitlines())
    # A line with a colon in its name is quoted once more.
    plain = (re.sub("^- '(.+)'.*", r"- \1", line) for line in lines)
    return [line.rstrip(":") for line in plain if not line.startswith("- /url")]


def test_a_screen_reader_meets_the_question_in_a_sensible_order(who: Caller) -> None:
    """Heading, text, pages, language, then the answers: nothing nameless, nothing twice."""
    page = visit(who)

    assert [re.sub("^- paragraph: .*", "- paragraph", line) for line in tree(layer(page))] == [
        '- region "Your choice about cookies"',
        '- heading "Your choice about cookies" [level=2]',
        "- paragraph",
        "- paragraph",
        '- link "Privacy policy"',
        '- link "Legal notice"',
        '- button "Language: English"',
        '- button "Accept all"',
        '- button "Reject all"',
        '- button "Settings"',
    ]


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_screen_reader_hears_everything_in_the_visitors_language(
    browser: Browser, found: Variants, language: str
) -> None:
    """Language and direction are marked on the layer, on what is announced, and on the corner."""
    texts = spoken(language)
    with caller(browser, found, locale=language) as who:
        page = visit(who)
        direction = "rtl" if language == "ar" else "ltr"
        expect(layer(page)).to_have_attribute("lang", language)
        expect(layer(page)).to_have_attribute("dir", direction)
        answers = [texts[f"button.{name}"] for name in ("accept_all", "reject_all", "settings")]
        assert tree(layer(page))[-3:] == [f'- button "{answer}"' for answer in answers]

        control(page, "accept_all").click()
        status = page.locator("holdfire-ui [role=status]")
        expect(status).to_have_text(texts["saved.accept_all"])
        expect(status).to_have_attribute("lang", language)
        corner = page.locator("holdfire-ui .root", has=page.locator(".back"))
        expect(control(page, "withdraw")).to_be_visible()
        expect(corner).to_have_attribute("lang", language)
        expect(corner).to_have_attribute("dir", direction)
        assert tree(corner) == [
            f'- button "{texts["link.manage"]}"',
            f'- button "{texts["button.withdraw"]}"',
        ]
        control(page, "withdraw").click()
        expect(status).to_have_text(texts["saved.withdraw"])


def spoken(language: str) -> dict[str, str]:
    """What the demo site says in one language."""
    return demo_site().texts[language]


# ---------------------------------------------------------------- sizes


@pytest.mark.parametrize(("site", "width"), each_once(SITES, (320, 1280)))
def test_every_control_is_a_target_of_24_pixels(
    browser: Browser, found: Variants, site: str, width: int
) -> None:
    """WCAG SC 2.5.8, without its exceptions; and nothing scrolls sideways."""
    with caller(browser, found, viewport={"width": width, "height": 740}) as who:
        page = visit(who, site)
        assert small(layer(page)) == []
        assert sideways(page) == 0

        control(page, "accept_all").click()
        expect(control(page, "withdraw")).to_be_visible()
        assert small(page.locator("holdfire-ui .back")) == []
        assert sideways(page) == 0


def small(part: Locator) -> list[str]:
    """The controls of a part that are less than 24 px in one direction."""
    found: list[str] = part.evaluate(
        """part => [...part.querySelectorAll('button, a, input, select, summary')]
          .filter(one => one.getClientRects().length)
          .map(one => [one.textContent, one.getBoundingClientRect()])
          .filter(([, {width, height}]) => width < 24 || height < 24)
          .map(([text, {width, height}]) => `${text}: ${width} x ${height}`)"""
    )
    return found


def sideways(page: Page) -> float:
    """Pixels by which page or first layer can be scrolled sideways."""
    found: float = page.evaluate(
        """() => [document.documentElement, ...[...document.querySelectorAll('holdfire-ui')]
            .flatMap(ours => [...ours.shadowRoot.querySelectorAll('.card, .back')])]
          .reduce((sum, {scrollWidth, clientWidth}) => sum + scrollWidth - clientWidth, 0)"""
    )
    return found


@pytest.mark.parametrize(("site", "zoom"), each_once(SITES, (2, 4)))
def test_nothing_is_lost_at_high_zoom(
    browser: Browser, found: Variants, site: str, zoom: int
) -> None:
    """A window of 1280 by 1024 at 200 % and 400 %: each control comes into view, and is whole."""
    size = {"width": 1280 // zoom, "height": 1024 // zoom}
    with caller(
        browser, found, viewport=size, device_scale_factor=zoom, reduced_motion="reduce"
    ) as who:
        page = who.context.new_page()
        for language in LANGUAGES:
            page.set_extra_http_headers({"accept-language": language})
            page.goto(f"{found.own(site)}/{site}")
            expect(layer(page)).to_have_attribute("lang", language)
            assert sideways(page) == 0
            assert layer(page).evaluate(OUT_OF_REACH) == [], language


OUT_OF_REACH = """async card => {
  const lost = [];
  for (const one of card.querySelectorAll('h2, a, button')) {
    one.scrollIntoView({block: 'nearest'});
    await new Promise(requestAnimationFrame);
    const {left, top, right, bottom} = one.getBoundingClientRect();
    const hit = one.getRootNode().elementFromPoint((left + right) / 2, (top + bottom) / 2);
    const whole = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
    if (!whole || !one.contains(hit)) lost.push(one.textContent);
  }
  return card.querySelectorAll('button').length < 4 ? ['the controls themselves'] : lost;
}"""


SPACING = """line-height: 1.5 !important; letter-spacing: 0.12em !important;
  word-spacing: 0.16em !important"""


@pytest.mark.parametrize(("site", "width"), each_once(SITES, (320, 1280)))
def test_nothing_is_lost_with_more_space_between_letters(
    browser: Browser, found: Variants, site: str, width: int
) -> None:
    """WCAG SC 1.4.12: no text is cut off, overlaps its neighbour or leaves its control."""
    # German has the longest words of those that are looked at.
    with caller(browser, found, viewport={"width": width, "height": 740}, locale="de") as who:
        page = visit(who, site)
        lost = layer(page).evaluate(
            """(card, spacing) => {
              const sheet = new CSSStyleSheet();
              sheet.replaceSync(`* {${spacing}} p {margin-block-end: 2em !important}`);
              card.getRootNode().adoptedStyleSheets.push(sheet);
              const parts = [...card.querySelectorAll('h2, p, a, button')];
              return parts.filter(one => one.scrollWidth > one.clientWidth + 1 && one.clientWidth
                  || one.getBoundingClientRect().right > innerWidth)
                .map(one => one.textContent);
            }""",
            SPACING,
        )
        assert lost == []
        assert sideways(page) == 0


# ---------------------------------------------------------------- seeing


@pytest.mark.parametrize("site", SITES)
def test_controls_have_an_outline_in_forced_colours(
    browser: Browser, found: Variants, site: str
) -> None:
    """With the system's own colours each button, and the card itself, still shows its edge."""
    with caller(browser, found, forced_colors="active") as who:
        page = visit(who, site)
        assert edgeless(layer(page)) == []

        control(page, "accept_all").click()
        expect(control(page, "withdraw")).to_be_visible()
        assert edges(page.locator("holdfire-ui .back")) > 0


def edges(part: Locator) -> float:
    """The width of a part's widest visible border, in pixels."""
    found: float = part.evaluate(
        """part => { const style = getComputedStyle(part);
          return Math.max(...['Top', 'Bottom', 'Left', 'Right']
            .filter(side => style[`border${side}Style`] !== 'none')
            .map(side => parseFloat(style[`border${side}Width`])), 0) }"""
    )
    return found


def edgeless(part: Locator) -> list[str | None]:
    """The buttons, and the part itself, that show no edge."""
    return [
        one.text_content()
        for one in (part, *part.locator(".actions button").all())
        if edges(one) == 0
    ]


@pytest.mark.parametrize(("wish", "moves"), [("reduce", False), ("no-preference", True)])
def test_nothing_moves_for_who_wants_no_motion(
    browser: Browser, found: Variants, wish: Any, *, moves: bool
) -> None:
    """The first layer rises into place only where that is welcome."""
    with caller(browser, found, reduced_motion=wish) as who:
        page = visit(who)
        name = layer(page).evaluate("card => getComputedStyle(card).animationName")

        assert (name != "none") is moves


def test_arabic_is_laid_out_from_the_right(browser: Browser, found: Variants) -> None:
    """The first answer stands to the right of the second, the card at the right edge."""
    with caller(browser, found, locale="ar") as who:
        page = visit(who)
        accept, refuse = (
            control(page, name).bounding_box() for name in ("accept_all", "reject_all")
        )
        card = layer(page).bounding_box()
        assert accept is not None
        assert refuse is not None
        assert card is not None

        assert accept["x"] > refuse["x"]
        assert card["x"] + card["width"] > 1280 - 40


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_focus_can_be_seen(browser: Browser, found: Variants, scheme: Any) -> None:
    """Every control shows an outline of 2 px or more, 3:1 against what is around it."""
    with caller(browser, found, color_scheme=scheme) as who:
        page = visit(who)
        for name in ("language", "accept_all", "reject_all", "settings"):
            tab_to(page, name)
            assert contrast(page) >= 3, name

        control(page, "accept_all").click()
        expect(control(page, "withdraw")).to_be_visible()
        for name in ("preferences", "withdraw"):
            tab_to(page, name)
            assert contrast(page) >= 3, name


def contrast(page: Page) -> float:
    """Of the focused control's outline against the surface it stands on; 0 without an outline."""
    found: float = page.evaluate(
        """() => {
          const active = document.activeElement.shadowRoot.activeElement;
          const {outlineColor, outlineStyle, outlineWidth} = getComputedStyle(active);
          if (outlineStyle === 'none' || parseFloat(outlineWidth) < 2) return 0;
          const around = getComputedStyle(active.closest('.card, .back')).backgroundColor;
          const light = colour => {
            const [r, g, b] = colour.match(/[\\d.]+/g).map(value => {
              const part = value / 255;
              return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
            });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
          };
          const [one, other] = [light(outlineColor), light(around)];
          return Math.max(one, other) / Math.min(one, other);
        }"""
    )
    return found


@pytest.mark.parametrize(
    ("site", "size"), each_once(("box", "bar", "dialog"), ((390, 740), (1280, 800)))
)
def test_the_first_layer_never_covers_what_has_the_focus(
    browser: Browser, found: Variants, site: str, size: tuple[int, int]
) -> None:
    """WCAG SC 2.4.11: Tab through all links of the page, down and up again."""
    width, height = size
    with caller(browser, found, viewport={"width": width, "height": height}) as who:
        page = visit(who, site)
        tab_to(page, "p0")
        for key in ("Tab",) * 39 + ("Shift+Tab",) * 39:
            page.keyboard.press(key)
            covered = page.evaluate(
                """() => {
                  const it = document.activeElement.getBoundingClientRect();
                  const [card] = [...document.querySelectorAll('holdfire-ui')]
                    .flatMap(ours => [...ours.shadowRoot.querySelectorAll('.card')]);
                  const over = card.getBoundingClientRect();
                  return it.top >= over.top && it.bottom <= over.bottom
                    && it.left >= over.left && it.right <= over.right;
                }"""
            )
            assert not covered, focused(page)
