"""What erasing takes from a store, what it leaves, and that the log still proves itself."""

import asyncio
import json

import pytest
from msgspec import structs

from holdfire.errors import EventConflict, StoreUnavailable
from holdfire.ledger import entry
from holdfire.record import NOWHERE, Part
from holdfire.store import Store
from stores import SITE, Database, act, append_all, erasure, note, size, visitor
from whole_log import check_log

PARTS: tuple[Part, ...] = ("subject", "record")


async def populate(store: Store) -> None:
    """Three visitors with several acts each, and one of them on another site too."""
    for start in range(0, 60, 20):
        names = ("ann", "bob", "cid")
        await append_all(
            store, [act(f"e{i}", of=names[i % 3], ms=i) for i in range(start, start + 20)]
        )
    await store.append(act("e0", of="ann", site="other", ms=60))


async def test_an_erased_subject_leaves_the_evidence(store: Store) -> None:
    """The records of the visitor lose who it was, and nothing else; other visitors lose nothing."""
    await populate(store)
    before = await check_log(store)
    (head,) = await store.heads()
    assert await store.erasable(erasure("subject", of="ann")) == 20
    assert await store.erase(erasure("subject", of="ann", ms=70)) == 20
    assert await store.erasable(erasure("subject", of="ann")) == 0
    after = await check_log(store)
    assert list(after) == list(before)
    for place, record in before.items():
        if record.visitor == visitor("ann") and record.site == SITE:
            assert after[place] == structs.replace(record, visitor="", subject=b"")
        else:
            assert after[place] == record
    assert (await store.heads())[-1].size == head.size + 20


async def test_nobody_is_found_under_an_erased_name(store: Store) -> None:
    """Neither the newest record nor the history; on another site the visitor is still known."""
    await populate(store)
    await store.erase(erasure("subject", of="ann"))
    assert await store.latest(SITE, visitor("ann")) is None
    assert await store.history(SITE, visitor("ann"), 9) == ()
    assert await store.latest("other", visitor("ann"))
    found = await store.find(SITE, "e0")
    assert found is not None
    assert (found.visitor, found.subject, found.evidence) == ("", b"", b"accept")


async def test_an_erased_record_leaves_its_entry(store: Store) -> None:
    """Blocks and row are gone, whoever asks; the entry stands, with nothing that opens it."""
    await populate(store)
    before = await check_log(store)
    assert await store.erase(erasure("record", of="ann", ms=70)) == 20
    after = await check_log(store)
    gone = {p for p, r in before.items() if (r.site, r.visitor) == (SITE, visitor("ann"))}
    assert set(before) - set(after) == gone
    assert await store.find(SITE, "e0") is None
    assert await store.latest(SITE, visitor("ann")) is None
    blocks = await store.blocks(*min(gone))
    assert blocks is not None
    assert blocks.evidence + blocks.evidence_salt + blocks.subject + blocks.subject_salt == b""
    assert entry.decode(blocks.entry).evidence != NOWHERE


async def test_a_subject_and_then_its_record_are_two_erasures(store: Store) -> None:
    """What was left of a record can be erased later; nothing is erased twice."""
    await populate(store)
    assert await store.erase(erasure("subject", of="ann")) == 20
    assert await store.erase(erasure("subject")) == 40
    assert await store.erase(erasure("record")) == 60
    assert await store.erase(erasure("record")) == 0
    assert [record.site async for record in store.scan()] == ["other"]
    await check_log(store)


async def test_every_erasure_is_stated_in_the_log(store: Store) -> None:
    """A tombstone for each record names its log and entry, the part and the reason."""
    await store.append(act("e1", of="bob"))
    await store.append(act("e2", of="ann"))
    await store.reopen(note())
    await store.erase(erasure("subject", of="ann", ms=90_000))
    (said,) = [said async for said in store.statements(3)]
    assert (said.log, said.log_index, said.site) == (2, 1, SITE)
    assert json.loads(said.body) == {
        "because": "request",
        "index": 1,
        "origin": "localhost/log/1970",
        "part": "subject",
        "v": 1,
    }
    found = entry.decode((await store.entries(2, 1, 2))[0])
    assert (found.kind, found.erased, found.ms) == (3, 1, 60_000)
    assert found.tenant == entry.tenant(SITE)


@pytest.mark.parametrize("part", PARTS)
async def test_an_erased_act_is_not_recorded_again(store: Store, part: Part) -> None:
    """Its event id is spent, for the same act and for another; new ones begin from 1."""
    await append_all(store, [act("e1"), act("e2"), act("e3", of="bob")])
    await store.erase(erasure(part, of="ann"))
    for draft in (act("e1"), act("e1", body="reject"), act("e2", of="bob")):
        with pytest.raises(EventConflict):
            await store.append(draft)
    assert (await store.append(structs.replace(act("e9"), after=0))).record.seq == 1
    assert (await store.append(act("e1", site="other"))).fresh
    assert not (await store.append(act("e3", of="bob"))).fresh
    await check_log(store)


@pytest.mark.parametrize("part", PARTS)
async def test_a_site_is_erased_in_steps(store: Store, part: Part) -> None:
    """Of more records than one step takes, all are erased, and no other site's."""
    for start in range(0, 600, 200):
        await append_all(
            store, [act(f"e{i}", of=f"v{i % 50}", ms=i) for i in range(start, start + 200)]
        )
    await store.append(act("e0", site="other", ms=601))
    assert await store.erasable(erasure(part)) == 600
    assert await store.erase(erasure(part, ms=700)) == 600
    assert await size(store) == 1201
    assert await store.erase(erasure(part)) == 0
    await check_log(store)
    assert await store.latest("other", visitor("ann"))


@pytest.mark.parametrize("part", PARTS)
async def test_only_visitors_who_have_not_acted_since_are_erased(store: Store, part: Part) -> None:
    """The newest act counts: one that is not older keeps all of that visitor's records."""
    for i, (of, ms) in enumerate([("ann", 10), ("bob", 10), ("cid", 20), ("bob", 20)]):
        await store.append(act(f"e{i}", of=of, ms=ms))
    assert await store.erase(erasure(part, ms=30, settled=10)) == 0
    assert await store.erase(erasure(part, ms=30, settled=20)) == 1
    assert await store.latest(SITE, visitor("ann")) is None
    assert len(await store.history(SITE, visitor("bob"), 9)) == 2
    assert await store.erase(erasure(part, of="cid", ms=30, settled=20)) == 0
    assert await store.erase(erasure(part, ms=30, settled=21)) == 3
    await check_log(store)


@pytest.mark.parametrize("part", PARTS)
async def test_the_bytes_are_gone(store: Store, database: Database, part: Part) -> None:
    """Pseudonym, key, salts and blocks are in no file or table any more; they were before."""
    for start in range(0, 500, 100):
        await append_all(
            store,
            [
                structs.replace(
                    act(f"e{i}", of=f"v{i // 2}", ms=i), evidence=b"evidence of %03d" % i * 40
                )
                for i in range(start, start + 100)
            ],
        )
    names = [f"v{i}" for i in range(0, 250, 25)]
    secrets: list[bytes] = []
    for name in names:
        secrets.append(visitor(name).encode())
        keys = await database.sql(f"SELECT key FROM person WHERE visitor = '{visitor(name)}'")  # noqa: S608 - the test's own words
        secrets.append(keys[0][0])
        for record in await store.history(SITE, visitor(name), 9):
            ((sealed,),) = await database.sql(
                f"SELECT sealed FROM subject WHERE log_index = {record.log_index}"  # noqa: S608 - the test's own words
            )
            blocks = await store.blocks(record.log, record.log_index)
            assert blocks is not None
            secrets.append(sealed)
            if part == "record":
                secrets += [blocks.evidence_salt, blocks.evidence]
    raw = await database.raw()
    assert all(secret in raw for secret in secrets)
    for name in names:
        assert await store.erase(erasure(part, of=name, ms=600)) == 2
    raw = await database.raw()
    assert [secret for secret in secrets if secret in raw] == []
    await check_log(store)


async def test_a_key_goes_with_the_last_subject(store: Store, database: Database) -> None:
    """What an old copy holds of an erased visitor cannot be opened with the keys there are now."""
    await append_all(store, [act("e1"), act("e2"), act("e3", of="bob")])
    before = await database.sql("SELECT site, visitor, key FROM person")
    await store.erase(erasure("subject", of="ann"))
    after = await database.sql("SELECT site, visitor, key FROM person")
    assert {row[1] for row in before} - {row[1] for row in after} == {visitor("ann")}
    await store.append(act("e9"))
    known = {bytes(row[2]) for row in before}
    fresh = [row[2] for row in await database.sql("SELECT site, visitor, key FROM person")]
    assert len([key for key in fresh if bytes(key) in known]) == 1


async def test_an_act_that_comes_while_its_visitor_is_erased_is_kept(store: Store) -> None:
    """What is erased is what there was; who acts meanwhile is a visitor still, or again."""
    for start in range(0, 600, 200):
        await append_all(store, [act(f"e{i}", ms=i) for i in range(start, start + 200)])
    erasing = asyncio.create_task(store.erase(erasure("subject", of="ann", ms=700)))
    later = [await store.append(act(f"later{i}", ms=700)) for i in range(20)]
    assert await erasing >= 600
    await check_log(store)
    kept = {record.event_id for record in await store.history(SITE, visitor("ann"), 50)}
    assert later[-1].record.event_id in kept


async def test_an_erasure_that_was_interrupted_is_finished_by_another(database: Database) -> None:
    """After some of the steps the rest are as before; calling again does them."""
    store = await database.open()
    for start in range(0, 600, 200):
        await append_all(store, [act(f"e{i}", ms=i) for i in range(start, start + 200)])
    steps = 0
    commit = store._commits._commit  # type: ignore[attr-defined]  # where the disk would fail

    async def fail_at_the_third(batch: object) -> object:
        nonlocal steps
        steps += type(batch).__name__ == "Step"
        if steps == 3:
            raise OSError("no more")
        return await commit(batch)

    store._commits._commit = fail_at_the_third  # type: ignore[attr-defined]  # where the disk would fail
    with pytest.raises(StoreUnavailable):
        await store.erase(erasure("record", of="ann", ms=700))
    store._commits._commit = commit  # type: ignore[attr-defined]  # the disk is back
    await check_log(store)
    latest = await store.latest(SITE, visitor("ann"))
    assert latest is not None
    assert (latest.event_id, latest.seq) == ("e599", 600)
    assert len(await store.history(SITE, visitor("ann"), 600)) == 88
    await store.close()
    again = await database.open()
    assert await again.erase(erasure("record", of="ann", ms=700)) == 88
    assert await again.latest(SITE, visitor("ann")) is None
    await check_log(again)
    await again.close()


async def test_an_erasure_turns_the_year_as_an_act_does(store: Store) -> None:
    """Its tombstones go into the log of their own time."""
    await append_all(store, [act("e1"), act("e2", of="bob")])
    await store.erase(erasure("subject", ms=40 * 365 * 86_400_000))
    assert [head.size for head in await store.heads()] == [2, 2]
    await check_log(store)
