"""Location headers of delivery networks: believed by family, and from trusted proxies only."""

import json
from base64 import b64encode
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfire.errors import ConfigError
from holdfire.model import UNKNOWN_LOCATION, Location
from holdfire.visitor import FAMILIES, Observatory

PROXY, STRANGER = "10.0.0.1", "203.0.113.9"
Headers = list[tuple[bytes, bytes]]


def observatory(*families: str) -> Observatory:
    """One proxy trusted, these families believed."""
    return Observatory(trusted=[ip_network("10.0.0.0/8")], edges=families)


def place(headers: Headers, *families: str, peer: str = PROXY) -> Location:
    """Where the headers say a visitor is."""
    return observatory(*families).describe(peer, headers).location


def header(country: str | None, region: str | None = None) -> Location:
    """A location as told by a header."""
    return Location(country=country, region=region, source="header", confidence="high")


def netlify(geo: object) -> Headers:
    """Netlify's header with this content."""
    return [(b"x-nf-geo", b64encode(json.dumps(geo).encode()))]


CALIFORNIA: dict[str, Headers] = {
    "cloudflare": [(b"cf-ipcountry", b"US"), (b"cf-region-code", b"CA")],
    "cloudfront": [
        (b"cloudfront-viewer-country", b"US"),
        (b"cloudfront-viewer-country-region", b"CA"),
    ],
    "fastly": [(b"x-fastly-country-code", b"US"), (b"x-fastly-region", b"CA")],
    "vercel": [(b"x-vercel-ip-country", b"US"), (b"x-vercel-ip-country-region", b"CA")],
    "appengine": [(b"x-appengine-country", b"US"), (b"x-appengine-region", b"ca")],
    "akamai": [
        (
            b"x-akamai-edgescape",
            b"georegion=246,country_code=US,region_code=CA,city=SANJOSE,zip=95101+95103",
        )
    ],
    "netlify": [
        *netlify(
            {
                "city": "San José",
                "country": {"code": "US", "name": "United States"},
                "subdivision": {"code": "CA", "name": "California"},
                "timezone": "America/Los_Angeles",
            }
        ),
        (b"x-country", b"US"),
    ],
    "generic": [(b"x-geo-country", b"US"), (b"x-geo-region", b"US-CA")],
}


def test_every_family_has_its_case() -> None:
    """The cases below cover the table."""
    assert CALIFORNIA.keys() == FAMILIES.keys()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_believed_family_tells_the_place(family: str) -> None:
    """From a trusted proxy, a family that is listed gives country and region."""
    assert place(CALIFORNIA[family], family) == header("US", "CA")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_that_is_not_listed_is_not_read(family: str) -> None:
    """The headers of every other family say nothing, and by default none is believed."""
    others = [name for name in FAMILIES if name != family]
    assert place(CALIFORNIA[family], *others) == UNKNOWN_LOCATION
    assert place(CALIFORNIA[family]) == UNKNOWN_LOCATION


@pytest.mark.parametrize("family", FAMILIES)
def test_a_stranger_cannot_choose_its_place(family: str) -> None:
    """From a peer that is no trusted proxy no family is read."""
    assert place(CALIFORNIA[family], family, peer=STRANGER) == UNKNOWN_LOCATION
    alone = Observatory(edges=[family])
    assert alone.describe(PROXY, CALIFORNIA[family]).location == UNKNOWN_LOCATION


@pytest.mark.parametrize(
    ("country", "region", "expected"),
    [
        ("US", "CA", ("US", "CA")),
        ("US", "US-CA", ("US", "CA")),
        ("US", "USCA", ("US", "CA")),
        ("us", "usca", ("US", "CA")),
        (" us ", " us-ca ", ("US", "CA")),
        ("US", "California", ("US", "CA")),
        ("US", "iowa", ("US", "IA")),
        ("CA", "Québec", ("CA", "QC")),
        ("CA", "CAON", ("CA", "ON")),
        ("DE", "BY", ("DE", "BY")),
        ("DE", "DE-BY", ("DE", "BY")),
        ("GB", "ENG", ("GB", "ENG")),
        ("FR", "75", ("FR", "75")),
        ("UK", "UK-ENG", ("GB", "ENG")),
        ("", "DE-BY", ("DE", "BY")),
        ("", "Iowa", (None, None)),
        ("", "CA", (None, None)),
        ("US", "", ("US", None)),
        ("US", "?", ("US", None)),
        ("US", "XX", ("US", None)),
        ("US", "CA-ON", ("US", None)),
        ("US", "CAON", ("US", None)),
        ("US", "Atlantis", ("US", None)),
        ("US", "California" + " of old" * 9, ("US", None)),
        ("US", "<script>", ("US", None)),
        ("EU", "", ("EU", None)),
        ("XX", "CA", (None, None)),
        ("ZZ", "", (None, None)),
        ("O1", "", (None, None)),
        ("AP", "", (None, None)),
        ("", "", (None, None)),
        ("?", "?", (None, None)),
        ("USA", "CA", (None, None)),
        ("U", "CA", (None, None)),
        ("ß", "", (None, None)),
        ("U" * 3000, "", (None, None)),
    ],
)
def test_spellings_and_placeholders(
    country: str, region: str, expected: tuple[str | None, str | None]
) -> None:
    """Codes are read in the spellings that proxies use, and placeholders as nothing."""
    headers = [
        (b"x-geo-country", country.encode("latin-1")),
        (b"x-geo-region", region.encode("latin-1")),
    ]
    found = place(headers, "generic")
    assert (found.country, found.region) == expected
    assert found.source == ("unknown" if expected[0] is None else "header")


@pytest.mark.parametrize(
    ("code", "quality"), [(b"T1", "tor"), (b"A1", "vpn"), (b"XX", "ok"), (b"reserved", "ok")]
)
def test_hidden_visitors_are_nowhere(code: bytes, quality: str) -> None:
    """The codes for Tor and for anonymous proxies give no place, and say why."""
    found = place([(b"cf-ipcountry", code), (b"cf-region-code", b"CA")], "cloudflare")
    assert (found.country, found.region, found.source) == (None, None, "unknown")
    assert (found.confidence, found.quality) == ("low", quality)


def test_two_families_must_agree() -> None:
    """Families that name two countries give none; those that name two regions, the country."""
    german = [(b"cf-ipcountry", b"DE")]
    nevada = [(b"cf-ipcountry", b"US"), (b"cf-region-code", b"NV")]
    silent = [(b"cf-ipcountry", b"XX")]
    vercel = CALIFORNIA["vercel"]
    both = ("vercel", "cloudflare")
    assert place(vercel + german, *both) == UNKNOWN_LOCATION
    assert place(vercel + german + CALIFORNIA["fastly"], *both, "fastly") == UNKNOWN_LOCATION
    assert place(vercel + silent, *both) == header("US", "CA")
    assert place([*vercel, (b"cf-ipcountry", b"US")], *both) == header("US", "CA")
    assert place([*vercel, (b"cf-ipcountry", b"T1")], *both).quality == "tor"
    assert place(vercel + nevada, *both) == Location(
        country="US", region=None, source="header", confidence="low"
    )


def test_a_header_sent_twice_must_say_the_same() -> None:
    """Of two lines that differ, one was not the proxy's: neither counts."""
    one, other = (b"cf-ipcountry", b"DE"), (b"cf-ipcountry", b"US")
    assert place([one, one], "cloudflare") == header("DE")
    assert place([one, other], "cloudflare") == UNKNOWN_LOCATION


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"!",
        b"e30",
        b64encode(b"{}"),
        b64encode(b"[]"),
        b64encode(b'{"country": "US"}'),
        b64encode(b'{"country": {"code": 7}}'),
        b64encode(b'{"country": null}'),
        b64encode(b"\xff\xfe"),
        b64encode(b"[" * 1500),
        b64encode(b'{"country": {"code": "US"}, "x": "' + b"y" * 3000 + b'"}'),
    ],
)
def test_a_damaged_netlify_header_says_nothing(value: bytes) -> None:
    """What is not base64 of JSON of the right shape and size is as absent."""
    assert place([(b"x-nf-geo", value)], "netlify") == UNKNOWN_LOCATION
    assert place([(b"x-nf-geo", value), (b"x-country", b"DE")], "netlify") == header("DE")


def test_unknown_families_stop_the_start() -> None:
    """A family that is not in the table is refused by name, with the ones there are."""
    with pytest.raises(ConfigError, match=r"'cloudfare' is not known — use cloudflare, "):
        observatory("cloudfare")


HEADERS = st.sampled_from([name for headers, _ in FAMILIES.values() for name in headers])


@settings(max_examples=300, deadline=None)
@given(headers=st.lists(st.tuples(HEADERS, st.binary(max_size=120)), max_size=8))
def test_hostile_bytes_neither_raise_nor_persuade(headers: Headers) -> None:
    """Any bytes from a stranger leave it nowhere; from a proxy they give well-formed codes."""
    assert place(headers, *FAMILIES, peer=STRANGER) == UNKNOWN_LOCATION
    found = place(headers, *FAMILIES)
    assert found.country is None or (len(found.country) == 2 and found.country.isascii())
    assert found.region is None or (1 <= len(found.region) <= 3 and found.region.isalnum())
