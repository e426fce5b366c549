"""How a banner behaves: what it starts with, what it does to the page, how far its ends are."""

from collections.abc import Iterator

from holdfire.lint.finding import Facts, Finding, Journey, View
from holdfire.lint.rules import CLICKS, SHARE, broken, stated

FIRST_MET = "the page as first met"


def conduct(view: View) -> Iterator[Finding]:
    """What one view of a page as first met shows of it."""
    yield from _preticked(view)
    yield from _blocks(view)
    yield from _close(view)


def _preticked(view: View) -> Iterator[Finding]:
    if view.facts.model != "opt_in":
        return
    for layer in view.layers:
        for switch in layer.switches:
            if switch.checked and switch.category not in view.facts.held_on:
                what = f"the switch of “{switch.category}” is on before any choice"
                yield broken("preticked", view, switch.element, what)


def _blocks(view: View) -> Iterator[Finding]:
    first = view.layer(1)
    if first is not None and view.measurement.blocked_by and not view.facts.blocking:
        what = f"held back by: {', '.join(view.measurement.blocked_by)}"
        yield broken("blocks-page", view, first.element, what)


def _close(view: View) -> Iterator[Finding]:
    first = view.layer(1)
    if first is None or view.facts.close != "required":
        return
    close = first.control("close")
    if close is None:
        yield broken("close-missing", view, first.element, "no control that closes it")
    elif not close.usable or close.covered or close.shown < SHARE:
        what = f"visible: {close.usable and not close.covered}; {close.shown:.0%} on the screen"
        yield broken("close-missing", view, close.element, what, figures={"shown": close.shown})


# ---------------------------------------------------------------- ways


def ways(facts: Facts, journey: Journey, language: str) -> Iterator[Finding]:
    """What the clicks say: refusing, withdrawing, and being left alone afterwards."""
    seen = (language, "", "")
    if journey.asked_again:
        what = "the page view after a refusal asks once more"
        yield stated("reprompt-early", facts, "first layer", what, seen=seen)
    if facts.model == "opt_in":
        if journey.asks and _further(journey.refuse, journey.grant):
            yield stated(
                "refuse-unequal-clicks",
                facts,
                FIRST_MET,
                f"refuse all: {_clicks(journey.refuse)}; accept all: {_clicks(journey.grant)}",
                severity=facts.duty,
                figures=_figures(refuse=journey.refuse, accept=journey.grant),
                seen=seen,
            )
        yield from _back(facts, ("withdraw", journey.withdraw), ("agree", journey.grant), seen)
    elif facts.model == "opt_out":
        yield from _back(facts, ("opt out", journey.refuse), ("opt in", journey.opt_in), seen)


def _back(
    facts: Facts,
    out: tuple[str, int | None],
    into: tuple[str, int | None],
    seen: tuple[str, str, str],
) -> Iterator[Finding]:
    if out[1] is None or _further(out[1], into[1]):
        yield stated(
            "withdraw-steps",
            facts,
            "the way back",
            f"{out[0]}: {_clicks(out[1])}; {into[0]}: {_clicks(into[1])}",
            figures=_figures(out=out[1], into=into[1]),
            seen=seen,
        )


def _further(one: int | None, other: int | None) -> bool:
    """Whether the first end is further away; what cannot be reached is further than all."""
    if other is None:
        return False
    return one is None or one > other


def _clicks(count: int | None) -> str:
    if count is None:
        return f"not within {CLICKS} clicks"
    return f"{count} click{'' if count == 1 else 's'}"


def _figures(**counts: int | None) -> dict[str, float]:
    return {name: count for name, count in counts.items() if count is not None}
