"""The store: the append-only log, what it commits to, and the newest choice of each visitor.

This page is the contract. ``sqlite`` and ``postgres`` keep it, each in its own SQL, and one test
suite holds both to it (``tests/test_store.py``); they share no base class.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from typing import NamedTuple, Protocol

from holdfire.law import Value
from holdfire.ledger.tiles import Tile
from holdfire.record import (
    Artefact,
    Blocks,
    Draft,
    Erasure,
    Head,
    Record,
    Said,
    Statement,
)


class Appended(Value, frozen=True):
    """A record that is durable, and whether this call was the one that wrote it."""

    record: Record
    fresh: bool  # False: the same act had been recorded before, and this is that record


class Newest(NamedTuple):
    """Which act of a visitor is the newest."""

    seq: int
    log: int
    log_index: int


class Standing(NamedTuple):
    """A visitor's newest act, as far as deciding needs it."""

    seq: int
    log: int
    log_index: int
    evidence: bytes


Mark = tuple[int, ...]
"""A moment in the life of a store. It says nothing to anybody but the store that gave it."""

MOST_STANDINGS = 1_000
"""So many visitors are asked about at a time."""

MOST_NEWS = 1_000
"""So many acts are told by the names of their visitors."""


class News(NamedTuple):
    """What has happened to a store since a moment."""

    mark: Mark  # the moment up to which this says everything
    # Site and visitor of each act, in any order, some perhaps twice. None: it may be anybody.
    visitors: tuple[tuple[str, str], ...] | None


class Store(Protocol):
    """What every store promises.

    **Durability.** What ``append`` has returned is on the disk (and on the synchronous standbys,
    where PostgreSQL has any): it survives the death of the process, of the machine's power, and
    of any later failure. ``SIGKILL`` is safe at every instruction. What ``append`` has *not*
    returned may or may not be in the log, whole or not at all, and sending it again settles it.

    **Order.** There is one log at a time, a new one each calendar year (UTC) of the entry time, and
    after ``reopen``. The entries of a log count from 0 without a gap; not only acts are entries.
    ``seq`` counts from 1 without a gap for one visitor of one site; ``recorded_ms`` never decreases
    along the logs, even when the clock does. All three hold at every moment for every reader, and
    the database itself refuses rows that would break them, as it refuses every UPDATE, and every
    DELETE that has no tombstone in the log.

    **Proof.** The transaction that writes records also writes their entries and advances the head:
    its size, root and frontier are those of the RFC 6962 tree over the entries, at every moment. It
    is a compare-and-swap, so that two writers cannot both go on from the same head.

    **Erasure.** Evidence, and its salt, are stored as they are; the subject and its salt under
    AES-256-GCM with a key of the visitor's own. Entries and statements are never erased.

    **Concurrency.** Every method may be called from any number of tasks of the event loop that
    opened the store. Writes that arrive together are committed together. A caller that is
    cancelled while it waits loses the answer and nothing else: its act, and those committed with
    it, are recorded all the same. After ``append`` has returned, ``latest``, ``history`` and
    ``scan`` on the same store see the record.

    **Errors.** Whatever fails below surfaces as ``StoreUnavailable``, the original chained, and
    never as an empty answer: "no choice is known" is only said when the log was read. The store
    mends itself: when the disk or the server is back, the next call succeeds, without a restart.
    A SQLite file that was removed or replaced is an outage too, and a shorter log in its place is
    not gone on with before a restart. Behind a closed ``Fence`` every method raises ``LogRefused``.
    """

    async def append(self, draft: Draft) -> Appended:
        """Record an act once, and return when it is durable.

        One transaction looks for ``(site, event_id)``, takes the next place in the log and the next
        ``seq``, draws the salts, writes entry, record and blocks, and advances the head. The entry
        time is the later of ``recorded_ms`` and the entry time of the entry before it. An event id
        that is already in the log with the same fingerprint is answered with its record,
        ``fresh=False``, and nothing is written.

        A draft that says which act it comes ``after`` is only written while that is the visitor's
        newest one.

        Raises ``EventConflict`` if the event id was used with another fingerprint or its record was
        erased, and ``Overtaken`` if the visitor has acted since, nothing written; ``Overloaded`` if
        too many writes are waiting, nothing written; ``StoreUnavailable`` if the record is not
        known to be durable; ``ValueError`` if the draft breaks a bound of the schema, which is a
        fault of the program, nothing written.
        """
        ...

    async def state(self, statement: Statement) -> Said | None:
        """Put a statement into the log, durably; ``None`` if it only repeats and need not be said.

        Errors as ``append``.
        """
        ...

    async def erase(self, erasure: Erasure) -> int:
        """Erase blocks, each behind its tombstone, in steps of at most 256 records; returns how many.

        One transaction a step: a tombstone (a statement of kind 3) for each record, and its rows
        gone. With the last subject of a visitor goes the visitor's key, which opens all that
        backups still hold. Stopped half-way, calling it again does the rest. It returns when the
        bytes are gone from the file and its write-ahead log (in PostgreSQL: from the tables).
        Errors as ``append``.
        """
        ...

    async def erasable(self, erasure: Erasure) -> int:
        """How many records ``erase`` would take something from now."""
        ...

    async def reopen(self, statement: Statement) -> Head:
        """Close the present log as it stands and open a new one, whose first entry is this note."""
        ...

    async def latest(self, site: str, visitor: str) -> Record | None:
        """The visitor's newest record (highest ``seq``), by one indexed query."""
        ...

    async def newest(self, site: str, visitor: str) -> Newest | None:
        """Which act of a visitor is the newest, if any, as ``latest``; read from indexes alone."""
        ...

    async def standings(self, site: str, visitors: Sequence[str]) -> dict[str, Standing]:
        """The newest act of each of these visitors, by one question where asking costs a journey.

        Who is unknown, or whose subject is erased, is not in it, as with ``latest``; no subject is
        opened, which makes it the cheaper of the two. Each is as it was at some moment of the call.
        Raises ``ValueError`` for more than ``MOST_STANDINGS``.
        """
        ...

    async def news(self, since: Mark | None) -> News | None:
        """Whose newest act may have changed since a moment; ``None`` if nobody's.

        What was read after a ``News`` and before the next one that names its visitor still holds:
        an act that ``append`` has acknowledged, here or in another process, is in every ``news``
        that is asked for afterwards. ``visitors`` is ``None`` for ``since=None`` and for a mark of
        another store; after an erasure, a new log, an outage, or a commit of which it is not known
        whether it is durable; and where there are more than ``MOST_NEWS`` acts. It is empty where
        something was written that is nobody's act.

        Costs less than ``latest``: the SQLite store looks whether the file is still its own and
        asks its memory, PostgreSQL one question for all who ask at once. A SQLite store that only
        reads does not know whose acts they are.

        Raises ``StoreUnavailable`` if the log cannot be read now.
        """
        ...

    def quiet(self, since: Mark | None) -> bool:
        """Whether it can be told without waiting that there is no news; ``False``: ask ``news``.

        For who asks before every answer. That no act was recorded is as sure as with ``news``; a
        file that was removed may be noticed 5 ms later, in which nobody can have acted on it.
        """
        ...

    async def history(self, site: str, visitor: str, limit: int) -> tuple[Record, ...]:
        """The visitor's ``limit`` newest records (1 or more), newest first, by one indexed query."""
        ...

    async def find(self, site: str, event_id: str) -> Record | None:
        """The record of one act."""
        ...

    async def own(self, site: str, visitor: str, event_id: str) -> Record | None:
        """The record of one act, if it is this visitor's.

        Found by way of the visitor's own acts: the time it takes says nothing of anybody else's.
        """
        ...

    def scan(
        self, site: str | None = None, after: tuple[int, int] = (0, 0)
    ) -> AsyncGenerator[Record, None]:
        """Records in the order of the logs: those after entry ``after`` (log, index), of one site or all.

        Ends where the log ended when the scan began. Holds one page in memory, and neither
        blocks writers nor is blocked by them. Records of which nothing is left are not in it. Who
        may stop before the end closes it.
        """
        ...

    async def heads(self) -> tuple[Head, ...]:
        """Where each log ends, oldest first; the last is the one that grows. None before any."""
        ...

    async def entries(self, log: int, start: int, end: int) -> tuple[bytes, ...]:
        """Entries ``start`` to before ``end`` of a log, 128 bytes each; at most 4,096 at a time."""
        ...

    async def tile(self, log: int, tile: Tile) -> bytes:
        """The hashes of one tile, 32 bytes each. ``LookupError`` if the log is not that long."""
        ...

    async def blocks(self, log: int, log_index: int) -> Blocks | None:
        """What an entry commits to, as it is stored; ``None`` if it is not an act's entry."""
        ...

    async def said(self, log: int, log_index: int) -> Said | None:
        """The statement of one entry."""
        ...

    def statements(self, kind: int | None = None) -> AsyncIterator[Said]:
        """All statements, of one kind or all, in the order of the logs. As ``scan``."""
        ...

    async def keep(self, artefacts: Sequence[Artefact]) -> None:
        """Keep what visitors are shown, durably, each once."""
        ...

    async def artefact(self, digest: str) -> Artefact | None:
        """What has this SHA-256 (hex)."""
        ...

    async def discard(self, digests: Collection[str]) -> int:
        """Let go of artefacts that nothing refers to any more; returns how many there were."""
        ...

    async def artefacts(self) -> tuple[str, ...]:
        """The digests of all that is kept."""
        ...

    async def publish(self, log: int, size: int, note: bytes, *, cosigned: bool = False) -> None:
        """Keep a signed checkpoint of a log, in place of any smaller one; a smaller is passed over.

        One of the same size replaces it: it has more cosignatures. Those that enough witnesses
        have cosigned are kept apart, one of each log too: they are older, and worth more.
        """
        ...

    async def checkpoint(self, log: int, *, cosigned: bool = False) -> bytes | None:
        """The newest checkpoint of a log that ``publish`` was given, of those or of the others."""
        ...

    async def readable(self) -> None:
        """Return if the log can be read now: for a lookup that has no visitor to ask it about.

        Costs no more than ``latest``. PostgreSQL may have found it out up to a second ago.
        Raises ``StoreUnavailable`` if it cannot be read.
        """
        ...

    async def ready(self) -> None:
        """Return if a durable write is possible now, found out by making one (of no record).

        Raises ``StoreUnavailable`` if it is not, ``Overloaded`` if too many writes are waiting.
        """
        ...

    @property
    def waiting(self) -> int:
        """How many writes of this process wait for the next commit."""
        ...

    async def close(self) -> None:
        """Commit what is waiting, answer it, and let go of files and connections.

        Whatever is called after that raises ``StoreUnavailable``. Closing twice is harmless.
        """
        ...
