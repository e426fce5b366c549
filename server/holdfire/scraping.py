"""Metrics on a second listener, beside the service and on an address of this machine alone."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from holdfire.errors import ConfigError, StoreUnavailable
from holdfire.metrics import MEDIA_TYPE, exposition
from holdfire.retention import spool
from holdfire.serving import Beside, listen
from holdfire.settings import Settings
from holdfire.web.house import House

LOG = logging.getLogger("holdfire")
PATIENCE_SECONDS = 1.0  # what a scrape waits for the store
CONNECTIONS = 16
HERE = frozenset({"127.0.0.1", "localhost", "[::1]"})
TEXT = "text/plain; charset=utf-8"


@asynccontextmanager
async def measured(
    application: Starlette, settings: Settings, port: int | None
) -> AsyncIterator[str]:
    """Serve the application's metrics meanwhile, and say where; "" where nobody does.

    ``None`` is no port, 0 any free one. A port that is taken stops nothing: the service goes on
    unmeasured, and the log says so.
    """
    if port is None:
        yield ""
        return
    host = settings.metrics_host
    try:
        listener = listen(host, port, told_by=("settings", "metrics_port"))
    except ConfigError as error:
        LOG.warning("no metrics are served: %s", error)
        yield ""
        return
    with listener:
        server = Beside(_config(metrics_app(application, settings)))
        task = asyncio.create_task(server.serve([listener]), name="holdfire-metrics")
        task.add_done_callback(_tell)
        try:
            yield f"{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}/metrics"
        finally:
            server.should_exit = True
            await asyncio.wait([task])


def _config(application: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http="h11",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        limit_concurrency=CONNECTIONS,
    )


def _tell(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        LOG.error("metrics are no longer served: %s", type(error).__name__, exc_info=error)


def metrics_app(application: Starlette, settings: Settings) -> ASGIApp:
    """``GET /metrics`` and nothing else, for who names this machine.

    A page in a browser here that has its own name point at this machine (DNS rebinding) names that
    in ``Host``, and is refused.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 -- ASGI
        status, body, kind = await _answered(scope)
        headers = [
            (b"content-type", kind.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answered(scope: Scope) -> tuple[int, bytes, str]:
        if _host(scope) not in HERE:
            return 421, b"Metrics are for this machine.\n", TEXT
        if scope["path"] != "/metrics":
            return 404, b"Metrics are at /metrics.\n", TEXT
        if scope["method"] != "GET":
            return 405, b"Metrics are read.\n", TEXT
        house: House | None = getattr(application.state, "house", None)
        if house is None:
            return 503, b"The service has not begun.\n", TEXT
        gauges = await _gauges(house, application, settings)
        return 200, exposition(house.metrics, version("holdfire"), gauges), MEDIA_TYPE

    return answer


def _host(scope: Scope) -> str:
    """The one host that is named, without its port."""
    found: list[str] = [
        value.decode("latin-1") for name, value in scope["headers"] if name == b"host"
    ]
    if len(found) != 1:
        return ""
    host, colon, port = found[0].rpartition(":")
    return host if colon and port.isdigit() else found[0]


async def _gauges(house: House, application: Starlette, settings: Settings) -> dict[str, float]:
    """What is read now."""
    health = application.state.publisher.health
    folder = Path(settings.data_dir) / spool.NAME
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await house.ctx.store.readable()
        up = True
    except (StoreUnavailable, TimeoutError):  # lost is nothing: that it is away is what is told
        up = False
    return {
        "holdfire_store_up": up,
        "holdfire_store_waiting": house.ctx.store.waiting,
        "holdfire_log_entries": health.size,
        "holdfire_log_unsigned_entries": max(0, health.size - health.signed_size),
        "holdfire_log_unsigned_seconds": health.oldest_unsigned_seconds,
        "holdfire_log_held": health.held is not None,
        "holdfire_erasures_waiting": len(list(folder.glob(spool.WHOLE + spool.REQUEST))),
    }
