"""How far it is to agree, to refuse and to withdraw: counted by pressing what can be seen.

A breadth-first search over the visible controls. Its ends are known by what controls say they
do; the ways between are really walked, each from a page loaded anew.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from holdfire.lint.finding import Journey
from holdfire.lint.measurement import Measurement
from holdfire.lint.rules import CLICKS
from holdfire.lint.visit import DOORS, Visit, reachable, state

GRANTS, REFUSES = ("accept_all",), ("reject_all", "withdraw")
BRANCHES = 6  # unmarked controls tried on one page; a banner with more has lost its visitor

Step = int | str  # a control to press, or "on" or "off" for all switches
Fresh = Callable[[], AbstractContextManager[Visit]]


class Way(NamedTuple):
    """Clicks to an end, and how to walk there."""

    clicks: int
    steps: tuple[Step, ...]


class Ways(NamedTuple):
    """Whether the page asked by itself, and the shortest way to each end, if there is one."""

    asks: bool
    grant: Way | None
    refuse: Way | None


def walked(fresh: Fresh) -> Journey:
    """Count the clicks of visitors, each of whom ``fresh`` makes with a profile of their own."""
    with fresh() as visit:
        met = search(visit)
    consented = refused = Ways(asks=False, grant=None, refuse=None)
    if met.grant is not None:
        with fresh() as visit:
            _walk(visit, met.grant.steps)
            consented = search(visit)
    if met.refuse is not None:
        with fresh() as visit:
            _walk(visit, met.refuse.steps)
            refused = search(visit)
    return Journey(
        asks=met.asks,
        grant=_clicks(met.grant),
        refuse=_clicks(met.refuse),
        withdraw=_clicks(consented.refuse),
        opt_in=_clicks(refused.grant),
        asked_again=refused.asks,
    )


def search(visit: Visit) -> Ways:
    """The shortest ways from this profile's page, at most ``CLICKS`` long."""
    found: dict[str, Way] = {}
    known: set[object] = set()
    frontier: list[tuple[int, ...]] = [()]
    asks = False
    stands: tuple[int, ...] | None = None  # the clicks that the page has seen since it was loaded
    for depth in range(CLICKS):
        ahead: list[tuple[int, ...]] = []
        for path in frontier:
            # Whoever stands one click before it goes on from there.
            arrived = visit.press(path[-1]) if path and path[:-1] == stands else _walk(visit, path)
            stands = path if arrived else None
            if not arrived:
                continue
            seen = visit.measure()
            if not path:
                asks = seen.layer(1) is not None
            if state(seen) in known:
                continue
            known.add(state(seen))
            for end, way in _ends(seen, path):
                if end not in found or way.clicks < found[end].clicks:
                    found[end] = way
            ahead += [(*path, index) for index in _onward(seen)]
        if all(end in found and found[end].clicks <= depth + 2 for end in ("grant", "refuse")):
            break  # whatever lies further ahead is further away
        frontier = ahead
    kept = {end: way for end, way in found.items() if way.clicks <= CLICKS}
    return Ways(asks, kept.get("grant"), kept.get("refuse"))


def _ends(seen: Measurement, path: tuple[int, ...]) -> list[tuple[str, Way]]:
    """The ends that the next click or clicks can reach from here."""
    ends = []
    for control in filter(reachable, seen.controls):
        if control.role in GRANTS:
            ends.append(("grant", Way(len(path) + 1, (*path, control.index))))
        if control.role in REFUSES:
            ends.append(("refuse", Way(len(path) + 1, (*path, control.index))))
    for layer in seen.layers:
        save = layer.control("save")
        free = [s for s in layer.switches if not s.service and not s.disabled]
        if save is None or not reachable(save) or not free:
            continue
        on = sum(switch.checked for switch in free)
        for end, turn, clicks in (("grant", "on", len(free) - on), ("refuse", "off", on)):
            ends.append((end, Way(len(path) + clicks + 1, (*path, turn, save.index))))
    return ends


def _onward(seen: Measurement) -> list[int]:
    """Controls that lead further: those that say so, and those that say nothing."""
    doors = [c.index for c in seen.controls if c.role in DOORS and reachable(c)]
    unmarked = [c.index for c in seen.controls if not c.role and reachable(c)]
    return [*doors, *unmarked[:BRANCHES]]


def _walk(visit: Visit, steps: Sequence[Step]) -> bool:
    """Load the page and take the steps; ``False`` where one cannot be taken."""
    visit.open()
    for step in steps:
        if isinstance(step, str):
            visit.turn(step)
        elif not visit.press(step):
            return False
    return True


def _clicks(way: Way | None) -> int | None:
    return way.clicks if way else None
