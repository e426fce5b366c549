"""Whether a record, what it commits to and what it refers to are what the log says they are."""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from holdfire import evidence
from holdfire.archive import Published
from holdfire.errors import LogRefused
from holdfire.evidence import Evidence
from holdfire.law import Value
from holdfire.ledger import Malformed, entry, merkle
from holdfire.ledger.entry import Entry, Kind
from holdfire.notary.receipts import newest
from holdfire.notary.tree import Tree
from holdfire.record import Part, Record, Said
from holdfire.replay.account import Account, Kept
from holdfire.store import Store

NAMES = {"texts": "texts", "config": "configuration", "sdk": "SDK build", "boot": "boot script"}


PARTS = {"subject": ("subject",), "record": ("subject", "evidence")}


class Tombstone(Value, frozen=True):
    """The statement of an erasure, as the store makes it."""

    v: Literal[1]
    origin: str
    index: int
    part: Part
    because: str


class Check(Value, frozen=True):
    """One thing that was looked at."""

    what: str
    holds: bool | None  # None: there is nothing left to look at, which contradicts nothing
    why: str


async def checks(store: Store, account: Account) -> tuple[Check, ...]:
    """Look at everything. Raises ``StoreUnavailable``."""
    gone = await _erased(store, account)
    found = [await _in_the_log(store, account), *_entry(account, gone), *_record(account)]
    found += [_artefact(kept) for kept in account.kept]
    if account.proof is not None:
        found.append(await _published(store, account.record, account.proof))
    return tuple(found)


async def _in_the_log(store: Store, account: Account) -> Check:
    """Whether the entry stands where the record says, in a tree with the root that was signed."""
    what, record = "place in the log", account.record
    size, root, whose = account.head.size, account.head.root, "not signed yet"
    try:
        signed = await newest(store, record.log)
        if signed is not None and signed[0].size > record.log_index:
            size, root, whose = signed[0].size, signed[0].root, "signed"
        ranges = merkle.inclusion_ranges(record.log_index, size)
        path = await Tree(store).hashes(record.log, size, ranges)
        (body,) = await store.entries(record.log, record.log_index, record.log_index + 1)
        leaf = merkle.leaf_hash(body)
        included = merkle.inclusion_root(record.log_index, size, leaf, path) == root
    except (LookupError, Malformed, LogRefused) as error:
        return _wrong(what, str(error))
    where = f"{account.head.origin}, index {record.log_index} of {size} entries, {whose}"
    return _right(what, where) if included else _wrong(what, f"not in the tree of {where}")


async def _erased(store: Store, account: Account) -> dict[str, int]:
    """What tombstones in the log say was erased of the record, and at which index they say so."""
    record = account.record
    found: dict[str, int] = {}
    if record.evidence and record.subject:
        return found
    async for said in store.statements(Kind.ERASURE):
        try:
            stone = msgspec.json.decode(said.body, type=Tombstone)
        except msgspec.MsgspecError:
            continue
        place = (stone.origin, stone.index)
        if place == (account.head.origin, record.log_index) and await _stated(store, said):
            found |= dict.fromkeys(PARTS[stone.part], said.log_index)
    return found


async def _stated(store: Store, said: Said) -> bool:
    """Whether a statement is the one that its entry in the log is of."""
    (leaf,) = await store.entries(said.log, said.log_index, said.log_index + 1)
    try:
        return entry.decode(leaf).evidence == entry.statement_hash(said.body)
    except Malformed:
        return False


def _entry(account: Account, gone: Mapping[str, int]) -> Iterator[Check]:
    """What the 128 bytes say of the record, and whether they commit to its blocks."""
    blocks = account.blocks
    if blocks is None:
        yield _wrong("entry", "is none of a choice")
        return
    try:
        said = entry.decode(blocks.entry)
    except Malformed as error:
        yield _wrong("entry", str(error))
        return
    yield _check("entry", list(_entry_faults(said, account)), "says what the record says")
    for what, block, salt, commit, commitment in (
        ("evidence", blocks.evidence, blocks.evidence_salt, entry.commit_evidence, said.evidence),
        ("subject", blocks.subject, blocks.subject_salt, entry.commit_subject, said.subject),
    ):
        if not block and what in gone:
            why = f"was erased: the tombstone is at index {gone[what]}"
            yield Check(what=what, holds=None, why=why)
        elif not block:
            yield _wrong(what, "is gone or does not open, and no tombstone in the log says so")
        elif len(salt) == entry.SALT and commit(salt, block) == commitment:
            yield _right(what, "opens the commitment in the entry")
        else:
            yield _wrong(what, "is not what the entry commits to")


def _entry_faults(said: Entry, account: Account) -> Iterator[str]:
    record, proof = account.record, account.proof
    if said.kind not in {Kind.CHOICE, Kind.IMPORT}:
        yield "is of another kind"
    if said.tenant != entry.tenant(record.site):
        yield "names another site"
    if said.ms != entry.minute(record.recorded_ms):
        yield "has another time"
    if proof and said.flags != evidence.flags(proof) | said.flags & entry.SYNTHETIC:
        yield "has other flags"
    if proof and said.tail.hex() != proof.shown.config:
        yield "names another configuration"


def _record(account: Account) -> Iterator[Check]:
    """Whether the row and the blocks tell of the same act."""
    record, proof, person = account.record, account.proof, account.person
    if not record.evidence:
        return
    if proof is None:
        yield _wrong("record", "its evidence cannot be read")
        return
    faults = [
        f"has another {name}"
        for name, mine, theirs in (
            ("site", record.site, proof.site),
            ("event id", record.event_id, proof.event_id),
            ("number", record.seq, proof.seq),
            ("visitor", record.visitor, person.visitor if person else record.visitor),
        )
        if mine != theirs
    ]
    if record.subject and person is None:
        faults.append("has a subject that cannot be read")
    yield _check("record", faults, "tells of the same act as its evidence")


def _artefact(kept: Kept) -> Check:
    what = NAMES[kept.shown]
    if kept.altered:
        return _wrong(what, f"what is kept is not what had SHA-256 {kept.digest}")
    if kept.body is None:
        return _wrong(what, f"nothing is kept of SHA-256 {kept.digest}")
    return _right(what, f"SHA-256 {kept.digest}")


async def _published(store: Store, record: Record, proof: Evidence) -> Check:
    """Whether the site had stated in the log, before the act, that it shows this."""
    what, shown, places = "publication", proof.shown, []
    async for said in store.statements(Kind.CONFIG):
        place = (said.log, said.log_index)
        if said.site != record.site or place > (record.log, record.log_index):
            continue
        if not await _stated(store, said):
            where = f"index {said.log_index}"
            return _wrong(what, f"the statement at {where} is not what its entry says")
        body = msgspec.json.decode(said.body, type=Published)
        if (body.config, body.sdk, body.texts.get(proof.language)) == (
            shown.config,
            shown.sdk,
            shown.texts,
        ):
            places.append(said.log_index)
    if places:
        return _right(what, f"stated in the log before, at index {places[-1]}")
    return _wrong(what, "the site never stated in the log before that it shows this")


def _check(what: str, faults: list[str], good: str) -> Check:
    return _wrong(what, "; ".join(faults)) if faults else _right(what, good)


def _right(what: str, why: str) -> Check:
    return Check(what=what, holds=True, why=why)


def _wrong(what: str, why: str) -> Check:
    return Check(what=what, holds=False, why=why)
