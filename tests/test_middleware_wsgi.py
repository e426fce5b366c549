"""The middleware in an owner's own WSGI server, against a real service."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from socket import create_server
from typing import Any, NamedTuple
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from enforcing import COLORADO, COOKIE, COOKIES, GERMANY, NEVER, choose, deciding, kept, shop
from holdfire.middleware.wsgi import ConsentMiddleware
from holdfire.model import Site
from house import ROOT

OWN = "img-src 'self'"


class Body:
    """A body in pieces that knows whether it was closed."""

    def __init__(self) -> None:
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        """The pieces."""
        yield b"<p>"
        yield b"one</p>"

    def close(self) -> None:
        """The server is done with it."""
        self.closed = True


BODY = Body()


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The shop's pages."""
    lines = [("Content-Type", "text/html"), ("Content-Security-Policy", OWN)]
    lines += [("Set-Cookie", line) for line in COOKIES]
    if environ["PATH_INFO"].endswith("/failing"):
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            json.loads("after all")
        except ValueError:
            start_response("500 Oh", lines, sys.exc_info())
        return [b"failed"]
    if environ["PATH_INFO"].endswith("/streamed"):
        start_response("200 OK", lines)
        return BODY
    consent = environ["holdfire.consent"]
    said = {
        "allowed": [key for key in ("pay", "track", "ads", "nobody") if consent.allowed(key)],
        "reasons": {key: consent.reason(key) for key in ("track", "nobody")},
        "source": consent.source,
    }
    start_response("200 OK", lines)
    return [json.dumps(said).encode()]


class Got(NamedTuple):
    """One answer."""

    status: str
    lines: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        """The values of a header."""
        return [value for key, value in self.lines if key.lower() == name]

    @property
    def cookies(self) -> set[str]:
        """The names of those that were set."""
        return {line.partition("=")[0] for line in self.all("set-cookie")}

    @property
    def said(self) -> Any:
        """What the page says."""
        return json.loads(self.body)


def get(app: Any, path: str = "/", **environ: str) -> Got:
    """A visitor in Germany asks; both sides of the middleware are held to PEP 3333."""
    asked: dict[str, Any] = {
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "REMOTE_ADDR": GERMANY,
        **environ,
    }
    setup_testing_defaults(asked)
    asked["QUERY_STRING"] = ""
    found: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, lines: list[tuple[str, str]], _: Any = None) -> Any:
        found.append((status, lines))
        return lambda _: None

    body = validator(app)(asked, start_response)
    try:
        whole = b"".join(body)
    finally:
        body.close()  # type: ignore[attr-defined]  # the validator's has one
    return Got(*found[-1], whole)


class Shop(NamedTuple):
    """The service with its address, its site, and what the owner keeps of it."""

    base: str
    site: Site
    file: Path

    def app(self, **more: Any) -> ConsentMiddleware:
        """The shop's own server."""
        rules = {"base": self.base, "site": "shop", "strictest": self.file, "seconds": 5.0, **more}
        return ConsentMiddleware(validator(application), **rules)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One service for the tests of this file."""
    folder = tmp_path_factory.mktemp("wsgi")
    site = shop(folder / "sites")
    with deciding(folder / "service", site) as base:
        yield Shop(base, site, kept(folder, site))


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a WSGI server says to nobody that it ends
def test_the_verdict_is_told_and_enforced(served: Shop) -> None:
    """Who consented to one category gets its cookies and hosts, and nobody else's."""
    token = choose(served.base, served.site, "analytics")
    app = served.app()
    nobody, granted = get(app), get(app, HTTP_COOKIE=f"{COOKIE}={token}; other=1")

    assert nobody.said == {
        "allowed": ["pay"],
        "reasons": {"track": "default_denied", "nobody": "unknown_service"},
        "source": "default",
    }
    assert granted.said["allowed"] == ["pay", "track"]
    assert nobody.cookies == {"session"}
    assert granted.cookies == {"session", "_trk", "_trk_9"}
    own, ours = granted.all("content-security-policy")
    assert own == OWN
    assert "*.t.example:*" in ours
    assert granted.all("cache-control") == ["private"]
    assert granted.all("vary") == ["Cookie, Sec-GPC, DNT"]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a WSGI server says to nobody that it ends
def test_signals_and_place_are_passed_on(served: Shop) -> None:
    """The peer is the visitor, or what the outermost of the owner's proxies saw."""
    app, proxied = served.app(), served.app(proxies=1)
    forwarded = f"{GERMANY}, {COLORADO}"

    assert "ads" in get(app, REMOTE_ADDR=COLORADO).said["allowed"]
    assert "ads" not in get(app, REMOTE_ADDR=COLORADO, HTTP_SEC_GPC="1").said["allowed"]
    assert "ads" not in get(app, HTTP_X_FORWARDED_FOR=forwarded).said["allowed"]
    assert "ads" in get(proxied, HTTP_X_FORWARDED_FOR=forwarded).said["allowed"]
    assert "ads" not in get(proxied, HTTP_X_FORWARDED_FOR="anything").said["allowed"]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a WSGI server says to nobody that it ends
def test_bodies_are_left_alone(served: Shop) -> None:
    """What is iterated is the application's own, and is closed; a late failure passes through."""
    app = served.app()

    assert get(app, "/streamed").body == b"<p>one</p>"
    assert BODY.closed
    failed = get(app, "/failing")
    assert failed.status == "500 Oh"
    assert failed.cookies == {"session"}


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a WSGI server says to nobody that it ends
def test_many_threads_share_a_few_connections(served: Shop) -> None:
    """Each visitor gets the verdict on themselves."""
    app = served.app(connections=2)
    token = choose(served.base, served.site, "analytics")
    told: list[tuple[bool, bool]] = []

    def visit(*, consented: bool) -> None:
        cookie = {"HTTP_COOKIE": f"{COOKIE}={token}"} if consented else {}
        told.extend((consented, "track" in get(app, **cookie).said["allowed"]) for _ in range(10))

    threads = [threading.Thread(target=visit, kwargs={"consented": at % 2 == 0}) for at in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(told) == 60
    assert all(wanted == found for wanted, found in told)


def held(answer: Got) -> None:
    """The page came, and nothing that can be refused did."""
    assert answer.status == "200 OK"
    assert answer.said["allowed"] == ["pay"]
    assert answer.said["source"] == "degraded"
    assert answer.cookies == {"session"}
    assert "t.example" not in answer.all("content-security-policy")[1]


def test_without_the_service_the_strictest_is_enforced(served: Shop) -> None:
    """Nobody listens: the page comes, under what the owner keeps for that."""
    held(get(served._replace(base=NEVER).app()))


def test_a_service_that_drips_is_not_waited_for(served: Shop) -> None:
    """The time is bounded as a whole: each byte that comes wins no more of it."""
    ticks = iter(range(1_000))

    with create_server(("127.0.0.1", 0)) as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def drip() -> None:
            line, _ = listener.accept()
            with line:
                for _ in range(100):
                    try:
                        line.sendall(b"H")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        # By this clock a second goes by with each look at it.
        held(get(served._replace(base=base).app(monotonic=lambda: float(next(ticks)))))
        thread.join()

    assert next(ticks) < 12


@pytest.mark.parametrize("value", ["a\r\nx-forwarded-for: 198.18.5.1", "a\0"])
def test_a_header_cannot_write_another(served: Shop, value: str) -> None:
    """A server that lets a line break through gets no question asked."""
    held(get(served.app(pass_on=("x-place",)), HTTP_X_PLACE=value))


def test_nothing_but_the_standard_library_is_needed() -> None:
    """The owner's server imports either kind without any package of the service's."""
    line = "import sys; sys.path.insert(0, sys.argv[1]); import holdfire.middleware.{0}; print(1)"
    for kind in ("asgi", "wsgi"):
        ran = subprocess.run(
            [sys.executable, "-I", "-S", "-c", line.format(kind), str(ROOT / "server")],
            capture_output=True,
            text=True,
            check=True,
        )
        assert ran.stdout == "1\n"
