"""``holdfire log note``: a sentence of the operator, in the log for good."""

import argparse
import asyncio
import os
import time

from holdfire.cli.opening import store_name
from holdfire.cli.running import carry_out
from holdfire.errors import HoldfireError, StoreUnavailable
from holdfire.notary.noting import noted
from holdfire.retention.rounds import Row
from holdfire.retention.spool import Request
from holdfire.settings import Settings, load
from holdfire.store import Store


def add(family: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options."""
    verb = family.add_parser("note", help="put a note into the log: an outage, a wrong clock")
    verb.add_argument("--because", required=True, metavar="TEXT", help="is published in the log")
    verb.set_defaults(run=run_note)


def run_note(options: argparse.Namespace) -> int:
    """``holdfire log note``."""
    settings = load(options.config, os.environ)
    try:
        asyncio.run(_note(settings, options.because))
    except StoreUnavailable as error:
        raise HoldfireError(f"{store_name(settings)}: {str(error) or 'cannot be used'}") from error
    print("The note is in the log.")
    return 0


async def _note(settings: Settings, because: str) -> None:
    """Say it here, or have the running service say it."""
    statement = noted(because, int(time.time() * 1000))

    async def here(store: Store) -> tuple[Row, ...]:
        await store.state(statement)
        return ()

    async def progress() -> str:
        return "waiting for the service"

    await carry_out(settings, Request(note=because), here, progress)
