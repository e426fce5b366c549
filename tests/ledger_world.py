"""A small world of logs, witnesses and receipts, the same every time it is made."""

import json
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from holdfire.ledger import entry, note
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.ledger.entry import Entry, Kind
from holdfire.ledger.merkle import leaf_hash
from holdfire.ledger.note import COSIGNATURE, SIGNATURE, Note, Signature, VerifierKey
from holdfire.ledger.receipt import NOT_SHOWN, Block, Receipt
from rfc6962 import Tree

ORIGIN = "consent.example/log/2026"
NOON = 1_795_262_400  # 2026-11-21T12:00:00Z
CONFIG = sha256(b"the published configuration").digest()


@dataclass(frozen=True)
class Signer:
    """A private key under the name and type it signs as."""

    key: VerifierKey
    private: Ed25519PrivateKey

    def sign(self, text: str, time: int | None = None) -> Signature:
        """Sign a note's text, at a time if the key is a witness's."""
        if self.key.type == SIGNATURE:
            return note.sign(self.key, self.private.sign(text.encode()))
        time = NOON if time is None else time
        return note.sign(self.key, self.private.sign(note.cosigned_message(time, text)), time)


@cache
def signer(name: str, kind: int = SIGNATURE, seed: str = "") -> Signer:
    """Return the key of this name; another seed gives another key of the same name."""
    private = Ed25519PrivateKey.from_private_bytes(secret(f"key {seed or name}"))
    return Signer(VerifierKey(name, kind, private.public_key().public_bytes_raw()), private)


def secret(name: str) -> bytes:
    """Return 32 bytes that look random and never change."""
    return sha256(f"holdfire test vector: {name}".encode()).digest()


LOG = signer(ORIGIN)
NEXT_KEY = signer(ORIGIN, seed="the key that follows")
OTHER_LOG = signer("other.example/log/2026")
W1, W2, W3, W4 = (signer(f"witness.example/w{n}", COSIGNATURE) for n in (1, 2, 3, 4))
STRANGER = signer("stranger.example", COSIGNATURE)


def canonical(value: Any) -> bytes:
    """Return JSON as RFC 8785 has it, of values that have no fractions."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def evidence(**changes: Any) -> bytes:
    """Return an evidence block as the service writes it, with some members changed."""
    block = {
        "v": 1,
        "site": "demo",
        "event_id": "0192f0c1-2222-7333-8444-555555555555",
        "action": "save",
        "layer": 2,
        "control": "save",
        "categories": {"analytics": True, "functional": False, "marketing": False},
        "language": "de",
        "regime": {"id": "eu-gdpr", "model": "opt_in", "picked_by": "location"},
        "shown": {
            "config": CONFIG.hex(),
            "texts": secret("texts").hex(),
            "sdk": secret("sdk").hex(),
        },
        "server_ms": NOON * 1000 + 1234,
        "via": "banner",
    }
    return canonical(block | changes)


SUBJECT = canonical({"visitor": "v-0123456789abcdef", "address_prefix": "192.0.2.0/24"})


def choice(
    body: bytes | None = None,
    *,
    subject: bytes | None = SUBJECT,
    erased: bool = False,
    **fields: Any,
) -> tuple[Entry, Block, Block]:
    """Return a choice with what it commits to; its subject may have been erased since."""
    shown = Block(secret("evidence salt"), evidence() if body is None else body)
    person = NOT_SHOWN if subject is None else Block(secret("subject salt"), subject)
    given: dict[str, Any] = {
        "kind": Kind.CHOICE,
        "flags": 0,
        "ms": NOON * 1000,
        "tenant": entry.tenant("demo"),
        "evidence": entry.commit_evidence(shown.salt, shown.body),
        "subject": entry.ZERO if subject is None else entry.commit_subject(person.salt, subject),
        "tail": CONFIG,
    }
    return Entry(**(given | fields)), shown, NOT_SHOWN if erased else person


def statement(kind: Kind, said: Any, **fields: Any) -> tuple[Entry, Block, Block]:
    """Return an entry that makes a public statement, with the statement."""
    body = canonical(said)
    given: dict[str, Any] = {"flags": 0, "ms": NOON * 1000, "tenant": entry.NO_TENANT}
    made = Entry(kind, evidence=entry.statement_hash(body), **(given | fields))
    return made, Block(entry.ZERO, body), NOT_SHOWN


@cache
def filler(size: int) -> tuple[bytes, ...]:
    """Return leaf hashes of a log of notes."""
    return tuple(leaf_hash(index.to_bytes(8)) for index in range(size))


def tree_with(leaf: Entry, index: int, size: int) -> Tree:
    """Return a tree with one entry at its place."""
    leaves = list(filler(size))
    leaves[index] = leaf_hash(leaf.encode())
    return Tree(leaves)


def signed(text: str, signers: Iterable[Signer]) -> bytes:
    """Return a note signed by these."""
    return Note(text, tuple(s.sign(text) for s in signers)).encode()


def receipt(
    parts: tuple[Entry, Block, Block],
    index: int = 737,
    size: int = 1000,
    signers: Sequence[Signer] = (LOG,),
    origin: str = ORIGIN,
) -> Receipt:
    """Return a receipt of an entry in a log of that size, signed by these."""
    tree = tree_with(parts[0], index, size)
    head = Checkpoint(origin, size, tree.mth(0, size))
    path = tuple(tree.path(index, 0, size))
    return Receipt(*parts, index, path, signed(head.text(), signers))


def policy(*lines: str, logs: Sequence[Signer] = (LOG,)) -> bytes:
    """Return a policy file that trusts these logs; a line may name witnesses w1 to w4."""
    known = [f"witness w{n} {w.key.text()}" for n, w in enumerate((W1, W2, W3, W4), 1)]
    head = [f"log {log.key.text()}" for log in logs]
    return "".join(f"{line}\n" for line in (*head, *known, *lines)).encode()


def b64(data: bytes) -> str:
    """Return standard base64."""
    return b64encode(data).decode()
