"""Hostile pages: whatever a page has broken, a "no" holds, nothing fires, and the page goes on."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from hostilities import (
    BARRED,
    BESIDE,
    CLOBBERED,
    COPIES,
    FRAMED,
    FROZEN,
    HOSTILITIES,
    POLLUTED,
    Hostility,
)
from hosting import threaded
from playwright.sync_api import Browser, Page
from starlette.requests import Request as Asked
from starlette.responses import Response
from starlette.routing import Route
from visits import SETTLE_MS, Profile

from holdfire import app, serving
from holdfire.sites import load_locales, load_sites
from house import ROOT, settings

SITE = """\
name = "Shop"
origins = {origins}
default_language = "en"

[intercept]
mode = "{mode}"

[links]
privacy_policy = "https://shop.example/privacy"

[[category]]
id = "necessary"

[[category]]
id = "{category}"

[[service]]
id = "canary"
name = "Canary"
category = "{category}"
provider = "Somebody"
hosts = ["127.0.0.1"]
"""

# The page's own tools are fetched before anybody touches them: what fails later is not theirs. Keys
# are its controls, and the console is its voice: neither Playwright nor we run code of ours here.
PROBE = """
  window.probe = (() => {
    const {apply} = Reflect, {then} = Promise.prototype, {log} = console;
    const say = (word, text) => log(`probe ${word} ${text}`);
    const attempt = (act) => { try { return act(); } catch { return undefined; } };
    addEventListener("error", (event) => say("fault", event.message));
    addEventListener("unhandledrejection", ({reason}) => say("fault", `rejected: ${reason}`));
    addEventListener("keydown", ({key}) => {
      if (key === "y") attempt(() => holdfire.acceptAll());
      if (key === "n") attempt(() => holdfire.rejectAll());
      if (key === "?") say("allowed", attempt(() => holdfire.allowed("marketing")) ?? "nobody");
    }, true);
    return {
      say,
      attempt,
      hush: (promise) => apply(then, promise, [undefined, () => {}]),
    };
  })();
"""
MARKED = """
<script type="text/plain" data-category="marketing" data-src="{canary}/script"></script>
<script type="text/plain" data-category="marketing" data-service="canary">
  new Image().src = "{canary}/inline";
</script>
<iframe data-category="marketing" data-src="{canary}/frame"></iframe>
<img alt="" data-service="canary" data-src="{canary}/img">
"""
UNMARKED = """
<div id="spot"></div>
<script>
  probe.attempt(() => {
    const script = document.createElement("script");
    script.src = "{canary}/created";
    document.head.append(script);
  });
  probe.attempt(() => { new Image().src = "{canary}/image"; });
  probe.attempt(() => probe.hush(fetch("{canary}/fetch", {mode: "no-cors"})));
  probe.attempt(() => navigator.sendBeacon("{canary}/beacon", "x"));
  probe.attempt(() => {
    document.getElementById("spot").innerHTML = '<iframe src="{canary}/markup"></iframe>';
  });
</script>
"""

END = '<script>probe.say("end", "reached")</script>'
PAGE = """\
<!doctype html>
<html lang="en"><head><title>Shop</title><link rel="icon" href="data:,">
<script>{probe}</script>
<script>{{ {code} }}</script>
</head><body>
{markup}
<script src="/s/{site}.js?geo=DE"></script>
{after}
{rest}
</body></html>
"""
OUTSIDE = """\
<!doctype html>
<html lang="en"><head><title>Outside</title><link rel="icon" href="data:,"></head><body>
<iframe sandbox="allow-scripts" src="?inside"></iframe>
<script>
  const inside = document.querySelector("iframe").contentWindow;
  addEventListener("keydown", ({key}) => inside.postMessage(key, "*"));
</script></body></html>
"""
THEIRS = {
    "orejime": "orejime/dist/orejime-standard-en.js",
    "vanilla-cookieconsent": "vanilla-cookieconsent/dist/cookieconsent.umd.js",
}
POLICY = "default-src * 'unsafe-inline' data: blob:; frame-ancestors *"
INSTALLED = ROOT / "sdk/consumers/node_modules"
FIRES = {"script", "inline", "frame", "img"}
GOES = {"created", "image", "fetch", "beacon", "markup"}
HEARD_MS = 100  # how long what a page says may take to reach us
BATCH = 24  # pages that live at a time
PATIENCE_MS = 8_000  # how long a page that is to do something may take on a loaded machine
# What unmarked requests go through is built of the same lists, strings and promises as the rest.
PAGES = [("hold", name) for name in {**POLLUTED, **FROZEN, **BESIDE, **FRAMED}]
PAGES += [("mark", name) for name in {**CLOBBERED, **BARRED, **COPIES}]


@dataclass
class Look:
    """What one moment of a page showed."""

    hits: Counter[str]  # what was asked of the canary since the moment before
    said: list[tuple[str, str]]  # what the page said since then: a word, and a text

    def texts(self, word: str) -> set[str]:
        """What it said under this word."""
        return set(self.told(word))

    def told(self, word: str) -> list[str]:
        """The same, as often as it was said."""
        return [text for said, text in self.said if said == word]


@dataclass
class Ground:
    """One service with three sites, their pages, and the canary: one server under several names."""

    port: int

    @property
    def canary(self) -> str:
        """Address of everything that must stay silent."""
        return f"http://127.0.0.1:{self.port}/hit"

    def html(self, site: str, hostility: Hostility) -> str:
        """A page of the site, with what makes it hostile before our boot script."""
        rest = MARKED + (UNMARKED if site == "hold" else "") + END
        there = {"site": site, "port": str(self.port), "canary": self.canary}

        def filled(text: str) -> str:
            for name, value in there.items():
                text = text.replace("{" + name + "}", value)
            return text

        return PAGE.format(
            probe=PROBE,
            code=hostility.code,
            markup=filled(hostility.markup),
            site=site,
            after=filled(hostility.after),
            rest=filled(rest),
        )

    def origin(self, site: str, number: int) -> str:
        """The origin of a hostile page, which nothing that it keeps leaves."""
        return f"http://{number}.{site}.localhost:{self.port}"

    def address(self, site: str, name: str) -> str:
        """Where the page is on which this hostility awaits."""
        number = list(HOSTILITIES).index(name)
        return f"{self.origin(site, number)}/{number}"


@contextmanager
def ground_at(folder: Path) -> Iterator[Ground]:
    """Run it in this process, until the tests are through with it."""
    with serving.listen("127.0.0.1", 0) as listener:
        found = Ground(listener.getsockname()[1])
        for name, category in (
            ("mark", "marketing"),
            ("hold", "marketing"),
            ("other", "analytics"),
        ):
            text = SITE.format(
                origins=[found.origin(name, number) for number in range(len(HOSTILITIES))],
                mode="hold" if name == "hold" else "off",
                category=category,
            )
            (folder / f"{name}.toml").write_text(text, "utf-8")
        sites = load_sites(folder, load_locales(ROOT / "config/locales"))
        kinds = {"script": "text/javascript", "created": "text/javascript"}

        async def hit(request: Asked) -> Response:
            kind = kinds.get(request.path_params["way"], "text/html")
            return Response("", media_type=kind, headers={"cache-control": "no-store"})

        async def page(request: Asked) -> Response:
            site, number = request.url.hostname or "", request.path_params["number"]
            hostility = list(HOSTILITIES.values())[number]
            outside = hostility.sandboxed and not request.url.query
            html = OUTSIDE if outside else found.html(site.split(".")[1], hostility)
            headers = {"content-security-policy": POLICY, "cache-control": "no-store"}
            return Response(html, headers=headers, media_type="text/html")

        async def frame(_: Asked) -> Response:
            headers = {"content-security-policy": POLICY}
            return Response("<!doctype html>", headers=headers, media_type="text/html")

        scripts = {name: (INSTALLED / file).read_bytes() for name, file in THEIRS.items()}

        async def theirs(request: Asked) -> Response:
            return Response(scripts[request.path_params["name"]], media_type="text/javascript")

        options = settings(folder)
        application = app.build(
            options,
            sites,
            demo=True,
            prebuild=False,
            extra_routes=[
                Route("/hit/{way}", hit, methods=["GET", "POST"]),
                Route("/{number:int}", page),
                Route("/frame", frame),
                Route("/theirs/{name}.js", theirs),
            ],
        )
        with threaded(application, options, listener):
            yield found


@dataclass
class Victim(Profile):
    """A visitor of one hostile page."""

    ground: Ground
    mode: str
    name: str
    page: Page = field(init=False)
    said: list[tuple[str, str]] = field(default_factory=list, init=False)
    seen: dict[str, Look] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Go there."""
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.requests.append(request))
        self.page.on("console", lambda message: self.hear(message.text))
        self.page.goto(self.ground.address(self.mode, self.name), wait_until="commit")

    def hear(self, text: str) -> None:
        """Note what the page's own code says; all else on the console is for people."""
        whose, _, rest = text.partition(" ")
        if whose == "probe":
            word, _, told = rest.partition(" ")
            self.said.append((word, told))

    def has_said(self, word: str) -> bool:
        """Whether it was heard since the last look."""
        return any(said == word for said, _ in self.said)

    def hits(self) -> Counter[str]:
        """What was asked of the canary since the last look."""
        addresses = [one.url for one in self.requests]
        return Counter(
            one.rpartition("/")[2] for one in addresses if one.startswith(self.ground.canary)
        )

    def look(self, moment: str) -> None:
        """Note what was to be seen and heard since the last look."""
        self.seen[moment] = Look(self.hits(), self.said)
        self.said = []
        self.requests.clear()


def allowed(name: str) -> Counter[str]:
    """What is to fire, once each, when everything is allowed; nothing where the page is broken."""
    hostility = HOSTILITIES[name]
    if hostility.falls:
        return Counter()
    # Where nothing can be kept, the refusal went with the page on which it was said.
    return Counter(FIRES | GOES if hostility.sandboxed else FIRES)


Stories = dict[tuple[str, str], dict[str, Look]]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """One service for all the pages."""
    with ground_at(tmp_path_factory.mktemp("hostile")) as found:
        yield found


@pytest.fixture(scope="module")
def stories(browser: Browser, ground: Ground) -> Stories:
    """What became of each hostile page."""
    found: Stories = {}
    for at in range(0, len(PAGES), BATCH):
        found |= lived(browser, ground, PAGES[at : at + BATCH])
    return found


def lived(browser: Browser, ground: Ground, keys: list[tuple[str, str]]) -> Stories:
    """Some pages go through one story, in step: what is waited for is waited for once."""
    victims: dict[tuple[str, str], Victim] = {}

    def wait(milliseconds: int) -> None:
        next(iter(victims.values())).page.wait_for_timeout(milliseconds)

    def each(act: Callable[[Victim], object]) -> None:
        for victim in victims.values():
            act(victim)

    def until(done: Callable[[Victim], bool]) -> None:
        for _ in range(0, PATIENCE_MS, HEARD_MS):
            if all(done(victim) for victim in victims.values()):
                return
            wait(HEARD_MS)

    def see(moment: str) -> None:
        wait(SETTLE_MS)
        each(lambda victim: victim.page.keyboard.press("?"))
        until(lambda victim: victim.has_said("allowed"))
        each(lambda victim: victim.look(moment))

    with closing(browser.new_context()) as context:
        for key in keys:
            victims[key] = Victim(context, ground, *key)
        until(lambda victim: victim.has_said("end"))
        see("before")
        each(lambda victim: victim.page.keyboard.press("n"))
        see("refused")
        each(lambda victim: victim.page.reload(wait_until="commit"))
        until(lambda victim: victim.has_said("end"))
        see("refused, later")
        each(lambda victim: victim.page.keyboard.press("y"))
        until(lambda victim: victim.hits() >= allowed(victim.name))
        see("accepted")
    return {key: victim.seen for key, victim in victims.items()}


DENIED: Final = ("before", "refused", "refused, later")
LOADED: Final = ("before", "refused, later")
every_page = pytest.mark.parametrize(("mode", "name"), PAGES)


@every_page
def test_nothing_fires_that_nobody_allowed(stories: Stories, mode: str, name: str) -> None:
    """Before a choice, and after a refusal, on this page and on the next."""
    seen = stories[mode, name]
    beyond = HOSTILITIES[name].beyond

    assert {moment: set(seen[moment].hits) - beyond for moment in DENIED} == {
        moment: set() for moment in DENIED
    }
    for moment in DENIED:
        assert seen[moment].texts("allowed") in ({"false"}, {"nobody"}), moment


@every_page
def test_the_page_goes_on(stories: Stories, mode: str, name: str) -> None:
    """Its own scripts run to the end, and no exception of ours comes among its own."""
    seen = stories[mode, name]

    assert {moment: look.texts("fault") for moment, look in seen.items()} == {
        moment: set() for moment in seen
    }
    ends = Counter({moment: len(look.told("end")) for moment, look in seen.items()})
    assert all(ends[moment] for moment in LOADED)
    # Lists that lie may have us load a page again, for a service said to be taken back: once.
    assert ends.total() <= 2 * len(LOADED)


@pytest.mark.parametrize(
    ("mode", "name"), [page for page in PAGES if not HOSTILITIES[page[1]].falls]
)
def test_an_honest_consent_fires_each_tag_once(stories: Stories, mode: str, name: str) -> None:
    """Where the page has left us enough; what nobody marked was refused before, and is gone."""
    assert stories[mode, name]["accepted"].hits == allowed(name)
