"""A store to write to, or the running service that writes it.

PostgreSQL takes any number of writers. A SQLite database is written by one process; while that is
the service, it is asked through its spool (``retention.spool``).
"""

import asyncio
import os
import secrets
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from holdfire import app
from holdfire.errors import ConfigError, HoldfireError
from holdfire.notary import Notary
from holdfire.retention.rounds import Row
from holdfire.retention.spool import Outbox, Request
from holdfire.settings import Settings
from holdfire.store import Store, datafile

Progress = Callable[[], Awaitable[str]]

BETWEEN = 0.25  # seconds between two looks for an answer
PATIENCE = 60  # of them until a service that has not begun is taken for none
EVERY = 4  # of them between two lines of progress


async def carry_out(
    settings: Settings,
    request: Request,
    here: Callable[[Store], Awaitable[tuple[Row, ...]]],
    progress: Progress,
) -> tuple[Row, ...]:
    """Do it ``here``, or have the running service do it; ``progress`` is a line for standard error.

    Raises ``HoldfireError`` if neither can be.
    """
    if _is_taken(settings):
        return await _asked(settings, request, progress)
    notary = Notary.open(settings, random=secrets.token_bytes)
    store = await app.open_store(settings, fence=notary.fence)
    try:
        task = asyncio.ensure_future(here(store))
        while not (await asyncio.wait({task}, timeout=1))[0]:
            print(await progress(), file=sys.stderr)
        return task.result()
    finally:
        await store.close()


def _is_taken(settings: Settings) -> bool:
    """Whether a process that runs holds the SQLite database."""
    scheme, _, rest = settings.database.partition("://")
    if scheme != "sqlite":
        return False
    try:
        os.close(datafile.claim(Path(rest.removeprefix("/"))))
    except ConfigError:
        return True
    except OSError as error:
        raise HoldfireError(f"the record store cannot be written: {error.strerror}") from error
    return False


async def _asked(settings: Settings, request: Request, progress: Progress) -> tuple[Row, ...]:
    outbox = Outbox(Path(settings.data_dir))
    try:
        if not outbox.send(request):
            raise HoldfireError(
                "another process writes this database, and takes no requests in data_dir: "
                "name the data_dir it runs with, or stop it, and repeat"
            )
        looks = 0
        while (answer := outbox.answered()) is None:
            looks += 1
            if looks == PATIENCE and outbox.withdraw():
                raise HoldfireError(
                    "the process that writes this database does not answer, nothing was done: "
                    "stop it, and repeat"
                )
            if looks % EVERY == 0:
                print(await progress(), file=sys.stderr)
            await asyncio.sleep(BETWEEN)
    except OSError as error:
        raise HoldfireError(f"the service cannot be asked in data_dir: {error.strerror}") from error
    finally:
        outbox.withdraw()  # who stops waiting before the service has begun wants nothing done
    if answer.error:
        raise HoldfireError(answer.error)
    return answer.rows
