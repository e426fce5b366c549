"""``holdfire log`` and ``holdfire keys``, run as operators run them."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfire.ledger import checkpoint, note, trust
from holdfire.ledger.merkle import Frontier, leaf_hash
from holdfire.ledger.tiles import Tile, tiles_of
from house import Clock, Service, running
from notaries import Ran, command, sql
from test_log_refusals import served


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Service]:
    """A running service with some choices, at the time the commands have."""
    with running(tmp_path, clock=Clock(time.time())) as service:
        served(service, 4)
        yield service


def run(service: Service | Path, *arguments: str) -> Ran:
    """``holdfire …`` with the settings of this service."""
    return command(service if isinstance(service, Path) else service.folder, *arguments)


def secrets_of(folder: Path) -> list[str]:
    """Every private half there is, as its file has it, and the visitor keys."""
    lines = [path.read_text().split("+", 4)[-1] for path in (folder / "var/log.keys").iterdir()]
    private = [line.splitlines()[0] for line in lines]
    return [*private, *(folder / "var/visitor.keys").read_text().split()]


def test_a_whole_log_passes_beside_the_running_service(instance: Service) -> None:
    """Exit 0, one sentence, and progress only on standard error."""
    ran = run(instance, "log", "fsck", "--full")

    assert (ran.returncode, ran.stdout) == (0, "The logs are whole.\n"), ran.stderr
    assert "of" in ran.stderr
    asked = run(instance, "log", "fsck", "--json")
    assert json.loads(asked.stdout) == {"count": 0, "findings": []}


def test_a_changed_byte_is_found_and_named(instance: Service) -> None:
    """Exit 1, a line for each finding; as JSON with log and index."""
    sql(instance.folder, "UPDATE evidence SET salt = zeroblob(32) WHERE log_index ="
        " (SELECT max(log_index) FROM evidence)")  # fmt: skip
    ran = run(instance, "log", "fsck")
    asked = json.loads(run(instance, "log", "fsck", "--json").stdout)

    assert ran.returncode == 1
    assert "entry" in ran.stdout
    assert asked["count"] == len(asked["findings"]) == 1
    assert set(asked["findings"][0]) == {"origin", "index", "what"}


def notes(folder: Path) -> list[dict[str, str]]:
    """What the operator has said in the log."""
    return [
        json.loads(body) for (body,) in sql(folder, "SELECT body FROM statement WHERE kind = 6")
    ]


def test_an_operator_may_say_something_in_the_log(tmp_path: Path) -> None:
    """While the service runs, which then says it, and while it does not; the log stays whole."""
    with running(tmp_path, clock=Clock(time.time())) as service:
        served(service, 1)
        asked = run(service, "log", "note", "--because", "The clock was wrong until noon.")
    alone = run(tmp_path, "log", "note", "--because", "  The power failed.  ")

    assert (asked.returncode, asked.stdout) == (0, "The note is in the log.\n"), asked.stderr
    assert (alone.returncode, alone.stdout) == (0, "The note is in the log.\n"), alone.stderr
    assert notes(tmp_path) == [
        {"because": text, "v": 1, "what": "noted"}
        for text in ("The clock was wrong until noon.", "The power failed.")
    ]
    assert run(tmp_path, "log", "fsck", "--full").returncode == 0


@pytest.mark.parametrize("text", ["", "  ", "x" * 2_001])
def test_a_note_says_something_and_not_too_much(tmp_path: Path, text: str) -> None:
    """Exit 2, and nothing is written."""
    ran = run(tmp_path, "log", "note", "--because", text)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert "1 to 2000 characters" in ran.stderr
    assert not (tmp_path / "holdfire.db").exists()


def test_status_says_how_far_the_logs_are_signed(instance: Service) -> None:
    """Size, root, the signed size and the keys."""
    shown = run(instance, "log", "status")
    status = json.loads(run(instance, "log", "status", "--json").stdout)

    assert shown.returncode == 0
    assert "Nothing is wrong" in shown.stdout
    (log,) = status["logs"]
    assert log["size"] == log["signed_size"] > 4
    assert log["keys"].endswith("signs")
    assert status["refused"] is None


def test_the_policy_file_is_the_one_that_is_served(instance: Service) -> None:
    """It parses, has a line for each key, and verifies the checkpoint."""
    printed = run(instance, "log", "policy").stdout
    policy = trust.parse(printed.encode())
    signed = note.parse(instance.client.get("/log/checkpoint").content)

    assert printed == instance.client.get("/log/policy").text
    assert note.verify(signed, policy.logs)


def test_an_export_holds_the_whole_tree(instance: Service, tmp_path: Path) -> None:
    """Entries, hashes and the checkpoint, as tlog-tiles names them: the root follows from them."""
    ran = run(instance, "log", "export", str(tmp_path / "out"))
    assert ran.returncode == 0, ran.stderr
    out = tmp_path / "out"
    signed = checkpoint.parse(note.parse((out / "checkpoint").read_bytes()).text)

    frontier = Frontier()
    bundle = (out / Tile.of(-1, 0, signed.size).path()).read_bytes()
    while bundle:
        length = int.from_bytes(bundle[:2])
        frontier = frontier.append(leaf_hash(bundle[2 : 2 + length]))
        bundle = bundle[2 + length :]
    assert frontier.root() == signed.root
    assert all(
        (out / tile.path()).stat().st_size == tile.width * 32 for tile in tiles_of(signed.size)
    )
    assert trust.parse((out / "policy").read_bytes()).logs


def test_two_checkpoints_are_compared_with_the_entries(instance: Service, tmp_path: Path) -> None:
    """In either order; one of another tree, which a key of ours signed, is found."""
    old, new, other = (tmp_path / name for name in ("old", "new", "other"))
    old.write_bytes(instance.client.get("/log/checkpoint").content)
    served(instance, 3)
    new.write_bytes(instance.client.get("/log/checkpoint").content)

    assert run(instance, "log", "consistency", str(old), str(new)).returncode == 0
    assert run(instance, "log", "consistency", str(new), str(old)).returncode == 0

    was = checkpoint.parse(note.parse(old.read_bytes()).text)
    text = checkpoint.Checkpoint(was.origin, was.size, bytes(32)).text()
    keys = instance.client.app.state.publisher._keys  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    other.write_bytes(note.Note(text, (keys.all[0].sign(text),)).encode())
    assert run(instance, "log", "consistency", str(other), str(new)).returncode == 1

    other.write_bytes(note.Note(text, (note.Signature("x", b"1234", bytes(64)),)).encode())
    assert run(instance, "log", "consistency", str(other), str(new)).returncode == 2


def test_a_log_with_nothing_wrong_is_not_left(tmp_path: Path) -> None:
    """Recovering is for a log that is refused; it says so and changes nothing."""
    with running(tmp_path, clock=Clock(time.time())) as service:
        served(service, 2)
    ran = run(tmp_path, "log", "recover", "--because", "to see")

    assert ran.returncode == 2
    assert "nothing is wrong" in ran.stderr


def test_a_recovery_is_told_in_the_new_log(tmp_path: Path) -> None:
    """Which log was left, what was signed of it, what was found, and why; under a new key."""
    with running(tmp_path, clock=Clock(time.time())) as service:
        served(service, 4)
        was = checkpoint.parse(note.parse(service.client.get("/log/checkpoint").content).text)
    sql(tmp_path, "UPDATE head SET root = zeroblob(32), beat = beat + 1")
    ran = run(tmp_path, "log", "recover", "--because", "a disk was exchanged")
    assert ran.returncode == 0, ran.stderr

    ((body,),) = sql(tmp_path, "SELECT body FROM statement WHERE kind = 6")
    said = json.loads(body)
    assert said["because"] == "a disk was exchanged"
    assert said["left"] == {"origin": was.origin, "size": was.size, "root": bytes(32).hex()}
    assert said["signed"] == {"origin": was.origin, "size": was.size, "root": was.root.hex()}
    assert said["found"]
    with running(tmp_path, clock=Clock(time.time())) as service:
        served(service, 1)
        signed = checkpoint.parse(note.parse(service.client.get("/log/checkpoint").content).text)
        policy = trust.parse(service.client.get("/log/policy").content)
    assert signed.origin == f"{was.origin}-2"
    assert [len(policy.keys_of(origin)) for origin in (was.origin, signed.origin)] == [1, 1]
    assert policy.keys_of(was.origin)[0].public != policy.keys_of(signed.origin)[0].public

    listed = json.loads(run(tmp_path, "keys", "list", "--json").stdout)["log"]
    assert [key["state"] for key in listed] == ["verifies only", "signs"]


def test_recovering_again_never_takes_a_name_that_was_used(tmp_path: Path) -> None:
    """The copy from before the first recovery comes back: its second log has a third name."""
    with running(tmp_path, clock=Clock(time.time())) as service:
        served(service, 2)
    (tmp_path / "first.db").write_bytes((tmp_path / "holdfire.db").read_bytes())
    origins = []
    for _ in range(3):
        (tmp_path / "holdfire.db").write_bytes((tmp_path / "first.db").read_bytes())
        sql(tmp_path, "UPDATE head SET root = zeroblob(32), beat = beat + 1")
        ran = run(tmp_path, "log", "recover", "--because", "again")
        assert ran.returncode == 0, ran.stderr
        with running(tmp_path, clock=Clock(time.time())) as service:
            served(service, 2)
            origins.append(service.client.get("/log/checkpoint").text.split("\n")[0])

    assert len(set(origins)) == 3


def test_keys_are_rotated_and_retired_beside_the_running_service(instance: Service) -> None:
    """Two keys sign until the old one is retired; no secret is ever printed."""
    listed = json.loads(run(instance, "keys", "list", "--json").stdout)
    assert [key["state"] for key in listed["log"]] == ["signs"]
    assert [key["state"] for key in listed["visitor_tokens"]] == ["signs"]

    said = [run(instance, "keys", "rotate")]
    served(instance, 1)
    assert instance.client.get("/log/checkpoint").text.count("— ") == 2
    hidden = secrets_of(instance.folder)
    assert len(hidden) == 3

    said.append(run(instance, "keys", "retire", listed["log"][0]["id"]))
    served(instance, 1)
    assert instance.client.get("/log/checkpoint").text.count("— ") == 1
    said += [run(instance, "keys", "list"), run(instance, "keys", "list", "--json")]
    assert all(ran.returncode == 0 for ran in said), [ran.stderr for ran in said]
    printed = "".join(ran.stdout + ran.stderr for ran in said)
    assert not any(secret in printed for secret in hidden)
    assert run(instance, "log", "fsck").returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [("retire", "00000000"), ("rotate", "--log", "nowhere/log/2026"), ("retire", "../../etc")],
)
def test_a_key_that_is_not_there_is_an_error_of_use(
    instance: Service, arguments: tuple[str, ...]
) -> None:
    """Exit 2 and one line."""
    ran = run(instance, "keys", *arguments)

    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
