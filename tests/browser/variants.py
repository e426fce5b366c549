"""The demo site in every look a site may have, and pages that a test writes, on one real server."""

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from hosting import threaded
from playwright.sync_api import Page
from starlette.requests import Request as Asked
from starlette.responses import Response
from starlette.routing import Route
from visits import Profile, watched

from holdfire import app, serving
from holdfire.model import Look
from house import demo_site, settings

LOOKS = {
    "box": Look(),
    "bar": Look(layout="bar"),
    "dialog": Look(layout="dialog"),
    "blocking": Look(layout="dialog", blocking=True),
    "shy": Look(hide_from_bots=True),
    "headless": Look(layout="headless"),
}
LANGUAGES = ("en", "de", "ar", "ja")
LAX = "default-src * 'unsafe-inline' data:"
"""The policy of a page that has none to speak of; without one it gets the service's own."""
FILLER = "".join(
    f'<p>Paragraph {n}: <a href="#p{n}" id="p{n}">a link of the page</a>.</p>' for n in range(40)
)
"""Enough of a page to scroll, with a link on every screen of it."""


def each_once(ones: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    """All pairs of two lists, the first no shorter; in every run those in which each comes up.

    The other pairs are for ``make test-long``: what is wrong is mostly wrong with one of the two.
    """
    turns = len(others)
    return [
        pytest.param(one, other, marks=() if number % turns == turn else pytest.mark.long)
        for number, one in enumerate(ones)
        for turn, other in enumerate(others)
    ]


@dataclass
class Clock:
    """The server's clock, as far ahead of the true one as a test says. Seconds."""

    ahead: float = 0

    def __call__(self) -> float:
        """The time."""
        return time.time() + self.ahead


@dataclass(frozen=True)
class Written:
    """A page of the site, as a test wrote it."""

    html: str
    policy: str


@dataclass
class Variants:
    """A running service; each variant is a site of its own, with storage keys of its own."""

    port: int
    clock: Clock
    written: dict[str, Written] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # every path of a page, as it was asked for

    @property
    def third(self) -> str:
        """Another origin, where held tags come from."""
        return f"http://127.0.0.1:{self.port}"

    def own(self, site: str) -> str:
        """The origin of a variant's pages; every name below localhost is this machine's."""
        return f"http://{site}.localhost:{self.port}"

    def write(
        self, path: str, body: str, *, site: str = "box", head: str = "", policy: str = LAX
    ) -> str:
        """Write a page; ``__NONCE__`` becomes the nonce of each answer. Returns its address."""
        html = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"{head}</head><body>{body}</body></html>"
        )
        self.written[path] = Written(html, policy)
        return self.own(site) + path

    def boot(self, site: str = "box", place: str = "DE") -> str:
        """The one line that puts a page under control."""
        return f'<script async src="/s/{site}.js?geo={place}" nonce="__NONCE__"></script>'

    def tag(self, name: str, category: str = "analytics") -> str:
        """A held script of the third party; it notes its name when it runs."""
        return (
            f'<script type="text/plain" data-category="{category}" nonce="__NONCE__"'
            f' data-src="{self.third}/tag/{name}.js"></script>'
        )


@contextmanager
def variants(folder: Path) -> Iterator[Variants]:
    """Run them all in this process, until the tests are through with them."""
    with serving.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        found = Variants(port, Clock())
        site = demo_site()
        texts = {tag: site.texts[tag] for tag in LANGUAGES}
        sites = {
            name: msgspec.structs.replace(
                site, id=name, origins=(found.own(name),), look=look, texts=texts
            )
            for name, look in LOOKS.items()
        }

        async def page(request: Asked) -> Response:
            found.asked.append(request.url.path)
            written = found.written.get(request.url.path)
            if written is None:
                return Response("<!doctype html><title>Elsewhere</title>", media_type="text/html")
            nonce = secrets.token_urlsafe(16)
            headers = {
                "content-security-policy": written.policy.replace("__NONCE__", nonce),
                "cache-control": "no-cache",  # "no-store" keeps a page out of the back/forward cache
            }
            html = written.html.replace("__NONCE__", nonce)
            return Response(html, headers=headers, media_type="text/html")

        async def tag(request: Asked) -> Response:
            name = request.path_params["name"]
            code = f"(window.ran = window.ran || []).push('{name}')"
            return Response(code, media_type="text/javascript")

        options = settings(folder)
        application = app.build(
            options,
            sites,
            demo=True,
            clock=found.clock,
            prebuild=False,
            extra_routes=[Route("/tag/{name}.js", tag), Route("/{path:path}", page)],
        )
        with threaded(application, options, listener):
            yield found


@dataclass
class Caller(Profile):
    """One visitor of the variants."""

    variants: Variants

    def open(self, address: str, **more: Any) -> Page:
        """Open a page in a tab of its own, and wait until Holdfire is ready."""
        page = self.load(address, **more)
        page.wait_for_function("() => !!window.holdfire?.ready")
        return page

    def ours(self) -> list[str]:
        """The path of every request but those of pages and of tags."""
        return [
            path
            for r in self.requests
            if (path := urlsplit(r.url).path).startswith(("/s/", "/assets/", "/v1/"))
        ]

    def fired(self) -> list[str]:
        """The names of the tags that were fetched, in their order."""
        place = f"{self.variants.third}/tag/"
        return [
            r.url.removeprefix(place).removesuffix(".js")
            for r in self.requests
            if r.url.startswith(place)
        ]


@contextmanager
def caller(browser: Any, found: Variants, **options: Any) -> Iterator[Caller]:
    """A fresh visitor; a page that threw fails the test."""
    with watched(Caller(browser.new_context(**options), found)) as who:
        yield who
