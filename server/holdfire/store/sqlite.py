"""The store in one SQLite file: one writing process, no server, nothing to look after.

One connection writes and checkpoints, in its own thread; all others are read-only. Before SQLite
3.51.3 two connections that checkpoint can lose commits (sqlite.org/wal.html, "WAL-reset bug"); a
claim on the file keeps other processes to the same rule.

A crash is safe everywhere: before COMMIT nothing has happened, after it everything has, and at
``synchronous=FULL`` COMMIT returns when the write-ahead log is on the disk.

A file that was removed or replaced still takes commits from whoever has it open, and loses them.
So each connection remembers which file it opened, and nothing is answered from one that is no
longer the file of that name. A shorter log in its place is refused until a restart: the operator
may mean it, but this process has acknowledged more.
"""

import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import aiosqlite
import msgspec

from holdfire.errors import StoreUnavailable
from holdfire.model import Draft, Record
from holdfire.store import Appended, datafile, schema
from holdfire.store.batching import UNAVAILABLE, GroupCommit, RefusedRows
from holdfire.store.placing import Head, Outcome, Standing, place

logger = logging.getLogger(__name__)
logging.getLogger("aiosqlite").setLevel(logging.WARNING)  # its debug lines hold whole rows

# Nobody else writes, so waiting at all is unusual: a backup tool, or a shell left open.
WRITE_BUSY_SECONDS = 2.0

# Point reads run in the event loop, which must not stand still. In WAL mode they wait for nothing
# but the recovery of a log after a crash, and the writer has seen to that before they start.
READ_BUSY_SECONDS = 0.05

# Records held in memory by a scan: 1 MB of usual ones, 64 MB of the largest there can be.
PAGE = 512

# `*` is the columns of table record, which are the fields of model.Record, in order.
_LATEST = "SELECT * FROM record WHERE site = ? AND visitor = ? ORDER BY seq DESC LIMIT 1"
_HISTORY = "SELECT * FROM record WHERE site = ? AND visitor = ? ORDER BY seq DESC LIMIT ?"
_SIZE = "SELECT size FROM head"
_PAGE = "SELECT * FROM record WHERE log_index >= ? AND log_index < ? ORDER BY log_index"
_PAGE_OF_SITE = (
    "SELECT * FROM record WHERE log_index >= ? AND log_index < ? AND site = ? ORDER BY log_index"
)

_HEAD = "SELECT size, last_ms FROM head"
_STANDINGS = """
    SELECT
        (SELECT coalesce(max(seq), 0) FROM record
         WHERE site = json_extract(asked.value, '$[0]')
            AND visitor = json_extract(asked.value, '$[1]')),
        known.*
    FROM json_each(?) AS asked
    LEFT JOIN record AS known
        ON known.site = json_extract(asked.value, '$[0]')
        AND known.event_id = json_extract(asked.value, '$[2]')
    ORDER BY asked.key
"""
_ADVANCE = """
    UPDATE head SET size = ?, last_ms = ?, beat = beat + 1 WHERE id = 1 AND size = ? RETURNING size
"""
_INSERT = "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ENDS = "SELECT size, (SELECT coalesce(max(log_index) + 1, 0) FROM record) FROM head"
_HAS_HEAD = "SELECT count(*) FROM sqlite_schema WHERE name = 'head'"
_MIGRATIONS = "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT) STRICT"
_APPLIED = "SELECT coalesce(max(number), 0) FROM migration"

_LOST = "the database file was removed or replaced"

# What the rows themselves can be at fault for: a CHECK, a size, a number or a text past SQLite's.
_ROWS_AT_FAULT = (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeError)


class SqliteStore:
    """``Store`` over one file: the contract is there. Made by ``open``."""

    def __init__(self, path: Path, *, writing: bool) -> None:
        self._path = path
        self._closed = False
        self._claim: int | None = None
        self._writer: aiosqlite.Connection | None = None
        self._writer_file: datafile.Identity | None = None
        self._reader: sqlite3.Connection | None = None
        self._reader_file: datafile.Identity | None = None
        self._known = 0  # how long this process has seen the log: it never gets shorter
        self._told = False  # whether the operator has been told that it did
        self._commits = GroupCommit(self._commit) if writing else None

    @classmethod
    async def open(cls, path: Path, *, writing: bool = True) -> Self:
        """Open the database; file (0600) and folder (0700) are created where they are missing.

        A disk that cannot be written now stops nothing: the store opens, refuses writes with
        ``StoreUnavailable``, and mends itself when the disk does. With ``writing=False`` it only
        reads, beside a process that may be writing.

        Raises ``ConfigError`` if another process writes this database or a newer release wrote it;
        with ``writing=False`` also ``StoreUnavailable`` if it cannot be read.
        """
        store = cls(path, writing=writing)
        try:
            if writing:
                await store._writable()
            else:
                schema.pending(schema.SQLITE, store._row(_APPLIED)[0], str(path))
        except (sqlite3.Error, OSError) as error:
            _log_outage("at start", error)
        except BaseException:  # cancelled too: no claim or thread stays; nothing is lost
            await store.close()
            raise
        return store

    async def append(self, draft: Draft) -> Appended:
        """See ``Store.append``."""
        return await self._group().append(draft)

    async def readable(self) -> None:
        """See ``Store.readable``."""
        self._row(_SIZE)

    async def ready(self) -> None:
        """See ``Store.ready``."""
        await self._group().probe()

    async def latest(self, site: str, visitor: str) -> Record | None:
        """See ``Store.latest``."""
        row = self._row(_LATEST, site, visitor)
        return None if row is None else Record(*row)

    async def history(self, site: str, visitor: str, limit: int) -> tuple[Record, ...]:
        """See ``Store.history``. Its rows lie all over the log, so it is read like a scan."""
        self._row(_SIZE)  # the file of this name is still ours
        try:
            async with aiosqlite.connect(_uri(self._path, "ro"), uri=True) as reader:
                rows = await reader.execute_fetchall(_HISTORY, (site, visitor, limit))
        except (sqlite3.Error, UnicodeError) as error:
            raise StoreUnavailable(UNAVAILABLE) from error
        return tuple(Record(*row) for row in rows)

    async def size(self) -> int:
        """See ``Store.size``."""
        return int(self._row(_SIZE)[0])

    async def scan(self, site: str | None = None, after: int = -1) -> AsyncIterator[Record]:
        """See ``Store.scan``. Its connection is its own, so that nobody else waits for its pages.

        Each page is a transaction, so a slow scan keeps no checkpoint waiting; a page is a range of
        the key, so one of a site with few records takes no longer than another.
        """
        end = await self.size()
        try:
            async with aiosqlite.connect(_uri(self._path, "ro"), uri=True) as reader:
                for start in range(after + 1, end, PAGE):
                    span = (start, min(start + PAGE, end))
                    rows = (
                        await reader.execute_fetchall(_PAGE, span)
                        if site is None
                        else await reader.execute_fetchall(_PAGE_OF_SITE, (*span, site))
                    )
                    for row in rows:
                        yield Record(*row)
        except sqlite3.Error as error:
            raise StoreUnavailable(UNAVAILABLE) from error

    async def close(self) -> None:
        """See ``Store.close``."""
        self._closed = True
        if self._commits is not None:
            await self._commits.close()
        self._drop_reader()
        # The writer last: SQLite folds the write-ahead log into the file with the last connection.
        await self._drop_writer()
        self._give_up_claim()

    def _group(self) -> GroupCommit:
        if self._commits is None:
            raise StoreUnavailable("The record store was opened for reading only.")
        return self._commits

    def _row(self, sql: str, *parameters: str) -> Any:
        """The first row of a lookup by key, or ``None``.

        In the event loop, because that is 15 µs where a thread's hops are 230; a page that must
        come from the disk adds 200. Nothing that may read more than a key belongs here.
        """
        if self._closed:
            raise StoreUnavailable("The record store is closed.")
        try:
            return self._readable().execute(sql, parameters).fetchone()
        except (sqlite3.Error, UnicodeError) as error:
            self._drop_reader()
            raise StoreUnavailable(UNAVAILABLE) from error

    async def _commit(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        """What ``GroupCommit`` asks for: one transaction. Only its task gets here."""
        writer = await self._writable()
        try:
            return await self._write_and_look(writer, drafts)
        except _ROWS_AT_FAULT as error:
            await self._drop_writer()
            raise RefusedRows from error
        except BaseException as error:  # cancelled too; lost is the batch: its callers are told
            # After a failed write or fsync the kernel may believe pages clean that never reached
            # the disk. This connection acknowledges nothing more; the next one starts over.
            _log_outage("while writing", error)
            await self._drop_writer()
            raise

    async def _write_and_look(
        self, writer: aiosqlite.Connection, drafts: Sequence[Draft]
    ) -> Sequence[Outcome]:
        """The outcomes of a batch, if the file it was committed to is the one of that name still.

        Looked at after COMMIT: a file that was removed before has taken the commit with it.
        """
        size, outcomes = await _write(writer, drafts)
        if not self._writes_to_its_file():
            raise sqlite3.OperationalError(_LOST)
        self._known = max(self._known, size)
        return outcomes

    async def _writable(self) -> aiosqlite.Connection:
        """The writing connection: the one in use, or a new one that has verified the log's end."""
        if self._writer is not None and not self._writes_to_its_file():
            _log_outage("from now on", sqlite3.OperationalError(_LOST))
            await self._drop_writer()
        if self._writer is None:
            if self._known and datafile.identity(self._path) is None:
                # It has to come back. An empty one would be in the way of who brings it.
                raise FileNotFoundError(_LOST)
            if self._claim is not None and not datafile.claims(self._claim, self._path):
                self._give_up_claim()
            if self._claim is None:
                self._claim = datafile.claim(self._path)
            self._writer_file = datafile.identity(self._path)
            self._writer = await _connect(self._path, self._accept)
        return self._writer

    def _writes_to_its_file(self) -> bool:
        return datafile.identity(self._path) == self._writer_file

    def _readable(self) -> sqlite3.Connection:
        """The reading connection: the one in use, or a new one if its file is not the same."""
        file = datafile.identity(self._path)
        if file != self._reader_file:
            self._drop_reader()
        if self._reader is None:
            self._reader = sqlite3.connect(
                _uri(self._path, "ro"), uri=True, timeout=READ_BUSY_SECONDS
            )
            self._reader_file = file
            ((there,),) = self._reader.execute(_HAS_HEAD)
            self._accept(self._reader.execute(_SIZE).fetchone()[0] if there else 0)
        return self._reader

    def _accept(self, size: int) -> None:
        """Refuse a log that has lost records this process knows of: it is not the same log."""
        if size < self._known:
            error = sqlite3.DatabaseError(
                f"the log held {self._known} records, the file there now holds {size};"
                " bring the former back, or restart to go on with this one"
            )
            if not self._told:
                self._told = True
                _log_outage("to another file", error)
            raise error
        self._known, self._told = size, False

    async def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            # Closing rolls back and tries to checkpoint. If it cannot, the write-ahead log stays
            # for the next connection, so nothing is lost with the error.
            with suppress(sqlite3.Error):
                await writer.close()

    def _give_up_claim(self) -> None:
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def _drop_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


async def _connect(path: Path, accept: Callable[[int], None]) -> aiosqlite.Connection:
    """A connection that may write: settings, leftovers, migrations and the log's end, in order.

    ``accept`` is asked about the size of the log before anything is written.
    """
    db = await aiosqlite.connect(
        _uri(path, "rw"), uri=True, isolation_level=None, timeout=WRITE_BUSY_SECONDS
    )
    try:
        ((there,),) = await db.execute_fetchall(_HAS_HEAD)
        ((size,),) = await db.execute_fetchall(_SIZE) if there else ((0,),)
        accept(size)
        await _configure(db)
        await _fold(db)
        await _migrate(db, path)
        await _verify(db)
    except BaseException:  # cancelled too: no thread stays behind; nothing is lost
        with suppress(sqlite3.Error):
            await db.close()
        raise
    return db


async def _configure(db: aiosqlite.Connection) -> None:
    ((mode,),) = await db.execute_fetchall("PRAGMA journal_mode = WAL")
    if mode != "wal":
        raise sqlite3.OperationalError("the file system cannot hold a write-ahead log")
    await db.execute_fetchall("PRAGMA synchronous = FULL")
    await db.execute_fetchall("PRAGMA foreign_keys = ON")


async def _fold(db: aiosqlite.Connection) -> None:
    """Write the write-ahead log into the database, and start it afresh.

    A log that was left behind may end in frames of a commit whose fsync failed: in the kernel's
    cache, not on the disk. New commits must not stand on them. Folding writes their pages again,
    and only its own fsync lets it succeed.
    """
    ((busy, _, _),) = await db.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    if busy:
        raise sqlite3.OperationalError("the write-ahead log is held by a reader")


async def _migrate(db: aiosqlite.Connection, path: Path) -> None:
    await db.execute_fetchall("BEGIN IMMEDIATE")
    await db.execute_fetchall(_MIGRATIONS)
    ((applied,),) = await db.execute_fetchall(_APPLIED)
    for number, migration in schema.pending(schema.SQLITE, applied, str(path)):
        for statement in migration.statements:
            await db.execute_fetchall(statement)
        row = (number, migration.name)
        await db.execute_fetchall("INSERT INTO migration VALUES (?, ?)", row)
    await db.commit()


async def _verify(db: aiosqlite.Connection) -> None:
    """Refuse to extend a log whose head is not its end: it was changed behind our back."""
    ((size, end),) = await db.execute_fetchall(_ENDS)
    if size != end:
        raise sqlite3.DatabaseError(f"the head says {size} records, the log holds {end}")


async def _write(
    db: aiosqlite.Connection, drafts: Sequence[Draft]
) -> tuple[int, Sequence[Outcome]]:
    """One batch in one transaction: the size of the log after it, and the outcomes.

    A crash before COMMIT returns leaves nothing acknowledged.
    """
    asked = msgspec.json.encode([(d.site, d.visitor, d.event_id) for d in drafts]).decode()
    await db.execute_fetchall("BEGIN IMMEDIATE")
    (head,) = (Head(*row) for row in await db.execute_fetchall(_HEAD))
    rows = await db.execute_fetchall(_STANDINGS, (asked,))
    standings = [Standing(row[0], None if row[1] is None else Record(*row[1:])) for row in rows]
    placement = place(drafts, standings, head)
    after = placement.head
    if not await db.execute_fetchall(_ADVANCE, (after.size, after.last_ms, head.size)):
        raise sqlite3.DatabaseError("the head moved inside a transaction")
    if placement.rows:
        await db.executemany(_INSERT, map(msgspec.structs.astuple, placement.rows))
    await db.commit()
    return after.size, placement.outcomes


def _uri(path: Path, mode: str) -> str:
    return f"{path.absolute().as_uri()}?mode={mode}"  # either mode: SQLite creates nothing


def _log_outage(when: str, error: BaseException) -> None:
    # The text of an SQLite error names tables and files, never a value of a row.
    logger.error("record store: cannot write %s: %s: %s", when, type(error).__name__, error)
