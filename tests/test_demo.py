"""The demo: a third party that counts, a shop that holds, and a panel that can say why."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from holdfire import app, demo
from holdfire.demo import serve_demo
from holdfire.demo.collector import Tally, third_party
from holdfire.demo.shop import demo_site, shop
from holdfire.errors import ConfigError
from holdfire.settings import Settings
from house import NOON, ORIGIN, PEERS, Clock, settings
from house import demo_site as site_of_file

THIRD = "http://127.0.0.1:8081"
TAGS = {
    "posthog": "/tags/posthog.js",
    "plausible": "/tags/plausible.js",
    "mixpanel": "/tags/mixpanel.js",
    "ad-pixel": "/pixel.gif",
    "ad-frame": "/frame.html",
    "video": "/video.html",
    "chat": "/chat.js",
}
STATIC = Settings().static_path


@pytest.fixture
def collector() -> Iterator[TestClient]:
    """The third party, asked by a browser."""
    with TestClient(third_party(STATIC, Tally()), base_url=THIRD) as client:
        yield client


@pytest.fixture
def tally() -> Tally:
    """What the third party has counted."""
    return Tally()


@pytest.fixture
def front(tmp_path: Path, tally: Tally) -> Iterator[TestClient]:
    """The shop with the service beside it, asked by a browser in California."""
    site = demo_site(site_of_file(), (ORIGIN,), THIRD)
    built = app.build(
        settings(tmp_path),
        {site.id: site},
        demo=True,
        extra_routes=shop(STATIC, THIRD, tally),
        clock=Clock(NOON),
        prebuild=False,
    )
    with TestClient(built, base_url=ORIGIN, client=(PEERS["US-CA"], 50_000)) as client:
        yield client


# ---------------------------------------------------------------- the third party


@pytest.mark.parametrize(("service", "path"), TAGS.items())
def test_every_tag_is_handed_out_and_counted(
    collector: TestClient, service: str, path: str
) -> None:
    """Loading a tag counts once for its service, and no cache may hide the next time."""
    answer = collector.get(path)

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert collector.get("/hits.json").json() == {service: {f"GET {path}": 1}}


def test_the_tags_are_their_makers_own_code(collector: TestClient) -> None:
    """Each script names the package it comes from, with version and licence."""
    for package in ("posthog-js", "@plausible-analytics/tracker", "mixpanel-browser"):
        name = re.sub(r"@|-(js|browser|analytics/tracker)", "", package)
        code = collector.get(f"/tags/{name}.js").text
        assert re.match(rf"/\*! {re.escape(package)} \d+\.\d+\.\d+, .*LICENSES\.txt", code)


@pytest.mark.parametrize(
    ("method", "path", "service", "counted"),
    [
        ("POST", "/e/?ip=0&_=17", "posthog", "POST /e/"),
        ("POST", "/i/v0/e/", "posthog", "POST /i/"),
        ("POST", "/flags/?v=2", "posthog", "POST /flags/"),
        ("GET", "/array/phc_demo/config", "posthog", "GET /array/"),
        ("POST", "/api/event", "plausible", "POST /api/event"),
        ("POST", "/track/?ip=1", "mixpanel", "POST /track/"),
        ("POST", "/engage/", "mixpanel", "POST /engage/"),
        ("POST", "/collect/video", "video", "POST /collect/video"),
        ("POST", "/collect/anything/else", "elsewhere", "POST /collect/"),
    ],
)
def test_whatever_tags_send_is_taken_and_counted(
    collector: TestClient, method: str, path: str, service: str, counted: str
) -> None:
    """An arrival counts for its service by method and known address; query and body are dropped."""
    answer = collector.request(method, path, content=b'{"who": "a person"}' * (method == "POST"))

    assert answer.status_code == 200
    assert collector.get("/hits.json").json() == {service: {counted: 1}}


def test_an_address_nobody_knows_is_counted_without_being_kept(collector: TestClient) -> None:
    """What was asked for may hold what a visitor typed, so only its number stays."""
    assert collector.get("/a/person@example.org").status_code == 404
    assert collector.get("/b").status_code == 404
    assert collector.get("/hits.json").json() == {"elsewhere": {"GET /…": 2}}


def test_a_tag_may_speak_to_its_server_from_any_page(collector: TestClient) -> None:
    """CORS echoes the origin, with credentials, and a preflight counts: it has told of a visitor."""
    answer = collector.post("/e/", headers={"origin": ORIGIN})
    preflight = collector.options(
        "/e/",
        headers={
            "origin": ORIGIN,
            "access-control-request-method": "POST",
            "access-control-request-headers": "x-tag",
        },
    )

    for found in (answer, preflight):
        assert found.headers["access-control-allow-origin"] == ORIGIN
        assert found.headers["access-control-allow-credentials"] == "true"
    assert preflight.headers["access-control-allow-headers"] == "x-tag"
    assert collector.get("/hits.json").json() == {"posthog": {"POST /e/": 1, "OPTIONS /e/": 1}}


def test_the_pixel_sets_a_cookie_the_page_can_see(collector: TestClient) -> None:
    """It is not HttpOnly and covers every path, so that there is something to take back."""
    cookie = collector.get("/pixel.gif").headers["set-cookie"]

    assert cookie.startswith("demo_ad_id=1; Path=/;")
    assert "httponly" not in cookie.lower()


def test_counts_begin_anew_when_told(collector: TestClient) -> None:
    """A reset forgets all numbers, and looking at them adds none."""
    collector.get("/pixel.gif")

    assert collector.post("/hits/reset").status_code == 204
    assert collector.get("/hits.json").json() == {}


def test_a_missing_tag_says_how_to_build_it(tmp_path: Path) -> None:
    """Without the build there is no demo, and the message has the remedy."""
    with pytest.raises(ConfigError, match="make setup"):
        third_party(tmp_path, Tally())


# ---------------------------------------------------------------- the shop


class Marks(HTMLParser):
    """What of a page's markup is alive, and what is held."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.held: set[str] = set()  # services
        self.alive: list[tuple[str, str]] = []  # attributes outside templates
        self.scripts: list[dict[str, str]] = []
        self.inline = ""  # text of scripts that run
        self._templates = 0
        self._running = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Sort one element's attributes."""
        found = {name: value or "" for name, value in attrs}
        if "data-service" in found and "data-category" in found:
            self.held.add(found["data-service"])
        if tag == "script":
            self.scripts.append(found)
            self._running = found.get("type") != "text/plain"
        if not self._templates and tag != "meta":
            self.alive += [(n, v) for n, v in found.items() if not n.startswith("data-")]
        self._templates += tag == "template"

    def handle_endtag(self, tag: str) -> None:
        """Leave a template or a script."""
        self._templates -= tag == "template"
        self._running &= tag != "script"

    def handle_data(self, data: str) -> None:
        """Collect what would run as it stands."""
        if self._running:
            self.inline += data


def test_every_tag_on_the_page_is_held(front: TestClient) -> None:
    """All seven services are marked, and nothing that is alive names the third party."""
    page = Marks(front.get("/").text)

    assert page.held == set(TAGS)
    assert page.alive
    assert not [(name, value) for name, value in page.alive if THIRD in value]
    assert not [name for name, _ in page.alive if name.startswith("on") or name == "style"]


def test_every_script_has_the_nonce_of_its_own_answer(front: TestClient) -> None:
    """The policy names it, each script carries it, none runs inline, and the next page has another."""
    answers = [front.get("/"), front.get("/")]
    nonces = set()
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        (nonce,) = re.findall(r"'nonce-([\w-]{22})'", policy)
        page = Marks(answer.text)
        assert {script["nonce"] for script in page.scripts} == {nonce}
        assert page.inline.strip() == ""
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"__[A-Z]+__", answer.text), "a placeholder was left open"
        nonces.add(nonce)
    assert len(nonces) == 2


def test_the_page_stands_where_it_is_asked_to(front: TestClient) -> None:
    """``?geo=`` goes on to the boot script, and what is no place gets no page."""
    assert '"/s/demo.js?geo=US-CO"' in front.get("/?geo=US-CO&utm_source=mail").text
    assert '"/s/demo.js"' in front.get("/").text
    assert front.get("/", params={"geo": '"><script>'}).status_code == 400


def test_everything_the_page_loads_itself_is_there(front: TestClient) -> None:
    """Scripts, styles, pictures and pages of its own origin all answer."""
    alive = Marks(front.get("/").text).alive
    own = {v for n, v in alive if n in {"src", "href"} and v.startswith("/")}

    assert {"/demo/panel.js", "/demo/demo.css", "/s/demo.js", "/privacy"} <= own
    for path in own:
        assert front.get(path).status_code == 200, path
    for module in re.findall(r'from "\./(\w+\.js)"', front.get("/demo/panel.js").text):
        assert front.get(f"/demo/{module}").status_code == 200
    assert front.get("/demo/index.html").status_code == 404


def test_the_panel_is_told_what_holds_and_on_whose_authority(front: TestClient) -> None:
    """The trace leads from the place to each decision, and cites law, source, date, confidence."""
    told = front.get("/demo/trace?geo=US-CA&gpc=1").json()
    steps = {step["step"]: step for step in told["explanation"]["trace"]}

    assert told["explanation"]["regime"] == {
        "id": "us-ca",
        "model": "opt_out",
        "label": "California",
    }
    assert told["explanation"]["location"]["source"] == "override"
    assert told["signals"]["gpc"] is True
    assert told["services"]["ad-pixel"] == {"allow": False, "reason": "gpc"}
    assert told["services"]["posthog"] == {"allow": True, "reason": "default_granted"}
    assert next(iter(steps)) == "location"
    assert steps["category marketing"]["rule"] == "deny: gpc"
    assert all(steps["category marketing"].values())


def test_the_panel_knows_the_visitors_choice(front: TestClient) -> None:
    """After a choice the trace rests on the record, as every other answer does."""
    before = front.get("/demo/trace?geo=DE").json()
    body = {
        "event_id": "3f0e6b0c-8f0e-4d3a-9a57-0d6f1f8f2b11",
        "action": "accept_all",
        "categories": {"functional": True, "analytics": True, "marketing": True},
        "services": {},
        "notice_version": site_of_file().version,
        "language": "en",
        "layer": 1,
        "control": "accept_all",
        "client_time": "2026-11-21T12:00:00Z",
    }
    answer = front.post("/v1/sites/demo/choices?geo=DE", json=body, headers={"origin": ORIGIN})
    after = front.get("/demo/trace?geo=DE").json()

    assert answer.status_code == 201
    assert (before["source"], after["source"]) == ("default", "store")
    assert before["services"]["video"] == {"allow": False, "reason": "default_denied"}
    assert after["services"]["video"] == {"allow": True, "reason": "choice_granted"}
    assert "choice" in {step["step"] for step in after["explanation"]["trace"]}


def test_the_panel_reads_the_counts_without_asking_the_third_party(
    front: TestClient, tally: Tally
) -> None:
    """The numbers come over the shop's own origin, and can be set to zero there."""
    tally.add("chat", "GET /chat.js")

    assert front.get("/demo/hits").json() == {"chat": {"GET /chat.js": 1}}
    assert front.post("/demo/reset").status_code == 204
    assert front.get("/demo/hits").json() == {}


# ---------------------------------------------------------------- the site, and the start


def test_the_site_moves_with_its_ports() -> None:
    """Origins, links and scripts follow; what a visitor agreed to, and so its version, does not."""
    own, third = ("http://127.0.0.1:9000", "http://localhost:9000"), "http://127.0.0.1:9001"
    file = site_of_file()
    moved = demo_site(file, own, third)

    assert moved.origins == own
    assert moved.version == file.version
    assert {s.id for s in moved.services} == set(TAGS)
    for service in moved.services:
        assert service.script in {"", third + TAGS[service.id]}
    assert {s.id for s in moved.services if s.script} >= {"posthog", "plausible", "mixpanel"}
    assert moved.links
    assert all(url.startswith(own[0] + "/") for url in moved.links.values())


async def test_a_port_that_is_taken_stops_the_start(tmp_path: Path) -> None:
    """The message names the option that helps."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"{port}.*another"):
            await serve_demo(settings(tmp_path), "127.0.0.1", port)


def test_the_demo_says_where_to_look_and_ends_cleanly(tmp_path: Path) -> None:
    """Both servers answer once it has spoken, beside a taken port too, and SIGTERM is no failure."""
    with port_beside_a_taken_one() as port:
        process = subprocess.Popen(
            [sys.executable, "-m", "holdfire", "demo", "--port", str(port)],
            env={**os.environ, "HOLDFIRE_DATA_DIR": str(tmp_path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if "Ctrl-C" in line:
                    break
            own, *elsewhere, hits = re.findall(r"http://127\.0\.0\.1:\d+/\S*", said)
            try:
                pages = {address: httpx2.get(address) for address in (own, *elsewhere)}
                fired = httpx2.get(hits).json()
            finally:
                process.terminate()  # or else a failure would wait for it without end
            assert {answer.status_code for answer in pages.values()} == {200}
            shops = [text for url, text in pages.items() if not url.endswith("/gallery")]
            assert len(shops) >= 3
            assert all(hits.removesuffix("/hits.json") in answer.text for answer in shops)
            assert fired == {}
        assert process.returncode == 0
        assert own == f"http://127.0.0.1:{port}/"
        assert f":{port + 1}/" not in hits
    assert (tmp_path / "holdfire.db").exists()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, ("var", "sqlite:///var/holdfire.db")),
        ({"data_dir": "/d"}, ("/d", "sqlite:////d/holdfire.db")),
        ({"database": "sqlite:////x.db"}, ("var", "sqlite:////x.db")),
        ({"sites_dir": "s"}, ("var/demo", "sqlite:///var/demo/holdfire.db")),
        (
            {"sites_dir": "s", "database": "postgresql://own"},
            ("var/demo", "sqlite:///var/demo/holdfire.db"),
        ),
    ],
)
def test_the_demo_records_where_the_other_verbs_look(
    given: dict[str, Any], kept: tuple[str, str]
) -> None:
    """Unless the owner has sites of their own: their log is for good, and no place to try things."""
    found = demo._settings(Settings(**given))

    assert (found.data_dir, found.database) == kept


@contextmanager
def port_beside_a_taken_one() -> Iterator[int]:
    """A free port, the next one after which somebody else listens on."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port: int = taken.getsockname()[1] - 1
            try:
                socket.create_server(("127.0.0.1", port)).close()
            except OSError:
                continue
            yield port
            return
