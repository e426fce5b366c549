"""One layer round the application: request id, limits, safe headers, CORS, the one error body.

Raw ASGI, because it runs on every request and has nothing to ask of Starlette.
"""

import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfire.errors import (
    BodyTooLarge,
    HeadersTooLarge,
    HoldfireError,
    Overloaded,
    RateLimited,
    StoreUnavailable,
)
from holdfire.limits import Cost
from holdfire.model import Site
from holdfire.parse import headers_size, most_bytes
from holdfire.web.cors import cors
from holdfire.web.house import House
from holdfire.web.request_id import request_id

HEADER_BYTES = 8 * 1024  # eight times what an honest browser sends with our cookie
IN_PROGRESS = 2_048  # what costs is shed at half of it, which is what the store lets wait
GONE = 499  # what nginx calls a request whose sender did not wait; it is counted, never sent
LOG = logging.getLogger("holdfire.access")
FAULTS = logging.getLogger("holdfire.faults")

SAFE: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"cross-origin"),  # tags on other origins ask us
    (b"strict-transport-security", b"max-age=63072000"),  # browsers ignore it on plain http
)


COSTS: Mapping[tuple[str, str], Cost | Literal["batch"]] = {
    ("POST", "choices"): "acts",
    ("POST", "handoffs"): "acts",
    ("POST", "takeovers"): "acts",
    ("GET", "choices"): "papers",
    ("GET", "receipts"): "papers",
    ("GET", "token"): "papers",
    ("POST", "decisions"): "batch",  # its endpoint knows whose key, and how many visitors
}
"""What is asked of a site, by method and the word after its id, that costs more than a lookup."""


class ErrorBody(msgspec.Struct):
    """What every error says, and nothing more (PROTOCOL.md §6)."""

    code: str
    message: str
    request_id: str


class ErrorDocument(msgspec.Struct):
    """The one error document."""

    error: ErrorBody


class Door:
    """The outermost layer."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        most: int = IN_PROGRESS,
    ) -> None:
        """Wrap an application; ``monotonic`` (seconds) measures for the log.

        Beyond ``most`` requests in progress the next is refused, so that those begun can end; one
        that costs more than a lookup beyond half as many, so that lookups are shed last.
        """
        self._app = app
        self._monotonic = monotonic
        self._most = most
        self._in_progress = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; lifespan messages pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer, errand = _Answer(scope, send), _Errand.of(scope)
        begun = self._monotonic()
        self._in_progress += 1
        try:
            self._admit(scope, errand)
            await self._app(scope, _capped(receive, scope), answer.send)
        except HoldfireError as error:
            if errand.site is not None:  # whoever refuses, a page of the site can read it
                scope.setdefault("holdfire.headers", cors(errand.site, scope))
            await answer.fail(error)
        except ClientDisconnect:
            # Lost: nothing. The body never came whole, so nothing was read, decided or written.
            pass
        except Exception:  # noqa: BLE001 -- nothing but the one error body may leave; lost is this one answer
            # The visitor is denied by it, nothing was granted or written, and the log has the
            # traceback under the request id the caller is given.
            FAULTS.exception("unexpected", extra={"request_id": answer.request_id})
            await answer.fail(HoldfireError("Something went wrong here; nothing was granted."))
        finally:
            self._in_progress -= 1
        took, template = self._monotonic() - begun, _template(scope)
        if errand.house is not None:
            metrics = errand.house.metrics
            metrics.in_progress = self._in_progress
            metrics.answered(template, scope["method"], answer.status or GONE, took)
        LOG.info(
            "%s %s %s %.1fms %s",
            scope["method"],
            template,
            answer.status or "gone",  # whoever asked has hung up
            took * 1000,
            answer.request_id,
        )

    def _admit(self, scope: Scope, errand: "_Errand") -> None:
        """Raises what the request is refused with before anything of it is looked at."""
        house, site, cost = errand
        if house is not None:
            house.metrics.in_progress = self._in_progress
        if self._in_progress > (self._most // 2 if cost else self._most):
            if house is not None:
                house.metrics.refused["load"] += 1
            raise Overloaded("Too many requests at once: nothing was granted or recorded.")
        _check_size(scope)
        if house is not None and site is not None and cost is not None and cost != "batch":
            peer = scope["client"]
            network = house.observatory.network(peer and peer[0], scope["headers"])
            house.limits.ask(cost, site.id, network)


class _Errand(NamedTuple):
    """Where a request arrived, and what it is for as far as its address tells."""

    house: House | None = None  # none before it is built
    site: Site | None = None
    cost: Cost | Literal["batch"] | None = None

    @classmethod
    def of(cls, scope: Scope) -> "_Errand":
        """Read method and path as the URL table does."""
        house: House | None = getattr(getattr(scope.get("app"), "state", None), "house", None)
        path: str = scope["path"]
        if not path.startswith("/v1/sites/"):
            return cls(house)
        _, _, _, site, *below = path.split("/")
        # The table's patterns end in "$", which a line feed at the end of a path does not escape.
        verb = below[0].removesuffix("\n") if below else ""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        found = house.ctx.sites.get(site) if house is not None else None
        return cls(house, found, COSTS.get((method, verb)))


class _Answer:
    """The sending half of one exchange: adds what every answer carries."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.request_id = request_id().decode()
        self.status = 0
        self._scope = scope
        self._send = send

    async def send(self, message: Message) -> None:
        """Pass a message on, its head completed."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = {name for name, _ in message["headers"]}
            extra = [(n, v) for n, v in SAFE if n not in own]
            extra.append((b"x-request-id", self.request_id.encode()))
            extra.extend(self._scope.get("holdfire.headers", ()))
            message = {**message, "headers": [*message["headers"], *extra]}
        await self._send(message)

    async def fail(self, error: HoldfireError) -> None:
        """Send the one error body, unless an answer has begun."""
        if self.status:
            return
        body = msgspec.json.encode(
            ErrorDocument(ErrorBody(error.code, str(error), self.request_id))
        )
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        if isinstance(error, StoreUnavailable | RateLimited):
            headers.append((b"retry-after", str(error.retry_after_seconds).encode()))
        await self.send({"type": "http.response.start", "status": error.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _check_size(scope: Scope) -> None:
    if headers_size(scope["headers"]) > HEADER_BYTES:
        raise HeadersTooLarge(f"The headers are over {HEADER_BYTES} bytes.")
    declared = [value for name, value in scope["headers"] if name == b"content-length"]
    most = most_bytes(scope["method"], scope["path"])
    if not all(_fits(value, most) for value in declared):
        raise BodyTooLarge(f"The body is over {most} bytes.")


def _fits(length: bytes, most: int) -> bool:
    """Whether a declared length is one we take; leading zeros are allowed (RFC 9110 §8.6)."""
    digits = re.fullmatch(rb"0*(\d{1,9})", length)
    return digits is not None and int(digits[1]) <= most


def _capped(receive: Receive, scope: Scope) -> Receive:
    """Stop reading a body that goes on past its limit, whatever its head declared."""
    seen, most = 0, most_bytes(scope["method"], scope["path"])

    async def capped() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise BodyTooLarge(f"The body is over {most} bytes.")
        return message

    return capped


def _template(scope: Scope) -> str:
    """The route, never the path: a path may hold what a visitor typed."""
    route = scope.get("route")
    return getattr(route, "path", "-")
