"""The visitor token: what is forged, foreign, cut or stale is as no token."""

import base64
import hashlib
import json
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import Signer

from holdfire.errors import TokenInvalid
from holdfire.model import Action, Prior
from holdfire.tokens import LONGEST, VisitorToken, VisitorTokens, prior_of, token_of

KEY = "k" * 64
OLD = "o" * 64
TOKENS = VisitorTokens([KEY])
TOKEN = VisitorToken(
    visitor="A" * 22,
    seq=3,
    recorded_at=1_795_262_400,
    valid_until=1_810_814_400,
    notice_version="0123456789abcdef",
    action="save",
    categories={"analytics": 1, "marketing": 0},
    services={"posthog": 0},
    shown_services=("posthog",),
    noticed=1,
    left_on=("analytics",),
    age=15,
)
SIGNED = TOKENS.sign("demo", TOKEN)


def test_what_was_signed_is_read_back() -> None:
    """Reading returns the token that was signed."""
    assert TOKENS.read("demo", SIGNED) == TOKEN


def test_the_alphabet_is_one_no_firewall_trips_over() -> None:
    """A token holds letters, digits, underscore, dot and hyphen only, and one dot."""
    assert set(SIGNED) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
    assert SIGNED.count(".") == 1


def test_a_token_of_one_site_is_refused_by_another() -> None:
    """The salt is the site's own."""
    with pytest.raises(TokenInvalid):
        TOKENS.read("other", SIGNED)


def test_an_old_key_still_verifies_and_the_newest_signs() -> None:
    """Rotation asks nobody again while both keys are listed, and refuses after."""
    before = VisitorTokens([OLD]).sign("demo", TOKEN)
    both = VisitorTokens([OLD, KEY])

    assert both.read("demo", before) == TOKEN
    assert both.sign("demo", TOKEN) == SIGNED
    with pytest.raises(TokenInvalid):
        VisitorTokens([KEY]).read("demo", before)


def test_the_library_defaults_are_refused() -> None:
    """A token signed with SHA-1 and the default key derivation does not verify."""
    payload = SIGNED.partition(".")[0]
    weak = Signer(KEY, salt="holdfire.visitor.demo", sep=".").sign(payload).decode()

    with pytest.raises(TokenInvalid):
        TOKENS.read("demo", weak)


def test_every_truncation_is_refused() -> None:
    """No prefix of a token is a token."""
    for length in range(len(SIGNED)):
        with pytest.raises(TokenInvalid):
            TOKENS.read("demo", SIGNED[:length])


def test_every_single_bit_flip_is_refused() -> None:
    """No token one bit away from a signed one is believed."""
    for index, character in enumerate(SIGNED):
        for bit in range(7):
            flipped = chr(ord(character) ^ 1 << bit)
            text = SIGNED[:index] + flipped + SIGNED[index + 1 :]
            try:
                read = TOKENS.read("demo", text)
            except TokenInvalid:
                continue
            # The last character of a base64 digest has bits that mean nothing: same signature.
            assert index == len(SIGNED) - 1
            assert read == TOKEN


def test_a_long_list_of_services_never_makes_the_token_too_long() -> None:
    """The shown services are left out before the cookie outgrows what proxies carry."""
    many = tuple(f"service-{n:03}" for n in range(200))
    signed = TOKENS.sign(
        "demo",
        VisitorToken(
            visitor=TOKEN.visitor,
            seq=1,
            recorded_at=0,
            valid_until=0,
            notice_version=TOKEN.notice_version,
            action="save",
            categories={},
            shown_services=many,
        ),
    )

    assert len(signed) <= LONGEST
    assert TOKENS.read("demo", signed).shown_services is None


def test_choices_too_many_for_a_cookie_are_left_to_the_store() -> None:
    """A token that cannot carry every choice carries none, rather than all but the refusals."""
    many = {f"service-{n:03}": 0 for n in range(64)}
    signed = TOKENS.sign("demo", msgspec.structs.replace(TOKEN, services=many))
    read = TOKENS.read("demo", signed)

    assert len(signed) <= LONGEST
    assert (read.visitor, read.seq) == (TOKEN.visitor, TOKEN.seq)
    assert read.categories == {}


def test_no_choice_makes_the_token_too_long() -> None:
    """As many categories as a choice may name, all of them left on, still fit: they are left out."""
    many = {f"category-of-some-length-{n:03}": 1 for n in range(64)}
    full = msgspec.structs.replace(TOKEN, categories=many, left_on=tuple(many), age=150)
    signed = TOKENS.sign("s" * 64, full)

    assert len(signed) <= LONGEST
    assert TOKENS.read("s" * 64, signed).age == 150


def test_an_age_that_was_not_said_is_no_member() -> None:
    """A token says the age that was declared, or has no such member."""

    def members(token: VisitorToken) -> dict[str, object]:
        payload = TOKENS.sign("demo", token).partition(".")[0]
        found: dict[str, object] = json.loads(base64.urlsafe_b64decode(payload + "=="))
        return found

    assert members(TOKEN)["y"] == 15
    assert members(msgspec.structs.replace(TOKEN, age=0))["y"] == 0
    assert "y" not in members(msgspec.structs.replace(TOKEN, age=None))


def test_a_payload_of_another_shape_is_refused_though_well_signed() -> None:
    """A signature over anything but a token grants nothing."""
    for payload in (b"{}", b"[]", b"null", b'{"v":1}', b"\xff"):
        encoded = base64.urlsafe_b64encode(payload).rstrip(b"=")
        signer = Signer(
            KEY,
            salt="holdfire.visitor.demo",
            sep=".",
            key_derivation="hmac",
            digest_method=hashlib.sha256,
        )
        with pytest.raises(TokenInvalid):
            TOKENS.read("demo", signer.sign(encoded).decode())


@given(st.text(max_size=300))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    """Random text is refused with the one error, never another exception."""
    with pytest.raises(TokenInvalid):
        TOKENS.read("demo", text)


IDS = st.text("abc-", min_size=1, max_size=5)
SECONDS = st.integers(0, 2**40)
PRIORS = st.builds(
    Prior,
    action=st.sampled_from(get_args(Action)),
    categories=st.dictionaries(IDS, st.booleans(), max_size=5),
    services=st.dictionaries(IDS, st.booleans(), max_size=5),
    shown_services=st.lists(IDS, max_size=5).map(tuple),
    notice_version=st.just("0" * 16),
    recorded_at=SECONDS,
    valid_until=SECONDS,
    gpc_noticed=st.booleans(),
    dnt_noticed=st.booleans(),
    by_signal=st.booleans(),
    left_on=st.lists(IDS, max_size=5).map(tuple),
)


@given(PRIORS, st.none() | st.integers(0, 150))
def test_a_whole_token_carries_the_whole_choice(prior: Prior, age: int | None) -> None:
    """What is read from it is what was recorded: a lookup need not read the record as well."""
    read = TOKENS.read("demo", TOKENS.sign("demo", token_of("A" * 22, 1, prior, age)))

    assert (read.whole, prior_of(read), read.age) == (True, prior, age)


def test_a_token_that_had_to_be_cut_says_so() -> None:
    """It carries no services that were shown, or no choice at all: the record has to be read."""
    shown = tuple(f"service-{number}" for number in range(200))
    cut = msgspec.structs.replace(TOKEN, shown_services=shown)
    bare = msgspec.structs.replace(cut, services=dict.fromkeys(shown, 0))

    assert not TOKENS.read("demo", TOKENS.sign("demo", cut)).whole
    assert not TOKENS.read("demo", TOKENS.sign("demo", bare)).whole


@pytest.mark.parametrize("spare", [1, 2, 3])
def test_a_signature_has_one_spelling(spare: int) -> None:
    """Another last character may mean the same bytes to a decoder, and is refused."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = letters[letters.index(SIGNED[-1]) + spare]
    for text in (SIGNED[:-1] + last, SIGNED + "=", SIGNED + "\n"):
        with pytest.raises(TokenInvalid):
            TOKENS.read("demo", text)
