"""Holdfire as owners install it: under a path of the site's own host, or on a host of its own."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from visits import stop

from holdfire.serving import config
from holdfire.settings import Settings
from ports import free_port, ready

SITE = """\
name = "Shop"
origins = ["{origin}"]
default_language = "en"
languages = ["en"]

[links]
privacy_policy = "https://shop.example/privacy"

[[category]]
id = "necessary"

[[category]]
id = "marketing"
sale = true

[[service]]
id = "pixel"
name = "Pixel"
category = "marketing"
provider = "Somebody"
hosts = ["127.0.0.1"]
"""

PAGE = """\
<!doctype html>
<html lang="en">
<title>Shop</title>
{snippet}
<p>A page of the shop.</p>
<img alt="" data-category="marketing" data-service="pixel" data-src="{pixel}">
<a data-holdfire="preferences" href="#">Cookie settings</a>
</html>
"""


@contextmanager
def threaded(application: Starlette, options: Settings, listener: socket.socket) -> Iterator[None]:
    """Serve an application from a thread of this process, on a socket that listens already."""
    port: int = listener.getsockname()[1]
    server = uvicorn.Server(config(application, options, "127.0.0.1", port))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def serving(folder: Path, origin: str, **settings: str) -> Iterator[int]:
    """``holdfire serve`` for one site whose pages are at ``origin``; yields the port."""
    sites = folder / "sites"
    sites.mkdir(parents=True)
    (sites / "shop.toml").write_text(SITE.format(origin=origin))
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "holdfire", "serve"],
        cwd=folder,
        env={
            **os.environ,
            "HOLDFIRE_PORT": str(port),
            "HOLDFIRE_SITES_DIR": str(sites),
            "HOLDFIRE_LOG_LEVEL": "error",
            **settings,
        },
        text=True,
    )
    try:
        ready(f"http://127.0.0.1:{port}/readyz")
        yield port
    finally:
        stop(process)


@contextmanager
def pages(folder: Path) -> Iterator[int]:
    """A plain web server for a folder of pages; yields the port."""

    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- its name above
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def write_page(folder: Path, base: str, pixel: str) -> None:
    """Write the shop's page with the snippet that the command line prints."""
    folder.mkdir(parents=True, exist_ok=True)
    snippet = (
        "<script>window.holdfire=window.holdfire||[]</script>\n"
        f'<script async src="{base}/s/shop.js"></script>'
    )
    (folder / "index.html").write_text(PAGE.format(snippet=snippet, pixel=pixel))
