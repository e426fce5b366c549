"""Ed25519 signatures, RFC 8032, verified by `cryptography` where it is installed.

Elsewhere by arithmetic of our own, so that a receipt can be checked with nothing but Python. Both
ways decide alike, and as Web Cryptography lays down: no s >= L, no key that is not a point in its
one encoding, no key and no R of small order, and the equation without the cofactor.
"""

from hashlib import sha512

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    LIBRARY = True
except ImportError:  # the verifier that stands alone has no libraries
    LIBRARY = False

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
"""Order of the base point: L in RFC 8032."""
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
KEY, SIGNATURE = 32, 64
BITS = 256
SIGN = 1 << BITS - 1
"""Bit of an encoded point that tells x from -x; those below it are y."""

Y_OF_ORDER_EIGHT = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
SMALL_ORDER = frozenset({0, 1, P - 1, Y_OF_ORDER_EIGHT, P - Y_OF_ORDER_EIGHT})
"""The y of the eight points whose order divides the cofactor: anything may be signed by these."""

Point = tuple[int, int, int, int]
"""Extended homogeneous coordinates X, Y, Z, T, with x = X/Z, y = Y/Z and xy = T/Z."""

IDENTITY: Point = (0, 1, 1, 0)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the 64 bytes are a signature of the message by the key of 32 bytes."""
    if not LIBRARY:
        return verify_alone(public, message, signature)
    if not is_strict(public, signature):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def verify_alone(public: bytes, message: bytes, signature: bytes) -> bool:
    """As `verify`, without any library: RFC 8032 section 5.1.7, in a few milliseconds."""
    key = decompress(public) if is_strict(public, signature) else None
    if key is None:
        return False
    r, s = signature[:KEY], int.from_bytes(signature[KEY:], "little")
    k = int.from_bytes(sha512(r + public + message).digest(), "little") % ORDER
    x, y, z, t = key
    return compress(sum_of_multiples(s, BASE, k, (-x % P, y, z, -t % P))) == r


def is_strict(public: bytes, signature: bytes) -> bool:
    """Whether both have their length, s and the key's y are reduced, and no order is small."""
    if len(public) != KEY or len(signature) != SIGNATURE:
        return False
    y, r_y = (int.from_bytes(point[:KEY], "little") & ~SIGN for point in (public, signature))
    s = int.from_bytes(signature[KEY:], "little")
    return s < ORDER and y < P and y not in SMALL_ORDER and r_y not in SMALL_ORDER


def decompress(encoded: bytes) -> Point | None:
    """Return the point of 32 bytes, if there is one: RFC 8032 section 5.1.3."""
    number = int.from_bytes(encoded, "little")
    y = number & ~SIGN
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * ROOT_OF_MINUS_ONE % P
    if v * x * x % P != u or (x == 0 and number & SIGN):
        return None
    if x & 1 != bool(number & SIGN):
        x = P - x
    return x, y, 1, x * y % P


def compress(point: Point) -> bytes:
    """Return the 32 bytes of a point."""
    x, y, z, _ = point
    inverse = pow(z, -1, P)
    number = y * inverse % P | (SIGN if x * inverse % P & 1 else 0)
    return number.to_bytes(KEY, "little")


def add(p: Point, q: Point) -> Point:
    """Return the sum of two points: RFC 8032 section 5.1.4."""
    (x1, y1, z1, t1), (x2, y2, z2, t2) = p, q
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def sum_of_multiples(s: int, p: Point, k: int, q: Point) -> Point:
    """Return s times one point plus k times the other. Not in constant time: nothing is secret."""
    steps = (None, p, q, add(p, q))
    total = IDENTITY
    for bit in reversed(range(BITS)):
        total = add(total, total)
        step = steps[(s >> bit & 1) | (k >> bit & 1) << 1]
        if step is not None:
            total = add(total, step)
    return total


BASE = decompress((4 * pow(5, -1, P) % P).to_bytes(KEY, "little")) or IDENTITY
