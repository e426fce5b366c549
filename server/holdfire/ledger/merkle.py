"""The Merkle tree of RFC 6962 section 2.1: its hashes, its growth and its two proofs."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from holdfire.ledger import Malformed

WIDTH = 32
"""Bytes of a hash."""

EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without leaves."""

Range = tuple[int, int]
"""Leaves `lo` up to and without `hi`, whose subtree hash is meant."""


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The perfect subtrees a tree of `size` leaves consists of, left to right: all it needs to grow.

    There is one for each bit set in `size`, the largest first. Raises `Malformed` on any other
    number of them.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise Malformed(f"{len(self.hashes)} subtrees do not make {self.size} leaves")
        if any(len(h) != WIDTH for h in self.hashes):
            raise Malformed("a subtree's hash has 32 bytes")

    def append(self, leaf: bytes) -> Self:
        """Return the frontier with one leaf more, given as its hash."""
        hashes, carry = list(self.hashes), self.size
        while carry & 1:
            leaf = node_hash(hashes.pop(), leaf)
            carry >>= 1
        return type(self)(self.size + 1, (*hashes, leaf))

    def root(self) -> bytes:
        """Root of the whole tree."""
        if not self.hashes:
            return EMPTY_ROOT
        *left, root = self.hashes
        for hash_ in reversed(left):
            root = node_hash(hash_, root)
        return root


def inclusion_root(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """Root of the tree of `size` leaves in which the leaf (a hash) stands at `index` by this path.

    RFC 9162 section 2.1.3.2. Raises `Malformed` if the index is outside the tree or the path is
    not exactly as long as it must be.
    """
    if not 0 <= index < size:
        raise Malformed(f"no leaf {index} in a tree of {size}")
    # Up to where the paths of this leaf and of the last one meet, a sibling is on either side;
    # above it, only on the left.
    inner = (index ^ (size - 1)).bit_length()
    if len(path) != inner + (index >> inner).bit_count():
        raise Malformed("the path has the wrong length")
    if any(len(h) != WIDTH for h in path):
        raise Malformed("a hash of the path has 32 bytes")
    root = leaf
    for level, sibling in enumerate(path):
        on_left = level >= inner or index >> level & 1
        root = node_hash(sibling, root) if on_left else node_hash(root, sibling)
    return root


def is_consistent(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether the path proves that the older tree is the beginning of the newer one.

    RFC 9162 section 2.1.4.2. Every tree begins with the empty one, and with itself, by an empty
    path.
    """
    if not 0 <= old_size <= new_size or any(len(h) != WIDTH for h in path):
        return False
    if old_size == new_size:
        return not path and old_root == new_root and (old_size > 0 or old_root == EMPTY_ROOT)
    if old_size == 0:
        return not path and old_root == EMPTY_ROOT
    # As in `inclusion_root`, from the last perfect subtree of the older tree upward. A perfect
    # older tree is that subtree itself, and is left out of the path.
    shift = (old_size & -old_size).bit_length() - 1
    last = old_size - 1 >> shift
    inner = (last ^ (new_size - 1 >> shift)).bit_length()
    seeds = [old_root] if last == 0 else []
    if len(seeds) + len(path) != 1 + inner + (last >> inner).bit_count():
        return False
    old, *siblings = *seeds, *path
    new = old
    for level, sibling in enumerate(siblings):
        if level >= inner or last >> level & 1:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    return old == old_root and new == new_root


def left_size(width: int) -> int:
    """How many of `width` > 1 leaves go left: the largest power of two below `width`."""
    return 1 << (width - 1).bit_length() - 1


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Subtrees whose hashes are the inclusion path of a leaf, from its sibling upward.

    RFC 6962 section 2.1.1. Raises `Malformed` if the leaf is outside the tree.
    """
    if not 0 <= index < size:
        raise Malformed(f"no leaf {index} in a tree of {size}")
    lo, hi, ranges = 0, size, []
    while hi - lo > 1:
        middle = lo + left_size(hi - lo)
        if index < middle:
            ranges.append((middle, hi))
            hi = middle
        else:
            ranges.append((lo, middle))
            lo = middle
    return ranges[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """Subtrees whose hashes are the consistency path between two sizes of one tree.

    RFC 6962 section 2.1.2; none from size 0 or between equal sizes. Raises `Malformed` if the
    older is larger.
    """
    if not 0 <= old <= new:
        raise Malformed(f"a tree of {old} is no beginning of a tree of {new}")
    if old in (0, new):
        return []
    lo, hi, ranges = 0, new, []
    while old != hi:
        middle = lo + left_size(hi - lo)
        if old <= middle:
            ranges.append((middle, hi))
            hi = middle
        else:
            ranges.append((lo, middle))
            lo = middle
    if lo:
        ranges.append((lo, hi))
    return ranges[::-1]
