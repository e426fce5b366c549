"""The demo's third party: it serves tags, takes whatever they send, and counts.

It stands for everybody else's servers, on an origin of its own, so that a page which holds its
tags can be seen not to reach it at all. It keeps numbers and nothing else: which service, which
method and address of the table below, how often. Nothing of a query, a body or a visitor.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from holdfire.errors import ConfigError, Problem

JAVASCRIPT = "text/javascript; charset=utf-8"
HTML = "text/html; charset=utf-8"
JSON = "application/json"
PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)
"""A transparent GIF of one pixel (GIF89a)."""
AD_COOKIE = "demo_ad_id=1; Path=/; Max-Age=7776000; SameSite=Lax"
"""Cookies know no ports (RFC 6265 §8.5): on one host the page sees it, and Holdfire removes it."""
ELSEWHERE = "elsewhere"  # what reached us at an address nobody owns


class Handout(NamedTuple):
    """A file that a tag consists of."""

    path: str
    service: str
    file: str  # below the folder of static files
    media_type: str


class Collector(NamedTuple):
    """An address that a tag reports to, and everything below it."""

    path: str
    service: str
    reply: bytes = b'{"status": 1}'
    media_type: str = JSON


HANDOUTS = (
    Handout("/tags/posthog.js", "posthog", "dist/vendor/posthog.js", JAVASCRIPT),
    Handout("/tags/plausible.js", "plausible", "dist/vendor/plausible.js", JAVASCRIPT),
    Handout("/tags/mixpanel.js", "mixpanel", "dist/vendor/mixpanel.js", JAVASCRIPT),
    Handout("/frame.html", "ad-frame", "demo/third-party/frame.html", HTML),
    Handout("/video.html", "video", "demo/third-party/video.html", HTML),
    Handout("/chat.js", "chat", "demo/third-party/chat.js", JAVASCRIPT),
)
PIXEL_PATH = "/pixel.gif"
COLLECTORS = (
    Collector("/e/", "posthog"),
    Collector("/i/", "posthog"),
    Collector("/s/", "posthog"),
    Collector("/flags/", "posthog", b'{"featureFlags": {}, "errorsWhileComputingFlags": false}'),
    Collector("/decide/", "posthog", b'{"featureFlags": {}}'),
    Collector("/array/", "posthog", b'{"supportedCompression": [], "hasFeatureFlags": false}'),
    Collector("/api/event", "plausible", b"ok", "text/plain"),
    Collector("/track/", "mixpanel", b"1", "text/plain"),
    Collector("/engage/", "mixpanel", b"1", "text/plain"),
    Collector("/groups/", "mixpanel", b"1", "text/plain"),
    Collector("/collect/ad-pixel", "ad-pixel"),
    Collector("/collect/ad-frame", "ad-frame"),
    Collector("/collect/video", "video"),
    Collector("/collect/chat", "chat"),
    Collector("/collect/", ELSEWHERE),
)


class Tally:
    """What arrived, in memory: service → "METHOD /address" → number."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._counts: dict[str, Counter[str]] = {}

    def add(self, service: str, what: str) -> None:
        """Count one arrival."""
        self._counts.setdefault(service, Counter())[what] += 1

    def counts(self) -> dict[str, dict[str, int]]:
        """A copy of the numbers; a service that nothing arrived for is not in it."""
        return {service: dict(counter) for service, counter in self._counts.items()}

    def reset(self) -> None:
        """Begin at zero again."""
        self._counts.clear()


def third_party(static: Path, tally: Tally) -> Starlette:
    """The third party's application; ``static`` is the folder that holds ``demo/`` and ``dist/``.

    Raises ``ConfigError`` where a file that it hands out is not there.
    """
    files = {handout.path: _read(static, handout) for handout in HANDOUTS}

    async def hand_out(request: Request) -> Response:
        body, media_type = files[request.url.path]
        return _fresh(body, media_type)

    async def hits(request: Request) -> Response:  # noqa: ARG001 -- the endpoint signature
        return JSONResponse(tally.counts(), headers={"cache-control": "no-store"})

    async def reset(request: Request) -> Response:  # noqa: ARG001 -- the endpoint signature
        tally.reset()
        return Response(status_code=204)

    routes: list[BaseRoute] = [
        *(Route(handout.path, hand_out) for handout in HANDOUTS),
        Route(PIXEL_PATH, _pixel),
        Route("/hits.json", hits),
        Route("/hits/reset", reset, methods=["POST"]),
        Route("/{anything:path}", _collect, methods=["GET", "POST"]),
    ]
    # Tags speak to their servers from any page and with any header, so the origin is echoed.
    cors = Middleware(
        CORSMiddleware,
        allow_origin_regex=".*",
        allow_methods=["*"],
        allow_headers=["*"],
        allow_credentials=True,
    )
    return Starlette(routes=routes, middleware=[Middleware(_Counted, tally=tally), cors])


class _Counted:
    """Counts before anything answers, preflights too: a request that came has told of a visitor."""

    def __init__(self, app: ASGIApp, *, tally: Tally) -> None:
        self._app = app
        self._tally = tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/hits"):
            path, service = _owner(scope["path"])
            self._tally.add(service, f"{scope['method']} {path}")
        await self._app(scope, receive, send)


def _owner(path: str) -> tuple[str, str]:
    """The row of the tables an address falls under, so that what is counted stays few."""
    if path == PIXEL_PATH:
        return path, "ad-pixel"
    for handout in HANDOUTS:
        if path == handout.path:
            return path, handout.service
    collector = _collector(path)
    return (collector.path, collector.service) if collector else ("/…", ELSEWHERE)


def _collector(path: str) -> Collector | None:
    return next((c for c in COLLECTORS if path.startswith(c.path)), None)


async def _collect(request: Request) -> Response:
    collector = _collector(request.url.path)
    if collector is None:
        return _fresh(b"{}", JSON, status=404)
    return _fresh(collector.reply, collector.media_type)


async def _pixel(request: Request) -> Response:  # noqa: ARG001 -- the endpoint signature
    return _fresh(PIXEL, "image/gif", {"set-cookie": AD_COOKIE})


def _fresh(
    body: bytes, media_type: str, headers: Mapping[str, str] | None = None, *, status: int = 200
) -> Response:
    """An answer no cache keeps: what is not asked for again could not be counted again."""
    return Response(body, status, {"cache-control": "no-store", **(headers or {})}, media_type)


def _read(static: Path, handout: Handout) -> tuple[bytes, str]:
    path = static / handout.file
    try:
        return path.read_bytes(), handout.media_type
    except OSError as error:
        problem = Problem(str(path), handout.service, "the tag is not built", "run: make setup")
        raise ConfigError((problem,)) from error
