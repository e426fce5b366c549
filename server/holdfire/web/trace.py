"""Why: what holds for this visitor and on whose authority, for whoever builds the site."""

from starlette.requests import Request
from starlette.responses import Response

from holdfire import consent, explain
from holdfire.errors import NotFound
from holdfire.ground import circumstances, ground
from holdfire.web.house import house_of, json_response, status_of
from holdfire.web.request import query_of, site_of, token_of, visitor_of


async def get_trace(request: Request) -> Response:
    """``GET …/trace``: what ``holdfire explain --json`` would say of this visitor, here and now.

    Only of a site whose file has ``debug = true``: of any other there is nothing at this address.
    When the store cannot be read the status is 503, and the body explains a visitor who is new.
    """
    site, ctx = site_of(request), house_of(request).ctx
    if not site.debug:
        raise NotFound("There is nothing at this address.")
    visitor = visitor_of(request, query_of(request))
    answer = await consent.decide(ctx, site, visitor, token_of(request, site))
    held = ground(ctx, site, visitor, answer.decided_at)
    now = circumstances(site, visitor, answer.prior, answer.decided_at)
    body = explain.explained(site, visitor.location, held.resolution, held.rules, now)
    return json_response(body, status_of(answer.source))
