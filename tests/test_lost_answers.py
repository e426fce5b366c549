"""PostgreSQL commits and the answer is lost: whatever it was, doing it again does it once."""

from collections.abc import AsyncIterator

import pytest

from holdfire.errors import StoreUnavailable
from holdfire.record import Artefact, Erasure, Statement
from holdfire.store.postgres import PostgresStore
from postgres import USER, Cluster
from stores import SITE, act, append_all, visitor
from whole_log import check_log
from wire import Wire, wire_to

COMMIT = b"COMMIT\0"
NOTE = Statement(kind=6, site=None, body=b'{"v":1}', recorded_ms=0, repeats=False)


@pytest.fixture
async def wire(postgres_cluster: Cluster) -> AsyncIterator[Wire]:
    """A wire to the server that loses answers."""
    async with wire_to(postgres_cluster.socket) as opened:
        yield opened


@pytest.fixture
async def distant(postgres_url: str, wire: Wire) -> AsyncIterator[PostgresStore]:
    """A store at the other end of that wire, with two acts in its log."""
    name = postgres_url.rpartition("=")[2]
    opened = await PostgresStore.open(
        f"postgresql://{USER}@127.0.0.1:{wire.port}/postgres?sslmode=disable&search_path={name}"
    )
    await append_all(opened, [act("e0"), act("e1", of="bob")])
    yield opened
    await opened.close()


async def size(store: PostgresStore) -> int:
    """Entries of the log that grows, which is whole."""
    await check_log(store)
    return (await store.heads())[-1].size


async def test_a_batch_whose_answer_was_lost_is_in_the_log_once(
    distant: PostgresStore, wire: Wire
) -> None:
    """Each act has the entry it was given first, and nobody has two."""
    drafts = [act(f"f{number}", of=f"visitor {number % 3}") for number in range(20)]
    wire.lose_the_answer_to(COMMIT)
    first = await append_all(distant, drafts)
    assert any(isinstance(answer, StoreUnavailable) for answer in first)
    again = await append_all(distant, drafts)
    assert not all(answer.fresh for answer in again)
    assert sorted(answer.record.log_index for answer in again) == list(range(2, 22))
    assert await size(distant) == 22


async def test_a_statement_whose_answer_was_lost_is_not_said_again(
    distant: PostgresStore, wire: Wire
) -> None:
    """One that need not be repeated is in the log once."""
    wire.lose_the_answer_to(COMMIT)
    with pytest.raises(StoreUnavailable):
        await distant.state(NOTE)
    assert await distant.state(NOTE) is None
    assert await size(distant) == 3


async def test_an_erasure_whose_answer_was_lost_has_one_tombstone(
    distant: PostgresStore, wire: Wire
) -> None:
    """Done again, it finds nothing left to erase."""
    erasure = Erasure("subject", "request", 0, SITE, visitor("ann"))
    wire.lose_the_answer_to(COMMIT)
    with pytest.raises(StoreUnavailable):
        await distant.erase(erasure)
    assert await distant.erase(erasure) == 0
    assert await distant.latest(SITE, visitor("ann")) is None
    assert await size(distant) == 3


async def test_upkeep_whose_answer_was_lost_is_done_again(
    distant: PostgresStore, wire: Wire
) -> None:
    """Checkpoints and artefacts are kept once, whatever was heard of it."""
    artefact = Artefact("0" * 64, "texts", b"what was shown")
    for _ in range(2):
        wire.lose_the_answer_to(COMMIT)
        with pytest.raises(StoreUnavailable):
            await distant.keep([artefact])
        wire.lose_the_answer_to(COMMIT)
        with pytest.raises(StoreUnavailable):
            await distant.publish(1, 2, b"a checkpoint")
    assert await distant.artefacts() == ("0" * 64,)
    assert await distant.checkpoint(1) == b"a checkpoint"
    assert await size(distant) == 2


async def test_a_log_opened_by_a_commit_whose_answer_was_lost_is_whole(
    distant: PostgresStore, wire: Wire
) -> None:
    """A second try opens one more; the log between has its note alone, and nothing is lost."""
    wire.lose_the_answer_to(COMMIT)
    with pytest.raises(StoreUnavailable):
        await distant.reopen(NOTE)
    assert (await distant.append(act("e2"))).record.log == 2
    assert await size(distant) == 2
    assert (await distant.reopen(NOTE)).log == 3
    assert await size(distant) == 1
