"""What a site file may say of its pages' own sources: ``[csp]``, in the words of CSP Level 3.

[csp]
base = "https://consent.example"     # left out where the service is under the pages' own host
default-src = ["'self'"]
script-src = ["'self'", "'unsafe-inline'"]
img-src = ["'self'", "https://img.shop.example", "data:"]

Everything here is let through whatever the visitor says, so nothing here may undo what a refusal
asks for: no ``*``, no ``https:``, no host that stands for those of a service that can be refused.
Sources are written between semicolons, commas and spaces, so none of them may hold one.
"""

import re
from collections.abc import Iterator

import msgspec

from holdfire.document import Document
from holdfire.model import Csp
from holdfire.sites.addresses import (
    HIGHEST_PORT,
    Fault,
    covers,
    integrity_fault,
    origin_fault,
    pattern_fault,
)
from holdfire.sites.shape import SiteFile, standard_of

KEYWORDS = frozenset(
    (
        "'none'",
        "'self'",
        "'unsafe-inline'",
        "'unsafe-eval'",
        "'unsafe-hashes'",
        "'wasm-unsafe-eval'",
        "'report-sample'",
    )
)
LOCAL = frozenset(("data:", "blob:", "mediastream:", "filesystem:"))
"""Schemes that reach no host."""

MOST = 50  # sources of one directive: a header has to hold them all
LONGEST = 256  # characters of one

_DIRECTIVES = tuple(
    (field.encode_name, field.name)
    for field in msgspec.structs.fields(Csp)
    if field.name.endswith("_src")
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HOST = re.compile(
    r"(?:(?:https?|wss?)://)?"
    r"(?P<host>[^/:\s;,'\"]+)"
    r"(?::(?P<port>[1-9][0-9]{0,4}|\*))?"
    r"(?P<path>/[A-Za-z0-9._~!&()*+=:@%/-]*)?",  # "$" is nginx's: it is written %24
    re.ASCII,
)


def sources_of(csp: Csp) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each directive that is named, as CSP spells it, and ``default-src`` in any case."""
    for directive, name in _DIRECTIVES:
        value = getattr(csp, name)
        if value is not None:
            yield directive, value


def check_csp(document: Document, file: SiteFile) -> None:
    """Note every source that is none, or that would let through what a visitor can refuse."""
    if file.csp is None:
        return
    if file.csp.base and (fault := origin_fault(file.csp.base)) is not None:
        document.fault("csp.base", *fault)
    refusable = tuple(_refusable(file))
    for directive, sources in sources_of(file.csp):
        at = f"csp.{directive}"
        if not sources or len(sources) > MOST:
            remedy = f"""write "'none'", or 1 to {MOST} sources"""
            document.fault(at, f"has {len(sources)} sources", remedy)
        for place, source in enumerate(sources, start=1):
            fault = source_fault(source) or _undoing(source, refusable)
            if fault is None and source == "'none'" and len(sources) > 1:
                fault = Fault("'none' stands with other sources", "leave one or the other out")
            if fault is not None:
                document.fault(f"{at}[#{place}]", *fault)
        _inline(document, file.csp, at, sources)


def source_fault(source: str) -> Fault | None:
    """``None`` for a source expression (CSP3 §2.3.1) that may stand in a site file."""
    if source in KEYWORDS or source in LOCAL:
        return None
    if source.startswith("'"):
        return _quoted_fault(source)
    if _SCHEME.fullmatch(source) or source == "*":
        return Fault(f"{source!r} lets every host through", "name the hosts that the pages need")
    matched = _HOST.fullmatch(source)
    if matched is None or len(source) > LONGEST:
        return Fault(f"{source!r} is not a source", 'write it like "https://cdn.example.com"')
    port = matched["port"] or "*"
    if port != "*" and int(port) > HIGHEST_PORT:
        return Fault(f"{port} is no port", f"write a number up to {HIGHEST_PORT}, or *")
    return pattern_fault(matched["host"])


def _quoted_fault(source: str) -> Fault | None:
    text = source.strip("'")
    if source == f"'{text}'" and text.startswith("sha") and " " not in text:
        return integrity_fault(text)
    if text.startswith("nonce"):
        return Fault("a nonce that stands in a file is none", "write nonces = true")
    if text == "strict-dynamic":
        what = "with 'strict-dynamic' browsers pass over the hosts, and so over refusals"
        return Fault(what, "keep it in the site's own policy: both hold side by side")
    return Fault(f"{source!r} is no keyword of CSP", f"use one of: {', '.join(sorted(KEYWORDS))}")


def _refusable(file: SiteFile) -> Iterator[tuple[str, str]]:
    """Id and pattern of every host of a service that a visitor can refuse."""
    locked = {c.id for c in file.categories if standard_of(c) == "necessary"}
    for service in file.services:
        if service.category not in locked:
            yield from ((service.id, pattern) for pattern in service.hosts)


def _undoing(source: str, refusable: tuple[tuple[str, str], ...]) -> Fault | None:
    """A source that stands for all that a pattern of a service stands for.

    One with a path, or a single host below a pattern, is less: an exception that is meant.
    """
    matched = _HOST.fullmatch(source)
    if source in KEYWORDS or matched is None or (matched["path"] or "/") != "/":
        return None
    host = matched["host"]
    for service, pattern in refusable:
        if host == pattern or covers(host, pattern.removeprefix("*.")):
            what = f"would let {service!r} through whatever the visitor says"
            return Fault(f"{source!r} {what}", "leave it out: it is added where it is allowed")
    return None


def _inline(document: Document, csp: Csp, at: str, sources: tuple[str, ...]) -> None:
    """Note a digest that turns off what lets the site's own policy judge (CSP3 §6.7.3.2)."""
    if csp.nonces and any(source.startswith("'sha") for source in sources):
        what = "holds a digest, beside which browsers pass over 'unsafe-inline'"
        document.fault(at, what, "with nonces = true, keep digests in the site's own policy")
