"""The table of rules: what one site owes under one regime, member by member."""

from typing import Any

import pytest
from msgspec.structs import replace

from holdfire import regimes
from holdfire.law import (
    Exemption,
    Exemptions,
    Link,
    LinkDuty,
    MinorRule,
    Regime,
    RuledCategory,
    SensitiveForce,
)
from holdfire.model import Attestations, Category, CategoryRule, Site
from holdfire.rules import compile_rules, links
from house import ROOT, demo_site

LAWS = regimes.load(ROOT / "config/regimes").regimes
LAX = LAWS["row-opt-out"]  # grants everything before a choice
DEMO = demo_site()


def site(*categories: Category, **members: Any) -> Site:
    """The demo site with these categories."""
    return replace(DEMO, categories=categories, **members)


def row(category: Category, regime: Regime, **attested: Any) -> CategoryRule:
    """The row of one category."""
    attestations = Attestations(**attested)
    return compile_rules(site(category, attestations=attestations), regime).categories[0]


# ---------------------------------------------------------------- links

PLAIN = Category("a", "analytics")
RULED: tuple[RuledCategory, ...] = ("analytics", "sale_or_share", "functional")
SOLD = Category("b", "marketing", sale=True)
SENSITIVE = Category("c", "functional", sensitive=True)
SHOWN: dict[LinkDuty, tuple[bool, bool, bool, bool]] = {
    # nothing of note, sells, uses sensitive data, both
    "always": (True, True, True, True),
    "recommended": (True, True, True, True),
    "if_sells_or_shares": (False, False, False, False),
    "alternative_to_dns_and_limit": (False, True, True, True),
    "if_sells_or_targets": (False, True, False, True),
    "if_uses_spi_beyond_7027m": (False, False, True, True),
    "if_health_data": (False, False, True, True),
    "if_sells_sensitive": (False, False, False, True),
    "if_sells_biometric": (False, False, False, False),
}


@pytest.mark.parametrize(("duty", "shown"), SHOWN.items(), ids=SHOWN)
def test_a_link_is_shown_where_the_site_does_what_it_is_owed_for(
    duty: LinkDuty, shown: tuple[bool, ...]
) -> None:
    """What the site's categories sell, and how sensitive they are, settles each duty."""
    regime = replace(LAX, links=(Link("x", "X", required=duty),))
    asked = [site(PLAIN), site(PLAIN, SOLD), site(PLAIN, SENSITIVE), site(PLAIN, SOLD, SENSITIVE)]

    assert tuple(links(one, regime) == regime.links for one in asked) == shown


# ---------------------------------------------------------------- how long a choice lasts


@pytest.mark.parametrize(
    ("wanted", "limit", "days"),
    [(None, 300, 200), (400, 300, 300), (100, 300, 100), (400, None, 400), (100, None, 100)],
)
def test_the_owners_lifetime_of_a_choice_holds_up_to_the_regulators(
    wanted: int | None, limit: int | None, days: int
) -> None:
    """The owner may wish longer or shorter than the law's figure, but not past the regulator's."""
    lifetime = replace(LAX.lifetime, choice_days=200, choice_regulator_days=limit)

    rules = compile_rules(replace(DEMO, choice_days=wanted), replace(LAX, lifetime=lifetime))

    assert rules.choice_days == days


# ---------------------------------------------------------------- sensitive data


@pytest.mark.parametrize(
    ("force", "default", "final"),
    [
        ("none", "granted", False),
        ("opt_out", "granted", False),
        ("limit_use", "granted", False),
        ("opt_in", "denied", False),
        ("explicit_opt_in", "denied", False),
        ("strictly_necessary_no_sale", "denied", True),
    ],
)
def test_sensitive_data_waits_where_the_law_wants_a_yes(
    force: SensitiveForce, default: str, *, final: bool
) -> None:
    """An opt-in for sensitive data denies it before a choice, and a ban of its sale for good."""
    regime = replace(LAX, sensitive=replace(LAX.sensitive, rule=force))

    kept = row(Category("x", "analytics", sensitive=True), regime)
    sold = row(Category("x", "analytics", sensitive=True, sale=True), regime)
    plain = row(Category("x", "analytics", sale=True), regime)

    assert (kept.default, kept.consent_cannot_unlock) == (default, False)
    assert (sold.default, sold.consent_cannot_unlock) == (default, final)
    assert (plain.default, plain.consent_cannot_unlock) == ("granted", False)


# ---------------------------------------------------------------- minors


def test_the_age_is_asked_only_where_the_law_has_a_use_for_it() -> None:
    """The owner asks, and some row of the table depends on the answer: a category, or the sale."""
    unruled = replace(LAX, minors=replace(LAX.minors, rules=()))
    bans = [MinorRule(ages=(0, 12), categories=(ruled,), rule="ban") for ruled in RULED]
    ruled = [replace(LAX, minors=replace(LAX.minors, rules=(ban,))) for ban in bans]
    asking = replace(site(PLAIN), ask_age=True)

    assert [compile_rules(asking, law).ask_age for law in ruled] == [True, True, False]
    assert not compile_rules(asking, unruled).ask_age
    assert not any(compile_rules(site(PLAIN), law).ask_age for law in ruled)


# ---------------------------------------------------------------- signals


def test_gpc_reaches_every_sale() -> None:
    """A category that carries a sale hears the signal even where the law names no category."""
    deaf = replace(LAX, gpc=replace(LAX.gpc, denies=(), analytics=()))

    assert row(Category("x", "functional", sale=True), deaf).gpc
    assert not row(Category("x", "marketing"), deaf).gpc
    assert compile_rules(DEMO, deaf).sale_or_share.gpc


def test_gpc_reaches_what_the_law_names() -> None:
    """A category hears it by its own kind of use, and analytics also by who is behind it."""
    named = replace(LAX, gpc=replace(LAX.gpc, denies=("functional",), analytics=()))
    theirs = replace(LAX, gpc=replace(LAX.gpc, denies=(), analytics=("deny_if_third_party",)))

    assert row(Category("x", "functional"), named).gpc
    assert not row(Category("x", "marketing"), named).gpc
    assert row(Category("x", "analytics"), theirs, analytics_role="third_party").gpc
    assert not row(Category("x", "analytics"), theirs, analytics_role="processor").gpc
    assert not row(Category("x", "marketing"), theirs, analytics_role="third_party").gpc


def test_dnt_reaches_what_follows_people() -> None:
    """Where DNT objects it denies analytics, marketing and every sale, but no function."""
    for treatment, heard in (("objection", True), ("refusal", True), ("disclose", False)):
        regime = replace(LAX, dnt=replace(LAX.dnt, treatment=treatment))

        assert row(Category("x", "analytics"), regime).dnt is heard
        assert row(Category("x", "marketing"), regime).dnt is heard
        assert row(Category("x", "functional", sale=True), regime).dnt is heard
        assert row(Category("x", "functional"), regime).dnt is False


# ---------------------------------------------------------------- exemptions

EXEMPT = replace(
    LAWS["fr"],
    exemptions=Exemptions(
        analytics=Exemption(available=True, objection_required=True),
        functional=Exemption(available=True, objection_required=True),
    ),
)
ATTESTED = {"analytics_exempt": True, "functional_exempt": True}


@pytest.mark.parametrize("standard", ["analytics", "functional"])
def test_an_exemption_is_for_what_is_neither_sold_nor_sensitive(standard: Any) -> None:
    """A sale ends it, and so does sensitive data: each alone."""
    own = row(Category("x", standard), EXEMPT, **ATTESTED)
    sold = row(Category("x", standard, sale=True), EXEMPT, **ATTESTED)
    sensitive = row(Category("x", standard, sensitive=True), EXEMPT, **ATTESTED)

    assert (own.exempt, own.gpc_ends_exempt) == (True, True)
    assert (sold.exempt, sold.gpc_ends_exempt) == (False, False)
    assert (sensitive.exempt, sensitive.gpc_ends_exempt) == (False, False)


def test_marketing_is_never_exempt() -> None:
    """There is no exemption to attest for it, nor one that a signal could end."""
    rule = row(Category("x", "marketing"), EXEMPT, **ATTESTED)

    assert (rule.exempt, rule.gpc_ends_exempt) == (False, False)


# ---------------------------------------------------------------- minors


def test_a_band_without_an_age_is_left_out_alone() -> None:
    """Where no age of consent is known the band that needs one is empty; the others stand."""
    bands = (
        MinorRule(ages="below_consent_age", categories=("analytics",), rule="ban"),
        MinorRule(ages=(13, 15), categories=("analytics",), rule="opt_in"),
        MinorRule(ages=(0, 12), categories=("marketing",), rule="parental_opt_in"),
    )
    regime = replace(LAX, minors=replace(LAX.minors, rules=bands))

    assert row(Category("x", "analytics"), regime).minors == ((13, 15, "opt_in"),)
