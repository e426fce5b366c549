"""What a writing process has committed lately, for ``Store.news`` to answer without a query."""

import secrets
from collections import deque
from collections.abc import Sequence
from itertools import islice

from holdfire.store import MOST_NEWS, Appended, Mark, News
from holdfire.store.work import Batch, Discard, Keep, Outcome, Publish

_AGE_BITS = 62


class Recent:
    """The visitors of the newest acts, in an age in which nobody else's may have changed.

    A mark is the number of an age and of acts in it. Ages have random numbers, so that a mark of
    another store, or of the process before, is of no age of this one.
    """

    def __init__(self) -> None:
        self._acts: deque[tuple[str, str]] = deque(maxlen=MOST_NEWS)
        self.mark: Mark = (0, 0)
        self.anybody()

    def anybody(self) -> None:
        """Begin another age: it is not known whose newest act is another now."""
        self._acts.clear()
        self.mark = (secrets.randbits(_AGE_BITS), 0)

    def hear(self, batch: Batch, outcomes: Sequence[Outcome]) -> None:
        """Take note of a commit, before anybody is told of it."""
        if isinstance(batch, Keep | Discard | Publish):
            return
        if not isinstance(batch, Sequence):
            self.anybody()
            return
        age, count = self.mark
        for outcome in outcomes:
            if isinstance(outcome, Appended) and outcome.fresh:
                self._acts.append((outcome.record.site, outcome.record.visitor))
                count += 1
        self.mark = (age, count)

    def since(self, mark: Mark | None) -> News | None:
        """See ``Store.news``."""
        if mark == self.mark:
            return None
        age, count = self.mark
        behind = count - mark[1] if mark is not None and mark[0] == age else -1
        if 0 < behind <= len(self._acts):
            return News(self.mark, tuple(islice(reversed(self._acts), behind)))
        return News(self.mark, None)
