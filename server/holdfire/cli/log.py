"""``holdfire log``: the public log, checked, shown, handed to auditors, and recovered."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from holdfire import app
from holdfire.cli import noting
from holdfire.cli.keys import open_keys
from holdfire.cli.opening import FOUND, store_name
from holdfire.errors import HoldfireError, StoreUnavailable
from holdfire.ledger import Malformed, checkpoint, note
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.notary import anchor_path, inspection, policy_text, recovery, static
from holdfire.notary.anchor import Anchor, AnchorBroken
from holdfire.notary.audit import Audit, Finding
from holdfire.notary.keys import LogKeys
from holdfire.record import Head
from holdfire.settings import Settings, load
from holdfire.store import Store

T = TypeVar("T")
MOST = 1_000  # findings held for --json; a log with more is as lost as one with these


def add(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options."""
    log = verbs.add_parser("log", help="check, show and recover the public log")
    family = log.add_subparsers(required=True, metavar="VERB")

    verb = family.add_parser("fsck", help="derive everything anew from the entries, and compare")
    verb.add_argument("--full", action="store_true", help="open the commitments of old logs too")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_fsck)

    verb = family.add_parser("status", help="say how long the logs are, and what is signed")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_status)

    verb = family.add_parser("recover", help="leave a log that is refused, and open another")
    verb.add_argument("--because", required=True, metavar="TEXT", help="is published in the log")
    verb.set_defaults(run=run_recover)

    noting.add(family)

    verb = family.add_parser("policy", help="print the policy file that receipts verify under")
    verb.set_defaults(run=run_policy)

    verb = family.add_parser("export", help="write a log as static files, for an auditor")
    verb.add_argument("folder", metavar="DIR")
    verb.add_argument("--log", metavar="ORIGIN", help="(default: the log that grows)")
    verb.set_defaults(run=run_export)

    verb = family.add_parser(
        "consistency", help="compare two checkpoints of one log with the entries stored here"
    )
    verb.add_argument("old", metavar="OLD")
    verb.add_argument("new", metavar="NEW")
    verb.set_defaults(run=run_consistency)


def run_fsck(options: argparse.Namespace) -> int:
    """``holdfire log fsck``."""
    settings = load(options.config, os.environ)
    keys, anchor = open_keys(settings), Anchor(anchor_path(settings))

    async def check(store: Store) -> tuple[int, list[Finding]]:
        count = 0
        kept: list[Finding] = []
        audit = Audit(store, anchor, keys, _now_ms(), _tell)
        async for finding in audit.findings(full=options.full):
            count += 1
            if len(kept) < MOST:
                kept.append(finding)
            if not options.json:
                print(finding, flush=True)
        return count, kept

    count, found = _reading(settings, check)
    if options.json:
        print(msgspec.json.encode({"count": count, "findings": found}).decode())
    else:
        print(f"Found wrong: {count}." if count else "The logs are whole.")
    return FOUND if count else 0


def run_status(options: argparse.Namespace) -> int:
    """``holdfire log status``."""
    settings = load(options.config, os.environ)
    keys, anchor = open_keys(settings), Anchor(anchor_path(settings))

    async def look(store: Store) -> tuple[tuple[Head, ...], str | None]:
        return await store.heads(), await inspection.at_start(store, anchor, keys, _now_ms())

    heads, refused = _reading(settings, look)
    rows = [_row(head, anchor, keys) for head in heads]
    if options.json:
        print(msgspec.json.encode({"logs": rows, "refused": refused}).decode())
        return FOUND if refused else 0
    for row in rows:
        print(f"{row['origin']}: {row['size']} entries, root {row['root']}")
        print(f"  signed: {row['signed_size']} at {row['signed_at']}; keys: {row['keys']}")
    print(refused or "Nothing is wrong where the logs end.")
    return FOUND if refused else 0


def run_recover(options: argparse.Namespace) -> int:
    """``holdfire log recover``."""
    settings = load(options.config, os.environ)
    keys, anchor = open_keys(settings), Anchor(anchor_path(settings))

    async def mend(store: Store) -> recovery.Recovered:
        return await recovery.recover(
            store, anchor, keys, because=options.because, now_ms=_now_ms(), tell=_tell
        )

    try:
        done = _opened(settings, mend, writing=True)
    except OSError as error:
        raise HoldfireError(f"the anchor cannot be written: {error.strerror}") from error
    for line in done.found[: recovery.MOST]:
        print(f"Found: {line}")
    print(f"Left as it is: {done.left.origin or 'an empty database'}, {done.left.size} entries.")
    print(f"It goes on in {done.opened.origin}. Start the service, and hand out the policy file.")
    return 0


def run_policy(options: argparse.Namespace) -> int:
    """``holdfire log policy``."""
    settings = load(options.config, os.environ)
    print(policy_text(open_keys(settings).all, settings.witnesses, settings.quorum), end="")
    return 0


def run_export(options: argparse.Namespace) -> int:
    """``holdfire log export``."""
    settings = load(options.config, os.environ)
    policy = policy_text(open_keys(settings).all, settings.witnesses, settings.quorum)

    async def copy(store: Store) -> tuple[str, int]:
        head = _chosen(await store.heads(), options.log)
        return head.origin, await static.write(store, head, Path(options.folder), policy, _tell)

    try:
        origin, size = _reading(settings, copy)
    except OSError as error:
        raise HoldfireError(f"{options.folder} cannot be written: {error.strerror}") from error
    print(f"{origin}: {size} entries in {options.folder}")
    return 0


def run_consistency(options: argparse.Namespace) -> int:
    """``holdfire log consistency``."""
    settings = load(options.config, os.environ)
    keys = open_keys(settings)
    old, new = (_checkpoint(path, keys) for path in (options.old, options.new))
    if old.origin != new.origin:
        raise HoldfireError("these are checkpoints of two different logs")
    if old.size > new.size:
        old, new = new, old

    async def compare(store: Store) -> list[str]:
        head = _chosen(await store.heads(), old.origin)
        return [
            f"the entries stored here have another root at size {signed.size}"
            for signed in (old, new)
            if not await _has(store, head, signed)
        ]

    found = _reading(settings, compare)
    for line in found:
        print(line)
    if not found:
        print(f"{old.origin}: {new.size} entries begin with the {old.size} signed before.")
    return FOUND if found else 0


# ---------------------------------------------------------------- what they have in common


def _reading(settings: Settings, work: Callable[[Store], Awaitable[T]]) -> T:
    return _opened(settings, work, writing=False)


def _opened(settings: Settings, work: Callable[[Store], Awaitable[T]], *, writing: bool) -> T:
    """Do something with the store, behind no fence. Raises ``HoldfireError``."""

    async def run() -> T:
        store = await app.open_store(settings, writing=writing)
        try:
            return await work(store)
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except StoreUnavailable as error:
        raise HoldfireError(f"{store_name(settings)} cannot be read") from error


def _row(head: Head, anchor: Anchor, keys: LogKeys) -> dict[str, object]:
    try:
        signed = anchor.of(head.origin)
    except AnchorBroken:
        signed = None
    return {
        "origin": head.origin,
        "size": head.size,
        "root": head.root.hex(),
        "signed_size": signed.size if signed and signed.note else 0,
        "signed_at": _iso(signed.at_ms) if signed and signed.note else "never",
        "given_up": bool(signed and signed.given_up),
        "keys": ", ".join(f"{key.id} {key.state}" for key in keys.of(head.origin)) or "none",
    }


def _chosen(heads: tuple[Head, ...], origin: str | None) -> Head:
    if not heads:
        raise HoldfireError("there is no log yet")
    found = [head for head in heads if head.origin == origin] if origin else [heads[-1]]
    if not found:
        known = ", ".join(head.origin for head in heads)
        raise HoldfireError(f"there is no log {origin!r} here, but: {known}")
    return found[0]


def _checkpoint(path: str, keys: LogKeys) -> Checkpoint:
    """A checkpoint in a file, signed by this instance. Raises ``HoldfireError``."""
    try:
        signed = note.parse(Path(path).read_bytes())
        found = checkpoint.parse(signed.text)
        note.verify(signed, keys.verifiers(found.origin))
    except OSError as error:
        raise HoldfireError(f"{path} cannot be read: {error.strerror}") from error
    except Malformed as error:
        raise HoldfireError(f"{path} is no checkpoint of this instance: {error}") from error
    return found


async def _has(store: Store, head: Head, signed: Checkpoint) -> bool:
    """Whether the log, at the size that was signed, has the root that was signed."""
    try:
        frontier = await inspection.frontier_at(store, head.log, signed.size)
    except LookupError:
        return False
    return frontier.root() == signed.root


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _now_ms() -> int:
    return int(time.time() * 1000)


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")
