"""``holdfire records bundle``: records with their proofs in one file, for a court or a regulator."""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from holdfire import app
from holdfire.cli.exports import add_selection, selection, with_store
from holdfire.cli.keys import open_keys
from holdfire.errors import HoldfireError, ReceiptNotReady
from holdfire.export import Selection
from holdfire.export.bundle import Bundle, Tools
from holdfire.export.progress import Progress
from holdfire.ledger import standalone
from holdfire.notary import policy_text
from holdfire.notary.receipts import Receipts
from holdfire.settings import Settings, load
from holdfire.store import Store

PAGE = "dist/verify.html"


def add(family: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options."""
    verb = family.add_parser("bundle", help="write records with their proofs, for a court")
    add_selection(verb)
    verb.add_argument("--out", required=True, metavar="FILE.zip", help="a file that is not there")
    verb.set_defaults(run=run_bundle)


def run_bundle(options: argparse.Namespace) -> int:
    """``holdfire records bundle``."""
    settings = load(options.config, os.environ)
    meant, out = selection(options), Path(options.out)
    if meant == Selection(site=meant.site):
        raise HoldfireError("say whose records: --event, --visitor, --since or --until")
    if out.exists():
        raise HoldfireError(f"{out} is there already")
    tools = _tools(settings)
    regimes = app.open_law(settings).regimes

    async def pack(store: Store) -> None:
        heads = await store.heads()
        receipts = Receipts(store, _not_waited)
        bundle = Bundle(store, receipts, tools, regimes, selection=meant, heads=heads)
        progress = Progress(heads, sys.stderr, time.monotonic)
        # Whole or not at all: a bundle that broke off could be taken for the other.
        with tempfile.NamedTemporaryFile(dir=out.parent, prefix=f".{out.name}.") as draft:
            if not await bundle.write(draft, progress):
                raise HoldfireError("no record fits, or nothing is left of those that did")
            draft.flush()
            os.fsync(draft.fileno())
            os.link(draft.name, out)

    try:
        with_store(settings, pack)
    except ReceiptNotReady as error:
        remedy = "the running service signs it within seconds; then try again"
        raise HoldfireError(f"the newest record is not signed yet: {remedy}") from error
    except OSError as error:
        raise HoldfireError(f"{out} cannot be written: {error.strerror}") from error
    return 0


def _tools(settings: Settings) -> Tools:
    page = settings.static_path / PAGE
    try:
        body = page.read_bytes()
    except OSError as error:
        raise HoldfireError(f"{page} is not there; build the page scripts: make setup") from error
    policy = policy_text(open_keys(settings).all, settings.witnesses, settings.quorum)
    return Tools(policy.encode(), standalone.zipapp(), body)


async def _not_waited(log: int, size: int, seconds: float) -> None:
    """Who only reads a store cannot hurry who signs it."""
