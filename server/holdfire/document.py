"""TOML that people wrote → typed values, with every fault found, not only the first.

msgspec stops at the first fault it meets. An operator who mends a file one restart at a time
deserves better, so tables and lists are walked here and msgspec judges what is inside them.
"""

import difflib
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import inspect

from holdfire.errors import Problem

LISTED = 24  # keys that a remedy may list before it stops being read
MISSING = "is missing"

T = TypeVar("T")

_ABSENT: dict[Any, Any] = {str: "", int: 0, bool: False, tuple: (), dict: {}}


class Document:
    """One file (or the environment) being read, and what is wrong with it.

    Keys are written as TOML spells them; a row of a list is named by its ``id`` where it has one:
    ``service[posthog].hosts[#2]``.
    """

    def __init__(self, file: str, *, strict: bool = True) -> None:
        """Name the source. ``strict=False`` reads numbers from text, for the environment."""
        self.file = file
        self.problems: list[Problem] = []
        self._strict = strict

    def fault(self, key: str, what: str, remedy: str) -> None:
        """Note a problem, unless it may only follow from one noted at this key or around it."""
        if not any(
            key == p.key or key.startswith((f"{p.key}.", f"{p.key}[")) for p in self.problems
        ):
            self.problems.append(Problem(self.file, key, what, remedy))

    def unknown(self, key: str, known: Iterable[str], at: str = "") -> None:
        """Note a key that nobody reads, and the one that was probably meant."""
        choices = sorted(known)
        meant = difflib.get_close_matches(key, choices, n=1)
        listed = f"; known are {_row(choices)}" if len(choices) <= LISTED else ""
        remedy = f"did you mean {meant[0]}?" if meant else f"remove it{listed}"
        self.fault(within(at, key), "nothing reads this key", remedy)

    def read(self, path: Path) -> dict[str, Any] | None:
        """Parse the file; ``None`` (and a problem) if there is no TOML document in it."""
        try:
            return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
        except OSError as error:
            reason = error.strerror or "it cannot be read"
            self.fault("(file)", reason, "correct the path, or who may read it")
        except UnicodeDecodeError as error:
            self.fault("(file)", f"byte {error.start} is not UTF-8", "save the file as UTF-8")
        except tomllib.TOMLDecodeError as error:
            self.fault("(file)", f"not TOML: {error}", "correct the syntax, see https://toml.io")
        return None

    def decode(self, raw: Any, shape: type[T], key: str = "", *, partial: bool = False) -> T:
        """Decode into ``shape``. Where something is wrong it is noted, and its place left empty.

        ``partial`` accepts missing members: a table that inherits the rest from another. A list is
        never inherited in part, so within one nothing may be missing.
        """
        return cast("T", self._value(raw, shape, key, partial=partial))

    def _value(self, raw: Any, shape: Any, key: str, *, partial: bool = False) -> Any:
        bare = _branch(raw, _bare(shape))
        kind = get_origin(bare)
        if isinstance(raw, dict) and isinstance(bare, type) and issubclass(bare, msgspec.Struct):
            return self._struct(raw, bare, key, partial=partial)
        if isinstance(raw, list) and kind is tuple:
            item = get_args(bare)[0]
            keys = row_keys(key, (row.get("id") if isinstance(row, dict) else None for row in raw))
            return tuple(self._value(row, item, at) for at, row in zip(keys, raw, strict=True))
        if isinstance(raw, dict) and kind is dict:
            item = get_args(bare)[1]
            return {
                name: self._value(row, item, within(key, name), partial=partial)
                for name, row in raw.items()
            }
        try:
            return msgspec.convert(raw, shape, strict=self._strict)
        except msgspec.ValidationError as error:
            remedy = f"write {wanted(inspect.type_info(shape))}"
            if isinstance(raw, dict) and bare is str:
                remedy = 'a key with dots in it is quoted as a whole: "banner.title" = "…"'
            self.fault(key, str(error), remedy)
            return _absent(shape)

    def _struct(
        self, raw: dict[str, Any], shape: type[msgspec.Struct], key: str, *, partial: bool
    ) -> Any:
        fields = {field.encode_name: field for field in msgspec.structs.fields(shape)}
        members: dict[str, Any] = {}
        for name in raw:
            if name not in fields:
                self.unknown(name, fields, at=key)
        for name, field in fields.items():
            if name in raw:
                inner = within(key, name)
                members[field.name] = self._value(raw[name], field.type, inner, partial=partial)
            elif field.required:
                members[field.name] = _absent(field.type)
                if not partial:
                    form = wanted(inspect.type_info(field.type))
                    self.fault(within(key, name), MISSING, f"add it: {form}")
        return shape(**members)


def nearest(name: str, known: Collection[str]) -> str:
    """Suggest a known name for one that refers to nothing: a remedy in words."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    if len(known) <= LISTED:
        return f"use one of: {_row(sorted(known))}"
    return "correct the name, or define it"


def within(table: str, name: str) -> str:
    """The key of a member of a table, quoted as TOML asks."""
    bare = name.replace("-", "").replace("_", "").isalnum() and name.isascii()
    part = name if bare else f'"{name}"'
    return f"{table}.{part}" if table else part


def wanted(kind: inspect.Type) -> str:
    """Say in words what may be written for a value of this type."""
    match kind:
        case inspect.Metadata(type=inner) | inspect.UnionType(types=(inner, *_)):
            words = wanted(inner)
        case inspect.LiteralType(values=values):
            words = f"one of {_row(map(str, values))}"
        case inspect.IntType(ge=int(low), le=int(high)):
            words = f"a whole number from {low} to {high}"
        case inspect.BoolType():
            words = "true or false"
        case inspect.VarTupleType(item_type=inspect.StructType()):
            words = "a table in double brackets for each"
        case inspect.VarTupleType(item_type=item):
            words = f"a list in brackets; each item: {wanted(item)}"
        case inspect.DictType() | inspect.StructType():
            words = "a table"
        case _:
            words = "a text in quotes"
    return words


def row_keys(table: str, ids: Iterable[object]) -> list[str]:
    """The keys of a list's rows: by id, or by place (from 1) where an id would not tell it apart."""
    rows = list(ids)
    times = Counter(key for key in rows if isinstance(key, str) and key)
    return [
        f"{table}[{key if isinstance(key, str) and times[key] == 1 else f'#{place}'}]"
        for place, key in enumerate(rows, start=1)
    ]


def _bare(shape: Any) -> Any:
    return get_args(shape)[0] if get_origin(shape) is Annotated else shape


def _branch(raw: Any, shape: Any) -> Any:
    """Of a union, the one member that a table or a list can only have been meant as."""
    if get_origin(shape) not in {Union, UnionType} or not isinstance(raw, dict | list):
        return shape
    wanted_kind = tuple if isinstance(raw, list) else msgspec.Struct
    for kind in get_args(shape):
        plain = get_origin(kind) or kind
        if isinstance(plain, type) and issubclass(plain, wanted_kind):
            return kind
    return shape


def _absent(shape: Any) -> Any:
    """What stands in for a value that could not be read, so that its neighbours are still checked."""
    bare = _bare(shape)
    origin = get_origin(bare) or bare
    if type(None) in get_args(bare):
        return None
    if isinstance(origin, type) and issubclass(origin, msgspec.Struct):
        required = (field for field in msgspec.structs.fields(origin) if field.required)
        return origin(**{field.name: _absent(field.type) for field in required})
    return _ABSENT.get(origin, "")


def _row(words: Iterable[str]) -> str:
    return ", ".join(words)
