"""A folder of small secret files, changed by one process and read by others at any moment."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfire.errors import ConfigError, Problem


@contextmanager
def changed(folder: Path) -> Iterator[None]:
    """Change what is in a folder, which is made if need be: one process at a time.

    Afterwards the folder's time is later than it ever was. The clock of a file system stands still
    for some milliseconds, and who reads the folder between two changes must not miss the second.
    Raises ``ConfigError``.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            before = os.fstat(descriptor)
            only_ours(folder, before)
            try:
                yield
            finally:
                after = os.fstat(descriptor)
                later = max(before.st_mtime_ns, after.st_mtime_ns) + 1
                os.utime(folder, ns=(after.st_atime_ns, later))
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise unusable(folder, error) from error


def written(path: Path, content: bytes, *, new: bool) -> bool:
    """Put a whole file in its place, durably; false if it was to be ``new`` and there is one.

    Nobody ever reads half of it. Raises ``OSError``; the folder is synced by ``changed``.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if not new:
            draft.replace(path)
            return True
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True


def looked_at(folder: Path) -> os.stat_result | None:
    """What the system says of a folder; ``None`` if it is not there. Raises ``ConfigError``."""
    try:
        return folder.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unusable(folder, error) from error


def only_ours(path: Path, found: os.stat_result) -> None:
    """Raises ``ConfigError`` if others may read or change a file or folder."""
    if stat.S_IMODE(found.st_mode) & 0o077:
        mode = "700" if stat.S_ISDIR(found.st_mode) else "600"
        remedy = f"run: chmod {mode} {path}"
        raise ConfigError((Problem(str(path), "mode", "others may read the keys", remedy),))


def unusable(folder: Path, error: OSError) -> ConfigError:
    """What a start says of a folder that cannot be read or written."""
    what = f"no keys can be kept here: {error.strerror}"
    remedy = "name a folder that this user may write"
    return ConfigError((Problem(str(folder), "data_dir", what, remedy),))
