"""The anchor: the last checkpoint that was signed for each log, in a file apart from the database.

A database that was brought back from an old copy looks whole. What was signed for it does not come
back with it, if the file is on another volume: then the two differ, and the log is not gone on
with. The file is JSON, replaced as a whole; writers take turns by a lock on the file beside it.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from holdfire.law import Value
from holdfire.ledger import Malformed, checkpoint, note

NAME = "anchor.json"


class AnchorBroken(Exception):
    """The anchor cannot be believed. The message is a sentence without paths."""


class AnchorAway(AnchorBroken):
    """The anchor is not where it was, or cannot be read there: it may come back."""


class Anchored(Value, frozen=True):
    """The last that was signed for one log."""

    log: int  # its number in the database
    origin: str
    size: int
    root: bytes
    at_ms: int  # when it was signed
    note: str  # the checkpoint with its signatures
    given_up: bool = False  # left behind by a recovery: nothing is signed for it any more


class _File(Value, frozen=True):
    v: int
    logs: tuple[Anchored, ...]


_DECODER = msgspec.json.Decoder(_File)


class Anchor:
    """The file. Every method reads it anew: other processes write it too."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[Anchored, ...]:
        """What was signed, in the order in which the logs were opened; nothing if there is no file.

        Raises ``AnchorBroken``.
        """
        try:
            with self.path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                data = file.read()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise AnchorAway("The anchor cannot be read.") from error
        if stat.S_IMODE(mode) & 0o022:
            raise AnchorBroken("Others may write the anchor.")
        try:
            found = _DECODER.decode(data)
            for anchored in found.logs:
                _agrees(anchored)
        except (msgspec.MsgspecError, UnicodeDecodeError, Malformed) as error:
            raise AnchorBroken("The anchor is damaged.") from error
        if found.v != 1 or len({a.origin for a in found.logs}) != len(found.logs):
            raise AnchorBroken("The anchor is damaged, or a newer release wrote it.")
        return found.logs

    def of(self, origin: str) -> Anchored | None:
        """What was signed last for one log. Raises ``AnchorBroken``."""
        return next((a for a in self.read() if a.origin == origin), None)

    def advance(self, known: Anchored | None, new: Anchored) -> Anchored:
        """Put ``new`` where ``known`` stands, durably, if that is what stands there.

        Returns what stands there now: ``new``, or what another process was quicker to sign.
        Raises ``AnchorBroken`` or ``OSError``; nothing is signed then.
        """
        with self._locked():
            logs = self.read()
            found = next((a for a in logs if a.origin == new.origin), None)
            if found != known:
                # Gone since it was read: whoever took the file away has to bring it back.
                if found is None:
                    raise AnchorAway("The anchor was taken away.")
                return found
            self._write((*(a for a in logs if a is not found), new))
            return new

    def change(self, change: Callable[[tuple[Anchored, ...]], tuple[Anchored, ...]]) -> None:
        """Write what ``change`` makes of what was signed: for a recovery, and nobody else.

        A damaged file is kept beside it, and nothing of it is believed. Raises ``OSError``.
        """
        with self._locked():
            try:
                logs = self.read()
            except AnchorBroken:
                logs = ()
                aside = self.path.with_name(f"{self.path.name}.damaged")
                self.path.replace(aside)
            self._write(change(logs))

    def _write(self, logs: tuple[Anchored, ...]) -> None:
        logs = tuple(sorted(logs, key=lambda anchored: anchored.log))
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(_File(1, logs)), indent=1) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(f"{self.path}.lock", flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _agrees(anchored: Anchored) -> None:
    """Raises ``Malformed`` if the note is not the checkpoint of what stands beside it."""
    if anchored.note or not anchored.given_up:
        found = checkpoint.parse(note.parse(anchored.note.encode()).text)
        if (found.origin, found.size, found.root) != (
            anchored.origin,
            anchored.size,
            anchored.root,
        ):
            raise Malformed("the anchor contradicts itself")
