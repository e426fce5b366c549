"""The verifier as a program: ``verify.pyz receipt FILE --policy P``, on any Python from 3.11.

Exit codes: 0 verified, 1 refuted, 2 the command or policy cannot be used, 3 undecided.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from holdfire.ledger import entry
from holdfire.ledger.entry import ZERO, Kind
from holdfire.ledger.receipt import MOST_BYTES
from holdfire.ledger.verdict import Proved, Verdict, judge

USAGE: Final = 2
EXIT: Final = {"verified": 0, "refuted": 1, "undecided": 3}
FLAGS: Final = {
    entry.OUTBOX: "came late, by the browser's outbox",
    entry.SKEWED: "the browser's clock was wrong",
    entry.SYNTHETIC: "the click was made by a script",
}
COLUMN = 12


def main(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="verify.pyz", description="Check a receipt, offline, against a policy file."
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("receipt", help="is what this receipt says in a log of the policy?")
    verb.add_argument("file", type=Path, help="the receipt, a .tlog-proof file")
    verb.add_argument("--policy", type=Path, required=True, help="whom to trust, a policy file")
    given = parser.parse_args(arguments)
    return check_receipt(given.file, given.policy, time.time())


def check_receipt(file: Path, policy: Path, now: float) -> int:
    """Judge a receipt by a policy, print the verdict, and return the exit code."""
    try:
        verdict = judge(beginning(file), beginning(policy), now)
    except OSError as e:
        sys.stderr.write(f"{e.filename}: {e.strerror}\n")
        return USAGE
    # A terminal that lacks a letter is given its number, and the verdict is printed all the same.
    encoding = sys.stdout.encoding or "ascii"
    text = present(verdict).encode(encoding, "backslashreplace").decode(encoding)
    sys.stdout.write(text)
    return USAGE if verdict.reason == "policy" else EXIT[verdict.outcome]


def beginning(file: Path) -> bytes:
    """Return a file, or as much of it as shows that it is too large."""
    with file.open("rb") as opened:
        return opened.read(MOST_BYTES + 1)


def present(verdict: Verdict) -> str:
    """Say a verdict in lines of text; nothing of what was recorded can control a terminal."""
    lines = [verdict.outcome, verdict.why]
    if verdict.proved:
        rows = [*what_was_recorded(verdict.proved), *where(verdict.proved)]
        lines += ["", *(f"{name:{COLUMN}}{value}" for name, value in rows if value)]
    return "".join(f"{printable(line)}\n" for line in lines)


def printable(text: str) -> str:
    """Return the text with a question mark for each character that is not to be printed."""
    return "".join(c if c.isprintable() else "?" for c in text)


def what_was_recorded(proved: Proved) -> Iterator[tuple[str, str]]:
    """Rows that tell what the entry commits to."""
    said, leaf = proved.said, proved.entry
    yield "recorded", leaf.kind.name.lower()
    yield "time", f"{utc(leaf.ms // 1000)}, to the minute"
    yield "site", text_of(said, "site")
    yield "action", text_of(said, "action")
    yield "categories", answers(said.get("categories"))
    yield "regime", text_of(said.get("regime"), "id")
    yield "flags", "; ".join(words for flag, words in FLAGS.items() if leaf.flags & flag)
    shown = said.get("shown")
    for name in ("config", "texts", "sdk"):
        yield name, digest(text_of(shown, name))
    if leaf.kind == Kind.CONFIG:
        yield "config", digest(leaf.tail.hex())
    if leaf.kind == Kind.ERASURE:
        yield "erased", f"entry {leaf.erased}"
    yield "commitment", digest(leaf.evidence.hex())
    if leaf.subject != ZERO:
        yield "subject", "shown" if proved.subject_shown else "not shown"


def where(proved: Proved) -> Iterator[tuple[str, str]]:
    """Rows that tell where the entry stands, and who has signed."""
    head = proved.checkpoint
    yield "log", f"{head.origin}, entry {proved.index} of {head.size}"
    yield "root", digest(head.root.hex())
    for witness in proved.witnesses:
        yield "witness", f"{witness.key.name}, {utc(witness.time or 0)}"


def text_of(block: Any, name: str) -> str:
    """Return a member that is text, or nothing."""
    value = block.get(name) if isinstance(block, Mapping) else None
    return value if isinstance(value, str) else ""


def answers(categories: Any) -> str:
    """Return the categories with yes or no."""
    if not isinstance(categories, Mapping):
        return ""
    return comma(
        f"{name} {'yes' if answer is True else 'no'}" for name, answer in categories.items()
    )


def comma(parts: Iterable[str]) -> str:
    """Join parts to one line."""
    return ", ".join(parts)


def digest(text: str) -> str:
    """Name a digest, if there is one."""
    return f"SHA-256 {text}" if text else ""


def utc(seconds: int) -> str:
    """Return a time in UTC; one past the year 9999 as its number."""
    if seconds > entry.LAST_MS // 1000:
        return f"{seconds} s"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
