"""What a law must satisfy besides its form: nothing missing, nothing twice, nothing uncited."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise

from holdfire.document import nearest
from holdfire.errors import Problem
from holdfire.law import Regime
from holdfire.regimes.files import Law, Scheduled

BEGINNING = date(2000, 1, 1)
"""A dated list starts no later: before any choice that could still be on record."""

OLDEST = 120  # years; an age beyond it is a slip of the pen


def check(law: Law) -> Iterator[Problem]:
    """Every problem of content, in the order of regimes, places, overlays."""
    for name, regime in law.regimes.items():
        yield from _regime(law, f"regimes.{name}", regime)
    yield from _schedules(law, "subdivisions", law.subdivisions)
    yield from _schedules(law, "countries", law.countries)
    yield from _references(law)
    yield from _coverage(law)
    yield from _codes(law)


def _problem(law: Law, where: str, what: str, remedy: str, member: str = "") -> Problem:
    key = f"{where}.{member}" if member else where
    return Problem(law.origin.get(where, ""), key, what, remedy)


# ---------------------------------------------------------------- one regime


def _regime(law: Law, where: str, regime: Regime) -> Iterator[Problem]:
    for member, what, remedy in (*_citations(regime), *_dates(regime), *_sense(regime)):
        yield _problem(law, where, what, remedy, member)


def _citations(regime: Regime) -> Iterator[tuple[str, str, str]]:
    if regime.status != "no_specific_law" and not regime.laws:
        yield "laws", "a law without a citation", "name the act and its section"
    if regime.gpc.status in {"binding", "binding_conditional"} and not regime.gpc.cite:
        yield "gpc.cite", "the signal binds without a citation", "name the section that says so"
    if not regime.sources:
        yield "sources", "no source", "cite at least one id of [sources]"


def _dates(regime: Regime) -> Iterator[tuple[str, str, str]]:
    if regime.status == "enacted_not_in_force" and regime.effective is None:
        yield "effective", "not in force, and no day from which it will be", "add the day"
    if regime.status == "in_force" and regime.effective and regime.effective > regime.reviewed:
        remedy = 'say status = "enacted_not_in_force", or correct the day'
        yield "effective", "in force, yet from a day after its review", remedy
    limit = regime.lifetime.choice_regulator_days
    if limit is not None and regime.lifetime.choice_days > limit:
        remedy = f"lower it to the regulator's {limit}"
        yield "lifetime.choice_days", "a choice outlives what the regulator allows", remedy


def _sense(regime: Regime) -> Iterator[tuple[str, str, str]]:
    defaults = regime.defaults
    states = (defaults.functional, defaults.analytics, defaults.marketing, defaults.sale_or_share)
    if regime.model == "opt_in" and "granted" in states:
        yield "defaults", "opt_in grants something before a choice", "deny it, or change the model"
    for member, exemption, state in (
        ("exemptions.analytics", regime.exemptions.analytics, defaults.analytics),
        ("exemptions.functional", regime.exemptions.functional, defaults.functional),
    ):
        if exemption.available and state == "granted":
            yield (
                member,
                "exempt from a consent that nobody asks for",
                "drop it, or deny by default",
            )
    for place, rule in enumerate(regime.minors.rules):
        ages = rule.ages
        if not isinstance(ages, tuple) or not 0 <= ages[0] <= ages[1] <= OLDEST:
            remedy = "write [lowest, highest], both included"
            yield f"minors.rules[{place}].ages", f"{ages} is no age band", remedy


# ---------------------------------------------------------------- places


def _schedules(
    law: Law, section: str, schedules: Mapping[str, tuple[Scheduled, ...]]
) -> Iterator[Problem]:
    for place, schedule in schedules.items():
        where = f"{section}.{place}"
        if not schedule or schedule[0].since > BEGINNING:
            remedy = f"let the first entry start at {BEGINNING} or before"
            yield _problem(law, where, "a gap: nothing holds at first", remedy)
        days = [entry.since for entry in schedule]
        if any(later <= earlier for earlier, later in pairwise(days)):
            remedy = "order the entries by day, one a day"
            yield _problem(law, where, "an overlap: days not ascending", remedy)
        for entry in schedule:
            yield from _entry(law, where, entry)


def _entry(law: Law, where: str, entry: Scheduled) -> Iterator[Problem]:
    if entry.regime not in law.known:
        remedy = nearest(entry.regime, law.regimes)
        yield _problem(law, where, f"unknown regime {entry.regime!r}", remedy)
        return
    regime = law.regimes.get(entry.regime)
    if regime is None or regime.status != "enacted_not_in_force" or regime.effective is None:
        return
    if entry.since < regime.effective:
        what = f"{entry.regime} before {regime.effective}, the day it takes effect"
        yield _problem(law, where, what, "write a dated list, with what holds until then")


def _references(law: Law) -> Iterator[Problem]:
    named = [("unknown", law.unknown)]
    named += [(f"groups.{name}", group.regime) for name, group in law.groups.items()]
    named += [(f"special.{code}", to) for code, to in law.special.items() if to != "unknown"]
    for where, regime in named:
        yield from _entry(law, where, Scheduled(BEGINNING, regime))
    for name, overlay in law.overlays.items():
        where = f"overlays.{name}"
        for target in overlay.applies_to:
            if target not in law.known and target not in law.profiles:
                remedy = nearest(target, law.regimes)
                yield _problem(law, where, f"unknown regime {target!r}", remedy, "applies_to")
        if overlay.enabled and overlay.set_model is None:
            remedy = 'say set_model = "opt_in", or enabled = false'
            yield _problem(law, where, "switched on, it would change nothing", remedy)


def _coverage(law: Law) -> Iterator[Problem]:
    holders = _holders(law)
    for code in law.names:
        if "-" not in code and code not in holders:
            remedy = "add it to [countries] or to a group"
            yield _problem(law, f"names.{code}", "a gap: no rule for this country", remedy)
    for code, where in holders.items():
        if len(where) > 1:
            remedy = f"keep one of {', '.join(where)}"
            yield _problem(law, where[0], f"an overlap: {code} has more than one rule", remedy)
        if code not in law.names:
            yield _problem(law, where[0], f"{code!r} is no country", nearest(code, law.names))


def _holders(law: Law) -> dict[str, list[str]]:
    """Where each country finds its rule. A fallback group steps back for any other holder."""
    holders: dict[str, list[str]] = defaultdict(list)
    for code in law.countries:
        holders[code].append(f"countries.{code}")
    for name, group in sorted(law.groups.items(), key=lambda item: item[1].fallback):
        for code in group.members:
            if not (group.fallback and code in holders):
                holders[code].append(f"groups.{name}")
    return holders


def _codes(law: Law) -> Iterator[Problem]:
    for code in law.subdivisions:
        if code not in law.names or code.partition("-")[0] not in law.names:
            what, remedy = "not a subdivision that [names] knows", "name it, or correct the code"
            yield _problem(law, f"subdivisions.{code}", what, remedy)
    for section, codes in (("aliases", law.aliases), ("special", law.special)):
        for code in codes:
            if code in law.names:
                what = "names a country, and would hide it"
                yield _problem(law, f"{section}.{code}", what, "drop it")
    for code, country in law.aliases.items():
        if country not in law.names:
            remedy = nearest(country, law.names)
            yield _problem(law, f"aliases.{code}", f"{country!r} is no country", remedy)
