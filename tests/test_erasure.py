"""Erasure, asked for as operators ask for it: what goes, what stays, and that it is so on disk."""

import asyncio
import hashlib
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from starlette.testclient import TestClient

from holdfire import app, cli, consent
from holdfire.ledger.merkle import Frontier, leaf_hash
from holdfire.ledger.verdict import judge
from holdfire.record import Draft, Erasure
from holdfire.retention.spool import Inbox, Outbox, Request
from holdfire.store import Store
from holdfire.store.sqlite import SqliteStore
from holdfire.web import lookup
from house import Clock, Service, demo_site, running, settings
from postgres import Cluster
from stores import act, visitor

SHOP = "https://shop.example"
BLOG = "https://blog.example"


@dataclass
class Place:
    """A service, the command line beside it, and the bytes that both leave on the disk."""

    service: Service
    database: str
    raw: Callable[[], bytes]
    capsys: pytest.CaptureFixture[str]

    def holdfire(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command with the settings of the service: exit code, output, errors."""
        self.capsys.readouterr()
        code = cli.main(arguments)
        said = self.capsys.readouterr()
        return code, said.out, said.err

    def erase(self, *arguments: str) -> Any:
        """Erase of the demo site, and what was told of it."""
        code, out, errors = self.holdfire("erase", "--site", "demo", "--json", *arguments)
        assert code == 0, errors
        return json.loads(out)

    def choose(self, action: str = "accept_all") -> dict[str, Any]:
        """What a visitor who was not here before is answered to a choice."""
        self.service.client.cookies.clear()
        answer: dict[str, Any] = self.service.choose(action).json()
        return answer

    def receipt(self, made: dict[str, Any]) -> bytes:
        """The receipt of a choice, asked for by whose it is."""
        headers = {"authorization": f"Bearer {made['token']}"}
        answer = self.service.get(f"/receipts/{made['event_id']}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.content

    def outcome(self, receipt: bytes) -> str:
        """How a receipt is judged under the policy that the service hands out."""
        policy = self.service.client.get("/log/policy").content
        return judge(receipt, policy, self.service.clock()).outcome

    def within(self, verb: Callable[..., Any], *arguments: Any) -> Any:
        """Call something of the store in the service's own event loop."""
        assert self.service.client.portal is not None
        return self.service.client.portal.call(verb, *arguments)

    @property
    def store(self) -> Store:
        """The store under the service."""
        found: Store = self.service.client.app.state.house.ctx.store  # type: ignore[attr-defined]  # the client types it as any ASGI callable
        return found

    def key(self, made: dict[str, Any]) -> bytes:
        """A visitor's key, as somebody with the database's own shell finds it."""
        question = f"SELECT key FROM person WHERE visitor = '{made['visitor']}'"  # noqa: S608 - the test's own
        (((key),),) = asyncio.run(sql(self.database, question))
        return bytes(key)


async def sql(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement behind the store's back."""
    path = url.removeprefix("sqlite:///")
    if path != url:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            return db.execute(statement).fetchall()
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


def bytes_below(*folders: Path) -> bytes:
    """Every file below these folders, one after another."""
    return b"\n".join(
        path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()
    )


@pytest.fixture(params=["sqlite", "postgres"])
def place(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    """A running service over each kind of database in turn."""
    folders = [tmp_path]
    database = f"sqlite:///{tmp_path}/holdfire.db"
    if request.param == "postgres":
        database = request.getfixturevalue("postgres_url")
        cluster: Cluster = request.getfixturevalue("postgres_cluster")
        folders.append(cluster._folder / "d" / "base")

    def raw() -> bytes:
        if request.param == "postgres":
            asyncio.run(sql(database, "CHECKPOINT"))
        return bytes_below(*folders)

    # On a busy machine PostgreSQL takes longer than a tag would wait; what it says is at stake here.
    monkeypatch.setattr(consent, "LOOKUP_SECONDS", 10.0)
    monkeypatch.setattr(lookup, "NEWS_SECONDS", 10.0)
    monkeypatch.setenv("HOLDFIRE_DATABASE", database)
    monkeypatch.setenv("HOLDFIRE_DATA_DIR", str(tmp_path / "var"))
    with running(tmp_path, database=database) as service:
        service.clock.now = time.time()  # the command line has no other clock
        yield Place(service, database, raw, capsys)


async def whole(store: Store) -> tuple[bytes, ...]:
    """All entries, after a look whether each log's root is that of the tree over its own."""
    found: list[bytes] = []
    for head in await store.heads():
        frontier = Frontier()
        for start in range(0, head.size, 4_096):
            for entry in await store.entries(head.log, start, min(start + 4_096, head.size)):
                frontier = frontier.append(leaf_hash(entry))
                found.append(entry)
        assert frontier.root() == head.root
    return tuple(found)


async def erasures(store: Store) -> list[dict[str, Any]]:
    """What the tombstones in the log say."""
    return [json.loads(said.body) async for said in store.statements(3)]


# ---------------------------------------------------------------- what goes


def test_of_an_erased_visitor_no_byte_is_left(place: Place) -> None:
    """Pseudonym, key and sealed block were in the files, and are in none; another's still are."""
    ann, ben = place.choose(), place.choose()
    key, kept = place.key(ann), place.key(ben)
    asked = f"SELECT sealed FROM subject WHERE log_index = {ann['log_index']}"  # noqa: S608 - the test's own
    ((sealed,),) = asyncio.run(sql(place.database, asked))
    secrets = (ann["visitor"].encode(), key, bytes(sealed))
    before = place.raw()
    told = place.erase("--event", ann["event_id"])
    after = place.raw()

    assert told["erased"] == 1
    for secret in secrets:
        assert secret in before
        assert secret not in after
    assert ben["visitor"].encode() in after
    assert kept in after


def test_the_record_goes_too_if_it_is_asked_for(place: Place) -> None:
    """With ``--part record`` evidence, salts and event id are in no file either."""
    ann = place.choose("reject_all")
    place.choose()
    log_index = ann["log_index"]
    blocks = place.within(place.store.blocks, 1, log_index)
    secrets = (blocks.evidence_salt, blocks.evidence, ann["event_id"].encode())
    before = place.raw()
    told = place.erase("--token", ann["token"], "--part", "record")
    after = place.raw()

    assert told["erased"] == 1
    for secret in secrets:
        assert secret in before
        assert secret not in after


def test_an_erased_visitor_is_nobody(place: Place) -> None:
    """The old token decides nothing, has no history and no receipt; its act cannot be sent again."""
    place.service.client.cookies.clear()
    body = place.service.choice("reject_all")
    made = place.service.post(body).json()
    token = {"authorization": f"Bearer {made['token']}"}
    nobody = place.service.get("/decisions?geo=DE").json()["categories"]
    place.erase("--visitor", made["visitor"])
    place.service.client.cookies.clear()
    decided = place.service.get("/decisions?geo=DE", headers=token).json()

    assert decided["source"] == "default"
    assert {key: one["allow"] for key, one in decided["categories"].items()} == {
        "necessary": True,
        "functional": False,
        "analytics": False,
        "marketing": False,
    }
    assert set(nobody) == set(decided["categories"])
    assert place.service.get("/choices", headers=token).json() == {"visitor": None, "choices": []}
    assert place.service.get(f"/receipts/{made['event_id']}", headers=token).status_code == 404
    assert place.service.post(body, headers=token).status_code == 409
    assert place.service.post(body).status_code == 409


# ---------------------------------------------------------------- what stays


def test_all_other_proofs_hold(place: Place) -> None:
    """Everybody's receipt verifies as before, the erased visitor's saved one too; the tree is whole."""
    visitors = [place.choose(action) for action in ("accept_all", "reject_all", "save")]
    saved = [place.receipt(made) for made in visitors]
    entries = place.within(whole, place.store)
    place.erase("--event", visitors[0]["event_id"])
    grown = place.within(whole, place.store)

    assert grown[: len(entries)] == entries
    assert [place.outcome(receipt) for receipt in saved] == ["verified"] * 3
    for made in visitors[1:]:
        assert place.outcome(place.receipt(made)) == "verified"


def test_a_tombstone_names_the_entry_and_nobody(place: Place) -> None:
    """It stands in the log after it, says which entry lost what and why, and is signed like all else."""
    made, later = place.choose(), place.choose()
    place.erase("--visitor", made["visitor"], "--because", "order")
    (tombstone,) = place.within(erasures, place.store)
    after = place.choose()

    assert tombstone["origin"].startswith("localhost/log/")
    assert tombstone["index"] == made["log_index"]
    assert (tombstone["part"], tombstone["because"]) == ("subject", "order")
    assert made["visitor"] not in json.dumps(tombstone)
    assert later["log_index"] + 1 < after["log_index"]
    assert place.outcome(place.receipt(after)) == "verified"


def test_what_stays_is_told_with_its_reason(place: Place) -> None:
    """The evidence, until a date, for claims; the entries, because they prove everybody else's."""
    made = place.choose()
    told = place.erase("--event", made["event_id"])
    code, out, _ = place.holdfire("erase", "--site", "demo", "--event", made["event_id"])
    again = place.erase("--visitor", made["visitor"])

    evidence, entries = told["stays"]
    assert "Art 17(3)(b) and (e)" in evidence["what"]
    assert evidence["until"] > "2031"
    assert "128 bytes" in entries["what"]
    assert (code, out) == (2, "")  # nobody knows any more whose act it was
    assert (again["records"], again["erased"]) == (0, None)


# ---------------------------------------------------------------- how it is asked for


def test_a_dry_run_only_counts(place: Place) -> None:
    """It says what would go, of one visitor or of all, and the log is as long as before."""
    made = place.choose()
    place.choose()
    size = len(place.within(whole, place.store))
    told = place.erase("--event", made["event_id"], "--dry-run")
    every = place.erase("--all", "--dry-run")

    assert (told["visitors"], told["records"], told["erased"]) == (1, 1, None)
    assert (every["visitors"], every["records"], every["erased"]) == (2, 2, None)
    assert len(place.within(whole, place.store)) == size


def test_a_dry_run_changes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nobody else at work, every file has the digest it had."""
    monkeypatch.setenv("HOLDFIRE_DATABASE", f"sqlite:///{tmp_path}/holdfire.db")
    monkeypatch.setenv("HOLDFIRE_DATA_DIR", str(tmp_path / "var"))
    with running(tmp_path) as service:
        made = service.choose("accept_all").json()

    def digests() -> dict[Path, bytes]:
        # Whoever reads the database makes the empty files beside it that SQLite reads it by.
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        return {
            path: hashlib.sha256(path.read_bytes()).digest()
            for path in files
            if not path.name.endswith(("-wal", "-shm"))
        }

    before = digests()
    for command in (
        ["erase", "--site", "demo", "--event", made["event_id"]],
        ["erase", "--site", "demo", "--all", "--part", "record"],
        ["records", "retain"],
    ):
        assert cli.main([*command, "--dry-run"]) == 0

    assert digests() == before


def test_more_than_one_visitor_needs_a_yes(place: Place) -> None:
    """All of a site go only with ``--yes``; those of another site stay."""
    for action in ("accept_all", "reject_all"):
        place.choose(action)
    place.service.choose("withdraw")
    place.within(place.store.append, act("e-1", site="outlet"))
    code, out, errors = place.holdfire("erase", "--site", "demo", "--all")
    there = place.within(place.store.erasable, Erasure("subject", "site", 0, "demo"))
    told = place.erase("--all", "--yes")

    assert (code, there) == (2, 3)
    assert "2 visitors, 3 records" in out
    assert "--yes" in errors
    assert told["erased"] == 3
    assert place.within(place.store.erasable, Erasure("subject", "site", 0, "demo")) == 0
    assert place.within(place.store.latest, "outlet", visitor("ann")).event_id == "e-1"


def test_a_wrong_question_erases_nothing(place: Place) -> None:
    """An unknown act, a forged token, another site's token: exit 2, and one line that says why."""
    made = place.choose()
    for wrong in (
        ("demo", "--event", str(uuid.uuid4())),
        ("demo", "--token", made["token"][:-2]),
        ("outlet", "--token", made["token"]),
    ):
        code, out, errors = place.holdfire("erase", "--site", *wrong)
        assert (code, out, errors.count("\n")) == (2, "", 1), wrong
    assert place.within(erasures, place.store) == []


def test_a_service_that_does_not_listen_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says in one line that nothing was erased, and what to do."""
    monkeypatch.setenv("HOLDFIRE_DATABASE", f"sqlite:///{tmp_path}/holdfire.db")
    monkeypatch.setenv("HOLDFIRE_DATA_DIR", str(tmp_path / "another"))
    with running(tmp_path) as service:
        made = service.choose().json()
        code = cli.main(["erase", "--site", "demo", "--event", made["event_id"]])

    assert code == 2
    assert capsys.readouterr().err.endswith(
        "name the data_dir it runs with, or stop it, and repeat\n"
    )


def test_requests_are_for_the_services_user_alone(tmp_path: Path) -> None:
    """Folder and files are closed to everybody else; a file that is no request is answered so."""
    with running(tmp_path):
        folder = tmp_path / "var" / "erasures"
        until(folder.is_dir)
        (folder / "strange.request").write_bytes(b"{]")
        until((folder / "strange.answer").exists)
        outbox = Outbox(tmp_path / "var", lambda _: "asked")
        assert outbox.send(Request((Erasure("subject", "request", 0, "demo", "nobody"),)))
        until((folder / "asked.answer").exists)
        modes = {path.stat().st_mode & 0o777 for path in folder.iterdir()}
        left = {path.name for path in folder.iterdir()}
        answer = outbox.answered()

    assert folder.stat().st_mode & 0o777 == 0o700
    assert modes == {0o600}
    assert left == {"strange.answer", "asked.answer"}
    assert answer is not None
    assert [row.count for row in answer.rows] == [0]


def test_a_request_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    """It has its name when it is whole; taken before, whoever asks would be told it cannot be."""
    inbox = Inbox(tmp_path)
    assert inbox.open()
    draft = tmp_path / "erasures" / ".half.request"
    draft.write_bytes(b'{"note": "The po')

    assert inbox.take() is None
    assert draft.exists()


def test_a_folder_that_others_can_write_is_not_listened_to(tmp_path: Path) -> None:
    """Nobody else's requests are carried out, and the log says why."""
    folder = tmp_path / "var" / "erasures"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    with running(tmp_path) as service:
        made = service.choose().json()
        outbox = Outbox(tmp_path / "var", lambda _: "asked")
        outbox.send(Request((Erasure("subject", "request", 0, "demo", made["visitor"]),)))
        until(lambda: service.get("/choices").status_code == 200)
        assert service.get("/choices").json()["visitor"] == made["visitor"]

    assert [path.name for path in folder.iterdir()] == ["asked.request"]


# ---------------------------------------------------------------- whatever happens meanwhile


def test_a_backup_opens_nobody_once_the_key_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old subjects beside the present table of keys are as erased; those of others open."""
    path, backup = tmp_path / "holdfire.db", tmp_path / "backup.db"
    monkeypatch.setenv("HOLDFIRE_DATABASE", f"sqlite:///{path}")
    monkeypatch.setenv("HOLDFIRE_DATA_DIR", str(tmp_path / "var"))
    with running(tmp_path) as service:
        ann = service.choose("accept_all").json()
        service.client.cookies.clear()
        ben = service.choose("accept_all").json()
    shutil.copy(path, backup)
    assert cli.main(["erase", "--site", "demo", "--event", ann["event_id"]]) == 0
    with closing(sqlite3.connect(backup, isolation_level=None)) as db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'"):
            db.execute(f"DROP TRIGGER {trigger}")
        db.execute("ATTACH ? AS present", (str(path),))
        db.execute("DELETE FROM main.person")
        db.execute("INSERT INTO main.person SELECT * FROM present.person")

    async def opened() -> list[str]:
        store = await SqliteStore.open(backup, writing=False)
        try:
            blocks = [await store.blocks(1, made["log_index"]) for made in (ann, ben)]
            assert all(block and block.evidence for block in blocks)
            return [block.subject.decode() for block in blocks if block]
        finally:
            await store.close()

    of_ann, of_ben = asyncio.run(opened())
    assert of_ann == ""
    assert ben["visitor"] in of_ben


def test_an_erasure_that_was_killed_is_completed_by_repeating_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a kill in the middle the log is whole, what went has a tombstone, and the rest goes."""
    path = tmp_path / "holdfire.db"
    monkeypatch.setenv("HOLDFIRE_DATABASE", f"sqlite:///{path}")
    monkeypatch.setenv("HOLDFIRE_DATA_DIR", str(tmp_path / "var"))
    with running(tmp_path) as service:
        service.choose("accept_all")
    asyncio.run(_crowd(path, 4_000))
    command = [sys.executable, "-m", "holdfire", "erase", "--site", "demo", "--all", "--yes"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as erasing:
        until(lambda: _count(path, "tombstone") > 0)
        erasing.send_signal(signal.SIGKILL)
    dead = _count(path, "tombstone")
    left = _count(path, "subject")
    capsys.readouterr()
    assert cli.main([*command[3:], "--json"]) == 0
    told = json.loads(capsys.readouterr().out)

    assert 0 < dead < 4_001
    assert dead + left == 4_001
    assert told["erased"] == left
    assert (_count(path, "subject"), _count(path, "person")) == (0, 0)
    assert _count(path, "tombstone") == 4_001

    async def look() -> None:
        store = await SqliteStore.open(path, writing=False)
        await whole(store)
        await store.close()

    asyncio.run(look())


async def _crowd(path: Path, number: int) -> None:
    """So many more visitors, who chose as the first one did."""
    store = await SqliteStore.open(path)
    (first,) = [record async for record in store.scan()]
    for start in range(0, number, 250):
        drafts = [
            Draft(
                site="demo",
                visitor=visitor(f"{name}"),
                event_id=str(uuid.uuid4()),
                fingerprint=first.fingerprint,
                recorded_ms=first.recorded_ms,
                evidence=first.evidence,
                subject=first.subject,
            )
            for name in range(start, start + 250)
        ]
        await asyncio.gather(*map(store.append, drafts))
    await store.close()


def _count(path: Path, table: str) -> int:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        ((count,),) = db.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - the test's own
    return int(count)


def until(true: Callable[[], bool]) -> None:
    """Come back when it is true; the test fails if it has not become so in twenty seconds."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)  # for the condition above: another process or thread makes it so


# ---------------------------------------------------------------- sister sites


@contextmanager
def sisters(folder: Path) -> Iterator[TestClient]:
    """A service with two sites that carry choices to each other."""
    shop = msgspec.structs.replace(
        demo_site(), id="shop", origins=(SHOP,), sisters={"blog": (BLOG,)}
    )
    blog = msgspec.structs.replace(
        demo_site(), id="blog", origins=(BLOG,), sisters={"shop": (SHOP,)}
    )
    built = app.build(
        settings(folder), {"shop": shop, "blog": blog}, demo=True, clock=Clock(), prebuild=False
    )
    with TestClient(built, base_url=SHOP, client=("198.18.4.1", 50_000)) as client:
        yield client


def test_what_was_handed_to_a_sister_site_goes_with_the_visitor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The record of the disclosure names the visitor no more; the act at the sister is told of."""
    monkeypatch.setenv("HOLDFIRE_DATABASE", f"sqlite:///{tmp_path}/holdfire.db")
    monkeypatch.setenv("HOLDFIRE_DATA_DIR", str(tmp_path / "var"))
    states = dict.fromkeys(("functional", "analytics", "marketing"), False)
    choice = {
        "event_id": str(uuid.uuid4()), "action": "reject_all", "categories": states,
        "notice_version": demo_site().version, "language": "en", "layer": 1,
        "control": "reject_all", "client_time": "2026-11-21T12:00:00Z",
    }  # fmt: skip
    at_shop = {"origin": SHOP}
    with sisters(tmp_path) as client:
        made = client.post("/v1/sites/shop/choices?geo=DE", json=choice, headers=at_shop).json()
        handed = client.post(
            "/v1/sites/shop/handoffs?geo=DE", json={"site": "blog"}, headers=at_shop
        ).json()
        taken = client.post(
            "/v1/sites/blog/takeovers?geo=DE",
            json={"token": handed["token"], "from": SHOP},
            headers={"origin": BLOG},
        ).json()
    before = bytes_below(tmp_path)
    code = cli.main(["erase", "--site", "shop", "--visitor", made["visitor"], "--json"])
    told = json.loads(capsys.readouterr().out)

    async def subjects() -> list[bytes]:
        store = await SqliteStore.open(tmp_path / "holdfire.db", writing=False)
        found = [record.subject async for record in store.scan()]
        await store.close()
        return found

    assert code == 0
    assert made["visitor"].encode() in before
    assert (told["visitors"], told["erased"]) == (1, 2)
    assert told["elsewhere"] == [{"site": "blog", "event_id": taken["event_id"]}]
    assert [bool(subject) for subject in asyncio.run(subjects())] == [False, False, True]
    assert made["visitor"].encode() not in bytes_below(tmp_path)
