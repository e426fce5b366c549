"""What a page loads: the boot script and the chunks beside it; and what its frames load."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdfire.errors import BadQuery, NotFound
from holdfire.ground import ground, language_of
from holdfire.model import Location, Signals, Visitor
from holdfire.visitor.languages import well_formed
from holdfire.web import conditional
from holdfire.web.boot import SILENCE, Asked
from holdfire.web.house import house_of
from holdfire.web.memo import Memo, leave, place_of
from holdfire.web.request import has_cookie, place, site_of, visitor_of
from holdfire.web.shelf import Served

SCRIPT = "text/javascript; charset=utf-8"
DECLARED = ("age", "residence")
VARY = "Accept-Encoding, Accept-Language, Sec-GPC, DNT"
"""What the script differs by; its place is either in the path, or the answer private."""
ROUGH_SECONDS = 60
"""How long a script is repeated as it is: the shelf may have made it smaller meanwhile."""
DAY = 86_400  # seconds
FRAME_SECONDS = 3_600
"""How long a frame may use its script before it asks again: its address is the same for ever."""


async def boot(request: Request) -> Response:
    """``GET /s/{site}.js``: the page is under control with this one request."""
    return _script(request, _told(request), None, "private")


async def boot_for_region(request: Request) -> Response:
    """``GET /s/{site}/{region}.js``: the same for a named region, for a shared cache.

    A residence would change whose law holds, and some shared caches drop the query: it is refused.
    """
    if "residence" in request.query_params:
        raise BadQuery("A residence is declared to the script that names no region.")
    try:
        location = place(request.path_params["region"], source="header")
    except BadQuery as error:
        raise NotFound("A region is written cc or cc-sub.") from error
    return _script(request, _told(request), location, "public")


async def asset(request: Request) -> Response:
    """``GET /assets/{name}.{hash}.js``: named by its content, so it never changes."""
    served = house_of(request).shelf.asset(request.path_params["name"])
    if served is None:
        raise NotFound("There is no asset of this name.")
    answer = _answer(request, served, "public, max-age=31536000, immutable", "Accept-Encoding")
    answer.headers["access-control-allow-origin"] = "*"  # module scripts are fetched with CORS
    return answer


async def frame(request: Request) -> Response:
    """``GET /frame.js``: what a frame of another origin reads its page's decisions with.

    The same for everybody. What it is to do is in the markup that loads it, so that its address
    carries nothing.
    """
    served = house_of(request).shelf.frame
    return _answer(request, served, f"public, max-age={FRAME_SECONDS}", "Accept-Encoding")


def _told(request: Request) -> Visitor:
    """Who asks. Cache busters and campaign marks ride on script addresses: they are ignored.

    What the address declares is read as every other endpoint reads it, the age too: a page whose
    declaration they would refuse is not let in to decide without it. Raises ``BadQuery``.
    A language decides nothing: one that is none is passed over, and the page stays under control.
    """
    names = (*DECLARED, "geo") if house_of(request).demo else DECLARED
    found = {name: request.query_params.getlist(name) for name in names}
    doubled = next((name for name, values in found.items() if len(values) > 1), None)
    if doubled is not None:
        raise BadQuery(f"The parameter {doubled} is given twice.")
    declared = {name: values[0] for name, values in found.items() if values}
    match request.query_params.getlist("lang"):
        case [language] if well_formed(language):
            declared["lang"] = language
    return visitor_of(request, declared)


def _script(request: Request, visitor: Visitor, location: Location | None, cache: str) -> Response:
    site, house = site_of(request), house_of(request)
    said = Signals(gpc=visitor.signals.gpc, dnt=visitor.signals.dnt or None)
    if location is not None:
        visitor = msgspec.structs.replace(visitor, location=location)
        said = SILENCE  # an answer for anybody repeats nobody's headers
    now = int(house.ctx.clock())
    held = ground(house.ctx, site, visitor, now)
    language = language_of(site, visitor, held)
    leave(
        request,
        Memo(
            since=now,
            until=min((now // DAY + 1) * DAY, now + ROUGH_SECONDS),  # laws change at midnight
            place=place_of(visitor.location),
            view=(site.id, held.rules.regime, visitor.signals),
        ),
    )
    # Who brings no cookie may have to be asked; the page itself finds out whether they are.
    fresh = location is None and not has_cookie(request, site)
    asked = Asked(site, held.resolution.regime, language, said, fresh)
    served = house.shelf.pick(asked)
    answer = _answer(request, served, f"{cache}, max-age={house.boot_seconds}", VARY)
    answer.headers["content-language"] = language
    return answer


def _answer(request: Request, served: Served, cache: str, vary: str) -> Response:
    body, encoding = served.encoded(request.headers.get("accept-encoding", ""))
    # One tag for each encoding: a strong tag names exact bytes, RFC 9110 §8.8.3.
    etag = f'"{served.etag}-{encoding}"'
    headers = {"etag": etag, "cache-control": cache, "vary": vary}
    if conditional.has(request, etag):
        return Response(status_code=304, headers=headers)
    if encoding != "identity":
        headers["content-encoding"] = encoding
    return Response(body, headers=headers, media_type=SCRIPT)
