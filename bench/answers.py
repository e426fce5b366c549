"""Answers over HTTP, each as a ratio against a bare application on the same server settings.

Service and reference run side by side, take turns, and are asked by the same client with the same
number of connections, so that whatever slows the machine slows both. Medians of the rounds, with
the narrowest and the widest of them. Where others use the machine meanwhile, the rates are theirs as
much as ours; the time that each server itself has used for an answer is not.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from bench.asking import COUNTED, INSIDE, WRK, Load, load, once

ROOT = Path(__file__).parent.parent
ROUNDS = 7
SECONDS = 2.0  # a round
CONNECTIONS = 64
VISITORS = 10_000
FEW = 8
ORIGIN = "http://127.0.0.1:8080"
DECISION = "/v1/sites/demo/decision?service=posthog"
Row = tuple[str, float, str, str]


class Server(NamedTuple):
    """A process of ours that answers."""

    port: int
    pid: int

    def used(self) -> float:
        """The time that its threads have run, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Round(NamedTuple):
    """One round: what the client saw, and what the server used for each answer, in µs."""

    seen: Load
    used: float


def _round(server: Server, requests: Sequence[bytes], seconds: float) -> Round:
    before = server.used()
    seen = load(server.port, requests, CONNECTIONS, seconds)
    return Round(seen, 1e6 * (server.used() - before) / seen.answers)


def figures() -> Iterator[Row]:
    """Answers per second, latencies, and ratios to the reference."""
    yield ("http: client is wrk", float(WRK is not None), "yes or no", "")
    yield from asyncio.run(_measure())


async def _measure() -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        async with (
            serving("bare", folder) as bare,
            serving("echo", folder) as echo,
            serving("service", folder) as service,
        ):
            few, many, withdrawn = await _visitors(service)
            rest = [get("/")]
            for name, requests, goal in (
                ("decision, a few tokens", few, "≥ 0.85 ×"),
                (f"decision, {VISITORS:,} tokens in turn", many, "≥ 0.75 ×"),
                ("notice", [get("/v1/sites/demo/notice")], "≥ 0.75 ×"),
                ("boot script, br", [get("/s/demo.js", "Accept-Encoding: br\r\n")], "≥ 0.75 ×"),
                ("boot script, 304", [await _known(service)], "≥ 0.75 ×"),
            ):
                rows += await _against(name, (service, requests), (bare, rest), goal)
            await _still_refused(service, withdrawn)
            acts = [choice_request(COUNTED.decode())]
            sent = [_post("/", acts[0].partition(b"\r\n\r\n")[2].decode())]
            rows += await _against("choice, durable", (service, acts), (echo, sent), "≥ 0.40 ×")
    return rows


async def _against(
    name: str,
    ours: tuple[Server, Sequence[bytes]],
    theirs: tuple[Server, Sequence[bytes]],
    goal: str,
) -> list[Row]:
    """Rounds by turns: ours, then the reference's, then ours again."""
    if len(ours[1]) > 1:
        await _each(*ours)  # nothing is kept before the first time
    await asyncio.to_thread(_round, *ours, 1)
    before = await inside(ours[0])
    pairs = []
    for _ in range(ROUNDS):
        a = await asyncio.to_thread(_round, *ours, SECONDS)
        b = await asyncio.to_thread(_round, *theirs, SECONDS)
        pairs.append((a, b))
    after = await inside(ours[0])
    rates = [a.seen.rate / b.seen.rate for a, b in pairs]
    used = [b.used / a.used for a, b in pairs]
    told = [
        ("", statistics.median(a.seen.rate for a, _ in pairs), "per s", ""),
        ("p50", statistics.median(a.seen.p50 for a, _ in pairs), "ms", ""),
        ("p99", statistics.median(a.seen.p99 for a, _ in pairs), "ms", ""),
        ("of the reference", statistics.median(rates), "×", goal),
        (f"lowest of {ROUNDS}", min(rates), "×", ""),
        (f"highest of {ROUNDS}", max(rates), "×", ""),
        ("server's time an answer", statistics.median(a.used for a, _ in pairs), "µs", ""),
        ("reference's time an answer", statistics.median(b.used for _, b in pairs), "µs", ""),
        ("of the reference, by time used", statistics.median(used), "×", goal),
        ("memory", after["rss"] / 1e6, "MB", ""),
    ]
    hits, misses = (_since(before, after, what) for what in ("hit", "miss"))
    if hits + misses:
        told.append(("from memory", 100 * hits / (hits + misses), "%", ""))
    return [(f"http: {name}, {what}".removesuffix(", "), *rest) for what, *rest in told]


def _since(before: dict[str, Any], after: dict[str, Any], what: str) -> int:
    count: int = after["cache"].get(what, 0) - before["cache"].get(what, 0)
    return count


async def _visitors(server: Server) -> tuple[list[bytes], list[bytes], bytes]:
    """Lookups of a few visitors, of many, and of one who withdrew, with the token from before."""
    (notice,) = await once(server.port, [get("/v1/sites/demo/notice")])
    version = json.loads(notice.partition(b"\r\n\r\n")[2])["version"]
    acts = [choice_request(None, "accept_all", version=version) for _ in range(VISITORS)]
    answers = await _each(server, acts)
    asked = [get(DECISION, bearer(answer)) for answer in answers]
    withdrawn = asked[0]
    assert b'"allow":true' in (await once(server.port, [withdrawn]))[0]
    await once(server.port, [choice_request(None, "withdraw", bearer(answers[0]))])
    await _still_refused(server, withdrawn)
    return asked[:FEW], asked, withdrawn


async def _each(server: Server, requests: Sequence[bytes]) -> list[bytes]:
    """The answers to all of these, asked over all connections."""
    share = len(requests) // CONNECTIONS + 1
    parts = [requests[at : at + share] for at in range(0, len(requests), share)]
    answered = await asyncio.gather(*(once(server.port, part) for part in parts))
    return [answer for part in answered for answer in part]


async def _still_refused(server: Server, withdrawn: bytes) -> None:
    (answer,) = await once(server.port, [withdrawn])
    assert b'"allow":false' in answer, answer


async def _known(server: Server) -> bytes:
    """The request for a boot script that the browser has already."""
    (answer,) = await once(server.port, [get("/s/demo.js")])
    etag = answer.partition(b"etag: ")[2].partition(b"\r\n")[0].decode()
    return get("/s/demo.js", f"If-None-Match: {etag}\r\n")


async def inside(server: Server) -> dict[str, Any]:
    """What the service says of its cache and its memory."""
    (answer,) = await once(server.port, [get(INSIDE)])
    found: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found


def bearer(answer: bytes) -> str:
    """The header that carries the token in the answer to a choice."""
    token = json.loads(answer.partition(b"\r\n\r\n")[2])["token"]
    return f"Authorization: Bearer {token}\r\n"


def get(path: str, more: str = "") -> bytes:
    """The bytes of a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n{more}\r\n".encode()


def choice_request(
    number: str | None = None,
    action: str = "reject_all",
    more: str = "",
    *,
    version: str = "0" * 16,
) -> bytes:
    """An act of a visitor of its own, as the bytes of a request; ``number`` ends its event id."""
    granted = action == "accept_all"
    event = str(uuid.uuid4())
    body = json.dumps(
        {
            "event_id": event[:-12] + number if number else event,
            "action": action,
            "categories": dict.fromkeys(("functional", "analytics", "marketing"), granted),
            "services": {},
            "notice_version": version,
            "language": "en",
            "layer": 1,
            "control": action,
            "client_time": "2026-11-21T12:00:00Z",
        }
    )
    return _post("/v1/sites/demo/choices", body, more)


def _post(path: str, body: str, more: str = "") -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nOrigin: {ORIGIN}\r\n{more}"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


@asynccontextmanager
async def serving(kind: str, folder: str) -> AsyncIterator[Server]:
    """A server in a process of its own, ended by its own id."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.servers",
        kind,
        folder,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
    )
    assert started.stdout is not None
    try:
        port = int(await started.stdout.readline())
        for _ in range(400):
            try:
                await once(port, [get("/healthz")])
                break
            except ConnectionError:
                await asyncio.sleep(0.02)
        yield Server(port, started.pid)
    finally:
        started.terminate()
        await started.wait()
