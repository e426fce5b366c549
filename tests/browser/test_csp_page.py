"""What a real browser does under the compiled policy: what is refused is never asked for."""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser

from holdfire import csp
from holdfire.model import Csp, Service, Site
from house import demo_site

PATIENCE = 600  # ms; how long a page that should stay silent is watched
LONGEST = 20_000  # ms that a loaded machine may take over what is allowed
ALLOWED = ("yes.localhost", "sub.wide.localhost")  # Chromium looks for these on this machine
REFUSED = ("no.localhost", "wide.localhost.no.localhost")
KINDS = {
    *("img", "script", "frame", "style", "media", "object"),
    *("fetch", "beacon", "socket", "worker", "prefetch"),
}

MARKUP = """
<img alt="" src="http://{at}/img">
<script async src="http://{at}/script"></script>
<iframe title="A frame" src="http://{at}/frame"></iframe>
<link rel="stylesheet" href="http://{at}/style">
<link rel="prefetch" href="http://{at}/prefetch">
<video src="http://{at}/media" preload="auto"></video>
<object type="text/html" data="http://{at}/object"></object>
"""
OWN_SCRIPT = """
for (const at of {ats}) {{
  fetch(`http://${{at}}/fetch`, {{ mode: "no-cors" }}).catch(() => 0);
  navigator.sendBeacon(`http://${{at}}/beacon`);
  try {{ new WebSocket(`ws://${{at}}/socket`) }} catch {{}}
  const worker = `importScripts("http://${{at}}/worker")`;
  const blob = new Blob([worker], {{ type: "text/javascript" }});
  new Worker(URL.createObjectURL(blob));
}}
"""


class Shown:
    """A page with these policies, one in each header line, and all that was asked of whom."""

    def __init__(self, port: int, policies: tuple[str, ...]) -> None:
        self.policies = policies
        self.ats = [f"{host}:{port}" for host in (*ALLOWED, *REFUSED)]
        self.page = f"http://shop.localhost:{port}/"
        self.asked: set[tuple[str, str]] = set()

    def of(self, *hosts: str) -> set[str]:
        """The kinds of requests that reached any of these hosts."""
        return {kind for host, kind in self.asked if host in hosts}

    def body(self, path: str) -> tuple[str, str]:
        """Media type and content of what the shop's own host has."""
        if path == "own":
            return "text/javascript", OWN_SCRIPT.format(ats=self.ats)
        marked = "".join(MARKUP.format(at=at) for at in self.ats)
        return "text/html", f"<!doctype html>{marked}<script src='/own'></script>"


@contextmanager
def serving(*policies: str) -> Iterator[Shown]:
    """Serve the page, and every host that it asks for something."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = self.headers["host"].partition(":")[0]
            path = self.path.strip("/")
            shown.asked.add((host, path))
            kind, text = "text/plain", ""
            own = host == "shop.localhost" and path in {"", "own"}
            if own:
                kind, text = shown.body(path)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            for line in shown.policies if own else ():
                self.send_header("Content-Security-Policy", line)
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET  # noqa: N815 -- the name by which the server looks for it

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its name above
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    shown = Shown(server.server_address[1], policies)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield shown
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def site() -> Site:
    """A site with one service that is allowed and one that is not."""
    return replace(
        demo_site(),
        origins=("http://shop.localhost",),
        services=(
            Service(
                id="yes",
                name="Yes",
                category="analytics",
                hosts=("yes.localhost", "*.wide.localhost"),
            ),
            Service(
                id="no",
                name="No",
                category="marketing",
                hosts=("no.localhost", "*.no.localhost"),
            ),
        ),
        csp=Csp(worker_src=("'self'", "blob:")),
    )


def compiled(*allowed: str) -> str:
    """The policy under which these services are allowed."""
    one = site()
    return csp.content_policy(one, [s for s in one.services if s.id in allowed])


def visit(
    browser: Browser, shown: Shown, *hosts: str, kinds: Collection[str] = frozenset()
) -> None:
    """Load the page, and give it every chance to do what it must not.

    It stays until these hosts were asked for these kinds of things, which is soon, or never.
    """
    context = browser.new_context()
    page = context.new_page()
    page.goto(shown.page)
    page.wait_for_timeout(PATIENCE)
    for _ in range(LONGEST // PATIENCE):
        if all(shown.of(host) >= set(kinds) for host in hosts):
            break
        page.wait_for_timeout(PATIENCE)
    context.close()


def test_without_a_policy_everything_is_asked_for(browser: Browser) -> None:
    """The page of these tests does ask every host for every kind of thing."""
    with serving() as shown:
        visit(browser, shown, *ALLOWED, *REFUSED, kinds=KINDS)

    for host in (*ALLOWED, *REFUSED):
        assert shown.of(host) == KINDS


def test_what_is_refused_is_never_asked_for(browser: Browser) -> None:
    """Of the refused hosts nothing, of the allowed ones everything, WebSockets among it."""
    with serving(compiled("yes")) as shown:
        visit(browser, shown, *ALLOWED, kinds=KINDS)

    assert shown.of(*REFUSED) == set()
    for host in ALLOWED:
        assert shown.of(host) == KINDS


def test_without_consent_no_host_is_asked(browser: Browser) -> None:
    """Before a choice the page asks nobody but its own host."""
    with serving(compiled()) as shown:
        visit(browser, shown)

    assert shown.of(*ALLOWED, *REFUSED) == set()
    assert shown.of("shop.localhost") >= {"", "own"}


@pytest.mark.parametrize("merged", [False, True], ids=["beside", "merged"])
def test_the_sites_own_policy_holds_as_well(
    browser: Browser,
    merged: bool,  # noqa: FBT001 -- pytest hands it over by name
) -> None:
    """In a line of its own or merged into one: what either forbids is not asked for."""
    own = "img-src 'self'; frame-src 'none'; connect-src *"
    ours = compiled("yes")
    with serving(*([csp.merge(own, ours)] if merged else [own, ours])) as shown:
        visit(browser, shown, *ALLOWED, kinds=KINDS - {"img", "frame", "object"})

    assert shown.of(*REFUSED) == set()
    for host in ALLOWED:
        # An <object> that shows a document is a frame (CSP3 §6.1.6).
        assert shown.of(host) | {"object"} == (KINDS - {"img", "frame"}) | {"object"}
