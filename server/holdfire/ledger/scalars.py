"""Base64 and decimal numbers as every C2SP format writes them: each value in exactly one way."""

from base64 import b64decode, b64encode
from binascii import Error
from string import digits

from holdfire.ledger import Malformed

LARGEST = 2**63 - 1
"""The largest size, index or time: what tlog-cosignature allows, and every reader can hold."""


def base64(data: bytes) -> str:
    """RFC 4648 section 4, padded."""
    return b64encode(data).decode()


def unbase64(text: str, length: int | None = None) -> bytes:
    """Decode base64 that is canonical, to `length` bytes if given, or raise `Malformed`.

    Decoders as a rule ignore the unused bits before the padding, so that one value could be
    written in several ways; what is decoded is therefore encoded again and compared.
    """
    try:
        data = b64decode(text, validate=True)
    except (Error, ValueError) as e:
        raise Malformed("not base64") from e
    if base64(data) != text:
        raise Malformed("base64 that is not canonical")
    if length is not None and len(data) != length:
        raise Malformed(f"{len(data)} bytes where {length} belong")
    return data


def decimal(text: str) -> int:
    """Read ASCII digits without sign or leading zeroes, at most `LARGEST`, or raise `Malformed`."""
    if not text or text.strip(digits) or (text[0] == "0" and text != "0"):
        raise Malformed("not a decimal number")
    if len(text) > len(str(LARGEST)) or int(text) > LARGEST:
        raise Malformed("a number too large")
    return int(text)
