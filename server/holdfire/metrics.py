"""What the service counts of itself: numbers by route, reason and cache, and nobody in them.

Plain counters, touched by one event loop only; they are turned into an exposition when somebody
asks for it. Labels are closed lists: nothing that a request says becomes one.
docs/metrics.md has the table.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate, repeat
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

BOUNDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
)  # fmt: skip
"""Upper bounds of the latency buckets, in seconds."""
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
MEDIA_TYPE = CONTENT_TYPE_LATEST

GAUGES: Mapping[str, str] = {
    "holdfire_store_up": "1 where the record store can be read, else 0.",
    "holdfire_store_waiting": "Writes that wait for the next commit.",
    "holdfire_log_entries": "Entries of the log that grows.",
    "holdfire_log_unsigned_entries": "Entries that no checkpoint has signed yet.",
    "holdfire_log_unsigned_seconds": "How long the oldest of them has waited.",
    "holdfire_log_held": "1 where nothing is signed until somebody has looked, else 0.",
    "holdfire_erasures_waiting": "Erasures that were asked for and not begun.",
}
"""What is read when somebody asks, by whoever knows it; the name, and what it says."""


class Metrics:
    """Counted since the process began."""

    def __init__(self) -> None:
        # Route, method, status → answers by latency, and at the end all their seconds together.
        self.answers: dict[tuple[str, str, int], list[float]] = {}
        self.decisions: Counter[tuple[str, str]] = Counter()  # what was asked, reason
        self.cache: Counter[tuple[str, str]] = Counter()  # cache, "hit" | "miss" | "dropped"
        self.places: Counter[tuple[str, str]] = Counter()  # source and confidence of a location
        self.refused: Counter[str] = Counter()  # whose bucket was empty: network, site, …; load
        self.in_progress = 0  # requests that have begun and not ended
        self.entries: dict[str, Callable[[], int]] = {}  # cache → how much is in it
        self.limits: Callable[[], Mapping[str, int]] = dict  # how many buckets there are of a kind

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answer. ``route`` is the template in the URL table, never the path."""
        counts = self.answers.get((route, method, status))
        if counts is None:
            known = method if method in METHODS else "other"
            counts = self.answers.setdefault((route, known, status), [0] * (len(BOUNDS) + 2))
        counts[bisect_left(BOUNDS, seconds)] += 1
        counts[-1] += seconds

    @property
    def requests(self) -> Counter[tuple[str, str, int]]:
        """How many answers there were by route, method and status."""
        return Counter({key: int(sum(counts[:-1])) for key, counts in self.answers.items()})


class _Exposition(Collector):
    """The counters as prometheus_client wants them."""

    def __init__(self, metrics: Metrics, version: str) -> None:
        self._metrics = metrics
        self._version = version

    def collect(self) -> Iterator[Metric]:
        """Every metric of the process, but those that are read elsewhere."""
        m = self._metrics
        build = GaugeMetricFamily("holdfire_build_info", "Always 1.", labels=["version"])
        build.add_metric([self._version], 1)
        yield build
        yield _counter("holdfire_requests", "Answers.", ("route", "method", "status"), m.requests)
        yield self._latencies()
        yield GaugeMetricFamily(
            "holdfire_requests_in_progress", "Begun and not ended.", value=m.in_progress
        )
        yield _counter("holdfire_decisions", "Decisions.", ("asked", "reason"), m.decisions)
        yield _counter(
            "holdfire_cache_lookups", "Looks into a cache.", ("cache", "outcome"), m.cache
        )
        yield _gauge(
            "holdfire_cache_entries",
            "What is in a cache.",
            "cache",
            {name: size() for name, size in m.entries.items()},
        )
        yield _counter("holdfire_places", "Where visitors are.", ("source", "confidence"), m.places)
        refused = {(whose,): number for whose, number in m.refused.items()}
        yield _counter("holdfire_refused", "Requests over a limit.", ("limit",), refused)
        yield _gauge("holdfire_limit_buckets", "Buckets kept.", "limit", m.limits())

    def _latencies(self) -> HistogramMetricFamily:
        family = HistogramMetricFamily(
            "holdfire_request_seconds", "From a request to its answer.", labels=["route"]
        )
        bounds = (*map(str, BOUNDS), "+Inf")
        by_route: dict[str, list[float]] = {}
        for (route, _, _), counts in self._metrics.answers.items():
            before = by_route.get(route, repeat(0.0))
            by_route[route] = [a + b for a, b in zip(before, counts, strict=False)]
        for route, (*counted, seconds) in by_route.items():
            reached = list(zip(bounds, accumulate(counted), strict=True))
            family.add_metric([route], reached, sum_value=seconds)
        return family


def _counter(
    name: str, says: str, labels: tuple[str, ...], counts: Mapping[tuple[Any, ...], int]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, says, labels=labels)
    for values, number in counts.items():
        family.add_metric([str(value) for value in values], number)
    return family


def _gauge(name: str, says: str, label: str, numbers: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, says, labels=[label])
    for value, number in numbers.items():
        family.add_metric([value], number)
    return family


class _Read(Collector):
    """Numbers that were read for this one exposition."""

    def __init__(self, gauges: Mapping[str, float]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        """One gauge each."""
        for name, number in self._gauges.items():
            yield GaugeMetricFamily(name, GAUGES[name], value=number)


def exposition(metrics: Metrics, version: str, gauges: Mapping[str, float]) -> bytes:
    """All metrics as text of the type ``MEDIA_TYPE``; ``gauges`` are some of ``GAUGES``."""
    registry = CollectorRegistry()
    registry.register(_Exposition(metrics, version))
    registry.register(_Read(gauges))
    ProcessCollector(registry=registry)
    return generate_latest(registry)
