"""One tree of errors, general to exact. Each says what its receiver should do.

``code`` goes on the wire and is documented in PROTOCOL.md §6; ``status`` is the HTTP status.
"""

from dataclasses import dataclass
from typing import ClassVar


class HoldfireError(Exception):
    """Anything that Holdfire refuses or fails at. Never shown raw: the message is the public one."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500


# ---------------------------------------------------------------- the caller can mend it


class BadRequest(HoldfireError):
    """The request is malformed: send it again, corrected."""

    code = "bad_request"
    status = 400


class BadJson(BadRequest):
    """The body is not one well-formed JSON document in UTF-8."""

    code = "bad_json"


class BadMember(BadRequest):
    """A member is missing, unknown, of the wrong type, or out of range."""

    code = "bad_member"


class BadQuery(BadRequest):
    """A query parameter is missing, unknown, doubled, or out of range."""

    code = "bad_query"


class ActionMismatch(BadRequest):
    """The action says one thing and the categories another: nothing was recorded."""

    code = "action_mismatch"


class HandOffInvalid(BadRequest):
    """The hand-off was not made for this: another site, another browser, or not by this service.

    Ask the visitor, as if it had not come.
    """

    code = "hand_off_invalid"


class TokenInvalid(HoldfireError):
    """The bearer token is forged, foreign, truncated or doubled: make a new choice."""

    code = "token_invalid"
    status = 401


class KeyInvalid(HoldfireError):
    """The API key is missing, unknown, expired, revoked or doubled: send one that holds."""

    code = "key_invalid"
    status = 401


class ScopeRefused(HoldfireError):
    """The API key is good, and not for this site or not for this use."""

    code = "scope_refused"
    status = 403


class OriginRefused(HoldfireError):
    """The ``Origin`` is missing or not on the site's list: add it to the site file.

    Or a browser sent an API key, which no browser may hold.
    """

    code = "origin_refused"
    status = 403


class NotFound(HoldfireError):
    """There is nothing at this address."""

    code = "not_found"
    status = 404


class UnknownSite(NotFound):
    """No site of this id is configured."""

    code = "unknown_site"


class MethodRefused(HoldfireError):
    """The address exists, the method does not."""

    code = "method_refused"
    status = 405


class NotAcceptable(HoldfireError):
    """``Accept`` names nothing that is spoken here."""

    code = "not_acceptable"
    status = 406


class EventConflict(HoldfireError):
    """This event id was used for another act: take a new one. Nothing was written."""

    code = "event_conflict"
    status = 409


class Overtaken(EventConflict):
    """The visitor acted meanwhile, and that counts: nothing was written."""

    code = "overtaken"


class NothingToCarry(HoldfireError):
    """There is no choice that would change anything there: ask the visitor. Nothing was written."""

    code = "nothing_to_carry"
    status = 409


class HandOffSpent(HoldfireError):
    """The hand-off was used, ran out, or was overtaken: ask the visitor. Nothing was written."""

    code = "hand_off_spent"
    status = 410


class BodyTooLarge(HoldfireError):
    """The body is over 16 KiB, or a batch over 256 KiB."""

    code = "body_too_large"
    status = 413


class MediaTypeRefused(HoldfireError):
    """The body is not declared as ``application/json``, or a batch as ``application/msgpack``."""

    code = "media_type_refused"
    status = 415


class HeadersTooLarge(HoldfireError):
    """The headers are over 8 KiB, or the address line is too long."""

    code = "headers_too_large"
    status = 431


# ---------------------------------------------------------------- the caller should come back


class RateLimited(HoldfireError):
    """More than is taken from one network, key or site: nothing was recorded, come back later."""

    code = "rate_limited"
    status = 429

    def __init__(self, message: str, retry_after_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class StoreUnavailable(HoldfireError):
    """Not known to be recorded: come back after ``Retry-After`` seconds, with the same event id."""

    code = "store_unavailable"
    status = 503
    retry_after_seconds: ClassVar[int] = 2


class LogRefused(StoreUnavailable):
    """The log is not what was signed for it: nothing is read or written. The operator has to look."""

    code = "log_refused"


class ReceiptNotReady(StoreUnavailable):
    """The choice is recorded, and no signed checkpoint covers it yet: ask again in a second."""

    code = "receipt_not_ready"
    retry_after_seconds = 1


class Overloaded(StoreUnavailable):
    """Too much is under way: nothing was recorded, try again later."""

    code = "overloaded"


# ---------------------------------------------------------------- the operator can mend it


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the configuration, and what to do about it."""

    file: str
    key: str
    what: str
    remedy: str

    def __str__(self) -> str:
        """One line for a terminal."""
        return f"{self.file}: {self.key}: {self.what} — {self.remedy}"


class ConfigError(HoldfireError):
    """The configuration cannot be used. Holds every problem found, not only the first."""

    code = "config"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
