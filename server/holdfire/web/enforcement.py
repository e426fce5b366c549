"""What the owner's own server enforces for one visitor: a policy for the page, cookies to strip.

The headers are for proxies that read nothing else (nginx ``auth_request``, Caddy), the body for the
middleware. The policy stands under a name of ours: it is for the owner's page, not for this answer.
"""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdfire import consent, csp, policy
from holdfire.model import Decision, DecisionSource, Site
from holdfire.web.house import house_of, json_response, status_of, timestamp
from holdfire.web.request import query_of, site_of, token_of, visitor_of
from holdfire.web.snippet import inline_source
from holdfire.web.wellknown import tk

POLICY = "x-holdfire-policy"
REFUSED = "x-holdfire-refused-cookies"
ALLOWED = "x-holdfire-allowed"


class Cookies(msgspec.Struct):
    """Names, or beginnings with ``*`` behind. What is in both is kept."""

    refused: tuple[str, ...]
    kept: tuple[str, ...]


class EnforcementBody(msgspec.Struct):
    """What to enforce, on the wire (PROTOCOL.md §5)."""

    site: str
    regime: str
    policy: str
    cookies: Cookies
    categories: dict[str, Decision]
    services: dict[str, Decision]
    decided_at: str
    valid_until: str
    source: DecisionSource


async def get_enforcement(request: Request) -> Response:
    """``GET …/enforcement``: 503 while the store cannot be read, with the strictest that there is."""
    site = site_of(request)
    visitor = visitor_of(request, query_of(request))
    answer = await consent.decide(house_of(request).ctx, site, visitor, token_of(request, site))
    body, headers = enforcement(
        site,
        answer.decisions.categories,
        policy.decide_services(site, answer.decisions, answer.prior),
        regime=answer.regime,
        decided_at=answer.decided_at,
        valid_until=answer.valid_until,
        source=answer.source,
    )
    headers |= tk(site, answer.decisions.categories, visitor.signals)
    return json_response(body, status_of(answer.source), headers)


def strictest(site: Site) -> EnforcementBody:
    """What holds while nothing can be asked: what a server keeps for that case."""
    categories, services = csp.strictest(site)
    return enforcement(
        site,
        categories,
        services,
        regime="strictest",
        decided_at=0,
        valid_until=0,
        source="degraded",
    )[0]


def enforcement(
    site: Site,
    categories: dict[str, Decision],
    services: dict[str, Decision],
    *,
    regime: str,
    decided_at: int,
    valid_until: int,
    source: DecisionSource,
) -> tuple[EnforcementBody, dict[str, str]]:
    """Body and headers; times are seconds since 1970, UTC."""
    found = csp.enforced(site, categories, services, (inline_source(site),))
    body = EnforcementBody(
        site=site.id,
        regime=regime,
        policy=found.policy,
        cookies=Cookies(refused=found.refused, kept=found.kept),
        categories=categories,
        services=services,
        decided_at=timestamp(decided_at),
        valid_until=timestamp(valid_until),
        source=source,
    )
    return body, {
        POLICY: found.policy,
        REFUSED: ", ".join(found.refused),
        ALLOWED: ", ".join(found.allowed),
    }
