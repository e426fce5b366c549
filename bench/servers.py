"""The service and the bare application it is held against, on equal server settings."""

import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn

from holdfire import app, serving
from house import demo_site, settings

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


def main(kind: str, folder: str) -> None:
    """Listen on a free loopback port and say which."""
    chosen = settings(Path(folder))
    site = demo_site()
    built: Any = bare
    if kind == "service":
        built = app.build(chosen, {site.id: site}, prebuild=False)
    listener = socket.create_server(("127.0.0.1", 0), backlog=serving.BACKLOG)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    config = serving.config(built, chosen, "127.0.0.1", 0)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
