"""Questions to the SQLite store."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from holdfire.ledger.merkle import leaf_hash
from holdfire.ledger.tiles import Tile
from holdfire.record import Artefact, Blocks, Erasure, Head, Record, Said
from holdfire.store import Newest, Standing, paging, rows
from holdfire.store.sqlite_reader import Aside, Parameters
from holdfire.store.sqlite_writing import ERASABLE, FIND, WHOLE, selection

# So many visitors are looked up at a time: the event loop stands still for a millisecond at most.
FEW = 64

# A visitor's records of which the subject is erased are nobody's.
_OF_A_VISITOR = f"""
    SELECT {rows.RECORD} FROM person
    JOIN record ON record.person = person.number
    JOIN evidence USING (place) JOIN subject USING (place)
    WHERE person.site = ? AND person.visitor = ?
    ORDER BY record.seq DESC
"""  # noqa: S608 - our own columns
LATEST = f"{_OF_A_VISITOR} LIMIT 1"
HISTORY = f"{_OF_A_VISITOR} LIMIT ?"
# Two indexes hold all of it, and stay in memory where the records themselves do not.
NEWEST = """
    SELECT max(record.seq), record.place >> 40, record.place & 0xffffffffff
    FROM person CROSS JOIN record ON record.person = person.number
    WHERE person.site = ? AND person.visitor = ?
"""
# Two indexes hold all of it but the evidence: no row of `person` or `record` is read. Nor is one of
# `subject`: a person goes with the last of their subjects, and an erasure takes the oldest first.
STANDINGS = """
    SELECT visitor, newest.seq, newest.place >> 40, newest.place & 0xffffffffff, evidence.body
    FROM json_each(?2) AS asked
    CROSS JOIN person ON person.site = ?1 AND person.visitor = asked.value
    CROSS JOIN record AS newest ON newest.person = person.number AND newest.seq = (
        SELECT max(seq) FROM record WHERE record.person = person.number)
    CROSS JOIN evidence ON evidence.place = newest.place
"""
# The plus signs keep SQLite from the index by event id, which would find other people's acts.
OWN = f"""
    SELECT {rows.RECORD} FROM person
    CROSS JOIN record ON record.person = person.number AND +record.event_id = ?
    JOIN evidence USING (place) JOIN subject USING (place)
    WHERE person.site = ? AND person.visitor = ?
"""  # noqa: S608 - our own columns
SIZE = "SELECT size FROM head"
END = "SELECT log, size FROM head"
PAGE = f"""
    SELECT {rows.RECORD} FROM record {WHOLE}
    WHERE record.place >= (:log << 40) + :first AND record.place < (:log << 40) + :end
        AND (:site IS NULL OR record.site = :site)
    ORDER BY record.place
"""  # noqa: S608 - our own columns
BLOCKS = """
    SELECT entry.body, evidence.salt, evidence.body, subject.sealed, person.key
    FROM entry
    LEFT JOIN record ON record.place = (:log << 40) + :log_index
    LEFT JOIN evidence ON evidence.place = (:log << 40) + :log_index
    LEFT JOIN subject ON subject.place = (:log << 40) + :log_index
    LEFT JOIN person ON person.number = record.person
    WHERE entry.log = :log AND entry.log_index = :log_index
"""
SAID = "SELECT log, log_index, kind, site, body FROM statement WHERE place = (? << 40) + ?"
STATEMENTS = """
    SELECT log, log_index, kind, site, body FROM statement
    WHERE place >= (:log << 40) + :first AND place < (:log << 40) + :end
    ORDER BY place
"""
ENTRIES = """
    SELECT body FROM entry WHERE log = ? AND log_index >= ? AND log_index < ? ORDER BY log_index
"""
NODES = "SELECT hash FROM node WHERE log = ? AND level = ? AND n >= ? AND n < ? ORDER BY n"
ARTEFACT = "SELECT sha256, kind, body FROM artefact WHERE sha256 = ?"
ARTEFACTS = "SELECT sha256 FROM artefact ORDER BY sha256"
CHECKPOINT = {
    False: "SELECT note FROM checkpoint WHERE log = ?",
    True: "SELECT note FROM cosigned WHERE log = ?",
}

DUE = f"""
    SELECT record.log, record.log_index FROM record
    WHERE record.place >= (:log << 40) + :first AND record.place < (:log << 40) + :end
        AND {ERASABLE}
    ORDER BY record.place
"""  # noqa: S608 - our own words
DUE_OF_A_VISITOR = f"""
    SELECT record.log, record.log_index FROM person JOIN record ON record.person = person.number
    WHERE person.site = :site AND person.visitor = :visitor AND {ERASABLE}
    ORDER BY record.seq
"""  # noqa: S608 - our own words


class Questions(ABC):
    """What the SQLite store answers without writing."""

    @abstractmethod
    def rows(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """The rows of a question that reads little. Raises ``StoreUnavailable``."""

    @abstractmethod
    def aside(self) -> AbstractAsyncContextManager[Aside]:
        """A connection of its own, for a question that may read much. Errors as ``rows``."""

    async def erasable(self, erasure: Erasure) -> int:
        """See ``Store.erasable``."""
        return sum([len(places) async for places in self.due(erasure)])

    async def latest(self, site: str, visitor: str) -> Record | None:
        """See ``Store.latest``."""
        found = self.rows(LATEST, (site, visitor))
        return rows.record(found[0]) if found else None

    async def newest(self, site: str, visitor: str) -> Newest | None:
        """See ``Store.newest``."""
        ((seq, log, log_index),) = self.rows(NEWEST, (site, visitor))
        return None if seq is None else Newest(seq, log, log_index)

    async def standings(self, site: str, visitors: Sequence[str]) -> dict[str, Standing]:
        """See ``Store.standings``. In shares, between which the event loop goes on.

        A thread would take longer over them: it waits for the interpreter after each row.
        """
        paging.so_many(visitors)
        found: dict[str, Standing] = {}
        for start in range(0, len(visitors), FEW):
            if start:
                await asyncio.sleep(0)
            asked = json.dumps(visitors[start : start + FEW])
            for row in self.rows(STANDINGS, (site, asked)):
                found[row[0]] = Standing(*row[1:])
        return found

    async def history(self, site: str, visitor: str, limit: int) -> tuple[Record, ...]:
        """See ``Store.history``. Its rows lie all over the log, so it is read like a scan."""
        async with self.aside() as db:
            asked = (site, visitor, limit)
            found = await db.execute_fetchall(HISTORY, asked)
        return tuple(map(rows.record, found))

    async def find(self, site: str, event_id: str) -> Record | None:
        """See ``Store.find``."""
        found = self.rows(FIND, (site, event_id))
        return rows.record(found[0]) if found else None

    async def own(self, site: str, visitor: str, event_id: str) -> Record | None:
        """See ``Store.own``."""
        found = self.rows(OWN, (event_id, site, visitor))
        return rows.record(found[0]) if found else None

    async def scan(
        self, site: str | None = None, after: tuple[int, int] = (0, 0)
    ) -> AsyncGenerator[Record, None]:
        """See ``Store.scan``. Its connection is its own, so that nobody else waits for its pages.

        Each page is a transaction, so a slow scan keeps no checkpoint waiting; a page is a range of
        the key, so one of a site with few records takes no longer than another.
        """
        heads = await self.heads()
        async with self.aside() as db:
            for log, first, end in paging.spans(heads, after):
                asked = {"log": log, "first": first, "end": end, "site": site}
                for row in await db.execute_fetchall(PAGE, asked):
                    yield rows.record(row)

    async def heads(self) -> tuple[Head, ...]:
        """See ``Store.heads``."""
        return tuple(map(rows.head, self.rows(rows.HEADS)))

    async def entries(self, log: int, start: int, end: int) -> tuple[bytes, ...]:
        """See ``Store.entries``. Raises ``ValueError`` for more of them."""
        paging.within(start, end)
        return tuple(row[0] for row in self.rows(ENTRIES, (log, start, end)))

    async def tile(self, log: int, tile: Tile) -> bytes:
        """See ``Store.tile``."""
        first, end = paging.hashes_of(tile, await self.heads(), log)
        if tile.level == 0:
            return b"".join(map(leaf_hash, await self.entries(log, first, end)))
        found = self.rows(NODES, (log, tile.level, first, end))
        return b"".join(row[0] for row in found)

    async def blocks(self, log: int, log_index: int) -> Blocks | None:
        """See ``Store.blocks``."""
        found = self.rows(BLOCKS, {"log": log, "log_index": log_index})
        return rows.blocks(log, log_index, found[0]) if found else None

    async def said(self, log: int, log_index: int) -> Said | None:
        """See ``Store.said``."""
        found = self.rows(SAID, (log, log_index))
        return Said(*found[0]) if found else None

    async def statements(self, kind: int | None = None) -> AsyncIterator[Said]:
        """See ``Store.statements``."""
        heads = await self.heads()
        async with self.aside() as db:
            for log, first, end in paging.spans(heads, (0, 0), paging.PLACES):
                asked = {"log": log, "first": first, "end": end}
                for row in await db.execute_fetchall(STATEMENTS, asked):
                    if kind in {None, row[2]}:
                        yield Said(*row)

    async def artefact(self, digest: str) -> Artefact | None:
        """See ``Store.artefact``."""
        async with self.aside() as db:
            found = list(await db.execute_fetchall(ARTEFACT, (digest,)))
        return Artefact(*found[0]) if found else None

    async def artefacts(self) -> tuple[str, ...]:
        """See ``Store.artefacts``."""
        async with self.aside() as db:
            return tuple(row[0] for row in await db.execute_fetchall(ARTEFACTS))

    async def checkpoint(self, log: int, *, cosigned: bool = False) -> bytes | None:
        """See ``Store.checkpoint``."""
        found = self.rows(CHECKPOINT[cosigned], (log,))
        return found[0][0] if found else None

    async def due(self, erasure: Erasure) -> AsyncIterator[Sequence[paging.Place]]:
        """What an erasure takes something from now, from the oldest on."""
        heads = await self.heads()
        chosen = selection(erasure)
        async with self.aside() as db:
            if erasure.visitor is not None:
                found = await db.execute_fetchall(DUE_OF_A_VISITOR, chosen)
                yield [(row[0], row[1]) for row in found]
                return
            for log, first, end in paging.spans(heads, (0, 0), paging.PLACES):
                asked = {"log": log, "first": first, "end": end, **chosen}
                found = await db.execute_fetchall(DUE, asked)
                yield [(row[0], row[1]) for row in found]
