"""One question for all who ask at once, where asking costs a journey."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Asked = TypeVar("Asked", bound=Hashable)
Answer = TypeVar("Answer")


class Rounds(Generic[Asked, Answer]):
    """Who asks while a question is under way shares the next one, never that one.

    What was under way before somebody asked may not see what had happened by then.
    """

    def __init__(self, ask: Callable[[Asked], Awaitable[Answer]]) -> None:
        """``ask`` is never called twice at once."""
        self._ask = ask
        self._turn = asyncio.Lock()
        self._waiting: dict[Asked, asyncio.Task[Answer]] = {}
        self._tasks: set[asyncio.Task[Answer]] = set()

    async def ask(self, asked: Asked) -> Answer:
        """The answer to a question that is sent from now on. Errors as those of ``ask``.

        A caller that is cancelled leaves the question to the others, or to nobody.
        """
        task = self._waiting.get(asked)
        if task is None:
            task = self._waiting[asked] = asyncio.create_task(self._round(asked))
            self._tasks.add(task)
            task.add_done_callback(self._heard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Return when nothing is under way any more."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _round(self, asked: Asked) -> Answer:
        async with self._turn:
            del self._waiting[asked]
            return await self._ask(asked)

    def _heard(self, task: asyncio.Task[Answer]) -> None:
        """Take note of how it ended, though whoever asked may have given up waiting."""
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()
