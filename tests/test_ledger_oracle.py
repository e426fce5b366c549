"""Somebody else's implementation of the same specifications agrees, both ways.

The oracle is aics-tlog (Apache-2.0), which ``make`` installs beside the tests and nothing ships.
"""

import aics_tlog as oracle
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from holdfire.ledger import Malformed, checkpoint, merkle, note, receipt, tiles
from holdfire.ledger.note import COSIGNATURE, SIGNATURE, VerifierKey
from house import Service

ORIGIN, WITNESS = "shop.example/log/2026", "witness.example/w1"
LEAVES = [f"leaf {n}".encode() for n in range(700)]
THEIRS = oracle.MerkleTree(LEAVES)
STATIC = oracle.TileWriter(LEAVES).materialise()

sizes = st.integers(1, len(LEAVES))


def held(size: int) -> dict[tuple[int, int], bytes]:
    """Their tiles of a smaller tree, as ours reads them."""
    found = oracle.TileWriter(LEAVES[:size]).materialise()
    return {(t.level, t.index): found[t.path()] for t in tiles.tiles_of(size)}


def test_both_lay_the_tree_out_in_the_same_tiles() -> None:
    """The same paths, and nothing that the other has not; bundles of entries apart."""
    named = {tile.path() for tile in tiles.tiles_of(len(LEAVES))}

    assert named == {path for path in STATIC if not path.startswith("tile/entries/")}


@given(sizes, st.data())
def test_each_accepts_the_others_inclusion_paths(size: int, data: st.DataObject) -> None:
    """Ours is read from their tiles; a path with one bit changed is refused by both."""
    index = data.draw(st.integers(0, size - 1))
    leaf, root = merkle.leaf_hash(LEAVES[index]), THEIRS.root(size)
    path = [tiles.range_hash(*span, held(size)) for span in merkle.inclusion_ranges(index, size)]

    assert path == THEIRS.inclusion_proof(index, size)
    assert merkle.inclusion_root(index, size, leaf, path) == root
    assert oracle.verify_inclusion(leaf, index, size, path, root)
    if path:
        wrong = [bytes([path[0][0] ^ 1]) + path[0][1:], *path[1:]]
        assert merkle.inclusion_root(index, size, leaf, wrong) != root
        assert not oracle.verify_inclusion(leaf, index, size, wrong, root)


@given(sizes, st.data())
def test_each_accepts_the_others_consistency_paths(size: int, data: st.DataObject) -> None:
    """For every older size; and neither accepts another root for it."""
    old = data.draw(st.integers(1, size))
    path = [tiles.range_hash(*span, held(size)) for span in merkle.consistency_ranges(old, size)]
    before, now = THEIRS.root(old), THEIRS.root(size)

    assert path == THEIRS.consistency_proof(old, size)
    assert merkle.is_consistent(old, before, size, now, path)
    assert oracle.verify_consistency(old, size, before, now, path)
    assert not merkle.is_consistent(old, bytes(32), size, now, path)
    assert not oracle.verify_consistency(old, size, bytes(32), now, path)


@given(st.binary(min_size=32, max_size=32), st.integers(1, 2**40), st.integers(0, 2**40))
def test_each_reads_the_others_signed_checkpoints(root: bytes, size: int, time: int) -> None:
    """Signed by the log and cosigned by a witness, over the same bytes; a changed one by neither."""
    log, witness = (Ed25519PrivateKey.from_private_bytes(bytes([n] * 31 + [7])) for n in (1, 2))
    signed = oracle.sign_checkpoint(oracle.Checkpoint(ORIGIN, size, root), log, ORIGIN)
    _, line = oracle.sign_cosignature(witness, WITNESS, time, ORIGIN, size, root)
    theirs = oracle.Note(text=signed.text, signatures=(*signed.signatures, line)).to_bytes()
    keys = [
        VerifierKey(ORIGIN, SIGNATURE, log.public_key().public_bytes_raw()),
        VerifierKey(WITNESS, COSIGNATURE, witness.public_key().public_bytes_raw()),
    ]
    text = checkpoint.Checkpoint(ORIGIN, size, root).text()
    raws = (log.sign(text.encode()), witness.sign(note.cosigned_message(time, text)))
    lines = (note.sign(keys[0], raws[0]), note.sign(keys[1], raws[1], time))

    assert note.Note(text, lines).encode() == theirs
    assert [one.key for one in note.verify(note.parse(theirs), keys)] == keys
    vkeys = [oracle.parse_vkey(key.text()) for key in keys]
    assert oracle.verify_checkpoint(oracle.parse_note(theirs), vkeys[0], vkeys[1:], 1).ok
    changed = theirs.replace(f"\n{size}\n".encode(), f"\n{size + 1}\n".encode(), 1)
    with pytest.raises(Malformed):
        note.verify(note.parse(changed), keys)
    assert not oracle.verify_checkpoint(oracle.parse_note(changed), vkeys[0]).ok


def test_a_receipt_of_the_service_stands_before_somebody_elses_code(service: Service) -> None:
    """Its entry is in the tree of its checkpoint, which the key of the served policy has signed."""
    made = service.choose("reject_all").json()
    read = receipt.decode(service.get(f"/receipts/{made['event_id']}").content)
    (line,) = (
        row.split()[1]
        for row in service.client.get("/log/policy").text.splitlines()
        if row.startswith("log ")
    )
    signed = oracle.parse_note(read.checkpoint)
    head, _ = oracle.checkpoint.checkpoint_from_note(signed)

    assert oracle.verify_checkpoint(signed, oracle.parse_vkey(line)).ok
    assert oracle.verify_leaf_inclusion(
        read.entry.encode(), read.index, head.size, read.path, head.root
    )
