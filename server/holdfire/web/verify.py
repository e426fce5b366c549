"""The verifier's page: it checks receipts in the reader's browser, and asks us for nothing."""

import re
from functools import cache

from starlette.requests import Request
from starlette.responses import Response

from holdfire.errors import NotFound
from holdfire.settings import shipped
from holdfire.web.shelf import Served

PAGE = "static/dist/verify.html"
HOUR = 3_600  # seconds
POLICY = re.compile(rb'<meta http-equiv="Content-Security-Policy" content="([^"]+)"')


async def get_verify(request: Request) -> Response:
    """``GET /verify``: the same file that is in every court bundle, and that opens from a disc.

    Raises ``NotFound`` where the SDK was built without it.
    """
    served, policy = _page()
    body, encoding = served.encoded(request.headers.get("accept-encoding", ""))
    headers = {
        "cache-control": f"public, max-age={HOUR}",
        "content-security-policy": policy,
        "vary": "Accept-Encoding",
    }
    if encoding != "identity":
        headers["content-encoding"] = encoding
    return Response(body, headers=headers, media_type="text/html; charset=utf-8")


@cache
def _page() -> tuple[Served, str]:
    """The page, and the policy it states of itself, which as a header also keeps it out of frames.

    Our usual header would forbid the script and the style that stand in the page. The folder of
    page scripts may be another one; the verifier is the one that Holdfire came with.
    """
    try:
        body = shipped(PAGE).read_bytes()
    except OSError as error:
        raise NotFound("The verifier's page has not been built.") from error
    stated = POLICY.search(body)
    if stated is None:
        raise NotFound("The verifier's page states no policy, so it is not served.")
    return Served.of(body), f"{stated[1].decode('ascii')}; frame-ancestors 'none'"
