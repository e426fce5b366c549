"""Whether whoever asks has the answer already: RFC 9110 §13.1.2."""

from starlette.requests import Request

CHARACTERS = 1_024  # of the header are read: a browser names one tag, a cache a few


def has(request: Request, etag: str) -> bool:
    """Whether ``If-None-Match`` names this tag, weakly compared, or any."""
    header = request.headers.get("if-none-match", "")[:CHARACTERS]
    candidates = (tag.strip().removeprefix("W/") for tag in header.split(","))
    return any(tag in {etag, "*"} for tag in candidates)
