"""Two nodes on one PostgreSQL, paused and killed at any moment: one log, in the order of real time."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any

import msgspec
import pytest

from holdfire.store.postgres import PostgresStore
from postgres import Cluster
from survival import check
from whole_log import root_of

NODE = Path(__file__).with_name("node.py")
STALL = 3.5  # seconds: longer than PostgreSQL lets anyone hold the head and do nothing
Call = dict[str, Any]


class Nodes:
    """The processes, each with its history."""

    def __init__(self, url: str, folder: Path, count: int) -> None:
        self._url = url
        self._folder = folder
        self._started = 0
        self.running = [self._start() for _ in range(count)]

    def _start(self) -> subprocess.Popen[bytes]:
        self._started += 1
        history = self._folder / f"history-{self._started}"
        return subprocess.Popen([sys.executable, str(NODE), self._url, str(history)])

    def pause(self, node: int, seconds: float) -> None:
        """Stop one in its tracks, and let it go on as if nothing had been."""
        os.kill(self.running[node].pid, signal.SIGSTOP)
        time.sleep(seconds)  # that is the fault
        os.kill(self.running[node].pid, signal.SIGCONT)

    def kill(self, node: int) -> None:
        """End one, and start another in its place."""
        self.end(node)
        self.running[node] = self._start()

    def end(self, node: int) -> None:
        """End one."""
        self.running[node].kill()
        self.running[node].wait()

    def histories(self) -> list[Call]:
        """All calls that were answered, in the order in which they were made."""
        lines = [
            line
            for path in self._folder.glob("history-*")
            for line in path.read_bytes().splitlines(keepends=True)
            if line.endswith(b"\n")
        ]
        calls: list[Call] = [msgspec.json.decode(line) for line in lines]
        return sorted(calls, key=lambda call: call["asked"])


@contextmanager
def nodes(url: str, folder: Path, count: int = 2) -> Iterator[Nodes]:
    """Run them, and end them."""
    started = Nodes(url, folder, count)
    try:
        yield started
    finally:
        for node in range(count):
            started.end(node)


async def check_histories(url: str, calls: Sequence[Call]) -> None:
    """Fail unless what all nodes saw is what one log shows, in the order of real time."""
    acts = of("act", calls)
    store = await PostgresStore.open(url)
    await check(store, {act["event"]: act["index"] for act in acts})
    (head,) = await store.heads()
    bodies: list[bytes] = []
    for start in range(0, head.size, 4096):
        bodies += await store.entries(1, start, min(start + 4096, head.size))
    await store.close()
    assert len({act["index"] for act in acts}) == len(acts), "one place, given to two"
    in_order(acts, "index", strict=True)
    in_order(of("head", calls), "size", strict=False)
    for size, root in {(seen["size"], seen["root"]) for seen in of("head", calls)}:
        assert not size or root_of(bodies[:size]).hex() == root, "a head of another log"
    for visitor in {call["visitor"] for call in acts}:
        own = [call for call in calls if call.get("visitor") == visitor]
        in_order(of("act", own), "seq", strict=True)
        in_order(own, "seq", strict=False)  # whoever reads later has seen what was answered before


def in_order(calls: Sequence[Call], what: str, *, strict: bool) -> None:
    """Fail if a call that was made after another was answered got less than that one."""
    answered = sorted(calls, key=lambda call: call["answered"])
    highest = list(accumulate((call[what] for call in answered), max))
    done = -1
    for call in calls:
        while done + 1 < len(answered) and answered[done + 1]["answered"] < call["asked"]:
            done += 1
        if done >= 0:
            before = highest[done]
            assert call[what] > before if strict and call["did"] == "act" else call[what] >= before


def of(did: str, calls: Sequence[Call]) -> list[Call]:
    """Calls of one sort."""
    return [call for call in calls if call["did"] == did]


def until_all_act(running: Nodes, folder: Path) -> None:
    """Wait until each node has been answered."""
    until = time.monotonic() + 60
    while sum(path.stat().st_size > 0 for path in folder.glob("history-*")) < len(running.running):
        assert time.monotonic() < until, "a node does not come up"
        time.sleep(0.02)  # for the condition above


def trouble(running: Nodes, seconds: float, seed: int) -> None:
    """Pauses and kills for so long."""
    moments = random.Random(seed)  # noqa: S311 - a moment, not a secret
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(moments.uniform(0.05, 0.4))  # a moment like any other
        node = moments.randrange(2)
        if moments.random() < 0.6:
            running.pause(node, moments.uniform(0.05, 0.8))
        else:
            running.kill(node)


def test_two_nodes_write_one_log_whatever_befalls_them(tmp_path: Path, postgres_url: str) -> None:
    """Unique places without a gap; what is answered before another is asked stands before it."""
    with nodes(postgres_url, tmp_path) as running:
        until_all_act(running, tmp_path)
        trouble(running, 4, seed=1)
    calls = running.histories()
    assert {call["did"] for call in calls} == {"act", "read", "head"}
    asyncio.run(check_histories(postgres_url, calls))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(5))
def test_two_nodes_write_one_log_for_long(
    tmp_path: Path, postgres_url: str, postgres_cluster: Cluster, seed: int
) -> None:
    """The same with a longer stall, and a crash of the server itself."""
    with nodes(postgres_url, tmp_path) as running:
        until_all_act(running, tmp_path)
        trouble(running, 2, seed)
        running.pause(seed % 2, STALL)
        postgres_cluster.stop()
        postgres_cluster.start()
        trouble(running, 3, seed + 100)
    asyncio.run(check_histories(postgres_url, running.histories()))
