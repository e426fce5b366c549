"""An answer written in one piece is, byte for byte, the one that uvicorn would have written."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from holdfire import serving
from house import settings

HEADERS = [(b"content-type", b"application/json"), (b"x-request-id", b"00"), (b"vary", b"Origin")]
BODY = b'{"allow":false}'
DATE = re.compile(rb"date: [^\r]*\r\n")


@dataclass
class Served:
    """A server whose answers to ``/whole`` are in one piece, where it lets them be."""

    port: int = 0
    whole: list[bool] = field(default_factory=list)  # whether each could be

    async def __call__(self, scope: Any, _: Any, send: Any) -> None:
        """Answer what the path says: how, and with which status."""
        if scope["type"] != "http":
            return
        _, how, status = scope["path"].split("/")
        body = b"" if status == "304" else BODY
        headers = [*HEADERS]
        if status != "304":
            headers.append((b"content-length", str(len(body)).encode()))
        if how == "whole":
            lines = b"".join(b"%b: %b\r\n" % line for line in headers)
            self.whole.append(serving.in_one_piece(send, int(status), lines, body))
            if self.whole[-1]:
                return
        start = {"type": "http.response.start", "status": int(status), "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": body})

    async def ask(self, requests: bytes, *, answers: int) -> bytes:
        """What comes back for these bytes, until so many answers came or the connection ended."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(requests)
        got = b""
        async with asyncio.timeout(10):
            while got.count(b"HTTP/1.1 ") < answers or not _ends(got):
                data = await reader.read(65_536)
                if not data:
                    break
                got += data
        writer.close()
        return DATE.sub(b"date: now\r\n", got)


def _ends(got: bytes) -> bool:
    _, _, last = got.rpartition(b"HTTP/1.1 ")
    head, end, body = last.partition(b"\r\n\r\n")
    return bool(end) and (b"content-length" not in head or body == BODY)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """The server, with our settings of uvicorn."""
    async with _running(tmp_path) as found:
        yield found


@asynccontextmanager
async def _running(folder: Path) -> AsyncIterator[Served]:
    found = Served()
    config = serving.config(found, settings(folder), "127.0.0.1", 0)  # type: ignore[arg-type]  # any ASGI application is served alike
    config.loop, config.lifespan = "none", "off"
    server = uvicorn.Server(config)
    with serving.listen("127.0.0.1", 0) as listener:
        found.port = listener.getsockname()[1]
        task = asyncio.create_task(server._serve([listener]))  # serve() would take the signals
        while not server.started:  # noqa: ASYNC110 -- it has no event to wait for
            await asyncio.sleep(0.01)
        yield found
        server.should_exit = True
        await task


def get(path: str, *lines: str, version: str = "1.1") -> bytes:
    """A request."""
    head = [f"GET {path} HTTP/{version}", "Host: 127.0.0.1", *lines]
    return "".join(f"{line}\r\n" for line in [*head, ""]).encode()


@pytest.mark.parametrize("status", ["200", "304"])
async def test_both_ways_write_the_same(served: Served, status: str) -> None:
    """Status line, date, headers, body: nothing more, nothing less, in the same order."""
    messages = await served.ask(get(f"/messages/{status}"), answers=1)
    whole = await served.ask(get(f"/whole/{status}"), answers=1)

    assert served.whole == [True]
    assert whole == messages
    assert whole.endswith(b"\r\n\r\n" if status == "304" else b"\r\n\r\n" + BODY)


async def test_a_connection_goes_on_afterwards(served: Served) -> None:
    """Five questions sent at once are answered in their order, by either way."""
    ways = ("whole", "messages", "whole", "whole", "messages")
    got = await served.ask(b"".join(get(f"/{way}/200") for way in ways), answers=5)

    assert served.whole == [True] * 3
    assert got == (await served.ask(get("/messages/200"), answers=1)) * 5


@pytest.mark.parametrize(
    "request_bytes",
    [get("/whole/200", "Connection: close"), get("/whole/200", version="1.0")],
    ids=["close", "HTTP/1.0"],
)
async def test_the_last_answer_of_a_connection_is_uvicorns(
    served: Served, request_bytes: bytes
) -> None:
    """It says so in a header, and closes."""
    got = await served.ask(request_bytes, answers=2)

    assert served.whole == [False]
    assert b"connection: close\r\n" in got
    assert got.endswith(BODY)


async def test_who_reads_too_slowly_is_waited_for(served: Served) -> None:
    """While what was written before has not left, uvicorn's own way is taken, which waits."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1_024)
    count = 60_000
    writer.write(get("/whole/200") * count)
    async with asyncio.timeout(60):
        while False not in served.whole and len(served.whole) < count:  # noqa: ASYNC110 -- likewise
            await asyncio.sleep(0.05)
        got, seen = b"", 0
        while seen < count:
            got += await reader.read(65_536)
            seen += got.count(BODY)
            got = got[got.rfind(BODY) + len(BODY) :] if BODY in got else got
    writer.close()

    assert seen == count
    assert False in served.whole
    assert True in served.whole


async def test_no_other_server_is_written_to() -> None:
    """What is no exchange of uvicorn's is left alone: a test's client, another server."""

    async def send(_: Any) -> None: ...

    assert not serving.in_one_piece(send, 200, b"", BODY)
    assert not serving.in_one_piece(Served().ask, 200, b"", BODY)  # type: ignore[arg-type]  # bound to something else
