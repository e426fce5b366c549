"""What an endpoint leaves word of, so that its answer can be given again (``lookup``)."""

from dataclasses import dataclass

from starlette.requests import Request

from holdfire.model import Location, Signals
from holdfire.web.house import house_of

MEMO = "holdfire.memo"
Whose = tuple[str, str]  # site and visitor


@dataclass(slots=True)
class Memo:
    """What an answer rests on, besides its request. Times are seconds since 1970, UTC."""

    since: int
    until: int  # before ``since`` and from then on it may be another, though nobody acts
    place: tuple[str, str]
    whose: Whose | None = None  # whose newest act was read; None: nobody's
    relied_until: int | None = None  # what the body says as ``valid_until``, if it says that
    view: tuple[str, str, Signals] | None = None  # site, regime and signals, for the tally
    decided: tuple[tuple[str, str], ...] = ()  # what was asked and the reason, for the metrics


def place_of(location: Location) -> tuple[str, str]:
    """How a place was come to know, for the metrics."""
    return location.source, location.confidence


def leave(request: Request, memo: Memo) -> None:
    """Let the answer to this request be given again, and count what it tells."""
    house = house_of(request)
    house.metrics.places[memo.place] += 1
    house.metrics.decisions.update(memo.decided)
    if memo.view is not None:
        house.tally.note(*memo.view)
    request.scope[MEMO] = memo
