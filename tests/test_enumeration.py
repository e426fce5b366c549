"""Whoever tries ids one after the other learns nothing: not by an answer's bytes, nor by its time.

Three kinds of visitors are nobody here: ids that were never drawn, visitors of another site of the
same service, and visitors whose records were erased. All of them have to be the same nobody.
"""

import asyncio
import base64
import json
import math
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from apart import KEY, SHOP, UNLIMITED, sites
from holdfire import app
from holdfire.apikeys import ApiKeys
from holdfire.model import Site
from holdfire.record import Erasure
from house import Clock, Service, settings
from outside import BASE, Answer
from test_edge_faults import scope

KNOWN = 60  # visitors of each kind that is not simply made up
SAMPLES = 240  # answers of each kind that are timed
ATTEMPTS = 3  # decided beforehand: a hundredth of true nothings looks like something each time
SIGNIFICANT = 0.01


class Ids(NamedTuple):
    """Who is nobody at the demo site, by the reason."""

    elsewhere: tuple[str, ...]
    erased: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """All of them."""
        return self.elsewhere + self.erased


@dataclass
class Registry:
    """A service with visitors, one who asks about others, and a server that holds a key."""

    service: Service
    ids: Ids
    asker: str  # token of a visitor with a choice
    key: str
    events: tuple[str, ...]  # acts of others

    def answer(self, path: str, token: str) -> Answer:
        """What the holder of a token is answered."""
        got = self.service.client.get(path, headers={"authorization": f"Bearer {token}"})
        return Answer(got.status_code, tuple(got.headers.items()), got.content)

    def batch(self, visitors: list[str]) -> Any:
        """What a server is answered about visitors."""
        got = self.service.client.post(
            f"{BASE}/decisions",
            json={"visitors": visitors},
            headers={"authorization": f"Bearer {self.key}"},
        )
        assert got.status_code == 200, got.text
        return got.json()


def made_up() -> str:
    """An id that nobody has: 128 bits of chance."""
    return base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """One service for all tests of this file."""
    folder: Path = tmp_path_factory.mktemp("enumeration")
    clock, both = Clock(), sites()
    options = settings(folder, secret_keys=(KEY,), **UNLIMITED)
    built = app.build(options, both, clock=clock, prebuild=False)
    with TestClient(built, base_url=SHOP, client=("127.0.0.1", 50_000)) as client:
        service = Service(client, clock, both["demo"], folder)
        elsewhere = [choose(service, both["other"])["visitor"] for _ in range(KNOWN)]
        erased = [choose(service, both["demo"])["visitor"] for _ in range(KNOWN)]
        erase(service, erased)
        mine = choose(service, both["demo"])
        events = tuple(choose(service, both["demo"])["event_id"] for _ in range(KNOWN))
        keys: ApiKeys = client.app.state.house.keys  # type: ignore[attr-defined]  # the client types it as any ASGI callable
        _, key = keys.create("demo", ("decisions:read",), 30 * 86_400)
        clock.forward(seconds=2)
        ids = Ids(tuple(elsewhere), tuple(erased))
        yield Registry(service, ids, mine["token"], key, events)


def choose(service: Service, site: Site) -> Any:
    """A new visitor of a site allows everything."""
    service.client.cookies.clear()
    answer = service.client.post(
        f"/v1/sites/{site.id}/choices",
        json=service.choice("accept_all", notice_version=site.version),
        headers={"origin": site.origins[0]},
    )
    service.client.cookies.clear()
    assert answer.status_code == 201, answer.text
    return answer.json()


def erase(service: Service, visitors: list[str]) -> None:
    """Take these visitors out of the records, as they may ask."""
    store = service.client.app.state.house.ctx.store  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    assert service.client.portal is not None
    for name in visitors:
        asked = Erasure(part="subject", why="request", recorded_ms=0, site="demo", visitor=name)
        assert service.client.portal.call(store.erase, asked) == 1


SURFACES = (
    "decision?category=analytics",
    "decision?service=mixpanel",
    "decisions",
    "notice",
    "tags/mixpanel.js",
    "enforcement",
    "token",
    "choices",
    "receipts/3f0e7c52-9d1b-4c8e-8a55-0d3f6b1e7a90",
)


@pytest.mark.parametrize("surface", SURFACES)
def test_all_nobodies_are_answered_alike(registry: Registry, surface: str) -> None:
    """A token of a visitor who is not on record is answered to the byte as any other such one."""
    visitors = [*registry.ids.elsewhere[:20], *registry.ids.erased[:20]]
    visitors += [made_up() for _ in range(30)]
    signed = registry.service.signed
    answers = [registry.answer(f"{BASE}/{surface}", signed(name)).settled for name in visitors]
    assert len({str(answer) for answer in answers}) == 1


def test_whoever_is_known_is_answered_otherwise(registry: Registry) -> None:
    """The comparison has something to find: a visitor with a choice is somebody."""
    own = registry.answer(f"{BASE}/decisions", registry.asker)
    nobody = registry.answer(f"{BASE}/decisions", registry.service.signed(made_up()))
    assert own.settled != nobody.settled


def ask_in_batches(registry: Registry, count: int, seed: str) -> None:
    """Put the nobodies in among so many ids that were never drawn, and compare what is said of each."""
    random = Random(seed)  # noqa: S311 -- to be repeated
    said: set[str] = set()
    for _ in range(count // 1_000):
        hidden = list(registry.ids.all)
        visitors = [*hidden, *(made_up() for _ in range(1_000 - len(hidden)))]
        random.shuffle(visitors)
        answered = registry.batch(visitors)
        items = answered["decisions"]
        assert [item["visitor"] for item in items] == visitors
        times = ("decided_at", "valid_until")
        for item in items:
            rest = {key: value for key, value in item.items() if key not in ("visitor", *times)}
            said.add(json.dumps(rest))
    assert len(said) == 1, said


def test_a_batch_tells_no_nobody_from_another(registry: Registry) -> None:
    """3,000 ids asked for by a server that may: one and the same answer for each."""
    ask_in_batches(registry, 3_000, "smoke")


@pytest.mark.long
def test_a_hundred_thousand_ids_tell_nothing(registry: Registry) -> None:
    """The same for a hundred thousand."""
    ask_in_batches(registry, 100_000, "campaign")


def test_receipts_of_others_are_as_none(registry: Registry) -> None:
    """The act of another visitor is answered to the byte as an act that never was."""
    for page in ("", "/page"):
        events = [*registry.events, *(str(uuid.uuid4()) for _ in range(KNOWN))]
        answers = [
            registry.answer(f"{BASE}/receipts/{event}{page}", registry.asker) for event in events
        ]
        assert {answer.status for answer in answers} == {404}
        assert len({str(answer.settled) for answer in answers}) == 1


# ---------------------------------------------------------------- time


def timed(registry: Registry, asked: list[tuple[str, str]]) -> list[int]:
    """Nanoseconds that the application takes for each question (path, token), one after the other."""
    service, statuses = registry.service, set()

    async def heard(message: Message) -> None:
        statuses.add(message.get("status", 200))

    async def all_of_them() -> list[int]:
        took = []
        for path, token in asked:
            target, _, query = path.partition("?")
            head = scope("GET", target, {"authorization": f"Bearer {token}"})
            head["query_string"] = query.encode()
            begun = time.perf_counter_ns()
            await service.client.app(head, nothing, heard)
            took.append(time.perf_counter_ns() - begun)
            await asyncio.sleep(0)
        assert statuses <= {200, 404}, statuses
        return took

    assert service.client.portal is not None
    return service.client.portal.call(all_of_them)


async def nothing() -> Message:
    """The end of a body that is empty."""
    return {"type": "http.request", "body": b""}


def alike(one: list[int], other: list[int]) -> float:
    """How likely two samples of one distribution differ this much: Mann and Whitney's test.

    By the normal approximation, without a correction for ties: nanoseconds hardly tie.
    """
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks = sum(rank for rank, (_, which) in enumerate(ranked, 1) if which == 0)
    n, m = len(one), len(other)
    mean, spread = n * m / 2, math.sqrt(n * m * (n + m + 1) / 12)
    z = (ranks - n * (n + 1) / 2 - mean) / spread
    return math.erfc(abs(z) / math.sqrt(2))


def grown(surface: str, number: int) -> str:
    """A question that the same visitor has not been asked before: remembered ones take no time."""
    mark = "&" if "?" in surface else "?"
    return f"{BASE}/{surface}{mark}age={30 + number // KNOWN}"


def indistinguishable(
    registry: Registry,
    one: Callable[[int], tuple[str, str]],
    other: Callable[[int], tuple[str, str]],
) -> bool:
    """Whether the times of two kinds of questions, asked in turn, look like those of one kind."""
    for attempt in range(ATTEMPTS):
        numbers = range(attempt * SAMPLES, (attempt + 1) * SAMPLES)
        pairs = [(one(n), other(n)) if n % 2 else (other(n), one(n)) for n in numbers]
        took = timed(registry, [question for pair in pairs for question in pair])
        couples = list(zip(took[::2], took[1::2], strict=True))
        first = [couple[0 if n % 2 else 1] for n, couple in zip(numbers, couples, strict=True)]
        second = [couple[1 if n % 2 else 0] for n, couple in zip(numbers, couples, strict=True)]
        if alike(first, second) > SIGNIFICANT:
            return True
    return False


def test_the_comparison_of_times_can_fail(registry: Registry) -> None:
    """A question that takes longer is told from one that does not: the test has power."""
    signed = registry.service.signed
    assert not indistinguishable(
        registry,
        lambda _: (f"{BASE}/decisions", signed(made_up())),
        lambda _: ("/healthz", signed(made_up())),
    )


@pytest.mark.parametrize("kind", Ids._fields)
@pytest.mark.parametrize("surface", ["decision?category=analytics", "decisions", "choices"])
def test_nobodies_take_the_same_time(registry: Registry, surface: str, kind: str) -> None:
    """The times for visitors of that kind and for ids never drawn are of one distribution."""
    ids: tuple[str, ...] = getattr(registry.ids, kind)
    signed = registry.service.signed
    assert indistinguishable(
        registry,
        lambda n: (grown(surface, n), signed(made_up())),
        lambda n: (grown(surface, n), signed(ids[n % KNOWN])),
    )


def test_an_act_of_somebody_else_takes_as_long_as_none(registry: Registry) -> None:
    """Whether an act is on record is not told by the time of the refusal either."""
    events = registry.events
    assert indistinguishable(
        registry,
        lambda n: (grown(f"receipts/{uuid.uuid4()}", n), registry.asker),
        lambda n: (grown(f"receipts/{events[n % KNOWN]}", n), registry.asker),
    )
