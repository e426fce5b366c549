"""What both kinds of middleware do alike: whom to ask, what to make of the answer, what to enforce.

Nothing is remembered from one request to the next: a withdrawal has to hold for the very next page,
and only the service knows of it. The question costs a few milliseconds on a connection that stays
open; who wants fewer names the paths on which nobody need be asked.
"""

import logging
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from holdfire.middleware import verdict
from holdfire.middleware.cookies import refusing
from holdfire.middleware.question import Answer, Service
from holdfire.middleware.verdict import Malformed, Verdict

LOG = logging.getLogger("holdfire.middleware")
OK, UNAVAILABLE = 200, 503

VARY = ("Cookie", "Sec-GPC", "DNT")
_DIRECTIVE = re.compile(r'(?:[^,"]|"[^"]*"?)+')
_SHARED = frozenset(("public", "s-maxage", "proxy-revalidate", "private"))

Lines = list[tuple[str, str]]


@dataclass(slots=True)
class Rules:
    """How one middleware was set up."""

    base: str
    site: str
    strictest: str | Path
    seconds: float
    connections: int
    proxies: int
    pass_on: Collection[str]
    unasked: Sequence[str]
    service: Service = field(init=False)
    held: Verdict = field(init=False)
    answering: bool = field(init=False, default=True)

    def __post_init__(self) -> None:
        """Raises ``ValueError`` or ``OSError``: a server that cannot be strict must not start."""
        if self.seconds <= 0 or self.connections < 1 or self.proxies < 0:
            raise ValueError("seconds and connections are above 0, proxies not below")
        self.pass_on = frozenset(name.lower() for name in self.pass_on)
        self.unasked = tuple(self.unasked)
        self.service = Service.at(self.base, self.site)
        self.held = verdict.strictest(self.strictest, self.site)

    def asks(self, path: str) -> bool:
        """Whether the visitor is asked after on this path; else the strictest holds for everybody."""
        return not path.startswith(tuple(self.unasked))

    def judged(self, answer: Answer) -> Verdict:
        """The verdict in an answer. Raises ``Malformed``."""
        if answer.status not in {OK, UNAVAILABLE}:
            raise Malformed(f"the service answered {answer.status}")
        found = verdict.read(answer.body, self.site, trusted=answer.status == OK)
        self.note(None)
        return found

    def note(self, failure: Exception | None) -> None:
        """Log when the service stops and begins to answer, not each time."""
        if self.answering == (failure is None):
            return
        self.answering = failure is None
        if failure is None:
            LOG.warning("the service answers again")
        else:
            LOG.warning("nothing is allowed until the service answers: %r", failure)


def enforce(lines: Iterable[tuple[str, str]], found: Verdict, *, personal: bool) -> Lines:
    """The headers of an answer, enforced. What the application said of policy stays beside ours.

    ``personal``: they depend on the visitor, so no shared cache may keep what they come with.
    """
    left = stripped(lines, found)
    if personal:
        left = [*_private(left), *_varied(left)]
    return [*left, ("content-security-policy", found.policy)]


def stripped(lines: Iterable[tuple[str, str]], found: Verdict) -> Lines:
    """The headers without those that set a refused cookie."""
    refused = refusing(found.refused, found.kept)
    return [
        (name, value)
        for name, value in lines
        if not (name.strip().lower() == "set-cookie" and refused(value))
    ]


def _varied(lines: Lines) -> Iterator[tuple[str, str]]:
    """What is missing of ``Vary``: a browser asks again where it would send another cookie."""
    named = {
        part.strip().lower()
        for name, value in lines
        if name.lower() == "vary"
        for part in value.split(",")
    }
    missing = [name for name in VARY if name.lower() not in named]
    if missing and "*" not in named:
        yield "vary", ", ".join(missing)


def _private(lines: Lines) -> Iterator[tuple[str, str]]:
    """The headers with ``Cache-Control: private``. ``Vary`` alone would not do: the verdict also
    depends on the visitor's address, which is no header.
    """  # noqa: D205 -- two sentences that belong together
    said = [v for n, v in lines if n.lower() == "cache-control"]
    directives = [one.strip() for one in _DIRECTIVE.findall(",".join(said))]
    kept = [d for d in directives if d and d.partition("=")[0].strip().lower() not in _SHARED]
    if not any(d.lower() == "no-store" for d in kept):
        kept.append("private")
    for name, value in lines:
        # Caches in front are told apart from browsers by these (RFC 9213).
        if not name.lower().endswith(("cache-control", "surrogate-control")):
            yield name, value
    yield "cache-control", ", ".join(kept)
