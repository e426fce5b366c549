"""What a boot script hands to the page, read back from its text."""

import json
from typing import Any


def handed_in(script: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The boot data, and the words that came along, if any did."""
    decoder = json.JSONDecoder()
    boot, end = decoder.raw_decode(script, script.index('\n}({"site"') + 3)
    words, _ = decoder.raw_decode(script, script.rindex("},words:", end) + 8)
    return boot, words
