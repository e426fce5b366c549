"""What visitors were shown, kept under its SHA-256 for as long as a record refers to it.

Four things make up a notice: the site's configuration, what is said in one language, the build of
the SDK, and the boot script, which one law and the signals of one browser shape. A record names
each by its digest, and each is kept before the record is written: first the bytes, then who points
at them. Bodies are kept compressed; a digest is always that of the bytes that were served.

What a site publishes is a statement in the log, made anew whenever it changes (``Published``).
"""

import asyncio
import hashlib
import logging
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Literal, NamedTuple, Protocol

import msgspec

from holdfire import evidence
from holdfire.canonical import canonical
from holdfire.errors import HoldfireError, StoreUnavailable
from holdfire.law import Regime, Value
from holdfire.ledger.entry import Kind
from holdfire.model import Signals, Site
from holdfire.record import Artefact, Shown, Statement
from holdfire.store import Store

LOG = logging.getLogger("holdfire.archive")
KNOWN = 8_192  # digests that a process remembers to be kept
LEVEL = 6  # of zlib: 30 ms for what a site says in 60 languages


class Altered(HoldfireError):
    """What is kept is not what its digest says: somebody changed it, or the disk did."""


class Exhibit(NamedTuple):
    """One thing that is shown: its SHA-256 in hex, and how to get at its bytes."""

    digest: str
    body: Callable[[], bytes]


class Seen(NamedTuple):
    """All that one visitor has before them."""

    texts: Exhibit
    config: Exhibit
    sdk: Exhibit
    boot: Exhibit

    def digests(self, notice_version: str, current_version: str) -> evidence.Shown:
        """What a record says of it. The page says which notice it showed."""
        return evidence.Shown(
            notice_version=notice_version,
            current_version=current_version,
            texts=self.texts.digest,
            config=self.config.digest,
            sdk=self.sdk.digest,
            boot=self.boot.digest,
        )


class Display(Protocol):
    """What this process shows. The same thing has the same bytes in every process and for ever."""

    def seen(self, site: Site, regime: Regime, language: str, signals: Signals) -> Seen:
        """What a new visitor is handed here, under this law and with these signals."""
        ...

    def texts(self, site: Site) -> Mapping[str, Exhibit]:
        """What is said, by language."""
        ...

    def config(self, site: Site) -> Exhibit:
        """The configuration without texts."""
        ...

    def sdk(self) -> Exhibit:
        """The build."""
        ...


class Published(Value, frozen=True):
    """The body of the statement of what a site shows from now on; digests are SHA-256 in hex."""

    v: Literal[1]
    site: str
    version: str  # of the notice
    config: str
    texts: dict[str, str]  # by language
    sdk: str


class Archive:
    """Sees to it that what a record refers to is kept, at the price of a look into a set."""

    def __init__(self, store: Store, display: Display, clock: Callable[[], float]) -> None:
        self._store = store
        self._display = display
        self._clock = clock
        self._kept: set[str] = set()
        self._stated: set[str] = set()  # ids of sites

    async def publish(self, sites: Iterable[Site]) -> None:
        """Keep and state what these sites show. For the start, which does not fail with the store.

        What could not be kept now is kept with the first record that refers to it.
        """
        wanted = list(sites)
        try:
            self._kept |= set(await self._store.artefacts())
            await self._keep(self._shown_by(wanted))
            await asyncio.gather(*map(self._state, wanted))
        except StoreUnavailable as error:
            LOG.warning("what the sites show is published with their next records: %s", error)

    async def refer(self, site: Site, seen: Seen) -> None:
        """Return once a record may refer to what was seen. Raises ``StoreUnavailable``."""
        if len(self._kept) > KNOWN:
            self._kept.clear()
        named: list[tuple[Shown, Exhibit]] = [
            ("texts", seen.texts),
            ("config", seen.config),
            ("sdk", seen.sdk),
            ("boot", seen.boot),
        ]
        await self._keep(named)
        if site.id not in self._stated:
            await self._state(site)

    def _shown_by(self, sites: Collection[Site]) -> list[tuple[Shown, Exhibit]]:
        found: list[tuple[Shown, Exhibit]] = [("sdk", self._display.sdk())]
        for site in sites:
            found.append(("config", self._display.config(site)))
            found += [("texts", said) for said in self._display.texts(site).values()]
        return found

    async def _keep(self, named: Iterable[tuple[Shown, Exhibit]]) -> None:
        missing = {one.digest: (kind, one) for kind, one in named if one.digest not in self._kept}
        if not missing:
            return
        await self._store.keep(await asyncio.to_thread(_packed, tuple(missing.values())))
        self._kept |= missing.keys()

    async def _state(self, site: Site) -> None:
        config = self._display.config(site).digest
        body = Published(
            v=1,
            site=site.id,
            version=site.version,
            config=config,
            texts={language: one.digest for language, one in self._display.texts(site).items()},
            sdk=self._display.sdk().digest,
        )
        await self._store.state(
            Statement(
                kind=4,
                site=site.id,
                body=canonical(body),
                recorded_ms=int(self._clock() * 1000),
                config=bytes.fromhex(config),
                repeats=False,
            )
        )
        self._stated.add(site.id)


def _packed(shown: Iterable[tuple[Shown, Exhibit]]) -> list[Artefact]:
    return [Artefact(one.digest, kind, zlib.compress(one.body(), LEVEL)) for kind, one in shown]


async def read(store: Store, digest: str) -> bytes | None:
    """The bytes that were served under this digest (SHA-256, hex), or ``None``: they are not kept.

    Raises ``Altered``, and ``StoreUnavailable``.
    """
    artefact = await store.artefact(digest)
    return None if artefact is None else unpacked(artefact)


def unpacked(artefact: Artefact) -> bytes:
    """The bytes that were served. Raises ``Altered``."""
    try:
        body = zlib.decompress(artefact.body)
    except zlib.error as error:
        raise Altered(f"the {artefact.shown} kept as {artefact.digest} cannot be read") from error
    if hashlib.sha256(body).hexdigest() != artefact.digest:
        raise Altered(f"the {artefact.shown} kept as {artefact.digest} has another digest")
    return body


async def published(store: Store) -> dict[str, Published]:
    """What each site that ever was here shows now, or showed last. Raises ``Altered``."""
    found = {}
    async for said in store.statements(Kind.CONFIG):
        try:
            body = msgspec.json.decode(said.body, type=Published)
        except msgspec.MsgspecError as error:
            where = f"index {said.log_index} of log {said.log}"
            raise Altered(f"the statement at {where} cannot be read") from error
        found[body.site] = body
    return found


async def referred(store: Store) -> set[str]:
    """The digests that a record refers to, or that the next one may. Streams all records.

    Raises ``Altered``: where something was tampered with, nothing is to be let go of. A script of a notice that is still shown counts even if nobody's record has it: a process that
    knows it to be kept will refer to it again without looking.
    """
    found: set[str] = set()
    async for record in store.scan():
        if record.evidence:
            shown = evidence.read(record).shown
            found |= {shown.texts, shown.config, shown.sdk, shown.boot}
    current = await published(store)
    for body in current.values():
        found |= {body.config, body.sdk, *body.texts.values()}
    versions = [body.version.encode() for body in current.values()]
    for digest in await store.artefacts():
        if digest in found:
            continue
        artefact = await store.artefact(digest)
        if artefact is not None and artefact.shown == "boot":
            script = unpacked(artefact)
            if any(version in script for version in versions):
                found.add(digest)
    return found
