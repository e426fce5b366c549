"""One of several processes that write the same log in PostgreSQL; it writes down what it lives through.

``python node.py URL HISTORY`` appends acts of a few visitors, who act through other nodes too, reads
the newest of one now and then, and where the log ends, until it is killed. A line of JSON in HISTORY
is one call: when it was made and answered, in nanoseconds of the machine's clock, and the answer.
What was not answered has no line.
"""

import asyncio
import hashlib
import itertools
import logging
import os
import random
import sys
import time

import msgspec

from holdfire.errors import StoreUnavailable
from holdfire.record import Draft
from holdfire.store.postgres import PostgresStore

SITE = "demo"
TASKS = 6
VISITORS = 5
ACTS_FOR_A_READ = 4


def visitor(number: int) -> str:
    """The pseudonym of one of the few."""
    return f"{number:022}"


async def act(store: PostgresStore, run: str, number: int) -> dict[str, object]:
    """Append one act; the answer."""
    event = f"{run}-{number}"
    who = visitor(random.randrange(VISITORS))  # noqa: S311 - a visitor, not a secret
    draft = Draft(
        site=SITE,
        visitor=who,
        event_id=event,
        fingerprint=hashlib.sha256(event.encode()).digest(),
        recorded_ms=number,
        evidence=b'{"site":"demo"}',
        subject=b"{}",
    )
    record = (await store.append(draft)).record
    return {
        "did": "act",
        "event": event,
        "visitor": who,
        "index": record.log_index,
        "seq": record.seq,
    }


async def look(store: PostgresStore) -> dict[str, object]:
    """Read the newest act of a visitor, and then where the log ends."""
    who = visitor(random.randrange(VISITORS))  # noqa: S311 - as above
    latest = await store.latest(SITE, who)
    return {"did": "read", "visitor": who, "seq": latest.seq if latest else 0}


async def end(store: PostgresStore) -> dict[str, object]:
    """Read where the log ends."""
    heads = await store.heads()
    size, root = (heads[-1].size, heads[-1].root.hex()) if heads else (0, "")
    return {"did": "head", "size": size, "root": root}


async def live(url: str, history: int) -> None:
    """Act and look for ever, in a few tasks at once."""
    store = await PostgresStore.open(url)
    run = os.urandom(4).hex()
    numbers = itertools.count()

    async def task() -> None:
        for number in numbers:
            turn = number % (ACTS_FOR_A_READ + 2)
            asked = time.monotonic_ns()
            try:
                if turn < ACTS_FOR_A_READ:
                    answer = await act(store, run, number)
                else:
                    answer = await (look(store) if turn == ACTS_FOR_A_READ else end(store))
            except StoreUnavailable:
                continue  # it may have come to pass, or not
            line = {"asked": asked, "answered": time.monotonic_ns(), **answer}
            os.write(history, msgspec.json.encode(line) + b"\n")

    await asyncio.gather(*(task() for _ in range(TASKS)))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    asyncio.run(live(sys.argv[1], os.open(sys.argv[2], flags, 0o600)))
