"""Names and codes of places, and what to make of several sources that name one.

Codes: ISO 3166-1 alpha-2 and ISO 3166-2. Names of states and provinces: as the free databases and
some proxies write them, because DB-IP Lite carries names only.
"""

import re
from functools import lru_cache

from holdfire.law import Confidence, Value
from holdfire.model import UNKNOWN_LOCATION, Location, Quality, Source

_US = """AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut
DE Delaware|DC District of Columbia|DC Washington, D.C.|DC Washington D.C.|FL Florida|GA Georgia
HI Hawaii|ID Idaho|IL Illinois|IN Indiana|IA Iowa|KS Kansas|KY Kentucky|LA Louisiana|ME Maine
MD Maryland|MA Massachusetts|MI Michigan|MN Minnesota|MS Mississippi|MO Missouri|MT Montana
NE Nebraska|NV Nevada|NH New Hampshire|NJ New Jersey|NM New Mexico|NY New York|NC North Carolina
ND North Dakota|OH Ohio|OK Oklahoma|OR Oregon|PA Pennsylvania|RI Rhode Island|SC South Carolina
SD South Dakota|TN Tennessee|TX Texas|UT Utah|VT Vermont|VA Virginia|WA Washington
WV West Virginia|WI Wisconsin|WY Wyoming"""
_CA = """AB Alberta|BC British Columbia|MB Manitoba|NB New Brunswick
NL Newfoundland and Labrador|NL Newfoundland|NS Nova Scotia|NT Northwest Territories|NU Nunavut
ON Ontario|PE Prince Edward Island|QC Quebec|QC Québec|SK Saskatchewan|YT Yukon|YT Yukon Territory"""


def _codes(table: str) -> dict[str, str]:
    rows = (row.partition(" ") for row in re.split(r"[|\n]", table))
    return {name.casefold(): code for code, _, name in rows}


NAMES = {"US": _codes(_US), "CA": _codes(_CA)}  # country → name, case folded → code

# What sources say instead of a country. The aliases are those a source and a database could be
# thought to disagree over; ``regimes`` knows the historical ones.
_ALIASES = {"UK": "GB", "EL": "GR"}
_NO_COUNTRY = frozenset({"XX", "ZZ", "T1", "A1", "A2", "O1", "AP"})
_ANONYMOUS: dict[str, Quality] = {"T1": "tor", "A1": "vpn", "A2": "satellite"}
_STRICTNESS: tuple[Quality, ...] = ("ok", "satellite", "hosting", "vpn", "tor")

_COUNTRY = re.compile(r"[A-Z]{2}")
_REGION = re.compile(r"[A-Z0-9]{1,3}")
_PREFIXED = re.compile(r"([A-Z]{2})(-?)([A-Z0-9]{1,3})")
_CACHED = 1024  # the world has some 250 countries; the states of two of them make 65 more
_LONGEST = 40  # characters of the longest name, with room to spare


class Finding(Value, frozen=True):
    """What one source, or several taken together, say of where a request comes from."""

    country: str | None = None
    region: str | None = None
    quality: Quality = "ok"
    country_disputed: bool = False
    region_disputed: bool = False


NOWHERE = Finding()


@lru_cache(maxsize=_CACHED)
def finding(country: str, region: str = "") -> Finding:
    """A place as a proxy spells it: ``US`` with ``CA``, ``US-CA``, ``usca`` or ``California``.

    A region alone names its country too if it is hyphenated (``DE-BY``); ``Iowa`` is not in the
    Indian Ocean (IO). Placeholders say nothing; those for Tor (``T1``), anonymous proxies (``A1``)
    and satellites (``A2``) say that.
    """
    code, place = _upper(country.strip()), region.strip()
    if not code and (prefixed := _PREFIXED.fullmatch(_upper(place))) and prefixed[2]:
        code = prefixed[1]
    if code in _NO_COUNTRY or not _COUNTRY.fullmatch(code):
        return Finding(quality=_ANONYMOUS.get(code, "ok"))
    code = _ALIASES.get(code, code)
    return Finding(country=code, region=region_code(code, place) if place else None)


def region_code(country: str, text: str) -> str | None:
    """The ISO 3166-2 code, without the country, of a code or (for US and CA) an English name.

    ``None`` for placeholders, for names not known, and for a code of another country.
    """
    if len(text) > _LONGEST:
        return None
    value = _upper(text)
    if _REGION.fullmatch(value):
        return None if value in {"XX", "ZZ"} else value
    if (named := NAMES.get(country, {}).get(text.casefold())) is not None:
        return named
    prefixed = _PREFIXED.fullmatch(value)
    if prefixed is None or _ALIASES.get(prefixed[1], prefixed[1]) != country:
        return None
    return prefixed[3]


def _upper(text: str) -> str:
    """Upper case of an ASCII code; of ``ß`` Python would make South Sudan (SS)."""
    return text.upper() if text.isascii() else ""


def agree(one: Finding, other: Finding) -> Finding:
    """What two sources say together. Silence is no dispute; a dispute cannot be settled later.

    Whose country differs is nowhere; whose region alone differs is in the country. Of two
    qualities the one that hides more counts. Policy: a conflict gets the stricter reading.
    """
    if other == NOWHERE:
        return one
    if one == NOWHERE:
        return other
    quality = max(one.quality, other.quality, key=_STRICTNESS.index)
    countries = {one.country, other.country} - {None}
    if one.country_disputed or other.country_disputed or len(countries) > 1:
        return Finding(quality=quality, country_disputed=True)
    regions = {one.region, other.region} - {None}
    disputed = one.region_disputed or other.region_disputed or len(regions) > 1
    return Finding(
        country=one.country or other.country,
        region=None if disputed else (one.region or other.region),
        quality=quality,
        region_disputed=disputed,
    )


@lru_cache(maxsize=_CACHED)
def location(found: Finding, source: Source) -> Location:
    """The finding as the rest of the service reads it, with the confidence it deserves.

    ``high``: a proxy's header, or a database that names a country and claims no more. ``medium``:
    a subdivision from a database (two free ones agree on a US state three times in four).
    ``low``: sources that dispute the region, and satellites, whose country alone is kept.
    Anonymisers, hosting ranges, and sources that dispute the country: unknown, whatever was said.
    """
    hidden = found.quality in {"tor", "vpn", "hosting"}
    if found.country is None or hidden:
        if found.quality == "ok":
            return UNKNOWN_LOCATION
        return Location(
            country=None, region=None, source="unknown", confidence="low", quality=found.quality
        )
    satellite = found.quality == "satellite"
    confidence: Confidence = "high"
    if satellite or found.region_disputed:
        confidence = "low"
    elif source == "database" and found.region is not None:
        confidence = "medium"
    return Location(
        country=found.country,
        region=None if satellite else found.region,
        source=source,
        confidence=confidence,
        quality=found.quality,
    )
