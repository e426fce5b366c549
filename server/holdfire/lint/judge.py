"""Every rule that one view of a banner can break."""

from collections.abc import Iterator

from holdfire.lint.conduct import conduct
from holdfire.lint.finding import Finding, View
from holdfire.lint.legibility import legibility
from holdfire.lint.prominence import prominence
from holdfire.lint.wording import Phrases


def judge(view: View, phrases: Phrases) -> Iterator[Finding]:
    """What is wrong with a banner in one view."""
    yield from prominence(view)
    yield from legibility(view, phrases)
    yield from conduct(view)
