"""The log: proofs, receipts, checkpoints, erasure, audit and start, over logs of several lengths.

``make bench`` measures a small log for a few seconds. ``python -m bench.ledger`` measures what
``docs/bench-log.md`` shows; with ``--folder`` the logs it has made are kept for the next run.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench import appending, checkpoints, logs, verifying
from holdfire import app
from holdfire.ledger.merkle import inclusion_ranges
from holdfire.notary import Notary, inspection
from holdfire.notary.audit import Audit
from holdfire.notary.receipts import Receipts
from holdfire.notary.tree import Tree
from holdfire.record import Draft, Erasure
from holdfire.store import Store

Row = tuple[str, float, str, str]

ROOT = Path(__file__).parent.parent

SMALL = 10_000
LONG = 1_000_000  # entries: a log of which all is kept
LONGEST = 10_000_000  # entries: a log of entries alone
ASKED = 2_000  # proofs, and receipts, of one log


class Plan(NamedTuple):
    """What is measured."""

    folder: Path
    whole: tuple[int, ...]  # entries of logs of which all is kept
    alone: tuple[int, ...]  # entries of logs of entries alone
    audited: int  # entries of the log that is audited and erased from
    seconds: float  # of steady choices
    before: Path | None  # a checkout without the log
    verify: bool  # also by programs of their own, and in Chromium


def figures() -> Iterator[Row]:
    """The small plan."""
    with tempfile.TemporaryDirectory() as folder:
        yield from measure(Plan(Path(folder), (SMALL,), (), SMALL, 3.0, None, verify=False))


def measure(plan: Plan) -> Iterator[Row]:
    """Every figure of a plan."""
    sample = _sample(plan.folder)
    for size in plan.whole:
        folder = _made(plan.folder, "whole", size, sample)
        yield from asyncio.run(_proofs(folder, size))
        yield from asyncio.run(_receipts(folder, size))
        yield from _on_disk(folder, size)
        yield from asyncio.run(_start(folder, size))
        if size >= LONG:
            yield from asyncio.run(_service(folder, size))
    for size in plan.alone:
        folder = _made(plan.folder, "alone", size, sample)
        yield from asyncio.run(_proofs(folder, size))
        yield from asyncio.run(_start(folder, size))
    audited = _made(plan.folder, "whole", plan.audited, sample)
    yield from asyncio.run(_audit(audited, plan.audited))
    yield from checkpoints.figures(sample, plan.seconds)
    yield from asyncio.run(_erasure(sample, min(plan.audited, 5_000)))
    yield from verifying.figures(*asyncio.run(_one_receipt(audited)), programs=plan.verify)
    if plan.before is not None:
        yield from appending.figures(plan.before)


# ---------------------------------------------------------------- proofs and receipts


async def _proofs(folder: Path, size: int) -> list[Row]:
    async with _read(folder) as (store, _):
        head = (await store.heads())[-1]
        asked = [random.randrange(head.size) for _ in range(ASKED)]  # noqa: S311 -- a sample, no secret
        rows = []
        for name, tree in (("cold", Tree(store, kept=0)), ("warm", Tree(store))):

            async def prove(index: int, tree: Tree = tree) -> object:
                ranges = inclusion_ranges(index, head.size)
                return await tree.hashes(head.log, head.size, ranges)

            rows += await _times(f"log: proof of {size:,}, {name}", prove, asked, "< 10 p99")
    return rows


async def _receipts(folder: Path, size: int) -> list[Row]:
    async with _read(folder) as (store, _):
        head = (await store.heads())[-1]
        receipts = Receipts(store, _signed_already)
        asked = [random.randrange(head.size // 2, head.size) for _ in range(ASKED)]  # noqa: S311 -- a sample, no secret

        async def build(index: int) -> object:
            return (await receipts.receipt(head.log, index)).encode()

        return await _times(f"log: receipt of {size:,}", build, asked, "", rate=True)


async def _times(
    name: str,
    act: Callable[[int], Awaitable[object]],
    asked: Sequence[int],
    goal: str,
    *,
    rate: bool = False,
) -> list[Row]:
    """By the clock, and by what this thread computed: the rest is the disk, or somebody else's."""
    taken, own = [], []
    for index in asked:
        begun, working = time.perf_counter(), time.thread_time()
        await act(index)
        own.append(time.thread_time() - working)
        taken.append(time.perf_counter() - begun)
    rows = [
        (name, statistics.median(taken) * 1e3, "ms p50", ""),
        (name, _at(taken, 0.99) * 1e3, "ms p99", goal),
        (f"{name}, of it computing", statistics.median(own) * 1e3, "ms p50", ""),
        (f"{name}, of it computing", _at(own, 0.99) * 1e3, "ms p99", ""),
    ]
    return [*rows, (name, len(taken) / sum(taken), "per s", "")] if rate else rows


# ---------------------------------------------------------------- on the disk, and at a start


def _on_disk(folder: Path, size: int) -> Iterator[Row]:
    with sqlite3.connect(folder / "holdfire.db") as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        (evidence,) = db.execute("SELECT avg(length(body)) FROM evidence").fetchone()
        (choices,) = db.execute("SELECT count(*) FROM record").fetchone()
    kept = (folder / "holdfire.db").stat().st_size
    yield f"log: bytes a choice of {size:,}", kept / choices, "B", ""
    yield f"log: of these, evidence of {size:,}", evidence, "B", ""


async def _start(folder: Path, size: int) -> list[Row]:
    """What a start looks at before anything is signed."""
    async with _read(folder) as (store, notary):
        begun = time.perf_counter()
        now = int(time.time() * 1000)
        reason = await inspection.at_start(store, notary.anchor, notary.keys, now)
        taken = time.perf_counter() - begun
    if reason:
        raise RuntimeError(reason)
    return [(f"log: inspection of {size:,} at a start", taken, "s", "< 10")]


async def _service(folder: Path, size: int) -> list[Row]:
    """From the start of the process to the first answer; the service then writes to this log."""
    rows = []
    with tempfile.TemporaryDirectory() as empty:
        for name, there in (("an empty log", Path(empty)), (f"{size:,} entries", folder)):
            begun = time.perf_counter()
            async with appending.service(ROOT, there):
                taken = time.perf_counter() - begun
            rows.append((f"log: service answers, {name}", taken, "s", "< 10"))
    return rows


# ---------------------------------------------------------------- audit and erasure


async def _audit(folder: Path, size: int) -> list[Row]:
    async with _read(folder) as (store, notary):
        audit = Audit(store, notary.anchor, notary.keys, int(time.time() * 1000))
        begun = time.perf_counter()
        found = [finding async for finding in audit.findings()]
        taken = time.perf_counter() - begun
    if found:
        raise RuntimeError(str(found[0]))
    return [(f"log: fsck of {size:,}", size / taken, "entries per s", "")]


async def _erasure(sample: Draft, count: int) -> list[Row]:
    """A whole site, which is the most there is to erase, and one visitor, which is the usual."""
    with tempfile.TemporaryDirectory() as named:
        folder = Path(named)
        await logs.whole(folder, count, sample)
        async with logs.opened(folder) as instance:
            store = instance.store
            (visitor, now) = await _newest(store), int(time.time() * 1000)
            one = Erasure(
                part="record", why="request", recorded_ms=now, site=logs.SITE, visitor=visitor
            )
            begun = time.perf_counter()
            assert await store.erase(one) == 1
            alone = time.perf_counter() - begun
            begun = time.perf_counter()
            all_ = msgspec.structs.replace(one, why="site", visitor=None)
            erased = await store.erase(all_)
            taken = time.perf_counter() - begun
    return [
        (f"log: erase one of {count:,}, bytes gone", alone, "s", ""),
        (f"log: erase all of {count:,}, bytes gone", erased / taken, "records per s", ""),
    ]


async def _newest(store: Store) -> str:
    visitor = ""
    async for record in store.scan():
        visitor = record.visitor
    return visitor


# ---------------------------------------------------------------- what they have in common


def _sample(folder: Path) -> Draft:
    with tempfile.TemporaryDirectory(dir=folder) as named:
        return logs.recorded(Path(named))


def _made(folder: Path, kind: str, size: int, sample: Draft) -> Path:
    """A log of this kind, that was there or is made now; half a log never has the name."""
    there, half = folder / f"{kind}-{size}", folder / f"{kind}-{size}.half"
    if not there.exists():
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        make = {"whole": logs.whole, "alone": logs.entries_alone}[kind]
        asyncio.run(make(half, size, sample))
        half.rename(there)
    return there


@asynccontextmanager
async def _read(folder: Path) -> AsyncIterator[tuple[Store, Notary]]:
    chosen = logs.settings(folder)
    store = await app.open_store(chosen, writing=False)
    try:
        yield store, Notary.open(chosen, clock=time.time, random=os.urandom)
    finally:
        await store.close()


async def _one_receipt(folder: Path) -> tuple[bytes, bytes]:
    """The receipt of a choice, and the policy file."""
    async with _read(folder) as (store, notary):
        head = (await store.heads())[-1]
        made = await Receipts(store, _signed_already).receipt(head.log, logs.REAL)
        return made.encode(), notary.policy_text().encode()


async def _signed_already(log: int, size: int, timeout: float) -> object:  # noqa: ASYNC109 -- as the publisher has it
    raise RuntimeError(f"log {log} is not signed up to {size} within {timeout} s")


def _at(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main() -> None:
    """Measure the large plan, print each figure when it is there, and write them all down."""
    parser = argparse.ArgumentParser(prog="python -m bench.ledger", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where logs are kept; default: for this run")
    parser.add_argument(
        "--whole", type=int, nargs="*", default=[1_024, SMALL, LONG], metavar="ENTRIES"
    )
    parser.add_argument("--alone", type=int, nargs="*", default=[LONGEST], metavar="ENTRIES")
    parser.add_argument("--audited", type=int, default=SMALL, metavar="ENTRIES")
    parser.add_argument("--seconds", type=float, default=60.0, help="of steady choices")
    parser.add_argument("--before", type=Path, help="a checkout to compare appending with")
    parser.add_argument("--results", type=Path, help="a JSON file to write")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        folder = given.folder or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        plan = Plan(
            folder,
            tuple(given.whole),
            tuple(given.alone),
            given.audited,
            given.seconds,
            given.before,
            verify=True,
        )
        rows = []
        for row in measure(plan):
            name, value, unit, goal = row
            rows.append(dict(zip(("name", "value", "unit", "goal"), row, strict=True)))
            suffix = f"   goal {goal}" if goal else ""
            sys.stdout.write(f"{name:<58} {value:>14,.3f} {unit}{suffix}\n")
            sys.stdout.flush()
    if given.results:
        machine = {"python": platform.python_version(), "machine": platform.machine()}
        written = {"machine": machine, "figures": rows}
        given.results.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
