"""The service, and the bare applications it is held against, on equal server settings."""

import json
import resource
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.asking import INSIDE
from holdfire import app, serving
from holdfire.settings import Settings
from house import demo_site, settings

_STATM = Path("/proc/self/statm")
BODY = b'{"site":"demo","service":"posthog","category":"analytics","allow":false}'


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """The least an ASGI application can do: one JSON answer, ready made."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


async def _echo(request: Request) -> Response:
    return JSONResponse(await request.json(), 201)


async def _inside(request: Request) -> Response:
    """What only the process itself knows: how its cache did, and its memory in bytes."""
    metrics = request.app.state.house.metrics
    pages = _STATM.read_text().split()[1]  # noqa: ASYNC240 -- a file of the kernel's, at once there
    found = {
        "cache": {what: count for (_, what), count in metrics.cache.items()},
        "entries": {name: count() for name, count in metrics.entries.items()},
        "rss": int(pages) * resource.getpagesize(),
    }
    return Response(json.dumps(found))


def application(kind: str, chosen: Settings) -> Any:
    """``bare``, ``echo`` (Starlette, a JSON body sent back) or ``service``."""
    if kind == "bare":
        return bare
    if kind == "echo":
        return Starlette(routes=[Route("/", _echo, methods=["POST"])])
    site = demo_site()
    inside = [Route(INSIDE, _inside)]
    whole = serving.in_one_piece
    return app.build(chosen, {site.id: site}, prebuild=False, extra_routes=inside, whole=whole)


def main(kind: str, folder: str) -> None:
    """Listen on a free loopback port and say which."""
    chosen = settings(Path(folder), limit_site_per_second=0)  # what it can, not what it may
    built = application(kind, chosen)
    listener = socket.create_server(("127.0.0.1", 0), backlog=serving.BACKLOG)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    config = serving.config(built, chosen, "127.0.0.1", 0)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
