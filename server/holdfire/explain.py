"""Why: a place and a visitor in, what holds and on whose authority out.

Used by ``holdfire explain`` and by the demo's panel. Pure but for the question's own ``ip``,
which the caller has turned into a location before it comes here.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Literal

import msgspec

from holdfire import policy
from holdfire.duties import cited, duties
from holdfire.errors import HoldfireError
from holdfire.law import Model, Prompt, Regime, Resolution, TraceStep, Value
from holdfire.model import (
    Action,
    Circumstances,
    Decision,
    Decisions,
    Location,
    Prior,
    Quality,
    Rules,
    Signals,
    Site,
)
from holdfire.notice import NoticeLocation
from holdfire.regimes import Lawbook
from holdfire.rules import compile_rules

PriorName = Literal["accept_all", "reject_all", "analytics_only", "opt_out_sale"]
OLDEST = 150  # years, as the HTTP door has it
ATTESTABLE = ("analytics", "functional")

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COUNTRY = re.compile(r"[A-Za-z0-9]{2}")  # digits for T1 and its like
_REGION = re.compile(r"[A-Z0-9]{1,3}")
_PREFIXED = re.compile(r"([A-Z0-9]{2})-?([A-Z0-9]{1,3})")


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
    residence: str | None = None
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
    question: Question,
    location: Location,
    site: Site,
    lawbook: Lawbook,
    today: date,
    *,
    override: str | None = None,
    floor: str | None = None,
) -> Explanation:
    """Answer one question, under the operator's ``override`` and ``floor`` (``Lawbook.at``).

    Raises ``HoldfireError`` for a question that contradicts itself or is out of range.
    """
    _refuse_contradiction(question)
    on = today if question.date is None else _day(question.date)
    site = _attested(site, question)
    found = lawbook.at(
        location,
        on,
        override=override,
        floor=floor,
        residence=_residence(question.residence, lawbook.law.aliases),
        overlays=site.overlays,
    )
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


def place(country: str, region: str | None, aliases: Mapping[str, str]) -> tuple[str, str | None]:
    """Country and subdivision in upper case, the subdivision without the country before it.

    Which of them exist is for the law to say: a code it does not know is the strictest place.
    Raises ``HoldfireError`` for what cannot be a code at all.
    """
    if _COUNTRY.fullmatch(country) is None:
        raise HoldfireError(f"country: {country!r} is no code of two letters")
    code = country.upper()
    if not region:
        return code, None
    bare = region.upper() if region.isascii() else ""  # of "ß" Python would make "SS"
    if _REGION.fullmatch(bare):
        return code, bare
    prefixed = _PREFIXED.fullmatch(bare)
    if prefixed is None or aliases.get(prefixed[1], prefixed[1]) != aliases.get(code, code):
        raise HoldfireError(f"region: {region!r} is no subdivision, as in CA or US-CA, of {code}")
    return code, prefixed[2]


def _refuse_contradiction(question: Question) -> None:
    if question.ip is not None and (question.country is not None or question.region):
        raise HoldfireError("ip: an address says where it is; leave out country and region")
    if question.region and question.country is None:
        raise HoldfireError("region: name its country too")
    if question.age is not None and not 0 <= question.age <= OLDEST:
        raise HoldfireError(f"age: {question.age} is no age between 0 and {OLDEST}")


def _day(text: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # the shape of a day, and none: said below
    raise HoldfireError(f"date: {text!r} is no day, written YYYY-MM-DD")


def _residence(text: str | None, aliases: Mapping[str, str]) -> tuple[str, str | None] | None:
    if text is None:
        return None
    country, hyphen, region = text.partition("-")
    if hyphen and not region:
        raise HoldfireError(f"residence: {text!r} is not written CC or CC-SUB")
    try:
        return place(country, region, aliases)
    except HoldfireError as error:
        raise HoldfireError(f"residence: {error}") from error


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
    words = named.split(",") if isinstance(named, str) else named
    attest = {word.strip() for word in words} - {""}
    if unknown := attest.difference(ATTESTABLE):
        raise HoldfireError(
            f"attest: {min(unknown)!r} is unknown; there are: {', '.join(ATTESTABLE)}"
        )
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
        gpc_noticed=question.signal_at_choice,
        dnt_noticed=question.signal_at_choice,
    )
