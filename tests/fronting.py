"""A real nginx in front of a service, as an owner sets one up."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hosting import free_port, listening
from visits import stop

NGINX = """\
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
    upstream service {{ server 127.0.0.1:{service}; keepalive 1; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://service;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
        }}
    }}
}}
"""
"""One connection upstream, and kept: whoever comes next is answered on the same."""


@contextmanager
def fronted(folder: Path, service: int) -> Iterator[int]:
    """A real nginx in front of a service, as an owner sets one up; yields its port."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    assert Path(program).exists(), "nginx is missing; install it: apt-get install nginx-light"
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    user = "user root;\n" if os.geteuid() == 0 else ""  # or it could not read our folder
    text = NGINX.format(folder=folder, port=port, service=service, user=user)
    (folder / "nginx.conf").write_text(text)
    command = [program, "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"]
    process = subprocess.Popen(command, text=True)
    try:
        listening(port)
        yield port
    finally:
        stop(process)
