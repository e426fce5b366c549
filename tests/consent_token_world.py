"""What the vectors of consent tokens are made of: keys that anybody can make, and tokens by them."""

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NOW = 1_795_262_400  # 2026-11-21T12:00:00Z


def base64url(data: bytes) -> str:
    """Without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def private(name: str) -> Ed25519PrivateKey:
    """A key that anybody can make, for tests alone."""
    return Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())


def jwk(name: str) -> dict[str, str]:
    """Its public half in a key set."""
    x = base64url(private(name).public_key().public_bytes_raw())
    thumb = sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'.encode()).digest()
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": x,
        "kid": base64url(thumb),
        "alg": "EdDSA",
        "use": "sig",
    }


def text(value: object) -> bytes:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def token(head: bytes, said: bytes, key: str = "newest") -> str:
    """Signed, whatever the two say."""
    signed = f"{base64url(head)}.{base64url(said)}"
    return f"{signed}.{base64url(private(key).sign(signed.encode()))}"


def decision(reason: str, *, allow: bool = False) -> dict[str, object]:
    """One decision."""
    return {"allow": allow, "reason": reason}


HEADER = {"alg": "EdDSA", "typ": "consent+jwt", "kid": jwk("newest")["kid"]}
BARE = {
    "iss": "consent.example",
    "aud": "shop",
    "iat": NOW,
    "exp": NOW + 600,
    "regime": "de",
    "notice_version": "9f2c0a1b2c3d4e5f",
    "categories": {
        "necessary": decision("necessary", allow=True),
        "analytics": decision("choice_granted", allow=True),
        "marketing": decision("choice_denied"),
    },
    "services": {
        "ga4": decision("choice_denied"),
        "posthog": decision("choice_granted", allow=True),
    },
    "sale_or_share": decision("choice_denied"),
    "signals": {"gpc": False, "dnt": None},
}
ACT = {
    "sub": "AAECAwQFBgcICQoLDA0ODw",
    "seq": 3,
    "log": "consent.example/log/2026",
    "log_index": 1234,
}
CLAIMS = {**BARE, **ACT}
GOOD = token(text(HEADER), text(CLAIMS))
HEAD, SAID, SIGNATURE = GOOD.split(".")
RSA = {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "rsa", "alg": "RS256", "use": "sig"}
KEY_SETS: dict[str, dict[str, Any]] = {
    "ours": {"keys": [jwk("older"), jwk("newest")]},
    "only the older": {"keys": [jwk("older")]},
    "empty": {"keys": []},
    "with others": {"keys": [RSA, {"kty": "EC"}, {**jwk("newest"), "extra": 1}]},
    "without alg and use": {
        "keys": [{k: v for k, v in jwk("newest").items() if k not in {"alg", "use"}}]
    },
    "for encryption": {"keys": [{**jwk("newest"), "use": "enc"}]},
    "for another algorithm": {"keys": [{**jwk("newest"), "alg": "HS256"}]},
    "of another curve": {"keys": [{**jwk("newest"), "crv": "Ed448"}]},
    "a key that is too short": {"keys": [{**jwk("newest"), "x": "AQAB"}]},
    "a key that is not canonical": {"keys": [{**jwk("newest"), "x": "A" * 42 + "B"}]},
    "no list": {"keys": {}},
    "no key": {"keys": ["newest"]},
    "no key set": {"error": {"code": "not_found"}},
}


def said(**members: object) -> str:
    """A token whose claims differ in these members."""
    return token(text(HEADER), text({**CLAIMS, **members}))


def without(name: str) -> str:
    """A token that lacks one claim."""
    return token(text(HEADER), text({k: v for k, v in CLAIMS.items() if k != name}))


def headed(**members: object) -> str:
    """A token whose header differs in these members."""
    return token(text({**HEADER, **members}), text(CLAIMS))


def consent(claims: dict[str, Any]) -> dict[str, Any]:
    """What a verifier makes of claims."""
    return {
        "site": claims["aud"],
        "issuer": claims["iss"],
        "issued_at": claims["iat"],
        "expires_at": claims["exp"],
        **{key: claims[key] for key in ("regime", "notice_version", "categories", "services")},
        "sale_or_share": claims["sale_or_share"],
        **claims["signals"],
        "visitor": claims.get("sub"),
        **{key: claims.get(key) for key in ("seq", "log", "log_index")},
    }
