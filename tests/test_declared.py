"""What the law makes of the page's own words: an age, a residence, a signal that is remembered."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from holdfire import app, compliance, regimes
from holdfire.errors import ConfigError
from holdfire.model import Attestations
from house import ROOT, Service, demo_site, running

LAW = regimes.load(ROOT / "config/regimes")


def rules(service: Service, geo: str, more: str = "") -> Any:
    """The table a boot script carries at a place."""
    body = service.client.get(f"/s/demo.js?geo={geo}{more}").text
    found = re.search(r"\n\}\((\{.*\})\);\n$", body, re.DOTALL)
    assert found is not None
    return json.loads(found[1])["rules"]


def test_a_declared_age_denies_what_the_law_denies_at_it(service: Service) -> None:
    """In Connecticut nobody under 18 is sold, whatever they agreed to."""
    service.choose("accept_all")

    assert service.reason("marketing&geo=US-CT") == "choice_granted"
    assert service.reason("marketing&geo=US-CT&age=17") == "minor"
    assert service.reason("analytics&geo=US-CT&age=17") == "choice_granted"


@pytest.mark.parametrize("age", ["", "-1", "1.5", "abc", "151", "9999", "١٥"])
def test_an_age_that_is_none_is_refused(service: Service, age: str) -> None:
    """Years are counted in digits."""
    answer = service.client.get(
        f"{service.base}/decision", params={"category": "analytics", "age": age}
    )

    assert answer.status_code == 400


def test_a_declared_residence_only_ever_tightens(service: Service) -> None:
    """A German in Texas is asked; a Texan in Germany is asked all the same."""
    assert service.get("/notice?geo=US-TX").json()["prompt"] == "link"
    german = service.get("/notice?geo=US-TX&residence=DE").json()
    texan = service.get("/notice?geo=DE&residence=US-TX").json()

    assert german["prompt"] == texan["prompt"] == "banner"
    assert german["regime"]["model"] == texan["regime"]["model"] == "opt_in"
    assert rules(service, "US-TX", "&residence=DE")["model"] == "opt_in"


def test_what_was_declared_is_in_the_record(service: Service) -> None:
    """The proof says on whose word the law was picked."""
    service.post(service.choice("reject_all"), query="?geo=US-TX&age=15&residence=US-CA")
    stored = service.folder / "holdfire.db"

    assert b'"age":15,"residence":["US","CA"]' in stored.read_bytes() + wal(stored)


def wal(database: Path) -> bytes:
    """What has not been folded into the file yet."""
    log = database.with_name(database.name + "-wal")
    return log.read_bytes() if log.exists() else b""


def test_a_remembered_signal_denies_when_the_signal_is_gone(service: Service) -> None:
    """GPC recorded as an opt-out stands in California without the header, with its own reason."""
    gpc = {"categories": {"functional": True, "analytics": True, "marketing": False}}
    answer = service.choose(
        "opt_out", layer=0, control="gpc", headers={"sec-gpc": "1"}, **gpc
    ).json()

    assert answer["decisions"]["marketing"] == {"allow": False, "reason": "gpc"}
    assert service.reason("marketing") == "gpc"
    assert service.reason("analytics") == "default_granted"
    assert service.get("/notice?geo=DE").json()["prompt"] == "banner"


def test_a_later_consent_ends_a_remembered_signal(service: Service) -> None:
    """What the visitor says with the signal off is a consent like any other."""
    gpc = {"categories": {"functional": True, "analytics": True, "marketing": False}}
    service.choose("opt_out", layer=0, control="gpc", headers={"sec-gpc": "1"}, **gpc)
    service.choose("accept_all")

    assert service.reason("marketing") == "choice_granted"


def test_the_page_is_told_what_the_law_asks_of_it(service: Service) -> None:
    """A close control in Italy, a standing signal in California, neither in Germany."""
    assert rules(service, "IT")["close"] is True
    assert rules(service, "DE")["close"] is False
    assert rules(service, "US-CA")["remember_gpc"] is True
    assert rules(service, "US-VA")["remember_gpc"] is False
    assert rules(service, "DE")["remember_gpc"] is False


def test_the_owners_lifetime_of_a_choice_ends_with_the_regulators(tmp_path: Path) -> None:
    """365 days wanted: 180 in Ireland, where the regulator says so, 365 in Austria."""
    site = msgspec.structs.replace(demo_site(), choice_days=365)
    with running(tmp_path, site=site) as service:
        assert rules(service, "IE")["choice_days"] == 180
        assert rules(service, "AT")["choice_days"] == 365


def test_an_overlay_a_site_switches_on_makes_california_ask(tmp_path: Path) -> None:
    """The owner's stricter reading holds where it applies, and nowhere else."""
    site = msgspec.structs.replace(demo_site(), overlays=("us-ca-cipa",))
    with running(tmp_path, site=site) as service:
        assert service.get("/notice?geo=US-CA").json()["prompt"] == "banner"
        assert service.get("/notice?geo=US-CO").json()["prompt"] == "link"


@pytest.mark.parametrize("name", ["eu-omnibus", "us-ca-cypher"])
def test_an_overlay_that_is_not_law_stops_the_start(tmp_path: Path, name: str) -> None:
    """A proposal or a slip of the pen is found before the first visitor."""
    site = msgspec.structs.replace(demo_site(), overlays=(name,))
    with pytest.raises(ConfigError) as refused, running(tmp_path, site=site):
        pass

    (problem,) = refused.value.problems
    assert (problem.file, problem.key) == ("demo.toml", "overlays")
    assert name in problem.what


def test_an_establishment_is_a_floor_everywhere(tmp_path: Path) -> None:
    """An owner in Germany owes the GDPR to visitors in Texas (GDPR Art 3(1))."""
    with running(tmp_path, establishment="de") as service:
        assert service.get("/notice?geo=US-TX").json()["prompt"] == "banner"


def test_an_unknown_establishment_stops_the_start(tmp_path: Path) -> None:
    """A regime nobody knows is found before the first visitor."""
    with pytest.raises(ConfigError), running(tmp_path, establishment="atlantis"):
        pass


def test_two_sites_cannot_claim_one_origin() -> None:
    """A page belongs to one site."""
    demo = demo_site()
    twin = msgspec.structs.replace(demo, id="twin")
    (problem,) = compliance.faults({"demo": demo, "twin": twin}, LAW)

    assert problem.file == "twin.toml"
    assert "also an origin of demo" in problem.what


def test_check_tells_what_a_law_forbids_or_ends_sooner() -> None:
    """A wall where walls are forbidden, a lifetime past the regulator's, no word on DNT."""
    site = msgspec.structs.replace(
        demo_site(),
        attestations=Attestations(cookie_wall=True),
        choice_days=400,
        links={},
    )
    found = {problem.key: problem.what for problem in compliance.concerns({"demo": site}, LAW)}

    assert "nl" in found["attestations.cookie_wall"]
    assert "fr 180" in found["choice_days"]
    assert "22575" in found["links.privacy_policy"]
    assert compliance.concerns({"demo": demo_site()}, LAW) == []


def test_every_script_a_visitor_may_be_handed_is_made_ahead(tmp_path: Path) -> None:
    """At every place, in every language, today's script is on the shelf before it is asked for."""
    with running(tmp_path) as service:
        scripts = app.every_script(service.client.app.state.house.ctx)  # type: ignore[attr-defined]  # the client types it as any ASGI callable

    assert len({regime.id for _, regime, _ in scripts}) > 120
    assert {language for *_, language in scripts} == {"en", "de"}


def test_a_trailing_slash_is_no_redirect(service: Service) -> None:
    """A redirect would repeat whatever host a request named."""
    answer = service.get("/notice/", headers={"host": "evil.example"}, follow_redirects=False)

    assert answer.status_code == 404
    assert "location" not in answer.headers


def test_signals_are_counted_without_anybody_in_the_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """At the end the log says how many views sent which signal, by site and regime."""
    caplog.set_level("INFO", "holdfire.signals")
    with running(tmp_path) as service:
        for headers in ({}, {"sec-gpc": "1"}, {"sec-gpc": "1", "dnt": "1"}, {"dnt": "0"}):
            service.client.get("/s/demo.js?geo=US-VA", headers=headers)
        service.client.get("/s/demo.js?geo=DE")

    lines = [r.getMessage() for r in caplog.records if r.name == "holdfire.signals"]
    assert lines == [
        "site=demo regime=de views=1 gpc=0 dnt=0",
        "site=demo regime=us-va views=4 gpc=2 dnt=1",
    ]
