"""What the PostgreSQL store promises beside the contract: many processes, and a server that fails."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable

import asyncpg
import pytest

from holdfire.errors import ConfigError, StoreUnavailable
from holdfire.store import postgres, postgres_reading, postgres_writing
from holdfire.store.postgres import PostgresStore
from postgres import USER, Cluster
from stores import SITE, PostgresDatabase, act, append_all, erasure, size, until_unknown, visitor
from whole_log import check_log
from wire import Wire, wire_to

PATIENCE = 2.5  # seconds: what a caller is kept waiting at most, and a little for a busy machine


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    """An open store over an empty database."""
    opened = await PostgresStore.open(postgres_url)
    yield opened
    await opened.close()


@pytest.fixture
def shell(postgres_url: str) -> PostgresDatabase:
    """The same database, for whoever has a shell."""
    return PostgresDatabase(postgres_url)


async def refused(question: Awaitable[object]) -> None:
    """The question is answered with ``StoreUnavailable``, and before long."""
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await question
    assert time.monotonic() - began < PATIENCE


async def until_it_answers(store: PostgresStore) -> None:
    """Wait for the store to mend itself."""
    async with asyncio.timeout(20):
        while True:
            try:
                await store.ready()
            except StoreUnavailable:
                continue
            return


# ---------------------------------------------------------------- many writers, one log


async def test_several_processes_write_one_log(postgres_url: str) -> None:
    """Stores that write at the same time take turns: no gap, no double, one row for each event."""
    stores = [await PostgresStore.open(postgres_url) for _ in range(3)]
    drafts = [act(f"e{i}", of=f"v{i % 9}") for i in range(200)]
    answers = await asyncio.gather(*(append_all(store, drafts) for store in stores))
    places = [{a.record.event_id: a.record.log_index for a in given} for given in answers]
    assert places[0] == places[1] == places[2]
    assert sorted(places[0].values()) == list(range(200))
    assert sum(answer.fresh for given in answers for answer in given) == 200
    seqs: dict[str, list[int]] = {}
    async for record in stores[0].scan():
        seqs.setdefault(record.visitor, []).append(record.seq)
    assert all(given == list(range(1, len(given) + 1)) for given in seqs.values())
    for store in stores:
        await store.close()


async def test_processes_that_start_together_make_one_schema(postgres_url: str) -> None:
    """Whoever comes first creates the tables, and the others find them."""
    stores = await asyncio.gather(*(PostgresStore.open(postgres_url) for _ in range(4)))
    answers = [
        (await store.append(act(f"e{i}"))).record.log_index for i, store in enumerate(stores)
    ]
    assert answers == [0, 1, 2, 3]
    for store in stores:
        await store.close()


async def test_a_process_that_stalls_with_the_head_stops_nobody_for_long(
    store: PostgresStore, postgres_url: str
) -> None:
    """Who cannot get its turn is told so in time, and gets it when it is free."""
    staller = await asyncpg.connect(postgres_url)
    await staller.execute("BEGIN")
    await staller.execute("SELECT * FROM head FOR UPDATE")
    await refused(store.append(act("e1")))
    assert await store.latest(SITE, visitor("ann")) is None
    await staller.close()
    assert (await store.append(act("e1"))).record.log_index == 0


async def test_the_log_cannot_be_truncated(store: PostgresStore, shell: PostgresDatabase) -> None:
    """TRUNCATE, which asks no DELETE trigger, is refused as well."""
    await store.append(act("e1"))
    for table in ("entry", "record", "evidence", "subject", "person", "head", "record, head"):
        with pytest.raises(shell.refusal):
            await shell.sql(f"TRUNCATE {table}")
    assert await size(store) == 1


async def test_the_service_needs_few_rights(
    store: PostgresStore, shell: PostgresDatabase, postgres_url: str
) -> None:
    """Once the tables are there, a role that may neither change nor delete records will do."""
    name = postgres_url.rpartition("=")[2]
    for statement in (
        f"CREATE ROLE clerk_{name} LOGIN",
        f"GRANT USAGE ON SCHEMA {name} TO clerk_{name}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {name} TO clerk_{name}",
        f"GRANT INSERT ON ALL TABLES IN SCHEMA {name} TO clerk_{name}",
        f"GRANT UPDATE ON head TO clerk_{name}",
    ):
        await shell.sql(statement)
    clerk = await PostgresStore.open(postgres_url.replace(USER, f"clerk_{name}", 1))
    assert (await clerk.append(act("e1"))).fresh
    assert await size(store) == 1
    await clerk.close()


# Each of them reads the log by a key, whatever the planner thinks of an empty table.
QUERIES = {
    postgres_reading.LATEST: ("demo", "ann"),
    postgres_reading.STANDINGS: ("demo", ["ann"]),
    postgres_reading.NEWS: (0, 1, 0, 1_000),
    postgres_reading.HISTORY: ("demo", "ann", 50),
    postgres_reading.FIND: ("demo", "e1"),
    postgres_reading.PAGE: (1, 0, 9, None),
    postgres_reading.BLOCKS: (1, 0),
    postgres_reading.SAID: (1, 0),
    postgres_reading.STATEMENTS: (1, 0, 9),
    postgres_reading.ENTRIES: (1, 0, 9),
    postgres_reading.NODES: (1, 1, 0, 9),
    postgres_reading.DUE: ("demo", "subject", None, 1, 0, 9),
    postgres_reading.DUE_OF_A_VISITOR: ("demo", "subject", None, "ann"),
    postgres_writing.STANDINGS: (["demo"], ["ann"], ["e1"], ["0"]),
    postgres_writing.NEWEST: (4, "demo"),
    postgres_writing.ERASED: ("demo", "record", None, [1], [0], "ann"),
    postgres_writing.FORGET: ([1],),
}


@pytest.mark.parametrize("query", QUERIES)
async def test_every_query_goes_by_a_key(store: PostgresStore, query: str) -> None:
    """No question reads the whole table, however large it grows."""
    async with store._session() as connection:
        plan = [row[0] for row in await connection.fetch(f"EXPLAIN {query}", *QUERIES[query])]
    assert [step for step in plan if "Seq Scan" in step or "hashed" in step] == []
    assert [step for step in plan if "Index" in step]


async def test_an_erasure_waits_for_who_still_reads(
    store: PostgresStore, shell: PostgresDatabase, postgres_url: str
) -> None:
    """A table that others are reading is swept when they are done."""
    await append_all(store, [act("e1"), act("e2", of="bob")])
    reader = await asyncpg.connect(postgres_url)
    await reader.execute("BEGIN")
    await reader.fetch("SELECT * FROM person")
    erasing = asyncio.create_task(store.erase(erasure("subject", of="ann")))
    await until_unknown(store, "ann")
    assert visitor("ann").encode() in await shell.raw()
    await reader.close()
    assert await erasing == 1
    assert visitor("ann").encode() not in await shell.raw()


async def test_large_tables_are_not_written_anew(
    store: PostgresStore, shell: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their erased rows are gone for whoever asks, and lock nobody out."""
    monkeypatch.setattr(postgres, "REWRITE_BYTES", 0)
    await append_all(store, [act("e1"), act("e2", of="bob")])
    files = await shell.sql("SELECT pg_relation_filepath('person')")
    assert await store.erase(erasure("record", of="ann")) == 1
    assert await shell.sql("SELECT visitor FROM person") == [(visitor("bob"),)]
    assert await shell.sql("SELECT pg_relation_filepath('person')") == files
    await check_log(store)


# ---------------------------------------------------------------- a server that fails


async def test_a_server_that_is_down_is_unavailable_and_then_is_not(
    store: PostgresStore, postgres_cluster: Cluster
) -> None:
    """Everything is refused while the server is down, and nothing was lost when it is back."""
    first = (await store.append(act("e1"))).record
    postgres_cluster.stop()
    try:
        await refused(store.append(act("e2")))
        await refused(store.latest(SITE, visitor("ann")))
        await refused(store.history(SITE, visitor("ann"), 50))
        await refused(store.readable())
        await refused(store.ready())
    finally:
        postgres_cluster.start()
    await until_it_answers(store)
    assert await store.latest(SITE, visitor("ann")) == first
    assert (await store.append(act("e2"))).record.log_index == 1


async def test_the_log_was_readable_for_a_second_at_most(
    postgres_url: str, postgres_cluster: Cluster
) -> None:
    """A success holds until a second has passed, or until any question fails."""
    now = [100.0]
    store = await PostgresStore.open(postgres_url, clock=lambda: now[0])
    await store.readable()
    postgres_cluster.stop()
    try:
        now[0] += 0.999
        await store.readable()
        now[0] += 0.001
        await refused(store.readable())
        postgres_cluster.start()
        await until_it_answers(store)
        await store.readable()
        postgres_cluster.stop()
        await refused(store.latest(SITE, visitor("ann")))
        await refused(store.readable())
    finally:
        postgres_cluster.stop()
        postgres_cluster.start()
    await until_it_answers(store)
    await store.readable()
    await store.close()


async def test_a_server_that_is_down_at_the_start_does_not_stop_it(
    postgres_url: str, postgres_cluster: Cluster
) -> None:
    """The service starts without its database, says so, and mends itself."""
    postgres_cluster.stop()
    try:
        store = await PostgresStore.open(postgres_url)
        await refused(store.heads())
    finally:
        postgres_cluster.start()
    await until_it_answers(store)
    assert (await store.append(act("e1"))).record.log_index == 0
    await store.close()


@pytest.fixture
async def wire(postgres_cluster: Cluster) -> AsyncIterator[Wire]:
    """A wire to the server that the test can cut."""
    async with wire_to(postgres_cluster.socket) as opened:
        yield opened


@pytest.fixture
async def distant(postgres_url: str, wire: Wire) -> AsyncIterator[PostgresStore]:
    """A store at the other end of that wire."""
    name = postgres_url.rpartition("=")[2]
    opened = await PostgresStore.open(
        f"postgresql://{USER}@127.0.0.1:{wire.port}/postgres?sslmode=disable&search_path={name}"
    )
    yield opened
    await opened.close()


async def test_a_silent_server_is_given_up_on(distant: PostgresStore, wire: Wire) -> None:
    """A server that takes requests and answers none costs a caller two seconds, not for ever."""
    await append_all(distant, [act(f"e{i}") for i in range(3)])
    wire.go_deaf()
    questions = [distant.latest(SITE, visitor("ann")) for _ in range(20)]
    await asyncio.gather(refused(distant.append(act("e3"))), *map(refused, questions))
    await refused(distant.append(act("e3")))
    wire.hear()
    await until_it_answers(distant)
    assert (await distant.append(act("e3"))).record.log_index == 3


async def test_an_act_whose_answer_was_lost_is_found_again(
    distant: PostgresStore, wire: Wire
) -> None:
    """Failed but persisted: sent again, the act is answered with the record it had made."""
    await distant.append(act("e1"))
    wire.lose_the_answer_to(b"COMMIT\0")
    await refused(distant.append(act("e2")))
    again = await distant.append(act("e2"))
    assert (again.fresh, again.record.log_index) == (False, 1)
    assert await size(distant) == 2


async def test_a_connection_the_server_ended_is_replaced(
    store: PostgresStore, shell: PostgresDatabase
) -> None:
    """A server that ends its connections, as for maintenance, costs nobody an answer."""
    await store.append(act("e1"))
    await shell.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND application_name = 'holdfire'"
    )
    await until_it_answers(store)
    assert (await store.append(act("e2"))).record.log_index == 1


@pytest.mark.parametrize(
    "url", ["postgresql://holdfire:secret@host:port/x", "postgresql:///x?host=&port=a"]
)
async def test_a_wrong_address_stops_the_start(url: str) -> None:
    """What is no address is the operator's to mend, and is told without the password."""
    with pytest.raises(ConfigError) as wrong:
        await PostgresStore.open(url)
    assert "postgresql://user:password@host:5432/name" in str(wrong.value)
    assert "secret" not in str(wrong.value)
