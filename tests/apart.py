"""A service in a process of its own: ``python apart.py FOLDER DESCRIPTOR SETTINGS``.

It has two sites, signs with a key that the tests know, and listens on a socket that it is handed.
"""

import json
import socket
import sys
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

from holdfire import app, serving
from holdfire.model import Site
from house import demo_site, settings

KEY = "k" * 64  # what visitor tokens are signed with, so that a test can come close to one
SHOP = "https://shop.example"
UNLIMITED: dict[str, Any] = {
    f"limit_{what}_per_second": 0 for what in ("network", "site", "key", "batch")
}
"""Settings for who asks more often than anybody may: what they ask is what is looked at."""


def sites() -> dict[str, Site]:
    """The demo site at an address of its own, and another beside it."""
    shipped = demo_site()
    texts = {language: shipped.texts[language] for language in ("en", "de")}
    demo = msgspec.structs.replace(shipped, origins=(SHOP,), texts=texts)
    other = msgspec.structs.replace(demo, id="other", origins=("https://other.example",))
    return {"demo": demo, "other": other}


def run(folder: Path, descriptor: int, more: dict[str, Any]) -> None:
    """Serve until ended."""
    more = {key: tuple(v) if isinstance(v, list) else v for key, v in more.items()}
    quiet = {"secret_keys": (KEY,), "log_level": "error", **UNLIMITED}
    options = settings(folder, **{**quiet, **more})
    built = app.build(options, sites(), prebuild=False)
    with socket.socket(fileno=descriptor) as listener:
        port = listener.getsockname()[1]
        uvicorn.Server(serving.config(built, options, "127.0.0.1", port)).run([listener])


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3]))
