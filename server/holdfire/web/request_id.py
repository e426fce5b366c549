"""The name of one answer, by which its caller and the log mean the same."""

import itertools
import secrets

_NUMBERS = itertools.count(secrets.randbits(63))


def request_id() -> bytes:
    """16 hex digits that no other answer has: counted on from a random number.

    It is no secret and opens nothing, so it need not be random anew each time.
    """
    return b"%016x" % next(_NUMBERS)
