"""A shop with services of three kinds, the service that decides for it, and the shop's own server."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import httpx2
import msgspec
import uvicorn

from holdfire import app, serving
from holdfire.model import Site
from holdfire.sites import load_locales, load_sites
from holdfire.web.enforcement import strictest
from house import NOON, ROOT, Clock, settings

HOST = "127.0.0.1"
ORIGIN = "http://127.0.0.1:8080"
GERMANY, COLORADO = "198.18.74.1", "198.18.5.1"
COOKIE = "holdfire_shop"  # over plain http

SHOP = """
name = "Shop"
origins = ["http://127.0.0.1:8080"]
default_language = "en"
{more}

[[category]]
id = "necessary"

[[category]]
id = "analytics"

[[category]]
id = "marketing"
sale = true

[[service]]
id = "pay"
name = "Pay"
category = "necessary"
hosts = ["pay.example"]
cookies = [{{ name = "pay_sid", purpose = "Holds the basket.", lifetime = "session" }}]

[[service]]
id = "track"
name = "Track"
category = "analytics"
hosts = ["t.example", "*.t.example"]
cookies = [
  {{ name = "_trk", purpose = "Tells visits apart.", lifetime = "1 year" }},
  {{ name = "_trk_*", purpose = "Tells visits apart.", lifetime = "1 year" }},
]

[[service]]
id = "ads"
name = "Ads"
category = "marketing"
hosts = ["ads.example"]
cookies = [{{ name = "_ad", purpose = "Tells visitors apart.", lifetime = "1 year" }}]
"""
COOKIES = ("session=1; Path=/", "_trk=2; Path=/; HttpOnly", "_trk_9=3; Path=/", "_ad=4; Path=/")
NEVER = "http://127.0.0.1:9"  # nobody listens on discard's port


@cache
def locales() -> dict[str, dict[str, str]]:
    """English."""
    return {"en": load_locales(ROOT / "config/locales")["en"]}


def shop(folder: Path, more: str = "") -> Site:
    """The shop, with some more in its file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shop.toml").write_text(SHOP.format(more=more), "utf-8")
    return load_sites(folder, locales())["shop"]


def kept(folder: Path, site: Site) -> Path:
    """The file that ``holdfire csp shop --json`` writes."""
    path = folder / "shop.csp.json"
    path.write_bytes(msgspec.json.encode(strictest(site)))
    return path


@contextmanager
def listening(application: object) -> Iterator[int]:
    """Serve an ASGI application from a thread; yields its port."""
    with serving.listen(HOST, 0) as listener:
        config = uvicorn.Config(
            application,  # type: ignore[arg-type]  # any ASGI application
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def deciding(folder: Path, site: Site) -> Iterator[str]:
    """The service, which believes its own machine; yields its address."""
    options = settings(folder, trusted_proxies=("127.0.0.0/8",), graceful_seconds=1)
    built = app.build(options, {site.id: site}, clock=Clock(NOON), prebuild=False)
    with listening(built) as port:
        yield f"http://{HOST}:{port}"


def choose(base: str, site: Site, *granted: str) -> str:
    """Somebody in Germany chooses; returns their token."""
    answer = httpx2.post(
        f"{base}/v1/sites/shop/choices",
        headers={"origin": ORIGIN, "x-forwarded-for": GERMANY},
        json={
            "event_id": str(uuid.uuid4()),
            "action": "save",
            "categories": {key: key in granted for key in ("analytics", "marketing")},
            "services": {},
            "notice_version": site.version,
            "language": "en",
            "layer": 1,
            "control": "save",
            "client_time": "2026-11-21T12:00:00Z",
        },
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])
