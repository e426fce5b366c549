"""How lookups grow with the number of stored visitors, and how much memory they take.

``python -m bench.lookups --folder DIR --sizes 10000,1000000,10000000``; what is filled stays in DIR
and is used again. Each visitor has acted once, and whom a lookup asks about is drawn from them all.
A shared machine is not a clock: the sizes take turns, and of the rounds the quickest counts.
"""

import argparse
import asyncio
import json
import os
import random
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench import logs
from holdfire import app
from holdfire.store import MOST_STANDINGS
from holdfire.store.sealing import NONCE, unseal

ROUNDS = 7
LOOKUPS = 10_000  # of each kind and round
MANY = 40  # of those of a thousand
PER = 100  # lookups of memory alone are too short to be measured one by one

AT_ONCE = 100_000  # rows a statement
_INDEX = (1 << 40) - 1

_MANY = """
    WITH RECURSIVE many (i) AS (
        SELECT :begin UNION ALL SELECT i + 1 FROM many WHERE i + 1 < :end)
"""
_ROWS = (
    "INSERT INTO entry SELECT :log, i, randomblob(128) FROM many",
    """
    INSERT INTO person
        SELECT :people + i - :first + 1, 'demo', substr(hex(randomblob(16)), 1, 22), :key FROM many
    """,
    """
    INSERT INTO record
        SELECT (:log << 40) + i, 1, 'demo', :people + i - :first + 1, hex(randomblob(18)),
            randomblob(32), recorded_ms
        FROM many, record WHERE place = :like
    """,
    """
    INSERT INTO evidence
        SELECT (:log << 40) + i, randomblob(32), body FROM many, evidence WHERE place = :like
    """,
    "INSERT INTO subject SELECT (:log << 40) + i, seal(i) FROM many",
)

Figures = dict[str, float]
Lookup = Callable[[], Awaitable[object]]


def main() -> None:
    """Fill what is missing, measure in turns, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--sizes", default="10000,1000000,10000000")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--measure", action="store_true", help="one round of one size, as JSON")
    given = parser.parse_args()
    if given.measure:
        sys.stdout.write(json.dumps(asyncio.run(_measure(given.folder))))
        return
    sizes = [int(size) for size in given.sizes.split(",")]
    for size in sizes:
        _fill(given.folder / str(size), size)
    taken: dict[int, list[Figures]] = {size: [] for size in sizes}
    for _ in range(given.rounds):
        for size in sizes:
            taken[size].append(asyncio.run(_apart(given.folder / str(size))))
    _print(
        {
            size: {name: min(one[name] for one in rounds) for name in rounds[0]}
            for size, rounds in taken.items()
        }
    )


def _fill(folder: Path, size: int) -> None:
    """A store of so many visitors, unless it is there."""
    done = folder / "filled"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(logs.whole(folder, logs.REAL, logs.recorded(folder)))
        with logs.filling(folder) as db:
            _multiply(db, size)
        done.touch()


def _multiply(db: sqlite3.Connection, size: int) -> None:
    """Rows like the last one, each a visitor's, but for the tree over them, which no lookup asks for."""
    ((log, first, people),) = db.execute("SELECT log, size, people FROM head")
    ((key, sealed, place),) = db.execute(
        "SELECT key, sealed, place FROM person JOIN record ON person = number"
        " JOIN subject USING (place) ORDER BY place DESC LIMIT 1"
    )
    salt, subject = unseal(key, log, place & _INDEX, sealed) or (b"", b"")
    cipher = AESGCM(key)

    def seal(index: int) -> bytes:
        nonce = os.urandom(NONCE)
        where = log.to_bytes(8) + index.to_bytes(8)
        return nonce + cipher.encrypt(nonce, salt + subject, where)

    db.create_function("seal", 1, seal)
    for begin in range(first, size, AT_ONCE):
        end = min(begin + AT_ONCE, size)
        asked = {
            "log": log,
            "first": first,
            "begin": begin,
            "end": end,
            "people": people,
            "like": place,
            "key": key,
        }
        db.execute("BEGIN")
        for row in _ROWS:
            db.execute(_MANY + row, asked)
        db.execute("COMMIT")
    values = {"size": size, "people": people + size - first}
    db.execute("UPDATE head SET size = :size, people = :people", values)


async def _apart(folder: Path) -> Figures:
    """One round, in a process of its own, whose memory is its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bench.lookups", "--measure", "--folder", str(folder)),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    figures: Figures = json.loads(told)
    return figures


async def _measure(folder: Path) -> Figures:
    names = iter(_drawn(folder / "holdfire.db", 5 * LOOKUPS + MANY * MOST_STANDINGS))
    store = await app.open_store(logs.settings(folder))
    try:
        news = await store.news(None)
        assert news is not None
        mark = news.mark

        async def nothing_new() -> None:
            for _ in range(PER):
                await store.news(mark)

        # First, as a service does that has been up for a while: what it needs is in memory.
        known = list(islice(names, LOOKUPS))
        await _timed(LOOKUPS, lambda: store.newest(logs.SITE, next(names)))
        newest = await _timed(LOOKUPS, lambda: store.newest(logs.SITE, next(names)))
        for name in known:
            if await store.latest(logs.SITE, name) is None:
                raise RuntimeError("a visitor who was stored is not found")
        one = await _timed(LOOKUPS, lambda: store.latest(logs.SITE, next(names)))
        standing = await _timed(LOOKUPS, lambda: store.standings(logs.SITE, [next(names)]))
        many = await _timed(
            MANY, lambda: store.standings(logs.SITE, list(islice(names, MOST_STANDINGS)))
        )
        quick = await _timed(LOOKUPS // PER, nothing_new)
        return {
            **_figures("latest", one),
            **_figures("newest", newest),
            **_figures("standings of 1", standing),
            **_figures(f"standings of {MOST_STANDINGS}", many),
            **_figures("news", [took / PER for took in quick]),
            "RSS, MB": _resident(),
        }
    finally:
        await store.close()


def _drawn(database: Path, count: int) -> list[str]:
    """Visitors of all times, each as likely as any other."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as db:
        ((people,),) = db.execute("SELECT people FROM head")
        numbers = random.choices(range(1, people + 1), k=count)  # noqa: S311 - a sample
        found = "SELECT visitor FROM person WHERE number = ?"
        return [db.execute(found, (number,)).fetchone()[0] for number in numbers]


async def _timed(count: int, lookup: Lookup) -> list[float]:
    """Microseconds of each, in order of size."""
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        await lookup()
        took.append((time.perf_counter() - begun) * 1e6)
    return sorted(took)


def _figures(name: str, took: Sequence[float]) -> Figures:
    return {
        f"{name}, p50 µs": took[len(took) // 2],
        f"{name}, p99 µs": took[len(took) * 99 // 100],
    }


def _resident() -> float:
    """Memory of this process, in MB, with the pages of files that it has mapped."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _print(figures: dict[int, Figures]) -> None:
    first, last = figures[min(figures)], figures[max(figures)]
    sys.stdout.write(f"{'':<28}" + "".join(f"{size:>14,}" for size in figures) + "\n")
    for name in first:
        line = "".join(f"{found[name]:>14.1f}" for found in figures.values())
        sys.stdout.write(f"{name:<28}{line}{last[name] / first[name]:>10.2f} ×\n")


if __name__ == "__main__":
    main()
