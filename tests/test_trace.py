"""The trace of a regime, for whoever builds a site."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from house import ORIGIN, Service, demo_site, running


@pytest.fixture
def debugged(tmp_path: Path) -> Iterator[Service]:
    """A service in California, for a site whose file has ``debug = true``."""
    site = msgspec.structs.replace(demo_site(), debug=True)
    with running(tmp_path, site=site, demo=False) as found:
        yield found


def test_it_says_what_holds_and_on_whose_authority(debugged: Service) -> None:
    """The regime of this visitor's place, and a law with its source for what it decides."""
    answer = debugged.get("/trace")

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert told["regime"]["id"] == "us-ca"
    assert told["location"]["region"] == "CA"
    assert {step["step"] for step in told["trace"]} >= {"category marketing", "prompt"}
    by_law = next(step for step in told["trace"] if step["step"] == "category marketing")
    assert by_law["rule"] == "allow: default_granted"
    assert "CCPA" in by_law["law"]
    assert by_law["source"]


def test_it_knows_signals_and_what_was_chosen(debugged: Service) -> None:
    """GPC and the visitor's own choice are steps of it."""
    debugged.choose("reject_all")

    told = debugged.get("/trace?gpc=1").json()

    steps = {step["step"]: step["rule"] for step in told["trace"]}
    assert steps["signal"].startswith("gpc ")
    assert steps["choice"].startswith("reject_all, ")
    assert steps["category analytics"] == "deny: choice_denied"


def test_the_page_of_the_site_may_read_it_and_no_other(debugged: Service) -> None:
    """It speaks CORS to the site's own origins, as every answer does."""
    own = debugged.get("/trace", headers={"origin": ORIGIN})
    other = debugged.get("/trace", headers={"origin": "https://elsewhere.example"})

    assert own.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in other.headers


def test_it_takes_nobodys_word_for_where_they_are(debugged: Service) -> None:
    """``geo`` is for the demo alone, here as everywhere."""
    assert debugged.get("/trace?geo=DE").status_code == 400


def test_a_site_without_debug_has_none(service: Service) -> None:
    """There is nothing at the address, and nothing of the debugger in the boot script."""
    answer = service.get("/trace")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
    assert '"debug"' not in service.client.get("/s/demo.js").text


def test_a_site_with_debug_brings_the_part_along(debugged: Service) -> None:
    """The part is in the boot script, opened with nothing; the overlay is not."""
    script = debugged.client.get("/s/demo.js").text

    assert 'parts:[["debug",{}]]' in script
    assert "holdfire-debug" in script
    assert "Why this regime" not in script
