"""The two addresses of a witness, as an ASGI application of its own."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from holdfire.witness.cosigner import TEXT, Answer, Cosigner
from holdfire.witness.state import StateUnavailable

MOST_BYTES = 64 * 1024  # 63 hashes are 3 KiB; the rest is for signatures, one of which may be 5 KB
BODY_SECONDS = 10.0
JSON = "application/json"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class TooLarge(Exception):
    """The body is over the limit."""


class Gone(Exception):
    """Who asked is no longer there."""


class WitnessService:
    """Serves one witness."""

    def __init__(self, cosigner: Cosigner) -> None:
        self._cosigner = cosigner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        method, path = scope["method"], scope["path"]
        if path == "/add-checkpoint":
            allowed = "POST"
            answer = await self._add_checkpoint(scope, receive) if method == allowed else None
        elif path == "/":
            allowed = "GET, HEAD"
            answer = await self._overview() if method in ("GET", "HEAD") else None
        else:
            allowed, answer = "", Answer(404, "there is nothing here\n")
        more = []
        if answer is None:
            answer = Answer(405, f"{allowed} is for here\n")
            more = [(b"allow", allowed.encode())]
        if answer.status != 0:
            await _send(send, answer, more, bodiless=method == "HEAD")

    async def _add_checkpoint(self, scope: Scope, receive: Receive) -> Answer:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(scope, receive)
        except TooLarge:
            return Answer(413, f"a request has at most {MOST_BYTES} bytes\n")
        except TimeoutError:
            return Answer(408, "the request did not come in time\n")
        except Gone:
            return Answer(0, "")
        return await self._cosigner.add_checkpoint(body)

    async def _overview(self) -> Answer:
        try:
            found = await self._cosigner.latest()
        except StateUnavailable:
            return Answer(503, "the state cannot be read\n", TEXT)
        return Answer(200, msgspec.json.encode(found).decode() + "\n", JSON)


async def _body(scope: Scope, receive: Receive) -> bytes:
    """Read the body, as far as it may be long. Raises ``TooLarge`` or ``Gone``."""
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > MOST_BYTES:
        raise TooLarge
    body, more = b"", True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise Gone
        body += event.get("body", b"")
        more = event.get("more_body", False)
        if len(body) > MOST_BYTES:
            raise TooLarge
    return body


async def _send(
    send: Send, answer: Answer, more: list[tuple[bytes, bytes]], *, bodiless: bool
) -> None:
    body = answer.body.encode()
    headers = [
        (b"content-type", answer.media_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *more,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if bodiless else body})
