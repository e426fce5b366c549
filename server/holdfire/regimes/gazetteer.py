"""Where a place stands in the law: codes in, the id of a regime out, with every step taken.

Lookup, first match: subdivision, country, group. What is no place, or not to be believed, falls to
the regime for unknown places, which grants no more than any other. Codes are taken as databases,
edges and people write them: ``us-ca``, ``USCA``, ``UK``.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple

from holdfire.law import TraceStep
from holdfire.model import Location
from holdfire.regimes.files import Law, Scheduled

PickedBy = Literal["override", "subdivision", "country", "group", "unknown"]

UNBELIEVED = frozenset({"tor", "vpn", "hosting"})
"""Kinds of address that say nothing of where their user is."""


class When(NamedTuple):
    """The day that is asked for. ``early_adopt`` lives by the next dated rule already then."""

    on: date
    early_adopt: bool


class Found(NamedTuple):
    """The regime of one place, and the steps to it."""

    regime: str
    by: PickedBy
    day: date  # on which its rules are read: the day asked for, or a later one adopted early
    steps: tuple[TraceStep, ...]


class Gazetteer:
    """Every place that the law knows."""

    def __init__(self, law: Law) -> None:
        self._law = law
        # Fallback groups first, so that a country's other group replaces them.
        ordered = sorted(law.groups.items(), key=lambda item: not item[1].fallback)
        self._groups = {
            code: (name, group.regime) for name, group in ordered for code in group.members
        }

    def locate(self, location: Location, when: When) -> Found:
        """Find the regime of a visitor's location, as far as it can be believed."""
        spelt = _spellings(_code(location.country), _code(location.region))
        place = spelt[-1] if spelt else _code(location.country) or "nowhere"
        said = f"{place}, by {location.source}"
        steps = [TraceStep("location", said, confidence=location.confidence)]
        if location.quality in UNBELIEVED:
            return self._unknown(f"{location.quality}: the place is not believed", when, steps)
        if location.quality == "satellite" and location.region is not None:
            steps.append(TraceStep("subdivision", f"{place}: not believed of a satellite link"))
            return self.place(location.country, None, when, steps)
        return self.place(location.country, location.region, when, steps)

    def place(
        self, country: str | None, region: str | None, when: When, before: Sequence[TraceStep] = ()
    ) -> Found:
        """Find the regime of a country and subdivision. ``before`` are the steps already taken."""
        steps = list(before)
        code = _code(country)
        if code in self._law.aliases:
            steps.append(TraceStep("alias", f"{code} is read as {self._law.aliases[code]}"))
            code = self._law.aliases[code]
        if code in self._law.special:
            return self._special(code, when, steps)
        for subdivision in _spellings(code, _code(region)):
            schedule = self._law.subdivisions.get(subdivision)
            if schedule is not None:
                return _scheduled("subdivision", subdivision, schedule, when, steps)
        if region:
            steps.append(TraceStep("subdivision", f"{_code(region)}: no rule of its own in {code}"))
        if code in self._law.countries:
            return _scheduled("country", code, self._law.countries[code], when, steps)
        if code in self._groups:
            name, regime = self._groups[code]
            steps.append(TraceStep("group", f"{code} in {name} → {regime}"))
            return Found(regime, "group", when.on, tuple(steps))
        return self._unknown(f"{code or 'no code'}: no country", when, steps)

    def _special(self, code: str, when: When, steps: list[TraceStep]) -> Found:
        regime = self._law.special[code]
        if regime == "unknown":
            return self._unknown(f"{code}: a code for no country", when, steps)
        steps.append(TraceStep("group", f"{code} → {regime}"))
        return Found(regime, "group", when.on, tuple(steps))

    def _unknown(self, why: str, when: When, steps: list[TraceStep]) -> Found:
        steps.append(TraceStep("unknown", f"{why} → {self._law.unknown}"))
        return Found(self._law.unknown, "unknown", when.on, tuple(steps))


def _code(text: str | None) -> str:
    """A code in upper case; "" for what cannot be one: "ß" in upper case would be South Sudan."""
    return text.strip().upper() if text and text.isascii() else ""


def _spellings(country: str, region: str) -> tuple[str, ...]:
    """What ``CA``, ``US-CA`` or ``USCA`` may stand for in ISO 3166-2, the likeliest last."""
    bare = region.removeprefix(country).lstrip("-")
    return (f"{country}-{region}", f"{country}-{bare}") if region else ()


def _scheduled(
    by: Literal["subdivision", "country"],
    code: str,
    schedule: tuple[Scheduled, ...],
    when: When,
    steps: list[TraceStep],
) -> Found:
    """Take the latest entry that has begun, or the one after it if adopted early."""
    begun = sum(entry.since <= when.on for entry in schedule)
    place = min(max(begun - 1, 0) + when.early_adopt, len(schedule) - 1)
    entry, following = schedule[place], schedule[place + 1 :]
    span = ""
    if following:
        span = f", until {following[0].since - timedelta(days=1)}"
    elif len(schedule) > 1:
        span = f", from {entry.since}"
    steps.append(TraceStep(by, f"{code} → {entry.regime}{span}"))
    return Found(entry.regime, by, max(when.on, entry.since), tuple(steps))
