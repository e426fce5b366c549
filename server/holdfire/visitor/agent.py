"""The browser's family, for the record of a choice, and nothing else of the user agent.

Asked only when a choice is made: a user agent not seen before costs some 0.6 ms, and a hostile
one of full length some 10 ms.
"""

from functools import lru_cache

import user_agents

MAX_CHARACTERS = 512  # real ones have 60 to 250; the parser's patterns take longer on longer ones
MAX_FAMILY = 40  # some patterns hand back a piece of the input
_CACHED = 2048

UNNAMED = "Other"


def family(user_agent: str) -> str:
    """``Chrome``, ``Mobile Safari``, ``Firefox``, …; ``Other`` for what is not recognised."""
    return _family(user_agent[:MAX_CHARACTERS])


@lru_cache(maxsize=_CACHED)
def _family(user_agent: str) -> str:
    try:
        found = str(user_agents.parse(user_agent).browser.family)
    except Exception:  # noqa: BLE001  a thousand patterns of others; lost is a statistic's label
        return UNNAMED
    return found[:MAX_FAMILY] if found.isprintable() and found else UNNAMED
