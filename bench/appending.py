"""Durable choices over HTTP, by this service and by that of another checkout, in turns."""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from bench.answers import choice_request

ROOT = Path(__file__).parent.parent
ROUNDS = 7
SECONDS = 2.0  # a round
CONNECTIONS = 32


def figures(before: Path) -> Iterator[tuple[str, float, str, str]]:
    """Choices per second without the log and with it, and the ratio: medians of the rounds."""
    yield from asyncio.run(_measure(before))


async def _measure(before: Path) -> list[tuple[str, float, str, str]]:
    taken: dict[Path, list[float]] = {before: [], ROOT: []}
    async with AsyncExitStack() as stack:
        ports = {one: await stack.enter_async_context(_new(one)) for one in taken}
        for port in ports.values():
            await _rate(port, SECONDS / 2)  # warms up
        for number in range(ROUNDS):
            for one in sorted(taken, reverse=bool(number % 2)):
                taken[one].append(await _rate(ports[one], SECONDS))
    ratios = [now / then for now, then in zip(taken[ROOT], taken[before], strict=True)]
    return [
        ("append: choices without the log", statistics.median(taken[before]), "per s", ""),
        ("append: choices with the log", statistics.median(taken[ROOT]), "per s", ""),
        ("append: with of without", statistics.median(ratios), "×", ""),
        ("append: with of without, least", min(ratios), "×", ""),
        ("append: with of without, most", max(ratios), "×", ""),
    ]


async def _rate(port: int, seconds: float) -> float:
    begun = time.perf_counter()
    counts = await asyncio.gather(*(_ask(port, begun + seconds) for _ in range(CONNECTIONS)))
    return sum(counts) / (time.perf_counter() - begun)


async def _ask(port: int, until: float) -> int:
    """One connection; any answer but 201 ends the run."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while time.perf_counter() < until:
        writer.write(choice_request())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 201"):
            raise RuntimeError(head.decode("latin-1"))
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        count += 1
    writer.close()
    await writer.wait_closed()
    return count


@asynccontextmanager
async def _new(checkout: Path) -> AsyncIterator[int]:
    """The service of a checkout over an empty store; yields its port."""
    with tempfile.TemporaryDirectory() as folder:
        async with service(checkout, Path(folder)) as port:
            yield port


@asynccontextmanager
async def service(checkout: Path, folder: Path) -> AsyncIterator[int]:
    """The service of a checkout, in a process of its own, once it answers; yields its port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.servers",
        "service",
        str(folder),
        stdout=asyncio.subprocess.PIPE,
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": f"{checkout / 'server'}:{checkout / 'tests'}"},
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")  # it listens at once, and answers when it is ready
        writer.close()
        yield port
    finally:
        process.terminate()
        await process.wait()
