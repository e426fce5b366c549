"""Metrics: what is counted, who may read it, and that nobody is in it."""

import logging
import random
import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.testclient import TestClient

from holdfire.errors import ConfigError
from holdfire.limits import Limits
from holdfire.metrics import Metrics, exposition
from holdfire.notary import Publisher
from holdfire.scraping import measured, metrics_app
from holdfire.settings import Settings, load
from house import ROOT, STATED, Service
from test_degraded import take_away
from test_edge_faults import asked, scope

HERE = "http://127.0.0.1:9464"
SERIES = 1_500  # every route at every status it has is some 1,200

Numbers = dict[tuple[str, frozenset[tuple[str, str]]], float]


def data_dir(service: Service) -> Path:
    """Where erasures wait that the running service does not begin."""
    return service.folder / "apart"


@pytest.fixture
def reader(service: Service) -> TestClient:
    """Somebody on the same machine who reads the service's metrics."""
    application = service.client.app
    assert isinstance(application, Starlette)
    settings = Settings(data_dir=str(data_dir(service)))
    client = TestClient(metrics_app(application, settings), base_url=HERE)
    client.portal = service.client.portal  # both listeners are served by one event loop
    return client


def numbers(text: str) -> Numbers:
    """An exposition as a table."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def number(found: Numbers, name: str, **labels: str) -> float:
    """One number; 0 where it was never counted."""
    return found.get((name, frozenset(labels.items())), 0)


# ---------------------------------------------------------------- what is counted


def test_each_answer_is_counted_once(service: Service, reader: TestClient) -> None:
    """By route, method and status, the same whether it came from memory or not."""
    for _ in range(3):
        service.get("/decision?category=analytics")
    service.choose("reject_all")
    service.client.get("/v1/sites/nobody/decision?category=analytics")
    service.client.request("BREW", "/healthz")
    found = numbers(reader.get("/metrics").text)

    decision = "/v1/sites/{site}/decision"
    for route, method, status, count in (
        (decision, "GET", "200", 3),
        (decision, "GET", "404", 1),
        ("/v1/sites/{site}/choices", "POST", "201", 1),
        ("/healthz", "other", "405", 1),
    ):
        labels = {"route": route, "method": method, "status": status}
        assert number(found, "holdfire_requests_total", **labels) == count, labels
    assert number(found, "holdfire_request_seconds_count", route=decision) == 4
    assert number(found, "holdfire_request_seconds_bucket", route=decision, le="+Inf") == 4


def test_a_latency_is_in_every_bucket_that_it_fits() -> None:
    """Buckets count up, their sum is that of the seconds."""
    metrics = Metrics()
    for seconds in (0.0001, 0.003, 99.0):
        metrics.answered("/x", "GET", 200, seconds)
    found = numbers(exposition(metrics, "1", {}).decode())

    reached = {
        le: number(found, "holdfire_request_seconds_bucket", route="/x", le=le)
        for le in ("0.0001", "0.0025", "0.005", "10.0", "+Inf")
    }
    assert list(reached.values()) == [1, 1, 2, 2, 3]
    assert number(found, "holdfire_request_seconds_sum", route="/x") == pytest.approx(99.0031)


def test_decisions_places_and_caches_are_counted(service: Service, reader: TestClient) -> None:
    """Why something was decided, who knew the place, and whether it was remembered."""
    for _ in range(4):
        service.get("/decisions", headers={"sec-gpc": "1"})
    found = numbers(reader.get("/metrics").text)

    def total(name: str, **labels: str) -> float:
        wanted = set(labels.items())
        return sum(n for (called, has), n in found.items() if called == name and wanted <= has)

    assert total("holdfire_decisions_total", reason="gpc") >= 4
    assert total("holdfire_places_total", source="database") == 4
    assert total("holdfire_cache_lookups_total", outcome="hit") == 3
    assert total("holdfire_cache_entries") >= 1


def test_what_was_refused_is_counted_by_whose_limit_it_was() -> None:
    """Network, site, key and batch are told apart."""
    metrics = Metrics()
    limits = Limits(Settings(limit_network_burst=1), metrics.refused, monotonic=lambda: 0.0)
    metrics.limits = limits.buckets
    limits.ask("acts", "demo", "203.0.113.0/24")
    with pytest.raises(Exception, match="network"):
        limits.ask("acts", "demo", "203.0.113.0/24")
    found = numbers(exposition(metrics, "1", {}).decode())

    assert number(found, "holdfire_refused_total", limit="network") == 1
    assert number(found, "holdfire_limit_buckets", limit="site") == 1


def test_the_log_and_what_waits_are_read_when_asked(service: Service, reader: TestClient) -> None:
    """Entries, those not signed yet, and the erasures that nobody has begun."""
    service.choose("reject_all")
    spool = data_dir(service) / "erasures"
    spool.mkdir(parents=True)
    for name in ("a.request", "b.request", "b.taken", ".c.request"):
        (spool / name).touch()
    assert service.client.portal is not None
    publisher: Publisher = service.client.app.state.publisher  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    service.client.portal.call(publisher.step)
    found = numbers(reader.get("/metrics").text)

    assert number(found, "holdfire_store_up") == 1
    assert number(found, "holdfire_log_entries") == STATED + 1
    assert number(found, "holdfire_log_unsigned_entries") == 0
    assert number(found, "holdfire_log_held") == 0
    assert number(found, "holdfire_store_waiting") == 0
    assert number(found, "holdfire_erasures_waiting") == 2
    assert number(found, "process_resident_memory_bytes") > 2**20


def test_a_store_that_is_away_is_told(service: Service, reader: TestClient) -> None:
    """Metrics are answered while nothing else can be."""
    take_away(service)
    answer = reader.get("/metrics")

    assert answer.status_code == 200
    assert number(numbers(answer.text), "holdfire_store_up") == 0


# ---------------------------------------------------------------- nobody is in it


def test_nothing_that_a_request_says_becomes_a_label(service: Service, reader: TestClient) -> None:
    """2,000 hostile requests add no series of their own, and no byte of theirs is repeated."""
    chance = random.Random(7)  # noqa: S311 -- any will do

    def word() -> str:
        return "zq" + "".join(chance.choices("abcdefgh0123456789", k=12))

    paths = (
        "/{}",
        "/v1/sites/{}/decisions",
        "/v1/sites/{}/choices",
        "/v1/sites/demo/{}",
        "/v1/sites/demo/tags/{}.js",
        "/v1/sites/demo/receipts/{}",
        "/s/{}.js",
        "/s/demo/{}.js",
        "/assets/{}",
        "/log/{}/checkpoint",
        "/.well-known/dnt/demo/{}",
    )

    async def attack() -> set[int]:
        seen = set()
        for _ in range(2_000):
            method = chance.choice(["GET", "POST", "HEAD", "OPTIONS", "zq" + word()])
            names = ("host", "user-agent", "origin", "cookie", "x-forwarded-for", "sec-gpc", word())
            head = scope(method, chance.choice(paths).format(word()), {n: word() for n in names})
            head["query_string"] = f"category={word()}&geo={word()}".encode()
            head["client"] = (f"198.18.{chance.randrange(256)}.1", 1)
            nothing = {"type": "http.request", "body": b"", "more_body": False}
            sent = await asked(service.client.app, head, nothing, nothing)
            seen.add(sent[0]["status"])
        return seen

    assert service.client.portal is not None
    seen = service.client.portal.call(attack)
    text = reader.get("/metrics").text

    assert seen <= {200, 204, 400, 401, 403, 404, 405, 429}
    assert "zq" not in text.lower()
    assert "198.18." not in text
    assert len(numbers(text)) < SERIES


# ---------------------------------------------------------------- who may read it


def test_the_public_port_has_no_metrics(service: Service) -> None:
    """What is counted is not for visitors."""
    for path in ("/metrics", "/metrics/", "//metrics"):
        assert service.client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:9464", 200),
        ("localhost", 200),
        ("[::1]:9464", 200),
        ("[::1]", 200),
        ("evil.example:9464", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost@evil.example", 421),
        ("", 421),
    ],
)
def test_a_page_cannot_read_them_by_another_name(
    reader: TestClient, host: str, status: int
) -> None:
    """A host name that was pointed at this machine is refused: the page behind it learns nothing."""
    answer = reader.get("/metrics", headers={"host": host})

    assert answer.status_code == status
    assert ("holdfire_" in answer.text) is (status == 200)
    assert "access-control-allow-origin" not in answer.headers


def test_there_is_one_address_and_one_method(reader: TestClient) -> None:
    """Everything else is refused, and nothing is told."""
    answers = [reader.get("/"), reader.get("/metrics/x"), reader.get("/healthz")]

    assert {answer.status_code for answer in answers} == {404}
    assert reader.post("/metrics").status_code == 405
    assert reader.get("/metrics").headers["content-type"].startswith("text/plain; version=")


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "10.0.0.1", "::", "localhost", "shop.example", ""],  # noqa: S104 -- refused
)
def test_metrics_are_of_this_machine_alone(host: str, tmp_path: Path) -> None:
    """An address that others reach stops the start."""
    file = tmp_path / "holdfire.toml"
    file.write_text(f'metrics_host = "{host}"')
    with pytest.raises(ConfigError, match="metrics_host"):
        load(file, {})


# ---------------------------------------------------------------- the listener


async def test_a_listener_of_its_own_answers_and_ends(tmp_path: Path) -> None:
    """It says where it is, answers there, and is gone with the service."""
    async with httpx2.AsyncClient() as client:
        async with measured(Starlette(), Settings(data_dir=str(tmp_path)), 0) as where:
            early = await client.get(f"http://{where}")
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"http://{where}")

    assert re.fullmatch(r"127\.0\.0\.1:\d+/metrics", where)
    assert early.status_code == 503, "nothing is counted before the service has begun"


async def test_a_taken_port_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The service goes on without, and the log says which port it was."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        async with measured(Starlette(), Settings(), port) as where:
            assert where == ""

    (warned,) = (r for r in caplog.records if r.levelno == logging.WARNING)
    assert f"127.0.0.1:{port}" in warned.getMessage()


async def test_none_is_served_where_none_is_wanted() -> None:
    """No port, no listener."""
    async with measured(Starlette(), Settings(), None) as where:
        assert where == ""


def test_the_demo_says_where_its_metrics_are(tmp_path: Path) -> None:
    """They are on another port than the shop, and end with it."""
    with subprocess.Popen(
        [sys.executable, "-m", "holdfire", "demo", "--port", "0"],
        env={"HOLDFIRE_DATA_DIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Ctrl-C" in line:
                break
        try:
            (where,) = re.findall(r"127\.0\.0\.1:\d+/metrics", said)
            (shop,) = re.findall(r"(http://127\.0\.0\.1:\d+/)\n", said)
            metrics = httpx2.get(f"http://{where}")
            public = httpx2.get(f"{shop}metrics")
        finally:
            process.terminate()

    assert (metrics.status_code, public.status_code) == (200, 404)
    assert "holdfire_build_info{version=" in metrics.text
    assert process.returncode == 0


# ---------------------------------------------------------------- the document


def test_the_document_has_every_metric_and_no_other(reader: TestClient) -> None:
    """Names and types of docs/metrics.md are those of the exposition."""
    text = reader.get("/metrics").text
    served = set(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    document = (ROOT / "docs/metrics.md").read_text()
    told = set(re.findall(r"^\| `(\w+)` \| (\w+) \|", document, re.MULTILINE))

    assert told == served


def test_the_document_asks_for_what_there_is(reader: TestClient) -> None:
    """Every metric in its rules and queries is one of the table."""
    text = reader.get("/metrics").text
    document = (ROOT / "docs/metrics.md").read_text()
    used = {
        name.removesuffix("_bucket")
        for block in re.findall(r"```(?:yaml|promql)\n(.*?)```", document, re.DOTALL)
        for name in re.findall(r"\bholdfire_\w+", block)
    }

    assert used
    assert used <= set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
