"""What a record holds, and how a standing choice is read back from it.

Two blocks, each written once as bytes (RFC 8785) and never serialised again: ``evidence`` proves
the act, ``subject`` points at the person and stands apart so that it can be erased without it.
Contents: GDPR Art 7(1); ISO/IEC TS 27560:2023; PROTOCOL.md §7.
"""

import hashlib
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from holdfire.canonical import canonical
from holdfire.law import Model, Value
from holdfire.ledger.entry import OUTBOX, SKEWED
from holdfire.model import (
    Action,
    Choice,
    Decision,
    Location,
    Prior,
    Rules,
    Signals,
    Site,
    Visitor,
)
from holdfire.record import Record

BLOCK = 8 * 1024  # bytes of a block at most: whoever checks receipts can rely on it
ID = 64  # characters of an id, and of all that a request says in one word
NAMED = 64  # services that one act may name
SKEW_MS = 5 * 60 * 1000  # a client clock further off than this is flagged, never believed


class Held(Value, frozen=True):
    """The law that was found to hold, and how it was picked."""

    id: str
    model: Model
    picked_by: str


class Shown(Value, frozen=True):
    """What the visitor had before them. All but the versions are SHA-256 in hex (``web.display``)."""

    notice_version: str  # what the page says it showed
    current_version: str  # what the site showed at that moment; a page kept open may lag behind
    texts: str  # what is said in the language of the act
    config: str  # of the site, without its texts
    sdk: str  # the build, with every chunk
    boot: str  # the script that a new visitor is handed, under this law and with these signals


class HandOff(Value, frozen=True):
    """The other side of a choice that was carried between two sites of this instance."""

    site: str
    event_id: str  # of the act that was carried, on the site where it was made
    acted_ms: int  # when what stands was said; lifetimes count from then, not from the hand-off


class Evidence(Value, frozen=True):
    """The evidence block. Times are milliseconds since 1970, UTC."""

    v: Literal[1]
    site: str
    event_id: str
    seq: int  # the number of the act among the visitor's, from 1
    prev: str | None  # event id of the visitor's act before it
    action: Action
    layer: int
    control: str
    categories: dict[str, bool]  # the full state as the visitor put it: granted and denied
    services: dict[str, bool]
    effective: dict[str, bool]  # what counts; narrower only for an act that arrived late
    effective_services: dict[str, bool]
    left_on: tuple[str, ...]  # named true, but only left as the law had it: no consent
    late: bool
    shown_services: tuple[str, ...]
    decisions: dict[str, Decision]  # what followed from it, with reasons
    shown: Shown
    language: str
    regime: Held
    location: Location
    age: int | None  # the smallest that the owner's page declared, with this act or before it
    residence: tuple[str, str | None] | None
    signals: Signals
    gpc_noticed: bool
    dnt_noticed: bool
    client_time: str
    server_ms: int
    skewed: bool
    valid_until: int  # seconds since 1970, UTC
    keep_days: int | None  # how long the law wants this proof kept, as far as it says
    via: Literal["banner", "api", "hand_off"]
    handed_to: HandOff | UnsetType = UNSET  # no act: what was disclosed, and to whom
    taken_from: HandOff | UnsetType = UNSET  # the visitor acted there, and came from there


class Subject(Value, frozen=True):
    """The subject block: all that ties a record to a person."""

    visitor: str
    address_prefix: str
    browser: str


class _Shown(msgspec.Struct, frozen=True, gc=False):
    notice_version: str


class _HandOff(msgspec.Struct, frozen=True, gc=False):
    acted_ms: int


class _Standing(msgspec.Struct, frozen=True):
    """Those members of the evidence that deciding reads; the others are passed over unread."""

    v: Literal[1]
    action: Action
    layer: int
    control: str
    effective: dict[str, bool]
    effective_services: dict[str, bool]
    left_on: tuple[str, ...]
    shown_services: tuple[str, ...]
    shown: _Shown
    age: int | None
    gpc_noticed: bool
    dnt_noticed: bool
    server_ms: int
    valid_until: int
    taken_from: _HandOff | UnsetType = UNSET


_EVIDENCE = msgspec.json.Decoder(Evidence)
_STANDING = msgspec.json.Decoder(_Standing)
_SUBJECT = msgspec.json.Decoder(Subject)
_ENCODER = msgspec.json.Encoder()
_SORTED = msgspec.json.Encoder(order="sorted")


def encode(block: Evidence | Subject) -> bytes:
    """The bytes of a block, as they are stored and hashed.

    Raises ``ValueError`` for one larger than ``BLOCK``: no site whose acts could come to that is
    let start (``longest``).
    """
    written = _SORTED.encode(block)
    if not written.isascii():  # all else is in the order of RFC 8785 already, 25 times as fast
        written = canonical(block)
    if len(written) > BLOCK:
        raise ValueError(f"a block of {len(written)} bytes")
    return written


def longest(site: Site) -> int:
    """Bytes of the longest evidence that an act at this site can come to.

    Everything that the site does not shape is at its longest by ``parse``, with room.
    """
    word, number = "x" * ID, 10**15
    categories = dict.fromkeys((one.id for one in site.categories), False)
    services = dict.fromkeys((one.id for one in site.services), False)
    named = dict.fromkeys(sorted(services, key=len)[-NAMED:], False)
    digest = "f" * 64
    most = Evidence(
        v=1,
        site=site.id,
        event_id=word,
        seq=number,
        prev=word,
        action="acknowledge",
        layer=0,
        control=word,
        categories=categories,
        services=named,
        effective=categories,
        effective_services=services,
        left_on=tuple(categories),
        late=False,
        shown_services=tuple(services),
        decisions={key: Decision(allow=False, reason="store_unavailable") for key in categories},
        shown=Shown(word, word, digest, digest, digest, digest),
        language=word,
        regime=Held(word, "opt_out", word),
        location=Location("XX", "XXX", "database", "medium", "satellite"),  # as long as codes get
        age=number,
        residence=("XX", "XXX"),  # likewise
        signals=Signals(gpc=False, dnt=False),
        gpc_noticed=False,
        dnt_noticed=False,
        client_time=word,
        server_ms=number,
        skewed=False,
        valid_until=number,
        keep_days=number,
        via="hand_off",
        handed_to=HandOff(word, word, number),
        taken_from=HandOff(word, word, number),
    )
    return len(canonical(most))


def flags(proof: Evidence) -> int:
    """What the entry in the log says of the act by itself."""
    return OUTBOX * proof.late | SKEWED * proof.skewed


def read(record: Record) -> Evidence:
    """The evidence of a record."""
    return _EVIDENCE.decode(record.evidence)


def read_subject(record: Record) -> Subject:
    """The subject of a record."""
    return _SUBJECT.decode(record.subject)


def fingerprint(choice: Choice) -> bytes:
    """SHA-256 over the parsed act: equal for a retry, different for any other act."""
    return hashlib.sha256(_ENCODER.encode(choice)).digest()


def standing(body: bytes) -> tuple[Prior, int | None]:
    """The standing choice in the bytes of a block, and the age that its visitor is known to have.

    The same as ``prior_of`` of the whole evidence, and its ``age``, in a third of the time.
    """
    found = _STANDING.decode(body)
    return prior_of(found), found.age


def prior_of(evidence: Evidence | _Standing) -> Prior:
    """The standing choice that a record leaves behind."""
    said_ms = evidence.taken_from.acted_ms if evidence.taken_from else evidence.server_ms
    return Prior(
        action=evidence.action,
        categories=evidence.effective,
        services=evidence.effective_services,
        shown_services=evidence.shown_services,
        notice_version=evidence.shown.notice_version,
        recorded_at=said_ms // 1000,
        valid_until=evidence.valid_until,
        gpc_noticed=evidence.gpc_noticed,
        dnt_noticed=evidence.dnt_noticed,
        by_signal=is_signal(evidence.layer, evidence.control),
        left_on=evidence.left_on,
    )


def is_signal(layer: int, control: str) -> bool:
    """Whether the act is GPC itself, remembered by the page (11 CCR 7025(c)(5))."""
    return layer == 0 and control == "gpc"


def noticed(choice: Choice, visitor: Visitor, rules: Rules) -> tuple[bool, bool]:
    """Whether the act was made in the face of GPC, and of DNT, and after being told so.

    Both layers of our interface say so whenever a signal that has force here is on; a call by the
    site's own code (layer 0) proves no such thing, and of a signal without force nothing is said.
    """
    told = choice.layer > 0
    gpc = told and visitor.signals.gpc and any(rule.gpc for rule in rules.categories)
    dnt = told and visitor.signals.dnt is True and any(rule.dnt for rule in rules.categories)
    return gpc, dnt
