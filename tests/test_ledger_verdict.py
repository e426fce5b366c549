"""Receipts are judged rightly, and no other bytes are ever taken for one."""

import itertools
import json
import subprocess
import sys
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfire.ledger import Malformed, command, note, standalone
from holdfire.ledger.entry import LAST_MS, ZERO, Kind
from holdfire.ledger.receipt import MOST_BYTES, Block, decode
from holdfire.ledger.verdict import Verdict, judge
from ledger_receipts import STATEMENTS
from ledger_world import (
    LOG,
    NOON,
    STRANGER,
    SUBJECT,
    W1,
    W2,
    b64,
    choice,
    evidence,
    policy,
    receipt,
    statement,
)

VECTORS = json.loads((Path(__file__).parent / "vectors/ledger.json").read_text("utf-8"))
POLICIES = {p["name"]: b64decode(p["policy64"]) for p in VECTORS["policies"]}

TRUST = f"log {LOG.key.text()}\nwitness w1 {W1.key.text()}\nquorum w1\n".encode()
GOOD = receipt(choice(), signers=(LOG, W1))
BYTES = GOOD.encode()

ALONE = """
import json, sys
from base64 import b64decode
sys.path.insert(0, "verify.pyz")
from holdfire.ledger import ed25519
from holdfire.ledger.verdict import judge
assert not ed25519.LIBRARY
for data, policy, now in json.load(open("cases.json")):
    verdict = judge(b64decode(data), b64decode(policy), now)
    print(verdict.outcome, verdict.reason)
"""
"""A program that judges by the packed verifier."""


@pytest.mark.parametrize("case", VECTORS["receipts"], ids=lambda c: c["name"])
def test_golden_receipts(case: dict[str, Any]) -> None:
    """A receipt is judged as its vector says, for that reason, and proves something if verified."""
    verdict = judge(b64decode(case["receipt64"]), POLICIES[case["policy"]], clock(case))

    assert (verdict.outcome, verdict.reason) == (case["outcome"], case["reason"])
    assert (verdict.proved is not None) == (verdict.outcome == "verified")
    assert verdict.why.endswith(".")


def test_there_are_golden_receipts_for_every_reason() -> None:
    """No way to judge goes without a vector, and verified ones are plenty."""
    reasons = Counter(case["reason"] for case in VECTORS["receipts"])

    assert reasons.keys() == set(Verdict.__annotations__["reason"].__args__)
    assert reasons["verified"] >= 30
    assert reasons.total() >= 120


def test_every_bit_of_a_receipt_counts() -> None:
    """No bit of the file can be flipped: what comes of it is refused, each time.

    All bits of one receipt are flipped, each alone: of its header, entry, evidence, subject, index,
    path, checkpoint and signatures. It is signed by its log and by a witness; the policy knows both
    and asks for both. A line by anybody else can be altered, as the rules for signed notes have
    such lines ignored. Some flips make another log's name, or a witness's that is not known: those
    are undecided, which is no proof either; none of them reaches the entry or the tree.
    """
    outcomes = Counter(
        judge(flipped, TRUST).outcome for flipped in all_flips(BYTES) if flipped != BYTES
    )
    assert outcomes["verified"] == 0
    assert outcomes.total() == len(BYTES) * 8
    assert outcomes["undecided"] < 500


def test_every_bit_of_an_erased_persons_receipt_counts() -> None:
    """The same holds where no subject is shown, of every bit of what is said."""
    shown = receipt(choice(evidence(control="x"), erased=True), 1, 3, (LOG, W1)).encode()
    start, end = shown.index(b"extra "), shown.index(b"index ")
    for at in range(start * 8, end * 8):
        assert judge(flip(shown, at), TRUST).outcome == "refuted"


def test_every_truncation_is_refused() -> None:
    """No beginning of a receipt is one."""
    for length in range(len(BYTES)):
        assert judge(BYTES[:length], TRUST).outcome != "verified"


def test_nothing_can_follow_or_come_before() -> None:
    """No byte can be added at the end, at the start, or between any two bytes of the lines."""
    for octet in range(256):
        assert judge(BYTES + bytes([octet]), TRUST).outcome == "refuted"
        assert judge(bytes([octet]) + BYTES, TRUST).outcome == "refuted"
    for at, octet in itertools.product(range(1, len(BYTES)), b"\nA"):
        grown = BYTES[:at] + bytes([octet]) + BYTES[at:]
        assert judge(grown, TRUST).outcome != "verified", (at, octet)


def test_no_line_can_be_left_out_doubled_or_moved() -> None:
    """Every line has its place, but that it is all one in which order log and witness sign."""
    lines = BYTES.splitlines(keepends=True)
    for at in range(len(lines)):
        assert judge(b"".join(lines[:at] + lines[at + 1 :]), TRUST).outcome != "verified"
    for at in range(len(lines) - 2):  # a signature may be given twice
        doubled = b"".join([*lines[:at], lines[at], *lines[at:]])
        assert judge(doubled, TRUST).outcome != "verified"
    for one, other in itertools.combinations(range(len(lines)), 2):
        moved = list(lines)
        moved[one], moved[other] = moved[other], moved[one]
        allowed = moved == lines or one == len(lines) - 2
        assert (judge(b"".join(moved), TRUST).outcome == "verified") == allowed


def test_a_receipt_over_a_megabyte_is_refused() -> None:
    """However well the rest of it is made."""
    spare = MOST_BYTES - len(BYTES) - len(note.Signature("", bytes(4), b"x").line().encode())
    for length, outcome in ((spare, "verified"), (spare + 1, "refuted")):
        padded = BYTES + note.Signature("x" * length, bytes(4), b"x").line().encode()
        assert judge(padded, TRUST).outcome == outcome


@given(st.binary(max_size=400), st.binary(max_size=400))
def test_judging_never_raises(data: bytes, trust: bytes) -> None:
    """Whatever the two files are, there is a verdict, and it is not verified."""
    assert judge(data, trust).outcome == "undecided"
    assert judge(data, TRUST).outcome in {"refuted", "undecided"}
    assert judge(b"c2sp.org/tlog-proof@v1\n" + data, TRUST).outcome == "refuted"


@given(st.integers(0, len(BYTES)), st.integers(0, len(BYTES)), st.binary(max_size=40))
def test_no_splice_is_verified(start: int, end: int, patch: bytes) -> None:
    """Whatever is put in the place of some bytes of a receipt, it is refused or the same."""
    spliced = BYTES[:start] + patch + BYTES[end:]
    assert spliced == BYTES or judge(spliced, TRUST).outcome != "verified"


@given(st.binary(max_size=200), st.one_of(st.none(), st.binary(max_size=200)), st.booleans())
def test_receipts_are_read_back(body: bytes, subject: bytes | None, erased: bool) -> None:  # noqa: FBT001 -- drawn by Hypothesis
    """A receipt of any blocks is read as it was written."""
    made = receipt(choice(body or b"{}", subject=subject or None, kind=Kind.IMPORT, erased=erased))
    assert decode(made.encode()) == made


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_evidence_of_any_shape_is_judged(value: Any) -> None:
    """Where members of the evidence are not what they should be, there still is a verdict."""
    for name in ("site", "shown", "categories", "regime", "action"):
        verdict = judge(receipt(choice(evidence(**{name: value})), 0, 1).encode(), TRUST)
        assert verdict.outcome in {"refuted", "undecided"}
        command.present(verdict)


def test_deep_evidence_is_refused() -> None:
    """JSON deeper than can be read is no JSON."""
    deep = receipt(choice(b"[" * 60_000), 0, 1).encode()
    assert judge(deep, TRUST).reason == "malformed"


def test_what_is_refuted_before_it_is_undecided() -> None:
    """A receipt that contradicts itself is refuted whatever the policy says of its log."""
    wrong = replace(GOOD, evidence=Block(GOOD.evidence.salt, evidence(action="accept_all")))
    nobody = policy("quorum w2", logs=())
    assert judge(wrong.encode(), nobody).outcome == "refuted"
    assert judge(BYTES, nobody).outcome == "undecided"


def test_a_verdict_says_what_is_proved() -> None:
    """Entry, index, head, log and witnesses are those of the receipt."""
    verdict = judge(BYTES, TRUST, NOON)
    assert verdict.proved
    assert verdict.proved.entry == GOOD.entry
    assert verdict.proved.index == 737
    assert verdict.proved.said["action"] == "save"
    assert verdict.proved.subject_shown
    assert [s.key for s in verdict.proved.logs] == [LOG.key]
    assert [(s.key, s.time) for s in verdict.proved.witnesses] == [(W1.key, NOON)]
    assert verdict.why == (
        "Entry 737 of consent.example/log/2026 is in its tree of 1000, cosigned by 1 witness."
    )


def test_a_verdict_says_when_the_person_was_erased() -> None:
    """What cannot be checked any more is named, and the rest is proved."""
    both = policy("quorum w1")
    shown = judge(receipt(choice(erased=True), signers=(LOG, W1, W2)).encode(), both)
    assert shown.why.endswith("cosigned by 2 witnesses; subject not shown.")
    never = judge(receipt(choice(kind=Kind.IMPORT, subject=None)).encode(), policy("quorum none"))
    assert never.why.endswith("in its tree of 1000.")


def test_a_receipt_that_cannot_be_is_not_written() -> None:
    """What no reader would take is malformed before it is encoded."""
    said = receipt(STATEMENTS["note"])
    for wrong in (
        {"evidence": Block(GOOD.evidence.salt, b"")},
        {"subject": Block(GOOD.subject.salt, b"")},
        {"index": -1},
        {"index": 2**63},
        {"path": (b"short",)},
    ):
        with pytest.raises(Malformed):
            replace(GOOD, **wrong)
    with pytest.raises(Malformed):
        replace(said, subject=GOOD.subject)
    with pytest.raises(Malformed):
        replace(said, evidence=Block(GOOD.evidence.salt, said.evidence.body))
    with pytest.raises(Malformed):
        Block(ZERO, b"x" * 65_536)


def test_the_printed_verdict_is_plain() -> None:
    """It says outcome, why, and what was recorded."""
    text = command.present(judge(BYTES, TRUST, NOON))
    lines = dict(line.split(maxsplit=1) for line in text.splitlines()[3:])

    assert text.startswith("verified\nEntry 737 of ")
    assert lines["recorded"] == "choice"
    assert lines["time"] == "2026-11-21 12:00 UTC, to the minute"
    assert lines["site"] == "demo"
    assert lines["action"] == "save"
    assert lines["categories"] == "analytics yes, functional no, marketing no"
    assert lines["regime"] == "eu-gdpr"
    assert lines["config"] == f"SHA-256 {GOOD.entry.tail.hex()}"
    assert lines["subject"] == "shown"
    assert lines["witness"] == "witness.example/w1, 2026-11-21 12:00 UTC"
    assert SUBJECT.decode() not in text


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (STATEMENTS["erasure"], "erased      entry 17\n"),
        (STATEMENTS["config"], "config      SHA-256 "),
        (
            choice(flags=3),
            "flags       came late, by the browser's outbox; the browser's clock was",
        ),
        (choice(ms=LAST_MS), "time        9999-12-31 23:59 UTC"),
        (choice(erased=True), "subject     not shown\n"),
        (
            choice(evidence(action="\x1b[2J\u202esave\nverified")),
            "action      ?[2J?save?verified\n",
        ),
    ],
)
def test_the_printed_verdict_tells_what_there_is(parts: Any, expected: str) -> None:
    """Each kind of entry has its rows, and nothing recorded can move the cursor or forge a row."""
    shown = judge(receipt(parts, 0, 1).encode(), policy("quorum none"))
    assert expected in command.present(shown)


def test_nothing_unproved_is_printed() -> None:
    """Of a receipt that is refuted or undecided no word of its content is shown."""
    for trust in (policy("quorum w2"), policy("quorum none", logs=(STRANGER_LOG,))):
        text = command.present(judge(BYTES, trust))
        assert "save" not in text
        assert len(text.splitlines()) == 2


STRANGER_LOG = replace(STRANGER, key=replace(STRANGER.key, type=1))


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the packed verifier and nothing of the project."""
    folder = tmp_path_factory.mktemp("packed")
    (folder / "verify.pyz").write_bytes(standalone.zipapp())
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python without site packages or environment, in a folder."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_packed_verifier_is_always_the_same() -> None:
    """Packed twice it has the same bytes, and holds no code but ours."""
    assert standalone.zipapp() == standalone.zipapp()
    assert standalone.zipapp().startswith(b"#!/usr/bin/env python3\nPK")


def test_the_packed_verifier_judges_all_golden_receipts(packed: Path) -> None:
    """With nothing but Python it decides all as the vectors say."""
    cases = [
        (case["receipt64"], policy64(case["policy"]), clock(case)) for case in VECTORS["receipts"]
    ]
    (packed / "cases.json").write_text(json.dumps(cases), "utf-8")
    done = run(packed, "-c", ALONE)

    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        f"{case['outcome']} {case['reason']}" for case in VECTORS["receipts"]
    ]


@pytest.mark.parametrize(
    ("name", "code", "first"),
    [
        ("a choice", 0, "verified"),
        ("evidence altered", 1, "refuted"),
        ("a policy that is none", 2, "undecided"),
        ("no witness", 3, "undecided"),
        ("letters of the world", 0, "verified"),
    ],
)
def test_the_packed_verifier_as_a_program(packed: Path, name: str, code: int, first: str) -> None:
    """Run on a file it prints the verdict, and exits with the code for it."""
    case = next(case for case in VECTORS["receipts"] if case["name"] == name)
    (packed / "it.tlog-proof").write_bytes(b64decode(case["receipt64"]))
    (packed / "trust").write_bytes(POLICIES[case["policy"]])
    done = run(packed, "verify.pyz", "receipt", "it.tlog-proof", "--policy", "trust")

    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.startswith(f"{first}\n")


@pytest.mark.parametrize(
    "arguments",
    [(), ("receipt",), ("receipt", "x"), ("receipt", "no-such-file", "--policy", "trust")],
)
def test_a_command_that_cannot_be_used(packed: Path, arguments: tuple[str, ...]) -> None:
    """It says so on standard error, and exits with 2."""
    (packed / "trust").write_bytes(POLICIES["none"])
    done = run(packed, "verify.pyz", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_the_script_writes_the_verifier(tmp_path: Path) -> None:
    """``scripts/verifier`` writes the bytes that the bundle holds."""
    script = Path(__file__).parent.parent / "scripts/verifier"
    subprocess.run([sys.executable, str(script), str(tmp_path / "v.pyz")], check=True, timeout=60)
    assert (tmp_path / "v.pyz").read_bytes() == standalone.zipapp()


def test_a_terminal_that_lacks_letters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A verdict is printed with all that can be, and the codes are those of the program."""
    said = statement(Kind.NOTE, {"text": "x"})
    (tmp_path / "r").write_bytes(receipt(said, 0, 1).encode())
    (tmp_path / "p").write_bytes(policy("quorum none"))
    assert command.check_receipt(tmp_path / "r", tmp_path / "p", NOON) == 0
    assert capsys.readouterr().out.startswith("verified\n")


def clock(case: dict[str, Any]) -> int | None:
    """Return the time a case is judged at."""
    return None if case["now"] is None else int(case["now"])


def policy64(name: str) -> str:
    """Return a golden policy as it stands in the file."""
    return b64(POLICIES[name])


def flip(data: bytes, bit: int) -> bytes:
    """Return the data with one bit changed, counted from the start."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def all_flips(data: bytes) -> Iterator[bytes]:
    """Every way to change one bit."""
    return (flip(data, bit) for bit in range(len(data) * 8))
