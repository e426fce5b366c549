"""What a site showed when a record was made: its kept configuration and texts, where they are."""

import json
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from holdfire import archive
from holdfire.archive import Altered
from holdfire.evidence import Evidence
from holdfire.law import Value
from holdfire.model import Controller, Site
from holdfire.store import Store

REMEMBERED = 64  # sites as they were; an export meets few at a time
MODULE = "export const words="  # how each part of the texts begins (``web.words``)


class Exhibit(Value, frozen=True):
    """A site as it was, or else as it is now."""

    site: Site
    texts: Mapping[str, str]  # what was said, in the record's language
    as_shown: bool  # False: the configuration of the record is not kept, and this is today's


class Exhibits:
    """Looks sites up by the digests that a record names."""

    def __init__(self, store: Store, sites: Mapping[str, Site]) -> None:
        """``sites`` are those of today."""
        self._store = store
        self._sites = sites
        self._known: dict[tuple[str, str, str], Exhibit | None] = {}

    async def of(self, proof: Evidence) -> Exhibit | None:
        """The site of a record; ``None`` if nothing is known of it, then or now."""
        key = (proof.site, proof.shown.config, proof.shown.texts)
        if key not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = await self._look(proof)
        return self._known[key]

    async def _look(self, proof: Evidence) -> Exhibit | None:
        now = self._sites.get(proof.site)
        then = _site(await self._read(proof.shown.config))
        site = then or now
        if site is None:
            return None
        if then is not None and now is not None:
            site = replace(then, controller=_controller(then.controller, now.controller))
        texts = _texts(await self._read(proof.shown.texts))
        if not texts and now is not None:
            texts = now.texts.get(proof.language) or now.texts[now.default_language]
        return Exhibit(site, texts, then is not None)

    async def _read(self, digest: str) -> bytes | None:
        try:
            return await archive.read(self._store, digest)
        except Altered:
            return None  # `holdfire records show` names it; here what is known today has to do


def _controller(then: Controller, now: Controller) -> Controller:
    """Who answered for the site: under the same name, with the addresses of today."""
    return now if then.name in {"", now.name} else then


def _site(body: bytes | None) -> Site | None:
    """The configuration as it was kept; ``None`` if it is not, or not as this version writes it."""
    if body is None:
        return None
    try:
        return msgspec.convert({**json.loads(body), "texts": {}}, Site)
    except (ValueError, TypeError):
        return None


def _texts(body: bytes | None) -> dict[str, str]:
    """What was said in one language, by key; nothing if it cannot be read."""
    said: dict[str, str] = {}
    for line in (body or b"").decode(errors="replace").split("\n"):
        if line.startswith(MODULE):
            try:
                said.update(json.loads(line.removeprefix(MODULE).removesuffix(";"))["texts"])
            except (ValueError, LookupError, TypeError):
                continue
    return said
