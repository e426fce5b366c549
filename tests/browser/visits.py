"""A real demo server and a real Chromium; what a page requests is watched on the network."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    Request,
    sync_playwright,
)

from holdfire.lint.browser import QUIET

SETTLE_MS = 700  # how long a page that should stay silent is watched


@dataclass(frozen=True)
class Demo:
    """A running demo."""

    own: str  # origin of the shop
    third: str  # origin of the third party


def start_demo(folder: Path, port: int = 0) -> tuple[subprocess.Popen[str], Demo]:
    """Start ``holdfire demo`` and wait until it says where to look."""
    process = subprocess.Popen(
        [sys.executable, "-m", "holdfire", "demo", "--port", str(port)],
        env={**os.environ, "HOLDFIRE_DATA_DIR": str(folder), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "Ctrl-C" in line:
            break
    addresses = re.findall(r"(http://127\.0\.0\.1:\d+)/(?:\n|hits)", said)
    assert len(addresses) == 2, f"the demo did not start: {said}"
    return process, Demo(*addresses)


def stop(process: subprocess.Popen[str]) -> None:
    """End a server we started, by its own id, and see it end."""
    process.send_signal(signal.SIGTERM)
    with process:  # closes the pipe
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One demo for all tests; every test has a browser profile of its own."""
    process, found = start_demo(tmp_path_factory.mktemp("demo"))
    yield found
    stop(process)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. Ended with each module: while Playwright runs, no async test can."""
    with sync_playwright() as playwright:
        started = chromium(playwright)
        yield started
        started.close()


def chromium(playwright: Playwright) -> Browser:
    """Start Debian's Chromium; a missing one fails the run."""
    return playwright.chromium.launch(**launching())


def launching(*more: str) -> dict[str, Any]:
    """How Debian's Chromium is started: its program, and its arguments with some more."""
    program = which("chromium")
    assert program, "chromium is missing; install it: apt-get install chromium"
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()  # root cannot have one
    return {"executable_path": program, "args": [*QUIET, *sandbox, *more]}


@dataclass
class Profile:
    """A browser profile, and everything its pages asked the network for or threw."""

    context: BrowserContext
    requests: list[Request] = field(default_factory=list, init=False)
    faults: list[str] = field(default_factory=list, init=False)

    def load(self, address: str, **more: Any) -> Page:
        """Load a page in a tab of its own."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.goto(address, **more)
        return page


P = TypeVar("P", bound=Profile)


@contextmanager
def watched(who: P) -> Iterator[P]:
    """Watch what its pages ask for, and end it; a page that threw fails the test."""
    who.context.set_default_timeout(10_000)
    who.context.on("request", lambda request: who.requests.append(request))
    try:
        yield who
        assert not who.faults, who.faults
    finally:
        who.context.close()


@dataclass
class Visit(Profile):
    """One visitor of the shop."""

    demo: Demo

    def open(self, place: str = "DE", path: str = "/", **more: Any) -> Page:
        """Open the shop, standing somewhere, and wait until Holdfire is ready."""
        page = self.load(f"{self.demo.own}{path}?geo={place}", **more)
        page.evaluate("() => window.holdfire.ready")
        return page

    def settle(self, page: Page) -> None:
        """Give a page every chance to do what it must not."""
        page.wait_for_timeout(SETTLE_MS)

    def third_party(self) -> list[str]:
        """Method and path of every request that went to the third party's origin."""
        return [
            f"{r.method} {urlsplit(r.url).path}"
            for r in self.requests
            if r.url.startswith(self.demo.third)
        ]

    def forget(self) -> None:
        """Watch from here on."""
        self.requests.clear()

    def cookies(self) -> set[str]:
        """The names of all cookies the browser holds."""
        return {cookie["name"] for cookie in self.context.cookies()}


@pytest.fixture
def visit(browser: Browser, demo: Demo) -> Iterator[Visit]:
    """A fresh visitor with nothing special about them."""
    with visitor(browser, demo) as found:
        yield found


@contextmanager
def visitor(browser: Browser, demo: Demo, *, gpc: bool = False, **options: Any) -> Iterator[Visit]:
    """A fresh visitor with a profile of its own; a page that threw fails the test."""
    if gpc:
        options = {"extra_http_headers": {"Sec-GPC": "1"}, **options}
    context = browser.new_context(**options)
    if gpc:
        context.add_init_script(
            "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl',"
            "{get: () => true, configurable: true})"
        )
    with watched(Visit(context, demo)) as found:
        yield found
