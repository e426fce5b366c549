"""What places in the log are given from, and what is written there. Values, no more."""

from collections.abc import Callable, Collection
from typing import NamedTuple

from holdfire.law import Value
from holdfire.record import Head, Part, Record
from holdfire.store.work import Outcome

Random = Callable[[int], bytes]


class Standing(Value, frozen=True):
    """What the log already holds that bears on one draft."""

    person: tuple[int, bytes] | None  # number and key of the visitor, if they have any
    seq: int  # the visitor's newest, 0 for none
    known: Record | None  # the record of this event id
    spent: bool  # the record of this event id was erased


class Erased(NamedTuple):
    """A record of which something is to be erased."""

    log: int
    log_index: int
    origin: str
    person: int
    event_id: str


class RecordRow(NamedTuple):
    """Columns of ``record``."""

    log: int
    log_index: int
    seq: int
    site: str
    person: int
    event_id: str
    fingerprint: bytes
    recorded_ms: int


class Tombstone(NamedTuple):
    """Columns of ``tombstone``."""

    log: int
    log_index: int
    part: Part
    by_log: int
    by_index: int
    event: str | None


class Stretch(Value, frozen=True):
    """Entries that go into one log, and where it ends after them."""

    head: Head
    opens: bool  # the log is new, and the one before it is closed
    entries: tuple[tuple[int, int, bytes], ...]


class Placement(Value, frozen=True):
    """What to write, in this order, and what to answer once it is committed."""

    stretches: tuple[Stretch, ...]  # at least one: the last says where it all ends
    people: int  # how many persons there ever were
    nodes: tuple[tuple[int, int, int, bytes], ...]  # log, level, n, hash
    persons: tuple[tuple[int, str, str, bytes], ...]  # number, site, visitor, key
    records: tuple[RecordRow, ...]
    evidence: tuple[tuple[int, int, bytes, bytes], ...]  # log, index, salt, body
    subjects: tuple[tuple[int, int, bytes], ...]  # log, index, sealed
    statements: tuple[tuple[int, int, int, str | None, bytes], ...]
    tombstones: tuple[Tombstone, ...]
    outcomes: tuple[Outcome, ...]  # one for each piece of work, in order

    @property
    def head(self) -> Head:
        """Where it all ends."""
        return self.stretches[-1].head


class Ground(Value, frozen=True):
    """What there is before: read behind the lock."""

    head: Head
    people: int
    origins: Collection[str]  # of all logs; may be empty if ``turns`` says no
    host: str
