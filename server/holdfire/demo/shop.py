"""The demo's own side: a shop page with tags to hold, and a panel that says what holds them.

These routes stand beside the service's own on one origin, as they would on a real shop's host.
"""

import secrets
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from holdfire import consent, explain, policy
from holdfire.demo.collector import JAVASCRIPT, Tally
from holdfire.demo.gallery import gallery
from holdfire.demo.page import html_response
from holdfire.errors import NotFound
from holdfire.explain import Explanation
from holdfire.ground import circumstances, ground
from holdfire.law import Value
from holdfire.model import Decision, Signals, Site
from holdfire.web.house import house_of, json_response
from holdfire.web.request import place, query_of, token_of, visitor_of

SITE = "demo"
NONCE, THIRD, GEO = "__NONCE__", "__THIRD__", "__GEO__"
"""What the page's file leaves open. Each value is made here, and none can end an attribute."""

POLICY = "; ".join(
    (
        "default-src 'self'",
        f"script-src 'self' 'nonce-{NONCE}' {THIRD}",
        "style-src 'self'",
        f"img-src 'self' data: {THIRD}",
        f"frame-src {THIRD}",
        f"connect-src 'self' {THIRD}",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""As strict as a shop with these tags can be.

``require-trusted-types-for 'script'`` is left out: Holdfire lives with it, tag vendors do not.
"""
MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": JAVASCRIPT, ".svg": "image/svg+xml"}


class Told(Value, frozen=True):
    """What the panel shows of the service's side: ``GET /demo/trace``."""

    explanation: Explanation
    signals: Signals
    services: dict[str, Decision]
    source: str  # what the decisions rest on, as in ``GET …/decision``


def demo_site(site: Site, own_origins: tuple[str, ...], third: str) -> Site:
    """The demo site, at home where it is served: ``own_origins``, its page's own one first.

    ``third`` is the origin of the third party. The notice version stays as it is: a port is not
    material, and nobody is to be asked again because the demo moved to another one.
    """
    services = tuple(
        msgspec.structs.replace(service, script=_moved(service.script, third))
        for service in site.services
    )
    links = {name: _moved(url, own_origins[0]) for name, url in site.links.items()}
    return msgspec.structs.replace(site, origins=own_origins, services=services, links=links)


def _moved(url: str, origin: str) -> str:
    """The same address on another origin; no address stays none."""
    return origin + urlsplit(url).path if url else ""


def shop(static: Path, third: str, tally: Tally) -> list[BaseRoute]:
    """The page at ``/`` and what it needs below ``/demo``.

    ``static`` is the folder that holds ``demo/``, ``third`` the origin of the third party and
    ``tally`` its counts. They are shown from this origin too, because a panel that asked over
    there would itself be a request to the third party.
    """
    folder = static / "demo"
    template = (folder / "index.html").read_text(encoding="utf-8").replace(THIRD, third)
    legal = (folder / "legal.html").read_bytes()
    files = {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix in MEDIA_TYPES}

    async def page(request: Request) -> Response:
        geo = request.query_params.get("geo")
        if geo is not None:
            place(geo)  # refuses what is no place, and with it what could end an attribute
        nonce = secrets.token_urlsafe(16)
        html = template.replace(NONCE, nonce).replace(GEO, f"?geo={geo}" if geo else "")
        policy_header = POLICY.replace(NONCE, nonce).replace(THIRD, third)
        return html_response(html, policy_header)

    async def legal_page(request: Request) -> Response:  # noqa: ARG001 -- the endpoint signature
        return html_response(legal, "default-src 'self'; base-uri 'none'; frame-ancestors 'none'")

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in files:
            raise NotFound("There is no file of this name.")
        media_type = MEDIA_TYPES[Path(name).suffix]
        return Response(files[name], headers={"cache-control": "no-cache"}, media_type=media_type)

    async def hits(request: Request) -> Response:  # noqa: ARG001 -- the endpoint signature
        return json_response(tally.counts())

    async def reset(request: Request) -> Response:  # noqa: ARG001 -- the endpoint signature
        tally.reset()
        return Response(status_code=204)

    return [
        Route("/", page),
        Route("/privacy", legal_page),
        Route("/imprint", legal_page),
        Route("/demo/trace", trace),
        Route("/demo/hits", hits),
        Route("/demo/reset", reset, methods=["POST"]),
        Route("/demo/{name}", file),
        *gallery(static, third),
    ]


async def trace(request: Request) -> Response:
    """``GET /demo/trace``: what the service decides for this visitor, and on whose authority."""
    ctx = house_of(request).ctx
    site = ctx.sites[SITE]
    visitor = visitor_of(request, query_of(request))
    answer = await consent.decide(ctx, site, visitor, token_of(request, site))
    held = ground(ctx, site, visitor, answer.decided_at)
    now = circumstances(site, visitor, answer.prior, answer.decided_at)
    told = Told(
        explanation=explain.explained(site, visitor.location, held.resolution, held.rules, now),
        signals=visitor.signals,
        services={
            s.id: policy.decide_service(site, s.id, answer.decisions, answer.prior)
            for s in site.services
        },
        source=answer.source,
    )
    return json_response(told)
