"""The description of the HTTP interface, made from the types that parse and encode it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from holdfire.web import conditional
from holdfire.web.house import House, house_of
from holdfire.web.openapi.document import document
from holdfire.web.openapi.operations import OPERATIONS
from holdfire.web.openapi.terms import ANYBODY, ETAG, JSON, REVALIDATE, Answer, Operation
from holdfire.web.shelf import QUICK, Served

HOUR = 3_600  # seconds
CACHING = f"public, max-age={HOUR}"


async def get_openapi(request: Request) -> Response:
    """``GET /openapi.json``: the same for everybody, and made when it is first asked for."""
    state = request.app.state
    if not hasattr(state, "openapi"):
        # Beside the event loop: it takes a tenth of a second, in which lookups are answered.
        state.openapi = await asyncio.to_thread(_made, request.app.routes, house_of(request))
    served: Served = state.openapi
    body, encoding = served.encoded(request.headers.get("accept-encoding", ""))
    etag = f'"{served.etag}-{encoding}"'
    headers = {
        "access-control-allow-origin": "*",
        "cache-control": CACHING,
        "etag": etag,
        "vary": "Accept-Encoding",
    }
    if conditional.has(request, etag):
        return Response(status_code=304, headers=headers)
    if encoding != "identity":
        headers["content-encoding"] = encoding
    return Response(body, headers=headers, media_type=JSON)


def _made(routes: Sequence[BaseRoute], house: House) -> Served:
    return Served.of(msgspec.json.encode(document(routes, TABLE, demo=house.demo)), QUICK)


TABLE: Mapping[Any, Operation] = {
    **OPERATIONS,
    get_openapi: Operation(
        "This document.",
        {
            200: Answer(
                "OpenAPI 3.1.", {"type": "object"}, caching=CACHING, headers={**ETAG, **ANYBODY}
            ),
            304: Answer(
                "What is held is still right.", caching=CACHING, headers={**ETAG, **ANYBODY}
            ),
        },
        parameters=(REVALIDATE,),
    ),
}
"""All of it, this document too."""
