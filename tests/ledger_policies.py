"""Policies for ``vectors/ledger.json``; ``ledger_vectors`` tells the format."""

from collections.abc import Iterator
from typing import Any

from holdfire.ledger.note import COSIGNATURE
from ledger_world import (
    LOG,
    NEXT_KEY,
    OTHER_LOG,
    STRANGER,
    W1,
    W2,
    W3,
    W4,
    b64,
    policy,
    signer,
)

GROUPS = ("group ab 2 w1 w2 w3", "group all all ab w4", "quorum all")
POLICIES = {
    "none": policy("quorum none"),
    "one": policy("quorum w1"),
    "any": policy("group g any w1 w2 w3", "quorum g"),
    "all": policy("group g all w1 w2", "quorum g"),
    "two of three": policy("group g 2 w1 w2 w3", "quorum g"),
    "nested": policy(*GROUPS),
    "rotated": policy("quorum none", logs=(LOG, NEXT_KEY)),
    "next key": policy("quorum none", logs=(NEXT_KEY,)),
    "other log": policy("quorum none", logs=(OTHER_LOG,)),
    "both logs": policy("quorum none", logs=(OTHER_LOG, LOG)),
    "no log": policy("quorum none", logs=()),
    "ornate": (
        b"# caf\xe9 \xff\n \t \n\tlog\t" + LOG.key.text().encode() + b"  https://log.example/ \n"
        b"witness K\xe2\x84\xaa " + W1.key.text().encode() + b"\n  # ...\n"
        b"witness K " + W2.key.text().encode() + b" https://w2.example\n"
        b"group \xff any K\xe2\x84\xaa K\n quorum \xff\n"
    ),
    "crlf": policy("quorum none").replace(b"\n", b"\r\n"),
}
NAMES = {w.key.name: w.key for w in (W1, W2, W3, W4)}


def policies() -> Iterator[dict[str, Any]]:
    """Policies of every quorum with who meets it, and files that are none."""
    w1, w2, w3, w4 = NAMES
    met: dict[str, dict[tuple[str, ...], bool]] = {
        "none": {(): True, (w1,): True},
        "one": {(): False, (w1,): True, (w2, w3, w4): False},
        "any": {(): False, (w3,): True, (w4,): False},
        "all": {(w1,): False, (w1, w2): True, (w2, w3, w4): False},
        "two of three": {(w1,): False, (w1, w3): True, (w1, w2, w3): True, (w1, w4): False},
        "nested": {(w1, w2): False, (w4,): False, (w1, w4): False, (w2, w3, w4): True},
        "rotated": {(): True},
        "other log": {(): True},
        "no log": {(): True},
        "ornate": {(w1,): True, (w2,): True, (): False},
    }
    for name in sorted(POLICIES.keys() - bad_policies().keys()):
        cases = met.get(name, {})
        yield {
            "name": name,
            "policy64": b64(POLICIES[name]),
            "met": [{"cosigned": list(by), "ok": ok} for by, ok in cases.items()],
            "ok": True,
        }
    for name, wrong in bad_policies().items():
        yield {"name": name, "policy64": b64(wrong), "ok": False}


def bad_policies() -> dict[str, bytes]:
    """Return files that are no policy."""
    as_witness = signer("witness.example/w1", seed="witness.example/w1").key.text()
    renamed = signer("another.example", COSIGNATURE, "witness.example/w1").key.text()
    stranger = STRANGER.key.text()
    return {
        "empty": b"",
        "no quorum": policy(),
        "two quorums": policy("quorum none", "quorum none"),
        "a quorum of nobody": policy("quorum w9"),
        "a quorum before its group": policy("quorum g", "group g any w1"),
        "a group before its member": policy("group g any h", "group h any w1", "quorum g"),
        "a group of itself": policy("group g any g", "quorum g"),
        "a group of none": policy("group g any none", "quorum g"),
        "a group without members": policy("group g all", "quorum none"),
        "a group of zero": policy("group g 0 w1", "quorum g"),
        "a group that asks too much": policy("group g 3 w1 w2", "quorum g"),
        "a group that asks for 01": policy("group g 01 w1", "quorum g"),
        "a group that asks for -1": policy("group g -1 w1", "quorum g"),
        "a group that asks for many": policy("group g 99999999999999999999 w1", "quorum g"),
        "a member twice in a group": policy("group g 2 w1 w1", "quorum g"),
        "a member in two groups": policy("group g any w1", "group h any w1", "quorum g"),
        "a name taken by a witness": policy("group w1 any w2", "quorum w1"),
        "a name taken by a group": policy("group g any w1", f"witness g {stranger}", "quorum g"),
        "the name none": policy(f"witness none {stranger}", "quorum none"),
        "a log twice": policy("quorum none", logs=(LOG, LOG)),
        "a witness twice": policy(f"witness again {renamed}", "quorum none"),
        "a witness with the key of a log": policy(f"witness w5 {as_witness}", "quorum none"),
        "a log with the key of a witness": policy(f"log {stranger}", "quorum none"),
        "a key that is none": policy("log example.com+00000000+AAAA", "quorum none"),
        "a key of a type not known": policy("log example.com+b0aa8cba+BiEh", "quorum none"),
        "a log with two addresses": policy(f"log {OTHER_LOG.key.text()} a b", "quorum none"),
        "a word too many": policy("quorum none none"),
        "a word not known": policy("qourum none", "quorum none"),
        "a word in capitals": policy("Quorum none"),
        "no last newline": policy("quorum none")[:-1],
        "crlf": POLICIES["crlf"],
        "a byte order mark": b"\xef\xbb\xbf" + policy("quorum none"),
        "a control character": policy("quorum none", "# \x0b"),
        "a delete character": policy("quorum none", "# \x7f"),
        "a null": policy("quorum none", "\0"),
        "a thousand lines": policy("quorum none") + b"\n" * 1000,
    }
