"""Whose checkpoints a witness cosigns: the keys that its operator lists, and a policy file's.

A log of this project has another name and another key every year. The key of the next year is
made in December, and announced in the log itself (a statement of kind 5) and by the policy file that
its service serves at ``/log/policy``. So an operator keeps that file, has it fetched anew each day
of December, and names it: it is read again when it changes. Two keys with one name are one log
whose key is being changed: either is accepted.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from holdfire.errors import ConfigError, Problem
from holdfire.ledger import Malformed, trust
from holdfire.ledger.note import SIGNATURE, VerifierKey

LOG = logging.getLogger("holdfire.witness")
MOST_BYTES = 1 << 20

_Seen = tuple[int, int, int]


class Logs:
    """The logs that are known now."""

    def __init__(self, vkeys: Sequence[str], policy: Path | None, own: VerifierKey) -> None:
        """``own`` is the key of the witness, which signs for no log.

        Raises ``ConfigError`` if there is no log, or something is not the key of one.
        """
        self._own = own
        self._listed = tuple(self._key(vkey) for vkey in vkeys)
        self._policy = policy
        self._seen: _Seen | None = None
        self._read: tuple[VerifierKey, ...] = ()
        if policy is not None:
            self._seen = _look(policy)
            try:
                self._read = self._logs_of(policy)
            except (OSError, Malformed) as error:
                raise _refused(str(policy), f"cannot be used: {error}") from error
        if not self.keys:
            raise _refused("--log", "no log is named, so nothing would ever be cosigned")

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """The keys of all logs, each once."""
        self._refresh()
        return tuple(dict.fromkeys((*self._listed, *self._read)))

    def of(self, origin: str) -> tuple[VerifierKey, ...]:
        """The keys of one log; none if it is not known."""
        return tuple(key for key in self.keys if key.name == origin)

    def _refresh(self) -> None:
        """Read the policy file again if it has changed; what cannot be used changes nothing."""
        if self._policy is None or (found := _look(self._policy)) == self._seen:
            return
        self._seen = found
        try:
            self._read = self._logs_of(self._policy)
        except (OSError, Malformed) as error:
            LOG.error("the policy file cannot be used, what it said before holds: %s", error)  # noqa: TRY400 -- the sentence says it all

    def _logs_of(self, policy: Path) -> tuple[VerifierKey, ...]:
        with policy.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise Malformed("larger than any policy")
        logs = trust.parse(data).logs
        if any(key.public == self._own.public for key in logs):
            raise Malformed("one of its logs has the key of this witness")
        return logs

    def _key(self, vkey: str) -> VerifierKey:
        try:
            key = VerifierKey.parse(vkey)
        except Malformed as error:
            raise _refused("--log", f"{vkey!r} is no key: {error}") from error
        if key.type != SIGNATURE:
            raise _refused("--log", f"{vkey!r} is the key of a witness, not of a log")
        if key.public == self._own.public:
            raise _refused("--log", f"{vkey!r} is the key of this witness itself")
        return key


def _look(path: Path) -> _Seen | None:
    """What changes when a file does; ``None`` if it cannot be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _refused(where: str, what: str) -> ConfigError:
    remedy = "name the logs' keys, as /log/policy of their service has them: NAME+ID+KEY"
    return ConfigError((Problem("witness", where, what, remedy),))
