"""What one record of a geo database says, in whatever shape it says it.

Three shapes of record are read, because operators bring what they have:

    {"country": {"iso_code": "US"}, "subdivisions": [{"iso_code": "CA"}]}         GeoIP2, GeoLite2
    {"country": {"iso_code": "US"}, "subdivisions": [{"names": {"en": "Ohio"}}]}  DB-IP Lite
    {"country_code": "US", "state1": "Ohio"}                                      flat builds
"""

from holdfire.model import Quality
from holdfire.visitor.places import NOWHERE, Finding, finding

# Members of ``traits``, and of Anonymous-IP records themselves; the first that is true counts.
# ``is_anonymous`` is last: it is also set for what the others name better.
_TRAITS: tuple[tuple[str, Quality], ...] = (
    ("is_tor_exit_node", "tor"),
    ("is_anonymous_vpn", "vpn"),
    ("is_anonymous_proxy", "vpn"),
    ("is_public_proxy", "vpn"),
    ("is_residential_proxy", "vpn"),
    ("is_hosting_provider", "hosting"),
    ("is_satellite_provider", "satellite"),
    ("is_anonymous", "vpn"),
)


def read(record: object) -> Finding:
    """A record of any of the three shapes, or of an Anonymous-IP database; junk is nowhere."""
    if not isinstance(record, dict):
        return NOWHERE
    if "country_code" in record:
        return finding(_text(record["country_code"]), _text(record.get("state1")))
    country = record.get("country")
    traits = record.get("traits", None if country else record)
    quality = _quality(traits) if isinstance(traits, dict) else "ok"
    code = _text(country.get("iso_code")) if isinstance(country, dict) else ""
    found = finding(code, _subdivision(record.get("subdivisions")))
    if quality == "ok":
        return found
    return Finding(country=found.country, region=found.region, quality=quality)


def _subdivision(subdivisions: object) -> str:
    """The first level: England, not Berkshire."""
    if not isinstance(subdivisions, list) or not subdivisions:
        return ""
    first = subdivisions[0]
    if not isinstance(first, dict):
        return ""
    names = first.get("names")
    return _text(first.get("iso_code")) or (
        _text(names.get("en")) if isinstance(names, dict) else ""
    )


def _quality(traits: dict[object, object]) -> Quality:
    return next((quality for name, quality in _TRAITS if traits.get(name) is True), "ok")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
