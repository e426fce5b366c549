"""``make bench-client``: measure, print the tables, write ``bench/client/results.json``.

What is quoted are ratios of one run: the machine is shared, and no clock.
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Error as BrowserError

from bench.client import hosting, pages, table
from bench.client.audit import audit
from bench.client.contenders import ALL, BARE, HOLDFIRE, Contender, chosen
from bench.client.findings import Found, as_json
from bench.client.visit import FAST, SLOW, chromium, view
from bench.client.weight import weigh

RESULTS = Path(__file__).with_name("results.json")
DOCUMENT = hosting.ROOT / "docs/bench-client.md"
LIMIT_SECONDS = 3_600.0  # no round begins later than this


def main() -> None:
    """Measure everything, or what was named."""
    options = _options()
    wanted = chosen(options.only)
    # Ended from outside, it still ends its servers and its browser.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        base, written = _host(stack, folder, wanted)
        browser = chromium(stack.enter_context(sync_playwright()))
        stack.callback(browser.close)
        machine = (
            f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), "
            f"Chromium {browser.version}"
        )
        found = [_weigh(browser, base, one, written[one.name]) for one in wanted]
        rounds = _look_in_turns(browser, base, found, options.rounds)
    results = {
        "machine": machine,
        "rounds": rounds,
        "contenders": {f.contender.name: as_json(f) for f in found},
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    text = table.render(found, machine, rounds)
    sys.stdout.write(text)
    if options.write:
        DOCUMENT.write_text(table.put(DOCUMENT.read_text(), text))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.client", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="views of each page and network")
    names = [contender.name for contender in ALL]
    parser.add_argument("--only", action="append", default=[], choices=names, metavar="NAME")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {DOCUMENT.name}")
    return parser.parse_args()


def _host(
    stack: ExitStack, folder: Path, wanted: Sequence[Contender]
) -> tuple[str, dict[str, str]]:
    """Start the servers. The pages' origin, and what each contender's owner writes into a page."""
    port, service_port = hosting.free_port(), hosting.free_port()
    base = f"http://127.0.0.1:{port}"
    snippet = ""
    if HOLDFIRE in wanted:
        snippet = hosting.snippet(folder, base, service_port)
        stack.enter_context(hosting.holdfire(folder, base, service_port))
    bundles, site = folder / "bundles", folder / "site"
    site.mkdir()
    pages.bundle(bundles)
    for contender in wanted:
        pages.compose(contender, snippet, bundles, site)
    stack.enter_context(hosting.static(site, port))
    return base, {c.name: "".join(pages.pasted(c, snippet)) for c in wanted}


def _weigh(browser: Browser, base: str, contender: Contender, written: str) -> Found:
    _say(f"weighing {contender.name}")
    weight = weigh(browser, base, contender, written)
    return Found(contender, weight, audit(browser, base, contender), [], [])


def _look_in_turns(browser: Browser, base: str, found: list[Found], rounds: int) -> int:
    """Views of everyone, round by round; how many rounds there was time for."""
    begun = time.monotonic()
    view(browser, base, BARE, SLOW)  # the browser's own first time is nobody's
    for turn in range(rounds):
        if time.monotonic() - begun > LIMIT_SECONDS:
            _say(f"stopping after {turn} rounds: out of time")
            return turn
        _say(f"round {turn + 1} of {rounds}")
        start = turn % len(found)  # each follows whoever is before it, and not always at the end
        for one in found[start:] + found[:start]:
            _look(browser, base, one)
    return rounds


def _look(browser: Browser, base: str, found: Found) -> None:
    """One slow and one fast view; what fails is said, and its sample left out."""
    for conditions, samples in ((SLOW, found.slow), (FAST, found.fast)):
        try:
            samples.append(view(browser, base, found.contender, conditions))
        except BrowserError as error:
            _say(f"{found.contender.name}, {conditions.name}: {error.message.splitlines()[0]}")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
