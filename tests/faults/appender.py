"""Processes to be killed: each appends in a storm, and notes what was acknowledged.

``python appender.py`` reads lines ``DATABASE <tab> NOTES`` and for each forks one process, which prints
its id at the first acknowledgement and goes on until it is killed; then it prints ``gone``. Forked,
because starting an interpreter would take longer than the storm.
"""

import asyncio
import hashlib
import itertools
import os
import sys
from pathlib import Path

from holdfire.record import Draft
from holdfire.store.sqlite import SqliteStore

TASKS = 64


async def storm(database: Path, notes: int) -> None:
    """Append for ever, from many tasks at once."""
    store = await SqliteStore.open(database)
    run = os.urandom(4).hex()  # event ids of one run are not those of another
    numbers = itertools.count()

    async def act(name: str) -> None:
        for number in numbers:
            event = f"{run}-{number}"
            appended = await store.append(
                Draft(
                    site="demo",
                    visitor=f"visitor-{run}-{name:>05}",
                    event_id=event,
                    fingerprint=hashlib.sha256(event.encode()).digest(),
                    recorded_ms=number,
                    evidence=bytes(900),
                    subject=b"",
                )
            )
            # One write, unbuffered: what is in the file has been acknowledged.
            os.write(notes, f"{event} {appended.record.log_index}\n".encode())
            if number == 0:
                print(os.getpid(), flush=True)  # noqa: T201 - how it answers

    await asyncio.gather(*(act(str(task)) for task in range(TASKS)))


def serve() -> None:
    """Fork a storm for each line, one at a time."""
    for line in sys.stdin:
        database, notes = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            asyncio.run(storm(Path(database), os.open(notes, flags, 0o600)))
        os.waitpid(child, 0)
        print("gone", flush=True)  # noqa: T201 - how it answers


if __name__ == "__main__":
    serve()
