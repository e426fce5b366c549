"""The whole document: the route table, with what the table of operations says of each address."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.routing import BaseRoute, Route

from holdfire.errors import (
    BodyTooLarge,
    HeadersTooLarge,
    HoldfireError,
    KeyInvalid,
    NotFound,
    Overloaded,
    RateLimited,
    StoreUnavailable,
    UnknownSite,
)
from holdfire.web.middleware import ErrorDocument
from holdfire.web.openapi import schemas
from holdfire.web.openapi.operations import PREFLIGHT
from holdfire.web.openapi.schemas import Json
from holdfire.web.openapi.terms import (
    CHALLENGE,
    GEO,
    ITS_ORIGINS,
    JSON,
    PATH,
    REQUEST_ID,
    RESIDENCE,
    RETRY_AFTER,
    SECURITY,
    Answer,
    Operation,
    caching,
)

EVERYWHERE = (BodyTooLarge, HeadersTooLarge, HoldfireError, Overloaded)
"""What ``web.middleware.Door`` answers before, or in place of, an endpoint."""
SITES = ("/v1/sites/", "/s/")
"""Where the addresses of one site begin: they speak CORS to its origins."""
ABOUT = """\
Consent and tracking preferences, asked once, proved later, answered fast.

No answer, and any answer but a readable `"allow": true`, is a no.
Every GET is answered as HEAD as well; any other method is refused with 405, `method_refused`.
The addresses continue the path under which this document is found, so that a reverse proxy may put
a prefix before all of them.
"""


def document(
    routes: Iterable[BaseRoute], table: Mapping[Any, Operation], *, demo: bool = False
) -> Json:
    """The description of all routes whose endpoints the table knows, in OpenAPI 3.1.

    With ``demo``, what only the demo takes is described too.
    """
    paths: dict[str, Json] = {}
    refusals: dict[str, Json] = {}
    used: list[Operation] = []
    for route in routes:
        found = _operation(route, table)
        if found is None or not isinstance(route, Route):
            continue
        used.append(found)
        path = re.sub(r":\w+}", "}", route.path)
        for method in sorted((route.methods or set()) - {"HEAD"}):
            paths.setdefault(path, {})[method.lower()] = _described(
                route, path, found, refusals, demo=demo
            )
    answers = [
        shape
        for operation in used
        for answer in operation.answers.values()
        for shape in (answer.shape, *answer.also.values())
        if isinstance(shape, type)
    ]
    requests = [operation.body for operation in used if operation.body]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Holdfire",
            "version": "1",
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas.components(requests, answers),
            "responses": refusals,
            "securitySchemes": dict(SECURITY),
        },
    }


def _operation(route: BaseRoute, table: Mapping[Any, Operation]) -> Operation | None:
    if isinstance(route, Route) and route.methods == {"OPTIONS"}:
        return PREFLIGHT
    return table.get(route.endpoint) if isinstance(route, Route) else None


def _described(
    route: Route, path: str, operation: Operation, refusals: dict[str, Json], *, demo: bool
) -> Json:
    names = re.findall(r"{(\w+)}", path)
    of_site = path.startswith(SITES)
    errors = (*EVERYWHERE, *operation.errors, *((NotFound, UnknownSite) if of_site else ()))
    if names and not of_site:
        errors = (*errors, NotFound)
    own = [{"name": name, "in": "path", "required": True, **PATH[name]} for name in names]
    moved = (GEO,) if demo and RESIDENCE in operation.parameters else ()
    described: Json = {
        "operationId": _id(route, path, names),
        "summary": operation.summary,
        "tags": [route.endpoint.__module__.rpartition(".")[2]],
        "parameters": [*own, *operation.parameters, *moved],
        "responses": _responses(operation, errors, refusals, of_site=of_site),
    }
    if operation.body:
        described["requestBody"] = {
            "required": True,
            "content": {
                media: {"schema": schemas.ref(operation.body)}
                for media in (JSON, operation.also)
                if media
            },
        }
    if operation.security:
        described["security"] = [{name: []} if name else {} for name in operation.security]
    return described


def _id(route: Route, path: str, names: list[str]) -> str:
    """One name for each; an endpoint with two addresses is named by what the second adds."""
    name: str = route.endpoint.__name__
    if route.methods == {"OPTIONS"}:
        return "_".join([name, *re.findall(r"[a-z]+", path.partition("{site}/")[2])])
    return f"{name}_of_one" if "log" in names else name


def _responses(
    operation: Operation,
    errors: Iterable[type[HoldfireError]],
    refusals: dict[str, Json],
    *,
    of_site: bool,
) -> Json:
    refused: dict[int, list[type[HoldfireError]]] = {}
    for kind in sorted(set(errors), key=lambda kind: kind.code):
        refused.setdefault(kind.status, []).append(kind)
    common = ITS_ORIGINS if of_site else {}
    found = {
        status: _response(answer, refused.get(status, []), common)
        for status, answer in operation.answers.items()
    }
    for status in refused.keys() - found.keys():
        name = ".".join([*(kind.code for kind in refused[status]), *(("site",) if of_site else ())])
        refusals[name] = _refusal(refused[status], common)
        found[status] = {"$ref": f"#/components/responses/{name}"}
    return {str(status): found[status] for status in sorted(found)}


def _response(answer: Answer, refused: list[type[HoldfireError]], common: Json) -> Json:
    """What is answered; where an error has the same status, that error too."""
    headers = {
        "X-Request-Id": REQUEST_ID,
        "Cache-Control": caching(answer.caching),
        **common,
        **answer.headers,
    }
    described: Json = {"description": answer.what, "headers": headers}
    shapes = {answer.media: answer.shape, **answer.also}
    content = {
        media: schemas.ref(shape) if isinstance(shape, type) else shape
        for media, shape in shapes.items()
        if shape
    }
    if refused:
        described["description"] = f"{answer.what}\n\nOr an error:\n\n{_causes(refused)}"
        # What only the one kind of answer has, the other kind has not.
        described["headers"] = {
            name: {k: v for k, v in header.items() if k != "required"}
            if name in answer.headers
            else header
            for name, header in headers.items()
        }
        error = _error(refused)
        content[JSON] = {"anyOf": [content[JSON], error]} if JSON in content else error
    if content:
        described["content"] = {media: {"schema": schema} for media, schema in content.items()}
    return described


def _refusal(refused: list[type[HoldfireError]], common: Json) -> Json:
    headers = {"X-Request-Id": REQUEST_ID, "Cache-Control": caching("no-store"), **common}
    if all(issubclass(kind, StoreUnavailable | RateLimited) for kind in refused):
        headers["Retry-After"] = RETRY_AFTER
    if KeyInvalid in refused:
        headers |= CHALLENGE
    return {
        "description": _causes(refused),
        "headers": headers,
        "content": {JSON: {"schema": _error(refused)}},
    }


def _causes(refused: list[type[HoldfireError]]) -> str:
    lines = (f"- `{kind.code}`: {schemas.told(kind)}" for kind in refused)
    return "\n".join(lines)


def _error(refused: list[type[HoldfireError]]) -> Json:
    """The one error document, with the codes that it can have here."""
    codes = {"properties": {"code": {"enum": [kind.code for kind in refused]}}}
    return {"allOf": [schemas.ref(ErrorDocument), {"properties": {"error": codes}}]}
