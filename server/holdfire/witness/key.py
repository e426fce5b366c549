"""The key of a witness: made at its first start, readable by its owner only.

Its file has one line, as those of logs have, but for the type::

    PRIVATE+KEY+localhost/witness+1a2b3c4d+BAID…    PRIVATE+KEY+NAME+ID+base64(4 || seed)
"""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from holdfire.errors import ConfigError, Problem
from holdfire.ledger import Malformed, note
from holdfire.ledger.note import COSIGNATURE, Signature, VerifierKey
from holdfire.ledger.scalars import base64, unbase64
from holdfire.notary.keys import PRIVATE, SEED, VARIETY
from holdfire.notary.samples import PUBLISHED

NAME = "localhost/witness"  # of a key that nobody named

_LOST = "restore the file from a backup, or begin anew with another key and another state"


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """What signs, and under which name."""

    verifier: VerifierKey
    seed: bytes = field(repr=False)

    @classmethod
    def of(cls, name: str, seed: bytes) -> "WitnessKey":
        """The key of 32 secret bytes. Raises ``Malformed`` if no key can have the name."""
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        return cls(VerifierKey(name, COSIGNATURE, public), seed)

    def cosign(self, text: str, time: int) -> Signature:
        """The line for a checkpoint, at a time in seconds since 1970."""
        raw = Ed25519PrivateKey.from_private_bytes(self.seed).sign(
            note.cosigned_message(time, text)
        )
        return note.sign(self.verifier, raw, time)

    def line(self) -> str:
        """What its file holds."""
        secret = base64(bytes([COSIGNATURE]) + self.seed)
        return f"{PRIVATE}{self.verifier.name}+{self.verifier.id.hex()}+{secret}\n"


def read_or_make(path: Path, name: str | None, random: Callable[[int], bytes]) -> WitnessKey:
    """The key in a file, which is made if it is not there.

    ``name`` is what a new key is called, and what one that is there has to be called. Raises
    ``ConfigError`` if others can read the file, anybody has the key, or it cannot be made.
    """
    try:
        if not path.exists():
            _make(path, name or NAME, random)
        key = _read(path)
    except OSError as error:
        what = f"no key can be kept here: {error.strerror}"
        raise _refused(path, what, "name a file in a folder that can be written") from error
    except Malformed as error:
        raise _refused(path, f"is no key of a witness: {error}", _LOST) from error
    if name not in (None, key.verifier.name):
        what = f"the key is called {key.verifier.name!r}, not {name!r}"
        raise _refused(path, what, "leave --name out: verifiers know the key by its name")
    if len(set(key.seed)) < VARIETY or sha256(key.verifier.public).hexdigest() in PUBLISHED:
        raise _refused(path, "the key is a sample, which anybody has", "name another file")
    return key


def _make(path: Path, name: str, random: Callable[[int], bytes]) -> None:
    """Write a whole file beside its place, then link it there: nobody ever reads half a key."""
    line = WitnessKey.of(name, random(SEED)).line()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with os.fdopen(os.open(draft, flags, 0o600), "w") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # lost is our own key, of which nobody has heard
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> WitnessKey:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        line = file.read().decode(errors="replace")
    if stat.S_IMODE(mode) & 0o077:
        raise _refused(path, "others may read the key", f"run: chmod 600 {path}")
    name, _, rest = line.removeprefix(PRIVATE).partition("+")
    secret = unbase64(rest.partition("+")[2].rstrip("\n"), 1 + SEED)
    key = WitnessKey.of(name, secret[1:])
    if key.line() != line:
        raise Malformed("not as it was written")
    return key


def _refused(path: Path, what: str, remedy: str) -> ConfigError:
    return ConfigError((Problem(str(path), "key", what, remedy),))
