"""How long an answer is waited for, at no cost where it is there at once.

A timer of the event loop costs some 10 µs, which is more than SQLite takes to answer. So a question
is begun first, and gets its deadline only if it has something to wait for.
"""

import asyncio
import types
from collections.abc import Coroutine, Generator
from functools import partial
from typing import Any, TypeVar, cast

T = TypeVar("T")


async def within(seconds: float, question: Coroutine[Any, Any, T]) -> T:
    """What a question is answered with. Raises ``TimeoutError``, and whatever the question does.

    One that takes longer is cancelled, and so is one whose asker is.
    """
    try:
        waiting = question.send(None)
    except StopIteration as answered:
        return cast("T", answered.value)
    async with asyncio.timeout(seconds):
        return cast("T", await _rest(question, waiting))


@types.coroutine
def _rest(question: Coroutine[Any, Any, T], waiting: Any) -> Generator[Any, Any, T]:
    """Go on with a question that has begun. ``await`` takes none that waits already (PEP 380)."""
    while True:
        try:
            resume = partial(question.send, (yield waiting))
        except BaseException as thrown:  # noqa: BLE001 -- a cancellation too: it is the question's to answer, nothing is lost
            resume = partial(question.throw, thrown)
        try:
            waiting = resume()
        except StopIteration as answered:
            return cast("T", answered.value)
