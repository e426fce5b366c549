"""Answers over HTTP, each as a ratio against a bare application on the same server settings.

Service and reference run side by side, take turns, and are asked by the same client with the same
number of connections, so that whatever slows the machine slows both.
"""

import asyncio
import json
import os
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

ROOT = Path(__file__).parent.parent
ROUNDS = 5
SECONDS = 1.0  # a round
CONNECTIONS = 32
ORIGIN = "http://127.0.0.1:8080"


def figures() -> Iterator[tuple[str, float, str, str]]:
    """Requests per second, and the ratio to the reference, medians of alternating rounds."""
    yield from asyncio.run(_measure())


async def _measure() -> list[tuple[str, float, str, str]]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        async with _server("bare", folder) as bare, _server("service", folder) as service:
            token = json.loads((await _once(service, choice_request()))[1])["token"]
            bearer = f"Authorization: Bearer {token}\r\n"
            base = "/v1/sites/demo"
            asked = {
                "decision, no token": _get(f"{base}/decision?service=posthog"),
                "decision, token": _get(f"{base}/decision?service=posthog", bearer),
                "notice": _get(f"{base}/notice"),
                "boot script, br": _get("/s/demo.js", "Accept-Encoding: br\r\n"),
                "boot script, 304": _get(
                    "/s/demo.js", f"If-None-Match: {await _etag(service)}\r\n"
                ),
            }
            for name, request in asked.items():
                rows += await _against(name, service, request, bare, _get("/"))
            rows += await _against("choice, durable", service, choice_request, bare, _get("/"))
    return rows


async def _against(
    name: str, port: int, request: Any, bare: int, reference: bytes
) -> list[tuple[str, float, str, str]]:
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(await _rate(bare, reference))
        ours.append(await _rate(port, request))
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return [
        (f"http: {name}", statistics.median(ours), "per s", ""),
        (f"http: {name}, of a bare JSON answer", statistics.median(ratios), "×", ""),
    ]


async def _rate(port: int, request: Any) -> float:
    """Answers per second over all connections; an error of any kind ends the run."""
    until = time.perf_counter() + SECONDS
    counts = await asyncio.gather(*(_ask(port, request, until) for _ in range(CONNECTIONS)))
    return sum(counts) / SECONDS


async def _ask(port: int, request: Any, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while time.perf_counter() < until:
        status, _ = await _exchange(reader, writer, request() if callable(request) else request)
        if status >= 400:
            raise RuntimeError(f"answered {status}")
        count += 1
    writer.close()
    await writer.wait_closed()
    return count


async def _once(port: int, request: bytes) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = await _exchange(reader, writer, request)
    writer.close()
    await writer.wait_closed()
    return answer


class _Answer:
    """What httptools tells of one response."""

    def __init__(self) -> None:
        self.done = False
        self.body = b""
        self.etag = ""

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"etag":
            self.etag = value.decode()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.done = True


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, bytes]:
    answer = _Answer()
    parser = httptools.HttpResponseParser(answer)
    writer.write(request)
    while not answer.done:
        parser.feed_data(await reader.read(65_536))
    return parser.get_status_code(), answer.body or answer.etag.encode()


async def _etag(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = _Answer()
    parser = httptools.HttpResponseParser(answer)
    writer.write(_get("/s/demo.js"))
    while not answer.done:
        parser.feed_data(await reader.read(65_536))
    writer.close()
    await writer.wait_closed()
    return answer.etag


def _get(path: str, more: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n{more}\r\n".encode()


def choice_request() -> bytes:
    """A refusal of a visitor of its own, as the bytes of a request."""
    body = json.dumps(
        {
            "event_id": str(uuid.uuid4()),
            "action": "reject_all",
            "categories": {"functional": False, "analytics": False, "marketing": False},
            "services": {},
            "notice_version": "0" * 16,
            "language": "en",
            "layer": 1,
            "control": "reject_all",
            "client_time": "2026-11-21T12:00:00Z",
        }
    )
    head = (
        "POST /v1/sites/demo/choices HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
        f"Origin: {ORIGIN}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


@asynccontextmanager
async def _server(kind: str, folder: str) -> AsyncIterator[int]:
    """A server in a process of its own, ended by its own id; yields its port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.servers",
        kind,
        folder,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        for _ in range(400):
            try:
                await _once(port, _get("/healthz"))
                break
            except ConnectionError:
                await asyncio.sleep(0.02)
        yield port
    finally:
        process.terminate()
        await process.wait()
