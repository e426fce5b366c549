"""The law in memory: how long it takes to load, to find a regime, and to decide."""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from holdfire import policy, regimes
from holdfire.model import Circumstances, Location, Prior, Signals
from holdfire.rules import compile_rules
from holdfire.sites import load_locales, load_sites

ROOT = Path(__file__).parent.parent
ROUNDS = 15
CALLS = 4_000
NOW = 1_795_262_400
TODAY = date(2026, 11, 21)


def figures() -> Iterator[tuple[str, float, str, str]]:
    """Load time, matrix size, and p50 of a resolution, a decision and a whole notice."""
    shipped = ROOT / "config/regimes"
    yield "law: load and check", _median(lambda: regimes.load(shipped), 1) * 1e3, "ms", "< 150"
    book = regimes.load(shipped)
    yield "law: regimes", len(book.regimes), "", ""
    yield "law: places", len(book.law.names), "", ""

    site = load_sites(ROOT / "config/sites", load_locales(ROOT / "config/locales"))["demo"]
    places = itertools.cycle(
        Location(
            country=code.partition("-")[0],
            region=code.partition("-")[2] or None,
            source="database",
            confidence="medium",
        )
        for code in book.law.names
    )
    found = (
        book.at(place, TODAY).regime for place in itertools.islice(places, len(book.law.names))
    )
    tables = {id(regime): compile_rules(site, regime) for regime in found}
    circumstances = itertools.cycle(_circumstances(site.version))

    def notice() -> None:
        regime = book.at(next(places), TODAY).regime
        policy.decide(tables[id(regime)], next(circumstances))

    table = next(iter(tables.values()))
    for name, act in (
        ("law: find the regime of a place", lambda: book.at(next(places), TODAY)),
        ("law: decide by a table", lambda: policy.decide(table, next(circumstances))),
        ("law: notice (find and decide)", notice),
    ):
        yield name, _median(act, CALLS) * 1e6, "µs p50", "< 10" if "notice" in name else ""


def _median(act: Callable[[], object], calls: int) -> float:
    """Median over rounds of the mean seconds of a call; the first round warms up."""
    taken = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for _ in range(calls):
            act()
        taken.append((time.perf_counter() - begun) / calls)
    return statistics.median(taken[1:])


def _circumstances(version: str) -> list[Circumstances]:
    """Every signal, with and without a standing choice."""
    prior = Prior(
        action="save",
        categories={"functional": False, "analytics": True, "marketing": False},
        services={},
        shown_services=(),
        notice_version=version,
        recorded_at=NOW - policy.DAY,
        valid_until=NOW + 100 * policy.DAY,
    )
    return [
        Circumstances(
            now=NOW, notice_version=version, signals=Signals(gpc=gpc, dnt=dnt), prior=before
        )
        for gpc in (False, True)
        for dnt in (None, True)
        for before in (None, prior)
    ]
