"""The leak page: what reaches a third party, or is kept for one, and above all what does not."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from leaks import KEEPS, MARKED, REACHED, REQUESTS
from playwright.sync_api import Browser, Page
from visits import SETTLE_MS, stop

from ports import free_port, ready

SITE = """\
name = "Shop"
origins = ["{origin}"]
default_language = "en"

[intercept]
mode = "{mode}"

[links]
privacy_policy = "https://shop.example/privacy"

[[category]]
id = "necessary"

[[category]]
id = "marketing"

[[service]]
id = "canary"
name = "Canary"
category = "marketing"
provider = "Somebody"
hosts = ["localhost"]
cookies = [{{ name = "leak_*", purpose = "Leaks.", lifetime = "1 day" }}]
storage = [{{ name = "leak_*", purpose = "Leaks.", lifetime = "1 day" }}]
databases = [{{ name = "leak_*", purpose = "Leaks.", lifetime = "1 day" }}]
"""

RUN = """\
<script>
window.threw = [];
window.heard = [];
addEventListener("error", (event) => threw.push(`${event.message} ${event.filename}`));
window.spot = (node) => { document.getElementById("spots").append(node); return node; };
window.way = (id, run) => {
  try { run(`${CANARY}/${id}`, `leak_${id.replace(/-/g, "_")}`); }
  catch (cause) { threw.push(`${id}: ${cause}`); }
};
(window.holdfire ||= []).push((holdfire) => {
  holdfire.on("held", (told) => heard.push(told));
  holdfire.on("error", ({ cause }) => threw.push(`${cause?.stack ?? cause}`));
});
</script>
"""
KEPT = """async () => [
  ...document.cookie.split("; ").map((cookie) => cookie.split("=")[0]),
  ...Object.keys(localStorage), ...Object.keys(sessionStorage),
  ...(await indexedDB.databases()).map(({ name }) => name),
].filter((name) => name.startsWith("leak_"))"""
DONE_BY_CLICK = {"a-ping"}  # what the visitor did before they consented is not told afterwards
NAMES = {f"leak_{key.replace('-', '_')}" for key in KEEPS}


@dataclass
class Ground:
    """The shop's pages and the canary's host: one server under two names, and what it heard."""

    port: int
    service: int
    hits: list[str] = field(default_factory=list)

    @property
    def canary(self) -> str:
        """Origin of the third party."""
        return f"http://localhost:{self.port}"

    def page(self, kind: str, site: str) -> str:
        """The leak page, or one without any leak, with Holdfire for this site or, for "plain", none."""
        boot = f'<script src="http://127.0.0.1:{self.service}/s/{site}.js"></script>'
        ways = "".join(
            f"<script>way({json.dumps(key)}, (at, name) => {{ {code} }})</script>\n"
            for key, code in {**REQUESTS, **KEEPS}.items()
        )
        marked = "".join(
            markup.format(at=f"{self.canary}/{key}")
            for key, markup in {**MARKED, **{key: one for key, (one, _) in REACHED.items()}}.items()
        )
        return (
            f"<!doctype html><html><head><title>Leaks</title>{RUN.replace('${CANARY}', self.canary)}"
            f'{"" if site == "plain" else boot}<link rel="icon" href="data:,"></head>'
            f'<body><div id="spots">x</div>{marked + ways if kind == "leaks" else ""}</body></html>'
        )

    def reached(self) -> Counter[str]:
        """How often each way has reached the canary so far."""
        return Counter(self.hits)


@contextmanager
def listening_ground(service: int) -> Iterator[Ground]:
    """A server for the pages, on 127.0.0.1, and the canary, on localhost."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            path, _, query = self.path.lstrip("/").partition("?")
            kind, body = "text/html", b""
            if self.headers["host"].startswith("localhost"):
                heard.hits.append(path)
                kind = "text/css" if "style" in path else kind
                kind = "text/javascript" if path.startswith(("script", "work", "import")) else kind
            elif path.startswith(("leaks/", "quiet/")):
                body = heard.page(*path.split("/")).encode()
            elif path == "sheet.css":
                kind, body = "text/css", f'@import "{query}";'.encode()
            self.send_response(200)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 -- the name that http.server looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its name above
            pass

    class Patient(ThreadingHTTPServer):
        request_queue_size = 128  # a page of leaks knocks a hundred times at once

    server = Patient(("127.0.0.1", 0), Handler)
    heard = Ground(server.server_address[1], service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """One service with a site for each mode, and one server of pages."""
    folder = tmp_path_factory.mktemp("leaks")
    (folder / "sites").mkdir()
    service = free_port()
    with listening_ground(service) as found:
        for mode in ("hold", "report", "off"):
            # A page belongs to one site; nobody chooses anything on those of the other two.
            origin = f"http://127.0.0.1:{found.port}" if mode == "hold" else f"https://{mode}.test"
            text = SITE.format(origin=origin, mode=mode)
            (folder / "sites" / f"{mode}.toml").write_text(text)
        settings = {
            "HOLDFIRE_PORT": str(service),
            "HOLDFIRE_SITES_DIR": str(folder / "sites"),
            "HOLDFIRE_LOG_LEVEL": "error",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "holdfire", "serve"],
            cwd=folder,
            env={**os.environ, **settings},
            text=True,
        )
        try:
            ready(f"http://127.0.0.1:{service}/readyz")
            yield found
        finally:
            stop(process)


@pytest.fixture
def page(browser: Browser, ground: Ground) -> Iterator[Page]:
    """A page of a fresh visitor; one that threw, or that Holdfire failed on, fails the test."""
    context = browser.new_context()
    ground.hits.clear()
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    yield opened
    assert opened.evaluate("window.threw ?? []") == []
    context.close()


def visit(page: Page, ground: Ground, site: str, kind: str = "leaks") -> None:
    """Open a page and let it do what it does."""
    page.goto(f"http://127.0.0.1:{ground.port}/{kind}/{site}")
    if site != "plain":
        page.evaluate("() => window.holdfire.ready")
    page.wait_for_timeout(SETTLE_MS)


def come(page: Page, ground: Ground, wanted: set[str]) -> Counter[str]:
    """Wait until each of these has reached the canary, and a moment more."""
    for _ in range(300):
        if wanted <= set(ground.hits):
            break
        page.wait_for_timeout(50)
    page.wait_for_timeout(SETTLE_MS)
    return ground.reached()


@pytest.fixture(scope="module")
def plain(browser: Browser, ground: Ground) -> Counter[str]:
    """What reaches the canary from a page without Holdfire."""
    context = browser.new_context()
    ground.hits.clear()
    opened = context.new_page()
    visit(opened, ground, "plain")
    found = come(opened, ground, {*REQUESTS, *REACHED})
    assert set(opened.evaluate(KEPT)) == NAMES
    context.close()
    return found


def test_every_way_is_one(plain: Counter[str]) -> None:
    """Without Holdfire each way reaches the canary: none of the silence below is a way that fails."""
    assert len(REQUESTS) + len(KEEPS) >= 60
    assert set(plain) == {*REQUESTS, *REACHED}


def test_nothing_reaches_the_canary_before_consent_nor_after_refusal(
    page: Page, ground: Ground
) -> None:
    """No request leaves and no name is kept, but for what cannot be held; a refusal drops the rest."""
    visit(page, ground, "hold")
    page.wait_for_timeout(2 * SETTLE_MS)
    assert set(ground.hits) == set(REACHED)
    assert page.evaluate(KEPT) == []

    page.evaluate("() => holdfire.rejectAll()")
    page.wait_for_timeout(2 * SETTLE_MS)
    visit(page, ground, "hold")
    page.wait_for_timeout(2 * SETTLE_MS)
    assert set(ground.hits) == set(REACHED)
    assert page.evaluate(KEPT) == []


def test_with_consent_each_way_does_what_it_would_have(
    page: Page, ground: Ground, plain: Counter[str]
) -> None:
    """What was held goes out as often as without Holdfire; on the next page nothing is held."""
    visit(page, ground, "hold")
    page.evaluate("() => holdfire.acceptAll()")
    found = come(page, ground, {*REQUESTS, *MARKED} - DONE_BY_CLICK)

    assert {key: found[key] for key in REQUESTS} == {
        key: 0 if key in DONE_BY_CLICK else plain[key] for key in REQUESTS
    }
    assert {key: found[key] for key in MARKED} == dict.fromkeys(MARKED, 1)
    assert set(page.evaluate(KEPT)) == NAMES

    page.goto("about:blank")
    page.wait_for_timeout(SETTLE_MS)
    ground.hits.clear()
    visit(page, ground, "hold")
    found = come(page, ground, {*REQUESTS, *MARKED})
    assert {key: found[key] for key in REQUESTS} == {key: plain[key] for key in REQUESTS}


def test_without_intercept_only_what_is_marked_is_held(page: Page, ground: Ground) -> None:
    """A site that does not switch it on holds its marked markup, and nothing else."""
    visit(page, ground, "off")
    found = come(page, ground, {*REQUESTS, *REACHED})

    assert set(found) == {*REQUESTS, *REACHED}
    assert set(page.evaluate(KEPT)) == NAMES


def test_report_tells_what_would_have_been_held(page: Page, ground: Ground) -> None:
    """In report-only mode everything runs as it would, and each way is told with its service."""
    visit(page, ground, "report")
    found = come(page, ground, {*REQUESTS, *REACHED})
    told: list[dict[str, Any]] = page.evaluate("heard")
    names = " ".join(one["name"] for one in told)

    assert set(found) == {*REQUESTS, *REACHED}
    assert all(one["report"] and one["service"] == "canary" for one in told)
    assert [key for key in REQUESTS if f"/{key}" not in names] == []
    assert {name for name in NAMES if name not in names} == set()


LATER = """async (canary) => {
  window.told = [];
  const tell = (what) => told.push(what);
  const say = (node, what) => {
    for (const type of ["load", "error"]) node.addEventListener(type, () => tell(`${what} ${type}`));
    return node;
  };
  for (const name of ["one", "two"]) {
    const script = say(document.createElement("script"), `script ${name}`);
    script.async = false;
    script.src = `${canary}/script-${name}`;
    document.head.append(script);
  }
  const frame = say(document.createElement("iframe"), "frame");
  frame.src = `${canary}/frame`;
  document.body.append(frame);
  say(new Image(), "img").src = `${canary}/img`;
  fetch(`${canary}/fetch`).then(({status}) => tell(`fetch ${status}`), (cause) => tell(`fetch ${cause.name}`));
  const aborted = new AbortController();
  fetch(`${canary}/aborted`, aborted).catch((cause) => tell(`aborted ${cause.name}`));
  aborted.abort();
  const xhr = new XMLHttpRequest();
  xhr.onload = xhr.onerror = ({type}) => tell(`xhr ${type} ${xhr.readyState} ${xhr.status}`);
  xhr.open("GET", `${canary}/xhr`);
  xhr.send();
  class Socket extends WebSocket { name = "mine"; who() { return this.name; } }
  const socket = new Socket(`${canary.replace("http", "ws")}/socket`);
  socket.onerror = () => tell("socket error");
  socket.addEventListener("close", ({code}) => tell(`socket close ${code}`));
  tell(`socket ${socket.readyState} ${socket.who()} ${socket instanceof Socket}`);
  const closed = new EventSource(`${canary}/closed`);
  closed.close();
  const source = new EventSource(`${canary}/source`);
  source.onerror = () => tell("source error");
  tell(`beacon ${navigator.sendBeacon(`${canary}/beacon`, "x")}`);
  const sync = new XMLHttpRequest();
  sync.open("GET", `${canary}/sync`, false);
  try { sync.send(); } catch (cause) { tell(`sync ${cause.name}`); }
  document.cookie = "leak_a=1";
  document.cookie = "leak_a=2";
  document.cookie = "leak_b=1";
  document.cookie = "leak_b=; max-age=0";
  localStorage.leak_c = 1;
  localStorage.removeItem("leak_c");
}"""
AT_ONCE = ["socket 0 mine true", "beacon true", "sync NetworkError"]


def test_what_was_held_is_answered_as_it_would_have_been(page: Page, ground: Ground) -> None:
    """Events, promises and order are those of the requests, however late; nothing comes twice."""
    visit(page, ground, "hold", "quiet")
    page.evaluate(LATER, ground.canary)
    page.wait_for_timeout(SETTLE_MS)
    before = page.evaluate("told")
    page.evaluate("() => holdfire.acceptAll()")
    wanted = {"script-one", "script-two", "frame", "img", "fetch", "xhr", "socket", "beacon"}
    come(page, ground, {*wanted, "source"})
    told = page.evaluate("told")[len(before) :]

    assert before == [*AT_ONCE, "aborted AbortError"]
    assert told.index("script one load") < told.index("script two load")
    assert sorted(set(told)) == [
        "fetch 200",
        "frame load",
        "img error",  # the canary's answer is no picture
        "script one load",
        "script two load",
        "socket close 1006",  # nor does it speak of sockets
        "socket error",
        "source error",
        "xhr load 4 200",
    ]
    assert {key: ground.reached()[key] for key in wanted} == dict.fromkeys(wanted, 1)
    assert not {"aborted", "closed", "sync"} & set(ground.hits)
    assert "leak_a=2" in page.evaluate("document.cookie").split("; ")
    assert "leak_b" not in page.evaluate("document.cookie")
    assert page.evaluate("localStorage.getItem('leak_c')") is None


def test_what_is_refused_fails_like_a_network(page: Page, ground: Ground) -> None:
    """Promises reject, and events tell of an error: code that waits is not left to wait."""
    visit(page, ground, "hold", "quiet")
    page.evaluate(LATER, ground.canary)
    page.wait_for_timeout(SETTLE_MS)
    page.evaluate("() => holdfire.rejectAll()")
    page.wait_for_timeout(2 * SETTLE_MS)

    assert ground.hits == []
    assert sorted(page.evaluate("told")) == sorted(
        [
            *AT_ONCE,
            "aborted AbortError",
            "fetch TypeError",
            "frame error",
            "img error",
            "script one error",
            "script two error",
            "socket close 1006",
            "socket error",
            "source error",
            "xhr error 4 0",
        ]
    )
    assert "leak_" not in page.evaluate("document.cookie")


def test_same_origin_and_unknown_hosts_run(page: Page, ground: Ground) -> None:
    """What is the page's own, or nobody's, is none of our business: whole labels are compared."""
    visit(page, ground, "hold", "quiet")
    own = page.evaluate("() => fetch('/quiet/plain').then(({status}) => status)")
    stranger = page.evaluate(
        f"() => fetch('http://not-localhost.localhost:{ground.port}/stranger', {{mode: 'no-cors'}})"
        ".then(() => 'answered', () => 'failed')"
    )

    assert own == 200
    assert stranger in {"answered", "failed"}  # either way it was not kept waiting
    assert page.evaluate("heard") == []


SHAPES = """() => {
  const own = (owner, name) => Object.getOwnPropertyDescriptor(owner, name);
  return [
    [window, "fetch"], [window, "WebSocket"], [window, "localStorage"], [window, "Audio"],
    [XMLHttpRequest.prototype, "send"], [Navigator.prototype, "sendBeacon"],
    [Node.prototype, "appendChild"], [Element.prototype, "innerHTML"],
    [Element.prototype, "setAttribute"], [HTMLImageElement.prototype, "src"],
    [Document.prototype, "cookie"], [Document.prototype, "write"], [Storage.prototype, "setItem"],
    [HTMLElement.prototype, "style"], [WebSocket.prototype, "constructor"],
  ].flatMap(([owner, name]) => Object.values(own(owner, name)));
}"""


def test_stop_gives_everything_back(page: Page, ground: Ground) -> None:
    """What stands in looks native while it does; after ``stop`` the browser's own is there again."""
    page.add_init_script(f"window.shapes = {SHAPES}; window.natives = shapes()")
    visit(page, ground, "hold", "quiet")
    same = "() => shapes().map((one, at) => one === natives[at])"
    native = "() => shapes().every((one) => typeof one !== 'function' || /native code/.test(one))"

    assert page.evaluate(native)
    assert not all(page.evaluate(same))
    page.evaluate("() => holdfire.stop()")
    assert all(page.evaluate(same))

    page.evaluate("(canary) => { new Image().src = canary + '/stopped' }", ground.canary)
    assert come(page, ground, {"stopped"})["stopped"] == 1


HOSTILE = """
Object.prototype.get = () => { throw new Error("get") };
Object.prototype.set = () => { throw new Error("set") };
Object.prototype.apply = () => { throw new Error("apply") };
Object.prototype.allow = true;
Object.prototype.refused = true;
Object.freeze(Navigator.prototype);
"""


def test_a_hostile_page_goes_on_and_leaks_nothing_more(browser: Browser, ground: Ground) -> None:
    """Polluted prototypes change nothing; what is frozen cannot be held, and that is told."""
    context = browser.new_context()
    ground.hits.clear()
    page = context.new_page()
    page.add_init_script(HOSTILE)
    visit(page, ground, "hold")
    page.wait_for_timeout(2 * SETTLE_MS)
    threw = page.evaluate("threw")
    context.close()

    assert set(ground.hits) == {*REACHED, "sendBeacon"}
    # Told for each window. One way builds a descriptor on the polluted prototype: that throws anyway.
    known = ("Cannot redefine property: sendBeacon", "local-defineProperty: TypeError")
    assert threw
    assert [text for text in threw if not any(one in text for one in known)] == []
