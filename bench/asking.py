"""Whoever asks in the benchmarks: ``wrk`` where there is one, else a client of our own.

A client that is slow is a part of what is measured, and flatters whoever is compared with the bare
application. ``wrk`` takes a tenth of what the server takes. Our own takes as much as the server.
``WRK`` names it where it is in no folder of ``PATH``.
"""

import asyncio
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

WRK = os.environ.get("WRK") or shutil.which("wrk")
COUNTED = b"00000000c0de"  # stands in a request where each has a number of its own
INSIDE = "/bench"  # where a server tells of itself
FAILED = re.compile(r"Non-2xx or 3xx responses|Socket errors")
SCRIPT = """
local sent, at = {}, %d
for line in io.lines(%s) do
  sent[#sent + 1] = line:gsub("..", function(pair) return string.char(tonumber(pair, 16)) end)
end
request = function()
  at = at + 1
  local text = sent[at %% #sent + 1]
  return (text:gsub("%s", string.format("%%012x", at)))
end
"""


class Load(NamedTuple):
    """How one round went."""

    answers: int
    rate: float  # answers per second
    p50: float  # milliseconds
    p99: float


class Answered(RuntimeError):
    """Some answer was an error: the run is worth nothing."""


def load(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Load:
    """Ask in turn, over kept connections, for so long. Raises ``Answered``."""
    if WRK is None:
        return asyncio.run(_own(port, requests, connections, seconds))
    with tempfile.TemporaryDirectory() as folder:
        texts, script = Path(folder, "requests"), Path(folder, "ask.lua")
        texts.write_text("".join(f"{text.hex()}\n" for text in requests))
        # No two rounds count alike: an act that comes again is no new one.
        filled = SCRIPT % (time.time_ns() // 1000 % 2**47, f'"{texts}"', COUNTED.decode())
        script.write_text(filled)
        command = [WRK, "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", f"-s{script}"]
        done = subprocess.run(  # noqa: S603 -- wrk, with arguments of our own
            [*command, f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True
        )
    if FAILED.search(done.stdout):
        raise Answered(done.stdout)
    answers = re.search(r"(\d+) requests in", done.stdout)
    rate = re.search(r"Requests/sec: +([\d.]+)", done.stdout)
    assert answers is not None
    assert rate is not None
    return Load(int(answers[1]), float(rate[1]), *_latencies(done.stdout))


def _latencies(text: str) -> Iterator[float]:
    for share in ("50", "99"):
        found = re.search(rf"^ +{share}% +([\d.]+)(us|ms|s) *$", text, re.MULTILINE)
        assert found is not None, text
        yield float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000}[found[2]]


async def _own(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Load:
    times: list[float] = []
    turn = _numbered(requests)
    until = time.perf_counter() + seconds
    await asyncio.gather(*(_ask(port, turn, until, times) for _ in range(connections)))
    cuts = statistics.quantiles(times, n=100)
    return Load(len(times), len(times) / seconds, cuts[49] * 1000, cuts[98] * 1000)


def _numbered(requests: Sequence[bytes]) -> Iterator[bytes]:
    number = time.time_ns() // 1000 % 2**47
    while True:
        for request in requests:
            number += 1
            yield request.replace(COUNTED, b"%012x" % number)


async def _ask(port: int, turn: Iterator[bytes], until: float, times: list[float]) -> None:
    _, talk = await asyncio.get_running_loop().create_connection(_Talk, "127.0.0.1", port)
    while (begun := time.perf_counter()) < until:
        answer = await talk.exchange(next(turn))
        if answer[9:10] not in b"23":
            raise Answered(answer.decode())
        times.append(time.perf_counter() - begun)
    talk.close()


async def once(port: int, requests: Sequence[bytes]) -> list[bytes]:
    """The whole answers to these, head and body, asked one after the other on one connection."""
    _, talk = await asyncio.get_running_loop().create_connection(_Talk, "127.0.0.1", port)
    answers = [await talk.exchange(request) for request in requests]
    talk.close()
    return answers


class _Talk(asyncio.Protocol):
    """One kept connection, which waits for each answer; as little as will do."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._read = b""

    def exchange(self, request: bytes) -> "asyncio.Future[bytes]":
        """Send a request; its whole answer comes."""
        self._answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        """Collect, until as much is there as the head says."""
        self._read += data
        head, mark, body = self._read.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if mark and len(body) >= (int(length[1]) if length else 0):
            self._read, answer = b"", self._read
            self._answer.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever still waits hears of it."""
        if not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("hung up"))

    def close(self) -> None:
        """Hang up."""
        self._transport.close()
