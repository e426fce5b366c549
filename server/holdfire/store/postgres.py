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
import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Self
from urllib.parse import urlsplit

import asyncpg

from holdfire.errors import ConfigError, LogRefused, Problem, StoreUnavailable
from holdfire.record import Artefact, Draft, Erasure, Head, Part, Said, Statement
from holdfire.store import Appended, paging, postgres_reading, postgres_writing
from holdfire.store.batching import UNAVAILABLE, GroupCommit, RefusedRows
from holdfire.store.fence import Fence
from holdfire.store.placement import Random
from holdfire.store.postgres_migrating import MIGRATION_SECONDS, migrate
from holdfire.store.postgres_reading import Parameter, Questions
from holdfire.store.work import Batch, Discard, Keep, Outcome, Publish, Reopen, Step

logger = logging.getLogger(__name__)

# A caller is told within two seconds that the server is not there: no connection can be had, or
# the one that was had does not answer.
CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.0

# One for the committing task, the rest for lookups, which are shorter than a millisecond.
CONNECTIONS = 8

# How long a lookup without a visitor goes by the last time the log was read for one. Most lookups
# have none, and need not each go to the server. The first failure of any question ends it.
READABLE_SECONDS = 1.0

# Tables up to this size are rewritten after an erasure, which takes a second and lets nobody in.
# Of a larger one the space of erased rows is given free, and their bytes go as it is used again.
REWRITE_BYTES = 64 * 1024 * 1024

# How long an erasure waits for a table that others are reading.
SWEEP_SECONDS = 30.0
SWEEP_AGAIN_SECONDS = 0.1

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

_BYTES = "SELECT pg_total_relation_size($1::text::regclass)"

# What the rows themselves can be at fault for: a constraint, a number or a text past its type. The
# driver finds some of it before it sends, and says ValueError.
_ROWS_AT_FAULT = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError, ValueError)

_OUTAGES = (
    OSError,  # which TimeoutError is one of
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ValueError,  # a text or number that the driver cannot send
    postgres_writing.Moved,
)

# Without the address itself, and without the driver's words on it: either may hold the password.
_NO_ADDRESS = Problem(
    file="settings",
    key="database",
    what="this is not the address of a PostgreSQL database",
    remedy="write it as postgresql://user:password@host:5432/name",
)


class PostgresStore(Questions):
    """``Store`` over a PostgreSQL database: the contract is there. Made by ``open``."""

    def __init__(
        self,
        url: str,
        clock: Callable[[], float],
        *,
        host: str,
        random: Random,
        fence: Fence | None,
    ) -> None:
        super().__init__()
        self._url = url
        self._clock = clock
        self._host = host
        self._random = random
        self._fence = fence or Fence()
        self._readable_until = -math.inf
        self._closed = False
        self._pool: asyncpg.Pool | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._verified = False
        self._commits = GroupCommit(self._commit)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        host: str = "localhost",
        random: Random = secrets.token_bytes,
        fence: Fence | None = None,
    ) -> Self:
        """Open the database at ``postgresql://…`` and bring its tables up to date.

        ``clock`` is monotonic, in seconds; it says how old the answer of ``readable`` is. ``host``
        is in the origin of each log that is opened from now on.

        A server that does not answer now stops nothing, nor does a log that the ``fence`` refuses:
        the store opens, raises ``StoreUnavailable``, and mends itself when the server is back.

        Raises ``ConfigError`` if the address is none, or another release wrote the database.
        """
        store = cls(url, clock, host=host, random=random, fence=fence)
        try:
            await store._connected()
        except ValueError as error:
            await store.close()
            raise ConfigError((_NO_ADDRESS,)) from error
        except (*_OUTAGES, LogRefused) as error:
            _log_outage("at start", error)
        except BaseException:  # cancelled too: no task or connection stays; nothing is lost
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
            count += await group.ask(Step(erasure, places), int)
        await self._sweep(erasure.part)
        return count

    async def reopen(self, statement: Statement) -> Head:
        """See ``Store.reopen``."""
        return await self._group().ask(Reopen(statement), Head)

    async def readable(self) -> None:
        """See ``Store.readable``. A success holds for a second, or until anything fails."""
        self._fence.require()
        if self._closed or self._clock() >= self._readable_until:
            await self.rows(postgres_reading.READABLE)
            self._readable_until = self._clock() + READABLE_SECONDS

    async def ready(self) -> None:
        """See ``Store.ready``."""
        await self._group().probe()

    @property
    def waiting(self) -> int:
        """See ``Store.waiting``."""
        return self._commits.waiting

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
        await self.rounds.close()

    def _group(self) -> GroupCommit:
        self._fence.require()
        return self._commits

    async def rows(self, sql: str, *parameters: Parameter) -> list[Any]:
        """What a question is answered with."""
        self._fence.require()
        async with self._session() as connection:
            return list(await connection.fetch(sql, *parameters))

    async def _sweep(self, part: Part) -> None:
        """Have the erased bytes gone from the tables."""
        loop = asyncio.get_running_loop()
        until = loop.time() + SWEEP_SECONDS
        async with self._aside() as connection:
            for table in postgres_writing.TABLES_OF[part]:
                while not await _swept(connection, table):
                    if loop.time() > until:
                        logger.warning("record store: a reader keeps what was erased in %s", table)
                        return
                    await asyncio.sleep(SWEEP_AGAIN_SECONDS)

    @asynccontextmanager
    async def _aside(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of its own, for what takes long and is no transaction."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._connected()
                connection = await asyncpg.connect(self._url, server_settings=_SETTINGS)
            try:
                await connection.execute("SET statement_timeout = 0")
                yield connection
            finally:
                await connection.close(timeout=CONNECT_SECONDS)
        except _OUTAGES as error:
            raise StoreUnavailable(UNAVAILABLE) from error

    async def _commit(self, batch: Batch) -> Sequence[Outcome]:
        """What ``GroupCommit`` asks for: one transaction. Only its task gets here."""
        self._fence.require()
        try:
            async with self._session() as connection:
                if not self._verified:
                    await postgres_writing.verify(connection)
                    self._verified = True
                try:
                    return await postgres_writing.write(connection, batch, self._host, self._random)
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
                self._attempt.add_done_callback(_heard)
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
            init=self._accept,
        )
        try:
            async with pool.acquire() as connection:
                await migrate(connection, _shown(self._url))
        except BaseException:  # cancelled too: no pool stays behind; nothing is lost
            pool.terminate()
            raise
        self._pool = pool
        self._verified = False  # whatever this server is, it is not taken for the one before

    async def _accept(self, connection: asyncpg.Connection) -> None:
        """Have the fence look at the end of the log, before this connection is anyone's to use.

        Twice if need be: more may have been signed while the answer to the first look was awaited.
        """
        try:
            self._fence.accept(await postgres_writing.end(connection))
        except LogRefused:
            self._fence.accept(await postgres_writing.end(connection))


async def _leave(_: asyncpg.Connection) -> None:
    """Reset nothing between two uses: no session state is ever set. Saves a round trip."""


async def _swept(connection: asyncpg.Connection, table: str) -> bool:
    """Vacuum a table; whether nobody was in the way."""
    size = await connection.fetchval(_BYTES, table)
    how = "FULL, ANALYZE" if size <= REWRITE_BYTES else "ANALYZE"
    try:
        await connection.execute(f"VACUUM ({how}) {table}", timeout=MIGRATION_SECONDS)
    except asyncpg.LockNotAvailableError:
        return False
    return True


def _heard(attempt: asyncio.Task[None]) -> None:
    """Take note of how it ended, though whoever asked may have given up waiting."""
    if not attempt.cancelled():
        attempt.exception()


def _shown(url: str) -> str:
    """The address as an operator may see it: without user and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _log_outage(when: str, error: BaseException) -> None:
    # Only the first line: those after it (DETAIL) quote rows.
    text = str(error).partition("\n")[0]
    logger.error("record store: cannot write %s: %s: %s", when, type(error).__name__, text)
