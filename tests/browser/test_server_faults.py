"""The service fails as a page sees it: behind a real proxy that drops, stalls and garbles."""

import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, StorageState
from visits import Demo, Visit, start_demo, stop, visitor

SERVICE = ("/s/", "/assets/", "/v1/")
MARKETING = {"GET /tags/mixpanel.js", "GET /pixel.gif", "GET /frame.html", "POST /track/"}
SENT = "() => !Object.keys(localStorage).some(key => /:out:|:no$/.test(key))"
HOP = {"connection", "proxy-connection", "keep-alive", "transfer-encoding", "content-length"}


class Proxy(ThreadingHTTPServer):
    """A forward proxy on a loopback port. ``fault`` befalls what is asked of the service."""

    daemon_threads = True
    request_queue_size = 128  # a page knocks many times at once; who is turned away waits a second
    fault = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Carrier)
        self.healed = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that has gone; of anything else, all."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def heal(self) -> None:
        """From now on pass on everything, and let go of who was kept waiting."""
        self.fault = ""
        self.healed.set()


class Carrier(BaseHTTPRequestHandler):
    """One request on its way to the demo, or not."""

    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_GET(self) -> None:
        """Carry it, or have it fail."""
        asked = urlsplit(self.path)
        fault = self.server.fault if asked.path.startswith(SERVICE) else ""
        self.close_connection = True
        if fault == "hang":
            self.server.healed.wait(30)
        if fault in {"abort", "hang"}:
            return
        if fault == "error":
            self._answer(500, b"oops")
        elif fault == "tls":
            # Nobody speaks TLS there.
            self._answer(307, b"", location=f"https://{asked.netloc}{asked.path}")
        else:
            self._carry(asked.netloc, asked._replace(scheme="", netloc="").geturl(), fault)

    do_POST = do_OPTIONS = do_GET  # noqa: N815 -- likewise

    def _carry(self, authority: str, path: str, fault: str) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        with closing(HTTPConnection(authority, timeout=10)) as line:
            line.request(self.command, path, body or None, headers)
            answer = line.getresponse()
            if fault == "corrupt":
                # What was asked was done; only its answer is lost.
                answer.read()
                self._answer(answer.status, b"!function(", content_type="text/javascript")
            else:
                self._pass_on(answer)

    def _pass_on(self, answer: HTTPResponse) -> None:
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name of the base
        """Say nothing."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Demo, Path]]:
    """A demo whose ledger these tests may count."""
    folder = tmp_path_factory.mktemp("faults")
    process, found = start_demo(folder)
    yield found, folder
    stop(process)


@pytest.fixture(scope="module")
def choice(browser: Browser, place: tuple[Demo, Path]) -> StorageState:
    """What a browser keeps in which the visitor has allowed analytics and nothing else."""
    demo, _ = place
    with visitor(browser, demo) as visit:
        page = visit.open("DE")
        with page.expect_response("**/choices*"):
            page.evaluate("() => holdfire.choose({ analytics: true })")
        page.wait_for_function(SENT)
        return visit.context.storage_state()


@pytest.fixture(scope="module")
def carrying() -> Iterator[Proxy]:
    """One proxy in front of the demo for all tests of this file."""
    with Proxy() as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield found
        found.shutdown()


@pytest.fixture
def proxy(carrying: Proxy) -> Iterator[Proxy]:
    """The proxy, so far without a fault."""
    carrying.healed.clear()
    yield carrying
    carrying.heal()


@contextmanager
def behind(
    browser: Browser,
    demo: Demo,
    proxy: Proxy,
    *,
    gpc: bool = False,
    kept: StorageState | None = None,
) -> Iterator[Visit]:
    """A visitor whose every request goes through the proxy, loopback or not."""
    server = {"server": f"http://127.0.0.1:{proxy.server_port}", "bypass": "<-loopback>"}
    with visitor(browser, demo, gpc=gpc, proxy=server, storage_state=kept) as found:
        yield found


def rows(folder: Path) -> int:
    """How many acts the ledger holds."""
    (path,) = folder.rglob("*.db")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        (count,) = db.execute("SELECT count(*) FROM record").fetchone()
        return int(count)


def press(page: Page, name: str) -> None:
    """Use one of the banner's buttons."""
    page.get_by_role("button", name=name, exact=True).first.click()


FAULTS = ["abort", "error", "hang", "tls", "corrupt"]


@pytest.mark.parametrize("fault", FAULTS)
def test_without_a_choice_nothing_fires_until_one_is_made(
    browser: Browser, place: tuple[Demo, Path], proxy: Proxy, fault: str
) -> None:
    """No boot script is no consent; when the service is back the visitor is asked, and acts once."""
    demo, folder = place
    before = rows(folder)
    with behind(browser, demo, proxy) as visit:
        proxy.fault = fault
        page = visit.context.new_page()
        page.goto(f"{demo.own}/?geo=DE", wait_until="commit")
        visit.settle(page)
        assert visit.third_party() == []

        proxy.heal()
        page.goto(f"{demo.own}/?geo=DE")
        press(page, "Reject all")
        page.wait_for_function(SENT)
        visit.settle(page)
        assert visit.third_party() == []
    assert rows(folder) == before + 1


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("button", ["Reject all", "Accept all"])
def test_a_choice_holds_through_a_fault_and_is_recorded_once(
    browser: Browser, place: tuple[Demo, Path], proxy: Proxy, fault: str, button: str
) -> None:
    """It holds at once, for this page and the next; its record arrives when the service is back."""
    demo, folder = place
    before = rows(folder)
    allowed = button == "Accept all"
    with behind(browser, demo, proxy) as visit:
        page = visit.open("DE")
        proxy.fault = fault
        press(page, button)
        page.wait_for_function(f"() => holdfire.allowed('analytics') === {str(allowed).lower()}")
        visit.settle(page)
        assert bool(visit.third_party()) is allowed

        proxy.heal()
        page.reload()
        page.wait_for_function(SENT)
        assert page.evaluate("() => holdfire.allowed('marketing')") is allowed
        visit.settle(page)
        assert bool(visit.third_party()) is allowed
    assert rows(folder) == before + 1


@pytest.mark.parametrize("fault", FAULTS)
def test_gpc_is_obeyed_through_a_fault_and_recorded_once(
    browser: Browser, place: tuple[Demo, Path], proxy: Proxy, fault: str
) -> None:
    """In California no marketing tag fires, with the service or without it."""
    demo, folder = place
    before = rows(folder)
    with behind(browser, demo, proxy, gpc=True) as visit:
        proxy.fault = fault
        page = visit.context.new_page()
        page.goto(f"{demo.own}/?geo=US-CA", wait_until="commit")
        visit.settle(page)
        assert visit.third_party() == []

        proxy.heal()
        page.goto(f"{demo.own}/?geo=US-CA")
        page.wait_for_function("() => document.cookie.includes('holdfire_demo=')")
        page.wait_for_function(SENT)
        visit.settle(page)
        assert not MARKETING & set(visit.third_party())
    assert rows(folder) == before + 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_choice_made_before_outlives_a_fault_and_is_not_asked_for_again(
    browser: Browser, place: tuple[Demo, Path], proxy: Proxy, choice: StorageState, fault: str
) -> None:
    """Who comes back, with their cookie or without, meets silence, and then just what they chose."""
    demo, folder = place
    before = rows(folder)
    address = f"{demo.own}/?geo=DE"
    cookieless = StorageState(origins=choice["origins"])
    with (
        behind(browser, demo, proxy, kept=choice) as known,
        behind(browser, demo, proxy, kept=cookieless) as unknown,
    ):
        proxy.fault = fault
        pages = {visit.context.new_page(): visit for visit in (known, unknown)}
        for page in pages:
            page.goto(address, wait_until="commit")
        known.settle(page)
        assert known.third_party() == unknown.third_party() == []

        proxy.heal()
        for page in pages:
            page.goto(address)
        for page, visit in pages.items():
            page.wait_for_function("() => /ph_/.test(document.cookie)")
            visit.settle(page)
            assert not MARKETING & set(visit.third_party())
            assert page.get_by_role("button", name="Reject all", exact=True).count() == 0
    assert rows(folder) == before
