"""The gate in a real browser: one script address that loads a registered tag, or says why not.

Under a content security policy of nonces, because the nonce is all that a tag's own loader has to
go on there. The tags lie at another origin, each with the digest that its site file states.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hosting import threaded
from playwright.sync_api import Browser, ConsoleMessage, Page, Response
from starlette.requests import Request as Asked
from starlette.responses import Response as Told
from starlette.routing import Route
from visits import Profile, watched

from holdfire import app, serving
from holdfire.model import Reason, Service, Site
from holdfire.web.tags import ADVICE
from house import demo_site, settings

FIRES = "(window.fired = window.fired || []).push('{name}');"
CSP = "default-src 'none'; connect-src 'self'; script-src 'nonce-{nonce}'"
CHOOSE = """async ([action, granted, version]) => {
  const answer = await fetch('/v1/sites/shop/choices?geo=DE', {
    method: 'POST', headers: {'content-type': 'application/json'},
    body: JSON.stringify({event_id: crypto.randomUUID(), action, notice_version: version,
      categories: {functional: granted, analytics: granted, marketing: granted},
      language: 'en', layer: 1, control: action, client_time: new Date().toISOString()})});
  return answer.status;
}"""
TRICKS = (
    "nobody",
    "posthog.js%3f",
    "%2e%2e%2fposthog",
    "..%2f..%2f..%2fetc%2fpasswd",
    "posthog%00",
    "posthog%0d%0aLocation:%20http:%2f%2fevil.example",
    "%0d%0a%0d%0aalert(1)",
    "%2f%2fevil.example%2fx",
    "http:%2f%2fevil.example%2fx",
    "*%2falert(1)%2f*",
    "%3cscript%3ealert(1)%3c%2fscript%3e",
    "%e2%80%a8alert(1)",
    "__proto__",
    "constructor",
    "POSTHOG",
    "posthog%20",
    "posthog;v=1",
    "%ff%fe",
    "x" * 900,
)


@dataclass
class Gate:
    """A running shop with tags behind the gate, and pages of its own."""

    port: int
    site: Site
    fetched: list[str] = field(default_factory=list)  # names of tags that the third party served

    @property
    def own(self) -> str:
        """The origin of the shop."""
        return f"http://shop.localhost:{self.port}"

    def page(self, *names: str) -> str:
        """The address of a page that has the gates of these services in its markup."""
        return f"{self.own}/page?{'+'.join(names)}"


def code(name: str) -> str:
    """What a tag's maker serves."""
    return FIRES.format(name=name)


def integrity(text: str) -> str:
    """The digest of a script, as a site file states it (W3C SRI §3.5)."""
    return f"sha384-{base64.b64encode(hashlib.sha384(text.encode()).digest()).decode()}"


def registered(third: str) -> tuple[Service, ...]:
    """Tags that are whole, changed by somebody on the way, without a digest, and without a script."""

    def tag(name: str, digest: str, *, script: bool = True) -> Service:
        url = f"{third}/tag/{name}.js?a=1&b=</script>" if script else ""
        return Service(
            id=name,
            name=name,
            category="analytics",
            script=url,
            integrity=digest,
            hosts=("127.0.0.1",),
        )

    return (
        tag("whole", integrity(code("whole"))),
        tag("changed", integrity("something else")),
        tag("undigested", ""),
        tag("bare", "", script=False),
    )


def written(asked: Asked, site: Site) -> Told:
    """A page under nonces, with the gates that its address names; it sets the CSP of each answer."""
    nonce = secrets.token_urlsafe(16)
    names = asked.url.query.split("+") if asked.url.query else []
    gates = "".join(
        f'<script nonce="{nonce}" src="/v1/sites/{site.id}/tags/{name}.js?geo=DE"></script>'
        for name in names
    )
    html = f"<!doctype html><html lang=en><title>Shop</title><body>{gates}</body></html>"
    headers = {"content-security-policy": CSP.format(nonce=nonce), "cache-control": "no-cache"}
    return Told(html, headers=headers, media_type="text/html")


@contextmanager
def gated(folder: Path) -> Iterator[Gate]:
    """Run it in this process, until the tests are through with it."""
    with serving.listen("127.0.0.1", 0) as listener:
        port: int = listener.getsockname()[1]
        shipped = demo_site()
        site = msgspec.structs.replace(
            shipped,
            id="shop",
            origins=(f"http://shop.localhost:{port}",),
            texts={"en": shipped.texts["en"]},
            services=registered(f"http://127.0.0.1:{port}"),
        )
        found = Gate(port, site)

        async def page(request: Asked) -> Told:
            return written(request, site)

        async def tag(request: Asked) -> Told:
            name = request.path_params["name"]
            found.fetched.append(name)
            headers = {"access-control-allow-origin": "*"}
            return Told(code(name), headers=headers, media_type="text/javascript")

        options = settings(folder)
        application = app.build(
            options,
            {"shop": site},
            demo=True,
            prebuild=False,
            extra_routes=[Route("/tag/{name}.js", tag), Route("/page", page)],
        )
        with threaded(application, options, listener):
            yield found


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """One shop for all tests of this file."""
    with gated(tmp_path_factory.mktemp("gate")) as found:
        yield found


@dataclass
class Shopper(Profile):
    """One visitor of the shop."""

    gate: Gate
    answers: list[Response] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def open(self, *names: str) -> Page:
        """Load a page with these gates in a tab of its own, to the end of all that it asks for."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self.hear)
        page.on("response", lambda answer: self.answers.append(answer))
        page.goto(self.gate.page(*names), wait_until="networkidle")
        return page

    def hear(self, message: ConsoleMessage) -> None:
        """Note what the browser tells the developer."""
        self.said.append(message.text)

    def choose(self, page: Page, action: str) -> None:
        """Act, as the page would, and see that it is recorded."""
        granted = action == "accept_all"
        assert page.evaluate(CHOOSE, [action, granted, self.gate.site.version]) == 201

    def told(self, name: str) -> Response:
        """The newest answer of one gate."""
        return next(a for a in reversed(self.answers) if f"/tags/{name}.js" in a.url)


@pytest.fixture
def shopper(browser: Browser, gate: Gate) -> Iterator[Shopper]:
    """A fresh visitor; a page that threw fails the test."""
    gate.fetched.clear()
    with watched(Shopper(browser.new_context(), gate)) as found:
        yield found


def fired(page: Page) -> list[str]:
    """The tags that ran."""
    names: list[str] = page.evaluate("() => window.fired || []")
    return sorted(names)


def test_nothing_is_loaded_before_a_yes(shopper: Shopper) -> None:
    """Each gate is one comment, of which the first line says why and the rest what to make of it."""
    page = shopper.open("whole", "undigested", "bare")

    assert fired(page) == []
    assert shopper.gate.fetched == []
    text = shopper.told("whole").text()
    assert text.startswith("/* holdfire: held: whole (analytics), default_denied, regime de\n")
    assert re.fullmatch(r"/\*[^*]*\*/\n", text)
    assert "yes first" in text


def test_a_yes_loads_what_is_registered(shopper: Shopper) -> None:
    """Nonce and digest are carried on: what is whole runs, what was changed on the way does not."""
    shopper.choose(shopper.open(), "accept_all")
    page = shopper.open("whole", "undigested", "changed", "bare")

    assert fired(page) == ["undigested", "whole"]
    assert sorted(shopper.gate.fetched) == ["changed", "undigested", "whole"]
    assert any("integrity" in text for text in shopper.said)
    assert not [text for text in shopper.said if "Content Security Policy" in text]
    loaded = page.locator("script[src*='/tag/whole.js']")
    assert loaded.get_attribute("integrity") == integrity(code("whole"))
    assert loaded.get_attribute("src") == shopper.gate.site.services[0].script
    assert loaded.evaluate("script => script.nonce") == page.locator(
        "script[src*='/tags/whole.js']"
    ).evaluate("script => script.nonce")
    assert "no script" in shopper.told("bare").text()


def test_a_withdrawal_is_not_outlived_by_a_copy(shopper: Shopper) -> None:
    """After it nothing runs: in the same page, in a page loaded anew, and in one gone back to."""
    shopper.choose(shopper.open(), "accept_all")
    page = shopper.open("whole")
    assert fired(page) == ["whole"]
    assert "no-store" in shopper.told("whole").headers["cache-control"]

    shopper.choose(page, "withdraw")
    shopper.gate.fetched.clear()
    page.evaluate(
        """() => new Promise(resolve => {
          const gate = document.querySelector("script[src*='/tags/whole.js']");
          const again = document.createElement("script");
          again.nonce = gate.nonce;
          again.onload = again.onerror = resolve;
          again.src = gate.src;
          document.body.append(again);
        })"""
    )
    assert fired(page) == ["whole"]  # from before, and not once more
    page.reload(wait_until="networkidle")
    assert fired(page) == []
    page.goto(shopper.gate.page(), wait_until="networkidle")
    page.go_back(wait_until="networkidle")
    assert fired(page) == []
    assert shopper.gate.fetched == []
    assert "choice_denied" in shopper.told("whole").text()


def test_a_foreign_page_cannot_read_the_gate(shopper: Shopper, gate: Gate) -> None:
    """The gate is a script for whoever embeds it, and no document: no other origin reads its text."""
    page = shopper.open()
    answer = page.request.get(
        f"http://127.0.0.1:{gate.port}/v1/sites/shop/tags/whole.js",
        headers={"origin": "https://evil.example"},
    )
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", TRICKS, ids=[name[:40] for name in TRICKS])
def test_a_name_that_is_none_gets_a_comment(shopper: Shopper, name: str) -> None:
    """Whatever is asked for: no redirect, no request elsewhere, nothing of the name, nothing runs."""
    page = shopper.open()
    shopper.choose(page, "accept_all")
    shopper.requests.clear()

    page = shopper.open(name)
    told: Any = [a for a in shopper.answers if "/v1/sites/shop/tags/" in a.url]

    assert fired(page) == []
    assert {request.url.split("/")[2] for request in shopper.requests} == {
        shopper.gate.own.removeprefix("http://")
    }
    for answer in told:
        assert answer.status in {200, 400, 404}
        assert "location" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
        text = answer.text()
        assert "alert" not in text
        assert "evil" not in text
        if answer.status == 200:
            assert re.fullmatch(r"/\* holdfire: held: unknown_service\n[^*]*\*/\n", text)


def test_every_refusal_has_its_advice() -> None:
    """Each reason that denies is told in a sentence, which cannot end the comment it stands in."""
    allows = {"necessary", "choice_granted", "default_granted", "exempt_granted"}
    assert set(ADVICE) == set(get_args(Reason)) - allows
    for text in ADVICE.values():
        assert text.endswith((".", "?"))
        assert "*/" not in text
