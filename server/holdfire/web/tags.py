"""The gate: a service's own script if it may fire, otherwise a script that does nothing."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdfire import consent, policy
from holdfire.model import Decision, Reason, Service
from holdfire.web.house import house_of, status_of
from holdfire.web.page import SCRIPT
from holdfire.web.request import query_of, site_of, token_of, visitor_of
from holdfire.web.wellknown import tk

LOADER = (
    "(function(d,u,i){{var s=d.createElement('script'),c=d.currentScript;s.src=u;s.async=true;"
    "if(i){{s.integrity=i;s.crossOrigin='anonymous'}}if(c&&c.nonce)s.nonce=c.nonce;"
    "(d.head||d.documentElement).appendChild(s)}})(document,{url},{integrity});\n"
)
ADVICE: dict[Reason, str] = {
    "choice_denied": "The visitor refused it. It is loaded here once they allow it.",
    "gpc": "The browser objects by Global Privacy Control, which has force here.",
    "dnt": "The browser objects by Do Not Track, which has force here.",
    "default_denied": "The law wants a yes first, and none was said. Is the visitor asked, and"
    " does this request bring their cookie or token?",
    "minor": "The visitor is too young for it, or may be: no age is known.",
    "sensitive_page": "Not on a page about what is sensitive.",
    "choice_expired": "The visitor's yes has run out. They have to be asked again.",
    "notice_changed": "The visitor's yes was said to another notice. They have to be asked again.",
    "unknown_service": "No service of this id is in the site file. Register it there as"
    " [[service]], with its script, or correct the address.",
    "store_unavailable": "It cannot be read now what the visitor has chosen. Ask again later.",
}
"""What a developer who finds the comment can make of it; reasons that allow need none."""
UNREGISTERED = "There is nothing to load: the site file has no script for this service."


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
        status_of(answer.source),
        headers={
            "cache-control": "no-store",
            **tk(site, answer.decisions.categories, visitor.signals),
        },
        media_type=SCRIPT,
    )


def _script(service: Service | None, decision: Decision, regime: str) -> str:
    if service is None:
        return _comment("held: unknown_service", ADVICE["unknown_service"])
    about = f"{service.id} ({service.category}), {decision.reason}, regime {regime}"
    if not decision.allow:
        return _comment(f"held: {about}", ADVICE[decision.reason])
    if not service.script:
        return _comment(f"allowed, but not loaded: {about}", UNREGISTERED)
    return _comment(f"allowed: {about}") + LOADER.format(
        url=_literal(service.script), integrity=_literal(service.integrity)
    )


def _comment(*lines: str) -> str:
    """One comment of these lines. Whatever they hold, only our own end of it ends it."""
    text = "\n   ".join(lines).replace("*/", "* /")
    return f"/* holdfire: {text} */\n"


def _literal(text: str) -> str:
    """A JavaScript string literal; JSON is one since ES2019, and "<" stays out of it."""
    return msgspec.json.encode(text).decode().replace("<", "\\u003c")
