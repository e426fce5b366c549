"""One visitor's page in the browser: opened, waited for, measured, pressed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from holdfire.errors import ConfigError, Problem
from holdfire.lint.browser import Error
from holdfire.lint.measurement import Control, Measurement

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Response

MEASURE = (
    (Path(__file__).parent / "measure.js").read_text(encoding="utf-8").strip().removesuffix(";")
)
PROMPT = """
async () => {
  const holdfire = window.holdfire;
  if (Array.isArray(holdfire)) return "awaited";
  if (!holdfire?.ready) return null;
  const patience = new Promise((done) => setTimeout(() => done(null), 2000));
  return (await Promise.race([holdfire.ready, patience]))?.prompt ?? null;
}
"""
FRAMES = "() => new Promise((d) => requestAnimationFrame(() => requestAnimationFrame(() => d())))"
UNFOLD = """
() => {
  const roots = [document, ...[...document.querySelectorAll("*")].map((e) => e.shadowRoot)];
  for (const root of roots.filter(Boolean)) {
    for (const folded of root.querySelectorAll("details")) folded.open = true;
  }
}
"""
LOAD_MS, PRESS_MS = 20_000, 3_000
BANNER_SECONDS = 5.0  # after which a banner that was to come is not coming
SILENT_SECONDS = 1.5  # a page where nothing is to come by itself is given so long to show it
CHANGE_SECONDS = 1.5  # and so long to answer a click
POLL_MS = 50
ASKING = {"banner", "notice", "awaited"}  # prompts that draw a layer, or may still come to be


class Visit:
    """A page of one browser profile. Everything raises ``ConfigError`` if the page cannot be had."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self._scripts: list[Response] = []
        self.page: Page = context.new_page()
        self.page.on("response", self._hear)

    def open(self) -> None:
        """Load the page and wait until its banner is there, or is not to be expected."""
        try:
            self.page.goto(self.url, wait_until="load", timeout=LOAD_MS)
        except Error as error:
            what = str(error).splitlines()[0]
            problem = Problem(self.url, "(page)", what, "name a page that can be loaded from here")
            raise ConfigError((problem,)) from error
        self._settle()

    def boot(self) -> dict[str, Any] | None:
        """What the page's boot script was given, if it has one."""
        for script in self._scripts:
            try:
                told = boot_of(script.text())
            except Error:
                continue  # a page that was left takes its bodies with it
            if told is not None:
                return told
        return None

    def measure(self) -> Measurement:
        """Look at it as it stands."""
        return msgspec.convert(self.page.evaluate(MEASURE, None), Measurement)

    def press(self, index: int) -> bool:
        """Press a control as a visitor does, and wait for what comes of it; ``False`` if one cannot."""
        before = self._state()
        element = self.page.evaluate_handle(MEASURE, index).as_element()
        if element is None:
            return False
        try:
            element.click(timeout=PRESS_MS, no_wait_after=True)
        except Error:
            return False
        self._changed(before)
        return True

    def turn(self, on: str) -> int:
        """Turn every switch "on" or "off"; how many were turned."""
        turned: int = self.page.evaluate(MEASURE, on)
        return turned

    def show_preferences(self) -> bool:
        """Open the preference centre, unfolded; ``False`` if there is none."""
        if self.page.evaluate("() => typeof window.holdfire?.show === 'function'"):
            before = self._state()
            self.page.evaluate("() => { window.holdfire.show('preferences') }")
            self._changed(before)
        else:
            doors = [c for c in self.measure().controls if c.role in DOORS and reachable(c)]
            if not doors or not self.press(doors[0].index):
                return False
        if self.measure().layer(2) is None:
            return False
        self.page.evaluate(UNFOLD)
        self.page.wait_for_timeout(POLL_MS)  # folded parts are built when they open
        return True

    def dress(self, theme: str, width: int, height: int) -> None:
        """Change the theme and the size of the window, and wait until that is drawn."""
        self.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.evaluate(FRAMES)

    # ---------------------------------------------------------------- waiting

    def _settle(self) -> None:
        begun = time.monotonic()
        while time.monotonic() < begun + BANNER_SECONDS:
            prompt = self.page.evaluate(PROMPT)
            if self.page.evaluate(MEASURE, "ready"):
                break
            # Where nothing is asked, the way back is all there is to wait for.
            if prompt not in ASKING and any(c.usable for c in self.measure().loose):
                break
            if prompt not in ASKING and time.monotonic() > begun + SILENT_SECONDS:
                break
            self.page.wait_for_timeout(POLL_MS)
        self.page.evaluate(FRAMES)

    def _changed(self, before: object) -> None:
        end = time.monotonic() + CHANGE_SECONDS
        while time.monotonic() < end and self._state() == before:
            self.page.wait_for_timeout(POLL_MS)
        self.page.evaluate(FRAMES)

    def _state(self) -> object:
        """What a visitor would notice a change of."""
        return state(self.measure())

    def _hear(self, response: Response) -> None:
        path = response.url.partition("?")[0]
        if "/s/" in path and path.endswith(".js"):
            self._scripts.append(response)


DOORS = ("preferences", "settings")


def state(seen: Measurement) -> tuple[object, ...]:
    """What can be done on a page, so that two pages can be told to offer the same."""
    layers = tuple((layer.number, len(layer.switches)) for layer in seen.layers)
    return layers, tuple((c.role, c.element, c.usable) for c in seen.controls)


def reachable(control: Control) -> bool:
    """Whether a press can reach it, if need be after scrolling."""
    return control.usable and not (control.covered and control.shown > 0) and not control.leaves


def boot_of(script: str) -> dict[str, Any] | None:
    """What a boot script is called with, the object behind its core (``web/boot.py``)."""
    _, *rest = script.split("\n}(")
    for tail in rest:
        try:
            told, _ = json.JSONDecoder().raw_decode(tail)
        except ValueError:
            continue
        if isinstance(told, dict) and "rules" in told:
            return told
    return None
