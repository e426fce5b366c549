"""Long answers in pages, and erasures in steps."""

from collections.abc import AsyncIterator, Iterator, Sequence

from holdfire.ledger.tiles import ENTRIES, FULL, Tile, hashes_at
from holdfire.record import Head
from holdfire.store import MOST_STANDINGS

# Records held in memory by a scan: 1 MB of usual ones, 64 MB of the largest there can be.
PAGE = 512

# Of places alone, which are two numbers.
PLACES = 8192

# What one transaction of an erasure takes: others wait for it.
STEP = 256

# What ``Store.entries`` gives at most.
ENTRIES_AT_MOST = 4096

Place = tuple[int, int]
"""Log and index of an entry."""


def spans(heads: Sequence[Head], after: Place, page: int = PAGE) -> Iterator[tuple[int, int, int]]:
    """Log, first index and the one past the last, of pages that hold all after an entry."""
    for head in heads:
        if head.log >= after[0]:
            start = after[1] + 1 if head.log == after[0] else 0
            for first in range(start, head.size, page):
                yield head.log, first, min(first + page, head.size)


async def steps(found: AsyncIterator[Sequence[Place]]) -> AsyncIterator[tuple[Place, ...]]:
    """The same places, so many as are erased at a time."""
    async for places in found:
        for start in range(0, len(places), STEP):
            yield tuple(places[start : start + STEP])


def within(start: int, end: int) -> None:
    """Raises ``ValueError`` for more entries than are given at a time."""
    if end - start > ENTRIES_AT_MOST:
        raise ValueError(f"at most {ENTRIES_AT_MOST} entries at a time")


def so_many(visitors: Sequence[str]) -> None:
    """Raises ``ValueError`` for more visitors than are asked about at a time."""
    if len(visitors) > MOST_STANDINGS:
        raise ValueError(f"at most {MOST_STANDINGS} visitors at a time")


def hashes_of(tile: Tile, heads: Sequence[Head], log: int) -> tuple[int, int]:
    """First and past-the-last hash of a tile, at its level.

    Raises ``LookupError`` if there is no such log or it is not that long.
    """
    size = next((head.size for head in heads if head.log == log), 0)
    first = tile.index * FULL
    if tile.level == ENTRIES or first + tile.width > hashes_at(tile.level, size):
        raise LookupError("the log is not that long")
    return first, first + tile.width
