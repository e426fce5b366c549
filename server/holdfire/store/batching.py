"""Group commit: acts that arrive while one commit is under way share the next one.

One task commits, so a store needs no lock of its own on the write side, and the price of making
something durable is paid once for a batch. Nobody waits for a batch to fill: a lone act is
committed at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from holdfire.errors import EventConflict, Overloaded, StoreUnavailable
from holdfire.model import Draft
from holdfire.store import Appended
from holdfire.store.placing import Outcome

# Past a few hundred the fsync is no longer what a row costs, and the first of a batch waits for
# the last.
MAX_BATCH = 256

# Four full batches. A disk that needs 100 ms for each still answers the last within half a second;
# a slower one would answer after its caller was told to come back (Retry-After: 2), so the caller
# may as well be told now.
MAX_WAITING = 1024

UNAVAILABLE = "The record store does not answer. Try again with the same event id."


class RefusedRows(Exception):
    """The database refuses these rows as such: one of the drafts breaks a bound of the schema."""


Commit = Callable[[Sequence[Draft]], Awaitable[Sequence[Outcome]]]


class GroupCommit:
    """A bounded queue before one committing task.

    ``commit`` writes a batch in one transaction and returns, once it is durable, one outcome for
    each draft. It is never called twice at once. An empty batch is a probe: it must make a durable
    write too. It raises ``RefusedRows`` if nothing was written because of the drafts themselves,
    anything else if the batch is not known to be durable.
    """

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue(MAX_WAITING)
        self._closed = False
        self._task = asyncio.create_task(self._run(), name="holdfire-group-commit")

    async def append(self, draft: Draft) -> Appended:
        """Wait until the draft is durable. Errors as ``Store.append``."""
        outcome = await self._enter(draft)
        assert outcome is not None, "only a probe has no outcome"  # noqa: S101 - for the type checker
        return outcome

    async def probe(self) -> None:
        """Wait until a batch was made durable. Errors as ``Store.ready``."""
        await self._enter(None)

    async def close(self) -> None:
        """Take nothing more, commit what is waiting, and end the task."""
        self._closed = True
        await self._waiting.join()
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _enter(self, draft: Draft | None) -> Appended | None:
        if self._closed:
            raise StoreUnavailable("The record store is closed.")
        waiting = _Waiting(draft)
        try:
            self._waiting.put_nowait(waiting)
        except asyncio.QueueFull:
            raise Overloaded("Too many choices are waiting to be recorded.") from None
        # If the caller is cancelled here, so is the future, and the batch goes on without it.
        return await waiting.answer

    async def _run(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < MAX_BATCH and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            await self._settle(batch)

    async def _settle(self, batch: list["_Waiting"]) -> None:
        """Commit a batch and answer everyone in it, whatever happens."""
        drafts = [waiting.draft for waiting in batch if waiting.draft is not None]
        try:
            outcomes = iter(await self._commit(drafts))
        except RefusedRows as error:
            if len(batch) == 1:
                batch[0].fail(ValueError("The draft breaks a bound of the schema."), error)
            else:
                # Each by itself, so that only the guilty one fails.
                for waiting in batch:
                    await self._settle([waiting])
                return
        except Exception as error:  # noqa: BLE001  a driver may raise anything; nothing lost: each caller gets it chained
            # Those who wait behind a failure fail with it. One by one each would first wait for
            # its own time-out, and all of them can send again.
            while not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            for waiting in batch:
                waiting.fail(StoreUnavailable(UNAVAILABLE), error)
        else:
            for waiting in batch:
                waiting.resolve(None if waiting.draft is None else next(outcomes))
        for _ in batch:
            self._waiting.task_done()


class _Waiting:
    """A caller in the queue: its draft (``None`` for a probe) and where its answer goes."""

    __slots__ = ("answer", "draft")

    def __init__(self, draft: Draft | None) -> None:
        self.draft = draft
        self.answer: asyncio.Future[Appended | None] = asyncio.get_running_loop().create_future()

    def resolve(self, outcome: Outcome | None) -> None:
        if self.answer.cancelled():
            return
        if isinstance(outcome, EventConflict):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)

    def fail(self, error: Exception, cause: Exception) -> None:
        if not self.answer.cancelled():
            error.__cause__ = cause
            self.answer.set_exception(error)
