"""Group commit: acts that arrive while one commit is under way share the next one.

One task commits, so a store needs no lock of its own on the write side, and the price of making
something durable is paid once for a batch. Nobody waits for a batch to fill: a lone act is
committed at once. What is not an act or a statement has a commit to itself, in its turn.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from holdfire.errors import LogRefused, Overloaded, StoreUnavailable
from holdfire.record import Draft
from holdfire.store import Appended
from holdfire.store.work import Alone, Batch, Outcome, Shared, Work

# Past a few hundred the fsync is no longer what a row costs, and the first of a batch waits for
# the last.
MAX_BATCH = 256

# Four full batches. A disk that needs 100 ms for each still answers the last within half a second;
# a slower one would answer after its caller was told to come back (Retry-After: 2), so the caller
# may as well be told now.
MAX_WAITING = 1024

UNAVAILABLE = "The record store does not answer. Try again with the same event id."

Answer = TypeVar("Answer")


class RefusedRows(Exception):
    """The database refuses these rows as such: one of the drafts breaks a bound of the schema."""


Commit = Callable[[Batch], Awaitable[Sequence[Outcome]]]


class GroupCommit:
    """A bounded queue before one committing task.

    ``commit`` writes a batch in one transaction and returns, once it is durable, one outcome for
    each piece of work. It is never called twice at once. An empty batch is a probe: it must make a
    durable write too. It raises ``RefusedRows`` if nothing was written because of the work itself,
    anything else if the batch is not known to be durable.
    """

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue(MAX_WAITING)
        self._closed = False
        self._task = asyncio.create_task(self._run(), name="holdfire-group-commit")

    async def append(self, draft: Draft) -> Appended:
        """Wait until the draft is durable. Errors as ``Store.append``."""
        return await self.ask(draft, Appended)

    async def do(self, work: Work) -> Outcome:
        """Wait until the work is durable; its outcome. Errors as ``Store.append``."""
        return await self._enter(work)

    async def ask(self, work: Work, answer: type[Answer]) -> Answer:
        """The same for work whose outcome is always of one type."""
        outcome = await self._enter(work)
        assert isinstance(outcome, answer)  # noqa: S101 - for the type checker
        return outcome

    async def probe(self) -> None:
        """Wait until a batch was made durable. Errors as ``Store.ready``."""
        await self._enter(None)

    @property
    def waiting(self) -> int:
        """How many wait for the next commit."""
        return self._waiting.qsize()

    async def close(self) -> None:
        """Take nothing more, commit what is waiting, and end the task."""
        self._closed = True
        await self._waiting.join()
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _enter(self, work: Work | None) -> Outcome:
        if self._closed:
            raise StoreUnavailable("The record store is closed.")
        waiting = _Waiting(work)
        try:
            self._waiting.put_nowait(waiting)
        except asyncio.QueueFull:
            raise Overloaded("Too many choices are waiting to be recorded.") from None
        # If the caller is cancelled here, so is the future, and the batch goes on without it.
        return await waiting.answer

    async def _run(self) -> None:
        following: _Waiting | None = None
        while True:
            batch = [following or await self._waiting.get()]
            following = None
            while not batch[0].alone and len(batch) < MAX_BATCH and not self._waiting.empty():
                following = self._waiting.get_nowait()
                if following.alone:
                    break
                batch.append(following)
                following = None
            await self._settle(batch)

    async def _settle(self, batch: list["_Waiting"]) -> None:
        """Commit a batch and answer everyone in it, whatever happens."""
        try:
            outcomes = iter(await self._commit(_batch(batch)))
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
                waiting.fail(_told(error), error)
        else:
            for waiting in batch:
                waiting.resolve(None if waiting.work is None else next(outcomes))
        for _ in batch:
            self._waiting.task_done()


class _Waiting:
    """A caller in the queue: its work (``None`` for a probe) and where its answer goes."""

    __slots__ = ("alone", "answer", "work")

    def __init__(self, work: Work | None) -> None:
        self.work = work
        self.alone = isinstance(work, Alone)
        self.answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def resolve(self, outcome: Outcome) -> None:
        if self.answer.cancelled():
            return
        if isinstance(outcome, Exception):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)

    def fail(self, error: Exception, cause: Exception) -> None:
        if not self.answer.cancelled():
            error.__cause__ = cause
            self.answer.set_exception(error)


def _batch(waiting: Sequence[_Waiting]) -> Batch:
    work = waiting[0].work
    if isinstance(work, Alone):
        return work
    return [one.work for one in waiting if isinstance(one.work, Shared)]


def _told(error: Exception) -> StoreUnavailable:
    return (
        LogRefused(str(error)) if isinstance(error, LogRefused) else StoreUnavailable(UNAVAILABLE)
    )
