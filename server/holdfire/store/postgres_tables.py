"""The tables of the PostgreSQL store; ``schema`` says what each of them holds."""

from holdfire.store.schema import Migration

# The bounds on a row are those of the SQLite store.
_CHECKPOINTS = ("checkpoint", "cosigned")

_TABLES = (
    """
    CREATE TABLE head (
        id       smallint PRIMARY KEY CHECK (id = 1),
        log      bigint NOT NULL CHECK (log >= 0),
        origin   text NOT NULL,
        size     bigint NOT NULL CHECK (size >= 0),
        last_ms  bigint NOT NULL CHECK (last_ms >= 0),
        root     bytea NOT NULL CHECK (length(root) = 32),
        frontier bytea NOT NULL CHECK (length(frontier) % 32 = 0),
        people   bigint NOT NULL CHECK (people >= 0),
        beat     bigint NOT NULL CHECK (beat >= 0)
    ) WITH (fillfactor = 10)  -- one row, updated for ever: room to do so within its page
    """,
    # The root of no entries is the SHA-256 of nothing (RFC 6962 §2.1).
    "INSERT INTO head VALUES (1, 0, '', 0, 0, sha256(''), '', 0, 0)",
    """
    CREATE TABLE log (
        number bigint PRIMARY KEY CHECK (number >= 1),
        origin text NOT NULL UNIQUE
    )
    """,
    """
    CREATE TABLE closed (
        log      bigint PRIMARY KEY REFERENCES log,
        size     bigint NOT NULL,
        last_ms  bigint NOT NULL,
        root     bytea NOT NULL CHECK (length(root) = 32),
        frontier bytea NOT NULL
    )
    """,
    """
    CREATE TABLE entry (
        log       bigint NOT NULL,
        log_index bigint NOT NULL CHECK (log_index >= 0),
        body      bytea NOT NULL CHECK (length(body) = 128),
        PRIMARY KEY (log, log_index)
    )
    """,
    """
    CREATE TABLE node (
        log   bigint NOT NULL,
        level bigint NOT NULL CHECK (level >= 1),
        n     bigint NOT NULL CHECK (n >= 0),
        hash  bytea NOT NULL CHECK (length(hash) = 32),
        PRIMARY KEY (log, level, n)
    )
    """,
    """
    CREATE TABLE person (
        number  bigint PRIMARY KEY CHECK (number >= 1),
        site    text NOT NULL CHECK (length(site) BETWEEN 1 AND 64),
        visitor text NOT NULL CHECK (length(visitor) = 22),
        key     bytea NOT NULL CHECK (length(key) = 32),
        UNIQUE (site, visitor)
    )
    """,
    """
    CREATE TABLE record (
        log         bigint NOT NULL,
        log_index   bigint NOT NULL,
        seq         bigint NOT NULL CHECK (seq >= 1),
        site        text NOT NULL CHECK (length(site) BETWEEN 1 AND 64),
        person      bigint NOT NULL,
        event_id    text NOT NULL CHECK (length(event_id) BETWEEN 1 AND 64),
        fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
        recorded_ms bigint NOT NULL CHECK (recorded_ms >= 0),
        PRIMARY KEY (log, log_index),
        UNIQUE (person, seq),
        UNIQUE (site, event_id)
    )
    """,
    """
    CREATE TABLE evidence (
        log       bigint NOT NULL,
        log_index bigint NOT NULL,
        salt      bytea NOT NULL CHECK (length(salt) = 32),
        body      bytea NOT NULL CHECK (length(body) BETWEEN 1 AND 65535),
        PRIMARY KEY (log, log_index)
    )
    """,
    """
    CREATE TABLE subject (
        log       bigint NOT NULL,
        log_index bigint NOT NULL,
        sealed    bytea NOT NULL CHECK (length(sealed) BETWEEN 60 AND 65595),
        PRIMARY KEY (log, log_index)
    )
    """,
    """
    CREATE TABLE statement (
        log       bigint NOT NULL,
        log_index bigint NOT NULL,
        kind      bigint NOT NULL CHECK (kind BETWEEN 3 AND 6),
        site      text CHECK (length(site) BETWEEN 1 AND 64),
        body      bytea NOT NULL CHECK (length(body) >= 1),
        PRIMARY KEY (log, log_index)
    )
    """,
    "CREATE INDEX statement_newest ON statement (kind, log, log_index)",
    # `event` is the SHA-256 of what an erased record's event id was: it is not used again.
    """
    CREATE TABLE tombstone (
        log       bigint NOT NULL,
        log_index bigint NOT NULL,
        part      text NOT NULL CHECK (part IN ('subject', 'record')),
        by_log    bigint NOT NULL,
        by_index  bigint NOT NULL,
        event     text UNIQUE CHECK (length(event) = 64),
        PRIMARY KEY (log, log_index, part),
        CHECK ((part = 'record') = (event IS NOT NULL))
    )
    """,
    """
    CREATE TABLE artefact (
        sha256 text PRIMARY KEY CHECK (length(sha256) = 64),
        kind   text NOT NULL CHECK (kind IN ('texts', 'config', 'sdk', 'boot')),
        body   bytea NOT NULL
    )
    """,
    *(
        f"""
        CREATE TABLE {table} (
            log  bigint PRIMARY KEY REFERENCES log,
            size bigint NOT NULL CHECK (size >= 0),
            note bytea NOT NULL CHECK (length(note) >= 1)
        )
        """
        for table in _CHECKPOINTS
    ),
    """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE integrity_constraint_violation USING MESSAGE = TG_ARGV[0];
    END
    $$
    """,
)


def _checked(table: str, message: str, wrong: str, *, when: str = "INSERT") -> tuple[str, str]:
    """A function and a trigger that refuse the rows of a statement of which ``wrong`` holds.

    A missing row makes a comparison NULL, so ``wrong`` is written as what is not known to be right.
    What looks for a row is a scalar subquery: EXISTS may be planned as a hash of the whole table,
    and the plan is kept when the table has grown.
    """
    name, rows = ("added", "NEW TABLE") if when == "INSERT" else ("gone", "OLD TABLE")
    function = f"{table}_{when.lower()}"
    return (
        f"""
        CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM {name} WHERE {wrong}) THEN
                RAISE integrity_constraint_violation USING MESSAGE = '{message}';
            END IF;
            RETURN NULL;
        END
        $$
        """,
        f"""
        CREATE TRIGGER {function} AFTER {when} ON {table} REFERENCING {rows} AS {name}
        FOR EACH STATEMENT EXECUTE FUNCTION {function}()
        """,
    )


def _row(table: str, condition: str) -> str:
    """Whether there is such a row: TRUE, or NULL."""
    return f"(SELECT TRUE FROM {table} WHERE {condition} LIMIT 1)"  # noqa: S608 - our own words


_HERE = "log = added.log AND log_index = added.log_index"

# By induction over the keys: each row added has its predecessors, so there is no gap. Bytes 9 to 16
# of an entry are its time, big-endian: they compare as the numbers do. Byte 5 is its kind.
_ORDER = (
    *_checked(
        "entry",
        "an entry goes to the end of the log, once",
        f"""(
            {_row("head", "log = added.log AND size > added.log_index")}
            AND (added.log_index = 0 OR substr(added.body, 9, 8) >= (
                SELECT substr(body, 9, 8) FROM entry
                WHERE log = added.log AND log_index = added.log_index - 1))
        ) IS NOT TRUE""",  # noqa: S608 - our own words
    ),
    *_checked(
        "record",
        "a record goes to the end of the log, once",
        f"""(
            (SELECT get_byte(body, 4) IN (1, 7) FROM entry WHERE {_HERE})
            AND coalesce(added.recorded_ms >= (
                SELECT recorded_ms FROM record
                WHERE log = added.log AND log_index < added.log_index
                ORDER BY log_index DESC LIMIT 1), TRUE)
            AND (added.seq = 1 OR (added.log, added.log_index) > (
                SELECT log, log_index FROM record
                WHERE person = added.person AND seq = added.seq - 1))
            AND {_row("tombstone", _HERE)} IS NULL
        ) IS NOT TRUE""",  # noqa: S608 - our own words
    ),
    *_checked(
        "evidence",
        "evidence is written with its record, once",
        f"{_row('record', _HERE)} IS NULL",
    ),
    *_checked(
        "subject",
        "a subject is written with its record, once",
        f"{_row('record', _HERE)} IS NULL OR {_row('tombstone', _HERE)}",
    ),
    *_checked(
        "person",
        "a person has a number of their own",
        "(added.number <= (SELECT people FROM head)) IS NOT TRUE",
    ),
    *_checked(
        "statement",
        "a statement is written with its entry, once",
        f"{_row('entry', _HERE)} IS NULL",
    ),
    *_checked(
        "tombstone",
        "a tombstone stands by a statement, once",
        _row("statement", "log = added.by_log AND log_index = added.by_index AND kind = 3")
        + " IS NULL",
    ),
    *_checked(
        "log",
        "a log follows the one before it",
        f"added.number > 1 AND {_row('log', 'number = added.number - 1')} IS NULL",
    ),
    """
    CREATE TRIGGER head_grows BEFORE UPDATE ON head FOR EACH ROW
    WHEN (NEW.id <> OLD.id OR NEW.beat <= OLD.beat OR NEW.people < OLD.people
        OR NOT (
            NEW.log = OLD.log AND NEW.size >= OLD.size AND NEW.last_ms >= OLD.last_ms
                AND NEW.origin = OLD.origin
                AND (NEW.size > OLD.size
                    OR NEW.root = OLD.root AND NEW.frontier = OLD.frontier)
            OR NEW.log = OLD.log + 1 AND NEW.size = 0
        ))
    EXECUTE FUNCTION refuse('the head only grows')
    """,
    """
    CREATE TRIGGER head_single BEFORE INSERT OR DELETE OR TRUNCATE ON head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('there is one head')
    """,
    *(
        f"""
        CREATE TRIGGER {table}_grows BEFORE UPDATE ON {table} FOR EACH ROW
        WHEN (NEW.log <> OLD.log OR NEW.size < OLD.size)
        EXECUTE FUNCTION refuse('a checkpoint only grows')
        """
        for table in _CHECKPOINTS
    ),
)


def _refused(table: str, events: str) -> str:
    return f"""
    CREATE TRIGGER {table}_kept BEFORE {events} ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse('the log is append-only')
    """


def _erasable(table: str, unless: str) -> tuple[str, str]:
    return _checked(table, "only what a tombstone names is erased", unless, when="DELETE")


_NAMED = "log = gone.log AND log_index = gone.log_index"
_NOT_NAMED = f"{_row('tombstone', _NAMED)} IS NULL"
_NOT_ALL_OF_IT = _row("tombstone", f"{_NAMED} AND part = 'record'") + " IS NULL"
_SUBJECT_LEFT = _row("record JOIN subject USING (log, log_index)", "record.person = gone.number")

_FOR_EVER = ("log", "closed", "entry", "node", "statement", "tombstone")
_UNTIL_ERASED = ("record", "evidence", "subject", "person")

POSTGRES: tuple[Migration, ...] = (
    Migration(
        name="ledger",
        statements=(
            *_TABLES,
            *_ORDER,
            *(_refused(table, "UPDATE OR DELETE OR TRUNCATE") for table in _FOR_EVER),
            *(_refused(table, "UPDATE OR TRUNCATE") for table in (*_UNTIL_ERASED, "artefact")),
            *(_refused(table, "DELETE OR TRUNCATE") for table in _CHECKPOINTS),
            *_erasable("record", _NOT_ALL_OF_IT),
            *_erasable("evidence", _NOT_ALL_OF_IT),
            *_erasable("subject", _NOT_NAMED),
            *_erasable("person", _SUBJECT_LEFT),
        ),
    ),
)
