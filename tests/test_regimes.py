import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfire import regimes
from holdfire.errors import ConfigError
from holdfire.law import Regime, Resolution
from holdfire.model import UNKNOWN_LOCATION, Location, Quality
from holdfire.regimes import table
from holdfire.regimes.gazetteer import PickedBy
from holdfire.regimes.strictness import stricter_of

ROOT = Path(__file__).parent.parent
BOOK = regimes.load(ROOT / "config/regimes")
TODAY = date(2026, 11, 21)
VECTORS: list[dict[str, Any]] = json.loads((ROOT / "tests/vectors/regimes.json").read_text())[
    "tests"
]


def codes(text: str) -> list[str]:
    """Codes as they are easiest to compare by eye."""
    return text.split()


ISO_3166_1 = codes("""
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT
BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH
ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT
HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS
LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI
NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG
SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG
UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
""")
OWN_ACT = codes("AR CA CO CT DE FL IA IN KY MA MD MN MT NE NH NJ NV NY OR RI SC TN TX UT VA WA")
NO_ACT = codes("""
AK AZ DC GA HI ID IL KS ME MI MO MS NC ND NM OH PA SD WI WV WY PR GU VI AS MP UM AA AE AP
""")
TO_COME = {
    "OK": ("us-ok", date(2027, 1, 1)),
    "LA": ("us-la", date(2027, 1, 1)),
    "AL": ("us-al", date(2027, 5, 1)),
    "VT": ("us-vt", date(2028, 1, 1)),
}
PROVINCES = {"QC": "ca-qc", "AB": "ca-ab", "BC": "ca-bc"} | dict.fromkeys(
    codes("MB NB NL NS NT NU ON PE SK YT"), "ca-pipeda"
)


def place(country: str | None, region: str | None = None, quality: Quality = "ok") -> Location:
    """A location as a database would give it."""
    return Location(country, region, source="database", confidence="high", quality=quality)


def held(
    country: str | None, region: str | None = None, on: date = TODAY, **how: Any
) -> Resolution:
    """What holds at a place."""
    return BOOK.at(place(country, region), on, **how)


# ---------------------------------------------------------------- everywhere


@pytest.mark.parametrize("case", VECTORS, ids=[f"{v['id']}: {v['show']}" for v in VECTORS])
def test_every_worked_case_finds_its_regime(case: dict[str, Any]) -> None:
    """The regime is the one that the case expects."""
    asked = case["in"]
    location = place(asked["country"], asked.get("region"), asked.get("quality", "ok"))

    assert BOOK.at(location, TODAY).regime.id == case["expect"]["regime"], case["why"]


def test_the_law_knows_exactly_the_countries_of_the_world() -> None:
    """The places named are those of ISO 3166-1, and Kosovo."""
    assert {code for code in BOOK.law.names if "-" not in code} == {*ISO_3166_1, "XK"}


@pytest.mark.parametrize("country", [*ISO_3166_1, "XK"])
def test_every_country_has_a_rule(country: str) -> None:
    """No country is unknown, on any of its dates."""
    for on in (date(2000, 1, 1), TODAY, date(2030, 1, 1)):
        assert held(country, on=on).picked_by in {"country", "group"}


@pytest.mark.parametrize("state", OWN_ACT)
def test_a_state_with_an_act_has_its_own_regime(state: str) -> None:
    """The subdivision goes before the country."""
    found = held("US", state)

    assert (found.regime.id, found.picked_by) == (f"us-{state.lower()}", "subdivision")


@pytest.mark.parametrize("state", NO_ACT)
def test_a_state_without_an_act_has_federal_law(state: str) -> None:
    """The rest, the District, territories and military mail are named one by one."""
    assert held("US", state).regime.id == "us-federal"


def test_all_fifty_states_are_named() -> None:
    """States with an act, without one, and with one to come make up the union."""
    territories = {"PR", "GU", "VI", "AS", "MP", "UM", "AA", "AE", "AP"}
    named = {code[3:] for code in BOOK.law.subdivisions if code.startswith("US-")}

    assert named == {*OWN_ACT, *NO_ACT, *TO_COME}
    assert len(named - territories - {"DC"}) == 50


@pytest.mark.parametrize(("province", "regime"), PROVINCES.items())
def test_every_province_has_its_regime(province: str, regime: str) -> None:
    """Quebec, Alberta and British Columbia have acts of their own."""
    assert held("CA", province).regime.id == regime


@pytest.mark.parametrize(
    ("country", "region", "regime", "by"),
    [
        ("US", None, "us-strictest", "country"),
        ("US", "ZZ", "us-strictest", "country"),
        ("CA", None, "ca-qc", "country"),
        ("CA", "ZZ", "ca-qc", "country"),
        ("DE", "BY", "de", "country"),
        ("FI", "01", "fi", "subdivision"),
        ("NO", "21", "no", "subdivision"),
        ("NO", "03", "no", "country"),
        ("NL", "AW", "row-notice-only", "subdivision"),
        ("NL", "BQ1", "row-notice-only", "subdivision"),
        ("NL", "NH", "nl", "country"),
        ("CN", "HK", "hk", "subdivision"),
        ("HK", None, "hk", "country"),
        ("DE", "US-CA", "de", "country"),
    ],
)
def test_what_has_no_rule_of_its_own_falls_to_the_country(
    country: str, region: str | None, regime: str, by: PickedBy
) -> None:
    """A missing, unlisted or foreign subdivision takes the country's entry."""
    found = held(country, region)

    assert (found.regime.id, found.picked_by) == (regime, by)


@pytest.mark.parametrize(
    ("territories", "regime"),
    [
        ("GF GP MF MQ RE YT BL PM PF NC WF TF", "fr"),
        ("AX", "fi"),
        ("SJ", "no"),
        ("AW BQ CW SX", "row-notice-only"),
        ("PR GU VI AS MP", "us-federal"),
        ("CC CX NF", "au"),
        ("AQ BV GS HM IO UM", "strictest"),
        ("GI", "gi"),
        ("JE", "je"),
        ("IM", "im"),
        ("GL", "gl"),
        ("FO", "fo"),
        ("XK", "xk"),
    ],
)
def test_overseas_territories_have_the_law_that_reaches_them(territories: str, regime: str) -> None:
    """Territories go with their state only where its law does."""
    assert {held(code).regime.id for code in codes(territories)} == {regime}


# ---------------------------------------------------------------- how codes are written


@pytest.mark.parametrize(
    ("alias", "regime"),
    [
        ("UK", "gb"),
        ("EL", "gr"),
        ("FX", "fr"),
        ("CS", "rs"),
        ("YU", "rs"),
        ("AN", "row-notice-only"),
        ("SU", "ru"),
        ("ZR", "row-opt-out"),
        ("TP", "row-no-law"),
        ("BU", "row-no-law"),
        ("uk", "gb"),
    ],
)
def test_a_former_or_customary_code_stands_for_its_country(alias: str, regime: str) -> None:
    """Aliases are read before anything else, and the trace says so."""
    found = held(alias)

    assert found.regime.id == regime
    assert any(step.step == "alias" for step in found.trace)


@pytest.mark.parametrize("region", ["CA", "ca", "US-CA", "us-ca", "USCA", "usca", " CA "])
def test_a_subdivision_may_be_written_in_any_customary_way(region: str) -> None:
    """With or without the country, in either case."""
    assert held("us", region).regime.id == "us-ca"


@pytest.mark.parametrize("code", ["XX", "ZZ", "T1", "A1", "A2", "O1", "AP", "xx"])
def test_a_code_for_no_country_is_unknown(code: str) -> None:
    """What a database says instead of "I do not know" is not a place."""
    found = held(code)

    assert (found.regime.id, found.picked_by) == ("strictest", "unknown")


def test_the_european_union_is_a_place() -> None:
    """Some databases know no more than "EU", and that is enough to know the law."""
    assert (held("EU").regime.id, held("EU").picked_by) == ("eea-generic", "group")


@pytest.mark.parametrize(
    ("country", "region"),
    [
        (None, None),
        ("", None),
        ("QQ", None),
        ("QQ", "CA"),
        (None, "CA"),
        ("ß", None),  # in upper case "SS", which is South Sudan
        ("ıt", None),  # in upper case "IT"
        ("USA", None),
        ("U-S", None),
        ("US-CA", None),
    ],
)
def test_what_is_no_country_is_unknown(country: str | None, region: str | None) -> None:
    """Nothing is guessed from what is not a code."""
    found = held(country, region)

    assert (found.regime.id, found.picked_by) == ("strictest", "unknown")


def test_no_location_is_unknown() -> None:
    """The value for "no location" falls to the strictest regime."""
    assert BOOK.at(UNKNOWN_LOCATION, TODAY).regime.id == "strictest"


@given(st.text(max_size=6), st.none() | st.text(max_size=8))
def test_any_text_has_an_answer(country: str, region: str | None) -> None:
    """No spelling of a place makes the law fail."""
    assert held(country, region).regime.id in BOOK.regimes


# ---------------------------------------------------------------- how far a place is believed


@pytest.mark.parametrize("quality", ["tor", "vpn", "hosting"])
def test_a_hidden_place_is_unknown(quality: Quality) -> None:
    """An exit's address says nothing of where its user is."""
    found = BOOK.at(place("US", "TX", quality), TODAY)

    assert (found.regime.id, found.picked_by) == ("strictest", "unknown")
    assert quality in found.trace[1].rule


def test_a_satellite_link_places_a_country_and_no_more() -> None:
    """The ground station's state is not the user's."""
    assert BOOK.at(place("US", "TX", "satellite"), TODAY).regime.id == "us-strictest"
    assert BOOK.at(place("CA", "ON", "satellite"), TODAY).regime.id == "ca-qc"
    assert BOOK.at(place("DE", None, "satellite"), TODAY).regime.id == "de"


# ---------------------------------------------------------------- days


@pytest.mark.parametrize(
    ("country", "region", "day", "before", "after"),
    [
        ("CL", None, date(2026, 12, 1), "cl-19628", "cl"),
        ("IN", None, date(2027, 5, 13), "in-now", "in"),
        *(("US", state, day, "us-federal", key) for state, (key, day) in TO_COME.items()),
    ],
)
def test_a_dated_rule_switches_on_its_day(
    country: str, region: str | None, day: date, before: str, after: str
) -> None:
    """The day before the old law holds; from the day itself the new one, and it is in force."""
    eve, morning = held(country, region, day - timedelta(days=1)), held(country, region, day)

    assert eve.regime.id == before
    assert morning.regime.id == after
    assert morning.regime.status == "in_force"
    assert f"until {day - timedelta(days=1)}" in eve.trace[1].rule
    assert f"from {day}" in morning.trace[1].rule
    assert held(country, region, date(2040, 1, 1)).regime.id == after
    assert held(country, region, date(1999, 1, 1)).regime.id == before


def test_early_adoption_lives_by_the_next_rule_already() -> None:
    """The coming law is read as on its first day; where none is coming nothing changes."""
    chile = held("CL", early_adopt=True).regime
    louisiana = held("US", "LA", early_adopt=True).regime

    assert (chile.id, chile.status) == ("cl", "in_force")
    assert (louisiana.id, louisiana.gpc.status) == ("us-la", "binding_conditional")
    assert held("CL", on=date(2030, 1, 1), early_adopt=True).regime.id == "cl"
    assert held("DE", early_adopt=True).regime is held("DE").regime


def test_a_signal_binds_from_its_own_day() -> None:
    """Before the day the signal is honoured voluntarily, and an explicit choice wins over it."""
    eve = held("US", "NJ", date(2025, 7, 14))
    morning = held("US", "NJ", date(2025, 7, 15))

    assert eve.regime.gpc.status == "not_required"
    assert eve.regime.gpc.conflict_rule == "explicit_wins"
    assert eve.regime.gpc.denies == morning.regime.gpc.denies == ("marketing", "sale_or_share")
    assert [s.rule for s in eve.trace if s.step == "signal"] == [
        "GPC binds from 2025-07-15: not yet due"
    ]
    assert morning.regime is BOOK.regimes["us-nj"]
    assert morning.regime.gpc.status == "binding"
    assert [s for s in morning.trace if s.step == "signal"] == []


# ---------------------------------------------------------------- floors, residence, overrides


def test_an_override_ends_the_search() -> None:
    """Neither place nor establishment matters beside the operator's word."""
    found = BOOK.at(place("DE"), TODAY, override="us-tx", floor="eea-generic")

    assert found.regime is BOOK.regimes["us-tx"]
    assert found.picked_by == "override"
    assert [step.step for step in found.trace] == ["override", "regime"]
    assert found.trace[0].rule == "the operator says us-tx"


def test_an_establishment_is_a_floor_everywhere() -> None:
    """An EEA operator asks a Californian first, and still shows the Californian link."""
    found = held("US", "CA", floor="eea-generic")

    assert found.regime == stricter_of(BOOK.regimes["us-ca"], BOOK.regimes["eea-generic"])
    assert (found.regime.id, found.regime.model) == ("eea-generic", "opt_in")
    assert "choices" in {link.id for link in found.regime.links}
    assert found.picked_by == "subdivision"
    assert [step.step for step in found.trace[-3:]] == ["floor", "regime", "stricter_of"]
    assert found.trace[-3].rule == "the operator is established under eea-generic"
    assert found.trace[-1].rule.startswith("eea-generic: EEA (country not individually profiled) +")


def test_a_floor_relaxes_nothing() -> None:
    """A lax establishment changes no duty of a stricter place."""
    found = held("DE", floor="us-federal").regime

    assert (found.id, found.model) == ("de", "opt_in")
    assert found.dnt.treatment == "objection"


def test_a_declared_residence_adds_its_law() -> None:
    """A Californian abroad keeps California's law beside that of the place."""
    found = held("DE", residence=("US", "CA"))

    assert found.regime == stricter_of(BOOK.regimes["de"], BOOK.regimes["us-ca"])
    assert "US-CA, as the visitor declares" in {step.rule for step in found.trace}
    assert held("US", "TX", residence=("uk", None)).regime.id == "gb"
    assert held("US", "TX", residence=("nowhere", None)).regime.id == "strictest"


def test_three_claims_are_combined() -> None:
    """Place, establishment and residence all count, and the trace tells each."""
    found = held("US", "CA", floor="gb", residence=("VN", None))

    assert found.regime.dnt.treatment == "refusal"
    assert found.regime.opt_out_status_display == "required"
    assert found.regime.label == "United Kingdom + California + Viet Nam"
    assert [step.step for step in found.trace] == [
        "location",
        "subdivision",
        "regime",
        "floor",
        "regime",
        "residence",
        "country",
        "regime",
        "stricter_of",
    ]


def test_an_unknown_override_or_floor_is_refused() -> None:
    """Both slips are named at once, each with the nearest name."""
    with pytest.raises(ConfigError) as caught:
        held("DE", override="us-caa", floor="eea-generick")

    assert list(map(str, caught.value.problems)) == [
        ": override: unknown regime 'us-caa' — did you mean 'us-ca'?",
        ": floor: unknown regime 'eea-generick' — did you mean 'eea-generic'?",
    ]


# ---------------------------------------------------------------- overlays


@pytest.mark.parametrize(
    ("overlay", "regions"),
    [("us-ca-cipa", ["CA", None]), ("us-health", ["WA", "NV", "CT", "NY", "AK", None])],
)
def test_an_overlay_asks_first_where_it_applies(overlay: str, regions: list[str | None]) -> None:
    """The regime keeps its name and becomes opt-in: nothing before a choice, and a banner."""
    for region in regions:
        plain, found = held("US", region).regime, held("US", region, overlays=(overlay,)).regime

        assert (found.id, found.model, found.ui.surface) == (plain.id, "opt_in", "banner")
        assert set(map(str, _states(found))) == {"denied"}
        assert found.label == f"{plain.label} ({overlay})"
        assert found.gpc == plain.gpc


def _states(regime: Regime) -> tuple[str, ...]:
    d = regime.defaults
    return d.functional, d.analytics, d.marketing, d.sale_or_share


def test_an_overlay_leaves_other_places_alone() -> None:
    """Switched on for a site, it still holds only where its law does."""
    on = ("us-ca-cipa", "us-health")

    assert held("US", "TX", overlays=on).regime is BOOK.regimes["us-tx"]
    assert held("DE", overlays=on).regime is BOOK.regimes["de"]


def test_an_overlay_holds_under_a_floor() -> None:
    """It hardens the place's own law before the laws are combined."""
    found = held("US", "CA", floor="us-federal", overlays=("us-ca-cipa",))

    assert (found.regime.id, found.regime.model) == ("us-ca", "opt_in")
    assert [s.rule for s in found.trace if s.step == "overlay"] == ["us-ca-cipa → opt_in"]


def test_an_overlay_says_on_what_condition() -> None:
    """The trace repeats what the owner answers for, and why the overlay exists."""
    (step,) = (s for s in held("US", "WA", overlays=("us-health",)).trace if s.step == "overlay")

    assert step.rule == "us-health → opt_in, where health_content"
    assert "MHMDA" in step.law


@pytest.mark.parametrize(
    ("overlay", "complaint"),
    [
        ("eu-omnibus", "overlay 'eu-omnibus' is not law: COM(2025) 837 Art 88a"),
        ("uk-ads", "overlay 'uk-ads' is not law: Possible SI"),
        ("us-ca-sipa", "unknown overlay 'us-ca-sipa' — did you mean 'us-ca-cipa'?"),
    ],
)
def test_an_overlay_that_is_no_law_is_refused(overlay: str, complaint: str) -> None:
    """Proposals stay off until enacted, and misspelt ones are not ignored."""
    with pytest.raises(ConfigError) as caught:
        held("DE", overlays=(overlay,))

    (problem,) = caught.value.problems
    assert str(problem).startswith(f": overlays: {complaint}")


def test_a_proposal_is_answered_with_what_to_do() -> None:
    """Whoever switched on an overlay that is not law is told to take it off the list."""
    with pytest.raises(ConfigError) as caught:
        held("DE", overlays=("uk-ads",))

    assert [problem.remedy for problem in caught.value.problems] == ["take it off the list"]


# ---------------------------------------------------------------- the answer itself


def test_the_trace_tells_the_way_and_the_authority() -> None:
    """Location, rule and winner, with law, sources, day of review and confidence."""
    location, subdivision, won = held("US", "US-CO").trace

    assert (location.step, location.rule) == ("location", "US-CO, by database")
    assert location.confidence == "high"
    assert (subdivision.step, subdivision.rule) == ("subdivision", "US-CO → us-co")
    assert (won.step, won.rule) == ("regime", "us-co: Colorado, opt_out")
    assert won.law.startswith("CPA, C.R.S. 6-1-1301 ff.; 4 CCR 904-3")
    assert won.source == "co-rules, gpc-us-2026, oa-us"
    assert (won.as_of, won.confidence) == ("2026-11-21", "high")


@pytest.mark.parametrize(
    ("location", "steps"),
    [
        (
            place("UK"),
            ["location UK, by database", "alias UK is read as GB", "country GB → gb"],
        ),
        (
            place("US", "zz"),
            [
                "location US-ZZ, by database",
                "subdivision ZZ: no rule of its own in US",
                "country US → us-strictest",
            ],
        ),
        (place("GP"), ["location GP, by database", "group GP in EU_OUTERMOST → fr"]),
        (place("EU"), ["location EU, by database", "group EU → eea-generic"]),
        (
            place("XX"),
            ["location XX, by database", "unknown XX: a code for no country → strictest"],
        ),
        (place("QQ"), ["location QQ, by database", "unknown QQ: no country → strictest"]),
        (place("ß"), ["location nowhere, by database", "unknown no code: no country → strictest"]),
        (place(None), ["location nowhere, by database", "unknown no code: no country → strictest"]),
        (
            place("US", "CA", "tor"),
            [
                "location US-CA, by database",
                "unknown tor: the place is not believed → strictest",
            ],
        ),
        (
            place("US", "CA", "satellite"),
            [
                "location US-CA, by database",
                "subdivision US-CA: not believed of a satellite link",
                "country US → us-strictest",
            ],
        ),
        (
            place("CL"),
            ["location CL, by database", "country CL → cl-19628, until 2026-11-30"],
        ),
    ],
)
def test_the_trace_names_every_rule_tried(location: Location, steps: list[str]) -> None:
    """Each lookup that was made is a step, in order, with what it found."""
    *tried, won = BOOK.at(location, TODAY).trace

    assert [f"{step.step} {step.rule}" for step in tried] == steps
    assert won.step == "regime"


def test_the_trace_says_where_the_engine_goes_beyond_the_act() -> None:
    """An opt-in by choice is not passed off as the statute's."""
    assert held("JE").trace[-1].rule == "je: Jersey, opt_in (the act itself: notice)"


def test_equal_questions_get_the_same_objects() -> None:
    """Answers can be kept by identity: within a day by question, across days by regime."""
    tomorrow = TODAY + timedelta(days=1)

    assert held("US", "CA") is held("US", "CA")
    assert held("US", "CA").regime is held("US", "ca", tomorrow).regime is BOOK.regimes["us-ca"]
    combined = held("US", "CA", floor="gb").regime
    assert held("US", "CA", tomorrow, floor="gb").regime is combined
    assert held("US", "NJ", date(2025, 1, 2)).regime is held("US", "NJ", date(2025, 1, 3)).regime


def test_the_answers_kept_are_bounded() -> None:
    """However many places and days are asked for, memory holds a fixed number of answers."""
    book = regimes.load(ROOT / "config/regimes")
    kept = (book._resolved, book._regime, book._combined)

    assert [cache.cache_info().maxsize for cache in kept] == [
        regimes.RESOLUTIONS,
        regimes.READINGS,
        regimes.READINGS,
    ]


# ---------------------------------------------------------------- the page


def test_the_page_of_regimes_is_up_to_date() -> None:
    """``docs/regimes.md`` is what the law says now; ``make docs`` writes it anew."""
    assert (ROOT / "docs/regimes.md").read_text(encoding="utf-8") == table.render(BOOK)


def test_the_page_lists_every_place_regime_and_source() -> None:
    """Nothing that the law knows is left out of the page."""
    page = table.render(BOOK)

    for code, name in BOOK.law.names.items():
        assert f"| {name} | {code} | [" in page
    for key in BOOK.regimes:
        assert f"\n### {key}\n" in page
    for key in BOOK.law.sources:
        assert f"\n| {key} |" in page
    assert "| California | US-CA | [us-ca](#us-ca) | opt_out | 2026-01-01 | binding since" in page
    assert "| Chile | CL | 2026-12-01 | [cl](#cl) |" in page
