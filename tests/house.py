"""A whole service for a test: built as operators build it, with a clock that stands still."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
from starlette.testclient import TestClient

from holdfire import app
from holdfire.model import Site
from holdfire.settings import Settings
from holdfire.sites import load_locales, load_sites
from holdfire.tokens import VisitorToken

ROOT = Path(__file__).parent.parent
DATA = Path(__file__).parent / "data"
ORIGIN = "http://127.0.0.1:8080"
STATED = 2  # entries of a new log before the first act: the keys, and what the site shows
NOON = 1_795_262_400.0  # 2026-11-21T12:00:00Z

# Addresses of tests/data/geo-test.csv, by the place they are in.
PEERS = {
    "US-CA": "198.18.4.1",
    "US-CO": "198.18.5.1",
}


@dataclass
class Clock:
    """A clock that moves when it is told to. Seconds since 1970, UTC."""

    now: float = NOON

    def __call__(self) -> float:
        """The time."""
        return self.now

    def forward(self, *, days: float = 0, seconds: float = 0) -> None:
        """Move on."""
        self.now += days * 86_400 + seconds


@dataclass
class Service:
    """The running service, and words for what visitors and tags ask of it."""

    client: TestClient
    clock: Clock
    site: Site
    folder: Path
    defaults: dict[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """Where the demo site's endpoints are."""
        return f"/v1/sites/{self.site.id}"

    def get(self, path: str, **more: Any) -> httpx2.Response:
        """GET below the site's endpoints."""
        return self.client.get(self.base + path, **more)

    def choice(self, action: str = "save", **members: Any) -> dict[str, Any]:
        """A well-formed choice; members given replace or extend it."""
        granted = action == "accept_all"
        return {
            "event_id": str(uuid.uuid4()),
            "action": action,
            "categories": {"functional": granted, "analytics": granted, "marketing": granted},
            "services": {},
            "notice_version": self.site.version,
            "language": "en",
            "layer": 1,
            "control": action,
            "client_time": "2026-11-21T12:00:00Z",
            **members,
        }

    def choose(
        self, action: str = "save", *, headers: dict[str, str] | None = None, **members: Any
    ) -> httpx2.Response:
        """Make a choice from a page of the site, in this client's browser."""
        return self.post(self.choice(action, **members), headers=headers)

    def post(
        self, body: object, *, headers: dict[str, str] | None = None, query: str = ""
    ) -> httpx2.Response:
        """POST a body as it is; bytes go unchanged."""
        sent = {"origin": ORIGIN, "content-type": "application/json", **(headers or {})}
        url = f"{self.base}/choices{query}"
        if isinstance(body, bytes):
            return self.client.post(url, content=body, headers=sent)
        return self.client.post(url, json=body, headers=sent)

    def allowed(self, **more: Any) -> dict[str, bool]:
        """What each category was answered."""
        answer = self.get("/decisions", **more).json()
        return {key: decision["allow"] for key, decision in answer["categories"].items()}

    def reason(self, category: str, **more: Any) -> str:
        """Why one category was answered as it was."""
        answer = self.get(f"/decision?category={category}", **more).json()
        return str(answer["reason"])

    def signed(self, visitor: str, *, site: str = "demo", age: int | None = None) -> str:
        """A token that the service itself signed, for a site and a visitor of the test's choice."""
        token = VisitorToken(
            visitor=visitor,
            seq=1,
            recorded_at=0,
            valid_until=0,
            notice_version="0" * 16,
            action="save",
            categories={},
            age=age,
        )
        tokens = self.client.app.state.house.ctx.tokens  # type: ignore[attr-defined]  # the client types it as any ASGI callable
        return str(tokens.sign(site, token))


def settings(folder: Path, **more: Any) -> Settings:
    """Settings of a service that keeps everything in one folder and knows the test places."""
    return Settings(
        **{
            "database": f"sqlite:///{folder}/holdfire.db",
            "data_dir": str(folder / "var"),
            "geo_database": str(DATA / "geo-test.mmdb"),
            **more,
        }
    )


@cache
def demo_site() -> Site:
    """The demo site, as its file has it."""
    shipped = ROOT / "config"
    return load_sites(shipped / "sites", load_locales(shipped / "locales"))["demo"]


@contextmanager
def running(
    folder: Path,
    *,
    peer: str = PEERS["US-CA"],
    demo: bool = True,
    site: Site | None = None,
    clock: Clock | None = None,
    **more: Any,
) -> Iterator[Service]:
    """Run a service for one browser at ``peer``; ``more`` are settings."""
    clock = clock or Clock()
    site = site or demo_site()
    built = app.build(
        settings(folder, **more), {site.id: site}, demo=demo, clock=clock, prebuild=False
    )
    with TestClient(
        built, base_url=ORIGIN, client=(peer, 50_000), raise_server_exceptions=False
    ) as client:
        client.headers.pop("user-agent", None)
        yield Service(client, clock, site, folder)
