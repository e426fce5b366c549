"""The contract of ``holdfire.store.Store``, held to by both stores."""

import asyncio
import itertools
from typing import Any

import pytest
from msgspec import structs

from holdfire.errors import ConfigError, EventConflict, Overloaded, StoreUnavailable
from holdfire.ledger import entry
from holdfire.ledger.entry import Entry, Kind
from holdfire.record import Artefact
from holdfire.store import Store
from holdfire.store.batching import MAX_BATCH, MAX_WAITING
from stores import SITE, Database, act, append_all, erasure, note, size, visitor
from whole_log import check_log

# ---------------------------------------------------------------- a record's place


async def test_records_are_numbered_from_zero_without_a_gap(store: Store) -> None:
    """Each new act takes the next index of the log."""
    indices = [(await store.append(act(f"e{i}", of=f"v{i}"))).record.log_index for i in range(5)]
    assert indices == [0, 1, 2, 3, 4]
    assert await size(store) == 5


async def test_acts_are_numbered_for_each_visitor_of_each_site(store: Store) -> None:
    """``seq`` counts from 1 for one visitor of one site, whatever others do meanwhile."""
    drafts = [
        act("e1", of="ann"),
        act("e2", of="bob"),
        act("e3", of="ann"),
        act("e4", of="ann", site="other"),
        act("e5", of="ann"),
    ]
    assert [(await store.append(draft)).record.seq for draft in drafts] == [1, 1, 2, 1, 3]


async def test_a_record_holds_exactly_what_was_drafted(store: Store) -> None:
    """Every field of the draft comes back byte for byte, from the answer and from the log."""
    draft = structs.replace(
        act("e1", ms=1_795_262_400_123), evidence=bytes(range(256)), subject=b""
    )
    record = (await store.append(draft)).record
    drafted = structs.asdict(draft)
    for name in ("after", "config", "flags", "kind"):  # which are in the entry, or in nothing
        drafted.pop(name)
    assert structs.asdict(record) == {"log": 1, "log_index": 0, "seq": 1, **drafted}
    assert await store.find(SITE, "e1") == record
    assert [kept async for kept in store.scan()] == [record]


async def test_the_newest_act_is_told_by_its_number_and_place(store: Store) -> None:
    """It is that of ``latest``, and gone with the visitor."""
    assert await store.newest(SITE, visitor("ann")) is None
    await store.append(act("e1", of="ann"))
    await store.append(act("e2", of="bob"))
    last = (await store.append(act("e3", of="ann"))).record

    assert await store.newest(SITE, last.visitor) == (last.seq, last.log, last.log_index)
    assert await store.newest("other", last.visitor) is None
    await store.erase(erasure("subject", of="ann"))
    assert await store.newest(SITE, last.visitor) is None


async def test_an_act_is_found_for_the_visitor_whose_it_is(store: Store) -> None:
    """For anybody else, at another site, or by another id there is none."""
    mine = (await store.append(act("e1", of="ann"))).record
    await store.append(act("e2", of="ann"))
    theirs = (await store.append(act("e3", of="bob"))).record

    assert await store.own(SITE, mine.visitor, "e1") == mine
    assert await store.own(SITE, mine.visitor, theirs.event_id) is None
    assert await store.own("other", mine.visitor, "e1") is None
    assert await store.own(SITE, "", "e1") is None
    assert await store.own(SITE, mine.visitor, "") is None


async def test_entry_times_never_go_back(store: Store) -> None:
    """When the clock is set back, the entry time stays where it was."""
    given = [1_000, 5_000, 2_000, 2_001, 6_000]
    times = [
        (await store.append(act(f"e{i}", ms=ms))).record.recorded_ms for i, ms in enumerate(given)
    ]
    assert times == [1_000, 5_000, 5_000, 5_000, 6_000]


async def test_entry_times_never_go_back_over_a_restart(database: Database) -> None:
    """A clock that is behind at the next start does not take the log back."""
    before = await database.open()
    await before.append(act("e1", ms=9_000))
    await before.close()
    after = await database.open()
    assert (await after.append(act("e2", ms=1))).record.recorded_ms == 9_000
    await after.close()


# ---------------------------------------------------------------- exactly once


async def test_the_same_act_sent_again_is_answered_with_its_record(store: Store) -> None:
    """A repeated act gets the index of the first, and nothing is written."""
    first = await store.append(act("e1", ms=1))
    again = await store.append(act("e1", ms=2))
    assert first.fresh
    assert not again.fresh
    assert again.record == first.record
    assert await size(store) == 1


async def test_the_same_act_is_known_after_a_restart(database: Database) -> None:
    """An outbox may send again to another process than the one that wrote."""
    before = await database.open()
    first = await before.append(act("e1"))
    await before.close()
    after = await database.open()
    again = await after.append(act("e1"))
    await after.close()
    assert (again.fresh, again.record) == (False, first.record)


async def test_an_event_id_used_for_another_act_is_refused(store: Store) -> None:
    """The same event id with another fingerprint is a conflict, and nothing is written."""
    first = await store.append(act("e1", body="accept"))
    with pytest.raises(EventConflict):
        await store.append(act("e1", body="reject"))
    assert await size(store) == 1
    assert await store.latest(SITE, visitor("ann")) == first.record


async def test_an_act_that_follows_another_is_written_only_while_that_is_the_newest(
    store: Store,
) -> None:
    """Whoever acted meanwhile, in the same batch or before, is not overwritten."""
    await store.append(act("e1"))
    answers = await append_all(
        store,
        [
            structs.replace(act("e2"), after=0),
            structs.replace(act("e3"), after=1),
            structs.replace(act("e4"), after=1),
            structs.replace(act("e5", of="bob"), after=0),
        ],
    )
    assert [type(answer).__name__ for answer in answers] == [
        "Overtaken",
        "Appended",
        "Overtaken",
        "Appended",
    ]
    again = await store.append(structs.replace(act("e3"), after=1))
    assert (again.fresh, again.record.seq) == (False, 2)
    assert await size(store) == 3


async def test_event_ids_belong_to_their_site(store: Store) -> None:
    """Two sites may use the same event id."""
    await store.append(act("e1", site="one"))
    assert (await store.append(act("e1", site="two", body="other"))).fresh
    assert await size(store) == 2


async def test_two_hundred_at_once_make_one_row_for_each_event(store: Store) -> None:
    """However many send the same events at the same time, each is recorded once."""
    drafts = [act(f"e{i % 50}", of=f"v{i % 7}") for i in range(350)]
    answers = await append_all(store, drafts)
    assert sum(answer.fresh for answer in answers if not isinstance(answer, EventConflict)) == 50
    by_event = {(answer.record.event_id, answer.record.log_index) for answer in answers}
    assert sorted(index for _, index in by_event) == list(range(50))
    assert [record async for record in store.scan()] == sorted(
        {answer.record.log_index: answer.record for answer in answers}.values(),
        key=lambda record: record.log_index,
    )


async def test_a_visitors_acts_at_once_are_ordered(store: Store) -> None:
    """Acts of one visitor that arrive together get successive numbers, in the log's order."""
    await append_all(store, [act(f"e{i}") for i in range(100)])
    records = [record async for record in store.scan()]
    assert [(record.log_index, record.seq) for record in records] == [
        (i, i + 1) for i in range(100)
    ]


async def test_a_conflict_fails_nobody_else_in_its_batch(store: Store) -> None:
    """Those who share a commit with a conflict are recorded."""
    await store.append(act("e0"))
    answers = await append_all(
        store, [act("e1"), act("e0", body="other"), act("e2"), act("e2", body="other"), act("e3")]
    )
    assert [type(answer).__name__ for answer in answers] == [
        "Appended",
        "EventConflict",
        "Appended",
        "EventConflict",
        "Appended",
    ]
    assert await size(store) == 4


FLAWS: dict[str, dict[str, str | bytes | int]] = {
    "long site": {"site": "s" * 65},
    "short visitor": {"visitor": "ann"},
    "no event id": {"event_id": ""},
    "short fingerprint": {"fingerprint": b"short"},
    "time past 64 bits": {"recorded_ms": 2**63},
    "no evidence": {"evidence": b""},
    "long evidence": {"evidence": bytes(65_536)},
    "long subject": {"subject": bytes(65_536)},
    "lone surrogate": {"site": "\ud800"},
    "year with five digits": {"recorded_ms": 253_402_300_800_000},
    "short digest": {"config": b"short"},
    "unknown flag": {"flags": 8},
}


@pytest.mark.parametrize("flaw", FLAWS.values(), ids=FLAWS)
async def test_a_draft_past_the_schemas_bounds_fails_alone(
    store: Store, flaw: dict[str, str | bytes | int]
) -> None:
    """A row the schema refuses is a ``ValueError`` for its caller, and no matter to its batch."""
    drafts = [act("e1"), structs.replace(act("e2"), **flaw), act("e3")]
    answers = await append_all(store, drafts)
    assert isinstance(answers[1], ValueError)
    assert [answers[i].record.event_id for i in (0, 2)] == ["e1", "e3"]
    assert await size(store) == 2


async def test_a_cancelled_caller_tears_nothing(store: Store) -> None:
    """Who stops waiting loses the answer only; its act and its batch are recorded, once."""
    tasks = [asyncio.create_task(store.append(act(f"e{i}", of=f"v{i}"))) for i in range(100)]
    await asyncio.sleep(0)  # all are in the queue now, none is committed
    for task in tasks[::2]:
        task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2])
    again = await append_all(store, [act(f"e{i}", of=f"v{i}") for i in range(100)])
    assert not any(answer.fresh for answer in again)
    assert sorted(answer.record.log_index for answer in again) == list(range(100))


async def test_more_than_the_queue_holds_is_shed(store: Store) -> None:
    """Past its bound the queue refuses at once; exactly those who were answered are recorded."""
    count = MAX_WAITING + 2 * MAX_BATCH
    answers = await append_all(store, [act(f"e{i}", of=f"v{i}") for i in range(count)])
    shed = [answer for answer in answers if isinstance(answer, Overloaded)]
    recorded = {answer.record.event_id for answer in answers if answer not in shed}
    assert shed
    assert recorded == {record.event_id async for record in store.scan()}
    assert await size(store) == count - len(shed)


# ---------------------------------------------------------------- reading


async def test_the_latest_is_the_highest_seq(store: Store) -> None:
    """A visitor's newest record is found, and nobody else's."""
    for i, of in enumerate(["ann", "bob", "ann", "bob", "ann"]):
        await store.append(act(f"e{i}", of=of))
    latest = await store.latest(SITE, visitor("bob"))
    assert latest is not None
    assert (latest.event_id, latest.seq) == ("e3", 2)


async def test_a_history_is_the_visitors_own_newest_first(store: Store) -> None:
    """All of one visitor's records on one site, and nobody else's, from the newest back."""
    for i, of in enumerate(["ann", "bob", "ann", "bob", "ann"]):
        await store.append(act(f"e{i}", of=of))
    await store.append(act("e9", of="ann", site="other"))
    history = await store.history(SITE, visitor("ann"), 50)
    assert [(record.event_id, record.seq) for record in history] == [
        ("e4", 3),
        ("e2", 2),
        ("e0", 1),
    ]
    assert history[0] == await store.latest(SITE, visitor("ann"))


async def test_a_history_ends_at_its_limit(store: Store) -> None:
    """Of more records than were asked for, the newest are given."""
    await append_all(store, [act(f"e{i}") for i in range(8)])
    history = await store.history(SITE, visitor("ann"), 3)
    assert [record.seq for record in history] == [8, 7, 6]


async def test_what_is_not_there_is_none(store: Store) -> None:
    """An unknown visitor or site is answered with nothing, once the log was read."""
    await store.append(act("e1"))
    assert await store.history(SITE, visitor("bob"), 50) == ()
    assert await store.history("other", visitor("ann"), 50) == ()
    assert await store.latest(SITE, visitor("bob")) is None
    assert await store.latest("other", visitor("ann")) is None


async def test_a_scan_gives_the_log_in_order(store: Store) -> None:
    """Records come in log order, over page after page, from any index, of one site or of all."""
    sites = itertools.cycle(["one", "two", "two"])
    await append_all(store, [act(f"e{i}", of=f"v{i}", site=next(sites)) for i in range(1_000)])

    async def indices(site: str | None = None, after: tuple[int, int] = (0, 0)) -> list[int]:
        return [record.log_index async for record in store.scan(site, after)]

    assert await indices() == list(range(1_000))
    assert await indices(after=(1, 511)) == list(range(512, 1_000))
    assert await indices("one") == list(range(0, 1_000, 3))
    assert await indices("one", (1, 600)) == list(range(603, 1_000, 3))
    assert await indices("nowhere") == []
    assert await indices(after=(1, 999)) == []


async def test_a_scan_ends_where_the_log_ended_when_it_began(store: Store) -> None:
    """A scan of a log that grows meanwhile comes to an end, and blocks no writer."""
    await append_all(store, [act(f"e{i}") for i in range(3)])
    seen = []
    async for record in store.scan():
        seen.append(record.log_index)
        await store.append(act(f"later{record.log_index}"))
    assert seen == [0, 1, 2]
    assert await size(store) == 6


async def test_a_scan_may_be_given_up(store: Store) -> None:
    """A scan left halfway leaves nothing behind that would keep the store from closing."""
    await append_all(store, [act(f"e{i}") for i in range(3)])
    scan = store.scan()
    assert (await anext(scan)).log_index == 0
    await scan.aclose()


# ---------------------------------------------------------------- the database's own refusals

FOR_EVER = ("log", "closed", "entry", "node", "statement", "tombstone")
UNTIL_ERASED = ("record", "evidence", "subject", "person")


@pytest.fixture
async def full(store: Store) -> Store:
    """A store with a row in every table, and records that nothing was erased of."""
    await append_all(store, [act(f"e{i}", of=f"v{i}", ms=5) for i in range(260)])
    await store.append(act("e260", of="gone", ms=5))
    await store.erase(erasure("subject", of="gone", ms=5))
    await store.reopen(note(ms=5))
    await append_all(store, [act("f1", of="ann", ms=7, site="other"), act("f2", of="bob", ms=7)])
    await store.keep([Artefact(digest="0" * 64, shown="sdk", body=b"x")])
    await store.publish(1, 9, b"note")
    await store.publish(1, 9, b"note", cosigned=True)
    return store


@pytest.mark.parametrize(
    "statement",
    [
        *(f"UPDATE {table} SET {column} = {column}" for table, column in [  # noqa: S608 - the test's own words
            ("log", "origin"), ("closed", "size"), ("entry", "body"), ("node", "hash"),
            ("statement", "body"), ("tombstone", "part"), ("record", "seq"), ("evidence", "body"),
            ("subject", "sealed"), ("person", "key"), ("artefact", "body"),
        ]),
        *(f"DELETE FROM {table}" for table in (*FOR_EVER, *UNTIL_ERASED, "checkpoint", "cosigned", "head")),  # noqa: S608 - the test's own words
        "UPDATE checkpoint SET size = 8",
        "UPDATE cosigned SET size = 8",
        "UPDATE head SET size = 1, beat = beat + 1",
        "UPDATE head SET last_ms = 0, beat = beat + 1",
        "UPDATE head SET beat = 0",
        "UPDATE head SET people = 0, beat = beat + 1",
        "UPDATE head SET origin = 'another', beat = beat + 1",
        "UPDATE head SET frontier = root, root = frontier, beat = beat + 1",
        "UPDATE head SET log = log + 2, size = 0, beat = beat + 1",
        "UPDATE head SET log = log + 1, size = 1, beat = beat + 1",
        "UPDATE head SET log = log - 1, beat = beat + 1",
        "UPDATE head SET id = 2, beat = beat + 1",
        "INSERT INTO head SELECT 2, log, origin, size, last_ms, root, frontier, people, beat FROM head",
        "INSERT INTO log VALUES (9, 'localhost/log/9')",
        "INSERT INTO log VALUES (3, 'localhost/log/1970')",
        "INSERT INTO closed SELECT * FROM closed",
        "INSERT INTO node SELECT * FROM node",
        "INSERT INTO person SELECT number + 900, 'new', visitor, key FROM person",
        "INSERT INTO person SELECT number, 'new', visitor, key FROM person",
        "INSERT INTO evidence SELECT $PLACE, salt, body FROM evidence",
        "INSERT INTO subject SELECT $PLACE, sealed FROM subject",
        "INSERT INTO tombstone VALUES (1, 0, 'subject', 1, 0, NULL)",
        "INSERT INTO tombstone SELECT log, log_index, 'record', by_log, by_index, NULL FROM tombstone",
    ],
)  # fmt: skip
async def test_the_database_refuses_to_change_the_log(
    full: Store, database: Database, statement: str
) -> None:
    """UPDATE, DELETE and rows that belong nowhere are refused by the database, whoever asks."""
    with pytest.raises(database.refusal):
        await database.sql(statement.replace("$PLACE", database.place(1, 0)))
    await check_log(full)


@pytest.mark.parametrize("table", UNTIL_ERASED)
async def test_a_tombstone_opens_no_other_row(full: Store, database: Database, table: str) -> None:
    """What one tombstone names can be deleted, and nothing else of its table."""
    await full.erase(erasure("record", of="v7", ms=8))
    before = await database.sql(f"SELECT * FROM {table}")  # noqa: S608 - our own tables
    with pytest.raises(database.refusal):
        await database.sql(f"DELETE FROM {table}")  # noqa: S608 - our own tables
    assert await database.sql(f"SELECT * FROM {table}") == before  # noqa: S608 - our own tables


async def test_an_erased_subject_is_not_put_back(full: Store, database: Database) -> None:
    """Under a tombstone nothing is written any more."""
    ((index,),) = await database.sql("SELECT log_index FROM tombstone")
    place = database.place(1, index)
    with pytest.raises(database.refusal):
        await database.sql(f"INSERT INTO subject SELECT {place}, sealed FROM subject LIMIT 1")  # noqa: S608 - the test's own words
    await check_log(full)


@pytest.mark.parametrize(
    ("place", "ms", "cut"),
    [
        ("1, 1", 60_000, 128),  # taken
        ("1, 3", 60_000, 128),  # a gap in the log
        ("2, 0", 60_000, 128),  # another log than the one that grows
        ("1, 2", 0, 128),  # earlier than the entry before it
        ("1, 2", 60_000, 127),
    ],
)
async def test_the_database_refuses_entries_out_of_order(
    store: Store, database: Database, place: str, ms: int, cut: int
) -> None:
    """An entry that would leave a gap, repeat or go back in time is refused, whoever asks."""
    await append_all(store, [act("e0", ms=60_000), act("e1", of="bob", ms=60_000)])
    right = f"INSERT INTO entry VALUES (1, 2, {database.blob(body_at(60_000))})"  # noqa: S608 - the test's own words
    with pytest.raises(database.refusal):  # beyond the head
        await database.sql(right)
    await database.sql("UPDATE head SET size = 4, beat = beat + 1")
    wrong = database.blob(body_at(ms)[:cut])
    with pytest.raises(database.refusal):
        await database.sql(f"INSERT INTO entry VALUES ({place}, {wrong})")  # noqa: S608 - the test's own words
    await database.sql(right)


RIGHT: dict[str, Any] = {"index": 2, "seq": 2, "event": "e2", "ms": 60_000}


@pytest.mark.parametrize(
    "flaw",
    [
        {"index": 1},  # taken
        {"index": 3},  # without an entry
        {"seq": 1},  # taken
        {"seq": 3},  # a gap in the visitor's acts
        {"event": "e1"},  # taken
        {"ms": 59_999},  # earlier than the record before it
    ],
    ids=str,
)
async def test_the_database_refuses_records_out_of_order(
    store: Store, database: Database, flaw: dict[str, Any]
) -> None:
    """A record that would leave a gap, repeat or go back in time is refused, whoever asks."""
    await append_all(store, [act("e0", ms=60_000), act("e1", of="bob", ms=60_000)])
    await database.sql("UPDATE head SET size = 3, beat = beat + 1")
    body = database.blob(body_at(60_000))
    await database.sql(f"INSERT INTO entry VALUES (1, 2, {body})")  # noqa: S608 - the test's own words
    with pytest.raises(database.refusal):
        await database.sql(copy_of_the_first(database, **{**RIGHT, **flaw}))
    assert len(await database.sql("SELECT seq FROM record")) == 2
    await database.sql(copy_of_the_first(database, **RIGHT))


def body_at(ms: int) -> bytes:
    """A choice of the site at this time."""
    return Entry(Kind.CHOICE, 0, ms, entry.tenant(SITE), bytes(32)).encode()


def copy_of_the_first(database: Database, *, index: int, seq: int, event: str, ms: int) -> str:
    """SQL that adds a record like the first one but for some columns."""
    return (
        f"INSERT INTO record SELECT {database.place(1, index)}, {seq}, site, person, '{event}',"  # noqa: S608 - the test's own words
        f" fingerprint, {ms} FROM record WHERE log_index = 0"
    )


# ---------------------------------------------------------------- opening and closing


async def test_a_store_that_can_write_is_ready(store: Store) -> None:
    """Readiness is shown by a durable write, which adds no record."""
    await store.ready()
    assert await size(store) == 0


async def test_a_store_with_a_log_is_readable(store: Store, database: Database) -> None:
    """That the log can be read is found out without a visitor, and writes nothing."""
    before = await database.sql("SELECT * FROM head")
    await store.readable()
    assert await database.sql("SELECT * FROM head") == before


async def test_closing_answers_those_who_wait(database: Database) -> None:
    """What was accepted before the store was closed is committed and answered."""
    store = await database.open()
    tasks = [asyncio.create_task(store.append(act(f"e{i}", of=f"v{i}"))) for i in range(600)]
    await asyncio.sleep(0)  # all are in the queue now
    await store.close()
    answers = await asyncio.gather(*tasks)
    assert sorted(answer.record.log_index for answer in answers) == list(range(600))


async def test_a_closed_store_is_unavailable(database: Database) -> None:
    """Every question to a closed store is refused, none is answered with nothing."""
    store = await database.open()
    await store.append(act("e1"))
    await store.readable()  # remembered or not
    await store.close()
    await store.close()
    for question in (
        store.append(act("e2")),
        store.latest(SITE, visitor("ann")),
        store.history(SITE, visitor("ann"), 50),
        store.heads(),
        store.readable(),
        store.ready(),
        anext(store.scan()),
    ):
        with pytest.raises(StoreUnavailable):
            await question


async def test_a_newer_schema_is_refused(database: Database) -> None:
    """A database that a newer release wrote stops the start, with the remedy."""
    await (await database.open()).close()
    await database.sql("INSERT INTO migration VALUES (99, 'from the future')")
    with pytest.raises(ConfigError) as refused:
        await database.open()
    (problem,) = refused.value.problems
    assert "99" in problem.what
    assert "newer release" in problem.remedy


async def test_migrations_are_recorded_and_applied_once(database: Database) -> None:
    """Opening again finds every migration done and does none of them."""
    for _ in range(2):
        await (await database.open()).close()
    assert await database.sql("SELECT number, name FROM migration ORDER BY number") == [
        (number, migration.name) for number, migration in enumerate(database.migrations, start=1)
    ]


async def test_a_log_that_does_not_end_at_its_head_is_not_extended(database: Database) -> None:
    """After the database was tampered with it is still read, and nothing more is acknowledged."""
    before = await database.open()
    first = (await before.append(act("e1"))).record
    await before.close()
    await database.sql("UPDATE head SET size = 3, beat = beat + 1")
    after = await database.open()
    with pytest.raises(StoreUnavailable):
        await after.append(act("e2"))
    with pytest.raises(StoreUnavailable):
        await after.ready()
    assert await after.latest(SITE, visitor("ann")) == first
    assert await database.sql("SELECT event_id FROM record") == [("e1",)]
    await after.close()
