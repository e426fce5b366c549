"""Questions to the PostgreSQL store."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any

from holdfire.ledger.merkle import leaf_hash
from holdfire.ledger.tiles import Tile
from holdfire.record import Artefact, Blocks, Erasure, Head, Record, Said
from holdfire.store import MOST_NEWS, Mark, Newest, News, Standing, paging, rows
from holdfire.store.rounds import Rounds

WHOLE = """
    JOIN evidence ON evidence.log = record.log AND evidence.log_index = record.log_index
    LEFT JOIN subject ON subject.log = record.log AND subject.log_index = record.log_index
    LEFT JOIN person ON person.number = record.person AND subject.sealed IS NOT NULL
"""
"""What ``rows.RECORD`` is of."""

# A visitor's records of which the subject is erased are nobody's.
_OF_A_VISITOR = f"""
    SELECT {rows.RECORD} FROM person
    JOIN record ON record.person = person.number
    JOIN evidence ON evidence.log = record.log AND evidence.log_index = record.log_index
    JOIN subject ON subject.log = record.log AND subject.log_index = record.log_index
    WHERE person.site = $1 AND person.visitor = $2
    ORDER BY record.seq DESC
"""  # noqa: S608 - our own columns
LATEST = f"{_OF_A_VISITOR} LIMIT 1"
HISTORY = f"{_OF_A_VISITOR} LIMIT $3"
FIND = f"SELECT {rows.RECORD} FROM record {WHOLE} WHERE record.site = $1 AND record.event_id = $2"  # noqa: S608 - our own columns
# An expression has no index: by that of event ids other people's acts would be found.
OWN = f"""
    SELECT {rows.RECORD} FROM person
    JOIN record ON record.person = person.number AND record.event_id || '' = $3
    JOIN evidence ON evidence.log = record.log AND evidence.log_index = record.log_index
    JOIN subject ON subject.log = record.log AND subject.log_index = record.log_index
    WHERE person.site = $1 AND person.visitor = $2
"""  # noqa: S608 - our own columns
NEWEST = """
    SELECT record.seq, record.log, record.log_index
    FROM person JOIN record ON record.person = person.number
    WHERE person.site = $1 AND person.visitor = $2
    ORDER BY record.seq DESC LIMIT 1
"""
# A person goes with the last of their subjects, and an erasure takes the oldest first: the newest
# act of a person who is known has its subject.
STANDINGS = """
    SELECT person.visitor, newest.seq, newest.log, newest.log_index, evidence.body
    FROM unnest($2::text[]) AS asked (visitor)
    JOIN person ON person.site = $1 AND person.visitor = asked.visitor
    JOIN LATERAL (
        SELECT seq, log, log_index FROM record
        WHERE record.person = person.number ORDER BY seq DESC LIMIT 1) AS newest ON TRUE
    JOIN evidence ON evidence.log = newest.log AND evidence.log_index = newest.log_index
"""
# A mark is the server's start, log and size: a server that was started anew, or another one, may
# have lost what the one before acknowledged without a standby. Who is erased has a tombstone.
NEWS = """
    SELECT now.started, now.log, now.size, now.told, act.site, act.visitor
    FROM (
        SELECT started, log, size,
            started = $1 AND log = $2 AND size - $3 BETWEEN 0 AND $4 AND (
                SELECT TRUE FROM statement
                WHERE kind = 3 AND log = $2 AND log_index >= $3 LIMIT 1) IS NULL AS told
        FROM head, LATERAL (
            SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint
        ) AS server (started)
        WHERE id = 1
    ) AS now LEFT JOIN LATERAL (
        SELECT person.site, person.visitor
        FROM record JOIN person ON person.number = record.person
        WHERE now.told AND record.log = $2 AND record.log_index >= $3) AS act ON TRUE
"""
READABLE = "SELECT 1 FROM head"
HAS_HEAD = """
    SELECT EXISTS (SELECT FROM pg_attribute
                   WHERE attrelid = to_regclass('head') AND attname = 'origin')
"""
HEAD = f"SELECT {rows.HEAD} FROM head"  # noqa: S608 - our own columns
PAGE = f"""
    SELECT {rows.RECORD} FROM record {WHOLE}
    WHERE record.log = $1 AND record.log_index >= $2 AND record.log_index < $3
        AND ($4::text IS NULL OR record.site = $4)
    ORDER BY record.log_index
"""  # noqa: S608 - our own columns
BLOCKS = """
    SELECT entry.body, evidence.salt, evidence.body, subject.sealed, person.key
    FROM entry
    LEFT JOIN record ON record.log = entry.log AND record.log_index = entry.log_index
    LEFT JOIN evidence ON evidence.log = entry.log AND evidence.log_index = entry.log_index
    LEFT JOIN subject ON subject.log = entry.log AND subject.log_index = entry.log_index
    LEFT JOIN person ON person.number = record.person
    WHERE entry.log = $1 AND entry.log_index = $2
"""
SAID = "SELECT log, log_index, kind, site, body FROM statement WHERE log = $1 AND log_index = $2"
STATEMENTS = """
    SELECT log, log_index, kind, site, body FROM statement
    WHERE log = $1 AND log_index >= $2 AND log_index < $3
    ORDER BY log_index
"""
ENTRIES = """
    SELECT body FROM entry WHERE log = $1 AND log_index >= $2 AND log_index < $3 ORDER BY log_index
"""
NODES = "SELECT hash FROM node WHERE log = $1 AND level = $2 AND n >= $3 AND n < $4 ORDER BY n"
ARTEFACT = "SELECT sha256, kind, body FROM artefact WHERE sha256 = $1"
ARTEFACTS = "SELECT sha256 FROM artefact ORDER BY sha256"
CHECKPOINT = {
    False: "SELECT note FROM checkpoint WHERE log = $1",
    True: "SELECT note FROM cosigned WHERE log = $1",
}

ERASABLE = """
    record.site = $1
    AND ($2::text = 'record' OR (
        SELECT TRUE FROM subject
        WHERE subject.log = record.log AND subject.log_index = record.log_index))
    AND ($3::bigint IS NULL OR $3 > (
        SELECT newest.recorded_ms FROM record AS newest
        WHERE newest.person = record.person ORDER BY newest.seq DESC LIMIT 1))
"""
"""Which records an erasure takes something from now, but for those of one visitor alone.

What looks for a row is a scalar subquery: EXISTS may be planned as a hash of the whole table.
"""

DUE = f"""
    SELECT record.log, record.log_index FROM record
    WHERE record.log = $4 AND record.log_index >= $5 AND record.log_index < $6 AND {ERASABLE}
    ORDER BY record.log_index
"""  # noqa: S608 - our own words
DUE_OF_A_VISITOR = f"""
    SELECT record.log, record.log_index FROM person JOIN record ON record.person = person.number
    WHERE person.site = $1 AND person.visitor = $4 AND {ERASABLE}
    ORDER BY record.seq
"""  # noqa: S608 - our own words


Parameter = str | int | Sequence[str] | None

_NEVER: Mark = (0, 0, 0)


class Questions(ABC):
    """What the PostgreSQL store answers without writing."""

    def __init__(self) -> None:
        self.rounds = Rounds(self._news)

    @abstractmethod
    async def rows(self, sql: str, *parameters: Parameter) -> list[Any]:
        """What a question is answered with. Raises ``StoreUnavailable``."""

    async def erasable(self, erasure: Erasure) -> int:
        """See ``Store.erasable``."""
        return sum([len(places) async for places in self.due(erasure)])

    async def latest(self, site: str, visitor: str) -> Record | None:
        """See ``Store.latest``."""
        found = await self.rows(LATEST, site, visitor)
        return rows.record(found[0]) if found else None

    async def newest(self, site: str, visitor: str) -> Newest | None:
        """See ``Store.newest``."""
        found = await self.rows(NEWEST, site, visitor)
        return Newest(*found[0]) if found else None

    async def standings(self, site: str, visitors: Sequence[str]) -> dict[str, Standing]:
        """See ``Store.standings``."""
        paging.so_many(visitors)
        found = await self.rows(STANDINGS, site, visitors)
        return {row[0]: Standing(*row[1:]) for row in found}

    def quiet(self, since: Mark | None) -> bool:  # noqa: ARG002 -- the contract's signature
        """See ``Store.quiet``: other processes write too, so it is always to be asked."""
        return False

    async def news(self, since: Mark | None) -> News | None:
        """See ``Store.news``."""
        return await self.rounds.ask(since)

    async def _news(self, since: Mark | None) -> News | None:
        found = await self.rows(NEWS, *(since or _NEVER), MOST_NEWS)
        mark, told = tuple(found[0][:3]), found[0][3]
        if mark == since:
            return None
        acts = tuple((row[4], row[5]) for row in found if row[4] is not None)
        return News(mark, acts if told else None)

    async def history(self, site: str, visitor: str, limit: int) -> tuple[Record, ...]:
        """See ``Store.history``."""
        found = await self.rows(HISTORY, site, visitor, limit)
        return tuple(map(rows.record, found))

    async def find(self, site: str, event_id: str) -> Record | None:
        """See ``Store.find``."""
        found = await self.rows(FIND, site, event_id)
        return rows.record(found[0]) if found else None

    async def own(self, site: str, visitor: str, event_id: str) -> Record | None:
        """See ``Store.own``."""
        found = await self.rows(OWN, site, visitor, event_id)
        return rows.record(found[0]) if found else None

    async def scan(
        self, site: str | None = None, after: tuple[int, int] = (0, 0)
    ) -> AsyncGenerator[Record, None]:
        """See ``Store.scan``. Between pages it holds no connection and no snapshot.

        A page is a range of the key, so one of a site with few records takes no longer than another.
        """
        for span in paging.spans(await self.heads(), after):
            for row in await self.rows(PAGE, *span, site):
                yield rows.record(row)

    async def heads(self) -> tuple[Head, ...]:
        """See ``Store.heads``."""
        return tuple(map(rows.head, await self.rows(rows.HEADS)))

    async def entries(self, log: int, start: int, end: int) -> tuple[bytes, ...]:
        """See ``Store.entries``. Raises ``ValueError`` for more of them."""
        paging.within(start, end)
        found = await self.rows(ENTRIES, log, start, end)
        return tuple(row[0] for row in found)

    async def tile(self, log: int, tile: Tile) -> bytes:
        """See ``Store.tile``."""
        first, end = paging.hashes_of(tile, await self.heads(), log)
        if tile.level == 0:
            return b"".join(map(leaf_hash, await self.entries(log, first, end)))
        found = await self.rows(NODES, log, tile.level, first, end)
        return b"".join(row[0] for row in found)

    async def blocks(self, log: int, log_index: int) -> Blocks | None:
        """See ``Store.blocks``."""
        found = await self.rows(BLOCKS, log, log_index)
        return rows.blocks(log, log_index, found[0]) if found else None

    async def said(self, log: int, log_index: int) -> Said | None:
        """See ``Store.said``."""
        found = await self.rows(SAID, log, log_index)
        return Said(*found[0]) if found else None

    async def statements(self, kind: int | None = None) -> AsyncIterator[Said]:
        """See ``Store.statements``."""
        for span in paging.spans(await self.heads(), (0, 0), paging.PLACES):
            for row in await self.rows(STATEMENTS, *span):
                if kind in {None, row[2]}:
                    yield Said(*row)

    async def artefact(self, digest: str) -> Artefact | None:
        """See ``Store.artefact``."""
        found = await self.rows(ARTEFACT, digest)
        return Artefact(*found[0]) if found else None

    async def artefacts(self) -> tuple[str, ...]:
        """See ``Store.artefacts``."""
        return tuple(row[0] for row in await self.rows(ARTEFACTS))

    async def checkpoint(self, log: int, *, cosigned: bool = False) -> bytes | None:
        """See ``Store.checkpoint``."""
        found = await self.rows(CHECKPOINT[cosigned], log)
        return found[0][0] if found else None

    async def due(self, erasure: Erasure) -> AsyncIterator[Sequence[paging.Place]]:
        """What an erasure takes something from now, from the oldest on."""
        chosen = selection(erasure)
        if erasure.visitor is not None:
            found = await self.rows(DUE_OF_A_VISITOR, *chosen, erasure.visitor)
            yield [tuple(row) for row in found]
            return
        for span in paging.spans(await self.heads(), (0, 0), paging.PLACES):
            found = await self.rows(DUE, *chosen, *span)
            yield [tuple(row) for row in found]


def selection(erasure: Erasure) -> tuple[str, str, int | None]:
    """The first parameters of ``ERASABLE``."""
    return erasure.site, erasure.part, erasure.settled_before_ms
