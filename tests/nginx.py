"""A real nginx in a folder of its own: what every one needs, and what owners put in front of us."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from visits import stop

from ports import free_port, listening

CONFIGURATION = """\
{user}daemon off;
worker_processes 1;
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
{http}
    server {{
        listen 127.0.0.1:{port}{tls};
{server}
    }}
}}
"""

TLS = """\
        ssl_certificate {folder}/cert.pem;
        ssl_certificate_key {folder}/key.pem;
"""

UNDER_A_PATH = """\
        root {folder}/page;
        location /consent/ {{
            proxy_pass http://127.0.0.1:{service}/;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
"""
TYPES = "    types { text/html html; image/gif gif; }"

UPSTREAM = "    upstream service {{ server 127.0.0.1:{service}; keepalive 1; }}"
"""One connection upstream, and kept: whoever comes next is answered on the same."""

IN_FRONT = """\
        location / {
            proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
        }
"""


@contextmanager
def nginx(
    folder: Path, port: int, server: str, http: str = "", *, tls: bool = False
) -> Iterator[None]:
    """Run nginx on a port, with these lines in its ``server`` and in its ``http``."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    assert Path(program).exists(), "nginx is missing; install it: apt-get install nginx-light"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    if tls:
        certify(folder)
        server = TLS.format(folder=folder) + server
    user = "user root;\n" if os.geteuid() == 0 else ""  # or it could not read our folder
    (folder / "nginx.conf").write_text(
        CONFIGURATION.format(
            user=user, folder=folder, port=port, tls=" ssl" * tls, http=http, server=server
        )
    )
    command = [program, "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"]
    process = subprocess.Popen(command, text=True, stderr=subprocess.DEVNULL)
    try:
        listening(port)
        yield
    finally:
        stop(process)


def certify(folder: Path) -> None:
    """A key, and a certificate for this machine."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"),
        ],
        check=True,
        capture_output=True,
    )


@contextmanager
def under_a_path(folder: Path, port: int, service: int) -> Iterator[None]:
    """With TLS: the pages of a shop at the root, the service under ``/consent/``."""
    server = UNDER_A_PATH.format(folder=folder, service=service)
    with nginx(folder, port, server, TYPES, tls=True):
        yield


@contextmanager
def fronted(folder: Path, service: int) -> Iterator[int]:
    """In front of all of a service, as an owner sets one up; yields its port."""
    port = free_port()
    with nginx(folder, port, IN_FRONT, UPSTREAM.format(service=service)):
        yield port
