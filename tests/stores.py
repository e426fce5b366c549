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
import pytest

from holdfire.model import Draft
from holdfire.store import Store, schema
from holdfire.store.postgres import PostgresStore
from holdfire.store.sqlite import SqliteStore

SITE = "demo"


class SqliteDatabase:
    """A file in a folder of the test."""

    refusal: type[Exception] = sqlite3.IntegrityError
    migrations = schema.SQLITE

    def __init__(self, path: Path) -> None:
        self.path = path

    async def open(self) -> Store:
        """Open a store over it."""
        return await SqliteStore.open(self.path)

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
    migrations = schema.POSTGRES

    def __init__(self, url: str) -> None:
        self.url = url

    async def open(self) -> Store:
        """Open a store over it."""
        return await PostgresStore.open(self.url)

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


async def append_all(store: Store, drafts: list[Draft]) -> list[Any]:
    """Append at the same time; what each caller got, its exception included."""
    return await asyncio.gather(*map(store.append, drafts), return_exceptions=True)
