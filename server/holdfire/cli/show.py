"""``holdfire records show``: one act, told and shown again."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

import msgspec

from holdfire import app
from holdfire.cli.opening import FOUND, store_name
from holdfire.errors import ConfigError, HoldfireError, StoreUnavailable
from holdfire.replay import account, checks, picture, telling
from holdfire.replay.account import Account, Kept
from holdfire.replay.checks import Check
from holdfire.replay.telling import Told
from holdfire.settings import Settings, load


def add(family: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options."""
    verb = family.add_parser("show", help="tell what one record holds, and show what was on view")
    verb.add_argument("event", metavar="EVENT", help="the event id of the act")
    verb.add_argument("--site", help="at this site (default: at whichever it was made)")
    verb.add_argument("--json", action="store_true")
    verb.add_argument("--render", metavar="FILE", help="draw what the visitor saw, as PNG")
    verb.set_defaults(run=run_show)


def run_show(options: argparse.Namespace) -> int:
    """``holdfire records show``."""
    settings = load(options.config, os.environ)
    try:
        found, looked, shown = asyncio.run(_read(settings, options.event, options.site))
    except StoreUnavailable as error:
        raise HoldfireError(f"{store_name(settings)} cannot be read: {error}") from error
    told = telling.told(found, looked)
    if not options.json:
        for line in telling.lines(found, looked):
            print(line)
    if options.render:
        told = _drawn(told, found, shown, Path(options.render))
        if told.rendered and not options.json:
            print(f"Drawn: {told.rendered}")
    if options.json:
        print(msgspec.json.encode(told).decode())
    return 0 if told.matches else FOUND


async def _read(
    settings: Settings, event: str, site: str | None
) -> tuple[Account, tuple[Check, ...], tuple[Kept, ...]]:
    """The account, what was found in looking at it, and what is to be shown."""
    store = await app.open_store(settings, writing=False)
    try:
        found = await account.read(store, await account.find(store, event, site))
        older = found.older.shown if found.older else None
        shown = await account.kept(store, older) if older else found.kept
        return found, await checks.checks(store, found), shown
    finally:
        await store.close()


def _drawn(told: Told, found: Account, shown: tuple[Kept, ...], file: Path) -> Told:
    """What is told, with the picture; where there is none, a line says why."""
    if found.proof is None:
        print("holdfire: nothing can be shown: the evidence is gone", file=sys.stderr)
        return told
    try:
        drawn = picture.draw(picture.staged(shown, found.proof), file)
    except (ConfigError, picture.Unwritable):
        raise
    except HoldfireError as error:
        print(f"holdfire: {error}", file=sys.stderr)
        missed = not isinstance(error, picture.NothingToShow)
        return msgspec.structs.replace(told, matches=told.matches and not missed)
    for address in drawn.asked:
        print(f"holdfire: the page asked for {address}, which is not kept", file=sys.stderr)
    return msgspec.structs.replace(
        told, rendered=str(file), words=drawn.words, matches=told.matches and not drawn.asked
    )
