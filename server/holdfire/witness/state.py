"""What was cosigned last for each log, in a SQLite file: the memory that a witness consists of.

What is compared and what is written is one transaction, and it is on the disk before anything is
signed (write-ahead log, ``synchronous=FULL``). ``SIGKILL`` is safe at every instruction.
"""

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from holdfire.errors import ConfigError, Problem
from holdfire.law import Value
from holdfire.ledger.merkle import EMPTY_ROOT, is_consistent
from holdfire.ledger.submission import Submission
from holdfire.store import datafile

VERSION = 1
BUSY_SECONDS = 5.0  # somebody looks at the file with a tool
REMEDY = "name a file in a folder that can be written"

_TABLES = (
    """
    CREATE TABLE latest (
        origin TEXT PRIMARY KEY,
        size   INTEGER NOT NULL CHECK (size >= 0),
        root   BLOB NOT NULL CHECK (length(root) = 32),
        note   BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TRIGGER latest_grows BEFORE UPDATE ON latest
    WHEN NEW.origin <> OLD.origin OR NEW.size < OLD.size
        OR NEW.size = OLD.size AND NEW.root <> OLD.root
    BEGIN
        SELECT RAISE(ABORT, 'a log only grows');
    END
    """,
    """
    CREATE TRIGGER latest_new BEFORE INSERT ON latest
    WHEN EXISTS (SELECT 1 FROM latest WHERE origin = NEW.origin)
    BEGIN
        SELECT RAISE(ABORT, 'a log is known once');
    END
    """,
    """
    CREATE TRIGGER latest_kept BEFORE DELETE ON latest BEGIN
        SELECT RAISE(ABORT, 'nothing is forgotten');
    END
    """,
    f"PRAGMA user_version = {VERSION}",
)


class Conflict(Exception):
    """The request starts from another checkpoint than the one cosigned last, which has ``size``."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the checkpoint cosigned last has size {size}")
        self.size = size


class Inconsistent(Exception):
    """The proof does not show that the log has only grown."""


class StateUnavailable(Exception):
    """What was cosigned last cannot be read or written: nothing is signed, come back later."""


class Latest(Value, frozen=True):
    """The checkpoint of one log that was cosigned last."""

    origin: str
    size: int
    root: bytes


class State:
    """The open file. Every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it. Raises ``ConfigError``, also if another witness has it open."""
        self._turns = threading.Lock()
        try:
            self._claim = datafile.claim(path)
        except ConfigError as error:
            what = "another witness has it open"
            raise unusable(path, what, "stop that one, or name another file") from error
        except OSError as error:
            raise unusable(path, str(error.strerror), REMEDY) from error
        try:
            self._db = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._prepare(path)
        except sqlite3.Error as error:
            os.close(self._claim)
            raise unusable(path, str(error), REMEDY) from error

    def advance(self, asked: Submission, clock: Callable[[], float]) -> int:
        """Take the checkpoint for the latest of its log, durably, if it goes on from the one that is.

        Returns when that was, in seconds since 1970: the time to be signed, at which no larger one
        was known. Raises ``Conflict``, ``Inconsistent`` or ``StateUnavailable``, nothing changed.
        """
        with self._turns:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    self._compare_and_write(asked)
                    moment = int(clock())
                    self._db.execute("COMMIT")
                finally:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
            except sqlite3.Error as error:
                raise StateUnavailable(str(error)) from error
        return moment

    def latest(self) -> tuple[Latest, ...]:
        """What was cosigned last for each log. Raises ``StateUnavailable``."""
        with self._turns:
            try:
                found = self._db.execute("SELECT origin, size, root FROM latest ORDER BY origin")
                return tuple(Latest(*row) for row in found.fetchall())
            except sqlite3.Error as error:
                raise StateUnavailable(str(error)) from error

    def close(self) -> None:
        """Let go of the file."""
        with self._turns:
            self._db.close()
            os.close(self._claim)

    def _compare_and_write(self, asked: Submission) -> None:
        head = asked.head
        found = self._db.execute(
            "SELECT size, root FROM latest WHERE origin = ?", (head.origin,)
        ).fetchone()
        size, root = found or (0, EMPTY_ROOT)
        if asked.old != size or (head.size == size and head.root != root):
            raise Conflict(size)
        if not is_consistent(size, root, head.size, head.root, asked.path):
            raise Inconsistent
        if found is None:
            write = "INSERT INTO latest (size, root, note, origin) VALUES (?, ?, ?, ?)"
        else:
            write = "UPDATE latest SET size = ?, root = ?, note = ? WHERE origin = ?"
        self._db.execute(write, (head.size, head.root, asked.note.encode(), head.origin))

    def _prepare(self, path: Path) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._db.execute("BEGIN IMMEDIATE")
            for statement in _TABLES:
                self._db.execute(statement)
            self._db.execute("COMMIT")
        elif version != VERSION:
            what = f"is of version {version}, this release knows {VERSION}"
            raise unusable(path, what, "run the release that wrote it")


def unusable(path: Path, what: str, remedy: str) -> ConfigError:
    """Why a witness cannot begin with this file."""
    return ConfigError((Problem(str(path), "state", what, remedy),))
