"""Makes ``vectors/ledger.json``: what every reader of our log must agree on, byte for byte.

``python tests/ledger_vectors.py`` writes it; a stale copy fails a test. All keys and salts are
fixed. The file is one JSON object of lists. A member that holds bytes ends in ``64`` and is standard
base64; sizes, indexes and times are decimal text, as they go up to 2**63 - 1.

``entries``      name, entry64, and the fields it says; or ``ok`` false: no entry.
``commitments``  kind (evidence, subject, statement, tenant), salt64, block64, hash64.
``scalars``      text, and ``base64`` / ``decimal``: whether the text is canonical base64, a number.
``trees``        size, root64. Leaf i of all of them is the 8 bytes of i, big-endian; leaf hashes
                 and nodes are RFC 6962's.
``inclusions``   index, size, leaf64 (the hash of the leaf), path64, root64; ok.
``consistency``  old, new, old_root64, new_root64, path64; ok.
``tiles``        level (-1: entry bundle), index, width, path; or path and ``ok`` false.
``keys``         vkey, name, id (hex), type, public64; or ``ok`` false.
``signatures``   Ed25519: public64, message64, signature64; ok. As Web Cryptography decides, except
                 that a key that is not a reduced encoding is refused as well.
``notes``        note64 and keys; ``signed``: name and time (null: none) of each verified line, in
                 order; or ``signed`` null: not to be trusted.
``checkpoints``  text64, origin, size, root64; or ``ok`` false.
``policies``     name, policy64; ok; ``met``: lists of witness key names, and whether they suffice.
``receipts``     name, receipt64, the name of a policy, now (seconds, null: do not look at the
                 clock); outcome and reason.

Limits: a receipt has at most 1,048,576 bytes, a note 64 signature lines, a policy 999 lines. A byte
order mark is a letter like any other, and never taken off. Spaces that a key's name cannot have are
those with the Unicode property White_Space; lines end in U+000A and nothing else.

The ``reason`` of a receipt is that of the first of these to happen:

 1. ``policy``         undecided: the policy file is malformed.
 2. ``version``        undecided: the first line is ``c2sp.org/tlog-proof@v`` and ASCII digits other
                       than ``1``.
 3. ``malformed``      refuted: not a receipt, entry, note or checkpoint of the format.
 4. ``evidence``       refuted: the evidence, or statement, is not what the entry commits to.
 5. ``subject``        refuted: a subject is shown, and is not what the entry commits to.
 6. ``malformed``      refuted: the evidence is no JSON object in UTF-8 (no NaN, no lone surrogate),
                       or, of kinds 1 and 7, its ``site`` is no text; or the path has the wrong
                       length. Of a contradiction and a wrong path, the contradiction comes first.
 7. ``contradiction``  refuted: of kinds 1 and 7, ``site`` is not the tenant's, or ``shown.config``,
                       where there is one and the entry's tail is not zero, is not that tail in hex.
 8. ``inclusion``      refuted: entry and path do not lead to the root.
 9. ``origin``         undecided: the policy has no log whose key has the origin for a name.
10. ``unsigned``       refuted: no line has the name and id of one of that log's keys.
11. ``signature``      refuted: a line has the name and id of one of that log's keys, or of a witness
                       of the policy, and its signature is wrong.
12. ``quorum``         undecided: too few witnesses; a cosignature more than 300 s after ``now`` does
                       not count.
13. ``future``         undecided: the entry is of a time more than 300 s after ``now``.
14. ``verified``       verified.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ledger_policies
import ledger_receipts
import ledger_signatures
from holdfire.ledger import entry, tiles
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.ledger.entry import Kind
from holdfire.ledger.merkle import EMPTY_ROOT
from holdfire.ledger.tiles import Tile
from ledger_world import (
    ORIGIN,
    b64,
    choice,
    filler,
    secret,
)
from rfc6962 import Tree

FILE = Path(__file__).parent / "vectors/ledger.json"
SIZES = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 70_000)
INDEXES = {1: (0,), 2: (0, 1), 7: range(7), 257: (0, 255, 256), 70_000: (0, 65_535, 65_536, 69_999)}
PAIRS = ((0, 5), (1, 2), (3, 7), (4, 7), (6, 8), (7, 7), (8, 9), (255, 257), (256, 512))
LONG_PAIRS = ((1, 70_000), (65_536, 70_000), (65_535, 65_536), (69_999, 70_000))


def text() -> str:
    """Return the whole file, one case a line."""
    lists = {
        "entries": [*good_entries(), *bad_entries()],
        "commitments": list(commitments()),
        "scalars": list(scalars()),
        "trees": [{"size": str(n), "root64": b64(TREE.mth(0, n))} for n in SIZES],
        "inclusions": list(inclusions()),
        "consistency": list(consistency()),
        "tiles": list(tile_paths()),
        "keys": list(ledger_signatures.keys()),
        "signatures": list(ledger_signatures.signatures()),
        "notes": list(ledger_signatures.notes()),
        "checkpoints": list(checkpoints()),
        "policies": list(ledger_policies.policies()),
        "receipts": list(ledger_receipts.receipts()),
    }
    parts = (
        f'"{name}": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]"
        for name, cases in lists.items()
    )
    return "{\n" + ",\n".join(parts) + "\n}\n"


TREE = Tree(filler(max(SIZES)))


def good_entries() -> Iterator[dict[str, Any]]:
    """Entries of every kind."""
    made = {
        "choice": choice(),
        "choice with every flag": choice(flags=7),
        "import": choice(kind=Kind.IMPORT),
        "import without a subject": choice(kind=Kind.IMPORT, subject=None),
        "choice in 1970": choice(ms=0),
        "choice in the last minute of 9999": choice(ms=entry.LAST_MS),
        **ledger_receipts.STATEMENTS,
    }
    for name, (leaf, _, _) in made.items():
        yield {
            "name": name,
            "entry64": b64(leaf.encode()),
            "kind": leaf.kind,
            "flags": leaf.flags,
            "ms": str(leaf.ms),
            "tenant64": b64(leaf.tenant),
            "evidence64": b64(leaf.evidence),
            "subject64": b64(leaf.subject),
            "tail64": b64(leaf.tail),
            "ok": True,
        }


def bad_entries() -> Iterator[dict[str, Any]]:
    """Bytes that are no entry."""
    good, note = choice()[0].encode(), ledger_receipts.STATEMENTS["note"][0].encode()
    erasure = ledger_receipts.STATEMENTS["erasure"][0].encode()
    for name, data in {
        "empty": b"",
        "a byte short": good[:-1],
        "a byte long": good + b"\0",
        "another magic": b"CRL2" + good[4:],
        "kind 0": patch(good, 4, 0),
        "kind 2": patch(good, 4, 2),
        "kind 8": patch(good, 4, 8),
        "a reserved flag": patch(good, 5, 8),
        "a reserved byte": patch(good, 6, 1),
        "the other reserved byte": patch(good, 7, 1),
        "a time that is no minute": patch(good, 15, good[15] ^ 1),
        "a time after 9999": patch(good, 8, 1),
        "a choice of no site": good[:16] + bytes(16) + good[32:],
        "a note with a flag": patch(note, 5, 1),
        "a note with a subject": patch(note, 64, 1),
        "a note with a tail": patch(note, 127, 1),
        "an erasure with more than an index": patch(erasure, 104, 1),
        "an erasure of an index that is too large": patch(erasure, 96, 0x80),
    }.items():
        yield {"name": name, "entry64": b64(data), "ok": False}


def patch(data: bytes, at: int, octet: int) -> bytes:
    """Return the data with one byte changed."""
    return data[:at] + bytes([octet]) + data[at + 1 :]


def commitments() -> Iterator[dict[str, str]]:
    """Commitments to blocks, hashes of statements, and names of tenants."""
    for block in (b"", b"{}", ledger_receipts.SALTED, "Zürich".encode()):
        salt = secret("commitment")
        for kind, hashed in (
            ("evidence", entry.commit_evidence(salt, block)),
            ("subject", entry.commit_subject(salt, block)),
            ("statement", entry.statement_hash(block)),
            ("tenant", entry.tenant(block.decode())),
        ):
            yield {"kind": kind, "salt64": b64(salt), "block64": b64(block), "hash64": b64(hashed)}


def scalars() -> Iterator[dict[str, Any]]:
    """Text that is, or is not, base64 or a number as these formats write them."""
    base64s = {"": True, "AA==": True, "AAA=": True, "AAAA": True, "+/+/": True}
    for loose in (
        "AB==",
        "AAB=",
        "AA",
        "AA=",
        "AA===",
        "A",
        "-_-_",
        "AA==\n",
        " AA==",
        "A A=",
        "==",
    ):
        base64s[loose] = False
    for shown, ok in base64s.items():
        yield {"text": shown, "base64": ok}
    numbers = {"0": True, "1": True, "10": True, "9223372036854775807": True}
    wrong = (
        "",
        "00",
        "01",
        "+1",
        "-1",
        "-0",
        "1 ",
        " 1",
        "1.0",
        "1e3",
        "0x1",
        "1_0",
        "²",
        "١",
        "1\n",
    )
    for shown in (*wrong, "9223372036854775808", "9" * 5000):
        numbers[shown] = False
    for shown, ok in numbers.items():
        yield {"text": shown, "decimal": ok}


def inclusions() -> Iterator[dict[str, Any]]:
    """Inclusion proofs, and what is left of some when they are changed."""
    for size, indexes in INDEXES.items():
        for index in indexes:
            path = TREE.path(index, 0, size)
            yield inclusion(index, size, path, ok=True)
            yield inclusion(index, size, [*path, EMPTY_ROOT], ok=False)
            if size == 257:
                yield inclusion(index, size, path[1:], ok=False)
                yield inclusion(index, size, path[:-1], ok=False)
                yield inclusion(index, size, path[::-1], ok=len(path) == 1)
                yield inclusion(index + 257, size, path, ok=False)


def inclusion(index: int, size: int, path: list[bytes], *, ok: bool) -> dict[str, Any]:
    """One inclusion proof."""
    return {
        "index": str(index),
        "size": str(size),
        "leaf64": b64(TREE.leaves[index]),
        "path64": [b64(h) for h in path],
        "root64": b64(TREE.mth(0, size)),
        "ok": ok,
    }


def consistency() -> Iterator[dict[str, Any]]:
    """Consistency proofs, and what is left of some when they are changed."""
    for old, new in (*PAIRS, *LONG_PAIRS):
        path = TREE.proof(old, 0, new) if old else []
        yield growth(old, new, path, ok=True)
        yield growth(old, new, [*path, EMPTY_ROOT], ok=False)
        if path:
            yield growth(old, new, path[:-1], ok=False)
            yield growth(old, new, path[1:], ok=False)
        if len(path) > 1:
            yield growth(old, new, path[::-1], ok=False)


def growth(old: int, new: int, path: list[bytes], *, ok: bool) -> dict[str, Any]:
    """One consistency proof."""
    return {
        "old": str(old),
        "new": str(new),
        "old_root64": b64(TREE.mth(0, old)),
        "new_root64": b64(TREE.mth(0, new)),
        "path64": [b64(h) for h in path],
        "ok": ok,
    }


def tile_paths() -> Iterator[dict[str, Any]]:
    """Paths of tiles and bundles, and what is no path of either."""
    good = (
        *(Tile(0, index, 112) for index in (0, 999, 1000, 1_234_067, 2**40)),
        Tile(63, 7),
        Tile(tiles.ENTRIES, 273, 112),
        Tile(tiles.ENTRIES, 1_234_067),
        *(tile for tile in tiles.tiles_of(70_000) if tile.width < tiles.FULL),
    )
    for tile in good:
        shape = {"level": tile.level, "index": str(tile.index), "width": tile.width}
        yield {"path": tile.path(), **shape, "ok": True}
    for path in (
        "",
        "tile/0",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/1234",
        "tile/0/x000/000",
        "tile/0/001/234",
        "tile/0/x001/x234",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000/",
        "/tile/0/000",
        "tile/data/000",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
    ):
        yield {"path": path, "ok": False}


def checkpoints() -> Iterator[dict[str, Any]]:
    """Checkpoints, and text that is none."""
    for head in (
        Checkpoint(ORIGIN, 0, EMPTY_ROOT),
        Checkpoint(ORIGIN, 1000, TREE.mth(0, 1000)),
        Checkpoint("Größe mit Leerzeichen+Plus", 2**63 - 1, secret("root")),
    ):
        shape = {"origin": head.origin, "size": str(head.size), "root64": b64(head.root)}
        yield {"text64": b64(head.text().encode()), **shape, "ok": True}
    good = Checkpoint(ORIGIN, 1000, TREE.mth(0, 1000)).text()
    for wrong in (
        "",
        good[:-1],
        good + "\n",
        good + "an extension line\n",
        good.replace(ORIGIN, ""),
        good.replace("1000", "01000"),
        good.replace("1000", "-1"),
        good.replace("1000", "0"),
        good.replace("1000", "9223372036854775808"),
        good.replace("=", ""),
        good.replace("\n", "\r\n"),
        Checkpoint(ORIGIN, 1, bytes(32)).text().replace("AA=\n", "AB=\n"),
    ):
        yield {"text64": b64(wrong.encode()), "ok": False}


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
    sys.stdout.write(f"{FILE}\n")
