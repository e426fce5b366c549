"""The Go checksum database's own packages agree with ours: notes, proofs and the names of tiles."""

import base64
import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from holdfire.ledger import checkpoint, merkle, note, tiles
from holdfire.ledger.note import SIGNATURE, VerifierKey
from house import ROOT
from rfc6962 import Tree

SOURCE = ROOT / "tests/oracle/main.go"
ORIGIN = "shop.example/log/2026"
CHANCE = random.Random(6962)  # noqa: S311 -- cases to compare, not secrets
LEAVES = [merkle.leaf_hash(str(n).encode()) for n in range(1_200)]
TREE = Tree(LEAVES)

pytestmark = pytest.mark.long


def plain(value: bytes | list[bytes]) -> Any:
    """Bytes as Go's JSON has them."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return [plain(one) for one in value]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The oracle, built out of Debian's packages and nothing from the network."""
    folder = tmp_path_factory.mktemp("oracle")
    known = {
        "PATH": os.environ["PATH"],
        "GOPATH": "/usr/share/gocode",
        "GO111MODULE": "off",
        "GOCACHE": str(folder / "cache"),
        "HOME": str(folder),
    }
    subprocess.run(
        ["go", "build", "-o", folder / "oracle", SOURCE], env=known, check=True, timeout=300
    )
    return folder / "oracle"


def asked(program: Path, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What Go answers, in order."""
    lines = "\n".join(map(json.dumps, questions))
    ran = subprocess.run(
        [program], input=lines, capture_output=True, text=True, check=True, timeout=120
    )
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_proofs_stand_before_go_and_altered_ones_do_not(program: Path) -> None:
    """A thousand inclusion and consistency paths, each also with one bit turned."""
    questions, expected = [], []
    for _ in range(1_000):
        size = CHANCE.randint(2, len(LEAVES))
        index, old = CHANCE.randrange(size), CHANCE.randint(1, size)
        root = TREE.mth(0, size)
        inclusion = [TREE.mth(*span) for span in merkle.inclusion_ranges(index, size)]
        consistency = [TREE.mth(*span) for span in merkle.consistency_ranges(old, size)]
        included = {"kind": "inclusion", "size": size, "index": index, "root": plain(root)}
        grown = {"kind": "consistency", "size": size, "index": old, "root": plain(root)}
        for path in (inclusion, [bytes([inclusion[0][0] ^ 4]) + inclusion[0][1:], *inclusion[1:]]):
            questions.append({**included, "leaf": plain(LEAVES[index]), "path": plain(path)})
            expected.append(path is inclusion)
            found = merkle.inclusion_root(index, size, LEAVES[index], path) == root
            assert found is expected[-1]
        for before in (TREE.mth(0, old), bytes(32)):
            questions.append({**grown, "oldroot": plain(before), "path": plain(consistency)})
            expected.append(before != bytes(32))
            assert merkle.is_consistent(old, before, size, root, consistency) is expected[-1]

    assert [answer["ok"] for answer in asked(program, questions)] == expected


def test_checkpoints_are_notes_to_go(program: Path) -> None:
    """Signed by one key and cosigned by nobody Go knows; a changed text, key or line is refused."""
    questions, expected = [], []
    for number in range(100):
        private = Ed25519PrivateKey.from_private_bytes(bytes([number + 1] * 32))
        key = VerifierKey(ORIGIN, SIGNATURE, private.public_key().public_bytes_raw())
        text = checkpoint.Checkpoint(ORIGIN, number + 1, LEAVES[number]).text()
        stranger = note.Signature("w.example", b"abcd", bytes(72))
        signed = note.Note(text, (note.sign(key, private.sign(text.encode())), stranger))
        whole = signed.encode().decode()
        for form, good in ((whole, True), (whole.replace(f"\n{number + 1}\n", "\n999\n"), False)):
            questions.append({"kind": "note", "note": form, "key": key.text()})
            expected.append({"ok": good, "text": text if good else ""})

    assert asked(program, questions) == expected


def test_tiles_have_the_same_names_but_for_the_height(program: Path) -> None:
    """Go writes ``tile/8/…``: the height, which is always 8 here and left out by tlog-tiles."""
    named = [
        tiles.Tile(level, CHANCE.randrange(10**digits), CHANCE.randint(1, 256))
        for level in (0, 1, 7)
        for digits in range(1, 13)
    ]
    questions = [
        {"kind": "tile", "level": t.level, "index": t.index, "width": t.width} for t in named
    ]

    assert [answer["text"] for answer in asked(program, questions)] == [
        t.path().replace("tile/", "tile/8/", 1) for t in named
    ]
