"""The table of rules: what one site owes its visitors under one regime.

Compiled once per (site, regime, day) and then only read, by ``policy.decide`` here and by its
twin in the page. Pure: no clock, no I/O.
"""

from collections.abc import Set as AbstractSet

from holdfire.law import Link, MinorEffect, Regime
from holdfire.model import Attestations, Category, CategoryRule, Rules, Site

SALE = Category(id="sale_or_share", standard="marketing", sale=True)
"""The sale or sharing of data, decided on beside the site's own categories."""


def compile_rules(site: Site, regime: Regime) -> Rules:
    """Compile what one site owes its visitors under one regime."""
    categories = tuple(_rule(c, site.attestations, regime) for c in site.categories)
    sale = _rule(SALE, site.attestations, regime)
    return Rules(
        regime=regime.id,
        model=regime.model,
        surface=regime.ui.surface,
        conflict_rule=regime.gpc.conflict_rule,
        choice_days=_choice_days(site, regime),
        after_refusal_days=regime.reprompt.after_refusal_days,
        refusal_lapses=regime.model == "opt_in",
        opt_out_status=regime.opt_out_status_display == "required",
        # Where silence means "no" there is nothing that its absence could be taken for.
        remember_gpc=regime.gpc.status == "binding" and regime.model != "opt_in",
        close=regime.ui.close_x == "required",
        triggers=regime.reprompt.triggers,
        assume_age=0 if site.attestations.child_directed else None,
        categories=categories,
        sale_or_share=sale,
        ask_age=site.ask_age and any(rule.minors for rule in (*categories, sale)),
    )


def links(site: Site, regime: Regime) -> tuple[Link, ...]:
    """The links the law wants on this site's pages, given what the site does; first the way back.

    Where one link with the icon stands for several others, that is it: 11 CCR 7015.
    """
    sells = any(c.sale for c in site.categories)
    sensitive = any(c.sensitive for c in site.categories)
    holds = {
        "always": True,
        "recommended": True,
        "if_sells_or_shares": False,  # one "choices" link stands for both, 11 CCR 7015
        "alternative_to_dns_and_limit": sells or sensitive,
        "if_sells_or_targets": sells,
        "if_uses_spi_beyond_7027m": sensitive,
        "if_health_data": sensitive,
        "if_sells_sensitive": sells and sensitive,
        "if_sells_biometric": False,  # no category says what kind of sensitive data it is
    }
    wanted = (link for link in regime.links if holds[link.required])
    return tuple(sorted(wanted, key=lambda link: not link.icon))


def _choice_days(site: Site, regime: Regime) -> int:
    """The owner's lifetime of a choice where there is one, but never past the regulator's."""
    lifetime = regime.lifetime
    if site.choice_days is None:
        return lifetime.choice_days
    return min(site.choice_days, lifetime.choice_regulator_days or site.choice_days)


def _rule(category: Category, attested: Attestations, regime: Regime) -> CategoryRule:
    if category.standard == "necessary":
        return CategoryRule(id=category.id, locked=True, sale=False, default="granted")
    standard = category.standard
    ruled = {standard, "sale_or_share"} if category.sale else {standard}
    exempt, objection_ends_it = _exemption(category, attested, regime)
    third_party = standard == "analytics" and attested.analytics_role == "third_party"
    sensitive = regime.sensitive.rule if category.sensitive else "none"
    denied = any(getattr(regime.defaults, r) == "denied" for r in ruled)
    return CategoryRule(
        id=category.id,
        locked=False,
        sale=category.sale,
        default="denied"
        if denied or sensitive in {"explicit_opt_in", "opt_in", "strictly_necessary_no_sale"}
        else "granted",
        exempt=exempt,
        gpc=category.sale
        or not ruled.isdisjoint(regime.gpc.denies)
        or (third_party and "deny_if_third_party" in regime.gpc.analytics),
        gpc_ends_exempt=objection_ends_it,
        dnt=regime.dnt.treatment in {"objection", "refusal"}
        and (standard in {"analytics", "marketing"} or category.sale),
        consent_cannot_unlock=category.sale and sensitive == "strictly_necessary_no_sale",
        sensitive=sensitive == "limit_use",
        minors=_bands(ruled, attested, regime),
    )


def _exemption(category: Category, attested: Attestations, regime: Regime) -> tuple[bool, bool]:
    """Whether the category runs on an attested exemption, and whether GPC is an objection to it."""
    if category.sale or category.sensitive:
        return False, False
    if category.standard == "analytics":
        law = regime.exemptions.analytics
        holds = attested.analytics_exempt and attested.analytics_role == "processor"
        ends = law.objection_required or "deny_exempt" in regime.gpc.analytics
    elif category.standard == "functional":
        law, holds = regime.exemptions.functional, attested.functional_exempt
        ends = law.objection_required
    else:
        return False, False
    exempt = law.available and holds
    return exempt, exempt and ends


def _bands(
    ruled: AbstractSet[str], attested: Attestations, regime: Regime
) -> tuple[tuple[int, int, MinorEffect], ...]:
    bands = []
    for rule in regime.minors.rules:
        applies = rule.condition is None or getattr(attested, rule.condition)
        if applies and not ruled.isdisjoint(rule.categories):
            if rule.ages == "below_consent_age":
                # A regime that names no age has no such band; the law loader resolves the others.
                continue
            bands.append((*rule.ages, rule.rule))
    return tuple(bands)
