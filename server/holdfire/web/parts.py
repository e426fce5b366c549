"""Parts of the SDK that a site turns on: each is there before anything on the page is decided.

A part is a chunk that travels inside the boot script, with the options it is opened with.
"""

from collections.abc import Iterator
from typing import NamedTuple

from holdfire.model import Rules, Site


class Part(NamedTuple):
    """One chunk, and what it is opened with: a JSON object."""

    chunk: str
    options: dict[str, object]


def parts(site: Site, rules: Rules) -> tuple[Part, ...]:
    """What the site turned on, in the order in which it is told of each decision."""
    return (*_intercept(site), *_frames(site), *_native(site))


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
            "trusted": asked.trusted,
            "hosts": hosts,
        },
    )


def _frames(site: Site) -> Iterator[Part]:
    if site.frames:
        yield Part("frames", {"origins": site.frames})


def _native(site: Site) -> Iterator[Part]:
    if site.native:
        yield Part("native", {})
