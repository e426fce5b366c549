"""Makes ``vectors/consent-tokens.json``: what every verifier of consent tokens must agree on.

``python tests/consent_token_vectors.py`` writes it; a stale copy fails a test. All keys are fixed.
The file is one JSON object:

``site``, ``issuer``, ``now``   what a token is held to, unless its entry says otherwise
``key_sets``                    by name; ``ours`` is meant where an entry names none
``good``                        name, token, and ``consent``: what is read of it
``refused``                     name, token, and ``reason``

The tokens are put together here byte by byte, with nothing of the service but its words.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from consent_token_world import (
    ACT,
    BARE,
    CLAIMS,
    GOOD,
    HEAD,
    HEADER,
    KEY_SETS,
    NOW,
    SAID,
    SIGNATURE,
    base64url,
    consent,
    decision,
    headed,
    jwk,
    private,
    said,
    text,
    token,
    without,
)

FILE = Path(__file__).parent / "vectors/consent-tokens.json"
ORDER = 2**252 + 27742317777372353535851937790883648493

Case = dict[str, Any]


def good() -> Iterator[Case]:
    """Tokens that hold."""

    def case(name: str, claims: dict[str, Any], made: str | None = None, **more: object) -> Case:
        made = made or token(text(HEADER), text(claims))
        return {"name": name, "token": made, **more, "consent": consent(claims)}

    yield case("with an act", CLAIMS)
    yield case("without one", BARE)
    yield case(
        "by the older key",
        CLAIMS,
        token(text({**HEADER, "kid": jwk("older")["kid"]}), text(CLAIMS), "older"),
    )
    yield case("among keys of other kinds", CLAIMS, jwks="with others")
    yield case("by a key that says no more than it has to", CLAIMS, jwks="without alg and use")
    yield case("in its first second", CLAIMS, now=NOW)
    yield case("in its last", CLAIMS, now=NOW + 599)
    yield case("by a clock 5 s ahead", CLAIMS, now=NOW - 5)
    yield case("at a fraction of a second", CLAIMS, now=NOW + 599.5)
    yield case("of one second", {**CLAIMS, "exp": NOW + 1}, now=NOW + 0.5)
    yield case("of whatever issuer", {**CLAIMS, "iss": "elsewhere.example"}, issuer=None)
    yield case("with members that are not known", {**CLAIMS, "more": [1, {"a": None}]})
    yield case("with spaces", CLAIMS, token(text(HEADER), json.dumps(CLAIMS, indent=1).encode()))
    yield case("with both signals", {**CLAIMS, "signals": {"gpc": True, "dnt": True}})
    yield case(
        "with a DNT that objects to nothing", {**CLAIMS, "signals": {"gpc": False, "dnt": False}}
    )
    yield case("of a site with nothing on it", {**CLAIMS, "categories": {}, "services": {}})
    odd = {
        key: decision("choice_granted", allow=True)
        for key in ("7", "10", "constructor", "toString")
    }
    yield case("with ids that are numbers or builtins", {**CLAIMS, "services": odd})
    yield case("in letters of all kinds", {**CLAIMS, "regime": "ŝtrikta €"})
    yield case("with its members in another order", dict(reversed(CLAIMS.items())))


def refused() -> Iterator[Case]:
    """Tokens that do not, by the first reason there is."""
    for reason, cases in {
        "key_set": _key_sets(),
        "malformed": _malformed(),
        "algorithm": _algorithms(),
        "header": _headers(),
        "unknown_key": _unknown(),
        "signature": _signatures(),
        "claims": _claims(),
    }.items():
        yield from ({"name": name, "reason": reason, **case} for name, case in cases)
    yield from _untimely()


def _key_sets() -> Iterator[tuple[str, Case]]:
    for name in ("a key that is not canonical", "no list", "no key", "no key set"):
        yield name, {"token": GOOD, "jwks": name}


def _malformed() -> Iterator[tuple[str, Case]]:
    twice = text(HEADER)[:-1] + b',"alg":"EdDSA"}'
    for name, made in {
        "nothing": "",
        "no token": "null",
        "two parts": f"{HEAD}.{SAID}",
        "four parts": f"{GOOD}.{SIGNATURE}",
        "five parts, as encrypted ones have": f"{GOOD}.{HEAD}.{SAID}",
        "no header": f".{SAID}.{SIGNATURE}",
        "no claims, as detached ones have": f"{HEAD}..{SIGNATURE}",
        "no signature": f"{HEAD}.{SAID}.",
        "padded": f"{GOOD}==",
        "padded within": f"{HEAD}=.{SAID}.{SIGNATURE}",
        "in standard base64": token(text(HEADER), text({**CLAIMS, "regime": "??>>??>>"}))
        .replace("_", "/")
        .replace("-", "+"),
        "a space before": f" {GOOD}",
        "a newline behind": f"{GOOD}\n",
        "a newline within": f"{HEAD}.\n{SAID}.{SIGNATURE}",
        "a letter that is none": f"{HEAD}.{SAID}.{SIGNATURE[:-1]}é",
        "a null behind": f"{GOOD}\0",
        "with its scheme": f"Bearer {GOOD}",
        "a length that base64 has not": f"{HEAD}.{SAID}.{SIGNATURE}AAA",
        "bits that carry nothing": f"{HEAD}.{SAID}.{SIGNATURE[:-1]}{chr(ord(SIGNATURE[-1]) + 1)}",
        "too long": f"{HEAD}.{'A' * 65_536}.{SIGNATURE}",
        "a header that is too long": headed(x5c=["A" * 512]),
        "a header that is a list": token(text([HEADER]), text(CLAIMS)),
        "a header that is no JSON": token(b"{'alg':'EdDSA'}", text(CLAIMS)),
        "a header that is not UTF-8": token(b'{"alg":"\xff"}', text(CLAIMS)),
        "a header with a mark of byte order": token(b"\xef\xbb\xbf" + text(HEADER), text(CLAIMS)),
        "a header with a member twice": token(twice, text(CLAIMS)),
        "a header with an escape": token(text(HEADER).replace(b"alg", b"\\u0061lg"), text(CLAIMS)),
        "a header with something behind": token(text(HEADER) + b"{}", text(CLAIMS)),
        "in JSON serialisation": json.dumps(
            {"payload": SAID, "protected": HEAD, "signature": SIGNATURE}
        ),
    }.items():
        yield name, {"token": made}


def _algorithms() -> Iterator[tuple[str, Case]]:
    none = text({**HEADER, "alg": "none"})
    yield "none", {"token": f"{base64url(none)}.{SAID}.{SIGNATURE}"}
    for alg in (
        "None",
        "HS256",
        "RS256",
        "ES256",
        "Ed25519",
        "Ed448",
        "eddsa",
        "",
        None,
        ["EdDSA"],
    ):
        yield f"{alg!r}", {"token": headed(alg=alg)}
    yield (
        "not said",
        {"token": token(text({k: v for k, v in HEADER.items() if k != "alg"}), text(CLAIMS))},
    )


def _headers() -> Iterator[tuple[str, Case]]:
    changes: dict[str, dict[str, object]] = {
        "critical": {"crit": ["exp"], "exp": NOW},
        "nothing critical": {"crit": []},
        "a key of its own": {"jwk": jwk("newest")},
        "an address of keys": {"jku": "https://evil.example/jwks.json"},
        "an address of certificates": {"x5u": "https://evil.example/x5u"},
        "its claims unencoded": {"b64": False},
        "compressed": {"zip": "DEF"},
        "a type of JWT": {"typ": "JWT"},
        "a type in capitals": {"typ": "Consent+JWT"},
        "no type": {"typ": None},
        "a key id that is a number": {"kid": 1},
        "a key id that is a list": {"kid": [HEADER["kid"]]},
        "a prototype": {"__proto__": {}},
        "something nested deep": {"deep": json.loads("[" * 99 + "]" * 99)},
    }
    for name, members in changes.items():
        yield name, {"token": headed(**members)}
    for name in ("typ", "kid"):
        less = {key: value for key, value in HEADER.items() if key != name}
        yield f"no {name} at all", {"token": token(text(less), text(CLAIMS))}


def _unknown() -> Iterator[tuple[str, Case]]:
    yield (
        "of another instance",
        {"token": token(text({**HEADER, "kid": jwk("other")["kid"]}), text(CLAIMS), "other")},
    )
    yield "retired", {"token": GOOD, "jwks": "only the older"}
    for name in (
        "empty",
        "for encryption",
        "for another algorithm",
        "of another curve",
        "a key that is too short",
    ):
        yield f"in a key set: {name}", {"token": GOOD, "jwks": name}
    for kid in ("", "__proto__", "constructor", "../newest"):
        yield f"called {kid!r}", {"token": headed(kid=kid)}


def _signatures() -> Iterator[tuple[str, Case]]:
    raw = private("newest").sign(f"{HEAD}.{SAID}".encode())
    s = int.from_bytes(raw[32:], "little") + ORDER
    more = base64url(text({**CLAIMS, "aud": "other"}))
    for name, made in {
        "by another key": token(text(HEADER), text(CLAIMS), "other"),
        "by the older key": token(text(HEADER), text(CLAIMS), "older"),
        "of other claims": f"{HEAD}.{more}.{SIGNATURE}",
        "of another header": f"{base64url(text(dict(reversed(HEADER.items()))))}.{SAID}.{SIGNATURE}",
        "too short": f"{HEAD}.{SAID}.{base64url(raw[:63])}",
        "too long": f"{HEAD}.{SAID}.{base64url(raw + raw)}",
        "of zeros": f"{HEAD}.{SAID}.{base64url(bytes(64))}",
        "with s beyond the order": f"{HEAD}.{SAID}.{base64url(raw[:32] + s.to_bytes(32, 'little'))}",
        "turned over": f"{HEAD}.{SAID}.{base64url(raw[::-1])}",
        "of claims that are no JSON": f"{HEAD}.{base64url(b'{')}.{SIGNATURE}",
    }.items():
        yield name, {"token": made}


def _claims() -> Iterator[tuple[str, Case]]:
    for name in BARE:
        yield f"no {name}", {"token": without(name)}
    for name in ACT:
        yield f"an act without {name}", {"token": without(name)}
    changes: dict[str, dict[str, object]] = {
        "a list of audiences": {"aud": ["shop"]},
        "an issuer that is a number": {"iss": 1},
        "a time that is a text": {"iat": str(NOW)},
        "an end that is a truth": {"exp": True},
        "an end with a fraction": {"exp": NOW + 0.5},
        "a time before all times": {"iat": -1},
        "no decisions": {"categories": None},
        "a list of decisions": {"services": []},
        "a decision that is a truth": {"categories": {"analytics": True}},
        "a decision without a reason": {"categories": {"analytics": {"allow": True}}},
        "an allow that is a number": {"categories": {"analytics": {"allow": 1, "reason": "gpc"}}},
        "an allow that is a text": {"services": {"ga4": {"allow": "true", "reason": "gpc"}}},
        "a reason that is a number": {"sale_or_share": {"allow": True, "reason": 1}},
        "a signal that is a number": {"signals": {"gpc": 0, "dnt": None}},
        "signals without one": {"signals": {"gpc": False}},
        "a seq that is a text": {"seq": "3"},
        "a sub that is nothing": {"sub": None},
        "a number too long": {"log_index": 10**15},
        "an escape": {"regime": 'd"e'},
    }
    for name, member in changes.items():
        yield name, {"token": said(**member)}
    whole = text(CLAIMS)
    for name, raw in {
        "a member twice": whole[:-1] + b',"aud":"shop"}',
        "a decision twice": whole.replace(b'"ga4":', b'"posthog":'),
        "a number in powers of ten": whole.replace(str(NOW).encode(), b"1795262400e0"),
        "a number with a zero behind": whole.replace(str(NOW).encode(), b"1795262400.0"),
        "no number": whole.replace(b":1234", b":NaN"),
        "a list": text([CLAIMS]),
        "nothing": b"null",
        "no JSON": b"{",
        "something behind": whole + b"x",
        "not UTF-8": whole.replace(b'"de"', b'"\xff"'),
        "a mark of byte order": b"\xef\xbb\xbf" + whole,
    }.items():
        yield name, {"token": token(text(HEADER), raw)}


def _untimely() -> Iterator[Case]:
    def case(name: str, reason: str, made: str = GOOD, **more: object) -> Case:
        return {"name": name, "reason": reason, "token": made, **more}

    yield case("of another instance", "issuer", said(iss="evil.example"))
    yield case("of an instance with more to its name", "issuer", said(iss="consent.example."))
    yield case("for another site", "site", said(aud="other"))
    yield case("for a site in capitals", "site", said(aud="SHOP"))
    yield case("for a site with more to its name", "site", said(aud="shop "))
    yield case("for the site, held to another", "site", site="other")
    yield case("for 601 s", "lifetime", said(exp=NOW + 601))
    yield case("for no time", "lifetime", said(exp=NOW))
    yield case("for less than that", "lifetime", said(exp=NOW - 1))
    yield case("for ever", "lifetime", said(exp=10**15 - 1))
    yield case("6 s too early", "early", now=NOW - 6)
    yield case("a year too early", "early", now=NOW - 31_536_000)
    yield case("in the second it ends", "expired", now=NOW + 600)
    yield case("a second later", "expired", now=NOW + 601)
    yield case("a year later", "expired", now=NOW + 31_536_000)


def document() -> dict[str, Any]:
    """All of it."""
    return {
        "site": "shop",
        "issuer": "consent.example",
        "now": NOW + 60,
        "key_sets": KEY_SETS,
        "good": list(good()),
        "refused": list(refused()),
    }


def rendered() -> str:
    """The file."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(rendered(), encoding="utf-8")
    sys.stdout.write(f"{FILE}: {len(list(good()))} good, {len(list(refused()))} refused\n")
