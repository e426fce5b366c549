"""Schemas of the document, made from the types that parse and encode.

msgspec writes JSON Schema 2020-12, which is the dialect of OpenAPI 3.1, but in Python's regular
expressions and with docstrings as they are indented; both are put into the wire's own words here.
"""

import inspect
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from holdfire import errors
from holdfire.errors import ConfigError, HoldfireError
from holdfire.web.middleware import ErrorBody, ErrorDocument

Json = dict[str, Any]
"""A part of the document."""
REF = "#/components/schemas/{name}"


def wire_errors() -> tuple[type[HoldfireError], ...]:
    """Every error that has a code on the wire, as ``errors`` lists them."""
    return tuple(
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type)
        and issubclass(kind, HoldfireError)
        and not issubclass(kind, ConfigError)
        and "code" in vars(kind)
    )


def components(requests: Iterable[type], answers: Iterable[type]) -> Json:
    """The schemas of both kinds of bodies, and of the one error document, by name.

    A request with an unknown member is refused, so its schema says so. An answer may get new
    members, so that its schema leaves room for them.
    """
    asked = _made(requests)
    told = {name: _roomy(schema) for name, schema in _made([*answers, ErrorDocument]).items()}
    if shared := asked.keys() & told.keys():
        raise TypeError(f"one name for two bodies: {sorted(shared)}")
    told[ErrorBody.__name__]["properties"]["code"] = {"$ref": REF.format(name="ErrorCode")}
    return {**asked, **told, "ErrorCode": _codes()}


def ref(kind: type) -> Json:
    """Where the schema of a type stands."""
    return {"$ref": REF.format(name=kind.__name__)}


def of(kind: object) -> Json:
    """The schema of a type that has no name, such as one of the formats of ``parse``."""
    schema: Json = _portable(msgspec.json.schema(kind))
    return schema


def told(kind: type) -> str:
    """What a docstring says, for people who do not read Python."""
    return inspect.cleandoc(kind.__doc__ or "").replace("``", "`")


def _made(kinds: Iterable[type]) -> Json:
    _, found = msgspec.json.schema_components(list(kinds), ref_template=REF)
    return {name: _portable(schema) for name, schema in found.items()}


def _codes() -> Json:
    lines = (f"- `{kind.code}` ({kind.status}): {told(kind)}" for kind in wire_errors())
    return {
        "type": "string",
        "enum": [kind.code for kind in wire_errors()],
        "description": "What went wrong. The list is closed.\n\n" + "\n".join(lines),
    }


def _portable(schema: Any) -> Any:
    match schema:
        case {"description": str(text), **rest}:
            cleaned = inspect.cleandoc(text).replace("``", "`")
            return {**_portable(rest), "description": cleaned}
        case dict():
            return {
                key: _pattern(value)
                if key == "pattern" and isinstance(value, str)
                else _portable(value)
                for key, value in schema.items()
            }
        case list():
            return [_portable(one) for one in schema]
    return schema


def _pattern(text: str) -> str:
    """Python's end of text and its digits, as ECMA-262 writes them."""
    return re.sub(r"\\Z$", "$", text).replace(r"\d", "[0-9]")


def _roomy(schema: Any) -> Any:
    """The same without the members that are refused: only what is sent to us is."""
    match schema:
        case dict():
            kept = {k: v for k, v in schema.items() if (k, v) != ("additionalProperties", False)}
            return {key: _roomy(value) for key, value in kept.items()}
        case list():
            return [_roomy(one) for one in schema]
    return schema
