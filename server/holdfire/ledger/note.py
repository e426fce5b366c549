"""Signed notes: text with lines of signatures, C2SP signed-note, and cosignatures with a time.

Two kinds of signature are known: Ed25519 over the text (0x01), which logs make, and the
timestamped Ed25519 cosignature of tlog-cosignature (0x04), which witnesses make.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from holdfire.ledger import Malformed, ed25519
from holdfire.ledger.scalars import LARGEST, base64, unbase64

SIGNATURE: Final = 0x01
"""Type of a key that signs the text."""
COSIGNATURE: Final = 0x04
"""Type of a key that signs the text and a time."""

ID = 4
"""Bytes of a key's id."""
TIME = 8
"""Bytes of a cosignature's time."""
KEY = 32
RAW = 64
MOST_SIGNATURES = 64
DASH = "— "
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
NOT_IN_NAMES = re.compile(r"[\s+\x00-\x1f]")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name and what it signs; raises `Malformed` if a note cannot name it."""

    name: str
    type: int
    public: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.type not in (SIGNATURE, COSIGNATURE):
            raise Malformed(f"a key of type {self.type}, which is not known here")
        if len(self.public) != KEY:
            raise Malformed("an Ed25519 key has 32 bytes")

    @classmethod
    def parse(cls, vkey: str) -> "VerifierKey":
        """Read the text form, `NAME+ID+KEY`; raises `Malformed` if the id is another key's."""
        name, _, rest = vkey.partition("+")
        _, _, encoded = rest.partition("+")
        material = unbase64(encoded)
        if not material:
            raise Malformed("a verifier key is NAME+ID+KEY")
        key = cls(name, material[0], material[1:])
        if key.text() != vkey:
            raise Malformed("the id is not that of the key")
        return key

    @property
    def id(self) -> bytes:
        """The 4 bytes that stand for the key in a signature."""
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()[:ID]

    def text(self) -> str:
        """Return the text form, as policy files have it."""
        return f"{self.name}+{self.id.hex()}+{base64(bytes([self.type]) + self.public)}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One line below a note: who signed, and the bytes, which start with the time if it has one."""

    name: str
    id: bytes
    body: bytes

    def line(self) -> str:
        """Return the line with its newline."""
        return f"{DASH}{self.name} {base64(self.id + self.body)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """Text, ending in a newline, and the signatures on it."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """Return the bytes that `parse` reads."""
        return (self.text + "\n" + "".join(s.line() for s in self.signatures)).encode()


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that was verified; `time` is in seconds since 1970, of cosignatures only."""

    key: VerifierKey
    time: int | None


def parse(data: bytes) -> Note:
    """Read a note as strictly as the format allows, or raise `Malformed`."""
    try:
        whole = data.decode()
    except UnicodeDecodeError as e:
        raise Malformed("not UTF-8") from e
    if CONTROL.search(whole):
        raise Malformed("a control character")
    text, blank, rest = whole.rpartition("\n\n")
    if not blank:
        raise Malformed("no blank line before the signatures")
    return Note(text + "\n", parse_signatures(rest))


def parse_signatures(text: str) -> tuple[Signature, ...]:
    """Read one signature line or more, as a witness answers them, or raise `Malformed`."""
    *lines, end = text.split("\n")
    if not lines or end:
        raise Malformed("no signature line, or one that does not end")
    if len(lines) > MOST_SIGNATURES:
        raise Malformed("too many signatures")
    return tuple(map(parse_signature, lines))


def parse_signature(line: str) -> Signature:
    """Read one signature line without its newline, or raise `Malformed`."""
    name, _, encoded = line.removeprefix(DASH).partition(" ")
    if not line.startswith(DASH):
        raise Malformed("a signature line begins with a dash")
    check_name(name)
    data = unbase64(encoded)
    if len(data) <= ID:
        raise Malformed("a signature is too short")
    return Signature(name, data[:ID], data[ID:])


def check_name(name: str) -> None:
    """Raise `Malformed` unless a key can have this name."""
    if not name or NOT_IN_NAMES.search(name):
        raise Malformed("a key's name is not empty and has no space and no plus")


def sign(key: VerifierKey, raw: bytes, time: int | None = None) -> Signature:
    """Return the line for a raw Ed25519 signature by the key, over `signed_message`."""
    return Signature(key.name, key.id, (b"" if time is None else time.to_bytes(TIME)) + raw)


def cosigned_message(time: int, text: str) -> bytes:
    """Return what a witness signs at a time, in seconds since 1970."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def verify(note: Note, keys: Iterable[VerifierKey]) -> tuple[Signed, ...]:
    """Return the signatures by these keys, in the order of their lines.

    Other keys are ignored. Raises `Malformed` if one of these keys is named and its signature is
    wrong, or if none has signed.
    """
    known = {(key.name, key.id): key for key in keys}
    signed = tuple(
        check(note.text, known[s.name, s.id], s.body)
        for s in note.signatures
        if (s.name, s.id) in known
    )
    if not signed:
        raise Malformed("no known key has signed")
    return signed


def check(text: str, key: VerifierKey, body: bytes) -> Signed:
    """Verify one signature by a key, or raise `Malformed`."""
    if key.type == SIGNATURE:
        time, message, raw = None, text.encode(), body
    else:
        time, raw = int.from_bytes(body[:TIME]), body[TIME:]
        message = cosigned_message(time, text)
    if len(raw) != RAW or (time or 0) > LARGEST or not ed25519.verify(key.public, message, raw):
        raise Malformed(f"the signature by {key.name} is wrong")
    return Signed(key, time)
