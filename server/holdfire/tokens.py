"""What the service signs for itself, and the page may read but not forge.

    base64url(JSON) "." base64url(HMAC-SHA-256)

The visitor token says who somebody is and what they chose. The hand-off token takes a choice to a
sister site within two minutes, and names neither the visitor nor the act.

The alphabet is ``[A-Za-z0-9_.-]``, so that no proxy or firewall trips over the cookie.
itsdangerous signs with SHA-1 by default; both of its defaults are overridden here.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from typing import TypeVar

import msgspec
from itsdangerous import BadSignature, Signer

from holdfire.errors import HandOffInvalid, TokenInvalid
from holdfire.law import Value
from holdfire.model import Action, Prior

T = TypeVar("T")
LONGEST = 1_024  # bytes; a longer cookie is dropped by some proxies together with the request


class VisitorToken(
    Value,
    frozen=True,
    omit_defaults=True,
    rename={
        "visitor": "v",
        "seq": "q",
        "recorded_at": "t",
        "valid_until": "u",
        "notice_version": "n",
        "action": "a",
        "categories": "c",
        "services": "s",
        "shown_services": "h",
        "noticed": "k",
        "by_signal": "g",
        "left_on": "d",
        "age": "y",
    },
):
    """A visitor's pseudonym and newest choice. Times are seconds since 1970, UTC."""

    visitor: str
    seq: int
    recorded_at: int
    valid_until: int
    notice_version: str
    action: Action
    categories: dict[str, int]
    services: dict[str, int] = msgspec.field(default_factory=dict)
    shown_services: tuple[str, ...] | None = None  # left out where the token would grow too long
    noticed: int = 0  # 1 GPC, 2 DNT, 3 both
    by_signal: int = 0
    left_on: tuple[str, ...] = ()
    age: int | None = None  # in whole years, the smallest that was declared up to this choice

    @property
    def whole(self) -> bool:
        """Whether it carries all of the choice: nothing had to be left out for its length."""
        return self.shown_services is not None


class HandOffToken(
    Value,
    frozen=True,
    rename={"sender": "f", "handed": "h", "once": "i", "expires_at": "u"},
):
    """One hand-off. The site it is for, and the network it was asked from, are in its salt."""

    sender: str  # id of the site that handed over
    handed: str  # the pseudonym under which the sender recorded that; the visitor's is another
    once: str  # random: what makes it one of a kind
    expires_at: int  # seconds since 1970, UTC


_DECODER = msgspec.json.Decoder(VisitorToken)
_HAND_OFFS = msgspec.json.Decoder(HandOffToken)
_ENCODER = msgspec.json.Encoder()
_SIGNATURE = re.compile(r"\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\Z")
"""256 bits in base64url have one spelling, with two spare bits that are nought."""
_MISREAD = (BadSignature, binascii.Error, msgspec.MsgspecError, UnicodeError)


class VisitorTokens:
    """Signs and reads visitor tokens: one salt per site, a list of keys for rotation."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Take the keys oldest first: the newest signs, all of them verify."""
        self._keys = tuple(keys)
        self._signers: dict[str, Signer] = {}

    def sign(self, site: str, token: VisitorToken) -> str:
        """Sign for one site, leaving out what would make the cookie too long to travel.

        A token without its choices grants nothing by itself: the store still knows them.
        """
        text = self._signed(site, token)
        if len(text) > LONGEST:
            text = self._signed(site, msgspec.structs.replace(token, shown_services=None))
        if len(text) > LONGEST:
            bare = msgspec.structs.replace(
                token, shown_services=None, categories={}, services={}, left_on=()
            )
            text = self._signed(site, bare)
        return text

    def read(self, site: str, text: str) -> VisitorToken:
        """Verify and decode. Raises ``TokenInvalid`` for anything that ``sign`` did not make."""
        if len(text) > LONGEST:
            raise TokenInvalid("The visitor token is too long.")
        try:
            return _read(self._signer(site), _DECODER, text)
        except _MISREAD as error:
            raise TokenInvalid("The visitor token was not made by this service.") from error

    def sign_hand_off(self, audience: str, network: str, token: HandOffToken) -> str:
        """Sign for one site, and for whoever comes there from this network (a prefix in CIDR)."""
        return _sign(self._hand_off_signer(audience, network), token)

    def read_hand_off(self, audience: str, network: str, text: str) -> HandOffToken:
        """Verify and decode. Raises ``HandOffInvalid`` for what was not signed for both."""
        try:
            return _read(self._hand_off_signer(audience, network), _HAND_OFFS, text)
        except _MISREAD as error:
            raise HandOffInvalid("The hand-off was not made for this site and visitor.") from error

    def _signed(self, site: str, token: VisitorToken) -> str:
        return _sign(self._signer(site), token)

    def _hand_off_signer(self, audience: str, network: str) -> Signer:
        # Not kept: networks are many, and hand-offs few.
        return _signer(self._keys, f"holdfire.hand_off.{audience}.{network}")

    def _signer(self, site: str) -> Signer:
        # Deriving a key costs more than signing with it, and the sites are few and fixed.
        signer = self._signers.get(site)
        if signer is None:
            signer = self._signers[site] = _signer(self._keys, f"holdfire.visitor.{site}")
        return signer


def _signer(keys: Sequence[str], salt: str) -> Signer:
    return Signer(list(keys), salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)


def _sign(signer: Signer, token: Value) -> str:
    payload = base64.urlsafe_b64encode(_ENCODER.encode(token)).rstrip(b"=")
    return signer.sign(payload).decode("ascii")


def _read(signer: Signer, decoder: msgspec.json.Decoder[T], text: str) -> T:
    if _SIGNATURE.search(text[-44:]) is None:
        raise BadSignature("not spelled as it is signed")
    payload = signer.unsign(text)
    padded = payload + b"=" * (-len(payload) % 4)
    return decoder.decode(base64.b64decode(padded, altchars=b"-_", validate=True))


def token_of(visitor: str, seq: int, prior: Prior, age: int | None) -> VisitorToken:
    """The token that carries this choice, and the age that its visitor is known to have."""
    return VisitorToken(
        visitor=visitor,
        seq=seq,
        recorded_at=prior.recorded_at,
        valid_until=prior.valid_until,
        notice_version=prior.notice_version,
        action=prior.action,
        categories={key: int(granted) for key, granted in prior.categories.items()},
        services={key: int(granted) for key, granted in prior.services.items()},
        shown_services=prior.shown_services,
        noticed=int(prior.gpc_noticed) | int(prior.dnt_noticed) << 1,
        by_signal=int(prior.by_signal),
        left_on=prior.left_on,
        age=age,
    )


def prior_of(token: VisitorToken) -> Prior:
    """The choice that a whole token carries, as its record has it."""
    return Prior(
        action=token.action,
        categories={key: bool(granted) for key, granted in token.categories.items()},
        services={key: bool(granted) for key, granted in token.services.items()},
        shown_services=token.shown_services or (),
        notice_version=token.notice_version,
        recorded_at=token.recorded_at,
        valid_until=token.valid_until,
        gpc_noticed=bool(token.noticed & 1),
        dnt_noticed=bool(token.noticed & 2),
        by_signal=bool(token.by_signal),
        left_on=token.left_on,
    )
