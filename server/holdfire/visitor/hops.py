"""Whose request is it? The peer's address, and what trusted proxies say stood behind it.

Two notations, read from right to left because each proxy appends what it saw itself; the first
address that is not a trusted proxy is the client, and everything further left is hearsay:

    X-Forwarded-For: <anything the client sent>, 203.0.113.7, 10.0.0.2
    Forwarded: for="[2001:db8::17]:4711";proto=https;host=shop.example, for=10.0.0.2

What cannot be read ends the walk with "unknown", never with something further left.
Sources: RFC 7239 sections 4 to 6; OWASP ASVS 5.0 V4.1.3 and V15.3.4.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    collapse_addresses,
)
from socket import AF_INET, AF_INET6, inet_pton
from typing import TypeVar

from holdfire.law import Value

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_Family = TypeVar("_Family", IPv4Network, IPv6Network)
Fields = Mapping[bytes, Sequence[str]]  # header name, lower case → its lines, in order

FORWARDED = b"forwarded"
X_FORWARDED_FOR = b"x-forwarded-for"
X_FORWARDED_PROTO = b"x-forwarded-proto"
X_FORWARDED_HOST = b"x-forwarded-host"
HOST = b"host"
HEADERS = (FORWARDED, X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST, HOST)

MAX_HOPS = 16  # a longer chain of proxies of one's own does not exist; a loop does
MAX_NODE = 72  # the longest IPv6 text is 45 characters; then brackets, a zone and a port

_OWS = " \t"
_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105  RFC 9110 section 5.6.2, no password
# Unquoted colons and brackets are against RFC 7239, and common.
_PAIR = re.compile(rf'({_TOKEN})=(?:({_TOKEN}|[0-9A-Za-z.:\[\]%]+)|"((?:[^"\\,;]|\\.)*)")')
_ESCAPED = re.compile(r"\\(.)")
_PORT = re.compile(r"[0-9]{1,5}|_[0-9A-Za-z._-]{1,40}")  # RFC 7239 section 6: obfuscated ports
_DEFAULT_PORTS = {"https": ":443", "http": ":80"}
_HOSTNAME = re.compile(r"(?:[0-9a-z._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")


class Front(Value, frozen=True):
    """How the visitor addressed the service, before any proxy turned it into something else."""

    scheme: str  # "https" or "http"
    host: str  # lower case, with its port where that is not the scheme's own; "" when unreadable


class Networks:
    """A set of networks; asking whether it holds an address costs under 1 µs."""

    def __init__(self, networks: Iterable[Network]) -> None:
        members = tuple(networks)
        self._v4 = _bounds(n for n in members if isinstance(n, IPv4Network))
        self._v6 = _bounds(n for n in members if isinstance(n, IPv6Network))

    def __contains__(self, address: Address | None) -> bool:
        if address is None:
            return False
        bounds = self._v4 if isinstance(address, IPv4Address) else self._v6
        return bisect_right(bounds, int(address)) % 2 == 1


def _bounds(networks: Iterable[_Family]) -> tuple[int, ...]:
    """Where the set begins and ends, by turns, ascending."""
    return tuple(
        bound
        for network in collapse_addresses(networks)
        for bound in (int(network.network_address), int(network.broadcast_address) + 1)
    )


def literal(text: str | None) -> Address | None:
    """The address a socket or a log would write: no port, no brackets; zones are dropped.

    IPv4-mapped IPv6 (``::ffff:192.0.2.1``) is the IPv4 address it carries. ``None`` for junk.

    The C library reads the text: IPv6 in 1 µs, where ipaddress takes 7.
    """
    if not text or len(text) > MAX_NODE:
        return None
    try:
        if ":" not in text:
            return IPv4Address(inet_pton(AF_INET, text))
        address = IPv6Address(inet_pton(AF_INET6, text.partition("%")[0]))
    except (OSError, ValueError):
        return None
    return address.ipv4_mapped or address


def node(text: str) -> Address | None:
    """One hop as proxies write it: ``192.0.2.1:80``, ``[2001:db8::1]:80``, or a bare address.

    ``unknown``, obfuscated identifiers (``_hidden``) and junk are ``None``.
    """
    text = text.strip(_OWS)
    if text.startswith("["):
        inner, bracket, port = text[1:].partition("]")
        if not bracket or ":" not in inner or not _is_port(port):
            return None
        return literal(inner)
    if text.count(":") == 1:
        inner, _, port = text.partition(":")
        return literal(inner) if _PORT.fullmatch(port) else None
    return literal(text)


def client(peer: Address | None, fields: Fields, trusted: Networks) -> Address | None:
    """The address the request comes from, or ``None`` where that cannot be known.

    The headers of a peer that is not trusted are not read at all. Where both notations are
    present they must agree. A trusted proxy is nobody's visitor: where it names nobody but its
    like, or nobody at all, the client is unknown, lest everyone live where the proxy stands.
    """
    if peer not in trusted:
        return peer
    chains = (_x_forwarded_for(fields), _forwarded_for(fields))
    found = {_walk(chain, trusted)[0] for chain in chains if chain is not None}
    return found.pop() if len(found) == 1 else None


def front(peer: Address | None, fields: Fields, trusted: Networks, scheme: str) -> Front:
    """The scheme and host the visitor used; ``scheme`` is the connection's own.

    A trusted proxy may change both. Where several hops speak, the one that saw the visitor is
    heard; where the two notations differ, neither is, so that nothing is taken for https that
    may not be. A host is no more than a claim: compare it with the ones that are served.
    """
    own = Front(scheme=_scheme(scheme) or "http", host=_host(_single(fields, HOST)))
    if peer not in trusted:
        return _bare(own.scheme, {own.host})
    elements = _elements(fields)
    ours, depth = _walk(_x_forwarded_for(fields) or (), trusted)
    theirs, at = _walk(_forwarded_for(fields) or (), trusted)
    if elements and X_FORWARDED_FOR in fields and ours != theirs:
        return _bare(own.scheme, {own.host})
    told = (elements[max(at, 1) - 1] if elements else None) or {}
    schemes = {_scheme(_at(fields, X_FORWARDED_PROTO, depth)), _scheme(told.get("proto", ""))}
    hosts = {_host(_at(fields, X_FORWARDED_HOST, depth)), _host(told.get("host", ""))}
    found = _bare(_only(schemes) or own.scheme, hosts)
    return found if found.host else _bare(found.scheme, {own.host})


def _bare(scheme: str, hosts: set[str]) -> Front:
    """The one host said; its scheme's own port is left out, as in an origin (RFC 6454 §6.2)."""
    port = _DEFAULT_PORTS[scheme]
    return Front(scheme=scheme, host=_only({host.removesuffix(port) for host in hosts}))


def _walk(chain: Iterable[Address | None], trusted: Networks) -> tuple[Address | None, int]:
    """From the nearest hop outwards: the first that is not trusted, and how far out it stood."""
    depth = 0
    for entry in chain:
        depth += 1
        if entry is None or depth > MAX_HOPS:
            break
        if entry not in trusted:
            return entry, depth
    return None, depth


def _x_forwarded_for(fields: Fields) -> Iterator[Address | None] | None:
    lines = fields.get(X_FORWARDED_FOR)
    return map(node, _from_right(lines)) if lines else None


def _forwarded_for(fields: Fields) -> Iterator[Address | None] | None:
    elements = _elements(fields)
    if elements is None:
        return None
    return (node(element["for"]) if element and "for" in element else None for element in elements)


def _elements(fields: Fields) -> list[dict[str, str] | None] | None:
    """Elements of ``Forwarded``, nearest hop first; ``None`` in place of a malformed one.

    Commas are split on before quotes are read: a client that opens a quote it never closes would
    otherwise swallow what the proxies appended. A quoted comma is therefore malformed.
    """
    lines = fields.get(FORWARDED)
    return [_element(text) for text in _from_right(lines)] if lines else None


def _element(text: str) -> dict[str, str] | None:
    pairs: dict[str, str] = {}
    for part in text.strip(_OWS).split(";"):
        match = _PAIR.fullmatch(part.strip(_OWS))
        if match is None or match[1].lower() in pairs:
            return None
        plain, quoted = match[2], match[3]
        pairs[match[1].lower()] = plain if quoted is None else _ESCAPED.sub(r"\1", quoted)
    return pairs


def _from_right(lines: Sequence[str]) -> list[str]:
    """The nearest hops first: no more than can be walked, however long the header is."""
    return ",".join(lines).rsplit(",", MAX_HOPS + 1)[::-1]


def _at(fields: Fields, name: bytes, depth: int) -> str:
    """The value that the hop ``depth`` steps out wrote; a single value speaks for the chain."""
    lines = fields.get(name)
    if not lines:
        return ""
    values = _from_right(lines)
    if len(values) == 1:
        return values[0]
    return values[max(depth, 1) - 1] if depth <= len(values) else ""


def _single(fields: Fields, name: bytes) -> str:
    lines = fields.get(name, ())
    return lines[0] if len(lines) == 1 else ""


def _only(values: set[str]) -> str:
    """The one thing said, where one was said."""
    said = values - {""}
    return said.pop() if len(said) == 1 else ""


def _scheme(text: str) -> str:
    value = text.strip(_OWS).lower()
    return value if value in {"https", "http"} else ""


def _host(text: str) -> str:
    value = text.strip(_OWS).lower()
    return value if len(value) <= 260 and _HOSTNAME.fullmatch(value) else ""  # noqa: PLR2004  253 + port


def _is_port(text: str) -> bool:
    return not text or (text.startswith(":") and _PORT.fullmatch(text[1:]) is not None)
