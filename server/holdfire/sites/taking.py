"""What a site takes from the service catalogue: an entry by name, with the site's own words over it.

[[service]]
uses = "ga4"                # config/services/ga4.toml
category = "measuring"      # left out: the site's one category of the entry's standard
cookies = [{ … }]           # any other member replaces that of the entry, as a whole
"""

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal

import msgspec

from holdfire.document import Document, row_keys
from holdfire.law import Value
from holdfire.model import CookieUse, Standard

Source = Literal["open-cookie-database", "third-party-web", "own"]
"""Where the facts of an entry are from; NOTICE has the licences. "own": compiled for Holdfire."""

NEAR = 4  # names that an error may suggest


class Entry(Value, frozen=True):
    """One file of ``config/services/``; its name is the id of the service. All text is English."""

    name: str
    provider: str
    category: Standard
    text: str  # what the service is for
    policy: str
    sources: tuple[Source, ...]
    hosts: tuple[str, ...] = ()
    cookies: tuple[CookieUse, ...] = ()
    storage: tuple[CookieUse, ...] = ()
    databases: tuple[CookieUse, ...] = ()
    reload: bool = False
    adapter: str = ""  # "": it has no call by which it could be told at run time
    shares: tuple[str, ...] = ()  # services of other providers that name the same hosts or cookies


def taken(
    document: Document, raw: dict[str, Any], catalogue: Mapping[str, Entry]
) -> dict[str, Any]:
    """The site file with every ``uses`` spelt out; notes each that cannot be."""
    rows = raw.get("service")
    if not isinstance(rows, list):
        return raw
    keys = row_keys("service", map(_id, rows))
    spelt = (
        _spelt(document, at, row, raw, catalogue)
        if isinstance(row, dict) and "uses" in row
        else row
        for at, row in zip(keys, rows, strict=True)
    )
    return {**raw, "service": [row for row in spelt if row is not None]}


def near(name: str, known: Collection[str]) -> str:
    """Suggest names of the catalogue for one that is not in it: a remedy in words."""
    close = difflib.get_close_matches(name, known, n=NEAR)
    alike = sorted(key for key in known if name and (name in key or key in name))
    found = list(dict.fromkeys((*close, *alike)))[:NEAR]
    listed = "`holdfire services` lists them all"
    return f"did you mean {' or '.join(found)}? {listed}" if found else listed


def _id(row: object) -> object:
    return row.get("id", row.get("uses")) if isinstance(row, dict) else None


def _spelt(
    document: Document,
    at: str,
    row: dict[str, Any],
    raw: dict[str, Any],
    catalogue: Mapping[str, Entry],
) -> dict[str, Any] | None:
    """One row with the entry's members under its own; ``None`` where there is no such entry."""
    name = row["uses"]
    entry = catalogue.get(name) if isinstance(name, str) else None
    if entry is None:
        # It may be there and be faulty: the check tells of that at its own file.
        what = f"there is no sound service {name!r} in the catalogue"
        document.fault(f"{at}.uses", what, near(str(name), catalogue))
        return None
    members = msgspec.to_builtins(entry)
    for ours in ("sources", "shares"):  # which are about the catalogue, not about the service
        del members[ours]
    own = {key: value for key, value in row.items() if key != "uses"}
    if "category" not in own:
        own["category"] = _category(document, at, entry.category, raw)
    return {"id": name, **members, **own}


def _category(document: Document, at: str, standard: Standard, raw: dict[str, Any]) -> str:
    """The site's one category of this standard; notes where there is none, or a choice."""
    found = list(_of_standard(standard, raw))
    if len(found) == 1:
        return found[0]
    what = f"no category of this site is of the standard {standard!r}"
    remedy = "name the category of this site that it belongs to"
    if found:
        what = f"{len(found)} categories of this site are of the standard {standard!r}"
        remedy = f"name one of: {', '.join(found)}"
    document.fault(f"{at}.category", what, remedy)
    return ""


def _of_standard(standard: Standard, raw: dict[str, Any]) -> Iterator[str]:
    rows = raw.get("category")
    for row in rows if isinstance(rows, list) else ():
        key = row.get("id") if isinstance(row, dict) else None
        if isinstance(key, str) and row.get("standard", key) == standard:
            yield key
