"""Origins, URLs and host patterns as a site file may name them.

An origin is compared byte by byte with what a browser sends, so only the spelling a browser
uses is accepted (WHATWG URL §4.2 "host parsing", §7.5 "origin"; RFC 6454 §6.2).
"""

import base64
import binascii
import ipaddress
import re
from typing import NamedTuple

PORTS = {"http": 80, "https": 443}
HIGHEST_PORT = 65_535
HOST_CHARACTERS = 253  # RFC 1035 §2.3.4, written with dots
DIGEST_BYTES = {"sha256": 32, "sha384": 48, "sha512": 64}

_ORIGIN = re.compile(
    r"(https?)://(\[[0-9a-f:.]+\]|[^\[\]/?#:@\s]+)(?::([1-9][0-9]{0,4}))?", re.ASCII
)
_TAIL = re.compile(r"([/?#][!-~]*)?")  # printable ASCII; anything else is written with % signs
_MARKUP = re.compile(r"[\"'<>\\^`{|}]")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # a browser reads a host that ends so as IPv4
_TOKEN = re.compile(r"[!#$%&'+.^_`|~0-9A-Za-z-]{1,256}\*?")  # RFC 9110 §5.6.2, "*" only at the end
_KEY = re.compile(r"[^\x00-\x1f\x7f*]{1,256}\*?")

OWN_NAMES = ("holdfire", "__Host-holdfire", "__Secure-holdfire")


class Fault(NamedTuple):
    """What is wrong with an address, and what to write instead."""

    what: str
    remedy: str


def origin_fault(text: str) -> Fault | None:
    """``None`` if a browser could send exactly this as the ``Origin`` of a page we may trust."""
    if "*" in text:
        return Fault(
            "a wildcard would let strangers' pages choose in the visitor's name",
            "list each origin by itself",
        )
    matched = _ORIGIN.fullmatch(text)
    if matched is None:
        return Fault(
            f"{text!r} is not an origin: scheme://host or scheme://host:port", _meant(text)
        )
    scheme, host, port = matched.groups()
    if port is not None and int(port) == PORTS[scheme]:
        return Fault(f"no browser sends :{port} with {scheme}", f'write "{scheme}://{host}"')
    return _authority_fault(scheme, host, port)


def url_fault(text: str) -> Fault | None:
    """``None`` if a page may link to or load this absolute URL."""
    matched = _ORIGIN.match(text)
    if matched is None or not _TAIL.fullmatch(text, matched.end()) or _MARKUP.search(text):
        return Fault(
            f"{text!r} is not an absolute URL", 'write it like "https://example.com/privacy"'
        )
    return _authority_fault(*matched.groups())


def url_host(text: str) -> str:
    """The host of a URL that has no fault."""
    matched = _ORIGIN.match(text)
    return matched.group(2) if matched else ""


def is_ip(host: str) -> bool:
    """Whether a host, without brackets or port, is an address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def domains(host: str) -> tuple[str, ...]:
    """The host and the domains that it belongs to; none for an address, and no top-level domain."""
    labels = [] if is_ip(host) else host.split(".")
    return tuple(".".join(labels[at:]) for at in range(len(labels) - 1))


def pattern_fault(pattern: str) -> Fault | None:
    """``None`` if this names one host, or with ``*.`` in front all hosts below a domain.

    Ports are no part of it: a service is held on every port of its hosts.
    """
    host = pattern.removeprefix("*.")
    remedy = 'write it like "cdn.example.com" or "*.example.com"'
    if "*" in host:
        return Fault(f"{pattern!r} has a wildcard that is not its whole first label", remedy)
    if host != pattern and ("." not in host or _is_address(host)):
        return Fault(f"{pattern!r} covers the hosts of strangers", remedy)
    if "/" in host or (":" in host and not host.startswith("[")):
        return Fault(f"{pattern!r} is more than a host: it has a scheme, port or path", remedy)
    return _host_fault(host)


def covers(pattern: str, host: str) -> bool:
    """Whether a host pattern names this host. Whole labels count: never half a name."""
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == pattern


def integrity_fault(text: str) -> Fault | None:
    """``None`` if this is Subresource Integrity metadata (W3C SRI §3.5), one digest or more."""
    remedy = 'write "sha384-" and the digest in base64'
    for item in text.split(" "):
        algorithm, _, digest = item.partition("-")
        if algorithm not in DIGEST_BYTES:
            return Fault(f"{item!r} is not a sha256, sha384 or sha512 digest", remedy)
        try:
            size = len(base64.b64decode(digest, validate=True))
        except binascii.Error:
            return Fault(f"the digest of {item!r} is not base64", remedy)
        if size != DIGEST_BYTES[algorithm]:
            return Fault(f"{algorithm} has {DIGEST_BYTES[algorithm]} bytes, not {size}", remedy)
    return None


def cookie_fault(name: str) -> Fault | None:
    """``None`` if a cookie, or with ``*`` behind a family of cookies, may have this name."""
    if not _TOKEN.fullmatch(name):
        return Fault(f"{name!r} is not the name of a cookie", 'write it like "_ga" or "_ga_*"')
    return _own_fault(name)


def storage_fault(name: str) -> Fault | None:
    """``None`` if a storage key, or with ``*`` behind a family of keys, may have this name."""
    if not _KEY.fullmatch(name):
        return Fault(f"{name!r} is not a storage key", 'write it like "ph_token" or "ph_*"')
    return _own_fault(name)


def _own_fault(name: str) -> Fault | None:
    # What a service set is deleted on withdrawal. That must never be the withdrawal itself.
    prefix = name.removesuffix("*")
    for own in OWN_NAMES:
        if name.startswith(own) or (prefix != name and own.startswith(prefix)):
            return Fault(f"{name!r} covers Holdfire's own record", "choose a longer name")
    return None


def _authority_fault(scheme: str, host: str, port: str | None) -> Fault | None:
    if port is not None and int(port) > HIGHEST_PORT:
        return Fault(f"{port} is no port", f"write a number up to {HIGHEST_PORT}")
    if (fault := _host_fault(host)) is not None:
        return fault
    if scheme == "http" and not _is_loopback(host):
        return Fault("plain http can be read and forged on its way", f'write "https://{host}"')
    return None


def _host_fault(host: str) -> Fault | None:
    if host.startswith("["):
        return _address_fault(host)
    if not host.isascii():
        return Fault(f"{host!r} is not ASCII", 'write the name as browsers send it: "xn--…"')
    if host != host.lower():
        return Fault("a browser sends the host in lower case", f'write "{host.lower()}"')
    labels = host.split(".")
    if len(host) > HOST_CHARACTERS or not all(map(_LABEL.fullmatch, labels)):
        return Fault(f"{host!r} is not a host name", 'write it like "shop.example"')
    if _NUMBER.fullmatch(labels[-1]):
        return _address_fault(host)
    return None


def _address_fault(host: str) -> Fault | None:
    bracketed = host.startswith("[")
    text = host.strip("[]")
    try:
        canonical = str(ipaddress.IPv6Address(text) if bracketed else ipaddress.IPv4Address(text))
    except ValueError:
        return Fault(f"{host!r} is not an address", 'write it like "192.0.2.1" or "[2001:db8::1]"')
    if canonical == text:
        return None
    return Fault("a browser sends this address in its shortest form", f'write "[{canonical}]"')


def _is_address(host: str) -> bool:
    return host.startswith("[") or _NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def _is_loopback(host: str) -> bool:
    if _is_address(host):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return host == "localhost" or host.endswith(".localhost")


def _meant(text: str) -> str:
    """The origin that is probably meant: the front of a longer address, or a bare host name."""
    scheme, _, rest = text.strip().rpartition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    meant = f"{scheme or 'https'}://{host}".lower()
    if "." in host and _ORIGIN.fullmatch(meant) and origin_fault(meant) is None:
        return f'write "{meant}"'
    return 'write it like "https://shop.example"'
