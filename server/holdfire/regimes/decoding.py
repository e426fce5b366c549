"""Typed decoding of configuration that names every fault, not only the first.

``msgspec.convert`` is fast and stops at the first fault. A person who mends a file wants them all,
each with its exact key; so when decoding fails, ``faults`` walks the same types again.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

MISSING = "missing"
LISTED = 16  # names that a remedy lists; more would hide it


class Fault(NamedTuple):
    """One fault: where, what, and what to do about it."""

    key: str  # dotted, as TOML writes it: "minors.rules[0].ages"
    what: str
    remedy: str


def faults(value: object, kind: Any, key: str = "", *, partial: bool = False) -> Iterator[Fault]:
    """Walk a decoded TOML value against a type and yield every fault.

    ``partial`` accepts missing members: a table that inherits the rest from another. A list is
    never inherited in part, so within one nothing may be missing.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if _is_struct(kind) and isinstance(value, dict):
        yield from _members(value, kind, key, partial=partial)
    elif origin is dict and isinstance(value, dict):
        for name, member in value.items():
            yield from faults(member, inner[1], join(key, name), partial=partial)
    elif origin is tuple and inner[-1] is Ellipsis and isinstance(value, list):
        for place, member in enumerate(value):
            yield from faults(member, inner[0], f"{key}[{place}]")
    elif origin in {Union, UnionType} and (branch := _branch(value, inner)) is not None:
        yield from faults(value, branch, key, partial=partial)
    else:
        yield from _leaf(value, kind, key)


def join(key: str, name: str) -> str:
    """Write one more member onto a dotted key."""
    return f"{key}.{name}" if key and name else key or name


def nearest(name: str, known: Mapping[str, object]) -> str:
    """Suggest a known name for an unknown one: a remedy in words."""
    close = get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    if len(known) <= LISTED:
        return "use one of: " + ", ".join(sorted(known))
    return "correct the name, or define it"


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _members(
    value: dict[str, object], kind: type[msgspec.Struct], key: str, *, partial: bool
) -> Iterator[Fault]:
    fields = {f.encode_name: f for f in msgspec.structs.fields(kind)}
    for name, member in value.items():
        if name in fields:
            yield from faults(member, fields[name].type, join(key, name), partial=partial)
        else:
            yield Fault(join(key, name), "unknown key", nearest(name, fields))
    for name, field in fields.items():
        if field.required and not partial and name not in value:
            yield Fault(join(key, name), MISSING, "add it")


def _branch(value: object, kinds: tuple[Any, ...]) -> Any | None:
    """The one member of a union that a container can only have been meant as."""
    if isinstance(value, dict):
        return next((kind for kind in kinds if _is_struct(kind)), None)
    if isinstance(value, list):
        return next((kind for kind in kinds if get_origin(kind) is tuple), None)
    return None


def _leaf(value: object, kind: Any, key: str) -> Iterator[Fault]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        allowed = get_args(kind) if get_origin(kind) is Literal else ()
        remedy = "use one of: " + ", ".join(map(str, allowed)) if allowed else "correct the value"
        yield Fault(key, str(error), remedy)
