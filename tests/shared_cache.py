"""A shared cache, as far as RFC 9111 lets one go in keeping answers and giving them to others.

It is as bold as it may be: whatever it is not forbidden to keep it keeps, and gives for as long as it
may. ``Path`` keys, as some content networks do unless told otherwise, leave the query out.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from outside import Answer, Headers

HEURISTIC = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})  # RFC 9110 §15.1
Origin = Callable[[str, Headers], Answer]
Key = Callable[[str], str]


class Kept(NamedTuple):
    """One answer, with the headers of the request that it was made for."""

    asked: dict[str, list[str]]
    answer: Answer


@dataclass
class SharedCache:
    """What stands between many visitors and one service."""

    origin: Origin
    key: Key
    held: dict[str, list[Kept]] = field(default_factory=dict)

    def ask(self, path: str, headers: Headers) -> tuple[Answer, bool]:
        """What a visitor gets, and whether it was somebody else's (RFC 9111 §4)."""
        asked = lines(headers)
        for kept in reversed(self.held.get(self.key(path), [])):
            if selects(kept, asked):
                return kept.answer, True
        answer = self.origin(path, headers)
        if may_keep(answer, asked):
            self.held.setdefault(self.key(path), []).append(Kept(asked, answer))
        return answer, False


def whole(path: str) -> str:
    """The key of RFC 9111 §2: the whole address."""
    return path


def without_query(path: str) -> str:
    """The key of a network that ignores the query, as some do unless told otherwise."""
    return urlsplit(path).path


def lines(headers: Headers) -> dict[str, list[str]]:
    """The values of each header, by its name in small letters."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    return found


def directives(answer: Answer) -> dict[str, str]:
    """``Cache-Control``, by name in small letters (RFC 9111 §5.2)."""
    parts = re.split(r"\s*,\s*", answer.header("cache-control").lower())
    return {name: value.strip('"') for name, _, value in (part.partition("=") for part in parts)}


def may_keep(answer: Answer, asked: dict[str, list[str]]) -> bool:
    """Whether a shared cache may store it and give it without asking again (RFC 9111 §3, §4.2).

    One that says nothing of caching may be kept where its status allows a guess (§4.2.2).
    """
    said = directives(answer)
    if {"no-store", "private", "no-cache"} & said.keys():
        return False
    if "authorization" in asked and not {"public", "s-maxage", "must-revalidate"} & said.keys():
        return False
    if "*" in vary(answer):
        return False
    lifetime = said.get("s-maxage", said.get("max-age"))
    if lifetime is not None:
        return int(lifetime) > 0
    return "public" in said or answer.status in HEURISTIC


def selects(kept: Kept, asked: dict[str, list[str]]) -> bool:
    """Whether the headers that the answer varies by are alike in both requests (RFC 9111 §4.1)."""
    return all(kept.asked.get(name) == asked.get(name) for name in vary(kept.answer))


def vary(answer: Answer) -> set[str]:
    """What the answer says that it depends on."""
    return {name.strip().lower() for name in answer.header("vary").split(",") if name.strip()}
