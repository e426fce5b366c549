"""From a request to what the verbs speak in: site, visitor, token. Nothing else reads headers."""

from collections.abc import Iterable, Mapping

import msgspec
from starlette.requests import Request

from holdfire import parse
from holdfire.errors import BadQuery, OriginRefused, TokenInvalid, UnknownSite
from holdfire.model import Location, Site, Source, Visitor
from holdfire.tokens import VisitorToken
from holdfire.visitor import Front
from holdfire.visitor.languages import well_formed
from holdfire.web.cors import cors
from holdfire.web.house import house_of

FLAG = ("1",)
TOLD: Mapping[str, Iterable[str] | None] = {
    "gpc": FLAG,  # signals: an extension may set the property and not the header
    "dnt": FLAG,
    "age": None,  # what the owner's page declares of somebody it knows
    "residence": None,
    "lang": None,  # what the page itself is written in
}
"""What the page says of its visitor and itself. Nothing of it can allow what is denied without it."""
OLDEST = 150  # years


def site_of(request: Request) -> Site:
    """The site in the path. From here on the answer speaks CORS to that site's origins.

    Raises ``UnknownSite``.
    """
    site = house_of(request).ctx.sites.get(request.path_params["site"])
    if site is None:
        raise UnknownSite("No site of this id is configured.")
    request.scope["holdfire.headers"] = cors(site, request.scope)
    return site


def origin_of(request: Request) -> str | None:
    """The one ``Origin`` header, or ``None`` where there is none or more than one."""
    found = _values(request, b"origin")
    return found[0] if len(found) == 1 else None


def require_origin(request: Request, site: Site) -> str:
    """The origin, if it is on the site's list. Raises ``OriginRefused``."""
    origin = origin_of(request)
    if origin is None or origin not in site.origins:
        raise OriginRefused("The Origin header is missing or not on the site's list.")
    return origin


def query_of(
    request: Request, more: Mapping[str, Iterable[str] | None] | None = None
) -> dict[str, str]:
    """The query, of known parameters only. Raises ``BadQuery``."""
    allowed = {**TOLD, **(more or {})}
    if house_of(request).demo:
        allowed["geo"] = None
    return parse.query(request.scope["query_string"], allowed)


def visitor_of(request: Request, query: Mapping[str, str]) -> Visitor:
    """Who asks, without the address.

    Raises ``BadQuery`` for an age, a place or a language that is none.
    """
    visitor = house_of(request).observatory.describe(
        _peer(request),
        request.scope["headers"],
        gpc_hint=query.get("gpc") == "1",
        dnt_hint=query.get("dnt") == "1",
    )
    declared: dict[str, object] = {}
    if "age" in query:
        declared["age"] = _age(query["age"])
    if "residence" in query:
        lives = place(query["residence"])
        declared["residence"] = (lives.country, lives.region)
    if "lang" in query:
        declared["page_language"] = _language(query["lang"])
    if "geo" in query:
        declared["location"] = place(query["geo"])
    return msgspec.structs.replace(visitor, **declared) if declared else visitor


def _age(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 3 or int(text) > OLDEST:  # noqa: PLR2004 -- digits of 150
        raise BadQuery("An age is a number of years.")
    return int(text)


def _language(text: str) -> str:
    if not well_formed(text):
        raise BadQuery("A language is written as a BCP 47 tag, such as fr or pt-BR.")
    return text.lower()


def place(text: str, source: Source = "override") -> Location:
    """Read ``CC`` or ``CC-SUB``. Raises ``BadQuery``."""
    country, _, region = text.upper().partition("-")
    if not (
        text.isascii()
        and len(country) == 2  # noqa: PLR2004 -- ISO 3166-1 alpha-2
        and country.isalnum()
        and len(region) <= 3  # noqa: PLR2004 -- ISO 3166-2
        and (region.isalnum() or "-" not in text)
    ):
        raise BadQuery("A place is written CC or CC-SUB.")
    return Location(
        country=country,
        region=region or None,
        source=source,
        confidence="high",
    )


def bearer_of(request: Request) -> str | None:
    """What follows ``Bearer`` in the one Authorization header; ``None`` where there is none.

    Raises ``ValueError`` for two of them, and for another scheme.
    """
    found = _values(request, b"authorization")
    if not found:
        return None
    scheme, _, text = found[0].partition(" ")
    if len(found) > 1 or scheme.lower() != "bearer":
        raise ValueError("no bearer token, or two")
    return text


def token_of(request: Request, site: Site) -> VisitorToken | None:
    """The visitor's token: a bearer token must be good, a bad cookie is as no cookie.

    Raises ``TokenInvalid`` for a bearer token that is forged, foreign, truncated or doubled.
    """
    house = house_of(request)
    try:
        text = bearer_of(request)
    except ValueError as error:
        said = "Send one Authorization header, of the form: Bearer <token>."
        raise TokenInvalid(said) from error
    if text is not None:
        return house.ctx.tokens.read(site.id, text)
    cookie = _cookie(request, site)
    if cookie is None:
        return None
    try:
        return house.ctx.tokens.read(site.id, cookie)
    except TokenInvalid:
        return None


def token_if_good(request: Request, site: Site) -> VisitorToken | None:
    """The same, where a bad token is as none: nobody learns whether a visitor is known here."""
    try:
        return token_of(request, site)
    except TokenInvalid:
        return None


def front_of(request: Request) -> Front:
    """The scheme and host the visitor used, told by a trusted proxy where there is one."""
    observatory = house_of(request).observatory
    return observatory.front(_peer(request), request.scope["headers"], request.scope["scheme"])


def _peer(request: Request) -> str | None:
    return request.client.host if request.client else None


def has_cookie(request: Request, site: Site) -> bool:
    """Whether the browser keeps something of ours, good or bad."""
    return bool(_cookies(request, site))


def _cookie(request: Request, site: Site) -> str | None:
    """The token cookie; two of one name mean that somebody planted one, so neither is believed."""
    values = _cookies(request, site)
    return values[0] if len(values) == 1 else None


def _cookies(request: Request, site: Site) -> list[str]:
    """The values of the first of our names that there are any of."""
    plain = f"holdfire_{site.id}"
    # Browsers send prefixed names over TLS alone: one that comes without was passed on by a proxy
    # that does not say so, and a refusal in it must not be missed.
    names = [f"__Host-{plain}", f"__Secure-{plain}"]
    if front_of(request).scheme != "https":
        names.append(plain)
    pairs = [
        (name.strip(), value.strip())
        for header in _values(request, b"cookie")
        for name, eq, value in (part.partition("=") for part in header.split(";"))
        if eq
    ]
    found = ([value for name, value in pairs if name == wanted] for wanted in names)
    return next((values for values in found if values), [])


def _values(request: Request, name: bytes) -> list[str]:
    return [v.decode("latin-1") for n, v in request.scope["headers"] if n == name]
