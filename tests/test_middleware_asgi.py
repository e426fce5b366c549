"""The middleware in an owner's own ASGI server, against a real service; and its headers by rule."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from enforcing import COOKIE, COOKIES, GERMANY, NEVER, choose, deciding, kept, listening, shop
from holdfire.middleware.asgi import ConsentMiddleware
from holdfire.middleware.cookies import Refused, names
from holdfire.middleware.question import Answer, answer
from holdfire.middleware.rules import enforce
from holdfire.middleware.verdict import Malformed, Verdict, read, strictest
from holdfire.model import Site

OWN = "img-src 'self'"
DONE: list[str] = []


def page(request: Request) -> Response:
    """What the visitor's consent is, with the cookies of everybody."""
    consent = request.state.consent
    said = {
        "allowed": [key for key in ("pay", "track", "ads", "nobody") if consent.allowed(key)],
        "reasons": {key: consent.reason(key) for key in ("track", "nobody")},
        "regime": consent.regime,
        "source": consent.source,
    }
    sent = JSONResponse(said, headers={"content-security-policy": OWN})
    for line in COOKIES:
        sent.headers.append("set-cookie", line)
    return sent


def streamed(_: Request) -> Response:
    """A body in pieces, and something to do afterwards."""

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"<p>", b"one", b"</p>"):
            yield piece

    return StreamingResponse(
        pieces(), media_type="text/html", background=BackgroundTask(DONE.append, "later")
    )


def cached(_: Request) -> Response:
    """A page that shared caches might keep."""
    return PlainTextResponse(
        "page",
        headers={"cache-control": "public, max-age=60, s-maxage=600", "vary": "Accept-Encoding"},
    )


async def socket(websocket: WebSocket) -> None:
    """Says what it was told."""
    await websocket.accept(headers=[(b"set-cookie", b"_ad=1"), (b"set-cookie", b"session=1")])
    await websocket.send_text(websocket.state.consent.reason("track"))
    await websocket.close()


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Notes that it was begun."""
    DONE.append("begun")
    yield


def application(base: str, file: Path, **more: Any) -> Starlette:
    """The shop's own server."""
    routes = [
        Route("/", page),
        Route("/streamed", streamed),
        Route("/cached", cached),
        Route("/static/cached", cached),
        WebSocketRoute("/socket", socket),
    ]
    rules = {"base": base, "site": "shop", "strictest": file, "seconds": 5.0, **more}
    return Starlette(
        routes=routes, lifespan=lifespan, middleware=[Middleware(ConsentMiddleware, **rules)]
    )


class Shop(NamedTuple):
    """The service with its address, its site, and what the owner keeps of it."""

    base: str
    site: Site
    file: Path


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One service for the tests of this file."""
    folder = tmp_path_factory.mktemp("asgi")
    site = shop(folder / "sites")
    with deciding(folder / "service", site) as base:
        yield Shop(base, site, kept(folder, site))


def get(app: Starlette, path: str = "/", token: str | None = None, **more: str) -> Any:
    """A visitor in Germany asks for a page."""
    with TestClient(app, client=(GERMANY, 50_000)) as client:
        cookie = {"cookie": f"{COOKIE}={token}; other=1"} if token else {}
        return client.get(path, headers={**cookie, **more})


def set_by(answer: Any) -> set[str]:
    """The names of the cookies that were set."""
    return {line.partition("=")[0] for line in answer.headers.get_list("set-cookie")}


# ---------------------------------------------------------------- with the service


def test_the_verdict_is_told_and_enforced(served: Shop) -> None:
    """Who consented to one category gets its cookies and hosts, and nobody else's."""
    token = choose(served.base, served.site, "analytics")
    app = application(served.base, served.file)
    nobody, granted = get(app), get(app, token=token)

    assert nobody.json() == {
        "allowed": ["pay"],
        "reasons": {"track": "default_denied", "nobody": "unknown_service"},
        "regime": nobody.json()["regime"],
        "source": "default",
    }
    assert granted.json()["allowed"] == ["pay", "track"]
    assert granted.json()["source"] == "store"
    assert set_by(nobody) == {"session"}
    assert set_by(granted) == {"session", "_trk", "_trk_9"}
    own, ours = granted.headers.get_list("content-security-policy")
    assert own == OWN
    assert "*.t.example:*" in ours
    assert "ads.example" not in ours


def test_a_withdrawal_holds_for_the_very_next_page(served: Shop) -> None:
    """Nothing is remembered: an older token does not outlive what was chosen since."""
    app = application(served.base, served.file)
    with TestClient(app, client=(GERMANY, 50_000)) as client:
        token = choose(served.base, served.site, "analytics")
        before = client.get("/", headers={"cookie": f"{COOKIE}={token}"})
        again = choose(served.base, served.site)  # another visitor's refusal
        after = client.get("/", headers={"cookie": f"{COOKIE}={again}"})

    assert before.json()["allowed"] == ["pay", "track"]
    assert after.json()["allowed"] == ["pay"]


def test_signals_and_place_are_passed_on(served: Shop) -> None:
    """Where nobody need be asked, analytics runs, and GPC takes advertising away."""
    app = application(served.base, served.file, proxies=1)
    there = {"x-forwarded-for": f"{GERMANY}, 198.18.5.1"}

    assert "track" in get(app, **there).json()["allowed"]
    assert "ads" in get(app, **there).json()["allowed"]
    assert "ads" not in get(app, **there, **{"sec-gpc": "1"}).json()["allowed"]
    # Without a word of the owner nobody's header is believed.
    unproxied = application(served.base, served.file)
    assert get(unproxied, **there).json()["allowed"] == ["pay"]


def test_bodies_sockets_and_background_are_left_alone(served: Shop) -> None:
    """What streams, streams; what runs later, runs; a socket is told, and keeps its cookies."""
    DONE.clear()
    app = application(served.base, served.file)
    with TestClient(app, client=(GERMANY, 50_000)) as client:
        assert client.get("/streamed").text == "<p>one</p>"
        with client.websocket_connect("/socket") as websocket:
            assert websocket.receive_text() == "default_denied"
            accepted = [value for _, value in websocket.extra_headers]  # type: ignore[attr-defined]  # set once it is accepted

    assert DONE == ["begun", "later"]
    assert accepted == [b"session=1"]


def test_no_shared_cache_keeps_what_depends_on_the_visitor(served: Shop) -> None:
    """Such pages are private and vary; those that nobody is asked for stay as they were."""
    app = application(served.base, served.file, unasked=("/static/",))
    personal, shared = get(app, "/cached"), get(app, "/static/cached")

    assert personal.headers["cache-control"] == "max-age=60, private"
    assert personal.headers["vary"] == "Accept-Encoding, Cookie, Sec-GPC, DNT"
    assert shared.headers["cache-control"] == "public, max-age=60, s-maxage=600"
    assert shared.headers["vary"] == "Accept-Encoding"
    assert "t.example" not in shared.headers["content-security-policy"]


def test_only_the_visitors_token_is_passed_on(tmp_path: Path) -> None:
    """The service is told neither the shop's session nor its authorisation."""
    seen: list[dict[str, str]] = []

    async def service(request: Request) -> Response:
        seen.append(dict(request.headers))
        return Response(status_code=500)

    with listening(Starlette(routes=[Route("/{path:path}", service)])) as port:
        app = application(f"http://127.0.0.1:{port}", kept(tmp_path, shop(tmp_path)))
        get(app, token="anybody", authorization="Basic x", dnt="1")  # noqa: S106 -- it is none

    assert seen[0].pop("host").startswith("127.0.0.1:")
    assert seen == [
        {
            "accept": "application/json",
            "cookie": f"{COOKIE}=anybody",
            "dnt": "1",
            "x-forwarded-for": GERMANY,
            "x-forwarded-proto": "http",
        }
    ]


# ---------------------------------------------------------------- without it


def held(answer: Any) -> None:
    """The page came, and nothing that can be refused did."""
    assert answer.status_code == 200
    assert answer.json()["allowed"] == ["pay"]
    assert answer.json()["source"] == "degraded"
    assert set_by(answer) == {"session"}
    assert "t.example" not in answer.headers.get_list("content-security-policy")[1]


def test_without_the_service_the_strictest_is_enforced(tmp_path: Path) -> None:
    """Nobody listens: the page comes, under what the owner keeps for that."""
    held(get(application(NEVER, kept(tmp_path, shop(tmp_path)))))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((code, b"{}") for code in (200, 204, 301, 401, 404, 500, 503)),
        *((200, body) for body in (b"", b"null", b"[]", b'"x"', b"[" * 100_000, b"\xff")),
    ],
)
def test_an_answer_that_is_no_verdict_is_the_strictest(
    status: int, body: bytes, tmp_path: Path
) -> None:
    """Whatever else the service answers, it allows nothing."""

    async def service(_: Request) -> Response:
        return Response(body if status != 204 else b"", status)

    with listening(Starlette(routes=[Route("/{path:path}", service)])) as port:
        held(get(application(f"http://127.0.0.1:{port}", kept(tmp_path, shop(tmp_path)))))


async def test_a_service_that_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    """The time that a page may wait is bounded, however many pages wait at once."""
    asked: list[asyncio.StreamWriter] = []

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(writer)
        writer.write(b"HTTP/1.1 200 OK\r\n")  # and no more

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    told: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 -- an application has these
        told.append(scope["state"]["consent"].source)

    wrapped = ConsentMiddleware(
        app,
        base=f"http://127.0.0.1:{port}",
        site="shop",
        strictest=kept(tmp_path, shop(tmp_path)),
        seconds=0.05,
        connections=2,
    )
    scope: dict[str, Any] = {"type": "http", "path": "/", "headers": [], "client": None}
    await asyncio.gather(*(wrapped(dict(scope), None, None) for _ in range(20)))  # type: ignore[arg-type]  # nothing is received or sent
    for writer in asked:
        writer.close()
    server.close()

    assert told == ["degraded"] * 20
    assert len(asked) < 20  # who got no turn within the time did not add to the service's burden


def test_a_connection_that_was_closed_meanwhile_is_opened_anew(served: Shop) -> None:
    """The service may end an idle connection at any time; the visitor's verdict is not lost by it."""
    first = b"HTTP/1.1 200 OK\r\ncontent-length: "
    body = json.dumps(json.loads(served.file.read_bytes()) | {"source": "default"}).encode()

    async def talk() -> list[str]:
        async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(first + str(len(body)).encode() + b"\r\n\r\n" + body)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(once, "127.0.0.1", 0)
        told: list[str] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 -- an application has these
            if scope["type"] == "lifespan":
                await send({"type": "lifespan.shutdown.complete"})
            else:
                told.append(scope["state"]["consent"].source)

        async def ignored(message: Any) -> None:
            """Nobody listens."""

        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        wrapped = ConsentMiddleware(app, base=base, site="shop", strictest=served.file, seconds=5)
        for _ in range(3):
            scope: dict[str, Any] = {"type": "http", "path": "/", "headers": [], "client": None}
            await wrapped(scope, None, None)  # type: ignore[arg-type]  # nothing is received or sent
        await wrapped({"type": "lifespan"}, None, ignored)  # type: ignore[arg-type]  # nothing is received
        server.close()
        return told

    assert asyncio.run(talk()) == ["default"] * 3


def test_a_server_that_could_not_be_strict_does_not_start(tmp_path: Path) -> None:
    """Without the file, with another site's, or with no address, there is no middleware."""
    file = kept(tmp_path, shop(tmp_path))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        """Nothing."""

    for wrong in (
        {"strictest": tmp_path / "missing"},
        {"site": "other"},
        {"base": "consent.example"},
        {"seconds": 0},
        {"connections": 0},
    ):
        with pytest.raises((OSError, ValueError)):
            ConsentMiddleware(app, **{"base": NEVER, "site": "shop", "strictest": file, **wrong})  # type: ignore[arg-type]  # of every kind


# ---------------------------------------------------------------- headers, by rule

REFUSED = Refused(("_trk", "_trk_*", "_ad"), ("_trk_keep",))


@pytest.mark.parametrize(
    "line",
    [
        *("_ad=1", "  _ad =1; Path=/", "\t_ad\t=\t1", "_ad", "=_ad=1", "_ad=", '"_ad"=1'),
        *("__Host-_ad=1; Secure", "__host-_ad=1", "__Secure-_trk=1", "__Host-Http-_ad=1"),
        *("_trk_=1", "_trk_" + "x" * 5_000 + "=1", "_ad=" + "x" * 100_000, "_ad\x00=1"),
        *("session=1, _ad=2", "session=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT, _ad=2"),
        *("session=1\r\n _ad=2", "session=1\n_ad=2; Path=/", "\x0b_ad=1", "_ad;=1", "\xa0_ad=1"),
    ],
)
def test_a_refused_cookie_is_told_however_it_is_written(line: str) -> None:
    """Oddly spaced, prefixed, folded, without a name: what a browser might keep counts."""
    assert REFUSED(line)


@pytest.mark.parametrize(
    "line",
    [
        *("session=1; Path=/", "_AD=1", "_adx=1", "x_ad=1", "_trk_keep=1", "__Host-_trk_keep=1"),
        *("session=_ad=1", "session=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/", "", "="),
        *("holdfire_shop=1", "__Host-holdfire_shop=1", "session=1; _ad=2"),
    ],
)
def test_any_other_cookie_is_left(line: str) -> None:
    """Names are told apart by their case, and a value is none."""
    assert not REFUSED(line)


LINES = st.text(st.characters(max_codepoint=255), max_size=60)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["set-cookie", "Set-Cookie", "cache-control", "vary", "link", "x-a"]),
        LINES
        | st.sampled_from(["_ad=1", "public", "s-maxage=9, private", "*", "Cookie", "no-store"]),
    ),
    max_size=8,
)
FOUND = Verdict(
    consent=None,  # type: ignore[arg-type]  # headers do not depend on it
    policy="default-src 'self'",
    refused=("_ad",),
    kept=(),
)


@given(HEADERS, st.booleans())
def test_headers_are_only_taken_and_added(lines: list[tuple[str, str]], personal: bool) -> None:  # noqa: FBT001 -- Hypothesis hands it over by place
    """Whatever an application sends: refused cookies go, the policy comes, the rest stays in order."""
    found = enforce(lines, FOUND, personal=personal)
    refused = Refused(("_ad",), ())
    stays = [
        (n, v)
        for n, v in lines
        if not (n.lower() == "set-cookie" and refused(v))
        and not (personal and n == "cache-control")
    ]

    assert found[: len(stays)] == stays
    assert found[-1] == ("content-security-policy", "default-src 'self'")
    assert not [v for n, v in found if n.lower() == "set-cookie" and "_ad" in names(v)]
    if personal:
        (control,) = [v.lower() for n, v in found if n == "cache-control"]
        assert "private" in control or "no-store" in control
        assert "public" not in [part.strip() for part in control.split(",")] or '"' in control
    else:
        assert len(found) == len(stays) + 1


@given(st.lists(st.binary(max_size=40), max_size=5), st.binary(max_size=200))
def test_bytes_that_are_no_answer_are_refused_or_waited_for(
    heads: list[bytes], body: bytes
) -> None:
    """Whatever arrives is a whole answer, too little of one, or refused; nothing else is raised."""
    received = b"HTTP/1.1 200 OK\r\n" + b"\r\n".join(heads) + b"\r\n\r\n" + body
    try:
        found = answer(received)
    except Malformed:
        return
    assert found is None or isinstance(found, Answer)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_json_that_is_no_verdict_is_refused(value: Any) -> None:
    """In any member, anything of another kind makes it malformed."""
    whole = {
        "site": "shop",
        "regime": "eu",
        "policy": "default-src 'self'",
        "cookies": {"refused": [], "kept": []},
        "categories": {"necessary": {"allow": True, "reason": "necessary"}},
        "services": {},
        "source": "default",
    }
    read(json.dumps(whole).encode(), "shop")
    for member in ("cookies", "categories", "services"):
        with pytest.raises(Malformed):
            read(json.dumps({**whole, member: value}).encode(), "shop")
    if not isinstance(value, str):
        with pytest.raises(Malformed):
            read(json.dumps({**whole, "policy": value}).encode(), "shop")


def test_nothing_is_believed_of_what_could_not_be_decided(tmp_path: Path) -> None:
    """A file, or a 503, that says yes to what can be refused is not followed."""
    file = kept(tmp_path, shop(tmp_path))
    lying = json.loads(file.read_bytes())
    lying["categories"]["marketing"] = {"allow": True, "reason": "choice_granted"}
    file.write_text(json.dumps(lying))

    assert not strictest(file, "shop").consent.allowed("marketing")
    assert strictest(file, "shop").consent.allowed("pay")


@pytest.mark.parametrize("text", ["", "a\r\nx: y", "ä", "x" * 20_000, "a\x00"])
def test_a_policy_that_is_no_header_is_refused(text: str, tmp_path: Path) -> None:
    """It would end before it should, or begin another header."""
    file = kept(tmp_path, shop(tmp_path))
    whole = json.loads(file.read_bytes()) | {"policy": text}

    with pytest.raises(Malformed):
        read(json.dumps(whole).encode(), "shop")
