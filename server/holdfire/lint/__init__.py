"""The lint that stops a banner which manipulates: over site files, and over what is rendered.

The rules are a table (``rules``), pure functions over measurements judge (``prominence``,
``legibility``, ``conduct``, ``configuration``), and only ``render`` starts a browser. What is
found here says how a visitor meets the banner; ``compliance`` says what files and law say of
each other.
"""

from collections.abc import Mapping
from functools import cache

from holdfire.errors import Problem
from holdfire.lint.configuration import configuration
from holdfire.lint.wording import Phrases, load
from holdfire.model import Site
from holdfire.regimes import Lawbook
from holdfire.settings import shipped

WORDING = "config/wording"


@cache
def phrases() -> Phrases:
    """The shipped lists of steering words, read once. Raises ``ConfigError``."""
    return load(shipped(WORDING))


def faults(sites: Mapping[str, Site], lawbook: Lawbook) -> list[Problem]:
    """What stops a publication: the faults that the sites' files show by themselves.

    Raises ``ConfigError`` if the lists of steering words cannot be read.
    """
    found = configuration(sites, lawbook.regimes, phrases())
    return [
        Problem(f"{f.site}.toml", f.element, f"{f.rule}: {f.measured} ({f.law})", f.remedy)
        for f in found
        if f.severity == "fault"
    ]
