"""How visitor tokens are forged and spoilt: one function a kind, all of it from a seeded random."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from itsdangerous import Signer

from apart import KEY
from holdfire.tokens import HandOffToken, VisitorTokens

SHA256 = hashlib.sha256
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
SALT = "holdfire.visitor.demo"


class Genuine(NamedTuple):
    """What a forger may have got hold of: real tokens of this service."""

    token: str  # of a visitor of the site who allowed everything
    another: str  # of another visitor of the same site
    elsewhere: str  # of a visitor of another site of the same service


Forger = Callable[[Random, Genuine], str]


def forgeries(random: Random, genuine: Genuine, count: int) -> list[tuple[str, str]]:
    """``count`` forged tokens, each with the name of its kind; none that was truly signed."""
    made: list[tuple[str, str]] = []
    while len(made) < count:
        kind = KINDS[len(made) % len(KINDS)]
        text = kind(random, genuine)
        if sendable(text) and not same(text, genuine.token) and not same(text, genuine.another):
            made.append((kind.__name__, text))
    return made


def same(text: str, genuine: str) -> bool:
    """Whether a text is the genuine token, when HTTP has taken the spaces round it away."""
    return text.strip() == genuine


def sendable(text: str) -> bool:
    """Whether HTTP carries it as one header value; what it does not is refused before us."""
    return all(" " <= character <= "\xff" and character != "\x7f" for character in text)


def decoded(part: str) -> bytes:
    """Base64url without padding, read as leniently as anybody does."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def encoded(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _members(token: str) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(decoded(token.partition(".")[0]))
    return members


def _payload(members: object) -> str:
    return encoded(json.dumps(members, separators=(",", ":")).encode())


def bit_flips(random: Random, genuine: Genuine) -> str:
    """One to four bits of it."""
    text = list(genuine.token)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(text))
        text[at] = chr(ord(text[at]) ^ 1 << random.randrange(8))
    return "".join(text)


def truncations(random: Random, genuine: Genuine) -> str:
    """Its beginning, its end, or a hole in it."""
    one, two = sorted(random.sample(range(len(genuine.token) + 1), 2))
    token = genuine.token
    return random.choice([token[:one], token[two:], token[:one] + token[two:], token[one:two]])


def swaps(random: Random, genuine: Genuine) -> str:
    """Two characters of it in each other's place, or others of the alphabet in theirs."""
    text = list(genuine.token)
    one, two = random.sample(range(len(text)), 2)
    text[one], text[two] = text[two], text[one]
    if random.random() < 0.5:
        text[one] = random.choice(ALPHABET)
    return "".join(text)


def of_another_site(random: Random, genuine: Genuine) -> str:
    """A real token of another site, whole or with one half exchanged."""
    mine, theirs = genuine.token.split("."), genuine.elsewhere.split(".")
    return random.choice([genuine.elsewhere, f"{theirs[0]}.{mine[1]}", f"{mine[0]}.{theirs[1]}"])


def of_another_visitor(random: Random, genuine: Genuine) -> str:
    """The members of one visitor under the signature of another."""
    mine, theirs = genuine.token.split("."), genuine.another.split(".")
    return random.choice([f"{theirs[0]}.{mine[1]}", f"{mine[0]}.{theirs[1]}"])


def rewritten(random: Random, genuine: Genuine) -> str:
    """Members that say something else, under the signature of those that did not."""
    members = _members(genuine.token)
    changes: list[dict[str, Any]] = [
        {"q": random.randint(0, 2**53)},
        {"u": random.randint(2**31, 2**53)},
        {"v": encoded(random.randbytes(16))},
        {"c": {"analytics": 1, "marketing": 1, "x": random.random()}},
        {"a": random.choice(["accept_all", "save", "ACCEPT_ALL", None, 1])},
        {"n": random.randbytes(8).hex()},
        {"y": random.randint(-1, 200)},
        {"alg": "none", "allow": True, "r": random.random()},
    ]
    change = random.choice(changes)
    return f"{_payload({**members, **change})}.{genuine.token.partition('.')[2]}"


def spelt_otherwise(random: Random, genuine: Genuine) -> str:
    """The same members as another writer of JSON would write them."""
    members = list(_members(genuine.token).items())
    random.shuffle(members)
    text = json.dumps(dict(members), indent=random.choice([None, 1, 2]))
    return f"{encoded(text.encode())}.{genuine.token.partition('.')[2]}"


def under_a_foreign_key(random: Random, genuine: Genuine) -> str:
    """Well signed, by somebody else."""
    key = random.choice([random.randbytes(32).hex(), KEY[:-1], KEY + "k", KEY.upper(), "secret"])
    return _signed(genuine, key=key, salt=SALT)


def under_another_salt(random: Random, genuine: Genuine) -> str:
    """Signed with the right key for another purpose."""
    salt = random.choice(
        [
            "holdfire.visitor.other",
            "holdfire.visitor.",
            "holdfire.visitor",
            "holdfire.hand_off.demo",
            "itsdangerous.Signer",
            f"holdfire.visitor.demo{random.choice(ALPHABET)}",
            encoded(random.randbytes(8)),
        ]
    )
    return _signed(genuine, key=KEY, salt=salt)


def by_weaker_means(random: Random, genuine: Genuine) -> str:
    """Signed with the right key and salt by what the library would have taken by default."""
    digest = random.choice([hashlib.sha1, hashlib.md5, hashlib.sha224, hashlib.sha512, SHA256])
    derivation = random.choice(["django-concat", "concat", "none"])
    derivation = derivation if digest is SHA256 else random.choice([derivation, "hmac"])
    members = {**_members(genuine.token), "q": random.randint(1, 9)}
    signer = Signer(KEY, salt=SALT, sep=".", key_derivation=derivation, digest_method=digest)
    return signer.sign(_payload(members)).decode()


def by_plain_hmac(random: Random, genuine: Genuine) -> str:
    """A bare HMAC with the key, with the site, with nothing; or no signature to speak of."""
    payload = _payload({**_members(genuine.token), "q": random.randint(1, 9)})
    key = random.choice([KEY.encode(), b"", b"demo", SALT.encode(), (SALT + KEY).encode()])
    digest = encoded(hmac.digest(key, payload.encode(), "sha256"))
    signature = random.choice([digest, encoded(SHA256(payload.encode()).digest()), "", "A" * 43])
    return f"{payload}.{signature}"


def as_a_jwt(random: Random, genuine: Genuine) -> str:
    """Three parts with an algorithm of the sender's choice."""
    head = {"alg": random.choice(["none", "None", "HS256", "EdDSA"]), "typ": "JWT"}
    members = {**_members(genuine.token), "q": random.randint(1, 9)}
    signature = random.choice(["", genuine.token.partition(".")[2], encoded(random.randbytes(32))])
    return f"{_payload(head)}.{_payload(members)}.{signature}"


def alphabet_tricks(random: Random, genuine: Genuine) -> str:
    """The same in another alphabet: percent signs, padding, case, quotes, marks, blanks."""
    payload, _, signature = genuine.token.partition(".")
    at = random.randrange(1, len(payload))
    odd = random.choice(
        ["=", "%", "+", "/", " ", "\xa0", "\xad", "\xe9", '"', "'", ".", "..", "~", "\xff", "*"]
    )
    return random.choice(
        [
            f"{payload[:at]}{odd}{payload[at:]}.{signature}",
            f"{payload[:at]}%{ord(payload[at]):02x}{payload[at + 1 :]}.{signature}",
            f"{payload}{'=' * random.randint(1, 4)}.{signature}",
            f'"{genuine.token}"',
            genuine.token.swapcase(),
            f"{payload[:at]}{payload[at:].swapcase()}.{signature}",
            f"{payload}%2E{signature}",
            f"{payload}{odd}.{signature}",
            f".{genuine.token}",
            f"{genuine.token}.{signature}",
            "".join(chr(0xEF) + chr(0xBC) + chr(0x80 + ord(c) % 64) for c in genuine.token[:at]),
        ]
    )


def oversized(random: Random, genuine: Genuine) -> str:
    """Longer than any that is signed, up to more than all headers may be."""
    payload, _, signature = genuine.token.partition(".")
    filling = random.choice(ALPHABET) * random.choice([300, 700, 2_000, 7_000, 9_000])
    return random.choice([f"{payload}{filling}.{signature}", f"{filling}{genuine.token}"])


def a_hand_off(random: Random, genuine: Genuine) -> str:  # noqa: ARG001 -- one signature for all
    """What the service did sign, for something else."""
    token = HandOffToken(
        sender="other",
        handed=encoded(random.randbytes(16)),
        once=encoded(random.randbytes(16)),
        expires_at=2**40,
    )
    return VisitorTokens([KEY]).sign_hand_off("demo", "127.0.0.0/24", token)


def noise(random: Random, genuine: Genuine) -> str:  # noqa: ARG001 -- one signature for all
    """Any characters."""
    letters = random.choice([ALPHABET, [chr(n) for n in range(32, 256) if n != 127]])
    return "".join(random.choices(letters, k=random.randint(1, 400)))


def _signed(genuine: Genuine, *, key: str, salt: str) -> str:
    signer = Signer(key, salt=salt, sep=".", key_derivation="hmac", digest_method=SHA256)
    return signer.sign(genuine.token.partition(".")[0]).decode()


KINDS: tuple[Forger, ...] = (
    bit_flips,
    truncations,
    swaps,
    of_another_site,
    of_another_visitor,
    rewritten,
    spelt_otherwise,
    under_a_foreign_key,
    under_another_salt,
    by_weaker_means,
    by_plain_hmac,
    as_a_jwt,
    alphabet_tricks,
    oversized,
    a_hand_off,
    noise,
)
