"""A note of the operator: an outage, a clock that was wrong, whatever a reader of the log has to know."""

from holdfire.canonical import canonical
from holdfire.errors import HoldfireError
from holdfire.ledger.entry import Kind
from holdfire.record import Statement

LONGEST = 2_000  # characters: a note is read in court, not archived there


def noted(because: str, now_ms: int) -> Statement:
    """The statement that says it, as of now (milliseconds since 1970, UTC).

    Raises ``HoldfireError`` if it says nothing, or more than fits a note.
    """
    text = because.strip()
    if not text or len(text) > LONGEST:
        raise HoldfireError(f"a note has 1 to {LONGEST} characters")
    said = canonical({"because": text, "v": 1, "what": "noted"})
    return Statement(kind=Kind.NOTE.value, site=None, body=said, recorded_ms=now_ms)
