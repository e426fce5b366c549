"""Decisions for many visitors at once, for servers that hold an API key.

The same law, table and pure function as for one visitor (``consent.decide``). What makes it fast is
that most visitors are alike: everything that is the same for those in one place with the same
signals is found once, and visitors whose acts say the same share one ``Verdict``. Services are
decided apart from categories, because there are so many more ways to choose among them.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from hashlib import sha256
from typing import Literal, NamedTuple, TypeVar

import msgspec

from holdfire import evidence, policy
from holdfire.consent import DEGRADED, FRESH_SECONDS, denied
from holdfire.errors import HoldfireError, StoreUnavailable
from holdfire.ground import Context, Ground, circumstances, ground, youngest
from holdfire.model import (
    UNKNOWN_LOCATION,
    Decision,
    Decisions,
    Location,
    Prior,
    Signals,
    Site,
    Visitor,
)
from holdfire.parse import AskedBody, Batch
from holdfire.store import Standing

T = TypeVar("T")
DEADLINE = 1.0  # seconds that the store has for all of them
AT_ONCE = 64  # visitors decided before others have a turn: 15 ms at the very most, usually 1
VERSION = 16  # hex digits: enough to tell apart what one caller holds, and not a proof


class Verdict(NamedTuple):
    """What was decided for visitors who are alike."""

    regime: str
    version: str  # of all that stands here, and of the site
    categories: Mapping[str, Decision]
    services: Mapping[str, Decision]
    chosen: bool  # it rests on a choice, and holds until that runs out


class Told(NamedTuple):
    """One visitor's answer."""

    asked: AskedBody
    seq: int  # of the visitor's newest act; 0 for none
    verdict: Verdict
    valid_until: int  # seconds since 1970, UTC


class Answers(NamedTuple):
    """All answers, in the order asked; an error stands where there is none."""

    decided_at: int  # seconds since 1970, UTC
    source: Literal["store", "degraded"]
    version: str
    told: Sequence[Told | HoldfireError]


async def decide(ctx: Context, site: Site, batch: Batch) -> Answers:
    """Decide for every visitor of a batch. Never raises for a broken store: it denies.

    Who is asked for without a place is nowhere, and has the strictest law of all places: nobody is
    allowed because their place was left out.
    """
    now = ctx.clock()
    known = await _standings(ctx, site, batch)
    desk = _Desk(ctx, site, batch, now, known)
    told: list[Told | HoldfireError] = []
    async for portion in portions(batch.visitors):
        told += map(desk.tell, portion)
    return Answers(
        decided_at=int(now),
        source="degraded" if known is None else "store",
        version=_digest("\n".join(map(_line, told)).encode()),
        told=told,
    )


async def portions(items: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """So many at a time as others can wait for; they have a turn between two of them."""
    for start in range(0, len(items), AT_ONCE):
        if start:
            await asyncio.sleep(0)
        yield items[start : start + AT_ONCE]


async def _standings(ctx: Context, site: Site, batch: Batch) -> dict[str, Standing] | None:
    """The newest act of each visitor who has one; ``None`` if that cannot be found out."""
    wanted = {one.visitor for one in batch.visitors if isinstance(one, AskedBody)}
    try:
        async with asyncio.timeout(DEADLINE):
            return await ctx.store.standings(site.id, tuple(wanted))
    except (StoreUnavailable, TimeoutError):
        return None


class _Decided(NamedTuple):
    """What was decided for categories, and for each service if it was refused and if it was not."""

    categories: Mapping[str, Decision]
    unrefused: Mapping[str, Decision]
    refused: Mapping[str, Decision]
    chosen: bool
    verdicts: dict[tuple[str, ...], Verdict]  # by the services that were refused


class _Alike(NamedTuple):
    """What is the same for everybody in one place with the same signals."""

    visitor: Visitor
    held: Ground
    decided: dict[object, _Decided]  # by all else that decides about categories


class _Desk:
    """Decides one batch."""

    def __init__(
        self,
        ctx: Context,
        site: Site,
        batch: Batch,
        now: float,
        known: Mapping[str, Standing] | None,
    ) -> None:
        whole = batch.whole
        self._ctx, self._site, self._whole, self._now = ctx, site, whole, now
        self._known = known
        self._alike: dict[object, _Alike] = {}
        categories, services = whole.categories, whole.services
        self._categories = [c.id for c in site.categories] if categories is None else categories
        self._services = [s.id for s in site.services] if services is None else services
        self._known_services = {s.id for s in site.services}.intersection(self._services)
        self._refusing = _refusing(self._known_services)

    def tell(self, asked: AskedBody | HoldfireError) -> Told | HoldfireError:
        """The answer to one of the items."""
        if isinstance(asked, HoldfireError):
            return asked
        alike = self._like(asked)
        if self._known is None:
            return Told(asked, 0, self._degraded(alike), int(self._now))
        standing = self._known.get(asked.visitor)
        if standing is None:
            verdict = self._verdict(alike, None, asked.age)
            return Told(asked, 0, verdict, int(self._now) + FRESH_SECONDS)
        try:
            prior, age = evidence.standing(standing.evidence)
        except ValueError:
            # Lost: one visitor's answer, which is no "allow". The other answers rest on their own.
            return HoldfireError("The newest act cannot be read; nothing is granted.")
        ages = [one for one in (age, asked.age) if one is not None]
        verdict = self._verdict(alike, prior, min(ages, default=None))
        ends = policy.expires(prior, alike.held.rules) if verdict.chosen else 0
        until = max(ends, int(self._now) + FRESH_SECONDS)
        return Told(asked, standing.seq, verdict, until)

    def _like(self, asked: AskedBody) -> _Alike:
        """What an item says of itself counts before what is said of the whole batch."""
        whole = self._whole
        place = whole.place if asked.place is None else asked.place
        gpc = whole.gpc if asked.gpc is None else asked.gpc
        dnt = whole.dnt if asked.dnt is None else asked.dnt
        found = self._alike.get((place, gpc, dnt))
        if found is None:
            visitor = Visitor(
                location=_location(place),
                signals=Signals(gpc=gpc is True, dnt=dnt),
                languages=(),
                address_prefix="",
            )
            held = ground(self._ctx, self._site, visitor, self._now)
            found = self._alike[place, gpc, dnt] = _Alike(visitor, held, {})
        return found

    def _verdict(self, alike: _Alike, prior: Prior | None, age: int | None) -> Verdict:
        key = (age, prior and _shape(prior, self._now >= policy.expires(prior, alike.held.rules)))
        decided = alike.decided.get(key)
        if decided is None:
            visitor = youngest(alike.visitor, age)
            now = circumstances(self._site, visitor, prior, self._now)
            found = policy.decide(alike.held.rules, now)
            decided = alike.decided[key] = self._services_of(found)
        said = prior.services if prior else {}
        refused = tuple([key for key, granted in said.items() if not granted])
        return decided.verdicts.get(refused) or self._spelt(alike.held, decided, refused)

    def _degraded(self, alike: _Alike) -> Verdict:
        """Everything denied but what is necessary."""
        decided = alike.decided.get(None)
        if decided is None:
            categories = denied(alike.held.rules.categories)
            found = Decisions(categories, DEGRADED, prompt="link", opt_out_status="none")
            decided = alike.decided[None] = self._services_of(found)
        return decided.verdicts.get(()) or self._spelt(alike.held, decided, ())

    def _services_of(self, found: Decisions) -> _Decided:
        def each(prior: Prior | None) -> Mapping[str, Decision]:
            return {
                s: policy.decide_service(self._site, s, found, prior) for s in self._known_services
            }

        return _Decided(
            categories={c: found.categories.get(c, policy.UNKNOWN) for c in self._categories},
            unrefused=each(None),
            refused=each(self._refusing),
            chosen=any(d.reason.startswith("choice_") for d in found.categories.values()),
            verdicts={},
        )

    def _spelt(self, held: Ground, decided: _Decided, refused: tuple[str, ...]) -> Verdict:
        services = {
            s: (decided.refused if s in refused else decided.unrefused).get(s, policy.UNKNOWN)
            for s in self._services
        }
        all_of_it = (self._site.version, held.rules.regime, decided.categories, services)
        verdict = decided.verdicts[refused] = Verdict(
            regime=held.rules.regime,
            version=_digest(msgspec.json.encode(all_of_it)),
            categories=decided.categories,
            services=services,
            chosen=decided.chosen,
        )
        return verdict


def _shape(prior: Prior, expired: bool) -> object:  # noqa: FBT001 -- one of the things in it
    """All of a choice that decides about categories.

    Of its times, only whether they are over; ``shown_services`` is about being asked again alone.
    """
    return (
        prior.action,
        tuple(prior.categories.items()),
        prior.notice_version,
        prior.gpc_noticed,
        prior.dnt_noticed,
        prior.by_signal,
        prior.left_on,
        expired,
    )


def _refusing(services: Collection[str]) -> Prior:
    """A choice that refuses every service; nothing else of it is read."""
    return Prior(
        action="save",
        categories={},
        services=dict.fromkeys(services, False),
        shown_services=(),
        notice_version="",
        recorded_at=0,
        valid_until=0,
    )


def _location(place: str | None) -> Location:
    if place is None:
        return UNKNOWN_LOCATION
    country, _, region = place.partition("-")
    return Location(country=country, region=region or None, source="override", confidence="high")


def _line(told: Told | HoldfireError) -> str:
    if isinstance(told, HoldfireError):
        return told.code
    return f"{told.asked.visitor} {told.verdict.version}"


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:VERSION]
