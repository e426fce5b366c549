"""The decision, as a table: regimes, signals, prior choices, ages."""

import json
from datetime import date
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfire import explain, policy, regimes
from holdfire.explain import Explanation, Question
from holdfire.model import Action, Circumstances, Decision, Location, Prior, Rules, Signals
from holdfire.regimes import Lawbook
from holdfire.rules import compile_rules
from house import ROOT, demo_site

VECTORS: list[dict[str, Any]] = json.loads((ROOT / "tests/vectors/regimes.json").read_text())[
    "tests"
]
TODAY = date(2026, 11, 21)
NOW = 1_795_262_400  # 2026-11-21T12:00:00Z
SITE = demo_site()
LAW: Lawbook = regimes.load(ROOT / "config/regimes")
TABLES = {key: compile_rules(SITE, regime) for key, regime in LAW.regimes.items()}


def ask(**members: Any) -> Explanation:
    """Explain one case, in the members of a batch line."""
    question = msgspec.convert({"date": "2026-11-21", **members}, Question)
    place = Location(
        country=question.country,
        region=question.region,
        source="override",
        confidence="high",
        quality=question.quality,
    )
    return explain.explain(question, place, SITE, LAW, TODAY)


def families(answer: Explanation) -> str:
    """functional/analytics/marketing/sale_or_share, G granted, D denied."""
    order = [answer.categories[key] for key in ("functional", "analytics", "marketing")]
    return "/".join("G" if d.allow else "D" for d in (*order, answer.sale_or_share))


def question_of(case: dict[str, Any]) -> dict[str, Any]:
    """A case of the vectors, in the members of a batch line."""
    given_in = dict(case["in"])
    site = given_in.pop("site", {})
    attest = [key for key in ("analytics", "functional") if site.pop(f"{key}_exempt", False)]
    return {**given_in, **site, "attest": attest}


@pytest.mark.parametrize("case", VECTORS, ids=[f"{v['id']}: {v['show']}" for v in VECTORS])
def test_every_worked_case_of_the_law_comes_out_as_written(case: dict[str, Any]) -> None:
    """The regime, the four families, the prompt and the status are those the vector expects."""
    expect = case["expect"]

    answer = ask(**question_of(case))

    assert answer.regime.id == expect["regime"]
    assert families(answer) == expect["fams"], case["why"]
    assert answer.prompt == expect.get("prompt", answer.prompt)
    assert answer.opt_out_status == expect.get("status_display", answer.opt_out_status)


CASES = [
    # members, families, why
    ({"country": "DE"}, "D/D/D/D", "nothing before a choice"),
    ({"country": "DE", "prior": "accept_all"}, "G/G/G/G", "consent"),
    ({"country": "DE", "prior": "accept_all", "prior_expired": True}, "D/D/D/D", "it ran out"),
    ({"country": "DE", "prior": "analytics_only"}, "D/G/D/D", "what was granted and no more"),
    ({"country": "DE", "dnt": True, "prior": "accept_all"}, "G/D/D/D", "LG Berlin 16 O 420/19"),
    ({"country": "DE", "gpc": True, "prior": "accept_all"}, "G/G/D/D", "the same reasoning"),
    ({"country": "FR", "attest": ["analytics"], "gpc": True}, "D/D/D/D", "GPC ends exempt use"),
    ({"country": "FR", "attest": ["analytics"], "prior": "reject_all"}, "D/D/D/D", "so does no"),
    (
        {"country": "FR", "attest": ["analytics"], "analytics_role": "third_party"},
        "D/D/D/D",
        "the exemption is for the publisher alone",
    ),
    (
        {"country": "GB", "attest": ["analytics", "functional"], "gpc": True},
        "D/D/D/D",
        "an objection ends both statutory exemptions",
    ),
    ({"country": "US", "region": "CA", "prior": "reject_all"}, "D/D/D/D", "a refusal holds"),
    (
        {"country": "US", "region": "CA", "prior": "opt_out_sale", "prior_expired": True},
        "G/G/D/D",
        "an opt-out of a sale never runs out",
    ),
    (
        {"country": "US", "region": "CA", "gpc": True, "prior": "accept_all", "known": True},
        "G/G/D/D",
        "7025(c)(3): consent after being told of the conflict",
    ),
    (
        {
            "country": "US",
            "region": "CA",
            "gpc": True,
            "prior": "accept_all",
            "known": True,
            "signal_at_choice": True,
        },
        "G/G/G/G",
        "7025(c)(3) is met",
    ),
    (
        {
            "country": "US",
            "region": "CA",
            "gpc": True,
            "prior": "accept_all",
            "signal_at_choice": True,
        },
        "G/G/D/D",
        "7025(c)(3) needs a known consumer",
    ),
    (
        {"country": "US", "region": "TX", "gpc": True, "prior": "accept_all"},
        "G/G/G/G",
        "an authorised-agent design has no conflict clause",
    ),
    ({"country": "US", "region": "TX", "gpc": True}, "G/G/D/D", "the signal opts out"),
    ({"country": "US", "region": "CA", "age": 10}, "G/D/D/D", "a parent must opt in"),
    (
        {"country": "US", "region": "CA", "age": 10, "prior": "accept_all", "parental": True},
        "G/G/G/G",
        "a parent did",
    ),
    ({"country": "US", "region": "CA", "age": 10, "parental": True}, "G/D/D/D", "not yet"),
    (
        {"country": "US", "region": "CA", "age": 14, "prior": "accept_all"},
        "G/G/G/G",
        "13 to 15 opt in themselves",
    ),
    ({"country": "VN", "dnt": True, "prior": "accept_all"}, "G/G/G/G", "consent wins over DNT"),
    ({"country": "QQ"}, "D/D/D/D", "an unknown code is an unknown place"),
    ({"country": "US", "region": "FL", "age": 14}, "G/G/D/D", "what carries a sale needs its yes"),
]


@pytest.mark.parametrize(("members", "expected", "why"), CASES, ids=[c[2] for c in CASES])
def test_precedence(members: dict[str, Any], expected: str, why: str) -> None:
    """The first rule that applies decides, category by category."""
    assert families(ask(**members)) == expected, why


PROMPTS = [
    ({"country": "DE"}, "banner"),
    ({"country": "DE", "gpc": True}, "banner"),
    ({"country": "DE", "prior": "reject_all"}, "link"),
    ({"country": "DE", "prior": "reject_all", "prior_expired": True}, "banner"),
    ({"country": "DE", "prior": "accept_all", "prior_expired": True}, "banner"),
    ({"country": "DE", "prior": "opt_out_sale"}, "banner"),
    ({"country": "US", "region": "CA"}, "link"),
    ({"country": "JP"}, "notice"),
    ({"country": "JP", "prior": "reject_all"}, "link"),
]


@pytest.mark.parametrize(("members", "prompt"), PROMPTS)
def test_prompt(members: dict[str, Any], prompt: str) -> None:
    """A visitor is asked where the law says so, and not again while an answer stands."""
    assert ask(**members).prompt == prompt


# ---------------------------------------------------------------- one service


def chose(
    action: Action,
    categories: dict[str, bool],
    *,
    days_ago: int = 1,
    services: dict[str, bool] | None = None,
    version: str = SITE.version,
) -> Prior:
    """An act of a visitor who was shown every service, and told it lasts 1000 days."""
    return msgspec.convert(
        {
            "action": action,
            "categories": categories,
            "services": services or {},
            "shown_services": [s.id for s in SITE.services],
            "notice_version": version,
            "recorded_at": NOW - days_ago * policy.DAY,
            "valid_until": NOW + 1_000 * policy.DAY,
        },
        Prior,
    )


def of_service(key: str, prior: Prior | None) -> Decision:
    """What is decided for one id in Germany."""
    now = Circumstances(now=NOW, notice_version=SITE.version, prior=prior)
    return policy.decide_service(SITE, key, policy.decide(TABLES["de"], now), prior)


ALL = {"functional": True, "analytics": True, "marketing": True}
SERVICE = next(s for s in SITE.services if s.category == "analytics").id


@pytest.mark.parametrize("action", get_args(Action))
def test_only_an_acceptance_or_a_saved_choice_grants(action: Action) -> None:
    """Whatever another act names true, it is not a consent."""
    decision = of_service("analytics", chose(action, ALL))

    assert decision.allow is (action in {"accept_all", "save"})


def test_a_service_follows_its_category() -> None:
    """It is allowed and denied with it, and for the same reason; a category answers for itself."""
    assert of_service(SERVICE, None) == Decision(allow=False, reason="default_denied")
    assert of_service(SERVICE, chose("accept_all", ALL)).reason == "choice_granted"
    assert of_service("analytics", chose("accept_all", ALL)).reason == "choice_granted"
    assert of_service("necessary", None).allow
    assert of_service("no-such-tag", chose("accept_all", ALL)) == Decision(
        allow=False, reason="unknown_service"
    )


def test_a_service_choice_narrows_and_never_widens() -> None:
    """A service refused within a granted category is denied; one granted within none stays so."""
    refused = chose("save", ALL, services={SERVICE: False})
    granted_alone = chose("save", {**ALL, "analytics": False}, services={SERVICE: True})
    late = chose("save", ALL, services={SERVICE: False}, days_ago=999)

    assert of_service(SERVICE, refused) == Decision(allow=False, reason="choice_denied")
    assert of_service("analytics", refused).allow
    assert of_service(SERVICE, chose("save", ALL, services={SERVICE: True})).allow
    assert of_service(SERVICE, granted_alone) == Decision(allow=False, reason="choice_denied")
    assert of_service(SERVICE, late) == Decision(allow=False, reason="choice_expired")


def test_a_necessary_service_cannot_be_refused() -> None:
    """What the page cannot do without is allowed whatever a choice says of it."""
    needed = next(s for s in SITE.services if s.category == "analytics")
    site = msgspec.structs.replace(
        SITE, services=(msgspec.structs.replace(needed, category="necessary"),)
    )
    prior = chose("save", ALL, services={SERVICE: False})
    now = Circumstances(now=NOW, notice_version=SITE.version, prior=prior)
    decided = policy.decide(TABLES["de"], now)

    assert policy.decide_service(site, SERVICE, decided, prior) == policy.NECESSARY


# ---------------------------------------------------------------- asked again


def shown(prior: Prior, **members: Any) -> str:
    """What the visitor is shown in Germany, with these members of the table."""
    table = msgspec.structs.replace(TABLES["de"], **members)
    services = tuple(s.id for s in SITE.services)
    now = Circumstances(now=NOW, notice_version=SITE.version, services=services, prior=prior)
    return policy.decide(table, now).prompt


def test_where_there_is_nothing_to_ask_nothing_is_shown() -> None:
    """A site whose every category is necessary needs neither banner nor link."""
    locked = tuple(rule for rule in TABLES["de"].categories if rule.locked)
    table = msgspec.structs.replace(TABLES["de"], categories=locked)

    assert locked
    assert policy.decide(table, Circumstances(now=NOW, notice_version="x")).prompt == "none"


def test_a_refusal_is_left_in_peace_for_longer_than_a_consent_lasts() -> None:
    """The time after a refusal counts for refusals alone: a consent that ran out is asked again."""
    for days, consented, refused in ((99, "link", "link"), (200, "banner", "link")):
        table = {"choice_days": 100, "after_refusal_days": 365}

        assert shown(chose("accept_all", ALL, days_ago=days), **table) == consented
        assert shown(chose("reject_all", dict.fromkeys(ALL, False), days_ago=days), **table) == (
            refused
        )


def test_a_new_purpose_is_not_also_a_new_policy() -> None:
    """A change is asked about by its own name: a regime that only names the other stays silent."""
    old = "0" * 16
    without = {key: value for key, value in ALL.items() if key != "marketing"}

    assert shown(chose("save", ALL, version=old), triggers=("policy_version",)) == "banner"
    assert shown(chose("save", ALL, version=old), triggers=("purpose_added",)) == "link"
    assert shown(chose("save", without, version=old), triggers=("purpose_added",)) == "banner"
    assert shown(chose("save", without, version=old), triggers=("policy_version",)) == "link"


# ---------------------------------------------------------------- properties

tables = st.sampled_from(sorted(TABLES)).map(TABLES.__getitem__)
keys = [c.id for c in SITE.categories if not c.locked]
priors = st.builds(
    Prior,
    action=st.sampled_from(
        ("accept_all", "reject_all", "save", "withdraw", "opt_out", "acknowledge")
    ),
    categories=st.dictionaries(st.sampled_from(keys), st.booleans()),
    services=st.just({}),
    shown_services=st.sampled_from(((), tuple(s.id for s in SITE.services))),
    notice_version=st.sampled_from((SITE.version, "0" * 16)),
    recorded_at=st.integers(NOW - 1_000 * policy.DAY, NOW),
    valid_until=st.integers(NOW - 100 * policy.DAY, NOW + 400 * policy.DAY),
    gpc_noticed=st.booleans(),
    dnt_noticed=st.booleans(),
    by_signal=st.booleans(),
    left_on=st.lists(st.sampled_from(keys), unique=True).map(tuple),
)
circumstances = st.builds(
    Circumstances,
    now=st.just(NOW),
    notice_version=st.just(SITE.version),
    services=st.just(tuple(s.id for s in SITE.services)),
    signals=st.builds(Signals, gpc=st.booleans(), dnt=st.sampled_from((None, True, False))),
    prior=st.none() | priors,
    age=st.none() | st.integers(0, 99),
    known=st.booleans(),
    parental=st.booleans(),
)


def granted(table: Rules, now: Circumstances) -> set[str]:
    """What is allowed, the sale included."""
    decided = policy.decide(table, now)
    allowed = {key for key, decision in decided.categories.items() if decision.allow}
    return allowed | ({"sale_or_share"} if decided.sale_or_share.allow else set())


@given(tables, circumstances, st.booleans())
def test_a_signal_never_turns_a_denial_into_a_grant(
    table: Rules,
    now: Circumstances,
    dnt: bool,  # noqa: FBT001 -- hypothesis fills it
) -> None:
    """Switching GPC or DNT on grants nothing that was denied without it."""
    louder = Signals(gpc=not dnt or now.signals.gpc, dnt=True if dnt else now.signals.dnt)

    after = granted(table, msgspec.structs.replace(now, signals=louder))

    assert after <= granted(table, now)


@given(tables, circumstances)
def test_dnt_zero_is_as_silence(table: Rules, now: Circumstances) -> None:
    """``DNT: 0`` grants nothing and denies nothing."""
    said = msgspec.structs.replace(now, signals=Signals(gpc=now.signals.gpc, dnt=False))
    silent = msgspec.structs.replace(now, signals=Signals(gpc=now.signals.gpc, dnt=None))

    assert policy.decide(table, said) == policy.decide(table, silent)


@given(tables, circumstances)
def test_what_was_refused_is_never_allowed_in_an_opt_in_regime(
    table: Rules, now: Circumstances
) -> None:
    """Where silence means no, nothing is allowed but necessary use and what was granted."""
    if table.model != "opt_in":
        return
    said = now.prior.categories if now.prior else {}

    assert granted(table, now) - {"sale_or_share"} <= {"necessary"} | {
        key for key, value in said.items() if value
    }


@given(tables, circumstances)
def test_a_standing_refusal_is_final(table: Rules, now: Circumstances) -> None:
    """A category refused by an act still in force is denied, whatever else holds."""
    prior = now.prior
    if prior is None or prior.action == "acknowledge":
        return
    if table.refusal_lapses and now.now >= min(
        prior.valid_until, prior.recorded_at + table.choice_days * policy.DAY
    ):
        return
    refused = {key for key, value in prior.categories.items() if not value}

    assert not refused & granted(table, now)


@given(tables, circumstances)
def test_a_category_that_carries_a_sale_is_denied_with_the_sale(
    table: Rules, now: Circumstances
) -> None:
    """No category that counts as sale is allowed where the sale is not."""
    decided = policy.decide(table, now)

    for rule in table.categories:
        if rule.sale and decided.categories[rule.id].allow:
            assert decided.sale_or_share.allow


@given(tables, circumstances)
def test_necessary_is_always_allowed(table: Rules, now: Circumstances) -> None:
    """Nothing a visitor or browser says holds back what is necessary."""
    assert policy.decide(table, now).categories["necessary"] == policy.NECESSARY


@given(tables, circumstances, st.integers(0, 99))
def test_who_has_not_answered_is_allowed_what_every_age_is(
    table: Rules, now: Circumstances, age: int
) -> None:
    """Where the age is asked for, silence opens nothing that some answer would keep shut."""
    asking = msgspec.structs.replace(table, ask_age=True)
    silent = msgspec.structs.replace(now, age=None)
    answered = msgspec.structs.replace(now, age=age)

    assert granted(asking, silent) <= granted(asking, answered)


@pytest.mark.parametrize("key", sorted(TABLES))
def test_nothing_a_minors_rule_touches_is_allowed_before_the_answer(key: str) -> None:
    """Whatever was agreed to, the unanswered question is decided as age 0 would be: no."""
    table = msgspec.structs.replace(TABLES[key], ask_age=True)
    before = Circumstances(
        now=NOW,
        notice_version=SITE.version,
        prior=chose("accept_all", dict.fromkeys(keys, True)),
    )
    newborn = msgspec.structs.replace(before, age=0)
    touched = {rule.id for rule in (*table.categories, table.sale_or_share) if rule.minors}

    assert policy.decide(table, before) == policy.decide(table, newborn)
    assert not granted(table, before) & touched


@given(tables, circumstances)
def test_every_decision_is_the_same_twice(table: Rules, now: Circumstances) -> None:
    """Deciding has no memory."""
    assert policy.decide(table, now) == policy.decide(table, now)


def test_a_site_with_nothing_to_decide_on_asks_nothing() -> None:
    """Where every category is locked there is not even a link to settings."""
    locked = tuple(category for category in SITE.categories if category.locked)
    site = msgspec.structs.replace(SITE, categories=locked, services=())
    table = compile_rules(site, LAW.regimes["de"])

    assert policy.decide(table, Circumstances(now=NOW, notice_version="")).prompt == "none"
