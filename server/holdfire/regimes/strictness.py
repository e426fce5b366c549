"""The stricter of two regimes: what to obey when either of them may hold.

The meet is taken field by field, so that it relaxes neither: an operator established in the EEA
owes its visitors in California both laws at once, and the two conflict nowhere if the stricter of
every single duty is kept. Fields that order nothing (labels, citations) are joined.
"""

from collections.abc import Iterable
from typing import Any, TypeVar, get_args

from msgspec.structs import replace

from holdfire.law import (
    AdTech,
    AdvancedMode,
    CloseDuty,
    Confidence,
    ConflictRule,
    Defaults,
    DisplayDuty,
    DntForce,
    DntRule,
    Exemption,
    Exemptions,
    Google,
    GpcRule,
    Knowledge,
    Lifetime,
    Link,
    LinkDuty,
    Minors,
    Model,
    Prompt,
    Proof,
    Regime,
    RejectDuty,
    Reprompt,
    SensitiveForce,
    SensitiveRule,
    SignalForce,
    State,
    Status,
    Surface,
    WallRule,
)

STRICTEST = "strictest"
"""The id of the regime for unknown places; it tops every other of its model."""

T = TypeVar("T")


def stricter_of(a: Regime, b: Regime) -> Regime:
    """Combine two regimes so that neither is relaxed.

    The result has the id, the dates and the GPP section of the one with the stricter model, the
    first on a tie. It is a regime of its own: never look one up by ``id`` and expect this one.
    """
    if a is b or a == b:
        return a
    if _rank(b) > _rank(a):
        a, b = b, a
    return replace(
        a,
        label=f"{a.label} + {b.label}",
        status=_top(Status, a.status, b.status),
        legal_model=_top(Model, a.legal_model, b.legal_model),
        laws=_union(a.laws, b.laws),
        applicability=a.applicability if a.applicability == b.applicability else "any",
        defaults=_defaults(a.defaults, b.defaults),
        exemptions=_exemptions(a, b),
        ui=_surface(a.ui, b.ui),
        lifetime=_lifetime(a.lifetime, b.lifetime),
        reprompt=_reprompt(a.reprompt, b.reprompt),
        proof=_proof(a.proof, b.proof),
        gpc=_gpc(a.gpc, b.gpc),
        dnt=DntRule(
            treatment=_top(DntForce, a.dnt.treatment, b.dnt.treatment),
            cite=_joined(a.dnt.cite, b.dnt.cite),
        ),
        minors=_minors(a.minors, b.minors),
        sensitive=SensitiveRule(
            rule=_top(SensitiveForce, a.sensitive.rule, b.sensitive.rule),
            cite=_joined(a.sensitive.cite, b.sensitive.cite),
        ),
        links=_links(a.links, b.links),
        opt_out_status_display=_top(
            DisplayDuty, a.opt_out_status_display, b.opt_out_status_display
        ),
        adtech=AdTech(tcf=a.adtech.tcf or b.adtech.tcf, gpp=a.adtech.gpp or b.adtech.gpp),
        google=Google(
            consent_mode_required=a.google.consent_mode_required or b.google.consent_mode_required,
            advanced_mode=_top(AdvancedMode, a.google.advanced_mode, b.google.advanced_mode),
        ),
        sources=_union(a.sources, b.sources),
        evidence=b.evidence | a.evidence,
        confidence=_top(Confidence, a.confidence, b.confidence),
        reviewed=min(a.reviewed, b.reviewed),
        notes=" ".join(filter(None, (a.notes, b.notes))),
    )


def _rank(regime: Regime) -> tuple[int, bool]:
    return get_args(Model).index(regime.model), regime.id == STRICTEST


def _top(scale: Any, a: T, b: T) -> T:
    return max(a, b, key=get_args(scale).index)


def _union(*lists: Iterable[T]) -> tuple[T, ...]:
    """All members, in order, each once."""
    return tuple(dict.fromkeys(member for members in lists for member in members))


def _joined(*texts: str | None) -> str | None:
    return "; ".join(_union(filter(None, texts))) or None


def _shortest(*days: int | None) -> int | None:
    return min((d for d in days if d is not None), default=None)


def _longest(*days: int | None) -> int | None:
    return max((d for d in days if d is not None), default=None)


# ---------------------------------------------------------------- field by field


def _defaults(a: Defaults, b: Defaults) -> Defaults:
    """Denied if either denies."""
    return Defaults(
        functional=_top(State, a.functional, b.functional),
        analytics=_top(State, a.analytics, b.analytics),
        marketing=_top(State, a.marketing, b.marketing),
        sale_or_share=_top(State, a.sale_or_share, b.sale_or_share),
    )


def _exemptions(a: Regime, b: Regime) -> Exemptions:
    """Available only in both, and only if a refusal of the exempt use lives equally long in both.

    Otherwise the shorter life of the one would revive a use that the other still holds refused.
    """
    alike = a.model == b.model and a.lifetime.choice_days == b.lifetime.choice_days
    return Exemptions(
        analytics=_exemption(a.exemptions.analytics, b.exemptions.analytics, alike=alike),
        functional=_exemption(a.exemptions.functional, b.exemptions.functional, alike=alike),
    )


def _exemption(a: Exemption, b: Exemption, *, alike: bool) -> Exemption:
    return Exemption(
        available=a.available and b.available and alike,
        objection_required=a.objection_required or b.objection_required,
        conditions=_union(a.conditions, b.conditions),
        cite=_joined(a.cite, b.cite),
    )


def _surface(a: Surface, b: Surface) -> Surface:
    """The more prominent prompt, the fuller duties, every language."""
    return Surface(
        surface=_top(Prompt, a.surface, b.surface),
        first_layer_reject=_top(RejectDuty, a.first_layer_reject, b.first_layer_reject),
        close_x=_top(CloseDuty, a.close_x, b.close_x),
        cookie_wall=_top(WallRule, a.cookie_wall, b.cookie_wall),
        languages=_union(a.languages, b.languages),
    )


def _lifetime(a: Lifetime, b: Lifetime) -> Lifetime:
    """Everything lives the shorter time."""
    return Lifetime(
        choice_days=min(a.choice_days, b.choice_days),
        choice_regulator_days=_shortest(a.choice_regulator_days, b.choice_regulator_days),
        tracker_cookie_days=_shortest(a.tracker_cookie_days, b.tracker_cookie_days),
        data_days=_shortest(a.data_days, b.data_days),
        basis=_joined(a.basis, b.basis) or "",
    )


def _reprompt(a: Reprompt, b: Reprompt) -> Reprompt:
    """Asked again later, and only for what both take as a reason."""
    return Reprompt(
        after_refusal_days=max(a.after_refusal_days, b.after_refusal_days),
        triggers=tuple(trigger for trigger in a.triggers if trigger in b.triggers),
        basis=_joined(a.basis, b.basis) or "",
    )


def _proof(a: Proof, b: Proof) -> Proof:
    """More is recorded, and kept longer."""
    return Proof(
        required=a.required or b.required,
        record=_union(a.record, b.record),
        retain_days=_longest(a.retain_days, b.retain_days),
        cite=_joined(a.cite, b.cite),
    )


def _gpc(a: GpcRule, b: GpcRule) -> GpcRule:
    """The signal reaches further, binds harder and earlier, and is harder to overrule."""
    return GpcRule(
        status=_top(SignalForce, a.status, b.status),
        denies=_union(a.denies, b.denies),
        analytics=_union(a.analytics, b.analytics),
        conflict_rule=_top(ConflictRule, a.conflict_rule, b.conflict_rule),
        effective=min(a.effective, b.effective) if a.effective and b.effective else None,
        cite=_joined(a.cite, b.cite),
    )


def _minors(a: Minors, b: Minors) -> Minors:
    """Every age band of both; the higher age of consent; the stricter standard of knowledge."""
    return Minors(
        consent_age=_longest(a.consent_age, b.consent_age),
        knowledge=_top(Knowledge, a.knowledge, b.knowledge),
        rules=_union(a.rules, b.rules),
        cite=_joined(a.cite, b.cite),
    )


def _links(a: tuple[Link, ...], b: tuple[Link, ...]) -> tuple[Link, ...]:
    """The links of both; one that both want is owed whenever either of them owes it."""
    links = {link.id: link for link in a}
    for link in b:
        mine = links.setdefault(link.id, link)
        links[link.id] = replace(
            mine,
            icon=mine.icon or link.icon,
            required=_duty(mine, link),
            alt_label=mine.alt_label or link.alt_label,
        )
    return tuple(links.values())


def _duty(a: Link, b: Link) -> LinkDuty:
    """Two different conditions make a duty without one: whoever shows it always, obeys both."""
    binding = {a.required, b.required} - {"recommended"}
    return binding.pop() if len(binding) == 1 else "always" if binding else "recommended"
