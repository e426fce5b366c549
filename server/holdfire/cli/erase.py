"""``holdfire erase``: a visitor, or all visitors of a site. What is old goes by itself.

GDPR Art 17. Asked for, the person is erased and the evidence of the act stays, because consent has
to be proved; ``--part record`` takes both.
"""

import argparse
import asyncio
import os
import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from holdfire import app, keyfile
from holdfire.cli.opening import USAGE, all_sites, store_name
from holdfire.cli.running import carry_out
from holdfire.errors import HoldfireError, StoreUnavailable
from holdfire.law import Value
from holdfire.record import Erasure, Part
from holdfire.retention.asked import Account, Elsewhere, Kept, account, visitor_of
from holdfire.retention.rounds import erased
from holdfire.retention.spool import Request
from holdfire.retention.terms import terms_of
from holdfire.settings import Settings, load
from holdfire.store import Store
from holdfire.tokens import VisitorTokens


class Told(Value, frozen=True):
    """What ``--json`` prints."""

    site: str
    part: Part
    visitors: int
    records: int
    erased: int | None  # None: nothing was tried
    goes: str
    stays: tuple[Kept, ...]
    elsewhere: tuple[Elsewhere, ...]


def add(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options."""
    verb = verbs.add_parser("erase", help="erase a visitor, or all visitors of a site")
    verb.add_argument("--site", required=True)
    whom = verb.add_mutually_exclusive_group(required=True)
    whom.add_argument("--visitor", metavar="V", help="by pseudonym")
    whom.add_argument("--token", metavar="T", help="by the visitor's token; - reads it from stdin")
    whom.add_argument("--event", metavar="ID", help="by any of the visitor's acts")
    whom.add_argument("--all", action="store_true", help="all visitors of the site")
    verb.add_argument(
        "--part",
        choices=("subject", "record"),
        default="subject",
        help="who it was, or the evidence of the act as well (default: subject)",
    )
    verb.add_argument(
        "--because",
        choices=("request", "site", "order"),
        help="stands in the tombstones (default: request; with --all: site)",
    )
    verb.add_argument("--dry-run", action="store_true", help="count, and change nothing")
    verb.add_argument("--yes", action="store_true", help="erase more than one visitor")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_erase)


def run_erase(options: argparse.Namespace) -> int:
    """``holdfire erase``."""
    settings = load(options.config, os.environ)
    try:
        return asyncio.run(_erase(settings, options))
    except StoreUnavailable as error:
        raise HoldfireError(f"{store_name(settings)}: {str(error) or 'cannot be used'}") from error


async def _erase(settings: Settings, options: argparse.Namespace) -> int:
    site = options.site
    store = await app.open_store(settings, writing=False)
    try:
        wanted = Erasure(
            part=options.part,
            why=options.because or ("site" if options.all else "request"),
            recorded_ms=int(time.time() * 1000),
            site=site,
            visitor=await _visitor(settings, store, options),
        )
        terms = terms_of(all_sites(settings).get(site))
        found = await account(store, wanted, terms, _say_read)
        count: int | None = None
        asks = found.visitors > 1 and not options.yes
        if found.records and not options.dry_run and not asks:
            count = await _carried_out(settings, store, found)
    finally:
        await store.close()
    told = Told(
        site, options.part, found.visitors, found.records, count, found.goes, found.stays,
        found.elsewhere,
    )  # fmt: skip
    print(msgspec.json.encode(told).decode() if options.json else "\n".join(_lines(told)))
    if asks and found.records and not options.dry_run:
        print("holdfire: more than one visitor: repeat with --yes", file=sys.stderr)
        return USAGE
    return 0


async def _visitor(settings: Settings, store: Store, options: argparse.Namespace) -> str | None:
    """The pseudonym that the options mean; ``None``: everybody's."""
    if options.event:
        return await visitor_of(store, options.site, options.event)
    if options.token:
        from_stdin = options.token == "-"  # noqa: S105 - the usual name of standard input
        text = sys.stdin.readline().strip() if from_stdin else options.token
        keys = settings.secret_keys or keyfile.read_or_make(
            Path(settings.data_dir), secrets.token_bytes
        )
        return VisitorTokens(keys).read(options.site, text).visitor
    visitor: str | None = options.visitor
    return visitor


async def _carried_out(settings: Settings, reading: Store, found: Account) -> int:
    """Erase; how many records something went from."""

    async def progress() -> str:
        left = sum([await reading.erasable(one) for one in found.erasures])
        return f"{found.records - left} of {found.records} records"

    rows = await carry_out(
        settings,
        Request(found.erasures),
        lambda store: erased(store, found.erasures, time.time()),
        progress,
    )
    return sum(row.count for row in rows)


def _lines(told: Told) -> Iterator[str]:
    if not told.records:
        yield f"{told.site}: nothing is kept of whom you name."
        return
    done = "would be erased" if told.erased is None else "erased"
    what = f"{_counted(told.visitors, 'visitor')}, {_counted(told.records, 'record')}"
    yield f"{told.site}: {what}: {told.part} {done}."
    yield f"Goes:   {told.goes}."
    for kept in told.stays:
        until = f", until {kept.until} at the latest" if kept.until else ""
        yield f"Stays:  {kept.what}{until}."
    for act in told.elsewhere:
        yield f"Beside: the same visitor at {act.site}, erased there by --event {act.event_id}."
    yield "Beside: the cookie in the visitor's browser, which names nobody any more."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _say_read(seen: int) -> None:
    print(f"{seen} records read", file=sys.stderr)
