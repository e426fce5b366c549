"""The question that is asked of the service for one visitor, and the bytes of its answer.

What is passed on is what a decision needs and no more: of the cookies only the visitor's token.
"""

import ipaddress
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from holdfire.middleware.verdict import Malformed

SIGNALS = ("sec-gpc", "dnt")
ANSWER_BYTES = 262_144  # a verdict on a site with hundreds of services
UNKNOWN = "unknown"  # RFC 7239 §6.2; for such an address the service knows no place
_HEAD_END = b"\r\n\r\n"

Fields = Sequence[tuple[str, str]]
"""Header lines, the names in lower case."""


class Asker(NamedTuple):
    """Whom a request is from, as the owner's server knows it."""

    fields: Fields
    peer: str | None  # the other end of the connection
    scheme: str


class Service(NamedTuple):
    """Where the service is, and for which site it is asked."""

    host: str
    port: int
    tls: bool
    authority: str
    path: str
    site: str

    @classmethod
    def at(cls, base: str, site: str) -> "Service":
        """Read an address such as ``http://10.0.0.5:8080``. Raises ``ValueError``."""
        parts = urlsplit(base)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
            raise ValueError(f"{base!r} is not the address of a service")
        tls = parts.scheme == "https"
        return cls(
            host=parts.hostname,
            port=parts.port or (443 if tls else 80),
            tls=tls,
            authority=parts.netloc.rpartition("@")[2],
            path=f"{parts.path.rstrip('/')}/v1/sites/{site}/enforcement",
            site=site,
        )

    def question(self, asker: Asker, *, proxies: int, passed_on: Collection[str]) -> bytes:
        """The request to send. Raises ``Malformed`` for what cannot stand in one."""
        scheme = asker.scheme
        if proxies:
            scheme = (_nth(asker.fields, "x-forwarded-proto", 1) or scheme).lower()
        lines = [
            ("host", self.authority),
            ("accept", "application/json"),
            ("x-forwarded-for", address(asker, proxies)),
            ("x-forwarded-proto", "https" if scheme in {"https", "wss"} else "http"),
            *((n, v) for n, v in asker.fields if n in SIGNALS or n in passed_on),
        ]
        if cookie := token(asker.fields, self.site, secure=scheme in {"https", "wss"}):
            lines.append(("cookie", cookie))
        text = "".join(f"{name}: {value}\r\n" for name, value in lines)
        if any(set(value) & {"\r", "\n", "\0"} for _, value in lines):
            raise Malformed("a header of the visitor has a line break in it")
        return f"GET {self.path} HTTP/1.1\r\n{text}\r\n".encode("latin-1")


def address(asker: Asker, proxies: int) -> str:
    """The visitor's address: the peer's, or what the outermost of the owner's proxies saw.

    Each proxy adds one address behind those that it was sent (``X-Forwarded-For``); what stands
    further left, anybody may have written.
    """
    text = _nth(asker.fields, "x-forwarded-for", proxies) if proxies else asker.peer
    try:
        return str(ipaddress.ip_address((text or "").strip("[]")))
    except ValueError:
        return UNKNOWN


def token(fields: Fields, site: str, *, secure: bool) -> str:
    """The pairs of the ``Cookie`` header that hold the visitor's token, as they came.

    Over TLS only the prefixed names count: the plain one could have been planted by whoever can
    answer for the host without TLS (RFC 6265bis §4.1.3).
    """
    plain = f"holdfire_{site}"
    wanted = {f"__Host-{plain}", f"__Secure-{plain}", *(() if secure else (plain,))}
    pairs = (
        pair.strip() for name, value in fields if name == "cookie" for pair in value.split(";")
    )
    return "; ".join(pair for pair in pairs if pair.partition("=")[0].strip() in wanted)


def _nth(fields: Fields, name: str, from_right: int) -> str | None:
    listed = [part.strip() for field, value in fields if field == name for part in value.split(",")]
    return listed[-from_right] if len(listed) >= from_right else None


# ---------------------------------------------------------------- what comes back


class Answer(NamedTuple):
    """One whole answer."""

    status: int
    body: bytes
    again: bool  # whether the connection may be used again


def answer(received: bytes) -> Answer | None:
    """The answer in what was received so far; ``None`` while some is missing.

    Raises ``Malformed`` for all that the service never sends: no length, or too great a one.
    """
    head, end, body = received.partition(_HEAD_END)
    if len(received) > ANSWER_BYTES:
        raise Malformed("the answer is too long")
    if not end:
        return None
    line, *rest = head.decode("latin-1").split("\r\n")
    version, _, tail = line.partition(" ")
    if version != "HTTP/1.1" or not tail[:3].isdigit() or not tail[:3].isascii():
        raise Malformed("this is not HTTP/1.1")
    fields = [(n.strip().lower(), v.strip()) for n, _, v in (each.partition(":") for each in rest)]
    length = _length(fields)
    if length is None or len(body) > length:
        raise Malformed("the answer has no length, or more than it says")
    if len(body) < length:
        return None
    again = not any(n == "connection" and "close" in v.lower() for n, v in fields)
    return Answer(int(tail[:3]), body, again)


def ended(received: bytes) -> Exception:
    """A connection that ended before anything came was only old; one that ended later is broken."""
    if received:
        return Malformed("the answer ended too early")
    return ConnectionResetError("the service closed the connection")


def _length(fields: Iterable[tuple[str, str]]) -> int | None:
    found = [value for name, value in fields if name == "content-length"]
    if len(found) != 1 or not found[0].isascii() or not found[0].isdigit():
        return None
    return int(found[0]) if len(found[0]) < len(str(ANSWER_BYTES)) + 1 else None
