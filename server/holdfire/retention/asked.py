"""An erasure that somebody asks for: whom it is about, what goes, what stays and why."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

import msgspec

from holdfire import evidence
from holdfire.errors import HoldfireError
from holdfire.evidence import Evidence
from holdfire.law import Value
from holdfire.record import Erasure, Record
from holdfire.retention.rounds import ACTS
from holdfire.retention.terms import DAY, Terms, record_kept
from holdfire.store import Store

PAGE = 10_000  # records between two lines of progress

GOES = {
    "subject": "who it was (pseudonym, network prefix, browser family) with its salts, and the"
    " visitor's key, which opens what backups still hold",
    "record": "all that the entries in the log commit to: the acts, who it was, the salts, the key",
}
EVIDENCE = (
    "the evidence of each act, without the person: consent has to be proved (GDPR Art 7(1)) and"
    " claims answered (Art 17(3)(b) and (e))"
)
ENTRIES = (
    "the entries in the log, 128 bytes an act: they prove all others' receipts and tell nothing"
    " without the salts; beside each a tombstone, which names no visitor"
)


class Kept(Value, frozen=True):
    """Something that an erasure leaves, and why."""

    what: str
    until: str | None = None  # a date, by then it goes by itself; none: for ever


class Elsewhere(Value, frozen=True):
    """An act of the same visitor at a sister site, where they have another pseudonym."""

    site: str
    event_id: str


class Account(Value, frozen=True):
    """What an erasure would take, and what it leaves."""

    site: str
    visitors: int
    records: int  # of which something goes
    goes: str
    stays: tuple[Kept, ...]
    elsewhere: tuple[Elsewhere, ...]
    erasures: tuple[Erasure, ...]


async def visitor_of(store: Store, site: str, event_id: str) -> str:
    """The visitor of an act. Raises ``HoldfireError`` if there is none, or none any more."""
    record = await store.find(site, event_id)
    if record is None:
        raise HoldfireError(f"no act {event_id} is recorded for {site}")
    if not record.visitor:
        what = "it is not known any more who it was; what is left goes when its term ends"
        raise HoldfireError(f"act {event_id}: {what}")
    return record.visitor


async def account(
    store: Store, wanted: Erasure, terms: Terms, tell: Callable[[int], None]
) -> Account:
    """Look before anything is erased. Raises ``StoreUnavailable``.

    ``tell`` hears now and then how many records have been read.
    """
    visitors, ends, elsewhere, erasures = (
        await _everybody(store, wanted, terms, tell)
        if wanted.visitor is None
        else await _somebody(store, wanted, wanted.visitor, terms, tell)
    )
    stays = [Kept(ENTRIES)]
    if wanted.part == "subject":
        last = datetime.fromtimestamp(ends, UTC).date().isoformat() if ends else None
        stays.insert(0, Kept(EVIDENCE, last))
    return Account(
        site=wanted.site,
        visitors=visitors,
        records=sum([await store.erasable(one) for one in erasures]),
        goes=GOES[wanted.part],
        stays=tuple(stays),
        elsewhere=elsewhere,
        erasures=erasures,
    )


_Found = tuple[int, int, tuple[Elsewhere, ...], tuple[Erasure, ...]]


async def _everybody(
    store: Store, wanted: Erasure, terms: Terms, tell: Callable[[int], None]
) -> _Found:
    visitors = ends = 0
    async for record in _told(store.scan(wanted.site), tell):
        if record.evidence:
            proof = evidence.read(record)
            ends = max(ends, _ends(record, proof, terms))
            known = record.visitor or wanted.part == "record"
            visitors += bool(known and record.seq == 1 and not proof.handed_to)
    return visitors, ends, (), (wanted,)


async def _somebody(
    store: Store, wanted: Erasure, visitor: str, terms: Terms, tell: Callable[[int], None]
) -> _Found:
    """One visitor, and the records that say that their choice was handed to a sister site.

    Those are under a pseudonym of their own, and hold the visitor's (``handoff.hand_over``).
    """
    acts = await store.history(wanted.site, visitor, ACTS)
    if not acts:
        return 0, 0, (), ()
    proofs = [evidence.read(act) for act in acts]
    ends = max(_ends(act, proof, terms) for act, proof in zip(acts, proofs, strict=True))
    elsewhere = {
        Elsewhere(proof.taken_from.site, proof.taken_from.event_id): None
        for proof in proofs
        if proof.taken_from
    }
    people = [visitor]
    async for record, proof in _carried(store, wanted.site, acts, tell):
        if proof.handed_to:
            people += [record.visitor] if record.visitor else []
        else:
            elsewhere[Elsewhere(record.site, record.event_id)] = None
    erasures = tuple(msgspec.structs.replace(wanted, visitor=one) for one in people)
    return 1, ends, tuple(elsewhere), erasures


async def _carried(
    store: Store, site: str, acts: Sequence[Record], tell: Callable[[int], None]
) -> AsyncIterator[tuple[Record, Evidence]]:
    """What was recorded when these acts were handed to a sister site, and taken over there."""
    own = {act.event_id for act in acts}
    first = (acts[-1].log, acts[-1].log_index)
    async for record in _told(store.scan(after=first), tell):
        if b'"handed_to"' in record.evidence or b'"taken_from"' in record.evidence:
            proof = evidence.read(record)
            handed = proof.handed_to and record.site == site and proof.handed_to.event_id in own
            taken = proof.taken_from and (
                proof.taken_from.site == site and proof.taken_from.event_id in own
            )
            if handed or taken:
                yield record, proof


async def _told(
    records: AsyncIterator[Record], tell: Callable[[int], None]
) -> AsyncIterator[Record]:
    seen = 0
    async for record in records:
        yield record
        seen += 1
        if seen % PAGE == 0:
            tell(seen)


def _ends(record: Record, proof: Evidence, terms: Terms) -> int:
    """When a record goes by itself, seconds since 1970, UTC."""
    kept = max(record_kept(record, proof), terms.record_days * DAY)
    return record.recorded_ms // 1000 + kept
