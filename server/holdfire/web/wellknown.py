"""What a site says of the two browser signals, where browsers and auditors look for it.

Sources: W3C Global Privacy Control (2026-04-03) §4; W3C Tracking Preference Expression (Note of
2019-01-17) §6.3 to §6.5. These answers are the same for everybody: they read no cookie and no
signal, set nothing, and leave nothing behind but a line with their route.
"""

from collections.abc import Mapping
from datetime import date
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdfire import tracking
from holdfire.errors import NotFound
from holdfire.model import Decision, Signals, Site
from holdfire.sites.addresses import url_host
from holdfire.tracking import StatusValue
from holdfire.web.house import house_of
from holdfire.web.request import front_of

DAY = 86_400  # seconds
HOUR = 3_600

UPDATED = {"tk": "U"}
"""A choice may have changed the visitor's status: what was remembered of it is to be asked again.

Also where the same act comes again, because it comes again when its first answer was lost.
"""


class GpcSupport(msgspec.Struct, rename="camel"):
    """The GPC support representation."""

    gpc: bool
    last_update: date


class StatusObject(msgspec.Struct, omit_defaults=True, rename={"same_party": "same-party"}):
    """The tracking status object."""

    tracking: Literal["?"] | StatusValue
    compliance: tuple[str, ...]
    controller: tuple[str, ...]
    same_party: tuple[str, ...]
    config: str
    policy: str = ""


def tk(site: Site, decided: Mapping[str, Decision], signals: Signals) -> dict[str, str]:
    """The header that tells one visitor their status, and where it is explained.

    No ``Vary: DNT`` goes with it: answers about one visitor are ``no-store``, so that no cache
    can hand one of them to somebody else (§6.4.4).
    """
    value = tracking.status(site.categories, decided, signals)
    # A status id may hold "/" but no "."; it is resolved at get_status below.
    return {"tk": f"{value};{site.id}/{value}"}


async def get_gpc(request: Request) -> Response:
    """``GET /.well-known/gpc.json``.

    True for every site: no regime and no setting turns the signal off, not even where nothing
    binds (``rules``). It is stated as of the day to which the law was compiled.
    """
    law = house_of(request).ctx.lawbook.law
    return _public(GpcSupport(gpc=True, last_update=law.about.as_of), "application/json", DAY)


async def get_dnt(request: Request) -> Response:
    """``GET /.well-known/dnt/``: of the site whose host was asked. Raises ``NotFound``."""
    site = _site_here(request)
    # "?" where it depends on visitor and place. A site without a tag to hold says so outright.
    dynamic = tracking.possible(site.categories) != tracking.NEVER
    return _status(site, "?" if dynamic else "N")


async def get_status(request: Request) -> Response:
    """``GET /.well-known/dnt/{site}/{tracking}``: what a ``Tk`` header refers to.

    Raises ``NotFound`` for a status that no visitor of the site can have.
    """
    site = house_of(request).ctx.sites.get(request.path_params["site"])
    asked = request.path_params["tracking"]
    known = tracking.possible(site.categories) if site else ()
    value = next((v for v in known if v == asked), None)
    if site is None or value is None:
        raise NotFound("No Tk header refers to this status.")
    return _status(site, value)


def _status(site: Site, value: Literal["?"] | StatusValue) -> Response:
    body = StatusObject(
        tracking=value,
        compliance=(),  # none is claimed: the one that was drafted, W3C TCS, was retired
        controller=site.origins,
        same_party=tuple(dict.fromkeys(map(url_host, site.origins))),
        # Every page of the site has the link to its settings, and the front page always exists.
        config=f"{site.origins[0]}/",
        policy=site.links.get("privacy_policy", ""),
    )
    # An hour: what an owner adds to a site must not be denied by a cache for long (§6.4.4).
    return _public(body, "application/tracking-status+json", HOUR)


def _site_here(request: Request) -> Site:
    """The site whose pages are at the host that was asked, or else the only one there is.

    Raises ``NotFound`` where that is not one site.
    """
    sites = tuple(house_of(request).ctx.sites.values())
    host = front_of(request).host
    here = tuple(s for s in sites if host in (o.partition("://")[2] for o in s.origins))
    found = here or sites
    if len(found) != 1:
        raise NotFound("Several sites are served here: ask at the host of one of them.")
    return found[0]


def _public(body: object, media_type: str, seconds: int) -> Response:
    return Response(
        msgspec.json.encode(body),
        headers={
            "cache-control": f"public, max-age={seconds}",
            "access-control-allow-origin": "*",
        },
        media_type=media_type,
    )
