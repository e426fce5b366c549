"""The decision: one pure function over a table of rules, no clock and no I/O.

``rules.compile_rules`` makes the table from a site and a regime; ``decide`` reads it for one
visitor. The page holds the same table and runs the same function (``sdk/src/policy.ts``);
``tests/vectors/policy.json`` keeps the two equal.

Precedence, first match wins: what is locked, the rules for minors, a refusal, a signal against a
consent, a consent, an attested exemption, the regime's default. A signal only ever denies.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import get_args

from holdfire.law import MinorEffect, Prompt, Value
from holdfire.model import (
    CategoryRule,
    Circumstances,
    Decision,
    Decisions,
    Prior,
    Reason,
    Rules,
    Site,
)

DAY = 86_400  # seconds
CONSENTS = frozenset({"accept_all", "save"})
"""Actions whose ``true`` is a consent. Closing a notice or opting out of a sale grants nothing."""

ALLOWING: frozenset[Reason] = frozenset(
    {"necessary", "choice_granted", "exempt_granted", "default_granted"}
)
"""The reasons that allow. There is no other way to an ``allow=True``."""

BECAUSE = {r: Decision(allow=r in ALLOWING, reason=r) for r in get_args(Reason)}
"""A decision follows from its reason."""

NECESSARY = BECAUSE["necessary"]
UNKNOWN = BECAUSE["unknown_service"]

Said = bool | None  # what an act said of a category; None: nothing
KNOWN_ONLY = "signal_wins_until_reconfirmed_known"


class Facts(Value, frozen=True, gc=False):
    """What is the same for every category of one visitor, found once."""

    lapse: Reason | None  # why an earlier yes no longer grants; None: it does
    left_on: tuple[str, ...]  # yeses that are no consent
    refusal_stands: bool
    by_signal: bool  # the act was GPC itself
    beats_gpc: bool  # whether a consent wins over the signal, by the regime's conflict rule
    beats_dnt: bool
    age: int | None
    unanswered: bool  # the visitor was asked their age and has not said it
    parental: bool
    gpc: bool
    dnt: bool


def decide(table: Rules, now: Circumstances) -> Decisions:
    """Decide every category, the sale, and what the visitor is to be shown."""
    facts = _facts(table, now)
    said = now.prior.categories if now.prior else {}
    sale = BECAUSE[
        _reason(table.sale_or_share, _said_of_sale(table, said, frozenset(facts.left_on)), facts)
    ]
    honoured = facts.gpc and not sale.allow
    return Decisions(
        categories={
            rule.id: BECAUSE[_reason(rule, said.get(rule.id), facts)] for rule in table.categories
        },
        sale_or_share=sale,
        prompt=_prompt(table, now),
        opt_out_status="required" if table.opt_out_status and honoured else "none",
    )


def decide_service(site: Site, key: str, decided: Decisions, prior: Prior | None) -> Decision:
    """Decide one category or service by id. A service choice narrows its category, never widens."""
    if key in decided.categories:
        return decided.categories[key]
    service = site.service(key)
    if service is None:
        return UNKNOWN
    decision = decided.categories[service.category]
    refused = prior is not None and prior.services.get(key) is False
    if decision.allow and refused and decision.reason != "necessary":
        return BECAUSE["choice_denied"]
    return decision


def decide_services(site: Site, decided: Decisions, prior: Prior | None) -> dict[str, Decision]:
    """The same for every service of the site."""
    return {s.id: decide_service(site, s.id, decided, prior) for s in site.services}


def _reason(  # noqa: C901, PLR0911 -- a precedence reads as the list it is
    rule: CategoryRule, said: Said, facts: Facts
) -> Reason:
    """The first rule that applies. Everything that allows has passed all that denies."""
    if rule.locked:
        return "necessary"
    minor = _minor(rule, facts)
    if "ban" in minor or ("parental_opt_in" in minor and not facts.parental):
        return "minor"
    if said is False and facts.refusal_stands:
        return "gpc" if facts.by_signal and rule.gpc else "choice_denied"
    if rule.consent_cannot_unlock:
        return "default_denied"
    granted = said is True and facts.lapse is None
    consents = granted and rule.id not in facts.left_on
    if facts.gpc and rule.gpc and not (consents and facts.beats_gpc):
        return "gpc"
    if facts.dnt and rule.dnt and not (consents and facts.beats_dnt):
        return "dnt"
    if consents:
        return "choice_granted"
    if minor:
        return "minor"
    if rule.exempt:
        return "gpc" if facts.gpc and rule.gpc_ends_exempt else "exempt_granted"
    if rule.default == "granted":
        return "choice_granted" if granted else "default_granted"
    return facts.lapse if said and facts.lapse else "default_denied"


def _minor(rule: CategoryRule, facts: Facts) -> tuple[MinorEffect, ...]:
    """What the age bands that the visitor may be in ask for: all of them, until the age is said."""
    age = facts.age
    return tuple(
        effect
        for low, high, effect in rule.minors
        if facts.unanswered or (age is not None and low <= age <= high)
    )


def _facts(table: Rules, now: Circumstances) -> Facts:
    prior = now.prior
    return Facts(
        lapse=_lapse(table, now),
        left_on=prior.left_on if prior else (),
        refusal_stands=_refusal_stands(table, now),
        by_signal=prior is not None and prior.by_signal,
        beats_gpc=_beats(table, now, noticed=prior is not None and prior.gpc_noticed),
        beats_dnt=_beats(table, now, noticed=prior is not None and prior.dnt_noticed),
        age=_age(table, now),
        unanswered=table.ask_age and now.age is None,
        parental=now.parental,
        gpc=now.signals.gpc,
        dnt=now.signals.dnt is True,
    )


def _beats(table: Rules, now: Circumstances, *, noticed: bool) -> bool:
    """Whether a consent wins over a signal that it was, or was not, given in the face of."""
    if table.conflict_rule == "explicit_wins":
        return True
    return noticed and (now.known or table.conflict_rule != KNOWN_ONLY)


def _age(table: Rules, now: Circumstances) -> int | None:
    """On a site for children nobody can be said to be older."""
    if now.age is None or table.assume_age is None:
        return table.assume_age if now.age is None else now.age
    return min(now.age, table.assume_age)


def _lapse(table: Rules, now: Circumstances) -> Reason | None:
    """Why the prior choice no longer grants what it said, or ``None`` if it does."""
    prior = now.prior
    if prior is None or prior.action not in CONSENTS:
        return "default_denied"
    if now.now >= expires(prior, table):
        return "choice_expired"
    if prior.notice_version != now.notice_version:
        return "notice_changed"
    return None


def _refusal_stands(table: Rules, now: Circumstances) -> bool:
    if now.prior is None or now.prior.action == "acknowledge":
        return False
    return not table.refusal_lapses or now.now < expires(now.prior, table)


def expires(prior: Prior, table: Rules) -> int:
    """The earlier of what the visitor was told and what the law here allows, in seconds."""
    return min(prior.valid_until, prior.recorded_at + table.choice_days * DAY)


def turns(prior: Prior | None, table: Rules) -> tuple[int, ...]:
    """Every second at which ``decide`` may answer otherwise for no other reason than the time.

    Between two of them it reads nothing of ``now.now`` that makes a difference: whoever adds a
    comparison with it adds its instant here.
    """
    return () if prior is None else (expires(prior, table), asks_again(prior, table))


def _said_of_sale(table: Rules, said: Mapping[str, bool], left_on: AbstractSet[str]) -> Said:
    """What was said of the sale: to refuse one category that carries it is to refuse it."""
    carriers = [rule.id for rule in table.categories if rule.sale]
    states = [said.get(key) for key in carriers]
    if False in states:
        return False
    if not left_on.isdisjoint(carriers):
        return None
    return True if states and None not in states else None


# ---------------------------------------------------------------- what to show


def _prompt(table: Rules, now: Circumstances) -> Prompt:
    if all(c.locked for c in table.categories):
        return "none"
    return "link" if now.prior is not None and _is_settled(now.prior, table, now) else table.surface


def _is_settled(prior: Prior, table: Rules, now: Circumstances) -> bool:
    """Whether this visitor is not to be asked again yet."""
    unlocked = {c.id for c in table.categories if not c.locked}
    added = not unlocked <= _decided(prior, table)
    vendors = not set(now.services) <= set(prior.shown_services)
    changed = prior.notice_version != now.notice_version and not (added or vendors)
    if (
        (added and "purpose_added" in table.triggers)
        or (vendors and "vendor_added" in table.triggers)
        or (changed and "policy_version" in table.triggers)
    ):
        return False
    return now.now < asks_again(prior, table)


def asks_again(prior: Prior, table: Rules) -> int:
    """When a visitor who has settled everything is asked again, in seconds."""
    refused = not any(prior.categories.values())
    quiet_days = max(table.choice_days, table.after_refusal_days) if refused else table.choice_days
    until = prior.recorded_at + quiet_days * DAY
    return until if refused else min(until, prior.valid_until)


def _decided(prior: Prior, table: Rules) -> AbstractSet[str]:
    """The categories this act settles.

    Where silence means "no", only an answer settles one: a notice closed, or a sale refused
    elsewhere, leaves the rest still to be asked.
    """
    if table.model != "opt_in":
        return prior.categories.keys()
    if prior.action in CONSENTS:
        return prior.categories.keys() - {k for k in prior.left_on if prior.categories.get(k)}
    if prior.action == "acknowledge":
        return frozenset()
    return {key for key, granted in prior.categories.items() if not granted}
