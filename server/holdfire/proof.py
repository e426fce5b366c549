"""What the record of a choice proves: the act, what it rests on, and what follows from it."""

from datetime import datetime

from holdfire import evidence, policy
from holdfire.archive import Seen
from holdfire.errors import ActionMismatch
from holdfire.evidence import Evidence, Held
from holdfire.ground import Ground, circumstances
from holdfire.model import Choice, Decisions, Prior, Site, Visitor

BY_DEFAULT = frozenset({"default_granted", "exempt_granted"})


def prove(
    site: Site,
    visitor: Visitor,
    choice: Choice,
    *,
    held: Ground,
    seen: Seen,
    earlier: Evidence | None,
    seq: int,
    now: float,
) -> Evidence:
    """Everything the record is to prove, decided under the notice that holds now.

    ``earlier`` is the evidence of the visitor's newest act until this one, ``seq`` its number;
    ``seen`` is what the service showed at that moment.
    Raises ``ActionMismatch`` for an acknowledgement that refuses what is allowed.
    """
    server_ms = int(now * 1000)
    client_ms = _ms(choice.client_time)
    late = earlier is not None and _is_late(choice, min(client_ms, server_ms), earlier, seq)
    categories, services = _effective(choice, earlier if late else None)
    gpc_noticed, dnt_noticed = evidence.noticed(choice, visitor, held.rules)
    prior = Prior(
        action=choice.action,
        categories=categories,
        services=services,
        shown_services=tuple(s.id for s in site.services),
        notice_version=choice.notice_version,
        recorded_at=int(now),
        valid_until=int(now) + held.rules.choice_days * policy.DAY,
        gpc_noticed=gpc_noticed,
        dnt_noticed=dnt_noticed,
        by_signal=evidence.is_signal(choice.layer, choice.control),
        left_on=_left_on(
            choice,
            _decided_before(site, visitor, held, earlier, now),
            earlier.left_on if earlier else (),
        ),
    )
    decided = policy.decide(held.rules, circumstances(site, visitor, prior, now))
    return Evidence(
        v=1,
        site=site.id,
        event_id=choice.event_id,
        seq=seq + 1,
        prev=earlier.event_id if earlier else None,
        action=choice.action,
        layer=choice.layer,
        control=choice.control,
        categories=choice.categories,
        services=choice.services,
        effective=categories,
        effective_services=services,
        left_on=prior.left_on,
        late=late,
        shown_services=prior.shown_services,
        decisions=decided.categories,
        shown=seen.digests(choice.notice_version, site.version),
        language=choice.language,
        regime=Held(
            id=held.rules.regime, model=held.rules.model, picked_by=held.resolution.picked_by
        ),
        location=visitor.location,
        age=visitor.age,
        residence=visitor.residence,
        signals=visitor.signals,
        gpc_noticed=gpc_noticed,
        dnt_noticed=dnt_noticed,
        client_time=choice.client_time,
        server_ms=server_ms,
        skewed=abs(server_ms - client_ms) > evidence.SKEW_MS,
        valid_until=prior.valid_until,
        keep_days=held.resolution.regime.proof.retain_days,
        via="banner" if choice.layer else "api",
    )


def _decided_before(
    site: Site, visitor: Visitor, held: Ground, earlier: Evidence | None, now: float
) -> Decisions:
    """What held for this visitor until the act."""
    prior = evidence.prior_of(earlier) if earlier else None
    return policy.decide(held.rules, circumstances(site, visitor, prior, now))


def _left_on(choice: Choice, before: Decisions, earlier: tuple[str, ...]) -> tuple[str, ...]:
    """What the act names ``true`` without anybody having said yes to it.

    Where the law allows until objection, a switch that was found on and left on is no consent, and
    must not become one in a place that asks for it (GDPR recital 32). "Accept all" is one.
    """
    if choice.action == "acknowledge" and any(
        not granted and before.categories[key].allow for key, granted in choice.categories.items()
    ):
        raise ActionMismatch("An acknowledgement refuses nothing: use save or opt_out.")
    if choice.action != "save":
        return ()
    return tuple(
        key
        for key, granted in choice.categories.items()
        if granted
        and (
            before.categories[key].reason in BY_DEFAULT
            or (key in earlier and before.categories[key].allow)
        )
    )


def _is_late(choice: Choice, acted_ms: int, newer: Evidence, seq: int) -> bool:
    """Whether the act was made before the visitor's newest one, or without knowledge of it.

    A page says what it knew, and that needs no clock. Of who knew of nothing the clocks have to
    tell: another page of the site may have asked anew. A clock that ran ahead at the earlier act
    is not believed, or it would silence every later one.
    """
    known, event_id = choice.after or (0, "")
    if known or event_id:
        return known < seq and event_id != newer.event_id
    return acted_ms < min(_ms(newer.client_time), newer.server_ms // 1000 * 1000)


def _effective(choice: Choice, newer: Evidence | None) -> tuple[dict[str, bool], dict[str, bool]]:
    """What counts from now on: an act that arrives after a ``newer`` one can only narrow it.

    An accept made offline, delivered after a later refusal, must not undo that refusal.
    """
    if newer is None:
        return choice.categories, choice.services
    standing = newer.effective
    categories = {key: said and standing.get(key, False) for key, said in choice.categories.items()}
    refused = {key: False for key, said in newer.effective_services.items() if not said}
    return categories, {**choice.services, **refused}


def _ms(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1000)
