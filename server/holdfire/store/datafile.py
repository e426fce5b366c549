"""The SQLite file as the operating system sees it: who may read it, and who is writing it."""

import fcntl
import os
import stat
from pathlib import Path

from holdfire.errors import ConfigError, Problem

Identity = tuple[int, int]


def identity(path: Path | str) -> Identity | None:
    """Which file has this name now, by device and inode; ``None`` if there is none to be seen."""
    try:
        found = os.stat(path)  # noqa: PTH116 - before every answer: Path.stat takes twice as long
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None


def claim(path: Path) -> int:
    """Create the file if need be, and become the one process that writes it.

    Returns the descriptor that holds the claim; closing it, or dying, gives it up. The claim is a
    lock on a file beside the database, because SQLite's own locks on the database are lost when
    any descriptor of that file is closed (sqlite.org/howtocorrupt.html §2.2).

    Raises ``ConfigError`` if another process holds the claim, ``OSError`` if the folder cannot be
    written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(_lock(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # flock and not lockf: a second store in the same process must be refused as well.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _create(path)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ConfigError((_taken(path),)) from error
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def claims(descriptor: int, path: Path) -> bool:
    """Whether this claim still holds others off: its file may have been removed with the rest."""
    held = os.fstat(descriptor)
    return (held.st_dev, held.st_ino) == identity(_lock(path))


def _lock(path: Path) -> Path:
    return Path(f"{path}.lock")


def _create(path: Path) -> None:
    """Create the database with its mode before SQLite would; WAL and index inherit the mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    # A commit is only durable if the name of its file is.
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _taken(path: Path) -> Problem:
    return Problem(
        file=str(path),
        key="database",
        what="another process is writing this database",
        remedy="stop that process, or use postgresql://…, which serves any number of processes",
    )
