"""The tables as ordered migrations: one list for each engine, forward only.

A migration is committed together with its row in table ``migration``, so a crash leaves it whole
or undone, and starting again is safe. Bytes of the log are never rewritten: a released migration
is never edited, a new one is added below it.

The tables, in both engines (``sqlite_tables``, ``postgres_tables``)::

    head        one row: the log that grows, how far, its root and frontier, its newest entry time,
                how many persons there ever were, and a beat
    log         each log and its origin
    closed      where each log ended that grows no more
    entry       128 bytes for each place of a log, for ever
    node        the hash of each full tile, from level 1
    record      a row for each act whose blocks are not erased
    evidence    the evidence block of a record, and its salt
    subject     the subject block of a record and its salt, sealed
    person      a visitor of a site, and the key that opens what was sealed
    statement   what other entries than acts commit to
    tombstone   what was erased, and which statement says so
    artefact    what visitors were shown
    checkpoint  the newest signed head of each log
    cosigned    the newest that enough witnesses have cosigned
    migration   which migrations this database has seen

``head.beat`` counts committed batches. It makes every batch a real write, so that a repeated act,
or the probe behind ``/readyz``, is answered by a commit and not by a guess.
"""

from collections.abc import Iterable, Sequence

from holdfire.errors import ConfigError, Problem
from holdfire.law import Value


class Migration(Value, frozen=True):
    """One step of the schema; its number is its place in the list, from 1."""

    name: str
    statements: tuple[str, ...]


def pending(
    known: Sequence[Migration], applied: Iterable[tuple[int, str]], database: str
) -> list[tuple[int, Migration]]:
    """The migrations after those that were ``applied``, with their numbers.

    Raises ``ConfigError`` if the database has seen more of them than this release knows, or others.
    """
    newest = 0
    for number, name in sorted(applied, key=lambda row: row[0]):
        if number > len(known):
            raise ConfigError((_newer(number, len(known), database),))
        if name != known[number - 1].name:
            raise ConfigError((_foreign(name, known[number - 1].name, database),))
        newest = number
    return list(enumerate(known, start=1))[newest:]


def _newer(applied: int, known: int, database: str) -> Problem:
    return Problem(
        file=database,
        key="database",
        what=f"its schema is number {applied}, this release knows up to {known}",
        remedy="run the newer release that wrote it, or another database",
    )


def _foreign(found: str, expected: str, database: str) -> Problem:
    return Problem(
        file=database,
        key="database",
        what=f"its tables are {found!r}, not {expected!r}: they were made before the first release",
        remedy="move it away, or name another database: a new one is made at the next start",
    )
