"""What the SQLite store promises beside the contract: one writer, private files, honest failure."""

import asyncio
import os
import re
import resource
import sqlite3
import stat
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from holdfire.errors import ConfigError, StoreUnavailable
from holdfire.record import Draft
from holdfire.store import sqlite, sqlite_reading, sqlite_writing
from holdfire.store.sqlite import SqliteStore
from stores import SITE, SqliteDatabase, act, append_all, erasure, size, until_unknown, visitor
from test_store import RIGHT, body_at, copy_of_the_first
from whole_log import check_log

NOBODY = 65_534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is to be: in a folder that is not there yet."""
    return tmp_path / "var" / "holdfire.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    """An open store over an empty database."""
    opened = await SqliteStore.open(path)
    yield opened
    await opened.close()


# ---------------------------------------------------------------- the files


async def test_the_files_are_their_owners_alone(store: SqliteStore, path: Path) -> None:
    """Folder 0700, every file in it 0600: the log holds what people chose."""
    await store.append(act("e1"))
    await size(store)
    files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert files == dict.fromkeys(
        ("holdfire.db", "holdfire.db-shm", "holdfire.db-wal", "holdfire.db.lock"), 0o600
    )
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def ask(sql: str) -> Callable[[sqlite3.Connection], list[Any]]:
    """A question to the writing connection."""
    return lambda connection: connection.execute(sql).fetchall()


async def test_commits_wait_for_the_disk(store: SqliteStore) -> None:
    """The writing connection logs ahead and syncs at every commit."""
    assert store._writer is not None
    for setting, value in (
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("secure_delete", 1),
        ("auto_vacuum", 2),
    ):
        ((found,),) = await store._writer.do(ask(f"PRAGMA {setting}"))
        assert found == value


QUERIES = {
    "latest": sqlite_reading.LATEST,
    "standings": sqlite_reading.STANDINGS,
    "history": sqlite_reading.HISTORY,
    "page": sqlite_reading.PAGE,
    "blocks": sqlite_reading.BLOCKS,
    "said": sqlite_reading.SAID,
    "statements": sqlite_reading.STATEMENTS,
    "entries": sqlite_reading.ENTRIES,
    "nodes": sqlite_reading.NODES,
    "due": sqlite_reading.DUE,
    "due of a visitor": sqlite_reading.DUE_OF_A_VISITOR,
    "find": sqlite_writing.FIND,
    "standing": sqlite_writing._STANDING,
    "newest": sqlite_writing._NEWEST,
    "erased": sqlite_writing._ERASED,
    "forget": sqlite_writing._FORGET,
}


def parameters(query: str) -> int:
    """How many values it asks for, by number or one after another."""
    return len(set(re.findall(r"\?\d", query))) or query.count("?")


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
async def test_every_query_goes_by_a_key(store: SqliteStore, path: Path, query: str) -> None:
    """No question reads the whole table, however large it grows."""
    await store.append(act("e1"))
    named = re.findall(r":(\w+)", query)
    values = dict.fromkeys(named, "[]") if named else ["1"] * parameters(query)
    with closing(sqlite3.connect(path)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", values)]
    given = ("asked", "place", "CONSTANT", "subquery")  # what is asked for, not what is stored
    scans = [step for step in plan if "SCAN" in step]
    assert [step for step in scans if not any(word in step for word in given)] == []


async def test_a_row_cannot_be_replaced(store: SqliteStore, path: Path) -> None:
    """REPLACE, which deletes without asking the DELETE trigger, is refused as well."""
    await append_all(store, [act("e0", ms=60_000), act("e1", of="bob", ms=60_000)])
    database = SqliteDatabase(path)
    await database.sql("UPDATE head SET size = 4, beat = beat + 1")
    body = database.blob(body_at(60_000))
    await database.sql(f"INSERT INTO entry VALUES (1, 2, {body})")  # noqa: S608 - the test's own words
    statements = [
        *(
            copy_of_the_first(database, **{**RIGHT, **flaw})
            for flaw in ({"index": 1}, {"event": "e1"}, {"seq": 1})
        ),
        f"INSERT INTO entry VALUES (1, 1, {body})",  # noqa: S608 - the test's own words
        "INSERT INTO person SELECT number + 1, site, visitor, key FROM person WHERE number = 1",
        "INSERT INTO evidence SELECT place, salt, x'00' FROM evidence WHERE log_index = 1",
        "INSERT INTO subject SELECT place, zeroblob(60) FROM subject WHERE log_index = 1",
        "INSERT INTO log VALUES (1, 'another')",
        "INSERT INTO log VALUES (2, 'localhost/log/1970')",
        "INSERT INTO head SELECT * FROM head",
    ]
    for statement in statements:
        with pytest.raises(sqlite3.IntegrityError):
            await database.sql(statement.replace("INSERT", "INSERT OR REPLACE"))
    assert await database.sql("SELECT event_id FROM record") == [("e0",), ("e1",)]


# ---------------------------------------------------------------- one writing process


async def test_a_second_process_is_refused(store: SqliteStore, path: Path) -> None:
    """The start stops with the remedy while another process writes the database."""
    program = (
        "import asyncio, pathlib, sys\n"
        "from holdfire.store.sqlite import SqliteStore\n"
        "asyncio.run(SqliteStore.open(pathlib.Path(sys.argv[1])))\n"
    )
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, path, stderr=asyncio.subprocess.PIPE
    )
    _, said = await other.communicate()
    assert b"ConfigError" in said
    assert b"another process is writing this database" in said
    assert b"postgresql://" in said
    assert (await store.append(act("e1"))).fresh


async def test_a_second_store_of_the_same_process_is_refused(
    store: SqliteStore, path: Path
) -> None:
    """The claim is the store's, not the process's; closing gives it up."""
    with pytest.raises(ConfigError):
        await SqliteStore.open(path)
    await store.close()
    await (await SqliteStore.open(path)).close()


async def test_a_reader_sees_what_the_writer_records(store: SqliteStore, path: Path) -> None:
    """Opened for reading, a store works beside the writing one and refuses to write."""
    reader = await SqliteStore.open(path, writing=False)
    for i in range(2):
        await store.append(act(f"e{i}"))
        latest = await reader.latest(SITE, visitor("ann"))
        assert latest is not None
        assert latest.event_id == f"e{i}"
    assert [record.log_index async for record in reader.scan()] == [0, 1]
    with pytest.raises(StoreUnavailable):
        await reader.append(act("e2"))
    with pytest.raises(StoreUnavailable):
        await reader.ready()
    await reader.close()


async def test_a_reader_needs_a_database(path: Path) -> None:
    """Opening for reading creates nothing."""
    with pytest.raises(StoreUnavailable):
        await SqliteStore.open(path, writing=False)
    assert not path.parent.exists()


@pytest.mark.usefixtures("store")
async def test_a_reader_refuses_a_newer_schema(path: Path) -> None:
    """A reader is as careful as a writer about what it does not know."""
    await SqliteDatabase(path).sql("INSERT INTO migration VALUES (99, 'from the future')")
    with pytest.raises(ConfigError):
        await SqliteStore.open(path, writing=False)


# ---------------------------------------------------------------- what erasing leaves


async def populate(store: SqliteStore) -> None:
    """Some hundred visitors with two acts each."""
    for start in range(0, 400, 200):
        await append_all(store, [act(f"e{i}", of=f"v{i // 2}") for i in range(start, start + 200)])


async def test_an_erasure_waits_for_who_still_reads(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader keeps the write-ahead log from being emptied; when it ends, the bytes go."""
    monkeypatch.setattr(sqlite, "SWEEP_AGAIN_SECONDS", 0.01)
    await populate(store)
    database = SqliteDatabase(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM person").fetchall()
        erasing = asyncio.create_task(store.erase(erasure("record", of="v7")))
        await until_unknown(store, "v7")
        await store.append(act("later"))
        assert not erasing.done()
        assert visitor("v7").encode() in await database.raw()
    assert await erasing == 2
    assert visitor("v7").encode() not in await database.raw()


async def test_an_erasure_does_not_wait_for_ever(
    store: SqliteStore,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The records are erased all the same; the operator is told why their bytes are not gone yet."""
    monkeypatch.setattr(sqlite, "SWEEP_SECONDS", 0)
    await populate(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM person").fetchall()
        assert await store.erase(erasure("record", of="v7")) == 2
    assert [said for said in caplog.messages if "a reader keeps what was erased" in said]
    assert await store.erase(erasure("record", of="v7")) == 0
    assert visitor("v7").encode() not in await SqliteDatabase(path).raw()


async def test_a_large_file_is_not_written_anew(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its erased rows are overwritten where they stood, and the room they had is given back."""
    monkeypatch.setattr(sqlite_writing, "REWRITE_BYTES", 0)
    monkeypatch.setattr(sqlite_writing, "SWEEP_PAGES", 10)
    monkeypatch.setattr(sqlite, "SWEEP_AGAIN_SECONDS", 0)
    await append_all(store, [large(f"e{i}", of=f"v{i}") for i in range(20)])
    database = SqliteDatabase(path)
    await store.erase(erasure("subject", of="nobody"))
    before = len(await database.raw())
    found = await database.sql(
        "SELECT visitor, key, salt FROM person JOIN record ON person = number"
        " JOIN evidence USING (place) ORDER BY place LIMIT 10"
    )
    secrets = [part for name, key, salt in found for part in (name.encode(), key, salt)]
    raw = await database.raw()
    assert all(secret in raw for secret in secrets)
    for i in range(10):
        assert await store.erase(erasure("record", of=f"v{i}")) == 1
    raw = await database.raw()
    assert [secret for secret in secrets if secret in raw] == []
    assert len(raw) < before - 10 * 60_000
    await check_log(store)


async def test_a_subject_that_does_not_open_is_empty(store: SqliteStore, path: Path) -> None:
    """One that was altered, or put in the place of another, is not shown; the rest is."""
    await append_all(store, [act("e1"), act("e2"), act("e3")])
    database = SqliteDatabase(path)
    await database.sql("DROP TRIGGER subject_unchanged")
    await database.sql(
        "UPDATE subject SET sealed = (SELECT sealed FROM subject WHERE log_index = 1)"
        " WHERE log_index = 2"
    )
    found = [record async for record in store.scan()]
    assert [record.subject for record in found] == [b"ann", b"ann", b""]
    assert {record.visitor for record in found} == {visitor("ann")}
    blocks = await store.blocks(1, 2)
    assert blocks is not None
    assert (blocks.subject, blocks.subject_salt, blocks.evidence) == (b"", b"", b"accept")
    latest = await store.latest(SITE, visitor("ann"))
    assert latest == found[2]


# ---------------------------------------------------------------- when the disk fails


def large(event_id: str, of: str = "ann") -> Draft:
    """An act that does not fit into what the files already have."""
    return structs.replace(act(event_id, of=of), evidence=bytes(60_000))


@contextmanager
def no_file_may_grow(folder: Path) -> Iterator[None]:
    """The kernel refuses to make files larger, as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(file.stat().st_size for file in folder.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_refuses_writes_and_mends_itself(store: SqliteStore, path: Path) -> None:
    """Nothing is acknowledged while the disk is full, reads go on, and then writes do."""
    first = (await store.append(act("e1"))).record
    with no_file_may_grow(path.parent):
        for _ in range(2):
            for answer in await append_all(store, [large(f"e{i}") for i in range(2, 9)]):
                assert isinstance(answer, StoreUnavailable)
        assert await store.latest(SITE, visitor("ann")) == first
    await store.ready()
    again = await append_all(store, [large(f"e{i}") for i in range(2, 5)])
    assert [answer.record.log_index for answer in again] == [1, 2, 3]
    assert [record.log_index async for record in store.scan()] == [0, 1, 2, 3]


async def test_a_database_at_its_limit_refuses_writes(store: SqliteStore) -> None:
    """What SQLite itself calls full is a store that is not available, not an answer."""
    assert store._writer is not None
    await store._writer.do(ask("PRAGMA max_page_count = 1"))
    with pytest.raises(StoreUnavailable) as refused:
        await store.append(large("e1"))
    assert "full" in str(refused.value.__cause__)
    assert "full" not in str(refused.value)
    assert (await store.append(large("e1"))).record.log_index == 0


async def test_a_failed_commit_fails_its_whole_batch(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If COMMIT fails nobody is told otherwise, and the next batch starts over."""

    def fail(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    drafts = [act(f"e{i}") for i in range(5)]
    with monkeypatch.context() as patch:
        patch.setattr(sqlite_writing, "commit", fail)
        answers = await append_all(store, drafts)
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 5
    assert await size(store) == 0
    assert all(answer.fresh for answer in await append_all(store, drafts))


async def test_an_act_whose_commit_was_not_known_to_succeed_is_found_again(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failed but persisted: sent again, the act is answered with the record it had made."""
    commit = sqlite_writing.commit

    def commit_and_fail(connection: sqlite3.Connection) -> None:
        commit(connection)
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(sqlite_writing, "commit", commit_and_fail)
        with pytest.raises(StoreUnavailable):
            await store.append(act("e1"))
    again = await store.append(act("e1"))
    assert (again.fresh, again.record.log_index) == (False, 0)
    assert await size(store) == 1


@contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """Folder and files are read-only, to a user whom that binds."""
    user = os.geteuid()
    modes = {file: file.stat().st_mode for file in [folder, *folder.iterdir()]}
    for file in modes:
        file.chmod(0o555 if file.is_dir() else 0o444)
    try:
        if user == 0:
            os.seteuid(NOBODY)
        yield
    finally:
        os.seteuid(user)
        for file, mode in modes.items():
            file.chmod(mode)


async def test_a_read_only_disk_does_not_stop_the_start() -> None:
    """The service starts without being able to write, says so, and mends itself."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "holdfire.db"
        before = await SqliteStore.open(path)
        await before.append(act("e1"))
        await before.close()
        with unwritable(path.parent):
            store = await SqliteStore.open(path)
            for question in (store.append(act("e2")), store.ready()):
                with pytest.raises(StoreUnavailable):
                    await question
        assert (await store.append(act("e2"))).record.log_index == 1
        await store.close()


# ---------------------------------------------------------------- when the file is lost


def put_away(path: Path) -> None:
    """Rename the database with all that belongs to it."""
    for file in list(path.parent.glob(f"{path.name}*")):
        file.rename(file.with_name(f"away-{file.name}"))


def bring_back(path: Path) -> None:
    """Undo ``put_away``; nothing may have been put in the way of the log."""
    assert not path.exists()
    for file in list(path.parent.glob("away-*")):
        file.rename(file.with_name(file.name.removeprefix("away-")))


def remove(path: Path) -> None:
    """Delete the database with all that belongs to it."""
    for file in list(path.parent.glob(f"{path.name}*")):
        file.unlink()


def put_a_folder_there(path: Path) -> None:
    """Rename the database, and give its name to a folder."""
    put_away(path)
    path.mkdir()


def put_an_empty_file_there(path: Path) -> None:
    """Rename the database, and give its name to a file with nothing in it."""
    put_away(path)
    path.touch()


async def refuses_everything(store: SqliteStore) -> None:
    """No question to the store is answered, neither at first nor when it is asked again."""
    for _ in range(2):
        for question in (
            store.append(act("e9")),
            store.append(act("e1")),
            store.ready(),
            store.readable(),
            store.latest(SITE, visitor("ann")),
            store.latest(SITE, visitor("bob")),
            store.history(SITE, visitor("ann"), 50),
            store.heads(),
            anext(store.scan()),
        ):
            with pytest.raises(StoreUnavailable):
                await question


@pytest.mark.parametrize("lose", [put_away, remove, put_a_folder_there, put_an_empty_file_there])
async def test_a_lost_file_answers_nothing(
    store: SqliteStore, path: Path, lose: Callable[[Path], None]
) -> None:
    """What is open still, but has no name any more, is neither written to nor read."""
    await store.append(act("e1"))
    assert await store.latest(SITE, visitor("ann"))
    lose(path)
    await refuses_everything(store)


async def test_a_lost_file_that_comes_back_is_gone_on_with(store: SqliteStore, path: Path) -> None:
    """The store mends itself when the log is there again, and has lost nothing."""
    first = (await store.append(act("e1"))).record
    put_away(path)
    await refuses_everything(store)
    bring_back(path)
    await store.readable()
    assert await store.latest(SITE, visitor("ann")) == first
    assert (await store.append(act("e2"))).record.log_index == 1


async def test_a_copy_in_place_of_the_file_is_gone_on_with(store: SqliteStore, path: Path) -> None:
    """A log that holds all that was acknowledged is the log, whichever file it is in."""
    first = (await store.append(act("e1"))).record
    await SqliteDatabase(path).sql(f"VACUUM INTO '{path.with_name('away-holdfire.db')}'")
    remove(path)
    bring_back(path)
    assert await store.latest(SITE, visitor("ann")) == first
    assert (await store.append(act("e2"))).record.log_index == 1
    reopened = await SqliteStore.open(path, writing=False)
    assert [record.event_id async for record in reopened.scan()] == ["e1", "e2"]
    await reopened.close()


async def test_a_shorter_log_in_place_of_the_file_needs_a_restart(
    store: SqliteStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No index is acknowledged twice by one process; the operator is told why, once."""
    await append_all(store, [act(f"e{i}") for i in range(3)])
    remove(path)
    other = await SqliteStore.open(path)
    await other.append(act("other"))
    await other.close()
    await refuses_everything(store)
    told = [said for said in caplog.messages if "held 3 entries" in said]
    assert len(told) == 1
    assert "log 1 holds 1;" in told[0]
    assert "restart" in told[0]
    await store.close()
    restarted = await SqliteStore.open(path)
    assert (await restarted.append(act("e9"))).record.log_index == 1
    await restarted.close()


async def test_records_found_at_the_start_are_not_lost_either(path: Path) -> None:
    """A log that was there before this process is not begun anew by it."""
    before = await SqliteStore.open(path)
    await before.append(act("e1"))
    await before.close()
    store = await SqliteStore.open(path)
    remove(path)
    await refuses_everything(store)
    await store.close()


async def test_a_reader_is_as_careful_about_its_file(store: SqliteStore, path: Path) -> None:
    """Opened for reading, a store says nothing from a file that was removed or lost records."""
    await store.append(act("e1"))
    reader = await SqliteStore.open(path, writing=False)
    assert await size(reader) == 1
    await store.close()
    remove(path)
    await refuses_everything(reader)
    await (await SqliteStore.open(path)).close()
    await refuses_everything(reader)
    await reader.close()


async def test_a_file_lost_under_a_commit_acknowledges_nothing(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit into a file that was removed meanwhile is refused to its whole batch."""
    await store.append(act("e0"))
    commit = sqlite_writing.commit

    def lose_and_commit(connection: sqlite3.Connection) -> None:
        put_away(path)
        commit(connection)

    with monkeypatch.context() as patch:
        patch.setattr(sqlite_writing, "commit", lose_and_commit)
        answers = await append_all(store, [act(f"e{i}") for i in range(1, 4)])
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 3
    bring_back(path)
    again = await append_all(store, [act(f"e{i}") for i in range(1, 4)])
    assert [answer.record.log_index for answer in again] == [1, 2, 3]


async def test_a_claim_lost_with_the_file_is_made_anew(store: SqliteStore, path: Path) -> None:
    """Who comes back to a file that another process has begun to write leaves it to that one."""
    remove(path)
    other = await SqliteStore.open(path)
    with pytest.raises(StoreUnavailable):
        await store.append(act("e1"))
    assert (await other.append(act("e1"))).record.log_index == 0
    await other.close()
    assert (await store.append(act("e2"))).record.log_index == 1
    with pytest.raises(ConfigError):
        await SqliteStore.open(path)


async def test_who_is_cancelled_while_a_file_is_opened_leaves_no_thread_behind(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread would answer an event loop that may be closed by then."""
    begun, may_open = threading.Event(), threading.Event()
    connect = sqlite3.connect

    def slow(*arguments: Any, **more: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            begun.set()
            may_open.wait()
        return connect(*arguments, **more)

    async def scan() -> None:
        async with aclosing(store.scan()) as records:
            async for _record in records:
                pass

    monkeypatch.setattr(sqlite3, "connect", slow)
    scanning = asyncio.create_task(scan())
    await asyncio.to_thread(begun.wait)
    scanning.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not scanning.done()
    may_open.set()
    with pytest.raises(asyncio.CancelledError):
        await scanning
