"""The vocabulary of the lint: a rule, what it found, and the facts of law it was found under."""

from collections.abc import Iterable
from typing import Literal

from msgspec.structs import replace

from holdfire.law import CloseDuty, Model, Regime, RejectDuty, Value
from holdfire.lint.measurement import Layer, Measurement
from holdfire.model import Rules, Site

Severity = Literal["fault", "concern"]
"""A fault stops a publication; a concern is for somebody to look at."""


class Rule(Value, frozen=True):
    """One thing a banner must not do, as ``docs/lint.md`` has it."""

    id: str
    what: str
    law: str
    tolerance: str
    remedy: str


class Finding(Value, frozen=True):
    """One place where a rule is broken, with the figures it was measured by.

    ``regime``, ``language``, ``theme`` and ``viewport`` are those of the first view it was seen
    in, ``views`` is in how many. ``theme`` and ``viewport`` are empty for a configuration.
    """

    rule: str
    severity: Severity
    site: str
    regime: str
    language: str
    theme: str
    viewport: str
    element: str
    measured: str
    figures: dict[str, float]
    limit: str
    law: str
    remedy: str
    views: int = 1

    def __str__(self) -> str:
        """One line for a terminal."""
        where = ", ".join(filter(None, (self.regime, self.language, self.theme, self.viewport)))
        times = f", {self.views} views" if self.views > 1 else ""
        return (
            f"{self.severity}: {self.site}: {self.rule}: {self.element} ({where}{times}): "
            f"{self.measured}; limit: {self.limit} — {self.remedy} [{self.law}]"
        )


class Facts(Value, frozen=True):
    """What the law and the site say of one banner.

    ``held_on`` are the categories that may be on before a choice. ``tcf`` asks for the contrast
    of the IAB's framework, ``blocking`` says that the site asked for a page that waits.
    """

    site: str
    regime: str
    model: Model
    reject: RejectDuty
    close: CloseDuty
    held_on: frozenset[str] = frozenset({"necessary"})
    tcf: bool = False
    blocking: bool = False

    @classmethod
    def of(cls, site: Site, regime: Regime, rules: Rules) -> "Facts":
        """The facts of one site under one regime, whose table is ``rules``."""
        return cls(
            site=site.id,
            regime=regime.id,
            model=regime.model,
            reject=regime.ui.first_layer_reject,
            close=regime.ui.close_x,
            held_on=frozenset(
                r.id for r in rules.categories if r.locked or r.exempt or r.default == "granted"
            ),
            tcf=site.attestations.tcf,
            blocking=site.look.blocking,
        )

    @property
    def duty(self) -> Severity:
        """How much it weighs if refusing is harder than agreeing."""
        return "fault" if self.reject in {"required", "required_if_banner"} else "concern"


class View(Value, frozen=True):
    """One look at a banner: under which facts, in which language, theme and viewport."""

    facts: Facts
    language: str
    theme: str
    measurement: Measurement

    @property
    def viewport(self) -> str:
        """Width and height, CSS pixels."""
        return f"{self.measurement.width}×{self.measurement.height}"

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers a visitor can use: the first one rests while the preference centre is open."""
        found = self.measurement.layers
        return tuple(layer for layer in found if layer.number == 2) or found  # noqa: PLR2004 -- the number of the preference centre

    def layer(self, number: int) -> Layer | None:
        """The usable layer of this number."""
        return next((layer for layer in self.layers if layer.number == number), None)


class Journey(Value, frozen=True):
    """Fewest clicks to an end, on one site in one place; ``None`` if there is no way in reach.

    ``grant`` and ``refuse`` start from the page as first met, ``withdraw`` from one with a consent
    to all, ``opt_in`` from one with a refusal. ``asked_again`` is whether the page view after a
    refusal asked once more. ``asks`` is whether there was a first layer at all.
    """

    asks: bool
    grant: int | None
    refuse: int | None
    withdraw: int | None
    opt_in: int | None
    asked_again: bool


def folded(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each finding once, with the number of views it was seen in; faults first."""
    kept: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        key = (finding.rule, finding.severity, finding.site, finding.element)
        kept.setdefault(key, []).append(finding)
    once = [replace(same[0], views=sum(f.views for f in same)) for same in kept.values()]
    return tuple(sorted(once, key=lambda finding: finding.severity != "fault"))
