"""Erased bytes go from the SQLite file even if the first attempt to have them gone came to nothing."""

import sqlite3
from pathlib import Path

import pytest

from holdfire.errors import StoreUnavailable
from holdfire.record import Erasure
from holdfire.store import sqlite_writing
from holdfire.store.sqlite import SqliteStore
from stores import SITE, act, visitor

ANN = Erasure("subject", "request", 0, SITE, visitor("ann"))


async def test_an_erasure_that_is_done_again_writes_the_file_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a sweep that failed, and after a process that died before its own, the next one is whole."""
    whole: list[bool] = []
    sweep = sqlite_writing._sweep

    def failing(db: sqlite3.Connection, *, rewrite: bool) -> bool:
        whole.append(rewrite)
        if len(whole) == 1:
            raise sqlite3.OperationalError("disk I/O error")
        return sweep(db, rewrite=rewrite)

    monkeypatch.setattr(sqlite_writing, "_sweep", failing)
    store = await SqliteStore.open(tmp_path / "holdfire.db")
    await store.append(act("e1"))
    with pytest.raises(StoreUnavailable):
        await store.erase(ANN)
    assert [await store.erase(ANN) for _ in range(2)] == [0, 0]
    await store.close()
    again = await SqliteStore.open(tmp_path / "holdfire.db")
    assert [await again.erase(ANN) for _ in range(2)] == [0, 0]
    await again.close()
    assert whole == [True, True, False, True, False]
