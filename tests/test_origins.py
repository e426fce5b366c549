"""Forty origins that are nearly the site's, at every address there is: none of them is let in.

Forty in one look: written the way an attacker would register, send or encode them.
"""

import re
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import pytest
from starlette.routing import Route

from apart import SHOP
from holdfire.web.routes import routes
from outside import BASE, Answer, Headers, Line, Outside, outside

LOOKALIKES = (
    # a name that begins or ends like ours
    "https://shop.example.evil.example",
    "https://shop.example-evil.example",
    "https://evilshop.example",
    "https://evil-shop.example",
    "https://evil.shop.example",
    "https://www.shop.example",
    "https://xshop.example",
    "https://shopxexample",
    "https://shop.exampl",
    "https://shop.examplee",
    "https://hop.example",
    "https://example",
    # another scheme, another port
    "http://shop.example",
    "HTTPS://shop.example",
    "wss://shop.example",
    "file://shop.example",
    "https://shop.example:443",
    "https://shop.example:8443",
    "https://shop.example:",
    "shop.example",
    "//shop.example",
    "https:shop.example",
    "https:/shop.example",
    # more than an origin
    "https://shop.example/",
    "https://shop.example/evil",
    "https://shop.example?evil",
    "https://shop.example#evil",
    "https://evil.example@shop.example",
    "https://shop.example@evil.example",
    "https://shop.example%2eevil.example",
    "https://shop.example\\.evil.example",
    "https://evil.example/https://shop.example",
    # another spelling
    "https://Shop.Example",
    "https://shop.example.",
    "https://shop%2eexample",
    "https://xn--shp-zqa.example",
    "https://sh\xc3\xb8p.example",
    "https://shop\x0b.example",
    "https://shop.example\xa0",
    "https://shop .example",
    # two of them, or none
    "https://shop.example https://evil.example",
    "https://evil.example, https://shop.example",
    "https://shop.example,https://shop.example",
    "null",
    "*",
    "",
)
FILLED = {
    "site": "demo",
    "region": "de",
    "service": "posthog",
    "event_id": "3f0e7c52-9d1b-4c8e-8a55-0d3f6b1e7a90",
    "log": "2026",
    "tile:path": "0/000",
    "tracking": "N",
    "name": "nothing.js",
}
WRITES = ("choices", "handoffs", "takeovers")
PREFLIGHT = (
    ("Access-Control-Request-Method", "POST"),
    ("Access-Control-Request-Headers", "content-type, authorization"),
)


class Address(NamedTuple):
    """One line of the route table, as somebody asks for it."""

    method: str
    path: str

    @property
    def of_a_site(self) -> bool:
        """Whether the site is in the path, so that there are origins to compare with."""
        return self.path.startswith((BASE, "/s/"))


def addresses() -> list[Address]:
    """Every method and path of the table, and the preflight of each path."""
    found = set()
    for route in (route for route in routes() if isinstance(route, Route)):
        path = re.sub(r"{([^}]+)}", lambda part: FILLED[part[1]], route.path)
        methods = (route.methods or set()) - {"HEAD"}
        found |= {Address(method, path) for method in (*methods, "OPTIONS")}
    return sorted(found)


class Doorstep(NamedTuple):
    """A service, a line to it, and a visitor who has allowed everything."""

    service: Outside
    line: Line
    token: str

    def ask(self, address: Address, *origins: str) -> Answer:
        """Ask with these ``Origin`` headers, as the visitor, with a body that would be good."""
        headers: Headers = [
            *(("Origin", origin) for origin in origins),
            ("Content-Type", "application/json"),
            ("Cookie", f"holdfire_demo={self.token}"),
            *(PREFLIGHT if address.method == "OPTIONS" else ()),
        ]
        posts = address.method == "POST"
        body = self.service.choice("accept_all") if posts else b""
        return self.line.ask(address.path, headers, method=address.method, body=body)

    def written(self) -> bytes:
        """The size of the log as it stands, and the visitor's own history."""
        bearer = [("Authorization", f"Bearer {self.token}")]
        return self.line.ask(f"{BASE}/choices", bearer).body


@pytest.fixture(scope="module")
def doorstep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doorstep]:
    """One service for all tests of this file."""
    with outside(tmp_path_factory.mktemp("origins")) as service, service.line() as line:
        yield Doorstep(service, line, service.choose(line, "accept_all")["token"])


def shut(answer: Answer, address: Address, *origins: str) -> None:
    """See that an answer lets no page but the site's own read it."""
    told = f"{address.method} {address.path} from {origins!r}: {answer}"
    allowed = answer.header("access-control-allow-origin")
    assert answer.status < 500, told
    assert allowed in {"", "*"}, told
    assert allowed == "" or not address.path.startswith(BASE), told
    assert "access-control-allow-credentials" not in dict(answer.headers), told
    assert not (set(origins) - {"", "*"}) & {value for _, value in answer.headers}, told


def varies(answer: Answer) -> set[str]:
    """What the answer says that it depends on."""
    return {name.strip().lower() for name in answer.header("vary").split(",")}


def test_there_are_forty_of_them() -> None:
    """The list is as long as it says, and the site's own origin is not on it."""
    assert len(set(LOOKALIKES)) >= 40
    assert SHOP not in LOOKALIKES


def test_the_sites_own_origin_is_let_in(doorstep: Doorstep) -> None:
    """The comparison has something to compare with: the one origin of the file reads what it asks."""
    for path in ("notice", "decision?category=analytics", "decisions", "choices"):
        answer = doorstep.ask(Address("GET", f"{BASE}/{path}"), SHOP)
        assert answer.header("access-control-allow-origin") == SHOP
        assert answer.header("access-control-allow-credentials") == "true"
        assert "origin" in varies(answer)


@pytest.mark.parametrize("address", addresses(), ids=" ".join)
def test_no_lookalike_is_let_in(doorstep: Doorstep, address: Address) -> None:
    """No answer is readable for it, and whatever is kept of the answer is kept by ``Origin``."""
    for origin in LOOKALIKES:
        doorstep.ask(address, SHOP)  # so that something of the site's own could be remembered
        answer = doorstep.ask(address, origin)
        shut(answer, address, origin)
        if address.of_a_site and answer.status not in {400, 405}:  # before any site is looked at
            assert "origin" in varies(answer), answer
    for pair in product((SHOP, "https://evil.example"), repeat=2):
        shut(doorstep.ask(address, *pair), address, *pair)


@pytest.mark.parametrize("verb", WRITES)
def test_no_lookalike_writes(doorstep: Doorstep, verb: str) -> None:
    """Whatever is posted from one of them, or without an origin, is refused and leaves no trace."""
    address = Address("POST", f"{BASE}/{verb}")
    before = doorstep.written()

    pairs = product((SHOP, "https://evil.example"), repeat=2)
    for origins in [(), *((origin,) for origin in LOOKALIKES), *pairs]:
        answer = doorstep.ask(address, *origins)
        assert "set-cookie" not in dict(answer.headers)
        if "\x0b" in "".join(origins):
            assert answer.status == 400, answer  # the server itself refuses to read it
            continue
        assert answer.status == 403, (origins, answer)
        assert answer.json()["error"]["code"] == "origin_refused"

    assert doorstep.written() == before


def test_a_remembered_answer_is_no_other_origins(doorstep: Doorstep) -> None:
    """The same question from our page, a lookalike and nobody, in turn: each has its own headers."""
    address = Address("GET", f"{BASE}/decisions")
    for _ in range(3):
        assert doorstep.ask(address, SHOP).header("access-control-allow-origin") == SHOP
        shut(doorstep.ask(address, "https://shop.example."), address, "https://shop.example.")
        shut(doorstep.ask(address), address)
