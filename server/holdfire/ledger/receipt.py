"""Receipts: one entry with all that shows it is in the log, as a C2SP tlog-proof file.

The file's `extra` line holds the entry and what it commits to:

    entry[128] || salt[32] || u16 n || evidence[n] || salt[32] || u16 m || subject[m]

Where the person was erased, or the entry has no subject, the second salt is zero and m is 0. An
entry that makes a public statement has it in place of the evidence, and a salt of zeros.
"""

from dataclasses import dataclass
from typing import Final

from holdfire.ledger import Malformed, entry, merkle, note
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.ledger.checkpoint import parse as parse_checkpoint
from holdfire.ledger.entry import SALT, ZERO, Entry
from holdfire.ledger.merkle import WIDTH
from holdfire.ledger.scalars import LARGEST, base64, decimal, unbase64

FAMILY: Final = b"c2sp.org/tlog-proof@v"
"""How the first line of every version of the format begins."""
VERSION: Final = "c2sp.org/tlog-proof@v1"
LENGTH = 2
"""Bytes of a block's length."""
LONGEST = 2**16 - 1
MOST_BYTES: Final = 1 << 20
"""No receipt is larger: two blocks, 63 hashes and 64 signatures are far below."""
HEADER_LINES = 3


@dataclass(frozen=True, slots=True)
class Block:
    """Bytes that an entry commits to, and the salt of the commitment."""

    salt: bytes = ZERO
    body: bytes = b""

    def __post_init__(self) -> None:
        if len(self.salt) != SALT or len(self.body) > LONGEST:
            raise Malformed(f"a salt has {SALT} bytes, and a block at most {LONGEST}")

    def encode(self) -> bytes:
        """Return salt, length and bytes."""
        return self.salt + len(self.body).to_bytes(LENGTH) + self.body


NOT_SHOWN = Block()
"""A block that was erased, or that the entry never had."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a `.tlog-proof` file says; whether it is true is for `verdict` to judge.

    `checkpoint` are the bytes of the signed note. Raises `Malformed` on parts that no file can say.
    """

    entry: Entry
    evidence: Block
    subject: Block
    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes

    def __post_init__(self) -> None:
        if not self.evidence.body:
            raise Malformed("a receipt shows what its entry commits to")
        if self.subject.salt != ZERO and not self.subject.body:
            raise Malformed("a salt without a subject")
        if self.entry.kind not in entry.PERSONAL and (
            self.evidence.salt != ZERO or self.subject != NOT_SHOWN
        ):
            raise Malformed("a statement has no salt and no subject")
        if not 0 <= self.index <= LARGEST or any(len(h) != WIDTH for h in self.path):
            raise Malformed("no index and path of a tree")

    def encode(self) -> bytes:
        """Return the bytes of the file."""
        extra = self.entry.encode() + self.evidence.encode() + self.subject.encode()
        lines = [VERSION, f"extra {base64(extra)}", f"index {self.index}", *map(base64, self.path)]
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.checkpoint

    def shows_evidence(self) -> bool:
        """Whether the evidence, or statement, is the one the entry commits to."""
        if self.entry.kind in entry.PERSONAL:
            committed = entry.commit_evidence(self.evidence.salt, self.evidence.body)
        else:
            committed = entry.statement_hash(self.evidence.body)
        return committed == self.entry.evidence

    def shows_subject(self) -> bool:
        """Whether the subject is the one the entry commits to."""
        return entry.commit_subject(self.subject.salt, self.subject.body) == self.entry.subject

    def root(self, size: int) -> bytes:
        """Root of the tree of `size` leaves that has this entry; `Malformed` if none can have it."""
        leaf = merkle.leaf_hash(self.entry.encode())
        return merkle.inclusion_root(self.index, size, leaf, self.path)

    def head(self) -> tuple[Checkpoint, note.Note]:
        """Return the checkpoint and the note it was signed as, or raise `Malformed`."""
        signed = note.parse(self.checkpoint)
        return parse_checkpoint(signed.text), signed


def decode(data: bytes) -> Receipt:
    """Read a receipt, or raise `Malformed`: every length is exact, and nothing may follow."""
    if len(data) > MOST_BYTES:
        raise Malformed("larger than any receipt")
    head, blank, signed = data.partition(b"\n\n")
    if not blank:
        raise Malformed("no blank line before the checkpoint")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as e:
        raise Malformed("not ASCII") from e
    if len(lines) < HEADER_LINES or lines[0] != VERSION:
        raise Malformed(f"a receipt begins with {VERSION}, extra and index")
    extra, index = after(lines[1], "extra "), after(lines[2], "index ")
    path = tuple(unbase64(line, WIDTH) for line in lines[HEADER_LINES:])
    return Receipt(*decode_extra(unbase64(extra)), decimal(index), path, signed)


def after(line: str, word: str) -> str:
    """Return what follows the word a line has to begin with."""
    if not line.startswith(word):
        raise Malformed(f"no line that begins with {word.strip()}")
    return line.removeprefix(word)


def decode_extra(extra: bytes) -> tuple[Entry, Block, Block]:
    """Read the entry and its two blocks, or raise `Malformed`."""
    leaf, rest = extra[: entry.SIZE], extra[entry.SIZE :]
    evidence, rest = take_block(rest)
    subject, rest = take_block(rest)
    if rest:
        raise Malformed("bytes after the subject")
    return entry.decode(leaf), evidence, subject


def take_block(data: bytes) -> tuple[Block, bytes]:
    """Return the block that the data begins with, and what follows it."""
    start = SALT + LENGTH
    end = start + int.from_bytes(data[SALT:start])
    if len(data) < start or len(data) < end:
        raise Malformed("a block is cut off")
    return Block(data[:SALT], data[start:end]), data[end:]
