"""Every URL on one screen."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from holdfire.errors import MethodRefused, NotFound
from holdfire.web import (
    batch,
    consent,
    consent_token,
    enforcement,
    handoff,
    health,
    log,
    openapi,
    page,
    receipts,
    tags,
    trace,
    verify,
    wellknown,
)
from holdfire.web.request import site_of

SHARED = (
    "notice",
    "choices",
    "receipts/{event_id}",
    "receipts/{event_id}/page",
    "decision",
    "decisions",
    "token",
    "handoffs",
    "takeovers",
)
"""What pages on other origins call with credentials or a body, and so may preflight."""


def routes() -> list[BaseRoute]:
    """The URL table."""
    site = "/v1/sites/{site}"
    return [
        Route("/s/{site}.js", page.boot),
        Route("/s/{site}/{region}.js", page.boot_for_region),
        Route("/assets/{name}", page.asset),
        Route("/frame.js", page.frame),
        Route("/verify", verify.get_verify),
        Route(f"{site}/notice", consent.get_notice),
        Route(f"{site}/choices", consent.get_choices),
        Route(f"{site}/choices", consent.post_choice, methods=["POST"]),
        Route(f"{site}/receipts/{{event_id}}", receipts.get_receipt),
        Route(f"{site}/receipts/{{event_id}}/page", receipts.get_page),
        Route(f"{site}/decision", consent.get_decision),
        Route(f"{site}/decisions", consent.get_decisions),
        Route(f"{site}/decisions", batch.post_decisions, methods=["POST"]),
        Route(f"{site}/token", consent_token.get_token),
        Route(f"{site}/enforcement", enforcement.get_enforcement),
        Route(f"{site}/handoffs", handoff.post_handoff, methods=["POST"]),
        Route(f"{site}/takeovers", handoff.post_takeover, methods=["POST"]),
        Route(f"{site}/trace", trace.get_trace),
        Route(f"{site}/tags/{{service}}.js", tags.get_tag),
        *(Route(f"{site}/{verb}", preflight, methods=["OPTIONS"]) for verb in SHARED),
        Route("/log/checkpoint", log.get_checkpoint),
        Route("/log/policy", log.get_policy),
        Route("/log/tile/{tile:path}", log.get_tile),
        Route("/log/{log}/checkpoint", log.get_checkpoint),
        Route("/log/{log}/policy", log.get_policy),
        Route("/log/{log}/tile/{tile:path}", log.get_tile),
        Route("/.well-known/gpc.json", wellknown.get_gpc),
        Route("/.well-known/dnt/", wellknown.get_dnt),
        Route("/.well-known/dnt/{site}/{tracking}", wellknown.get_status),
        Route("/.well-known/jwks.json", consent_token.get_jwks),
        Route("/openapi.json", openapi.get_openapi),
        Route("/healthz", health.healthz),
        Route("/readyz", health.readyz),
    ]


async def preflight(request: Request) -> Response:
    """Answer a CORS preflight; the origin is echoed only if it is on the site's list."""
    site_of(request)
    return Response(
        status_code=204,
        headers={
            "access-control-allow-methods": "GET, POST",
            "access-control-allow-headers": "content-type, authorization",
            "access-control-max-age": "7200",
            "cache-control": "no-store",
        },
    )


async def refuse(request: Request, error: Exception) -> Response:
    """Turn the router's own refusals into ours, so that every error has the one body."""
    if isinstance(error, HTTPException) and error.status_code == MethodRefused.status:
        here = [
            route
            for route in request.app.routes
            if isinstance(route, Route) and route.matches(request.scope)[0] != Match.NONE
        ]
        allowed = sorted({method for route in here for method in route.methods or ()})
        request.scope["holdfire.headers"] = [(b"allow", ", ".join(allowed).encode())]
        raise MethodRefused("This address does not know that method.") from error
    raise NotFound("There is nothing at this address.") from error
