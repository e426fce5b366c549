"""What the law makes of the page's own words: an age, a residence, a signal that is remembered."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from handed import handed_in
from holdfire import app, compliance, regimes
from holdfire.errors import ConfigError
from holdfire.model import Attestations
from house import ROOT, STATED, Service, demo_site, running

LAW = regimes.load(ROOT / "config/regimes")
NO_MINORS = "NZ"  # its law has no rule for them


def rules(service: Service, geo: str, more: str = "") -> Any:
    """The table a boot script carries at a place."""
    boot, _ = handed_in(service.client.get(f"/s/demo.js?geo={geo}{more}").text)
    return boot["rules"]


def test_a_declared_age_denies_what_the_law_denies_at_it(service: Service) -> None:
    """In Connecticut nobody under 18 is sold, whatever they agreed to."""
    service.choose("accept_all")

    assert service.reason("marketing&geo=US-CT") == "choice_granted"
    assert service.reason("marketing&geo=US-CT&age=17") == "minor"
    assert service.reason("analytics&geo=US-CT&age=17") == "choice_granted"


def test_an_age_is_remembered_by_who_asks_without_it(service: Service) -> None:
    """A gate in the page's markup, and a server with a token, decide as the page was told."""
    chosen = service.post(service.choice("accept_all"), query="?geo=US-CT&age=15").json()
    bearer = {"authorization": f"Bearer {chosen['token']}"}

    assert chosen["decisions"]["marketing"] == {"allow": False, "reason": "minor"}
    assert service.reason("marketing&geo=US-CT") == "minor"
    assert service.get("/tags/mixpanel.js?geo=US-CT").text.startswith("/* holdfire: held")
    notice = service.get("/notice?geo=US-CT").json()
    assert {c["id"]: c["reason"] for c in notice["categories"]}["marketing"] == "minor"
    service.client.cookies.clear()
    assert service.reason("marketing&geo=US-CT", headers=bearer) == "minor"
    assert service.reason("marketing&geo=US-CT") == "default_granted"


def test_the_smaller_of_two_ages_counts(service: Service) -> None:
    """What was said with the choice is no longer true for saying more, and may be said less."""
    service.post(service.choice("accept_all"), query="?geo=US-CT&age=30")

    assert service.reason("marketing&geo=US-CT&age=40") == "choice_granted"
    assert service.reason("marketing&geo=US-CT&age=15") == "minor"
    service.post(service.choice("accept_all"), query="?geo=US-CT&age=15")
    assert service.reason("marketing&geo=US-CT&age=40") == "minor"


@pytest.mark.parametrize("later", ["", "&age=40"])
def test_a_later_choice_does_not_make_older(service: Service, later: str) -> None:
    """An act without an age, or with a greater one, keeps the age that is known."""
    service.post(service.choice("reject_all"), query="?geo=US-CT&age=15")
    chosen = service.post(service.choice("accept_all"), query=f"?geo=US-CT{later}").json()

    assert chosen["decisions"]["marketing"]["reason"] == "minor"
    assert service.reason("marketing&geo=US-CT") == "minor"
    stored = service.folder / "holdfire.db"
    kept = stored.read_bytes() + wal(stored)
    assert b'"age":15,' in kept
    assert b'"age":40,' not in kept
    assert b'"age":null,' not in kept


def test_an_older_token_does_not_outlive_an_age(service: Service) -> None:
    """A token from before the age was said is answered by the record of it."""
    before = service.choose("accept_all").json()["token"]
    service.post(service.choice("accept_all"), query="?geo=US-CT&age=15")
    service.client.cookies.clear()

    bearer = {"authorization": f"Bearer {before}"}
    assert service.reason("marketing&geo=US-CT", headers=bearer) == "minor"


def test_a_token_says_the_age_where_its_record_is_gone(service: Service) -> None:
    """A log that was begun anew knows nobody; what the service signed still counts against it."""
    bearer = {"authorization": f"Bearer {service.signed('B' * 22, age=15)}"}

    assert service.reason("marketing&geo=US-CT", headers=bearer) == "minor"
    chosen = service.post(service.choice("accept_all"), headers=bearer, query="?geo=US-CT").json()
    assert chosen["decisions"]["marketing"]["reason"] == "minor"


def test_a_site_that_asks_waits_for_the_answer(tmp_path: Path) -> None:
    """Until the age is said nothing that a rule for minors touches is allowed; the rest is."""
    site = msgspec.structs.replace(demo_site(), ask_age=True)
    with running(tmp_path, site=site) as service:
        assert rules(service, "US-CT")["ask_age"] is True
        assert service.reason("marketing&geo=US-CT") == "minor"
        assert service.reason("functional&geo=US-CT") == "default_granted"
        assert service.reason("marketing&geo=US-CT&age=18") == "default_granted"
        service.post(service.choice("accept_all"), query="?geo=US-CT")
        assert service.reason("marketing&geo=US-CT") == "minor"
        service.post(service.choice("accept_all"), query="?geo=US-CT&age=18")
        assert service.reason("marketing&geo=US-CT") == "choice_granted"


def test_nobody_is_asked_where_no_rule_depends_on_it(tmp_path: Path) -> None:
    """A question without a use would only gather data (GDPR Art 5(1)(c))."""
    site = msgspec.structs.replace(demo_site(), ask_age=True)
    with running(tmp_path, site=site) as service:
        assert not any(rule["minors"] for rule in rules(service, NO_MINORS)["categories"])
        assert rules(service, NO_MINORS)["ask_age"] is False
        assert service.reason(f"marketing&geo={NO_MINORS}") == "default_granted"


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
    kept = stored.read_bytes() + wal(stored)

    assert b'"age":15,' in kept
    assert b'"residence":["US","CA"]' in kept


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


def test_check_tells_that_no_interest_replaces_a_consent_for_cookies() -> None:
    """Cookies or storage outside the necessary want a yes, whatever basis is named beside them."""
    demo = demo_site()
    claimed = tuple(
        msgspec.structs.replace(s, legal_basis="legitimate_interest") for s in demo.services
    )
    needed = msgspec.structs.replace(claimed[0], id="cart", category="necessary")
    site = msgspec.structs.replace(demo, services=(*claimed, needed))
    found = {problem.key: problem.what for problem in compliance.concerns({"demo": site}, LAW)}

    assert set(found) == {
        f"service[{key}].legal_basis" for key in ("posthog", "mixpanel", "ad-pixel", "chat")
    }
    assert all("ePrivacy Directive Art 5(3)" in what for what in found.values())


def test_the_scripts_that_are_likely_are_made_ahead(tmp_path: Path) -> None:
    """At every place, in its language, today's scripts are on the shelf before they are asked for."""
    with running(tmp_path) as service:
        scripts = app.likely_scripts(service.client.app.state.house.ctx)  # type: ignore[attr-defined]  # the client types it as any ASGI callable

    assert len({asked.regime.id for asked in scripts}) > 120
    assert {(asked.signals.gpc, asked.fresh) for asked in scripts} == {
        (False, False),
        (False, True),
        (True, False),
        (True, True),
    }
    assert {"en", "de", "fr", "ja"} <= {asked.language for asked in scripts}


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


def test_what_is_left_on_is_no_consent_where_consent_is_asked_for(service: Service) -> None:
    """Saved in Texas with nothing touched, it neither opens Germany nor beats a signal."""
    everything = {"functional": True, "analytics": True, "marketing": True}
    service.post(service.choice("save", categories=everything, layer=2), query="?geo=US-TX")

    assert service.reason("marketing&geo=US-TX") == "choice_granted"
    assert service.reason("marketing&geo=US-TX&gpc=1") == "gpc"
    assert service.reason("marketing&geo=DE") == "default_denied"
    assert service.get("/notice?geo=DE").json()["prompt"] == "banner"


def test_what_is_left_on_twice_is_still_no_consent(service: Service) -> None:
    """Saving again what was never asked for does not make it asked for."""
    everything = {"functional": True, "analytics": True, "marketing": True}
    for _ in range(2):
        service.post(service.choice("save", categories=everything, layer=2), query="?geo=US-TX")

    assert service.reason("marketing&geo=DE") == "default_denied"


def test_what_was_switched_on_is_a_consent_wherever(service: Service) -> None:
    """A yes to what was off is a yes in Texas as in Germany."""
    off = {"functional": True, "analytics": True, "marketing": False}
    service.post(service.choice("save", categories=off, layer=2), query="?geo=US-TX")
    service.post(
        service.choice("save", categories={**off, "marketing": True}, layer=2), query="?geo=US-TX"
    )

    assert service.reason("marketing&geo=DE") == "choice_granted"
    assert service.reason("analytics&geo=DE") == "default_denied"


def test_a_consent_told_of_one_signal_does_not_beat_the_other(service: Service) -> None:
    """Nobody was told of GPC who sent DNT alone."""
    service.post(service.choice("accept_all"), query="?geo=US-CO&dnt=1")

    assert service.reason("marketing&geo=US-CO&gpc=1") == "gpc"


def test_a_late_act_does_not_undo_the_refusal_of_a_service(service: Service) -> None:
    """What arrives late can only narrow, services included."""
    service.choose(
        categories={"functional": True, "analytics": True, "marketing": True},
        services={"posthog": False},
    )
    service.choose("accept_all", client_time="2026-11-21T02:00:00Z")

    assert service.get("/decision?service=posthog").json()["reason"] == "choice_denied"


def test_an_act_sent_again_is_answered_with_what_holds_now(service: Service) -> None:
    """A retry after a withdrawal brings no token of before it."""
    accept = service.choice("accept_all")
    service.post(accept)
    service.choose("withdraw")
    again = service.post(accept)

    assert (again.status_code, again.json()["log_index"]) == (200, STATED)
    assert again.json()["decisions"]["analytics"] == {"allow": False, "reason": "choice_denied"}
    assert service.allowed()["analytics"] is False


def test_an_acknowledgement_refuses_nothing(service: Service) -> None:
    """Who says no is not taken to have only read."""
    answer = service.choose("acknowledge")

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "action_mismatch"


def test_a_header_is_heard_by_the_page_as_well(service: Service) -> None:
    """The private script carries the signals of its request; the shared one nobody's."""

    def signals(path: str) -> Any:
        body = service.client.get(path, headers={"sec-gpc": "1", "dnt": "1"}).text
        found = re.search(r'"signals":(\{[^}]*\})', body)
        assert found is not None
        return json.loads(found[1])

    assert signals("/s/demo.js") == {"gpc": True, "dnt": True}
    assert signals("/s/demo/us-ca.js") == {"gpc": False, "dnt": None}
    assert "Sec-GPC" in service.client.get("/s/demo.js").headers["vary"]


def test_an_answer_may_be_relied_on_no_longer_than_its_choice(service: Service) -> None:
    """A choice of two years in Colorado ends in Germany after 180 days."""
    service.post(service.choice("accept_all"), query="?geo=US-CO")

    def until(geo: str) -> str:
        return str(service.get(f"/decision?category=analytics&geo={geo}").json()["valid_until"])

    assert until("US-CO") == "2028-11-20T12:00:00Z"
    assert until("DE") == "2027-05-20T12:00:00Z"
    service.clock.forward(days=200)
    assert until("DE") == "2027-06-09T12:05:00Z"
