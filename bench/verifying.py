"""How long it takes to verify one receipt: by each of the three verifiers, offline."""

import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from unittest import mock

from playwright.sync_api import sync_playwright

from holdfire.ledger import ed25519, standalone
from holdfire.ledger.verdict import judge

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "static/dist/verify.html"
ROUNDS = 50
PROGRAMS = 9  # runs of a whole program
GOAL = "< 50"

IN_PAGE = """async ([receipt64, policy64, rounds]) => {
  const octets = text => Uint8Array.from(atob(text), one => one.charCodeAt(0));
  const taken = [];
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    const found = await judge(octets(receipt64), octets(policy64), Date.now() / 1000);
    taken.push(performance.now() - begun);
    if (found.outcome !== "verified") throw new Error(found.why);
  }
  return taken;
}"""


def figures(
    receipt: bytes, policy: bytes, *, programs: bool
) -> Iterator[tuple[str, float, str, str]]:
    """By the functions; and, where ``programs`` says so, as a reader runs them."""

    def verified() -> None:
        found = judge(receipt, policy, time.time())
        if found.outcome != "verified":
            raise RuntimeError(found.why)

    yield "verify: receipt", len(receipt), "B", ""
    yield "verify: Python with cryptography", _median(verified), "ms p50", GOAL
    with mock.patch.object(ed25519, "LIBRARY", new=False):
        yield "verify: Python alone", _median(verified), "ms p50", GOAL
    if programs:
        yield from _programs(receipt, policy)
        taken = _in_chromium(receipt, policy)
        yield "verify: page in Chromium, first", taken[0], "ms", GOAL
        yield "verify: page in Chromium", statistics.median(taken[1:]), "ms p50", GOAL


def _median(act: Callable[[], None], rounds: int = ROUNDS) -> float:
    """Milliseconds; the first round warms up."""
    taken = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        act()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken[1:]) * 1e3


def _programs(receipt: bytes, policy: bytes) -> Iterator[tuple[str, float, str, str]]:
    """Whole programs, their start included."""
    with tempfile.TemporaryDirectory() as named:
        folder = Path(named)
        (folder / "receipt").write_bytes(receipt)
        (folder / "policy").write_bytes(policy)
        (folder / "verify.pyz").write_bytes(standalone.zipapp())
        given = ["receipt", str(folder / "receipt"), "--policy", str(folder / "policy")]
        for name, command in (
            ("an empty Python program", [sys.executable, "-I", "-S", "-c", ""]),
            (
                "verify.pyz, a program",
                [sys.executable, "-I", "-S", str(folder / "verify.pyz"), *given],
            ),
            ("holdfire verify, a program", [sys.executable, "-m", "holdfire", "verify", *given]),
        ):

            def run(command: list[str] = command) -> None:
                subprocess.run(command, check=True, capture_output=True, cwd=folder)  # noqa: S603 -- our own programs

            yield f"verify: {name}", _median(run, PROGRAMS), "ms p50", ""


def _in_chromium(receipt: bytes, policy: bytes) -> list[float]:
    """Milliseconds of each verification in one page, opened from the disc."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        page.goto(PAGE.as_uri())
        given = [b64encode(receipt).decode(), b64encode(policy).decode(), ROUNDS]
        taken: list[float] = page.evaluate(IN_PAGE, given)
        browser.close()
    return taken
