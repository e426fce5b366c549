"""What runs beside the service: a round at start and once a day, and an operator's requests.

A background job of ``app``. It fails to "kept": whatever goes wrong, nothing is erased that was not
due, the log says so in one line, and the next try is within the hour.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from holdfire import archive
from holdfire.errors import HoldfireError
from holdfire.model import Site
from holdfire.notary.noting import noted
from holdfire.retention.leftovers import leftovers
from holdfire.retention.rounds import Round, Row, erased
from holdfire.retention.spool import Answer, Inbox, Request
from holdfire.retention.terms import DAY
from holdfire.store import Store

LOG = logging.getLogger("holdfire.retention")
POLL = 1.0  # seconds between two looks for a request; an empty folder costs one system call
AGAIN = 1_800.0  # seconds after a round that failed
SPREAD = 3_600  # seconds: processes that started together do not make their rounds together


class Keeper:
    """One process's part in letting go of what has reached its end.

    Several processes on one PostgreSQL may all make rounds: see ``rounds``.
    """

    def __init__(
        self,
        store: Store,
        sites: Mapping[str, Site],
        data_dir: Path,
        places: Path,
        *,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
        timer: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``places`` is the geo database in use.

        ``clock`` says what is due; ``timer``, which nobody sets, when the next round is; ``pause``
        waits, in seconds.
        """
        self._store = store
        self._sites = sites
        self._data_dir = data_dir
        self._places = places
        self._clock = clock
        self._random = random
        self._timer = timer
        self._pause = pause
        self._inbox = Inbox(data_dir)
        self._unreferred: set[str] = set()

    async def work(self) -> None:
        """Until cancelled. What is cancelled half-way the next start goes on with."""
        listening = await asyncio.to_thread(self._inbox.open)
        if not listening:
            LOG.warning("erasures cannot be asked for: others can write data_dir/erasures")
        while True:
            done = await self._attempt(self.round)
            spread = int.from_bytes(self._random(2), "big") % SPREAD
            until = self._timer() + (AGAIN if done is None else DAY - spread)
            while self._timer() < until:
                if not (listening and await self.serve()):
                    await self._pause(POLL)

    async def round(self) -> tuple[Row, ...]:
        """Erase what is due, and say how much of what."""
        now = self._clock()
        rows = await Round(self._store, self._sites, now, dry=False).make()
        rows += await self._artefacts()
        rows += await asyncio.to_thread(
            leftovers, self._data_dir, self._places, time.time(), dry=False
        )
        await asyncio.to_thread(self._inbox.tidy, time.time() - DAY)
        for row in rows:
            LOG.info(
                "erased by age: site=%s kind=%s count=%d", row.site or "-", row.kind, row.count
            )
        if not rows:
            LOG.info("erased by age: nothing was due")
        return rows

    async def serve(self) -> bool:
        """Carry out one request of an operator; whether there was one."""
        try:
            taken = self._inbox.take()
            if taken is None:
                return False
            name, request = taken
            rows = await self._attempt(lambda: self._carry_out(request))
            failed = Answer(error="the service could not carry it out; its log says why")
            self._inbox.answer(name, failed if rows is None else Answer(rows))
        except OSError as error:
            LOG.warning("a request in data_dir/erasures is left for later: %s", error.strerror)
            return False
        return True

    async def _carry_out(self, request: Request) -> tuple[Row, ...]:
        if request.note:
            await self._store.state(noted(request.note, int(self._clock() * 1000)))
            return ()
        if not request.erasures:
            return await self.round()
        rows = await erased(self._store, request.erasures, self._clock())
        for row in rows:
            LOG.info("erased as asked: site=%s kind=%s count=%d", row.site, row.kind, row.count)
        return rows

    async def _artefacts(self) -> tuple[Row, ...]:
        """Let go of what no record refers to: not now, nor a round ago.

        An artefact is kept before the record that refers to it, so a new one is left alone.
        """
        unreferred = set(await self._store.artefacts()) - await archive.referred(self._store)
        count = await self._store.discard(unreferred & self._unreferred)
        self._unreferred = unreferred
        return (Row("", "artefact", count),) if count else ()

    async def _attempt(
        self, act: Callable[[], Awaitable[tuple[Row, ...]]]
    ) -> tuple[Row, ...] | None:
        """``None`` if it failed, which the log says: nothing is lost but time."""
        try:
            return await act()
        except (HoldfireError, OSError) as error:
            LOG.warning("nothing more is erased for now: %s", type(error).__name__)
        except Exception:  # a fault of ours must not end the job; lost is time, it comes again
            LOG.exception("nothing more is erased for now")
        return None
