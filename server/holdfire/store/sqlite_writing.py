"""Transactions of the SQLite store, on the one connection that writes, in a thread of its own."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec

from holdfire.record import Head, Statement
from holdfire.store import placing, rows, schema
from holdfire.store.placement import Erased, Ground, Placement, Random, Standing
from holdfire.store.sqlite_tables import SQLITE
from holdfire.store.work import (
    Batch,
    Discard,
    Keep,
    Outcome,
    Publish,
    Reopen,
    Shared,
    Step,
    Sweep,
)

# Nobody else writes, so waiting at all is unusual: a backup tool, or a shell left open.
WRITE_BUSY_SECONDS = 2.0

# A sweep comes again if a reader is in its way; meanwhile choices are committed.
SWEEP_BUSY_MS = 20

# Free pages given back at a time: 16 MB of them.
SWEEP_PAGES = 4096

# A file up to this size is written anew after an erasure, which takes a second at most.
REWRITE_BYTES = 64 * 1024 * 1024

Done = TypeVar("Done")

WHOLE = """
    JOIN evidence USING (place) LEFT JOIN subject USING (place)
    LEFT JOIN person ON person.number = record.person AND subject.sealed IS NOT NULL
"""
"""What ``rows.RECORD`` is of."""

_HEAD = f"SELECT {rows.HEAD}, people FROM head"  # noqa: S608 - our own columns
_ORIGINS = "SELECT origin FROM log"
_STANDING = """
    SELECT number, key, (SELECT coalesce(max(seq), 0) FROM record WHERE record.person = number),
        EXISTS (SELECT 1 FROM record WHERE record.site = ?1 AND event_id = ?3),
        EXISTS (SELECT 1 FROM tombstone WHERE event = ?4)
    FROM (SELECT 1) LEFT JOIN person ON person.site = ?1 AND visitor = ?2
"""
FIND = f"""
    SELECT {rows.RECORD} FROM record {WHOLE} WHERE record.site = ? AND record.event_id = ?
"""  # noqa: S608 - our own columns
_NEWEST = """
    SELECT body FROM statement WHERE kind = ? AND site IS ?
    ORDER BY place DESC LIMIT 1
"""
_OPEN = "INSERT INTO log VALUES (?, ?)"
_CLOSE = "INSERT INTO closed SELECT log, size, last_ms, root, frontier FROM head"
_ADVANCE = """
    UPDATE head SET log = ?, origin = ?, size = ?, last_ms = ?, root = ?, frontier = ?,
        people = ?, beat = beat + 1
    WHERE id = 1 AND log = ? AND size = ? AND root = ?
    RETURNING size
"""
_ENTRY = "INSERT INTO entry VALUES (?, ?, ?)"
_ROWS = {
    "nodes": "INSERT INTO node VALUES (?, ?, ?, ?)",
    "persons": "INSERT INTO person VALUES (?, ?, ?, ?)",
    "records": "INSERT INTO record VALUES ((? << 40) + ?, ?, ?, ?, ?, ?, ?)",
    "evidence": "INSERT INTO evidence VALUES ((? << 40) + ?, ?, ?)",
    "subjects": "INSERT INTO subject VALUES ((? << 40) + ?, ?)",
    "statements": "INSERT INTO statement VALUES ((? << 40) + ?, ?, ?, ?)",
    "tombstones": "INSERT INTO tombstone VALUES (?, ?, ?, ?, ?, ?)",
}

ERASABLE = """
    record.site = :site
    AND (:part = 'record' OR EXISTS (
        SELECT 1 FROM subject WHERE subject.place = record.place))
    AND (:settled IS NULL OR :settled > (
        SELECT newest.recorded_ms FROM record AS newest
        WHERE newest.person = record.person ORDER BY newest.seq DESC LIMIT 1))
"""
"""Which records an erasure takes something from now, but for those of one visitor alone."""

_ERASED = f"""
    SELECT record.log, record.log_index, log.origin, record.person, record.event_id
    FROM json_each(:places) AS place
    JOIN record ON record.place =
        (json_extract(place.value, '$[0]') << 40) + json_extract(place.value, '$[1]')
    JOIN log ON log.number = record.log
    WHERE {ERASABLE} AND (:visitor IS NULL OR record.person = (
        SELECT number FROM person WHERE person.site = :site AND person.visitor = :visitor))
    ORDER BY record.place
"""  # noqa: S608 - our own words
_ERASE = {
    "subject": ("subject",),
    "record": ("subject", "evidence", "record"),
}
_FORGET = """
    DELETE FROM person WHERE number = ? AND NOT EXISTS (
        SELECT 1 FROM record JOIN subject USING (place)
        WHERE record.person = person.number ORDER BY record.seq DESC LIMIT 1)
"""
_KEEP = "INSERT INTO artefact VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_DISCARD = "DELETE FROM artefact WHERE sha256 = ?"
_PUBLISH = """
    INSERT INTO {0} VALUES (?, ?, ?)
    ON CONFLICT (log) DO UPDATE SET size = excluded.size, note = excluded.note
    WHERE excluded.size >= {0}.size
"""
_ENDS = """
    SELECT log, size, (SELECT coalesce(max(log_index) + 1, 0) FROM entry
                       WHERE entry.log = head.log) FROM head
"""
_HAS_HEAD = "SELECT count(*) FROM sqlite_schema WHERE name = 'head'"
_MIGRATIONS = "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT) STRICT"
APPLIED = "SELECT number, name FROM migration"


class Writer:
    """The writing connection. Whatever it does, it does in its thread, one after another."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self._thread = thread
        self.connection: sqlite3.Connection | None = None

    @classmethod
    async def open(cls, path: Path, accept: Callable[[Head], None]) -> Self:
        """A connection that may write: settings, leftovers, migrations and the log's end, in order.

        ``accept`` is asked about the end of the log before anything is written.
        """
        writer = cls(ThreadPoolExecutor(1, "holdfire-writer"))
        try:
            writer.connection = await writer._in_thread(_connect, path)
            accept(await writer.do(end))
            await writer.do(_configure)
            await writer.do(_fold)
            await writer.do(lambda db: _migrate(db, path))
            await writer.do(_verify)
        except BaseException:  # cancelled too: no thread stays behind; nothing is lost
            await writer.close()
            raise
        return writer

    async def do(self, work: Callable[[sqlite3.Connection], Done]) -> Done:
        """Do this with the connection."""
        assert self.connection is not None, "it is open"  # noqa: S101 - for the type checker
        return await self._in_thread(work, self.connection)

    async def close(self) -> None:
        """Roll back what is not committed, and let go of the file."""
        connection, self.connection = self.connection, None
        if connection is not None:
            # Closing rolls back and tries to checkpoint. If it cannot, the write-ahead log stays
            # for the next connection, so nothing is lost with the error.
            with suppress(sqlite3.Error):
                await self._in_thread(sqlite3.Connection.close, connection)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, work: Callable[..., Done], argument: object) -> Done:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, argument)


def uri(path: Path, mode: str) -> str:
    """The file for SQLite to open; in either mode, ``ro`` and ``rw``, it creates nothing."""
    return f"{path.absolute().as_uri()}?mode={mode}"


def end(db: sqlite3.Connection) -> Head:
    """Where the log ends, in a database that may have no tables yet."""
    ((there,),) = db.execute(_HAS_HEAD)
    if not there:
        return rows.NO_HEAD
    columns = {row[1] for row in db.execute("PRAGMA table_info(head)")}
    return rows.head(db.execute(_HEAD).fetchone()[:-1]) if "log" in columns else rows.NO_HEAD


def write(
    db: sqlite3.Connection, batch: Batch, host: str, random: Random
) -> tuple[Head, Sequence[Outcome]]:
    """One batch in one transaction: where the log ends after it, and the outcomes.

    A crash before COMMIT returns leaves nothing acknowledged.
    """
    if isinstance(batch, Sweep):
        return end(db), (_sweep(db, rewrite=batch.rewrite),)
    db.execute("BEGIN IMMEDIATE")
    *row, people = db.execute(_HEAD).fetchone()
    before = rows.head(row)
    ground = Ground(head=before, people=people, origins=(), host=host)
    placement = _place(db, batch, ground, random)
    _put(db, placement, before)
    outcomes = placement.outcomes
    match batch:
        case Step():
            _erase(db, batch, placement)
        case Keep() | Discard() | Publish():
            outcomes = (_upkeep(db, batch),)
    commit(db)
    return placement.head, outcomes


def commit(db: sqlite3.Connection) -> None:
    """Returns when the transaction is on the disk."""
    db.execute("COMMIT")


def _place(db: sqlite3.Connection, batch: Batch, ground: Ground, random: Random) -> Placement:
    match batch:
        case Reopen(statement):
            return placing.reopen(statement, _with_origins(db, ground), random)
        case Step(erasure, places):
            if placing.turns([erasure.recorded_ms], ground.head):
                ground = _with_origins(db, ground)
            asked = {"places": msgspec.json.encode(places).decode(), **selection(erasure)}
            erased = [Erased(*row) for row in db.execute(_ERASED, asked)]
            return placing.bury(erased, erasure, ground, random)
        case Keep() | Discard() | Publish() | Sweep():
            return placing.place((), (), ground, random)
        case works:
            if works and placing.turns([work.recorded_ms for work in works], ground.head):
                ground = _with_origins(db, ground)
            return placing.place(works, [_standing(db, work) for work in works], ground, random)


def _with_origins(db: sqlite3.Connection, ground: Ground) -> Ground:
    origins = frozenset(row[0] for row in db.execute(_ORIGINS))
    return msgspec.structs.replace(ground, origins=origins)


def _standing(db: sqlite3.Connection, work: Shared) -> Standing | bytes | None:
    if isinstance(work, Statement):
        if work.repeats:
            return None
        row = db.execute(_NEWEST, (work.kind, work.site)).fetchone()
        return row and bytes(row[0])
    event = (work.site, work.event_id)
    asked = (work.site, work.visitor, work.event_id, placing.event_digest(*event))
    number, key, seq, recorded, spent = db.execute(_STANDING, asked).fetchone()
    return Standing(
        person=(number, key) if number else None,
        seq=seq,
        known=rows.record(db.execute(FIND, event).fetchone()) if recorded else None,
        spent=bool(spent),
    )


def _put(db: sqlite3.Connection, placement: Placement, before: Head) -> None:
    for stretch in placement.stretches:
        if stretch.opens:
            before = _turn(db, stretch.head, before, placement.people)
        _advance(db, stretch.head, before, placement.people)
        before = stretch.head
        db.executemany(_ENTRY, stretch.entries)
    for name, insert in _ROWS.items():
        if found := getattr(placement, name):
            db.executemany(insert, found)


def _turn(db: sqlite3.Connection, after: Head, before: Head, people: int) -> Head:
    """Close the log there is, open the next; its empty head."""
    if before.log:
        db.execute(_CLOSE)
    empty = msgspec.structs.replace(rows.NO_HEAD, log=after.log, origin=after.origin)
    db.execute(_OPEN, (after.log, after.origin))
    _advance(db, empty, before, people)
    return empty


def _advance(db: sqlite3.Connection, after: Head, before: Head, people: int) -> None:
    frontier = b"".join(after.frontier)
    values = (after.log, after.origin, after.size, after.last_ms, after.root, frontier, people)
    asked = (*values, before.log, before.size, before.root)
    if not db.execute(_ADVANCE, asked).fetchall():
        raise sqlite3.DatabaseError("the head moved inside a transaction")


def _erase(db: sqlite3.Connection, step: Step, placement: Placement) -> None:
    places = [(stone.log, stone.log_index) for stone in placement.tombstones]
    persons = {
        row[0]
        for place in places
        for row in db.execute("SELECT person FROM record WHERE place = (? << 40) + ?", place)
    }
    for table in _ERASE[step.erasure.part]:
        db.executemany(f"DELETE FROM {table} WHERE place = (? << 40) + ?", places)  # noqa: S608 - our own tables
    db.executemany(_FORGET, [(person,) for person in sorted(persons)])


def _upkeep(db: sqlite3.Connection, work: Keep | Discard | Publish) -> Outcome:
    match work:
        case Keep(artefacts):
            db.executemany(_KEEP, [(a.digest, a.shown, a.body) for a in artefacts])
            return None
        case Discard(digests):
            return sum(db.execute(_DISCARD, (digest,)).rowcount for digest in digests)
        case Publish(log, size, note, cosigned):
            table = "cosigned" if cosigned else "checkpoint"
            db.execute(_PUBLISH.format(table), (log, size, note))
            return None


def selection(erasure: Any) -> dict[str, Any]:
    """The parameters of ``ERASABLE``."""
    return {
        "site": erasure.site,
        "visitor": erasure.visitor,
        "part": erasure.part,
        "settled": erasure.settled_before_ms,
    }


def _sweep(db: sqlite3.Connection, *, rewrite: bool) -> bool:
    """Give free pages back, and empty the write-ahead log; whether all is done.

    Deleted rows are overwritten in the pages of the database (``secure_delete``), but the
    write-ahead log still holds the pages as they were. And where many rows of a table are deleted,
    the rest are moved together, which now and then leaves a copy behind in the gap of a page, to be
    found when the row itself is long gone: only a file that is written anew is sure to hold none.
    """
    ((pages,),) = db.execute("PRAGMA page_count").fetchall()
    ((size,),) = db.execute("PRAGMA page_size").fetchall()
    if rewrite and pages * size <= REWRITE_BYTES:
        db.execute("PRAGMA temp_store = MEMORY")  # nobody's choices go into another file
        db.execute("VACUUM")
    db.execute(f"PRAGMA incremental_vacuum({SWEEP_PAGES})").fetchall()
    db.execute(f"PRAGMA busy_timeout = {SWEEP_BUSY_MS}")
    try:
        ((busy, _, _),) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        db.execute(f"PRAGMA busy_timeout = {int(WRITE_BUSY_SECONDS * 1000)}")
    ((left,),) = db.execute("PRAGMA freelist_count").fetchall()
    return not busy and not left


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        uri(path, "rw"), uri=True, isolation_level=None, timeout=WRITE_BUSY_SECONDS
    )


def _configure(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # first: it holds for a file without pages only
    ((mode,),) = db.execute("PRAGMA journal_mode = WAL").fetchall()
    if mode != "wal":
        raise sqlite3.OperationalError("the file system cannot hold a write-ahead log")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA secure_delete = ON")


def _fold(db: sqlite3.Connection) -> None:
    """Write the write-ahead log into the database, and start it afresh.

    A log that was left behind may end in frames of a commit whose fsync failed: in the kernel's
    cache, not on the disk. New commits must not stand on them. Folding writes their pages again,
    and only its own fsync lets it succeed.
    """
    ((busy, _, _),) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    if busy:
        raise sqlite3.OperationalError("the write-ahead log is held by a reader")


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    db.execute("BEGIN IMMEDIATE")
    db.execute(_MIGRATIONS)
    applied = db.execute(APPLIED).fetchall()
    for number, migration in schema.pending(SQLITE, applied, str(path)):
        for statement in migration.statements:
            db.execute(statement)
        db.execute("INSERT INTO migration VALUES (?, ?)", (number, migration.name))
    commit(db)


def _verify(db: sqlite3.Connection) -> None:
    """Refuse to extend a log whose head is not its end: it was changed behind our back."""
    ((log, size, ends),) = db.execute(_ENDS).fetchall()
    if size != ends:
        raise sqlite3.DatabaseError(f"the head says {size} entries of log {log}, there are {ends}")
