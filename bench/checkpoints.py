"""How long after its acknowledgement a choice is in a published checkpoint.

Store and publisher are those of the service, on a real disk; choices are put into the store by the
same event loop, so that their making is in the figures too.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from bench import logs
from bench.logs import Acts
from holdfire.notary import Publisher
from holdfire.record import Draft
from holdfire.store import Store

Row = tuple[str, float, str, str]

STEADY = 50  # choices a second
BURST = 1_000  # choices at once; the store lets 1,024 wait
BURSTS = 5
BESIEGERS = 32  # who each send the next choice when the last is acknowledged
SIEGE_SECONDS = 15.0
WATCH = 0.002  # seconds between two looks for a checkpoint


def figures(sample: Draft, seconds: float) -> Iterator[Row]:
    """Under choices that come steadily, in bursts, and as fast as they can."""
    loads: dict[str, Callable[[_Crowd], Awaitable[None]]] = {
        f"{STEADY} choices a second": lambda crowd: crowd.steady(seconds),
        f"{BURST:,} choices at once": _Crowd.bursts,
        f"{BESIEGERS} choices at any time": lambda crowd: crowd.siege(min(seconds, SIEGE_SECONDS)),
    }
    for name, load in loads.items():
        taken, delays = asyncio.run(_delays(sample, load))
        delays.sort()
        yield f"log: checkpoint after {name}", statistics.median(delays), "s p50", ""
        yield f"log: checkpoint after {name}", delays[int(len(delays) * 0.99)], "s p99", ""
        yield f"log: checkpoint after {name}", delays[-1], "s max", "< 2"
        yield f"log: acknowledged, {name}", len(delays) / taken, "per s", ""


async def _delays(
    sample: Draft, load: "Callable[[_Crowd], Awaitable[None]]"
) -> tuple[float, list[float]]:
    """How long the load lasted, in seconds, and each choice's delay."""
    with tempfile.TemporaryDirectory() as folder:
        async with logs.opened(Path(folder)) as instance:
            crowd = _Crowd(instance.store, instance.publisher, sample)
            signing = asyncio.create_task(instance.publisher.run())
            begun = time.perf_counter()
            await load(crowd)
            taken = time.perf_counter() - begun
            delays = await crowd.delays()
            signing.cancel()
    return taken, delays


class _Crowd:
    """Makes choices, and notes when each was acknowledged and when it was in a checkpoint."""

    def __init__(self, store: Store, publisher: Publisher, sample: Draft) -> None:
        self._store = store
        self._publisher = publisher
        self._acts = iter(Acts(sample))
        self._waiting: dict[int, float] = {}
        self._delays: list[float] = []
        self._all_signed = asyncio.Event()
        self._watching = asyncio.create_task(self._watch())

    async def steady(self, seconds: float) -> None:
        """One choice every so often, whatever became of those before."""
        begun = time.perf_counter()
        sent = []
        for number in range(int(seconds * STEADY)):
            await asyncio.sleep(max(0.0, begun + number / STEADY - time.perf_counter()))
            sent.append(asyncio.create_task(self._choose()))
        await asyncio.gather(*sent)

    async def bursts(self) -> None:
        """As many at once as are let wait, again and again."""
        for _ in range(BURSTS):
            await asyncio.gather(*(self._choose() for _ in range(BURST)))
            await self._all_signed.wait()

    async def siege(self, seconds: float) -> None:
        """As fast as they are acknowledged."""
        until = time.perf_counter() + seconds

        async def one() -> None:
            while time.perf_counter() < until:
                await self._choose()

        await asyncio.gather(*(one() for _ in range(BESIEGERS)))

    async def delays(self) -> list[float]:
        """Seconds, of all choices, once all are signed."""
        await self._all_signed.wait()
        self._watching.cancel()
        return self._delays

    async def _choose(self) -> None:
        appended = await self._store.append(next(self._acts))
        self._waiting[appended.record.log_index] = time.perf_counter()
        self._all_signed.clear()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH)
            size, now = self._publisher.health.signed_size, time.perf_counter()
            for index in [one for one in self._waiting if one < size]:
                self._delays.append(now - self._waiting.pop(index))
            if not self._waiting:
                self._all_signed.set()
