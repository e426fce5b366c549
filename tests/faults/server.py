"""Servers to be killed: each is a whole Holdfire on one database, listening on one port.

``python server.py`` reads lines ``FOLDER <tab> PORT`` and for each forks one server, printing its id
at once and ``gone`` when it has been killed. Forked, because starting an interpreter would take
longer than the storm.
"""

import os
import sys
from pathlib import Path

import uvicorn

from holdfire import app, serving
from house import demo_site, settings


def run(folder: Path, port: int) -> None:
    """Serve until killed."""
    chosen = settings(folder)
    site = demo_site()
    built = app.build(chosen, {site.id: site}, prebuild=False)
    uvicorn.Server(serving.config(built, chosen, "127.0.0.1", port)).run()


def serve() -> None:
    """Fork a server for each line, one at a time."""
    for line in sys.stdin:
        folder, port = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            run(Path(folder), int(port))
            os._exit(0)
        print(child, flush=True)  # noqa: T201 - how it answers
        os.waitpid(child, 0)
        print("gone", flush=True)  # noqa: T201 - how it answers


if __name__ == "__main__":
    serve()
