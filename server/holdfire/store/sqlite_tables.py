"""The tables of the SQLite store; ``schema`` says what each of them holds."""

from holdfire.store.schema import Migration

# The bounds on a row:
# - site and visitor are PROTOCOL.md §1; event ids are UUIDs, with room for a longer kind.
# - a receipt states the length of each block in 16 bits.
# - a sealed subject has a nonce of 12 bytes, a salt of 32 and a tag of 16 beside the block.

#
# `place` is log and index in one number: rows that are long, or asked for at every lookup, are
# found by one descent of one tree, and appending moves none of them.

_PLACE = """
        place       INTEGER PRIMARY KEY,
        log         INTEGER GENERATED ALWAYS AS (place >> 40),
        log_index   INTEGER GENERATED ALWAYS AS (place & 0xffffffffff),"""

_CHECKPOINTS = ("checkpoint", "cosigned")

_TABLES = (
    """
    CREATE TABLE head (
        id       INTEGER PRIMARY KEY CHECK (id = 1),
        log      INTEGER NOT NULL CHECK (log >= 0),
        origin   TEXT NOT NULL,
        size     INTEGER NOT NULL CHECK (size >= 0),
        last_ms  INTEGER NOT NULL CHECK (last_ms >= 0),
        root     BLOB NOT NULL CHECK (length(root) = 32),
        frontier BLOB NOT NULL CHECK (length(frontier) % 32 = 0),
        people   INTEGER NOT NULL CHECK (people >= 0),
        beat     INTEGER NOT NULL CHECK (beat >= 0)
    ) STRICT
    """,
    # The root of no entries is the SHA-256 of nothing (RFC 6962 §2.1).
    """
    INSERT INTO head VALUES (1, 0, '', 0, 0,
        x'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', x'', 0, 0)
    """,
    """
    CREATE TABLE log (
        number INTEGER PRIMARY KEY CHECK (number >= 1),
        origin TEXT NOT NULL UNIQUE
    ) STRICT
    """,
    """
    CREATE TABLE closed (
        log      INTEGER PRIMARY KEY REFERENCES log,
        size     INTEGER NOT NULL,
        last_ms  INTEGER NOT NULL,
        root     BLOB NOT NULL CHECK (length(root) = 32),
        frontier BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE entry (
        log       INTEGER NOT NULL,
        log_index INTEGER NOT NULL CHECK (log_index >= 0),
        body      BLOB NOT NULL CHECK (length(body) = 128),
        PRIMARY KEY (log, log_index)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE node (
        log   INTEGER NOT NULL,
        level INTEGER NOT NULL CHECK (level >= 1),
        n     INTEGER NOT NULL CHECK (n >= 0),
        hash  BLOB NOT NULL CHECK (length(hash) = 32),
        PRIMARY KEY (log, level, n)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE person (
        number  INTEGER PRIMARY KEY CHECK (number >= 1),
        site    TEXT NOT NULL CHECK (length(site) BETWEEN 1 AND 64),
        visitor TEXT NOT NULL CHECK (length(visitor) = 22),
        key     BLOB NOT NULL CHECK (length(key) = 32),
        UNIQUE (site, visitor)
    ) STRICT
    """,
    f"""
    CREATE TABLE record ({_PLACE}
        seq         INTEGER NOT NULL CHECK (seq >= 1),
        site        TEXT NOT NULL CHECK (length(site) BETWEEN 1 AND 64),
        person      INTEGER NOT NULL,
        event_id    TEXT NOT NULL CHECK (length(event_id) BETWEEN 1 AND 64),
        fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
        recorded_ms INTEGER NOT NULL CHECK (recorded_ms >= 0),
        UNIQUE (person, seq),
        UNIQUE (site, event_id)
    ) STRICT
    """,
    f"""
    CREATE TABLE evidence ({_PLACE}
        salt        BLOB NOT NULL CHECK (length(salt) = 32),
        body        BLOB NOT NULL CHECK (length(body) BETWEEN 1 AND 65535)
    ) STRICT
    """,
    f"""
    CREATE TABLE subject ({_PLACE}
        sealed      BLOB NOT NULL CHECK (length(sealed) BETWEEN 60 AND 65595)
    ) STRICT
    """,
    f"""
    CREATE TABLE statement ({_PLACE}
        kind        INTEGER NOT NULL CHECK (kind BETWEEN 3 AND 6),
        site        TEXT CHECK (length(site) BETWEEN 1 AND 64),
        body        BLOB NOT NULL CHECK (length(body) >= 1)
    ) STRICT
    """,
    "CREATE INDEX statement_newest ON statement (kind)",
    # `event` is the SHA-256 of what an erased record's event id was: it is not used again.
    """
    CREATE TABLE tombstone (
        log       INTEGER NOT NULL,
        log_index INTEGER NOT NULL,
        part      TEXT NOT NULL CHECK (part IN ('subject', 'record')),
        by_log    INTEGER NOT NULL,
        by_index  INTEGER NOT NULL,
        event     TEXT CHECK (length(event) = 64),
        PRIMARY KEY (log, log_index, part),
        CHECK ((part = 'record') = (event IS NOT NULL))
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE UNIQUE INDEX tombstone_event ON tombstone (event) WHERE event IS NOT NULL",
    """
    CREATE TABLE artefact (
        sha256 TEXT PRIMARY KEY CHECK (length(sha256) = 64),
        kind   TEXT NOT NULL CHECK (kind IN ('texts', 'config', 'sdk', 'boot')),
        body   BLOB NOT NULL
    ) STRICT
    """,
    *(
        f"""
        CREATE TABLE {table} (
            log  INTEGER PRIMARY KEY REFERENCES log,
            size INTEGER NOT NULL CHECK (size >= 0),
            note BLOB NOT NULL CHECK (length(note) >= 1)
        ) STRICT
        """
        for table in _CHECKPOINTS
    ),
)

# The triggers that ask whether a row is there already are also what refuses INSERT OR REPLACE,
# which deletes the old row without asking a DELETE trigger (sqlite.org/lang_conflict.html).
_ORDER = (
    # Bytes 9 to 16 of an entry are its time, big-endian: blobs compare as the numbers do.
    """
    CREATE TRIGGER entry_in_order BEFORE INSERT ON entry BEGIN
        SELECT RAISE(ABORT, 'an entry goes to the end of the log, once') WHERE
            NEW.log_index <> (SELECT coalesce(max(log_index) + 1, 0) FROM entry
                              WHERE log = NEW.log)
            OR NOT EXISTS (SELECT 1 FROM head WHERE log = NEW.log AND size > NEW.log_index)
            OR substr(NEW.body, 9, 8) < (SELECT substr(body, 9, 8) FROM entry
                                         WHERE log = NEW.log AND log_index = NEW.log_index - 1);
    END
    """,
    """
    CREATE TRIGGER record_in_order BEFORE INSERT ON record BEGIN
        SELECT RAISE(ABORT, 'a record goes to the end of the log, once') WHERE
            NOT EXISTS (SELECT 1 FROM entry WHERE log = NEW.log AND log_index = NEW.log_index)
            OR NEW.place <= (SELECT max(place) FROM record)
            OR NEW.recorded_ms < (SELECT recorded_ms FROM record
                                  WHERE place >= NEW.log << 40 ORDER BY place DESC LIMIT 1)
            OR NEW.seq <> (SELECT coalesce(max(seq) + 1, 1) FROM record
                           WHERE person = NEW.person)
            OR EXISTS (SELECT 1 FROM record
                       WHERE site = NEW.site AND event_id = NEW.event_id)
            OR EXISTS (SELECT 1 FROM tombstone
                       WHERE log = NEW.log AND log_index = NEW.log_index);
    END
    """,
    """
    CREATE TRIGGER evidence_once BEFORE INSERT ON evidence BEGIN
        SELECT RAISE(ABORT, 'evidence is written with its record, once') WHERE
            NOT EXISTS (SELECT 1 FROM record WHERE place = NEW.place)
            OR EXISTS (SELECT 1 FROM evidence WHERE place = NEW.place);
    END
    """,
    """
    CREATE TRIGGER subject_once BEFORE INSERT ON subject BEGIN
        SELECT RAISE(ABORT, 'a subject is written with its record, once') WHERE
            NOT EXISTS (SELECT 1 FROM record WHERE place = NEW.place)
            OR EXISTS (SELECT 1 FROM subject WHERE place = NEW.place)
            OR EXISTS (SELECT 1 FROM tombstone
                       WHERE log = NEW.log AND log_index = NEW.log_index);
    END
    """,
    """
    CREATE TRIGGER person_once BEFORE INSERT ON person BEGIN
        SELECT RAISE(ABORT, 'a person has a number of their own') WHERE
            NEW.number > (SELECT people FROM head)
            OR NEW.number <= (SELECT max(number) FROM person)
            OR EXISTS (SELECT 1 FROM person WHERE site = NEW.site AND visitor = NEW.visitor);
    END
    """,
    """
    CREATE TRIGGER statement_once BEFORE INSERT ON statement BEGIN
        SELECT RAISE(ABORT, 'a statement is written with its entry, once') WHERE
            NOT EXISTS (SELECT 1 FROM entry WHERE log = NEW.log AND log_index = NEW.log_index)
            OR EXISTS (SELECT 1 FROM statement WHERE place = NEW.place);
    END
    """,
    """
    CREATE TRIGGER tombstone_stated BEFORE INSERT ON tombstone BEGIN
        SELECT RAISE(ABORT, 'a tombstone stands by a statement, once') WHERE
            NOT EXISTS (SELECT 1 FROM statement
                        WHERE place = (NEW.by_log << 40) + NEW.by_index AND kind = 3)
            OR EXISTS (SELECT 1 FROM tombstone WHERE log = NEW.log
                       AND log_index = NEW.log_index AND part = NEW.part);
    END
    """,
    """
    CREATE TRIGGER node_once BEFORE INSERT ON node BEGIN
        SELECT RAISE(ABORT, 'a node is written once') WHERE EXISTS
            (SELECT 1 FROM node WHERE log = NEW.log AND level = NEW.level AND n = NEW.n);
    END
    """,
    """
    CREATE TRIGGER log_in_order BEFORE INSERT ON log BEGIN
        SELECT RAISE(ABORT, 'a log follows the one before it') WHERE
            NEW.number <> (SELECT coalesce(max(number) + 1, 1) FROM log)
            OR EXISTS (SELECT 1 FROM log WHERE origin = NEW.origin);
    END
    """,
    """
    CREATE TRIGGER closed_once BEFORE INSERT ON closed BEGIN
        SELECT RAISE(ABORT, 'a log is closed once') WHERE EXISTS
            (SELECT 1 FROM closed WHERE log = NEW.log);
    END
    """,
    """
    CREATE TRIGGER head_grows BEFORE UPDATE ON head
    WHEN NEW.id <> OLD.id OR NEW.beat <= OLD.beat OR NEW.people < OLD.people
        OR NOT (
            NEW.log = OLD.log AND NEW.size >= OLD.size AND NEW.last_ms >= OLD.last_ms
                AND NEW.origin = OLD.origin
                AND (NEW.size > OLD.size
                    OR NEW.root = OLD.root AND NEW.frontier = OLD.frontier)
            OR NEW.log = OLD.log + 1 AND NEW.size = 0
        )
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
    *(
        f"""
        CREATE TRIGGER {table}_grows BEFORE UPDATE ON {table}
        WHEN NEW.log <> OLD.log OR NEW.size < OLD.size
        BEGIN
            SELECT RAISE(ABORT, 'a checkpoint only grows');
        END
        """
        for table in _CHECKPOINTS
    ),
)


def _unchanged(table: str) -> str:
    return f"""
    CREATE TRIGGER {table}_unchanged BEFORE UPDATE ON {table} BEGIN
        SELECT RAISE(ABORT, 'the log is append-only');
    END
    """


def _kept(table: str) -> str:
    return f"""
    CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} BEGIN
        SELECT RAISE(ABORT, 'the log is append-only');
    END
    """


def _erasable(table: str, unless: str) -> str:
    return f"""
    CREATE TRIGGER {table}_erasable BEFORE DELETE ON {table} BEGIN
        SELECT RAISE(ABORT, 'only what a tombstone names is erased') WHERE {unless};
    END
    """


_NOT_NAMED = """NOT EXISTS (
    SELECT 1 FROM tombstone WHERE log = OLD.log AND log_index = OLD.log_index{})"""
_NOT_ALL_OF_IT = _NOT_NAMED.format(" AND part = 'record'")
_SUBJECT_LEFT = """EXISTS (
    SELECT 1 FROM record JOIN subject USING (place) WHERE record.person = OLD.number)"""

_FOR_EVER = ("log", "closed", "entry", "node", "statement", "tombstone")
_UNTIL_ERASED = ("record", "evidence", "subject", "person")

SQLITE: tuple[Migration, ...] = (
    Migration(
        name="ledger",
        statements=(
            *_TABLES,
            *_ORDER,
            *(_unchanged(table) for table in (*_FOR_EVER, *_UNTIL_ERASED, "artefact")),
            *(_kept(table) for table in (*_FOR_EVER, *_CHECKPOINTS)),
            _erasable("record", _NOT_ALL_OF_IT),
            _erasable("evidence", _NOT_ALL_OF_IT),
            _erasable("subject", _NOT_NAMED.format("")),
            _erasable("person", _SUBJECT_LEFT),
        ),
    ),
)
