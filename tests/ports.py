"""Ports of this machine: one that nobody has, and waiting until somebody answers on it."""

import socket
import time
from urllib.error import URLError
from urllib.request import urlopen

TRIES, EVERY = 400, 0.05  # seconds between two looks


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def listening(port: int) -> None:
    """Wait until somebody does."""
    for _ in range(TRIES):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(EVERY)
    raise AssertionError(f"nothing came up on port {port}")


def ready(url: str) -> None:
    """Wait until an address answers 200."""
    for _ in range(TRIES):
        try:
            with urlopen(url, timeout=2) as answer:  # noqa: S310 -- our own loopback address
                if answer.status == 200:
                    return
        except URLError:
            time.sleep(EVERY)
    raise AssertionError(f"{url} did not come up")
