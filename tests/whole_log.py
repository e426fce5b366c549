"""What must hold of all the logs of a store at every moment, checked through its public door."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256

from holdfire.ledger import entry
from holdfire.ledger.entry import Entry, Kind
from holdfire.ledger.tiles import tiles_of
from holdfire.record import Blocks, Head, Record
from holdfire.store import Store

Place = tuple[int, int]
"""Log and index of an entry."""

CHUNK = 4096
NOWHERE = (0, 0)


async def check_log(store: Store, since: Place = NOWHERE) -> dict[Place, Record]:
    """Fail unless the logs are whole and prove what they say; the records there are.

    Every entry is there, once, well-formed and no earlier than the one before it. Each head has the
    root of the tree over its entries, and each tile is of that tree. Each statement is the one its
    entry commits to. What a record holds opens the commitments of its entry, and whatever is
    missing has a tombstone that names it. The acts of a visitor are numbered without a gap.

    What stands up to the entry ``since`` is taken to have been checked before: only the roots are
    those of all entries. Then the records are those after it.
    """
    heads = await store.heads()
    assert [head.log for head in heads] == list(range(1, len(heads) + 1))
    assert len({head.origin for head in heads}) == len(heads)
    logs = {head.log: await _entries(store, head, since) for head in heads}
    stones = await _tombstones(store, heads, logs)
    records = await _records(store, logs, since, erased=bool(stones) or since > NOWHERE)
    for log, entries in logs.items():
        for index, decoded in entries.items():
            place = (log, index)
            if decoded.kind not in entry.PERSONAL:
                await _check_statement(store, place, decoded)
            else:
                blocks = await store.blocks(*place)
                assert blocks is not None
                check_blocks(decoded, blocks, stones.get(place, frozenset()))
                assert (place in records) == ("record" not in stones.get(place, ()))
    return records


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over entries, as RFC 6962 section 2.1 defines it; not how the service computes it."""
    hashes = [sha256(b"\0" + leaf).digest() for leaf in leaves]
    if not hashes:
        return sha256(b"").digest()
    while len(hashes) > 1:
        paired = zip(hashes[::2], hashes[1::2], strict=False)
        odd = hashes[-1:] if len(hashes) % 2 else []
        hashes = [sha256(b"\1" + left + right).digest() for left, right in paired] + odd
    return hashes[0]


def check_blocks(decoded: Entry, blocks: Blocks, erased: frozenset[str]) -> None:
    """Fail unless the blocks open the entry's commitments, or a tombstone says they are gone."""
    if "record" in erased:
        assert blocks.evidence + blocks.evidence_salt == b""
    else:
        opened = entry.commit_evidence(blocks.evidence_salt, blocks.evidence)
        assert opened == decoded.evidence, "the evidence does not open its commitment"
    if erased:
        assert blocks.subject + blocks.subject_salt == b""
    else:
        opened = entry.commit_subject(blocks.subject_salt, blocks.subject)
        assert opened == decoded.subject, "the subject does not open its commitment"


async def _entries(store: Store, head: Head, since: Place) -> dict[int, Entry]:
    """The entries of a log by index, but for those up to ``since``; its root and tiles checked."""
    bodies: list[bytes] = []
    for start in range(0, head.size, CHUNK):
        bodies += await store.entries(head.log, start, min(start + CHUNK, head.size))
    assert len(bodies) == head.size, f"log {head.log} has a gap"
    assert await store.entries(head.log, head.size, head.size + 9) == ()
    assert root_of(bodies) == head.root, f"log {head.log} has another root"
    times = [body[8:16] for body in bodies]
    assert times == sorted(times), f"time goes back in log {head.log}"
    fresh = [index for index in range(head.size) if (head.log, index) > since]
    for tile in tiles_of(head.size):
        width = 256**tile.level
        first, end = tile.index * 256, tile.index * 256 + tile.width
        if fresh and end * width > fresh[0]:
            hashes = [root_of(bodies[n * width : (n + 1) * width]) for n in range(first, end)]
            assert await store.tile(head.log, tile) == b"".join(hashes)
    entries = {index: entry.decode(bodies[index]) for index in fresh}
    assert not fresh or entries[fresh[-1]].ms == entry.minute(head.last_ms)
    return entries


async def _tombstones(
    store: Store, heads: Sequence[Head], logs: Mapping[int, Mapping[int, Entry]]
) -> dict[Place, frozenset[str]]:
    """Which parts of which entries were erased, as the log itself says."""
    numbers = {head.origin: head.log for head in heads}
    stones: dict[Place, frozenset[str]] = {}
    async for said in store.statements(Kind.ERASURE):
        body = json.loads(said.body)
        place = (numbers[body["origin"]], body["index"])
        assert place < (said.log, said.log_index), "a tombstone comes after what it buries"
        if said.log_index in logs[said.log]:
            assert logs[said.log][said.log_index].erased == body["index"]
        if place[1] in logs[place[0]]:
            assert logs[place[0]][place[1]].kind in entry.PERSONAL
        before = stones.get(place, frozenset())
        assert body["part"] not in before, "erased twice"
        stones[place] = before | {body["part"]}
    return stones


async def _check_statement(store: Store, place: Place, decoded: Entry) -> None:
    said = await store.said(*place)
    assert said is not None, f"entry {place} has no statement"
    assert (said.log, said.log_index, said.kind) == (*place, decoded.kind)
    assert sha256(said.body).digest() == decoded.evidence
    assert decoded.tenant == (entry.NO_TENANT if said.site is None else entry.tenant(said.site))
    assert await store.blocks(*place) is None


async def _records(
    store: Store, logs: Mapping[int, Mapping[int, Entry]], since: Place, *, erased: bool
) -> dict[Place, Record]:
    """The records after ``since``, by place."""
    records: dict[Place, Record] = {}
    newest: dict[tuple[str, str], int] = {}
    last = (0, 0)
    async for record in store.scan(after=since):
        place = (record.log, record.log_index)
        decoded = logs[record.log][record.log_index]
        assert decoded.kind in entry.PERSONAL
        assert decoded.tenant == entry.tenant(record.site)
        assert decoded.ms == entry.minute(record.recorded_ms)
        assert (record.log, record.recorded_ms) >= last, f"time goes back at {place}"
        if record.visitor:
            person = (record.site, record.visitor)
            follows = record.seq == newest.get(person, 0) + 1
            assert follows or (erased and person not in newest), f"gap in the acts of {person}"
            newest[person] = record.seq
        records[place] = record
        last = (record.log, record.recorded_ms)
    assert list(records) == sorted(records)
    return records
