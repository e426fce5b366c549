"""The catalogue held against itself: each entry, and what two of them claim.

A host or cookie in two entries would be held for one and released for the other, or removed when
one is refused and missed by the other. So what two share must be said: they have one provider, or
each names the other in ``shares``.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from holdfire.document import Document, nearest
from holdfire.model import CookieUse
from holdfire.sites import addresses
from holdfire.sites.adapters import NAMES
from holdfire.sites.addresses import Fault
from holdfire.sites.taking import Entry

UNIT = "minute|hour|day|week|month|year"
KEPT = re.compile(rf"session|persistent|1 ({UNIT})|([2-9]|[1-9]\d+) ({UNIT})s")

Claims = Mapping[str, list[tuple[str, str]]]  # what is claimed → (id, key) of each who claims it


def check(document: Document, entry: Entry) -> None:
    """Note everything that is wrong with an entry of the right types."""
    for key in ("name", "provider", "text", "policy"):
        if not getattr(entry, key).strip():
            document.fault(key, "is empty", "write it: a visitor has to be told")
    if entry.policy and (found := addresses.url_fault(entry.policy)) is not None:
        document.fault("policy", *found)
    if entry.adapter and entry.adapter not in NAMES:
        what = f"there is no adapter {entry.adapter!r}"
        document.fault("adapter", what, nearest(entry.adapter, NAMES))
    if not entry.sources:
        document.fault("sources", "is empty", 'say where the facts are from, or write ["own"]')
    if not (entry.hosts or entry.cookies or entry.storage or entry.databases):
        what = "is missing: with neither hosts nor cookies, nothing could be held or removed"
        document.fault("hosts", what, "add the hosts it is loaded from")
    for place, host in enumerate(entry.hosts, start=1):
        if (found := addresses.pattern_fault(host)) is not None:
            document.fault(f"hosts[#{place}]", *found)
        elif host in entry.hosts[: place - 1]:
            document.fault(f"hosts[#{place}]", f"{host!r} was given before", "remove it")
    _uses(document, "cookies", entry.cookies, addresses.cookie_fault)
    _uses(document, "storage", entry.storage, addresses.storage_fault)
    _uses(document, "databases", entry.databases, addresses.storage_fault)


def _uses(
    document: Document,
    key: str,
    uses: tuple[CookieUse, ...],
    fault: Callable[[str], Fault | None],
) -> None:
    seen: set[tuple[str, str]] = set()
    for place, use in enumerate(uses, start=1):
        at = f"{key}[#{place}]"
        if (found := fault(use.name)) is not None:
            document.fault(f"{at}.name", *found)
        elif (use.host, use.name) in seen:
            document.fault(f"{at}.name", f"{use.name!r} was given before", "remove it")
        seen.add((use.host, use.name))
        if not isinstance(use.purpose, str):
            document.fault(f"{at}.purpose", "is a table", "write it in English; sites translate it")
        elif not use.purpose.strip():
            document.fault(f"{at}.purpose", "is empty", "write it: a visitor has to be told")
        if not KEPT.fullmatch(use.lifetime):
            remedy = 'write "session", "persistent", or such as "30 minutes" or "1 year"'
            document.fault(f"{at}.lifetime", f"{use.lifetime!r} is no lifetime", remedy)
        if use.host and key != "cookies":
            document.fault(f"{at}.host", "only cookies are kept on hosts", "remove it")
        elif use.host and ("*" in use.host or addresses.pattern_fault(use.host) is not None):
            remedy = 'write the domain of the cookie: "example.com"'
            document.fault(f"{at}.host", f"{use.host!r} is no host", remedy)


# ---------------------------------------------------------------- two entries


def overlaps(documents: Mapping[str, Document], entries: Mapping[str, Entry]) -> None:
    """Note what two entries claim without saying so, and whoever says so in vain."""
    for key, entry in entries.items():
        _shares(documents[key], key, entry, entries)
    for kind, claims, wider in (
        ("host", _hosts(entries), _around),
        ("cookie", _named(entries, "cookies"), _families),
        ("storage key", _named(entries, "storage"), _families),
        ("database", _named(entries, "databases"), _families),
    ):
        for claim, owners in claims.items():
            alike = (claim, *(other for other in wider(claim) if other != claim))
            rivals = [rival for other in alike for rival, _ in claims.get(other, ())]
            for key, at in owners:
                _contested(documents[key], at, kind, _strangers(entries, key, rivals))


def _contested(document: Document, at: str, kind: str, rivals: list[str]) -> None:
    if rivals:
        what = f"{', '.join(rivals)}, of another provider, claims the same {kind}"
        remedy = f"remove it from one, or name each in the other: shares = {rivals}"
        document.fault(at, what, remedy.replace("'", '"'))


def _strangers(entries: Mapping[str, Entry], key: str, rivals: list[str]) -> list[str]:
    """Those who may not claim what this one does."""
    mine = entries[key]
    allowed = {key, *mine.shares}
    return sorted(
        {
            rival
            for rival in rivals
            if rival not in allowed and entries[rival].provider != mine.provider
        }
    )


def _shares(document: Document, key: str, entry: Entry, entries: Mapping[str, Entry]) -> None:
    for place, other in enumerate(entry.shares, start=1):
        at = f"shares[#{place}]"
        if other not in entries:
            what = f"there is no service {other!r} that is in order"
            document.fault(at, what, nearest(other, entries))
        elif key not in entries[other].shares:
            document.fault(at, f"{other!r} does not say so too", f"name {key!r} in its shares")


def _hosts(entries: Mapping[str, Entry]) -> Claims:
    claims = defaultdict(list)
    for key, entry in entries.items():
        for place, host in enumerate(entry.hosts, start=1):
            claims[host].append((key, f"hosts[#{place}]"))
    return claims


def _named(entries: Mapping[str, Entry], member: str) -> Claims:
    """Cookies that are kept on a provider's host are claimed there, and not on the site's own."""
    claims = defaultdict(list)
    for key, entry in entries.items():
        for place, use in enumerate(getattr(entry, member), start=1):
            claims[f"{use.host}/{use.name}"].append((key, f"{member}[#{place}]"))
    return claims


def _around(host: str) -> Iterator[str]:
    """The wider patterns that cover this one."""
    labels = host.removeprefix("*.").split(".")
    for at in range(1, len(labels)):
        yield f"*.{'.'.join(labels[at:])}"


def _families(claim: str) -> Iterator[str]:
    """The families of names that this one belongs to, or is, on the same host."""
    host, _, name = claim.partition("/")
    bare = name.removesuffix("*")
    for end in range(len(bare) + 1):
        yield f"{host}/{bare[:end]}*"
