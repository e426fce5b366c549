"""Whether what a receipt says is in a log that the reader's policy trusts.

Nothing is asked of anybody: a receipt, a policy and arithmetic decide, for ever.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn

from holdfire.ledger import Malformed, entry, note, receipt, trust
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.ledger.entry import PERSONAL, ZERO, Entry
from holdfire.ledger.note import COSIGNATURE, SIGNATURE, Note, Signed
from holdfire.ledger.receipt import NOT_SHOWN, Receipt
from holdfire.ledger.trust import Policy

Outcome = Literal["verified", "refuted", "undecided"]

Reason = Literal[
    "verified",
    "malformed",
    "evidence",
    "subject",
    "contradiction",
    "inclusion",
    "unsigned",
    "signature",
    "policy",
    "version",
    "origin",
    "quorum",
    "future",
]
"""What decided: `verified`; up to `signature` it refutes; from `policy` on it leaves undecided."""

TOLERANCE_S: Final = 300
"""How far, in seconds, clocks of others may be ahead of the reader's."""


@dataclass(frozen=True, slots=True)
class Proved:
    """What a verified receipt proves.

    `said` is the evidence, or public statement, as it was read; `logs` the keys of the log that
    signed, `witnesses` the cosignatures with their times, seconds since 1970.
    """

    checkpoint: Checkpoint
    index: int
    entry: Entry
    said: Mapping[str, Any]
    subject_shown: bool
    logs: tuple[Signed, ...]
    witnesses: tuple[Signed, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a receipt was judged, with one sentence that says why; `proved` if it was verified."""

    outcome: Outcome
    reason: Reason
    why: str
    proved: Proved | None = None


class Refuted(Exception):
    """The receipt contradicts itself, its log or its signatures."""

    def __init__(self, reason: Reason, why: str) -> None:
        super().__init__(why)
        self.reason = reason


class Undecided(Refuted):
    """What is known does not suffice for either."""


def judge(data: bytes, policy: bytes, now: float | None = None) -> Verdict:
    """Judge a receipt by a policy, each the bytes of its file. Never raises.

    With `now`, seconds since 1970, cosignatures of the future do not count, and a receipt of the
    future is not decided.
    """
    try:
        return Verdict("verified", "verified", *prove(data, policy, now))
    except Undecided as e:
        return Verdict("undecided", e.reason, str(e))
    except Refuted as e:
        return Verdict("refuted", e.reason, str(e))
    except Malformed as e:
        return Verdict("refuted", "malformed", f"The receipt is malformed: {e}.")


def prove(data: bytes, policy: bytes, now: float | None) -> tuple[str, Proved]:
    """Return why the receipt is verified, and what it proves; raises what `judge` tells apart.

    What refutes comes before what leaves undecided, but for what cannot be read at all.
    """
    try:
        trusted = trust.parse(policy)
    except Malformed as e:
        raise Undecided("policy", f"The policy cannot be used: {e}.") from e
    first, _, _ = data.partition(b"\n")
    if is_other_version(first):
        raise Undecided("version", "The receipt is of a version that is not known here.")
    read = receipt.decode(data)
    head, signed = read.head()
    said = check_content(read)
    if read.root(head.size) != head.root:
        raise Refuted("inclusion", "The entry is not in the tree that was signed.")
    logs, witnesses = check_signatures(signed, head.origin, trusted)
    counted = tuple(w for w in witnesses if now is None or (w.time or 0) <= now + TOLERANCE_S)
    if not trusted.is_met({w.key for w in counted}):
        raise Undecided("quorum", "Fewer witnesses have cosigned than the policy asks for.")
    if now is not None and read.entry.ms / 1000 > now + TOLERANCE_S:
        raise Undecided("future", "The entry is of a time that is yet to come.")
    shown = read.subject != NOT_SHOWN
    proved = Proved(head, read.index, read.entry, said, shown, logs, counted)
    return describe(proved), proved


def is_other_version(line: bytes) -> bool:
    """Whether the first line names the format in a version other than ours."""
    number = line.removeprefix(receipt.FAMILY)
    return line != number and number.isdigit() and line != receipt.VERSION.encode()


def check_content(read: Receipt) -> Mapping[str, Any]:
    """Return what is said, if it is what the entry commits to, or raise `Refuted`."""
    if not read.shows_evidence():
        raise Refuted("evidence", "The evidence is not what the entry commits to.")
    if read.subject != NOT_SHOWN and not read.shows_subject():
        raise Refuted("subject", "The subject is not what the entry commits to.")
    said = parse_object(read.evidence.body)
    if read.entry.kind in PERSONAL:
        check_choice(read.entry, said)
    return said


def check_choice(leaf: Entry, said: Mapping[str, Any]) -> None:
    """Raise `Refuted` unless the evidence of a choice is of the entry's site and configuration.

    A configuration that either of them leaves out is not compared.
    """
    site, shown = said.get("site"), said.get("shown")
    if not isinstance(site, str):
        raise Malformed("the evidence names no site")
    if leaf.tenant != entry.tenant(site):
        raise Refuted("contradiction", "The entry is of another site than its evidence.")
    config = shown.get("config", leaf.tail.hex()) if isinstance(shown, dict) else leaf.tail.hex()
    if leaf.tail != ZERO and config != leaf.tail.hex():
        raise Refuted("contradiction", "The entry is of another configuration than its evidence.")


def parse_object(data: bytes) -> dict[str, Any]:
    """Read a JSON object, or raise `Malformed`."""
    try:
        value = json.loads(data.decode(), parse_constant=refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as e:
        raise Malformed("what was recorded is no JSON") from e
    if not isinstance(value, dict):
        raise Malformed("what was recorded is no JSON object")
    return value


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities, which Python reads and JSON does not have."""
    raise Malformed(f"{name} is no JSON")


def check_signatures(
    signed: Note, origin: str, trusted: Policy
) -> tuple[tuple[Signed, ...], tuple[Signed, ...]]:
    """Return the log's signatures and the witnesses', all verified, or raise."""
    logs = trusted.keys_of(origin)
    if not logs:
        raise Undecided("origin", "The policy trusts no log of this origin.")
    named = {(s.name, s.id) for s in signed.signatures}
    if not any((key.name, key.id) in named for key in logs):
        raise Refuted("unsigned", "No key that the policy trusts for this log has signed.")
    try:
        good = note.verify(signed, (*logs, *trusted.witnesses.values()))
    except Malformed as e:
        raise Refuted("signature", f"A signature does not fit: {e}.") from e
    return (
        tuple(s for s in good if s.key.type == SIGNATURE),
        tuple(s for s in good if s.key.type == COSIGNATURE),
    )


def describe(proved: Proved) -> str:
    """Say what a verified receipt proves, in one sentence."""
    count = len({w.key for w in proved.witnesses})
    head = proved.checkpoint
    witnesses = {0: "", 1: ", cosigned by 1 witness"}.get(count, f", cosigned by {count} witnesses")
    erased = "" if proved.subject_shown or proved.entry.subject == ZERO else "; subject not shown"
    return (
        f"Entry {proved.index} of {head.origin} is in its tree of {head.size}{witnesses}{erased}."
    )
