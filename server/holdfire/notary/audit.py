"""``holdfire log fsck``: every byte of the logs, looked at once, from the first entry to the last.

Holds one page of entries in memory, one tile for each level of the tree, and two bits for each
entry: whether a tombstone accounts for its subject, and for all of it.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import msgspec

from holdfire.errors import StoreUnavailable
from holdfire.ledger import entry
from holdfire.ledger.entry import Entry, Kind
from holdfire.ledger.merkle import Frontier, leaf_hash, node_hash
from holdfire.ledger.tiles import FULL, Tile
from holdfire.notary import inspection, leaves, tombstones
from holdfire.notary.anchor import Anchor, AnchorBroken, Anchored
from holdfire.notary.keys import LogKeys
from holdfire.notary.leaves import Missing
from holdfire.record import Head, Record
from holdfire.store import Store

_Roots = dict[int, list[tuple[str, bytes]]]
"""By size: who says what of the root of a tree so large."""

EVERY = 16_384  # entries between two lines of progress


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    origin: str  # of the log; empty for what concerns all
    index: int | None  # of the entry, if it is one
    what: str

    def __str__(self) -> str:
        """One line for a terminal."""
        place = self.origin if self.index is None else f"{self.origin}, entry {self.index}"
        return f"{place}: {self.what}" if place else self.what


class _Bits:
    """A row of switches, eight to a byte."""

    def __init__(self, size: int) -> None:
        self._bytes = bytearray(size + 7 >> 3)

    def __getitem__(self, place: int) -> bool:
        return bool(self._bytes[place >> 3] >> (place & 7) & 1)

    def put(self, place: int) -> None:
        """Switch one on."""
        self._bytes[place >> 3] |= 1 << (place & 7)


class _Erased(NamedTuple):
    """What tombstones account for in one log."""

    subject: _Bits
    record: _Bits

    def uncovered(self, index: int, missing: Missing) -> Missing:
        """What is missing of an entry that no tombstone accounts for."""
        if self.record[index]:
            return leaves.NOTHING
        return missing - {"subject"} if self.subject[index] else missing


class Audit:
    """One audit of one store. ``findings`` are its result; none: the logs are whole."""

    def __init__(
        self,
        store: Store,
        anchor: Anchor,
        keys: LogKeys,
        now_ms: int,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._anchor = anchor
        self._keys = keys
        self._now_ms = now_ms
        self._tell = tell
        self._erased: dict[str, _Erased] = {}
        self._whole_records_erased = 0

    async def findings(self, *, full: bool = False) -> AsyncIterator[Finding]:
        """All that is wrong. Opens the commitments of the log that grows; if ``full``, of every log.

        Raises ``StoreUnavailable`` if the logs cannot be read.
        """
        if any(key.is_sample for key in self._keys.all if key.seed is not None):
            yield Finding("", None, "A key of the log is a sample, which anybody has.")
        signed: tuple[Anchored, ...] = ()
        try:
            signed = self._anchor.read()
        except AnchorBroken as error:
            yield Finding("", None, str(error))
        heads = await self._store.heads()
        if reason := inspection.at_head(
            heads[-1] if heads else inspection.NO_LOG, signed, self._now_ms
        ):
            yield Finding("", None, reason)
        for anchored in signed:
            if reason := inspection.of_anchor(anchored, heads, self._keys):
                yield Finding(anchored.origin, None, reason)
        async for finding in self._tombstones(heads):
            yield finding
        by_origin = {anchored.origin: anchored for anchored in signed}
        for head in heads:
            deep = full or head is heads[-1]
            async for finding in self._log(head, by_origin.get(head.origin), deep=deep):
                yield finding

    async def _tombstones(self, heads: tuple[Head, ...]) -> AsyncIterator[Finding]:
        sizes = {head.origin: head.size for head in heads}
        self._erased = {origin: _Erased(_Bits(size), _Bits(size)) for origin, size in sizes.items()}
        async for said in self._store.statements(Kind.ERASURE):
            tombstone = tombstones.read(said)
            if tombstone is None or tombstone.index >= sizes.get(tombstone.origin, 0):
                origin = next((head.origin for head in heads if head.log == said.log), "")
                yield Finding(origin, said.log_index, "a tombstone that names no entry")
                continue
            erased = self._erased[tombstone.origin]
            (erased.record if tombstone.part == "record" else erased.subject).put(tombstone.index)
            self._whole_records_erased += tombstone.part == "record"

    async def _log(
        self, head: Head, anchored: Anchored | None, *, deep: bool
    ) -> AsyncIterator[Finding]:
        """One log, entry by entry."""
        roots: _Roots = {head.size: [("head", head.root)]}
        async for finding in self._signed(head, anchored, roots):
            yield finding
        walk = _Walk(head, roots, self._store, deep=deep)
        try:
            async for finding in self._entries(walk):
                yield finding
        except LookupError:
            what = "this entry, or one after it, is missing"
            yield Finding(head.origin, walk.frontier.size, what)
            return
        async for what in walk.end():
            yield Finding(head.origin, None, what)

    async def _entries(self, walk: "_Walk") -> AsyncIterator[Finding]:
        head, last_ms = walk.head, 0
        async for index, body in inspection.leaves(self._store, head.log, 0, head.size):
            if index % EVERY == 0:
                self._tell(f"{head.origin}: {index} of {head.size} entries")
            leaf = leaves.read(body)
            if leaf is None or leaf.ms < last_ms:
                yield Finding(head.origin, index, "damaged" if leaf is None else "out of order")
            else:
                last_ms = leaf.ms
                async for what in self._content(head, index, leaf, walk.records):
                    yield Finding(head.origin, index, what)
            async for what in walk.add(body):
                yield Finding(head.origin, None, what)

    async def _signed(
        self, head: Head, anchored: Anchored | None, roots: _Roots
    ) -> AsyncIterator[Finding]:
        """The checkpoints that are kept, and the anchor; what they say of roots goes to ``roots``."""
        if anchored is not None and not anchored.given_up:
            if reason := inspection.at_anchor(head, anchored):
                yield Finding(head.origin, None, reason)
            roots.setdefault(anchored.size, []).append(("anchor", anchored.root))
        for cosigned in (False, True):
            published = await self._store.checkpoint(head.log, cosigned=cosigned)
            if published is None:
                continue
            if reason := inspection.at_checkpoint(head, published, anchored, self._keys):
                yield Finding(head.origin, None, reason)
            if found := inspection.signed_by_us(published, self._keys):
                roots.setdefault(found.size, []).append(("checkpoint", found.root))

    async def _content(
        self, head: Head, index: int, leaf: Entry, records: "_Records | None"
    ) -> AsyncIterator[str]:
        """What is wrong with what an entry commits to."""
        try:
            if leaves.is_personal(leaf):
                if records is not None:
                    async for what in self._act(head, index, leaf, records):
                        yield what
                return
            said = await self._store.said(head.log, index)
        except StoreUnavailable as error:
            yield f"cannot be read: {error}"
            return
        if said is None or not leaves.says(leaf, said):
            yield "the statement is not that of the entry"
            return
        tenant = entry.NO_TENANT if said.site is None else entry.tenant(said.site)
        if tenant != leaf.tenant:
            yield "the statement is of another site"
        tombstone = tombstones.read(said) if leaf.kind == Kind.ERASURE else None
        if leaf.kind == Kind.ERASURE and (tombstone is None or tombstone.index != leaf.erased):
            yield "the tombstone names another entry"

    async def _act(
        self, head: Head, index: int, leaf: Entry, records: "_Records"
    ) -> AsyncIterator[str]:
        """What is wrong with the blocks and the record of an act."""
        whole, missing = leaves.opens(leaf, await self._store.blocks(head.log, index))
        if not whole:
            yield "the blocks are not those of the entry"
        missing = self._erased[head.origin].uncovered(index, missing)
        # What was erased since the tombstones were read has one that was not there then.
        if missing and not await tombstones.cover(self._store, head.origin, index, missing):
            what = "subject" if missing == {"subject"} else "record"
            yield f"the {what} is missing or damaged, and no tombstone names it"
        record = await records.at(index)
        if record is None:
            return
        if not _fits(leaf, record):
            yield "the record contradicts the entry or its blocks"
        if record.visitor and not await self._is_in_order(record):
            yield "the visitor's acts are not in order"

    async def _is_in_order(self, record: Record) -> bool:
        """Looked at once for each visitor, from their newest act backwards."""
        newest = await self._store.latest(record.site, record.visitor)
        if newest is None or newest.log_index != record.log_index or newest.log != record.log:
            return newest is not None and newest.seq > record.seq
        if record.seq == 1:
            return True
        acts = await self._store.history(record.site, record.visitor, max(1, record.seq))
        places = [(act.seq, act.log, act.log_index) for act in acts]
        if any(a[0] <= b[0] or a[1:] <= b[1:] for a, b in pairwise(places)):
            return False
        return record.seq - len(acts) <= self._whole_records_erased


class _Walk:
    """One log on the way from its first entry to its last: the tree, and the records beside it."""

    def __init__(self, head: Head, roots: "_Roots", store: Store, *, deep: bool) -> None:
        self.head = head
        self.frontier = Frontier()
        self.records = _Records(store, head.log) if deep else None
        self._roots = roots
        self._tiles = _Tiles(store, head)

    async def add(self, body: bytes) -> AsyncIterator[str]:
        """Take the next entry."""
        for what in self._contradicted():
            yield what
        hashed = leaf_hash(body)
        self.frontier = self.frontier.append(hashed)
        async for what in self._tiles.add(hashed):
            yield what

    async def end(self) -> AsyncIterator[str]:
        """After the last entry."""
        for what in self._contradicted():
            yield what
        if self.frontier.hashes != self.head.frontier:
            yield "the frontier is not that of the entries"
        async for what in self._tiles.rest():
            yield what
        if self.records and await self.records.left(self.head.size):
            yield "there is a record of an entry that is no act's"

    def _contradicted(self) -> list[str]:
        """Who has signed or said another root for a tree of this size."""
        known = self._roots.get(self.frontier.size)
        if not known:
            return []
        root = self.frontier.root()
        return [
            f"the root at size {self.frontier.size} is not that of the {who}"
            for who, said in known
            if said != root
        ]


class _Records:
    """The records of one log, walked through beside its entries."""

    def __init__(self, store: Store, log: int) -> None:
        self._log = log
        self._scan = store.scan(after=(log, -1))
        self._next: Record | None = None
        self._begun = False

    async def at(self, index: int) -> Record | None:
        """The record of an entry, if there is one. ``index`` grows from call to call."""
        await self._begin()
        found = self._next
        if found is None or found.log != self._log or found.log_index != index:
            return None
        self._next = await anext(self._scan, None)
        return found

    async def left(self, size: int) -> Record | None:
        """The first record that no entry before ``size`` asked for."""
        await self._begin()
        found = self._next
        return found if found and found.log == self._log and found.log_index < size else None

    async def _begin(self) -> None:
        if not self._begun:
            self._begun, self._next = True, await anext(self._scan, None)


class _Tiles:
    """The tree above the entries, hashed anew and compared with the stored hashes, tile by tile."""

    def __init__(self, store: Store, head: Head) -> None:
        self._store = store
        self._head = head
        self._levels: list[list[bytes]] = [[]]
        self._counts: list[int] = [0]

    async def add(self, leaf: bytes) -> AsyncIterator[str]:
        """Take the next leaf."""
        level, hash_ = 0, leaf
        while True:
            if level == len(self._levels):
                self._levels.append([])
                self._counts.append(0)
            self._levels[level].append(hash_)
            self._counts[level] += 1
            if len(self._levels[level]) < FULL:
                return
            async for what in self._compare(level):
                yield what
            hash_ = _root(self._levels[level])
            self._levels[level] = []
            level += 1

    async def rest(self) -> AsyncIterator[str]:
        """The tiles that are not full."""
        for level, hashes in enumerate(self._levels):
            if hashes:
                async for what in self._compare(level):
                    yield what

    async def _compare(self, level: int) -> AsyncIterator[str]:
        index = (self._counts[level] - 1) // FULL
        tile = Tile(level, index, len(self._levels[level]))
        try:
            stored = await self._store.tile(self._head.log, tile)
        except LookupError:
            stored = b""
        except StoreUnavailable as error:
            yield f"{tile.path()}: cannot be read: {error}"
            return
        if stored != b"".join(self._levels[level]):
            yield f"{tile.path()}: the hashes are not those of the entries"


def _root(hashes: list[bytes]) -> bytes:
    """Of a full tile."""
    while len(hashes) > 1:
        hashes = [node_hash(a, b) for a, b in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def _fits(leaf: Entry, record: Record) -> bool:
    """Whether a record says of its act what the entry and the blocks say."""
    told: list[tuple[bytes, dict[str, str | int]]] = [
        (record.evidence, {"site": record.site, "event_id": record.event_id, "seq": record.seq}),
        (record.subject, {"visitor": record.visitor}),
    ]
    return (
        leaf.tenant == entry.tenant(record.site)
        and leaf.ms == entry.minute(record.recorded_ms)
        and all(_agrees(block, expected) for block, expected in told if block)
    )


def _agrees(block: bytes, expected: dict[str, str | int]) -> bool:
    """Whether a block contradicts nothing of this; what it does not mention it does not contradict."""
    try:
        said = msgspec.json.decode(block)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return True  # its commitment opens, so it is what was written
    return not isinstance(said, dict) or all(
        said.get(name, value) == value for name, value in expected.items()
    )
