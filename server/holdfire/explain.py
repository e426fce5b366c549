"""Why: a place and a visitor in, what holds and on whose authority out.

Used by ``holdfire explain`` and by the demo's panel. Pure but for the question's own ``ip``,
which the caller has turned into a location before it comes here.
"""

from datetime import UTC, date, datetime
from typing import Literal

import msgspec

from holdfire import policy
from holdfire.duties import cited, duties
from holdfire.law import Model, Prompt, Regime, Resolution, TraceStep, Value
from holdfire.model import (
    Action,
    Circumstances,
    Decision,
    Decisions,
    Location,
    NoticeLocation,
    Prior,
    Quality,
    Rules,
    Signals,
    Site,
)
from holdfire.regimes import Lawbook
from holdfire.rules import compile_rules

PriorName = Literal["accept_all", "reject_all", "analytics_only", "opt_out_sale"]


class Question(Value, frozen=True):
    """One case. Member names are those of the command's options, in snake case."""

    country: str | None = None
    region: str | None = None
    ip: str | None = None
    site: str = "demo"
    date: str | None = None
    quality: Quality = "ok"
    gpc: bool = False
    dnt: bool = False
    age: int | None = None
    known: bool = False
    prior: PriorName | None = None
    prior_expired: bool = False
    signal_at_choice: bool = False
    analytics_role: Literal["processor", "third_party"] | None = None
    attest: tuple[Literal["analytics", "functional"], ...] | str = ()
    online_platform: bool = False
    parental: bool = False


class ExplainedRegime(Value, frozen=True):
    """The regime that won."""

    id: str
    model: Model
    label: str


class Explanation(Value, frozen=True):
    """The answer; a stable schema, PROTOCOL.md §8."""

    regime: ExplainedRegime
    location: NoticeLocation
    prompt: Prompt
    opt_out_status: Literal["required", "none"]
    sale_or_share: Decision
    categories: dict[str, Decision]
    trace: tuple[TraceStep, ...]


def explain(
    question: Question, location: Location, site: Site, lawbook: Lawbook, today: date
) -> Explanation:
    """Answer one question. Raises ``ValueError`` for a date that is none."""
    on = date.fromisoformat(question.date) if question.date else today
    site = _attested(site, question)
    found = lawbook.at(location, on, overlays=site.overlays)
    rules = compile_rules(site, found.regime)
    now = int(datetime(on.year, on.month, on.day, 12, tzinfo=UTC).timestamp())
    circumstances = Circumstances(
        now=now,
        notice_version=site.version,
        services=tuple(s.id for s in site.services),
        signals=Signals(gpc=question.gpc, dnt=True if question.dnt else None),
        prior=_prior(question, site, rules, now),
        age=question.age,
        known=question.known,
        parental=question.parental,
    )
    return explained(site, location, found, rules, circumstances)


def explained(
    site: Site,
    location: Location,
    found: Resolution,
    rules: Rules,
    circumstances: Circumstances,
) -> Explanation:
    """Decide, and say everything about it."""
    decided = policy.decide(rules, circumstances)
    regime = found.regime
    return Explanation(
        regime=ExplainedRegime(id=regime.id, model=regime.model, label=regime.label),
        location=NoticeLocation.of(location),
        prompt=decided.prompt,
        opt_out_status=decided.opt_out_status,
        sale_or_share=decided.sale_or_share,
        categories={
            rule.id: decided.categories[rule.id] for rule in rules.categories if not rule.locked
        },
        trace=(*trace(found, rules, circumstances, decided), *duties(site, regime)),
    )


def trace(
    found: Resolution, rules: Rules, now: Circumstances, decided: Decisions
) -> tuple[TraceStep, ...]:
    """How the law was found, then what decided each category and by which law."""
    regime = found.regime
    steps = list(found.trace)
    if now.signals.gpc:
        force = f"gpc {regime.gpc.status}, {rules.conflict_rule}"
        steps.append(cited(regime, "signal", force, regime.gpc.cite))
    if now.signals.dnt is not None:
        steps.append(cited(regime, "signal", f"dnt {regime.dnt.treatment}", regime.dnt.cite))
    if now.prior is not None:
        lasts = f"{now.prior.action}, lasts {rules.choice_days} days"
        steps.append(cited(regime, "choice", lasts, regime.lifetime.basis))
    for key, decision in (*decided.categories.items(), ("sale_or_share", decided.sale_or_share)):
        verdict = f"{'allow' if decision.allow else 'deny'}: {decision.reason}"
        authority = _authority(decision, key, regime)
        steps.append(cited(regime, f"category {key}", verdict, authority))
    steps.append(cited(regime, "prompt", decided.prompt, regime.reprompt.basis))
    return tuple(steps)


def _authority(decision: Decision, key: str, regime: Regime) -> str | None:
    """The citation behind a reason, where the law names one more exactly than the regime."""
    if decision.reason == "exempt_granted":
        exemptions = regime.exemptions
        return (exemptions.functional if key == "functional" else exemptions.analytics).cite
    return {
        "gpc": regime.gpc.cite,
        "dnt": regime.dnt.cite,
        "minor": regime.minors.cite,
        "choice_expired": regime.lifetime.basis,
    }.get(decision.reason)


def _attested(site: Site, question: Question) -> Site:
    named = question.attest
    attest = tuple(part.strip() for part in named.split(",")) if isinstance(named, str) else named
    attested = msgspec.structs.replace(
        site.attestations,
        analytics_exempt=site.attestations.analytics_exempt or "analytics" in attest,
        functional_exempt=site.attestations.functional_exempt or "functional" in attest,
        analytics_role=question.analytics_role or site.attestations.analytics_role,
        online_platform=site.attestations.online_platform or question.online_platform,
    )
    return msgspec.structs.replace(site, attestations=attested)


def _prior(question: Question, site: Site, rules: Rules, now: int) -> Prior | None:
    if question.prior is None:
        return None
    unlocked = [c for c in site.categories if not c.locked]
    acts: dict[PriorName, tuple[Action, dict[str, bool]]] = {
        "accept_all": ("accept_all", {c.id: True for c in unlocked}),
        "reject_all": ("reject_all", {c.id: False for c in unlocked}),
        "analytics_only": ("save", {c.id: c.standard == "analytics" for c in unlocked}),
        # Only the sale was objected to; of the rest nothing was said.
        "opt_out_sale": ("opt_out", {c.id: False for c in unlocked if c.sale}),
    }
    action, categories = acts[question.prior]
    lasts = rules.choice_days * policy.DAY
    longest = max(rules.choice_days, rules.after_refusal_days) * policy.DAY
    made = now - longest - policy.DAY if question.prior_expired else now - policy.DAY
    return Prior(
        action=action,
        categories=categories,
        services={},
        shown_services=tuple(s.id for s in site.services),
        notice_version=site.version,
        recorded_at=made,
        valid_until=made + lasts,
        signal_noticed=question.signal_at_choice,
    )
