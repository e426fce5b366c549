"""Batches over HTTP: decisions per second, how long one takes, and whom it keeps waiting.

``python -m bench.batches`` prints a table. What was decided in a second of the service's own
processor time is there too, because other programs on the machine take nothing from that. A decision is one category or service of one visitor.
The service runs in a process of its own on the same settings as in production; one client asks for
1,000 visitors at a time, one batch after another, on one connection. The JSON application it is
held against answers the same number of bytes that are ready made, on the same server settings.
"""

import asyncio
import json
import os
import socket
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httptools
import msgspec
import uvicorn

from holdfire import app, serving
from holdfire.apikeys import FOLDER, ApiKeys
from holdfire.model import Service, Site
from house import demo_site, settings

ROOT = Path(__file__).parent.parent
VISITORS = 1_000
SERVICES = 10
BATCHES = 60  # of each kind
ORIGIN = "http://127.0.0.1:8080"
CATEGORIES = ("functional", "analytics", "marketing")
PATH = "/v1/sites/demo/decisions"


def shop() -> Site:
    """The demo site with ten services."""
    site = demo_site()
    more = (
        Service(id=f"service-{i}", name=f"Service {i}", category=CATEGORIES[i % 3])
        for i in range(SERVICES - len(site.services))
    )
    return msgspec.structs.replace(site, services=(*site.services, *more))


def figures() -> Iterator[tuple[str, float, str, str]]:
    """Decisions per second, quantiles of a batch, and the wait of others meanwhile."""
    yield from asyncio.run(_measure())


async def _measure() -> list[tuple[str, float, str, str]]:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with _server("service", folder) as (port, pid), _server("bare", folder) as (bare, _):
            keys = ApiKeys(folder / "var" / FOLDER, os.urandom, time.time)
            _, key = keys.create("demo", ("decisions:read",), 3_600)
            alike = await _chosen(port, VISITORS, varied=False)
            varied = await _chosen(port, VISITORS, varied=True)
            nobody = [uuid.uuid4().hex[:22] for _ in range(VISITORS)]
            asked = {"alike": alike, "all different": varied, "unknown": nobody}
            for kind in ("application/json", "application/msgpack"):
                for what, visitors in asked.items():
                    request = _request(key, kind, {"visitors": visitors})
                    rows += await _figures(
                        f"batch, {what}, {kind[12:]}", (port, pid), request, bare
                    )
    return rows


async def _figures(
    name: str, service: tuple[int, int], request: bytes, bare: int
) -> list[tuple[str, float, str, str]]:
    site, (port, pid) = shop(), service
    decisions = VISITORS * (len(site.categories) + len(site.services))
    async with _connection(port) as ours, _connection(bare) as theirs:
        size = len(await ours.ask(request))
        reference = f"GET /{size} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        took: list[float] = []
        ratios = []
        before = _processor_seconds(pid)
        for _ in range(BATCHES):
            one = await _timed(ours, request)
            ratios.append(await _timed(theirs, reference) / one)
            took.append(one)
        spent = _processor_seconds(pid) - before
    waits = await _waits(port, request)
    rate = decisions / statistics.mean(took)
    return [
        (f"{name}: decisions", rate, "per s", "≥ 150000"),
        (f"{name}: of its processor time", decisions * BATCHES / spent, "per s", ""),
        (f"{name}: one of 1,000 visitors, p50", statistics.median(took) * 1e3, "ms", ""),
        (f"{name}: p99", statistics.quantiles(took, n=100)[98] * 1e3, "ms", ""),
        (f"{name}: bytes", size, "", ""),
        (f"{name}: of as many bare bytes", statistics.median(ratios), "×", ""),
        (f"{name}: others wait meanwhile, longest", waits * 1e3, "ms", "≤ 20"),
    ]


def _processor_seconds(pid: int) -> float:
    """What a process has used, of itself and of the kernel (proc(5), fields 14 and 15 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _timed(connection: "_Connection", request: bytes) -> float:
    begun = time.perf_counter()
    await connection.ask(request)
    return time.perf_counter() - begun


async def _waits(port: int, request: bytes) -> float:
    """The longest that a small request took beside ten batches in a row, in seconds."""
    small = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    longest = 0.0
    async with _connection(port) as batches, _connection(port) as other:

        async def ten() -> None:
            for _ in range(10):
                await batches.ask(request)

        running = asyncio.create_task(ten())
        while not running.done():
            longest = max(longest, await _timed(other, small))
        await running
    return longest


async def _chosen(port: int, count: int, *, varied: bool) -> list[str]:
    """Visitors who have chosen: all the same, or no two alike in what they refuse."""
    visitors = []
    site = shop()
    async with _connection(port) as connection:
        for i in range(count):
            named = {s.id: not i >> n & 1 for n, s in enumerate(site.services)} if varied else {}
            body = {
                "event_id": str(uuid.uuid4()),
                "action": "save",
                "categories": dict.fromkeys(CATEGORIES, True),
                "services": named,
                "notice_version": site.version,
                "language": "en",
                "layer": 2,
                "control": "save",
                "client_time": "2026-11-21T12:00:00Z",
            }
            raw = json.dumps(body)
            head = f"POST /v1/sites/demo/choices HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nOrigin: {ORIGIN}\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
            visitors.append(json.loads(await connection.ask((head + raw).encode()))["visitor"])
    return visitors


def _request(key: str, kind: str, body: dict[str, Any]) -> bytes:
    raw = msgspec.msgpack.encode(body) if kind.endswith("msgpack") else msgspec.json.encode(body)
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: Bearer {key}\r\n"
        f"Accept: {kind}\r\nContent-Type: {kind}\r\nContent-Length: {len(raw)}\r\n\r\n"
    ).encode() + raw


class _Connection:
    """One connection, and what httptools tells of the answers on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._done = False
        self._body: list[bytes] = []

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer; an error status ends the run."""
        self._done, self._body = False, []
        parser = httptools.HttpResponseParser(self)
        self._writer.write(request)
        while not self._done:
            parser.feed_data(await self._reader.read(1 << 20))
        if parser.get_status_code() >= 400:
            raise RuntimeError(
                f"answered {parser.get_status_code()}: {b''.join(self._body)[:200]!r}"
            )
        return b"".join(self._body)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """The end of the answer."""
        self._done = True


@asynccontextmanager
async def _connection(port: int) -> AsyncIterator[_Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    yield _Connection(reader, writer)
    writer.close()
    await writer.wait_closed()


@asynccontextmanager
async def _server(kind: str, folder: Path) -> AsyncIterator[tuple[int, int]]:
    """A server in a process of its own, ended by its own id; yields its port and that id."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.batches",
        kind,
        str(folder),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        for _ in range(400):
            try:
                async with _connection(port) as connection:
                    await connection.ask(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                break
            except ConnectionError:
                await asyncio.sleep(0.02)
        yield port, process.pid
    finally:
        process.terminate()
        await process.wait()


async def _bare(scope: Any, receive: Any, send: Any) -> None:
    """So many bytes as its path says, ready made."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    size = scope["path"].removeprefix("/")
    body = bytes(int(size) if size.isdigit() else 0)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _serve(kind: str, folder: Path) -> None:
    """Listen on a free loopback port and say which."""
    chosen = settings(folder)
    site = shop()
    built: Any = app.build(chosen, {site.id: site}, prebuild=False) if kind == "service" else _bare
    listener = socket.create_server(("127.0.0.1", 0), backlog=serving.BACKLOG)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    uvicorn.Server(serving.config(built, chosen, "127.0.0.1", 0)).run(sockets=[listener])


def _print() -> None:
    for name, value, unit, goal in figures():
        sys.stdout.write(f"{name:<64} {value:>12,.2f} {unit:<6}{goal and f' goal {goal}'}\n")


if __name__ == "__main__":
    if sys.argv[1:]:
        _serve(sys.argv[1], Path(sys.argv[2]))
    else:
        _print()
