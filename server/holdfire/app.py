"""The composition root: the only place where concrete things are built."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from holdfire import apikeys, compliance, consent_token, keyfile, lint, regimes
from holdfire.apikeys import ApiKeys
from holdfire.archive import Archive
from holdfire.consent_token import ConsentTokens
from holdfire.errors import ConfigError, Problem
from holdfire.ground import Context, ground, language_of
from holdfire.limits import Limits
from holdfire.metrics import Metrics
from holdfire.model import UNKNOWN_LOCATION, Location, Signals, Site, Visitor
from holdfire.notary import Notary, Publisher
from holdfire.notary.receipts import Receipts
from holdfire.publication import require_checked
from holdfire.regimes import Lawbook
from holdfire.retention.keeper import Keeper
from holdfire.settings import Settings, shipped
from holdfire.store import Store
from holdfire.store.fence import Fence
from holdfire.store.postgres import PostgresStore
from holdfire.store.sqlite import SqliteStore
from holdfire.tally import HOUR, SignalTally
from holdfire.tokens import VisitorTokens
from holdfire.visitor import GeoDatabase, Observatory, unpack
from holdfire.web.boot import Asked
from holdfire.web.display import ShelfDisplay
from holdfire.web.house import House
from holdfire.web.lookup import Lookups, Whole
from holdfire.web.middleware import Door
from holdfire.web.routes import refuse, routes
from holdfire.web.shelf import Shelf

LOG = logging.getLogger("holdfire")
EMBEDDED = "config/geo/dbip-country-us-ca-region-2026-06.mmdb.gz"
DAY = 86_400  # seconds


class Kept(NamedTuple):
    """What is in folders of its own below ``data_dir``."""

    keys: ApiKeys
    consent_tokens: ConsentTokens

    @classmethod
    def open(
        cls, data_dir: Path, *, clock: Callable[[], float], random: Callable[[int], bytes]
    ) -> Self:
        """Open both. Raises ``ConfigError``."""
        return cls(
            ApiKeys(data_dir / apikeys.FOLDER, random, clock),
            ConsentTokens(data_dir / consent_token.FOLDER, random, clock),
        )


class Service(Starlette):
    """The application, with what it remembers in front of it."""

    lookups: Lookups | None = None

    def remember(self, house: House, whole: Whole | None) -> None:
        """Answer again, from now on, what was answered before in this house."""
        self.lookups = Lookups(self.framework, house, whole=whole)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from memory, or through the framework."""
        if self.lookups is None or scope["type"] != "http" or scope["method"] != "GET":
            await self.framework(scope, receive, send)
        else:
            await self.lookups(scope, receive, send)

    async def framework(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer anew."""
        await super().__call__(scope, receive, send)


@dataclass(frozen=True, slots=True)
class _Foundation:
    """What stands before the store is opened."""

    settings: Settings
    sites: Mapping[str, Site]
    law: Lawbook
    keys: Sequence[str]
    shelf: Shelf
    display: ShelfDisplay
    observatory: Observatory
    notary: Notary
    kept: Kept
    clock: Callable[[], float]
    random: Callable[[int], bytes]

    @classmethod
    def lay(
        cls,
        settings: Settings,
        sites: Mapping[str, Site],
        clock: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> Self:
        """Read everything that is configured. Raises ``ConfigError``."""
        law = open_law(settings)
        if faults := [*compliance.faults(sites, law), *lint.faults(sites, law)]:
            raise ConfigError(tuple(faults))
        data_dir = Path(settings.data_dir)
        keys = settings.secret_keys or keyfile.read_or_make(data_dir, random)
        shelf, display = _shown(settings, tuple(sites.values()))
        observatory = open_observatory(settings)
        notary = Notary.open(settings, clock=clock, random=random)
        kept = Kept.open(data_dir, clock=clock, random=random)
        return cls(
            settings,
            sites,
            law,
            keys,
            shelf,
            display,
            observatory,
            notary,
            kept,
            clock,
            random,
        )

    def context(self, store: Store) -> Context:
        """What the verbs stand on."""
        return Context(
            sites=self.sites,
            lawbook=self.law,
            store=store,
            tokens=VisitorTokens(self.keys),
            display=self.display,
            archive=Archive(store, self.display, self.clock),
            clock=self.clock,
            random=self.random,
            establishment=self.settings.establishment or None,
            override=self.settings.regime_override or None,
        )

    def house(self, store: Store, publisher: Publisher, *, demo: bool) -> House:
        """What the endpoints stand on."""
        metrics = Metrics()
        limits = Limits(self.settings, metrics.refused)
        metrics.limits = limits.buckets
        return House(
            ctx=self.context(store),
            observatory=self.observatory,
            shelf=self.shelf,
            tally=SignalTally(),
            receipts=Receipts(store, publisher.signed),
            keys=self.kept.keys,
            consent_tokens=self.kept.consent_tokens,
            metrics=metrics,
            limits=limits,
            policy=self.notary.policy_text,
            cookie_seconds=self.settings.cookie_max_age_days * DAY,
            boot_seconds=self.settings.boot_max_age_seconds,
            demo=demo,
        )


def build(
    settings: Settings,
    sites: Mapping[str, Site],
    *,
    demo: bool = False,
    extra_routes: Sequence[BaseRoute] = (),
    clock: Callable[[], float] = time.time,
    random: Callable[[int], bytes] = secrets.token_bytes,
    prebuild: bool = True,
    rare: Collection[str] = (),
    remembers: bool = True,
    whole: Whole | None = None,
) -> Service:
    """Build the application. Raises ``ConfigError`` for anything an operator must mend first.

    ``rare`` are the ids of sites whose scripts are made only when somebody asks for them. One that
    does not remember answers every lookup anew. ``whole`` is how the server takes an answer at once.
    """
    foundation = _Foundation.lay(settings, sites, clock, random)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with _signed_store(settings, foundation.notary) as (store, publisher):
            house = foundation.house(store, publisher, demo=demo)
            await house.ctx.archive.publish(sites.values())
            built.state.publisher, built.state.house = publisher, house
            if remembers:
                built.remember(house, whole)
            scripts = likely_scripts(house.ctx, rare) if prebuild else ()
            async with _at_work(foundation, house, publisher, scripts):
                yield

    built = Service(
        routes=[*routes(), *extra_routes],
        middleware=[Middleware(Door)],
        exception_handlers={HTTPException: refuse},
        lifespan=lifespan,
    )
    # Its redirect would repeat whatever Host a request named.
    built.router.redirect_slashes = False
    return built


def _shown(settings: Settings, sites: Sequence[Site]) -> tuple[Shelf, ShelfDisplay]:
    """What visitors are handed, if it may be published. Raises ``ConfigError``."""
    shelf = Shelf(settings.static_path / "dist", sites)
    display = ShelfDisplay(shelf, sites)
    if settings.checked_only:
        require_checked(Path(settings.data_dir), display, sites)
    return shelf, display


def open_law(settings: Settings) -> Lawbook:
    """Load the law, and see that the regimes the settings name are in it."""
    law = regimes.load(settings.regimes_path)
    known_regimes(settings, law)
    return law


def known_regimes(settings: Settings, law: Lawbook) -> None:
    """See that the regimes the settings name are in the law; raises ``ConfigError``."""
    unknown = [
        Problem("settings", key, f"no regime {name!r}", "name one of docs/regimes.md")
        for key in ("establishment", "regime_override")
        if (name := getattr(settings, key)) and name not in law.regimes
    ]
    if unknown:
        raise ConfigError(tuple(unknown))


async def open_store(
    settings: Settings, *, writing: bool = True, fence: Fence | None = None
) -> Store:
    """Open the store the settings name. Raises ``ConfigError`` or ``StoreUnavailable``.

    Without a ``fence`` nothing is refused: for who looks at a log, and for who recovers one.
    """
    scheme, _, rest = settings.database.partition("://")
    host = settings.log_host
    if scheme == "sqlite":
        path = Path(rest.removeprefix("/"))
        return await SqliteStore.open(path, writing=writing, host=host, fence=fence)
    return await PostgresStore.open(settings.database, host=host, fence=fence)


def open_observatory(settings: Settings) -> Observatory:
    """Open the geo database the settings name, or unpack the embedded one."""
    path = (
        Path(settings.geo_database)
        if settings.geo_database
        else unpack(shipped(EMBEDDED), Path(settings.data_dir))
    )
    return Observatory(
        trusted=settings.proxies,
        edges=settings.edge_headers,
        databases=(GeoDatabase(path),),
    )


def likely_scripts(ctx: Context, rare: Collection[str] = ()) -> list[Asked]:
    """What a visitor is most likely handed today.

    Each site and place in the place's language, with GPC and without, for who comes back and for
    who is to be asked. Scripts in other languages, and those for the rare DNT, are made when
    they are asked for.
    """
    places = [UNKNOWN_LOCATION]
    for code in ctx.lawbook.law.names:
        country, _, region = code.partition("-")
        places.append(
            Location(country=country, region=region or None, source="database", confidence="medium")
        )
    wanted = {}
    for site in (site for site in ctx.sites.values() if site.id not in rare):
        for place in places:
            visitor = Visitor(location=place, signals=Signals(), languages=(), address_prefix="")
            held = ground(ctx, site, visitor, ctx.clock())
            language = language_of(site, visitor, held)
            for fresh in (True, False):
                asked = Asked(site, held.resolution.regime, language, fresh=fresh)
                wanted[asked.key] = asked
    return [
        msgspec.structs.replace(asked, signals=Signals(gpc=gpc))
        for gpc in (False, True)
        for asked in wanted.values()
    ]


@asynccontextmanager
async def _signed_store(
    settings: Settings, notary: Notary
) -> AsyncIterator[tuple[Store, Publisher]]:
    """The store behind its fence, inspected, and what signs it."""
    store = await open_store(settings, fence=notary.fence)
    try:
        publisher = await notary.begin(store)
        yield store, publisher
        await publisher.step()  # what was acknowledged last is signed too
    finally:
        await store.close()


@asynccontextmanager
async def _at_work(
    foundation: _Foundation, house: House, publisher: Publisher, scripts: Sequence[Asked]
) -> AsyncIterator[None]:
    """The background jobs of the service, while it runs; with scripts, the shelf is filled."""
    filling = asyncio.create_task(asyncio.to_thread(house.shelf.fill, scripts)) if scripts else None
    jobs = _started(
        publisher.run(),
        foundation.notary.cosign(),
        _keeper(foundation.settings, house.ctx, house.observatory).work(),
        _report_hourly(house.tally),
    )
    try:
        yield
    finally:
        house.shelf.stop()
        await _stopped(jobs)
        house.tally.report()
        if filling is not None:
            await filling


def _keeper(settings: Settings, ctx: Context, observatory: Observatory) -> Keeper:
    return Keeper(
        ctx.store,
        ctx.sites,
        Path(settings.data_dir),
        observatory.databases[0].path,
        clock=ctx.clock,
        random=ctx.random,
    )


def _started(*jobs: Coroutine[None, None, None]) -> Sequence[asyncio.Task[None]]:
    """The background jobs of the service, each in a task."""
    return [asyncio.create_task(job) for job in jobs]


async def _stopped(jobs: Sequence[asyncio.Task[None]]) -> None:
    """End the background jobs; one that has failed says so in the log."""
    for job in jobs:
        job.cancel()
    for ended in await asyncio.gather(*jobs, return_exceptions=True):
        if isinstance(ended, Exception):
            LOG.error("a background job had failed: %s", type(ended).__name__, exc_info=ended)


async def _report_hourly(tally: SignalTally) -> None:
    while True:
        await asyncio.sleep(HOUR)
        tally.report()
