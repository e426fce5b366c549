"""Whether a ``Set-Cookie`` line sets what was refused, read as generously as any browser reads it.

Browsers take what stands before the first ``=`` of what stands before the first ``;`` (RFC 6265bis
§5.6), without the white space around it. Whoever wrote the line may have meant more than one cookie,
or one without a name whose value looks like another; each of them counts.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

OURS = "holdfire"
PREFIXES = ("__host-http-", "__http-", "__host-", "__secure-")
"""Of names (RFC 6265bis §4.1.3 and its successor); browsers read them in any case."""

_AROUND = "".join(map(chr, range(33))) + "\x7f\x85\xa0=\"'"
"""White space, controls, quotes, and the ``=`` of a cookie without a name."""


class Refused:
    """The names that must not be set. Each is compared once with each line: nothing backtracks."""

    def __init__(self, refused: Iterable[str], kept: Iterable[str]) -> None:
        self._refused = _Names(refused)
        self._kept = _Names(kept)

    def __call__(self, line: str) -> bool:
        """Whether this value of a ``Set-Cookie`` header sets any of them."""
        return any(self._is_refused(name) for name in names(line))

    def _is_refused(self, name: str) -> bool:
        bare = _bare(name)
        if bare.startswith(OURS):
            return False
        return (name in self._refused or bare in self._refused) and not (
            name in self._kept or bare in self._kept
        )


class _Names:
    """Names, and beginnings of names."""

    def __init__(self, uses: Iterable[str]) -> None:
        listed = tuple(uses)
        self._whole = frozenset(use for use in listed if not use.endswith("*"))
        self._begin = tuple(use[:-1] for use in listed if use.endswith("*"))

    def __contains__(self, name: str) -> bool:
        return name in self._whole or name.startswith(self._begin)


@lru_cache(maxsize=256)
def refusing(refused: tuple[str, ...], kept: tuple[str, ...]) -> Refused:
    """The same for the same lists: a site has as many as its visitors have kinds of choices."""
    return Refused(refused, kept)


def names(line: str) -> Iterator[str]:
    """Every name that somebody could read in a line: before a ``;``, and after each ``,``.

    A comma parts cookies where lines were folded into one. One in a date parts nothing, because no
    ``=`` follows it before the next ``;``.
    """
    first, _, _ = line.partition(";")
    for part in (first, *(piece.partition(";")[0] for piece in line.split(",")[1:])):
        name, equals, _ = part.strip(_AROUND).partition("=")
        if equals or part is first:
            yield name.strip(_AROUND)
    yield from _folded(line)


def _folded(line: str) -> Iterator[str]:
    """What stands at the beginning of a line within the line."""
    for each in line.replace("\r", "\n").split("\n")[1:]:
        name, equals, _ = each.partition(";")[0].partition("=")
        if equals:
            yield name.strip(_AROUND)


def _bare(name: str) -> str:
    lower = name.lower()
    return next((name[len(p) :] for p in PREFIXES if lower.startswith(p)), name)
