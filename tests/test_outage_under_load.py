"""The store stops while lookups go on over many connections: "no" at once, and back by itself.

Whoever asks after the stop is denied by a full body with status 503; nobody waits for a store that
does not answer; and when it is back the same process allows again what was allowed before.
"""

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

import pytest

from outside import BASE, CALIFORNIAN, Answer, Headers, Outside, grants, outside, written
from postgres import Cluster

CONNECTIONS = 16
FILE, SERVER = 16, 3  # questions at once: a server that shares this machine is soon late by itself
VISITORS = 8
BEFORE, DURING, AFTER = 600, 1_200, 400  # answers in each part
STALE = 1.0  # seconds for which PostgreSQL's store may know no better about who has no token
TYPICAL, LONGEST = 1.0, 3.0  # seconds: on a machine of its own it is 0.05, which a run reports
ALTOGETHER = 40.0  # seconds after which a part that has not ended is a fault

Stop = Callable[[], Callable[[], None]]  # stops the store, and returns what starts it again


class Asked(NamedTuple):
    """One question and its answer; moments of the monotonic clock, in seconds."""

    known: bool
    sent: float
    heard: float
    answer: Answer

    @property
    def took(self) -> float:
        """How long whoever asked has waited."""
        return self.heard - self.sent

    @property
    def denied(self) -> bool:
        """Whether this is what has to be answered while the store cannot be read."""
        told = self.answer
        if told.header("content-type").startswith("text/javascript"):
            return told.status == 503 and b"held" in told.body and not grants(told)
        document = told.json()
        full = document.get("categories", document).keys() >= {"necessary"} or "allow" in document
        degraded = document.get("source") == "degraded"
        return told.status == 503 and degraded and full and not grants(told)


@dataclass
class Load:
    """Lookups in turn on many connections, for as long as it is open."""

    port: int
    tokens: list[str]
    room: asyncio.Semaphore
    asked: list[Asked] = field(default_factory=list)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    def questions(self, number: int) -> Iterator[tuple[bool, bytes]]:
        """What one connection asks: of visitors with a token, and of one without."""
        place: Headers = [("X-Forwarded-For", CALIFORNIAN)]
        bearer = ("Authorization", f"Bearer {self.tokens[number % len(self.tokens)]}")
        while True:
            yield True, written(f"{BASE}/decision?category=analytics", [*place, bearer])
            yield True, written(f"{BASE}/decisions", [*place, bearer])
            yield True, written(f"{BASE}/tags/mixpanel.js", [*place, bearer])
            yield False, written(f"{BASE}/decision?service=mixpanel", place)

    async def connection(self, number: int) -> None:
        """Ask one question after the other."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for known, request in self.questions(number):
                async with self.room:
                    sent = time.monotonic()
                    writer.write(request)
                    answer = await read(reader)
                    self.asked.append(Asked(known, sent, time.monotonic(), answer))
                self.heard.set()
        finally:
            writer.close()

    async def until(self, reached: Callable[[], bool]) -> None:
        """Let it go on until something holds of what was heard."""
        async with asyncio.timeout(ALTOGETHER):
            while not reached():
                self.heard.clear()
                await self.heard.wait()

    async def more(self, count: int) -> list[Asked]:
        """Let it go on for so many questions that are asked from now on."""
        begin = time.monotonic()
        start = len(self.asked)

        def since() -> list[Asked]:
            return [one for one in self.asked[start:] if one.sent >= begin]

        await self.until(lambda: len(self.asked) - start >= count and len(since()) >= count)
        return since()


async def read(reader: asyncio.StreamReader) -> Answer:
    """One answer."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = tuple((name.lower(), value.strip()) for name, _, value in pairs)
    body = await reader.readexactly(int(dict(headers)["content-length"]))
    return Answer(int(head[0].split()[1]), headers, body)


@asynccontextmanager
async def loaded(service: Outside, tokens: list[str], at_once: int) -> AsyncIterator[Load]:
    """Put a service under load; a connection that breaks fails the test."""
    load = Load(service.port, tokens, asyncio.Semaphore(at_once))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(load.connection(number)) for number in range(CONNECTIONS)]
        yield load
        for task in tasks:
            task.cancel()


async def survive(service: Outside, stop: Stop, *, at_once: int = FILE, stale: float = 0.0) -> None:
    """Stop the store in mid-load and start it again; see what everybody was answered."""
    with service.line() as line:
        tokens = [service.choose(line, "accept_all")["token"] for _ in range(VISITORS)]
    async with loaded(service, tokens, at_once) as load:
        before = await load.more(BEFORE)
        # A machine that is busy with other things may be late with a few: they are denied.
        assert not [one for one in before if not back(one) and not one.denied][:3]
        assert sum(map(back, before)) > len(before) / 2

        start_again = stop()
        stopped = time.monotonic()
        try:
            await load.until(lambda: load.asked[-1].sent > stopped + stale)
            during = await load.more(DURING)
        finally:
            start_again()

        meanwhile = [one for one in load.asked if stopped <= one.sent]
        await load.until(lambda: sum(map(back, load.asked[-AFTER:])) > AFTER / 2)

    assert service.process.poll() is None
    told = [one for one in meanwhile if one.known and one.sent <= during[-1].sent]
    wrong = [(one.sent - stopped, one) for one in (*told, *during) if not one.denied]
    assert not wrong, (len(wrong), wrong[:3])
    report(before, during)
    assert p95(during) <= TYPICAL
    assert max(one.took for one in during) <= LONGEST


def back(one: Asked) -> bool:
    """Whether an answer is as it was before the store stopped."""
    return one.answer.status == 200 and bool(grants(one.answer))


def p95(answers: list[Asked]) -> float:
    """The time, in seconds, within which 95 of 100 were answered."""
    return quantiles((one.took for one in answers), n=20)[-1]


def report(before: list[Asked], during: list[Asked]) -> None:
    """Say how long answers took: in the output of a run with ``-s`` or ``-rP``."""
    for name, answers in (("before", before), ("while stopped", during)):
        took = [one.took * 1000 for one in answers]
        late = sum(one > 50 for one in took)
        print(  # noqa: T201 -- a measurement that a run may show
            f"{name}: {len(took)} answers, median {median(took):.1f} ms, "
            f"p95 {p95(answers) * 1000:.1f} ms, most {max(took):.1f} ms, {late} over 50 ms"
        )


def databases(folder: Path) -> list[Path]:
    """The files of the database, without the one by which a process claims it."""
    return [path for path in folder.glob("holdfire.db*") if path.suffix != ".lock"]


def move_away(folder: Path) -> Callable[[], None]:
    """Take them away; returns what brings them back."""
    kept = folder / "away"
    kept.mkdir()
    for path in databases(folder):
        path.rename(kept / path.name)

    def bring_back() -> None:
        for path in kept.iterdir():
            path.rename(folder / path.name)

    return bring_back


def file_taken_away(folder: Path) -> Stop:
    """A folder stands where the database was."""

    def stop() -> Callable[[], None]:
        bring_back = move_away(folder)
        (folder / "holdfire.db").mkdir()

        def start() -> None:
            (folder / "holdfire.db").rmdir()
            bring_back()

        return start

    return stop


def file_replaced(folder: Path) -> Stop:
    """An older copy stands where the database was: one that knows of nobody's choice."""
    older = folder / "older.db"
    with sqlite3.connect(folder / "holdfire.db") as database, sqlite3.connect(older) as copy:
        database.backup(copy)

    def stop() -> Callable[[], None]:
        bring_back = move_away(folder)
        older.rename(folder / "holdfire.db")

        def start() -> None:
            for path in databases(folder):
                path.unlink()
            bring_back()

        return start

    return stop


@pytest.mark.parametrize("how", [file_taken_away, file_replaced])
async def test_a_file_that_is_gone_denies_everybody(
    tmp_path: Path, how: Callable[[Path], Stop]
) -> None:
    """SQLite's file is taken away or replaced under sixteen connections, and brought back."""
    with outside(tmp_path, trusted_proxies=["127.0.0.0/8"]) as service:
        await survive(service, how(tmp_path))


@contextmanager
def served_by(folder: Path, url: str) -> Iterator[Outside]:
    """A service over PostgreSQL."""
    with outside(folder, trusted_proxies=["127.0.0.0/8"], database=url) as service:
        yield service


async def test_a_server_that_is_gone_denies_everybody(
    tmp_path: Path, postgres_cluster: Cluster, postgres_url: str
) -> None:
    """PostgreSQL is ended at once under sixteen connections, and started again."""

    def stop() -> Callable[[], None]:
        postgres_cluster.stop()
        return postgres_cluster.start

    with served_by(tmp_path, postgres_url) as service:
        await survive(service, stop, at_once=SERVER, stale=STALE)


async def test_a_server_that_hangs_denies_everybody(
    tmp_path: Path, postgres_cluster: Cluster, postgres_url: str
) -> None:
    """PostgreSQL's processes stand still under sixteen connections, and go on: nobody waits for them."""

    def stop() -> Callable[[], None]:
        frozen = processes(postgres_cluster)
        for process in frozen:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGSTOP)

        def start() -> None:
            for process in frozen:
                with suppress(ProcessLookupError):  # it had been ending
                    os.kill(process, signal.SIGCONT)

        return start

    with served_by(tmp_path, postgres_url) as service:
        await survive(service, stop, at_once=SERVER, stale=STALE)


def processes(cluster: Cluster) -> list[int]:
    """The server's process, first so that it makes no more of them, and all that it has made."""
    status = cluster.socket.parent / "d" / "postmaster.pid"
    first = int(status.read_text().splitlines()[0])
    os.kill(first, signal.SIGSTOP)
    made = Path(f"/proc/{first}/task/{first}/children").read_text()
    return [first, *map(int, made.split())]
