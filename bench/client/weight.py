"""What comes over the network: the bodies that a visitor's browser really fetches."""

from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, Response

from bench.client.contenders import Contender
from bench.client.figures import Sizes, sizes
from bench.client.findings import Weight
from bench.client.pages import MODULES
from bench.client.visit import UNHURRIED, click, open_page, profile, settle, until

KINDS = {"script", "stylesheet", "fetch", "xhr", "font", "image"}
REST_MS = 800.0  # for what follows a click


class Trail:
    """The answers a page has been given: scripts, styles and texts, not the page itself."""

    def __init__(self, page: Page) -> None:
        """Watch a page from now on."""
        self._answers: list[Response] = []
        self._taken: dict[str, bytes] = {}
        page.on("response", lambda answer: self._answers.append(answer))  # noqa: PLW0108 -- Playwright reads a handler's signature, which a builtin has not

    def take(self, until_ms: float = float("inf")) -> dict[str, bytes]:
        """New bodies by path, of requests begun up to a time in milliseconds since 1970."""
        found = {}
        for answer in self._answers:
            request = answer.request
            path = urlsplit(request.url).path
            wanted = request.resource_type in KINDS and request.method == "GET"
            local = request.url.startswith("http") and path not in self._taken
            if wanted and local and request.timing["startTime"] <= until_ms:
                assert answer.ok, f"{request.url}: {answer.status}"
                found[path] = answer.body()
        self._taken |= found
        return found

    def forget(self) -> None:
        """Begin anew."""
        self._answers.clear()
        self._taken.clear()


def weigh(browser: Browser, base: str, contender: Contender, written: str) -> Weight:
    """Weigh one contender; ``written`` is what its owner pastes into the page."""
    with profile(browser, contender) as context:
        first, preferences = _first_visit(context, base, contender)
    with profile(browser, contender) as context:
        upon_choice, returning, again = _return(context, base, contender)
    first |= upon_choice
    own = [body for path, body in first.items() if path in contender.config]
    core = MODULES / contender.core
    return Weight(
        first=sizes(body for path, body in first.items() if path not in contender.config),
        owner=sizes([*own, written.encode()] if written else own),
        preferences=preferences,
        returning=sizes(body for path, body in returning.items() if path not in contender.config),
        again=again,
        core=_core(core) if contender.core else None,
    )


def _core(path: Path) -> Sizes:
    return sizes([path.read_bytes()])


def _first_visit(
    context: BrowserContext, base: str, contender: Contender
) -> tuple[dict[str, bytes], Sizes | None]:
    """Until the banner is on the screen; and what the preference centre needs beyond that."""
    page, _ = open_page(context, UNHURRIED)
    trail = Trail(page)
    settle(page, base, contender, UNHURRIED)
    shown: float = page.evaluate("() => bench.origin + (bench.visible() ?? 0)")
    first = trail.take(shown)
    if not contender.settings:
        return first | trail.take(), None
    click(page, contender.settings)
    until(page, contender.preferences, shown=True)
    page.wait_for_timeout(REST_MS)
    return first, sizes(trail.take().values())


def _return(
    context: BrowserContext, base: str, contender: Contender
) -> tuple[dict[str, bytes], dict[str, bytes], int]:
    """What a choice loads; then a view with an empty cache; then one with what that left in it."""
    page, session = open_page(context, UNHURRIED)
    trail = Trail(page)
    settle(page, base, contender, UNHURRIED)
    trail.take()
    if contender.accept:
        click(page, contender.accept)
        until(page, contender.accept, shown=False)
    page.wait_for_timeout(REST_MS)
    upon_choice = trail.take()
    trail.forget()
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    _rest(page, base, contender)
    bodies = trail.take()
    session.send("Network.setCacheDisabled", {"cacheDisabled": False})
    wire = _Wire(session)
    _rest(page, base, contender)
    return upon_choice, bodies, wire.bytes


def _rest(page: Page, base: str, contender: Contender) -> None:
    page.goto(f"{base}/{contender.name}", wait_until="load")
    page.wait_for_timeout(UNHURRIED.watch_ms)


class _Wire:
    """Bytes of scripts, styles and texts that the network sent, heads included."""

    def __init__(self, session: CDPSession) -> None:
        self.bytes = 0
        self._wanted: set[str] = set()
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.loadingFinished", self._came)

    def _asked(self, event: dict[str, str]) -> None:
        if event.get("type", "").lower() in KINDS:
            self._wanted.add(event["requestId"])

    def _came(self, event: dict[str, str]) -> None:
        if event["requestId"] in self._wanted:
            self.bytes += int(event["encodedDataLength"])
