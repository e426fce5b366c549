"""One visitor's page in the browser: opened, waited for, measured, pressed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from holdfire.errors import ConfigError, Problem
from holdfire.law import ASKING
from holdfire.lint.browser import failure
from holdfire.lint.measurement import Control, Measurement

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Response


def _script(name: str) -> str:
    text = (Path(__file__).parent / f"{name}.js").read_text(encoding="utf-8")
    return text.strip().removesuffix(";")


VERBS = f"""
([verb, given]) => {{
  const look = {_script("sight")};
  const measure = {_script("measure")};
  return ({_script("visit")})(look, measure)[verb](given);
}}
"""
LOAD_MS, PRESS_MS = 20_000, 3_000
BANNER_SECONDS = 5.0  # after which a banner that was to come is not coming
SILENT_SECONDS = 1.5  # a page where nothing is to come by itself is given so long to show it
CHANGE_SECONDS = 1.5  # and so long to answer a click
UNFOLD_MS = 50
POLL_MS = 20
AWAITED = [*ASKING, "awaited"]  # prompts that draw a layer, or may still come to be


class Visit:
    """A page of one browser profile. Everything raises ``ConfigError`` if the page cannot be had."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self._scripts: list[Response] = []
        self._dress: tuple[str, tuple[int, int]] = ("", (0, 0))  # not known yet
        self.page: Page = context.new_page()
        self.page.on("response", self._hear)

    def open(self) -> None:
        """Load the page and wait until its banner is there, or is not to be expected."""
        try:
            self.page.goto(self.url, wait_until="load", timeout=LOAD_MS)
        except failure() as error:
            what = str(error).splitlines()[0]
            problem = Problem(self.url, "(page)", what, "name a page that can be loaded from here")
            raise ConfigError((problem,)) from error
        self._settle()

    def boot(self) -> dict[str, Any] | None:
        """What the page's boot script was given, if it has one."""
        for script in self._scripts:
            try:
                told = boot_of(script.text())
            except failure():
                continue  # a page that was left takes its bodies with it
            if told is not None:
                return told
        return None

    def measure(self) -> Measurement:
        """Look at it as it stands."""
        return msgspec.json.decode(self._do("measure"), type=Measurement)

    def shows(self, layer: int) -> bool:
        """Whether the layer of this number can be seen."""
        return layer in self._do("layers")

    def press(self, index: int) -> bool:
        """Press a control as a visitor does, and wait for what comes of it; ``False`` if one cannot."""
        before = self._do("state")
        element = self.page.evaluate_handle(VERBS, ["control", index]).as_element()
        if element is None:
            return False
        try:
            element.click(timeout=PRESS_MS, no_wait_after=True)
        except failure():
            return False
        self._changed(before)
        return True

    def turn(self, on: str) -> int:
        """Turn every switch "on" or "off"; how many were turned."""
        turned: int = self._do("turn", on == "on")
        return turned

    def show_preferences(self) -> bool:
        """Open the preference centre, unfolded; ``False`` if there is none."""
        if self.page.evaluate("() => typeof window.holdfire?.show === 'function'"):
            before = self._do("state")
            self.page.evaluate("() => { window.holdfire.show('preferences') }")
            self._changed(before)
        else:
            doors = [c for c in self.measure().controls if c.role in DOORS and reachable(c)]
            if not doors or not self.press(doors[0].index):
                return False
        if not self.shows(2):
            return False
        self._do("unfold")
        self.page.wait_for_timeout(UNFOLD_MS)  # folded parts are built when they open
        return True

    def dress(self, theme: str, width: int, height: int) -> None:
        """Change the theme and the size of the window, and wait until that is drawn."""
        worn, size = self._dress
        self._dress = (theme, (width, height))
        if worn != theme:
            self.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        if size != (width, height):
            self.page.set_viewport_size({"width": width, "height": height})
        if (worn, size) != self._dress:
            self._do("drawn")

    # ---------------------------------------------------------------- waiting

    def _settle(self) -> None:
        self._await(
            "settled", BANNER_SECONDS, asking=AWAITED, silent=SILENT_SECONDS * 1000, poll=POLL_MS
        )

    def _changed(self, before: object) -> None:
        self._await("changed", CHANGE_SECONDS, before=before, poll=POLL_MS)

    def _await(self, verb: str, seconds: float, **given: object) -> None:
        """Wait within the page, and go on waiting in the next one if it is left meanwhile."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                self._do(verb, {**given, "patience": left * 1000})
            except failure():
                if self.page.is_closed():
                    raise
            else:
                return

    def _do(self, verb: str, given: object = None) -> Any:
        """Have a verb of ``visit.js`` done."""
        return self.page.evaluate(VERBS, [verb, given])

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
