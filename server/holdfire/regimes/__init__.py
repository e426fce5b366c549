"""Which law holds: a location and a day → one regime, and the trace of how it was found.

Order: the operator's override; else the stricter of what the visitor's place, the operator's
establishment and a declared residence ask for. Pure once loaded: the day is an argument, so a
dated rule switches at midnight without a restart.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from holdfire.document import nearest
from holdfire.errors import ConfigError, Problem
from holdfire.law import Defaults, Regime, Resolution, TraceStep
from holdfire.model import Location
from holdfire.regimes import checks, files
from holdfire.regimes.files import Law
from holdfire.regimes.gazetteer import Found, Gazetteer, When
from holdfire.regimes.strictness import stricter_of

RESOLUTIONS = 4_096  # kept; all places together are some 340, twice that around midnight
READINGS = 1_024  # kept; 133 regimes as read on a day, and what a few floors make of them

ALL_DENIED = Defaults(
    functional="denied", analytics="denied", marketing="denied", sale_or_share="denied"
)


class Question(NamedTuple):
    """Everything a resolution depends on; see ``Lawbook.at``."""

    location: Location
    on: date
    override: str | None
    floor: str | None
    residence: tuple[str, str | None] | None
    overlays: tuple[str, ...]
    early_adopt: bool


class Reading(NamedTuple):
    """What decides how a regime reads. Equal readings give the same object, day after day."""

    regime: str
    begun: bool  # the act is in force
    signal_due: bool  # the duty to honour GPC has begun
    overlays: tuple[str, ...]


class Lawbook:
    """The law of everywhere, ready to be asked. Safe to share between threads and tasks."""

    def __init__(self, law: Law) -> None:
        self.law = law
        self._gazetteer = Gazetteer(law)
        self._resolved = lru_cache(RESOLUTIONS)(self._resolve)
        self._regime = lru_cache(READINGS)(self._read)
        self._combined = lru_cache(READINGS)(self._combine)

    @property
    def regimes(self) -> Mapping[str, Regime]:
        """Every regime by id, as written: before any day, overlay or combination."""
        return self.law.regimes

    def at(
        self,
        location: Location,
        on: date,
        *,
        override: str | None = None,
        floor: str | None = None,
        residence: tuple[str, str | None] | None = None,
        overlays: tuple[str, ...] = (),
        early_adopt: bool = False,
    ) -> Resolution:
        """Find the regime that holds at a location on a day (UTC).

        ``override`` names a regime and ends the search. ``floor`` names the regime of the
        operator's establishment (GDPR Art. 3(1)); ``residence`` is the declared country and
        subdivision of a known visitor (US state acts follow residence, not address). Both are
        combined with the place, and neither relaxes it. ``overlays`` switch on stricter readings.
        ``early_adopt`` lives by the next dated rule of a place already now.

        Two sources of location that disagree: ask for both, and take ``stricter_of`` the regimes.

        Equal questions get the same object. Regimes may share an ``id`` and differ (by a floor, an
        overlay, a signal not yet binding), so key by the regime object, never by its ``id``.

        Raises ``ConfigError`` for an override, floor or overlay that is unknown or disabled.
        """
        return self._resolved(
            Question(location, on, override, floor, residence, overlays, early_adopt)
        )

    def _resolve(self, asked: Question) -> Resolution:
        self._refuse_unknown(asked)
        parts = list(self._parts(asked))
        readings = tuple(self._reading(part, asked.overlays) for part in parts)
        trace: list[TraceStep] = []
        for part, reading in zip(parts, readings, strict=True):
            trace += (*part.steps, *self._remarks(part, reading))
            trace.append(_verdict("regime", self._regime(reading)))
        regime = self._combined(readings)
        if len(parts) > 1:
            trace.append(_verdict("stricter_of", regime))
        return Resolution(regime=regime, picked_by=parts[0].by, trace=tuple(trace))

    def _parts(self, asked: Question) -> Iterator[Found]:
        """Every regime that has a claim on the visitor, the place's first."""
        when = When(asked.on, asked.early_adopt)
        if asked.override is not None:
            step = TraceStep("override", f"the operator says {asked.override}")
            yield Found(asked.override, "override", asked.on, (step,))
            return
        yield self._gazetteer.locate(asked.location, when)
        if asked.floor is not None:
            step = TraceStep("floor", f"the operator is established under {asked.floor}")
            yield Found(asked.floor, "country", asked.on, (step,))
        if asked.residence is not None:
            declared = "-".join(filter(None, asked.residence))
            step = TraceStep("residence", f"{declared}, as the visitor declares")
            yield self._gazetteer.place(*asked.residence, when, (step,))

    # ---------------------------------------------------------------- reading a regime

    def _reading(self, part: Found, overlays: tuple[str, ...]) -> Reading:
        regime = self.law.regimes[part.regime]
        lineage = self.law.lineage[part.regime]
        return Reading(
            regime=part.regime,
            begun=regime.effective is None or regime.effective <= part.day,
            signal_due=regime.gpc.effective is None or regime.gpc.effective <= part.day,
            overlays=tuple(
                name
                for name in overlays
                if not lineage.isdisjoint(self.law.overlays[name].applies_to)
            ),
        )

    def _read(self, reading: Reading) -> Regime:
        regime = self.law.regimes[reading.regime]
        if reading.begun and regime.status == "enacted_not_in_force":
            regime = replace(regime, status="in_force")
        if not reading.signal_due:
            # Honoured all the same, as anywhere: but an explicit choice still wins.
            signal = replace(regime.gpc, status="not_required", conflict_rule="explicit_wins")
            regime = replace(regime, gpc=signal)
        for name in reading.overlays:
            regime = _overlaid(regime, name)
        return regime

    def _combine(self, readings: tuple[Reading, ...]) -> Regime:
        regime = self._regime(readings[0])
        for reading in readings[1:]:
            regime = stricter_of(regime, self._regime(reading))
        return regime

    def _remarks(self, part: Found, reading: Reading) -> Iterator[TraceStep]:
        if not reading.signal_due:
            effective = self.law.regimes[part.regime].gpc.effective
            yield TraceStep("signal", f"GPC binds from {effective}: not yet due")
        for name in reading.overlays:
            overlay = self.law.overlays[name]
            condition = f", where {overlay.when}" if overlay.when else ""
            yield TraceStep("overlay", f"{name} → {overlay.set_model}{condition}", law=overlay.why)

    def _refuse_unknown(self, asked: Question) -> None:
        problems = [
            Problem("", key, f"unknown regime {regime!r}", nearest(regime, self.law.regimes))
            for key, regime in (("override", asked.override), ("floor", asked.floor))
            if regime is not None and regime not in self.law.regimes
        ]
        for name in asked.overlays:
            overlay = self.law.overlays.get(name)
            if overlay is None:
                remedy = nearest(name, self.law.overlays)
                problems.append(Problem("", "overlays", f"unknown overlay {name!r}", remedy))
            elif not overlay.enabled:
                what = f"overlay {name!r} is not law: {overlay.why}"
                problems.append(Problem("", "overlays", what, "take it off the list"))
        if problems:
            raise ConfigError(tuple(problems))


def load(folder: Path) -> Lawbook:
    """Read the law from its folder. Raises ``ConfigError`` with everything wrong in it."""
    law, problems = files.read(folder)
    if law is not None:
        problems += checks.check(law)
    if law is None or problems:
        raise ConfigError(tuple(problems))
    return Lawbook(law)


def stale(book: Lawbook, on: date, days: int) -> list[Problem]:
    """The regimes not compared with their sources for more than ``days``, the oldest first.

    What is stale is not wrong, so ``load`` says nothing of it.
    """
    return [
        Problem(
            book.law.origin[f"regimes.{regime.id}"],
            f"regimes.{regime.id}.reviewed",
            f"last reviewed on {regime.reviewed}, {(on - regime.reviewed).days} days ago",
            f"compare it with {', '.join(regime.sources)}, then set the day",
        )
        for regime in sorted(book.regimes.values(), key=lambda regime: regime.reviewed)
        if (on - regime.reviewed).days > days
    ]


def _overlaid(regime: Regime, name: str) -> Regime:
    """Ask first: the one thing that an overlay does."""
    return replace(
        regime,
        label=f"{regime.label} ({name})",
        model="opt_in",
        defaults=ALL_DENIED,
        ui=replace(regime.ui, surface="banner"),
    )


def _verdict(step: str, regime: Regime) -> TraceStep:
    differs = regime.legal_model != regime.model
    by_choice = f" (the act itself: {regime.legal_model})" if differs else ""
    return TraceStep(
        step=step,
        rule=f"{regime.id}: {regime.label}, {regime.model}{by_choice}",
        law="; ".join(regime.laws),
        source=", ".join(regime.sources[:3]),
        as_of=regime.reviewed.isoformat(),
        confidence=regime.confidence,
    )
