"""The server of all contenders' pages: every file ready made in Brotli 11, nothing else.

``python -m bench.client.static_server FOLDER PORT``. It speaks to one browser, which accepts
Brotli, and runs on the same uvicorn as the service, so that neither side has a faster server.
"""

import logging
import sys
from pathlib import Path
from typing import Any, NamedTuple

import brotli
import uvicorn

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
}


class File(NamedTuple):
    """One answer, ready made."""

    headers: list[tuple[bytes, bytes]]
    body: bytes


def shelf(folder: Path) -> dict[str, File]:
    """Every file by its path; a page by its name without the suffix."""
    found = {}
    for path in folder.rglob("*.*"):
        name = f"/{path.relative_to(folder)}".removesuffix(".html")
        page = path.suffix == ".html"
        body = brotli.compress(path.read_bytes(), mode=brotli.MODE_TEXT, quality=11)
        found[name] = File(
            [
                (b"content-type", TYPES[path.suffix].encode()),
                (b"content-encoding", b"br"),
                (b"content-length", b"%d" % len(body)),
                (b"cache-control", b"no-cache" if page else b"public, max-age=31536000, immutable"),
                (b"vary", b"accept-encoding"),
            ],
            body,
        )
    return found


def application(files: dict[str, File]) -> Any:
    """The ASGI application."""
    missing = File([(b"content-length", b"0")], b"")

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        del receive  # nothing a request says beyond its path is read
        if scope["type"] != "http":
            return
        file = files.get(scope["path"], missing)
        status = 404 if file is missing else 200
        await send({"type": "http.response.start", "status": status, "headers": file.headers})
        await send({"type": "http.response.body", "body": file.body})

    return answer


def main(folder: str, port: str) -> None:
    """Serve until ended."""
    logging.basicConfig(level="WARNING")
    served = application(shelf(Path(folder)))
    uvicorn.run(
        served,
        host="127.0.0.1",
        port=int(port),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        server_header=False,
        log_config=None,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
