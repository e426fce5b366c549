"""How uvicorn is run: one process, loopback unless told otherwise, nothing about visitors logged."""

import uvicorn
from starlette.applications import Starlette

from holdfire.settings import Settings

IDLE_SECONDS = 15  # a kept connection that says nothing longer than this is somebody else's place
BACKLOG = 2_048
CONCURRENCY = 4_096  # beyond it uvicorn answers 503, which every caller reads as "no"


def config(application: Starlette, settings: Settings, host: str, port: int) -> uvicorn.Config:
    """The server's configuration. Proxy headers are read by ``visitor`` alone, never by uvicorn."""
    return uvicorn.Config(
        application,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,  # its lines hold the visitor's address
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=settings.graceful_seconds,
        backlog=BACKLOG,
        limit_concurrency=CONCURRENCY,
    )
