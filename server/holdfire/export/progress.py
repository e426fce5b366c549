"""How far an export has come, for who waits for it."""

from collections.abc import Callable, Sequence
from typing import TextIO

from holdfire.record import Head, Record

EVERY = 10_000  # records read between two lines


class Progress:
    """Counts, and says a line now and then: how many, how fast, how much of the logs."""

    def __init__(
        self, heads: Sequence[Head], out: TextIO, clock: Callable[[], float], every: int = EVERY
    ) -> None:
        """``clock`` tells seconds; it may start anywhere."""
        self.written = 0
        self.left_out = 0
        self._read = 0
        self._every = every
        self._out = out
        self._clock = clock
        self._started = clock()
        self._before = {head.log: sum(h.size for h in heads if h.log < head.log) for head in heads}
        self._entries = sum(head.size for head in heads)

    def read(self, record: Record) -> None:
        """Another record is looked at; those before it have been dealt with."""
        if self._read and self._read % self._every == 0:
            seconds = max(self._clock() - self._started, 1e-3)
            rate = round(self._read / seconds)
            done = 100 * (self._before[record.log] + record.log_index) // self._entries
            line = f"{self.written} records, {self._read} read, {rate}/s, {done} % of the log"
            print(line, file=self._out, flush=True)
        self._read += 1

    def end(self) -> None:
        """All was looked at."""
        print(f"{self.written} records", file=self._out)
        if self.left_out:
            print(f"{self.left_out} left out: hand-overs, which are no consent", file=self._out)
