"""Who has acted since: what a cache of newest acts may go by, and the question that fills one."""

import asyncio
import itertools
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from holdfire.errors import EventConflict, LogRefused, StoreUnavailable
from holdfire.record import Draft, Erasure, Part, Record
from holdfire.store import MOST_NEWS, MOST_STANDINGS, Mark, Standing, Store, paging, sqlite_writing
from holdfire.store.fence import Fence
from holdfire.store.postgres import PostgresStore
from holdfire.store.postgres_reading import NEWS, Parameter
from holdfire.store.sqlite import SqliteStore
from postgres import Cluster
from stores import (
    SITE,
    Database,
    PostgresDatabase,
    SqliteDatabase,
    act,
    append_all,
    campaign,
    erasure,
    note,
    visitor,
)

TURN = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()) * 1000
ANN, BOB = (SITE, visitor("ann")), (SITE, visitor("bob"))


async def mark_of(store: Store) -> Mark:
    """Now, as the store tells it."""
    news = await store.news(None)
    assert news is not None
    return news.mark


async def named(store: Store, since: Mark) -> set[tuple[str, str]] | None:
    """Who has acted since; ``None`` for anybody."""
    news = await store.news(since)
    if news is None:
        return set()
    return None if news.visitors is None else set(news.visitors)


def standing(record: Record) -> Standing:
    """What is to be said of a record."""
    return Standing(record.seq, record.log, record.log_index, record.evidence)


# ---------------------------------------------------------------- the newest act of each


async def test_standings_are_the_newest_act_of_each(store: Store) -> None:
    """Of everybody who is known, the highest ``seq``, and of nobody else."""
    await append_all(store, [act(f"e{i}", of=f"v{i % 7}", body=f"{i}") for i in range(20)])
    await store.append(act("other", of="v0", site="other"))
    asked = [visitor(f"v{i}") for i in range(9)]
    found = await store.standings(SITE, asked)
    assert set(found) == set(asked[:7])
    for name in asked[:7]:
        latest = await store.latest(SITE, name)
        assert latest is not None
        assert found[name] == standing(latest)
    assert await store.standings(SITE, []) == {}
    assert await store.standings("nowhere", asked) == {}


async def test_standings_of_many_are_those_of_each(store: Store) -> None:
    """However many are asked about, and in whatever order and how often."""
    for start in range(0, MOST_STANDINGS, 500):
        drafts = [act(f"e{i}", of=f"v{i}") for i in range(start, start + 500)]
        assert all(answer.fresh for answer in await append_all(store, drafts))
    asked = [visitor(f"v{i}") for i in range(MOST_STANDINGS)]
    found = await store.standings(SITE, asked)
    for start in range(0, MOST_STANDINGS, 50):
        part = asked[start : start + 50]
        assert await store.standings(SITE, [*reversed(part), *part]) == {n: found[n] for n in part}
    with pytest.raises(ValueError, match="at most"):
        await store.standings(SITE, [*asked, visitor("one more")])


@pytest.mark.parametrize("part", ["subject", "record"])
async def test_who_is_erased_has_no_standing(store: Store, part: Part) -> None:
    """Neither subject nor record may be gone; who acts again stands anew."""
    await append_all(store, [act("e1"), act("e2"), act("e3", of="bob")])
    await store.erase(erasure(part, of="ann"))
    assert set(await store.standings(SITE, [ANN[1], BOB[1]])) == {BOB[1]}
    again = (await store.append(act("e4", body="reject"))).record
    assert (await store.standings(SITE, [ANN[1]]))[ANN[1]] == standing(again)


async def test_a_standing_is_the_latest_while_an_erasure_is_under_way(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far it has come: the oldest act goes first, and the visitor with the last one."""
    monkeypatch.setattr(paging, "STEP", 1)
    await append_all(store, [act(f"e{i}", of=f"v{i % 2}") for i in range(8)])
    erasing = asyncio.create_task(store.erase(erasure("subject")))
    asked = [visitor("v0"), visitor("v1")]
    while not erasing.done():
        await asyncio.sleep(0)
        before = [await store.latest(SITE, name) for name in asked]
        found = await store.standings(SITE, asked)
        after = [await store.latest(SITE, name) for name in asked]
        for name, *latest in zip(asked, before, after, strict=True):
            assert found.get(name) in [one and standing(one) for one in latest]
    assert await erasing == 8
    assert await store.standings(SITE, asked) == {}


# ---------------------------------------------------------------- what is told


async def test_nothing_is_known_before_the_first_news(store: Store) -> None:
    """Without a mark it may be anybody; with the newest there is nothing to tell."""
    news = await store.news(None)
    assert news is not None
    assert news.visitors is None
    assert await store.news(news.mark) is None


async def test_an_act_is_told_once_it_is_acknowledged(store: Store) -> None:
    """By the name of its visitor, until the mark is taken on."""
    mark = await mark_of(store)
    await store.append(act("e0"))
    mark = await mark_of(store)  # the first log is a new log
    await store.append(act("e1"))
    await store.append(act("e2", of="bob", site="other"))
    for _ in range(2):
        assert await named(store, mark) == {ANN, ("other", BOB[1])}
    mark = await mark_of(store)
    assert await store.news(mark) is None
    await store.append(act("e3"))
    assert await named(store, mark) == {ANN}


async def test_what_is_nobodys_act_names_nobody(store: Store) -> None:
    """A repeat, a conflict, a statement, a kept checkpoint."""
    await store.append(act("e1"))
    mark = await mark_of(store)
    assert not (await store.append(act("e1"))).fresh
    with pytest.raises(EventConflict):
        await store.append(act("e1", body="reject"))
    await store.state(note())
    await store.publish(1, 1, b"note")
    await store.ready()
    assert await named(store, mark) == set()


async def test_an_act_whose_caller_was_cancelled_is_told(store: Store) -> None:
    """It is recorded all the same, and known to be before anything that comes after it."""
    await store.append(act("e0"))
    mark = await mark_of(store)
    waiting = asyncio.create_task(store.append(act("e1")))
    await asyncio.sleep(0)
    waiting.cancel()
    await store.append(act("e2", of="bob"))
    assert await named(store, mark) == {ANN, BOB}


ANYBODY: dict[str, list[Erasure | Draft | None]] = {
    "an erasure": [erasure("subject", of="ann")],
    "an erasure of records": [erasure("record")],
    "a log after a recovery": [None],
    "a log of another year": [act("e9", ms=TURN)],
    "an erasure, and acts before and after": [act("e7"), erasure("record", of="ann"), act("e8")],
}


@pytest.mark.parametrize("happening", ANYBODY.values(), ids=ANYBODY)
async def test_it_may_be_anybody(store: Store, happening: list[Erasure | Draft | None]) -> None:
    """After an erasure and in a new log nobody is named, so nobody is left out."""
    await append_all(store, [act("e1"), act("e2", of="bob")])
    mark = await mark_of(store)
    for one in happening:
        match one:
            case Erasure():
                await store.erase(one)
            case Draft():
                await store.append(one)
            case None:
                await store.reopen(note("recovered"))
    assert await named(store, mark) is None
    assert await named(store, await mark_of(store)) == set()


async def test_so_many_acts_are_told_and_no_more(store: Store) -> None:
    """One more than ``MOST_NEWS``, and it may be anybody."""
    await store.append(act("first"))
    mark = await mark_of(store)
    for start in range(0, MOST_NEWS, 500):
        await append_all(store, [act(f"e{i}", of=f"v{i}") for i in range(start, start + 500)])
    assert await named(store, mark) == {(SITE, visitor(f"v{i}")) for i in range(MOST_NEWS)}
    await store.append(act("last"))
    assert await named(store, mark) is None


async def test_a_mark_does_not_outlive_what_it_knows(database: Database) -> None:
    """A store that is opened anew leaves nobody out, whoever gave the mark."""
    before = await database.open()
    await before.append(act("e1"))
    mark = await mark_of(before)
    await before.append(act("e2"))
    await before.close()
    store = await database.open()
    told = await named(store, mark)
    assert told is None or told == {ANN}
    await store.close()


async def test_there_is_no_news_behind_a_closed_fence(database: Database) -> None:
    """Nor from a store that is closed: who goes by it must not go on."""
    fence = Fence()
    store = await database.open(fence=fence)
    await store.append(act("e1"))
    mark = await mark_of(store)
    fence.close("brought back from a copy")
    for question in (store.news(mark), store.standings(SITE, [ANN[1]])):
        with pytest.raises(LogRefused):
            await question
    await store.close()
    other = await database.open()
    mark = await mark_of(other)
    await other.close()
    for question in (other.news(mark), other.standings(SITE, [ANN[1]])):
        with pytest.raises(StoreUnavailable):
            await question


# ---------------------------------------------------------------- SQLite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a SQLite database is to be."""
    return tmp_path / "holdfire.db"


def failing(*, kept: bool) -> Callable[[sqlite3.Connection], None]:
    """A COMMIT that fails, after all is written or before."""
    commit = sqlite_writing.commit

    def fail(connection: sqlite3.Connection) -> None:
        if kept:
            commit(connection)
        raise sqlite3.OperationalError("disk I/O error")

    return fail


@pytest.mark.parametrize("durable", [False, True])
async def test_after_a_commit_that_failed_it_may_be_anybody(
    path: Path, monkeypatch: pytest.MonkeyPatch, *, durable: bool
) -> None:
    """When it fails, and again when the next one finds what it left behind."""
    store = await SqliteStore.open(path)
    await store.append(act("e0"))
    mark = await mark_of(store)
    with monkeypatch.context() as patch:
        patch.setattr(sqlite_writing, "commit", failing(kept=durable))
        with pytest.raises(StoreUnavailable):
            await store.append(act("e1"))
    assert await named(store, mark) is None
    mark = await mark_of(store)
    assert (await store.append(act("e1"))).fresh is not durable
    assert await named(store, mark) is None
    await store.close()


def move(folder: Path, where: Path) -> None:
    """All files of a database, by renaming."""
    where.mkdir(exist_ok=True)
    for file in list(folder.glob("holdfire.db*")):
        file.rename(where / file.name)


async def test_a_file_that_is_gone_is_noticed_at_once(path: Path, tmp_path: Path) -> None:
    """Removed, replaced, or renamed: no news is no good news. Brought back, it may be anybody."""
    store = await SqliteStore.open(path)
    await store.append(act("e1"))
    mark = await mark_of(store)
    away = tmp_path / "away"
    move(tmp_path, away)
    with pytest.raises(StoreUnavailable):
        await store.news(mark)
    await (await SqliteStore.open(path)).close()
    with pytest.raises(StoreUnavailable):
        await store.news(mark)
    move(tmp_path, tmp_path / "replaced")
    move(away, tmp_path)
    assert await named(store, mark) is None
    assert await store.news(await mark_of(store)) is None
    await store.close()


async def test_a_store_that_only_reads_does_not_know_who(path: Path) -> None:
    """It notices that another process has written, and no more."""
    writing = await SqliteStore.open(path)
    await writing.append(act("e1"))
    store = await SqliteStore.open(path, writing=False)
    mark = await mark_of(store)
    assert await store.news(mark) is None
    await writing.append(act("e2"))
    assert await named(store, mark) is None
    assert await store.news(await mark_of(store)) is None
    await store.close()
    await writing.close()


# ---------------------------------------------------------------- PostgreSQL


async def test_news_of_another_process_is_exact(postgres_url: str) -> None:
    """What one store has acknowledged is in what another is told next, and nothing else is."""
    store, other = [await PostgresStore.open(postgres_url) for _ in range(2)]
    await store.append(act("e0"))
    mark = await mark_of(store)
    assert await mark_of(other) == mark
    for i in range(30):
        name = f"v{i % 4}"
        await (store if i % 3 else other).append(act(f"e1-{i}", of=name))
        for one in (store, other):
            assert await named(one, mark) == {(SITE, visitor(name))}
        mark = await mark_of(store)
    await other.erase(erasure("subject", of="v1"))
    assert await named(store, mark) is None
    await store.close()
    await other.close()


class Watched(PostgresStore):
    """A store whose questions for news a test counts, and holds back when they are answered."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.questions = 0
        self.answered = asyncio.Event()
        self.let_go = asyncio.Event()
        self.let_go.set()

    async def rows(self, sql: str, *parameters: Parameter) -> list[Any]:
        """See ``PostgresStore.rows``."""
        found = await super().rows(sql, *parameters)
        if sql == NEWS:
            self.questions += 1
            self.answered.set()
            await self.let_go.wait()
        return found


async def test_all_who_ask_at_once_share_a_question(postgres_url: str) -> None:
    """A hundred callers cost the server one."""
    store = await Watched.open(postgres_url)
    mark = await mark_of(store)
    before = store.questions
    assert await asyncio.gather(*(store.news(mark) for _ in range(100))) == [None] * 100
    assert store.questions == before + 1
    await store.close()


async def test_nobody_joins_a_question_that_was_sent_before(postgres_url: str) -> None:
    """Its answer may be older than an act that was acknowledged before they asked."""
    store = await Watched.open(postgres_url)
    await store.append(act("e0"))
    mark = await mark_of(store)
    store.answered.clear()
    store.let_go.clear()
    early = asyncio.create_task(store.news(mark))
    await store.answered.wait()
    await store.append(act("e1"))
    late = asyncio.create_task(named(store, mark))
    store.let_go.set()
    assert await early is None
    assert await late == {ANN}
    await store.close()


async def test_closing_leaves_nobody_waiting(postgres_url: str) -> None:
    """Who asked before the end is answered, or told that there is no answer."""
    store = await PostgresStore.open(postgres_url)
    asking = [asyncio.create_task(store.news(None)) for _ in range(3)]
    await asyncio.sleep(0)
    await store.close()
    for answer in await asyncio.gather(*asking, return_exceptions=True):
        assert isinstance(answer, StoreUnavailable) or getattr(answer, "visitors", ()) is None


async def test_a_server_that_was_started_anew_may_have_forgotten(
    postgres_url: str, postgres_cluster: Cluster
) -> None:
    """After it, nothing that was read before it is held for true."""
    store = await PostgresStore.open(postgres_url)
    await store.append(act("e1"))
    mark = await mark_of(store)
    postgres_cluster.stop()
    try:
        for question in (store.news(mark), store.standings(SITE, [ANN[1]])):
            with pytest.raises(StoreUnavailable):
                await question
    finally:
        postgres_cluster.start()
    async with asyncio.timeout(20):
        while True:
            with suppress(StoreUnavailable):
                assert await named(store, mark) is None
                break
    await store.close()


async def until_some_wait(shell: PostgresDatabase) -> None:
    """Return when somebody waits for a lock."""
    async with asyncio.timeout(20):
        while not await shell.sql("SELECT 1 FROM pg_locks WHERE NOT granted"):
            continue


async def test_giving_up_in_the_middle_leaves_the_pool_whole(postgres_url: str) -> None:
    """Callers who have no more patience leave no connection behind, and the next is answered."""
    store, blocking = [await PostgresStore.open(postgres_url) for _ in range(2)]
    await store.append(act("e1"))
    mark = await mark_of(store)
    shell = PostgresDatabase(postgres_url)
    async with blocking._session() as connection:
        await connection.execute("BEGIN")
        await connection.execute("LOCK TABLE record IN ACCESS EXCLUSIVE MODE")
        questions: list[Awaitable[Any]] = [store.standings(SITE, [ANN[1]]) for _ in range(30)]
        asking = [asyncio.ensure_future(one) for one in (*questions, store.news(mark))]
        await until_some_wait(shell)
        for one in asking:
            one.cancel()
        given_up = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(one) for one in given_up} == {asyncio.CancelledError}
        await connection.execute("ROLLBACK")
    found = await asyncio.gather(*(store.standings(SITE, [ANN[1]]) for _ in range(30)))
    assert all(set(one) == {ANN[1]} for one in found)
    assert await store.news(mark) is None
    used = await shell.sql("SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction'")
    assert used == []
    await store.close()
    await blocking.close()


# ---------------------------------------------------------------- a cache that goes by it


numbers = itertools.count()
VISITORS = ("ann", "bob", "cid")
names = st.sampled_from(VISITORS)
events = st.integers(0, 12)  # few, so that they meet again
bodies = st.sampled_from(["accept", "reject"])
parts: st.SearchStrategy[Part] = st.sampled_from(["subject", "record"])


class Following(RuleBasedStateMachine):
    """A cache of newest acts, kept by ``news`` alone, over a store that others write too."""

    database: ClassVar[Database]

    def __init__(self) -> None:
        super().__init__()
        self.site = f"site-{next(numbers)}"
        self.runner = asyncio.Runner()
        self.store: Store = self.runner.run(self.database.open())
        self.other = self.store
        if isinstance(self.database, PostgresDatabase):
            self.other = self.runner.run(self.database.open())
        self.mark: Mark | None = None
        self.cache: dict[str, tuple[Record | None, Standing | None]] = {}

    async def follow(self) -> None:
        """Ask for news, and forget whom it names."""
        news = await self.store.news(self.mark)
        if news is None:
            return
        self.mark = news.mark
        if news.visitors is None:
            self.cache.clear()
        for site, name in news.visitors or ():
            if site == self.site:
                self.cache.pop(name, None)

    async def fill(self, name: str) -> None:
        """Read what is not known, and keep it unless there was news meanwhile."""
        await self.follow()
        mark = self.mark
        read = await self.read(name)
        if self.mark == mark:
            self.cache.setdefault(name, read)

    async def read(self, name: str) -> tuple[Record | None, Standing | None]:
        """What the store says now."""
        found = await self.store.standings(self.site, [name])
        return await self.store.latest(self.site, name), found.get(name)

    def draft(self, event: int, name: str, body: str) -> Draft:
        """An act of this site."""
        return act(f"e{event}", of=name, site=self.site, body=body)

    @rule(name=names)
    def look(self, name: str) -> None:
        """Somebody is asked about."""
        self.runner.run(self.fill(visitor(name)))

    @rule(batch=st.lists(st.tuples(events, names, bodies), min_size=1, max_size=4), looked=names)
    def write(self, batch: list[tuple[int, str, str]], looked: str) -> None:
        """Acts, of which the cache hears while it asks about somebody itself."""

        async def together() -> None:
            drafts = [self.draft(*members) for members in batch]
            await asyncio.gather(
                append_all(self.other, drafts),
                append_all(self.store, drafts[1:]),
                self.fill(visitor(looked)),
                self.follow(),
            )

        self.runner.run(together())

    @rule(event=events, name=names, kept=st.booleans())
    def fail(self, event: int, name: str, *, kept: bool) -> None:
        """A commit of which nobody knows whether it is durable; only SQLite's is had so cheaply."""
        with (
            pytest.MonkeyPatch.context() as patch,
            suppress(StoreUnavailable, EventConflict),
        ):
            patch.setattr(sqlite_writing, "commit", failing(kept=kept))
            self.runner.run(self.other.append(self.draft(event, name, "accept")))

    @rule(part=parts, name=st.none() | names)
    def erase(self, part: Part, name: str | None) -> None:
        """Of one visitor, or of all."""
        self.runner.run(self.other.erase(erasure(part, of=name, site=self.site)))

    @rule()
    def open_another_log(self) -> None:
        """As after a recovery."""
        self.runner.run(self.other.reopen(note("recovered")))

    @rule()
    def restart(self) -> None:
        """The store is opened anew, and somebody still has the old mark."""
        same = self.other is self.store
        self.runner.run(self.store.close())
        self.store = self.runner.run(self.database.open())
        self.other = self.store if same else self.other

    @invariant()
    def nothing_is_out_of_date(self) -> None:
        """Once it has asked for news, the cache says what the store says."""
        self.runner.run(self.follow())
        for name, kept in self.cache.items():
            latest, stands = self.runner.run(self.read(name))
            assert kept == (latest, stands)
            assert stands == (latest and standing(latest))

    def teardown(self) -> None:
        """Let go of the stores and their loop."""
        for one in {self.store, self.other}:
            self.runner.run(one.close())
        self.runner.close()


def follow(database: Database, *, examples: int, steps: int) -> None:
    """Run a campaign over one database."""

    class Here(Following):
        pass

    Here.database = database
    campaign(Here, examples=examples, steps=steps)


def test_a_cache_that_goes_by_the_news_is_never_out_of_date(database: Database) -> None:
    """Whatever the order of acts, failures, erasures, new logs, restarts and questions."""
    follow(database, examples=12 if isinstance(database, SqliteDatabase) else 5, steps=15)


@pytest.mark.long
def test_a_cache_is_never_out_of_date_for_long(database: Database) -> None:
    """The same over more and longer histories."""
    follow(database, examples=200, steps=50)
