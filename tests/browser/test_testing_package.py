"""``holdfire/testing`` as it is published, driving Playwright in Node against the demo."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from visits import Demo, launching

from house import ROOT

SDK = ROOT / "sdk"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, demo: Demo) -> Any:
    """What the program of ``sdk/test/playwright.mjs`` found in the demo shop."""
    node = shutil.which("node")
    assert node, "node is missing"
    folder = tmp_path_factory.mktemp("package")
    run(node, SDK / "package.mjs", folder)
    started = launching()
    program, args = started["executable_path"], started["args"]
    told = run(
        *(node, SDK / "test" / "playwright.mjs", (folder / "testing.js").as_uri()),
        *(demo.own, demo.third, program, *args),
    )
    return json.loads(told)


def run(*command: str | Path) -> str:
    """What a command prints; its failure is the test's, with what it said."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_place_is_where_the_visitor_stands(found: Any) -> None:
    """In Germany nothing is requested before a choice; the service agrees on the place."""
    assert found["places"] == {"silent": None, "regime": ["de", "banner"], "allowed": False}


def test_a_request_that_happens_fails_the_expectation(found: Any) -> None:
    """In California the tags fire unasked: ``expectNoRequest`` throws, and the recording has them."""
    elsewhere = found["elsewhere"]
    assert elsewhere["loud"].startswith("expected no request, found ")
    assert elsewhere["regime"][0] == "us-ca"
    assert (elsewhere["allowed"], elsewhere["caught"]) == (True, True)


def test_a_regional_script_puts_only_the_page_there(found: Any) -> None:
    """Without ``demo`` the page decides by the region's script, and the service by what it sees."""
    region = found["region"]
    assert region["allowed"] is True
    assert region["scripts"] == ["/s/demo.js"]  # as the page asked: it notices nothing
    assert region["regime"][0] != "us-ca"


def test_signals_are_said_by_the_browser_and_heard(found: Any) -> None:
    """The page sees the properties, and GPC denies in California."""
    assert found["signals"] == {
        "decision": {"allow": False, "reason": "gpc"},
        "said": [True, "1"],
    }


def test_a_choice_is_a_real_one_and_outlives_the_page(found: Any) -> None:
    """It is on the record, holds on the next page, and a withdrawal ends it."""
    choice = found["choice"]
    assert choice["categories"] == {"functional": False, "analytics": False, "marketing": True}
    assert choice["recorded"] == [True]
    assert (choice["next"], choice["silent"], choice["after"]) == (True, None, False)
