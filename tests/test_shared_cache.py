"""Caches between the service and its visitors: nobody is handed what was made for somebody else.

A shared cache as RFC 9111 has it, and one that keys by the path alone, as content networks do that
ignore the query. Visitors stand behind them in Germany and in California, each in several ways.
"""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import pytest

from apart import SHOP
from handed import handed_in
from house import DATA
from outside import BASE, CALIFORNIAN, GERMAN, Answer, Headers, Line, outside
from shared_cache import Key, SharedCache, lines, may_keep, whole, without_query
from test_origins import addresses

NAMES = (DATA / "unkeyed-headers.txt").read_text().split()
"""Names that some program somewhere obeys, and that no cache keys by; none that is read here."""
PLACES = {"DE": GERMAN, "US": CALIFORNIAN}
QUERIES = {
    "/s/demo.js": ("", "?v=1", "?age=15", "?residence=US-CA", "?gpc=1", "?utm_source=x"),
    "/s/demo/de.js": ("", "?v=1", "?age=15", "?residence=US-CA", "?gpc=1", "?utm_source=x"),
    "/s/demo/us-ca.js": ("", "?v=2", "?age=15", "?gpc=1"),
    f"{BASE}/decision": ("?category=analytics", "?service=mixpanel", "?category=marketing&gpc=1"),
    f"{BASE}/decisions": ("", "?gpc=1", "?age=15"),
    f"{BASE}/notice": ("", "?gpc=1", "?lang=de"),
}
"""What the paths are asked with: what changes an answer, and what is only carried along."""


class Who(NamedTuple):
    """One way to stand behind the cache."""

    name: str
    headers: Headers


class World(NamedTuple):
    """What the service answers to everybody, asked once and without a cache."""

    people: tuple[Who, ...]
    paths: tuple[str, ...]
    direct: dict[tuple[str, str], Answer]  # by the path, and the name of who asks


def people(token: str) -> Iterator[Who]:
    """Everybody: in either place, plain, and with each thing that a request may bring."""
    brought: dict[str, Headers] = {
        "plain": [],
        "German": [("Accept-Language", "de")],
        "with GPC": [("Sec-GPC", "1")],
        "with DNT": [("DNT", "1")],
        "with a cookie": [("Cookie", f"holdfire_demo={token}")],
        "with a bearer token": [("Authorization", f"Bearer {token}")],
        "from the site": [("Origin", SHOP)],
        "from elsewhere": [("Origin", "https://evil.example")],
        "packed": [("Accept-Encoding", "br, gzip")],
    }
    for (place, address), (what, headers) in product(PLACES.items(), brought.items()):
        yield Who(f"{place} {what}", [("X-Forwarded-For", address), *headers])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Ask everything of one service on behalf of everybody."""
    folder = tmp_path_factory.mktemp("shared")
    with (
        outside(folder, trusted_proxies=["127.0.0.0/8"]) as service,
        service.line() as line,
    ):
        chosen = service.choose(line, "accept_all")
        signed(line, chosen)
        everybody = tuple(people(chosen["token"]))
        found = tuple(paths(chosen["event_id"]))
        direct = {
            (path, who.name): line.ask(path, who.headers) for path in found for who in everybody
        }
        yield World(everybody, found, direct)


def signed(line: Line, chosen: dict[str, str]) -> None:
    """Wait until the log has been signed up to a choice: from then on it says the same."""
    receipt = f"{BASE}/receipts/{chosen['event_id']}"
    assert line.ask(receipt, [("Authorization", f"Bearer {chosen['token']}")]).status == 200


def paths(event_id: str) -> Iterator[str]:
    """Every address that is asked with GET."""
    table = [address.path for address in addresses() if address.method == "GET"]
    for path in (*table, "/s/demo/us-ca.js", f"{BASE}/receipts/{event_id}"):
        for query in QUERIES.get(path, ("",)):
            yield path + query


def shared(world: World, key: Key) -> Iterator[tuple[str, Who, Answer]]:
    """Everybody after everybody, at every address: what was given of another's, and to whom."""
    by_headers = {str(who.headers): who.name for who in world.people}

    def origin(path: str, headers: Headers) -> Answer:
        return world.direct[path, by_headers[str(headers)]]

    same_key = [
        (one, two)
        for one, two in product(world.paths, repeat=2)
        if key(one) == key(two) and (one == two or not declared(one, two))
    ]
    for (first, path), one, two in product(same_key, world.people, world.people):
        cache = SharedCache(origin, key)
        cache.ask(first, one.headers)
        answer, of_another = cache.ask(path, two.headers)
        if of_another:
            yield path, two, answer


def declared(first: str, second: str) -> bool:
    """Whether a network without queries loses what a page says in the address, and owners are told.

    What it is written in: the words are others by it. Where its visitor lives: that is refused by
    the service, and a cache that never passes it on gives the law of the place.
    """
    return "lang=" in first + second or "residence=" in second


@pytest.mark.parametrize("key", [whole, without_query])
def test_what_is_shared_is_what_would_have_been_answered(world: World, key: Key) -> None:
    """Whatever a cache may give on is, to the byte, what the visitor would have got without it."""
    given = 0
    for path, who, answer in shared(world, key):
        without = world.direct[path, who.name]
        told = (path, who.name, answer.headers)
        assert (answer.status, answer.body) == (without.status, without.body), told
        allowed = "access-control-allow-origin"
        assert answer.header(allowed) == without.header(allowed), told
        given += 1
    assert given > 1_000  # or nothing was looked at


def test_two_places_share_no_law(world: World) -> None:
    """A German visitor and a Californian differ at the private address, and agree at the public one."""
    own = {
        place: handed_in(world.direct["/s/demo.js", f"{place} plain"].body.decode())[0]
        for place in PLACES
    }
    assert own["DE"]["rules"]["regime"] != own["US"]["rules"]["regime"]
    for path in ("/s/demo/de.js", "/s/demo/us-ca.js"):
        assert world.direct[path, "DE plain"].body == world.direct[path, "US plain"].body


def test_nothing_personal_is_kept(world: World) -> None:
    """No shared cache may keep what is asked by who one is or where one stands."""
    for (path, name), answer in world.direct.items():
        asked = lines(next(who.headers for who in world.people if who.name == name))
        personal = path.startswith((BASE, "/s/demo.js"))
        assert not (personal and may_keep(answer, asked)), (path, name, answer.headers)
        assert not (may_keep(answer, asked) and "set-cookie" in dict(answer.headers)), path


def test_one_tag_names_one_body(world: World) -> None:
    """Two answers at one path with the same ``ETag`` are the same bytes, whoever asked."""
    found: dict[tuple[str, str], bytes] = {}
    for (path, name), answer in world.direct.items():
        tag = answer.header("etag")
        if tag:
            body = found.setdefault((without_query(path), tag), answer.body)
            assert body == answer.body, (path, name)
    assert len(found) > 10


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A service that trusts no proxy, and a line to it."""
    with outside(tmp_path_factory.mktemp("exposed")) as service, service.line() as line:
        signed(line, service.choose(line, "accept_all"))
        yield line


def test_there_are_two_hundred_of_them() -> None:
    """The list of names is as long as it says."""
    assert len(set(NAMES)) >= 200


@pytest.mark.parametrize("value", ["canary.evil.example", CALIFORNIAN, "US", "POST"])
def test_a_header_that_nobody_keys_by_changes_nothing(exposed: Line, value: str) -> None:
    """Whatever the names say, of host, address, place or method: status, body and headers stay."""
    event_id = "3f0e7c52-9d1b-4c8e-8a55-0d3f6b1e7a90"
    for path in paths(event_id):
        for names in batched_names():
            before = exposed.ask(path)
            answer = exposed.ask(path, [(name, value) for name in names])
            after = exposed.ask(path)
            assert told(answer) in (told(before), told(after)), (path, names)
            if "canary" in value:
                assert value not in str(answer.headers), path
                assert value.encode() not in answer.body, path


def batched_names() -> Iterator[list[str]]:
    """The names in shares that fit into the headers of one request."""
    size = 40
    for start in range(0, len(NAMES), size):
        yield NAMES[start : start + size]


def told(answer: Answer) -> tuple[object, ...]:
    """What an answer says, and what a cache is told of it."""
    of_a_cache = ("cache-control", "vary", "etag", "location", "content-type")
    return *answer.settled, *map(answer.header, of_a_cache)
