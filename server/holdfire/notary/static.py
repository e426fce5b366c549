"""A log as static files, for an auditor: C2SP tlog-tiles, entry bundles included.

Entries are 128 bytes of commitments; who has all of them can count a site's choices by the minute,
so bundles are handed to auditors and not served.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from holdfire.errors import HoldfireError
from holdfire.ledger import checkpoint, note
from holdfire.ledger.tiles import ENTRIES, FULL, Tile, tiles_of
from holdfire.notary import inspection
from holdfire.record import Head
from holdfire.store import Store

EVERY = 256  # files between two lines of progress


async def write(
    store: Store, head: Head, folder: Path, policy: str, tell: Callable[[str], None]
) -> int:
    """Write a log up to its newest checkpoint, which comes last; returns that size.

    Raises ``HoldfireError`` if there is no checkpoint or the log is not what was signed,
    ``StoreUnavailable``, and ``OSError``.
    """
    published = await store.checkpoint(head.log)
    if published is None:
        raise HoldfireError(f"nothing of {head.origin} is signed yet")
    signed = checkpoint.parse(note.parse(published).text)
    try:
        frontier = await inspection.frontier_at(store, head.log, signed.size)
        whole = frontier.root() == signed.root
    except LookupError:
        whole = False
    if not whole:
        raise HoldfireError(f"{head.origin} is not what was signed; run: holdfire log fsck")
    for count, tile in enumerate(_tiles(signed.size)):
        if count % EVERY == 0:
            tell(f"{count} files written")
        _put(folder / tile.path(), await _content(store, head.log, tile))
    _put(folder / "policy", policy.encode())
    _put(folder / "checkpoint", published)
    return signed.size


def _tiles(size: int) -> Iterator[Tile]:
    yield from tiles_of(size)
    for index in range(-(-size // FULL)):
        yield Tile.of(ENTRIES, index, size)


async def _content(store: Store, log: int, tile: Tile) -> bytes:
    if tile.level != ENTRIES:
        return await store.tile(log, tile)
    first = tile.index * FULL
    bodies = await store.entries(log, first, first + tile.width)
    return b"".join(len(body).to_bytes(2) + body for body in bodies)


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
