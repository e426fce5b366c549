"""Makes ``vectors/policy.json``: what the server decides, for the page to decide the same.

Every distinct table that the law makes of the demo site, and of variants of it that attest what can
be attested or ask their visitors' age, each with circumstances drawn by a fixed seed: signals, prior choices of every kind and
age, ages, days. ``make vectors`` writes it; a stale copy fails a test.
"""

import itertools
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from holdfire import policy, regimes
from holdfire.model import (
    Action,
    Attestations,
    Circumstances,
    Prior,
    Rules,
    Signals,
    Site,
)
from holdfire.rules import compile_rules
from holdfire.sites import load_locales, load_sites

ROOT = Path(__file__).parent.parent
FILE = ROOT / "tests/vectors/policy.json"
NOW = 1_795_262_400  # 2026-11-21T12:00:00Z
CASES = 6  # for each table
ACTIONS: tuple[Action, ...] = (
    "accept_all",
    "reject_all",
    "save",
    "withdraw",
    "opt_out",
    "acknowledge",
)


def text() -> str:
    """The whole file: one table or case a line, so that a change of the law reads as one."""
    tables = dict(enumerate(_tables()))
    cases = [
        json.dumps({"name": f"{table.regime} #{number}", "table": key, **_case(table, draw)})
        for key, table in tables.items()
        for number, draw in zip(range(CASES), _draws(key), strict=False)
    ]
    rows = [json.dumps(msgspec.to_builtins(table)) for table in tables.values()]
    return '{"tables": [\n' + ",\n".join(rows) + '\n], "cases": [\n' + ",\n".join(cases) + "\n]}\n"


def _tables() -> Iterator[Rules]:
    """Every table that differs in more than the name of its regime."""
    site = load_sites(ROOT / "config/sites", load_locales(ROOT / "config/locales"))["demo"]
    law = regimes.load(ROOT / "config/regimes")
    seen = set()
    for variant, regime in itertools.product(_variants(site), law.regimes.values()):
        table = compile_rules(variant, regime)
        key = msgspec.json.encode(msgspec.structs.replace(table, regime=""))
        if key not in seen:
            seen.add(key)
            yield table


def _variants(site: Site) -> Iterator[Site]:
    yield site
    for attested in (
        Attestations(analytics_exempt=True, functional_exempt=True),
        Attestations(analytics_role="third_party"),
        Attestations(online_platform=True, covered_design_code_service=True),
        Attestations(child_directed=True),
    ):
        yield msgspec.structs.replace(site, attestations=attested)
    sensitive = tuple(msgspec.structs.replace(c, sensitive=not c.locked) for c in site.categories)
    yield msgspec.structs.replace(site, categories=sensitive)
    yield msgspec.structs.replace(site, ask_age=True)


def _draws(key: int) -> Iterator[random.Random]:
    for number in itertools.count():
        yield random.Random(f"{key}/{number}")  # noqa: S311 -- a fixed table, not a secret


def _case(table: Rules, draw: random.Random) -> dict[str, Any]:
    now = Circumstances(
        now=NOW,
        notice_version="0123456789abcdef",
        services=("posthog", "mixpanel"),
        signals=Signals(gpc=draw.random() < 0.4, dnt=draw.choice((None, None, True, False))),
        prior=_prior(table, draw) if draw.random() < 0.75 else None,
        age=draw.choice((None, None, None, 8, 12, 13, 15, 16, 17, 18, 40)),
        known=draw.random() < 0.3,
        parental=draw.random() < 0.3,
    )
    return {
        "circumstances": msgspec.to_builtins(now),
        "expect": msgspec.to_builtins(policy.decide(table, now)),
    }


def _prior(table: Rules, draw: random.Random) -> Prior:
    action = draw.choice(ACTIONS)
    unlocked = [c.id for c in table.categories if not c.locked]
    named = [key for key in unlocked if draw.random() < 0.9]
    fixed = {"accept_all": True, "reject_all": False, "withdraw": False}.get(action)
    recorded = NOW - draw.choice((0, 1, 30, 179, 180, 181, 364, 365, 366, 800)) * policy.DAY
    return Prior(
        action=action,
        categories={key: draw.random() < 0.5 if fixed is None else fixed for key in named},
        services={"posthog": False} if draw.random() < 0.2 else {},
        shown_services=draw.choice((("posthog", "mixpanel"), ("posthog",), ())),
        notice_version=draw.choice(("0123456789abcdef",) * 4 + ("fedcba9876543210",)),
        recorded_at=recorded,
        valid_until=recorded + draw.choice((table.choice_days, 30, 730)) * policy.DAY,
        gpc_noticed=draw.random() < 0.5,
        dnt_noticed=draw.random() < 0.5,
        by_signal=action in {"opt_out", "save"} and draw.random() < 0.3,
        left_on=tuple(key for key in named if action == "save" and draw.random() < 0.2),
    )


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
    sys.stdout.write(f"{FILE.relative_to(ROOT)}\n")
