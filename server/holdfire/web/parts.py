"""Parts of the SDK that a site turns on: each is there before anything on the page is decided.

A part is a chunk that travels inside the boot script, with the options it is opened with.
"""

from collections.abc import Iterator
from typing import NamedTuple

from holdfire.model import Rules, Site
from holdfire.web.adapters import adapters, running_early


class Part(NamedTuple):
    """One chunk, and what it is opened with: a JSON object."""

    chunk: str
    options: dict[str, object]


def parts(site: Site, rules: Rules) -> tuple[Part, ...]:
    """What the site turned on, in the order in which it is told of each decision."""
    return (
        *_adapters(site, rules),
        *_intercept(site),
        *_frames(site),
        *_native(site),
        *_handoff(site),
        *_debug(site),
    )


def chunks(turned_on: tuple[Part, ...]) -> tuple[str, ...]:
    """Every chunk of these parts, with those that one of them opens by itself."""
    named = tuple(part.chunk for part in turned_on)
    return named + (("insertion", "writes") if "intercept" in named else ())


def _adapters(site: Site, rules: Rules) -> Iterator[Part]:
    for name, options in adapters(site, rules):
        yield Part(f"adapter-{name}", options)


def _intercept(site: Site) -> Iterator[Part]:
    asked = site.intercept
    if asked.mode == "off":
        return
    hosts = {service.id: service.hosts for service in site.services if service.hosts}
    yield Part(
        "intercept",
        {
            "report": asked.mode == "report",
            "hold_unknown": asked.unknown == "hold",
            "trusted": (*asked.trusted, *running_early(site)),
            "hosts": hosts,
        },
    )


def _frames(site: Site) -> Iterator[Part]:
    if site.frames:
        yield Part("frames", {"origins": site.frames})


def _native(site: Site) -> Iterator[Part]:
    if site.native:
        yield Part("native", {})


def _handoff(site: Site) -> Iterator[Part]:
    if site.sisters:
        # Pages on one origin keep one choice for each site as it is: there is no way to go.
        by_origin = {
            origin: key
            for key, origins in site.sisters.items()
            for origin in origins
            if origin not in site.origins
        }
        yield Part("handoff", {"sisters": by_origin})


def _debug(site: Site) -> Iterator[Part]:
    if site.debug:
        yield Part("debug", {})
