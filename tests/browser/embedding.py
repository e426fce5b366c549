"""One shop whose pages hold frames of other origins, all on one real server.

Every name below ``localhost`` is this machine's, and a site of its own to Chromium: the shop is at
``shop.localhost``, and the frames that it lists at ``ads.localhost`` and ``widget.localhost``.
At ``bare.localhost`` is the same shop, but for the question, which it draws itself.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from hosting import threaded
from playwright.sync_api import Browser, BrowserContext, Page, Request
from starlette.requests import Request as Asked
from starlette.responses import Response
from starlette.routing import Route

from holdfire import app, serving
from holdfire.model import Look
from house import demo_site, settings

POLICY = "default-src * 'unsafe-inline' data: blob:; frame-ancestors *"
LISTED = ("ads", "widget")
Rendering = Callable[[Asked], str]


@dataclass
class Embedding:
    """The running server."""

    port: int
    pages: dict[tuple[str, str], str | Rendering] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # every host and path of a page, as asked for

    def origin(self, name: str) -> str:
        """The origin of one of its names."""
        return f"http://{name}.localhost:{self.port}"

    def write(self, name: str, path: str, body: str | Rendering) -> str:
        """Write a page, or what makes one for each request. Returns its address."""
        self.pages[f"{name}.localhost:{self.port}", path] = body
        return self.origin(name) + path

    def boot(self, place: str = "DE", site: str = "shop") -> str:
        """The line that puts a page of the shop under control; by its address without a place."""
        query = f"?geo={place}" if place else ""
        return f'<script async src="/s/{site}.js{query}"></script>'

    def script(self, page: str | None = None) -> str:
        """The line that lets a frame read."""
        page = page or self.origin("shop")
        return f'<script src="{self.origin("shop")}/frame.js" data-page="{page}"></script>'

    def frame(self, name: str, path: str, body: str = "", more: str = "") -> str:
        """A frame at a name, as markup for whoever holds it."""
        address = self.write(name, path, f"<!doctype html>{self.script()}{body}")
        return f'<iframe name="{name}" src="{address}" {more}></iframe>'


@contextmanager
def embedding(folder: Path) -> Iterator[Embedding]:
    """Run it in this process, until the tests are through with it."""
    with serving.listen("127.0.0.1", 0) as listener:
        found = Embedding(listener.getsockname()[1])
        site = demo_site()
        shop = msgspec.structs.replace(
            site,
            id="shop",
            origins=(found.origin("shop"),),
            texts={"en": site.texts["en"]},
            frames=tuple(found.origin(name) for name in LISTED),
            native=True,
        )
        bare = msgspec.structs.replace(
            shop, id="bare", origins=(found.origin("bare"),), look=Look(layout="headless")
        )

        async def page(request: Asked) -> Response:
            place = (request.headers["host"], request.url.path)
            found.asked.append("".join(place))
            body = found.pages.get(place, "<!doctype html><title>Elsewhere</title>")
            # What makes a page may ask this very server.
            html = body if isinstance(body, str) else await asyncio.to_thread(body, request)
            # "no-store" would keep a page out of the back/forward cache.
            headers = {"content-security-policy": POLICY, "cache-control": "no-cache"}
            return Response(html, headers=headers, media_type="text/html")

        options = settings(folder, trusted_proxies=("127.0.0.0/8",))
        application = app.build(
            options,
            {one.id: one for one in (shop, bare)},
            demo=True,
            prebuild=False,
            extra_routes=[Route("/{path:path}", page)],
        )
        with threaded(application, options, listener):
            yield found


@dataclass
class Shopper:
    """One visitor, and everything their pages asked for or threw."""

    context: BrowserContext
    served: Embedding
    requests: list[Request] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def open(self, address: str) -> Page:
        """Open a page in a tab of its own, and wait until Holdfire is ready."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.goto(address)
        page.wait_for_function("() => !!window.holdfire?.ready")
        return page

    def shop(self, body: str, place: str = "DE", path: str = "/") -> Page:
        """Open a page of the shop with this body."""
        markup = f"<!doctype html><title>Shop</title>{self.served.boot(place)}{body}"
        return self.open(self.served.write("shop", path, markup))

    def posted(self) -> list[str]:
        """The address of everything that was sent."""
        return [r.url for r in self.requests if r.method == "POST"]


@contextmanager
def shopper(browser: Browser, served: Embedding, **options: Any) -> Iterator[Shopper]:
    """A fresh visitor; a page that threw fails the test."""
    context = browser.new_context(**options)
    context.set_default_timeout(10_000)
    who = Shopper(context, served)
    context.on("request", lambda request: who.requests.append(request))
    try:
        yield who
        assert not who.faults, who.faults
    finally:
        context.close()
