"""What is answered from memory: byte for byte what the framework would have answered just now."""

import asyncio
import json
import os
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from holdfire import app, consent
from holdfire.app import Service
from holdfire.errors import StoreUnavailable
from holdfire.record import Erasure
from holdfire.store import Mark, News
from holdfire.tokens import VisitorTokens
from holdfire.web import lookup
from holdfire.web.house import House
from holdfire.web.lookup import Lookups
from house import NOON, ORIGIN, Clock, demo_site, settings
from maxmind_file import write

EVE = 1_796_076_000.0  # 2026-11-30T22:00:00Z: the law of Chile is another at midnight
DAY = 86_400
BASE = "/v1/sites/demo"
GERMANY = "198.18.74.1"
PROXY = "198.51.100.9"
Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    query: str = ""
    headers: Headers = ()
    peer: str | None = GERMANY
    method: str = "GET"
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """One answer. Two are equal if they differ in nothing but their names."""

    status: int
    headers: Headers
    body: bytes
    name: bytes = field(compare=False)

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


@dataclass
class World:
    """A service, asked without a client in between."""

    service: Service
    clock: Clock
    folder: Path

    @property
    def house(self) -> House:
        """What its endpoints stand on."""
        house: House = self.service.state.house
        return house

    @property
    def lookups(self) -> Lookups:
        """What it remembers with."""
        found = self.service.lookups
        assert isinstance(found, Lookups)
        return found

    def counted(self, what: str) -> int:
        """How often the memory was of use, or was not."""
        return self.house.metrics.cache["lookups", what]

    async def ask(self, path: str, query: str = "", token: str = "", **more: Any) -> Answer:
        """What a visitor in Germany gets."""
        headers = ((b"authorization", f"Bearer {token}".encode()),) if token else ()
        return await self.answer(Asked(f"{BASE}{path}", query, headers, **more))

    async def answer(self, asked: Asked) -> Answer:
        """From memory, if it is there."""
        return await _send(self.service, asked)

    async def through(self, asked: Asked) -> Answer:
        """Through the framework, whatever is remembered."""
        kept, self.service.lookups = self.service.lookups, None
        try:
            return await _send(self.service, asked)
        finally:
            self.service.lookups = kept

    async def act(self, action: str = "accept_all", token: str = "", seconds: int = 0) -> str:
        """An act of a new visitor, or of the one whose token it is; the token from now on."""
        granted = action == "accept_all"
        body = {
            "event_id": str(uuid.uuid4()),
            "action": action,
            "categories": dict.fromkeys(("functional", "analytics", "marketing"), granted),
            "services": {},
            "notice_version": demo_site().version,
            "language": "en",
            "layer": 1,
            "control": action,
            "client_time": "2026-11-21T12:00:00Z",
        }
        headers: Headers = (
            (b"origin", ORIGIN.encode()),
            (b"content-type", b"application/json"),
        )
        if token:
            headers += ((b"authorization", f"Bearer {token}".encode()),)
        answer = await self.answer(
            Asked(f"{BASE}/choices", "", headers, method="POST", body=json.dumps(body).encode())
        )
        assert answer.status == 201, answer
        self.clock.forward(seconds=seconds)
        return str(answer.json["token"])


async def _send(service: Starlette, asked: Asked) -> Answer:
    told: list[Any] = []
    scope = {
        "type": "http",
        "method": asked.method,
        "path": asked.path,
        "query_string": asked.query.encode(),
        "headers": [(b"host", b"127.0.0.1:8080"), *asked.headers],
        "client": asked.peer and (asked.peer, 50_000),
        "scheme": "http",
        "root_path": "",
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": asked.body, "more_body": False}

    async def send(message: Any) -> None:
        told.append(message)

    await service(scope, receive, send)
    start, end = told
    headers = tuple(start["headers"])
    (name,) = (value for key, value in headers if key == b"x-request-id")
    named = ((key, b"" if key == b"x-request-id" else value) for key, value in headers)
    return Answer(start["status"], tuple(named), end["body"].replace(name, b""), name)


@asynccontextmanager
async def built(
    folder: Path, *, now: float = NOON, demo: bool = True, **more: Any
) -> AsyncIterator[World]:
    """A service of its own."""
    clock = Clock(now)
    site = demo_site()
    service = app.build(
        settings(folder, limit_network_per_second=0, limit_site_per_second=0, **more),
        {site.id: site},
        demo=demo,
        clock=clock,
        prebuild=False,
    )
    async with service.router.lifespan_context(service):
        yield World(service, clock, folder)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """One service for one test."""
    async with built(tmp_path) as found:
        yield found


# ---------------------------------------------------------------- both ways answer alike


class Visits:
    """Requests and events at random: what visitors, pages, proxies and clocks come up with."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.dice = random.Random(seed)  # noqa: S311 -- a test's dice are loaded on purpose
        self.tokens: list[str] = []  # every one that was ever handed out, the old ones too
        self.read = world.house.ctx.tokens.read
        self.signer = VisitorTokens(["another key of another house, long enough"])

    async def event(self) -> None:
        """Something happens, or some time passes."""
        dice, world = self.dice, self.world
        match dice.randrange(12):
            case 0 | 1 | 2:
                self.tokens.append(await world.act(dice.choice(("accept_all", "reject_all"))))
            case 3 | 4 if self.tokens:
                token = dice.choice(self.tokens)
                self.tokens.append(await world.act("withdraw", token))
            case 5 if self.tokens:
                await self.erase(self.read("demo", dice.choice(self.tokens)).visitor)
            case 6:
                world.clock.forward(days=dice.choice((1, 20, 120)))
            case 7:
                world.clock.now = (world.clock.now // DAY + 1) * DAY - dice.choice((0.5, 0, 1))
            case 8:
                world.clock.forward(seconds=-dice.choice((1, 3_600)))
            case _:
                world.clock.forward(seconds=dice.choice((0.3, 1, 60, 299, 301)))

    async def erase(self, visitor: str) -> None:
        """Erase what points at a visitor."""
        recorded_ms = int(self.world.clock.now * 1000)
        erasure = Erasure("subject", "request", recorded_ms, "demo", visitor)
        await self.world.house.ctx.store.erase(erasure)

    def request(self) -> Asked:
        """A lookup; most are like many others."""
        dice = self.dice
        path, queries = dice.choice(
            (
                (f"{BASE}/decision", ("service=posthog", "category=marketing", "service=none", "")),
                (f"{BASE}/decisions", ("", "gpc=1", "age=12", "residence=FR", "age=x")),
                (f"{BASE}/notice", ("", "lang=fr", "lang=fr&lang=de", "dnt=1")),
                ("/s/demo.js", ("", "utm=1", "geo=DE", "age=9&age=10")),
            )
        )
        query = dice.choice((queries[0], *queries))
        if dice.random() < 0.1:
            query += ("&" if query else "") + dice.choice(
                ("geo=CL", "geo=US-CA", "geo=DE", "geo=?")
            )
        if dice.random() < 0.02:
            path = path.replace("demo", "nobody")
        headers: list[tuple[bytes, bytes]] = []
        if dice.random() < 0.2:
            headers.append(dice.choice(((b"sec-gpc", b"1"), (b"dnt", b"1"), (b"sec-gpc", b"0"))))
        if dice.random() < 0.3:
            origin = dice.choice((ORIGIN, ORIGIN, "https://evil.example", "null"))
            headers += [(b"origin", origin.encode())] * dice.choice((1, 1, 1, 2))
        if dice.random() < 0.2:
            headers.append((b"accept-language", dice.choice((b"fr", b"de;q=0.5, en", b"*"))))
        if dice.random() < 0.3:
            headers.append((b"accept-encoding", dice.choice((b"br", b"gzip", b"identity"))))
        if dice.random() < 0.1:
            headers.append((b"if-none-match", dice.choice((b"*", b'"x"'))))
        if dice.random() < 0.02:
            headers.append((b"x-padding", b"a" * dice.choice((100, 9_000))))
        if dice.random() < 0.01:
            headers.append((b"content-length", dice.choice((b"0", b"999999999"))))
        headers += self.place()
        headers += self.credentials()
        peer = dice.choice((GERMANY, GERMANY, PROXY, PROXY, "198.18.18.7", "::1", None))
        return Asked(path, query, tuple(headers), peer)

    def place(self) -> Headers:
        """What proxies say of where the visitor is, of which only some are believed."""
        dice = self.dice
        if dice.random() > 0.3:
            return ()
        return dice.choice(
            (
                ((b"x-forwarded-for", b"198.18.5.1"),),
                ((b"x-forwarded-for", b"198.18.4.1, 198.18.18.1"),),
                ((b"forwarded", b"for=198.18.5.1;proto=https;host=127.0.0.1:8080"),),
                ((b"x-forwarded-proto", b"https"),),
                ((b"cf-ipcountry", b"DE"), (b"x-forwarded-for", b"198.18.5.1")),
                ((b"cf-ipcountry", b"DE"), (b"cf-ipcountry", b"US")),
            )
        )

    def credentials(self) -> Headers:
        """A token: newest, outdated, foreign, forged, twice, or none; as bearer or cookie."""
        dice = self.dice
        if not self.tokens or dice.random() < 0.2:
            return ((b"cookie", b"theirs=1"),) if dice.random() < 0.3 else ()
        token = dice.choice(self.tokens[-4:] if dice.random() < 0.8 else self.tokens)
        kind = dice.random()
        if kind < 0.05:
            at = dice.randrange(len(token))
            token = f"{token[:at]}{dice.choice('ab0-')}{token[at + 1 :]}"
        elif kind < 0.08:
            token = self.signer.sign("demo", self.read("demo", token))
        elif kind < 0.11:
            token = self.world.house.ctx.tokens.sign("sister", self.read("demo", token))
        line = (
            (b"authorization", f"Bearer {token}".encode())
            if dice.random() < 0.6
            else (b"cookie", f"theirs=1; {dice.choice(PREFIXES)}holdfire_demo={token}".encode())
        )
        return (line,) * dice.choice((1, 1, 1, 1, 1, 1, 2))


PREFIXES = ("", "", "__Host-", "__Secure-")


async def campaign(folder: Path, requests: int, seed: int) -> None:
    """Ask at random; every answer is what the framework answers to the same question just then."""
    proxies: Any = {"trusted_proxies": (f"{PROXY}/32",), "edge_headers": ("cloudflare",)}
    async with built(folder, now=EVE, **proxies) as world:
        visits = Visits(world, seed)
        for _ in range(4):
            visits.tokens.append(await world.act())
        recent: list[Asked] = []
        for number in range(requests):
            if number % 23 == 0:
                await visits.event()
            repeated = recent and visits.dice.random() < 0.7
            asked = visits.dice.choice(recent) if repeated else visits.request()
            recent = [*recent[-60:], asked]
            ours, theirs = await world.answer(asked), await world.through(asked)
            assert ours == theirs, asked
            assert ours.name != theirs.name
        assert world.counted("hit") > requests / 4
        assert world.counted("dropped") > 0


async def test_memory_and_framework_answer_alike(tmp_path: Path) -> None:
    """Of 600 lookups between choices, erasures and passing days, none differs in a byte."""
    await campaign(tmp_path, 600, 7)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
async def test_memory_and_framework_answer_alike_for_long(tmp_path: Path, seed: int) -> None:
    """Nor do 100,000."""
    await campaign(tmp_path, 10_000, seed)


# ---------------------------------------------------------------- what ends a memory


async def test_the_second_time_comes_from_memory(world: World) -> None:
    """The same question is answered again under another name, as of now."""
    token = await world.act()
    first = await world.ask("/decision", "service=mixpanel", token)
    world.clock.forward(seconds=7)
    again = await world.ask("/decision", "service=mixpanel", token)

    assert (world.counted("miss"), world.counted("hit")) == (1, 1)
    assert first.json["allow"] is again.json["allow"] is True
    assert first.json["valid_until"] == again.json["valid_until"]
    assert (first.json["decided_at"], again.json["decided_at"]) == (
        "2026-11-21T12:00:00Z",
        "2026-11-21T12:00:07Z",
    )
    assert first.name != again.name


async def test_an_older_token_answers_no_after_a_withdrawal(world: World) -> None:
    """A yes that was remembered under it ends with the act, and the no is remembered in its place."""
    old = await world.act(seconds=1)
    assert (await world.ask("/decision", "service=mixpanel", old)).json["allow"] is True
    assert (await world.ask("/decision", "service=mixpanel", old)).json["allow"] is True
    await world.act("withdraw", old, seconds=1)

    for _ in range(3):
        assert (await world.ask("/decision", "service=mixpanel", old)).json["allow"] is False
    assert world.counted("hit") == 3


async def test_a_stranger_s_act_ends_nothing(world: World) -> None:
    """News of one visitor leaves what is remembered of the others."""
    token = await world.act(seconds=1)
    await world.ask("/decisions", "", token)
    await world.act("reject_all", seconds=1)
    await world.ask("/decisions", "", token)

    assert (world.counted("miss"), world.counted("hit")) == (1, 1)


async def test_an_erasure_ends_it(world: World) -> None:
    """Of whom nothing is known any more, nothing is remembered either."""
    token = await world.act(seconds=1)
    assert (await world.ask("/decision", "service=mixpanel", token)).json["allow"] is True
    visitor = world.house.ctx.tokens.read("demo", token).visitor
    erasure = Erasure("subject", "request", int(world.clock.now * 1000), "demo", visitor)
    assert await world.house.ctx.store.erase(erasure) == 1

    assert (await world.ask("/decision", "service=mixpanel", token)).json["allow"] is False


async def test_an_outage_ends_it_and_passes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store does not answer nobody is allowed, and pages are under control."""
    token = await world.act(seconds=1)
    script = Asked("/s/demo.js")
    before = [await world.ask("/decision", "service=mixpanel", token), await world.answer(script)]

    async def lost(*_: object) -> None:
        raise StoreUnavailable("The disk is gone.")

    with monkeypatch.context() as away:
        for name in ("news", "newest", "standings", "readable"):
            away.setattr(type(world.house.ctx.store), name, lost)
        denied = await world.ask("/decision", "service=mixpanel", token)
        assert (denied.status, denied.json["reason"]) == (503, "store_unavailable")
        assert await world.answer(script) == before[1]

    assert await world.ask("/decision", "service=mixpanel", token) == before[0]


async def test_a_silent_store_denies_in_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not answer at all is not waited for, and what it was asked is given up."""
    token = await world.act(seconds=1)
    given_up = []

    async def silent(*_: object) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            given_up.append(1)
            raise

    for name in ("news", "newest", "standings"):
        monkeypatch.setattr(type(world.house.ctx.store), name, silent)
    monkeypatch.setattr(lookup, "NEWS_SECONDS", 0.001)
    monkeypatch.setattr(consent, "LOOKUP_SECONDS", 0.001)

    assert (await world.ask("/decision", "service=mixpanel", token)).status == 503
    assert (await world.ask("/notice", "", token)).status == 503
    assert len(given_up) == 4


async def test_a_law_ends_it_at_midnight(tmp_path: Path) -> None:
    """The day on which a law begins is not answered with the day before."""
    async with built(tmp_path, now=EVE) as world:
        before = (await world.ask("/decisions", "geo=CL")).json["regime"]
        world.clock.forward(seconds=2 * 3_600 - 1)
        assert (await world.ask("/decisions", "geo=CL")).json["regime"] == before
        world.clock.forward(seconds=1)

        assert (await world.ask("/decisions", "geo=CL")).json["regime"] != before
        assert world.counted("hit") == 1


async def test_a_choice_that_runs_out_ends_it(world: World) -> None:
    """At the second at which it expires, and not before; told what remains of it until then."""
    token = await world.act()
    until = (await world.ask("/decision", "service=mixpanel", token)).json["valid_until"]
    end = world.house.ctx.tokens.read("demo", token).valid_until
    for short in (400, 301, 300, 299, 1):
        world.clock.now = end - short
        asked = Asked(
            f"{BASE}/decision",
            "service=mixpanel",
            ((b"authorization", f"Bearer {token}".encode()),),
        )
        first, again = await world.answer(asked), await world.answer(asked)
        assert first == again == await world.through(asked)
        assert first.json["allow"] is True
        assert first.json["valid_until"] >= until
    world.clock.now = end

    answer = await world.ask("/decision", "service=mixpanel", token)
    assert answer.json["reason"] == "choice_expired"


async def test_another_database_of_places_ends_it(tmp_path: Path) -> None:
    """A file that was exchanged is seen by lookups from memory, which are the only ones there are."""
    path = write(tmp_path / "geo.mmdb", {"198.18.74.0/24": {"country": {"iso_code": "DE"}}})
    async with built(tmp_path, geo_database=str(path)) as world:
        database = world.house.observatory.databases[0]
        monotonic = Clock(100.0)
        database._clock, database._due = monotonic, 105.0
        before = (await world.ask("/decisions")).json["regime"]
        write(tmp_path / "new.mmdb", {"198.18.74.0/24": {"country": {"iso_code": "BR"}}})
        os.replace(tmp_path / "new.mmdb", path)  # noqa: PTH105 -- no event loop waits for a test's file
        assert (await world.ask("/decisions")).json["regime"] == before
        monotonic.forward(seconds=5)

        assert (await world.ask("/decisions")).json["regime"] != before
        assert world.counted("hit") == 1


# ---------------------------------------------------------------- what it costs


async def test_a_lookup_from_memory_asks_the_store_for_news_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No reader of the store is asked, whoever the visitor is."""
    token = await world.act(seconds=1)
    asked = [
        ("/decision", "service=mixpanel", token),
        ("/decisions", "", ""),
        ("/notice", "", token),
    ]
    before = [await world.ask(*each) for each in asked]

    async def refused(*_: object) -> None:
        pytest.fail("a reader was asked")

    for name in ("newest", "standings", "readable", "latest", "history", "find", "own"):
        monkeypatch.setattr(type(world.house.ctx.store), name, refused)

    assert [await world.ask(*each) for each in asked] == before


async def test_it_keeps_to_its_bound(world: World) -> None:
    """The oldest answer makes room, and nothing is left of it."""
    world.service.lookups = Lookups(world.service.framework, world.house, most=8)
    tokens = [await world.act() for _ in range(3)]
    for number in range(40):
        await world.ask("/decisions", f"age={number + 20}", tokens[number % 3])
    kept = world.lookups

    assert len(kept._kept) == 8
    assert sum(map(len, kept._of.values())) == 8
    assert len(kept._pool) <= 8
    assert world.house.metrics.entries["lookups"]() == 8
    hits = world.counted("hit")
    await world.ask("/decisions", "age=59", tokens[39 % 3])
    await world.ask("/decisions", "age=20", tokens[0])
    assert world.counted("hit") == hits + 1


async def test_both_ways_are_counted_alike(world: World) -> None:
    """Metrics and the tally of signals do not tell where an answer came from."""
    asked = [
        Asked(f"{BASE}/decision", "service=posthog"),
        Asked(f"{BASE}/decisions", "", ((b"sec-gpc", b"1"),)),
        Asked(f"{BASE}/notice"),
        Asked("/s/demo.js", "", ((b"sec-gpc", b"1"),)),
    ]

    async def counts(way: Any) -> list[dict[Any, int]]:
        metrics, tally = world.house.metrics, world.house.tally
        before: list[dict[Any, int]] = [
            dict(metrics.requests),
            dict(metrics.decisions),
            dict(metrics.places),
        ]
        before.append(dict(tally._counts))
        for each in asked:
            await way(each)
        after: list[dict[Any, int]] = [
            metrics.requests,
            metrics.decisions,
            metrics.places,
            tally._counts,
        ]
        return [
            {key: count - old.get(key, 0) for key, count in new.items() if count != old.get(key)}
            for old, new in zip(before, after, strict=True)
        ]

    slow = await counts(world.answer)
    assert world.counted("hit") == 0
    assert await counts(world.answer) == slow
    assert world.counted("hit") == len(asked)


# ---------------------------------------------------------------- what happens meanwhile


async def test_an_answer_that_was_overtaken_is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody withdraws while a lookup of theirs is under way, and another hears of it first."""
    token = await world.act(seconds=1)
    store = type(world.house.ctx.store)
    newest, reading, go_on = store.newest, asyncio.Event(), asyncio.Event()

    async def slow(self: Any, *asked: Any) -> Any:
        found = await newest(self, *asked)
        reading.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(store, "newest", slow)
    monkeypatch.setattr(consent, "LOOKUP_SECONDS", 60)
    under_way = asyncio.create_task(world.ask("/decision", "service=mixpanel", token))
    await reading.wait()
    monkeypatch.setattr(store, "newest", newest)
    await world.act("withdraw", token, seconds=1)
    await world.ask("/decisions")  # hears the news
    go_on.set()

    assert (await under_way).json["allow"] is True  # it was asked before
    assert (await world.ask("/decision", "service=mixpanel", token)).json["allow"] is False


async def test_news_that_comes_late_goes_back_behind_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two lookups ask at once; whoever is answered last does not undo what the other heard."""
    token = await world.act(seconds=1)
    await world.ask("/decision", "service=mixpanel", token)
    store = type(world.house.ctx.store)
    news, asked, go_on = store.news, asyncio.Event(), asyncio.Event()

    async def late(self: Any, since: Mark | None) -> News | None:
        found: News | None = await news(self, since)
        asked.set()
        await go_on.wait()
        return found

    await world.act("reject_all", seconds=1)
    monkeypatch.setattr(store, "news", late)
    monkeypatch.setattr(lookup, "NEWS_SECONDS", 60)
    first = asyncio.create_task(world.ask("/decisions"))
    await asked.wait()
    monkeypatch.setattr(store, "news", news)
    await world.act("withdraw", token, seconds=1)
    assert (await world.ask("/decision", "service=mixpanel", token)).json["allow"] is False
    go_on.set()
    await first

    assert (await world.ask("/decision", "service=mixpanel", token)).json["allow"] is False
    assert (await world.ask("/decision", "service=mixpanel", token)).json["allow"] is False
