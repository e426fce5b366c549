"""The domain verbs: what holds here, what to show, what was chosen, may it fire.

Each verb is one screen: find the law, decide with the pure function, and for a choice append one
record in one transaction. Whoever calls has already parsed; whatever fails, fails to "denied".
"""

import base64
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from holdfire import evidence, patience, policy
from holdfire.errors import EventConflict, Overloaded, Overtaken, StoreUnavailable
from holdfire.evidence import Evidence, Subject
from holdfire.ground import Context, Ground, circumstances, ground, language_of, seen, youngest
from holdfire.model import (
    Category,
    CategoryRule,
    Choice,
    Decision,
    Decisions,
    DecisionSource,
    Prior,
    Rules,
    Site,
    Visitor,
)
from holdfire.notice import Notice, NoticeCategory, NoticeLocation, NoticeRegime
from holdfire.proof import prove
from holdfire.record import Draft, Record
from holdfire.rules import links
from holdfire.store import Appended, Newest
from holdfire.tokens import VisitorToken, prior_of, token_of

DAY = 86_400  # seconds
FRESH_SECONDS = 300  # how long an answer that rests on no choice may be relied upon
TURNS = 8  # how often an act is proved anew because another of the same visitor came first
LOOKUP_SECONDS = 0.03  # what a lookup waits for the store: it is answered within 50 ms, or denied
HISTORY = 50  # acts that a visitor is told of: one short read, a screen or two to look at
DEGRADED = Decision(allow=False, reason="store_unavailable")

T = TypeVar("T")


class _Standing(NamedTuple):
    """The choice of a visitor that stands, and the age that they are known to have."""

    newest: Newest  # the act that it is of
    prior: Prior
    age: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What was decided for one visitor, and what it rests on."""

    decisions: Decisions
    prior: Prior | None
    regime: str
    decided_at: int  # seconds since 1970, UTC
    valid_until: int
    turns_at: int  # the next second at which the time alone may change the decision
    source: DecisionSource
    newest: Newest | None = None  # the act that ``prior`` is of


class Told(NamedTuple):
    """A notice, when it was decided, and when the time alone may change it."""

    notice: Notice
    decided_at: int  # seconds since 1970, UTC
    turns_at: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """A choice that is durable, and what follows from it."""

    record: Record
    standing: Evidence  # of the visitor's newest act, which is this one unless it was sent again
    token: str
    fresh: bool  # false: the same act had been recorded before


async def decide(ctx: Context, site: Site, visitor: Visitor, token: VisitorToken | None) -> Answer:
    """Decide everything for one visitor. Never raises for a broken store: it denies."""
    now = ctx.clock()
    held = ground(ctx, site, visitor, now)
    try:
        if token is None:
            # Who comes without a token may have chosen all the same: nobody is allowed meanwhile.
            await _answered(ctx.store.readable())
        found = await _standing(ctx, site, token)
    except StoreUnavailable:
        return _degraded(held, now)
    visitor, prior = _recalled(visitor, token, found)
    decisions = policy.decide(held.rules, circumstances(site, visitor, prior, now))
    return Answer(
        decisions=decisions,
        prior=prior,
        regime=held.rules.regime,
        decided_at=int(now),
        valid_until=_relied_upon(held.rules, prior, decisions, now),
        turns_at=_turns_at(held.rules, prior, now),
        source="store" if prior else "default",
        newest=found.newest if found else None,
    )


async def notice(
    ctx: Context,
    site: Site,
    visitor: Visitor,
    token: VisitorToken | None,
) -> Told:
    """Say what this visitor is to be shown. Raises ``StoreUnavailable``."""
    now = ctx.clock()
    held = ground(ctx, site, visitor, now)
    visitor, prior = _recalled(visitor, token, await _standing(ctx, site, token))
    decided = policy.decide(held.rules, circumstances(site, visitor, prior, now))
    language = language_of(site, visitor, held)
    shown = Notice(
        site=site.id,
        version=site.version,
        regime=NoticeRegime(id=held.rules.regime, model=held.rules.model),
        location=NoticeLocation.of(visitor.location),
        language=language,
        direction="rtl" if site.texts[language]["language.direction"] == "rtl" else "ltr",
        signals=visitor.signals,
        prompt=decided.prompt,
        categories=tuple(
            NoticeCategory(
                id=rule.id,
                locked=rule.locked,
                allow=decided.categories[rule.id].allow,
                reason=decided.categories[rule.id].reason,
            )
            for rule in held.rules.categories
        ),
        sale_or_share=decided.sale_or_share,
        links=tuple(link.id for link in links(site, held.resolution.regime)),
        opt_out_status=decided.opt_out_status,
    )
    return Told(shown, int(now), _turns_at(held.rules, prior, now))


async def choose(
    ctx: Context,
    site: Site,
    visitor: Visitor,
    choice: Choice,
    *,
    browser: str,
    token: VisitorToken | None,
) -> Chosen:
    """Record one act, durably, once.

    Raises ``ActionMismatch`` for an acknowledgement that refuses, ``EventConflict`` if the event id belongs to another act, ``Overloaded`` if nothing was
    recorded, ``StoreUnavailable`` if it is not known: sending it again settles it.
    """
    appended = await _appended(ctx, site, visitor, choice, browser=browser, token=token)
    record = appended.record
    if token is not None and record.visitor != token.visitor:
        # The same act replayed under another pseudonym would hand over that visitor's token.
        raise EventConflict("This event id belongs to another visitor.")
    newest = record if appended.fresh else await _latest(ctx, record)
    standing = evidence.read(newest)
    signed = ctx.tokens.sign(
        site.id,
        token_of(newest.visitor, newest.seq, evidence.prior_of(standing), standing.age),
    )
    return Chosen(record=record, standing=standing, token=signed, fresh=appended.fresh)


async def _appended(
    ctx: Context,
    site: Site,
    visitor: Visitor,
    choice: Choice,
    *,
    browser: str,
    token: VisitorToken | None,
) -> Appended:
    """Prove the act against the visitor's newest one and append it, while that is the newest.

    Two acts that arrive at once would else both be proved against the one before them, and a late
    consent could land on a refusal that it knows nothing of.
    """
    now = ctx.clock()
    held = ground(ctx, site, visitor, now)
    pseudonym = token.visitor if token else _pseudonym(ctx.random)
    shown = seen(ctx, site, visitor, held, choice.language)
    await ctx.archive.refer(site, shown)
    for _ in range(TURNS):
        newest = await ctx.store.latest(site.id, token.visitor) if token else None
        earlier = evidence.read(newest) if newest else None
        seq = newest.seq if newest else 0
        aged = _aged(visitor, token, earlier.age if earlier else None)
        proof = prove(site, aged, choice, held=held, seen=shown, earlier=earlier, seq=seq, now=now)
        person = Subject(visitor=pseudonym, address_prefix=visitor.address_prefix, browser=browser)
        draft = Draft(
            site=site.id,
            visitor=pseudonym,
            event_id=choice.event_id,
            fingerprint=evidence.fingerprint(choice),
            recorded_ms=proof.server_ms,
            evidence=evidence.encode(proof),
            subject=evidence.encode(person),
            after=seq,
            config=bytes.fromhex(proof.shown.config),
            flags=evidence.flags(proof),
        )
        with suppress(Overtaken):
            return await ctx.store.append(draft)
    raise Overloaded("The visitor acts faster than it can be recorded.")


async def history(ctx: Context, site: Site, token: VisitorToken | None) -> tuple[Record, ...]:
    """The newest acts of the visitor whom the token names, newest first; of nobody without one.

    Raises ``StoreUnavailable``, whoever asks: "nothing was chosen" is only said of a log that was
    read.
    """
    if token is None:
        await ctx.store.readable()
        return ()
    return await ctx.store.history(site.id, token.visitor, HISTORY)


async def _latest(ctx: Context, record: Record) -> Record:
    """An act sent again is answered with what holds now: it may have been withdrawn since."""
    return await ctx.store.latest(record.site, record.visitor) or record


async def _standing(ctx: Context, site: Site, token: VisitorToken | None) -> _Standing | None:
    """The choice that stands. A token older than a withdrawal must not outlive it."""
    return await _answered(_asked(ctx, site, token)) if token is not None else None


async def _asked(ctx: Context, site: Site, token: VisitorToken) -> _Standing | None:
    """A token of the newest act says all that deciding needs, signed; else the record is read."""
    newest = await ctx.store.newest(site.id, token.visitor)
    if newest is None:
        return None
    if newest.seq == token.seq and token.whole:
        return _Standing(newest, prior_of(token), token.age)
    found = (await ctx.store.standings(site.id, (token.visitor,))).get(token.visitor)
    if found is None:
        return None  # erased meanwhile
    prior, age = evidence.standing(found.evidence)
    return _Standing(Newest(found.seq, found.log, found.log_index), prior, age)


async def _answered(question: Coroutine[Any, Any, T]) -> T:
    """What the store answers a lookup. Raises ``StoreUnavailable``, also where it takes too long."""
    try:
        return await patience.within(LOOKUP_SECONDS, question)
    except TimeoutError as error:
        raise StoreUnavailable("The record store takes too long to answer.") from error


def _recalled(
    visitor: Visitor, token: VisitorToken | None, found: _Standing | None
) -> tuple[Visitor, Prior | None]:
    """The visitor at the age that is known of them, and their standing choice."""
    return _aged(visitor, token, found.age if found else None), found.prior if found else None


def _aged(visitor: Visitor, token: VisitorToken | None, recorded: int | None) -> Visitor:
    """The record is asked as well as the token: an older token knows of no age said since."""
    return youngest(visitor, token.age if token else None, recorded)


def _relied_upon(table: Rules, prior: Prior | None, decided: Decisions, now: float) -> int:
    """Until when the answer holds if nobody acts: what rests on a choice, until that runs out.

    Everything else may change with the law, at midnight, or with a signal, at any time.
    """
    chosen = any(d.reason.startswith("choice_") for d in decided.categories.values())
    ends = policy.expires(prior, table) if prior and chosen else int(now)
    return max(ends, int(now) + FRESH_SECONDS)


def _turns_at(table: Rules, prior: Prior | None, now: float) -> int:
    """The next second at which the time alone may change the answer; laws change at midnight."""
    midnight = (int(now) // DAY + 1) * DAY
    return min((midnight, *(turn for turn in policy.turns(prior, table) if turn > now)))


def denied(categories: Iterable[Category | CategoryRule]) -> dict[str, Decision]:
    """The decisions while nothing is known: all but what is necessary are denied."""
    return {one.id: policy.NECESSARY if one.locked else DEGRADED for one in categories}


def _degraded(held: Ground, now: float) -> Answer:
    return Answer(
        decisions=Decisions(
            categories=denied(held.rules.categories),
            sale_or_share=DEGRADED,
            prompt="link",
            opt_out_status="none",
        ),
        prior=None,
        regime=held.rules.regime,
        decided_at=int(now),
        valid_until=int(now),
        turns_at=int(now),
        source="degraded",
    )


def _pseudonym(random: Callable[[int], bytes]) -> str:
    """128 random bits, base64url: 22 characters."""
    return base64.urlsafe_b64encode(random(16)).rstrip(b"=").decode("ascii")
