"""The letter that tells one visitor how they stand with Do Not Track."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfire import policy, regimes, tracking
from holdfire.model import Category, Circumstances, Decision, Reason, Signals
from holdfire.rules import compile_rules
from house import ROOT, demo_site

SITE = demo_site()
LAW = regimes.load(ROOT / "config/regimes")
TABLES = {key: compile_rules(SITE, regime) for key, regime in LAW.regimes.items()}
OBJECTED = sorted(
    key for key, regime in LAW.regimes.items() if regime.dnt.treatment in {"objection", "refusal"}
)
NOON = 1_795_262_400  # 2026-11-21T12:00:00Z

YES: dict[str, Reason] = {"y": "choice_granted", "d": "default_granted", "x": "exempt_granted"}
"""Each way to be allowed, by one letter; anything else is a denial."""


def decided(said: str) -> dict[str, Decision]:
    """Decisions on functional, analytics and marketing, one letter each."""
    unlocked = ("functional", "analytics", "marketing")
    return {
        "necessary": policy.NECESSARY,
        **{
            key: Decision(allow=letter in YES, reason=YES.get(letter, "choice_denied"))
            for key, letter in zip(unlocked, said, strict=True)
        },
    }


@pytest.mark.parametrize(
    ("said", "dnt", "value", "why"),
    [
        ("---", None, "N", "nothing optional is allowed"),
        ("---", True, "N", "and nothing is disregarded by that"),
        ("y--", None, "N", "a film on the page follows nobody"),
        ("d--", True, "N", "nor does it with DNT"),
        ("-y-", None, "C", "the visitor said yes"),
        ("-yy", None, "C", "twice"),
        ("dyy", None, "C", "the film rests on no consent, and need not"),
        ("-yy", True, "C", "a yes that beats the signal is still a yes"),
        ("-d-", None, "T", "allowed until objection"),
        ("-x-", None, "T", "an exemption is no consent"),
        ("-dd", False, "T", "DNT: 0 asks for nothing, so nothing is disregarded"),
        ("-yd", None, "T", "one yes does not cover the other category"),
        ("-dd", True, "D", "the law gives DNT no force here, and says so"),
        ("-x-", True, "D", "an exemption does not hide it"),
        ("-yd", True, "D", "nor does a yes to something else"),
    ],
)
def test_a_letter_for_every_outcome(*, said: str, dnt: bool | None, value: str, why: str) -> None:
    """Each row: what was allowed and how, what DNT said, and the letter."""
    found = tracking.status(SITE.categories, decided(said), Signals(dnt=dnt))

    assert found == value, why


def test_what_carries_a_sale_counts_whatever_it_is_called() -> None:
    """A functional category that sells data is allowed only at the price of a ``T``."""
    chat = Category(id="chat", standard="functional", sale=True)
    allowed = {"chat": Decision(allow=True, reason="default_granted")}

    assert tracking.status([chat], allowed, Signals()) == "T"
    assert tracking.possible([chat]) == tracking.VALUES


def test_a_site_without_tags_to_hold_never_tracks() -> None:
    """Where there is neither analytics nor marketing nor a sale, only ``N`` is possible."""
    quiet = [c for c in SITE.categories if c.standard in {"necessary", "functional"}]

    assert tracking.possible(quiet) == ("N",)


@given(
    regime=st.sampled_from(OBJECTED),
    gpc=st.booleans(),
    age=st.none() | st.integers(0, 99),
)
def test_where_dnt_has_force_it_means_n(*, regime: str, gpc: bool, age: int | None) -> None:
    """With ``DNT: 1`` and no choice made, nobody is tracked wherever the law honours it."""
    signals = Signals(gpc=gpc, dnt=True)
    now = Circumstances(now=NOON, notice_version=SITE.version, signals=signals, age=age)

    found = tracking.status(SITE.categories, policy.decide(TABLES[regime], now).categories, signals)

    assert found == "N"


@given(
    regime=st.sampled_from(sorted(TABLES)),
    gpc=st.booleans(),
    dnt=st.none() | st.booleans(),
    age=st.none() | st.integers(0, 99),
)
def test_the_letter_agrees_with_the_decisions(
    *, regime: str, gpc: bool, dnt: bool | None, age: int | None
) -> None:
    """Before any choice: ``N`` if and only if nothing may follow, ``D`` only against ``DNT: 1``."""
    signals = Signals(gpc=gpc, dnt=dnt)
    now = Circumstances(now=NOON, notice_version=SITE.version, signals=signals, age=age)
    decisions = policy.decide(TABLES[regime], now).categories

    found = tracking.status(SITE.categories, decisions, signals)

    followed = decisions["analytics"].allow or decisions["marketing"].allow
    assert found in ({"T", "D"} if followed else {"N"})
    assert (found == "D") == (followed and dnt is True)
