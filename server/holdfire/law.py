"""The vocabulary of the law: what one regime says, as ``config/regimes/`` spells it.

Every field is read by ``policy``, ``regimes`` or the explanation of a decision; none is decoration.
"""

from datetime import date
from typing import Literal

import msgspec

# Closed sets. The members of each ascend: the further right, the stricter. ``strictness`` relies
# on that order when two regimes hold at once.

Model = Literal["none", "notice", "opt_out", "opt_in"]
Prompt = Literal["none", "link", "notice", "banner"]
State = Literal["granted", "denied"]
Status = Literal["no_specific_law", "enacted_not_in_force", "in_force"]
RejectDuty = Literal["not_required", "recommended", "required_if_banner", "required"]
CloseDuty = Literal["none", "required"]
WallRule = Literal["unregulated", "case_by_case", "prohibited"]
SignalForce = Literal["no_rule", "not_required", "ambiguous", "binding_conditional", "binding"]
ConflictRule = Literal[
    "explicit_wins",
    "explicit_wins_if_noticed",
    "signal_wins_until_reconfirmed",
    "signal_wins_until_reconfirmed_known",
]
DntForce = Literal["ignore", "disclose", "objection", "refusal"]
SensitiveForce = Literal[
    "none",
    "opt_out",
    "limit_use",
    "opt_in",
    "explicit_opt_in",
    "strictly_necessary_no_sale",
]
Knowledge = Literal["actual", "willful_disregard", "should_have_known"]
DisplayDuty = Literal["none", "optional", "required"]
AdvancedMode = Literal["allowed", "discouraged"]
Confidence = Literal["high", "medium", "low"]  # what rests on two rules is as sure as the weaker

# Closed sets without an order.

RuledCategory = Literal["functional", "analytics", "marketing", "sale_or_share"]
GpcReach = Literal["deny_if_third_party", "deny_exempt"]
MinorEffect = Literal["ban", "opt_in", "parental_opt_in"]
MinorCondition = Literal["online_platform", "covered_design_code_service"]
Trigger = Literal["expiry", "purpose_added", "vendor_added", "policy_version", "storage_lost"]
LinkDuty = Literal[
    "always",
    "recommended",
    "if_sells_or_shares",
    "if_sells_or_targets",
    "if_sells_sensitive",
    "if_sells_biometric",
    "if_uses_spi_beyond_7027m",
    "if_health_data",
    "alternative_to_dns_and_limit",
]
EvidenceTag = Literal["S", "M", "D"]
"""S: seen in a source. M: from memory. D: an engineering decision, not a statement of law."""

ASKING: frozenset[Prompt] = frozenset({"notice", "banner"})
"""What comes to the visitor by itself, to ask or to inform."""


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
    first_layer_reject: RejectDuty
    close_x: CloseDuty
    cookie_wall: WallRule
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
    """The force of Global Privacy Control.

    ``analytics`` lists when the signal reaches analytics: ``deny_if_third_party`` where the vendor
    uses the data for itself, ``deny_exempt`` where analytics runs on an exemption.
    ``effective`` is the day the duty begins; ``None`` is "it always held".
    """

    status: SignalForce
    denies: tuple[RuledCategory, ...]
    analytics: tuple[GpcReach, ...]
    conflict_rule: ConflictRule
    effective: date | None = None
    cite: str | None = None


class DntRule(Value, frozen=True):
    """The force of Do Not Track."""

    treatment: DntForce
    cite: str | None = None


class MinorRule(Value, frozen=True):
    """One age band, both ends included. ``below_consent_age`` is resolved when the law is loaded."""

    ages: tuple[int, int] | Literal["below_consent_age"]
    categories: tuple[RuledCategory, ...]
    rule: MinorEffect
    condition: MinorCondition | None = None


class Minors(Value, frozen=True):
    """Rules by age; ``knowledge`` is the standard by which the operator is held to know it."""

    consent_age: int | None = None
    knowledge: Knowledge = "actual"
    rules: tuple[MinorRule, ...] = ()
    cite: str | None = None


class SensitiveRule(Value, frozen=True):
    """What holds for categories a site marks ``sensitive``."""

    rule: SensitiveForce
    cite: str | None = None


class Link(Value, frozen=True):
    """A link the law wants on the page, with its statutory label."""

    id: str
    label: str
    icon: bool = False
    required: LinkDuty = "always"
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
    advanced_mode: AdvancedMode = "allowed"


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
    status: Status
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
    opt_out_status_display: DisplayDuty
    adtech: AdTech
    google: Google
    sources: tuple[str, ...]
    evidence: dict[str, EvidenceTag]
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
