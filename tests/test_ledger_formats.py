"""The formats of the log: one way to write each value, and nothing else is read."""

import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ledger_vectors
from holdfire.ledger import (
    Malformed,
    checkpoint,
    entry,
    note,
    scalars,
    trust,
)
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.ledger.entry import ZERO, Entry, Kind
from holdfire.ledger.note import COSIGNATURE, SIGNATURE, Note, Signature, VerifierKey
from ledger_receipts import STATEMENTS
from ledger_signatures import EXAMPLE_KEY, EXAMPLE_NOTE, PUBLIC_KEYS, PUBLIC_NOTE
from ledger_world import LOG, W1, W2, choice, secret

VECTORS = json.loads((Path(__file__).parent / "vectors/ledger.json").read_text("utf-8"))

COSIGNED_EXAMPLE = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""
"""The example of tlog-cosignature, whose first lines are that of tlog-checkpoint."""


def cases(name: str) -> pytest.MarkDecorator:
    """Golden cases of one list, for one test each."""
    return pytest.mark.parametrize("case", VECTORS[name])


def test_the_vectors_are_up_to_date() -> None:
    """A change of a format comes with its vectors: run ``python tests/ledger_vectors.py``."""
    assert ledger_vectors.FILE.read_text("utf-8") == ledger_vectors.text()


@cases("scalars")
def test_golden_scalars(case: dict[str, Any]) -> None:
    """Text is canonical base64, or a number, or is refused."""
    if "base64" in case:
        assert reads(scalars.unbase64, case["text"]) == case["base64"]
    else:
        assert reads(scalars.decimal, case["text"]) == case["decimal"]


@given(st.binary(max_size=100))
def test_base64_has_one_form(data: bytes) -> None:
    """Bytes are read back, and not as another length."""
    text = scalars.base64(data)
    assert scalars.unbase64(text) == scalars.unbase64(text, len(data)) == data
    assert not reads(lambda t: scalars.unbase64(t, len(data) + 1), text)


@given(st.text(st.characters(max_codepoint=127), max_size=12))
def test_only_one_text_stands_for_a_value(text: str) -> None:
    """Whatever is read as base64, or as a number, is written as it stood."""
    if reads(scalars.unbase64, text):
        assert scalars.base64(scalars.unbase64(text)) == text
    if reads(scalars.decimal, text):
        assert str(scalars.decimal(text)) == text


@cases("entries")
def test_golden_entries(case: dict[str, Any]) -> None:
    """An entry says what its vector says, or is refused."""
    data = b64decode(case["entry64"])
    if not case["ok"]:
        assert not reads(entry.decode, data)
        return
    read = entry.decode(data)
    assert read.encode() == data
    assert read == Entry(
        Kind(case["kind"]),
        case["flags"],
        int(case["ms"]),
        *(b64decode(case[f"{name}64"]) for name in ("tenant", "evidence", "subject", "tail")),
    )


def test_the_entry_lies_as_its_page_says() -> None:
    """Every field is at its offset."""
    leaf, _, _ = choice(flags=5)
    data = leaf.encode()
    assert data[:8] == b"CRL1\x01\x05\0\0"
    assert int.from_bytes(data[8:16]) == leaf.ms
    assert data[16:32] == sha256(b"tenant/v1\ndemo").digest()[:16]
    assert (data[32:64], data[64:96], data[96:]) == (leaf.evidence, leaf.subject, leaf.tail)
    assert STATEMENTS["erasure"][0].encode()[96:] == (17).to_bytes(8) + bytes(24)


@pytest.mark.parametrize("name", ["choice", *STATEMENTS])
def test_every_bit_of_an_entry_counts(name: str) -> None:
    """Each of its 1,024 bits changed makes another entry, or none."""
    leaf = choice()[0] if name == "choice" else STATEMENTS[name][0]
    data = leaf.encode()
    for bit in range(len(data) * 8):
        changed = (int.from_bytes(data) ^ 1 << bit).to_bytes(len(data))
        if reads(entry.decode, changed):
            assert entry.decode(changed) != leaf
            assert entry.decode(changed).encode() == changed


@given(st.binary(min_size=128, max_size=128), st.sampled_from(Kind))
def test_whatever_is_read_is_written_alike(data: bytes, kind: Kind) -> None:
    """Bytes that are an entry are the only bytes of that entry."""
    shaped = b"CRL1" + bytes([kind]) + data[5:]
    for candidate in (
        data,
        shaped,
        shaped[:5] + bytes(3) + entry.minute(1).to_bytes(8) + data[16:],
    ):
        if reads(entry.decode, candidate):
            assert entry.decode(candidate).encode() == candidate


@pytest.mark.parametrize("name", ["tenant", "evidence", "subject", "tail"])
def test_fields_of_another_length_are_refused(name: str) -> None:
    """A field that is short or long is malformed before it can be written."""
    leaf, _, _ = choice()
    right = getattr(leaf, name)
    for wrong in (b"", right + b"\0", right[1:]):
        change: dict[str, Any] = {name: wrong}
        with pytest.raises(Malformed):
            replace(leaf, **change)


def test_times_are_rounded_down() -> None:
    """An entry tells the minute and no more."""
    assert entry.minute(1_795_262_459_999) == 1_795_262_400_000
    assert entry.minute(0) == 0


@cases("commitments")
def test_golden_commitments(case: dict[str, str]) -> None:
    """A commitment is what SHA-256 makes of prefix, salt and block, by any tool."""
    salt, block = b64decode(case["salt64"]), b64decode(case["block64"])
    made, plain = {
        "evidence": (
            entry.commit_evidence(salt, block),
            sha256(b"consent-evidence/v1\n" + salt + block).digest(),
        ),
        "subject": (
            entry.commit_subject(salt, block),
            sha256(b"consent-subject/v1\n" + salt + block).digest(),
        ),
        "statement": (entry.statement_hash(block), sha256(block).digest()),
        "tenant": (entry.tenant(block.decode()), sha256(b"tenant/v1\n" + block).digest()[:16]),
    }[case["kind"]]
    assert made == plain == b64decode(case["hash64"])


@pytest.mark.parametrize("salt", [b"", ZERO[:-1], ZERO + b"\0"])
def test_a_salt_of_another_length_is_refused(salt: bytes) -> None:
    """Salt and block cannot be told apart but by the salt's length."""
    with pytest.raises(Malformed):
        entry.commit_evidence(salt, b"{}")
    with pytest.raises(Malformed):
        entry.commit_subject(salt, b"{}")


@cases("checkpoints")
def test_golden_checkpoints(case: dict[str, Any]) -> None:
    """A checkpoint says what its vector says, or is refused."""
    text = b64decode(case["text64"]).decode()
    if not case["ok"]:
        assert not reads(checkpoint.parse, text)
        return
    head = Checkpoint(case["origin"], int(case["size"]), b64decode(case["root64"]))
    assert checkpoint.parse(text) == head
    assert head.text() == text


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [
        ("", 1, ZERO),
        ("two\nlines", 1, ZERO),
        ("a\tb", 1, ZERO),
        ("a", -1, ZERO),
        ("a", 2**63, ZERO),
        ("a", 0, ZERO),
        ("a", 1, b"short"),
    ],
)
def test_a_checkpoint_that_cannot_be_is_refused(origin: str, size: int, root: bytes) -> None:
    """It is malformed before it can be signed."""
    with pytest.raises(Malformed):
        Checkpoint(origin, size, root)


def test_the_examples_of_the_specifications() -> None:
    """The checkpoint and the cosignature that C2SP shows are read, and written as they stood."""
    read = note.parse(COSIGNED_EXAMPLE.encode())
    head = checkpoint.parse(read.text)

    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert head.text() == read.text
    assert read.encode().decode() == COSIGNED_EXAMPLE
    log, witness = read.signatures
    assert (log.name, len(log.body)) == ("example.com/behind-the-sofa", 64)
    assert (witness.name, len(witness.body)) == ("witness.example.com/w1", 72)
    assert int.from_bytes(witness.body[:8]) == 1_679_315_147
    assert note.cosigned_message(1_679_315_147, read.text).decode() == (
        "cosignature/v1\n"
        "time 1679315147\n"
        "example.com/behind-the-sofa\n"
        "20852163\n"
        "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )


def test_the_signed_note_of_the_specification() -> None:
    """Its key and its note verify, and a changed text does not."""
    key = VerifierKey.parse(EXAMPLE_KEY)
    assert (key.name, key.id.hex(), key.type) == ("example.com/foo", "530d903a", SIGNATURE)
    assert note.verify(note.parse(EXAMPLE_NOTE.encode()), [key])[0].key == key
    with pytest.raises(Malformed):
        note.verify(note.parse(EXAMPLE_NOTE.replace("message", "massage").encode()), [key])


def test_a_checkpoint_of_a_public_log() -> None:
    """A log of certificates and its witness are verified among signatures of kinds not known here."""
    keys = [VerifierKey.parse(key) for key in PUBLIC_KEYS]
    read = note.parse(PUBLIC_NOTE.encode())

    assert checkpoint.parse(read.text).size == 1_432_088_532
    log, witness = note.verify(read, keys)
    assert (log.key.type, log.time) == (SIGNATURE, None)
    assert (witness.key.type, witness.time) == (COSIGNATURE, 1_779_573_024)


@cases("keys")
def test_golden_keys(case: dict[str, Any]) -> None:
    """A verifier key says what its vector says, or is refused."""
    if not case["ok"]:
        assert not reads(VerifierKey.parse, case["vkey"])
        return
    key = VerifierKey(case["name"], case["type"], b64decode(case["public64"]))
    assert VerifierKey.parse(case["vkey"]) == key
    assert (key.text(), key.id.hex()) == (case["vkey"], case["id"])


@pytest.mark.parametrize(
    ("name", "kind", "public"),
    [
        ("", 1, ZERO),
        ("a b", 1, ZERO),
        ("a+b", 1, ZERO),
        ("a\x1f", 1, ZERO),
        ("a", 6, ZERO),
        ("a", 1, ZERO[1:]),
    ],
)
def test_a_key_that_cannot_be_is_refused(name: str, kind: int, public: bytes) -> None:
    """It is malformed before it can sign."""
    with pytest.raises(Malformed):
        VerifierKey(name, kind, public)


@cases("notes")
def test_golden_notes(case: dict[str, Any]) -> None:
    """A note is signed by whom its vector says, or is not to be trusted."""
    keys = [VerifierKey.parse(key) for key in case["keys"]]
    try:
        signed = note.verify(note.parse(b64decode(case["note64"])), keys)
    except Malformed:
        assert case["signed"] is None
        return
    assert [(s.key.name, s.time) for s in signed] == [
        (s["name"], None if s["time"] is None else int(s["time"])) for s in case["signed"] or ()
    ]


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1),
    st.lists(st.sampled_from([LOG, W1, W2]), min_size=1, max_size=5),
)
def test_notes_are_read_back(text: str, signers: list[Any]) -> None:
    """A note of any text and signers is read as it was written, and verifies."""
    made = Note(text + "\n", tuple(s.sign(text + "\n") for s in signers))
    read = note.parse(made.encode())

    assert read == made
    assert [s.key for s in note.verify(read, [LOG.key, W1.key, W2.key])] == [s.key for s in signers]


def test_what_a_witness_answers_is_read_alone() -> None:
    """Signature lines are read without the note that they sign."""
    lines = W1.sign("text\n").line() + W2.sign("text\n").line()
    assert note.parse_signatures(lines) == (W1.sign("text\n"), W2.sign("text\n"))
    for wrong in ("", "\n", lines[:-1], lines + "\n", "text\n\n" + lines):
        assert not reads(note.parse_signatures, wrong)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader_of_notes(data: bytes) -> None:
    """Whatever comes, it is a note that is written as it stood, or malformed."""
    if reads(note.parse, data):
        assert note.parse(data).encode() == data


@cases("policies")
def test_golden_policies(case: dict[str, Any]) -> None:
    """A policy asks for the witnesses its vector says, or is refused."""
    data = b64decode(case["policy64"])
    assert reads(trust.parse, data) == case["ok"]
    for by in case.get("met", ()):
        read = trust.parse(data)
        cosigned = [k for k in read.witnesses.values() if k.name in by["cosigned"]]
        assert read.is_met(cosigned) == by["ok"]


def test_a_policy_names_the_line_at_fault() -> None:
    """The message says where to look."""
    with pytest.raises(Malformed, match=r"policy, line 2: neither log, witness"):
        trust.parse(b"quorum none\nlgo x\n")


def test_a_policy_as_large_as_must_be_read() -> None:
    """32 logs, witnesses and groups are what tlog-policy asks every reader to take."""
    keys = [(f"example.com/{n}", secret(str(n))) for n in range(32)]
    lines = [f"log {VerifierKey(n, SIGNATURE, k).text()}" for n, k in keys]
    lines += [f"witness {n} {VerifierKey(n, COSIGNATURE, k).text()}" for n, k in keys]
    lines += [f"group g{i} all {n}" for i, (n, _) in enumerate(keys[:31])]
    lines += ["group all all " + " ".join(f"g{i}" for i in range(31)), "quorum all"]
    read = trust.parse("".join(f"{line}\n" for line in lines).encode())

    witnesses = list(read.witnesses.values())
    assert read.is_met(witnesses[:31])
    assert not read.is_met(witnesses[1:])


@pytest.mark.parametrize(
    "body", [b"", bytes(7), bytes(63), bytes(65), bytes(71), bytes(73), b"\x80" + bytes(71)]
)
def test_a_signature_of_another_length_is_refused(body: bytes) -> None:
    """Whatever a known key is said to have signed with, it is verified or the note is rejected."""
    for key in (LOG.key, W1.key):
        with pytest.raises(Malformed):
            note.verify(Note("text\n", (Signature(key.name, key.id, body),)), [key])


def reads(read: Callable[[Any], object], data: Any) -> bool:
    """Whether the data is what the reader reads."""
    try:
        read(data)
    except Malformed:
        return False
    return True
