"""One layer round the application: request id, limits, safe headers, CORS, the one error body.

Raw ASGI, because it runs on every request and has nothing to ask of Starlette.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfire.errors import (
    BodyTooLarge,
    HeadersTooLarge,
    HoldfireError,
    Overloaded,
    StoreUnavailable,
)
from holdfire.parse import BODY_BYTES, headers_size

HEADER_BYTES = 8 * 1024  # eight times what an honest browser sends with our cookie
IN_PROGRESS = 2_048  # twice what the store lets wait, so that lookups pass where writes queue
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

        Beyond ``most`` requests in progress the next is refused, so that those begun can end.
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
        answer = _Answer(scope, send)
        begun = self._monotonic()
        self._in_progress += 1
        try:
            if self._in_progress > self._most:
                raise Overloaded("Too many requests at once: nothing was granted or recorded.")  # noqa: TRY301 -- one place answers errors
            _check_size(scope)
            await self._app(scope, _capped(receive), answer.send)
        except HoldfireError as error:
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
        LOG.info(
            "%s %s %s %.1fms %s",
            scope["method"],
            _template(scope),
            answer.status or "gone",  # whoever asked has hung up
            (self._monotonic() - begun) * 1000,
            answer.request_id,
        )


class _Answer:
    """The sending half of one exchange: adds what every answer carries."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.request_id = secrets.token_hex(8)
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
        if isinstance(error, StoreUnavailable):
            headers.append((b"retry-after", str(error.retry_after_seconds).encode()))
        await self.send({"type": "http.response.start", "status": error.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _check_size(scope: Scope) -> None:
    if headers_size(scope["headers"]) > HEADER_BYTES:
        raise HeadersTooLarge(f"The headers are over {HEADER_BYTES} bytes.")
    declared = [value for name, value in scope["headers"] if name == b"content-length"]
    if not all(_fits(value) for value in declared):
        raise BodyTooLarge(f"The body is over {BODY_BYTES} bytes.")


def _fits(length: bytes) -> bool:
    """Whether a declared length is one we take; leading zeros are allowed (RFC 9110 §8.6)."""
    digits = re.fullmatch(rb"0*(\d{1,5})", length)
    return digits is not None and int(digits[1]) <= BODY_BYTES


def _capped(receive: Receive) -> Receive:
    """Stop reading a body that goes on past its limit, whatever its head declared."""
    seen = 0

    async def capped() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > BODY_BYTES:
            raise BodyTooLarge(f"The body is over {BODY_BYTES} bytes.")
        return message

    return capped


def _template(scope: Scope) -> str:
    """The route, never the path: a path may hold what a visitor typed."""
    route = scope.get("route")
    return getattr(route, "path", "-")
