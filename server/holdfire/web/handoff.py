"""A choice on its way between two sites: handed over at the one, taken over at the other."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdfire import handoff, parse
from holdfire.visitor import agent
from holdfire.web.consent import recorded, require_json
from holdfire.web.house import house_of, json_response, timestamp
from holdfire.web.request import query_of, require_origin, site_of, token_of, visitor_of


class HandedOverBody(msgspec.Struct):
    """The answer to a hand-off (PROTOCOL.md §4)."""

    token: str
    expires_at: str


async def post_handoff(request: Request) -> Response:
    """``POST …/handoffs``: 201 once it is recorded that the choice is handed over, and to whom."""
    site, house = site_of(request), house_of(request)
    require_origin(request, site)
    require_json(request)
    visitor = visitor_of(request, query_of(request))
    token = token_of(request, site)
    sister = house.ctx.sites[parse.hand_off(await request.body(), site)]
    browser = agent.family(request.headers.get("user-agent", ""))
    made = await handoff.hand_over(house.ctx, site, sister, visitor, browser=browser, token=token)
    expires = timestamp(made.expires_at)
    return json_response(HandedOverBody(token=made.token, expires_at=expires), 201)


async def post_takeover(request: Request) -> Response:
    """``POST …/takeovers``: 201 once the choice is recorded here too, with this site's own token."""
    site, house = site_of(request), house_of(request)
    origin = require_origin(request, site)
    require_json(request)
    visitor = visitor_of(request, query_of(request))
    token = token_of(request, site)
    asked = parse.take_over(await request.body())
    browser = agent.family(request.headers.get("user-agent", ""))
    taken = await handoff.take_over(house.ctx, site, visitor, asked, browser=browser, token=token)
    return recorded(request, site, taken, origin)
