"""What the table describes an operation in: parameters, headers, bodies, answers, security."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from holdfire import parse, tracking
from holdfire.errors import HoldfireError
from holdfire.web.openapi import schemas
from holdfire.web.openapi.schemas import Json
from holdfire.web.request import FLAG, OLDEST

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """One status, and what comes with it. ``shape`` is a msgspec type, or a schema as it stands."""

    what: str
    shape: type | Json | None = None
    media: str = JSON
    caching: str = "no-store"  # Cache-Control, as a pattern
    headers: Mapping[str, Json] = field(default_factory=dict)
    also: Mapping[str, type] = field(default_factory=dict)  # other media types to be asked for


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one address."""

    summary: str
    answers: Mapping[int, Answer]
    errors: tuple[type[HoldfireError], ...] = ()
    parameters: tuple[Json, ...] = ()
    body: type | None = None
    also: str = ""  # another media type in which the body may be sent
    security: tuple[str, ...] = ()  # one of these suffices; "" is: none is needed


# ---------------------------------------------------------------- parameters

PLACE = "^[A-Za-z0-9]{2}(-[A-Za-z0-9]{1,3})?$"  # as web.request.place reads it
TAG = "^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,6}$"  # BCP 47, as visitor.languages reads it
TILE = r"^[0-9]{1,2}/(x[0-9]{3}/)*[0-9]{3}(\.p/[0-9]{1,3})?$"  # as ledger.tiles reads it


def query(name: str, what: str, schema: Json) -> Json:
    """A parameter of the query. None of ours may come twice."""
    return {"name": name, "in": "query", "description": what, "schema": schema}


def header(name: str, what: str, schema: Json, *, required: bool = False) -> Json:
    """A header of the request that the answer depends on."""
    return {"name": name, "in": "header", "description": what, "schema": schema} | (
        {"required": True} if required else {}
    )


PATH: Mapping[str, Json] = {
    "site": {"description": "The site's id.", "schema": schemas.of(parse.SiteId)},
    "region": {
        "description": "A country, or a country and its subdivision: `de`, `us-ca`.",
        "schema": {"type": "string", "pattern": PLACE},
    },
    "name": {"description": "A file that a boot script named.", "schema": {"type": "string"}},
    "event_id": {
        "description": "The event id of the visitor's own choice.",
        "schema": schemas.of(parse.EventId),
    },
    "service": {
        "description": "The service's id in the site file.",
        "schema": {"type": "string"},
    },
    "log": {"description": "The name of a log, such as `2026`.", "schema": {"type": "string"}},
    "tile": {
        "description": "LEVEL/INDEX[.p/WIDTH], as C2SP tlog-tiles has it. "
        "Its slashes are written as they are.",
        "schema": {"type": "string", "pattern": TILE},
    },
    "tracking": {
        "description": "The letter of a `Tk` header.",
        "schema": {"type": "string", "enum": list(tracking.VALUES)},
    },
}
"""The parameters of paths, by the name that the route table gives them."""

AGE = query(
    "age",
    "The visitor's age in years, where the page knows it. It can only tighten.",
    {"type": "integer", "minimum": 0, "maximum": OLDEST},
)
RESIDENCE = query(
    "residence",
    "Where the visitor lives, where the page knows it: CC or CC-SUB. It can only tighten.",
    {"type": "string", "pattern": PLACE},
)
LANG = query(
    "lang",
    "What the page is written in: a BCP 47 tag.",
    {"type": "string", "pattern": TAG},
)
PAGE_LANG = query(
    "lang",
    "What the page is written in: a BCP 47 tag. What is none, or doubled, is passed over.",
    {"type": "string"},
)
GPC = query("gpc", "`navigator.globalPrivacyControl` was true.", {"enum": list(FLAG)})
DNT = query("dnt", "`navigator.doNotTrack` was on.", {"enum": list(FLAG)})
GEO = query(
    "geo",
    "Stand in another place: CC or CC-SUB. Only the demo knows it.",
    {"type": "string", "pattern": PLACE},
)
TOLD = (GPC, DNT, AGE, RESIDENCE, LANG)
"""What every endpoint of a site takes: ``web.request.TOLD``."""
SIGNALS = (
    header("Sec-GPC", "`1` is Global Privacy Control.", {"type": "string"}),
    header("DNT", "`1` is Do Not Track.", {"type": "string"}),
)
LANGUAGES = header("Accept-Language", "The languages wanted.", {"type": "string"})
ORIGIN = header(
    "Origin", "One of the site's origins, as browsers send it.", {"type": "string"}, required=True
)
REVALIDATE = header("If-None-Match", "The ETag of what is held.", {"type": "string"})

# ---------------------------------------------------------------- headers of answers

REQUEST_ID = {
    "description": "Names the request in the service's own log.",
    "required": True,
    "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
}
RETRY_AFTER = {
    "description": "Seconds after which to come back.",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
}
TK = {
    "Tk": {
        "description": "The tracking status of this visitor, and where it is explained.",
        "required": True,
        "schema": {"type": "string", "pattern": f"^[{''.join(tracking.VALUES)}];"},
    }
}
UPDATED = {
    "Tk": {
        "description": "The visitor's tracking status may have changed: ask again.",
        "required": True,
        "schema": {"const": "U"},
    }
}
COOKIE = {
    "Set-Cookie": {
        "description": "The visitor's token; then cookies of what is denied, each of which expires.",
        "required": True,
        "schema": {"type": "string"},
    }
}
ETAG = {
    "ETag": {
        "description": "Names exactly these bytes.",
        "required": True,
        "schema": {"type": "string", "pattern": '^(W/)?"[^"]+"$'},
    }
}
ANYBODY = {
    "Access-Control-Allow-Origin": {
        "description": "Any page may read it.",
        "required": True,
        "schema": {"const": "*"},
    }
}
ITS_ORIGINS = {
    "Access-Control-Allow-Origin": {
        "description": "The origin that asked, where it is one of the site's.",
        "schema": {"type": "string"},
    }
}


def caching(pattern: str) -> Json:
    """The header that says who may keep an answer."""
    return {
        "description": "Who may keep it, and for how many seconds.",
        "required": True,
        "schema": {"type": "string", "pattern": f"^{pattern}$"},
    }


# ---------------------------------------------------------------- who asks

VISITOR = ("", "visitorCookie", "visitorToken")
"""The visitor's token says who asks; without one, nobody has chosen yet."""
API_KEY = ("apiKey",)
CHALLENGE = {
    "WWW-Authenticate": {
        "description": "How to say who asks.",
        "required": True,
        "schema": {"const": "Bearer"},
    }
}

SECURITY: Mapping[str, Json] = {
    "visitorCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-holdfire_{site}",
        "description": "The visitor's token, as the service set it. "
        "On a host of its own, `__Secure-holdfire_{site}`; over plain http, `holdfire_{site}`. "
        "A bad, doubled or foreign cookie is as no cookie.",
    },
    "visitorToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "The visitor's token. It goes before the cookie, and a bad one is refused.",
    },
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key of this site, as `holdfire keys create` printed it.",
    },
}
