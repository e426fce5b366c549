"""What one visitor's decisions amount to in Do Not Track's own words: a tracking status value.

Source: W3C Tracking Preference Expression (Note of 2019-01-17) §6.2. A value speaks for the tags
that Holdfire holds and releases; what else a page does is for its owner to state.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from holdfire.model import Category, Decision, Signals

StatusValue = Literal["N", "C", "T", "D"]
"""Not tracking; tracking with consent; tracking; disregarding the ``DNT: 1`` that was sent."""

VALUES: tuple[StatusValue, ...] = get_args(StatusValue)
NEVER: tuple[StatusValue, ...] = ("N",)


def is_tracking(category: Category) -> bool:
    """Whether tags of a category may follow the visitor: the categories DNT can object to.

    Analytics counts: whom its vendor combines the data with is not known here.
    """
    return category.sale or category.standard in {"analytics", "marketing"}


def possible(categories: Iterable[Category]) -> tuple[StatusValue, ...]:
    """Every value that some visitor of a site with these categories can be given."""
    return VALUES if any(map(is_tracking, categories)) else NEVER


def status(
    categories: Iterable[Category], decided: Mapping[str, Decision], signals: Signals
) -> StatusValue:
    """The value for one visitor; ``decided`` holds a decision for each of the site's categories.

    ``D`` needs a ``DNT: 1`` and something allowed without a consent: where the law gives the
    signal force, nothing is. A consent that beats the signal is ``C``, as §6.2.7 has it.
    """
    allowing = {decided[c.id].reason for c in categories if is_tracking(c) and decided[c.id].allow}
    if not allowing:
        return "N"
    if allowing == {"choice_granted"}:
        return "C"
    return "D" if signals.dnt else "T"
