"""The tables, as ordered migrations: one list for each engine, forward only.

A migration is committed together with its row in table ``migration``, so a crash leaves it whole
or undone, and starting again is safe. Bytes of the log are never rewritten: a released migration
is never edited, a new one is added below it.

The tables, in both engines::

    record     the log: a row for each act, never changed, never deleted
    head       one row: the next free index, the newest entry time, and a beat
    migration  which migrations this database has seen

``head.beat`` counts committed batches. It makes every batch a real write, so that a repeated act,
or the probe behind ``/readyz``, is answered by a commit and not by a guess.
"""

from collections.abc import Sequence

from holdfire.errors import ConfigError, Problem
from holdfire.law import Value


class Migration(Value, frozen=True):
    """One step of the schema; its number is its place in the list, from 1."""

    name: str
    statements: tuple[str, ...]


def pending(known: Sequence[Migration], applied: int, database: str) -> list[tuple[int, Migration]]:
    """The migrations after number ``applied``, with their numbers.

    Raises ``ConfigError`` if the database has seen more of them than this release knows.
    """
    if applied > len(known):
        problem = Problem(
            file=database,
            key="database",
            what=f"its schema is number {applied}, this release knows up to {len(known)}",
            remedy="run the newer release that wrote it, or another database",
        )
        raise ConfigError((problem,))
    return list(enumerate(known, start=1))[applied:]


# The bounds on a row:
# - site and visitor are PROTOCOL.md §1; event ids are UUIDs, with room for a longer kind.
# - a receipt states the length of each block in 16 bits.

_SQLITE_LOG = Migration(
    name="log",
    statements=(
        """
        CREATE TABLE head (
            id      INTEGER PRIMARY KEY CHECK (id = 1),
            size    INTEGER NOT NULL CHECK (size >= 0),
            last_ms INTEGER NOT NULL CHECK (last_ms >= 0),
            beat    INTEGER NOT NULL CHECK (beat >= 0)
        ) STRICT
        """,
        "INSERT INTO head (id, size, last_ms, beat) VALUES (1, 0, 0, 0)",
        """
        CREATE TABLE record (
            log_index   INTEGER PRIMARY KEY CHECK (log_index >= 0),
            seq         INTEGER NOT NULL CHECK (seq >= 1),
            site        TEXT NOT NULL CHECK (length(site) BETWEEN 1 AND 64),
            visitor     TEXT NOT NULL CHECK (length(visitor) = 22),
            event_id    TEXT NOT NULL CHECK (length(event_id) BETWEEN 1 AND 64),
            fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
            recorded_ms INTEGER NOT NULL CHECK (recorded_ms >= 0),
            evidence    BLOB NOT NULL CHECK (length(evidence) BETWEEN 1 AND 65535),
            subject     BLOB NOT NULL CHECK (length(subject) <= 65535),
            UNIQUE (site, visitor, seq),
            UNIQUE (site, event_id)
        ) STRICT
        """,
        # Also what refuses INSERT OR REPLACE, which deletes the old row without asking the
        # DELETE trigger (sqlite.org/lang_conflict.html).
        """
        CREATE TRIGGER record_in_order BEFORE INSERT ON record BEGIN
            SELECT RAISE(ABORT, 'a record goes to the end of the log, once') WHERE
                NEW.log_index <> (SELECT coalesce(max(log_index) + 1, 0) FROM record)
                OR NEW.log_index >= (SELECT size FROM head)
                OR NEW.seq <> (SELECT coalesce(max(seq) + 1, 1) FROM record
                               WHERE site = NEW.site AND visitor = NEW.visitor)
                OR NEW.recorded_ms < (SELECT recorded_ms FROM record
                                      WHERE log_index = NEW.log_index - 1)
                OR EXISTS (SELECT 1 FROM record
                           WHERE site = NEW.site AND event_id = NEW.event_id);
        END
        """,
        """
        CREATE TRIGGER record_unchanged BEFORE UPDATE ON record BEGIN
            SELECT RAISE(ABORT, 'the log is append-only');
        END
        """,
        """
        CREATE TRIGGER record_kept BEFORE DELETE ON record BEGIN
            SELECT RAISE(ABORT, 'the log is append-only');
        END
        """,
        """
        CREATE TRIGGER head_grows BEFORE UPDATE ON head
        WHEN NEW.id <> OLD.id OR NEW.size < OLD.size OR NEW.last_ms < OLD.last_ms
            OR NEW.beat <= OLD.beat
        BEGIN
            SELECT RAISE(ABORT, 'the head only grows');
        END
        """,
        """
        CREATE TRIGGER head_single BEFORE INSERT ON head BEGIN
            SELECT RAISE(ABORT, 'there is one head');
        END
        """,
        """
        CREATE TRIGGER head_kept BEFORE DELETE ON head BEGIN
            SELECT RAISE(ABORT, 'there is one head');
        END
        """,
    ),
)

_POSTGRES_LOG = Migration(
    name="log",
    statements=(
        """
        CREATE TABLE head (
            id      smallint PRIMARY KEY CHECK (id = 1),
            size    bigint NOT NULL CHECK (size >= 0),
            last_ms bigint NOT NULL CHECK (last_ms >= 0),
            beat    bigint NOT NULL CHECK (beat >= 0)
        ) WITH (fillfactor = 10)  -- one row, updated for ever: room to do so within its page
        """,
        "INSERT INTO head (id, size, last_ms, beat) VALUES (1, 0, 0, 0)",
        """
        CREATE TABLE record (
            log_index   bigint PRIMARY KEY CHECK (log_index >= 0),
            seq         bigint NOT NULL CHECK (seq >= 1),
            site        text NOT NULL CHECK (length(site) BETWEEN 1 AND 64),
            visitor     text NOT NULL CHECK (length(visitor) = 22),
            event_id    text NOT NULL CHECK (length(event_id) BETWEEN 1 AND 64),
            fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
            recorded_ms bigint NOT NULL CHECK (recorded_ms >= 0),
            evidence    bytea NOT NULL CHECK (length(evidence) BETWEEN 1 AND 65535),
            subject     bytea NOT NULL CHECK (length(subject) <= 65535),
            UNIQUE (site, visitor, seq),
            UNIQUE (site, event_id)
        )
        """,
        # By induction over the keys: each row added has its predecessors, so there is no gap. A
        # missing predecessor makes the comparison NULL, which is not true either.
        """
        CREATE FUNCTION record_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM added WHERE (
                    added.log_index < (SELECT size FROM head)
                    AND (added.log_index = 0 OR added.recorded_ms >= (
                        SELECT recorded_ms FROM record WHERE log_index = added.log_index - 1))
                    AND (added.seq = 1 OR added.log_index > (
                        SELECT log_index FROM record
                        WHERE (site, visitor, seq) = (added.site, added.visitor, added.seq - 1)))
                ) IS NOT TRUE
            ) THEN
                RAISE integrity_constraint_violation
                    USING MESSAGE = 'a record goes to the end of the log, once';
            END IF;
            RETURN NULL;
        END
        $$
        """,
        """
        CREATE TRIGGER record_in_order AFTER INSERT ON record REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION record_in_order()
        """,
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE integrity_constraint_violation USING MESSAGE = TG_ARGV[0];
        END
        $$
        """,
        """
        CREATE TRIGGER record_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON record
        FOR EACH STATEMENT EXECUTE FUNCTION refuse('the log is append-only')
        """,
        """
        CREATE TRIGGER head_grows BEFORE UPDATE ON head FOR EACH ROW
        WHEN (NEW.id <> OLD.id OR NEW.size < OLD.size OR NEW.last_ms < OLD.last_ms
            OR NEW.beat <= OLD.beat)
        EXECUTE FUNCTION refuse('the head only grows')
        """,
        """
        CREATE TRIGGER head_single BEFORE INSERT OR DELETE OR TRUNCATE ON head
        FOR EACH STATEMENT EXECUTE FUNCTION refuse('there is one head')
        """,
    ),
)

SQLITE: tuple[Migration, ...] = (_SQLITE_LOG,)
POSTGRES: tuple[Migration, ...] = (_POSTGRES_LOG,)
