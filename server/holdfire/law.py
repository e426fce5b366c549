"""The vocabulary of the law: what one regime says, as ``config/regimes/`` spells it.

Every field is read by ``policy``, ``regimes`` or the explanation of a decision; none is decoration.
"""

from datetime import date
from typing import Literal

import msgspec

Model = Literal["opt_in", "opt_out", "notice", "none"]
Prompt = Literal["banner", "notice", "link", "none"]
State = Literal["granted", "denied"]
Confidence = Literal["high", "medium", "low"]
RuledCategory = Literal["functional", "analytics", "marketing", "sale_or_share"]
ConflictRule = Literal[
    "explicit_wins",
    "explicit_wins_if_noticed",
    "signal_wins_until_reconfirmed",
    "signal_wins_until_reconfirmed_known",
]
MinorEffect = Literal["ban", "opt_in", "parental_opt_in"]
Trigger = Literal["expiry", "purpose_added", "vendor_added", "policy_version", "storage_lost"]


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A frozen value; decoding one refuses members it does not know."""


class Exemption(Value, frozen=True):
    """A use the law allows without consent if the site attests its conditions."""

    available: bool = False
    objection_required: bool = False  # a signal counts as the objection that ends it
    conditions: tuple[str, ...] = ()
    cite: str | None = None


class Exemptions(Value, frozen=True):
    """Exemptions by standard category."""

    analytics: Exemption = Exemption()
    functional: Exemption = Exemption()


class Surface(Value, frozen=True):
    """What the interface owes the visitor."""

    surface: Prompt
    first_layer_reject: Literal["required", "required_if_banner", "recommended", "not_required"]
    close_x: Literal["required", "none"]
    cookie_wall: Literal["prohibited", "case_by_case", "unregulated"]
    languages: tuple[str, ...] = ()


class Lifetime(Value, frozen=True):
    """How long things may live, in days; ``None`` is "no figure known"."""

    choice_days: int
    choice_regulator_days: int | None = None
    tracker_cookie_days: int | None = None
    data_days: int | None = None
    basis: str = ""


class Reprompt(Value, frozen=True):
    """When the visitor may be asked again."""

    after_refusal_days: int
    triggers: tuple[Trigger, ...]
    basis: str = ""


class Proof(Value, frozen=True):
    """What a record must hold, and for how long."""

    required: bool
    record: tuple[str, ...] = ()
    retain_days: int | None = None
    cite: str | None = None


class GpcRule(Value, frozen=True):
    """The force of Global Privacy Control."""

    status: Literal["binding", "binding_conditional", "ambiguous", "not_required", "no_rule"]
    denies: tuple[RuledCategory, ...]
    analytics: Literal["deny_if_third_party", "deny_exempt"]
    conflict_rule: ConflictRule
    effective: date | None = None
    cite: str | None = None


class DntRule(Value, frozen=True):
    """The force of Do Not Track."""

    treatment: Literal["ignore", "disclose", "objection", "refusal"]
    cite: str | None = None


class MinorRule(Value, frozen=True):
    """One age band, both ends included. ``below_consent_age`` is resolved when the law is loaded."""

    ages: tuple[int, int] | Literal["below_consent_age"]
    categories: tuple[RuledCategory, ...]
    rule: MinorEffect
    condition: Literal["online_platform", "covered_design_code_service"] | None = None


class Minors(Value, frozen=True):
    """Rules by age; ``knowledge`` is the standard by which the operator is held to know it."""

    consent_age: int | None = None
    knowledge: Literal["actual", "willful_disregard", "should_have_known"] = "actual"
    rules: tuple[MinorRule, ...] = ()
    cite: str | None = None


class SensitiveRule(Value, frozen=True):
    """What holds for categories a site marks ``sensitive``."""

    rule: Literal[
        "explicit_opt_in",
        "opt_in",
        "opt_out",
        "limit_use",
        "strictly_necessary_no_sale",
        "none",
    ]
    cite: str | None = None


class Link(Value, frozen=True):
    """A link the law wants on the page, with its statutory label."""

    id: str
    label: str
    icon: bool = False
    required: str = "always"
    alt_label: str | None = None


class Gpp(Value, frozen=True):
    """The IAB GPP section that covers the place."""

    id: int
    prefix: str


class AdTech(Value, frozen=True):
    """Which industry strings apply."""

    tcf: bool = False
    gpp: Gpp | None = None


class Google(Value, frozen=True):
    """How Google Consent Mode is to behave."""

    consent_mode_required: bool = False
    advanced_mode: Literal["allowed", "discouraged"] = "allowed"


class Defaults(Value, frozen=True):
    """What holds before a choice."""

    functional: State
    analytics: State
    marketing: State
    sale_or_share: State


class Regime(Value, frozen=True):
    """The rule set of one place, profiles merged in. Data: ``config/regimes/``."""

    id: str
    label: str
    status: Literal["in_force", "enacted_not_in_force", "no_specific_law"]
    legal_model: Model
    model: Model
    laws: tuple[str, ...]
    defaults: Defaults
    exemptions: Exemptions
    ui: Surface
    lifetime: Lifetime
    reprompt: Reprompt
    proof: Proof
    gpc: GpcRule
    dnt: DntRule
    minors: Minors
    sensitive: SensitiveRule
    links: tuple[Link, ...]
    opt_out_status_display: Literal["required", "optional", "none"]
    adtech: AdTech
    google: Google
    sources: tuple[str, ...]
    evidence: dict[str, str]
    confidence: Confidence
    reviewed: date
    effective: date | None = None
    applicability: str = "any"
    notes: str = ""


class TraceStep(Value, frozen=True):
    """One step of an explanation: what was asked, what answered, and on whose authority."""

    step: str
    rule: str
    law: str = ""
    source: str = ""
    as_of: str = ""
    confidence: str = ""


class Resolution(Value, frozen=True):
    """Which regime holds at a place on a day, and how it was found."""

    regime: Regime
    picked_by: Literal["override", "subdivision", "country", "group", "unknown"]
    trace: tuple[TraceStep, ...]
