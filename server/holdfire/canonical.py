"""JSON in one spelling only, so that who has the value has the bytes, and their digest: RFC 8785.

Of that standard the part that we write: no number has a fraction, and none is larger than a page
can count to. What is written so is stored and hashed as bytes, and never written again.
"""

import msgspec

LARGEST = 2**53 - 1  # RFC 8785 §3.2.2.3: numbers are IEEE 754 doubles

_ENCODER = msgspec.json.Encoder()


def canonical(value: object) -> bytes:
    """The bytes of a value. Raises ``ValueError`` for one that this part of the standard lacks."""
    return _ENCODER.encode(_ordered(msgspec.to_builtins(value)))


def _ordered(value: object) -> object:
    """The same value, members in the order of their names as UTF-16 (RFC 8785 §3.2.3)."""
    match value:
        case dict():
            named = [(key, key.encode("utf-16-be"), member) for key, member in value.items()]
            named.sort(key=lambda one: one[1])
            return {key: _ordered(member) for key, _, member in named}
        case list() | tuple():
            return [_ordered(item) for item in value]
        case float():
            raise ValueError(f"{value!r} has a fraction, or could have one")
        case int() if abs(value) > LARGEST:
            raise ValueError(f"{value} is more than a page can count to")
    return value
