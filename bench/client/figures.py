"""Figures from samples: nothing here knows a browser."""

import gzip
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import brotli

LONG_TASK_MS = 50.0  # W3C Long Tasks: what a task takes beyond this is blocking time
EVENT_FLOOR_MS = 16.0  # Event Timing reports nothing shorter


class Spread(NamedTuple):
    """The median of some samples, and the quartiles around it."""

    median: float
    low: float
    high: float


class Sizes(NamedTuple):
    """Bytes, as they are and as they travel."""

    raw: int = 0
    gzip: int = 0
    brotli: int = 0

    def plus(self, other: "Sizes") -> "Sizes":
        """Both, each compressed by itself."""
        return Sizes(*(a + b for a, b in zip(self, other, strict=True)))


def spread(samples: Sequence[float]) -> Spread | None:
    """Median and quartiles; ``None`` if there is no sample."""
    if not samples:
        return None
    if len(samples) == 1:
        return Spread(samples[0], samples[0], samples[0])
    low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
    return Spread(median, low, high)


def blocking(tasks_ms: Iterable[float]) -> float:
    """Total blocking time in milliseconds: what long tasks take beyond 50 ms each."""
    return sum(max(0.0, task - LONG_TASK_MS) for task in tasks_ms)


def interaction(events: Sequence[Mapping[str, float]], witnessed: float | None) -> float | None:
    """How long one interaction took until the next paint, in milliseconds.

    The longest of its events, as Interaction to Next Paint has it. Where none is reported it is
    what the page itself witnessed, and at least the 16 below which nothing is reported; ``None``
    if there was no click.
    """
    if events:
        return max(event["duration"] for event in events)
    return None if witnessed is None else max(witnessed, EVENT_FLOOR_MS)


def presentation(events: Sequence[Mapping[str, float]]) -> float | None:
    """From the end of the handlers to the next paint, in milliseconds, of the longest event."""
    if not events:
        return None
    slowest = max(events, key=lambda event: event["duration"])
    return max(0.0, slowest["startTime"] + slowest["duration"] - slowest["processingEnd"])


def ratio(value: float | None, rivals: Iterable[float | None]) -> float | None:
    """Against the least of the rivals; ``None`` if either is missing."""
    least = min((rival for rival in rivals if rival), default=None)
    return None if value is None or least is None else value / least


def sizes(bodies: Iterable[bytes]) -> Sizes:
    """Raw, gzip 9 and Brotli 11; each body is compressed by itself, as it travels."""
    total = Sizes()
    for body in bodies:
        packed = gzip.compress(body, 9, mtime=0)
        best = brotli.compress(body, mode=brotli.MODE_TEXT, quality=11)
        total = total.plus(Sizes(len(body), len(packed), len(best)))
    return total
