"""Receipts for ``vectors/ledger.json``; ``ledger_vectors`` tells the format."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from holdfire.ledger import entry, note
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.ledger.entry import Kind
from holdfire.ledger.merkle import EMPTY_ROOT
from holdfire.ledger.receipt import Block, Receipt
from ledger_world import (
    CONFIG,
    LOG,
    NEXT_KEY,
    NOON,
    ORIGIN,
    OTHER_LOG,
    STRANGER,
    W1,
    W2,
    W3,
    W4,
    Signer,
    b64,
    choice,
    evidence,
    receipt,
    secret,
    signed,
    statement,
)

Case = tuple[str, bytes, str, str, str]
"""Name, receipt, name of a policy, outcome, reason."""

SALTED = evidence()
TENANT = entry.tenant("demo")
STATEMENTS = {
    "erasure": statement(
        Kind.ERASURE,
        {"index": 17, "origin": ORIGIN, "part": "subject", "site": "demo", "why": "request"},
        tenant=TENANT,
        tail=entry.erased_tail(17),
    ),
    "config": statement(Kind.CONFIG, {"site": "demo"}, tenant=TENANT, tail=CONFIG),
    "keys": statement(Kind.KEYS, {"added": NEXT_KEY.key.text()}),
    "note": statement(Kind.NOTE, {"text": "Die Uhr ging vor."}),
}


def receipts() -> Iterator[dict[str, Any]]:
    """Receipts of every kind, and every way to be none."""
    yield from map(judged, (*good(), *undecided(), *bad()))
    soon, witnessed = NOON - 301, receipt(choice(), signers=(LOG, W1)).encode()
    yield judged(("a clock slightly behind", witnessed, "one", "verified", "verified"), NOON - 300)
    yield judged(("a clock far ahead", witnessed, "one", "verified", "verified"), NOON * 2)
    yield judged(("a cosignature of the future", witnessed, "one", "undecided", "quorum"), soon)
    yield judged(("an entry of the future", witnessed, "none", "undecided", "future"), soon)


def judged(case: Case, now: int | None = None) -> dict[str, Any]:
    """One receipt."""
    name, data, trusted, outcome, reason = case
    return {
        "name": name,
        "receipt64": b64(data),
        "policy": trusted,
        "now": None if now is None else str(now),
        "outcome": outcome,
        "reason": reason,
    }


def good() -> Iterator[Case]:
    """Receipts that hold."""
    unicode = evidence(control="größer als 日本 \U0001f600", extra=[1, {"a": None}])
    made: dict[str, Receipt] = {
        "a choice": receipt(choice()),
        "every flag": receipt(choice(flags=7)),
        "an import": receipt(choice(kind=Kind.IMPORT)),
        "an import without a subject": receipt(choice(kind=Kind.IMPORT, subject=None)),
        "a person erased": receipt(choice(erased=True)),
        "an unknown configuration": receipt(choice(tail=entry.ZERO)),
        "no configuration shown": receipt(choice(evidence(shown={}))),
        "letters of the world": receipt(choice(unicode)),
        "long evidence": receipt(choice(evidence(control="x" * 60_000))),
        **{f"a statement: {name}": receipt(parts) for name, parts in STATEMENTS.items()},
        "a tree of one": receipt(choice(), 0, 1),
        "a tree of two, left": receipt(choice(), 0, 2),
        "a tree of two, right": receipt(choice(), 1, 2),
        "the last of a full tile": receipt(choice(), 255, 256),
        "the first of the next tile": receipt(choice(), 256, 257),
        "the first of 70000": receipt(choice(), 0, 70_000),
        "the last of 70000": receipt(choice(), 69_999, 70_000),
    }
    for name, read in made.items():
        yield name, read.encode(), "none", "verified", "verified"
    w = (W1, W2, W3, W4)
    for trusted, by in (
        ("none", (W1, STRANGER)),
        ("one", (W1,)),
        ("any", (W3,)),
        ("all", (W1, W2)),
        ("two of three", (W1, W3)),
        ("nested", (W2, W3, W4)),
        ("nested", w),
        ("ornate", (W1,)),
    ):
        name = f"{len(by)} witnesses for {trusted}"
        yield name, receipt(choice(), signers=(LOG, *by)).encode(), trusted, "verified", "verified"
    for name, trusted, by in (
        ("witnesses before the log", "all", (W2, W1, LOG)),
        ("both keys of a log", "rotated", (LOG, NEXT_KEY)),
        ("the old key of a log", "rotated", (LOG,)),
        ("the new key of a log", "rotated", (NEXT_KEY,)),
        ("both keys, the new one known", "next key", (LOG, NEXT_KEY)),
        ("a witness twice", "one", (LOG, W1, W1)),
        ("a policy of two logs", "both logs", (LOG,)),
    ):
        yield name, receipt(choice(), signers=by).encode(), trusted, "verified", "verified"


def undecided() -> Iterator[Case]:
    """Receipts of which the policy says too little."""
    plain, three = receipt(choice()).encode(), receipt(choice(), signers=(LOG, W1, W2, W3)).encode()
    twice = receipt(choice(), signers=(LOG, W1, W1)).encode()
    for name, data, trusted, reason in (
        ("a later version", plain.replace(b"@v1", b"@v2"), "none", "version"),
        ("a version of two digits", plain.replace(b"@v1", b"@v10"), "none", "version"),
        (
            "a later version, of which nothing else is known",
            b"c2sp.org/tlog-proof@v2",
            "none",
            "version",
        ),
        ("a log that is not trusted", plain, "other log", "origin"),
        ("a policy without logs", plain, "no log", "origin"),
        ("no witness", plain, "one", "quorum"),
        (
            "a witness that is not known",
            receipt(choice(), signers=(LOG, STRANGER)).encode(),
            "one",
            "quorum",
        ),
        ("another witness", three, "nested", "quorum"),
        ("the same witness twice", twice, "two of three", "quorum"),
        ("a policy that is none", plain, "crlf", "policy"),
    ):
        yield name, data, trusted, "undecided", reason


def bad() -> Iterator[Case]:
    """Receipts that do not hold."""
    for name, data, reason in (*contents(), *trees(), *signings(), *texts(), *extras()):
        yield name, data, "two of three", "refuted", reason


def contents() -> Iterator[tuple[str, bytes, str]]:
    """What is shown, and what the entry commits to."""
    leaf, shown, person = choice()
    read = receipt((leaf, shown, person))
    altered = Block(shown.salt, evidence(action="accept_all"))
    yield "evidence altered", replace(read, evidence=altered).encode(), "evidence"
    salted = Block(secret("another"), shown.body)
    yield "the salt of the evidence altered", replace(read, evidence=salted).encode(), "evidence"
    yield "evidence for subject", replace(read, subject=shown).encode(), "subject"
    other = Block(person.salt, b"{}")
    yield "subject altered", replace(read, subject=other).encode(), "subject"
    added = replace(receipt(choice(kind=Kind.IMPORT, subject=None)), subject=person)
    yield "a subject added", added.encode(), "subject"
    told = replace(receipt(STATEMENTS["note"]), evidence=Block(entry.ZERO, b"{}"))
    yield "a statement altered", told.encode(), "evidence"
    elsewhere = receipt(choice(tenant=entry.tenant("another site")))
    yield "the site of another", elsewhere.encode(), "contradiction"
    configured = receipt(choice(tail=secret("another configuration")))
    yield "another configuration", configured.encode(), "contradiction"
    numbered = receipt(choice(evidence(shown={"config": 7})))
    yield "a configuration that is a number", numbered.encode(), "contradiction"
    for name, body in {
        "evidence that is no JSON": b"{",
        "evidence that is a list": b"[]",
        "evidence that is null": b"null",
        "evidence with NaN": evidence()[:-1] + b',"x":NaN}',
        "evidence with a lone surrogate": evidence()[:-1] + b',"x":"\\ud800"}',
        "evidence with a byte order mark": b"\xef\xbb\xbf" + evidence(),
        "evidence that is not UTF-8": evidence(control="x").replace(b'"x"', b'"\xff"'),
        "evidence in UTF-16": evidence().decode().encode("utf-16"),
        "evidence without a site": b"{}",
        "a site that is a number": evidence(site=7),
    }.items():
        yield name, receipt(choice(body)).encode(), "malformed"


def trees() -> Iterator[tuple[str, bytes, str]]:
    """Where the entry stands."""
    read = receipt(choice())
    head, path = Checkpoint(ORIGIN, 1000, read.root(1000)), read.path
    for name, index in (("one place on", 738), ("one place back", 736)):
        yield name, replace(read, index=index).encode(), "inclusion"
    yield "a path the wrong way round", replace(read, path=path[::-1]).encode(), "inclusion"
    swapped = (path[1], path[0], *path[2:])
    yield "two lines of the path swapped", replace(read, path=swapped).encode(), "inclusion"
    for name, wrong in (
        ("a path too short", path[:-1]),
        ("a path too long", (*path, path[0])),
        ("no path", ()),
    ):
        yield name, replace(read, path=wrong).encode(), "malformed"
    for index in (1000, 2**63 - 1):
        yield f"place {index} of 1000", replace(read, index=index).encode(), "malformed"
    for name, other, reason in (
        ("another root", replace(head, root=secret("root")), "inclusion"),
        ("another size", replace(head, size=2048), "malformed"),
        ("the empty tree", Checkpoint(ORIGIN, 0, EMPTY_ROOT), "malformed"),
    ):
        note_ = signed(other.text(), (LOG,))
        yield name, replace(read, checkpoint=note_).encode(), reason
    flagged = replace(read, entry=replace(read.entry, flags=1))
    yield "a flag added to the entry", flagged.encode(), "inclusion"


def signings() -> Iterator[tuple[str, bytes, str]]:
    """Who has signed."""
    read = receipt(choice())
    text = Checkpoint(ORIGIN, 1000, read.root(1000)).text()
    other = Checkpoint(ORIGIN, 1000, secret("root")).text()

    def with_lines(*lines: note.Signature) -> bytes:
        return replace(read, checkpoint=note.Note(text, lines).encode()).encode()

    def named(by: Signer, body: bytes) -> note.Signature:
        return note.Signature(by.key.name, by.key.id, body)

    good, cosigned = LOG.sign(text), W1.sign(text)
    raw = cosigned.body[8:]
    yield from (
        ("signed by another key of that name", with_lines(NEXT_KEY.sign(text)), "unsigned"),
        ("signed by a witness alone", with_lines(cosigned), "unsigned"),
        ("signed by another log", with_lines(OTHER_LOG.sign(text)), "unsigned"),
        ("the log's name, in capitals", with_lines(replace(good, name=ORIGIN.upper())), "unsigned"),
        ("the log's signature of another tree", with_lines(LOG.sign(other)), "signature"),
        (
            "a signature by another key",
            with_lines(named(LOG, NEXT_KEY.sign(text).body)),
            "signature",
        ),
        ("a signature cut short", with_lines(named(LOG, good.body[:-1])), "signature"),
        ("a signature too long", with_lines(named(LOG, good.body + b"\0")), "signature"),
        ("a signature with a time", with_lines(named(LOG, bytes(8) + good.body)), "signature"),
        ("two signatures, one forged", with_lines(good, LOG.sign(other)), "signature"),
        ("a cosignature of another tree", with_lines(good, W1.sign(other)), "signature"),
        ("a cosignature without a time", with_lines(good, named(W1, raw)), "signature"),
        ("another time", with_lines(good, note.sign(W1.key, raw, NOON + 1)), "signature"),
        ("a time after 2**63", with_lines(good, W1.sign(text, 2**63)), "signature"),
        (
            "a witness that signed as a log",
            with_lines(good, named(W1, W1.private.sign(text.encode()))),
            "signature",
        ),
        ("a signature of four bytes", with_lines(good, named(W1, b"")), "malformed"),
    )


def texts() -> Iterator[tuple[str, bytes, str]]:
    """The lines of the file; all is well but for how it is written."""
    plain = receipt(choice(), signers=(LOG, W1, W2)).encode()
    header, _, rest = plain.partition(b"\n")
    first, last = plain.split(b"\n")[3], plain.rstrip(b"\n")
    for name, data in {
        "empty": b"",
        "only a header": header + b"\n",
        "another header": plain.replace(b"tlog-proof", b"tlog-tiles"),
        "a header in capitals": plain.replace(b"c2sp", b"C2SP"),
        "a header without a version": plain.replace(b"@v1", b"@v"),
        "a version that is no number": plain.replace(b"@v1", b"@v1.1"),
        "a version with a sign": plain.replace(b"@v1", b"@v+1"),
        "a space after the header": plain.replace(b"@v1", b"@v1 "),
        "carriage returns": plain.replace(b"\n", b"\r\n"),
        "a carriage return in the header": plain.replace(b"@v1", b"@v1\r"),
        "a byte order mark": b"\xef\xbb\xbf" + plain,
        "a blank line first": b"\n" + plain,
        "no extra": header + b"\n" + rest.partition(b"\n")[2],
        "extra in capitals": plain.replace(b"extra ", b"Extra "),
        "two spaces after extra": plain.replace(b"extra ", b"extra  "),
        "extra after index": swap_lines(plain, 1, 2),
        "a second extra": plain.replace(b"index ", b"extra AAAA\nindex "),
        "an index with a zero": plain.replace(b"index 737", b"index 0737"),
        "an index with a sign": plain.replace(b"index 737", b"index +737"),
        "an index with a space": plain.replace(b"index 737", b"index 737 "),
        "a huge index": plain.replace(b"index 737", b"index " + b"9" * 5000),
        "an index of 2**63": plain.replace(b"index 737", b"index 9223372036854775808"),
        "no index": plain.replace(b"index 737\n", b""),
        "an index of another script": plain.replace(b"737", "٧٣٧".encode()),
        "a line of the path without padding": plain.replace(first, first[:-1]),
        "a line of the path in loose base64": plain.replace(first, loose(first)),
        "a line of the path in the alphabet of addresses": plain.replace(b"/", b"_").replace(
            b"org_", b"org/"
        ),
        "a line of the path that is short": plain.replace(first, b"AAAA"),
        "a space after a line of the path": plain.replace(first, first + b" "),
        "a blank line in the path": plain.replace(first, first + b"\n"),
        "no blank line before the checkpoint": plain.replace(b"\n\n", b"\n", 1),
        "two blank lines before the checkpoint": plain.replace(b"\n\n", b"\n\n\n", 1),
        "no signatures": plain[: plain.rindex(b"\n\n") + 2],
        "no blank line before the signatures": swap_last(plain, b"\n\n", b"\n"),
        "an extension line": swap_last(plain, b"\n\n", b"\nmore\n\n"),
        "a size with a zero": plain.replace(b"\n1000\n", b"\n01000\n"),
        "a root in loose base64": plain.replace(root_of(plain), loose(root_of(plain))),
        "a signature in loose base64": loose(last) + b"\n",
        "no last newline": plain[:-1],
        "a newline more": plain + b"\n",
        "a byte more": plain + b"A",
        "a null more": plain + b"\0",
        "a space more": plain + b" ",
        "half": plain[: len(plain) // 2],
        "twice": plain + plain,
        "65 signatures": plain + STRANGER.sign("x").line().encode() * 63,
    }.items():
        yield name, data, "malformed"


def swap_lines(data: bytes, one: int, other: int) -> bytes:
    """Return the file with two lines changed for each other."""
    lines = data.split(b"\n")
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


def swap_last(data: bytes, old: bytes, new: bytes) -> bytes:
    """Return the file with the last of something replaced."""
    head, _, tail = data.rpartition(old)
    return head + new + tail


def root_of(data: bytes) -> bytes:
    """Return the line of the root."""
    return data.rpartition(b"\n\n")[0].rpartition(b"\n")[2]


def loose(line: bytes) -> bytes:
    """Return base64 that ends in ``=`` with an unused bit set: the same bytes to most readers."""
    assert line.endswith(b"=")
    return line[:-3] + bump(line[-3:])


def bump(end: bytes) -> bytes:
    """Return the end of base64 with its last letter one further in the alphabet."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    letters = end.rstrip(b"=")
    return letters[:-1] + bytes([alphabet[alphabet.index(letters[-1]) + 1]]) + end[len(letters) :]


def extras() -> Iterator[tuple[str, bytes, str]]:
    """The bytes of the extra line."""
    leaf, shown, person = choice(subject=b"as long as makes base64 end in ==")
    plain = receipt((leaf, shown, person)).encode()
    right = leaf.encode() + shown.encode() + person.encode()
    at = len(leaf.encode()) + 32  # of the length of the evidence

    def with_extra(extra: bytes) -> bytes:
        return plain.replace(b64(right).encode(), b64(extra).encode())

    note_ = receipt(STATEMENTS["note"])
    told = STATEMENTS["note"][0].encode()
    body = STATEMENTS["note"][1].body
    right_note = told + note_.evidence.encode() + note_.subject.encode()

    def noted(extra: bytes) -> bytes:
        return note_.encode().replace(b64(right_note).encode(), b64(extra).encode())

    for name, data in {
        "no extra bytes": with_extra(b""),
        "an entry alone": with_extra(leaf.encode()),
        "an entry cut short": with_extra(right[:100]),
        "a byte after the subject": with_extra(right + b"\0"),
        "the subject cut short": with_extra(right[:-1]),
        "the subject left out": with_extra(leaf.encode() + shown.encode()),
        "evidence said to be longer": with_extra(right[:at] + b"\xff\xff" + right[at + 2 :]),
        "evidence said to be empty": with_extra(right[:at] + b"\0\0" + right[at + 2 :]),
        "no evidence": with_extra(leaf.encode() + bytes(34) + person.encode()),
        "a salt without a subject": with_extra(
            leaf.encode() + shown.encode() + person.salt + b"\0\0"
        ),
        "an entry of another magic": with_extra(b"CRL2" + right[4:]),
        "an entry of an unknown kind": with_extra(right[:4] + b"\2" + right[5:]),
        "a reserved bit": with_extra(right[:5] + b"\x80" + right[6:]),
        "a reserved byte": with_extra(right[:7] + b"\1" + right[8:]),
        "a second in the time": with_extra(right[:15] + bytes([right[15] ^ 1]) + right[16:]),
        "extra in loose base64": plain.replace(b64(right).encode(), loose(b64(right).encode())),
        "a statement with a salt": noted(told + Block(secret("x"), body).encode() + bytes(34)),
        "a statement with a subject": noted(told + note_.evidence.encode() + person.encode()),
    }.items():
        yield name, data, "malformed"
