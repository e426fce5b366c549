"""One entry of the log: 128 bytes that commit to a choice, or to another act, without telling it.

Offset, length and field, numbers big-endian:

    0   4  "CRL1"
    4   1  kind
    5   1  flags
    6   2  zero
    8   8  time: milliseconds since 1970, UTC, rounded down to the minute
    16  16 tenant
    32  32 commitment to the evidence; kinds 3 to 6: SHA-256 of a public statement
    64  32 commitment to the subject; zero unless kind 1 or 7
    96  32 kinds 1, 4, 7: SHA-256 of the published configuration; kind 3: the index of the entry
           whose blocks were erased, 8 bytes, then zeros; else zero
"""

from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from struct import Struct
from typing import Final

from holdfire.ledger import Malformed
from holdfire.ledger.scalars import LARGEST

MAGIC = b"CRL1"
SIZE = 128
"""Bytes of an entry."""

OUTBOX: Final = 1
"""The choice came by the browser's outbox, later than it was made."""
SKEWED: Final = 2
"""The browser's clock was off by more than five minutes."""
SYNTHETIC: Final = 4
"""The click was not a trusted event."""

MINUTE: Final = 60_000
LAST_MS: Final = 253_402_300_740_000
"""The last minute of the year 9999: later times have no date in the usual calendars."""

SALT: Final = 32
"""Bytes of a salt."""
ZERO: Final = bytes(32)
NO_TENANT: Final = bytes(16)
LAYOUT = Struct(">4sBBHQ16s32s32s32s")


class Kind(IntEnum):
    """What an entry records."""

    CHOICE = 1
    ERASURE = 3
    CONFIG = 4
    KEYS = 5
    NOTE = 6
    IMPORT = 7


PERSONAL = frozenset({Kind.CHOICE, Kind.IMPORT})
"""Kinds that commit to an evidence and a subject, each with its salt; the rest make a statement."""
CONFIGURED = frozenset({Kind.CHOICE, Kind.CONFIG, Kind.IMPORT})
"""Kinds whose tail is the SHA-256 of a configuration."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that keeps all rules of its kind; making another raises `Malformed`."""

    kind: Kind
    flags: int
    ms: int
    tenant: bytes
    evidence: bytes
    subject: bytes = ZERO
    tail: bytes = ZERO

    def __post_init__(self) -> None:
        widths = [len(field) for field in (self.tenant, self.evidence, self.subject, self.tail)]
        if widths != [16, 32, 32, 32]:
            raise Malformed("a field of the entry has the wrong length")
        if self.ms % MINUTE or not 0 <= self.ms <= LAST_MS:
            raise Malformed("the time is no whole minute up to the year 9999")
        if self.flags & ~(OUTBOX | SKEWED | SYNTHETIC):
            raise Malformed("a reserved flag is set")
        if self.kind not in PERSONAL and (self.flags or self.subject != ZERO):
            raise Malformed("flags and a subject belong to choices and imports")
        if self.kind in PERSONAL and self.tenant == NO_TENANT:
            raise Malformed("a choice that belongs to no site")
        if self.kind not in CONFIGURED and self.tail[8 * (self.kind == Kind.ERASURE) :].strip(
            b"\0"
        ):
            raise Malformed("the end of the entry is not zero")
        if self.kind == Kind.ERASURE and self.erased > LARGEST:
            raise Malformed("the index erased is too large")

    @property
    def erased(self) -> int:
        """Index of the entry whose blocks an erasure deleted."""
        return int.from_bytes(self.tail[:8])

    def encode(self) -> bytes:
        """Return the 128 bytes that are the leaf."""
        return LAYOUT.pack(
            MAGIC,
            self.kind,
            self.flags,
            0,
            self.ms,
            self.tenant,
            self.evidence,
            self.subject,
            self.tail,
        )


def decode(data: bytes) -> Entry:
    """Read an entry, or raise `Malformed`."""
    if len(data) != SIZE:
        raise Malformed(f"an entry has {SIZE} bytes, not {len(data)}")
    magic, kind, flags, reserved, ms, tenant_, evidence, subject, tail = LAYOUT.unpack(data)
    if magic != MAGIC or reserved:
        raise Malformed("not an entry of this format")
    if kind not in frozenset(Kind):
        raise Malformed(f"no kind {kind}")
    return Entry(Kind(kind), flags, ms, tenant_, evidence, subject, tail)


def minute(ms: int) -> int:
    """Return a time in milliseconds rounded down to the minute."""
    return ms - ms % MINUTE


def erased_tail(index: int) -> bytes:
    """Tail of an erasure of the entry at `index`."""
    return index.to_bytes(8) + bytes(24)


def tenant(site: str) -> bytes:
    """Name a site in an entry, 16 bytes; entries of no site have `NO_TENANT`."""
    return sha256(b"tenant/v1\n" + site.encode()).digest()[:16]


def commit_evidence(salt: bytes, block: bytes) -> bytes:
    """Commit to the evidence block as it is stored; the salt has 32 random bytes."""
    return commit(b"consent-evidence/v1\n", salt, block)


def commit_subject(salt: bytes, block: bytes) -> bytes:
    """Commit to the subject block as it is stored; the salt has 32 random bytes."""
    return commit(b"consent-subject/v1\n", salt, block)


def statement_hash(body: bytes) -> bytes:
    """SHA-256 of a public statement as it is stored, which its entry has for evidence."""
    return sha256(body).digest()


def commit(domain: bytes, salt: bytes, block: bytes) -> bytes:
    """SHA-256 of domain, salt and block; without the salt nobody can test a guess at the block."""
    if len(salt) != SALT:
        raise Malformed(f"a salt has {SALT} bytes")
    return sha256(domain + salt + block).digest()
