"""A site with adapters on a real server, pages that a test writes, and a third party that notes."""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hosting import threaded
from playwright.sync_api import Browser, Page
from starlette.requests import Request as Asked
from starlette.responses import Response
from starlette.routing import Route
from visits import Profile, watched

from holdfire import app, serving
from holdfire.model import Site
from holdfire.sites import load_locales, load_sites
from holdfire.web.snippet import snippet
from house import ROOT, settings

SHOP = """
name = "Shop"
origins = ["{origin}"]
default_language = "en"

[links]
privacy_policy = "https://shop.example/privacy"

[[category]]
id = "necessary"

[[category]]
id = "functional"

[[category]]
id = "analytics"

[[category]]
id = "marketing"
sale = true

{adapters}
"""
PAGE = (
    "<!doctype html><html lang=en><head><title>Shop</title>{head}</head><body>{body}</body></html>"
)
OPEN = {
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "*",
    "cache-control": "no-store",
}


@dataclass
class Telling:
    """A running service with one site, and the third party on another origin of its port."""

    port: int
    site: Site
    pages: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)  # name → code that the third party serves
    hits: list[str] = field(default_factory=list)  # what the third party was asked, or sent

    @property
    def own(self) -> str:
        """The origin of the shop; every name below localhost is this machine's."""
        return f"http://shop.localhost:{self.port}"

    @property
    def third(self) -> str:
        """The origin of the third party."""
        return f"http://127.0.0.1:{self.port}"

    def write(
        self, path: str, body: str = "", *, head: str = "", place: str = "DE", stub: bool = True
    ) -> str:
        """Write a page with what owners paste, after ``head``; without ``stub`` the script alone."""
        pasted = snippet(self.site, "")
        boot = f'<script async src="/s/shop.js?geo={place}"></script>'
        lines = [*pasted.splitlines()[:-1], boot] if stub else [boot]
        self.pages[path] = PAGE.format(head=head + "\n".join(lines), body=body)
        return self.own + path

    def held(self, name: str, category: str) -> str:
        """A tag of the third party, held in the page."""
        return (
            f'<script type="text/plain" data-category="{category}"'
            f' data-src="{self.third}/tag/{name}.js"></script>'
        )


@contextmanager
def telling(folder: Path, adapters: str) -> Iterator[Telling]:
    """Run it in this process, until the tests are through with it."""
    with serving.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        (folder / "shop.toml").write_text(
            SHOP.format(origin=f"http://shop.localhost:{port}", adapters=textwrap.dedent(adapters)),
            "utf-8",
        )
        site = load_sites(folder, load_locales(ROOT / "config/locales"))["shop"]
        found = Telling(port, site)

        async def page(request: Asked) -> Response:
            html = found.pages.get(request.url.path, "<!doctype html><title>Elsewhere</title>")
            headers = {"content-security-policy": "default-src * 'unsafe-inline' data: blob:"}
            return Response(html, headers=headers, media_type="text/html")

        async def tag(request: Asked) -> Response:
            code = found.tags[request.path_params["name"]]
            return Response(code, headers=OPEN, media_type="text/javascript")

        async def hit(request: Asked) -> Response:
            found.hits.append(f"{request.method} {request.url.path}")
            return Response("{}", headers=OPEN, media_type="application/json")

        routes = [
            Route("/tag/{name}.js", tag),
            Route("/hit/{path:path}", hit, methods=["GET", "POST", "OPTIONS"]),
            Route("/{path:path}", page),
        ]
        options = settings(folder)
        application = app.build(
            options, {"shop": site}, demo=True, prebuild=False, extra_routes=routes
        )
        with threaded(application, options, listener):
            yield found


@dataclass
class Customer(Profile):
    """One visitor of the shop."""

    telling: Telling

    def open(self, address: str, **more: Any) -> Page:
        """Open a page, and wait until Holdfire is ready."""
        page = self.load(address, **more)
        page.wait_for_function("() => !!window.holdfire?.ready")
        return page

    def third_party(self) -> list[str]:
        """Every request to the third party, or to anybody else."""
        return [r.url for r in self.requests if not r.url.startswith(self.telling.own)]


@contextmanager
def customer(browser: Browser, found: Telling, **options: Any) -> Iterator[Customer]:
    """A fresh visitor; a page that threw fails the test."""
    with watched(Customer(browser.new_context(**options), found)) as who:
        yield who
