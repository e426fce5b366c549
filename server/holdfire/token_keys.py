"""The keys that sign consent tokens: made, rotated with overlap, retired.

Each has a file of its own in ``data_dir/token.keys/``, which only its owner may read: ``1.key``, and
``2.key`` after a rotation. Its lines are::

    ed25519 AQID…                       base64 of the 32 secret bytes
    made 2026-11-21T12:00:00Z
    signs 2026-11-21T12:10:00Z          from then on, until a newer one does

A new key is published at once, and signs after ten minutes: by then every verifier that keeps to
the ``max-age`` of the key set has fetched it twice. The old one stays published until all it signed
has run out, and for a day more; the next rotation destroys it. One that somebody else may have is
retired by hand, at once: what it signed is refused as soon as verifiers fetch the key set again.

The folder is read again when something in it has changed, so that both hold without a restart.
Several machines need the same folder: shared, or copied to each within the ten minutes.
"""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from holdfire import jws
from holdfire.errors import ConfigError, HoldfireError, Problem
from holdfire.keyfolder import changed, looked_at, only_ours, unusable, written
from holdfire.ledger.scalars import base64, unbase64

FOLDER = "token.keys"
SEED = 32  # bytes
KEPT_SECONDS = 300  # how long verifiers keep the key set
DELAY_SECONDS = 2 * KEPT_SECONDS  # from publication to the first signature
OVERLAP_SECONDS = 86_400 + 600  # from the last signature to the end of publication

_NAME = re.compile(r"([1-9][0-9]*)\.key")
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class TokenKey:
    """One key. Times are seconds since 1970, UTC."""

    private: Ed25519PrivateKey
    public: jws.PublicKey
    id: str  # for people: the first 4 bytes of its thumbprint, in hex
    made: int
    signs: int  # since when, or from when on
    place: int  # among the keys, from 1

    @classmethod
    def of(cls, seed: bytes, made: int, signs: int, place: int) -> "TokenKey":
        """The key of these 32 secret bytes."""
        private = Ed25519PrivateKey.from_private_bytes(seed)
        raw = private.public_key().public_bytes_raw()
        return cls(private, jws.public_key(raw), jws.digest(raw)[:4].hex(), made, signs, place)

    def lines(self) -> str:
        """What its file holds."""
        seed = base64(self.private.private_bytes_raw())
        return f"ed25519 {seed}\nmade {_iso(self.made)}\nsigns {_iso(self.signs)}\n"


class TokenKeys:
    """The folder of keys, as it was read last."""

    def __init__(
        self, folder: Path, random: Callable[[int], bytes], clock: Callable[[], float]
    ) -> None:
        """Read the keys in ``folder`` (``data_dir/token.keys``), which need not be there yet.

        Raises ``ConfigError`` if others may read them, or a file is not what this module writes.
        """
        self._folder = folder
        self._random = random
        self._clock = clock
        self._seen: int | None = None
        self._keys: tuple[TokenKey, ...] = ()
        self.reload()

    def reload(self) -> None:
        """Read the folder again if something in it has changed. Raises as the constructor."""
        found = looked_at(self._folder)
        if found is None:
            self._keys, self._seen = (), None
        elif found.st_mtime_ns != self._seen:
            only_ours(self._folder, found)
            self._keys = self._read()
            self._seen = found.st_mtime_ns

    def ensure(self) -> None:
        """Make the first key where there is none: it signs at once. Raises ``ConfigError``."""
        self.reload()
        if self._keys:
            return
        with changed(self._folder):
            # Of two processes that start at once the second finds the key of the first.
            if not self._read():
                self._make(delay=0)
        self.reload()

    def published(self) -> tuple[TokenKey, ...]:
        """Those in the key set, oldest first: of each there may be tokens that hold.

        Raises ``ConfigError``.
        """
        self.ensure()
        return self._published()

    def _published(self) -> tuple[TokenKey, ...]:
        now = self._clock()
        later = (*(key.signs for key in self._keys[1:]), None)
        return tuple(
            key
            for key, follows in zip(self._keys, later, strict=True)
            if follows is None or now < follows + OVERLAP_SECONDS
        )

    def signing(self) -> TokenKey:
        """The one that signs now: the newest whose time has come. Raises ``ConfigError``.

        Or else the oldest there is: where the one before it was retired at once, no verifier that
        has fetched the key set since would take another.
        """
        self.ensure()
        now = self._clock()
        ready = [key for key in self._keys if key.signs <= now]
        return ready[-1] if ready else self._keys[0]

    def rotate(self) -> TokenKey:
        """Add a key, which signs in ten minutes, and destroy those that are published no more.

        Raises ``ConfigError``.
        """
        with changed(self._folder):
            self._keys = self._read()
            for key in set(self._keys) - set(self._published()):
                self._destroy(key)
            made = self._make(delay=DELAY_SECONDS if self._keys else 0)
        self.reload()
        return made

    def retire(self, key_id: str) -> TokenKey:
        """Destroy a key and take it out of the key set, at once.

        Raises ``HoldfireError`` if there is no such key, or no other would sign.
        """
        with changed(self._folder):
            self._keys = self._read()
            key = next((key for key in self._keys if key.id == key_id), None)
            if key is None:
                raise HoldfireError(f"no key {key_id} signs tokens; see: holdfire keys list")
            if len(self._keys) == 1:
                remedy = "first run: holdfire keys rotate --tokens"
                raise HoldfireError(f"{key_id} is the only key that signs tokens; {remedy}")
            self._destroy(key)
        self.reload()
        return key

    def rows(self) -> list[dict[str, str]]:
        """What ``holdfire keys list`` tells of them; no secrets."""
        if not self._keys:
            return []
        published, signing = self.published(), self.signing()
        return [
            {
                "id": key.id,
                "kid": key.public.kid,
                "state": "signs" if key is signing else _state(key, published, self._clock()),
                "made": _iso(key.made),
                "signs": _iso(key.signs),
            }
            for key in self._keys
        ]

    def _make(self, *, delay: int) -> TokenKey:
        now = int(self._clock())
        place = max((key.place for key in self._keys), default=0) + 1
        key = TokenKey.of(self._random(SEED), now, now + delay, place)
        written(self._folder / f"{place}.key", key.lines().encode("ascii"), new=True)
        return key

    def _destroy(self, key: TokenKey) -> None:
        path = self._folder / f"{key.place}.key"
        # Whoever died while making the key has left its secret behind, in a draft.
        for left in (*self._folder.glob(f".{path.name}.*"), path):
            left.unlink(missing_ok=True)

    def _read(self) -> tuple[TokenKey, ...]:
        keys = []
        try:
            for path in self._folder.glob("[!.]*.key"):
                with suppress(FileNotFoundError), path.open(encoding="ascii") as file:
                    only_ours(path, os.fstat(file.fileno()))
                    keys.append(_parse(path, file.read()))
        except OSError as error:
            raise unusable(self._folder, error) from error
        return tuple(sorted(keys, key=lambda key: key.place))


def _state(key: TokenKey, published: tuple[TokenKey, ...], now: float) -> str:
    if key.signs > now:
        return "published"
    return "verifies only" if key in published else "ended"


def _parse(path: Path, text: str) -> TokenKey:
    """One key file. Raises ``ConfigError`` if it is not exactly what ``TokenKey.lines`` writes."""
    name = _NAME.fullmatch(path.name)
    try:
        secret, made, signs = text.splitlines()
        seed = unbase64(secret.removeprefix("ed25519 "), SEED)
        key = TokenKey.of(seed, _time(made), _time(signs), int(name[1]) if name else 0)
    except ValueError:
        key = None
    if key is None or name is None or key.lines() != text:
        what, remedy = "not a key of consent tokens", "remove the file, or restore it from a backup"
        raise ConfigError((Problem(str(path), "keys", what, remedy),))
    return key


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_TIME)


def _time(line: str) -> int:
    """Seconds since 1970 of a line ``WORD TIME``; raises ``ValueError``."""
    moment = line.partition(" ")[2]
    return int(datetime.strptime(moment, _TIME).replace(tzinfo=UTC).timestamp())
