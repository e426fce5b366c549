"""The gate: a service's own script if it may fire, otherwise a script that does nothing."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdfire import consent, policy
from holdfire.model import Decision, Service
from holdfire.web.house import house_of
from holdfire.web.page import SCRIPT
from holdfire.web.request import query_of, site_of, token_of, visitor_of
from holdfire.web.wellknown import tk

LOADER = (
    "(function(d,u,i){{var s=d.createElement('script'),c=d.currentScript;s.src=u;s.async=true;"
    "if(i){{s.integrity=i;s.crossOrigin='anonymous'}}if(c&&c.nonce)s.nonce=c.nonce;"
    "(d.head||d.documentElement).appendChild(s)}})(document,{url},{integrity});\n"
)


async def get_tag(request: Request) -> Response:
    """``GET …/tags/{service}.js``: never a redirect, and nothing a request names is loaded."""
    site, house = site_of(request), house_of(request)
    visitor = visitor_of(request, query_of(request))
    answer = await consent.decide(house.ctx, site, visitor, token_of(request, site))
    service = site.service(request.path_params["service"])
    decision = (
        policy.decide_service(site, service.id, answer.decisions, answer.prior)
        if service
        else policy.UNKNOWN
    )
    return Response(
        _script(service, decision, answer.regime),
        503 if answer.source == "degraded" else 200,
        headers={
            "cache-control": "no-store",
            **tk(site, answer.decisions.categories, visitor.signals),
        },
        media_type=SCRIPT,
    )


def _script(service: Service | None, decision: Decision, regime: str) -> str:
    if service is None:
        return "/* holdfire: held, unknown_service */\n"
    about = f"{service.id} ({service.category}), {decision.reason}, regime {regime}"
    if not decision.allow:
        return f"/* holdfire: held: {about} */\n"
    if not service.script:
        return f"/* holdfire: allowed, but no script is registered: {about} */\n"
    return f"/* holdfire: allowed: {about} */\n" + LOADER.format(
        url=_literal(service.script), integrity=_literal(service.integrity)
    )


def _literal(text: str) -> str:
    """A JavaScript string literal; JSON is one since ES2019, and "<" stays out of it."""
    return msgspec.json.encode(text).decode().replace("<", "\\u003c")
