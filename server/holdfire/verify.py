"""Checks a consent token offline: what one visitor allows, as the service has signed it.

    from holdfire.verify import Refused, Verifier

    verifier = Verifier(jwks, site="shop")      # the body of GET /.well-known/jwks.json
    try:
        fire = verifier.verify(token, time.time()).allowed("analytics")
    except Refused:
        fire = False                            # no readable yes is a no

The caller fetches the key set, keeps it for as long as its ``max-age`` says (300 s), and fetches it
again for ``unknown_key``, but not more often than once in 10 s. Nothing here touches the network, a
file or a clock. Nothing but the standard library is needed; with `cryptography` it is fifty times
as fast.

A token is a compact JWS (RFC 7515) by Ed25519 (RFC 8037), and is read as RFC 8725 advises: one
algorithm, one type, and no key but those of the key set. Its header and payload are JSON of which
there is one reading only: no member twice, no backslash, no number but whole ones of at most 15
digits. `sdk/src/package/verify/` is the same in TypeScript, and `tests/vectors/consent-tokens.json`
holds the two equal.
"""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from holdfire.ledger import ed25519

Reason = Literal[
    "key_set",  # what was given as the key set is none
    "malformed",  # not three parts in base64url, or too long; or a header that is no JSON object
    "algorithm",  # signed by anything but EdDSA, or by nothing
    "header",  # of another type, or with a member that is not known: `crit`, `jwk`, `jku`, `x5u`
    "unknown_key",  # by a key that the key set has not, or no longer
    "signature",  # not signed by that key
    "claims",  # signed, and not what a consent token says
    "issuer",  # of another instance
    "site",  # for another site
    "lifetime",  # said to live longer than 600 s
    "early",  # issued more than 5 s from now
    "expired",  # run out
]
"""Why a token is refused. The first that applies is told, and they are looked for in this order."""

LONGEST = 65_536  # characters of a token: one of 7 services has 1,400, one of 500 has 45,000
HEADER = 512  # characters of its first part; ours have 120
LIFETIME = 600  # seconds
LEEWAY = 5  # seconds that the clock of the service may be ahead of ours
HEADERS = 16  # that a verifier need not read twice: the service writes one for each key
REMEMBERED = 1_024  # tokens that a verifier need not check twice: 5 MB of usual ones
DIGITS = 15  # of a number, at most: JavaScript has no more
TYPE = "consent+jwt"

_PARTS = re.compile(r"([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII)
_LAST = {0: None, 2: frozenset("AQgw"), 3: frozenset("AEIMQUYcgkosw048")}
"""By the digits beyond whole groups of four: the last ones that leave no bits over."""


class Refused(ValueError):
    """The token grants nothing; ``reason`` says why, from a closed list."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"the consent token is refused: {reason}")
        self.reason: Reason = reason


class Decision(NamedTuple):
    """May it fire, and why (PROTOCOL.md §1 has the list)."""

    allow: bool
    reason: str


UNKNOWN = Decision(allow=False, reason="unknown_service")


@dataclass(frozen=True, slots=True)
class Consent:
    """What a token says of one visitor. Times are seconds since 1970, UTC.

    ``visitor``, ``seq``, ``log`` and ``log_index`` are of the newest act, all ``None`` before there
    is one.
    """

    site: str
    issuer: str
    issued_at: int
    expires_at: int
    regime: str
    notice_version: str
    categories: Mapping[str, Decision]
    services: Mapping[str, Decision]
    sale_or_share: Decision
    gpc: bool
    dnt: bool | None
    visitor: str | None = None
    seq: int | None = None
    log: str | None = None
    log_index: int | None = None

    def decision(self, key: str) -> Decision:
        """Of a category or service, by its id."""
        return self.categories.get(key) or self.services.get(key) or UNKNOWN

    def allowed(self, key: str) -> bool:
        """Whether a category or service may fire. What is not known may not."""
        return self.decision(key).allow

    def reason(self, key: str) -> str:
        """Why it may or may not."""
        return self.decision(key).reason


class Verifier:
    """Checks tokens of one site against one key set. Make another when the key set is a new one.

    A token that was found good is remembered, so that a visitor who comes again within its ten
    minutes costs no second signature; its times are looked at each time. Safe to share between
    threads.
    """

    def __init__(
        self,
        jwks: Mapping[str, Any] | str | bytes,
        *,
        site: str,
        issuer: str | None = None,
        remembers: int = REMEMBERED,
    ) -> None:
        """Take a key set, as text or decoded. Raises ``Refused`` (``key_set``).

        ``issuer`` pins the instance (its ``log_host``); a key set that was fetched from it does so
        too.
        """
        self._keys = _key_set(jwks)
        self._site = site
        self._issuer = issuer
        self._remembers = remembers
        self._good: dict[str, Consent] = {}
        self._named: dict[bytes, bytes] = {}  # headers that were read, and the keys they name

    def verify(self, token: str | None, now: float) -> Consent:
        """Check one token, at a time in seconds since 1970. Raises ``Refused`` and nothing else.

        Who brings none, ``None``, is refused like who brings a bad one.
        """
        if not isinstance(token, str):
            raise Refused("malformed")
        consent = self._good.get(token)
        if consent is not None:
            _timely(consent, now)
            return consent
        consent = self._checked(token)
        _timely(consent, now)
        if self._remembers:
            if len(self._good) >= self._remembers:
                self._good.clear()
            self._good[token] = consent
        return consent

    def _checked(self, token: str) -> Consent:
        parts = _PARTS.fullmatch(token) if len(token) <= LONGEST else None
        if parts is None or len(parts[1]) > HEADER:
            raise Refused("malformed")
        header, payload, signature = (_octets(part) for part in parts.groups())
        public = self._named.get(header)
        if public is None:
            public = self._key(_object(header, "malformed"))
            if len(self._named) < HEADERS:
                self._named[header] = public
        signed = f"{parts[1]}.{parts[2]}".encode("ascii")
        if not ed25519.verify(public, signed, signature):
            raise Refused("signature")
        consent = _consent(_object(payload, "claims"))
        if self._issuer is not None and consent.issuer != self._issuer:
            raise Refused("issuer")
        if consent.site != self._site:
            raise Refused("site")
        return consent

    def _key(self, header: dict[str, Any]) -> bytes:
        """The key that a header names: by its id alone, whatever else it says of keys."""
        if header.get("alg") != "EdDSA":
            raise Refused("algorithm")
        kid = header.get("kid")
        if header.keys() != {"alg", "kid", "typ"} or header["typ"] != TYPE or type(kid) is not str:
            raise Refused("header")
        if kid not in self._keys:
            raise Refused("unknown_key")
        return self._keys[kid]


def verify(
    token: str | None,
    jwks: Mapping[str, Any] | str | bytes,
    *,
    site: str,
    now: float,
    issuer: str | None = None,
) -> Consent:
    """Check one token, once: ``Verifier.verify`` of a verifier that is not kept."""
    return Verifier(jwks, site=site, issuer=issuer, remembers=0).verify(token, now)


def _timely(consent: Consent, now: float) -> None:
    # Each is asked for what has to be so, so that a "now" that is no number refuses.
    if not 0 < consent.expires_at - consent.issued_at <= LIFETIME:
        raise Refused("lifetime")
    if not consent.issued_at <= now + LEEWAY:
        raise Refused("early")
    if not now < consent.expires_at:
        raise Refused("expired")


def _octets(part: str) -> bytes:
    """Base64url (RFC 4648 §5) without padding, each value written in one way only."""
    beyond = len(part) % 4
    last = _LAST.get(beyond, frozenset())
    if last is not None and part[-1] not in last:
        raise Refused("malformed")
    return urlsafe_b64decode(part + "=" * (-beyond % 4))


def _object(data: bytes, reason: Reason) -> dict[str, Any]:
    """JSON of which there is one reading only."""
    try:
        text = data.decode()
        found = None if "\\" in text else _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise Refused(reason) from error
    if type(found) is not dict:
        raise Refused(reason)
    return found


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member twice")
    return found


def _whole(text: str) -> int:
    if text[0] == "-" or len(text) > DIGITS:
        raise ValueError("a number that not every reader reads alike")
    return int(text)


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no whole number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_whole, parse_float=_no_number, parse_constant=_no_number
)


def _key_set(jwks: Mapping[str, Any] | str | bytes) -> dict[str, bytes]:
    """The public keys by their ids. Keys of other kinds or uses are left out, as RFC 7517 §5 says."""
    try:
        listed = (json.loads(jwks) if isinstance(jwks, str | bytes) else jwks)["keys"]
        keys = dict(_usable(listed))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Refused("key_set") from error
    if type(listed) is not list:
        raise Refused("key_set")
    return keys


def _usable(listed: list[dict[str, Any]]) -> Iterator[tuple[str, bytes]]:
    for key in listed:
        if key.get("kty") != "OKP" or key.get("crv") != "Ed25519":
            continue
        if key.get("alg", "EdDSA") != "EdDSA" or key.get("use", "sig") != "sig":
            continue
        kid, x = key.get("kid"), key.get("x")
        if type(kid) is str and type(x) is str and re.fullmatch(r"[\w-]{43}", x, re.ASCII):
            yield kid, _octets(x)


def _consent(claims: dict[str, Any]) -> Consent:
    """The claims, each of its type. Members that are not known are ignored (RFC 7519 §4)."""
    try:
        signals = claims["signals"]
        about = [claims.get(name) for name in ("sub", "seq", "log", "log_index")]
        return Consent(
            site=_of(str, claims["aud"]),
            issuer=_of(str, claims["iss"]),
            issued_at=_of(int, claims["iat"]),
            expires_at=_of(int, claims["exp"]),
            regime=_of(str, claims["regime"]),
            notice_version=_of(str, claims["notice_version"]),
            categories=_decisions(claims["categories"]),
            services=_decisions(claims["services"]),
            sale_or_share=_decision(claims["sale_or_share"]),
            gpc=_of(bool, signals["gpc"]),
            dnt=None if signals["dnt"] is None else _of(bool, signals["dnt"]),
            **(_act(*about) if any(one is not None for one in about) else {}),
        )
    except (KeyError, TypeError) as error:
        raise Refused("claims") from error


def _act(sub: object, seq: object, log: object, log_index: object) -> dict[str, Any]:
    """Of the newest act all is said, or nothing."""
    return {
        "visitor": _of(str, sub),
        "seq": _of(int, seq),
        "log": _of(str, log),
        "log_index": _of(int, log_index),
    }


def _decisions(found: object) -> Mapping[str, Decision]:
    return {key: _decision(one) for key, one in _of(dict, found).items()}


def _decision(found: Any) -> Decision:
    allow, reason = found["allow"], found["reason"]
    if type(allow) is not bool or type(reason) is not str:
        raise TypeError
    return Decision(allow, reason)


def _of(kind: type[Any], found: Any) -> Any:
    """What is exactly of this type: ``True`` is no number."""
    if type(found) is not kind:
        raise TypeError(kind)
    return found
