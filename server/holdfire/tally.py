"""How often browsers sent which signal: numbers by site and regime, and nobody in them.

Where the law does not ask to remember a signal, nothing about its sender is stored; an owner may
still know how many objected. Counts live in memory and go to the log, once an hour and at the end.
"""

import logging
from collections import Counter

from holdfire.model import Signals

LOG = logging.getLogger("holdfire.signals")
HOUR = 3_600  # seconds
KINDS = ("views", "gpc", "dnt")


class SignalTally:
    """Counts page views and the signals among them. Touched by one event loop only."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def note(self, site: str, regime: str, signals: Signals) -> None:
        """Count one page view."""
        self._counts[site, regime, "views"] += 1
        if signals.gpc:
            self._counts[site, regime, "gpc"] += 1
        if signals.dnt is True:
            self._counts[site, regime, "dnt"] += 1

    def report(self) -> None:
        """Write what was counted since the last report, one line a site and regime."""
        counts, self._counts = self._counts, Counter()
        for site, regime in sorted({key[:2] for key in counts}):
            seen = " ".join(f"{kind}={counts[site, regime, kind]}" for kind in KINDS)
            LOG.info("site=%s regime=%s %s", site, regime, seen)
