"""What the log of a store proves: root, origin, statements, tiles, checkpoints, the fence."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import structs

from holdfire.errors import ConfigError, LogRefused, StoreUnavailable
from holdfire.ledger import entry
from holdfire.ledger.entry import Entry, Kind
from holdfire.ledger.merkle import Frontier, leaf_hash
from holdfire.ledger.tiles import Tile
from holdfire.record import Artefact, Head, Statement
from holdfire.store import Store, sqlite_reader
from holdfire.store.fence import Fence
from stores import SITE, Database, act, append_all, erasure, note, size, visitor
from whole_log import check_log

TURN = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()) * 1000
DIGEST = bytes(range(32))


async def entry_at(store: Store, log: int, index: int) -> Entry:
    """One entry, read."""
    (body,) = await store.entries(log, index, index + 1)
    return entry.decode(body)


# ---------------------------------------------------------------- entries and the tree


async def test_the_head_is_the_tree_over_the_entries_at_every_step(store: Store) -> None:
    """After each commit size, root and frontier are those of the entries there are."""
    assert await store.heads() == ()
    frontier = Frontier()
    for i in range(40):
        await store.append(act(f"e{i}", of=f"v{i % 5}"))
        (head,) = await store.heads()
        (body,) = await store.entries(1, i, i + 1)
        frontier = frontier.append(leaf_hash(body))
        assert (head.size, head.root, head.frontier) == (i + 1, frontier.root(), frontier.hashes)
    await check_log(store)


async def test_an_entry_commits_to_what_was_drafted(store: Store) -> None:
    """Kind, flags, minute, site and configuration stand in the entry, the rest behind salts."""
    draft = structs.replace(act("e1", ms=1_795_262_400_123), config=DIGEST, flags=3, kind=7)
    record = (await store.append(draft)).record
    found = await entry_at(store, 1, 0)
    assert (found.kind, found.flags, found.ms) == (Kind.IMPORT, 3, 1_795_262_400_000)
    assert (found.tenant, found.tail) == (entry.tenant(SITE), DIGEST)
    blocks = await store.blocks(record.log, record.log_index)
    assert blocks is not None
    assert (blocks.evidence, blocks.subject) == (draft.evidence, draft.subject)
    assert found.evidence == entry.commit_evidence(blocks.evidence_salt, draft.evidence)
    assert found.subject == entry.commit_subject(blocks.subject_salt, draft.subject)


async def test_every_salt_is_another(store: Store) -> None:
    """The same blocks give other commitments each time."""
    await append_all(store, [act(f"e{i}") for i in range(20)])
    found = [entry.decode(body) for body in await store.entries(1, 0, 20)]
    assert len({field for one in found for field in (one.evidence, one.subject)}) == 40


async def test_the_store_draws_what_is_random_from_its_caller(database: Database) -> None:
    """Salts come from the function given, and from nowhere else."""
    store = await database.open(random=bytes)
    await store.append(act("e1"))
    blocks = await store.blocks(1, 0)
    assert blocks is not None
    assert blocks.evidence_salt == blocks.subject_salt == bytes(32)
    await store.close()


async def test_a_subject_is_not_stored_as_it_is(store: Store, database: Database) -> None:
    """What points at the person stands sealed, and opens at its own place only."""
    subject = b"a subject that can be found again"
    await store.append(structs.replace(act("e1"), subject=subject))
    assert subject not in await database.raw()
    assert b"accept" in await database.raw()


async def test_tiles_are_of_the_tree(store: Store) -> None:
    """Full and partial tiles of every level are given, and none beyond the log."""
    for start in range(0, 600, 200):
        await append_all(store, [act(f"e{i}", of=f"v{i}") for i in range(start, start + 200)])
    await check_log(store)
    leaves = [leaf_hash(body) for body in await store.entries(1, 0, 600)]
    assert await store.tile(1, Tile(0, 2, 88)) == b"".join(leaves[512:])
    assert await store.tile(1, Tile(0, 2, 7)) == b"".join(leaves[512:519])
    assert len(await store.tile(1, Tile(1, 0, 2))) == 64
    beyond = [(1, Tile(0, 2, 89)), (1, Tile(0, 3, 1)), (1, Tile(1, 0, 3)), (1, Tile(2, 0, 1))]
    for log, tile in [*beyond, (1, Tile(-1, 0, 1)), (2, Tile(0, 0, 1))]:
        with pytest.raises(LookupError):
            await store.tile(log, tile)


async def test_entries_are_given_so_many_at_a_time(store: Store) -> None:
    """As many as there are within the range, and a range that is too long is refused."""
    await append_all(store, [act(f"e{i}") for i in range(5)])
    assert len(await store.entries(1, 3, 4099)) == 2
    assert await store.entries(2, 0, 9) == ()
    with pytest.raises(ValueError, match="4096"):
        await store.entries(1, 0, 4097)


# ---------------------------------------------------------------- origins


async def test_a_new_year_opens_a_new_log(database: Database) -> None:
    """Acts of one batch on both sides of midnight, UTC, lie in two logs, both whole."""
    store = await database.open(host="consent.example")
    answers = await append_all(store, [act(f"e{i}", ms=TURN - 3 + i) for i in range(6)])
    assert [(a.record.log, a.record.log_index, a.record.seq) for a in answers] == [
        (1, 0, 1), (1, 1, 2), (1, 2, 3), (2, 0, 4), (2, 1, 5), (2, 2, 6),
    ]  # fmt: skip
    assert [(head.origin, head.size) for head in await store.heads()] == [
        ("consent.example/log/2026", 3),
        ("consent.example/log/2027", 3),
    ]
    assert len(await check_log(store)) == 6
    assert [record.seq async for record in store.scan(after=(1, 1))] == [3, 4, 5, 6]
    assert [record.seq for record in await store.history(SITE, visitor("ann"), 9)] == [
        6,
        5,
        4,
        3,
        2,
        1,
    ]
    await store.close()


async def test_years_that_saw_nothing_have_no_log(store: Store) -> None:
    """The log after one of 1970 is that of the next entry, however late it comes."""
    await store.append(act("e1", ms=5))
    await append_all(store, [act("e2", ms=TURN), act("e3", ms=TURN + 1)])
    assert [head.origin for head in await store.heads()] == [
        "localhost/log/1970",
        "localhost/log/2027",
    ]
    await check_log(store)


async def test_a_clock_that_ran_ahead_holds_the_time_until_the_log_is_reopened(
    store: Store,
) -> None:
    """Entries stay at the later time; the reopened log begins at its statement's."""
    await store.append(act("e1", ms=TURN + 400 * 86_400_000))
    assert (await store.append(act("e2", ms=TURN))).record.recorded_ms == TURN + 400 * 86_400_000
    head = await store.reopen(note("the clock was wrong", ms=TURN))
    assert (head.log, head.origin, head.size, head.last_ms) == (2, "localhost/log/2027", 1, TURN)
    assert (await store.append(act("e3", ms=TURN + 1))).record.recorded_ms == TURN + 1
    assert (await store.append(act("e4", ms=TURN + 400 * 86_400_000))).record.log == 3
    assert [head.origin for head in await store.heads()] == [
        "localhost/log/2028", "localhost/log/2027", "localhost/log/2028-2",
    ]  # fmt: skip
    await check_log(store)


async def test_a_reopened_log_has_an_origin_of_its_own(store: Store) -> None:
    """The first entry of each is the note that says why, and each has the next number."""
    await store.append(act("e1"))
    for number in (2, 3):
        head = await store.reopen(note(f"recovered {number}"))
        assert head.origin == f"localhost/log/1970-{number}"
        said = await store.said(number, 0)
        assert said is not None
        assert (said.kind, said.body) == (6, note(f"recovered {number}").body)
    again = await store.append(act("e1"))
    assert (again.fresh, again.record.log) == (False, 1)
    assert (await store.append(act("e2"))).record.seq == 2
    await check_log(store)


async def test_a_store_without_a_log_is_reopened_into_its_first(store: Store) -> None:
    """Nothing is closed where nothing was open."""
    assert (await store.reopen(note())).origin == "localhost/log/1970"
    await check_log(store)


# ---------------------------------------------------------------- statements


@pytest.mark.parametrize("site", [None, SITE])
@pytest.mark.parametrize("kind", [4, 5, 6])
async def test_a_statement_is_in_the_log(store: Store, kind: Any, site: str | None) -> None:
    """What was said comes back, and its entry commits to it."""
    config = DIGEST if kind == 4 else bytes(32)
    statement = Statement(kind=kind, site=site, body=b'{"a":1}', recorded_ms=5, config=config)
    said = await store.state(statement)
    assert said is not None
    assert (said.log, said.log_index, said.kind, said.site, said.body) == (
        1,
        0,
        kind,
        site,
        b'{"a":1}',
    )
    assert await store.said(1, 0) == said
    assert [one async for one in store.statements(kind)] == [said]
    assert [one async for one in store.statements(3)] == []
    assert (await entry_at(store, 1, 0)).tail == config
    assert [record async for record in store.scan()] == []
    await check_log(store)


async def test_a_statement_that_only_repeats_need_not_be_said(store: Store) -> None:
    """It is compared with the newest of its kind and site, in the same batch as before it."""
    assert await store.state(note("a", repeats=False))
    assert await store.state(note("a", repeats=False)) is None
    assert await store.state(structs.replace(note("a", repeats=False), site=SITE))
    assert await store.state(structs.replace(note("a", repeats=False), kind=5))
    assert await store.state(note("a"))
    said = await asyncio.gather(
        *(store.state(note(text, repeats=False)) for text in ("a", "b", "b", "a", "a"))
    )
    assert [one is not None for one in said] == [False, True, False, True, False]
    assert await size(store) == 6
    await check_log(store)


async def test_acts_and_statements_share_one_log(store: Store) -> None:
    """Whatever arrives together is placed in the order in which it came."""
    first, said, second = await asyncio.gather(
        store.append(act("e1")), store.state(note("a")), store.append(act("e2"))
    )
    assert said is not None
    assert [first.record.log_index, said.log_index, second.record.log_index] == [0, 1, 2]
    assert await store.said(1, 0) is None
    assert await store.blocks(1, 1) is None
    assert await store.blocks(1, 9) is None
    await check_log(store)


async def test_a_bad_statement_fails_alone(store: Store) -> None:
    """One that no row can hold is its caller's fault, and no matter to those beside it."""
    flaws = [structs.replace(note(), body=b""), structs.replace(note(), site="s" * 65)]
    answers = await asyncio.gather(
        store.append(act("e1")), *map(store.state, flaws), return_exceptions=True
    )
    assert [type(answer).__name__ for answer in answers] == ["Appended", "ValueError", "ValueError"]
    await check_log(store)


# ---------------------------------------------------------------- what is kept beside the log


async def test_artefacts_are_kept_once_and_let_go(store: Store) -> None:
    """What visitors were shown comes back by its digest until it is discarded."""
    shown = [Artefact(digest=f"{i:064x}", shown="texts", body=b"%d" % i) for i in range(3)]
    await store.keep(shown)
    await store.keep([structs.replace(shown[0], body=b"other"), shown[1]])
    assert await store.artefact(shown[0].digest) == shown[0]
    assert await store.artefact("f" * 64) is None
    assert await store.artefacts() == tuple(one.digest for one in shown)
    assert await store.discard({shown[0].digest, "f" * 64}) == 1
    assert await store.artefact(shown[0].digest) is None
    assert await size(store) == 0


async def test_a_checkpoint_gives_way_to_one_that_is_no_smaller(store: Store) -> None:
    """A smaller one comes too late; one of the same size has more signatures."""
    await store.append(act("e1"))
    await store.reopen(note())
    for number, note_ in ((5, b"five"), (4, b"four"), (5, b"five again")):
        await store.publish(1, number, note_)
    assert await store.checkpoint(1) == b"five again"
    assert await store.checkpoint(2) is None


# ---------------------------------------------------------------- the fence


async def every_question(store: Store) -> list[BaseException | object]:
    """What each method answers."""

    async def drain(found: Any) -> list[Any]:
        return [one async for one in found]

    questions = [
        store.append(act("e1")),
        store.state(note()),
        store.erase(erasure("subject")),
        store.erasable(erasure("subject")),
        store.reopen(note()),
        store.latest(SITE, visitor("ann")),
        store.history(SITE, visitor("ann"), 9),
        store.find(SITE, "e1"),
        drain(store.scan()),
        store.heads(),
        store.entries(1, 0, 1),
        store.tile(1, Tile(0, 0, 1)),
        store.blocks(1, 0),
        store.said(1, 0),
        drain(store.statements()),
        store.keep([]),
        store.artefact("0" * 64),
        store.discard(["0" * 64]),
        store.artefacts(),
        store.publish(1, 1, b"note"),
        store.checkpoint(1),
        store.readable(),
        store.ready(),
    ]
    return [await asyncio.gather(question, return_exceptions=True) for question in questions]


async def test_behind_a_closed_fence_nothing_is_answered(database: Database) -> None:
    """Every method raises ``LogRefused`` with the reason, and nothing is written."""
    fence = Fence()
    store = await database.open(fence=fence)
    await store.append(act("e0"))
    before = await database.sql("SELECT * FROM head")
    fence.close("this log was forked")
    for answers in await every_question(store):
        (answer,) = answers  # type: ignore[misc]  # each is gathered by itself
        assert isinstance(answer, LogRefused)
        assert str(answer) == "this log was forked"
    assert await database.sql("SELECT * FROM head") == before
    await store.close()


async def test_a_log_that_is_refused_is_neither_read_nor_written_until_it_is_accepted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each new connection is looked at first; when the look finds nothing, all is well again."""
    monkeypatch.setattr(sqlite_reader, "REFUSED_SECONDS", 0)
    before = await database.open()
    await append_all(before, [act("e0"), act("e1")])
    await before.close()
    wrong: list[str] = ["the log is behind its anchor"]
    seen: list[Head] = []

    def check(head: Head) -> str | None:
        seen.append(head)
        return wrong[0] if wrong else None

    store = await database.open(fence=Fence(check))
    rows = await database.sql("SELECT * FROM head")
    for answers in await every_question(store):
        (answer,) = answers  # type: ignore[misc]  # each is gathered by itself
        assert isinstance(answer, LogRefused)
        assert str(answer) == wrong[0]
    assert await database.sql("SELECT * FROM head") == rows
    assert {(head.log, head.origin, head.size) for head in seen} == {(1, "localhost/log/1970", 2)}
    wrong.clear()
    assert await store.latest(SITE, visitor("ann"))
    assert (await store.append(act("e2"))).record.log_index == 2
    await check_log(store)
    await store.close()


async def test_an_empty_database_is_looked_at_as_well(database: Database) -> None:
    """No log at all may be less than there was: nothing is made before it is accepted."""
    store = await database.open(fence=Fence(lambda head: None if head.log else "there was a log"))
    with pytest.raises(LogRefused, match="there was a log"):
        await store.append(act("e1"))
    with pytest.raises(StoreUnavailable):
        await store.latest(SITE, visitor("ann"))
    await store.close()


async def test_tables_from_before_the_first_release_are_refused(database: Database) -> None:
    """What an unreleased version made stops the start, with the remedy."""
    await (await database.open()).close()
    await database.sql("UPDATE migration SET name = 'log'")
    with pytest.raises(ConfigError) as refused:
        await database.open()
    (problem,) = refused.value.problems
    assert "'log'" in problem.what
    assert "move it away" in problem.remedy
