"""Decisions for many visitors at once, for servers that hold an API key."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from holdfire import batch, parse
from holdfire.batch import Answers, Told
from holdfire.errors import HoldfireError, KeyInvalid, OriginRefused
from holdfire.model import Decision
from holdfire.web import media
from holdfire.web.house import house_of, status_of, timestamp
from holdfire.web.media import Media
from holdfire.web.request import bearer_of, site_of


class FaultBody(msgspec.Struct):
    """Why there is no answer for one of the visitors."""

    code: str
    message: str


class BatchItemBody(msgspec.Struct):
    """The answer for one visitor: what was decided, that it is unchanged, or why there is none."""

    visitor: str | None  # None with an error: what was sent there is not repeated
    seq: int | UnsetType = UNSET
    regime: str | UnsetType = UNSET
    version: str | UnsetType = UNSET
    valid_until: str | UnsetType = UNSET
    categories: dict[str, Decision] | UnsetType = UNSET
    services: dict[str, Decision] | UnsetType = UNSET
    unchanged: Literal[True] | UnsetType = UNSET
    error: FaultBody | UnsetType = UNSET


class BatchAnswerBody(msgspec.Struct):
    """The answer to a batch (PROTOCOL.md §5)."""

    site: str
    decided_at: str
    source: Literal["store", "degraded"]
    version: str
    decisions: list[BatchItemBody] | UnsetType = UNSET
    valid_until: str | UnsetType = UNSET  # the earliest of them, where all is unchanged
    unchanged: Literal[True] | UnsetType = UNSET


class _Written(msgspec.Struct):
    """A decided ``BatchItemBody`` with what many visitors share written once."""

    visitor: str
    seq: int
    regime: str
    version: str
    valid_until: str
    categories: msgspec.Raw
    services: msgspec.Raw


class _Answer(msgspec.Struct):
    """``BatchAnswerBody`` with such items."""

    site: str
    decided_at: str
    source: str
    version: str
    decisions: list[_Written | BatchItemBody]


async def post_decisions(request: Request) -> Response:
    """``POST …/decisions``: 200, or 503 with a denial for everybody.

    What the caller holds is said in the body, not by ``If-None-Match``: on a POST that could only
    be answered 412 (RFC 9110 §13.1.2), and a POST has no representation for an ``ETag`` to be of.
    """
    site, house = site_of(request), house_of(request)
    parse.query(request.scope["query_string"], {})
    _refuse_pages(request)
    try:
        key = house.keys.check(_bearer(request), site.id, "decisions:read")
    except KeyInvalid:
        request.scope["holdfire.headers"].append((b"www-authenticate", b"Bearer"))
        raise
    spoken = media.wanted(request)
    packed = media.sent(request) is media.MESSAGEPACK
    asked = parse.batch(await request.body(), packed=packed)
    house.limits.batch(site.id, key.id, len(asked.visitors))
    answers = await batch.decide(house.ctx, site, asked)
    async for portion in batch.portions(answers.told):
        _count(house.metrics.decisions, portion)
    if answers.version == asked.whole.version:
        body = spoken.encode(_unchanged(site.id, answers))
    else:
        body = spoken.encode(await _written(site.id, answers, spoken))
    return Response(
        body,
        status_of(answers.source),
        {"cache-control": "no-store", "vary": "Accept"},
        spoken.type,
    )


def _refuse_pages(request: Request) -> None:
    """A browser names the origin of every POST. A key that a page sends is everybody's by then."""
    if "origin" in request.headers:
        raise OriginRefused(
            "API keys are for servers: no page may hold one, and no Origin is sent."
        )


def _bearer(request: Request) -> str:
    """What stands where the one API key has to be; "" for none or two."""
    try:
        return bearer_of(request) or ""
    except ValueError:
        return ""


async def _written(site: str, answers: Answers, spoken: Media) -> _Answer:
    texts: dict[int, msgspec.Raw] = {}  # of what many visitors share
    times: dict[int, str] = {}

    def text(shared: Mapping[str, Decision]) -> msgspec.Raw:
        found = texts.get(id(shared))
        if found is None:
            found = texts[id(shared)] = msgspec.Raw(spoken.encode(shared))
        return found

    def item(told: Told | HoldfireError) -> _Written | BatchItemBody:
        if isinstance(told, HoldfireError):
            return BatchItemBody(None, error=FaultBody(told.code, str(told)))
        asked, seq, verdict, seconds = told
        until = times.get(seconds) or times.setdefault(seconds, timestamp(seconds))
        regime, version, categories, services, _ = verdict
        if asked.version == version:
            return BatchItemBody(asked.visitor, version=version, valid_until=until, unchanged=True)
        return _Written(
            asked.visitor, seq, regime, version, until, text(categories), text(services)
        )

    items: list[_Written | BatchItemBody] = []
    async for portion in batch.portions(answers.told):
        items += map(item, portion)
    return _Answer(site, timestamp(answers.decided_at), answers.source, answers.version, items)


def _unchanged(site: str, answers: Answers) -> BatchAnswerBody:
    ends = [told.valid_until for told in answers.told if isinstance(told, Told)]
    return BatchAnswerBody(
        site=site,
        decided_at=timestamp(answers.decided_at),
        source=answers.source,
        version=answers.version,
        valid_until=timestamp(min(ends, default=answers.decided_at)),
        unchanged=True,
    )


def _count(counter: Counter[tuple[str, str]], told: Sequence[Told | HoldfireError]) -> None:
    """Count decisions by reason: what visitors share once, times those who share it."""
    verdicts = [one.verdict for one in told if isinstance(one, Told)]
    for asked, all_shared in (
        ("category", [verdict.categories for verdict in verdicts]),
        ("service", [verdict.services for verdict in verdicts]),
    ):
        visitors = Counter(map(id, all_shared))
        reasons: dict[str, int] = {}
        for shared in {id(one): one for one in all_shared}.values():
            for decision in shared.values():
                reasons[decision.reason] = reasons.get(decision.reason, 0) + visitors[id(shared)]
        for reason, count in reasons.items():
            counter[asked, reason] += count
