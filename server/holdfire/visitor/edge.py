"""What a content delivery network says of where the visitor is.

Every one of these headers can be sent by anybody: they are read only when the peer is a trusted
proxy, and only the families the operator lists, because a proxy that does not set a family passes
a forged one through. The table says who sets what; the operator must see to it that the proxy
*replaces* what the client sent.
"""

import binascii
from base64 import b64decode
from collections.abc import Callable, Iterable

import msgspec

from holdfire.errors import ConfigError, Problem
from holdfire.visitor.hops import Fields
from holdfire.visitor.places import NOWHERE, Finding, agree, finding

Reading = Callable[[Fields], Finding]
MAX_VALUE = 2048  # characters; Netlify's JSON in base64 is the longest, at some 500


class _Code(msgspec.Struct, frozen=True):
    code: str = ""


class _NetlifyGeo(msgspec.Struct, frozen=True):
    """The members of ``x-nf-geo`` that are read; the others are ignored, they are not ours."""

    country: _Code = _Code()
    subdivision: _Code = _Code()


_netlify_geo = msgspec.json.Decoder(_NetlifyGeo)


def _value(fields: Fields, name: bytes) -> str:
    """The header's value; empty when absent, oversized, or sent twice with different values."""
    lines = fields.get(name)
    if not lines or len(lines[0]) > MAX_VALUE or any(line != lines[0] for line in lines):
        return ""
    return lines[0]


def _codes(country: bytes, region: bytes | None = None) -> Reading:
    """A header each for country and region."""

    def read(fields: Fields) -> Finding:
        return finding(_value(fields, country), _value(fields, region) if region else "")

    return read


def _edgescape(fields: Fields) -> Finding:
    """``georegion=246,country_code=US,region_code=CA,city=…``, separated by commas."""
    members: dict[str, str] = {}
    for part in _value(fields, b"x-akamai-edgescape").split(","):
        key, _, value = part.partition("=")
        members.setdefault(key.strip(), value)
    return finding(members.get("country_code", ""), members.get("region_code", ""))


def _netlify(fields: Fields) -> Finding:
    """``{"country": {"code": "US"}, "subdivision": {"code": "CA"}, …}`` in base64."""
    value = _value(fields, b"x-nf-geo")
    if not value:
        return NOWHERE
    try:
        geo = _netlify_geo.decode(b64decode(value, validate=True))
    except (binascii.Error, ValueError, msgspec.MsgspecError, RecursionError):
        return NOWHERE
    return finding(geo.country.code, geo.subdivision.code)


# family → the headers it sets, and how they are read.
FAMILIES: dict[str, tuple[tuple[bytes, ...], tuple[Reading, ...]]] = {
    "cloudflare": (
        (b"cf-ipcountry", b"cf-region-code"),
        (_codes(b"cf-ipcountry", b"cf-region-code"),),
    ),
    "cloudfront": (
        (b"cloudfront-viewer-country", b"cloudfront-viewer-country-region"),
        (_codes(b"cloudfront-viewer-country", b"cloudfront-viewer-country-region"),),
    ),
    "fastly": (
        (b"x-fastly-country-code", b"x-fastly-region"),
        (_codes(b"x-fastly-country-code", b"x-fastly-region"),),
    ),
    "vercel": (
        (b"x-vercel-ip-country", b"x-vercel-ip-country-region"),
        (_codes(b"x-vercel-ip-country", b"x-vercel-ip-country-region"),),
    ),
    "appengine": (
        (b"x-appengine-country", b"x-appengine-region"),
        (_codes(b"x-appengine-country", b"x-appengine-region"),),
    ),
    "akamai": ((b"x-akamai-edgescape",), (_edgescape,)),
    "netlify": ((b"x-nf-geo", b"x-country"), (_netlify, _codes(b"x-country"))),
    "generic": (
        (b"x-geo-country", b"x-geo-region"),
        (_codes(b"x-geo-country", b"x-geo-region"),),
    ),
}


_KNOWN = ", ".join(FAMILIES)


class Edges:
    """The families an operator believes.

    Raises ``ConfigError`` for a family that is not in the table.
    """

    def __init__(self, families: Iterable[str]) -> None:
        believed = tuple(dict.fromkeys(families))
        problems = tuple(
            Problem("settings", "edge_headers", f"{name!r} is not known", f"use {_KNOWN}")
            for name in believed
            if name not in FAMILIES
        )
        if problems:
            raise ConfigError(problems)
        self.headers = tuple(header for name in believed for header in FAMILIES[name][0])
        self._readings = tuple(reading for name in believed for reading in FAMILIES[name][1])

    def find(self, fields: Fields) -> Finding:
        """What the believed headers say together; families that differ dispute the place."""
        found = NOWHERE
        for reading in self._readings:
            found = agree(found, reading(fields))
        return found
