"""Holdfire as owners install it: under a path of the site's own host, or on a host of its own."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import uvicorn
from starlette.applications import Starlette
from visits import stop

from holdfire.serving import config
from holdfire.settings import Settings

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

NGINX = """\
{user}daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    types {{ text/html html; image/gif gif; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/cert.pem;
        ssl_certificate_key {folder}/key.pem;
        root {folder}/page;

        location /consent/ {{
            proxy_pass http://127.0.0.1:{service}/;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}
}}
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


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def listening(port: int) -> None:
    """Wait until somebody does."""
    for _ in range(400):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing came up on port {port}")


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


def ready(url: str) -> None:
    """Wait until an address answers 200."""
    for _ in range(400):
        try:
            with urlopen(url, timeout=2) as answer:  # noqa: S310 -- our own loopback address
                if answer.status == 200:
                    return
        except URLError:
            time.sleep(0.05)
    raise AssertionError(f"{url} did not come up")


@contextmanager
def nginx(folder: Path, port: int, service: int) -> Iterator[None]:
    """Nginx with TLS: the shop's pages at the root, the service under ``/consent/``."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    assert Path(program).exists(), "nginx is missing; install it: apt-get install nginx-light"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"),
        ],
        check=True,
        capture_output=True,
    )
    (folder / "nginx.conf").write_text(
        NGINX.format(
            folder=folder,
            port=port,
            service=service,
            user="user root;\n" if os.geteuid() == 0 else "",  # or it could not read our folder
        )
    )
    folder.chmod(0o755)
    process = subprocess.Popen(
        [program, "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"], text=True
    )
    try:
        listening(port)
        yield
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
