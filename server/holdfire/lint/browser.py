"""The browser the lint looks through: found, started, and ended again by whoever started it.

Playwright is an extra (``pip install 'holdfire[scan]'``), and this is the only module that asks for
it: it can then say what is missing. It does so when somebody wants to look, not when it is read:
every other verb of the command line would wait for Playwright too.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

from holdfire.errors import ConfigError, Problem

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Error, Playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_MS = 30_000


class Unavailable(ConfigError):
    """There is no browser to look through: install what the message names."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__((Problem("lint", "(browser)", what, remedy),))


@contextmanager
def chromium() -> Iterator[Browser]:
    """A Chromium of our own, ended on the way out. Raises ``Unavailable``."""
    with _playwright().sync_playwright() as playwright:
        started = _start(playwright)
        try:
            yield started
        finally:
            started.close()


def failure() -> type[Error]:
    """What Playwright raises: for an ``except``, which asks only once something was raised."""
    raised: type[Error] = _playwright().Error
    return raised


def _playwright() -> Any:
    try:
        return importlib.import_module("playwright.sync_api")  # 0.15 s, for who looks only
    except ImportError as missing:
        remedy = "pip install 'holdfire[scan]'"
        raise Unavailable("Playwright is not installed", remedy) from missing


def _start(playwright: Playwright) -> Browser:
    bundled = Path(playwright.chromium.executable_path)
    program = str(bundled) if bundled.exists() else next(filter(None, map(which, PROGRAMS)), None)
    if program is None:
        raise Unavailable("no Chromium found", "playwright install chromium, or install chromium")
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()  # root cannot have one
    try:
        return playwright.chromium.launch(
            executable_path=program, args=[*QUIET, *sandbox], timeout=START_MS
        )
    except failure() as error:
        raise Unavailable(
            f"{program} does not start: {_first_line(error)}", "try it by hand"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
