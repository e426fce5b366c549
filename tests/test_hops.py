"""Whose request it is: peer × header × hops. Only trusted proxies are believed, nearest first."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfire.visitor import Observatory, hops

NEAR, FAR, STRANGER = "10.0.0.1", "2001:db8:aaaa::1", "203.0.113.9"
PROXIES = ("10.0.0.0/8", "2001:db8:aaaa::/48", "198.51.100.7/32")
HERE = Observatory(trusted=map(ip_network, PROXIES))

Headers = list[tuple[bytes, bytes]]


def xff(*lines: str) -> Headers:
    """One ``X-Forwarded-For`` header for each line."""
    return [(b"x-forwarded-for", line.encode("latin-1")) for line in lines]


def forwarded(*lines: str) -> Headers:
    """One ``Forwarded`` header for each line."""
    return [(b"forwarded", line.encode("latin-1")) for line in lines]


def who(peer: str | None, headers: Headers) -> str:
    """The network of the client, as the visitor keeps it."""
    return HERE.describe(peer, headers).address_prefix


@pytest.mark.parametrize("headers", [xff("192.0.2.1"), forwarded("for=192.0.2.1"), []])
@pytest.mark.parametrize(
    ("peer", "network"),
    [
        (STRANGER, "203.0.113.0/24"),
        ("2001:db8:bbbb::1", "2001:db8:bbbb::/48"),
        ("11.0.0.1", "11.0.0.0/24"),
        (None, ""),
        ("", ""),
        ("unix:", ""),
    ],
)
def test_a_stranger_speaks_only_for_itself(
    peer: str | None, network: str, headers: Headers
) -> None:
    """The headers of a peer that is no trusted proxy change nothing."""
    assert who(peer, headers) == network


@pytest.mark.parametrize("peer", [NEAR, FAR, "::ffff:10.0.0.1", "2001:db8:aaaa::1%eth0"])
@pytest.mark.parametrize(
    ("chain", "network"),
    [
        ("203.0.113.9", "203.0.113.0/24"),
        ("  203.0.113.9\t", "203.0.113.0/24"),
        ("203.0.113.9:4711", "203.0.113.0/24"),
        ("192.0.2.1, 203.0.113.9", "203.0.113.0/24"),
        ("192.0.2.1,203.0.113.9,10.9.9.9", "203.0.113.0/24"),
        ("192.0.2.1, 203.0.113.9, 198.51.100.7, 10.9.9.9:80", "203.0.113.0/24"),
        ("junk, 203.0.113.9", "203.0.113.0/24"),
        ("203.0.113.9, 2001:db8:aaaa:0:0:0:0:5", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("[::ffff:203.0.113.9]:80", "203.0.113.0/24"),
        ("0:0:0:0:0:ffff:cb00:7109", "203.0.113.0/24"),
        ("2001:db8:1:2::9", "2001:db8:1::/48"),
        ("2001:0db8:0001:0002:0000:0000:0000:0009", "2001:db8:1::/48"),
        ("[2001:db8:1:2::9]", "2001:db8:1::/48"),
        ("[2001:db8:1:2::9]:4711", "2001:db8:1::/48"),
        ("2001:db8:1:2::9%eth0", "2001:db8:1::/48"),
        ("[2001:db8:1:2::9%25eth0]:4711", "2001:db8:1::/48"),
    ],
)
def test_the_nearest_address_that_is_no_proxy_is_the_client(
    peer: str, chain: str, network: str
) -> None:
    """``X-Forwarded-For`` is read from right to left, past trusted proxies only."""
    assert who(peer, xff(chain)) == network


@pytest.mark.parametrize(
    "junk",
    [
        "",
        "unknown",
        "_hidden",
        "localhost",
        "203.0.113",
        "203.0.113.009",
        "203.0.113.256",
        "0xcb.0.113.9",
        "203.0.113.9.",
        "203.0.113.9/32",
        "203.0.113.9:",
        "203.0.113.9:x",
        "203.0.113.9:123456",
        "203.0.113.9%eth0",
        "[203.0.113.9]",
        "[2001:db8::9",
        "2001:db8::9]",
        "[2001:db8::9]x",
        "[2001:db8::9]:",
        "2001:db8:::9",
        "2001:db8::9::1",
        "1:2:3:4:5:6:7:8:9",
        "%eth0",
        ":",
        '"203.0.113.9"',
        "203.0.113.9 192.0.2.1",
        "203.0.113.9\x00",
        "２０３.0.113.9".encode().decode("latin-1"),
        "9" * 5000,
    ],
)
def test_what_cannot_be_read_ends_the_walk(junk: str) -> None:
    """Behind an unreadable hop nobody is known, whoever stands further left."""
    assert who(NEAR, xff(junk)) == ""
    assert who(NEAR, xff(f"192.0.2.1, {junk}")) == ""
    assert who(NEAR, xff(f"192.0.2.1, {junk}, 10.0.0.2")) == ""
    assert who(NEAR, xff(f"{junk}, 192.0.2.1")) == "192.0.2.0/24"


@pytest.mark.parametrize("headers", [[], xff("10.0.0.2"), xff("10.0.0.3, 10.0.0.2")])
def test_a_proxy_is_nobodys_visitor(headers: Headers) -> None:
    """Where trusted proxies name nobody but themselves, the client is unknown."""
    assert who(NEAR, headers) == ""


def test_lines_are_one_list() -> None:
    """Several header lines count as one, in the order in which they came."""
    assert who(NEAR, xff("192.0.2.1", "203.0.113.9, 10.0.0.2")) == "203.0.113.0/24"
    assert who(NEAR, xff("203.0.113.9", "10.0.0.2")) == "203.0.113.0/24"
    assert who(NEAR, forwarded("for=203.0.113.9", "for=10.0.0.2")) == "203.0.113.0/24"


def test_a_chain_has_an_end() -> None:
    """Sixteen proxies are walked past, and no more."""
    assert who(NEAR, xff(", ".join(["203.0.113.9"] + ["10.0.0.2"] * 15))) == "203.0.113.0/24"
    assert who(NEAR, xff(", ".join(["203.0.113.9"] + ["10.0.0.2"] * 16))) == ""


@pytest.mark.parametrize(
    ("element", "network"),
    [
        ("for=203.0.113.9", "203.0.113.0/24"),
        ("FOR=203.0.113.9;Proto=https", "203.0.113.0/24"),
        ("by=_edge;for=203.0.113.9 ; host=shop.example", "203.0.113.0/24"),
        ('for="203.0.113.9"', "203.0.113.0/24"),
        ('for="203.0.113.9:80"', "203.0.113.0/24"),
        ('for="203.0.113.9:_port"', "203.0.113.0/24"),
        ('for="[2001:db8:1::9]"', "2001:db8:1::/48"),
        ('for="[2001:db8:1::9]:4711"', "2001:db8:1::/48"),
        ("for=[2001:db8:1::9]:4711", "2001:db8:1::/48"),
        ('for="\\203.0.113.9"', "203.0.113.0/24"),
        ('for=192.0.2.1;by="a", for=203.0.113.9', "203.0.113.0/24"),
        ('for="192.0.2.1, for=203.0.113.9', "203.0.113.0/24"),
        ("for=203.0.113.9, for=10.0.0.2;proto=http", "203.0.113.0/24"),
        ("for=unknown", ""),
        ('for="unknown"', ""),
        ("for=_gazonk", ""),
        ('for="_gazonk:80"', ""),
        ("proto=https", ""),
        ("for=203.0.113.9;for=203.0.113.9", ""),
        ("for = 203.0.113.9", ""),
        ('for="203.0.113.9', ""),
        ("for=192.0.2.1, for=unknown, for=10.0.0.2", ""),
        ("for=203.0.113.9;", ""),
        ("203.0.113.9", ""),
        ("", ""),
    ],
)
def test_forwarded_is_read_as_rfc_7239_writes_it(element: str, network: str) -> None:
    """``Forwarded`` is read like the other, element by element, and malformed ones end the walk."""
    assert who(NEAR, forwarded(element)) == network
    assert who(STRANGER, forwarded(element)) == "203.0.113.0/24"


def test_a_quote_of_the_clients_cannot_swallow_the_proxys_word() -> None:
    """A host name that a proxy quotes is not read as another hop, however it is spelt."""
    for host in ("a, for=192.0.2.1", 'a\\", for=192.0.2.1;x=\\"', "a, for=192.0.2.1;x=\\\\"):
        assert who(NEAR, forwarded(f'for=203.0.113.9;host="{host}"')) == ""


def test_two_notations_must_agree() -> None:
    """Where ``Forwarded`` and ``X-Forwarded-For`` name different clients, neither is believed."""
    same = xff("203.0.113.9, 10.0.0.2") + forwarded('for="203.0.113.9:80"')
    other = xff("203.0.113.9") + forwarded("for=192.0.2.1")
    hidden = xff("203.0.113.9") + forwarded("for=unknown")
    assert who(NEAR, same) == "203.0.113.0/24"
    assert who(NEAR, other) == who(NEAR, hidden) == ""


FRONTS: list[tuple[str, Headers, str, str]] = [
    (NEAR, [], "http", "inside:8080"),
    (NEAR, [(b"x-forwarded-proto", b"https")], "https", "inside:8080"),
    (NEAR, [(b"x-forwarded-proto", b" HTTPS ")], "https", "inside:8080"),
    (NEAR, [(b"x-forwarded-proto", b"ftp")], "http", "inside:8080"),
    (NEAR, [(b"x-forwarded-proto", b"https, http"), *xff("203.0.113.9")], "http", "inside:8080"),
    (
        NEAR,
        [(b"x-forwarded-proto", b"https, http"), *xff("203.0.113.9, 10.0.0.2")],
        "https",
        "inside:8080",
    ),
    (NEAR, [(b"x-forwarded-host", b"Shop.Example")], "http", "shop.example"),
    (NEAR, [(b"x-forwarded-host", b"[2001:db8::1]:443")], "http", "[2001:db8::1]:443"),
    (NEAR, [(b"x-forwarded-host", b"evil/path")], "http", "inside:8080"),
    (NEAR, forwarded("for=203.0.113.9;proto=https;host=shop.example"), "https", "shop.example"),
    (
        NEAR,
        forwarded("for=203.0.113.9;proto=https, for=10.0.0.2;proto=http"),
        "https",
        "inside:8080",
    ),
    (
        NEAR,
        [(b"x-forwarded-proto", b"http"), *forwarded("for=203.0.113.9;proto=https")],
        "http",
        "inside:8080",
    ),
    (
        NEAR,
        xff("203.0.113.9") + forwarded("for=192.0.2.1;proto=https;host=evil.example"),
        "http",
        "inside:8080",
    ),
    (STRANGER, [(b"x-forwarded-proto", b"https")], "http", "inside:8080"),
    (STRANGER, [(b"x-forwarded-host", b"shop.example")], "http", "inside:8080"),
    (STRANGER, forwarded("for=1.1.1.1;proto=https;host=shop.example"), "http", "inside:8080"),
]


@pytest.mark.parametrize(("peer", "headers", "scheme", "host"), FRONTS)
def test_the_front_is_what_the_outermost_proxy_saw(
    peer: str, headers: Headers, scheme: str, host: str
) -> None:
    """Scheme and host come from the proxy that saw the visitor, and from trusted ones only."""
    found = HERE.front(peer, [(b"host", b"inside:8080"), *headers], "http")
    assert (found.scheme, found.host) == (scheme, host)
    assert HERE.front(peer, headers, "http").scheme == scheme


@pytest.mark.parametrize(
    ("scheme", "named", "host"),
    [
        ("https", "shop.example:443", "shop.example"),
        ("http", "shop.example:80", "shop.example"),
        ("https", "Shop.Example", "shop.example"),
        ("https", "[2001:db8::443]:443", "[2001:db8::443]"),
        ("https", "shop.example:80", "shop.example:80"),
        ("http", "shop.example:443", "shop.example:443"),
        ("https", "shop.example:8443", "shop.example:8443"),
    ],
)
def test_a_schemes_own_port_goes_without_saying(scheme: str, named: str, host: str) -> None:
    """The port that a scheme implies is left out, whoever names it, as it is in an origin."""
    line = named.encode()
    told = [(b"x-forwarded-proto", scheme.encode()), (b"x-forwarded-host", line)]
    kept = [(b"x-forwarded-proto", scheme.encode()), (b"host", line)]
    both = [*told, *forwarded(f'for=203.0.113.9;host="{host}"')]
    assert HERE.front(STRANGER, [(b"host", line)], scheme).host == host
    for headers in (told, kept, both):
        found = HERE.front(NEAR, headers, "http")
        assert (found.scheme, found.host) == (scheme, host)


def test_a_doubled_host_is_no_host() -> None:
    """Two ``Host`` headers name none; a scheme that is neither is plain http."""
    front = HERE.front(STRANGER, [(b"host", b"a"), (b"host", b"b")], "gopher")
    assert (front.scheme, front.host) == ("http", "")


NAMES = st.sampled_from(hops.HEADERS)
VALUES = st.binary(max_size=200) | st.text('for=;,[]:"\\ .1239abfh', max_size=80).map(str.encode)


@settings(max_examples=400, deadline=None)
@given(headers=st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_hostile_bytes_neither_raise_nor_persuade(headers: Headers) -> None:
    """Whatever the headers hold, a stranger stays itself and a proxy's word stays readable."""
    assert who(STRANGER, headers) == "203.0.113.0/24"
    assert HERE.front(STRANGER, headers, "http").scheme == "http"
    told = who(NEAR, headers)
    assert told == "" or ip_network(told).prefixlen in {24, 48}
    assert HERE.front(FAR, headers, "http").scheme in {"http", "https"}


@settings(max_examples=400, deadline=None)
@given(text=st.ip_addresses().map(str) | st.text("0123456789abcdef:.% x", max_size=50))
def test_addresses_are_read_as_the_standard_library_reads_them(text: str) -> None:
    """Reading by the C library differs from ``ipaddress`` in mapped addresses and zones only."""
    try:
        expected: IPv4Address | IPv6Address | None = ip_address(text.partition("%")[0])
    except ValueError:
        expected = None
    if isinstance(expected, IPv6Address):
        expected = expected.ipv4_mapped or expected
    if "%" in text and ":" not in text:
        expected = None
    assert hops.literal(text) == expected


def around(address: hops.Address) -> st.SearchStrategy[hops.Network]:
    """Networks of any size that hold the address."""
    sizes = st.integers(0, address.max_prefixlen)
    return sizes.map(lambda size: ip_network((address, size), strict=False))


@settings(max_examples=300, deadline=None)
@given(networks=st.lists(st.ip_addresses().flatmap(around), max_size=6), address=st.ip_addresses())
def test_membership_is_that_of_the_networks(
    networks: list[hops.Network], address: hops.Address
) -> None:
    """A set of networks holds exactly the addresses its members hold."""
    assert (address in hops.Networks(networks)) == any(address in n for n in networks)
