"""Where drafts go in the log: the one rule both stores obey. Pure; the caller holds the lock."""

from collections.abc import Sequence

from holdfire.errors import EventConflict, Overtaken
from holdfire.law import Value
from holdfire.model import Draft, Record
from holdfire.store import Appended

Outcome = Appended | EventConflict


class Head(Value, frozen=True):
    """The end of the log."""

    size: int  # the next free index
    last_ms: int  # entry time of the newest record, 0 for none


class Standing(Value, frozen=True):
    """What the log already holds that bears on one draft."""

    seq: int  # the visitor's newest, 0 for none
    known: Record | None  # the record of this event id


class Placement(Value, frozen=True):
    """What to write, and what to answer once it is committed."""

    head: Head  # after the rows
    rows: tuple[Record, ...]
    outcomes: tuple[Outcome, ...]  # one for each draft, in order


def place(drafts: Sequence[Draft], standings: Sequence[Standing], head: Head) -> Placement:
    """Give each new act its place; answer a repeated one with the record of the first.

    Drafts of one batch see each other: the same event id twice makes one row, and two acts of one
    visitor get successive ``seq``.
    """
    rows: list[Record] = []
    outcomes: list[Outcome] = []
    events: dict[tuple[str, str], Record] = {}
    newest: dict[tuple[str, str], int] = {}
    last_ms = head.last_ms
    for draft, standing in zip(drafts, standings, strict=True):
        event = (draft.site, draft.event_id)
        if known := standing.known or events.get(event):
            outcomes.append(_repeated(draft, known))
            continue
        visitor = (draft.site, draft.visitor)
        seq = newest.get(visitor, standing.seq)
        if draft.after not in {None, seq}:
            outcomes.append(Overtaken("The visitor acted meanwhile."))
            continue
        newest[visitor] = seq + 1
        last_ms = max(last_ms, draft.recorded_ms)
        record = Record(
            log_index=head.size + len(rows),
            seq=newest[visitor],
            site=draft.site,
            visitor=draft.visitor,
            event_id=draft.event_id,
            fingerprint=draft.fingerprint,
            recorded_ms=last_ms,
            evidence=draft.evidence,
            subject=draft.subject,
        )
        events[event] = record
        rows.append(record)
        outcomes.append(Appended(record, fresh=True))
    return Placement(Head(head.size + len(rows), last_ms), tuple(rows), tuple(outcomes))


def _repeated(draft: Draft, known: Record) -> Outcome:
    if draft.fingerprint == known.fingerprint:
        return Appended(known, fresh=False)
    return EventConflict("This event id was used for another act.")
