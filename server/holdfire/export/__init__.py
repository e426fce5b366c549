"""Records, for people and programs outside: streamed in the order of the logs.

Each form is a module: ``lines`` (NDJSON, all there is), ``table`` (CSV, for people), ``standard``
with ``dpv`` and ``kantara`` (consent records as two standards have them). ``bundle`` is for a court.
"""

import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Protocol, TextIO

from holdfire.export.progress import Progress
from holdfire.export.selection import Selection, selected
from holdfire.record import Record
from holdfire.store import Store

__all__ = ["Form", "Selection", "write"]


class Form(Protocol):
    """How records are written."""

    def head(self) -> str:
        """What comes before the first record."""
        ...

    async def record(self, record: Record, origin: str) -> str | None:
        """One record of the log ``origin``; ``None`` where this form has nothing to say of it."""
        ...


async def write(
    store: Store,
    selection: Selection,
    form: Form,
    out: TextIO,
    *,
    progress: TextIO,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Write every record that is selected; returns how many. Memory stays constant.

    What is recorded after the start is not in it.
    """
    heads = await store.heads()
    told = Progress(heads, progress, clock)
    origins = {head.log: head.origin for head in heads}
    out.write(form.head())
    async with aclosing(selected(store, selection, heads, told.read)) as records:
        async for record in records:
            text = await form.record(record, origins[record.log])
            if text is None:
                told.left_out += 1
            else:
                out.write(text)
                told.written += 1
    told.end()
    return told.written
