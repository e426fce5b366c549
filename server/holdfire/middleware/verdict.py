"""What was decided for one visitor, as the service said it or as it is kept for when it does not."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

LONGEST = 16_384  # bytes of a policy: twice what any server puts into one header line
NAMES = 4_096  # of cookies


class Malformed(ValueError):
    """What was read is no verdict on this site."""


@dataclass(frozen=True, slots=True)
class Decision:
    """May it fire, and why (PROTOCOL.md §1)."""

    allow: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Consent:
    """What the application is told of its visitor. What nobody knows is not allowed."""

    regime: str  # "strictest" where nobody could be asked
    source: str  # "store", "default" or "degraded"
    decisions: Mapping[str, Decision]  # by id of category or service

    def allowed(self, key: str) -> bool:
        """Whether a category or service may be used for this visitor."""
        found = self.decisions.get(key)
        return found is not None and found.allow

    def reason(self, key: str) -> str:
        """Why, or why not."""
        found = self.decisions.get(key)
        return "unknown_service" if found is None else found.reason


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that is enforced on one answer."""

    consent: Consent
    policy: str  # a Content-Security-Policy: printable ASCII
    refused: tuple[str, ...]  # names of cookies, or beginnings with ``*`` behind
    kept: tuple[str, ...]  # likewise; what both name is kept


def read(body: bytes, site: str, *, trusted: bool = True) -> Verdict:
    """The verdict in the JSON of ``…/enforcement``. Raises ``Malformed``.

    ``trusted`` is false for an answer that says itself that it could not decide: then nothing is
    allowed but what is necessary, whatever it says.
    """
    try:
        said = json.loads(body)
        tables = {**said["categories"], **said["services"]}
        consent = Consent(
            regime=_text(said["regime"]),
            source=_text(said["source"]),
            decisions=MappingProxyType(
                {_text(key): _decision(one, trusted=trusted) for key, one in tables.items()}
            ),
        )
        found = Verdict(
            consent=consent,
            policy=_policy(said["policy"]),
            refused=_names(said["cookies"]["refused"]),
            kept=_names(said["cookies"]["kept"]),
        )
        if said["site"] != site:
            raise Malformed(f"this is about {said['site']!r}, not {site!r}")
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise Malformed(f"no verdict on {site!r}: {error}") from error
    return found


def strictest(kept: str | Path, site: str) -> Verdict:
    """The verdict for when nobody can be asked, from the file that ``holdfire csp --json`` wrote.

    Raises ``Malformed`` or ``OSError``: a server that has none must not start.
    """
    return read(Path(kept).read_bytes(), site, trusted=False)


def _decision(one: Mapping[str, Any], *, trusted: bool) -> Decision:
    allow, reason = one["allow"] is True, _text(one["reason"])
    return Decision(allow and (trusted or reason == "necessary"), reason)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Malformed(f"{value!r} is no text")
    return value


def _policy(value: object) -> str:
    text = _text(value)
    if not text or len(text) > LONGEST or not text.isascii() or not text.isprintable():
        raise Malformed("the policy cannot stand in a header")
    return text


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > NAMES:
        raise Malformed("a list of cookies is expected")
    return tuple(map(_text, value))
