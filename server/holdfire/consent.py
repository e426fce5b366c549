"""The domain verbs: what holds here, what to show, what was chosen, may it fire.

Each verb is one screen: find the law, decide with the pure function, and for a choice append one
record in one transaction. Whoever calls has already parsed; whatever fails, fails to "denied".
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from holdfire import evidence, policy
from holdfire.errors import EventConflict, StoreUnavailable
from holdfire.evidence import Evidence, Held, Shown, Subject
from holdfire.ground import Context, Ground, ground, language_of
from holdfire.model import (
    Choice,
    Circumstances,
    Decision,
    Decisions,
    DecisionSource,
    Draft,
    Notice,
    NoticeCategory,
    NoticeLocation,
    NoticeRegime,
    Prior,
    Record,
    Site,
    Visitor,
)
from holdfire.rules import links
from holdfire.tokens import VisitorToken, token_of

FRESH_SECONDS = 300  # how long an answer that rests on no choice may be relied upon
DEGRADED = Decision(allow=False, reason="store_unavailable")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was decided for one visitor, and what it rests on."""

    decisions: Decisions
    prior: Prior | None
    regime: str
    decided_at: int  # seconds since 1970, UTC
    valid_until: int
    source: DecisionSource


@dataclass(frozen=True, slots=True)
class Chosen:
    """A choice that is durable, and what follows from it."""

    record: Record
    evidence: Evidence
    token: str
    fresh: bool  # false: the same act had been recorded before


async def decide(ctx: Context, site: Site, visitor: Visitor, token: VisitorToken | None) -> Answer:
    """Decide everything for one visitor. Never raises for a broken store: it denies."""
    now = ctx.clock()
    held = ground(ctx, site, visitor, now)
    try:
        prior = await _newest(ctx, site, token)
    except StoreUnavailable:
        return _degraded(held, now)
    decisions = policy.decide(held.rules, circumstances(site, visitor, prior, now))
    return Answer(
        decisions=decisions,
        prior=prior,
        regime=held.rules.regime,
        decided_at=int(now),
        valid_until=prior.valid_until if prior else int(now) + FRESH_SECONDS,
        source="store" if prior else "default",
    )


async def notice(
    ctx: Context,
    site: Site,
    visitor: Visitor,
    token: VisitorToken | None,
) -> Notice:
    """Say what this visitor is to be shown. Raises ``StoreUnavailable``."""
    now = ctx.clock()
    held = ground(ctx, site, visitor, now)
    prior = await _newest(ctx, site, token)
    decided = policy.decide(held.rules, circumstances(site, visitor, prior, now))
    language = language_of(site, visitor, held)
    return Notice(
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

    Raises ``EventConflict`` if the event id belongs to another act, ``Overloaded`` if nothing was
    recorded, ``StoreUnavailable`` if it is not known: sending it again settles it.
    """
    now = ctx.clock()
    held = ground(ctx, site, visitor, now)
    before = await ctx.store.latest(site.id, token.visitor) if token else None
    pseudonym = token.visitor if token else _pseudonym(ctx.random)
    proof = _prove(ctx, site, visitor, choice, held=held, before=before, now=now)
    appended = await ctx.store.append(
        Draft(
            site=site.id,
            visitor=pseudonym,
            event_id=choice.event_id,
            fingerprint=evidence.fingerprint(choice),
            recorded_ms=proof.server_ms,
            evidence=evidence.encode(proof),
            subject=evidence.encode(
                Subject(visitor=pseudonym, address_prefix=visitor.address_prefix, browser=browser)
            ),
        )
    )
    record = appended.record
    if token is not None and record.visitor != token.visitor:
        # The same act replayed under another pseudonym would hand over that visitor's token.
        raise EventConflict("This event id belongs to another visitor.")
    recorded = proof if appended.fresh else evidence.read(record)
    signed = ctx.tokens.sign(
        site.id, token_of(record.visitor, record.seq, evidence.prior_of(recorded))
    )
    return Chosen(record=record, evidence=recorded, token=signed, fresh=appended.fresh)


def _prove(
    ctx: Context,
    site: Site,
    visitor: Visitor,
    choice: Choice,
    *,
    held: Ground,
    before: Record | None,
    now: float,
) -> Evidence:
    """Everything the record is to prove, decided under the notice that holds now."""
    server_ms = int(now * 1000)
    client_ms = _ms(choice.client_time)
    effective, late = _effective(choice, min(client_ms, server_ms), before)
    noticed = evidence.signal_noticed(choice, visitor)
    valid_until = int(now) + held.rules.choice_days * policy.DAY
    prior = Prior(
        action=choice.action,
        categories=effective,
        services=choice.services,
        shown_services=tuple(s.id for s in site.services),
        notice_version=choice.notice_version,
        recorded_at=int(now),
        valid_until=valid_until,
        signal_noticed=noticed,
        by_signal=evidence.is_signal(choice.action, choice.layer, choice.control),
    )
    decided = policy.decide(held.rules, circumstances(site, visitor, prior, now))
    return Evidence(
        v=1,
        site=site.id,
        event_id=choice.event_id,
        action=choice.action,
        layer=choice.layer,
        control=choice.control,
        categories=choice.categories,
        services=choice.services,
        effective=effective,
        late=late,
        shown_services=prior.shown_services,
        decisions=decided.categories,
        shown=Shown(
            notice_version=choice.notice_version,
            current_version=site.version,
            texts=ctx.digests.texts[site.id, choice.language],
            config=ctx.digests.config[site.id],
            sdk=ctx.digests.sdk,
        ),
        language=choice.language,
        regime=Held(
            id=held.rules.regime, model=held.rules.model, picked_by=held.resolution.picked_by
        ),
        location=visitor.location,
        age=visitor.age,
        residence=visitor.residence,
        signals=visitor.signals,
        signal_noticed=noticed,
        client_time=choice.client_time,
        server_ms=server_ms,
        skewed=abs(server_ms - client_ms) > evidence.SKEW_MS,
        valid_until=valid_until,
        keep_days=held.resolution.regime.proof.retain_days,
        via="banner" if choice.layer else "api",
    )


def _effective(
    choice: Choice, acted_ms: int, before: Record | None
) -> tuple[dict[str, bool], bool]:
    """What counts from now on: an act that arrives after a newer one can only narrow it.

    An accept made offline, delivered after a later refusal, must not undo that refusal. A clock
    that ran ahead at the earlier act is not believed, or it would silence every later one.
    """
    if before is None:
        return choice.categories, False
    newer = evidence.read(before)
    if acted_ms >= min(_ms(newer.client_time), newer.server_ms // 1000 * 1000):
        return choice.categories, False
    standing = newer.effective
    return {key: said and standing.get(key, False) for key, said in choice.categories.items()}, True


def _ms(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)


async def _newest(ctx: Context, site: Site, token: VisitorToken | None) -> Prior | None:
    """The visitor's newest act. A token older than a withdrawal must not outlive it."""
    if token is None:
        return None
    record = await ctx.store.latest(site.id, token.visitor)
    return None if record is None else evidence.prior_of(evidence.read(record))


def circumstances(site: Site, visitor: Visitor, prior: Prior | None, now: float) -> Circumstances:
    """All that the decision for a visitor depends on, besides the rules."""
    return Circumstances(
        now=int(now),
        notice_version=site.version,
        services=tuple(s.id for s in site.services),
        signals=visitor.signals,
        prior=prior,
        age=visitor.age,
    )


def _degraded(held: Ground, now: float) -> Answer:
    return Answer(
        decisions=Decisions(
            categories={
                rule.id: policy.NECESSARY if rule.locked else DEGRADED
                for rule in held.rules.categories
            },
            sale_or_share=DEGRADED,
            prompt="link",
            opt_out_status="none",
        ),
        prior=None,
        regime=held.rules.regime,
        decided_at=int(now),
        valid_until=int(now),
        source="degraded",
    )


def _pseudonym(random: Callable[[int], bytes]) -> str:
    """128 random bits, base64url: 22 characters."""
    return base64.urlsafe_b64encode(random(16)).rstrip(b"=").decode("ascii")
