"""How Holdfire behaves in somebody else's page: it keeps to the page's rules, and out of its way."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from variants import FILLER, Caller, Variants, caller, each_once, variants
from visits import launching, stop

STRICT = (
    "script-src 'nonce-__NONCE__' 'strict-dynamic'; style-src 'self';"
    " require-trusted-types-for 'script'; trusted-types {names}"
)
WATCH = """<script nonce="__NONCE__">
  window.violations = [];
  document.addEventListener('securitypolicyviolation',
    e => violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
  window.told = [];
  (window.holdfire = []).push(h => h.on('error', ({cause}) => told.push(String(cause))));
</script>"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variants]:
    """The service with all variants of the demo site."""
    with variants(tmp_path_factory.mktemp("variants")) as running:
        yield running


@pytest.fixture
def who(browser: Browser, found: Variants) -> Iterator[Caller]:
    """A fresh visitor with nothing special about them."""
    with caller(browser, found) as fresh:
        yield fresh


def control(page: Page, name: str) -> Locator:
    """A control of Holdfire's, wherever it stands."""
    return page.locator(f'holdfire-ui [data-control="{name}"]')


def layer(page: Page) -> Locator:
    """The first layer."""
    return page.locator('holdfire-ui [data-layer="1"]')


def decided(page: Page, category: str = "analytics") -> Any:
    """What holds, and why."""
    return page.evaluate("id => window.holdfire.decision(id)", category)


# ---------------------------------------------------------------- the page's security policy


def test_the_strictest_policy_is_kept(who: Caller) -> None:
    """Banner, settings, corner, withdrawal and a released tag under nonces and Trusted Types."""
    inline = (
        '<script type="text/plain" data-category="analytics" nonce="__NONCE__">'
        "(window.ran = window.ran || []).push('inline')</script>"
    )
    address = who.variants.write(
        "/strict",
        who.variants.tag("fetched") + inline + FILLER,
        head=WATCH + who.variants.boot(),
        policy=STRICT.format(names="holdfire"),
    )
    page = who.open(address)
    control(page, "settings").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    control(page, "accept_all").click()
    page.wait_for_function("() => window.ran?.length === 2")
    control(page, "withdraw").click()
    page.wait_for_function("() => !window.holdfire.allowed('analytics')")
    expect(control(page, "withdraw")).to_be_hidden()

    assert page.evaluate("() => window.ran") == ["fetched", "inline"]
    assert page.evaluate("() => [violations, told]") == [[], []]


def test_where_our_trusted_types_policy_is_not_listed_tags_stay_held(who: Caller) -> None:
    """Nothing throws, the choice is made and recorded, and the page is told of each failure."""
    address = who.variants.write(
        "/unlisted",
        who.variants.tag("unlisted") + FILLER,
        head=WATCH + who.variants.boot(),
        policy=STRICT.format(names="other"),
    )
    page = who.open(address)
    control(page, "accept_all").click()
    page.wait_for_function("() => told.length > 0")

    assert decided(page)["allow"] is True
    assert who.fired() == []
    assert page.locator("script[type='text/plain']").count() == 1


# ---------------------------------------------------------------- the page stays in use


@pytest.mark.parametrize("site", ["box", "bar", "dialog"])
def test_the_page_scrolls_and_clicks_under_the_first_layer(who: Caller, site: str) -> None:
    """The banner is a region of the page: nothing is blocked, scrolled or focused."""
    top = '<button id="bag" onclick="this.textContent = \'pressed\'">Add</button>'
    page = who.open(
        who.variants.write("/use", top + FILLER, site=site, head=who.variants.boot(site))
    )
    expect(layer(page)).to_be_visible()

    assert page.get_by_role("dialog").count() == 0
    assert page.evaluate("() => document.activeElement === document.body")
    page.locator("#bag").click()
    expect(page.locator("#bag")).to_have_text("pressed")
    page.mouse.move(20, 20)
    page.mouse.wheel(0, 300)
    page.wait_for_function("() => scrollY === 300")
    expect(layer(page)).to_be_visible()


def test_only_where_the_site_says_so_the_page_waits(who: Caller) -> None:
    """A blocking first layer keeps clicks from the page until it is answered."""
    top = '<button id="bag" onclick="this.textContent = \'pressed\'">Add</button>'
    page = who.open(
        who.variants.write("/wait", top, site="blocking", head=who.variants.boot("blocking"))
    )
    expect(layer(page)).to_be_visible()
    page.mouse.click(*middle(page.locator("#bag")))
    expect(page.locator("#bag")).to_have_text("Add")

    control(page, "reject_all").click()
    page.mouse.click(*middle(page.locator("#bag")))
    expect(page.locator("#bag")).to_have_text("pressed")


def middle(of: Locator) -> tuple[float, float]:
    """The point to click at."""
    box = of.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


FILTER = """
chrome.tabs.onUpdated.addListener((tabId) => {
  const css = 'holdfire-ui { display: none !important }';
  chrome.scripting.insertCSS({target: {tabId}, origin: 'USER', css}).catch(() => {});
});
"""


@pytest.mark.parametrize("site", ["box", "blocking"])
def test_a_layer_that_a_filter_list_hides_is_taken_away(
    browser: Browser, found: Variants, tmp_path: Path, site: str
) -> None:
    """A real extension hides it: after four seconds the page is free, told, and nothing granted."""
    extension = tmp_path / "filter"
    extension.mkdir()
    manifest = {
        "manifest_version": 3,
        "name": "A cosmetic filter",
        "version": "1",
        "permissions": ["scripting"],
        "host_permissions": ["<all_urls>"],
        "background": {"service_worker": "filter.js"},
    }
    (extension / "manifest.json").write_text(json.dumps(manifest))
    (extension / "filter.js").write_text(FILTER)
    context = browser.browser_type.launch_persistent_context(
        str(tmp_path / "profile"),
        ignore_default_args=["--disable-extensions"],
        **launching(f"--load-extension={extension}", f"--disable-extensions-except={extension}"),
    )
    if not context.service_workers:
        context.wait_for_event("serviceworker")
    page = context.new_page()
    page.clock.install()
    body = "<button id=bag onclick=\"this.textContent = 'pressed'\">Add</button>"
    page.goto(
        found.write("/hidden", found.tag("hidden") + body, site=site, head=WATCH + found.boot(site))
    )
    page.wait_for_function("""() => {
      const ours = document.querySelector('holdfire-ui');
      return ours?.shadowRoot.querySelector('.card') && getComputedStyle(ours).display === 'none';
    }""")
    assert layer(page).count() == 1
    page.clock.fast_forward(4_001)

    expect(layer(page)).to_have_count(0)
    assert page.evaluate("() => told.length") == 1
    assert decided(page) == {"allow": False, "reason": "default_denied"}
    page.mouse.click(*middle(page.locator("#bag")))
    expect(page.locator("#bag")).to_have_text("pressed")
    assert page.evaluate("() => window.ran") is None
    context.close()


def test_a_page_that_always_takes_the_banner_away_wins_and_is_not_frozen(who: Caller) -> None:
    """Holdfire comes back some hundred times, not for ever; what is held stays held."""
    greedy = """<script>new MutationObserver(() => {
      for (const ours of document.querySelectorAll('holdfire-ui')) ours.remove();
    }).observe(document, {childList: true, subtree: true})</script>"""
    address = who.variants.write(
        "/greedy", who.variants.tag("greedy") + FILLER, head=greedy + who.variants.boot()
    )
    page = who.open(address)
    page.locator("#p1").click()

    assert page.locator("holdfire-ui").count() == 0
    assert decided(page)["allow"] is False


# ---------------------------------------------------------------- robots, paper, thrift


@pytest.mark.parametrize(
    ("site", "agent", "shown"),
    [
        ("shy", "Mozilla/5.0 (compatible; Examplebot/2.1)", False),
        ("box", "Mozilla/5.0 (compatible; Examplebot/2.1)", True),
        ("shy", "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0", True),
    ],
)
def test_only_robots_that_say_so_are_spared_and_only_if_the_site_opts_in(
    browser: Browser, found: Variants, site: str, agent: str, *, shown: bool
) -> None:
    """A robot sees no banner on a site that wants it so; nothing is granted to it either."""
    with caller(browser, found, user_agent=agent) as who:
        # A browser under automation says that it is one, which is a robot's word too.
        who.context.add_init_script(
            "Object.defineProperty(Navigator.prototype, 'webdriver', {get: () => false})"
        )
        page = who.open(found.write("/robot", FILLER, site=site, head=found.boot(site)))
        page.wait_for_load_state("networkidle")

        assert layer(page).count() == int(shown)
        assert decided(page)["allow"] is False


@pytest.mark.parametrize("site", ["box", "bar", "blocking"])
def test_nothing_of_it_is_printed(who: Caller, site: str) -> None:
    """Neither first layer nor corner comes onto paper."""
    page = who.open(who.variants.write("/paper", FILLER, site=site, head=who.variants.boot(site)))
    expect(layer(page)).to_be_visible()
    page.emulate_media(media="print")
    expect(layer(page)).to_be_hidden()

    page.emulate_media(media="screen")
    control(page, "reject_all").click()
    expect(control(page, "preferences")).to_be_visible()
    page.emulate_media(media="print")
    expect(control(page, "preferences")).to_be_hidden()


SAVES_DATA = """Object.defineProperty(Navigator.prototype, 'connection', {
  get: () => ({saveData: true})})"""
REDUCES_DATA = """{ const ask = window.matchMedia;
  window.matchMedia = query => query.includes('prefers-reduced-data')
    ? {matches: true} : ask.call(window, query) }"""


@pytest.mark.parametrize("wish", [SAVES_DATA, REDUCES_DATA])
def test_who_saves_data_gets_nothing_ahead_of_need(who: Caller, wish: str) -> None:
    """One request asks; what carries a choice is fetched when there is one, which still arrives."""
    who.context.add_init_script(wish)
    page = who.open(who.variants.write("/thrift", FILLER, head=who.variants.boot()))
    expect(layer(page)).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert who.ours() == ["/s/box.js"]

    with page.expect_response(lambda r: "/choices" in r.url) as answer:
        control(page, "reject_all").click()
    assert answer.value.status == 201


def test_who_does_not_gets_the_courier_while_they_read(who: Caller) -> None:
    """So that their choice leaves at once."""
    page = who.open(who.variants.write("/plenty", FILLER, head=who.variants.boot()))
    expect(layer(page)).to_be_visible()
    page.wait_for_load_state("networkidle")

    assert [path.split(".")[0] for path in who.ours()] == ["/s/box", "/assets/courier"]


# ---------------------------------------------------------------- asking once


def test_a_refusal_is_not_asked_again_before_its_date(who: Caller) -> None:
    """Not on reload, on another page, in another tab or the next day; in Germany after 180 days."""
    first = who.variants.write("/first", FILLER, head=who.variants.boot())
    other = who.variants.write("/other", FILLER, head=who.variants.boot())
    who.context.clock.install()
    page = who.open(first)
    with page.expect_response(lambda r: "/choices" in r.url):
        control(page, "reject_all").click()

    def silent(at: Page) -> None:
        at.wait_for_function("() => !!window.holdfire?.ready")
        expect(control(at, "preferences")).to_be_attached()
        assert layer(at).count() == 0
        assert at.evaluate("() => window.holdfire.decision('analytics').reason") == "choice_denied"

    def come_back(days: int) -> None:
        # Only the date moves: timers that wait for days are not what a visitor comes back to.
        who.context.clock.set_system_time(begun + timedelta(days=days))
        page.reload()

    begun = datetime.now(UTC)
    page.reload()
    silent(page)
    silent(who.open(other))
    for days in (1, 179):
        come_back(days)
        silent(page)

    come_back(181)
    expect(layer(page)).to_be_visible()
    assert decided(page)["allow"] is False


# ---------------------------------------------------------------- pages that come and go


def test_a_choice_made_meanwhile_holds_on_a_page_from_the_back_forward_cache(
    browser: Browser, found: Variants
) -> None:
    """The first page comes back as it was left, but for the banner: its tags fire."""
    held = browser.browser_type.launch(
        ignore_default_args=["--disable-back-forward-cache"], **launching()
    )
    head = "<script>window.came = []; onpageshow = e => came.push(e.persisted)</script>"
    start = found.write("/start", found.tag("start") + FILLER, head=head + found.boot())
    following = found.write("/following", FILLER, head=found.boot())
    with caller(held, found) as who:
        page = who.open(start)
        expect(layer(page)).to_be_visible()
        page.goto(following)
        control(page, "accept_all").click()
        page.go_back(wait_until="commit")  # what comes from there does not load again

        page.wait_for_function("() => window.ran?.[0] === 'start'")
        assert page.evaluate("() => came") == [False, True]
        expect(layer(page)).to_have_count(0)
    held.close()


PRERENDERED = """<script>
  const say = what => fetch(`/said/${what}`, {keepalive: true});
  const state = () => `${typeof holdfire}-${!!document.querySelector('holdfire-ui')}`;
  say(`${document.prerendering ? 'prepared' : 'opened'}-${state()}`);
  addEventListener('load', () => setTimeout(() => say(`loaded-${state()}`), 300));
  document.addEventListener('prerenderingchange', () => {
    const look = () => document.querySelector('holdfire-ui')
      ? say(`activated-${state()}`) : setTimeout(look, 50);
    look();
  });
</script>"""


def test_a_page_that_is_only_prerendered_is_nobodys_visit_yet(
    browser: Browser, found: Variants, tmp_path: Path
) -> None:
    """No banner, no API and no tag before it is shown; then all of it.

    Under automation Chromium does not prerender: this one runs by itself, and its pages report.
    """
    rules = json.dumps({"prerender": [{"urls": ["/prepared"], "eagerness": "immediate"}]})
    found.write("/prepared", found.tag("prepared") + FILLER, head=PRERENDERED + found.boot())
    address = found.write(
        "/preparing",
        f'<a id="go" href="/prepared">Go</a><script type="speculationrules">{rules}</script>',
        head="<script>"
        "const look = () => fetch('/may-go').then(r => r.text()).then(text =>"
        " text.includes('yes') ? go.click() : setTimeout(look, 100)); look()</script>",
    )
    started = launching("--headless", f"--user-data-dir={tmp_path}")
    process = subprocess.Popen(
        [started["executable_path"], *started["args"], address],
        text=True,
        stderr=subprocess.DEVNULL,
    )
    page = browser.new_page()  # for its patience
    try:

        def said(what: str) -> str:
            for _ in range(200):
                for path in found.asked:
                    if path.startswith(f"/said/{what}"):
                        return path.removeprefix("/said/")
                page.wait_for_timeout(50)
            raise AssertionError(f"never {what}: {found.asked}")

        assert said("prepared") == "prepared-undefined-false"
        assert said("loaded") == "loaded-undefined-false"
        found.write("/may-go", "yes")
        assert said("activated") == "activated-object-true"
    finally:
        page.close()
        stop(process)


# ---------------------------------------------------------------- pages that change under it


def swapped(page: Page) -> None:
    """What Turbo and its kind do when the visitor follows a link."""
    page.evaluate(
        """() => {
          history.pushState(null, '', '/swapped');
          const body = document.createElement('body');
          body.innerHTML = '<h1>Another page</h1><a href="#x" id="x">a link</a>';
          document.body.replaceWith(body);
        }"""
    )


def hydrated(page: Page) -> None:
    """What a framework does that takes over the body and knows nothing of us."""
    page.evaluate(
        """() => {
          history.pushState(null, '', '/hydrated');
          for (const child of [...document.body.children]) child.remove();
          document.body.append(document.createElement('main'));
        }"""
    )


@pytest.mark.parametrize("change", [swapped, hydrated])
@pytest.mark.parametrize("site", ["box", "blocking"])
def test_the_banner_outlives_the_body_it_stood_in(who: Caller, site: str, change: Any) -> None:
    """It comes back at once with the focus where it was, and one press still answers it."""
    page = who.open(who.variants.write("/spa", FILLER, site=site, head=who.variants.boot(site)))
    expect(layer(page)).to_be_visible()
    control(page, "reject_all").focus()
    change(page)

    expect(layer(page)).to_be_visible()
    expect(control(page, "reject_all")).to_be_focused()
    page.keyboard.press("Enter")
    expect(layer(page)).to_have_count(0)
    assert decided(page)["reason"] == "choice_denied"


@pytest.mark.parametrize("change", [swapped, hydrated])
def test_the_way_back_and_the_choice_outlive_it_too(who: Caller, change: Any) -> None:
    """The corner stands in the new body, and settings that were open keep what was switched."""
    page = who.open(who.variants.write("/spa", FILLER, head=who.variants.boot()))
    control(page, "reject_all").click()
    control(page, "preferences").click()
    page.get_by_role("switch", name="Statistics", exact=True).click()
    change(page)

    expect(page.get_by_role("switch", name="Statistics", exact=True)).to_be_checked()
    control(page, "save").click()
    page.wait_for_function("() => window.holdfire.allowed('analytics')")
    change(page)
    expect(control(page, "preferences")).to_be_visible()
    assert layer(page).count() == 0


def test_a_body_that_changes_takes_no_focus_for_the_banner(who: Caller) -> None:
    """Who is elsewhere stays there."""
    page = who.open(who.variants.write("/spa", FILLER, head=who.variants.boot()))
    control(page, "reject_all").focus()
    page.locator("#p1").focus()
    swapped(page)

    expect(layer(page)).to_be_visible()
    assert page.evaluate("() => document.activeElement === document.body")


def test_what_is_written_while_the_page_is_read_is_held_and_released_in_order(who: Caller) -> None:
    """``document.write`` makes marked tags like any others."""
    write = who.variants.tag("written").replace("</", "<\\/")
    body = who.variants.tag("before") + f"<script>document.write('{write}')</script>"
    address = who.variants.write(
        "/writes", body + who.variants.tag("after") + FILLER, head=who.variants.boot()
    )
    page = who.open(address)
    expect(layer(page)).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert who.fired() == []

    control(page, "accept_all").click()
    page.wait_for_function("() => window.ran?.length === 3")
    assert page.evaluate("() => window.ran") == ["before", "written", "after"]


def test_a_document_that_is_written_anew_holds_its_tags(who: Caller) -> None:
    """``document.open`` takes every listener: no dead banner is left, and the tags wait on."""
    page = who.open(who.variants.write("/anew", FILLER, head=who.variants.boot()))
    expect(layer(page)).to_be_visible()
    page.evaluate(
        """tag => {
          const [{nonce}] = document.querySelectorAll('script[nonce]');
          document.open();
          document.write('<!doctype html><title>Anew</title><body><p>Anew</p>');
          document.write(tag.replace('__NONCE__', nonce));
          document.close();
        }""",
        who.variants.tag("anew"),
    )
    page.wait_for_load_state("networkidle")
    assert who.fired() == []
    assert page.locator("holdfire-ui").count() == 0

    page.evaluate("() => window.holdfire.acceptAll()")
    page.wait_for_function("() => window.ran?.[0] === 'anew'")


# ---------------------------------------------------------------- layout and frames

SHIFTS = """window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach(
  entry => { window.shift += entry.value })).observe({type: 'layout-shift', buffered: true})"""


@pytest.mark.parametrize(
    ("site", "width"), each_once(("box", "bar", "dialog", "blocking"), (390, 1280))
)
def test_nothing_moves_when_it_comes_and_when_it_goes(
    browser: Browser, found: Variants, site: str, width: int
) -> None:
    """Cumulative layout shift is nought, at the page's top and at its end."""
    with caller(browser, found, viewport={"width": width, "height": 740}) as who:
        who.context.add_init_script(SHIFTS)
        page = who.open(found.write("/still", FILLER, site=site, head=found.boot(site)))
        expect(layer(page)).to_be_visible()
        frames(page)
        page.evaluate("() => scrollTo(0, document.body.scrollHeight / 2)")
        frames(page)
        control(page, "reject_all").click()
        expect(control(page, "preferences")).to_be_visible()
        frames(page)

        assert page.evaluate("() => window.shift") == 0


def frames(page: Page) -> None:
    """Let the page be painted, twice."""
    page.evaluate("() => new Promise(f => requestAnimationFrame(() => requestAnimationFrame(f)))")


@pytest.mark.parametrize("name", ["accept_all", "reject_all"])
@pytest.mark.parametrize("site", ["box", "blocking"])
def test_an_answer_is_seen_in_the_next_frame(who: Caller, site: str, name: str) -> None:
    """On a slow machine too: the layer has left the document before the click's own task is over."""
    page = who.open(who.variants.write("/quick", FILLER, site=site, head=who.variants.boot(site)))
    who.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": 4})
    expect(layer(page)).to_be_visible()
    page.evaluate(
        """() => addEventListener('click', ({isTrusted}) => {
          const left = [...document.querySelectorAll('holdfire-ui')]
            .filter(ours => ours.shadowRoot.querySelector('[data-layer]'));
          window.seen = {isTrusted, left: left.length, allowed: holdfire.allowed('analytics')};
        })"""
    )
    control(page, name).click()

    assert page.evaluate("() => window.seen") == {
        "isTrusted": True,
        "left": 0,
        "allowed": name == "accept_all",
    }


# ---------------------------------------------------------------- styles

HOSTILE = """<style>
  * { all: unset !important; display: none !important; font-size: 40px !important;
      letter-spacing: 1em !important; direction: rtl !important }
  :root { font-size: 60px; zoom: 1; writing-mode: vertical-rl }
  div, section, dialog, button, h2, p, a, svg, span { position: static !important;
    visibility: hidden !important; opacity: 0 !important; background: red !important;
    width: 1px !important; transform: rotate(9deg) !important; pointer-events: none !important }
  html, head + body { display: block !important }
  holdfire-ui { display: none !important; visibility: hidden !important; opacity: 0 !important;
    font: 40px cursive !important; color: red !important; content-visibility: hidden !important;
    zoom: 3 !important; filter: blur(9px) !important; transform: scale(0) !important }
  holdfire-ui::before { content: 'hostile' }
  @keyframes rise { to { opacity: 0 } }
</style>"""
STYLES = """[...document.querySelectorAll('holdfire-ui')].flatMap(ours =>
  [...ours.shadowRoot.querySelectorAll('.card, .card *, .back, .back *')].map(node => {
    const style = getComputedStyle(node);
    // The font is the page's own on purpose.
    const names = [...style].filter(name => name !== 'font-family' && !name.startsWith('--'));
    const {width, height} = node.getBoundingClientRect();
    return [node.className.toString(), width, height, ...names.map(n => `${n}: ${style[n]}`)];
  }))"""


def drawn(page: Page, what: str) -> list[Any]:
    """Box and computed style of each element. As JSON: Playwright would wrap every string of it."""
    found: list[Any] = json.loads(page.evaluate(f"() => JSON.stringify({what})"))
    return found


@pytest.mark.parametrize("site", ["box", "bar", "blocking"])
def test_a_hostile_style_sheet_does_not_reach_in(
    browser: Browser, found: Variants, site: str
) -> None:
    """Every element of ours has the same box and computed style as on a clean page."""
    found.write("/clean", FILLER, site=site, head=found.boot(site))
    found.write("/hostile", FILLER, site=site, head=HOSTILE + found.boot(site))
    seen: dict[str, list[Any]] = {"/clean": [], "/hostile": []}
    for path, looks in seen.items():
        with caller(browser, found, reduced_motion="reduce") as who:
            page = who.open(found.own(site) + path)
            expect(layer(page)).to_be_visible()
            looks.append(drawn(page, STYLES))
            control(page, "reject_all").click()
            expect(control(page, "preferences")).to_be_visible()
            looks.append(drawn(page, STYLES))

    for clean, hostile in zip(seen["/clean"], seen["/hostile"], strict=True):
        assert len(clean) == len(hostile) > 0
        for one, other in zip(clean, hostile, strict=True):
            assert set(other) - set(one) == set()


OWN = """[...document.body.querySelectorAll('*')].filter(n => n.localName !== 'holdfire-ui')
  .map(node => { const style = getComputedStyle(node);
    const {x, y, width, height} = node.getBoundingClientRect();
    return [x, y, width, height, ...[...style].map(name => `${name}: ${style[name]}`)] })"""


@pytest.mark.parametrize("site", ["box", "bar", "dialog"])
def test_our_style_sheet_does_not_reach_out(who: Caller, site: str) -> None:
    """Every element of the page has the same place and computed style as without us."""
    body = FILLER + '<button class="button card root">B</button><h2>H</h2><dialog open>D</dialog>'
    page = who.context.new_page()
    page.goto(who.variants.write("/alone", body, site=site))
    alone = drawn(page, OWN)
    page = who.open(who.variants.write("/shared", body, site=site, head=who.variants.boot(site)))
    expect(layer(page)).to_be_visible()
    frames(page)

    assert drawn(page, OWN) == alone
    control(page, "reject_all").click()
    expect(control(page, "preferences")).to_be_visible()
    assert drawn(page, OWN) == alone
    assert page.evaluate("() => document.documentElement.style.cssText") == ""


# ---------------------------------------------------------------- the network


def test_nobody_but_the_service_is_asked_for_anything(who: Caller) -> None:
    """From banner to withdrawal: the page, the service, and the one tag that was allowed."""
    page = who.open(
        who.variants.write("/hosts", who.variants.tag("hosts") + FILLER, head=who.variants.boot())
    )
    control(page, "settings").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    control(page, "accept_all").click()
    page.wait_for_function("() => window.ran?.length === 1")
    control(page, "withdraw").click()
    expect(control(page, "withdraw")).to_be_hidden()
    page.wait_for_load_state("networkidle")

    foreign = [r.url for r in who.requests if not r.url.startswith(who.variants.own("box"))]
    assert foreign == [f"{who.variants.third}/tag/hosts.js"]
