"""The browser the lint looks through: found, started, and ended again by whoever started it.

Playwright is an extra (``pip install 'holdfire[scan]'``), and this is the only module that lives
without it: it can then say what is missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

from holdfire.errors import ConfigError, Problem

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

try:
    from playwright.sync_api import Error, sync_playwright
except ImportError:  # the extra is not installed; ``chromium`` says so when it is asked for
    Error = RuntimeError  # type: ignore[misc, assignment]  # never raised without Playwright
    sync_playwright = None  # type: ignore[assignment]  # what a missing extra leaves behind

__all__ = ["Error", "Unavailable", "chromium"]

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
    if sync_playwright is None:
        raise Unavailable("Playwright is not installed", "pip install 'holdfire[scan]'")
    with sync_playwright() as playwright:
        started = _start(playwright)
        try:
            yield started
        finally:
            started.close()


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
    except Error as error:
        raise Unavailable(
            f"{program} does not start: {_first_line(error)}", "try it by hand"
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
