"""Retention: what goes by itself, when, and what does not."""

import asyncio
import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from holdfire import app, cli, evidence
from holdfire.document import Document
from holdfire.errors import StoreUnavailable
from holdfire.evidence import Evidence
from holdfire.model import Retention, Site
from holdfire.record import Artefact, Draft, Record
from holdfire.retention import rounds
from holdfire.retention.keeper import Keeper
from holdfire.retention.leftovers import leftovers
from holdfire.retention.rounds import Round, Row
from holdfire.retention.terms import DAY, KINDS, RECORD_DAYS, SUBJECT_DAYS, table
from holdfire.sites.retention import check_retention
from holdfire.store import Appended, Store
from house import NOON, ORIGIN, ROOT, Clock, demo_site, running, settings
from stores import visitor

YEAR = 365
SITES = {"demo": msgspec.structs.replace(demo_site(), retention=Retention())}


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """The evidence of a real choice."""
    with running(tmp_path_factory.mktemp("proof")) as service:
        service.choose("reject_all")
        store: Store = service.client.app.state.house.ctx.store  # type: ignore[attr-defined]  # the client types it as any ASGI callable

        async def first() -> Record:
            async for record in store.scan():
                return record
            raise AssertionError

        assert service.client.portal is not None
        return evidence.read(service.client.portal.call(first))


class Visitors:
    """Visitors who choose when the test says so."""

    def __init__(self, store: Store, proof: Evidence) -> None:
        self.store = store
        self._proof = proof
        self._number = 0

    async def choose(
        self,
        name: str,
        *,
        day: float = 0,
        lasts: int = YEAR,
        keep: int | None = None,
        site: str = "demo",
    ) -> Record:
        """One act, on a day after noon of the first; the law's lifetime and term are in it."""
        self._number += 1
        at = int(NOON + day * DAY)
        event_id = f"event-{self._number}"
        said = msgspec.structs.replace(
            self._proof,
            site=site,
            event_id=event_id,
            server_ms=at * 1000,
            valid_until=at + lasts * DAY,
            keep_days=keep,
        )
        appended: Appended = await self.store.append(
            Draft(
                site=site,
                visitor=visitor(name),
                event_id=event_id,
                fingerprint=bytes(32),
                recorded_ms=at * 1000,
                evidence=evidence.encode(said),
                subject=name.encode(),
            )
        )
        return appended.record

    async def round(self, day: float, *, dry: bool = False, **sites: Site) -> tuple[Row, ...]:
        """A round on a day."""
        return await Round(self.store, sites or SITES, NOON + day * DAY, dry=dry).make()

    async def known(self) -> Counter[str]:
        """How many records there are of each visitor; of nobody those that were erased."""
        names = {visitor(name): name for name in ("ann", "ben", "cem")}
        return Counter([names.get(record.visitor, "") async for record in self.store.scan()])


@pytest.fixture
def visitors(store: Store, proof: Evidence) -> Visitors:
    """Visitors of either store."""
    return Visitors(store, proof)


# ---------------------------------------------------------------- when


async def test_a_visitor_is_forgotten_when_nobody_needs_to_know(visitors: Visitors) -> None:
    """The choice has run out, and so has the cookie that may name it; not a day before."""
    await visitors.choose("ann", lasts=180)
    early = await visitors.round(180 + SUBJECT_DAYS - 0.01)
    known = await visitors.known()
    due = await visitors.round(180 + SUBJECT_DAYS + 0.01)

    assert (early, known) == ((), {"ann": 1})
    assert due == (Row("demo", "subject", 1),)
    assert await visitors.known() == {"": 1}


async def test_nothing_goes_while_the_newest_choice_stands(visitors: Visitors) -> None:
    """However short the terms and however old the first act: it is the newest that decides."""
    eager = msgspec.structs.replace(demo_site(), retention=Retention(0, 0))
    await visitors.choose("ann", day=0)
    await visitors.choose("ben", day=0, lasts=30)
    await visitors.choose("ann", day=300)
    rows = await visitors.round(600, demo=eager)

    assert rows == (Row("demo", "record", 1),)
    assert await visitors.known() == {"ann": 2}


async def test_nothing_goes_while_the_law_wants_its_proof(visitors: Visitors) -> None:
    """California wants requests kept for two years: neither part goes before, whatever the site says."""
    eager = msgspec.structs.replace(demo_site(), retention=Retention(0, 0))
    await visitors.choose("ann", lasts=1, keep=730)
    before = await visitors.round(729.9, demo=eager)
    after = await visitors.round(730.1, demo=eager)

    assert before == ()
    assert after == (Row("demo", "record", 1),)


async def test_an_older_act_may_be_wanted_for_longer(visitors: Visitors) -> None:
    """A visitor who moved is not forgotten before the law that held for them first lets go."""
    await visitors.choose("ann", lasts=10, keep=1_000)
    await visitors.choose("ann", day=1, lasts=10)
    before = await visitors.round(999)
    after = await visitors.round(1_001)

    assert before == ()
    assert after == (Row("demo", "subject", 2),)


async def test_a_record_goes_after_five_years(visitors: Visitors) -> None:
    """The evidence outlives the person by years, and goes whole; what has a newer act stays."""
    await visitors.choose("ann")
    await visitors.choose("ben")
    await visitors.choose("ben", day=RECORD_DAYS - 10)
    await visitors.round(YEAR + SUBJECT_DAYS + 1)
    evidence_only = await visitors.known()
    rows = await visitors.round(RECORD_DAYS + 1)

    assert evidence_only == {"": 1, "ben": 2}
    assert rows == (Row("demo", "record", 1),)
    assert await visitors.known() == {"ben": 2}


async def test_each_law_has_its_own_lifetime(visitors: Visitors) -> None:
    """Whose choice runs out sooner is forgotten sooner, among others who are not yet."""
    await visitors.choose("ann", day=0, lasts=YEAR)
    await visitors.choose("ben", day=1, lasts=180)
    await visitors.choose("cem", day=2, lasts=YEAR)
    rows = await visitors.round(200 + SUBJECT_DAYS)

    assert rows == (Row("demo", "subject", 1),)
    assert await visitors.known() == {"ann": 1, "": 1, "cem": 1}


async def test_each_site_has_its_own_terms(visitors: Visitors) -> None:
    """One that is no longer configured keeps ours."""
    short = msgspec.structs.replace(demo_site(), retention=Retention(subject_days=10))
    await visitors.choose("ann", lasts=100)
    await visitors.choose("ann", lasts=100, site="gone")
    first = await visitors.round(111, demo=short)
    second = await visitors.round(100 + SUBJECT_DAYS + 1, demo=short)

    assert first == (Row("demo", "subject", 1),)
    assert second == (Row("gone", "subject", 1),)


async def test_who_acts_while_a_round_is_made_is_not_forgotten(visitors: Visitors) -> None:
    """The newest act is looked at again in the transaction that erases."""
    await visitors.choose("ben", day=0, lasts=YEAR * 3)
    await visitors.choose("ann", day=1, lasts=180)
    now = 200 + SUBJECT_DAYS

    class Busy:
        """The store, as somebody else finds it a moment later."""

        def __getattr__(self, name: str) -> Any:
            return getattr(visitors.store, name)

        async def erase(self, erasure: Any) -> int:
            if erasure.visitor:
                await visitors.choose("ann", day=now)
            return await visitors.store.erase(erasure)

    busy: Any = Busy()
    rows = await Round(busy, SITES, NOON + now * DAY, dry=False).make()

    assert rows == ()
    assert await visitors.known() == {"ben": 1, "ann": 2}


# ---------------------------------------------------------------- how


async def test_a_dry_round_says_what_a_real_one_does(visitors: Visitors) -> None:
    """The same rows, and nothing is written."""
    for day, name, lasts in ((0, "ann", YEAR), (1_500, "ben", 30), (1_501, "cem", YEAR)):
        await visitors.choose(name, day=day, lasts=lasts)
    now = 1_500 + SUBJECT_DAYS + 40
    heads = await visitors.store.heads()
    dry = await visitors.round(now, dry=True)
    untouched = await visitors.store.heads() == heads
    real = await visitors.round(now)

    assert dry == real == (Row("demo", "record", 1), Row("demo", "subject", 1))
    assert untouched


async def test_two_rounds_at_once_are_one(visitors: Visitors) -> None:
    """Each record gets one tombstone, whoever was first."""
    for name in ("ann", "ben", "cem"):
        await visitors.choose(name, lasts=30)
    await visitors.choose("dot", day=1, lasts=YEAR)
    both = await asyncio.gather(*(visitors.round(450) for _ in range(2)))
    said = [one async for one in visitors.store.statements(3)]

    assert sum(row.count for rows in both for row in rows) == 3
    assert len(said) == 3
    assert await visitors.round(450) == ()


async def test_a_round_is_gone_on_with_where_it_was_broken_off(visitors: Visitors) -> None:
    """What went is gone, what did not goes the next time."""
    await visitors.choose("cem", lasts=YEAR * 3)
    for name in ("ann", "ben"):
        await visitors.choose(name, day=1, lasts=30)

    class Broken:
        """A store that fails at the second visitor."""

        failed = False

        def __getattr__(self, name: str) -> Any:
            return getattr(visitors.store, name)

        async def erase(self, erasure: Any) -> int:
            if erasure.visitor == visitor("ben"):
                raise StoreUnavailable("The disk is full.")
            return await visitors.store.erase(erasure)

    broken: Any = Broken()
    with pytest.raises(StoreUnavailable):
        await Round(broken, SITES, NOON + 450 * DAY, dry=False).make()

    assert await visitors.round(450) == (Row("demo", "subject", 1),)
    assert await visitors.known() == {"cem": 1, "": 2}


async def test_a_long_log_is_read_in_pages(
    visitors: Visitors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More visitors than are found at a time, amid those who stay: all of them go."""
    monkeypatch.setattr(rounds, "BATCH", 4)
    await visitors.choose("ann", lasts=YEAR * 3)
    for number in range(20):
        await visitors.choose(f"visitor {number}", day=1, lasts=30 if number % 2 else YEAR)
    rows = await visitors.round(450)

    assert rows == (Row("demo", "subject", 10),)


# ---------------------------------------------------------------- by itself


def keeper(store: Store, folder: Path, clock: Clock) -> Keeper:
    """The background job, over this store."""
    return Keeper(store, SITES, folder, folder / "places.mmdb", clock=clock, random=os.urandom)


async def test_a_round_says_what_went_and_names_nobody(
    visitors: Visitors, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line for each site and kind, with a number."""
    caplog.set_level("INFO", "holdfire.retention")
    for name in ("ann", "ben"):
        await visitors.choose(name, lasts=30)
    await keeper(visitors.store, tmp_path, Clock(NOON + 450 * DAY)).round()

    assert caplog.messages == ["erased by age: site=demo kind=subject count=2"]


async def test_what_no_record_refers_to_goes_in_the_second_round(
    visitors: Visitors, tmp_path: Path, proof: Evidence
) -> None:
    """An artefact is kept before its record is written: a new one is left alone for a round."""
    await visitors.choose("ann")
    shown, other = proof.shown.texts, "ab" * 32
    await visitors.store.keep([Artefact(shown, "texts", b"x"), Artefact(other, "texts", b"y")])
    job = keeper(visitors.store, tmp_path, Clock())
    first = await job.round()
    second = await job.round()

    assert first == ()
    assert second == (Row("", "artefact", 1),)
    assert await visitors.store.artefacts() == (shown,)


async def test_a_failing_store_costs_a_round_and_not_the_job(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is erased, one line says so, and the job goes on."""

    class Down:
        """No store to be had."""

        def __getattr__(self, name: str) -> Any:
            raise StoreUnavailable("The record store is not reachable.")

    down: Any = Down()
    pauses = 0

    async def pause(_seconds: float) -> None:
        nonlocal pauses
        pauses += 1
        if pauses == 3:
            raise asyncio.CancelledError

    job = Keeper(
        down, {}, tmp_path, tmp_path / "none", clock=Clock(), random=os.urandom, pause=pause
    )
    with pytest.raises(asyncio.CancelledError):
        await job.work()

    assert caplog.messages == ["nothing more is erased for now: StoreUnavailable"]


async def test_a_round_is_made_at_start_and_every_day(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The next is a day after the last, less up to an hour that nobody else has drawn."""
    caplog.set_level("INFO", "holdfire.retention")
    passed = 0.0
    made: list[float] = []

    async def pause(_seconds: float) -> None:
        nonlocal passed
        said = [record for record in caplog.records if record.name == "holdfire.retention"]
        made.extend([passed] * (len(said) - len(made)))
        if passed > 2 * DAY:
            raise asyncio.CancelledError
        passed += 60

    job = Keeper(
        store,
        SITES,
        tmp_path,
        tmp_path / "none",
        clock=Clock(),
        random=lambda count: b"\x07\x08"[:count],  # 1800 seconds
        timer=lambda: passed,
        pause=pause,
    )
    with pytest.raises(asyncio.CancelledError):
        await job.work()

    assert made == [0, DAY - 1_800, 2 * (DAY - 1_800)]


def test_a_service_makes_a_round_when_it_starts(tmp_path: Path) -> None:
    """Years later the visitor of then is nobody, without anybody asking for it."""
    site = msgspec.structs.replace(demo_site(), retention=Retention(subject_days=1))
    with running(tmp_path, site=site) as service:
        token = service.choose("reject_all").json()["token"]
    built = app.build(
        settings(tmp_path),
        {"demo": site},
        demo=True,
        clock=Clock(NOON + 800 * DAY),
        prebuild=False,
    )
    with TestClient(built, base_url=ORIGIN, client=("198.18.4.1", 50_000)) as client:
        end = time.monotonic() + 20
        asked = {"authorization": f"Bearer {token}"}
        while (found := client.get("/v1/sites/demo/choices", headers=asked).json())["choices"]:
            assert time.monotonic() < end
            time.sleep(0.01)  # for the condition above: the job is in another thread

    assert found == {"visitor": None, "choices": []}


# ---------------------------------------------------------------- what else is kept


def test_leftovers_are_what_nobody_uses(tmp_path: Path) -> None:
    """Old drafts and databases of older releases go; what is in use, new or not ours stays."""
    names = (
        ".dbip.mmdb.77.part", ".visitor.keys.77", "dbip-country-us-ca-region-2025-01.mmdb",
        "dbip-country-us-ca-region-2026-06.mmdb", "visitor.keys", "mine.part", ".new.1.part",
    )  # fmt: skip
    for name in names:
        (tmp_path / name).touch()
        if name != ".new.1.part":
            os.utime(tmp_path / name, (NOON - 2 * DAY, NOON - 2 * DAY))
        else:
            os.utime(tmp_path / name, (NOON, NOON))
    in_use = tmp_path / "dbip-country-us-ca-region-2026-06.mmdb"
    dry = leftovers(tmp_path, in_use, NOON, dry=True)
    untouched = {path.name for path in tmp_path.iterdir()}
    gone = leftovers(tmp_path, in_use, NOON, dry=False)

    assert dry == gone == (Row("", "leftover", 3),)
    assert untouched == set(names)
    assert {path.name for path in tmp_path.iterdir()} == set(names[3:])


def test_the_document_lists_every_kind() -> None:
    """Its table is that of the code."""
    assert table() in (ROOT / "docs/retention.md").read_text()
    assert len({kind.name for kind in KINDS}) == len(KINDS)


def test_the_command_lists_every_kind_and_each_sites_terms(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is kept, where, how long and why; as text and as JSON."""
    assert cli.main(["records", "retain", "--list"]) == 0
    text = capsys.readouterr().out
    assert cli.main(["records", "retain", "--list", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)

    for kind in KINDS:
        assert kind.why in text
    assert "demo: subject_days 30, record_days 1826" in text
    assert [kind["name"] for kind in document["kinds"]] == [kind.name for kind in KINDS]
    assert document["sites"]["demo"] == {"subject_days": 30, "record_days": 1826}


def test_the_command_asks_the_running_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A round now, by the process that holds the database, at its own clock; dry, beside it."""
    monkeypatch.setenv("HOLDFIRE_DATABASE", f"sqlite:///{tmp_path}/holdfire.db")
    monkeypatch.setenv("HOLDFIRE_DATA_DIR", str(tmp_path / "var"))
    with running(tmp_path) as service:
        service.choose("accept_all")
        service.clock.forward(days=900)
        dry = cli.main(["records", "retain", "--dry-run"])
        said = capsys.readouterr().out
        real = cli.main(["records", "retain", "--json"])
        rows = json.loads(capsys.readouterr().out)

    assert (dry, said) == (
        0,
        "Nothing has been kept long enough to go.\n",
    )  # by the machine's clock
    assert real == 0
    assert rows == [{"site": "demo", "kind": "subject", "count": 1}]


@pytest.mark.parametrize(
    ("retention", "key"),
    [
        (Retention(subject_days=-1), "retention.subject_days"),
        (Retention(record_days=36_501), "retention.record_days"),
        (Retention(subject_days=100, record_days=99), "retention.record_days"),
    ],
)
def test_terms_that_make_no_sense_are_told(retention: Retention, key: str) -> None:
    """Out of range, or a record that would go before the person in it."""
    document = Document("demo.toml")
    check_retention(document, retention)

    assert [problem.key for problem in document.problems] == [key]
