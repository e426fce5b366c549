"""What goes into the log, and what comes out of it: values, no more.

An **entry** is 128 bytes of the public log (``ledger.entry``), for ever. What it commits to is kept
apart from it: the two **blocks** of a choice, which can be erased, or a public **statement**, which
is not.
"""

from typing import Literal

from holdfire.law import Value

NOWHERE = bytes(32)  # a field of an entry that says nothing

Part = Literal["subject", "record"]
"""What an erasure takes: what points at the person, or all that the entry commits to."""

Shown = Literal["texts", "config", "sdk", "boot"]
"""What a visitor had before them, kept by its digest."""


class Draft(Value, frozen=True):
    """An act before the store gives it its place."""

    site: str
    visitor: str
    event_id: str
    fingerprint: bytes  # SHA-256 of the canonical request: the same act, or another one?
    recorded_ms: int
    evidence: bytes  # JSON as RFC 8785 has it, stored and hashed as bytes, never serialised again
    subject: bytes  # likewise: what points at the person, apart so that it can be erased
    after: int | None = None  # the ``seq`` it goes by, 0 for none; None: it stands for itself
    config: bytes = NOWHERE  # SHA-256 of the configuration it was made under
    flags: int = 0  # of ``ledger.entry``
    kind: Literal[1, 7] = 1  # a choice, or one that was imported


class Record(Value, frozen=True):
    """One act in the log. What was erased of it is empty: ``visitor``, ``subject``, ``evidence``."""

    log: int  # which of this instance's logs, from 1
    log_index: int  # its entry in that log, from 0
    seq: int  # per visitor, from 1
    site: str
    visitor: str
    event_id: str
    fingerprint: bytes
    recorded_ms: int
    evidence: bytes
    subject: bytes


class Statement(Value, frozen=True):
    """A public sentence of the instance about itself, before the store gives it its place."""

    kind: Literal[4, 5, 6]  # of ``ledger.entry``: configuration, keys, note; the store erases
    site: str | None  # None: of the instance
    body: bytes  # JSON as RFC 8785 has it, without a time: the entry has one
    recorded_ms: int
    config: bytes = NOWHERE  # kind 4: SHA-256 of the published configuration
    repeats: bool = True  # False: not written if the newest of this kind and site says the same


class Said(Value, frozen=True):
    """A statement in the log."""

    log: int
    log_index: int
    kind: int
    site: str | None
    body: bytes


class Head(Value, frozen=True):
    """The end of one log."""

    log: int  # from 1; 0 before there is any
    origin: str  # HOST/log/YYYY
    size: int  # the next free index
    last_ms: int  # entry time of the newest entry, not rounded; 0 for none
    root: bytes  # of the tree over all entries
    frontier: tuple[bytes, ...]  # the perfect subtrees that make the tree up, from the left


class Blocks(Value, frozen=True):
    """All that is stored of one choice, as an entry commits to it. Empty where erased."""

    entry: bytes
    evidence: bytes
    evidence_salt: bytes
    subject: bytes
    subject_salt: bytes


class Erasure(Value, frozen=True):
    """Which records lose what. Members that are given all have to fit."""

    part: Part
    why: str  # "request", "retention", "site": stands in the tombstones
    recorded_ms: int
    site: str
    visitor: str | None = None  # only this visitor's
    settled_before_ms: int | None = None  # only of visitors whose newest act is older than this


class Artefact(Value, frozen=True):
    """Something a visitor was shown, under the SHA-256 of its bytes."""

    digest: str  # hex
    shown: Shown
    body: bytes
