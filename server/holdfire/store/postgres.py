"""The store in PostgreSQL: any number of processes, on any number of machines.

Processes take turns by the row lock on ``head``, held from the moment a batch is placed until its
COMMIT, so the order of the log is the order of commits. A process that dies gives the lock up with
its connection; one that stalls loses it after ``idle_in_transaction_session_timeout``.

A crash is safe everywhere: before COMMIT nothing has happened, after it everything has, and at
``synchronous_commit=on`` COMMIT returns when the server, and its synchronous standbys if it has
any, have the transaction on disk. If the answer to COMMIT is lost the act may have been recorded;
sending it again finds it.
"""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Self
from urllib.parse import urlsplit

import asyncpg
import msgspec

from holdfire.errors import ConfigError, Problem, StoreUnavailable
from holdfire.model import Draft, Record
from holdfire.store import Appended, schema
from holdfire.store.batching import UNAVAILABLE, GroupCommit, RefusedRows
from holdfire.store.placing import Head, Outcome, Standing, place

logger = logging.getLogger(__name__)

# A caller is told within two seconds that the server is not there: no connection can be had, or
# the one that was had does not answer.
CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.0

# One for the committing task, the rest for lookups, which are shorter than a millisecond.
CONNECTIONS = 8

# A migration may have tables to rewrite. Past this the server is taken to have died on the way.
MIGRATION_SECONDS = 600.0

# How long a lookup without a visitor goes by the last time the log was read for one. Most lookups
# have none, and need not each go to the server. The first failure of any question ends it.
READABLE_SECONDS = 1.0

# Records held in memory by a scan: 1 MB of usual ones, 64 MB of the largest there can be.
PAGE = 512

# Any number that is ours: it keeps two processes from creating the tables at once.
MIGRATION_LOCK = 0x686F6C64

_SETTINGS = {
    "application_name": "holdfire",
    "synchronous_commit": "on",
    # Shorter than our own patience, so that the server says what happened before we hang up.
    "lock_timeout": "1500ms",
    "statement_timeout": "1500ms",
    "idle_in_transaction_session_timeout": "3s",
    # Every query here goes by a key. A plan that was made while the tables were small must not
    # read them whole when they are large.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}

# `*` is the columns of table record, which are the fields of model.Record, in order.
_LATEST = "SELECT * FROM record WHERE site = $1 AND visitor = $2 ORDER BY seq DESC LIMIT 1"
_HISTORY = "SELECT * FROM record WHERE site = $1 AND visitor = $2 ORDER BY seq DESC LIMIT $3"
_SIZE = "SELECT size FROM head"
_READABLE = "SELECT 1 FROM head"
_PAGE = """
    SELECT * FROM record
    WHERE log_index >= $1 AND log_index < $2 AND ($3::text IS NULL OR site = $3)
    ORDER BY log_index
"""

_HEAD = "SELECT size, last_ms FROM head WHERE id = 1 FOR UPDATE"
_STANDINGS = """
    SELECT
        (SELECT coalesce(max(seq), 0) FROM record
         WHERE site = asked.site AND visitor = asked.visitor),
        known.*
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY
        AS asked (site, visitor, event_id, place)
    LEFT JOIN record AS known ON known.site = asked.site AND known.event_id = asked.event_id
    ORDER BY asked.place
"""
_ADVANCE = """
    UPDATE head SET size = $1, last_ms = $2, beat = beat + 1 WHERE id = 1 AND size = $3
    RETURNING size
"""
_INSERT = """
    INSERT INTO record SELECT * FROM unnest(
        $1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[],
        $6::bytea[], $7::bigint[], $8::bytea[], $9::bytea[])
"""
_ENDS = "SELECT size, (SELECT coalesce(max(log_index) + 1, 0) FROM record) FROM head"
_MIGRATED = "SELECT to_regclass('migration') IS NOT NULL"
_MIGRATE = "SELECT pg_advisory_xact_lock($1)"
_MIGRATIONS = "CREATE TABLE IF NOT EXISTS migration (number integer PRIMARY KEY, name text)"
_APPLIED = "SELECT coalesce(max(number), 0) FROM migration"

# What the rows themselves can be at fault for: a constraint, a number or a text past its type. The
# driver finds some of it before it sends, and says ValueError.
_ROWS_AT_FAULT = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError, ValueError)

_OUTAGES = (
    OSError,  # which TimeoutError is one of
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ValueError,  # a text or number that the driver cannot send
)


# Without the address itself, and without the driver's words on it: either may hold the password.
_NO_ADDRESS = Problem(
    file="settings",
    key="database",
    what="this is not the address of a PostgreSQL database",
    remedy="write it as postgresql://user:password@host:5432/name",
)


class PostgresStore:
    """``Store`` over a PostgreSQL database: the contract is there. Made by ``open``."""

    def __init__(self, url: str, clock: Callable[[], float]) -> None:
        self._url = url
        self._clock = clock
        self._readable_until = -math.inf
        self._closed = False
        self._pool: asyncpg.Pool | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._verified = False
        self._commits = GroupCommit(self._commit)

    @classmethod
    async def open(cls, url: str, *, clock: Callable[[], float] = time.monotonic) -> Self:
        """Open the database at ``postgresql://…`` and bring its tables up to date.

        ``clock`` is monotonic, in seconds; it says how old the answer of ``readable`` is.

        A server that does not answer now stops nothing: the store opens, raises
        ``StoreUnavailable``, and mends itself when the server is back.

        Raises ``ConfigError`` if the address is none, or a newer release wrote the database.
        """
        store = cls(url, clock)
        try:
            await store._connected()
        except ValueError as error:
            await store.close()
            raise ConfigError((_NO_ADDRESS,)) from error
        except _OUTAGES as error:
            _log_outage("at start", error)
        except BaseException:  # cancelled too: no task or connection stays; nothing is lost
            await store.close()
            raise
        return store

    async def append(self, draft: Draft) -> Appended:
        """See ``Store.append``."""
        return await self._commits.append(draft)

    async def readable(self) -> None:
        """See ``Store.readable``. A success holds for a second, or until anything fails."""
        if self._closed or self._clock() >= self._readable_until:
            await self._rows(_READABLE)
            self._readable_until = self._clock() + READABLE_SECONDS

    async def ready(self) -> None:
        """See ``Store.ready``."""
        await self._commits.probe()

    async def latest(self, site: str, visitor: str) -> Record | None:
        """See ``Store.latest``."""
        rows = await self._rows(_LATEST, site, visitor)
        return Record(*rows[0]) if rows else None

    async def history(self, site: str, visitor: str, limit: int) -> tuple[Record, ...]:
        """See ``Store.history``."""
        return tuple(Record(*row) for row in await self._rows(_HISTORY, site, visitor, limit))

    async def size(self) -> int:
        """See ``Store.size``."""
        return int((await self._rows(_SIZE))[0][0])

    async def scan(self, site: str | None = None, after: int = -1) -> AsyncIterator[Record]:
        """See ``Store.scan``. Between pages it holds no connection and no snapshot.

        A page is a range of the key, so one of a site with few records takes no longer than another.
        """
        end = await self.size()
        for start in range(after + 1, end, PAGE):
            for row in await self._rows(_PAGE, start, min(start + PAGE, end), site):
                yield Record(*row)

    async def close(self) -> None:
        """See ``Store.close``."""
        await self._commits.close()
        self._closed = True
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.wait([self._attempt])
        if self._pool is not None:
            # Nothing of ours is under way, so nothing is lost by not saying goodbye for long.
            with suppress(*_OUTAGES):
                await asyncio.wait_for(self._pool.close(), CONNECT_SECONDS)
            self._pool = None

    async def _rows(self, sql: str, *parameters: str | int | None) -> list[Any]:
        async with self._session() as connection:
            return list(await connection.fetch(sql, *parameters))

    async def _commit(self, drafts: Sequence[Draft]) -> Sequence[Outcome]:
        """What ``GroupCommit`` asks for: one transaction. Only its task gets here."""
        try:
            async with self._session() as connection:
                if not self._verified:
                    await _verify(connection)
                    self._verified = True
                try:
                    return await _write(connection, drafts)
                except _ROWS_AT_FAULT as error:
                    raise RefusedRows from error
        except StoreUnavailable as error:
            _log_outage("while writing", error.__cause__ or error)
            raise

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection for a short piece of work, which must leave no transaction open."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                pool = await self._connected()
                connection = await pool.acquire()
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    yield connection
            except TimeoutError:
                # A silent server: the other connections to it would each cost someone the same
                # wait, so all of them go, and the next caller starts over.
                pool.terminate()
                if self._pool is pool:
                    self._pool = None
                raise
            except BaseException:  # a cancelled caller too; lost is this connection
                # It may be in the middle of anything; hung up on, the server rolls that back. One
                # that the server hung up on first is no longer ours to end.
                with suppress(asyncpg.InterfaceError):
                    connection.terminate()
                raise
            finally:
                await pool.release(connection)
        except _OUTAGES as error:
            self._readable_until = -math.inf
            raise StoreUnavailable(UNAVAILABLE) from error

    async def _connected(self) -> asyncpg.Pool:
        """The pool. The first to ask prepares it, the others wait for the same attempt.

        A caller that gives up leaves the attempt to itself: a migration may take its time.
        """
        if self._closed:
            raise StoreUnavailable("The record store is closed.")
        if self._pool is None:
            if self._attempt is None or self._attempt.done():
                self._attempt = asyncio.create_task(self._prepare())
            await asyncio.shield(self._attempt)
        return self._pool

    async def _prepare(self) -> None:
        """Connect and migrate; only then is the pool anyone's to use."""
        pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=CONNECTIONS,
            timeout=CONNECT_SECONDS,
            command_timeout=ANSWER_SECONDS,
            server_settings=_SETTINGS,
            reset=_leave,
        )
        try:
            async with pool.acquire() as connection:
                await _migrate(connection, _shown(self._url))
        except BaseException:  # cancelled too: no pool stays behind; nothing is lost
            pool.terminate()
            raise
        self._pool = pool
        self._verified = False  # whatever this server is, it is not taken for the one before


async def _leave(_: asyncpg.Connection) -> None:
    """Reset nothing between two uses: no session state is ever set. Saves a round trip."""


async def _migrate(connection: asyncpg.Connection, database: str) -> None:
    """Bring the tables up to date. With nothing to do, it needs no right but to read."""
    applied = 0
    if await connection.fetchval(_MIGRATED):
        applied = await connection.fetchval(_APPLIED)
    if not schema.pending(schema.POSTGRES, applied, database):
        return
    async with connection.transaction():
        await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
        await connection.execute(_MIGRATE, MIGRATION_LOCK, timeout=MIGRATION_SECONDS)
        await connection.execute(_MIGRATIONS)
        # Again, behind the lock: another process may have done it meanwhile.
        applied = await connection.fetchval(_APPLIED)
        for number, migration in schema.pending(schema.POSTGRES, applied, database):
            for statement in migration.statements:
                await connection.execute(statement, timeout=MIGRATION_SECONDS)
            await connection.execute(
                "INSERT INTO migration VALUES ($1, $2)", number, migration.name
            )


async def _verify(connection: asyncpg.Connection) -> None:
    """Refuse to extend a log whose head is not its end: it was changed behind our back."""
    size, end = await connection.fetchrow(_ENDS)
    if size != end:
        raise asyncpg.InternalClientError(f"the head says {size} records, the log holds {end}")


async def _write(connection: asyncpg.Connection, drafts: Sequence[Draft]) -> Sequence[Outcome]:
    """One batch in one transaction. A crash before COMMIT returns leaves nothing acknowledged.

    READ COMMITTED is enough, and needed: each statement after the lock sees all that was committed
    before it was granted.
    """
    await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
    head = Head(*await connection.fetchrow(_HEAD))
    rows = await connection.fetch(
        _STANDINGS,
        [draft.site for draft in drafts],
        [draft.visitor for draft in drafts],
        [draft.event_id for draft in drafts],
    )
    standings = [Standing(row[0], None if row[1] is None else Record(*row[1:])) for row in rows]
    placement = place(drafts, standings, head)
    after = placement.head
    if not await connection.fetch(_ADVANCE, after.size, after.last_ms, head.size):
        raise asyncpg.InternalClientError("the head moved under its lock")
    if placement.rows:
        columns = zip(*map(msgspec.structs.astuple, placement.rows), strict=True)
        await connection.execute(_INSERT, *map(list, columns))
    await connection.execute("COMMIT")
    return placement.outcomes


def _shown(url: str) -> str:
    """The address as an operator may see it: without user and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _log_outage(when: str, error: BaseException) -> None:
    # Only the first line: those after it (DETAIL) quote rows.
    text = str(error).partition("\n")[0]
    logger.error("record store: cannot write %s: %s: %s", when, type(error).__name__, text)
