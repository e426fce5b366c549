"""``holdfire keys``: the keys that sign, made, rotated, listed, retired."""

import argparse
import hashlib
import os
import secrets
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from holdfire import keyfile
from holdfire.errors import HoldfireError
from holdfire.notary.keys import FOLDER, LogKey, LogKeys
from holdfire.settings import Settings, load

SHOWN = 8  # hex digits of a visitor key's id


def add(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options."""
    keys = verbs.add_parser("keys", help="work with the keys that sign the log")
    family = keys.add_subparsers(required=True, metavar="VERB")

    verb = family.add_parser("list", help="list the keys, without their secrets")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_list)

    verb = family.add_parser(
        "rotate", help="add a key to a log; the old one signs too, until it is retired"
    )
    verb.add_argument("--log", metavar="ORIGIN", help="such as consent.example.com/log/2026")
    verb.set_defaults(run=run_rotate)

    verb = family.add_parser("retire", help="destroy the private half of a key for ever")
    verb.add_argument("id", metavar="ID", help="as it is listed")
    verb.set_defaults(run=run_retire)


def run_list(options: argparse.Namespace) -> int:
    """``holdfire keys list``."""
    settings = load(options.config, os.environ)
    logs = [_row(key) for key in open_keys(settings).all]
    visitors = visitor_keys(settings)
    if options.json:
        print(msgspec.json.encode({"log": logs, "visitor_tokens": visitors}).decode())
        return 0
    for row in logs:
        print(f"{row['id']}  {row['state']} since {row['since']}  {row['log']}")
        print(f"          {row['vkey']}")
    for row in visitors:
        print(f"{row['id']}  {row['state']}  visitor tokens")
    return 0


def run_rotate(options: argparse.Namespace) -> int:
    """``holdfire keys rotate``."""
    keys = open_keys(load(options.config, os.environ))
    origin = options.log or _newest(keys)
    if not keys.of(origin):
        raise HoldfireError(f"no log {origin!r} has a key here; see: holdfire keys list")
    made = keys.rotate(origin)
    print(made.verifier.text())
    old = ", ".join(key.id for key in keys.signing(origin) if key.id != made.id)
    print(
        f"It signs {origin} together with {old}. Hand the policy file out again (holdfire log "
        "policy), and when everybody has it, run: holdfire keys retire with the old id.",
        file=sys.stderr,
    )
    return 0


def run_retire(options: argparse.Namespace) -> int:
    """``holdfire keys retire``."""
    retired = open_keys(load(options.config, os.environ)).retire(options.id)
    print(retired.verifier.text())
    print("It signs nothing more. What it has signed verifies as before.", file=sys.stderr)
    return 0


def open_keys(settings: Settings) -> LogKeys:
    """The keys of the settings' logs. Raises ``ConfigError``."""
    return LogKeys(Path(settings.data_dir) / FOLDER, secrets.token_bytes, time.time)


def visitor_keys(settings: Settings) -> list[dict[str, str]]:
    """The keys that sign visitor tokens, by an id that tells nothing of them; none is made."""
    folder = Path(settings.data_dir)
    keys = settings.secret_keys
    if not keys and (folder / keyfile.NAME).exists():
        keys = keyfile.read_or_make(folder, secrets.token_bytes)
    return [
        {
            "id": hashlib.sha256(f"visitor-key-id/v1\n{key}".encode()).hexdigest()[:SHOWN],
            "state": "signs" if key == keys[-1] else "verifies only",
        }
        for key in keys
    ]


def _row(key: LogKey) -> dict[str, str]:
    since = key.made if key.retired is None else key.retired
    return {
        "id": key.id,
        "log": key.verifier.name,
        "state": key.state,
        "since": datetime.fromtimestamp(since, UTC).isoformat().replace("+00:00", "Z"),
        "made": datetime.fromtimestamp(key.made, UTC).isoformat().replace("+00:00", "Z"),
        "vkey": key.verifier.text(),
    }


def _newest(keys: LogKeys) -> str:
    """The log that grows: the newest that signs and whose year has come."""
    year = datetime.now(UTC).year
    origins = [key.verifier.name for key in keys.all if key.seed is not None]
    begun = [origin for origin in origins if _place(origin)[0] <= year] or origins
    if not begun:
        raise HoldfireError("there is no key yet; the service makes the first one at its start")
    return max(begun, key=_place)


def _place(origin: str) -> tuple[int, int]:
    """Year and number of a log, as its name has them."""
    year, _, number = origin.rsplit("/", 1)[1].partition("-")
    return int(year), int(number or 1)
