"""The composition root: the only place where concrete things are built."""

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from holdfire import compliance, keyfile, lint, regimes
from holdfire.errors import ConfigError, Problem
from holdfire.ground import Context, Digests, ground, language_of
from holdfire.model import UNKNOWN_LOCATION, Location, Signals, Site, Visitor
from holdfire.regimes import Lawbook
from holdfire.settings import Settings, shipped
from holdfire.store import Store
from holdfire.store.postgres import PostgresStore
from holdfire.store.sqlite import SqliteStore
from holdfire.tally import HOUR, SignalTally
from holdfire.tokens import VisitorTokens
from holdfire.visitor import GeoDatabase, Observatory, unpack
from holdfire.web.boot import Asked
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
    shelf = Shelf(settings.static_path / "dist", tuple(sites.values()))
    observatory = open_observatory(settings)

    tally = SignalTally()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        store = await open_store(settings)
        app.state.house = House(
            ctx=Context(
                sites=sites,
                lawbook=law,
                store=store,
                tokens=VisitorTokens(keys),
                digests=digests(sites, shelf),
                clock=clock,
                random=random,
                establishment=settings.establishment or None,
                override=settings.regime_override or None,
            ),
            observatory=observatory,
            shelf=shelf,
            tally=tally,
            cookie_seconds=settings.cookie_max_age_days * DAY,
            boot_seconds=settings.boot_max_age_seconds,
            demo=demo,
        )
        filling = None
        if prebuild:
            scripts = likely_scripts(app.state.house.ctx, rare)
            filling = asyncio.create_task(asyncio.to_thread(shelf.fill, scripts))
        reporting = asyncio.create_task(_report_hourly(tally))
        try:
            yield
        finally:
            shelf.stop()
            reporting.cancel()
            tally.report()
            if filling is not None:
                await filling
            await store.close()

    built = Starlette(
        routes=[*routes(), *extra_routes],
        middleware=[Middleware(Door)],
        exception_handlers={HTTPException: refuse},
        lifespan=lifespan,
    )
    # Its redirect would repeat whatever Host a request named.
    built.router.redirect_slashes = False
    return built


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


async def open_store(settings: Settings, *, writing: bool = True) -> Store:
    """Open the store the settings name. Raises ``ConfigError`` or ``StoreUnavailable``."""
    scheme, _, rest = settings.database.partition("://")
    if scheme == "sqlite":
        return await SqliteStore.open(Path(rest.removeprefix("/")), writing=writing)
    return await PostgresStore.open(settings.database)


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


def digests(sites: Mapping[str, Site], shelf: Shelf) -> Digests:
    """What records say was served, as SHA-256."""
    return Digests(
        texts={
            (site.id, language): _sha256(texts)
            for site in sites.values()
            for language, texts in site.texts.items()
        },
        config={site.id: _sha256(site) for site in sites.values()},
        sdk=shelf.sdk,
    )


async def _report_hourly(tally: SignalTally) -> None:
    while True:
        await asyncio.sleep(HOUR)
        tally.report()


def _sha256(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()
