"""How much is taken from one network, one site and one key: token buckets, and nobody in them.

What costs is limited, never a lookup. A bucket is one number, the moment from which it will be
full again (the "generic cell rate algorithm", ITU-T I.371): asking is a look into a table, and a
bucket that is full is the same as none. docs/limits.md has the figures and their reasons.
"""

import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Literal

from holdfire.errors import RateLimited
from holdfire.settings import Settings

MOST = 65_536  # buckets of one table, some 8 MB; there are as many networks of 16 bits
ROUNDING = 1e-6  # seconds; sums of fractions would else refuse the last of a burst
SWEEP_SECONDS = 1.0  # looking through a table of that size takes 5 ms
QUIET_BURST, QUIET_SECONDS = (
    3.0,
    20.0,
)  # a network is quiet that made no more acts, or one in so long
SPREAD = 3  # seconds over which those who were refused together are told to come back

Cost = Literal["acts", "papers"]
"""What is written: choices and hand-offs. What is read out at length: history, receipts, tokens."""


class Buckets:
    """Token buckets of one size, one for each key, at most ``most`` of them.

    A new key finds room where buckets have become full, because those are dropped without loss.
    While there is no room it shares a bucket with its neighbours (``wider``), and where even those
    are too many, with everybody: so no flood of keys makes its own buckets be forgotten.
    """

    __slots__ = ("_beside", "_full_at", "_interval", "_most", "_span", "_swept")

    def __init__(self, per_second: float, burst: float, *, most: int = MOST) -> None:
        """Fill each at ``per_second``, up to ``burst``. Without a rate nothing is limited."""
        self._interval = 1 / per_second if per_second else 0.0
        self._span = burst * self._interval
        self._most = most
        self._full_at: dict[str, float] = {}
        self._swept = -math.inf
        self._beside: Buckets | None = None

    def __len__(self) -> int:
        """How many are kept, the shared ones too."""
        return len(self._full_at) + (len(self._beside) if self._beside else 0)

    def take(self, key: str, cost: float, now: float) -> float:
        """Take ``cost`` from a bucket: 0.0, or, where less is in it, the seconds until it is there.

        ``now`` in seconds of any clock; a clock that is set back fills no bucket.
        """
        if not self._interval:
            return 0.0
        full_at = self._full_at.get(key)
        if full_at is None:
            if len(self._full_at) >= self._most and not self._has_room(now):
                return self._shared(key, cost, now)
            full_at = now
        empty = now + self._span
        if full_at < now:
            full_at = now
        elif full_at > empty + ROUNDING:  # the clock was set back
            full_at = self._full_at[key] = empty
        full_at += cost * self._interval
        if full_at > empty + ROUNDING:
            return full_at - empty
        self._full_at[key] = full_at
        return 0.0

    def _has_room(self, now: float) -> bool:
        """Drop the full ones, unless that was done a moment ago; whether there is room now."""
        if not 0 <= now - self._swept < SWEEP_SECONDS:
            self._swept = now
            self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        return len(self._full_at) < self._most

    def _shared(self, key: str, cost: float, now: float) -> float:
        coarser = wider(key)
        if coarser == key:  # the widest there is
            return self._everybody(cost, now)
        if self._beside is None:
            self._beside = Buckets(1 / self._interval, self._span / self._interval, most=self._most)
        return self._beside.take(coarser, cost, now)

    def _everybody(self, cost: float, now: float) -> float:
        self._full_at.setdefault("", now)
        return self.take("", cost, now)


def wider(network: str) -> str:
    """The network of 16 bits round an IPv4 one in CIDR form, of 32 bits round an IPv6 one."""
    address, _, bits = network.partition("/")
    if bits == "24":
        first, second, _, _ = address.split(".")
        return f"{first}.{second}.0.0/16"
    if bits == "48":
        first, second = (*address.removesuffix("::").split(":"), "0")[:2]
        return f"{first or 0}:{second}::/32"
    return network


class Crowd:
    """Everybody who asks for one kind of thing: limited by their network, and by the site.

    A site's bucket that a flood has emptied would keep everybody else out. So each site has a
    second one as large, for networks that have been quiet: whoever takes part in a flood is not.
    """

    def __init__(self, settings: Settings, most: int) -> None:
        network = (settings.limit_network_per_second, settings.limit_network_burst)
        site = (settings.limit_site_per_second, settings.limit_site_burst)
        self.networks = Buckets(*network, most=most)
        self.quiet = Buckets(1 / QUIET_SECONDS, QUIET_BURST, most=most)
        self.sites = Buckets(*site)
        self.reserve = Buckets(*site)

    def wait(self, site: str, network: str, now: float) -> tuple[str, float]:
        """Whose bucket had too little and for how many seconds yet; ``("", 0.0)``: it was taken."""
        if not network:  # nobody's in particular, so it stands for all who come through it
            return "site", self.sites.take(site, 1, now)
        if wait := self.networks.take(network, 1, now):
            return "network", wait
        loud = self.quiet.take(network, 1, now)
        wait = self.sites.take(site, 1, now)
        if wait and (loud or self.reserve.take(site, 1, now)):
            return "site", wait
        return "", 0.0


class Limits:
    """What may be asked now. Touched by one event loop only."""

    def __init__(
        self,
        settings: Settings,
        refused: Counter[str],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        most: int = MOST,
    ) -> None:
        """Limit as the settings say; ``refused`` counts by whose bucket was empty."""
        self._monotonic = monotonic
        self._refused = refused
        self._crowds: dict[Cost, Crowd] = {
            "acts": Crowd(settings, most),
            "papers": Crowd(settings, most),
        }
        self._keys = Buckets(settings.limit_key_per_second, settings.limit_key_burst)
        self._asked = Buckets(settings.limit_batch_per_second, settings.limit_batch_burst)
        self._turn = 0

    def ask(self, cost: Cost, site: str, network: str) -> None:
        """Let one request pass; ``network`` as ``Observatory.network`` has it.

        Raises ``RateLimited``.
        """
        whose, wait = self._crowds[cost].wait(site, network, self._monotonic())
        if wait:
            self._refuse(whose, wait)

    def batch(self, site: str, key: str, visitors: int) -> None:
        """Let one key ask about so many visitors of its site. Raises ``RateLimited``."""
        now = self._monotonic()
        if wait := self._keys.take(key, visitors, now):
            self._refuse("key", wait)
        if wait := self._asked.take(site, visitors, now):
            self._refuse("batch", wait)

    def buckets(self) -> dict[str, int]:
        """How many buckets there are of each kind."""
        crowds = self._crowds.values()
        return {
            "network": sum(len(crowd.networks) + len(crowd.quiet) for crowd in crowds),
            "site": sum(len(crowd.sites) + len(crowd.reserve) for crowd in crowds),
            "key": len(self._keys),
            "batch": len(self._asked),
        }

    def _refuse(self, whose: str, wait: float) -> None:
        self._refused[whose] += 1
        self._turn = (self._turn + 1) % SPREAD
        # A little more than it takes, lest rounding sends somebody back a moment too early.
        seconds = math.ceil(wait + 0.001) + self._turn
        what = f"More was asked than is taken from one {_NAMED[whose]}: nothing was recorded."
        raise RateLimited(what, seconds)


_NAMED = {
    "network": "network",
    "site": "site",
    "key": "API key",
    "batch": "site's API keys",
}
