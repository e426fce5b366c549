"""What processes that died left in ``data_dir``, and what older releases unpacked there."""

from collections.abc import Iterator
from pathlib import Path

from holdfire.retention.rounds import Row
from holdfire.retention.terms import DAY

# Drafts are renamed or removed within seconds by who writes them.
DRAFTS = (".*.part", ".visitor.keys.*")
UNPACKED = "dbip-country-us-ca-region-*.mmdb"


def leftovers(folder: Path, in_use: Path, now: float, *, dry: bool) -> tuple[Row, ...]:
    """Remove drafts a day old, and place databases other than the one ``in_use``.

    Only names of our own making are looked at. What cannot be removed stays, and is not counted.
    """
    count = sum(dry or _removed(path) for path in _found(folder, in_use, now))
    return (Row("", "leftover", count),) if count else ()


def _found(folder: Path, in_use: Path, now: float) -> Iterator[Path]:
    for pattern in (*DRAFTS, UNPACKED):
        for path in folder.glob(pattern):
            try:
                old = path.lstat().st_mtime < now - DAY
            except OSError:  # it has gone meanwhile
                continue
            if old and path.is_file() and path.resolve() != in_use.resolve():
                yield path


def _removed(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:  # nobody loses anything but the room it takes; the next round tries again
        return False
    return True
