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

import asyncio
import logging
import os
import secrets
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Self

from holdfire.errors import LogRefused, StoreUnavailable
from holdfire.record import Artefact, Draft, Erasure, Head, Said, Statement
from holdfire.store import (
    Appended,
    Mark,
    News,
    datafile,
    paging,
    schema,
    sqlite_reading,
    sqlite_writing,
)
from holdfire.store.batching import GroupCommit, RefusedRows
from holdfire.store.fence import Fence
from holdfire.store.placement import Random
from holdfire.store.recent import Recent
from holdfire.store.sqlite_reader import Aside, Parameters, Reader
from holdfire.store.sqlite_reading import Questions
from holdfire.store.sqlite_tables import SQLITE
from holdfire.store.sqlite_writing import Writer
from holdfire.store.work import Batch, Discard, Keep, Outcome, Publish, Reopen, Step, Sweep

logger = logging.getLogger(__name__)
logging.getLogger("aiosqlite").setLevel(logging.WARNING)  # its debug lines hold whole rows

_LOST = "the database file was removed or replaced"

# How long an erasure waits for readers that keep it from emptying the write-ahead log, and how
# often it tries. Past it, the bytes go when the next commit after the reader's end is folded in.
SWEEP_SECONDS = 30.0
SWEEP_AGAIN_SECONDS = 0.1

# What the rows themselves can be at fault for: a CHECK, a size, a number or a text past SQLite's,
# a time no entry can hold.
_ROWS_AT_FAULT = (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, ValueError)


class SqliteStore(Questions):
    """``Store`` over one file: the contract is there. Made by ``open``."""

    def __init__(
        self, path: Path, *, writing: bool, host: str, random: Random, fence: Fence | None
    ) -> None:
        self._path = path
        self._host = host
        self._random = random
        self._fence = fence or Fence()
        self._closed = False
        self._claim: int | None = None
        self._writer: Writer | None = None
        self._writer_file: datafile.Identity | None = None
        self._recent = Recent()
        self._reader = Reader(path, self._accept)
        self._known = (0, 0)  # log and size that this process has seen: neither gets less
        # Steps of erasures, and for how many the file was written anew since. At the start it is one
        # behind: the process before may have died between the two.
        self._steps, self._rewritten = 1, 0
        self._told = False  # whether the operator has been told that it did
        self._commits = GroupCommit(self._commit) if writing else None

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        writing: bool = True,
        host: str = "localhost",
        random: Random = secrets.token_bytes,
        fence: Fence | None = None,
    ) -> Self:
        """Open the database; file (0600) and folder (0700) are created where they are missing.

        ``host`` is in the origin of each log that is opened from now on. A disk that cannot be
        written now stops nothing, nor does a log that the ``fence`` refuses: the store opens,
        refuses with ``StoreUnavailable``, and mends itself when the disk does. With
        ``writing=False`` it only reads, beside a process that may be writing.

        Raises ``ConfigError`` if another process writes this database or another release wrote it;
        with ``writing=False`` also ``StoreUnavailable`` if it cannot be read.
        """
        store = cls(path, writing=writing, host=host, random=random, fence=fence)
        try:
            if writing:
                await store._writable()
            else:
                applied = store._reader.rows(sqlite_writing.APPLIED)
                schema.pending(SQLITE, applied, str(path))
        except (sqlite3.Error, OSError, LogRefused) as error:
            _log_outage("at start", error)
        except BaseException:  # cancelled too: no claim or thread stays; nothing is lost
            await store.close()
            raise
        return store

    async def append(self, draft: Draft) -> Appended:
        """See ``Store.append``."""
        return await self._group().append(draft)

    async def state(self, statement: Statement) -> Said | None:
        """See ``Store.state``."""
        said = await self._group().do(statement)
        return said if isinstance(said, Said) else None

    async def erase(self, erasure: Erasure) -> int:
        """See ``Store.erase``."""
        group = self._group()
        count = 0
        async for places in paging.steps(self.due(erasure)):
            # Before its place in the queue, which a sweep that counts it comes after.
            self._steps += 1
            count += await group.ask(Step(erasure, places), int)
        await self._sweep(group)
        return count

    async def reopen(self, statement: Statement) -> Head:
        """See ``Store.reopen``."""
        return await self._group().ask(Reopen(statement), Head)

    async def readable(self) -> None:
        """See ``Store.readable``."""
        self.rows(sqlite_reading.SIZE)

    async def ready(self) -> None:
        """See ``Store.ready``."""
        await self._group().probe()

    @property
    def waiting(self) -> int:
        """See ``Store.waiting``."""
        return self._commits.waiting if self._commits is not None else 0

    async def news(self, since: Mark | None) -> News | None:
        """See ``Store.news``."""
        self._require()
        self._reader.look()
        if self._commits is None:
            self._follow()
        return self._recent.since(since)

    def quiet(self, since: Mark | None) -> bool:
        """See ``Store.quiet``."""
        return (
            since == self._recent.mark
            and self._reader.looked_lately()
            and not self._closed
            and self._fence.reason is None
            and self._commits is not None
        )

    async def keep(self, artefacts: Sequence[Artefact]) -> None:
        """See ``Store.keep``."""
        await self._group().do(Keep(tuple(artefacts)))

    async def discard(self, digests: Collection[str]) -> int:
        """See ``Store.discard``."""
        return await self._group().ask(Discard(tuple(digests)), int)

    async def publish(self, log: int, size: int, note: bytes, *, cosigned: bool = False) -> None:
        """See ``Store.publish``."""
        await self._group().do(Publish(log, size, note, cosigned))

    async def close(self) -> None:
        """See ``Store.close``."""
        self._closed = True
        if self._commits is not None:
            await self._commits.close()
        self._reader.close()
        # The writer last: SQLite folds the write-ahead log into the file with the last connection.
        await self._drop_writer()
        self._give_up_claim()

    def _require(self) -> None:
        self._fence.require()
        if self._closed:
            raise StoreUnavailable("The record store is closed.")

    def _group(self) -> GroupCommit:
        self._fence.require()
        if self._commits is None:
            raise StoreUnavailable("The record store was opened for reading only.")
        return self._commits

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """See ``Questions.rows``."""
        self._require()
        return self._reader.rows(sql, parameters)

    def aside(self) -> AbstractAsyncContextManager[Aside]:
        """See ``Questions.aside``."""
        self._require()
        return self._reader.aside()

    async def _sweep(self, group: GroupCommit) -> None:
        """Have the erased bytes gone from the files."""
        loop = asyncio.get_running_loop()
        until = loop.time() + SWEEP_SECONDS
        steps = self._steps
        done = await group.ask(Sweep(rewrite=steps > self._rewritten), bool)
        self._rewritten = max(self._rewritten, steps)
        while not done:
            if loop.time() > until:
                logger.warning("record store: a reader keeps what was erased in the log of writes")
                return
            await asyncio.sleep(SWEEP_AGAIN_SECONDS)
            done = await group.ask(Sweep(rewrite=False), bool)

    async def _commit(self, batch: Batch) -> Sequence[Outcome]:
        """What ``GroupCommit`` asks for: one transaction. Only its task gets here."""
        self._fence.require()
        writer = await self._writable()
        try:
            return await self._write_and_look(writer, batch)
        except _ROWS_AT_FAULT as error:
            await self._drop_writer()
            raise RefusedRows from error
        except BaseException as error:  # cancelled too; lost is the batch: its callers are told
            # After a failed write or fsync the kernel may believe pages clean that never reached
            # the disk. This connection acknowledges nothing more; the next one starts over.
            self._recent.anybody()
            _log_outage("while writing", error)
            await self._drop_writer()
            raise

    async def _write_and_look(self, writer: Writer, batch: Batch) -> Sequence[Outcome]:
        """The outcomes of a batch, if the file it was committed to is the one of that name still.

        Looked at after COMMIT: a file that was removed before has taken the commit with it.
        """
        head, outcomes = await writer.do(
            lambda db: sqlite_writing.write(db, batch, self._host, self._random)
        )
        if not self._writes_to_its_file():
            raise sqlite3.OperationalError(_LOST)
        if head.log != self._known[0]:
            self._recent.anybody()
        self._known = max(self._known, (head.log, head.size))
        self._recent.hear(batch, outcomes)
        return outcomes

    async def _writable(self) -> Writer:
        """The writing connection: the one in use, or a new one that has verified the log's end."""
        if self._writer is not None and not self._writes_to_its_file():
            _log_outage("from now on", sqlite3.OperationalError(_LOST))
            await self._drop_writer()
        if self._writer is None:
            if self._known > (0, 0) and datafile.identity(self._path) is None:
                # It has to come back. An empty one would be in the way of who brings it.
                raise FileNotFoundError(_LOST)
            if self._claim is not None and not datafile.claims(self._claim, self._path):
                self._give_up_claim()
            if self._claim is None:
                self._claim = datafile.claim(self._path)
            self._writer_file = datafile.identity(self._path)
            self._writer = await Writer.open(self._path, self._accept)
        return self._writer

    def _writes_to_its_file(self) -> bool:
        return datafile.identity(self._path) == self._writer_file

    def _accept(self, head: Head) -> None:
        """Refuse a log that has lost entries this process knows of, or that the fence refuses."""
        if (head.log, head.size) < self._known:
            log, size = self._known
            error = sqlite3.DatabaseError(
                f"log {log} held {size} entries, in the file there now log {head.log} holds"
                f" {head.size}; bring the former back, or restart to go on with this one"
            )
            if not self._told:
                self._told = True
                _log_outage("to another file", error)
            raise error
        self._fence.accept(head)
        self._known, self._told = (head.log, head.size), False
        # Opening may have brought back what a commit that failed had left in the write-ahead log.
        self._recent.anybody()

    def _follow(self) -> None:
        """Notice, in a store that only reads, that another process has written."""
        ((log, size),) = self.rows(sqlite_reading.END)
        if (log, size) != self._known:
            self._known = log, size
            self._recent.anybody()

    async def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.close()

    def _give_up_claim(self) -> None:
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None


def _log_outage(when: str, error: BaseException) -> None:
    # The text of an SQLite error names tables and files, never a value of a row.
    logger.error("record store: cannot write %s: %s: %s", when, type(error).__name__, error)
