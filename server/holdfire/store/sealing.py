"""The seal on what points at a person: AES-256-GCM (NIST SP 800-38D) under a key of their own.

Sealed is the salt and then the subject block, as one; before it stands a random nonce of 96 bits.
The place in the log is authenticated with it, so that no sealed block can be put in place of
another. Without the key, which is kept in one small table, nothing of it can be read: what old
backups still hold goes with the key.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdfire.ledger.entry import SALT

KEY = 32
"""Bytes of a key."""

NONCE = 12
"""Bytes of a nonce. Random ones may be repeated in 2**32 uses of one key: nobody acts as often."""


def seal(key: bytes, log: int, log_index: int, nonce: bytes, opened: bytes) -> bytes:
    """The nonce, then what is sealed (salt and subject) at its place in the log."""
    return nonce + AESGCM(key).encrypt(nonce, opened, _place(log, log_index))


def unseal(key: bytes, log: int, log_index: int, sealed: bytes) -> tuple[bytes, bytes] | None:
    """Salt and subject; ``None`` if they cannot be opened: they were altered, or it is another key."""
    try:
        opened = AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], _place(log, log_index))
    except (InvalidTag, ValueError):
        return None
    return opened[:SALT], opened[SALT:]


def _place(log: int, log_index: int) -> bytes:
    return log.to_bytes(8) + log_index.to_bytes(8)
