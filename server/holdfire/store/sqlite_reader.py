"""The connections that read an SQLite file: one of the event loop, and others aside from it."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import aiosqlite

from holdfire.errors import LogRefused, StoreUnavailable
from holdfire.record import Head
from holdfire.store import datafile
from holdfire.store.batching import UNAVAILABLE
from holdfire.store.sqlite_writing import end, uri

# Point reads run in the event loop, which must not stand still. In WAL mode they wait for nothing
# but the recovery of a log after a crash, and the writer has seen to that before they start.
READ_BUSY_SECONDS = 0.05

REFUSED_SECONDS = 0.05  # a file that was refused is not opened again sooner: that costs some ms
LATELY_SECONDS = 0.005  # a look at the file costs 1 to 2 µs, half of what an answer may

Aside = aiosqlite.Connection

Parameters = Sequence[str | int] | Mapping[str, str | int | None]


class Reader:
    """The reading connection of the event loop: the one in use, or a new one."""

    def __init__(self, path: Path, accept: Callable[[Head], None]) -> None:
        """``accept`` is asked about the end of the log at every new connection."""
        self._path = path
        self._name = os.fspath(path)  # one conversion less before every answer
        self._accept = accept
        self._connection: sqlite3.Connection | None = None
        self._file: datafile.Identity | None = None
        self._looked = -1.0  # when it was last seen to be there; monotonic
        self._refused: tuple[datafile.Identity | None, float, Exception] | None = None

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """The rows of a question that reads little.

        In the event loop, because that is 15 µs where a thread's hops are 230; a page that must
        come from the disk adds 200. Nothing that may read more than a few keys belongs here.
        """
        try:
            return self._readable().execute(sql, parameters).fetchall()
        except (sqlite3.Error, UnicodeError) as error:
            self.close()
            raise StoreUnavailable(UNAVAILABLE) from error

    def look(self) -> None:
        """Return if the file of this name is still the one that is read, which is opened if need be."""
        if self._connection is None or datafile.identity(self._name) != self._file:
            try:
                self._readable()
            except sqlite3.Error as error:
                self.close()
                raise StoreUnavailable(UNAVAILABLE) from error
        self._looked = monotonic()

    def looked_lately(self) -> bool:
        """Whether the file was there a moment ago, and nothing has failed since."""
        return monotonic() < self._looked + LATELY_SECONDS

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[Aside]:
        """A connection of its own, for a question that may read much."""
        self.look()
        try:
            db = await _opened(aiosqlite.connect(uri(self._path, "ro"), uri=True))
            try:
                yield db
            finally:
                await _to_its_end(db.close())
        except (sqlite3.Error, UnicodeError) as error:
            raise StoreUnavailable(UNAVAILABLE) from error

    def close(self) -> None:
        """Let go of the file; the next question opens it again."""
        self._looked = -1.0
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _readable(self) -> sqlite3.Connection:
        file = datafile.identity(self._name)
        if file != self._file:
            self.close()
        if self._connection is None:
            if self._refused is not None and self._refused[0] == file:
                self._wait_out(*self._refused[1:])
            connection = sqlite3.connect(uri(self._path, "ro"), uri=True, timeout=READ_BUSY_SECONDS)
            try:
                self._accept(end(connection))
            except (sqlite3.Error, LogRefused) as error:
                connection.close()
                self._refused = (file, monotonic(), error)
                raise
            self._refused = None
            self._connection, self._file = connection, file
        return self._connection

    def _wait_out(self, since: float, error: Exception) -> None:
        """Refuse again what was refused a moment ago, without opening it."""
        if monotonic() < since + REFUSED_SECONDS:
            raise error.with_traceback(None)


async def _opened(connection: Aside) -> Aside:
    """The connection, open. Whoever is cancelled meanwhile leaves no thread behind."""
    opening = asyncio.ensure_future(_awaited(connection))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        await _to_its_end((await opening).close())
        raise


async def _awaited(connection: Aside) -> Aside:
    return await connection


async def _to_its_end(question: Coroutine[Any, Any, None]) -> None:
    """Wait for a thread, also when cancelled: it would answer an event loop that may be closed."""
    asked = asyncio.ensure_future(question)
    try:
        await asyncio.shield(asked)
    except asyncio.CancelledError:
        await asked
        raise
