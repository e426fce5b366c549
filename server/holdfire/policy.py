"""The decision: one pure function over a table of rules, no clock and no I/O.

``rules.compile_rules`` makes the table from a site and a regime; ``decide`` reads it for one
visitor. The page holds the same table and runs the same function (``sdk/src/policy.ts``);
``tests/vectors/policy.json`` keeps the two equal.

Precedence, first match wins: what is locked, the rules for minors, a refusal, a signal against a
consent, a consent, an attested exemption, the regime's default. A signal only ever denies.
"""

from collections.abc import Set as AbstractSet

from holdfire.law import MinorEffect, Prompt, State
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

NECESSARY = Decision(allow=True, reason="necessary")
UNKNOWN = Decision(allow=False, reason="unknown_service")


def decide(table: Rules, now: Circumstances) -> Decisions:
    """Decide every category, the sale, and what the visitor is to be shown."""
    prior = now.prior
    said = _said(prior)
    categories = {c.id: _decide(c, said.get(c.id), table, now) for c in table.categories}
    sale = _decide(table.sale_or_share, _said_of_sale(table, said), table, now)
    honoured = now.signals.gpc and not sale.allow
    return Decisions(
        categories=categories,
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
        return Decision(allow=False, reason="choice_denied")
    return decision


def _decide(rule: CategoryRule, said: State | None, table: Rules, now: Circumstances) -> Decision:
    if rule.locked:
        return NECESSARY
    denial = _denial(rule, said, table, now)
    if denial is not None:
        return Decision(allow=False, reason=denial)
    if said == "granted" and _lapse(table, now) is None:
        return Decision(allow=True, reason="choice_granted")
    return Decision(allow=True, reason="exempt_granted" if rule.exempt else "default_granted")


def _denial(  # noqa: PLR0911 -- a precedence reads as the list it is
    rule: CategoryRule, said: State | None, table: Rules, now: Circumstances
) -> Reason | None:
    """The first reason to deny, or ``None``. Everything that allows has passed through here."""
    minor = _minor(rule, table, now)
    if minor == "ban" or (minor == "parental_opt_in" and not now.parental):
        return "minor"
    if said == "denied" and _refusal_stands(table, now):
        return "gpc" if now.prior is not None and now.prior.by_signal else "choice_denied"
    lapse = _lapse(table, now) if said == "granted" else None
    granted = said == "granted" and lapse is None
    if rule.consent_cannot_unlock:
        return "default_denied"
    signal = _signal(rule, now)
    if signal is not None and not (granted and _consent_may_win(table, now)):
        return signal
    if granted:
        return None
    if minor is not None:
        return "minor"
    if rule.exempt:
        return "gpc" if now.signals.gpc and rule.gpc_ends_exempt else None
    if rule.default == "granted":
        return None
    return lapse or "default_denied"


def _minor(rule: CategoryRule, table: Rules, now: Circumstances) -> MinorEffect | None:
    ages = [age for age in (table.assume_age, now.age) if age is not None]
    if not ages:
        return None
    age = min(ages)  # on a site for children nobody can be said to be older
    found = {effect for low, high, effect in rule.minors if low <= age <= high}
    order: tuple[MinorEffect, ...] = ("ban", "parental_opt_in", "opt_in")
    return next((effect for effect in order if effect in found), None)


def _signal(rule: CategoryRule, now: Circumstances) -> Reason | None:
    if now.signals.gpc and rule.gpc:
        return "gpc"
    if now.signals.dnt is True and rule.dnt:
        return "dnt"
    return None


def _consent_may_win(table: Rules, now: Circumstances) -> bool:
    """Whether a standing consent beats the signal, by the regime's conflict rule."""
    if table.conflict_rule == "explicit_wins":
        return True
    noticed = now.prior is not None and now.prior.signal_noticed
    if table.conflict_rule == "signal_wins_until_reconfirmed_known":
        return noticed and now.known
    return noticed


def _lapse(table: Rules, now: Circumstances) -> Reason | None:
    """Why the prior choice no longer grants what it said, or ``None`` if it does."""
    prior = now.prior
    if prior is None or prior.action not in CONSENTS:
        return "default_denied"
    if now.now >= _expires(prior, table):
        return "choice_expired"
    if prior.notice_version != now.notice_version:
        return "notice_changed"
    return None


def _refusal_stands(table: Rules, now: Circumstances) -> bool:
    if now.prior is None or now.prior.action == "acknowledge":
        return False
    return not table.refusal_lapses or now.now < _expires(now.prior, table)


def _expires(prior: Prior, table: Rules) -> int:
    """The earlier of what the visitor was told and what the law here allows, in seconds."""
    return min(prior.valid_until, prior.recorded_at + table.choice_days * DAY)


def _said(prior: Prior | None) -> dict[str, State]:
    return {k: "granted" if v else "denied" for k, v in prior.categories.items()} if prior else {}


def _said_of_sale(table: Rules, said: dict[str, State]) -> State | None:
    """What the visitor said of the sale: refusing one category that carries it refuses it."""
    states = [said.get(c.id) for c in table.categories if c.sale]
    if "denied" in states:
        return "denied"
    return "granted" if states and None not in states else None


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
    refused = not any(prior.categories.values())
    quiet_days = max(table.choice_days, table.after_refusal_days) if refused else table.choice_days
    until = prior.recorded_at + quiet_days * DAY
    return now.now < (until if refused else min(until, prior.valid_until))


def _decided(prior: Prior, table: Rules) -> AbstractSet[str]:
    """The categories this act settles.

    Where silence means "no", only an answer settles one: a notice closed, or a sale refused
    elsewhere, leaves the rest still to be asked.
    """
    if table.model != "opt_in" or prior.action in CONSENTS:
        return prior.categories.keys()
    if prior.action == "acknowledge":
        return frozenset()
    return {key for key, granted in prior.categories.items() if not granted}
