"""A log that is not the one that was signed: pages are served, nothing is granted or recorded."""

import logging
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfire.errors import ConfigError
from holdfire.ledger import verdict
from holdfire.notary.publisher import Publisher
from holdfire.store.sqlite import SqliteStore
from house import NOON, Clock, Service, running
from notaries import ORIGIN, command, copy, put_back, sql, world
from stores import act

MS = int(NOON * 1000)


def is_refused(service: Service, why: str) -> None:
    """Everything that needs no record is served; all else is denied, and says why once."""
    assert service.client.get("/s/demo.js").status_code == 200
    assert service.get("/notice").status_code == 200
    assert service.client.get("/healthz").status_code == 200

    decision = service.get("/decision?category=marketing")
    assert decision.status_code == 503
    assert (decision.json()["allow"], decision.json()["source"]) == (False, "degraded")

    for answer in (service.choose("reject_all"), service.client.get("/readyz")):
        assert answer.status_code == 503
        error = answer.json()["error"]
        assert error["code"] == "log_refused"
        assert int(answer.headers["retry-after"]) > 0
        assert why in error["message"]
        assert error["message"].endswith(".")
        for inside in (str(service.folder), "SELECT", "sqlite", ".db"):
            assert inside not in error["message"]


def remedies(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The error lines that name what to run."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.ERROR and "holdfire log recover" in record.getMessage()
    ]


def present() -> Clock:
    """The machine's own time, which the commands have too."""
    return Clock(time.time())


def served(service: Service, count: int) -> None:
    """So many choices, all of them signed."""
    for _ in range(count):
        service.client.cookies.clear()
        assert service.choose("accept_all").status_code == 201
    assert service.client.portal is not None
    publisher: Publisher = service.client.app.state.publisher  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    service.client.portal.call(publisher.step)


def test_an_old_copy_of_the_database_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """100 choices, a copy, 50 more, the copy put back: it lacks what was signed."""
    with running(tmp_path) as service:
        served(service, 100)
        copy(tmp_path, "backup.db")
        served(service, 50)
    put_back(tmp_path, "backup.db")
    with running(tmp_path) as service:
        is_refused(service, "it was brought back from an old copy")
    assert len(remedies(caplog)) == 1


def grown_fork(folder: Path) -> None:
    """An old copy that other acts were appended to, until it was as long as the log and longer."""
    anchor = (folder / "var/anchor.json").read_bytes()
    put_back(folder, "backup.db")
    (folder / "var/anchor.json").unlink()
    sql(folder, "DELETE FROM checkpoint")
    with running(folder, clock=present()) as service:
        served(service, 12)
    (folder / "var/anchor.json").write_bytes(anchor)


def other_root(folder: Path) -> None:
    """Another root in the head, at the same size."""
    sql(folder, "UPDATE head SET root = zeroblob(32), beat = beat + 1")


def taken_away(folder: Path) -> None:
    """No database: a new one is made in its place."""
    for path in folder.glob("holdfire.db*"):
        path.unlink()


def no_anchor(folder: Path) -> None:
    """The anchor is gone, and the database holds what was signed."""
    (folder / "var/anchor.json").unlink()


def no_keys(folder: Path) -> None:
    """The keys are gone with their folder."""
    shutil.rmtree(folder / "var/log.keys")


def torn_anchor(folder: Path) -> None:
    """Half of the anchor."""
    path = folder / "var/anchor.json"
    path.write_bytes(path.read_bytes()[:200])


def forged_anchor(folder: Path) -> None:
    """The anchor of another instance, which keys of its own signed."""
    (folder / "other").mkdir()
    with running(folder / "other", clock=present()) as service:
        served(service, 5)
    shutil.copy(folder / "other/var/anchor.json", folder / "var/anchor.json")


def torn_entry(folder: Path) -> None:
    """A byte of a recent entry."""
    sql(folder, "UPDATE entry SET body = CAST(substr(body, 1, 99) || x'07' || substr(body, 101)"
        " AS BLOB) WHERE log_index = 7")  # fmt: skip


def forged_checkpoint(folder: Path) -> None:
    """A checkpoint that no key of ours signed."""
    sql(folder, "UPDATE checkpoint SET note = CAST(replace(CAST(note AS TEXT), '— localhost', "
        "'— elsewhere') AS BLOB)")  # fmt: skip


BROKEN: dict[Callable[[Path], None], str] = {
    grown_fork: "not those that were signed",
    other_root: "not those that were signed",
    taken_away: "The database is empty",
    no_anchor: "the anchor does not know of it",
    no_keys: "not signed by a key of this instance",
    torn_anchor: "The anchor is damaged",
    forged_anchor: "not signed by a key of this instance",
    torn_entry: "do not make up its root",
    forged_checkpoint: "not signed by a key of this instance",
}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_whatever_is_not_as_it_was_signed_is_refused(
    tmp_path: Path, broken: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    """The start goes well, nothing is recorded, one line names the remedy, and it recovers."""
    with running(tmp_path, clock=present()) as service:
        served(service, 5)
        copy(tmp_path, "backup.db")
        served(service, 5)
    broken(tmp_path)
    caplog.clear()
    with running(tmp_path, clock=present()) as service:
        is_refused(service, BROKEN[broken])
    assert len(remedies(caplog)) == 1

    found = command(tmp_path, "log", "fsck")
    assert found.returncode == (2 if broken is taken_away else 1), found.stdout
    ran = command(tmp_path, "log", "recover", "--because", "a test broke it")
    assert ran.returncode == 0, ran.stderr
    with running(tmp_path, clock=present()) as service:
        assert service.client.get("/readyz").status_code == 200
        served(service, 3)


def test_an_anchor_from_the_future_is_refused(tmp_path: Path) -> None:
    """A clock that was ten minutes ahead, and is right again."""
    clock = Clock(NOON + 600)
    with running(tmp_path, clock=clock) as service:
        served(service, 2)
    with running(tmp_path) as service:
        is_refused(service, "later than the clock")


def test_a_copy_that_was_put_back_is_refused_without_a_restart(tmp_path: Path) -> None:
    """A database that is exchanged under the running service is looked at before it is believed."""
    with running(tmp_path) as service:
        served(service, 3)
        copy(tmp_path, "backup.db")
        served(service, 3)
        put_back(tmp_path, "backup.db")

        assert service.client.get("/readyz").status_code == 503
        assert service.choose("accept_all").status_code == 503


def test_receipts_hold_before_during_and_after_a_rotation(tmp_path: Path) -> None:
    """Under the policy file of the end all verify; the retired key is in it, and signs no more."""
    with running(tmp_path) as service:
        keys = service.client.app.state.publisher._keys  # type: ignore[attr-defined]  # the client types it as any ASGI callable
        receipts = [receipt(service)]
        (old,) = keys.signing(ORIGIN)
        first_policy = service.client.get("/log/policy").content
        keys.rotate(ORIGIN)
        receipts.append(receipt(service))
        keys.retire(old.id)
        receipts.append(receipt(service))
        policy = service.client.get("/log/policy").content

    assert [verdict.judge(one, policy).outcome for one in receipts] == ["verified"] * 3
    under_the_old = [verdict.judge(one, first_policy).outcome for one in receipts]
    assert under_the_old == ["verified", "verified", "undecided"] or (
        under_the_old[:2] == ["verified"] * 2 and under_the_old[2] != "verified"
    )
    assert old.verifier.text().encode() in policy


def receipt(service: Service) -> bytes:
    """The receipt of a new choice, signed by the keys there are now."""
    served(service, 1)  # what changed of the keys is told and signed
    chosen = service.choose("accept_all").json()
    answer = service.get(f"/receipts/{chosen['event_id']}")
    assert answer.status_code == 200, answer.text
    return bytes(answer.content)


# ---------------------------------------------------------------- one writer


async def test_one_connection_writes_and_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All others are read-only: SQLite before 3.51.3 loses commits to a second checkpointer."""
    opened: list[str] = []
    real = sqlite3.connect

    def connect(database: str, *arguments: Any, **more: Any) -> Any:
        opened.append(database)
        return real(database, *arguments, **more)

    monkeypatch.setattr(sqlite3, "connect", connect)  # which aiosqlite calls too
    async with world(tmp_path) as running_:
        await running_.grow(3)
        await running_.store.history("demo", act("x").visitor, 3)
        assert [record async for record in running_.store.scan()]
        await running_.store.heads()

    assert opened
    assert sum("mode=ro" not in uri for uri in opened) == 1


async def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    """Also one of the same process, and the commands that write."""
    async with world(tmp_path) as opened:
        await opened.grow(1)
        with pytest.raises(ConfigError, match="another process is writing"):
            await SqliteStore.open(tmp_path / "holdfire.db")
        ran = command(tmp_path, "log", "recover", "--because", "it runs")
        assert ran.returncode == 2
        assert "another process is writing" in ran.stderr


async def test_a_clock_that_jumps_leaves_the_log_in_order(tmp_path: Path) -> None:
    """An hour back, a year on, standing still: times in the log never decrease, and all is signed."""
    async with world(tmp_path) as opened:
        for seconds in (0, -3_600, 3_600, 0, 30 * 86_400, -86_400, 86_400):
            opened.clock.forward(seconds=seconds)
            await opened.grow(2, f"after {seconds}")
        times = [record.recorded_ms async for record in opened.store.scan()]
        assert times == sorted(times)
        (head,) = await opened.store.heads()
        assert (await opened.signed()).size == head.size
        assert opened.refused is None
