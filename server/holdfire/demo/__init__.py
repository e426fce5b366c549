"""``holdfire demo``: the service, a shop with tags to hold, and the third party they belong to.

Two servers in one process, each on an origin of its own, so that what crosses from the one to
the other is a real request that a browser makes, shows and counts.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvicorn

from holdfire import app, scraping, serving
from holdfire.demo.collector import Tally, third_party
from holdfire.demo.gallery import variants
from holdfire.demo.shop import SITE, demo_site, shop
from holdfire.errors import ConfigError
from holdfire.settings import Settings, shipped
from holdfire.sites import load_locales, load_sites

UP = """\
A shop page with seven tags to hold, and a panel that says what holds them:
  {own}/
The same page, standing elsewhere:
  {own}/?geo=DE      Germany, which asks first
  {own}/?geo=US-CA   California, where Global Privacy Control is binding
Every surface, theme and language of the interface:
  {own}/gallery
What has reached the third party:
  {third}/hits.json
What the service counts of itself, for Prometheus:
  {measured}
Stop with Ctrl-C."""


async def serve_demo(settings: Settings, host: str, port: int) -> int:
    """Serve the demo until it is told to stop; ``port`` 0 takes any free one.

    The third party listens on the next port, or on any free one where that is taken. Returns the
    exit code. Raises ``ConfigError`` for what must be mended first.
    """
    # The panel asks every second: its requests would bury what is said here.
    for chatter in ("holdfire.access", "uvicorn.error"):
        logging.getLogger(chatter).setLevel(logging.WARNING)
    with _listen(host, port) as own, _listen_beside(host, _port(own)) as beside:
        mine, theirs = _port(own), _port(beside)
        origins = (f"http://{host}:{mine}", f"http://localhost:{mine}")
        third = f"http://{host}:{theirs}"
        settings = _settings(settings)
        tally = Tally()
        found = load_sites(shipped("config/sites"), load_locales(settings.locales_path))
        site = demo_site(found[SITE], origins, third)
        more = variants(site)
        application = app.build(
            settings,
            {SITE: site, **more},
            demo=True,
            extra_routes=shop(settings.static_path, third, tally),
            rare=more,
            whole=serving.in_one_piece,
        )
        collector = third_party(settings.static_path, tally)
        servers = (
            _Server(serving.config(application, settings, host, mine), own),
            _Server(serving.config(collector, settings, host, theirs), beside),
        )
        async with scraping.measured(application, settings, 0) as measured:
            await _serve(servers, UP.format(own=origins[0], third=third, measured=measured))
    return 0


class _Server(serving.Beside):
    """One of the two: it says when it is up, and leaves the signals to both together."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        super().__init__(config)
        self.listener = listener
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


async def _serve(servers: Sequence[_Server], message: str) -> None:
    """Run all servers, say ``message`` once they are up, and stop them together."""

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    async with asyncio.TaskGroup() as group:
        for server in servers:
            group.create_task(server.serve([server.listener]))
        for server in servers:
            await server.up.wait()
        print(message, flush=True)  # noqa: T201 -- saying where to look is its job


def _settings(settings: Settings) -> Settings:
    """The operator's settings, so that every other verb finds what the demo recorded.

    Where the owner has sites of their own the demo keeps apart: a log is for good, and what is
    tried out does not belong into it.
    """
    apart = bool(settings.sites_dir)
    folder = Path(settings.data_dir) / "demo" if apart else Path(settings.data_dir)
    if not apart and settings.database != Settings().database:
        return settings
    return msgspec.structs.replace(
        settings, data_dir=str(folder), database=f"sqlite:///{folder / 'holdfire.db'}"
    )


def _listen(host: str, port: int) -> socket.socket:
    return serving.listen(host, port, told_by=("command line", "--port"))


def _listen_beside(host: str, port: int) -> socket.socket:
    """The next port, which is easy to guess, or else any."""
    try:
        return _listen(host, port + 1)
    except ConfigError:
        return _listen(host, 0)


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port
