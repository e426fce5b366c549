"""Statements of kind 3: which entry lost what, and why. They make a gap a lawful one."""

from typing import Literal

import msgspec

from holdfire.law import Value
from holdfire.ledger.entry import Kind
from holdfire.notary.leaves import Missing
from holdfire.record import Part, Said
from holdfire.store import Store


class Tombstone(Value, frozen=True):
    """The body of the statement."""

    v: Literal[1]
    origin: str  # of the log that has the entry
    index: int
    part: Part
    because: str

    def covers(self, missing: Missing) -> Missing:
        """What is missing, less what this one accounts for: all, or the subject alone."""
        return frozenset() if self.part == "record" else missing - {"subject"}


_DECODER = msgspec.json.Decoder(Tombstone)


def read(said: Said) -> Tombstone | None:
    """The tombstone in a statement, if it is one."""
    try:
        return _DECODER.decode(said.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


async def cover(store: Store, origin: str, index: int, missing: Missing) -> bool:
    """Whether tombstones account for all that is missing of an entry. Reads all tombstones."""
    async for said in store.statements(Kind.ERASURE):
        tombstone = read(said)
        if tombstone and (tombstone.origin, tombstone.index) == (origin, index):
            missing = tombstone.covers(missing)
    return not missing
