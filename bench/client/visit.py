"""One page view in a real Chromium, with a profile of its own and so with a cold cache."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any, NamedTuple

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, Playwright

from bench.client.contenders import Contender
from bench.client.figures import blocking, interaction, presentation
from bench.client.findings import Sample

PROBE = (Path(__file__).parent / "probe.js").read_text()
WAIT_MS = 20_000.0  # for anything that has to come; then the view is a fault
CLICK_MS = 700.0  # for the paint after a click, at 4×, to be reported
CLICK_SLOWDOWN = 4
QUIET = (
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Conditions(NamedTuple):
    """A network and a processor."""

    name: str
    latency_ms: float  # of each request
    bytes_per_second: float  # -1: as fast as it goes
    slowdown: int  # of the processor
    watch_ms: float  # how long a page is watched, from the start of its navigation


FAST = Conditions("fast", 0, -1, 1, 1_200)
SLOW = Conditions("slow", 150, 200_000, 4, 3_000)  # 1.6 Mbit/s
UNHURRIED = Conditions("unhurried", 0, -1, 1, 2_000)  # where nothing is timed


def chromium(playwright: Playwright) -> Browser:
    """Start Debian's Chromium."""
    program = which("chromium")
    assert program, "chromium is missing; install it: apt-get install chromium"
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()  # root cannot have one
    return playwright.chromium.launch(executable_path=program, args=[*QUIET, *sandbox])


@contextmanager
def profile(browser: Browser, contender: Contender) -> Iterator[BrowserContext]:
    """A visitor who has never been anywhere, with the probe in every page."""
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(WAIT_MS)
    context.add_init_script(f"({PROBE.strip().rstrip(';')})({json.dumps(contender.accept)})")
    try:
        yield context
    finally:
        context.close()


def open_page(context: BrowserContext, conditions: Conditions) -> tuple[Page, CDPSession]:
    """An empty page under these conditions."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    if conditions.bytes_per_second > 0:
        session.send("Network.enable")
        session.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": conditions.latency_ms,
                "downloadThroughput": conditions.bytes_per_second,
                "uploadThroughput": conditions.bytes_per_second,
            },
        )
    slow_down(session, conditions.slowdown)
    return page, session


def slow_down(session: CDPSession, times: int) -> None:
    """Make the page's processor this many times slower."""
    session.send("Emulation.setCPUThrottlingRate", {"rate": times})


def settle(page: Page, base: str, contender: Contender, conditions: Conditions) -> None:
    """Load the page, leave it alone for as long as it is watched, and see that its banner came.

    The first question that Playwright asks of a page brings all of its own script into it, which
    at a quarter of the speed keeps the page longer than any banner does.
    """
    begun = time.monotonic()
    page.goto(f"{base}/{contender.name}", wait_until="load")
    left = conditions.watch_ms - (time.monotonic() - begun) * 1_000
    page.wait_for_timeout(max(left, 300))
    if contender.accept:
        page.wait_for_function("() => bench.visible() !== null", polling=50)


def click(page: Page, selector: str) -> None:
    """A real click in the middle of an element; nothing of ours runs between it and its handler."""
    x, y = page.evaluate("selector => bench.middle(selector)", selector)
    page.mouse.click(x, y)


def until(page: Page, selector: str, *, shown: bool) -> None:
    """Wait until an element is, or is no longer, to be seen."""
    page.wait_for_function(
        "([selector, shown]) => bench.shown(selector) === shown", arg=[selector, shown], polling=50
    )


def view(browser: Browser, base: str, contender: Contender, conditions: Conditions) -> Sample:
    """One view, then one click at 4×: accept where the view was slow, reject where it was fast."""
    with profile(browser, contender) as context:
        page, session = open_page(context, conditions)
        settle(page, base, contender, conditions)
        seen: Any = page.evaluate("() => bench.figures()")
        sample = Sample(
            visible=seen["visible"],
            paint=seen["paint"],
            blocking=blocking(seen["long"]),
            shift=seen["shift"],
            requests=seen["requests"],
        )
        if not contender.accept:
            return sample
        slow_down(session, CLICK_SLOWDOWN)
        click(page, contender.accept if conditions is SLOW else contender.reject)
        page.wait_for_timeout(CLICK_MS)
        clicks: Any = page.evaluate("() => bench.clicks()")
        slow_down(session, 1)
        until(page, contender.accept, shown=False)
        events, witnessed = clicks["events"], clicks["clicked"]
        return sample._replace(
            click=interaction(events, witnessed), presentation=presentation(events)
        )
