"""A choice is carried to a sister site: handed over where it was made, taken over where it goes.

    hand_over   records at the sender what is disclosed and to whom, and signs a token for it
    take_over   records at the sister what of it holds there

Whoever gets a token could put their own choice into somebody else's browser, as in a forged log-in
(OWASP, "Login CSRF"). So it is good for two minutes, once, for one site, from one network, and only
for who comes from a page of the sender. The log itself makes it one-time: the event id at the
sister follows from the token, and the database takes each of them once.
"""

import base64
import hashlib
import uuid
from dataclasses import dataclass

import msgspec

from holdfire import evidence, policy
from holdfire.archive import Seen
from holdfire.consent import Chosen
from holdfire.errors import HandOffInvalid, HandOffSpent, NothingToCarry
from holdfire.evidence import Evidence, HandOff, Held, Subject
from holdfire.ground import Context, Ground, circumstances, ground, language_of, seen, youngest
from holdfire.handoff.carried import carried, narrowed, standing
from holdfire.model import Prior, Site, Visitor
from holdfire.parse import TakeOver
from holdfire.record import Draft, Record
from holdfire.tokens import HandOffToken, VisitorToken, token_of

SECONDS = 120  # from the click until the page there runs, on a slow line, with room


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A token that takes one choice to one site."""

    token: str
    expires_at: int  # seconds since 1970, UTC


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A choice that has come to a site, and who brings it."""

    site: Site
    visitor: Visitor
    held: Ground
    act: Evidence
    earlier: Evidence | None  # what the visitor chose at the site itself
    now: float


async def hand_over(
    ctx: Context,
    site: Site,
    sister: Site,
    visitor: Visitor,
    *,
    browser: str,
    token: VisitorToken | None,
) -> HandedOver:
    """Record that the visitor's choice is handed to ``sister``, and sign what takes it there.

    However often it is asked for, one act is recorded as handed to one site once.
    Raises ``NothingToCarry`` for who has not chosen, ``StoreUnavailable``.
    """
    now = ctx.clock()
    newest = await _newest(ctx, site, token)
    act = evidence.read(newest) if newest else None
    if newest is None or act is None or act.action == "acknowledge":
        raise NothingToCarry("There is no choice to hand over.")
    own = _digest("hand_over", site.id, newest.visitor, act.event_id, sister.id)
    # Under a pseudonym of its own: no record of a disclosure is ever read as a choice, and the
    # token names it without naming the visitor.
    handed = _text(own[:16])
    proof = msgspec.structs.replace(
        act,
        event_id=_uuid(own),
        seq=1,
        prev=None,
        control="hand_over",
        server_ms=int(now * 1000),
        via="hand_off",
        handed_to=HandOff(sister.id, act.event_id, _said_ms(act)),
        taken_from=msgspec.UNSET,
    )
    person = Subject(newest.visitor, visitor.address_prefix, browser)
    await ctx.store.append(_draft(handed, proof, person, own))
    once = _text(ctx.random(16))
    ticket = HandOffToken(site.id, handed, once, expires_at=int(now) + SECONDS)
    signed = ctx.tokens.sign_hand_off(sister.id, visitor.address_prefix, ticket)
    return HandedOver(signed, ticket.expires_at)


async def take_over(
    ctx: Context,
    site: Site,
    visitor: Visitor,
    asked: TakeOver,
    *,
    browser: str,
    token: VisitorToken | None,
) -> Chosen:
    """Record here what of a choice that was handed over holds here, once.

    Raises ``HandOffInvalid``, ``HandOffSpent``, ``NothingToCarry`` or ``Overtaken``, nothing
    written; or ``StoreUnavailable``.
    """
    now = ctx.clock()
    ticket = ctx.tokens.read_hand_off(site.id, visitor.address_prefix, asked.token)
    sender = _sender(ctx, site, ticket, asked.origin)
    if now >= ticket.expires_at:
        raise HandOffSpent("The hand-off has expired.")
    act = await _still_newest(ctx, sender, ticket)
    newest = await _newest(ctx, site, token)
    earlier = evidence.read(newest) if newest else None
    visitor = youngest(
        visitor, act.age, token.age if token else None, earlier.age if earlier else None
    )
    arrival = _Arrival(site, visitor, ground(ctx, site, visitor, now), act, earlier, now)
    prior = _prior(ctx, sender, arrival)
    if prior is None:
        raise NothingToCarry("Nothing of the choice would change anything here.")
    own = _digest("take_over", ticket.once)
    seq = newest.seq if newest else 0
    language = language_of(site, visitor, arrival.held)
    shown = seen(ctx, site, visitor, arrival.held, language)
    await ctx.archive.refer(site, shown)
    proof = _prove(arrival, prior, _uuid(own), seq=seq, language=language, seen=shown)
    pseudonym = token.visitor if token else _text(ctx.random(16))
    person = Subject(pseudonym, visitor.address_prefix, browser)
    appended = await ctx.store.append(_draft(pseudonym, proof, person, own, after=seq))
    if not appended.fresh:
        raise HandOffSpent("The hand-off was used before.")
    signed = ctx.tokens.sign(site.id, token_of(pseudonym, appended.record.seq, prior, visitor.age))
    return Chosen(record=appended.record, standing=proof, token=signed, fresh=True)


def _sender(ctx: Context, site: Site, ticket: HandOffToken, origin: str) -> Site:
    """The site that handed over, if the two still list each other and the visitor comes from it."""
    sender = ctx.sites.get(ticket.sender)
    if sender is None or sender.id not in site.sisters or site.id not in sender.sisters:
        raise HandOffInvalid("The two sites are not sisters.")
    if origin not in sender.origins:
        raise HandOffInvalid("The visitor does not come from the site that handed over.")
    return sender


async def _still_newest(ctx: Context, sender: Site, ticket: HandOffToken) -> Evidence:
    """The act that was handed over, unless the visitor has acted since: a withdrawal wins."""
    handed = await ctx.store.latest(sender.id, ticket.handed)
    if handed is None:
        raise HandOffSpent("The record of the hand-off is gone.")
    newest = await ctx.store.latest(sender.id, evidence.read_subject(handed).visitor)
    told = evidence.read(handed).handed_to
    if newest is None or not told or newest.event_id != told.event_id:
        raise HandOffSpent("The visitor has chosen again since.")
    return evidence.read(newest)


async def _newest(ctx: Context, site: Site, token: VisitorToken | None) -> Record | None:
    """The visitor's newest record; that there is none is only said of a log that was read."""
    if token is None:
        await ctx.store.readable()
        return None
    return await ctx.store.latest(site.id, token.visitor)


def _prior(ctx: Context, sender: Site, arrival: _Arrival) -> Prior | None:
    """What stands at the site from now on, or ``None`` if nothing changes."""
    act, site, visitor, now = arrival.act, arrival.site, arrival.visitor, arrival.now
    there = ground(ctx, sender, visitor, now)
    decided = policy.decide(
        there.rules, circumstances(sender, visitor, evidence.prior_of(act), now)
    )
    said = carried(act, sender, decided, site)
    if arrival.earlier is not None:
        return narrowed(evidence.prior_of(arrival.earlier), said)
    return standing(site, arrival.held.rules, act, said)


def _prove(
    arrival: _Arrival, prior: Prior, event_id: str, *, seq: int, language: str, seen: Seen
) -> Evidence:
    """What the record at the site proves. What the visitor saw, the sender's record has."""
    site, visitor, held, act = arrival.site, arrival.visitor, arrival.held, arrival.act
    decided = policy.decide(held.rules, circumstances(site, visitor, prior, arrival.now))
    said = [one.client_time for one in (act, arrival.earlier) if one]
    return Evidence(
        v=1,
        site=site.id,
        event_id=event_id,
        seq=seq + 1,
        prev=arrival.earlier.event_id if arrival.earlier else None,
        action=prior.action,
        layer=0,
        control="hand_off",
        categories=prior.categories,
        services=prior.services,
        effective=prior.categories,
        effective_services=prior.services,
        left_on=prior.left_on,
        late=False,
        shown_services=prior.shown_services,
        decisions=decided.categories,
        shown=seen.digests(prior.notice_version, site.version),
        language=language,
        regime=Held(held.rules.regime, held.rules.model, held.resolution.picked_by),
        location=visitor.location,
        age=visitor.age,
        residence=visitor.residence,
        signals=visitor.signals,
        gpc_noticed=prior.gpc_noticed,
        dnt_noticed=prior.dnt_noticed,
        client_time=max(said),  # what was carried is not undone by an older act that comes in late
        server_ms=int(arrival.now * 1000),
        skewed=act.skewed,
        valid_until=prior.valid_until,
        keep_days=held.resolution.regime.proof.retain_days,
        via="hand_off",
        taken_from=HandOff(act.site, act.event_id, prior.recorded_at * 1000),
    )


def _draft(
    pseudonym: str, proof: Evidence, person: Subject, own: bytes, *, after: int | None = None
) -> Draft:
    return Draft(
        site=proof.site,
        visitor=pseudonym,
        event_id=proof.event_id,
        fingerprint=own,
        recorded_ms=proof.server_ms,
        evidence=evidence.encode(proof),
        subject=evidence.encode(person),
        after=after,
        config=bytes.fromhex(proof.shown.config),
        flags=evidence.flags(proof),
    )


def _said_ms(act: Evidence) -> int:
    return evidence.prior_of(act).recorded_at * 1000


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\n".join(parts).encode()).digest()


def _uuid(digest: bytes) -> str:
    """An event id (UUID version 4 in form) from the half of a digest that nothing else shows."""
    return str(uuid.UUID(bytes=digest[16:], version=4))


def _text(random: bytes) -> str:
    """128 bits, base64url: 22 characters."""
    return base64.urlsafe_b64encode(random).rstrip(b"=").decode("ascii")
