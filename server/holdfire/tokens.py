"""The visitor token: what the service signs for itself, and the page may read but not forge.

    base64url(JSON) "." base64url(HMAC-SHA-256)

The alphabet is ``[A-Za-z0-9_.-]``, so that no proxy or firewall trips over the cookie.
itsdangerous signs with SHA-1 by default; both of its defaults are overridden here.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence

import msgspec
from itsdangerous import BadSignature, Signer

from holdfire.errors import TokenInvalid
from holdfire.law import Value
from holdfire.model import Action, Prior

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


_DECODER = msgspec.json.Decoder(VisitorToken)
_ENCODER = msgspec.json.Encoder()


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
            payload = self._signer(site).unsign(text)
            padded = payload + b"=" * (-len(payload) % 4)
            return _DECODER.decode(base64.b64decode(padded, altchars=b"-_", validate=True))
        except (BadSignature, binascii.Error, msgspec.MsgspecError, UnicodeError) as error:
            raise TokenInvalid("The visitor token was not made by this service.") from error

    def _signed(self, site: str, token: VisitorToken) -> str:
        payload = base64.urlsafe_b64encode(_ENCODER.encode(token)).rstrip(b"=")
        return self._signer(site).sign(payload).decode("ascii")

    def _signer(self, site: str) -> Signer:
        # Deriving a key costs more than signing with it, and the sites are few and fixed.
        signer = self._signers.get(site)
        if signer is None:
            signer = self._signers[site] = Signer(
                list(self._keys),
                salt=f"holdfire.visitor.{site}",
                key_derivation="hmac",
                digest_method=hashlib.sha256,
            )
        return signer


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
