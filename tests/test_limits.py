"""Limits: what one network, site or key may ask for, and who gets through while others flood."""

import asyncio
import dataclasses
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from holdfire.errors import RateLimited
from holdfire.limits import MOST, Buckets, Limits, wider
from holdfire.settings import SETTINGS, Settings
from holdfire.visitor import Observatory
from holdfire.web.house import House
from holdfire.web.middleware import COSTS, IN_PROGRESS, Door
from holdfire.web.routes import routes
from house import ORIGIN, ROOT, Clock, Service, running
from test_edge_faults import asked, scope

SITE = "/v1/sites/demo"
PROXY = "10.0.0.7"
LOOKUPS = {"notice", "decision", "decisions", "enforcement", "trace", "tags"}
COSTLY = [
    ("POST", "/choices"),
    ("POST", "/choices%0A"),
    ("POST", "/handoffs"),
    ("POST", "/takeovers"),
    ("GET", "/choices"),
    ("HEAD", "/choices"),
    ("GET", "/receipts/0b0e6b0c-8f0e-4d3a-9a57-0d6f1f8f2b11"),
    ("GET", "/receipts/0b0e6b0c-8f0e-4d3a-9a57-0d6f1f8f2b11/page"),
    ("GET", "/token"),
]


@contextmanager
def limited(folder: Path, *, peer: str = PROXY, **more: Any) -> Iterator[tuple[Service, Clock]]:
    """A service behind one proxy, with limits of its own and a clock for them."""
    kept = {"trusted_proxies": ("10.0.0.0/8",), "limit_network_per_second": 1, **more}
    clock = Clock(0.0)
    with running(folder, peer=peer, **kept) as service:
        house = house_of(service)
        limits = Limits(Settings(**kept), house.metrics.refused, monotonic=clock)
        service.client.app.state.house = dataclasses.replace(house, limits=limits)  # type: ignore[attr-defined]  # the client types it as any ASGI callable
        yield service, clock


def house_of(service: Service) -> House:
    """What the endpoints stand on."""
    house: House = service.client.app.state.house  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    return house


def from_(network: int) -> dict[str, str]:
    """The headers by which a proxy says that somebody of this network asks."""
    return {"x-forwarded-for": f"203.0.{network}.9", "origin": ORIGIN}


# ---------------------------------------------------------------- a bucket


STEPS = st.lists(
    st.tuples(
        st.floats(-50, 50, allow_nan=False) | st.floats(0, 2, allow_nan=False), st.integers(1, 4)
    ),
    max_size=60,
)


@given(STEPS, st.integers(1, 20), st.integers(4, 30))
def test_a_bucket_never_gives_more_than_it_holds(
    steps: list[tuple[float, int]], rate: int, burst: int
) -> None:
    """In no stretch of time is more taken than the burst and what the clock's advance filled in.

    What a clock is set back by fills nothing.
    """
    bucket, now, elapsed = Buckets(rate, burst), 1_000.0, 0.0
    taken: list[tuple[float, int]] = []
    for step, cost in steps:
        now, elapsed = now + step, elapsed + max(0.0, step)
        if not bucket.take("key", cost, now):
            taken.append((elapsed, cost))
    for first in range(len(taken)):
        begun, total = taken[first][0], 0
        for at, cost in taken[first:]:
            total += cost
            assert total <= burst + rate * (at - begun) + 1e-4


@given(st.integers(1, 50), st.integers(1, 100), st.lists(st.floats(0, 3), max_size=40))
def test_a_bucket_fills_again(rate: int, burst: int, pauses: list[float]) -> None:
    """After any past, as much time as it takes to fill brings back the whole burst."""
    bucket, now = Buckets(rate, burst), 0.0
    for pause in pauses:
        now += pause
        bucket.take("key", 1, now)
    now += burst / rate + 1e-6

    assert [bucket.take("key", 1, now) for _ in range(burst)] == [0.0] * burst
    assert bucket.take("key", 1, now) > 0


@given(st.integers(1, 50), st.integers(4, 100), st.integers(1, 4), st.floats(0, 1e6))
def test_the_wait_is_enough(rate: int, burst: int, cost: int, now: float) -> None:
    """Whoever comes back after what they were told is served."""
    bucket = Buckets(rate, burst)
    while not (wait := bucket.take("key", cost, now)):
        pass

    assert bucket.take("key", cost, now + wait + 0.001) == 0.0


def test_without_a_rate_nothing_is_limited_or_kept() -> None:
    """0 turns a limit off."""
    bucket = Buckets(0, 1)

    assert not any(bucket.take("key", 1, 0.0) for _ in range(1_000))
    assert len(bucket) == 0


# ---------------------------------------------------------------- a table of them


def test_a_million_networks_take_bounded_room_and_free_nobody() -> None:
    """However many come, no more are kept; and who had emptied a bucket finds it empty."""
    buckets = Buckets(0.001, 3)
    while not buckets.take("192.0.2.0/24", 1, 0.0):
        pass
    for n in range(1_000_000):
        buckets.take(f"{n >> 16}.{n >> 8 & 255}.{n & 255}.0/24", 1, n / 100_000)

    assert len(buckets) <= 2 * MOST
    assert buckets.take("192.0.2.0/24", 1, 10.0) > 0


def test_room_is_made_of_full_buckets_alone() -> None:
    """A bucket that has filled up is dropped for a new one, and one that has not is kept."""
    buckets = Buckets(1, 10, most=2)
    for _ in range(10):
        buckets.take("192.0.2.0/24", 1, 0.0)
    buckets.take("198.51.100.0/24", 1, 0.0)
    buckets.take("203.0.113.0/24", 10, 5.0)

    assert len(buckets) == 2
    assert buckets.take("203.0.113.0/24", 1, 5.0) > 0
    assert buckets.take("192.0.2.0/24", 6, 5.0) > 0


def test_without_room_neighbours_share() -> None:
    """New networks share with the 16 bits round them, and those of other 16 bits are not touched."""
    buckets = Buckets(1, 2, most=2)
    for full in ("192.0.2.0/24", "192.0.3.0/24"):
        buckets.take(full, 2, 0.0)
    first = [buckets.take(f"203.0.{n}.0/24", 1, 0.0) for n in (1, 2, 3)]
    other = buckets.take("198.51.100.0/24", 1, 0.0)
    third = [buckets.take(f"100.{n}.0.0/24", 1, 0.0) for n in range(3)]

    assert [wait > 0 for wait in first] == [False, False, True]
    assert other == 0.0
    assert [wait > 0 for wait in third] == [False, False, True], "one bucket for all the rest"
    assert len(buckets) <= 5


@pytest.mark.parametrize(
    ("network", "round_it"),
    [
        ("203.0.113.0/24", "203.0.0.0/16"),
        ("2001:db8:7::/48", "2001:db8::/32"),
        ("2001:db8::/48", "2001:db8::/32"),
        ("2001::/48", "2001:0::/32"),
        ("::/48", "0:0::/32"),
        ("203.0.0.0/16", "203.0.0.0/16"),
        ("demo", "demo"),
    ],
)
def test_a_wider_network(network: str, round_it: str) -> None:
    """IPv4 /24 goes into its /16, IPv6 /48 into its /32; what is neither stays."""
    assert wider(network) == round_it


# ---------------------------------------------------------------- a crowd


def through(flooders: int, each: float, *, seconds: int = 12, honest: int = 50) -> float:
    """The share of honest acts that pass while so many networks send so many acts a second each.

    The honest are visitors at home, one act each, and one office of a hundred people.
    """
    clock, refused = Clock(0.0), Counter[str]()
    limits = Limits(Settings(), refused, monotonic=clock)

    def passes(network: str) -> bool:
        try:
            limits.ask("acts", "demo", network)
        except RateLimited:
            return False
        return True

    good = sent = come = 0
    due = 0.0
    for tick in range(seconds * 10):
        clock.now = tick / 10
        due += flooders * each / 10
        for _ in range(int(due)):
            n = sent % flooders
            sent += 1
            passes(f"10.{n >> 8}.{n & 255}.0/24")
        due -= int(due)
        for n in range(honest // 10):
            come += 1
            good += passes(f"20.{tick % 250}.{n}.0/24")
        if flooders < 1_000 and tick % 2:
            come += 1
            good += passes("30.0.0.0/24")
    assert refused.total() > 0 or each < 1
    return good / come


@pytest.mark.parametrize(
    ("flooders", "each"),
    [(1, 200), (10, 200), (10, 2_000), (1_000, 20), (10_000, 2), (10_000, 1)],
)
def test_the_honest_get_through(flooders: int, each: float) -> None:
    """At least 99 of 100 acts pass while 1, 10 or 10,000 networks send ten times what is taken."""
    assert through(flooders, each) >= 0.99


def test_one_sites_flood_is_not_anothers() -> None:
    """A site that is asked too much keeps nobody from the next."""
    limits = Limits(Settings(limit_site_burst=5), Counter(), monotonic=Clock(0.0))
    for _ in range(5):
        limits.ask("acts", "demo", "")
    with pytest.raises(RateLimited):
        limits.ask("acts", "demo", "")

    limits.ask("acts", "other", "")
    limits.ask("papers", "demo", "")


def test_a_key_is_charged_for_each_visitor() -> None:
    """A key that asked about too many has to wait; other keys of the site do not, until it has."""
    figures = Settings(
        limit_key_per_second=1_000,
        limit_key_burst=2_000,
        limit_batch_per_second=1_000,
        limit_batch_burst=3_000,
    )
    refused, clock = Counter[str](), Clock(0.0)
    limits = Limits(figures, refused, monotonic=clock)
    limits.batch("demo", "one", 1_000)
    limits.batch("demo", "one", 1_000)
    with pytest.raises(RateLimited) as key:
        limits.batch("demo", "one", 1)
    limits.batch("demo", "two", 1_000)
    with pytest.raises(RateLimited):
        limits.batch("demo", "two", 1_000)
    limits.batch("other", "three", 1_000)

    assert refused == {"key": 1, "batch": 1}
    clock.forward(seconds=key.value.retry_after_seconds)
    limits.batch("demo", "one", 1)


# ---------------------------------------------------------------- at the door


def test_every_address_is_a_lookup_or_costs() -> None:
    """Whatever is asked of a site is on one of the two lists, so that none is limited by neglect."""
    found = {
        (method, route.path.split("/")[4])
        for route in routes()
        if isinstance(route, Route) and route.path.startswith("/v1/sites/{site}/")
        for method in (route.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert found == set(COSTS) | {("GET", word) for word in LOOKUPS}


@pytest.mark.parametrize(("method", "path"), COSTLY)
def test_what_costs_is_limited(tmp_path: Path, method: str, path: str) -> None:
    """The second at once is 429 with a time to come back, which the page can read and is enough."""
    with limited(tmp_path, limit_network_burst=1) as (service, clock):
        first, second = (
            service.client.request(method, SITE + path, headers=from_(1)) for _ in range(2)
        )
        neighbour = service.client.request(method, SITE + path, headers=from_(2))
        clock.forward(seconds=int(second.headers["retry-after"]))
        later = service.client.request(method, SITE + path, headers=from_(1))

    assert second.status_code == 429
    assert second.headers["access-control-allow-origin"] == ORIGIN
    assert "retry-after" in second.headers["access-control-expose-headers"]
    assert second.headers["cache-control"] == "no-store"
    if method != "HEAD":
        assert second.json()["error"]["code"] == "rate_limited"
    assert 429 not in {first.status_code, neighbour.status_code, later.status_code}


def test_a_batch_is_limited(tmp_path: Path) -> None:
    """A key that asks about more visitors than are taken is told when to come back."""
    with limited(tmp_path, limit_key_per_second=1, limit_key_burst=1_000) as (service, _):
        _, key = house_of(service).keys.create("demo", ("decisions:read",), 86_400)
        body = {"visitors": ["A" * 21 + "A"] * 600, "categories": ["analytics"]}
        first, second = (
            service.client.post(
                f"{SITE}/decisions", json=body, headers={"authorization": f"Bearer {key}"}
            )
            for _ in range(2)
        )

    assert first.status_code == 200
    assert second.status_code == 429
    assert int(second.headers["retry-after"]) >= 200


def test_lookups_are_never_limited(tmp_path: Path) -> None:
    """Decisions, notices, scripts, tags and preflights pass where nothing else does."""
    with limited(tmp_path, limit_network_burst=1) as (service, _):
        service.client.get(f"{SITE}/choices", headers=from_(1))
        assert service.client.get(f"{SITE}/choices", headers=from_(1)).status_code == 429
        lookups = ["/decisions", "/decision?category=analytics", "/notice", "/tags/mixpanel.js"]
        answers = [
            service.client.get(path, headers=from_(1))
            for path in [*(SITE + path for path in lookups), "/s/demo.js"] * 20
        ]
        answers.append(service.client.options(f"{SITE}/choices", headers=from_(1)))

    assert {answer.status_code for answer in answers} <= {200, 204}


def test_what_was_refused_is_not_recorded(tmp_path: Path) -> None:
    """A refused choice leaves no entry, no record and no cookie, and is recorded once later."""
    with limited(tmp_path, limit_network_burst=1) as (service, clock):
        service.choose("reject_all", headers=from_(1))
        size = service.client.portal.call(house_of(service).ctx.store.heads)[-1].size  # type: ignore[union-attr]  # it is open
        choice = service.choice("accept_all")
        refused = service.post(choice, headers=from_(1))
        after = service.client.portal.call(house_of(service).ctx.store.heads)[-1].size  # type: ignore[union-attr]  # it is open
        allowed = service.allowed()
        clock.forward(seconds=int(refused.headers["retry-after"]))
        again = service.post(choice, headers=from_(1))

    assert (refused.status_code, after) == (429, size)
    assert "set-cookie" not in refused.headers
    assert allowed["marketing"] is False
    assert again.status_code == 201


def test_a_forged_address_changes_nothing(tmp_path: Path) -> None:
    """Who is no trusted proxy is limited by where they connect from, whatever they say of it."""
    with limited(tmp_path, peer="198.18.4.1", limit_network_burst=2) as (service, _):
        answers = [
            service.client.get(
                f"{SITE}/choices", headers={**from_(n), "forwarded": f"for=192.0.2.{n}"}
            )
            for n in range(4)
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "192.168.1.20", "fe80::1", "fd00::7", "unix"])
def test_who_may_be_everybody_is_limited_by_the_site_alone(tmp_path: Path, peer: str) -> None:
    """Behind a proxy that was not declared all visitors seem to be one."""
    with limited(tmp_path, peer=peer, limit_network_burst=1, limit_site_burst=9) as (service, _):
        answers = [service.client.get(f"{SITE}/choices") for _ in range(10)]

    assert [answer.status_code for answer in answers] == [200] * 9 + [429]


@pytest.mark.parametrize(
    ("peer", "chain", "network"),
    [
        ("203.0.113.9", None, "203.0.113.0/24"),
        ("2001:db8:7:1::9", None, "2001:db8:7::/48"),
        ("::ffff:203.0.113.9", None, "203.0.113.0/24"),
        ("10.0.0.7", "2001:db8:7:1::9", "2001:db8:7::/48"),
        ("10.0.0.7", "192.0.2.1, 203.0.113.9", "203.0.113.0/24"),
        ("10.0.0.7", "203.0.113.9, junk", ""),
        ("10.0.0.7", None, ""),
        ("100.64.0.1", None, ""),
        (None, None, ""),
    ],
)
def test_whose_network_it_is(peer: str | None, chain: str | None, network: str) -> None:
    """The client's behind trusted proxies, the peer's elsewhere, and nobody's in doubt."""
    observatory = Observatory(trusted=Settings(trusted_proxies=("10.0.0.0/8",)).proxies)
    headers = [] if chain is None else [(b"x-forwarded-for", chain.encode())]

    assert observatory.network(peer, headers) == network


def test_an_unknown_site_has_no_bucket(tmp_path: Path) -> None:
    """Sites that are made up take no room, and are refused as such."""
    with limited(tmp_path, limit_network_burst=1) as (service, _):
        answers = [
            service.client.get(f"/v1/sites/{uuid.uuid4()}/choices", headers=from_(1))
            for _ in range(20)
        ]

        assert {answer.status_code for answer in answers} == {404}
        assert set(house_of(service).limits.buckets().values()) == {0}


# ---------------------------------------------------------------- under overload


async def test_what_costs_is_shed_before_lookups() -> None:
    """At half of what fits choices and batches are refused, and decisions are still answered."""
    release = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 -- ASGI
        await release.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    door = Door(slow, most=4)
    lookup = scope("GET", f"{SITE}/decision")
    inside = [asyncio.create_task(asked(door, scope("GET", f"{SITE}/decision"))) for _ in range(2)]
    await asyncio.sleep(0)
    shed = [
        (await asked(door, scope(method, SITE + path.replace("%0A", "\n"))))[0]["status"]
        for method, path in [*COSTLY, ("POST", "/decisions")]
    ]
    inside += [asyncio.create_task(asked(door, scope("GET", f"{SITE}/notice"))) for _ in range(2)]
    await asyncio.sleep(0)
    last = await asked(door, lookup)
    release.set()
    served = [(await task)[0]["status"] for task in inside]

    assert set(shed) == {503}
    assert served == [204] * 4
    assert last[0]["status"] == 503
    assert b"allow" not in last[1]["body"]


@pytest.mark.parametrize("path", ["/choices", "/decision", "/decisions"])
async def test_a_page_can_read_that_it_was_shed(service: Service, path: str) -> None:
    """A request refused before anything looked at it still says whose pages may read the answer."""

    async def never(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 -- ASGI
        raise AssertionError

    house = house_of(service)
    state = SimpleNamespace(state=SimpleNamespace(house=house))
    head = {**scope("GET", SITE + path, {"origin": ORIGIN}), "app": state}
    foreign = {**scope("GET", SITE + path, {"origin": "https://evil.example"}), "app": state}
    start, _ = await asked(Door(never, most=0), head)
    other, _ = await asked(Door(never, most=0), foreign)

    assert (start["status"], other["status"]) == (503, 503)
    assert (b"access-control-allow-origin", ORIGIN.encode()) in start["headers"]
    assert b"access-control-allow-origin" not in dict(other["headers"])
    assert house.metrics.refused["load"] == 2


# ---------------------------------------------------------------- the document


def test_the_document_has_the_figures() -> None:
    """Each limit stands in docs/limits.md with its default."""
    document = (ROOT / "docs/limits.md").read_text()
    told = dict(re.findall(r"^\| `(limit_\w+)` \| ([\d,]+) \|", document, re.MULTILINE))

    assert told == {
        setting.name: f"{setting.default:,}"
        for setting in SETTINGS
        if setting.name.startswith("limit_")
    }
    assert f"{MOST:,} buckets" in document
    assert f"{IN_PROGRESS:,} requests in progress" in document
