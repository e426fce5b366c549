"""``holdfire records retain``: what has reached its end, and how long everything is kept.

A running service does it by itself, at start and once a day.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Mapping

import msgspec

from holdfire import app
from holdfire.cli.opening import all_sites, store_name
from holdfire.cli.running import carry_out
from holdfire.errors import HoldfireError, StoreUnavailable
from holdfire.model import Site
from holdfire.retention.rounds import Round, Row
from holdfire.retention.spool import Request
from holdfire.retention.terms import KINDS, listed, terms_of
from holdfire.settings import Settings, load


def add(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options."""
    verb = verbs.add_parser("retain", help="erase what has been kept long enough")
    verb.add_argument("--dry-run", action="store_true", help="count, and change nothing")
    verb.add_argument("--list", action="store_true", help="say what is kept, how long, and why")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_retain)


def run_retain(options: argparse.Namespace) -> int:
    """``holdfire records retain``."""
    settings = load(options.config, os.environ)
    sites = all_sites(settings)
    if options.list:
        terms = {name: terms_of(site) for name, site in sites.items()}
        document = {"kinds": KINDS, "sites": terms}
        print(msgspec.json.encode(document).decode() if options.json else listed(sites))
        return 0
    try:
        rows = asyncio.run(_retain(settings, sites, dry=options.dry_run))
    except StoreUnavailable as error:
        raise HoldfireError(f"{store_name(settings)}: {str(error) or 'cannot be used'}") from error
    if options.json:
        print(msgspec.json.encode(rows).decode())
        return 0
    done = "would go" if options.dry_run else "gone"
    for row in rows:
        print(f"{row.site or 'all sites'}: {row.kind}: {row.count} {done}")
    if not rows:
        print("Nothing has been kept long enough to go.")
    return 0


async def _retain(settings: Settings, sites: Mapping[str, Site], *, dry: bool) -> tuple[Row, ...]:
    if dry:
        store = await app.open_store(settings, writing=False)
        try:
            return await Round(store, sites, time.time(), dry=True, tell=_say_read).make()
        finally:
            await store.close()

    async def progress() -> str:
        return "under way"

    return await carry_out(
        settings,
        Request(),
        lambda store: Round(store, sites, time.time(), dry=False, tell=_say_read).make(),
        progress,
    )


def _say_read(seen: int) -> None:
    print(f"{seen} records read", file=sys.stderr)
