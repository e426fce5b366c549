"""One POST to a stranger: what is sent, what may come back, and how long that may take.

HTTP/1.1 over asyncio, a connection for each request. No redirect is followed, no cookie kept.
"""

import asyncio
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

SECONDS = 10.0  # for everything together
MOST_BYTES = 16 * 1024  # of a body, and of the headers
CHUNK = 4_096
PORTS = {"http": 80, "https": 443}


class Unanswered(Exception):
    """No answer came, or none that could be read. The message is for the operator."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    media_type: str
    body: bytes


async def post(url: str, body: bytes, *, seconds: float = SECONDS) -> Answer:
    """Send a body and return the answer, whatever its status. Raises ``Unanswered``."""
    try:
        async with asyncio.timeout(seconds):
            return await _exchange(url, body)
    except TimeoutError as error:
        raise Unanswered("no answer in time") from error
    except (OSError, h11.ProtocolError, ValueError) as error:
        raise Unanswered(f"{type(error).__name__}: {error}") from error


async def _exchange(url: str, body: bytes) -> Answer:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(
        parts.hostname,
        parts.port or PORTS[parts.scheme],
        ssl=ssl.create_default_context() if parts.scheme == "https" else None,
    )
    try:
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_BYTES)
        request = h11.Request(
            method="POST",
            target=parts.path or "/",
            headers=[
                ("host", parts.netloc),
                ("content-type", "text/plain; charset=utf-8"),
                ("content-length", str(len(body))),
                ("connection", "close"),
            ],
        )
        for event in (request, h11.Data(data=body), h11.EndOfMessage()):
            writer.write(connection.send(event) or b"")
        await writer.drain()
        return await _answer(connection, reader)
    finally:
        writer.transport.abort()  # nothing more is said: the other side may not be listening


async def _answer(connection: h11.Connection, reader: asyncio.StreamReader) -> Answer:
    status, media_type, body = 0, "", b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(CHUNK))
        elif isinstance(event, h11.Response):
            status = event.status_code
            media_type = dict(event.headers).get(b"content-type", b"").decode("latin-1")
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MOST_BYTES:
                raise Unanswered(f"more than {MOST_BYTES} bytes")
        elif isinstance(event, h11.EndOfMessage):
            return Answer(status, media_type, body)
        elif not isinstance(event, h11.InformationalResponse):
            raise Unanswered("the connection was closed in the middle")
