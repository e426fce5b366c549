"""What is signed for others, and the keys to check it with, as JOSE writes them.

    base64url(header) "." base64url(claims) "." base64url(signature)           RFC 7515 §7.1
    {"kty":"OKP","crv":"Ed25519","x":…,"kid":…,"alg":"EdDSA","use":"sig"}      RFC 8037 §2

The algorithm is named ``EdDSA``. RFC 9864 deprecates that name for ``Ed25519``, which the libraries
of today do not all know yet; the key set says which curve it is.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256

import msgspec

ALGORITHM = "EdDSA"


class Header(msgspec.Struct, frozen=True):
    """The protected header. ``typ`` keeps tokens of different uses apart (RFC 8725 §3.11)."""

    alg: str
    typ: str
    kid: str


class PublicKey(msgspec.Struct, frozen=True):
    """One member of a key set."""

    kty: str
    crv: str
    x: str
    kid: str
    alg: str
    use: str


class KeySet(msgspec.Struct, frozen=True):
    """A JSON Web Key Set (RFC 7517 §5)."""

    keys: tuple[PublicKey, ...]


def compact(typ: str, kid: str, claims: msgspec.Struct, sign: Callable[[bytes], bytes]) -> str:
    """The claims, signed. ``sign`` gives the 64 bytes of an Ed25519 signature."""
    header = msgspec.json.encode(Header(ALGORITHM, typ, kid))
    signed = f"{base64url(header)}.{base64url(msgspec.json.encode(claims))}"
    return f"{signed}.{base64url(sign(signed.encode('ascii')))}"


def public_key(raw: bytes) -> PublicKey:
    """The 32 bytes of a public key as a member of a key set."""
    return PublicKey("OKP", "Ed25519", base64url(raw), thumbprint(raw), ALGORITHM, "sig")


def thumbprint(raw: bytes) -> str:
    """What a public key is called: a digest of it (RFC 7638, RFC 8037 §2)."""
    return base64url(digest(raw))


def digest(raw: bytes) -> bytes:
    """The 32 bytes of the thumbprint."""
    return sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{base64url(raw)}"}}'.encode()).digest()


def base64url(data: bytes) -> str:
    """RFC 4648 §5, without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
