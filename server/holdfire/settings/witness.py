"""The witnesses that settings name, and what makes a quorum of them."""

import ipaddress
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from holdfire.ledger import Malformed, trust
from holdfire.ledger.note import COSIGNATURE, VerifierKey
from holdfire.ledger.trust import Policy

WORDS = 3


class Witness(NamedTuple):
    """One that is asked to cosign."""

    name: str  # in the policy
    key: VerifierKey
    url: str  # submission prefix, without a slash at its end


def read(text: str) -> Witness:
    """Read ``NAME VKEY URL``. Raises ``ValueError``, whose message says what is wrong."""
    words = text.split()
    if len(words) != WORDS:
        raise ValueError("is not NAME VKEY URL")
    name, vkey, url = words
    try:
        key = VerifierKey.parse(vkey)
    except Malformed as error:
        raise ValueError(f"has a key that is none: {error}") from error
    if key.type != COSIGNATURE:
        raise ValueError("has the key of a log, not of a witness")
    parts = urlsplit(url)
    if not parts.hostname or parts.port == 0 or not url.isascii():
        raise ValueError("has a URL without a host")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("has a URL with more than host and path")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("has a URL that is neither https:// nor of this machine")
    return Witness(name, key, url.rstrip("/"))


def is_loopback(host: str) -> bool:
    """Whether it is this machine that has the name or address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def quorum_of(witnesses: Iterable[str], lines: Iterable[str]) -> Policy:
    """What makes a quorum: a policy without logs. Raises ``Malformed``."""
    rules = [line.strip() for line in lines] or ["quorum none"]
    for rule in rules:
        if not rule.startswith(("group ", "quorum ")) or "\n" in rule:
            raise Malformed("a line that begins with neither group nor quorum")
    asked = (f"witness {' '.join(witness.split())}" for witness in witnesses)
    return trust.parse("".join(f"{line}\n" for line in (*asked, *rules)).encode())
