"""All there is to one record: the act, its place in the log, and what was on view. Read, not judged."""

from typing import NamedTuple, TypeVar

import msgspec

from holdfire import archive, evidence
from holdfire.archive import Altered
from holdfire.errors import HoldfireError
from holdfire.evidence import Evidence, Subject
from holdfire.law import Value
from holdfire.ledger.entry import Kind
from holdfire.record import Blocks, Head, Record, Shown
from holdfire.store import Store

T = TypeVar("T")
SHOWN: tuple[Shown, ...] = ("texts", "config", "sdk", "boot")


class Kept(Value, frozen=True):
    """One thing that was on view, as it is kept."""

    shown: Shown
    digest: str  # SHA-256 in hex, as the record names it
    body: bytes | None  # None: it is not kept, or was altered
    altered: bool = False


class Older(Value, frozen=True):
    """A page was kept open: it showed an older notice than was current when the visitor acted."""

    version: str
    shown: evidence.Shown | None  # what was on view then; None: nothing of it is kept


class Account(NamedTuple):
    """One act. What was erased of it is ``None``."""

    record: Record
    head: Head  # of its log
    blocks: Blocks | None  # None: the entry is no act's
    proof: Evidence | None
    person: Subject | None
    kept: tuple[Kept, ...]
    older: Older | None


async def find(store: Store, event_id: str, site: str | None) -> Record:
    """The record of an act, at this site or at any that ever published something here.

    Raises ``HoldfireError`` if there is none, or more than one.
    """
    sites = [site] if site else sorted(await _sites(store))
    found = [record for key in sites if (record := await store.find(key, event_id))]
    if len(found) > 1:
        named = ", ".join(record.site for record in found)
        raise HoldfireError(f"{event_id} was recorded at {named}: name one with --site")
    if not found:
        where = f"at site {site!r}" if site else "at any site"
        raise HoldfireError(f"no act {event_id!r} is recorded {where}")
    return found[0]


async def _sites(store: Store) -> set[str]:
    """Sites that are not configured any more are among them."""
    return {said.site async for said in store.statements(Kind.CONFIG) if said.site}


async def read(store: Store, record: Record) -> Account:
    """All that is kept of a record. Raises ``StoreUnavailable``."""
    proof = _decoded(record.evidence, Evidence)
    head = next(head for head in await store.heads() if head.log == record.log)
    return Account(
        record=record,
        head=head,
        blocks=await store.blocks(record.log, record.log_index),
        proof=proof,
        person=_decoded(record.subject, Subject),
        kept=await kept(store, proof.shown) if proof else (),
        older=await _older(store, record, proof) if proof else None,
    )


async def kept(store: Store, shown: evidence.Shown) -> tuple[Kept, ...]:
    """What a record says was on view, as far as it is kept."""
    return tuple([await _kept(store, what, getattr(shown, what)) for what in SHOWN])


async def _kept(store: Store, what: Shown, digest: str) -> Kept:
    artefact = await store.artefact(digest)
    if artefact is None:
        return Kept(what, digest, None)
    try:
        return Kept(what, digest, archive.unpacked(artefact))
    except Altered:
        return Kept(what, digest, None, altered=True)


async def _older(store: Store, record: Record, proof: Evidence) -> Older | None:
    """What a page that lagged behind had on view, as the newest record of it has it.

    The same notice in the same language under the same law with the same signals is the same
    script, but for wording that the site changed without asking anew.
    """
    version = proof.shown.notice_version
    if version == proof.shown.current_version:
        return None
    found = None
    async for other in store.scan(record.site):
        said = _decoded(other.evidence, Evidence)
        if (
            said
            and (other.log, other.log_index) < (record.log, record.log_index)
            and said.shown.current_version == version
            and (said.language, said.regime.id) == (proof.language, proof.regime.id)
            and said.signals == proof.signals
        ):
            found = said.shown
    return Older(version, found)


def _decoded(block: bytes, form: type[T]) -> T | None:
    """A block, or ``None`` where it was erased or is not what we wrote."""
    try:
        return msgspec.json.decode(block, type=form)
    except msgspec.MsgspecError:
        return None
