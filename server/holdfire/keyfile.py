"""The keys that sign visitor tokens: made at the first start, readable by their owner only."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from holdfire.errors import ConfigError, Problem

NAME = "visitor.keys"
BYTES = 32  # 256 bits, as long as the digest they key


def read_or_make(folder: Path, random: Callable[[int], bytes]) -> tuple[str, ...]:
    """The keys in ``folder``, oldest first; one is made where there are none yet.

    Raises ``ConfigError`` if the file can be read by others, holds no key, or cannot be made.
    """
    path = folder / NAME
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path, random)
        return _read(path)
    except OSError as error:
        what = f"no keys can be kept here: {error.strerror}"
        remedy = "name a folder that this user may write"
        raise ConfigError((Problem(str(folder), "data_dir", what, remedy),)) from error


def _make(path: Path, random: Callable[[int], bytes]) -> None:
    """Write a whole file beside it, then link it in place: nobody ever reads half a key."""
    draft = path.with_name(f".{NAME}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(random(BYTES).hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # Of two processes starting at once one link succeeds, and both read what it linked.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read(path: Path) -> tuple[str, ...]:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(
            (Problem(str(path), "mode", "others may read the keys", f"run: chmod 600 {path}"),)
        )
    keys = tuple(path.read_text("ascii").split())
    if not keys or any(len(key) < BYTES * 2 for key in keys):
        raise ConfigError(
            (
                Problem(
                    str(path),
                    "keys",
                    "no key, or one that is too short",
                    "restore the file from a backup, or remove it: every visitor is asked again",
                ),
            )
        )
    return keys
