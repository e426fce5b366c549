"""What a log sends to be cosigned: C2SP tlog-witness, the body of add-checkpoint."""

from dataclasses import dataclass

from holdfire.ledger import Malformed, checkpoint, note
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.ledger.merkle import WIDTH
from holdfire.ledger.note import Note
from holdfire.ledger.scalars import base64, decimal, unbase64

MOST_HASHES = 63
"""Hashes of a consistency proof: more, no tree has levels for."""
HEAD_LINES = 3


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint, and the proof that its tree begins with the tree of ``old`` entries."""

    old: int
    path: tuple[bytes, ...]
    head: Checkpoint
    note: Note

    def encode(self) -> bytes:
        """Return the body of the request."""
        lines = (f"old {self.old}", *map(base64, self.path), "")
        return "".join(f"{line}\n" for line in lines).encode() + self.note.encode()


def parse(body: bytes) -> Submission:
    """Read the body of a request, and nothing that is written in another way: raises `Malformed`."""
    start, blank, signed = body.partition(b"\n\n")
    if not blank:
        raise Malformed("no empty line before the checkpoint")
    try:
        first, *hashes = start.decode("ascii").split("\n")
    except UnicodeDecodeError as e:
        raise Malformed("the proof is not ASCII") from e
    if not first.startswith("old "):
        raise Malformed("a request begins with the old size")
    if len(hashes) > MOST_HASHES:
        raise Malformed(f"more than {MOST_HASHES} lines of proof")
    old = decimal(first.removeprefix("old "))
    path = tuple(unbase64(line, WIDTH) for line in hashes)
    read = note.parse(signed)
    return Submission(old, path, head_of(read.text), read)


def head_of(text: str) -> Checkpoint:
    """Read a checkpoint of any log, which may have lines of its own below: raises `Malformed`.

    They are signed with the rest, and nothing is said of them (tlog-cosignature, "Ed25519 signed
    message").
    """
    *lines, _ = text.split("\n")
    if "" in lines:
        raise Malformed("an empty line in the checkpoint")
    return checkpoint.parse("".join(f"{line}\n" for line in lines[:HEAD_LINES]))
