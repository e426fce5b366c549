"""``make bench``: measure, print a table, write ``bench/results.json``.

Medians of several rounds; every figure names what it is held against. Nothing here is a test:
a shared machine is not a clock, so absolute figures hold for that machine and that day, and what
may be quoted are the ratios of one run.
"""

import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench import answers, batches, law, ledger, tokens


class Figure(NamedTuple):
    """One line of the table."""

    name: str
    value: float
    unit: str
    goal: str = ""


def main() -> None:
    """Measure everything."""
    figures = [Figure(*row) for row in _rows()]
    width = max(len(figure.name) for figure in figures)
    for figure in figures:
        goal = f"   goal {figure.goal}" if figure.goal else ""
        sys.stdout.write(f"{figure.name:<{width}}  {figure.value:>12,.2f} {figure.unit}{goal}\n")
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    results = {"machine": machine, "figures": [figure._asdict() for figure in figures]}
    Path(__file__).with_name("results.json").write_text(json.dumps(results, indent=1) + "\n")


def _rows() -> Iterator[tuple[str, float, str, str]]:
    yield from law.figures()
    yield from answers.figures()
    yield from batches.figures()
    yield from tokens.figures()
    yield from ledger.figures()


if __name__ == "__main__":
    main()
