"""``holdfire records show``: one act in plain words, and whether the log holds it to be so."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from holdfire import cli
from holdfire.record import Erasure
from holdfire.store.sqlite import SqliteStore
from house import NOON, STATED, demo_site, running

Show = Callable[..., tuple[int, str]]


@pytest.fixture
def show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Show:
    """The command, over the service of this test: exit code and all that was printed."""
    monkeypatch.setenv("HOLDFIRE_DATABASE", f"sqlite:///{tmp_path}/holdfire.db")
    monkeypatch.setenv("HOLDFIRE_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = cli.main(["records", "show", *arguments])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.fixture
def event(tmp_path: Path) -> str:
    """An act in Germany, by a browser that sends GPC."""
    with running(tmp_path) as service:
        choice = service.choice("reject_all", language="de")
        service.post(choice, query="?geo=DE", headers={"sec-gpc": "1"})
    return str(choice["event_id"])


def tampered(folder: Path, statement: str) -> None:
    """Somebody with the database's own shell changes rows, and knows how."""
    connection = sqlite3.connect(folder / "holdfire.db", isolation_level=None)
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (name,) in names:
        connection.execute(f"DROP TRIGGER {name}")
    changed = connection.execute(statement).rowcount
    connection.close()
    assert changed


def test_an_act_is_told_in_plain_words(event: str, show: Show) -> None:
    """What, when, where, under which law and words, with which signals, and its place in the log."""
    code, told = show(event)

    assert code == 0
    for line in (
        f"{event} at site demo",
        "recorded         2026-11-21T12:00:00Z, number 1 of the visitor",
        "act              reject_all, with reject_all, in the first layer",
        "categories       analytics no, functional no, marketing no",
        "law              de (opt_in), by country",
        "where            DE, from override, confidence high",
        "signals          GPC on, DNT not said",
        "language         de",
        f"notice           {demo_site().version}",
        f"localhost/log/2026, index {STATED} of {STATED + 1} entries, signed",
        "Everything matches.",
    ):
        assert line in told
    assert "  NO  " not in told


def test_an_act_is_told_as_json(event: str, show: Show) -> None:
    """The blocks as they are stored, and each check by its name."""
    code, told = show(event, "--site", "demo", "--json")
    answer = json.loads(told)

    assert code == 0
    assert answer["matches"] is True
    assert answer["evidence"]["event_id"] == answer["event_id"] == event
    assert answer["subject"]["address_prefix"] == "198.18.4.0/24"
    assert [check["what"] for check in answer["checks"]] == [
        "place in the log",
        "entry",
        "evidence",
        "subject",
        "record",
        "texts",
        "configuration",
        "SDK build",
        "boot script",
        "publication",
    ]


@pytest.mark.parametrize("more", [(), ("--site", "demo"), ("--site", "nobody"), ("--json",)])
def test_an_act_that_is_not_known_is_a_usage_error(
    event: str, show: Show, more: tuple[str, ...]
) -> None:
    """Exit code 2, and one line that says so."""
    code, told = show("00000000-0000-4000-8000-000000000000", *more)

    assert event
    assert code == 2
    assert "no act '00000000-0000-4000-8000-000000000000' is recorded" in told


EDITED = "UPDATE {} SET body = CAST(replace(CAST(body AS TEXT), '{}', '{}') AS BLOB)"
TAMPERED = {
    "evidence": EDITED.format("evidence", "reject_all", "accept_all"),
    "subject": "UPDATE subject SET sealed = CAST(substr(sealed, 1, 90) || x'00' AS BLOB)",
    "entry": "UPDATE entry SET body = zeroblob(128)",
    "place in the log": "UPDATE entry SET body = CAST(substr(body, 1, 127) || x'00' AS BLOB)",
    "texts": "UPDATE artefact SET body = x'00' WHERE kind = 'texts'",
    "configuration": "UPDATE artefact SET body = x'00' WHERE kind = 'config'",
    "SDK build": "DELETE FROM artefact WHERE kind = 'sdk'",
    "boot script": "UPDATE artefact SET body = x'00' WHERE kind = 'boot'",
    "publication": EDITED.format("statement", "config", "konfig") + " WHERE kind = 4",
    "record": "UPDATE record SET seq = 2",
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_tampered_with_is_named(event: str, show: Show, tmp_path: Path, what: str) -> None:
    """Evidence, entry, statement, row or a kept artefact: exit code 1, and which it is."""
    tampered(tmp_path, TAMPERED[what])
    code, told = show(event, "--json")
    answer = json.loads(told)

    assert code == 1
    assert answer["matches"] is False
    assert what in {check["what"] for check in answer["checks"] if check["holds"] is False}


def test_nothing_else_is_named(event: str, show: Show, tmp_path: Path) -> None:
    """An altered artefact leaves the record as good as it was, and nothing is drawn from it."""
    tampered(tmp_path, TAMPERED["boot script"])
    code, told = show(event, "--render", str(tmp_path / "out.png"))

    assert code == 1
    assert told.count("  NO  ") == 1
    assert "NO  boot script       what is kept is not what had SHA-256" in told
    assert "it cannot be shown again without what is gone: boot" in told
    assert not (tmp_path / "out.png").exists()


def test_a_picture_that_cannot_be_written_is_a_usage_error(event: str, show: Show) -> None:
    """Exit code 2, and a line that names the file."""
    code, told = show(event, "--render", "/no/such/folder/seen.png")

    assert code == 2
    assert "/no/such/folder/seen.png: No such file or directory" in told


def test_what_was_erased_contradicts_nothing(event: str, show: Show, tmp_path: Path) -> None:
    """Without its subject the record is told, and the rest of it still matches."""
    erased(tmp_path)
    code, told = show(event)

    assert code == 0
    assert "visitor          gone" in told
    assert f"--  subject           was erased: the tombstone is at index {STATED + 1}" in told
    assert "Everything matches." in told


def erased(folder: Path) -> None:
    """Erase the subjects of the demo site."""

    async def erase() -> None:
        store = await SqliteStore.open(folder / "holdfire.db")
        await store.erase(Erasure("subject", "request", int(NOON * 1000), "demo"))
        await store.close()

    asyncio.run(erase())


def test_a_page_that_lagged_behind_is_told(show: Show, tmp_path: Path) -> None:
    """The act names an older notice than was current, and nothing of that one is kept."""
    with running(tmp_path) as service:
        choice = service.choice("reject_all", language="de", notice_version="0" * 16)
        service.post(choice, query="?geo=DE")
    code, told = show(choice["event_id"])

    assert code == 0
    assert f"showed notice {'0' * 16}, not the current one; nothing of it is kept" in told


def test_an_act_of_a_site_that_is_no_more_is_found(event: str, show: Show, tmp_path: Path) -> None:
    """Sites are looked for in the log, not in the configuration."""
    gone: Any = msgspec.structs.replace(demo_site(), id="another")
    with running(tmp_path, site=gone):
        pass
    code, told = show(event)

    assert code == 0
    assert f"{event} at site demo" in told


def test_code_of_the_page_showed_nothing(show: Show, tmp_path: Path) -> None:
    """Where the page itself acted there is nothing to draw, which is no fault."""
    with running(tmp_path) as service:
        choice = service.choice("reject_all", layer=0, control="api")
        service.post(choice)
    code, told = show(choice["event_id"], "--render", str(tmp_path / "out.png"))

    assert code == 0
    assert "nothing of ours was on view" in told
    assert not (tmp_path / "out.png").exists()
