"""API keys: who may ask for other people's decisions, for which site, and until when.

A key is ``hfk_`` + 8 hex digits of its id + ``_`` + 256 random bits in base64url; scanners of
source code find one by ``hfk_[0-9a-f]{8}_[A-Za-z0-9_-]{43}``. It is shown once. What stays is its
SHA-256: nobody guesses 256 bits, so a slow hash would only slow us (OWASP ASVS 5.0 V6.5.2,
V11.5.1). Each has a file of its own in ``data_dir/api.keys``, which only its owner may read, and
when it was last used is the time of a file in ``used`` below that.

The folder is read again whenever it has changed, so that a revocation holds for the next request.
Several machines that serve one database need the same folder: shared, or copied to each after
every change (with its times, as ``rsync -a`` does).
"""

import hmac
import logging
import os
import stat
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec

from holdfire.errors import (
    ConfigError,
    HoldfireError,
    KeyInvalid,
    ScopeRefused,
    StoreUnavailable,
)
from holdfire.keyfolder import changed, only_ours, unusable, written
from holdfire.law import Value

FOLDER = "api.keys"
USED = "used"  # a folder of its own: a use must not look like a change
PREFIX = "hfk_"
SECRET = 32  # bytes
LONGEST = 2 * 365 * 86_400  # seconds a key lives at most: one that nobody remembers has to end
USE_SECONDS = 60  # a use within so many of the last is not noted again
FILE_BYTES = 4_096  # ten times what a key file has

Scope = Literal["decisions:read"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
State = Literal["active", "expired", "revoked"]

LOG = logging.getLogger("holdfire.keys")


class ApiKey(Value, frozen=True):
    """What is kept of a key: its hash, never the key. Times are seconds since 1970, UTC."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}\Z")]
    site: str
    scopes: tuple[Scope, ...]
    made: int
    expires: int
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    revoked: int | None = None

    def state(self, now: float) -> State:
        """What it is good for."""
        if self.revoked is not None:
            return "revoked"
        return "active" if now < self.expires else "expired"


NOBODY = ApiKey("0" * 8, "", (), 0, 0, "0" * 64)
"""What an unknown key is compared with, so that it is refused by the same steps."""

_DECODER = msgspec.json.Decoder(ApiKey)


class ApiKeys:
    """The keys in ``data_dir/api.keys``, as they were read last."""

    def __init__(
        self, folder: Path, random: Callable[[int], bytes], clock: Callable[[], float]
    ) -> None:
        """Read the folder, which need not be there yet; raises ``ConfigError``."""
        self._folder = folder
        self._random = random
        self._clock = clock
        self._seen: int | None = None  # when the folder changed, in ns, by its own clock
        self._keys: dict[str, ApiKey] = {}
        self._noted: dict[str, float] = {}  # id → when its use was noted last
        self.damaged: tuple[str, ...] = ()  # names of files that are no keys, and open nothing
        self.reload()

    @property
    def all(self) -> tuple[ApiKey, ...]:
        """Every key whose file is there, oldest first."""
        return tuple(sorted(self._keys.values(), key=lambda key: (key.made, key.id)))

    def check(self, text: str, site: str, scope: Scope) -> ApiKey:
        """The key, if it is good for this use of this site.

        Raises ``KeyInvalid`` for one that is unknown, expired or revoked, in the same words and by
        the same steps; ``ScopeRefused`` for one of another site or use; ``StoreUnavailable`` if the
        folder cannot be read, for then a revocation could be missed.
        """
        try:
            self.reload()
        except ConfigError as error:
            if self._seen is not None:  # once, not for every request
                LOG.exception("no API key can be checked")
                self._seen = None
            raise StoreUnavailable("The API keys cannot be read now.") from error
        now = self._clock()
        key = self._keys.get(id_of(text), NOBODY)
        same = hmac.compare_digest(_digest(text), key.sha256)
        if not (same and key.state(now) == "active"):
            raise KeyInvalid("Send one API key that holds, as: Authorization: Bearer hfk_…")
        if key.site != site or scope not in key.scopes:
            raise ScopeRefused("This API key was not made for this site and this use.")
        self._note_use(key.id, now)
        return key

    def create(self, site: str, scopes: tuple[Scope, ...], seconds: int) -> tuple[ApiKey, str]:
        """Make a key that lives so many seconds; what is kept, and the key itself, this once.

        Raises ``HoldfireError`` for a life that is too long, ``ConfigError`` if it cannot be kept.
        """
        if not 0 < seconds <= LONGEST:
            raise HoldfireError("an API key lives two years at most; use --expires 2y or less")
        made = int(self._clock())
        with changed(self._folder):
            (self._folder / USED).mkdir(mode=0o700, exist_ok=True)
            while True:
                name = self._random(4).hex()
                secret = urlsafe_b64encode(self._random(SECRET)).rstrip(b"=").decode("ascii")
                text = f"{PREFIX}{name}_{secret}"
                key = ApiKey(name, site, scopes, made, made + seconds, _digest(text))
                if written(self._path(name), msgspec.json.encode(key), new=True):
                    break
        self.reload()
        return key, text

    def revoke(self, key_id: str) -> ApiKey:
        """Refuse a key from now on. Raises ``HoldfireError`` if there is none of this id."""
        with changed(self._folder):
            self.reload()
            key = self._keys.get(key_id)
            if key is None:
                raise HoldfireError(f"no API key {key_id!r}; see: holdfire keys list")
            if key.revoked is None:
                key = msgspec.structs.replace(key, revoked=int(self._clock()))
                written(self._path(key_id), msgspec.json.encode(key), new=False)
        self.reload()
        return key

    def used(self, key_id: str) -> int | None:
        """When a key was last used, to the minute; ``None`` if never, or not known."""
        try:
            return int((self._folder / USED / key_id).stat().st_mtime)
        except OSError:
            # Lost: a line of a list. Nothing rests on it.
            return None

    def reload(self) -> None:
        """Read the folder again if something in it has changed. Raises ``ConfigError``."""
        try:
            found = self._folder.stat()
            if found.st_mtime_ns != self._seen:
                only_ours(self._folder, found)
                self._keys, self.damaged = self._read()
                self._seen = found.st_mtime_ns
        except FileNotFoundError:
            self._keys, self.damaged, self._seen = {}, (), None
        except OSError as error:
            raise unusable(self._folder, error) from error

    def _read(self) -> tuple[dict[str, ApiKey], tuple[str, ...]]:
        """Every key, and the names of the files that are none: those open nothing."""
        keys, damaged = {}, []
        for path in sorted(self._folder.glob("[!.]*.key")):
            key = _read(path)
            if f"{key.id}.key" == path.name:
                keys[key.id] = key
            else:
                damaged.append(path.name)
                LOG.warning("no API key, or readable by others: %r in %s", path.name, self._folder)
        return keys, tuple(damaged)

    def _note_use(self, key_id: str, now: float) -> None:
        last = self._noted.get(key_id)
        if last is not None and abs(now - last) < USE_SECONDS:
            return
        self._noted[key_id] = now
        path = self._folder / USED / key_id
        try:
            path.touch(mode=stat.S_IRUSR | stat.S_IWUSR)
            os.utime(path, (now, now))
        except OSError as error:
            # Lost: when the key was used. Its owner gets the answer all the same.
            LOG.warning("the use of an API key was not noted: %s", error.strerror)

    def _path(self, key_id: str) -> Path:
        return self._folder / f"{key_id}.key"


def id_of(text: str) -> str:
    """The id in what may be a key: 8 characters that tell nothing, and prove nothing."""
    return text[len(PREFIX) : len(PREFIX) + 8]


def _read(path: Path) -> ApiKey:
    """The key in a file; ``NOBODY`` if it is not what was written there, or others may read it."""
    if not path.is_file():
        return NOBODY
    try:
        with path.open("rb") as file:
            only_ours(path, os.fstat(file.fileno()))
            return _DECODER.decode(file.read(FILE_BYTES))
    except (ConfigError, PermissionError, ValueError):
        return NOBODY


def _digest(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()
