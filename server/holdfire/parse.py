"""Untrusted bytes to model. Every limit lives here, with its reason.

A request is parsed once, into a type; behind this module nothing checks shapes again.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple, Protocol, TypeVar
from urllib.parse import parse_qsl

import msgspec

from holdfire.errors import ActionMismatch, BadJson, BadMember, BadQuery, BodyTooLarge
from holdfire.model import Action, Choice, Site

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
BODY_BYTES = 16 * 1024  # an honest choice over 64 services takes 3 KiB
BATCH_BYTES = 256 * 1024  # 1,000 visitors of whom all is said that can be take 110 KiB
BATCH = 1_000  # visitors in a batch, which is what the store is asked for at once
QUERY_BYTES = 1_024  # the longest honest query is about 60
MESSAGE = 200  # characters that are said of one visitor, whatever it was called
MEMBERS = 64  # categories or services a choice may name; more could only be an attack on hashing

# The patterns are anchored, of bounded length and without nested repetition: linear on any input.
EventId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z",
        max_length=36,
    ),
]
KnownId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})?\Z",
        max_length=36,
    ),
]  # or "", where the id is not known
Version = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}\Z", max_length=16)]
Language = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{2,35}\Z", max_length=35)]
Control = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_.-]{1,64}\Z", max_length=64)]
Instant = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)\Z",
        max_length=40,
    ),
]
SiteId = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,64}\Z", max_length=64)]
# The longest that is signed takes 330 characters; a longer one is somebody's own.
HandOffText = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{1,512}\Z", max_length=512)]
# A host has at most 253 characters (RFC 1035 §2.3.4); a scheme and a port go with it.
Origin = Annotated[str, msgspec.Meta(pattern=r"^https?://[!-~]{1,259}\Z", max_length=267)]
Members = Annotated[dict[str, bool], msgspec.Meta(max_length=MEMBERS)]
VisitorId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{22}\Z", max_length=22)]
PlaceCode = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Z0-9]{2}(-[A-Z0-9]{1,3})?\Z", max_length=6)
]  # ISO 3166-1, or 3166-2
Age = Annotated[int, msgspec.Meta(ge=0, le=150)]
# What a category or service may be called in a site file, so that a misspelt one is answered.
Named = Annotated[
    list[Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,64}\Z", max_length=64)]],
    msgspec.Meta(max_length=MEMBERS),
]


class AfterBody(msgspec.Struct, forbid_unknown_fields=True):
    """The newest act that the page knew of when this one was made on it.

    ``event_id`` is "" where it only knew the number. ``seq`` is the newest number that it had been
    told, which is older than the act while that was still on its way.
    """

    seq: Annotated[int, msgspec.Meta(ge=0, le=2**53)]  # what a page can count to
    event_id: KnownId


class ChoiceBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST …/choices``, PROTOCOL.md §4."""

    event_id: EventId
    action: Action
    categories: Members
    notice_version: Version
    language: Language
    layer: Annotated[int, msgspec.Meta(ge=0, le=2)]
    control: Control
    client_time: Instant
    services: Members = msgspec.field(default_factory=dict)
    after: AfterBody | None = None


class HandOffBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST …/handoffs``."""

    site: SiteId


class TakeOver(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename={"origin": "from"}):
    """A hand-off as it arrived at the site it is for: the body of ``POST …/takeovers``."""

    token: HandOffText
    origin: Origin  # of the page that led here, as the browser names it


class AskedBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One visitor of a batch. What is left out is as the whole batch has it."""

    visitor: VisitorId
    place: PlaceCode | None = None
    gpc: bool | None = None
    dnt: bool | None = None
    age: Age | None = None
    version: Version | None = None


class _Whole(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a batch says of all its visitors."""

    categories: Named | None = None  # None: all of the site
    services: Named | None = None
    place: PlaceCode | None = None
    gpc: bool | None = None
    dnt: bool | None = None
    version: Version | None = None


class BatchBody(_Whole):
    """The body of ``POST …/decisions``, PROTOCOL.md §5."""

    visitors: Annotated[list[VisitorId | AskedBody], msgspec.Meta(min_length=1, max_length=BATCH)]


class _AnyBatch(_Whole):
    """The same before anybody has looked at the visitors, each of which may be anything."""

    visitors: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1, max_length=BATCH)]


class Decoder(Protocol[T_co]):
    """Of JSON or of MessagePack. Raises ``msgspec.DecodeError``, and as Python's own."""

    def decode(self, buf: bytes | msgspec.Raw, /) -> T_co:
        """Decode one document."""
        ...


class Decoders(NamedTuple):
    """The decoders of a batch in one of its languages."""

    whole: Decoder[BatchBody]
    loose: Decoder[_AnyBatch]
    one: Decoder[str | AskedBody]


class Batch(NamedTuple):
    """Whom a server asks for, in its order, and what is said of all of them."""

    visitors: Sequence[AskedBody | BadMember]  # an error stands where a visitor is none
    whole: _Whole


_CHOICE = msgspec.json.Decoder(ChoiceBody)
_HAND_OFF = msgspec.json.Decoder(HandOffBody)
_TAKE_OVER = msgspec.json.Decoder(TakeOver)
_JSON = Decoders(
    msgspec.json.Decoder(BatchBody),
    msgspec.json.Decoder(_AnyBatch),
    msgspec.json.Decoder(VisitorId | AskedBody),
)
_PACKED = Decoders(
    msgspec.msgpack.Decoder(BatchBody),
    msgspec.msgpack.Decoder(_AnyBatch),
    msgspec.msgpack.Decoder(VisitorId | AskedBody),
)
_BATCH_PATH = re.compile(r"/v1/sites/[^/]+/decisions")


def most_bytes(method: str, path: str) -> int:
    """The longest body that is taken at an address, in bytes."""
    batch = method == "POST" and _BATCH_PATH.fullmatch(path) is not None
    return BATCH_BYTES if batch else BODY_BYTES


def choice(body: bytes, site: Site) -> Choice:
    """Decode a choice for one site.

    Raises ``BodyTooLarge``, ``BadJson``, ``BadMember`` or ``ActionMismatch``.
    """
    given = _decoded(_CHOICE, body)
    _refuse_foreign_members(given, site)
    _refuse_mismatch(given, site)
    return Choice(
        event_id=given.event_id,
        action=given.action,
        categories={c.id: given.categories[c.id] for c in site.categories if not c.locked},
        services={s.id: given.services[s.id] for s in site.services if s.id in given.services},
        notice_version=given.notice_version,
        language=given.language,
        layer=given.layer,
        control=given.control,
        client_time=_instant(given.client_time),
        after=(given.after.seq, given.after.event_id) if given.after else None,
    )


def hand_off(body: bytes, site: Site) -> str:
    """The id of the sister that a choice is to be handed to.

    Raises ``BodyTooLarge``, ``BadJson`` or ``BadMember``.
    """
    given = _decoded(_HAND_OFF, body)
    if given.site not in site.sisters:
        raise BadMember("The site is not a sister of this one.")
    return given.site


def take_over(body: bytes) -> TakeOver:
    """Decode a hand-off that arrived. Raises ``BodyTooLarge``, ``BadJson`` or ``BadMember``."""
    return _decoded(_TAKE_OVER, body)


def batch(body: bytes, *, packed: bool) -> Batch:
    """Decode a batch from JSON, or from MessagePack if it is ``packed``.

    A visitor who is not as asked for is one error among the others. In MessagePack, of a member
    that is given twice the last holds. Raises ``BodyTooLarge``, ``BadJson`` or ``BadMember``.
    """
    _refuse_size(body, BATCH_BYTES)
    decoders = _PACKED if packed else _JSON
    try:
        found = _well_formed(decoders, body)
        if not packed:
            _refuse_doubled_keys(body)
    except msgspec.ValidationError as error:
        raise BadMember(f"{error}.") from error
    except (ValueError, RecursionError) as error:
        what = "MessagePack" if packed else "JSON in UTF-8"
        raise BadJson(f"The body is not well-formed {what}.") from error
    return found


def query(raw: bytes, allowed: Mapping[str, Iterable[str] | None]) -> dict[str, str]:
    """Read a query string of known parameters, each at most once.

    ``allowed`` maps a name to its closed list of values, or to ``None`` where any text may stand.
    Raises ``BadQuery``.
    """
    if len(raw) > QUERY_BYTES:
        raise BadQuery(f"The query is over {QUERY_BYTES} bytes.")
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(raw),
            errors="strict",
            max_num_fields=16,
        )
    except ValueError as error:
        raise BadQuery("The query is malformed.") from error
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in allowed:
            raise BadQuery("The query has an unknown parameter.")
        if name in found:
            raise BadQuery(f"The parameter {name} is given twice.")
        values = allowed[name]
        if values is not None and value not in values:
            raise BadQuery(f"The parameter {name} has an unknown value.")
        found[name] = value
    return found


def _decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    if len(body) > BODY_BYTES:
        raise BodyTooLarge(f"The body is over {BODY_BYTES} bytes.")
    try:
        given = decoder.decode(body)
    except msgspec.ValidationError as error:
        raise BadMember(f"{error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadJson("The body is not well-formed JSON in UTF-8.") from error
    _refuse_doubled_keys(body)
    return given


def _well_formed(decoders: Decoders, body: bytes) -> Batch:
    """Raises ``ValueError`` or ``RecursionError``."""
    try:
        whole = decoders.whole.decode(body)
    except msgspec.ValidationError:
        # One of the visitors, or something else? All but the visitors is held to the same types.
        loose = decoders.loose.decode(body)
        return Batch([_asked(decoders.one, raw) for raw in loose.visitors], loose)
    asked = [AskedBody(one) if isinstance(one, str) else one for one in whole.visitors]
    return Batch(asked, whole)


def _asked(decoder: Decoder[str | AskedBody], raw: msgspec.Raw) -> AskedBody | BadMember:
    try:
        found = decoder.decode(raw)
    except msgspec.ValidationError as error:
        return BadMember(f"{str(error)[:MESSAGE]}.")
    return AskedBody(found) if isinstance(found, str) else found


def _refuse_size(body: bytes, most: int) -> None:
    if len(body) > most:
        raise BodyTooLarge(f"The body is over {most} bytes.")


def _refuse_doubled_keys(body: bytes) -> None:
    """Refuse what two parsers could read differently (RFC 8259 §4); the decoder keeps the last."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise BadJson("A member is given twice.")
        return members

    # Of numbers nothing is wanted, and long ones are slow to read.
    json.loads(body, object_pairs_hook=once, parse_int=str, parse_float=str)


def _refuse_foreign_members(given: ChoiceBody, site: Site) -> None:
    unlocked = [c.id for c in site.categories if not c.locked]
    missing = [key for key in unlocked if key not in given.categories]
    if missing:
        raise BadMember(f"Every unlocked category is named; missing: {', '.join(missing)}.")
    if len(given.categories) != len(unlocked):
        raise BadMember("The categories name one that is unknown or locked.")
    if any(site.service(key) is None for key in given.services):
        raise BadMember("The services name one that is unknown.")
    if given.language not in site.texts:
        raise BadMember("The language is not one of the site's.")


def _refuse_mismatch(given: ChoiceBody, site: Site) -> None:
    """An act that says one thing and its categories another proves nothing later."""
    states = tuple(given.categories.values())
    sold = tuple(given.categories[c.id] for c in site.categories if c.sale)
    contradicted = {
        "accept_all": not all(states) or not all(given.services.values()),
        "reject_all": any(states) or any(given.services.values()),
        "withdraw": any(states) or any(given.services.values()),
        "opt_out": any(sold),
    }
    if contradicted.get(given.action, False):
        raise ActionMismatch(f"The categories contradict the action {given.action}.")


def _instant(text: str) -> str:
    try:
        utc = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadMember("client_time is no moment in time.") from error
    return utc.isoformat(timespec="seconds").replace("+00:00", "Z")


def headers_size(headers: Sequence[tuple[bytes, bytes]]) -> int:
    """The bytes that the header lines took on the wire."""
    return sum(len(name) + len(value) + 4 for name, value in headers)
