"""Both stores, behind one fixture, with a door for whoever has the database's own shell.

A pytest plugin: a test that asks for ``database`` runs once over SQLite and once over PostgreSQL.
"""

import asyncio
import base64
import hashlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import hypothesis
import pytest
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from holdfire.record import Draft, Erasure, Part, Statement
from holdfire.store import Store
from holdfire.store.postgres import PostgresStore
from holdfire.store.postgres_tables import POSTGRES
from holdfire.store.sqlite import SqliteStore
from holdfire.store.sqlite_tables import SQLITE

SITE = "demo"


class SqliteDatabase:
    """A file in a folder of the test."""

    refusal: type[Exception] = sqlite3.IntegrityError
    migrations = SQLITE

    def __init__(self, path: Path) -> None:
        self.path = path

    async def open(self, **options: Any) -> Store:
        """Open a store over it."""
        return await SqliteStore.open(self.path, **options)

    def place(self, log: int, index: int) -> str:
        """The key of a row about an entry, in SQL."""
        return f"({log} << 40) + {index}"

    def blob(self, data: bytes) -> str:
        """Bytes in SQL."""
        return f"x'{data.hex()}'"

    async def raw(self) -> bytes:
        """Every byte that is kept."""
        files = [self.path, self.path.with_name(f"{self.path.name}-wal")]
        return b"".join(file.read_bytes() for file in files if file.exists())

    async def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement behind the store's back, as an operator with a shell could."""
        connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()


class PostgresDatabase:
    """A place on the throw-away server."""

    refusal: type[Exception] = asyncpg.IntegrityConstraintViolationError
    migrations = POSTGRES

    def __init__(self, url: str) -> None:
        self.url = url

    async def open(self, **options: Any) -> Store:
        """Open a store over it."""
        return await PostgresStore.open(self.url, **options)

    def place(self, log: int, index: int) -> str:
        """The key of a row about an entry, in SQL."""
        return f"{log}, {index}"

    def blob(self, data: bytes) -> str:
        """Bytes in SQL."""
        return f"'\\x{data.hex()}'::bytea"

    async def raw(self) -> bytes:
        """Every byte of every table and index, as they are on the disk."""
        await self.sql("CHECKPOINT")
        files = await self.sql(
            "SELECT pg_read_binary_file(pg_relation_filepath(oid)) FROM pg_class"
            " WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'i', 't')"
        )
        return b"".join(row[0] for row in files)

    async def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement behind the store's back, as an operator with a shell could."""
        connection = await asyncpg.connect(self.url)
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()


Database = SqliteDatabase | PostgresDatabase


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty database of each kind in turn."""
    if request.param == "sqlite":
        return SqliteDatabase(tmp_path / "holdfire.db")
    return PostgresDatabase(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    """An open store over an empty database."""
    opened = await database.open()
    yield opened
    await opened.close()


def visitor(name: str) -> str:
    """The pseudonym of a visitor the test calls by name: 22 characters, as all are."""
    return base64.urlsafe_b64encode(hashlib.sha256(name.encode()).digest())[:22].decode()


def act(
    event_id: str, *, of: str = "ann", site: str = SITE, ms: int = 0, body: str = "accept"
) -> Draft:
    """An act to record. The same event id with another ``body`` is another act."""
    return Draft(
        site=site,
        visitor=visitor(of),
        event_id=event_id,
        fingerprint=hashlib.sha256(body.encode()).digest(),
        recorded_ms=ms,
        evidence=body.encode(),
        subject=of.encode(),
    )


def note(text: str = "note", *, ms: int = 0, repeats: bool = True) -> Statement:
    """A note of the operator."""
    body = f'{{"text":"{text}"}}'.encode()
    return Statement(kind=6, site=None, body=body, recorded_ms=ms, repeats=repeats)


def erasure(
    part: Part, *, of: str | None = None, site: str = SITE, ms: int = 0, settled: int | None = None
) -> Erasure:
    """What is to be erased: of one visitor, or of all, or of those that have not acted since."""
    return Erasure(
        part=part,
        why="request",
        recorded_ms=ms,
        site=site,
        visitor=of and visitor(of),
        settled_before_ms=settled,
    )


async def size(store: Store) -> int:
    """How many entries there are, in all logs."""
    return sum(head.size for head in await store.heads())


async def until_unknown(store: Store, of: str) -> None:
    """Wait until an erasure that is under way has taken this visitor."""
    async with asyncio.timeout(20):
        while True:
            if await store.latest(SITE, visitor(of)) is None:
                return
            await asyncio.sleep(0)


async def append_all(store: Store, drafts: list[Draft]) -> list[Any]:
    """Append at the same time; what each caller got, its exception included."""
    return await asyncio.gather(*map(store.append, drafts), return_exceptions=True)


def campaign(machine: type[RuleBasedStateMachine], *, examples: int, steps: int) -> None:
    """Run a state machine over so many histories of so many steps."""
    run_state_machine_as_test(
        machine,
        settings=hypothesis.settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=[hypothesis.HealthCheck.too_slow],
        ),
    )
