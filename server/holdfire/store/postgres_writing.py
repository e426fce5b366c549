"""Transactions of the PostgreSQL store, on a connection that holds the row lock on ``head``."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from holdfire.record import Draft, Head
from holdfire.store import placing, rows
from holdfire.store.placement import Erased, Ground, Placement, Random, Standing, Stretch
from holdfire.store.postgres_reading import ERASABLE, HAS_HEAD, HEAD, WHOLE, selection
from holdfire.store.work import (
    Batch,
    Discard,
    Keep,
    Outcome,
    Publish,
    Reopen,
    Shared,
    Step,
    Sweep,
)

Connection = Any  # the driver says no types, and `postgres` alone imports it

_HEAD = f"SELECT {rows.HEAD}, people FROM head WHERE id = 1 FOR UPDATE"  # noqa: S608 - our own columns
_ORIGINS = "SELECT origin FROM log"
STANDINGS = f"""
    SELECT
        visitor.number, visitor.key,
        (SELECT coalesce(max(seq), 0) FROM record WHERE record.person = visitor.number),
        (SELECT TRUE FROM tombstone WHERE tombstone.event = asked.digest),
        {rows.RECORD}
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY
        AS asked (site, visitor, event_id, digest, place)
    LEFT JOIN person AS visitor ON visitor.site = asked.site AND visitor.visitor = asked.visitor
    LEFT JOIN (record {WHOLE})
        ON record.site = asked.site AND record.event_id = asked.event_id
    ORDER BY asked.place
"""  # noqa: S608 - our own columns
NEWEST = """
    SELECT body FROM statement WHERE kind = $1 AND site IS NOT DISTINCT FROM $2
    ORDER BY log DESC, log_index DESC LIMIT 1
"""
_OPEN = "INSERT INTO log VALUES ($1, $2)"
_CLOSE = "INSERT INTO closed SELECT log, size, last_ms, root, frontier FROM head"

# One statement, so one answer to wait for: what it adds is checked when all of it is there.
_PUT = """
    WITH advanced AS (
        UPDATE head SET log = $1, origin = $2, size = $3, last_ms = $4, root = $5, frontier = $6,
            people = $7, beat = beat + 1
        WHERE id = 1 AND log = $8 AND size = $9 AND root = $10
        RETURNING size
    ), entries AS (
        INSERT INTO entry SELECT * FROM unnest($11::bigint[], $12::bigint[], $13::bytea[])
    ), persons AS (
        INSERT INTO person SELECT * FROM unnest(
            $14::bigint[], $15::text[], $16::text[], $17::bytea[])
    ), records AS (
        INSERT INTO record SELECT * FROM unnest(
            $18::bigint[], $19::bigint[], $20::bigint[], $21::text[], $22::bigint[], $23::text[],
            $24::bytea[], $25::bigint[])
    ), evidence AS (
        INSERT INTO evidence SELECT * FROM unnest(
            $26::bigint[], $27::bigint[], $28::bytea[], $29::bytea[])
    ), subjects AS (
        INSERT INTO subject SELECT * FROM unnest($30::bigint[], $31::bigint[], $32::bytea[])
    )
    SELECT size FROM advanced
"""
_ADVANCE = """
    UPDATE head SET log = $1, origin = $2, size = $3, last_ms = $4, root = $5, frontier = $6,
        people = $7, beat = beat + 1
    WHERE id = 1 AND log = $8 AND size = $9 AND root = $10
    RETURNING size
"""
_MORE = {
    "nodes": """
        INSERT INTO node SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[])
    """,
    "statements": """
        INSERT INTO statement SELECT * FROM unnest(
            $1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::bytea[])
    """,
    "tombstones": """
        INSERT INTO tombstone SELECT * FROM unnest(
            $1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::text[])
    """,
}
ERASED = f"""
    SELECT record.log, record.log_index, log.origin, record.person, record.event_id
    FROM unnest($4::bigint[], $5::bigint[]) AS place (log, log_index)
    JOIN record ON record.log = place.log AND record.log_index = place.log_index
    JOIN log ON log.number = record.log
    WHERE {ERASABLE} AND ($6::text IS NULL OR record.person = (
        SELECT number FROM person WHERE person.site = $1 AND person.visitor = $6))
    ORDER BY record.log, record.log_index
"""  # noqa: S608 - our own words
_ERASE = {
    "subject": ("subject",),
    "record": ("subject", "evidence", "record"),
}
TABLES_OF = {
    "subject": ("subject", "person"),
    "record": ("subject", "evidence", "record", "person"),
}
"""Where an erasure leaves bytes behind."""

_PERSONS = """
    SELECT DISTINCT record.person FROM unnest($1::bigint[], $2::bigint[]) AS place (log, log_index)
    JOIN record ON record.log = place.log AND record.log_index = place.log_index
"""
FORGET = """
    DELETE FROM person WHERE number = ANY ($1::bigint[]) AND (
        SELECT TRUE FROM record JOIN subject USING (log, log_index)
        WHERE record.person = person.number LIMIT 1) IS NULL
"""
_KEEP = """
    INSERT INTO artefact SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[])
    ON CONFLICT DO NOTHING
"""
_DISCARD = "DELETE FROM artefact WHERE sha256 = ANY ($1::text[]) RETURNING sha256"
_PUBLISH = """
    INSERT INTO {0} VALUES ($1, $2, $3)
    ON CONFLICT (log) DO UPDATE SET size = excluded.size, note = excluded.note
    WHERE excluded.size >= {0}.size
"""
_ENDS = """
    SELECT log, size, (SELECT coalesce(max(log_index) + 1, 0) FROM entry
                       WHERE entry.log = head.log) FROM head
"""


class Moved(Exception):
    """The log is not as this process left it, or as its head says: nothing is written to it."""


async def end(connection: Connection) -> Head:
    """Where the log ends, in a database that may have no tables yet."""
    found = await connection.fetchval(HAS_HEAD)
    row = await connection.fetchrow(HEAD) if found else None
    return rows.head(row) if row else rows.NO_HEAD


async def verify(connection: Connection) -> None:
    """Refuse to extend a log whose head is not its end: it was changed behind our back."""
    log, size, end = await connection.fetchrow(_ENDS)
    if size != end:
        raise Moved(f"the head says {size} entries of log {log}, there are {end}")


async def write(
    connection: Connection, batch: Batch, host: str, random: Random
) -> Sequence[Outcome]:
    """One batch in one transaction. A crash before COMMIT returns leaves nothing acknowledged.

    READ COMMITTED is enough, and needed: each statement after the lock sees all that was committed
    before it was granted.
    """
    await connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
    *row, people = await connection.fetchrow(_HEAD)
    before = rows.head(row)
    ground = Ground(head=before, people=people, origins=(), host=host)
    placement = await _place(connection, batch, ground, random)
    await _put(connection, placement, before)
    outcomes = placement.outcomes
    match batch:
        case Step():
            await _erase(connection, batch, placement)
        case Keep() | Discard() | Publish():
            outcomes = (await _upkeep(connection, batch),)
    await connection.execute("COMMIT")
    return outcomes


async def _place(connection: Connection, batch: Batch, ground: Ground, random: Random) -> Placement:
    match batch:
        case Reopen(statement):
            return placing.reopen(statement, await _with_origins(connection, ground), random)
        case Step(erasure, places):
            if placing.turns([erasure.recorded_ms], ground.head):
                ground = await _with_origins(connection, ground)
            found = await connection.fetch(
                ERASED, *selection(erasure), *_columns(places, 2), erasure.visitor
            )
            return placing.bury([Erased(*row) for row in found], erasure, ground, random)
        case Keep() | Discard() | Publish() | Sweep():
            return placing.place((), (), ground, random)
        case works:
            if works and placing.turns([work.recorded_ms for work in works], ground.head):
                ground = await _with_origins(connection, ground)
            return placing.place(works, await _standings(connection, works), ground, random)


async def _with_origins(connection: Connection, ground: Ground) -> Ground:
    origins = frozenset(row[0] for row in await connection.fetch(_ORIGINS))
    return msgspec.structs.replace(ground, origins=origins)


async def _standings(
    connection: Connection, works: Sequence[Shared]
) -> list[Standing | bytes | None]:
    drafts = [work for work in works if isinstance(work, Draft)]
    found = iter(await connection.fetch(STANDINGS, *_asked(drafts)) if drafts else ())
    standings: list[Standing | bytes | None] = []
    for work in works:
        if isinstance(work, Draft):
            number, key, seq, spent, *known = next(found)
            standings.append(
                Standing(
                    person=None if number is None else (number, key),
                    seq=seq,
                    known=None if known[0] is None else rows.record(known),
                    spent=bool(spent),
                )
            )
        else:
            repeats = work.repeats
            newest = None if repeats else await connection.fetchval(NEWEST, work.kind, work.site)
            standings.append(newest)
    return standings


def _asked(drafts: Sequence[Draft]) -> list[list[str]]:
    return [
        [draft.site for draft in drafts],
        [draft.visitor for draft in drafts],
        [draft.event_id for draft in drafts],
        [placing.event_digest(draft.site, draft.event_id) for draft in drafts],
    ]


async def _put(connection: Connection, placement: Placement, before: Head) -> None:
    *earlier, last = placement.stretches
    for stretch in earlier:
        before = await _entries(connection, stretch, before, placement.people)
    if last.opens:
        before = await _turn(connection, last.head, before, placement.people)
    moved = _moved(last.head, before, placement.people)
    if last.entries or placement.records:
        columns = (
            *_columns(last.entries, 3),
            *_columns(placement.persons, 4),
            *_columns(placement.records, 8),
            *_columns(placement.evidence, 4),
            *_columns(placement.subjects, 3),
        )
        advanced = await connection.fetch(_PUT, *moved, *columns)
    else:
        advanced = await connection.fetch(_ADVANCE, *moved)
    if not advanced:
        raise Moved("the head moved under its lock")
    for name, insert in _MORE.items():
        if found := getattr(placement, name):
            await connection.execute(insert, *_columns(found, len(found[0])))


async def _entries(connection: Connection, stretch: Stretch, before: Head, people: int) -> Head:
    """Entries of a log that does not grow after them."""
    if stretch.opens:
        before = await _turn(connection, stretch.head, before, people)
    nothing: list[list[Any]] = [[] for _ in range(19)]
    moved = _moved(stretch.head, before, people)
    if not await connection.fetch(_PUT, *moved, *_columns(stretch.entries, 3), *nothing):
        raise Moved("the head moved under its lock")
    return stretch.head


async def _turn(connection: Connection, after: Head, before: Head, people: int) -> Head:
    """Close the log there is, open the next; its empty head."""
    if before.log:
        await connection.execute(_CLOSE)
    empty = msgspec.structs.replace(rows.NO_HEAD, log=after.log, origin=after.origin)
    await connection.execute(_OPEN, after.log, after.origin)
    if not await connection.fetch(_ADVANCE, *_moved(empty, before, people)):
        raise Moved("the head moved under its lock")
    return empty


def _moved(after: Head, before: Head, people: int) -> tuple[Any, ...]:
    """The parameters of ``_ADVANCE``."""
    frontier = b"".join(after.frontier)
    values = (after.log, after.origin, after.size, after.last_ms, after.root, frontier, people)
    return (*values, before.log, before.size, before.root)


async def _erase(connection: Connection, step: Step, placement: Placement) -> None:
    places = _columns([(stone.log, stone.log_index) for stone in placement.tombstones], 2)
    persons = [row[0] for row in await connection.fetch(_PERSONS, *places)]
    for table in _ERASE[step.erasure.part]:
        await connection.execute(
            f"DELETE FROM {table} USING unnest($1::bigint[], $2::bigint[]) AS gone (log, log_index)"  # noqa: S608 - our own tables
            f" WHERE {table}.log = gone.log AND {table}.log_index = gone.log_index",
            *places,
        )
    await connection.execute(FORGET, persons)


async def _upkeep(connection: Connection, work: Keep | Discard | Publish) -> Outcome:
    match work:
        case Keep(artefacts):
            await connection.execute(
                _KEEP, *_columns([(a.digest, a.shown, a.body) for a in artefacts], 3)
            )
            return None
        case Discard(digests):
            return len(await connection.fetch(_DISCARD, list(digests)))
        case Publish(log, size, note, cosigned):
            table = "cosigned" if cosigned else "checkpoint"
            await connection.execute(_PUBLISH.format(table), log, size, note)
            return None


def _columns(found: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    """Rows as columns, which is how many of them go in one statement."""
    columns: list[list[Any]] = [list(column) for column in zip(*found, strict=True)]
    return columns or [[] for _ in range(width)]
