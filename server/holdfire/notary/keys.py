"""The keys that sign the checkpoints of a log: made, rotated with overlap, retired, kept for ever.

Each key signs for one origin, and has a file of its own in ``data_dir/log.keys/``, which only its
owner may read: ``localhost_log_2026.1.key``, and ``.2.key`` after a rotation. Its lines are::

    PRIVATE+KEY+localhost/log/2026+1a2b3c4d+AQID…    PRIVATE+KEY+NAME+ID+base64(1 || seed)
    made 2026-11-21T12:00:00Z

A key that was retired signs nothing more. Its private half is gone, and its public half stays, so
that receipts of its time verify for ever::

    localhost/log/2026+1a2b3c4d+AQID…                NAME+ID+base64(1 || public key)
    made 2026-11-21T12:00:00Z
    retired 2027-01-04T09:30:00Z

Several machines that serve one database need the same folder: shared, or copied to each before a
new log opens (the key of next year's log is made in December) and after a rotation.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from holdfire.errors import ConfigError, HoldfireError, Problem
from holdfire.keyfolder import looked_at, only_ours, unusable, written
from holdfire.ledger import Malformed, note
from holdfire.ledger.note import Signature, VerifierKey
from holdfire.ledger.scalars import base64, unbase64
from holdfire.notary.samples import PUBLISHED

FOLDER = "log.keys"
PRIVATE = "PRIVATE+KEY+"
SEED = 32  # bytes
VARIETY = 12  # different bytes in a seed; 32 random ones have 30, and never less than this

_NAME = re.compile(r".+\.([1-9][0-9]*)\.key")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class LogKey:
    """One key of one log. Times are seconds since 1970, UTC."""

    verifier: VerifierKey
    made: int
    retired: int | None
    place: int  # among the keys of its log, from 1
    seed: bytes | None = field(repr=False)  # None: retired

    @property
    def id(self) -> str:
        """The 4 bytes that stand for it in a signature, in hex."""
        return self.verifier.id.hex()

    @property
    def state(self) -> str:
        """What it is good for."""
        return "verifies only" if self.seed is None else "signs"

    @property
    def is_sample(self) -> bool:
        """Whether anybody could have it: too simple, or published."""
        guessable = self.seed is not None and len(set(self.seed)) < VARIETY
        return guessable or sha256(self.verifier.public).hexdigest() in PUBLISHED

    def sign(self, text: str) -> Signature:
        """The line for a note. Raises ``ValueError`` if the key is retired."""
        if self.seed is None:
            raise ValueError("a retired key signs nothing")
        raw = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        return note.sign(self.verifier, raw)

    def lines(self) -> str:
        """What its file holds."""
        if self.seed is None:
            key = self.verifier.text()
        else:
            secret = base64(bytes([note.SIGNATURE]) + self.seed)
            key = f"{PRIVATE}{self.verifier.name}+{self.id}+{secret}"
        ended = "" if self.retired is None else f"retired {_iso(self.retired)}\n"
        return f"{key}\nmade {_iso(self.made)}\n{ended}"


class LogKeys:
    """The folder of keys, as it was read last."""

    def __init__(
        self, folder: Path, random: Callable[[int], bytes], clock: Callable[[], float]
    ) -> None:
        """Read the keys in ``folder`` (``data_dir/log.keys``), which need not be there yet.

        Raises ``ConfigError`` if others may read them, or a file is not what this module writes.
        """
        self._folder = folder
        self._random = random
        self._clock = clock
        self._seen: int | None = None
        self._keys: tuple[LogKey, ...] = ()
        self.reload()

    @property
    def all(self) -> tuple[LogKey, ...]:
        """Every key there ever was, oldest first."""
        return self._keys

    def of(self, origin: str) -> tuple[LogKey, ...]:
        """The keys of one log, oldest first."""
        return tuple(key for key in self._keys if key.verifier.name == origin)

    def signing(self, origin: str) -> tuple[LogKey, ...]:
        """Those that sign each of its checkpoints."""
        return tuple(key for key in self.of(origin) if key.seed is not None)

    def verifiers(self, origin: str) -> tuple[VerifierKey, ...]:
        """The public halves of all keys of one log."""
        return tuple(key.verifier for key in self.of(origin))

    def reload(self) -> None:
        """Read the folder again if something in it has changed. Raises as the constructor."""
        found = looked_at(self._folder)
        if found is None:
            self._keys, self._seen = (), None
        elif found.st_mtime_ns != self._seen:
            only_ours(self._folder, found)
            self._keys = self._read()
            self._seen = found.st_mtime_ns

    def ensure(self, origin: str) -> tuple[LogKey, ...]:
        """Those that sign for a log; one is made where there is none. Raises ``ConfigError``."""
        self.reload()
        return self.signing(origin) or self._make(origin)

    def rotate(self, origin: str) -> LogKey:
        """Add a key: it and those before it sign from now on. Raises ``ConfigError``."""
        self.reload()
        return self._make(origin)[-1]

    def retire(self, key_id: str) -> LogKey:
        """Destroy the private half of a key, and keep the public one.

        Raises ``HoldfireError`` if there is no such key, it is retired, or no other would sign.
        """
        self.reload()
        key = next((key for key in self._keys if key.id == key_id), None)
        if key is None or key.seed is None:
            raise HoldfireError(f"no key {key_id} signs; see: holdfire keys list")
        if len(self.signing(key.verifier.name)) == 1:
            remedy = f"first run: holdfire keys rotate --log {key.verifier.name}"
            raise HoldfireError(f"{key_id} is the only key that signs for its log; {remedy}")
        return self.give_up(key)

    def give_up(self, key: LogKey) -> LogKey:
        """Retire a key even if it is the last one: nothing more is signed for its log."""
        retired = replace(key, seed=None, retired=int(self._clock()))
        path = self._path(key.verifier.name, key.place)
        try:
            # Whoever died while making the key has left its private half behind, in a draft.
            for left in self._folder.glob(f".{path.name}.*"):
                left.unlink(missing_ok=True)
            written(path, retired.lines().encode("ascii"), new=False)
            _sync(self._folder)
        except OSError as error:
            raise unusable(self._folder, error) from error
        self._seen = None
        self.reload()
        return retired

    def register(self) -> list[dict[str, str | int]]:
        """What the log is told of its keys: public halves, and since when they do what."""
        return [
            {
                "made_ms": key.made * 1000,
                "state": key.state,
                "vkey": key.verifier.text(),
                **({} if key.retired is None else {"retired_ms": key.retired * 1000}),
            }
            for key in self._keys
        ]

    def _make(self, origin: str) -> tuple[LogKey, ...]:
        """A new key in its file; of two processes that make one at once, one does."""
        seed = self._random(SEED)
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        place = max((key.place for key in self.of(origin)), default=0) + 1
        verifier = VerifierKey(origin, note.SIGNATURE, public)
        key = LogKey(verifier, int(self._clock()), None, place, seed)
        path = self._path(origin, place)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Where another process was faster, lost is our own key, of which nobody has heard:
            # theirs is read below.
            written(path, key.lines().encode("ascii"), new=True)
            _sync(self._folder)
        except OSError as error:
            raise unusable(self._folder, error) from error
        self._seen = None
        self.reload()
        return self.signing(origin)

    def _path(self, origin: str, place: int) -> Path:
        return self._folder / f"{re.sub('[^A-Za-z0-9.-]', '_', origin)}.{place}.key"

    def _read(self) -> tuple[LogKey, ...]:
        keys = []
        try:
            for path in sorted(self._folder.glob("[!.]*.key")):
                with path.open(encoding="ascii") as file:
                    only_ours(path, os.fstat(file.fileno()))
                    keys.append(_parse(path, file.read()))
        except OSError as error:
            raise unusable(self._folder, error) from error
        return tuple(sorted(keys, key=lambda key: (key.made, key.verifier.name, key.place)))


def _parse(path: Path, text: str) -> LogKey:
    """One key file. Raises ``ConfigError`` if it is not exactly what ``LogKey.lines`` writes."""
    try:
        first, made, *rest = text.splitlines()
        name = _NAME.fullmatch(path.name)
        place = int(name[1]) if name else 0
        retired = _time("retired", rest[0]) if rest else None
        seed = None
        if first.startswith(PRIVATE):
            origin, _, secret = first.removeprefix(PRIVATE).split("+", 2)
            seed = unbase64(secret, SEED + 1)[1:]
            public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
            verifier = VerifierKey(origin, note.SIGNATURE, public)
        else:
            verifier = VerifierKey.parse(first)
        key = LogKey(verifier, _time("made", made), retired, place, seed)
        if key.lines() != text or not place or (seed is None) != (retired is not None):
            raise Malformed("not as it was written")
    except (ValueError, IndexError) as error:
        what, remedy = "not a key of the log", "restore the file from a backup"
        raise ConfigError((Problem(str(path), "keys", what, remedy),)) from error
    return key


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_TIME)


def _time(word: str, line: str) -> int:
    """Seconds since 1970 of a line ``word TIME``; raises ``ValueError``."""
    said, _, moment = line.partition(" ")
    if said != word:
        raise ValueError(f"a line begins with {word}")
    return int(datetime.strptime(moment, _TIME).replace(tzinfo=UTC).timestamp())
