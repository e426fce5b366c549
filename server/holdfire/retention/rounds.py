"""One round: what has reached its end, per site and kind, and its erasure.

A round only reads until something is due. It may stop at any moment, and several processes may make
one at once: what the one has erased the other does not find.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Literal

import msgspec

from holdfire import evidence
from holdfire.law import Value
from holdfire.model import Site
from holdfire.record import Erasure, Record
from holdfire.retention.terms import DAY, record_kept, subject_ends, terms_of
from holdfire.store import Store

WHY = "retention"
BATCH = 256  # visitors found before they are erased: meanwhile no page of the log stays open
TOGETHER = 8  # of them at the same time: they share the store's commits
PAGE = 500  # records between two breaths
BREATH = 0.005  # seconds: lookups go first
ACTS = 1_000  # of one visitor, newest first: whoever acts more often is judged by these

Position = tuple[int, int]  # log and index of an entry
Told = Callable[[int], None]


class Row(Value, frozen=True):
    """How much of one kind a round has erased, or would."""

    site: str  # "" for what belongs to no site
    kind: Literal["subject", "record", "artefact", "leftover"]
    count: int


class _Limit(Value, frozen=True):
    """Whose newest act is older is let go of: times in milliseconds since 1970, UTC."""

    record_ms: int
    subject_ms: int


class Round:
    """One look at every record, at one moment."""

    def __init__(
        self,
        store: Store,
        sites: Mapping[str, Site],
        now: float,
        *,
        dry: bool,
        tell: Told = lambda _: None,
    ) -> None:
        """``now`` is in seconds since 1970, UTC; ``dry`` only counts.

        ``tell`` hears now and then how many records have been read. Records of a site that is no
        longer configured keep our own terms.
        """
        self._store = store
        self._sites = sites
        self._now = now
        self._dry = dry
        self._act = store.erasable if dry else store.erase
        self._tell = tell
        self._seen = 0

    async def make(self) -> tuple[Row, ...]:
        """Erase what is due. Raises ``StoreUnavailable``; what went until then is gone."""
        records: Counter[str] = Counter()
        subjects: Counter[str] = Counter()
        limits = await self._limits()
        for site, limit in limits.items():
            records[site] = await self._act(self._erasure("record", site, limit.record_ms))
            subjects[site] = await self._act(self._erasure("subject", site, limit.subject_ms))
            if self._dry:  # what would have gone with its record
                gone = self._erasure("subject", site, min(limit.record_ms, limit.subject_ms))
                subjects[site] -= await self._store.erasable(gone)
        position: Position | None = (0, 0)
        while position is not None:
            due, position = await self._due(position, limits)
            for at in range(0, len(due), TOGETHER):
                some = due[at : at + TOGETHER]
                counts = await asyncio.gather(*map(self._act, some))
                for erasure, count in zip(some, counts, strict=True):
                    subjects[erasure.site] += count
        rows = [Row(site, "record", count) for site, count in sorted(records.items())]
        rows += [Row(site, "subject", count) for site, count in sorted(subjects.items())]
        return tuple(row for row in rows if row.count)

    async def _limits(self) -> dict[str, _Limit]:
        """Per site, up to when everything is due: it is erased in few steps, however much it is.

        Of records that is all there is to know, for which of them belong to one visitor only the
        store knows, once the subjects have gone: the longest that any old record is wanted counts
        for all of the site.
        """
        wanted: dict[str, float] = {}
        kept: dict[str, int] = {}
        async with aclosing(self._records((0, 0))) as records:
            async for record in records:
                site, proof = record.site, evidence.read(record)
                terms = terms_of(self._sites.get(site))
                days = terms.record_days * DAY
                wanted.setdefault(site, days)
                if record.recorded_ms < (self._now - days) * 1000:
                    wanted[site] = max(wanted[site], record_kept(record, proof))
                first = kept.get(site, int(self._now * 1000))
                stays = record.visitor and subject_ends((record,), terms) > self._now
                kept[site] = min(first, record.recorded_ms) if stays else first
        return {
            site: _Limit(int((self._now - seconds) * 1000), kept[site])
            for site, seconds in wanted.items()
        }

    async def _due(
        self, start: Position, limits: Mapping[str, _Limit]
    ) -> tuple[list[Erasure], Position | None]:
        """Visitors after those limits of whom nobody needs to know any more who they were.

        They fall under a law that lets a choice run out sooner. And where to look on from; ``None``
        at the end of the log.
        """
        due: list[Erasure] = []
        async with aclosing(self._records(start)) as records:
            async for record in records:
                limit = limits.get(record.site)
                done = limit is None or record.recorded_ms < max(limit.record_ms, limit.subject_ms)
                if not done and await self._is_due(record):
                    last = record.recorded_ms + 1  # who has acted since is not erased
                    due.append(self._erasure("subject", record.site, last, record.visitor))
                if len(due) == BATCH:
                    return due, (record.log, record.log_index)
        return due, None

    async def _is_due(self, record: Record) -> bool:
        """Whether this is the newest act of a visitor who can be forgotten."""
        site, visitor = record.site, record.visitor
        terms = terms_of(self._sites.get(site))
        if not visitor or subject_ends((record,), terms) > self._now:
            return False
        newest = await self._store.latest(site, visitor)
        if newest is None or (newest.log, newest.log_index) != (record.log, record.log_index):
            return False
        acts = await self._store.history(site, visitor, ACTS) if record.seq > 1 else (newest,)
        return bool(acts) and subject_ends(acts, terms) <= self._now

    def _erasure(
        self, part: Literal["subject", "record"], site: str, before: int, visitor: str | None = None
    ) -> Erasure:
        return Erasure(part, WHY, int(self._now * 1000), site, visitor, before)

    async def _records(self, start: Position) -> AsyncGenerator[Record, None]:
        async for record in self._store.scan(after=start):
            yield record
            self._seen += 1
            if self._seen % PAGE == 0:
                self._tell(self._seen)
                await asyncio.sleep(BREATH)


async def erased(store: Store, erasures: Iterable[Erasure], now: float) -> tuple[Row, ...]:
    """Carry out what somebody asked for, at ``now``; how much went. Errors as ``Store.erase``."""
    rows: Counter[tuple[str, Literal["subject", "record"]]] = Counter()
    for erasure in erasures:
        dated = msgspec.structs.replace(erasure, recorded_ms=int(now * 1000))
        rows[erasure.site, erasure.part] += await store.erase(dated)
    return tuple(Row(site, part, count) for (site, part), count in rows.items())
