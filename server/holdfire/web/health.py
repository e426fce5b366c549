"""Whether the service is alive, and whether it can record."""

from starlette.requests import Request
from starlette.responses import Response

from holdfire.web.house import house_of, json_response


async def healthz(request: Request) -> Response:  # noqa: ARG001 -- the endpoint signature
    """``GET /healthz``: the process answers."""
    return json_response({"status": "alive"})


async def readyz(request: Request) -> Response:
    """``GET /readyz``: a choice could be recorded durably now. Raises ``StoreUnavailable``."""
    await house_of(request).ctx.store.ready()
    return json_response({"status": "ready"})
