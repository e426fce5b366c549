"""A page of the demo's own, as it is answered."""

from starlette.responses import Response

from holdfire.demo.collector import HTML


def html_response(
    body: str | bytes, content_security_policy: str, *, framed: bool = False
) -> Response:
    """A page no cache keeps: its nonce is for one answer. ``framed`` lets its own origin frame it."""
    headers = {"content-security-policy": content_security_policy, "cache-control": "no-store"}
    if framed:
        headers["x-frame-options"] = "SAMEORIGIN"
    return Response(body, headers=headers, media_type=HTML)
