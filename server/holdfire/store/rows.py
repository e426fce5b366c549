"""Rows of the tables as the values of the contract, the same for both engines."""

from collections.abc import Sequence
from typing import Any

from holdfire.ledger.entry import PERSONAL
from holdfire.ledger.merkle import EMPTY_ROOT, WIDTH
from holdfire.record import Blocks, Head, Record
from holdfire.store.sealing import unseal

NO_HEAD = Head(log=0, origin="", size=0, last_ms=0, root=EMPTY_ROOT, frontier=())
"""Where a database ends in which nothing was ever written."""

_KIND = 4  # where an entry has its kind

HEAD = "log, origin, size, last_ms, root, frontier"
"""The columns of ``head`` that ``head`` takes."""

HEADS = """
    SELECT number, log.origin,
        coalesce(closed.size, head.size), coalesce(closed.last_ms, head.last_ms),
        coalesce(closed.root, head.root), coalesce(closed.frontier, head.frontier)
    FROM log JOIN head ON head.id = 1 LEFT JOIN closed ON closed.log = number
    ORDER BY number
"""

RECORD = """
    record.log, record.log_index, record.seq, record.site, person.visitor, record.event_id,
    record.fingerprint, record.recorded_ms, evidence.body, subject.sealed, person.key
"""
"""What ``record`` takes, of four tables: the last two may have no row."""


def head(row: Sequence[Any]) -> Head:
    """Columns ``HEAD``."""
    log, origin, size, last_ms, root, frontier = row
    hashes = tuple(frontier[i : i + WIDTH] for i in range(0, len(frontier), WIDTH))
    return Head(log, origin, size, last_ms, root, hashes)


def record(row: Sequence[Any]) -> Record:
    """Columns ``RECORD``. A subject that does not open is empty, as an erased one is."""
    log, log_index, seq, site, visitor, event_id, fingerprint, recorded_ms, evidence = row[:9]
    opened = row[9] and row[10] and unseal(row[10], log, log_index, row[9])
    return Record(
        log=log,
        log_index=log_index,
        seq=seq,
        site=site,
        visitor=visitor or "",
        event_id=event_id,
        fingerprint=fingerprint,
        recorded_ms=recorded_ms,
        evidence=evidence,
        subject=opened[1] if opened else b"",
    )


def blocks(log: int, log_index: int, row: Sequence[Any]) -> Blocks | None:
    """Columns entry, evidence's salt and body, subject, key. A subject that does not open is empty, as an erased one is."""
    body, salt, evidence, sealed, key = row
    if body[_KIND] not in PERSONAL:
        return None
    opened = sealed and key and unseal(key, log, log_index, sealed)
    subject_salt, subject = opened or (b"", b"")
    return Blocks(
        entry=body,
        evidence=evidence or b"",
        evidence_salt=salt or b"",
        subject=subject,
        subject_salt=subject_salt,
    )
