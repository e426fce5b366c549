"""What a site's file and the law say of each other: neither module knows the other.

``faults`` stop a start; ``concerns`` are for ``holdfire check``, which a lawyer reads.
"""

from collections.abc import Iterator, Mapping

from holdfire import evidence
from holdfire.errors import Problem
from holdfire.law import Regime
from holdfire.model import Site
from holdfire.regimes import Lawbook
from holdfire.tracking import is_tracking


def faults(sites: Mapping[str, Site], lawbook: Lawbook) -> list[Problem]:
    """Overlays that the law does not have, or not yet; origins that two claim; too much for a record."""
    overlays = lawbook.law.overlays
    ready = ", ".join(sorted(name for name, overlay in overlays.items() if overlay.enabled))
    unknown = [
        Problem(
            f"{site.id}.toml",
            "overlays",
            f"{name!r} is not law yet" if name in overlays else f"no overlay {name!r}",
            f"leave it out; there are: {ready}",
        )
        for site in sites.values()
        for name in site.overlays
        if name not in overlays or not overlays[name].enabled
    ]
    return [*unknown, *_claimed_twice(sites), *_too_long(sites)]


def _too_long(sites: Mapping[str, Site]) -> Iterator[Problem]:
    """What one act can name has to fit into its record: a receipt holds the whole of it."""
    for site in sites.values():
        if (size := evidence.longest(site)) > evidence.BLOCK:
            yield Problem(
                f"{site.id}.toml",
                "service",
                f"the record of one act could take {size} bytes, of {evidence.BLOCK} at most",
                "give categories and services shorter ids, or fewer of them",
            )


def _claimed_twice(sites: Mapping[str, Site]) -> Iterator[Problem]:
    """A page belongs to one site: its host is how the well-known resources find theirs."""
    owner: dict[str, str] = {}
    for site in sites.values():
        for origin in site.origins:
            first = owner.setdefault(origin, site.id)
            if first != site.id:
                yield Problem(
                    f"{site.id}.toml",
                    "origins",
                    f"{origin} is also an origin of {first}",
                    "keep it in one of the two",
                )


def concerns(sites: Mapping[str, Site], lawbook: Lawbook) -> list[Problem]:
    """What a site declares of itself and some law forbids or ends sooner."""
    return [
        problem
        for site in sites.values()
        for problem in (
            *_walls(site, lawbook.regimes),
            *_lifetimes(site, lawbook.regimes),
            *_policies(site),
            *_interests(site),
        )
    ]


def _walls(site: Site, regimes: Mapping[str, Regime]) -> Iterator[Problem]:
    if not site.attestations.cookie_wall:
        return
    forbidden = [key for key, regime in regimes.items() if regime.ui.cookie_wall == "prohibited"]
    if forbidden:
        yield Problem(
            f"{site.id}.toml",
            "attestations.cookie_wall",
            f"entry may not depend on consent under: {', '.join(forbidden)}",
            "let visitors in who refuse, there at least",
        )


def _lifetimes(site: Site, regimes: Mapping[str, Regime]) -> Iterator[Problem]:
    days = site.choice_days
    sooner = {
        key: limit
        for key, regime in regimes.items()
        if days is not None and (limit := regime.lifetime.choice_regulator_days or days) < days
    }
    if sooner:
        ends = ", ".join(f"{key} {limit}" for key, limit in sooner.items())
        yield Problem(
            f"{site.id}.toml",
            "choice_days",
            f"the regulator ends a choice sooner, in days: {ends}",
            "it ends sooner there whatever is set; lower it to say so",
        )


def _interests(site: Site) -> Iterator[Problem]:
    """A basis for using data is none for reading or writing what the visitor's device holds."""
    optional = {c.id for c in site.categories if not c.locked}
    for service in site.services:
        stores = service.cookies or service.storage
        claims = service.legal_basis == "legitimate_interest"
        if claims and stores and service.category in optional:
            yield Problem(
                f"{site.id}.toml",
                f"service[{service.id}].legal_basis",
                "no interest replaces the consent that cookies and storage need"
                " (ePrivacy Directive Art 5(3))",
                "write consent; where the law asks first, it waits for a yes whatever is written",
            )


def _policies(site: Site) -> Iterator[Problem]:
    if "privacy_policy" not in site.links and any(map(is_tracking, site.categories)):
        yield Problem(
            f"{site.id}.toml",
            "links.privacy_policy",
            "nothing says how Do Not Track is answered (CalOPPA 22575(b)(5); TPE section 6.2.9)",
            "link the page that says so",
        )
