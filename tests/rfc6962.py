"""The tree of RFC 6962 section 2.1, written as the RFC writes it: slow, short, and no code of ours."""

from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256


class Tree:
    """A tree over leaves that are given as their hashes; `D` is what the RFC calls them."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = leaves
        self.mth: Callable[[int, int], bytes] = cache(self._mth)

    def _mth(self, lo: int, hi: int) -> bytes:
        """MTH(D[lo:hi])."""
        if hi - lo == 0:
            return sha256(b"").digest()
        if hi - lo == 1:
            return self.leaves[lo]
        k = lo + split(hi - lo)
        return sha256(b"\x01" + self.mth(lo, k) + self.mth(k, hi)).digest()

    def path(self, m: int, lo: int, hi: int) -> list[bytes]:
        """PATH(m, D[lo:hi]), with m counted from the start of the tree."""
        if hi - lo == 1:
            return []
        k = lo + split(hi - lo)
        if m < k:
            return [*self.path(m, lo, k), self.mth(k, hi)]
        return [*self.path(m, k, hi), self.mth(lo, k)]

    def proof(self, m: int, lo: int, hi: int, *, whole: bool = True) -> list[bytes]:
        """SUBPROOF(m, D[lo:hi], whole), with m counted from the start of the tree."""
        if m == hi:
            return [] if whole else [self.mth(lo, hi)]
        k = lo + split(hi - lo)
        if m <= k:
            return [*self.proof(m, lo, k, whole=whole), self.mth(k, hi)]
        return [*self.proof(m, k, hi, whole=False), self.mth(lo, k)]


def split(n: int) -> int:
    """Return k, the largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k
