"""``holdfire verify``: receipts and checkpoints judged with no service and no database."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from holdfire import cli
from holdfire.ledger import note
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.ledger.entry import Entry, Kind, commit_evidence, commit_subject, tenant
from holdfire.ledger.merkle import Frontier, inclusion_ranges, leaf_hash
from holdfire.ledger.note import Note, VerifierKey
from holdfire.ledger.receipt import Block, Receipt
from holdfire.ledger.tiles import range_hash, tiles_for, tiles_of
from house import running

ORIGIN = "consent.example/log/2026"
MINUTE = 1_795_262_400_000  # 2026-11-21T12:00:00Z, in milliseconds
SIZE = 700  # entries: full tiles, partial ones, and a second level


class Log:
    """A log of our own making, whose entries differ from ``since`` on."""

    def __init__(self, seed: int = 1, origin: str = ORIGIN, since: int = SIZE) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(sha256(bytes([seed])).digest())
        public = self.key.public_key().public_bytes_raw()
        self.verifier = VerifierKey(origin, note.SIGNATURE, public)
        self.salt = bytes(range(32))
        self.entries = [self.entry(i, forked=i >= since) for i in range(SIZE)]
        self.leaves = [leaf_hash(entry.encode()) for entry in self.entries]

    @staticmethod
    def evidence(index: int, *, forked: bool = False) -> bytes:
        """What was chosen."""
        said = {"action": "reject_all" if forked else "save", "event": index, "site": "demo"}
        return json.dumps(said, separators=(",", ":")).encode()

    def entry(self, index: int, *, forked: bool) -> Entry:
        """One choice."""
        return Entry(
            Kind.CHOICE,
            0,
            MINUTE,
            tenant("demo"),
            commit_evidence(self.salt, self.evidence(index, forked=forked)),
            commit_subject(self.salt, b'{"visitor":"A"}'),
        )

    def checkpoint(self, size: int) -> bytes:
        """The log as it was signed at a size."""
        text = Checkpoint(self.verifier.name, size, self.root(0, size)).text()
        signature = note.sign(self.verifier, self.key.sign(text.encode()))
        return Note(text, (signature,)).encode()

    def root(self, start: int, width: int) -> bytes:
        """The root of a tree over some of the entries."""
        frontier = Frontier()
        for leaf in self.leaves[start:][:width]:
            frontier = frontier.append(leaf)
        return frontier.root()

    def tile(self, level: int, index: int, width: int) -> bytes:
        """The hashes of a tile."""
        if level == 0:
            return b"".join(self.leaves[index * 256 :][:width])
        return b"".join(self.root((index * 256 + i) * 256, 256) for i in range(width))

    def receipt(self, index: int, size: int = SIZE) -> bytes:
        """The receipt of an entry."""
        ranges = inclusion_ranges(index, size)
        tiles = {
            (t.level, t.index): self.tile(t.level, t.index, t.width)
            for t in tiles_for(ranges, size)
        }
        return Receipt(
            self.entries[index],
            Block(self.salt, self.evidence(index)),
            Block(self.salt, b'{"visitor":"A"}'),
            index,
            tuple(range_hash(lo, hi, tiles) for lo, hi in ranges),
            self.checkpoint(size),
        ).encode()

    def copy(self, folder: Path, *sizes: int) -> Path:
        """A folder with the tiles of the log, as it was at these sizes."""
        for tile in {tile for size in sizes or (SIZE,) for tile in tiles_of(size)}:
            path = folder / tile.path()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.tile(tile.level, tile.index, tile.width))
        return folder

    def policy(self, *more: str) -> bytes:
        """A policy that trusts this log and, unless told otherwise, asks for no witness."""
        rules = more or ("quorum none",)
        return "".join(f"{line}\n" for line in (f"log {self.verifier.text()}", *rules)).encode()


@pytest.fixture(scope="module")
def log() -> Log:
    """One log for all tests."""
    return Log()


def kept(folder: Path, **files: bytes) -> list[str]:
    """Files with these contents; their names."""
    for name, body in files.items():
        (folder / name).write_bytes(body)
    return [str(folder / name) for name in files]


def verify(*arguments: str) -> int:
    """Run the command."""
    return cli.main(["verify", *arguments])


WITNESS = VerifierKey("witness.example", note.COSIGNATURE, sha256(b"w").digest()).text()


def test_a_good_receipt_is_verified(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 0, the word, what was recorded and where."""
    receipt, policy = kept(tmp_path, receipt=log.receipt(517), policy=log.policy())

    assert verify("receipt", receipt, "--policy", policy) == 0
    said = capsys.readouterr().out
    assert said.startswith("verified\n")
    assert f"{ORIGIN}, entry 517 of {SIZE}" in said
    assert "save" in said


REFUTED: dict[str, Callable[[Log], bytes]] = {
    "another entry": lambda log: log.receipt(5).replace(b"\nindex 5\n", b"\nindex 6\n"),
    "a line cut off": lambda log: log.receipt(5)[:-1],
    "nothing": lambda _: b"",
    "not text": lambda _: bytes(range(256)),
    "another log's signature": lambda log: log.receipt(5).replace(
        log.checkpoint(SIZE), Log(since=0).checkpoint(SIZE)
    ),
}


@pytest.mark.parametrize("change", REFUTED)
def test_a_changed_receipt_is_refuted(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    """Exit 1, and a sentence that says why."""
    receipt, policy = kept(tmp_path, receipt=REFUTED[change](log), policy=log.policy())

    assert verify("receipt", receipt, "--policy", policy) == 1
    outcome, why, *more = capsys.readouterr().out.splitlines()
    assert (outcome, more) == ("refuted", [])
    assert why.endswith(".")


@pytest.mark.parametrize(
    "rules", [(f"witness w {WITNESS}", "quorum w"), None], ids=["no quorum", "another log"]
)
def test_what_the_policy_cannot_tell_is_undecided(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str], rules: Sequence[str] | None
) -> None:
    """Exit 3: neither a missing cosignature nor an unknown log is a lie."""
    policy = log.policy(*rules) if rules else Log(2, "other.example/log/2026").policy()
    names = kept(tmp_path, receipt=log.receipt(5), policy=policy)

    assert verify("receipt", names[0], "--policy", names[1]) == 3
    assert capsys.readouterr().out.startswith("undecided\n")


def test_a_verdict_is_told_to_programs(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--json`` has the outcome, its reason, and all that a verified receipt proves."""
    good, bad, policy = kept(
        tmp_path, good=log.receipt(0), bad=log.receipt(0)[:-1], policy=log.policy()
    )
    codes = [verify("receipt", file, "--policy", policy, "--json") for file in (good, bad)]
    verified, refuted = map(json.loads, capsys.readouterr().out.splitlines())

    assert codes == [0, 1]
    assert verified["outcome"] == verified["reason"] == "verified"
    assert verified["proved"]["origin"] == ORIGIN
    assert verified["proved"]["index"] == 0
    assert verified["proved"]["recorded"] == {"action": "save", "event": 0, "site": "demo"}
    assert verified["proved"]["subject_shown"] is True
    assert verified["proved"]["logs"] == [{"vkey": log.verifier.text()}]
    assert (refuted["outcome"], refuted["reason"], refuted["proved"]) == (
        "refuted",
        "malformed",
        None,
    )


class Stdin(TextIOWrapper):
    """Standard input with something in it."""

    def __init__(self, body: bytes) -> None:
        super().__init__(BytesIO(body))


def test_a_receipt_comes_from_standard_input(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``-`` is a file like any other, once."""
    (policy,) = kept(tmp_path, policy=log.policy())
    monkeypatch.setattr("sys.stdin", Stdin(log.receipt(9)))

    assert verify("receipt", "-", "--policy", policy) == 0
    assert verify("receipt", "-", "--policy", "-") == 2
    assert "standard input" in capsys.readouterr().err


def test_what_cannot_be_read_is_a_usage_error(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 for files that are missing and policies that are none: nothing was judged."""
    receipt, policy, broken = kept(
        tmp_path, receipt=log.receipt(9), policy=log.policy(), broken=b"quorum all\n"
    )

    assert verify("receipt", str(tmp_path / "gone"), "--policy", policy) == 2
    assert verify("receipt", receipt, "--policy", str(tmp_path)) == 2
    assert verify("receipt", receipt, "--policy", broken) == 2
    assert verify("consistency", receipt, receipt, "--policy", policy, "--tiles", "gone") == 2
    with pytest.raises(SystemExit) as stopped:
        verify("receipt", receipt)
    assert stopped.value.code == 2
    assert "gone" in capsys.readouterr().err


def test_what_was_recorded_cannot_control_the_terminal(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither a receipt's text nor the name of a log is written out as it is."""
    names = kept(
        tmp_path,
        old=b"\x1b[31m\n1\n\n",
        new=log.checkpoint(3),
        policy=log.policy(),
    )
    verify("consistency", *names[:2], "--policy", names[2], "--tiles", str(tmp_path))

    assert "\x1b" not in capsys.readouterr().out


def compared(folder: Path, old: bytes, new: bytes, policy: bytes, tiles: Path | str) -> int:
    """Compare two checkpoints."""
    names = kept(folder, old=old, new=new, policy=policy)
    return verify("consistency", *names[:2], "--policy", names[2], "--tiles", str(tiles))


SIZES = [(0, 700), (1, 700), (255, 256), (256, 257), (256, 700), (511, 512), (600, 700), (700, 700)]


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_a_log_that_only_grew_is_verified(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str], old: int, new: int
) -> None:
    """Exit 0 from the tiles of the newer checkpoint alone, in whichever order the two are named."""
    tiles = log.copy(tmp_path / "tiles", new)

    assert compared(tmp_path, log.checkpoint(old), log.checkpoint(new), log.policy(), tiles) == 0
    assert compared(tmp_path, log.checkpoint(new), log.checkpoint(old), log.policy(), tiles) == 0
    assert f"The first {old} of {new} entries" in capsys.readouterr().out


def test_the_full_tile_does_where_the_partial_one_is_gone(log: Log, tmp_path: Path) -> None:
    """A log may let go of partial tiles once the full one is there."""
    tiles = log.copy(tmp_path / "tiles", 300, SIZE)
    pair = (log.checkpoint(3), log.checkpoint(300))
    (tiles / "tile/0/001.p/44").unlink()

    assert compared(tmp_path, *pair, log.policy(), tiles) == 0
    (tiles / "tile/0/001").unlink()
    assert compared(tmp_path, *pair, log.policy(), tiles) == 3


@pytest.mark.parametrize("size", [1, 300, SIZE])
def test_two_histories_are_refuted(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str], size: int
) -> None:
    """Exit 1: the same key has signed two logs of one name, and here is the proof."""
    fork = Log(since=size - 1)
    tiles = fork.copy(tmp_path / "tiles")

    assert compared(tmp_path, log.checkpoint(size), fork.checkpoint(SIZE), log.policy(), tiles) == 1
    assert "Two histories" in capsys.readouterr().out


def test_tiles_of_something_else_decide_nothing(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3: whoever gives out wrong tiles cannot make a log look forked, nor a fork sound."""
    fork = Log(since=200)
    theirs, none = fork.copy(tmp_path / "theirs"), tmp_path / "none"
    none.mkdir()
    sound = (log.checkpoint(300), log.checkpoint(SIZE))
    forked = (log.checkpoint(300), fork.checkpoint(SIZE))

    assert compared(tmp_path, *sound, log.policy(), theirs) == 3
    assert compared(tmp_path, *sound, log.policy(), none) == 3
    assert compared(tmp_path, *forked, log.policy(), log.copy(tmp_path / "ours")) == 3
    assert capsys.readouterr().out.count("The tiles are not those of the newer checkpoint.") == 3


def test_checkpoints_are_judged_by_their_signatures_first(
    log: Log, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Refuted where a signature does not fit; undecided where the policy asks for somebody else."""
    tiles, old, new = log.copy(tmp_path / "tiles"), log.checkpoint(300), log.checkpoint(SIZE)
    other = Log(2, "other.example/log/2026")
    both = log.policy(f"log {other.verifier.text()}", "quorum none")

    assert compared(tmp_path, old, new.replace(b"\n700\n", b"\n699\n"), log.policy(), tiles) == 1
    assert compared(tmp_path, old, b"no checkpoint", log.policy(), tiles) == 1
    assert compared(tmp_path, old, new, other.policy(), tiles) == 3
    assert compared(tmp_path, old, other.checkpoint(SIZE), both, tiles) == 3
    asks = log.policy(f"witness w {WITNESS}", "quorum w")
    assert compared(tmp_path, old, new, asks, tiles) == 3
    assert compared(tmp_path, old, new, b"quorum all\n", tiles) == 2
    assert "other.example" not in capsys.readouterr().err


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder, and says nothing."""

    def do_GET(self) -> None:
        """Answer, but below ``/rude`` with what is no answer, and below ``/ill`` with an error."""
        if self.path.startswith("/rude"):
            self.wfile.write(b"\x1b[31mnonsense\r\n")
        elif self.path.startswith("/ill"):
            self.send_error(500)
        else:
            super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- its name there
        """Say nothing."""


@pytest.fixture
def served(log: Log, tmp_path: Path) -> Iterator[str]:
    """The log's tiles at an address, as a static file server has them."""
    folder = log.copy(tmp_path / "served", 300, SIZE)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_tiles_are_fetched_from_where_the_log_is_served(
    log: Log, served: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A URL does as well as a folder; one that does not answer is an error, not a verdict."""
    pair = (log.checkpoint(300), log.checkpoint(SIZE))

    assert compared(tmp_path, *pair, log.policy(), f"{served}/") == 0
    assert compared(tmp_path, *pair, log.policy(), f"{served}/elsewhere") == 3
    for address in (f"{served}/rude", f"{served}/ill", "http://127.0.0.1:1", "http://["):
        assert compared(tmp_path, *pair, log.policy(), address) == 2
        said = capsys.readouterr().err
        assert "cannot be read" in said
        assert "\x1b" not in said


def test_an_exported_log_verifies_without_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A receipt and an early checkpoint, judged by what ``holdfire log export`` wrote later."""
    with running(tmp_path) as service:
        event = service.choose("accept_all").json()["event_id"]
        receipt = service.get(f"/receipts/{event}").content
        early = service.client.get("/log/checkpoint").content
        service.choose("withdraw")
    monkeypatch.setenv("HOLDFIRE_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("HOLDFIRE_DATABASE", f"sqlite:///{tmp_path}/holdfire.db")
    copy = tmp_path / "copy"
    assert cli.main(["log", "export", str(copy)]) == 0
    files = kept(tmp_path, receipt=receipt, early=early)
    policy, later = str(copy / "policy"), str(copy / "checkpoint")
    capsys.readouterr()

    assert verify("receipt", files[0], "--policy", policy) == 0
    assert verify("consistency", files[1], later, "--policy", policy, "--tiles", str(copy)) == 0
    assert "accept_all" in capsys.readouterr().out
