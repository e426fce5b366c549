"""The two languages of a batch, JSON and MessagePack: which one came, and which one is wanted."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec
from starlette.requests import Request

from holdfire.errors import MediaTypeRefused, NotAcceptable


class Media(NamedTuple):
    """One of them."""

    type: str
    encode: Callable[[object], bytes]


JSON = Media("application/json", msgspec.json.Encoder().encode)
MESSAGEPACK = Media("application/msgpack", msgspec.msgpack.Encoder().encode)
SPOKEN = (JSON, MESSAGEPACK)
QUALITIES = 32  # ranges of an ``Accept`` that are read; an honest one has a handful


def sent(request: Request) -> Media:
    """What the body is declared to be. Raises ``MediaTypeRefused``."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    for media in SPOKEN:
        if media.type == declared:
            return media
    raise MediaTypeRefused("Send the body as application/json or application/msgpack.")


def wanted(request: Request) -> Media:
    """What the answer is to be, by RFC 9110 §12.5.1; JSON where both are as welcome.

    Raises ``NotAcceptable``.
    """
    ranges = named(request)
    if not ranges:
        return JSON
    best = max(SPOKEN, key=lambda media: _quality(media.type, ranges))  # of equals, the first
    if _quality(best.type, ranges) <= 0:
        raise NotAcceptable("Accept application/json or application/msgpack.")
    return best


def named(request: Request) -> dict[str, float]:
    """The ranges that ``Accept`` names, each with its weight; empty without that header."""
    lines = request.headers.getlist("accept")
    return dict(_ranges(",".join(lines))) if lines else {}


def _quality(media: str, ranges: dict[str, float]) -> float:
    """The weight that the most specific range gives it; 0 for none."""
    for asked in (media, f"{media.partition('/')[0]}/*", "*/*"):
        if asked in ranges:
            return ranges[asked]
    return 0.0


def _ranges(text: str) -> Iterator[tuple[str, float]]:
    for part in text.split(",")[:QUALITIES]:
        asked, *parameters = (word.strip().lower() for word in part.split(";"))
        yield asked, _weight(parameters)


def _weight(parameters: Sequence[str]) -> float:
    """``q`` of a range, from 0 to 1; one that is no number is no welcome."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                found = float(value)
            except ValueError:
                return 0.0
            return found if 0 <= found <= 1 else 0.0
    return 1.0
