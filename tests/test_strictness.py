from datetime import date
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from holdfire import policy, regimes
from holdfire.law import (
    Defaults,
    DntRule,
    Exemption,
    Exemptions,
    GpcRule,
    Lifetime,
    Link,
    MinorRule,
    Minors,
    Proof,
    Regime,
    Reprompt,
    SensitiveRule,
)
from holdfire.model import (
    Action,
    Attestations,
    Category,
    Circumstances,
    Prior,
    Signals,
    Site,
)
from holdfire.regimes.strictness import stricter_of
from holdfire.rules import compile_rules

BOOK = regimes.load(Path(__file__).parent.parent / "config/regimes")
LAWS = BOOK.regimes
STRICTEST = LAWS["strictest"]
NOW = 1_795_262_400  # 2026-11-21T12:00:00Z
DAY = 86_400

MODELS = ("none", "notice", "opt_out", "opt_in")
STATES = ("granted", "denied")

# What of a regime has force, and its scale from lax to strict.
SCALES: dict[str, tuple[str, ...]] = {
    "model": MODELS,
    "legal_model": MODELS,
    "status": ("no_specific_law", "enacted_not_in_force", "in_force"),
    "defaults.functional": STATES,
    "defaults.analytics": STATES,
    "defaults.marketing": STATES,
    "defaults.sale_or_share": STATES,
    "ui.surface": ("none", "link", "notice", "banner"),
    "ui.first_layer_reject": ("not_required", "recommended", "required_if_banner", "required"),
    "ui.close_x": ("none", "required"),
    "ui.cookie_wall": ("unregulated", "case_by_case", "prohibited"),
    "gpc.status": ("no_rule", "not_required", "ambiguous", "binding_conditional", "binding"),
    "gpc.conflict_rule": (
        "explicit_wins",
        "explicit_wins_if_noticed",
        "signal_wins_until_reconfirmed",
        "signal_wins_until_reconfirmed_known",
    ),
    "dnt.treatment": ("ignore", "disclose", "objection", "refusal"),
    "minors.knowledge": ("actual", "willful_disregard", "should_have_known"),
    "sensitive.rule": (
        "none",
        "opt_out",
        "limit_use",
        "opt_in",
        "explicit_opt_in",
        "strictly_necessary_no_sale",
    ),
    "opt_out_status_display": ("none", "optional", "required"),
    "google.advanced_mode": ("allowed", "discouraged"),
    "confidence": ("high", "medium", "low"),
}
SMALLER = (
    "lifetime.choice_days",
    "lifetime.choice_regulator_days",
    "lifetime.tracker_cookie_days",
    "lifetime.data_days",
)
LARGER = ("reprompt.after_refusal_days", "proof.retain_days", "minors.consent_age")
SWITCHES = (
    "proof.required",
    "adtech.tcf",
    "google.consent_mode_required",
    "exemptions.analytics.objection_required",
    "exemptions.functional.objection_required",
)
COLLECTIONS = (
    "laws",
    "ui.languages",
    "proof.record",
    "gpc.denies",
    "gpc.analytics",
    "minors.rules",
    "sources",
    "exemptions.analytics.conditions",
    "exemptions.functional.conditions",
)


def at(regime: Regime, path: str) -> Any:
    """The member at a dotted path."""
    value: Any = regime
    for name in path.split("."):
        value = getattr(value, name)
    return value


def relaxed(meet: Regime, one: Regime) -> list[str]:
    """Every member in which ``meet`` asks for less than ``one``."""
    less = [p for p, scale in SCALES.items() if scale.index(at(meet, p)) < scale.index(at(one, p))]
    for path in SMALLER:
        limit = at(one, path)
        less += [path] if limit is not None and not at(meet, path) <= limit else []
    for path in LARGER:
        limit = at(one, path)
        less += [path] if limit is not None and not at(meet, path) >= limit else []
    less += [path for path in SWITCHES if at(one, path) and not at(meet, path)]
    less += [path for path in COLLECTIONS if not set(at(one, path)) <= set(at(meet, path))]
    for standard in ("analytics", "functional"):
        path = f"exemptions.{standard}.available"
        less += [path] if at(meet, path) and not at(one, path) else []
    if one.gpc.effective is None and meet.gpc.effective is not None:
        less.append("gpc.effective")
    if one.gpc.effective and meet.gpc.effective and meet.gpc.effective > one.gpc.effective:
        less.append("gpc.effective")
    if not set(meet.reprompt.triggers) <= set(one.reprompt.triggers):
        less.append("reprompt.triggers")
    owed = {link.id: link for link in meet.links}
    for link in one.links:
        mine = owed.get(link.id)
        kept = mine and mine.required in {link.required, "always"} and mine.icon >= link.icon
        less += [] if kept or (mine and link.required == "recommended") else [f"links.{link.id}"]
    return less


any_regime = st.sampled_from(list(LAWS.values()))


@st.composite
def chimeras(draw: st.DrawFn) -> Regime:
    """A regime whose members come from anywhere, as far as the check of the law allows it.

    Defaults follow the model, and there is no exemption from a consent that nobody asks for.
    """
    base = draw(any_regime)
    mixed = {
        name: getattr(draw(any_regime), name)
        for name in (
            *(["exemptions"] if base.model == "opt_in" else []),
            "ui",
            "lifetime",
            "reprompt",
            "proof",
            "gpc",
            "dnt",
            "minors",
            "sensitive",
            "links",
            "opt_out_status_display",
        )
    }
    return replace(base, id=draw(st.sampled_from(["x", "y"])), **mixed)


@given(chimeras(), chimeras())
def test_the_stricter_of_two_relaxes_neither(a: Regime, b: Regime) -> None:
    """In every member that has force, the meet asks for at least what either asks for."""
    meet = stricter_of(a, b)

    assert relaxed(meet, a) == []
    assert relaxed(meet, b) == []


@given(chimeras(), chimeras())
def test_the_order_of_asking_changes_no_duty(a: Regime, b: Regime) -> None:
    """Both orders bind equally; only names and the order of lists may differ."""
    forth, back = stricter_of(a, b), stricter_of(b, a)

    assert relaxed(forth, back) == relaxed(back, forth) == []


@pytest.mark.parametrize("regime", LAWS.values(), ids=LAWS)
def test_a_regime_meets_itself_unchanged(regime: Regime) -> None:
    """The stricter of a regime and itself is that very object."""
    assert stricter_of(regime, regime) is regime
    assert stricter_of(regime, replace(regime)) is regime


def test_the_name_is_that_of_the_stricter_model() -> None:
    """The stricter model gives the id, the first of two equals; the label names both."""
    california, germany, france = LAWS["us-ca"], LAWS["de"], LAWS["fr"]

    assert stricter_of(california, germany).id == stricter_of(germany, california).id == "de"
    assert stricter_of(france, germany).id == "fr"
    assert stricter_of(germany, STRICTEST).id == stricter_of(STRICTEST, germany).id == "strictest"
    assert stricter_of(germany, california).label == "Germany + California"
    assert stricter_of(california, germany).label == "Germany + California"


def test_the_meet_of_california_and_germany_owes_both_duties() -> None:
    """A worked case: German consent, Californian link and display, both ends of both signals."""
    meet = stricter_of(LAWS["us-ca"], LAWS["de"])

    assert meet.model == "opt_in"
    assert meet.lifetime.choice_days == 180
    assert meet.reprompt.after_refusal_days == 365
    assert meet.proof.retain_days == 730
    assert meet.gpc.status == "binding"
    assert meet.gpc.effective is None
    assert meet.gpc.conflict_rule == "signal_wins_until_reconfirmed_known"
    assert set(meet.gpc.analytics) == {"deny_exempt", "deny_if_third_party"}
    assert meet.gpc.cite is not None
    assert meet.gpc.cite.startswith("reasoning of LG Berlin")
    assert "(D); Civ. Code 1798.135" in meet.gpc.cite
    assert meet.dnt.treatment == "objection"
    assert [link.id for link in meet.links] == ["manage", "dns", "limit", "choices"]
    assert meet.opt_out_status_display == "required"
    assert meet.adtech.gpp == LAWS["de"].adtech.gpp
    assert meet.applicability == "any"
    assert meet.evidence["dnt"] == "S"
    assert meet.notes.startswith("Ruling targets")
    assert "if present (M). A cookie banner alone" in meet.notes
    assert meet.reprompt.basis.startswith("D: same as choice; Civ. Code 1798.135")
    assert meet.notes.endswith("overlays.us-ca-cipa.")


def test_lists_figures_and_reasons_of_neighbours_are_met_one_by_one() -> None:
    """Worked cases where both sides say something, and not the same."""
    france, italy, czechia, britain = (LAWS[key] for key in ("fr", "it", "cz", "gb"))

    assert stricter_of(czechia, france).lifetime.choice_regulator_days == 180
    assert stricter_of(france, italy).reprompt.triggers == (
        "expiry",
        "purpose_added",
        "vendor_added",
        "storage_lost",
    )
    assert stricter_of(france, czechia).reprompt.triggers == france.reprompt.triggers
    assert stricter_of(france, britain).exemptions.analytics.objection_required
    assert stricter_of(britain, france).exemptions.analytics.objection_required
    assert not stricter_of(france, italy).exemptions.analytics.objection_required


LAXER = replace(
    LAWS["row-opt-out"],
    defaults=Defaults("granted", "denied", "granted", "denied"),
    exemptions=Exemptions(
        analytics=Exemption(available=True, conditions=("p",), cite="analytics 1"),
        functional=Exemption(available=True, conditions=("q",), cite="functional 1"),
    ),
    lifetime=Lifetime(100, 90, 80, 70, "lifetime 1"),
    reprompt=Reprompt(10, ("expiry", "storage_lost"), "reprompt 1"),
    proof=Proof(required=False, record=("r",), retain_days=5, cite="proof 1"),
    gpc=GpcRule("no_rule", ("marketing",), (), "explicit_wins", None, "gpc 1"),
    dnt=DntRule("disclose", "dnt 1"),
    minors=Minors(13, "actual", (MinorRule((0, 12), ("analytics",), "ban"),), "minors 1"),
    sensitive=SensitiveRule("opt_out", "sensitive 1"),
    links=(Link("x", "X"),),
    evidence={"dnt": "M", "gpc": "M"},
)
STERNER = replace(
    LAXER,
    defaults=Defaults("denied", "granted", "denied", "granted"),
    exemptions=Exemptions(
        analytics=Exemption(available=True, conditions=("s",), cite="analytics 2"),
        functional=Exemption(available=True, conditions=("t",), cite="functional 2"),
    ),
    lifetime=Lifetime(100, 60, 50, 40, "lifetime 2"),
    reprompt=Reprompt(20, ("expiry", "vendor_added"), "reprompt 2"),
    proof=Proof(required=True, record=("u",), retain_days=6, cite="proof 2"),
    gpc=GpcRule("binding", ("analytics",), ("deny_exempt",), "explicit_wins", None, "gpc 2"),
    dnt=DntRule("refusal", "dnt 2"),
    minors=Minors(16, "willful_disregard", (), "minors 2"),
    sensitive=SensitiveRule("limit_use", "sensitive 2"),
    links=(Link("x", "X", alt_label="Y"),),
    evidence={"dnt": "S", "model": "D"},
)


@pytest.mark.parametrize(("a", "b", "order"), [(LAXER, STERNER, (1, 2)), (STERNER, LAXER, (2, 1))])
def test_every_member_is_met_by_itself(a: Regime, b: Regime, order: tuple[int, int]) -> None:
    """Of two regimes that differ everywhere, each figure is the stricter and each text is both."""

    def both(what: str) -> str:
        return "; ".join(f"{what} {number}" for number in order)

    meet = stricter_of(a, b)

    assert set(msgspec.structs.astuple(meet.defaults)) == {"denied"}
    assert (meet.lifetime.choice_days, meet.lifetime.choice_regulator_days) == (100, 60)
    assert (meet.lifetime.tracker_cookie_days, meet.lifetime.data_days) == (50, 40)
    assert (meet.reprompt.after_refusal_days, meet.reprompt.triggers) == (20, ("expiry",))
    assert (meet.proof.required, set(meet.proof.record)) == (True, {"r", "u"})
    assert (meet.proof.retain_days, meet.minors.consent_age) == (6, 16)
    assert (meet.gpc.status, set(meet.gpc.denies)) == ("binding", {"analytics", "marketing"})
    assert meet.gpc.analytics == ("deny_exempt",)
    assert (meet.dnt.treatment, meet.sensitive.rule) == ("refusal", "limit_use")
    assert (meet.minors.knowledge, meet.minors.rules) == ("willful_disregard", LAXER.minors.rules)
    assert meet.links == (Link("x", "X", alt_label="Y"),)
    assert meet.evidence == {**b.evidence, **a.evidence}
    assert meet.exemptions.analytics.available
    assert meet.exemptions.functional.available
    assert set(meet.exemptions.analytics.conditions) == {"p", "s"}
    assert set(meet.exemptions.functional.conditions) == {"q", "t"}
    assert meet.exemptions.analytics.cite == both("analytics")
    assert meet.exemptions.functional.cite == both("functional")
    assert (meet.lifetime.basis, meet.reprompt.basis) == (both("lifetime"), both("reprompt"))
    assert (meet.proof.cite, meet.gpc.cite) == (both("proof"), both("gpc"))
    assert (meet.dnt.cite, meet.minors.cite) == (both("dnt"), both("minors"))
    assert meet.sensitive.cite == both("sensitive")


def test_what_neither_gives_a_reason_for_has_none() -> None:
    """An empty reason stays empty."""
    first = replace(LAXER, lifetime=Lifetime(1), reprompt=Reprompt(1, ()), label="A")

    meet = stricter_of(first, replace(first, label="B"))

    assert (meet.lifetime.basis, meet.reprompt.basis) == ("", "")


def test_who_is_bound_is_kept_only_if_both_say_the_same() -> None:
    """Two different thresholds are read as none."""
    indiana, kentucky, colorado = (LAWS[key] for key in ("us-in", "us-ky", "us-co"))

    assert stricter_of(indiana, kentucky).applicability == "100k, or 25k + 50%"
    assert stricter_of(indiana, colorado).applicability == "any"


def test_what_only_one_knows_is_kept() -> None:
    """A missing figure, section or citation gives way to one that is there."""
    first = replace(LAWS["nz"], lifetime=Lifetime(choice_days=100, data_days=9))
    second = replace(LAWS["us-ca"], lifetime=Lifetime(choice_days=200))

    meet = stricter_of(first, second)

    assert meet.id == "us-ca"
    assert meet.lifetime == Lifetime(choice_days=100, data_days=9)
    assert meet.adtech.gpp == LAWS["us-ca"].adtech.gpp
    assert meet.gpc.cite == LAWS["us-ca"].gpc.cite


def test_the_earlier_signal_duty_counts() -> None:
    """Of two days the earlier one begins the duty; a duty without a day always held."""

    def signal(effective: date | None) -> Regime:
        rule = GpcRule(
            status="binding",
            denies=("marketing",),
            analytics=(),
            conflict_rule="explicit_wins",
            effective=effective,
        )
        return replace(LAWS["us-co"], gpc=rule, label=str(effective))

    early, late, ever = signal(date(2026, 1, 1)), signal(date(2027, 1, 1)), signal(None)

    assert stricter_of(late, early).gpc.effective == date(2026, 1, 1)
    assert stricter_of(late, ever).gpc.effective is None
    assert stricter_of(ever, late).gpc.effective is None


def test_an_exemption_needs_both_and_a_refusal_that_lives_as_long() -> None:
    """A shorter life of choices in one regime would revive what the other still holds refused."""
    france, italy = LAWS["fr"], LAWS["it"]
    longer = replace(italy, lifetime=replace(italy.lifetime, choice_days=365))
    lighter = replace(italy, model="opt_out")

    assert stricter_of(france, italy).exemptions.analytics.available
    assert not stricter_of(france, longer).exemptions.analytics.available
    assert not stricter_of(france, lighter).exemptions.analytics.available
    assert not stricter_of(france, LAWS["de"]).exemptions.analytics.available
    assert not stricter_of(france, italy).exemptions.functional.available


def test_two_conditions_for_one_link_make_it_owed_always() -> None:
    """A recommendation yields to a duty; two different conditions leave no room for either."""

    def owed(one: Any, other: Any) -> Link:
        a = replace(LAWS["us-nv"], links=(Link("x", "X", required=one, alt_label="Y"),))
        b = replace(LAWS["us-wa"], links=(Link("x", "Z", icon=True, required=other),))
        (link,) = stricter_of(a, b).links
        return link

    assert owed("recommended", "recommended").required == "recommended"
    assert owed("recommended", "if_health_data").required == "if_health_data"
    assert owed("if_health_data", "recommended").required == "if_health_data"
    assert owed("if_health_data", "if_health_data").required == "if_health_data"
    assert owed("if_health_data", "if_sells_sensitive").required == "always"
    assert owed("always", "if_health_data").required == "always"
    assert owed("always", "recommended") == Link("x", "X", icon=True, alt_label="Y")


def test_a_meet_is_as_fresh_as_its_older_part() -> None:
    """What was reviewed longest ago dates the whole."""
    old = replace(LAWS["de"], reviewed=date(2025, 1, 1), exemptions=LAWS["fr"].exemptions)

    assert stricter_of(LAWS["fr"], old).reviewed == date(2025, 1, 1)
    assert isinstance(stricter_of(LAWS["fr"], old).exemptions.analytics, Exemption)


# ---------------------------------------------------------------- what the data promises

DESCRIPTIVE = {
    # Strictest need not repeat what merely describes a place.
    "laws",
    "ui.languages",
    "sources",
    "confidence",
    "exemptions.analytics.conditions",
    "exemptions.functional.conditions",
    "exemptions.analytics.objection_required",
    "exemptions.functional.objection_required",
    "minors.rules",  # compared by what they decide, below
    "reprompt.triggers",  # asking again grants nothing; the TOML says why it keeps all five
}


@pytest.mark.parametrize("regime", LAWS.values(), ids=LAWS)
def test_an_unknown_place_asks_for_no_less_than_any_known_one(regime: Regime) -> None:
    """In every member that has force, ``strictest`` is at least as strict as each regime."""
    less = set(relaxed(STRICTEST, regime)) - DESCRIPTIVE

    # A statutory label is owed to those the statute names; Strictest shows the general ones.
    assert {path for path in less if not path.startswith("links.")} == set()


UNITED_STATES = [key for key in LAWS if key.startswith("us-") and key != "us-strictest"]


@pytest.mark.parametrize("state", UNITED_STATES)
def test_an_unknown_state_asks_for_no_less_than_any_state(state: str) -> None:
    """In every member that has force, ``us-strictest`` is at least as strict as each state."""
    less = set(relaxed(LAWS["us-strictest"], LAWS[state])) - DESCRIPTIVE

    assert {path for path in less if not path.startswith("links.")} == set()


@pytest.mark.parametrize("province", ["ca-pipeda", "ca-ab", "ca-bc"])
def test_an_unknown_province_asks_for_no_less_than_any_province(province: str) -> None:
    """Quebec stands in for an unknown province, and is the strictest in all but three members.

    It has a functional exemption where the others grant by default; its GPC reaches exempt
    analytics only, but an explicit choice wins in all of them; and it asks again earlier.
    """
    less = set(relaxed(LAWS["ca-qc"], LAWS[province])) - DESCRIPTIVE

    assert less == {
        "exemptions.functional.available",
        "gpc.analytics",
        "reprompt.after_refusal_days",
    }


# ---------------------------------------------------------------- what visitors are granted

CATEGORIES = (
    Category("necessary", "necessary"),
    Category("functional", "functional"),
    Category("analytics", "analytics"),
    Category("marketing", "marketing", sale=True),
    Category("own-ads", "marketing"),
    Category("health", "analytics", sensitive=True),
    Category("health-ads", "marketing", sale=True, sensitive=True),
)
UNLOCKED = [c.id for c in CATEGORIES if not c.locked]
ACTIONS: tuple[Action, ...] = ("accept_all", "reject_all", "save", "opt_out", "acknowledge")

sites = st.builds(
    Attestations,
    analytics_exempt=st.booleans(),
    functional_exempt=st.booleans(),
    analytics_role=st.sampled_from(["processor", "third_party"]),
    online_platform=st.booleans(),
    child_directed=st.booleans(),
    covered_design_code_service=st.booleans(),
).map(
    lambda attested: Site(
        id="s",
        name="S",
        origins=(),
        default_language="en",
        categories=CATEGORIES,
        services=(),
        attestations=attested,
        links={},
        texts={},
        version="v",
    )
)
priors = st.builds(
    Prior,
    action=st.sampled_from(ACTIONS),
    categories=st.dictionaries(st.sampled_from(UNLOCKED), st.booleans()),
    services=st.just({}),
    shown_services=st.just(()),
    notice_version=st.sampled_from(["v", "v", "older"]),
    recorded_at=st.integers(0, 800).map(lambda days: NOW - days * DAY),
    valid_until=st.integers(-100, 800).map(lambda days: NOW + days * DAY),
    gpc_noticed=st.booleans(),
    dnt_noticed=st.booleans(),
    by_signal=st.booleans(),
)
circumstances = st.builds(
    Circumstances,
    now=st.just(NOW),
    notice_version=st.just("v"),
    signals=st.builds(Signals, gpc=st.booleans(), dnt=st.sampled_from([None, False, True])),
    prior=st.none() | priors,
    age=st.none() | st.integers(0, 20),
    known=st.booleans(),
    parental=st.booleans(),
)


def granted(regime: Regime, site: Site, now: Circumstances) -> set[str]:
    """Everything that may fire."""
    decided = policy.decide(compile_rules(site, regime), now)
    sale = {"sale_or_share"} if decided.sale_or_share.allow else set()
    return {key for key, decision in decided.categories.items() if decision.allow} | sale


@settings(max_examples=200)
@given(any_regime, sites, circumstances)
def test_an_unknown_place_grants_no_more_than_any_known_one(
    regime: Regime, site: Site, now: Circumstances
) -> None:
    """Whatever the site attests and the visitor has said, is, or signals."""
    assert granted(STRICTEST, site, now) <= granted(regime, site, now)


@settings(max_examples=200)
@given(chimeras(), chimeras(), sites, circumstances)
def test_the_stricter_of_two_places_grants_no_more_than_either(
    a: Regime, b: Regime, site: Site, now: Circumstances
) -> None:
    """Taking the stricter of two places never turns a denial into a grant."""
    allowed = granted(stricter_of(a, b), site, now)

    assert allowed <= granted(a, site, now)
    assert allowed <= granted(b, site, now)


def test_the_scales_are_those_of_the_law() -> None:
    """Models climb one by one: the meet of neighbours is the upper one."""
    ladder = [LAWS[key] for key in ("row-no-law", "row-notice-only", "row-opt-out", "row-opt-in")]

    for lower, upper in pairwise(ladder):
        assert stricter_of(lower, upper).model == upper.model
    assert all(stricter_of(a, b).id == b.id for a, b in combinations(ladder, 2))
