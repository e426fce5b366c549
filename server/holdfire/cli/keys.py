"""``holdfire keys``: those that sign, and those that others ask with."""

import argparse
import hashlib
import os
import re
import secrets
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from holdfire import apikeys, keyfile
from holdfire.apikeys import SCOPES, ApiKey, ApiKeys, Scope
from holdfire.clerk import one_site
from holdfire.cli import token_keys
from holdfire.cli.opening import all_sites
from holdfire.document import nearest
from holdfire.errors import HoldfireError
from holdfire.notary.keys import FOLDER, LogKey, LogKeys
from holdfire.settings import Settings, load

SHOWN = 8  # hex digits of a visitor key's id
LIFE = re.compile(r"([1-9][0-9]{0,4})([hdy])")
SECONDS = {"h": 3_600, "d": 86_400, "y": 365 * 86_400}


def add(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options."""
    keys = verbs.add_parser("keys", help="work with the keys of the log, and with API keys")
    family = keys.add_subparsers(required=True, metavar="VERB")

    verb = family.add_parser("list", help="list the keys, without their secrets")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_list)

    verb = family.add_parser(
        "create",
        help="make an API key for one site and show it once",
        description="Make an API key. Machines that serve one database need the same folder "
        "data_dir/api.keys: shared, or copied with its times after every change.",
    )
    verb.add_argument("--site", required=True, metavar="SITE", help="whose visitors it may ask for")
    verb.add_argument(
        "--scope",
        required=True,
        action="append",
        metavar="SCOPE",
        help=f"what it may do: {', '.join(SCOPES)}; may be given again",
    )
    verb.add_argument(
        "--expires", required=True, metavar="TIME", help="such as 12h, 90d or 1y; 2y at most"
    )
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_create)

    verb = family.add_parser(
        "revoke",
        help="refuse an API key from the next request on",
        description="Refuse an API key from the next request on. Where machines have copies of "
        "data_dir/api.keys, copy it to each of them: until then it holds there.",
    )
    verb.add_argument("id", metavar="ID", help="as it is listed")
    verb.set_defaults(run=run_revoke)

    verb = family.add_parser(
        "rotate", help="add a key to a log, which both then sign, or one for consent tokens"
    )
    which = verb.add_mutually_exclusive_group()
    which.add_argument("--log", metavar="ORIGIN", help="such as consent.example.com/log/2026")
    which.add_argument(
        "--tokens", action="store_true", help="for consent tokens: it signs in ten minutes"
    )
    verb.set_defaults(run=run_rotate)

    verb = family.add_parser("retire", help="destroy the private half of a key for ever")
    verb.add_argument("id", metavar="ID", help="as it is listed")
    verb.set_defaults(run=run_retire)


def run_list(options: argparse.Namespace) -> int:
    """``holdfire keys list``."""
    settings = load(options.config, os.environ)
    logs = [_row(key) for key in open_keys(settings).all]
    visitors = visitor_keys(settings)
    given = api_keys(settings)
    asking = [_api_row(key, given) for key in given.all]
    for name in given.damaged:
        print(f"{name}: no API key, or others may read it; it opens nothing.", file=sys.stderr)
    if options.json:
        signing = token_keys.open_token_keys(settings).rows()
        listed = {
            "log": logs,
            "visitor_tokens": visitors,
            "consent_tokens": signing,
            "api": asking,
        }
        print(msgspec.json.encode(listed).decode())
        return 0
    for row in logs:
        print(f"{row['id']}  {row['state']} since {row['since']}  {row['log']}")
        print(f"          {row['vkey']}")
    for row in visitors:
        print(f"{row['id']}  {row['state']}  visitor tokens")
    for line in token_keys.lines(settings):
        print(line)
    for entry in asking:
        print(_api_line(entry))
    return 0


def run_create(options: argparse.Namespace) -> int:
    """``holdfire keys create``. The key goes to standard output alone, and nowhere else."""
    settings = load(options.config, os.environ)
    site = one_site(all_sites(settings), options.site)
    scopes = tuple(dict.fromkeys(_scope(word) for word in options.scope))
    key, text = api_keys(settings).create(site.id, scopes, _life(options.expires))
    if options.json:
        shown = {"id": key.id, "key": text, "site": key.site, "scopes": key.scopes}
        shown |= {"made": _iso(key.made), "expires": _iso(key.expires)}
        print(msgspec.json.encode(shown).decode())
    else:
        print(text)
    print(
        f"This is API key {key.id}, until {_iso(key.expires)}. It is not shown again: what is kept "
        "is its hash. Send it as: Authorization: Bearer …",
        file=sys.stderr,
    )
    return 0


def run_revoke(options: argparse.Namespace) -> int:
    """``holdfire keys revoke``."""
    key = api_keys(load(options.config, os.environ)).revoke(options.id)
    print(f"API key {key.id} of {key.site} opens nothing more.", file=sys.stderr)
    return 0


def run_rotate(options: argparse.Namespace) -> int:
    """``holdfire keys rotate``."""
    settings = load(options.config, os.environ)
    if options.tokens:
        return token_keys.rotate(settings)
    keys = open_keys(settings)
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
    settings = load(options.config, os.environ)
    done = token_keys.retire(settings, options.id)
    if done is not None:
        return done
    retired = open_keys(settings).retire(options.id)
    print(retired.verifier.text())
    print("It signs nothing more. What it has signed verifies as before.", file=sys.stderr)
    return 0


def open_keys(settings: Settings) -> LogKeys:
    """The keys of the settings' logs. Raises ``ConfigError``."""
    return LogKeys(Path(settings.data_dir) / FOLDER, secrets.token_bytes, time.time)


def api_keys(settings: Settings) -> ApiKeys:
    """The API keys. Raises ``ConfigError``."""
    return ApiKeys(Path(settings.data_dir) / apikeys.FOLDER, secrets.token_bytes, time.time)


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
        "since": _iso(since),
        "made": _iso(key.made),
        "vkey": key.verifier.text(),
    }


class ApiRow(msgspec.Struct):
    """What is told of an API key: everything but its hash."""

    id: str
    state: apikeys.State
    site: str
    scopes: tuple[Scope, ...]
    made: str
    expires: str
    revoked: str | None
    used: str | None  # to the minute; None: never


def _api_row(key: ApiKey, keys: ApiKeys) -> ApiRow:
    used = keys.used(key.id)
    return ApiRow(
        id=key.id,
        state=key.state(time.time()),
        site=key.site,
        scopes=key.scopes,
        made=_iso(key.made),
        expires=_iso(key.expires),
        revoked=None if key.revoked is None else _iso(key.revoked),
        used=None if used is None else _iso(used),
    )


def _api_line(row: ApiRow) -> str:
    used = f"last used {row.used}" if row.used else "never used"
    scopes = ", ".join(row.scopes)
    return f"{row.id}  {row.state}  API key of {row.site} for {scopes}, until {row.expires}, {used}"


def _scope(word: str) -> Scope:
    for scope in SCOPES:
        if scope == word:
            return scope
    raise HoldfireError(f"no scope {word!r}; {nearest(word, SCOPES)}")


def _life(text: str) -> int:
    """Seconds of ``12h``, ``90d`` or ``1y``."""
    said = LIFE.fullmatch(text)
    if said is None:
        raise HoldfireError(f"--expires {text!r} is no span of time; write it as 12h, 90d or 1y")
    return int(said[1]) * SECONDS[said[2]]


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


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
