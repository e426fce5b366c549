"""Signatures are verified alike with a library and without."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfire.ledger import ed25519
from ledger_world import LOG

VECTORS = json.loads((Path(__file__).parent / "vectors/ledger.json").read_text("utf-8"))


@pytest.mark.parametrize("case", VECTORS["signatures"])
def test_golden_signatures(case: dict[str, Any]) -> None:
    """Both ways of verifying decide as the vector says."""
    public, message, signature = (
        b64decode(case[name]) for name in ("public64", "message64", "signature64")
    )
    assert ed25519.LIBRARY
    assert ed25519.verify(public, message, signature) == case["ok"]
    assert ed25519.verify_alone(public, message, signature) == case["ok"]


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_both_ways_of_verifying_agree(public: bytes, signature: bytes) -> None:
    """Of keys and signatures that were never made, neither takes one."""
    for key in (public, LOG.key.public):
        assert not ed25519.verify(key, b"", signature)
        assert not ed25519.verify_alone(key, b"", signature)


@given(st.binary(max_size=300))
def test_what_the_library_signs_is_verified_without_it(message: bytes) -> None:
    """Our own arithmetic takes every signature of the library, and none of another message."""
    signature = LOG.private.sign(message)
    assert ed25519.verify_alone(LOG.key.public, message, signature)
    assert not ed25519.verify_alone(LOG.key.public, message + b"\0", signature)


def test_the_points_of_small_order() -> None:
    """The y that are refused are those of the eight points that eight times over are nothing."""
    points = {
        ed25519.compress(point)
        for y in ed25519.SMALL_ORDER
        for sign in (0, ed25519.SIGN)
        if (point := ed25519.decompress((y | sign).to_bytes(32, "little")))
    }
    nothing = ed25519.compress(ed25519.IDENTITY)

    assert len(points) == 8
    for encoded in points:
        point = ed25519.decompress(encoded)
        assert point
        assert ed25519.compress(ed25519.sum_of_multiples(8, point, 0, point)) == nothing


def test_the_base_point_is_of_the_order_it_should_be() -> None:
    """L times the base point is nothing, and the base point is RFC 8032's."""
    zero = ed25519.sum_of_multiples(ed25519.ORDER, ed25519.BASE, 0, ed25519.BASE)
    assert ed25519.compress(zero) == ed25519.compress(ed25519.IDENTITY)
    assert ed25519.compress(ed25519.BASE).hex() == "58" + "66" * 31
