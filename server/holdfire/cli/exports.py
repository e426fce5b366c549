"""``holdfire records export``: records to standard output, as programs, people or standards want."""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

from holdfire import app, export
from holdfire.cli.opening import all_sites, store_name
from holdfire.errors import HoldfireError, LogRefused, ReceiptNotReady, StoreUnavailable
from holdfire.export import Form, Selection
from holdfire.export.lines import Lines
from holdfire.export.selection import moment
from holdfire.export.standard import Documents
from holdfire.export.table import Table
from holdfire.settings import Settings, load
from holdfire.store import Store


def add(family: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options."""
    verb = family.add_parser("export", help="write records to standard output")
    verb.add_argument(
        "--format",
        choices=("ndjson", "csv", "dpv", "kantara"),
        default="ndjson",
        help="dpv: ISO/IEC TS 27560 as JSON-LD; kantara: Consent Receipt v1.1; each one a line",
    )
    add_selection(verb)
    verb.set_defaults(run=run_export)


def add_selection(verb: argparse.ArgumentParser) -> None:
    """The options that say which records are meant."""
    verb.add_argument("--site", help="one site only")
    verb.add_argument("--visitor", metavar="PSEUDONYM", help="one visitor only")
    verb.add_argument("--event", metavar="ID", help="one act only")
    verb.add_argument("--since", metavar="DATE", help="recorded on that day (UTC) or later")
    verb.add_argument("--until", metavar="DATE", help="recorded on that day (UTC) or earlier")


def selection(options: argparse.Namespace) -> Selection:
    """What these options say. Raises ``HoldfireError`` for what is no date."""
    return Selection(
        site=options.site,
        visitor=options.visitor,
        event_id=options.event,
        since_ms=None if options.since is None else moment(options.since),
        until_ms=None if options.until is None else moment(options.until, end=True),
    )


def run_export(options: argparse.Namespace) -> int:
    """``holdfire records export``."""
    settings = load(options.config, os.environ)
    meant = selection(options)

    async def copy(store: Store) -> None:
        form = _form(options, settings, store)
        await export.write(store, meant, form, sys.stdout, progress=sys.stderr)

    with_store(settings, copy)
    return 0


def with_store(settings: Settings, verb: Callable[[Store], Awaitable[None]]) -> None:
    """Run a verb over the store that the settings name, which it cannot write to."""

    async def run() -> None:
        store = await app.open_store(settings, writing=False)
        try:
            await verb(store)
        finally:
            await store.close()

    try:
        asyncio.run(run())
    except (LogRefused, ReceiptNotReady):
        raise  # they say themselves what is wrong
    except StoreUnavailable as error:
        raise HoldfireError(f"{store_name(settings)} cannot be read") from error


def _form(options: argparse.Namespace, settings: Settings, store: Store) -> Form:
    """Raises ``ConfigError`` where a site does not say what a standard asks for."""
    if options.format == "ndjson":
        return Lines()
    if options.format == "csv":
        return Table()
    sites = all_sites(settings)
    wanted = {key: site for key, site in sites.items() if options.site in {None, key}}
    regimes = app.open_law(settings).regimes
    return Documents(options.format, store, wanted, regimes)
