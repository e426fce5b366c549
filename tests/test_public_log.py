"""The public log, followed from outside with nothing but HTTP: C2SP tlog-tiles."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from holdfire.ledger import checkpoint, merkle, note, receipt, tiles, trust
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.ledger.verdict import judge
from house import Service, running

IMMUTABLE = "public, max-age=31536000, immutable"


def reference_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, as it is written there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = reference_root(leaves[:k]), reference_root(leaves[k:])
    return hashlib.sha256(b"\x01" + left + right).digest()


class Follower:
    """Somebody who follows a log at its prefix, and trusts the keys they were given."""

    def __init__(self, service: Service, prefix: str = "/log/2026") -> None:
        self.client = service.client
        self.prefix = prefix
        self.trusted = trust.parse(self.client.get(f"{prefix}/policy").content)

    def get(self, path: str) -> httpx2.Response:
        """What is below the prefix."""
        return self.client.get(f"{self.prefix}/{path}")

    def checkpoint(self) -> Checkpoint:
        """The newest checkpoint, its signature verified."""
        signed = note.parse(self.get("checkpoint").content)
        head = checkpoint.parse(signed.text)
        assert note.verify(signed, self.trusted.keys_of(head.origin))
        return head

    def tile(self, tile: tiles.Tile) -> bytes:
        """A tile, which has to be there."""
        answer = self.get(tile.path())
        assert answer.status_code == 200, tile.path()
        assert len(answer.content) == tile.width * 32
        return answer.content

    def leaves(self, size: int) -> list[bytes]:
        """The hashes of the first entries."""
        level = [self.tile(t) for t in tiles.tiles_of(size) if t.level == 0]
        return [tile[i : i + 32] for tile in level for i in range(0, len(tile), 32)]


@pytest.fixture
def follower(service: Service) -> Follower:
    """Somebody who follows the log of the service from its first choice on."""
    grown(service, 1)
    return Follower(service)


def grown(service: Service, choices: int) -> list[dict[str, Any]]:
    """Choices of as many visitors, signed for by the time this returns."""
    made = []
    for _ in range(choices):
        service.client.cookies.clear()
        made.append(service.choose("reject_all").json())
    proof_of(service, made[-1])
    return made


def proof_of(service: Service, made: dict[str, Any]) -> receipt.Receipt:
    """The receipt of a choice, which waits for its checkpoint."""
    headers = {"authorization": f"Bearer {made['token']}"}
    return receipt.decode(service.get(f"/receipts/{made['event_id']}", headers=headers).content)


@dataclass
class Grown:
    """A log of some height, and what somebody saw of it while it grew."""

    service: Service
    follower: Follower
    made: list[dict[str, Any]]
    seen: list[Checkpoint]
    leaves: list[bytes]

    @property
    def head(self) -> Checkpoint:
        """The newest checkpoint."""
        return self.seen[-1]


@pytest.fixture(scope="module")
def tall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grown]:
    """One log with full tiles and two levels, for all who only look."""
    with running(tmp_path_factory.mktemp("log")) as service:
        made, seen = grown(service, 1), []
        follower = Follower(service)
        for count in (1, 2, 5, 1, 245, 1, 10):
            made += grown(service, count)
            seen.append(follower.checkpoint())
        yield Grown(service, follower, made, seen, follower.leaves(seen[-1].size))


def test_the_tiles_of_a_checkpoint_hash_to_its_root(tall: Grown) -> None:
    """Every tile of every level is there, and all of them make the tree that was signed."""
    assert tall.head.size > 256
    assert reference_root(tall.leaves) == tall.head.root
    for tile in tiles.tiles_of(tall.head.size):
        if tile.level == 1:
            below = [reference_root(tall.leaves[i * 256 :][:256]) for i in range(tile.width)]
            assert tall.follower.tile(tile) == b"".join(below)


def test_every_receipt_is_in_the_tree_that_is_public(tall: Grown) -> None:
    """The leaf of each receipt stands in the tiles at its index, and each is verified."""
    policy = tall.follower.get("policy").content
    for made in tall.made:
        proof = proof_of(tall.service, made)

        assert proof.index == made["log_index"]
        assert tall.leaves[proof.index] == merkle.leaf_hash(proof.entry.encode())
        assert proof.head()[0] == tall.head
        assert judge(proof.encode(), policy).outcome == "verified"


def test_every_two_checkpoints_are_of_one_log(tall: Grown) -> None:
    """Each checkpoint that was ever seen is a beginning of each later one."""
    assert len({head.size for head in tall.seen}) == len(tall.seen)
    for i, old in enumerate(tall.seen):
        assert reference_root(tall.leaves[: old.size]) == old.root
        for new in tall.seen[i:]:
            ranges = merkle.consistency_ranges(old.size, new.size)
            wanted = tiles.tiles_for(ranges, new.size)
            found = {(t.level, t.index): tall.follower.tile(t) for t in wanted}
            path = [tiles.range_hash(lo, hi, found) for lo, hi in ranges]
            assert merkle.is_consistent(old.size, old.root, new.size, new.root, path)


def test_a_full_tile_is_served_at_every_width_it_had(tall: Grown) -> None:
    """Whoever holds an older checkpoint finds its tree; each is the beginning of the full one."""
    full = tall.follower.tile(tiles.Tile(0, 0))

    for width in (1, 112, 255):
        assert tall.follower.tile(tiles.Tile(0, 0, width)) == full[: width * 32]


def test_the_answers_are_as_tlog_tiles_lays_down(service: Service, follower: Follower) -> None:
    """Content types and caching; any page may read, and none with a visitor's credentials."""
    kinds = {
        "checkpoint": ("text/plain; charset=utf-8", "public, max-age=1"),
        "tile/0/000.p/1": ("application/octet-stream", IMMUTABLE),
        "policy": ("text/plain; charset=utf-8", "public, max-age=300"),
    }
    for path, (media_type, cache) in kinds.items():
        for prefix in ("/log", "/log/2026"):
            answer = service.client.get(
                f"{prefix}/{path}", headers={"origin": "https://any.example"}
            )
            assert answer.status_code == 200
            assert answer.headers["content-type"] == media_type
            assert answer.headers["cache-control"] == cache
            assert answer.headers["access-control-allow-origin"] == "*"
            assert "access-control-allow-credentials" not in answer.headers
            assert "set-cookie" not in answer.headers
            assert "vary" not in answer.headers
    assert follower.get("checkpoint").text.startswith("localhost/log/2026\n")


def test_nothing_is_served_that_no_checkpoint_covers(service: Service, follower: Follower) -> None:
    """Neither entries that were not signed, nor full tiles that are not full, nor empty ones."""
    head = follower.checkpoint()
    beyond = [
        tiles.Tile(0, 0, head.size + 1).path(),
        tiles.Tile(0, 0).path(),
        tiles.Tile(0, 1, 1).path(),
        tiles.Tile(1, 0, 1).path(),
        tiles.Tile(63, 0, 1).path(),
        tiles.Tile(0, 2**54, 1).path(),
    ]

    assert service.client.get("/log/2026/tile/0/000.p/1").status_code == 200
    for path in beyond:
        answer = follower.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["cache-control"] == "no-store"


NO_TILES = [
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/01",
    "tile/0/000.p/-1",
    "tile/0/000.p/1/",
    "tile/0/000.p/",
    "tile/0/000.p",
    "tile/0/000/",
    "tile/0/0",
    "tile/0/00",
    "tile/0/0000",
    "tile/0/x000/000.p/1",
    "tile/0/X000/000.p/1",
    "tile/00/000.p/1",
    "tile/64/000.p/1",
    "tile/-1/000.p/1",
    "tile/+0/000.p/1",
    "tile//0/000.p/1",
    "tile/0//000.p/1",
    "tile/0/000.P/1",
    "tile/0/000.p/1.css",
    "tile/0/000.p/%31",
    "tile/%30/000.p/1",
    "tile/0/000.p/1%0a",
    "tile/0/\u0660\u0660\u0660.p/1",
    "tile/0/" + "x999/" * 200 + "999.p/1",
    "tile/",
    "tile",
    "tile/checkpoint",
    "checkpoint/",
    "checkpoint%0a",
    "checkpoin%74",
    "",
]


def test_paths_are_written_in_one_way(follower: Follower) -> None:
    """What only resembles a path of the log is none: no cache gets a second name for a tile."""
    assert follower.get("tile/0/000.p/1").status_code == 200
    for path in NO_TILES:
        answer = follower.get(path)
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store"), path


def test_the_log_takes_no_query(follower: Follower) -> None:
    """There is nothing to ask but the path."""
    for path in ("checkpoint", "tile/0/000.p/1", "policy"):
        assert follower.get(f"{path}?").status_code == 200
        for query in ("?x=1", "?checkpoint", "?geo=DE"):
            assert follower.get(path + query).status_code == 400, path + query


def test_entries_are_not_public(follower: Follower) -> None:
    """They tell when somebody chose something; auditors are given them by the operator."""
    for path in ("tile/entries/000", "tile/entries/000.p/1"):
        assert follower.get(path).status_code == 404


def test_there_are_no_other_logs(service: Service, follower: Follower) -> None:
    """Only a log's own name is its prefix."""
    assert follower.get("checkpoint").status_code == 200
    for name in ("2025", "2026-2", "02026", "log", "tile", "2026%2F", "*", "localhost/log/2026"):
        for path in ("checkpoint", "policy", "tile/0/000.p/1"):
            answer = service.client.get(f"/log/{name}/{path}")
            assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store"), name


def test_each_year_has_its_log_and_the_old_one_stays(service: Service, follower: Follower) -> None:
    """`/log` is the present one; the last checkpoint of the other covers all of it."""
    (last,) = grown(service, 1)
    before = follower.checkpoint()
    service.clock.forward(days=60)
    grown(service, 3)
    present = Follower(service, "/log")

    assert present.checkpoint().origin == "localhost/log/2027"
    assert Follower(service, "/log/2027").checkpoint().origin == "localhost/log/2027"
    head = follower.checkpoint()
    assert (head.origin, head.size) == ("localhost/log/2026", before.size)
    assert reference_root(follower.leaves(head.size)) == head.root
    assert proof_of(service, last).head()[0] == head
    assert {key.name for key in present.trusted.logs} >= {
        "localhost/log/2026",
        "localhost/log/2027",
    }


def test_the_policy_names_the_log_and_asks_for_no_witness(
    service: Service, follower: Follower
) -> None:
    """Read strictly, it trusts this log, and without witnesses configured nobody else."""
    del service
    assert follower.trusted.keys_of("localhost/log/2026")
    assert follower.trusted.quorum is None
    assert not follower.trusted.witnesses


def test_the_log_tells_nothing_of_visitors(service: Service, follower: Follower) -> None:
    """Hashes only: neither pseudonym nor site nor act is to be found in what is public."""
    made = grown(service, 3)
    head = follower.checkpoint()
    public = b"".join(
        [
            follower.get("checkpoint").content,
            follower.get("policy").content,
            *(follower.tile(tile) for tile in tiles.tiles_of(head.size)),
        ]
    )

    for one in made:
        raw = base64.urlsafe_b64decode(one["visitor"] + "==")
        for secret in (one["visitor"].encode(), raw, one["event_id"].encode(), b"demo"):
            assert secret not in public
