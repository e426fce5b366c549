"""The hashes of the logs' trees, read by tiles: what proofs are made of."""

from collections.abc import Sequence

from holdfire.ledger import Malformed
from holdfire.ledger.merkle import Range
from holdfire.ledger.tiles import FULL, Tile, range_hash, tiles_for
from holdfire.store import Store

KEPT = 256  # full tiles, 8 KiB each: all that proofs over the newest 60,000 entries need


class Tree:
    """Reads tiles, and keeps the full ones it used last: those never change."""

    def __init__(self, store: Store, kept: int = KEPT) -> None:
        self._store = store
        self._most = kept
        self._kept: dict[tuple[int, Tile], bytes] = {}

    async def tile(self, log: int, tile: Tile) -> bytes:
        """The hashes of one tile, 32 bytes each.

        Raises ``LookupError`` if the log is not that long, and ``StoreUnavailable``.
        """
        key = (log, tile)
        hashes = self._kept.pop(key, None)
        if hashes is None:
            hashes = await self._store.tile(log, tile)
        if tile.width == FULL:
            self._kept[key] = hashes  # last in, so that the first is the one longest unused
            if len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        return hashes

    async def hashes(self, log: int, size: int, ranges: Sequence[Range]) -> tuple[bytes, ...]:
        """The hashes of some subtrees of the tree of ``size`` entries, such as those of a proof.

        Reads at most some tiles for each level of tiles. Raises as ``tile``.
        """
        tiles = {
            (tile.level, tile.index): await self.tile(log, tile) for tile in tiles_for(ranges, size)
        }
        try:
            return tuple(range_hash(lo, hi, tiles) for lo, hi in ranges)
        except Malformed as error:
            raise LookupError("a tile is shorter than its tree") from error
