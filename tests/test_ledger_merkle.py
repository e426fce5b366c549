"""The tree and its tiles, against the public vectors, the specification and a reference."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfire.ledger import Malformed
from holdfire.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_ranges,
    inclusion_ranges,
    inclusion_root,
    is_consistent,
    leaf_hash,
)
from holdfire.ledger.tiles import (
    ENTRIES,
    FULL,
    Tile,
    parse_path,
    range_hash,
    tiles_for,
    tiles_of,
)
from ledger_world import filler
from rfc6962 import Tree

VECTORS = json.loads((Path(__file__).parent / "vectors/ledger.json").read_text("utf-8"))

LARGE = 1000
TREE = Tree(filler(LARGE))
SIZES = st.one_of(st.integers(1, 40), st.integers(250, 260), st.integers(1, LARGE))

# merkletree/merkle_tree_test.cc of certificate-transparency.
PUBLIC_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
PUBLIC_ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
PUBLIC_INCLUSIONS = {
    (0, 1): (),
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
    (1, 5): (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
PUBLIC_CONSISTENCY = {
    (1, 1): (),
    (1, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}


def test_public_roots() -> None:
    """The frontier has the eight published roots, and the empty tree's."""
    frontier = Frontier()
    assert frontier.root() == EMPTY_ROOT
    for leaf, root in zip(PUBLIC_LEAVES, PUBLIC_ROOTS, strict=True):
        frontier = frontier.append(leaf_hash(leaf))
        assert frontier.root().hex() == root


@pytest.mark.parametrize("place", PUBLIC_INCLUSIONS)
def test_public_inclusion_proofs(place: tuple[int, int]) -> None:
    """Each published path leads to the root, and is the one that its ranges name."""
    index, size = place
    path = [bytes.fromhex(h) for h in PUBLIC_INCLUSIONS[place]]
    leaves = [leaf_hash(leaf) for leaf in PUBLIC_LEAVES]
    tree = Tree(leaves)

    assert inclusion_root(index, size, leaves[index], path).hex() == PUBLIC_ROOTS[size - 1]
    assert [tree.mth(*r) for r in inclusion_ranges(index, size)] == path


@pytest.mark.parametrize("sizes", PUBLIC_CONSISTENCY)
def test_public_consistency_proofs(sizes: tuple[int, int]) -> None:
    """Each published path proves its growth, and is the one that its ranges name."""
    old, new = sizes
    path = [bytes.fromhex(h) for h in PUBLIC_CONSISTENCY[sizes]]
    tree = Tree([leaf_hash(leaf) for leaf in PUBLIC_LEAVES])
    roots = [bytes.fromhex(root) for root in PUBLIC_ROOTS]

    assert is_consistent(old, roots[old - 1], new, roots[new - 1], path)
    assert [tree.mth(*r) for r in consistency_ranges(old, new)] == path


def test_the_frontier_grows_as_the_reference() -> None:
    """After each of a thousand leaves the root is the reference's."""
    frontier = Frontier()
    for size, leaf in enumerate(TREE.leaves, 1):
        frontier = frontier.append(leaf)
        assert frontier.size == size
        assert frontier.root() == TREE.mth(0, size)


@pytest.mark.parametrize(
    ("size", "hashes"), [(0, 1), (1, 0), (2, 2), (3, 1), (-1, 0), (-1, 1), (255, 7)]
)
def test_a_frontier_of_another_shape_is_refused(size: int, hashes: int) -> None:
    """A size and a number of subtrees that do not go together are malformed."""
    with pytest.raises(Malformed):
        Frontier(size, (EMPTY_ROOT,) * hashes)


def test_a_frontier_of_other_bytes_is_refused() -> None:
    """A subtree's hash that is not 32 bytes is malformed."""
    with pytest.raises(Malformed):
        Frontier(1, (b"short",))


@given(SIZES, st.data())
def test_every_leaf_is_proved(size: int, data: st.DataObject) -> None:
    """The ranges of a leaf are the reference's path, and lead to the root."""
    index = data.draw(st.integers(0, size - 1))
    path = [TREE.mth(*r) for r in inclusion_ranges(index, size)]

    assert path == TREE.path(index, 0, size)
    assert inclusion_root(index, size, TREE.leaves[index], path) == TREE.mth(0, size)


@given(SIZES, st.data())
def test_every_growth_is_proved(new: int, data: st.DataObject) -> None:
    """The ranges between two sizes are the reference's path, and prove it."""
    old = data.draw(st.integers(0, new))
    path = [TREE.mth(*r) for r in consistency_ranges(old, new)]

    assert path == (TREE.proof(old, 0, new) if old else [])
    assert is_consistent(old, TREE.mth(0, old), new, TREE.mth(0, new), path)


@given(SIZES, st.data())
def test_an_altered_inclusion_path_leads_elsewhere(size: int, data: st.DataObject) -> None:
    """One bit of leaf or path changed gives another root; a hash more or less is malformed."""
    index = data.draw(st.integers(0, size - 1))
    leaf, path = TREE.leaves[index], TREE.path(index, 0, size)
    at, bit = data.draw(st.integers(0, len(path))), data.draw(st.integers(0, 255))
    wrong = [leaf, *path]
    wrong[at] = flip(wrong[at], bit)

    assert inclusion_root(index, size, wrong[0], wrong[1:]) != TREE.mth(0, size)
    for length in ([*path, leaf], path[1:] if path else [leaf]):
        with pytest.raises(Malformed):
            inclusion_root(index, size, leaf, length)


@given(SIZES, st.data())
def test_an_altered_consistency_path_proves_nothing(new: int, data: st.DataObject) -> None:
    """One bit of either root or the path changed, a hash more or less, and nothing is proved."""
    old = data.draw(st.integers(1, new))
    hashes = [TREE.mth(0, old), TREE.mth(0, new), *(TREE.proof(old, 0, new))]
    at = data.draw(st.integers(0, len(hashes) - 1))
    wrong = list(hashes)
    wrong[at] = flip(wrong[at], data.draw(st.integers(0, 255)))

    assert not is_consistent(old, wrong[0], new, wrong[1], wrong[2:])
    assert not is_consistent(old, hashes[0], new, hashes[1], [*hashes[2:], EMPTY_ROOT])
    if len(hashes) > 2:
        assert not is_consistent(old, hashes[0], new, hashes[1], hashes[3:])
        assert not is_consistent(old, hashes[0], new, hashes[1], hashes[2:-1])


def test_growth_from_nothing_and_from_itself() -> None:
    """The empty tree and the tree itself are beginnings, by an empty path and no other."""
    root, other = TREE.mth(0, 7), TREE.mth(0, 8)
    assert is_consistent(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    assert is_consistent(0, EMPTY_ROOT, 7, root, [])
    assert is_consistent(7, root, 7, root, [])
    assert not is_consistent(0, root, 7, root, [])
    assert not is_consistent(0, root, 0, root, [])
    assert not is_consistent(0, EMPTY_ROOT, 7, root, [root])
    assert not is_consistent(7, root, 7, other, [])
    assert not is_consistent(7, root, 7, root, [root])
    assert not is_consistent(8, other, 7, root, [])
    assert not is_consistent(-1, EMPTY_ROOT, 7, root, [])
    assert not is_consistent(4, TREE.mth(0, 4), 8, other, [b"short"])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (8, 7)])
def test_a_leaf_outside_the_tree_is_refused(index: int, size: int) -> None:
    """There is neither a path nor ranges for it."""
    with pytest.raises(Malformed):
        inclusion_root(index, size, EMPTY_ROOT, [])
    with pytest.raises(Malformed):
        inclusion_ranges(index, size)


def test_a_tree_that_shrank_has_no_ranges() -> None:
    """A larger tree is no beginning of a smaller one."""
    with pytest.raises(Malformed):
        consistency_ranges(8, 7)


def test_the_tiles_of_the_specification() -> None:
    """A tree of 70,000 has the tiles that tlog-tiles counts, one of 256 those it names."""
    tiles = list(tiles_of(70_000))
    level_0 = [t for t in tiles if t.level == 0]
    assert [t.width for t in level_0] == [FULL] * 273 + [112]
    assert [t for t in tiles if t.level] == [Tile(1, 0), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_of(0)) == []


def test_the_paths_of_the_specification() -> None:
    """Index 1234067 is written in three elements."""
    assert Tile(0, 1_234_067).path() == "tile/0/x001/x234/067"
    assert Tile(ENTRIES, 1_234_067, 3).path() == "tile/entries/x001/x234/067.p/3"


@given(st.integers(ENTRIES, 63), st.integers(0, 2**63 - 1), st.integers(1, FULL))
def test_paths_are_read_back(level: int, index: int, width: int) -> None:
    """Every tile has one path, which names it."""
    tile = Tile(level, index, width)
    assert parse_path(tile.path()) == tile


@given(SIZES, st.data())
def test_proofs_come_out_of_tiles(size: int, data: st.DataObject) -> None:
    """The tiles that are named suffice for both proofs and for the root, and each is needed."""
    tiles = tiles_in(size)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    ranges = [*inclusion_ranges(index, size), *consistency_ranges(old, size), (0, size)]
    named = tiles_for(ranges, size)
    given_ = {(t.level, t.index): tiles[t] for t in named}

    assert all(t in tiles for t in named)
    assert [range_hash(*r, given_) for r in ranges] == [TREE.mth(*r) for r in ranges]
    for left_out in given_:
        rest = {key: body for key, body in given_.items() if key != left_out}
        with pytest.raises(Malformed):
            [range_hash(*r, rest) for r in ranges]


def test_the_empty_tree_needs_no_tiles() -> None:
    """Its root is known."""
    assert tiles_for([(0, 0)], 0) == ()
    assert range_hash(0, 0, {}) == EMPTY_ROOT


def test_a_tile_cut_short_is_refused() -> None:
    """A tile that lacks a hash, or bytes of one, gives no hash."""
    body = b"".join(TREE.leaves[:8])
    assert range_hash(0, 8, {(0, 0): body}) == TREE.mth(0, 8)
    for length in (255, 224, 0):
        with pytest.raises(Malformed):
            range_hash(0, 8, {(0, 0): body[:length]})


@pytest.mark.parametrize("case", VECTORS["trees"], ids=lambda c: c["size"])
def test_golden_roots(case: dict[str, str]) -> None:
    """The frontier has the root of every golden tree."""
    frontier = Frontier()
    for leaf in filler(int(case["size"])):
        frontier = frontier.append(leaf)
    assert frontier.root() == b64decode(case["root64"])


@pytest.mark.parametrize("case", VECTORS["inclusions"])
def test_golden_inclusions(case: dict[str, Any]) -> None:
    """A golden path leads to its root, or does not."""
    path, root = [b64decode(h) for h in case["path64"]], b64decode(case["root64"])
    try:
        found = inclusion_root(
            int(case["index"]), int(case["size"]), b64decode(case["leaf64"]), path
        )
    except Malformed:
        found = b""
    assert (found == root) == case["ok"]


@pytest.mark.parametrize("case", VECTORS["consistency"])
def test_golden_consistency(case: dict[str, Any]) -> None:
    """A golden path proves growth, or does not."""
    path = [b64decode(h) for h in case["path64"]]
    old_root, new_root = b64decode(case["old_root64"]), b64decode(case["new_root64"])
    proved = is_consistent(int(case["old"]), old_root, int(case["new"]), new_root, path)
    assert proved == case["ok"]


@pytest.mark.parametrize("case", VECTORS["tiles"], ids=lambda c: c["path"])
def test_golden_tiles(case: dict[str, Any]) -> None:
    """A golden path names its tile, or none."""
    if case["ok"]:
        tile = Tile(case["level"], int(case["index"]), case["width"])
        assert tile.path() == case["path"]
        assert parse_path(case["path"]) == tile
    else:
        with pytest.raises(Malformed):
            parse_path(case["path"])


@pytest.mark.parametrize(
    ("level", "index", "width"), [(-2, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)]
)
def test_a_tile_that_cannot_be_is_refused(level: int, index: int, width: int) -> None:
    """Level, index and width are within what a path can say."""
    with pytest.raises(Malformed):
        Tile(level, index, width)


@pytest.mark.parametrize(("level", "index", "size"), [(0, 0, 0), (0, 1, 256), (1, 0, 255)])
def test_a_tile_outside_the_tree_is_refused(level: int, index: int, size: int) -> None:
    """A tree has no tile of which it has not one hash."""
    with pytest.raises(Malformed):
        Tile.of(level, index, size)


def flip(data: bytes, bit: int) -> bytes:
    """Return the data with one bit changed."""
    return (int.from_bytes(data) ^ 1 << bit).to_bytes(len(data))


def tiles_in(size: int) -> dict[Tile, bytes]:
    """Return the bytes of every tile of a tree, as tlog-tiles defines them."""
    made = {}
    for tile in tiles_of(size):
        span = FULL**tile.level
        first = tile.index * FULL
        made[tile] = b"".join(
            TREE.mth(i * span, (i + 1) * span) for i in range(first, first + tile.width)
        )
    return made
