"""Records as standards have them: one JSON document a line, and what each asks the site to say."""

import json
from collections.abc import Callable, Mapping

from holdfire.export import dpv, kantara
from holdfire.export.reading import Reader, Reading
from holdfire.law import Regime
from holdfire.model import Site
from holdfire.record import Record
from holdfire.store import Store

STANDARDS: Mapping[str, tuple[Callable[[Reading], Mapping[str, object]], tuple[str, ...]]] = {
    "dpv": (dpv.document, dpv.NEEDED),
    "kantara": (kantara.receipt, kantara.NEEDED),
}
"""By name: what makes the document of one act, and which members of ``[controller]`` it needs."""


class Documents:
    """The form that a standard is."""

    def __init__(
        self, name: str, store: Store, sites: Mapping[str, Site], regimes: Mapping[str, Regime]
    ) -> None:
        """Raises ``ConfigError`` if one of the sites does not say what is asked for."""
        self._made, needed = STANDARDS[name]
        self._reader = Reader(store, sites, regimes, needed)

    def head(self) -> str:
        """Nothing: every line stands for itself."""
        return ""

    async def record(self, record: Record, origin: str) -> str | None:
        """One document; ``None`` for a hand-over. Raises ``HoldfireError``."""
        reading = await self._reader.read(record, origin)
        if reading is None:
            return None
        return json.dumps(self._made(reading), ensure_ascii=False) + "\n"
