"""Whether the log in a store may be gone on with.

A database that is behind what was signed for it was brought back from an old copy, or is another
one. To write there would fork the log, and to read there could miss a withdrawal: so nothing is
answered from it at all.
"""

from collections.abc import Callable

from holdfire.errors import LogRefused
from holdfire.record import Head

Check = Callable[[Head], str | None]
"""What is wrong with a log that ends so; ``None`` if nothing is."""


class Fence:
    """Stands round one store. Open until somebody closes it, and then closed until a restart."""

    def __init__(self, check: Check = lambda _: None) -> None:
        """``check`` is asked at every new connection, before anything is read or written there."""
        self._check = check
        self.reason: str | None = None

    def close(self, reason: str) -> None:
        """Let nobody through any more. ``reason`` is a sentence for the operator."""
        self.reason = self.reason or reason

    def accept(self, head: Head) -> None:
        """Look at where the log ends; raises ``LogRefused``, this once, if it is not gone on with."""
        if reason := self._check(head):
            raise LogRefused(reason)

    def require(self) -> None:
        """Raises ``LogRefused`` if the fence is closed."""
        if self.reason is not None:
            raise LogRefused(self.reason)
