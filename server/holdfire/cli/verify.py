"""``holdfire verify``: whether a receipt holds, with no service and no database.

Exit codes: 0 verified, 1 refuted, 2 usage, 3 undecided.
"""

import argparse
import sys
import time
from typing import Any

import msgspec

from holdfire.cli import consistency
from holdfire.cli.opening import USAGE
from holdfire.errors import HoldfireError
from holdfire.ledger import command
from holdfire.ledger.note import Signed
from holdfire.ledger.receipt import MOST_BYTES
from holdfire.ledger.scalars import base64
from holdfire.ledger.verdict import Proved, Verdict, judge

STDIN = "-"


def add(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options."""
    family = verbs.add_parser("verify", help="verify a receipt, or that a log only grew, offline")
    kinds = family.add_subparsers(required=True, metavar="VERB")
    verb = kinds.add_parser("receipt", help="is what this receipt says in a log of the policy?")
    verb.add_argument("file", metavar="FILE", help="a .tlog-proof file; - is stdin")
    _policy_options(verb)
    verb.set_defaults(run=run_receipt)
    verb = kinds.add_parser("consistency", help="is the log of one checkpoint that of the other?")
    verb.add_argument("old", metavar="OLD", help="a checkpoint file; - is stdin")
    verb.add_argument("new", metavar="NEW", help="a later checkpoint of the same log")
    verb.add_argument(
        "--tiles",
        required=True,
        metavar="URL|FOLDER",
        help="the log's prefix, such as https://example.com/log/2026, or a copy of what is there",
    )
    _policy_options(verb)
    verb.set_defaults(run=run_consistency)


def _policy_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--policy", required=True, metavar="FILE", help="whose signatures to trust: a policy file"
    )
    verb.add_argument("--json", action="store_true")


def run_receipt(options: argparse.Namespace) -> int:
    """``holdfire verify receipt``."""
    receipt, policy = _read(options.file, options.policy)
    verdict = judge(receipt, policy, time.time())
    if options.json:
        print(msgspec.json.encode(_body(verdict)).decode())
    else:
        print(_printable(command.present(verdict)), end="")
    return USAGE if verdict.reason == "policy" else command.EXIT[verdict.outcome]


def run_consistency(options: argparse.Namespace) -> int:
    """``holdfire verify consistency``."""
    old, new, policy = _read(options.old, options.new, options.policy)
    found = consistency.compare(old, new, policy, consistency.source(options.tiles))
    if options.json:
        print(msgspec.json.encode(found).decode())
    else:
        print(_printable(f"{found.outcome}\n{command.printable(found.why)}"))
    return USAGE if found.reason == "policy" else command.EXIT[found.outcome]


def _read(*names: str) -> list[bytes]:
    """The files, or as much of each as shows that it is too large. Raises ``HoldfireError``."""
    if names.count(STDIN) > 1:
        raise HoldfireError("only one of the files can be standard input")
    read = []
    for name in names:
        try:
            with sys.stdin.buffer if name == STDIN else open(name, "rb") as file:  # noqa: PTH123 -- a name that may be "-"
                read.append(file.read(MOST_BYTES + 1))
        except OSError as error:
            raise HoldfireError(f"{name} cannot be read: {error.strerror}") from error
    return read


def _printable(text: str) -> str:
    """What the terminal has letters for; the verdict is printed whatever a name is written in."""
    encoding = sys.stdout.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _body(verdict: Verdict) -> dict[str, Any]:
    return {
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "why": verdict.why,
        "proved": _proved(verdict.proved) if verdict.proved else None,
    }


def _proved(proved: Proved) -> dict[str, Any]:
    head, leaf = proved.checkpoint, proved.entry
    return {
        "origin": head.origin,
        "index": proved.index,
        "size": head.size,
        "root": base64(head.root),
        "kind": leaf.kind.name.lower(),
        "time": command.utc(leaf.ms // 1000),
        "recorded": proved.said,
        "subject_shown": proved.subject_shown,
        "logs": [_signed(line) for line in proved.logs],
        "witnesses": [_signed(line) for line in proved.witnesses],
    }


def _signed(line: Signed) -> dict[str, Any]:
    """Who signed, and of a witness when, in seconds since 1970."""
    time_of = {} if line.time is None else {"time": line.time}
    return {"vkey": line.key.text(), **time_of}
