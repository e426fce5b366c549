"""The command line, run as its users run it."""

import csv
import io
import json
import logging
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from holdfire.cli.opening import JsonLines
from house import ROOT, STATED, demo_site, running


def holdfire(
    *arguments: str, folder: Path, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in an empty folder."""
    return subprocess.run(
        [sys.executable, "-m", "holdfire", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def explained(folder: Path, *arguments: str) -> Any:
    """The JSON answer of ``explain``."""
    ran = holdfire("explain", *arguments, "--json", folder=folder)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_explain_says_what_holds_and_on_whose_authority(tmp_path: Path) -> None:
    """Place to regime to each category, every step with law, source, date and confidence."""
    answer = explained(
        tmp_path, "--country", "US", "--region", "CO", "--gpc", "--date", "2026-11-21"
    )

    assert answer["regime"] == {"id": "us-co", "model": "opt_out", "label": "Colorado"}
    assert answer["location"] == {
        "country": "US",
        "region": "CO",
        "source": "override",
        "confidence": "high",
    }
    assert answer["categories"]["marketing"] == {"allow": False, "reason": "gpc"}
    assert answer["categories"]["analytics"] == {"allow": True, "reason": "default_granted"}
    assert answer["sale_or_share"] == {"allow": False, "reason": "gpc"}
    assert answer["prompt"] == "link"
    assert answer["opt_out_status"] == "none"
    assert set(answer) == {
        "regime",
        "location",
        "prompt",
        "opt_out_status",
        "sale_or_share",
        "categories",
        "trace",
    }
    marketing = next(s for s in answer["trace"] if s["step"] == "category marketing")
    assert "6-1-1306" in marketing["law"]
    assert marketing["as_of"] == "2026-11-21"
    assert marketing["confidence"] == "high"


def test_explain_finds_an_address(tmp_path: Path) -> None:
    """``--ip`` asks the geo database, and a private address is an unknown place."""
    geo = {"HOLDFIRE_GEO_DATABASE": str(ROOT / "tests/data/geo-test.mmdb")}
    ran = holdfire("explain", "--ip", "198.18.4.1", "--json", folder=tmp_path, **geo)
    private = holdfire("explain", "--ip", "192.168.1.1", "--json", folder=tmp_path, **geo)

    assert json.loads(ran.stdout)["regime"]["id"] == "us-ca"
    assert json.loads(private.stdout)["regime"]["id"] == "strictest"


def test_explain_answers_a_table_of_cases_in_order(tmp_path: Path) -> None:
    """``--batch`` answers a line a line; a line that is no question gets an error in its place."""
    lines = [
        {"country": "DE"},
        {"country": "US", "region": "CA", "gpc": True, "prior": "accept_all"},
        {"country": "CL", "date": "2026-11-30"},
        {"country": "CL", "date": "2026-12-01"},
        {"planet": "Mars"},
        {"country": "FR", "attest": ["analytics"]},
        {"country": "FR", "attest": "analytics,functional"},
        {"country": "US", "date": "tomorrow"},
    ]
    ran = holdfire(
        "explain", "--batch", "-", folder=tmp_path, stdin="\n".join(map(json.dumps, lines))
    )
    answers = [json.loads(line) for line in ran.stdout.splitlines()]

    assert ran.returncode == 2
    assert [a.get("regime", {}).get("id") for a in answers] == [
        "de",
        "us-ca",
        "cl-19628",
        "cl",
        None,
        "fr",
        "fr",
        None,
    ]
    assert "planet" in answers[4]["error"]
    assert answers[5]["categories"]["analytics"] == {"allow": True, "reason": "exempt_granted"}
    assert "tomorrow" in answers[7]["error"]


WRONG: list[tuple[dict[str, object], str]] = [
    ({"ip": "not-an-address"}, "ip"),
    ({"ip": "198.18.4.1/24"}, "ip"),
    ({"region": "CA"}, "country"),
    ({"country": "D"}, "country"),
    ({"country": "DEU"}, "country"),
    ({"country": "ß"}, "country"),
    ({"country": ""}, "country"),
    ({"country": "US", "region": "California"}, "region"),
    ({"country": "US", "region": "DE-BY"}, "region"),
    ({"country": "US", "region": "US-"}, "region"),
    ({"country": "US", "age": -1}, "age"),
    ({"country": "US", "age": 151}, "age"),
    ({"country": "US", "attest": "analytics,marketing"}, "attest"),
    ({"country": "US", "date": "20261121"}, "date"),
    ({"country": "US", "date": "2026-W47-6"}, "date"),
    ({"country": "US", "date": "2026-02-30"}, "date"),
    ({"country": "US", "date": ""}, "date"),
    ({"country": "US", "residence": "Ohio"}, "residence"),
    ({"country": "US", "residence": "US-"}, "residence"),
]


def test_explain_refuses_what_it_cannot_mean(tmp_path: Path) -> None:
    """Each wrong question of a table gets an error that names the member, in its place."""
    lines = "\n".join(json.dumps(question) for question, _ in WRONG)
    ran = holdfire("explain", "--batch", "-", folder=tmp_path, stdin=lines)
    answers = [json.loads(line) for line in ran.stdout.splitlines()]

    assert ran.returncode == 2
    assert len(answers) == len(WRONG)
    for (question, member), answer in zip(WRONG, answers, strict=True):
        assert list(answer) == ["error"], question
        assert member in answer["error"], (question, answer)


def test_explain_takes_codes_as_people_write_them(tmp_path: Path) -> None:
    """Aliases, prefixes and placeholders are read; a code no law knows is the strictest place."""
    cases = [
        ({"country": "us", "region": "us-ca"}, "us-ca"),
        ({"country": "US", "region": "USCA"}, "us-ca"),
        ({"country": "US", "region": ""}, "us-strictest"),
        ({"country": "UK", "region": "GB-ENG"}, "gb"),
        ({"country": "EL"}, "gr"),
        ({"country": "T1"}, "strictest"),
        ({"country": "XX"}, "strictest"),
        ({"country": "QQ", "region": "ABC"}, "strictest"),
        ({}, "strictest"),
    ]
    lines = "\n".join(json.dumps(question) for question, _ in cases)
    ran = holdfire("explain", "--batch", "-", folder=tmp_path, stdin=lines)
    found = [json.loads(line) for line in ran.stdout.splitlines()]

    assert ran.returncode == 0, ran.stdout
    assert [answer["regime"]["id"] for answer in found] == [regime for _, regime in cases]


def test_explain_obeys_the_operators_settings(tmp_path: Path) -> None:
    """The establishment is the least that holds, an override all: as the service itself decides."""
    asked = ("explain", "--country", "US", "--region", "TX", "--json")
    alone = json.loads(holdfire(*asked, folder=tmp_path).stdout)
    german = {"HOLDFIRE_ESTABLISHMENT": "de"}
    floor = json.loads(holdfire(*asked, folder=tmp_path, **german).stdout)
    override = {"HOLDFIRE_REGIME_OVERRIDE": "fr"}
    fixed = json.loads(holdfire(*asked, folder=tmp_path, **override).stdout)

    assert alone["categories"]["marketing"]["allow"] is True
    assert floor["categories"]["marketing"]["allow"] is False
    assert floor["regime"]["model"] == "opt_in"
    assert "floor" in {step["step"] for step in floor["trace"]}
    assert fixed["regime"]["id"] == "fr"


def test_explain_follows_a_residence(tmp_path: Path) -> None:
    """Where a known visitor lives tightens what holds where they are, and never loosens it."""
    there = explained(tmp_path, "--country", "US", "--region", "TX", "--residence", "DE")
    here = explained(tmp_path, "--country", "DE", "--residence", "us-tx")

    assert there["categories"]["marketing"]["allow"] is False
    assert here["categories"]["marketing"]["allow"] is False
    assert "residence" in {step["step"] for step in there["trace"]}


@pytest.mark.parametrize("quality", ["vpn", "tor", "hosting"])
def test_explain_does_not_believe_a_hidden_address(tmp_path: Path, quality: str) -> None:
    """An address said to hide its user is in no place, whatever the database knows of it."""
    geo = {"HOLDFIRE_GEO_DATABASE": str(ROOT / "tests/data/geo-test.mmdb")}
    asked = ("explain", "--ip", "198.18.4.1", "--quality", quality, "--json")
    answer = json.loads(holdfire(*asked, folder=tmp_path, **geo).stdout)

    assert answer["regime"]["id"] == "strictest"


def test_explain_keeps_the_country_of_a_satellite(tmp_path: Path) -> None:
    """A satellite link tells the country and not the state, by address as by name."""
    geo = {"HOLDFIRE_GEO_DATABASE": str(ROOT / "tests/data/geo-test.mmdb")}
    asked = ("explain", "--ip", "198.18.4.1", "--quality", "satellite", "--json")
    answer = json.loads(holdfire(*asked, folder=tmp_path, **geo).stdout)
    named = explained(tmp_path, "--country", "US", "--region", "CA", "--quality", "satellite")

    assert answer["regime"]["id"] == named["regime"]["id"] != "us-ca"


def test_explain_is_readable_without_json(tmp_path: Path) -> None:
    """A person gets the verdicts first and the authorities after."""
    ran = holdfire("explain", "--country", "DE", folder=tmp_path)

    assert ran.stdout.startswith("Germany (de, opt_in)\n")
    assert "marketing     deny   default_denied" in ran.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "--country", "DE", "--site", "nobody"],
        ["explain", "--quality", "perfect"],
        ["explain", "--country", "DE", "--date", "2026-13-01"],
        ["explain", "--ip", "nowhere"],
        ["explain", "--region", "CA"],
        ["explain", "--country", "DE", "--age", "-1"],
        ["explain", "--country", "DE", "--attest", "everything"],
        ["explain", "--batch", "missing.ndjson"],
        ["explain", "--batch", "."],
        ["records", "export"],
        ["serve", "--geo", "DE"],
        ["nothing"],
        [],
    ],
)
def test_a_wrong_call_ends_with_two(tmp_path: Path, arguments: list[str]) -> None:
    """Usage errors say what is wrong on standard error and exit with 2."""
    ran = holdfire(*arguments, folder=tmp_path)

    assert ran.returncode == 2
    assert ran.stderr
    assert "Traceback" not in ran.stderr


def test_check_finds_nothing_in_what_is_shipped(tmp_path: Path) -> None:
    """The shipped configuration is in order."""
    ran = holdfire("check", "--no-render", folder=tmp_path)

    assert (ran.returncode, ran.stdout) == (0, "No problems found.\n"), ran.stderr


def test_check_reports_every_problem_at_once(tmp_path: Path) -> None:
    """Faults of several kinds and files come together, each with file, key and remedy."""
    sites = tmp_path / "sites"
    sites.mkdir()
    demo = (ROOT / "config/sites/demo.toml").read_text()
    (sites / "demo.toml").write_text(
        demo.replace('category = "functional"', 'category = "fun"', 1).replace(
            "origins = [", 'colour = "red"\norigins = ["https://*.example", ', 1
        )
    )
    settings = {"HOLDFIRE_SITES_DIR": str(sites), "HOLDFIRE_ESTABLISHMENT": "atlantis"}
    ran = holdfire("check", "--json", "--no-render", folder=tmp_path, **settings)
    found = json.loads(ran.stdout)

    assert ran.returncode == 1
    assert len(found) >= 4
    assert all(problem["remedy"] and problem["what"] for problem in found)
    said = " ".join(f"{p['key']} {p['what']}" for p in found)
    assert "colour" in said
    assert "fun" in said
    assert "establishment" in said
    assert "origins" in said


def test_a_wrong_setting_stops_the_start(tmp_path: Path) -> None:
    """File, key, what is wrong, what to do; and nothing listens."""
    (tmp_path / "holdfire.toml").write_text("prot = 80\n")
    ran = holdfire("serve", folder=tmp_path)

    assert ran.returncode == 2
    assert "holdfire.toml: prot" in ran.stderr
    assert "port" in ran.stderr


@pytest.mark.parametrize("command", [["serve"], ["explain", "--ip", "198.18.4.1"]])
def test_a_folder_that_cannot_be_made_is_a_problem(tmp_path: Path, command: list[str]) -> None:
    """Where nothing can be kept, one line says so and the start ends."""
    ran = holdfire(*command, folder=tmp_path, HOLDFIRE_DATA_DIR="/proc/nope")

    assert ran.returncode == 2
    assert ran.stderr.startswith("/proc/nope")
    assert ran.stderr.count("\n") == 1


def test_a_taken_port_stops_the_start(tmp_path: Path) -> None:
    """One line names the port, nothing is opened, and the exit code is that of a wrong setting."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = holdfire("serve", folder=tmp_path, HOLDFIRE_PORT=port)

    assert ran.returncode == 2
    assert port in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert "Traceback" not in ran.stderr


def test_an_export_without_records_says_so(tmp_path: Path) -> None:
    """A store that is not there is an error that names it; nothing is made by asking."""
    ran = holdfire("records", "export", folder=tmp_path)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert "var/holdfire.db" in ran.stderr
    assert not list(tmp_path.iterdir())


def test_a_pseudonym_may_begin_with_a_dash(tmp_path: Path) -> None:
    """One in sixty-four does, and is not taken for an option."""
    ran = holdfire("erase", "--site", "demo", "--visitor", f"-{'A' * 21}", folder=tmp_path)

    assert "expected one argument" not in ran.stderr


def test_a_log_line_names_the_request() -> None:
    """The id that an error body asks to report stands in the line of its fault."""
    record = logging.LogRecord("holdfire.faults", logging.ERROR, "", 0, "unexpected", None, None)
    formatter = JsonLines()
    plain = json.loads(formatter.format(record))
    record.__dict__["request_id"] = "0123456789abcdef"

    assert "request_id" not in plain
    assert json.loads(formatter.format(record))["request_id"] == "0123456789abcdef"


def test_snippet_cannot_break_out_of_its_attribute(tmp_path: Path) -> None:
    """What is asked for as a base is printed as text of the attribute, whatever it holds."""
    ran = holdfire("snippet", "--base", '/a"><b>&', folder=tmp_path)

    assert 'src="/a&quot;&gt;&lt;b&gt;&amp;/s/demo.js"' in ran.stdout


def test_snippet_prints_what_to_paste(tmp_path: Path) -> None:
    """Two lines: a queue that is there at once, and one asynchronous script."""
    ran = holdfire("snippet", "--site", "demo", "--base", "/consent/", folder=tmp_path)

    assert ran.stdout == (
        "<script>window.holdfire=window.holdfire||[]</script>\n"
        '<script async src="/consent/s/demo.js"></script>\n'
    )


def test_records_are_exported_whole(tmp_path: Path) -> None:
    """NDJSON holds every record with both blocks; CSV a row each that no spreadsheet runs."""
    with running(tmp_path) as service:
        service.choose("accept_all", headers={"user-agent": "Mozilla/5.0 Firefox/140.0"})
        service.choose("withdraw")
    database = {"HOLDFIRE_DATABASE": f"sqlite:///{tmp_path}/holdfire.db"}
    ndjson = holdfire("records", "export", folder=tmp_path, **database)
    table = holdfire("records", "export", "--format", "csv", folder=tmp_path, **database)
    nobody = holdfire("records", "export", "--site", "nobody", folder=tmp_path, **database)
    records = [json.loads(line) for line in ndjson.stdout.splitlines()]
    rows = list(csv.DictReader(io.StringIO(table.stdout)))

    assert [r["log_index"] for r in records] == [STATED, STATED + 1]
    assert [r["evidence"]["action"] for r in records] == ["accept_all", "withdraw"]
    assert records[0]["subject"]["browser"] == "Firefox"
    assert records[0]["subject"]["address_prefix"] == "198.18.4.0/24"
    assert [row["seq"] for row in rows] == ["1", "2"]
    assert "2 records" in ndjson.stderr
    assert (nobody.returncode, nobody.stdout, nobody.stderr) == (0, "", "0 records\n")


def test_a_record_holds_what_a_proof_needs(tmp_path: Path) -> None:
    """State, act, text, law and how it was picked, signals, times; and no address, no user agent."""
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    with running(tmp_path) as service:
        service.choose(
            categories={"functional": True, "analytics": True, "marketing": False},
            services={"plausible": False},
            layer=2,
            headers={"user-agent": agent, "sec-gpc": "1"},
        )
    database = {"HOLDFIRE_DATABASE": f"sqlite:///{tmp_path}/holdfire.db"}
    exported = holdfire("records", "export", folder=tmp_path, **database).stdout
    record = json.loads(exported)
    proof = record["evidence"]

    assert proof["categories"] == {"functional": True, "analytics": True, "marketing": False}
    assert proof["services"] == {"plausible": False}
    assert (proof["action"], proof["layer"], proof["control"]) == ("save", 2, "save")
    assert proof["regime"] == {"id": "us-ca", "model": "opt_out", "picked_by": "subdivision"}
    assert proof["location"]["source"] == "database"
    assert proof["signals"] == {"gpc": True, "dnt": None}
    assert proof["gpc_noticed"] is True
    assert proof["shown"]["notice_version"] == demo_site().version
    assert all(len(proof["shown"][key]) == 64 for key in ("texts", "config"))
    assert proof["language"] == "en"
    assert proof["client_time"] == "2026-11-21T12:00:00Z"
    assert proof["server_ms"] == 1_795_262_400_000
    assert proof["decisions"]["marketing"] == {"allow": False, "reason": "choice_denied"}
    assert "198.18.4.1" not in exported
    assert "Gecko" not in exported


def test_logs_hold_no_address_and_no_agent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Marked values sent through every kind of request never come out in a log line."""
    caplog.set_level("DEBUG")
    marked = {"user-agent": "MARKED-agent", "x-forwarded-for": "203.0.113.77", "referer": "MARKED"}
    with running(tmp_path) as service:
        service.choose("accept_all", headers=marked)
        for path in ("/notice", "/decision?category=MARKED", "/tags/MARKED.js", "/MARKED"):
            service.get(path, headers=marked)
        token = service.client.cookies["holdfire_demo"]

    lines = [r for r in caplog.records if not r.name.startswith("httpx2")]  # the test's own client
    assert lines
    for record in lines:
        line = record.getMessage()
        for secret in ("MARKED", "198.18.4.1", "203.0.113", token, "category="):
            assert secret not in line, line
