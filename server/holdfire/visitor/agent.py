"""The browser's family, for the record of a choice, and nothing else of the user agent.

Asked only when a choice is made: a user agent not seen before costs some 0.6 ms, and a hostile
one of full length some 10 ms.
"""

from functools import lru_cache

import user_agents

MAX_CHARACTERS = 512  # real ones have 60 to 250; the parser's patterns take longer on longer ones
_CACHED = 2048

BOT, UNNAMED = "Bot", "Other"

# What is kept → what the parser calls it. Many of its patterns hand back a piece of the input,
# which may be anything, a name or an address: only words of this table reach a record.
_NAMES: dict[str, tuple[str, ...]] = {
    "Brave": ("Brave",),
    "Chrome": ("Chrome", "Chrome Mobile", "Chrome Mobile iOS", "Chromium"),
    "DuckDuckGo": ("DuckDuckGo", "DuckDuckGo Mobile"),
    "Edge": ("Edge", "Edge Mobile"),
    "Firefox": ("Firefox", "Firefox Mobile", "Firefox iOS"),
    "Opera": ("Opera", "Opera GX", "Opera Mini", "Opera Mobile", "Opera Touch"),
    "Safari": ("Safari", "Mobile Safari"),
    "Samsung Internet": ("Samsung Internet",),
    "Vivaldi": ("Vivaldi",),
    # A browser inside another program.
    "WebView": (
        "Chrome Mobile WebView",
        "Facebook",
        "Facebook Messenger",
        "Instagram",
        "Mobile Safari UI/WKWebView",
    ),
}
_LABELS = {name: label for label, names in _NAMES.items() for name in names}
FAMILIES = frozenset((*_NAMES, BOT, UNNAMED))


def family(user_agent: str) -> str:
    """One of ``FAMILIES``: ``Chrome``, ``Safari``, …; ``Other`` for what is not recognised."""
    return _family(user_agent[:MAX_CHARACTERS])


@lru_cache(maxsize=_CACHED)
def _family(user_agent: str) -> str:
    try:
        found = user_agents.parse(user_agent)
        return BOT if found.is_bot else _LABELS.get(str(found.browser.family), UNNAMED)
    except Exception:  # noqa: BLE001  a thousand patterns of others may raise anything; lost is a label of a statistic
        return UNNAMED
