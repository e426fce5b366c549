"""A copy that is taken while the service writes is whole; so is one of the first release."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

from holdfire.store.sqlite import SqliteStore
from holdfire.store.sqlite_tables import SQLITE
from house import DATA, NOON
from notaries import World, audit, copy, put_back, world
from stores import act, visitor
from whole_log import check_log

FIRST = DATA / "log-schema-1.db"
ROOTS = [
    ("localhost/log/2026", 300, "ab2857961d4b7c69632c21c281401ca63151a7b61724f88cf68fae022dbb2bc0"),
    ("localhost/log/2027", 5, "245d23867d372ae288762440e1581805b6d8f5ed4acf9b6b2ca641dad16bc476"),
]
PAGES = 8  # of a copy at a time: the log grows between them


async def storm(opened: World) -> None:
    """Act and sign until told to stop."""
    for number in count():
        await opened.grow(8, f"round {number}")


def copied_in_steps(source: Path, target: Path) -> None:
    """Copy a database as the backup interface does, with pauses for whoever writes."""
    with closing(sqlite3.connect(source)) as reads, closing(sqlite3.connect(target)) as writes:
        reads.backup(writes, pages=PAGES, sleep=0.001)


async def test_a_copy_taken_under_load_passes_every_check(tmp_path: Path) -> None:
    """The backup interface copies one moment of the log; with what was anchored before, it is clean."""
    live, kept = tmp_path / "live", tmp_path / "kept"
    live.mkdir()
    async with world(live) as opened:
        await opened.grow(300)
        storms = asyncio.create_task(storm(opened))
        shutil.copytree(live / "var", kept / "var")
        await asyncio.to_thread(copied_in_steps, live / "holdfire.db", kept / "holdfire.db")
        storms.cancel()
        await asyncio.wait([storms])
        (head,) = await opened.store.heads()
        last = await opened.store.entries(1, 0, 4096)

    assert await audit(kept) == []
    reader = await SqliteStore.open(kept / "holdfire.db", writing=False)
    await check_log(reader)
    (copied,) = await reader.heads()
    assert 300 < copied.size <= head.size
    assert await reader.entries(1, 0, 4096) == last[: copied.size]
    await reader.close()


async def test_a_copy_of_the_present_is_gone_on_with(tmp_path: Path) -> None:
    """Brought back when nothing was signed since, a copy is the log."""
    async with world(tmp_path) as opened:
        await opened.grow(20)
        copy(tmp_path, "kept.db")
    put_back(tmp_path, "kept.db")
    async with world(tmp_path) as again:
        await again.grow(1, "after")
        assert again.refused is None
        assert (await again.signed()).size == 22


async def test_a_database_of_the_first_schema_is_gone_on_with(tmp_path: Path) -> None:
    """Whatever migrations come, its roots are those it had, and it grows."""
    shutil.copy(FIRST, tmp_path / "holdfire.db")
    store = await SqliteStore.open(tmp_path / "holdfire.db")
    records = await check_log(store)
    heads = await store.heads()
    assert [(head.origin, head.size, head.root.hex()) for head in heads] == ROOTS
    assert len(records) == 298
    assert await store.latest("demo", visitor("erased")) is None
    appended = await store.append(act("new", of="person 7", ms=int(NOON * 1000)))
    assert (appended.record.log, appended.record.log_index, appended.record.seq) == (2, 5, 3)
    await check_log(store)
    await store.close()


def test_a_released_migration_is_not_edited(tmp_path: Path) -> None:
    """The first one makes what it made when the first release did it."""
    shutil.copy(FIRST, tmp_path / "first.db")
    with (
        closing(sqlite3.connect(tmp_path / "first.db")) as first,
        closing(sqlite3.connect(tmp_path / "now.db")) as now,
    ):
        for statement in SQLITE[0].statements:
            now.execute(statement)
        assert schema_of(now) == schema_of(first)


def schema_of(connection: sqlite3.Connection) -> dict[str, str]:
    """What a database is made of, but for the table of migrations."""
    asked = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name <> 'migration'"
    return dict(connection.execute(asked).fetchall())
