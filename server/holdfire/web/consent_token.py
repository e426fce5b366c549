"""Consent tokens, and the keys to check them with."""

from datetime import UTC, datetime
from hashlib import sha256

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdfire.token_keys import KEPT_SECONDS
from holdfire.web import conditional, media
from holdfire.web.house import house_of, json_response
from holdfire.web.request import query_of, site_of, token_of, visitor_of

JWT = "application/jwt"  # RFC 7519 §10.3.1
KEY_SET = "application/jwk-set+json"  # RFC 7517 §8.5.2


class TokenBody(msgspec.Struct):
    """A consent token on the wire, for who asks for JSON (PROTOCOL.md §5)."""

    token: str
    expires_at: datetime


async def get_token(request: Request) -> Response:
    """``GET …/token``: the compact JWS itself, or in JSON for who names that in ``Accept``."""
    site, house = site_of(request), house_of(request)
    visitor = visitor_of(request, query_of(request))
    token = token_of(request, site)
    issued = await house.consent_tokens.issue(house.ctx, site, visitor, token)
    if _wants_json(request):
        return json_response(
            TokenBody(issued.token, datetime.fromtimestamp(issued.expires_at, UTC))
        )
    return Response(issued.token, headers={"cache-control": "no-store"}, media_type=JWT)


async def get_jwks(request: Request) -> Response:
    """``GET /.well-known/jwks.json``: the same for everybody."""
    body = house_of(request).consent_tokens.jwks()
    etag = f'"{sha256(body).hexdigest()[:16]}"'
    headers = {
        "cache-control": f"public, max-age={KEPT_SECONDS}",
        "access-control-allow-origin": "*",
        "etag": etag,
    }
    if conditional.has(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=KEY_SET)


def _wants_json(request: Request) -> bool:
    """Whether JSON is named and the token's own type is not: ``*/*`` wants nothing special."""
    ranges = media.named(request)
    return "application/json" in ranges and JWT not in ranges
