"""Questions to the SQLite store, and the connection of the event loop that answers short ones."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from holdfire.errors import LogRefused, StoreUnavailable
from holdfire.record import Head
from holdfire.store import datafile, rows
from holdfire.store.batching import UNAVAILABLE
from holdfire.store.sqlite_writing import ERASABLE, WHOLE, end, uri

# Point reads run in the event loop, which must not stand still. In WAL mode they wait for nothing
# but the recovery of a log after a crash, and the writer has seen to that before they start.
READ_BUSY_SECONDS = 0.05

# A visitor's records of which the subject is erased are nobody's.
_OF_A_VISITOR = f"""
    SELECT {rows.RECORD} FROM person
    JOIN record ON record.person = person.number
    JOIN evidence USING (place) JOIN subject USING (place)
    WHERE person.site = ? AND person.visitor = ?
    ORDER BY record.seq DESC
"""  # noqa: S608 - our own columns
LATEST = f"{_OF_A_VISITOR} LIMIT 1"
HISTORY = f"{_OF_A_VISITOR} LIMIT ?"
SIZE = "SELECT size FROM head"
PAGE = f"""
    SELECT {rows.RECORD} FROM record {WHOLE}
    WHERE record.place >= (:log << 40) + :first AND record.place < (:log << 40) + :end
        AND (:site IS NULL OR record.site = :site)
    ORDER BY record.place
"""  # noqa: S608 - our own columns
BLOCKS = """
    SELECT entry.body, evidence.salt, evidence.body, subject.sealed, person.key
    FROM entry
    LEFT JOIN record ON record.place = (:log << 40) + :log_index
    LEFT JOIN evidence ON evidence.place = (:log << 40) + :log_index
    LEFT JOIN subject ON subject.place = (:log << 40) + :log_index
    LEFT JOIN person ON person.number = record.person
    WHERE entry.log = :log AND entry.log_index = :log_index
"""
SAID = "SELECT log, log_index, kind, site, body FROM statement WHERE place = (? << 40) + ?"
STATEMENTS = """
    SELECT log, log_index, kind, site, body FROM statement
    WHERE place >= (:log << 40) + :first AND place < (:log << 40) + :end
    ORDER BY place
"""
ENTRIES = """
    SELECT body FROM entry WHERE log = ? AND log_index >= ? AND log_index < ? ORDER BY log_index
"""
NODES = "SELECT hash FROM node WHERE log = ? AND level = ? AND n >= ? AND n < ? ORDER BY n"
ARTEFACT = "SELECT sha256, kind, body FROM artefact WHERE sha256 = ?"
ARTEFACTS = "SELECT sha256 FROM artefact ORDER BY sha256"
CHECKPOINT = {
    False: "SELECT note FROM checkpoint WHERE log = ?",
    True: "SELECT note FROM cosigned WHERE log = ?",
}

DUE = f"""
    SELECT record.log, record.log_index FROM record
    WHERE record.place >= (:log << 40) + :first AND record.place < (:log << 40) + :end
        AND {ERASABLE}
    ORDER BY record.place
"""  # noqa: S608 - our own words
DUE_OF_A_VISITOR = f"""
    SELECT record.log, record.log_index FROM person JOIN record ON record.person = person.number
    WHERE person.site = :site AND person.visitor = :visitor AND {ERASABLE}
    ORDER BY record.seq
"""  # noqa: S608 - our own words


Parameters = Sequence[str | int] | Mapping[str, str | int | None]


class Reader:
    """The reading connection of the event loop: the one in use, or a new one."""

    def __init__(self, path: Path, accept: Callable[[Head], None]) -> None:
        """``accept`` is asked about the end of the log at every new connection."""
        self._path = path
        self._accept = accept
        self._connection: sqlite3.Connection | None = None
        self._file: datafile.Identity | None = None

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

    def close(self) -> None:
        """Let go of the file; the next question opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _readable(self) -> sqlite3.Connection:
        file = datafile.identity(self._path)
        if file != self._file:
            self.close()
        if self._connection is None:
            connection = sqlite3.connect(uri(self._path, "ro"), uri=True, timeout=READ_BUSY_SECONDS)
            try:
                self._accept(end(connection))
            except (sqlite3.Error, LogRefused):
                connection.close()
                raise
            self._connection, self._file = connection, file
        return self._connection
