"""The visitor: what is made of a request, and how little of its sender is left."""

from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest
import user_agents
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfire.model import UNKNOWN_LOCATION, Location, Signals, Visitor
from holdfire.visitor import GeoDatabase, Observatory, agent, prefix
from holdfire.visitor.hops import literal
from maxmind_file import write

DATA = Path(__file__).parent / "data"
COLORADO, GERMANY, UNLISTED = "198.18.5.77", "2001:db8:4a:1:2:3:4:5", "203.0.113.9"
PROXY = "10.0.0.1"
Headers = list[tuple[bytes, bytes]]

HERE = Observatory(
    trusted=[ip_network("10.0.0.0/8")],
    edges=["cloudflare"],
    databases=[GeoDatabase(DATA / "geo-test.mmdb")],
)


def via(client: str, country: str = "", region: str = "") -> Headers:
    """The headers of a trusted proxy for a client, with what it knows of the place."""
    headers = [(b"x-forwarded-for", client.encode())]
    if country:
        headers.append((b"cf-ipcountry", country.encode()))
    if region:
        headers.append((b"cf-region-code", region.encode()))
    return headers


def test_a_request_in_full() -> None:
    """Place, signals, languages and network come from one look at the headers."""
    headers = [
        (b"host", b"consent.example"),
        (b"accept-language", b"de-CH,en;q=0.5"),
        (b"sec-gpc", b"1"),
        (b"dnt", b"0"),
    ]
    assert HERE.describe(COLORADO, headers) == Visitor(
        location=Location(country="US", region="CO", source="database", confidence="medium"),
        signals=Signals(gpc=True, dnt=False),
        languages=("de-ch", "en"),
        address_prefix="198.18.5.0/24",
    )


def test_nothing_known_is_nothing_said() -> None:
    """A request without an address and without headers is nowhere and says nothing."""
    assert HERE.describe(None, []) == Visitor(
        location=UNKNOWN_LOCATION, signals=Signals(), languages=(), address_prefix=""
    )


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (via(COLORADO), ("US", "CO", "database", "medium")),
        (via(COLORADO, "US", "CO"), ("US", "CO", "header", "high")),
        (via(COLORADO, "US"), ("US", "CO", "database", "medium")),
        (via(COLORADO, "US", "CA"), ("US", None, "header", "low")),
        (via(COLORADO, "DE"), (None, None, "unknown", "low")),
        (via(COLORADO, "XX"), ("US", "CO", "database", "medium")),
        (via(COLORADO, "T1"), (None, None, "unknown", "low")),
        (via(GERMANY), ("DE", None, "database", "high")),
        (via(GERMANY, "DE"), ("DE", None, "header", "high")),
        (via(GERMANY, "DE", "BE"), ("DE", "BE", "header", "high")),
        (via(UNLISTED), (None, None, "unknown", "low")),
        (via(UNLISTED, "US", "CO"), ("US", "CO", "header", "high")),
        (via("unknown", "US", "CO"), ("US", "CO", "header", "high")),
        (via("unknown"), (None, None, "unknown", "low")),
    ],
)
def test_header_and_database_together(
    headers: Headers, expected: tuple[str | None, str | None, str, str]
) -> None:
    """The header comes first, the database fills in, and what they dispute is not believed."""
    found = HERE.describe(PROXY, headers).location
    assert (found.country, found.region, found.source, found.confidence) == expected


def test_a_proxy_of_public_address_is_not_the_visitors_place(tmp_path: Path) -> None:
    """Where a trusted proxy names no client, nobody is placed where the proxy stands."""
    path = write(tmp_path / "a.mmdb", {"192.0.2.0/24": {"country": {"iso_code": "US"}}})
    here = Observatory(trusted=[ip_network("192.0.2.0/24")], databases=[GeoDatabase(path)])
    assert here.describe("192.0.2.1", []).location == UNKNOWN_LOCATION


@pytest.mark.parametrize("address", [COLORADO, GERMANY, "8.8.4.4", "fe80::abcd:1%eth0"])
def test_no_address_is_left_in_a_visitor(address: str) -> None:
    """Neither the peer nor a forwarded address can be read out of what is handed on."""
    for visitor in (HERE.describe(address, []), HERE.describe(PROXY, via(address))):
        assert address.partition("%")[0] not in repr(visitor)
        network = ip_network(visitor.address_prefix)
        assert network.num_addresses >= 256
        assert network.prefixlen == (24 if network.version == 4 else 48)


@settings(deadline=None)
@given(st.ip_addresses())
def test_prefixes_are_canonical(address: object) -> None:
    """A prefix is the network as ``ipaddress`` writes it; mapped addresses count as IPv4."""
    found = literal(str(address))
    assert found is not None
    expected = ip_network((found, 24 if found.version == 4 else 48), strict=False)
    assert prefix(found) == str(expected)


HEADER = st.tuples(
    st.sampled_from(
        [b"x-forwarded-for", b"forwarded", b"cf-ipcountry", b"accept-language", b"sec-gpc", b"dnt"]
    )
    | st.binary(max_size=12),
    st.binary(max_size=300),
)


@settings(max_examples=300, deadline=None)
@given(headers=st.lists(HEADER, max_size=10), peer=st.none() | st.text(max_size=60))
def test_hostile_requests_are_described(headers: Headers, peer: str | None) -> None:
    """Nothing raises; and a peer that is not trusted has the place of its own address."""
    HERE.describe(peer, headers)
    HERE.describe(PROXY, headers)
    told = HERE.describe(COLORADO, headers)
    assert (told.location.country, told.location.region) == ("US", "CO")
    assert told.address_prefix == "198.18.5.0/24"


CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.mark.parametrize(
    ("user_agent", "family"),
    [
        (CHROME, "Chrome"),
        (IPHONE, "Safari"),
        (FIREFOX, "Firefox"),
        (f"{CHROME} Edg/140.0.0.0", "Edge"),
        (f"{CHROME} Vivaldi/7.5", "Vivaldi"),
        (f"{CHROME} OPR/124.0.0.0", "Opera"),
        (IPHONE.replace("Version/18.0", "CriOS/140.0"), "Chrome"),
        (IPHONE.replace("Version/18.0", "FxiOS/140.0"), "Firefox"),
        (IPHONE.replace("Version/18.0 ", "").replace(" Safari/604.1", ""), "WebView"),
        (f"{CHROME.replace(' Chrome', ' SamsungBrowser/28.0 Chrome')}", "Samsung Internet"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Bot"),
        ("SECRETjohnBot/1.0", "Bot"),
        ("john@shop.example crawler", "Bot"),
        ("curl/8.14", "Other"),
        ("", "Other"),
        ("\x00\udcff", "Other"),
        ("x" * 100_000, "Other"),
        ("A" * 600 + "Firefox/140.0", "Other"),
    ],
)
def test_a_user_agent_leaves_its_family(user_agent: str, family: str) -> None:
    """Of the user agent the browser's family is kept, read from the first 512 characters."""
    assert agent.family(user_agent) == family


def test_a_parser_that_fails_costs_the_label_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the parser raises, the choice is recorded with an unnamed browser."""

    def fail(_: str) -> None:
        raise RecursionError

    monkeypatch.setattr(user_agents, "parse", fail)
    assert agent.family("never seen before/1.0") == "Other"


@pytest.mark.parametrize("made", [lambda n: f"Bot{n}/1.0 (+{n})", lambda n: f"{n}" * 200])
def test_user_agents_are_remembered_within_bounds(made: Callable[[int], str]) -> None:
    """The cache does not grow with the number of user agents that are sent."""
    for n in range(50):
        agent.family(made(n))
    assert agent._family.cache_info().currsize <= agent._CACHED


@settings(deadline=None)
@given(st.text(max_size=80) | st.from_regex(r"[A-Za-z]{1,20}(Bot|Browser)?/[0-9]", fullmatch=True))
def test_only_words_of_our_own_are_kept(words: str) -> None:
    """Whatever is sent, what is kept of it stands in a closed list and not in the user agent."""
    for sent in (words, f"Mozilla/5.0 {words}Bot/1.0", f"{words}/1.0 {CHROME}"):
        assert agent.family(sent) in agent.FAMILIES
