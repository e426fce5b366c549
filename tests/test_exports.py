"""Records for people and programs outside: what each form says, and what none of them may say."""

import csv
import io
import itertools
import json
import os
import re
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import jsonschema  # type: ignore[import-untyped]  # its types are another package
import msgspec
import pytest

from commands import Command, command
from holdfire import evidence, export
from holdfire.export import Selection
from holdfire.export.lines import Lines
from holdfire.export.standard import STANDARDS, Documents
from holdfire.export.table import COLUMNS, Table, safe
from holdfire.model import CookieUse, Site
from holdfire.model import Service as Tag
from holdfire.record import Head, Record
from holdfire.settings import shipped
from holdfire.store import Store
from house import NOON, Service, demo_site, running

DATA = Path(__file__).parent / "data"
PLACES = ("DE", "US-CA", "US-TX", "GB", "BR", "CN")
ACTIONS = ("accept_all", "reject_all", "save", "withdraw", "opt_out", "acknowledge")


@pytest.fixture
def holdfire(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run a command over the records of the test's service."""
    return command(tmp_path, monkeypatch, capsys)


@contextmanager
def fresh_visitor(service: Service) -> Iterator[None]:
    """A visitor whom nobody has seen."""
    service.client.cookies.clear()
    yield
    service.client.cookies.clear()


def act(service: Service, action: str, place: str, **more: Any) -> str:
    """An act of a new visitor at a place; returns its event id."""
    body = service.choice(action, layer=1 if action == "accept_all" else 2, **more)
    if action in {"acknowledge", "save"}:
        body["categories"] |= {"analytics": True}
    if action == "acknowledge":
        body["categories"] |= {"functional": True, "marketing": True}
    with fresh_visitor(service):
        answer = service.post(body, query=f"?geo={place}")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["event_id"])


def every_act(service: Service) -> dict[tuple[str, str], str]:
    """Each action at each place, by the event id that it got."""
    # An acknowledgement refuses nothing, so it is an act only where all is allowed until objection.
    return {
        (place, action): act(service, action, place)
        for place, action in itertools.product(PLACES, ACTIONS)
        if action != "acknowledge" or place.startswith("US")
    }


# ---------------------------------------------------------------- which records


def test_only_what_was_asked_for_is_exported(tmp_path: Path, holdfire: Command) -> None:
    """Site, visitor, act and days narrow it down; the last day counts as a whole."""
    with running(tmp_path) as service:
        first = service.choose("accept_all").json()
        service.clock.forward(days=1)
        second = service.choose("withdraw").json()
        with fresh_visitor(service):
            third = service.choose("reject_all").json()

    def found(*options: str) -> list[str]:
        ran = holdfire("records", "export", *options)
        assert (ran.code, ran.errors) == (0, f"{len(ran.lines)} records\n")
        return [line["event_id"] for line in ran.lines]

    ids = [one["event_id"] for one in (first, second, third)]
    assert found() == found("--site", "demo") == ids
    assert found("--site", "nobody") == []
    assert found("--visitor", first["visitor"]) == ids[:2]
    assert found("--event", ids[2]) == found("--event", ids[2], "--site", "demo") == ids[2:]
    assert found("--event", ids[2], "--visitor", first["visitor"], "--site", "demo") == []
    assert found("--since", "2026-11-22") == ids[1:]
    assert found("--until", "2026-11-21") == found("--until", "2026-11-22T12:00:00Z") == ids[:1]
    assert found("--since", "2026-11-21T12:00:01Z", "--until", "2026-11-22") == ids[1:]


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-11-21T12:00:00", "9999-12-31"])
def test_what_is_no_day_is_refused(holdfire: Command, text: str) -> None:
    """A time says its zone, and nothing is guessed."""
    ran = holdfire("records", "export", "--until", text)

    assert (ran.code, ran.out) == (2, "")
    assert text in ran.errors


def test_a_reader_may_stop_at_any_time(tmp_path: Path) -> None:
    """As ``| head`` does: the export ends quietly, and leaves nothing half closed behind."""
    with running(tmp_path) as service:
        for _ in range(60):  # more than a pipe holds, read with its longest lines
            service.choose("save")
    ran = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m holdfire records export | head -n 1"],
        env={
            "PATH": os.environ["PATH"],
            "HOLDFIRE_DATABASE": f"sqlite:///{tmp_path}/holdfire.db",
            "HOLDFIRE_DATA_DIR": f"{tmp_path}/var",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert len(ran.stdout.splitlines()) == 1
    assert "Traceback" not in ran.stderr


# ---------------------------------------------------------------- NDJSON


def test_a_line_is_a_record_as_it_is_stored(tmp_path: Path, holdfire: Command) -> None:
    """Both blocks are there, and where in which log they are committed to."""
    with running(tmp_path) as service:
        answer = service.choose("accept_all").json()
    (line,) = holdfire("records", "export").lines

    assert line["origin"] == "localhost/log/2026"
    assert line["log_index"] == answer["log_index"]
    assert line["recorded_ms"] == NOON * 1000
    assert line["erased"] == []
    assert line["evidence"]["action"] == "accept_all"
    assert line["subject"]["visitor"] == answer["visitor"]


# ---------------------------------------------------------------- CSV

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"
LEADS = (
    "",
    " ",
    "\t",
    "\r",
    "\n",
    "\r\n",
    "\0",
    "\u00a0",
    "\u200b",
    "\ufeff",
    '"',
    "a;",
    "a,",
    "a|",
    "a\n",
)


def cells(text: str) -> Iterator[str]:
    """What spreadsheets may take for cells, whatever separator they were told."""
    for separator in ",;|\t":
        yield from itertools.chain.from_iterable(
            csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        )
    yield from re.split(r"[,;|\t\r\n]", text)


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet may run it: it trims what is blank, and quotes."""
    return cell.strip(' \t\r\n\0"\u00a0\u200b\ufeff')[:1] in {*SIGNS} - {""}


@pytest.mark.parametrize("lead", LEADS, ids=ascii)
async def test_no_cell_of_any_column_is_a_formula(lead: str) -> None:
    """Whatever text comes into whichever column, and wherever a spreadsheet splits the row."""
    for sign in SIGNS:
        text = f"{lead}{sign}cmd|' /C calc'!A0"
        row = await Table().record(hostile(text), text)

        assert any(map(is_formula, cells(text)))
        assert not [cell for cell in cells(row) if is_formula(cell)]
        assert len(next(csv.reader(io.StringIO(row, newline="")))) == len(COLUMNS)


def hostile(text: str) -> Record:
    """A record that says the same thing everywhere it can say anything."""
    made = evidence.read(sample())
    shown = dict.fromkeys(msgspec.structs.asdict(made.shown), text)
    other = evidence.HandOff(site=text, event_id=text, acted_ms=0)
    proof = msgspec.structs.replace(
        made,
        prev=text,
        control=text,
        categories={text: True},
        services={text: False},
        effective={text: True},
        effective_services={text: False},
        left_on=(text,),
        language=text,
        regime=msgspec.structs.replace(made.regime, id=text),
        location=msgspec.structs.replace(made.location, country=text, region=text),
        residence=(text, text),
        shown=msgspec.structs.replace(made.shown, **shown),
        client_time=text,
        taken_from=other,
        handed_to=other,
    )
    person = evidence.Subject(visitor=text, address_prefix=text, browser=text)
    return msgspec.structs.replace(
        sample(),
        site=text,
        event_id=text,
        evidence=evidence.encode(proof),
        subject=evidence.encode(person),
    )


def test_plain_text_stays_as_it_is() -> None:
    """Only what could run is touched: dates, digests, hyphens inside a word are not."""
    plain = ("2026-11-21T12:00:00Z", "us-ca", "it's 5+5", "a@b.example", "Größe", "", "{}")

    assert [safe(text) for text in plain] == list(plain)
    assert [safe(value) for value in (None, True, 7, {"a": False})] == [
        "",
        "true",
        "7",
        '{"a": false}',
    ]


# ---------------------------------------------------------------- what was erased


def test_what_was_erased_is_empty_and_marked(tmp_path: Path, holdfire: Command) -> None:
    """No form shows a pseudonym that is gone, each says so, and the evidence is still told."""
    with running(tmp_path) as service:
        gone = service.choose("accept_all").json()
        with fresh_visitor(service):
            service.choose("reject_all")
    erased = holdfire("erase", "--site", "demo", "--visitor", gone["visitor"], "--yes")
    assert erased.code == 0, erased.errors
    ran = {form: holdfire("records", "export", "--format", form) for form in FORMS}
    first, second = ran["csv"].rows

    assert [line["erased"] for line in ran["ndjson"].lines] == [["subject"], []]
    assert ran["ndjson"].lines[0]["subject"] is None
    assert (first["erased"], second["erased"]) == ("subject", "")
    assert first["visitor"] == first["address_prefix"] == first["browser"] == ""
    assert first["action"] == "accept_all"
    assert ran["dpv"].lines[0]["dpv:hasDataSubject"]["dct:identifier"] == "erased"
    assert ran["kantara"].lines[0]["piiPrincipalId"] == "erased"
    assert not [form for form, said in ran.items() if gone["visitor"] in said.out]


FORMS = ("ndjson", "csv", "dpv", "kantara")


# ---------------------------------------------------------------- ISO/IEC TS 27560 in DPV

MUST: dict[str, tuple[str | int, ...]] = {
    "schema version": ("dct:conformsTo",),
    "record id": ("dct:identifier",),
    "pii principal id": ("dpv:hasDataSubject", "dct:identifier"),
    "privacy notice": ("dpv:hasNotice", "dct:identifier"),
    "notice, digest": ("dpv:hasNotice", "schema:sha256"),
    "language": ("dpv:hasNotice", "dct:language"),
    "controller": ("dpv:hasDataController",),
    "jurisdiction": ("dpv:hasJurisdiction",),
    "withdrawal": ("dpv:hasConsentControl", "dpv:isExercisedAt"),
    "rights": ("dpv:hasRight", 1, "dpv:isExercisedAt"),
    "party id": ("dpv:hasEntity", "dpv:hasIdentifier"),
    "party name": ("dpv:hasEntity", "dpv:hasName"),
    "party role": ("dpv:hasEntity", "@type"),
    "party contact": ("dpv:hasEntity", "schema:contactPoint", "schema:email"),
    "party address": ("dpv:hasEntity", "schema:address", "schema:addressCountry"),
}
MUST_OF_PROCESS: dict[str, tuple[str | int, ...]] = {
    "purpose": ("dpv:hasPurpose", "dct:title", "@value"),
    "purpose type": ("dpv:hasPurpose", "skos:broader"),
    "personal data": ("dpv:hasPersonalData", 0, "skos:broader"),
    "controller": ("dpv:hasDataController",),
    "recipients": ("dpv:hasRecipient", 0),
    "storage": ("dpv:hasStorageCondition", 0, "@type"),
    "consent type": ("dpv:hasLegalBasis",),
    "consent state": ("dpv:hasConsentStatus", "@type"),
    "event time": ("dpv:hasConsentStatus", "dpv:isIndicatedAtTime"),
    "validity duration": ("dpv:hasConsentStatus", "dpv:hasDuration", "rdf:value", "@value"),
    "by whom": ("dpv:hasConsentStatus", "dpv:isIndicatedBy"),
    "method": ("dpv:hasConsentStatus", "dpv:hasIndicationMethod"),
}


def at(document: Any, path: tuple[str | int, ...]) -> Any:
    """What stands at a path."""
    for step in path:
        document = document[step]
    return document


def test_a_consent_record_has_every_field_that_it_must_have(
    tmp_path: Path, holdfire: Command
) -> None:
    """For every action, under laws of every kind, each required field is there and says something."""
    with running(tmp_path) as service:
        acts = every_act(service)
    documents = holdfire("records", "export", "--format", "dpv").lines

    assert {doc["dct:identifier"] for doc in documents} == set(acts.values())
    for doc in documents:
        assert all(at(doc, path) for path in MUST.values())
        for process in doc["dpv:hasProcess"]:
            assert all(at(process, path) for path in MUST_OF_PROCESS.values())
    named = {p["dpv:hasService"]["dct:identifier"] for p in documents[0]["dpv:hasProcess"]}
    assert named == {tag.id for tag in demo_site().services}


STATUS = {
    "accept_all": "dpv:ConsentGiven",
    "reject_all": "dpv:ConsentRefused",
    "withdraw": "dpv:ConsentWithdrawn",
    "opt_out": "dpv:ConsentRefused",
    "acknowledge": "dpv:ConsentStatusInvalidForProcessing",
}


def test_the_status_is_what_the_act_says(tmp_path: Path, holdfire: Command) -> None:
    """Given, refused and withdrawn; and where nobody was asked, nothing that passes for consent."""
    with running(tmp_path) as service:
        acts = {event_id: key for key, event_id in every_act(service).items()}
    for doc in holdfire("records", "export", "--format", "dpv").lines:
        place, action = acts[doc["dct:identifier"]]
        said = {p["dpv:hasService"]["dct:identifier"]: kinds(p) for p in doc["dpv:hasProcess"]}
        if action == "save":  # analytics alone, which is no consent where it was on already
            asked = "dpv:ConsentGiven" if place in OPT_IN else STATUS["acknowledge"]
            assert said["posthog"] == asked
            assert said["mixpanel"] == "dpv:ConsentRefused"
        else:
            assert set(said.values()) == {STATUS[action]}


OPT_IN = {"DE", "GB", "BR", "CN"}


def kinds(process: dict[str, Any]) -> str:
    """The consent status of a process."""
    found = process["dpv:hasConsentStatus"]["@type"]
    return str(found[0] if isinstance(found, list) else found)


def test_a_yes_that_did_not_count_is_told_as_invalid(tmp_path: Path, holdfire: Command) -> None:
    """Said to another notice, or after a newer refusal: with the reason in words."""
    with running(tmp_path) as service:
        act(service, "accept_all", "DE", notice_version="0" * 16)
        refused = service.choice("reject_all", client_time="2026-11-21T12:00:00Z")
        service.post(refused, query="?geo=DE")
        allowed = service.choice("accept_all", client_time="2026-11-21T11:00:00Z")
        service.post(allowed, query="?geo=DE")
    other, _, late = holdfire("records", "export", "--format", "dpv").lines

    for doc, why in ((other, "another notice"), (late, "newer act")):
        for process in doc["dpv:hasProcess"]:
            assert kinds(process) == "dpv:ConsentInvalidated"
            assert why in process["dpv:hasConsentStatus"]["dct:description"]
    assert "0" * 16 in other["dct:description"]


def test_law_and_place_are_named(tmp_path: Path, holdfire: Command) -> None:
    """GDPR where it is the law, with its article; and the jurisdiction is the visitor's."""
    with running(tmp_path) as service:
        for place in ("DE", "US-CA", "GB"):
            act(service, "accept_all", place)
    german, californian, british = holdfire("records", "export", "--format", "dpv").lines

    assert german["dpv:hasJurisdiction"] == "loc:DE"
    assert german["dpv:hasApplicableLaw"][0] == "eu-gdpr:GDPR"
    assert german["dpv:hasProcess"][0]["dpv:hasLegalBasis"] == "eu-gdpr:A6-1-a"
    assert californian["dpv:hasJurisdiction"] == "loc:US-CA"
    for doc in (californian, british):
        assert "eu-gdpr" not in json.dumps({k: v for k, v in doc.items() if k != "@context"})


def test_every_prefix_is_in_the_context(tmp_path: Path, holdfire: Command) -> None:
    """A line can be read by itself: no name in it has a prefix that it does not explain."""
    with running(tmp_path) as service:
        every_act(service)
    for doc in holdfire("records", "export", "--format", "dpv").lines:
        prefixes = {name.partition(":")[0] for name in terms(doc) if ":" in name}
        assert prefixes <= {name for name in doc["@context"] if ":" not in name}


def terms(value: Any) -> Iterator[str]:
    """The names of members and of types."""
    match value:
        case dict():
            for name, member in value.items():
                if name not in {"@context", "@id", "@value"}:
                    yield name
                    if name == "@type":
                        yield from member if isinstance(member, list) else [member]
                    else:
                        yield from terms(member)
        case list():
            for member in value:
                yield from terms(member)


def test_services_are_told_as_they_were_shown(tmp_path: Path, holdfire: Command) -> None:
    """What the site's file says today does not change what a visitor of yesterday said yes to."""
    with running(tmp_path, site=yesterday()) as service:
        service.choose("accept_all")
    (doc,) = holdfire("records", "export", "--format", "dpv").lines
    (process,) = doc["dpv:hasProcess"][:1]

    assert process["dpv:hasService"]["dct:title"] == "Yesterday's analytics"
    names = [one["dpv:hasName"] for one in process["dpv:hasRecipient"]]
    assert names == ["Old Provider Ltd", "Its Bank AG"]
    assert process["dpv:hasStorageCondition"][0]["dpv:hasDuration"]["rdf:value"] == "3 years"
    assert yesterday().version in doc["dct:description"]


def yesterday() -> Site:
    """The demo site with another service for statistics."""
    site = demo_site()
    old = Tag(
        id="old",
        name="Yesterday's analytics",
        category="analytics",
        provider="Old Provider Ltd",
        recipients=("Its Bank AG",),
        cookies=(CookieUse(name="old", lifetime="3 years"),),
    )
    services = (old, *(s for s in site.services if s.category != "analytics"))
    return msgspec.structs.replace(site, services=services, version="1" * 16)


def test_a_site_that_does_not_say_who_it_is_is_refused(
    tmp_path: Path, holdfire: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written, every member that is missing is named; other forms need none of them."""
    with running(tmp_path) as service:
        service.choose("accept_all")
    written = (shipped("config") / "sites" / "demo.toml").read_text()
    anonymous = re.sub(
        r"^\[controller.*?(?=^\[retention|^\[\[)", "", written, flags=re.MULTILINE | re.DOTALL
    )
    assert "[controller" not in anonymous
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "demo.toml").write_text(anonymous)
    monkeypatch.setenv("HOLDFIRE_SITES_DIR", str(tmp_path / "sites"))

    for form, keys in (("dpv", {"name", "rights"}), ("kantara", {"name", "phone"})):
        ran = holdfire("records", "export", "--format", form)
        assert (ran.code, ran.out) == (2, "")
        for key in keys | {"contact", "email", "jurisdiction", "address.street", "address.country"}:
            assert f"demo.toml: controller.{key}: is missing" in ran.errors
    assert holdfire("records", "export").code == 0


# ---------------------------------------------------------------- Kantara


def test_every_receipt_keeps_the_schema(tmp_path: Path, holdfire: Command) -> None:
    """Of every action under laws of every kind: all members, of their types, and none besides."""
    schema = json.loads((DATA / "kantara-consent-receipt-v1.1.json").read_text())
    jsonschema.Draft4Validator.check_schema(schema)
    validator = jsonschema.Draft4Validator(schema)
    with running(tmp_path) as service:
        acts = every_act(service)
    receipts = holdfire("records", "export", "--format", "kantara").lines

    assert {receipt["consentReceiptID"] for receipt in receipts} == set(acts.values())
    for receipt in receipts:
        validator.validate(receipt)
        assert receipt["consentTimestamp"] == NOON
        assert isinstance(receipt["consentTimestamp"], int)


def test_a_receipt_calls_nothing_consent_that_is_none(tmp_path: Path, holdfire: Command) -> None:
    """EXPLICIT stands where the visitor said yes, and nowhere else."""
    with running(tmp_path) as service:
        acts = {event_id: key for key, event_id in every_act(service).items()}
    for receipt in holdfire("records", "export", "--format", "kantara").lines:
        place, action = acts[receipt["consentReceiptID"]]
        explicit = {
            service["service"]
            for service in receipt["services"]
            for purpose in service["purposes"]
            if purpose["consentType"] == "EXPLICIT"
        }
        everything = {tag.name for tag in demo_site().services}
        of_analytics = {"PostHog", "Plausible"} if place in OPT_IN else set()
        assert explicit == {"accept_all": everything, "save": of_analytics}.get(action, set())


async def test_a_hand_over_is_left_out_and_counted() -> None:
    """It is no act of the visitor, so no standard has a form for it; who exports is told."""
    made = sample()
    other = evidence.HandOff(site="sister", event_id=made.event_id, acted_ms=0)
    proof = msgspec.structs.replace(evidence.read(made), handed_to=other)
    handed = msgspec.structs.replace(made, evidence=evidence.encode(proof))
    for name in STANDARDS:
        store, out, told = endless(3, handed), io.StringIO(), io.StringIO()
        written = Documents(name, store, {"demo": demo_site()}, {})

        assert await export.write(store, Selection(), written, out, progress=told) == 0
        assert out.getvalue() == ""
        assert told.getvalue() == "0 records\n3 left out: hand-overs, which are no consent\n"


# ---------------------------------------------------------------- at any length


class Endless:
    """A store with many records of one kind, made as they are read."""

    def __init__(self, count: int, record: Record | None = None) -> None:
        self.count = count
        self.record = record or sample()

    async def heads(self) -> tuple[Head, ...]:
        """One log."""
        return (Head(1, "localhost/log/2026", self.count, 0, bytes(32), ()),)

    async def scan(
        self,
        site: str | None = None,  # noqa: ARG002 -- the contract has it, and all are of one site
    ) -> AsyncIterator[Record]:
        """Records by the thousand."""
        for index in range(self.count):
            yield msgspec.structs.replace(self.record, log_index=index)

    async def artefact(self, digest: str) -> None:
        """Nothing is kept."""


def endless(count: int, record: Record | None = None) -> Store:
    """Such a store; exports ask no more of one."""
    return cast("Store", Endless(count, record))


class Sink(io.StringIO):
    """Where output goes that nobody keeps."""

    def write(self, text: str) -> int:
        """Forget it."""
        return len(text)


async def test_memory_does_not_grow_with_the_log() -> None:
    """Ten times the records take no more memory."""
    peaks = {}
    for count in (200, 2_000):
        tracemalloc.start()
        await export.write(endless(count), Selection(), Lines(), Sink(), progress=Sink())
        peaks[count] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert peaks[2_000] < peaks[200] + 20_000


class Count:
    """A form that says little, and quickly."""

    def head(self) -> str:
        """Nothing."""
        return ""

    async def record(self, record: Record, origin: str) -> str:
        """Where it is."""
        return f"{origin} {record.log_index}\n"


async def test_progress_is_told_while_records_are_read() -> None:
    """How many, how fast, and how much of the log: a line for every ten thousand."""
    told = io.StringIO()
    clock = itertools.count().__next__
    store = endless(20_001)

    await export.write(store, Selection(), Count(), Sink(), progress=told, clock=clock)

    assert told.getvalue().splitlines() == [
        "10000 records, 10000 read, 10000/s, 49 % of the log",
        "20000 records, 20000 read, 10000/s, 99 % of the log",
        "20001 records",
    ]


def sample() -> Record:
    """A record as the service makes them."""
    proof = {
        "v": 1,
        "site": "demo",
        "event_id": "e",
        "seq": 1,
        "prev": None,
        "action": "save",
        "layer": 1,
        "control": "save",
        "categories": {"analytics": True},
        "services": {},
        "effective": {"analytics": True},
        "effective_services": {},
        "left_on": [],
        "late": False,
        "shown_services": ["posthog"],
        "decisions": {},
        "language": "en",
        "shown": dict.fromkeys(
            ("notice_version", "current_version", "texts", "config", "sdk", "boot"), "0"
        ),
        "regime": {"id": "de", "model": "opt_in", "picked_by": "country"},
        "location": {"country": "DE", "region": None, "source": "database", "confidence": "high"},
        "age": None,
        "residence": None,
        "signals": {},
        "gpc_noticed": False,
        "dnt_noticed": False,
        "client_time": "2026-11-21T12:00:00Z",
        "server_ms": 0,
        "skewed": False,
        "valid_until": 0,
        "keep_days": None,
        "via": "banner",
    }
    person = {"visitor": "v", "address_prefix": "", "browser": "Firefox"}
    return Record(
        log=1,
        log_index=0,
        seq=1,
        site="demo",
        visitor="v",
        event_id="e",
        fingerprint=bytes(32),
        recorded_ms=0,
        evidence=json.dumps(proof).encode(),
        subject=json.dumps(person).encode(),
    )
