"""Writes tests/data/log-schema-1.db, a database as the first release leaves it behind.

Run once, before that release: from then on the file is what migrations are tried on.
"""

import asyncio
import random
from pathlib import Path
from tempfile import TemporaryDirectory

from holdfire.record import Artefact, Erasure, Statement
from holdfire.store.sqlite import SqliteStore
from house import DATA, NOON
from stores import act, visitor

FILE = DATA / "log-schema-1.db"
MINUTE = 60_000
NEW_YEAR = 1_798_761_600_000  # 2027-01-01T00:00:00Z
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # SHA-256 of nothing


async def write(path: Path) -> None:
    """Acts of two years, statements, and two erasures; a tile that is full."""
    ms = int(NOON * 1000)
    store = await SqliteStore.open(path, random=random.Random(1).randbytes)  # noqa: S311 - the same file each time
    await store.state(Statement(5, None, b'{"keys":[],"v":1}', ms))
    await store.state(Statement(4, "demo", b'{"v":1}', ms, config=bytes(range(32))))
    await store.keep([Artefact(EMPTY, "texts", b"")])
    for number in range(290):
        late = ms + number * MINUTE
        await store.append(act(f"act {number}", of=f"person {number % 200}", ms=late))
    for event, person in (("one", "erased"), ("two", "erased"), ("three", "whole")):
        await store.append(act(event, of=person, ms=ms + 290 * MINUTE))
    for part, person in (("subject", "erased"), ("record", "whole")):
        erasure = Erasure(part, "request", ms + 291 * MINUTE, "demo", visitor(person))  # type: ignore[arg-type]  # one of its two values
        await store.erase(erasure)
    await store.state(Statement(6, None, '{"what":"a note — äö"}'.encode(), ms + 292 * MINUTE))
    await store.append(act("last", of="late", ms=ms + 293 * MINUTE))
    for number in range(5):
        later = NEW_YEAR + number * MINUTE
        await store.append(act(f"next {number}", of=f"next {number}", ms=later))
    await store.close()


def main() -> None:
    """Write the file anew."""
    with TemporaryDirectory() as name:
        path = Path(name) / FILE.name
        asyncio.run(write(path))
        FILE.write_bytes(path.read_bytes())
        FILE.chmod(0o644)  # as git keeps it


if __name__ == "__main__":
    main()
