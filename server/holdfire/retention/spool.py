"""What an operator asks of a running service: files in a folder that only its user can open.

A SQLite database is written by one process. While the service runs, a second one cannot write, so
it leaves a request, and the service carries it out within seconds::

    data_dir/erasures/ID.request   the request, whole; only ever written beside it and renamed
    data_dir/erasures/ID.taken     the service has begun; after a crash the next one begins again
    data_dir/erasures/ID.answer    what came of it, until whoever asked has read it

The service makes the folder, 0700, and believes what is in it as it believes the database beside
it: whoever can write the one can write the other.
"""

import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from holdfire.law import Value
from holdfire.record import Erasure
from holdfire.retention.rounds import Row

NAME = "erasures"
LONGEST = 65_536  # bytes of a request: one visitor, and some hundred hand-overs of theirs
WHOLE = "[!.]*"  # a draft's name begins with a dot, which pathlib's "*" would match
REQUEST, TAKEN, ANSWER = ".request", ".taken", ".answer"


class Request(Value, frozen=True):
    """What is asked for."""

    erasures: tuple[Erasure, ...] = ()  # their times are set by the service; none: a round now
    note: str = ""  # instead of either: what the operator has to say in the log


class Answer(Value, frozen=True):
    """What came of it."""

    rows: tuple[Row, ...] = ()
    error: str = ""  # a sentence; nothing more is erased than ``rows`` say


_REQUEST = msgspec.json.Decoder(Request)
_ANSWER = msgspec.json.Decoder(Answer)


class Inbox:
    """The service's side."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / NAME

    def open(self) -> bool:
        """Make the folder. ``False``: it cannot be, or others can write it; nothing is taken."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self._folder.lstat()
        except OSError:
            return False
        mode = found.st_mode
        if found.st_uid != os.geteuid() or not stat.S_ISDIR(mode) or stat.S_IMODE(mode) & 0o077:
            return False
        for begun in self._folder.glob(WHOLE + TAKEN):  # by a process that died
            with suppress(FileNotFoundError):
                begun.rename(begun.with_suffix(REQUEST))
        return True

    def take(self) -> tuple[str, Request] | None:
        """The oldest request, and its id. What is no request is answered so, and removed."""
        for path in sorted(self._folder.glob(WHOLE + REQUEST), key=_age):
            taken = path.with_suffix(TAKEN)
            try:
                path.rename(taken)
                return path.stem, _REQUEST.decode(_read(taken))
            except FileNotFoundError:  # withdrawn, or another process was faster
                continue
            except (OSError, msgspec.MsgspecError):
                self.answer(path.stem, Answer(error="the request cannot be read"))
        return None

    def answer(self, name: str, answer: Answer) -> None:
        """Tell, then forget the request. Raises ``OSError``; then it is carried out again."""
        _write(self._folder / f"{name}{ANSWER}", msgspec.json.encode(answer), self._folder)
        (self._folder / f"{name}{TAKEN}").unlink(missing_ok=True)

    def tidy(self, before: float) -> None:
        """Remove answers that nobody came for before this time, and what was never whole."""
        for path in (*self._folder.glob(f"*{ANSWER}"), *self._folder.glob(".*")):
            if _age(path) < before:
                with suppress(OSError):  # an answer holds counts; it can wait for the next day
                    path.unlink()


class Outbox:
    """The operator's side: one request to a service that runs."""

    def __init__(self, data_dir: Path, random: Callable[[int], str] = secrets.token_hex) -> None:
        self._folder = data_dir / NAME
        self._name = random(16)

    def send(self, request: Request) -> bool:
        """Leave the request. ``False``: no service has made the folder."""
        if not self._folder.is_dir():
            return False
        _write(self._path(REQUEST), msgspec.json.encode(request), self._folder)
        return True

    def withdraw(self) -> bool:
        """Take the request back. ``False``: the service has begun."""
        try:
            self._path(REQUEST).unlink()
        except OSError:  # it has gone: the service renamed it
            return False
        return True

    def answered(self) -> Answer | None:
        """What came of it, once."""
        try:
            answer = _ANSWER.decode(_read(self._path(ANSWER)))
        except FileNotFoundError:
            return None
        self._path(ANSWER).unlink(missing_ok=True)
        return answer

    def _path(self, kind: str) -> Path:
        return self._folder / f"{self._name}{kind}"


def _read(path: Path) -> bytes:
    """A small regular file, no link. Raises ``OSError``."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(LONGEST)


def _write(path: Path, text: bytes, folder: Path) -> None:
    """A whole file under its name at once, readable by the folder's owner and nobody else."""
    draft = path.with_name(f".{path.name}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if os.geteuid() == 0:  # root asks, a service of another user has to read it
            owner = folder.stat()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def _age(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:  # it has gone meanwhile: nobody waits for it
        return float("inf")
