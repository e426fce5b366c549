"""The tree in tiles of up to 256 hashes, as static files: C2SP tlog-tiles."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from holdfire.ledger import Malformed
from holdfire.ledger.merkle import EMPTY_ROOT, WIDTH, Range, node_hash
from holdfire.ledger.scalars import LARGEST, decimal

FULL = 256
"""Hashes of a full tile, or entries of a full bundle."""

HEIGHT = 8
"""Levels of the tree in one tile."""

ENTRIES = -1
"""The level that stands for entry bundles, which are named like tiles."""

TOP = 63
"""The highest level a path can name."""

DIGITS = 3


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """`width` consecutive hashes of one level; of level `ENTRIES`, that many entries."""

    level: int
    index: int
    width: int = FULL

    def __post_init__(self) -> None:
        if not ENTRIES <= self.level <= TOP:
            raise Malformed("a tile's level is 0 to 63")
        if not 0 <= self.index <= LARGEST or not 1 <= self.width <= FULL:
            raise Malformed("a tile holds 1 to 256 hashes")

    @classmethod
    def of(cls, level: int, index: int, size: int) -> Self:
        """Return the tile as it is in a tree of `size` leaves; raises `Malformed` if not in it."""
        return cls(level, index, min(FULL, hashes_at(level, size) - index * FULL))

    def path(self) -> str:
        """Where it is served below the log's prefix: `tile/0/x001/x234/067.p/112`."""
        number = str(self.index)
        number = number.zfill(-len(number) % DIGITS + len(number))
        parts = [number[i : i + DIGITS] for i in range(0, len(number), DIGITS)]
        level = "entries" if self.level == ENTRIES else str(self.level)
        partial = "" if self.width == FULL else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(['x' + p for p in parts[:-1]] + parts[-1:])}{partial}"


def parse_path(path: str) -> Tile:
    """Read what `Tile.path` writes, and nothing else: raises `Malformed`."""
    head, _, partial = path.partition(".p/")
    start, _, rest = head.partition("/")
    level, _, number = rest.partition("/")
    if start != "tile" or not number:
        raise Malformed("not the path of a tile")
    digits = "".join(p.removeprefix("x") for p in number.split("/"))
    tile = Tile(
        ENTRIES if level == "entries" else decimal(level),
        decimal(digits.lstrip("0") or "0"),
        decimal(partial) if partial else FULL,
    )
    if tile.path() != path:
        raise Malformed("not the path of a tile")
    return tile


def hashes_at(level: int, size: int) -> int:
    """How many hashes, or entries, a tree of `size` leaves has at a level of tiles."""
    return size >> HEIGHT * max(level, 0)


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile of hashes of a tree of `size` leaves, level by level."""
    for level in range(TOP + 1):
        count = hashes_at(level, size)
        for index in range(-(-count // FULL)):
            yield Tile.of(level, index, size)


def tiles_for(ranges: Iterable[Range], size: int) -> tuple[Tile, ...]:
    """Tiles, each once, that `range_hash` needs for these ranges in a tree of `size` leaves."""
    return tuple(
        sorted(
            {
                Tile.of(level, lo >> HEIGHT * (level + 1), size)
                for range_ in ranges
                for lo, height in perfect(*range_)
                for level in (height // HEIGHT,)
            }
        )
    )


def range_hash(lo: int, hi: int, tiles: Mapping[tuple[int, int], bytes]) -> bytes:
    """Hash of the subtree over leaves `lo` to `hi`, from tiles by (level, index).

    `lo` is a multiple of the largest power of two within the width, as in every range of a
    proof. Raises `Malformed` if a tile is missing or too short.
    """
    if lo == hi:
        return EMPTY_ROOT
    *left, hash_ = [subtree_hash(at, height, tiles) for at, height in perfect(lo, hi)]
    for sibling in reversed(left):
        hash_ = node_hash(sibling, hash_)
    return hash_


def perfect(lo: int, hi: int) -> list[tuple[int, int]]:
    """The perfect subtrees that a range consists of, left to right: (first leaf, height)."""
    subtrees = []
    while lo < hi:
        height = (hi - lo).bit_length() - 1
        subtrees.append((lo, height))
        lo += 1 << height
    return subtrees


def subtree_hash(lo: int, height: int, tiles: Mapping[tuple[int, int], bytes]) -> bytes:
    """Hash of one perfect subtree, from the tile that holds its lowest known hashes."""
    level, inside = divmod(height, HEIGHT)
    position = lo >> HEIGHT * level
    index, offset = divmod(position, FULL)
    tile = tiles.get((level, index), b"")
    wanted = tile[offset * WIDTH : (offset + (1 << inside)) * WIDTH]
    if len(wanted) != WIDTH << inside:
        raise Malformed(f"tile {level}/{index} is missing or too short")
    hashes = [wanted[i : i + WIDTH] for i in range(0, len(wanted), WIDTH)]
    while len(hashes) > 1:
        hashes = [node_hash(a, b) for a, b in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]
