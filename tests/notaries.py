"""A store with its notary, without a service round it: for tests of what is signed, and when."""

import contextlib
import io
import os
import secrets
import shutil
import sqlite3
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from holdfire import app, cli
from holdfire.ledger import checkpoint, note
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.notary import Notary
from holdfire.notary.audit import Audit, Finding
from holdfire.notary.publisher import Publisher
from holdfire.settings import Settings
from holdfire.store import Store
from house import Clock, settings
from stores import act

ORIGIN = "localhost/log/2026"


@dataclass
class World:
    """One instance: its store, behind its fence, and what signs it."""

    store: Store
    notary: Notary
    publisher: Publisher
    clock: Clock

    async def grow(self, count: int, name: str = "act", **members: Any) -> None:
        """Append so many acts of different visitors, and sign what there is."""
        ms = int(self.clock() * 1000)
        for number in range(count):
            event = f"{name}-{number}-{secrets.token_hex(4)}"
            await self.store.append(act(event, of=f"{name} {number}", ms=ms, **members))
        await self.publisher.step()

    async def signed(self, log: int = 1) -> Checkpoint:
        """The newest checkpoint, its signatures verified by every key of its log."""
        data = await self.store.checkpoint(log)
        assert data is not None
        parsed = note.parse(data)
        found = checkpoint.parse(parsed.text)
        assert note.verify(parsed, self.notary.keys.verifiers(found.origin))
        return found

    async def signers(self, log: int = 1) -> list[str]:
        """The ids of the keys that signed the newest checkpoint."""
        data = await self.store.checkpoint(log)
        assert data is not None
        return [signature.id.hex() for signature in note.parse(data).signatures]

    @property
    def refused(self) -> str | None:
        """Why nothing goes on."""
        return self.notary.fence.reason


@asynccontextmanager
async def world(
    folder: Path, clock: Clock | None = None, database: str = "", **more: Any
) -> AsyncIterator[World]:
    """Open an instance in a folder, as a start of the service does."""
    chosen = settings(folder, **({"database": database} if database else {}), **more)
    moved = clock or Clock()
    notary = Notary.open(chosen, clock=moved, random=secrets.token_bytes)
    store = await app.open_store(chosen, fence=notary.fence)
    try:
        yield World(store, notary, await notary.begin(store), moved)
    finally:
        await store.close()


async def audit(
    folder: Path, clock: Clock | None = None, *, full: bool = True, chosen: Settings | None = None
) -> Sequence[Finding]:
    """What ``holdfire log fsck`` finds."""
    chosen = chosen or settings(folder)
    moved = clock or Clock()
    notary = Notary.open(chosen, clock=moved, random=secrets.token_bytes)
    store = await app.open_store(chosen, writing=False)
    try:
        made = Audit(store, notary.anchor, notary.keys, int(moved() * 1000))
        return [finding async for finding in made.findings(full=full)]
    finally:
        await store.close()


class Ran(NamedTuple):
    """What a command did."""

    returncode: int
    stdout: str
    stderr: str


def command(folder: Path, *arguments: str) -> Ran:
    """Run ``holdfire …`` over the instance in a folder, in this process."""
    surroundings = {
        "HOLDFIRE_DATABASE": f"sqlite:///{folder}/holdfire.db",
        "HOLDFIRE_DATA_DIR": str(folder / "var"),
    }
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, surroundings),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        ThreadPoolExecutor(1) as aside,  # the test may have an event loop running in this thread
    ):
        code = aside.submit(cli.main, arguments).result()
    return Ran(code, out.getvalue(), err.getvalue())


def copy(folder: Path, name: str) -> None:
    """Keep a copy of the database, as a backup would."""
    source = sqlite3.connect(folder / "holdfire.db")
    target = sqlite3.connect(folder / name)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()


def put_back(folder: Path, name: str) -> None:
    """Put a copy in the place of the database."""
    for path in folder.glob("holdfire.db-*"):
        path.unlink()
    shutil.copy(folder / name, folder / "put back")
    (folder / "put back").replace(folder / "holdfire.db")


def sql(folder: Path, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements as somebody with a shell could, triggers out of the way."""
    connection = sqlite3.connect(folder / "holdfire.db", isolation_level=None)
    try:
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        found: list[tuple[Any, ...]] = []
        for statement in statements:
            found = connection.execute(statement).fetchall()
        return found
    finally:
        connection.close()
