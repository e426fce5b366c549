"""Servers to be killed: each is a whole Holdfire on one database, listening on a port of its own.

``python server.py`` reads lines that name a FOLDER and for each forks one server, printing ``ID <tab>
PORT`` at once and ``gone`` when it has been killed. The port is listened on before the fork: whoever
comes early waits to be accepted. Forked, because starting an interpreter would take longer than the
storm; and law and scripts, which no storm changes, are read once for all of them.
"""

import os
import socket
import sys
from pathlib import Path
from unittest import mock

import uvicorn

from holdfire import app, serving
from house import demo_site, settings


def run(folder: Path, listener: socket.socket) -> None:
    """Serve until killed."""
    chosen = settings(folder)
    site = demo_site()
    built = app.build(chosen, {site.id: site}, prebuild=False)
    uvicorn.Server(serving.config(built, chosen, "127.0.0.1", 0)).run([listener])


def serve() -> None:
    """Fork a server for each line, one at a time."""
    for line in sys.stdin:
        listener = serving.listen("127.0.0.1", 0)
        child = os.fork()
        if child == 0:
            run(Path(line.rstrip("\n")), listener)
            os._exit(0)
        print(child, listener.getsockname()[1], sep="\t", flush=True)  # noqa: T201 - how it answers
        listener.close()  # or a connection could be made to one that is dead
        os.waitpid(child, 0)
        print("gone", flush=True)  # noqa: T201 - how it answers


def main() -> None:
    """Read what all of them have in common, and serve."""
    chosen = settings(Path(os.devnull))
    law, shown = app.open_law(chosen), app._shown(chosen, (demo_site(),))
    with (
        mock.patch.object(app, "open_law", return_value=law),
        mock.patch.object(app, "_shown", return_value=shown),
    ):
        serve()


if __name__ == "__main__":
    main()
