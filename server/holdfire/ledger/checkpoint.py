"""A log's head in three lines: C2SP tlog-checkpoint, without extension lines."""

from dataclasses import dataclass

from holdfire.ledger import Malformed
from holdfire.ledger.merkle import EMPTY_ROOT, WIDTH
from holdfire.ledger.scalars import LARGEST, base64, decimal, unbase64

LINES = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tree of a log, named by its origin, at a size; raises `Malformed` if it cannot be one."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin or any(c < " " for c in self.origin):
            raise Malformed("an origin is one line")
        if not 0 <= self.size <= LARGEST or len(self.root) != WIDTH:
            raise Malformed("no size and root of a tree")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise Malformed("the empty tree has another root")

    def text(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64(self.root)}\n"


def parse(text: str) -> Checkpoint:
    """Read what `Checkpoint.text` writes, and nothing else: raises `Malformed`."""
    *lines, end = text.split("\n")
    if len(lines) != LINES or end:
        raise Malformed("a checkpoint has three lines")
    origin, size, root = lines
    return Checkpoint(origin, decimal(size), unbase64(root, WIDTH))
