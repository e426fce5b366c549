"""The notice, the choice, the visitor's own history and the decision."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdfire import consent, evidence, parse, policy
from holdfire.consent import Answer, Chosen
from holdfire.errors import BadQuery, MediaTypeRefused
from holdfire.model import Action, Decision, DecisionSource, Reason, Site
from holdfire.record import Record
from holdfire.visitor import agent
from holdfire.web import wellknown
from holdfire.web.expiry import expirations
from holdfire.web.house import house_of, json_response, status_of, timestamp
from holdfire.web.memo import Memo, leave, place_of
from holdfire.web.request import (
    front_of,
    query_of,
    require_origin,
    site_of,
    token_if_good,
    token_of,
    visitor_of,
)


class DecisionBody(msgspec.Struct, omit_defaults=True):
    """One decision on the wire (PROTOCOL.md §5)."""

    site: str
    category: str
    allow: bool
    reason: Reason
    regime: str
    decided_at: str
    valid_until: str
    source: DecisionSource
    service: str | None = None


class DecisionsBody(msgspec.Struct):
    """Every decision for one visitor on the wire."""

    site: str
    regime: str
    categories: dict[str, Decision]
    services: dict[str, Decision]
    sale_or_share: Decision
    decided_at: str
    valid_until: str
    source: DecisionSource


class ChosenBody(msgspec.Struct):
    """The answer to a choice (PROTOCOL.md §4)."""

    visitor: str
    seq: int
    event_id: str
    log_index: int
    recorded_at: str
    valid_until: str
    decisions: dict[str, Decision]
    token: str


class PastChoice(msgspec.Struct):
    """One act of a visitor, as its record holds it."""

    event_id: str
    seq: int
    log_index: int
    recorded_at: str
    valid_until: str
    action: Action
    categories: dict[str, bool]
    services: dict[str, bool]
    notice_version: str
    regime: str
    language: str
    layer: int
    control: str
    texts: str
    config: str


class ChoicesBody(msgspec.Struct):
    """A visitor's own choices on the wire, newest first (PROTOCOL.md §4)."""

    visitor: str | None
    choices: tuple[PastChoice, ...]


async def get_notice(request: Request) -> Response:
    """``GET …/notice``."""
    site, house = site_of(request), house_of(request)
    visitor = visitor_of(request, query_of(request))
    token = token_of(request, site)
    told = await consent.notice(house.ctx, site, visitor, token)
    leave(
        request,
        Memo(
            since=told.decided_at,
            until=told.turns_at,
            place=place_of(visitor.location),
            whose=(site.id, token.visitor) if token else None,
        ),
    )
    shown = told.notice
    decided = {c.id: Decision(allow=c.allow, reason=c.reason) for c in shown.categories}
    return json_response(shown, headers=wellknown.tk(site, decided, visitor.signals))


async def post_choice(request: Request) -> Response:
    """``POST …/choices``: 201 once it is durable, 200 for the same act again."""
    site, house = site_of(request), house_of(request)
    origin = require_origin(request, site)
    require_json(request)
    visitor = visitor_of(request, query_of(request))
    token = token_of(request, site)
    choice = parse.choice(await request.body(), site)
    browser = agent.family(request.headers.get("user-agent", ""))
    chosen = await consent.choose(house.ctx, site, visitor, choice, browser=browser, token=token)
    answer = recorded(request, site, chosen, origin)
    for expired in expirations(request, site, chosen.standing, origin):
        answer.headers.append("set-cookie", expired)
    return answer


def require_json(request: Request) -> None:
    """Raises ``MediaTypeRefused`` for a body that a page could send without a preflight."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != "application/json":
        raise MediaTypeRefused("Send the body as application/json.")


def recorded(request: Request, site: Site, chosen: Chosen, origin: str) -> Response:
    """The answer to an act that is durable, with the cookie for the page at ``origin``."""
    status = 201 if chosen.fresh else 200
    answer = json_response(_chosen_body(chosen), status, wellknown.UPDATED)
    answer.headers.append("set-cookie", _cookie(request, site, chosen.token, origin))
    return answer


async def get_choices(request: Request) -> Response:
    """``GET …/choices``: what the visitor whom the token names has chosen so far.

    A bad token, even a bearer's, is as none: nobody learns whether a visitor is known here.
    """
    site, house = site_of(request), house_of(request)
    visitor_of(request, query_of(request))  # changes nothing here; refused where it is malformed
    records = await consent.history(house.ctx, site, token_if_good(request, site))
    return json_response(
        ChoicesBody(
            visitor=records[0].visitor if records else None,
            choices=tuple(map(_past_choice, records)),
        )
    )


async def get_decision(request: Request) -> Response:
    """``GET …/decision?category=`` or ``?service=``."""
    site = site_of(request)
    query = query_of(request, {"category": None, "service": None})
    if ("category" in query) == ("service" in query):
        raise BadQuery("Name one category or one service.")
    answer, memo, tk = await _decide(request, site, query)
    asked = query.get("category") or query.get("service") or ""
    service = site.service(asked) if "service" in query else None
    known = service is not None or ("category" in query and site.category(asked) is not None)
    decision = (
        policy.decide_service(site, asked, answer.decisions, answer.prior)
        if known
        else policy.UNKNOWN
    )
    memo.decided = (("service" if "service" in query else "category", decision.reason),)
    leave(request, memo)
    body = DecisionBody(
        site=site.id,
        category=service.category if service else query.get("category", ""),
        service=query.get("service"),
        allow=decision.allow,
        reason=decision.reason,
        regime=answer.regime,
        decided_at=timestamp(answer.decided_at),
        valid_until=timestamp(answer.valid_until),
        source=answer.source,
    )
    return json_response(body, status_of(answer.source), tk)


async def get_decisions(request: Request) -> Response:
    """``GET …/decisions``: all categories and services for this visitor."""
    site = site_of(request)
    answer, memo, tk = await _decide(request, site, query_of(request))
    memo.decided = tuple(("category", d.reason) for d in answer.decisions.categories.values())
    leave(request, memo)
    body = DecisionsBody(
        site=site.id,
        regime=answer.regime,
        categories=answer.decisions.categories,
        services=policy.decide_services(site, answer.decisions, answer.prior),
        sale_or_share=answer.decisions.sale_or_share,
        decided_at=timestamp(answer.decided_at),
        valid_until=timestamp(answer.valid_until),
        source=answer.source,
    )
    return json_response(body, status_of(answer.source), tk)


async def _decide(
    request: Request, site: Site, query: dict[str, str]
) -> tuple[Answer, Memo, dict[str, str]]:
    """What was decided, what that rests on, and the ``Tk`` header that says it in short."""
    visitor, token = visitor_of(request, query), token_of(request, site)
    answer = await consent.decide(house_of(request).ctx, site, visitor, token)
    memo = Memo(
        since=answer.decided_at,
        until=answer.turns_at,
        place=place_of(visitor.location),
        whose=(site.id, token.visitor) if token else None,
        relied_until=answer.valid_until,
    )
    return answer, memo, wellknown.tk(site, answer.decisions.categories, visitor.signals)


def _past_choice(record: Record) -> PastChoice:
    proof = evidence.read(record)
    return PastChoice(
        event_id=record.event_id,
        seq=record.seq,
        log_index=record.log_index,
        recorded_at=timestamp(record.recorded_ms // 1000),
        valid_until=timestamp(proof.valid_until),
        action=proof.action,
        categories=proof.categories,
        services=proof.services,
        notice_version=proof.shown.notice_version,
        regime=proof.regime.id,
        language=proof.language,
        layer=proof.layer,
        control=proof.control,
        texts=proof.shown.texts,
        config=proof.shown.config,
    )


def _chosen_body(chosen: Chosen) -> ChosenBody:
    record = chosen.record
    return ChosenBody(
        visitor=record.visitor,
        seq=record.seq,
        event_id=record.event_id,
        log_index=record.log_index,
        recorded_at=timestamp(record.recorded_ms // 1000),
        valid_until=timestamp(chosen.standing.valid_until),
        decisions=chosen.standing.decisions,
        token=chosen.token,
    )


def _cookie(request: Request, site: Site, token: str, origin: str) -> str:
    """The token as a cookie that the page may read and the service will verify.

    Not HttpOnly: a page whose storage was cleared finds its visitor's choice here, without a
    request. Reading it tells a script nothing that the page API does not.

    ``__Host-`` where the service runs under the site's own host: no sibling subdomain can plant
    it (RFC 6265bis §4.1.3). On a host of its own, each site's pages send the cookie only within
    their own partition (CHIPS). Plain http, as in the demo, can have neither prefix.
    """
    front = front_of(request)
    kept = f"{token}; Path=/; Max-Age={house_of(request).cookie_seconds}"
    if front.scheme != "https":
        return f"holdfire_{site.id}={kept}; SameSite=Lax"
    if origin == f"https://{front.host}":
        return f"__Host-holdfire_{site.id}={kept}; Secure; SameSite=Lax"
    return f"__Secure-holdfire_{site.id}={kept}; Secure; SameSite=None; Partitioned"
