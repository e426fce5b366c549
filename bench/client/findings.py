"""What one run found, as it is kept in ``results.json``."""

from typing import NamedTuple

from bench.client.contenders import Contender
from bench.client.figures import Sizes


class Sample(NamedTuple):
    """One page view on a cold cache. Milliseconds, from the start of the navigation."""

    visible: float | None  # none: there is no banner to see
    paint: float | None  # the page's own first contentful paint
    blocking: float
    shift: float  # cumulative layout shift, no unit
    requests: int
    click: float | None = None  # interaction to next paint, of a click on the banner
    presentation: float | None = None  # of that, from the end of the handlers to the paint


class Weight(NamedTuple):
    """Bytes that come over the network, and what the owner writes into the page."""

    first: Sizes  # scripts, styles and texts until the first layer can be used
    owner: Sizes  # configuration file, and what is pasted into the page
    preferences: Sizes | None  # what opening the preference centre adds; none: there is none
    returning: Sizes  # scripts, styles and texts of a page view after a choice, cold cache
    again: int  # bytes over the wire for them at the page view after that
    core: Sizes | None  # a core without an interface, where it can be had alone


class Audit(NamedTuple):
    """Rules of axe-core that are violated, with the number of elements; none: no such layer."""

    first: dict[str, int] | None
    preferences: dict[str, int] | None


class Found(NamedTuple):
    """Everything about one contender. Fast samples click reject, slow ones accept."""

    contender: Contender
    weight: Weight | None
    audit: Audit | None
    fast: list[Sample]
    slow: list[Sample]


def as_json(found: Found) -> dict[str, object]:
    """One member of ``results.json``."""
    weight, audit = found.weight, found.audit
    return {
        "title": found.contender.title,
        "kind": found.contender.kind,
        "bytes": weight and {k: _plain(v) for k, v in weight._asdict().items()},
        "axe": audit and audit._asdict(),
        "fast": [sample._asdict() for sample in found.fast],
        "slow": [sample._asdict() for sample in found.slow],
    }


def _plain(value: object) -> object:
    return value._asdict() if isinstance(value, Sizes) else value
