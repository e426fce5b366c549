"""What a service has kept, read from its file as a program outside would."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from holdfire import evidence
from holdfire.archive import Published, read
from holdfire.evidence import Evidence
from holdfire.ledger.entry import Entry, Kind, decode
from holdfire.record import Record
from holdfire.store import Store
from holdfire.store.sqlite import SqliteStore

T = TypeVar("T")


def asked(folder: Path, question: Callable[[Store], Awaitable[T]]) -> T:
    """What a store that is only read answers."""

    async def ask() -> T:
        store = await SqliteStore.open(folder / "holdfire.db", writing=False)
        try:
            return await question(store)
        finally:
            await store.close()

    return asyncio.run(ask())


def records(folder: Path) -> list[Record]:
    """Every record, in the order of the log."""

    async def scan(store: Store) -> list[Record]:
        return [record async for record in store.scan()]

    return asked(folder, scan)


def proofs(folder: Path) -> list[Evidence]:
    """The evidence of every record."""
    return [evidence.read(record) for record in records(folder)]


def entries(folder: Path) -> list[Entry]:
    """Every entry of the newest log."""

    async def all_of_them(store: Store) -> list[Entry]:
        head = (await store.heads())[-1]
        return [decode(entry) for entry in await store.entries(head.log, 0, head.size)]

    return asked(folder, all_of_them)


def statements(folder: Path) -> list[Published]:
    """What the sites have published, in the order of the log."""

    async def scan(store: Store) -> list[Published]:
        return [
            msgspec.json.decode(said.body, type=Published)
            async for said in store.statements(Kind.CONFIG)
        ]

    return asked(folder, scan)


def body(folder: Path, digest: str) -> bytes | None:
    """What is kept under a digest."""
    return asked(folder, lambda store: read(store, digest))
