"""Keys, signatures and notes for ``vectors/ledger.json``; ``ledger_vectors`` tells the format."""

from collections.abc import Iterator
from hashlib import sha512
from typing import Any

from holdfire.ledger import ed25519, note
from holdfire.ledger.ed25519 import ORDER, P
from holdfire.ledger.note import VerifierKey
from ledger_world import LOG, NEXT_KEY, NOON, ORIGIN, STRANGER, W1, Signer, b64, secret, signed

EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
"""The key of the example of C2SP signed-note."""
EXAMPLE_NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""

GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
"""The key of the example of Go's sumdb/note, where the format comes from."""
GO_NOTE = """If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
"""

PUBLIC_KEYS = (
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
)
"""A public log of certificates and one of its witnesses."""
PUBLIC_NOTE = """arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
"""
"""A checkpoint it published, with signatures of two kinds by the log and four cosignatures."""

RFC_8032 = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)
"""Tests 1 to 3 of RFC 8032 section 7.1: public key, message, signature."""


def keys() -> Iterator[dict[str, Any]]:
    """Verifier keys, and text that is none."""
    good = (EXAMPLE_KEY, GO_KEY, *PUBLIC_KEYS, LOG.key.text(), W1.key.text())
    for vkey in good:
        key = VerifierKey.parse(vkey)
        shape = {"name": key.name, "id": key.id.hex(), "type": key.type}
        yield {"vkey": vkey, **shape, "public64": b64(key.public), "ok": True}
    name, id_, material = EXAMPLE_KEY.split("+")
    for wrong in (
        "",
        "+",
        name,
        f"{name}+{id_}",
        f"{name}+{id_}+",
        f"{name}+{id_.upper()}+{material}",
        f"{name}+530d903b+{material}",
        f"{name}+{id_}+{material[:-1]}",
        f"{name} x+{id_}+{material}",
        f"+{id_}+{material}",
        f" {EXAMPLE_KEY}",
        f"{EXAMPLE_KEY}\n",
        GO_KEY.replace("PeterNeumann", "Peter\u2003Neumann"),
    ):
        yield {"vkey": wrong, "ok": False}


def signatures() -> Iterator[dict[str, Any]]:
    """Ed25519 as the RFC has it, and where implementations are known to differ."""
    for published in RFC_8032:
        key, said, signature = map(bytes.fromhex, published)
        yield case(key, said, signature, ok=True)
        yield case(key, b"other", signature, ok=False)
    public, message = LOG.key.public, b"a message"
    good = LOG.private.sign(message)
    yield case(public, message, good, ok=True)
    yield case(NEXT_KEY.key.public, message, good, ok=False)
    r, s = good[:32], int.from_bytes(good[32:], "little")
    yield case(public, message, r + number(s + ORDER), ok=False)
    yield case(public, message, r + number(0), ok=False)
    yield case(public, message, r + number(2**256 - 1), ok=False)
    for octet in (0, 31, 32, 63):
        yield case(
            public, message, good[:octet] + bytes([good[octet] ^ 1]) + good[octet + 1 :], ok=False
        )
    yield case(public, message, good[:63], ok=False)
    yield case(public, message, good + b"\0", ok=False)
    yield case(public[:31], message, good, ok=False)
    yield case(number(2), message, good, ok=False)  # y = 2 is no point
    yield case(public, message, number(2) + good[32:], ok=False)
    yield from small_order(message)
    yield case(public, message, cofactored(LOG, message), ok=False)


def small_order(message: bytes) -> Iterator[dict[str, Any]]:
    """Keys and R of small order, in every encoding, with all else so that the equation holds."""
    for y in sorted({*ed25519.SMALL_ORDER, P, P + 1}):
        for sign in (0, ed25519.SIGN):
            public = number(y | sign)
            yield case(public, message, signed_by_anybody(public, message), ok=False)
            yield case(public, message, number(1) + number(0), ok=False)
            yield case(LOG.key.public, message, number(y | sign) + number(0), ok=False)
    r, public = number(1), LOG.key.public  # R is nothing, so s needs no nonce
    s = challenge(r, public, message) * secret_scalar(LOG) % ORDER
    yield case(public, message, r + number(s), ok=False)


def signed_by_anybody(public: bytes, message: bytes) -> bytes:
    """Return a signature made without a secret: the challenge times a key of small order is nothing."""
    for nonce in range(1, 1000):
        r = ed25519.compress(ed25519.sum_of_multiples(nonce, ed25519.BASE, 0, ed25519.BASE))
        if challenge(r, public, message) % 8 == 0:
            return r + number(nonce)
    raise AssertionError


def cofactored(signer: Signer, message: bytes) -> bytes:
    """Return a signature that fits eight times over, but not once: R has a part of small order."""
    torsion = ed25519.decompress(number(ed25519.Y_OF_ORDER_EIGHT))
    assert torsion
    nonce = int.from_bytes(secret("nonce"), "little") % ORDER
    r = ed25519.compress(ed25519.sum_of_multiples(nonce, ed25519.BASE, 1, torsion))
    k = challenge(r, signer.key.public, message)
    return r + number((nonce + k * secret_scalar(signer)) % ORDER)


def challenge(r: bytes, public: bytes, message: bytes) -> int:
    """Return k of RFC 8032 section 5.1.7."""
    return int.from_bytes(sha512(r + public + message).digest(), "little") % ORDER


def secret_scalar(signer: Signer) -> int:
    """Return s of RFC 8032 section 5.1.5, by which the base point is the public key."""
    expanded = bytearray(sha512(signer.private.private_bytes_raw()).digest()[:32])
    expanded[0] &= 248
    expanded[31] = expanded[31] & 63 | 64
    return int.from_bytes(expanded, "little")


def number(value: int) -> bytes:
    """Return 32 bytes, little-endian."""
    return value.to_bytes(32, "little")


def case(public: bytes, message: bytes, signature: bytes, *, ok: bool) -> dict[str, Any]:
    """One signature."""
    return {
        "public64": b64(public),
        "message64": b64(message),
        "signature64": b64(signature),
        "ok": ok,
    }


def notes() -> Iterator[dict[str, Any]]:
    """Notes, whom to trust, and who has signed."""
    example, go = ("example.com/foo", None), ("PeterNeumann", None)
    log, witness = (PUBLIC_KEYS[0].split("+")[0], None), ("remora.n621.de", 1_779_573_024)
    yield case_of_note(EXAMPLE_NOTE, [EXAMPLE_KEY], [example])
    yield case_of_note(EXAMPLE_NOTE, [EXAMPLE_KEY, GO_KEY], [example])
    yield case_of_note(EXAMPLE_NOTE, [GO_KEY], None)
    yield case_of_note(EXAMPLE_NOTE.replace("example m", "Example m"), [EXAMPLE_KEY], None)
    yield case_of_note(GO_NOTE, [GO_KEY], [go])
    yield case_of_note(PUBLIC_NOTE, PUBLIC_KEYS, [log, witness])
    yield case_of_note(PUBLIC_NOTE, PUBLIC_KEYS[1:], [witness])
    yield case_of_note(PUBLIC_NOTE.replace("1432088532", "1432088533"), PUBLIC_KEYS, None)
    yield from changed_notes()


def changed_notes() -> Iterator[dict[str, Any]]:
    """A note of a log and a witness, and what it is when it is changed."""
    text = f"{ORIGIN}\n\nMay have empty lines.\n"
    both, trusted = signed(text, (LOG, W1)).decode(), [LOG.key.text(), W1.key.text()]
    all_signed = [(ORIGIN, None), ("witness.example/w1", NOON)]
    yield case_of_note(both, trusted, all_signed)
    body, lines = both[: len(text) + 1], both[len(text) + 1 :].splitlines(keepends=True)
    yield case_of_note(body + lines[1] + lines[0], trusted, all_signed[::-1])
    yield case_of_note(both + lines[1], trusted, [*all_signed, all_signed[1]])
    yield case_of_note(both + STRANGER.sign(text).line(), trusted, all_signed)
    namesake = NEXT_KEY.sign(text).line()  # the same name and another id: another key
    yield case_of_note(both + namesake, trusted, all_signed)
    for odd in ("\ufeffA byte order mark\n", "\x7f and \u2028\n", "\n", "\n\n\n"):
        yield case_of_note(signed(odd, (LOG,)).decode(), trusted, all_signed[:1])
    for control in "\0\t\r\x1f":
        yield case_of_note(signed(f"a{control}b\n", (LOG,)).decode(), trusted, None)
    last = 2**63 - 1
    yield case_of_note(body + W1.sign(text, last).line(), trusted, [(W1.key.name, last)])
    yield case_of_note(body + W1.sign(text, last + 1).line(), trusted, None)
    yield case_of_note(body + W1.sign(text, 0).line(), trusted, [(W1.key.name, 0)])
    forged = note.sign(W1.key, bytes(64), NOON).line()
    yield case_of_note(body + lines[0] + forged, trusted, None)
    late = note.Signature(W1.key.name, W1.key.id, b"\xff" * 8 + bytes(64)).line()
    short = note.Signature(LOG.key.name, LOG.key.id, bytes(63)).line()
    for wrong in (
        body + lines[0] + late,
        body + short,
        body,
        body[:-1],
        both[:-1],
        both + "\n",
        both + " \n",
        both.replace("\n", "\r\n"),
        both.replace("— ", "- ", 1),
        both.replace("— ", "—", 1),
        both.replace("— ", "—  ", 1),
        both.replace(" empty", "\tempty"),
        both.replace("=\n", "\n", 1),
        both.replace("=\n", "= \n", 1),
        body + lines[0] * 65,
        "\n" + lines[0],
    ):
        yield case_of_note(wrong, trusted, None)
    for octets in (b"\xff" + both.encode(), both.encode().replace(b"May", b"M\xc0\x80")):
        yield {"note64": b64(octets), "keys": trusted, "signed": None}


def case_of_note(
    text: str, trusted: Any, verified: list[tuple[str, int | None]] | None
) -> dict[str, Any]:
    """One note."""
    named = None if verified is None else [{"name": n, "time": decimal(t)} for n, t in verified]
    return {"note64": b64(text.encode()), "keys": list(trusted), "signed": named}


def decimal(time: int | None) -> str | None:
    """Return a time as text."""
    return None if time is None else str(time)
