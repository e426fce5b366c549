"""``holdfire log fsck``: what is whole passes, and nothing that was changed does."""

import asyncio
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from holdfire.canonical import canonical
from holdfire.record import Draft, Erasure, Statement
from house import NOON, Clock
from notaries import ORIGIN, World, audit, sql, world
from stores import act

MS = int(NOON * 1000)

STORED = {
    "entry": ("entry", "body"),
    "node": ("node", "hash"),
    "evidence": ("evidence", "body"),
    "evidence salt": ("evidence", "salt"),
    "sealed subject": ("subject", "sealed"),
    "key of a person": ("person", "key"),
    "statement": ("statement", "body"),
    "checkpoint": ("checkpoint", "note"),
    "root of the head": ("head", "root"),
    "frontier of the head": ("head", "frontier"),
    "root of a closed log": ("closed", "root"),
}
"""Every column of bytes that stands for what was recorded or signed."""


def choice(number: int, ms: int) -> Draft:
    """An act whose blocks say what the record says."""
    draft = act(f"event-{number}", of=f"visitor {number % 60}", ms=ms)
    seq = number // 60 + 1
    return Draft(
        site=draft.site,
        visitor=draft.visitor,
        event_id=draft.event_id,
        fingerprint=draft.fingerprint,
        recorded_ms=ms,
        evidence=canonical({"event_id": draft.event_id, "seq": seq, "site": draft.site, "v": 1}),
        subject=canonical({"visitor": draft.visitor}),
    )


async def fill(opened: World) -> None:
    """Two logs: acts of 60 visitors, some of them two, statements, erasures, and a turn of the year."""
    for number in range(50):
        await opened.store.append(choice(number, MS))
    for number in range(210):  # past the first full tile, which has a node
        body = canonical({"number": number, "v": 1})
        await opened.store.state(Statement(kind=6, site=None, body=body, recorded_ms=MS))
    await opened.publisher.step()
    opened.clock.forward(days=60)
    late = int(opened.clock() * 1000)
    for number in range(50, 80):
        await opened.store.append(choice(number, late))
    for part, who in (("subject", "visitor 7"), ("record", "visitor 8")):
        visitor = act("", of=who).visitor
        erasure = Erasure(
            part=part,  # type: ignore[arg-type]  # one of its two values
            why="request",
            recorded_ms=late,
            site="demo",
            visitor=visitor,
        )
        assert await opened.store.erase(erasure) == 2
    await opened.publisher.step()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with logs that are whole; nobody writes to it."""
    folder = tmp_path_factory.mktemp("whole")

    async def make() -> None:
        async with world(folder) as opened:
            await fill(opened)

    asyncio.run(make())
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    target = tmp_path / "copy"
    shutil.copytree(filled, target)
    return target


NOW = Clock(NOON + 60 * 86_400)


async def test_whole_logs_pass(folder: Path) -> None:
    """With tombstones, statements, two logs, and in an empty database."""
    assert await audit(folder, NOW) == []
    (folder / "holdfire.db").unlink()
    shutil.rmtree(folder / "var")
    async with world(folder):
        pass
    assert await audit(folder) == []


def flip(folder: Path, table: str, column: str, chosen: random.Random) -> str:
    """Change one bit of one stored value; what was changed, in words."""
    connection = sqlite3.connect(folder / "holdfire.db", isolation_level=None)
    try:
        found = connection.execute(f"SELECT {column} FROM {table}").fetchall()  # noqa: S608 -- names of STORED
        (value,) = chosen.choice(found)
        at, bit = chosen.randrange(len(value)), chosen.randrange(8)
        changed = value[:at] + bytes([value[at] ^ 1 << bit]) + value[at + 1 :]
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (changed, value))  # noqa: S608 -- names of STORED
    finally:
        connection.close()
    return f"byte {at}, bit {bit} of a {table}.{column}"


@pytest.mark.parametrize("name", STORED)
async def test_every_flipped_bit_is_found(folder: Path, name: str) -> None:
    """24 single bits of each kind of stored bytes, 264 in all: every one of them is found."""
    table, column = STORED[name]
    sql(folder)  # no trigger is in the way from here on
    shutil.copy(folder / "holdfire.db", folder / "whole.db")
    chosen = random.Random(name)  # noqa: S311 - places, not secrets
    for _ in range(24):
        changed = flip(folder, table, column, chosen)
        assert await audit(folder, NOW), changed
        shutil.copy(folder / "whole.db", folder / "holdfire.db")
    assert await audit(folder, NOW) == []


CHANGES = {
    "a visitor's name": "UPDATE person SET visitor = 'x' || substr(visitor, 2) WHERE number = 3",
    "an event's id": "UPDATE record SET event_id = 'another' WHERE log = 1 AND log_index = 20",
    "a number": "UPDATE record SET seq = seq + 900 WHERE log_index = 20",
    "a time": "UPDATE record SET recorded_ms = recorded_ms + 60000 WHERE log_index = 20",
    "a record's site": "UPDATE record SET site = 'other' WHERE log_index = 20",
    "a record taken away": "DELETE FROM record WHERE log_index = 20",
    "evidence taken away": "DELETE FROM evidence WHERE log_index = 20",
    "a subject taken away": "DELETE FROM subject WHERE log_index = 20",
    "a tombstone taken away": "DELETE FROM statement WHERE kind = 3",
    "an entry taken away": "DELETE FROM entry WHERE log = 1 AND log_index = 20",
    "entries exchanged": (
        "UPDATE entry SET log_index = CASE log_index WHEN 20 THEN 9021 ELSE 9020 END"
        " WHERE log = 1 AND log_index IN (20, 21);"
        "UPDATE entry SET log_index = log_index - 9000 WHERE log_index > 9000"
    ),
    "a node taken away": "DELETE FROM node",
    "a statement's site": "UPDATE statement SET site = 'other' WHERE kind = 3",
    "a log cut short": "UPDATE closed SET size = size - 1 WHERE log = 1",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_every_change_to_a_row_is_found(folder: Path, change: str) -> None:
    """Rows altered, exchanged or taken away, by somebody with the database's own shell."""
    sql(folder, *change.split(";"))

    found = await audit(folder, NOW)

    assert found
    assert not any("sqlite" in str(finding).lower() for finding in found)


async def test_a_change_of_an_entry_is_found_where_it_is(folder: Path) -> None:
    """The finding names the entry, and the root that it breaks."""
    sql(folder, "UPDATE entry SET body = CAST(substr(body, 1, 40) || x'00' || substr(body, 42)"
        " AS BLOB) WHERE log = 1 AND log_index = 3")  # fmt: skip

    found = await audit(folder, NOW)

    assert any(finding.origin == ORIGIN and finding.index == 3 for finding in found)
    assert any("root" in finding.what for finding in found)


async def test_old_logs_are_opened_only_when_all_is_asked_for(folder: Path) -> None:
    """Without ``--full`` the hashes of a closed log are derived, and its blocks are left alone."""
    sql(folder, "UPDATE evidence SET salt = zeroblob(32) WHERE log = 1 AND log_index = 20")

    assert await audit(folder, NOW, full=False) == []
    assert await audit(folder, NOW) != []
