"""What visitors are shown, as the bytes that records refer to (``archive``).

- config: the site, without its texts, as canonical JSON.
- texts: all that is said in one language, the modules `words` and `more`, one after the other.
- sdk: the build as canonical JSON, every chunk by its file name, the core, and the rest.
- boot: the boot script that a new visitor is handed.
"""

import hashlib
from collections.abc import Collection, Mapping
from functools import partial

import msgspec

from holdfire.archive import Exhibit, Seen
from holdfire.canonical import canonical
from holdfire.law import Regime
from holdfire.model import Signals, Site
from holdfire.web.boot import Asked
from holdfire.web.shelf import Shelf
from holdfire.web.words import said_in


class ShelfDisplay:
    """What stands on the shelf, by its digests. These are made once, the bytes when asked for."""

    def __init__(self, shelf: Shelf, sites: Collection[Site]) -> None:
        self._shelf = shelf
        self._sdk = _exhibit(shelf.build())
        self._config = {site.id: _exhibit(_without_texts(site)) for site in sites}
        self._texts = {
            site.id: {
                language: Exhibit(digest, partial(said_in, site, language))
                for language, digest in shelf.said[site.id].items()
            }
            for site in sites
        }

    def seen(self, site: Site, regime: Regime, language: str, signals: Signals) -> Seen:
        """What a new visitor is handed here, under this law and with these signals."""
        said = Signals(gpc=signals.gpc, dnt=signals.dnt or None)
        script = self._shelf.pick(Asked(site, regime, language, said, fresh=True))
        return Seen(
            texts=self._texts[site.id][language],
            config=self._config[site.id],
            sdk=self._sdk,
            boot=Exhibit(script.digest, lambda: script.identity),
        )

    def texts(self, site: Site) -> Mapping[str, Exhibit]:
        """What is said, by language."""
        return self._texts[site.id]

    def config(self, site: Site) -> Exhibit:
        """The configuration without texts."""
        return self._config[site.id]

    def sdk(self) -> Exhibit:
        """The build."""
        return self._sdk


def _exhibit(body: bytes) -> Exhibit:
    return Exhibit(hashlib.sha256(body).hexdigest(), lambda: body)


def _without_texts(site: Site) -> bytes:
    members: dict[str, object] = msgspec.to_builtins(site)
    del members["texts"]
    return canonical(members)
