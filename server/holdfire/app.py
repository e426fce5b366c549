"""The composition root: the only place where concrete things are built."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from holdfire import compliance, keyfile, lint, regimes
from holdfire.archive import Archive
from holdfire.errors import ConfigError, Problem
from holdfire.ground import Context, ground, language_of
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
from holdfire.web.middleware import Door
from holdfire.web.routes import refuse, routes
from holdfire.web.shelf import Shelf

LOG = logging.getLogger("holdfire")
EMBEDDED = "config/geo/dbip-country-us-ca-region-2026-06.mmdb.gz"
DAY = 86_400  # seconds


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
) -> Starlette:
    """Build the application. Raises ``ConfigError`` for anything an operator must mend first.

    ``rare`` are the ids of sites whose scripts are made only when somebody asks for them.
    """
    law = open_law(settings)
    if faults := [*compliance.faults(sites, law), *lint.faults(sites, law)]:
        raise ConfigError(tuple(faults))
    keys = settings.secret_keys or keyfile.read_or_make(Path(settings.data_dir), random)
    shelf, display = _shown(settings, tuple(sites.values()))
    observatory = open_observatory(settings)
    notary = Notary.open(settings, clock=clock, random=random)
    tally = SignalTally()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with _signed_store(settings, notary) as (store, publisher):
            archive = Archive(store, display, clock)
            await archive.publish(sites.values())
            ctx = Context(
                sites=sites,
                lawbook=law,
                store=store,
                tokens=VisitorTokens(keys),
                display=display,
                archive=archive,
                clock=clock,
                random=random,
                establishment=settings.establishment or None,
                override=settings.regime_override or None,
            )
            app.state.publisher = publisher
            app.state.house = House(
                ctx=ctx,
                observatory=observatory,
                shelf=shelf,
                tally=tally,
                receipts=Receipts(store, publisher.signed),
                policy=notary.policy_text,
                cookie_seconds=settings.cookie_max_age_days * DAY,
                boot_seconds=settings.boot_max_age_seconds,
                demo=demo,
            )
            filling = _filling(shelf, likely_scripts(ctx, rare)) if prebuild else None
            jobs = _started(
                publisher.run(),
                notary.cosign(),
                _keeper(settings, ctx, observatory).work(),
                _report_hourly(tally),
            )
            try:
                yield
            finally:
                shelf.stop()
                await _stopped(jobs)
                tally.report()
                if filling is not None:
                    await filling

    built = Starlette(
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


def _filling(shelf: Shelf, scripts: Sequence[Asked]) -> asyncio.Task[None]:
    return asyncio.create_task(asyncio.to_thread(shelf.fill, scripts))


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
