"""The store: the append-only log of choices, and the newest choice of each visitor.

This page is the contract. ``sqlite`` and ``postgres`` keep it, each in its own SQL, and one test
suite holds both to it (``tests/test_store.py``); they share no base class.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from holdfire.law import Value
from holdfire.model import Draft, Record


class Appended(Value, frozen=True):
    """A record that is durable, and whether this call was the one that wrote it."""

    record: Record
    fresh: bool  # False: the same act had been recorded before, and this is that record


class Store(Protocol):
    """What every store promises.

    **Durability.** What ``append`` has returned is on the disk (and on the synchronous standbys,
    where PostgreSQL has any): it survives the death of the process, of the machine's power, and
    of any later failure. ``SIGKILL`` is safe at every instruction. What ``append`` has *not*
    returned may or may not be in the log, whole or not at all, and sending it again settles it.

    **Order.** ``log_index`` counts from 0 without a gap over the whole log; ``seq`` counts from 1
    without a gap for one visitor of one site; ``recorded_ms`` never decreases along the log, even
    when the clock does. All three hold at every moment for every reader, and the database itself
    refuses rows that would break them, as it refuses every UPDATE and DELETE of a record.

    **Concurrency.** Every method may be called from any number of tasks of the event loop that
    opened the store. Writes that arrive together are committed together. A caller that is
    cancelled while it waits loses the answer and nothing else: its act, and those committed with
    it, are recorded all the same. After ``append`` has returned, ``latest``, ``history`` and
    ``scan`` on the same store see the record.

    **Errors.** Whatever fails below surfaces as ``StoreUnavailable``, the original chained, and
    never as an empty answer: "no choice is known" is only said when the log was read. The store
    mends itself: when the disk or the server is back, the next call succeeds, without a restart.
    A SQLite file that was removed or replaced is an outage too, and a shorter log in its place is
    not gone on with before a restart.
    """

    async def append(self, draft: Draft) -> Appended:
        """Record an act once, and return when it is durable.

        One transaction looks for ``(site, event_id)``, takes the next ``log_index`` and ``seq``,
        writes the record and advances the head. The entry time is the later of ``recorded_ms`` and
        the entry time of the record before it. An event id that is already in the log with the
        same fingerprint is answered with its record, ``fresh=False``, and nothing is written.

        A draft that says which act it comes ``after`` is only written while that is the visitor's
        newest one.

        Raises ``EventConflict`` if the event id was used with another fingerprint, and
        ``Overtaken`` if the visitor has acted since, nothing written;
        ``Overloaded`` if too many writes are waiting, nothing written; ``StoreUnavailable`` if the
        record is not known to be durable; ``ValueError`` if the draft breaks a bound of the schema,
        which is a fault of the program, nothing written.
        """
        ...

    async def latest(self, site: str, visitor: str) -> Record | None:
        """The visitor's newest record (highest ``seq``), by one indexed query."""
        ...

    async def history(self, site: str, visitor: str, limit: int) -> tuple[Record, ...]:
        """The visitor's ``limit`` newest records (1 or more), newest first, by one indexed query."""
        ...

    def scan(self, site: str | None = None, after: int = -1) -> AsyncIterator[Record]:
        """Records in log order: those after index ``after``, of one site or of all.

        Ends at the size the log had when the scan began. Holds one page in memory, and neither
        blocks writers nor is blocked by them.
        """
        ...

    async def size(self) -> int:
        """How many records the log holds: the next free index."""
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

    async def close(self) -> None:
        """Commit what is waiting, answer it, and let go of files and connections.

        Whatever is called after that raises ``StoreUnavailable``. Closing twice is harmless.
        """
        ...
