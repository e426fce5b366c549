"""Which pages may read an answer: those of the site in the path, also when it is a refusal."""

from starlette.types import Scope

from holdfire.model import Site


def cors(site: Site, scope: Scope) -> list[tuple[bytes, bytes]]:
    """The headers by which an answer speaks to the site's origins, and to no other."""
    headers = [(b"vary", b"Origin")]
    found = [value for name, value in scope["headers"] if name == b"origin"]
    if len(found) == 1 and found[0].decode("latin-1") in site.origins:
        headers += [
            (b"access-control-allow-origin", found[0]),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", b"x-request-id, retry-after"),
        ]
    return headers
