"""A choice goes along to a sister site on another origin, by a link that is clicked and by nothing else."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hosting import SITE, pages
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect
from visits import SETTLE_MS, stop

from ports import free_port, ready

PAGE = """\
<!doctype html>
<html lang="en">
<title>{site}</title>
<script async src="{base}/s/{site}.js"></script>
<h2 id="chapter">A chapter</h2>
<a id="sister" href="{sister}/{fragment}">The other site</a>
</html>
"""
ACCEPT = "Accept all"
ACCEPTS = {"name": ACCEPT, "exact": True}


@dataclass
class Sisters:
    """Two sites, the service behind them, and a third that is no sister."""

    shop: str
    blog: str
    other: str
    service: int
    folder: Path
    # site → how many records the tests before this one left
    before: dict[str, int] = field(default_factory=dict, init=False)

    def records(self, site: str) -> list[str]:
        """The controls of what this test recorded for a site, in order."""
        with sqlite3.connect(self.folder / "holdfire.db") as log:
            rows = log.execute(
                "SELECT body FROM record JOIN evidence USING (log, log_index)"
                " WHERE site = ? ORDER BY log, log_index",
                (site,),
            )
            found = [json.loads(evidence)["control"] for (evidence,) in rows]
            return found[self.before.get(site, 0) :]

    def start_over(self) -> None:
        """Write the pages anew, and count records from here on."""
        self.before = {}
        for site in ("shop", "blog"):
            self.before[site] = len(self.records(site))
            self.write(site)

    def write(self, site: str, fragment: str = "", *, name: str = "index.html") -> None:
        """Write a page of a site with a link to the other, each by the host it is known by."""
        own, sister = (self.shop, self.blog) if site == "shop" else (self.blog, self.shop)
        host = own.rpartition(":")[0]
        text = PAGE.format(
            site=site, base=f"{host}:{self.service}", sister=sister, fragment=fragment
        )
        (self.folder / site / name).write_text(text)


@contextmanager
def serving(folder: Path, **origins: str) -> Iterator[int]:
    """``holdfire serve`` for sister sites at these origins; yields the port."""
    sites = folder / "sites"
    sites.mkdir()
    for name, origin in origins.items():
        others = json.dumps([other for other in origins if other != name])
        listed = f'origins = ["{origin}"]\nsisters = {others}'
        text = SITE.format(origin=origin).replace(f'origins = ["{origin}"]', listed)
        (sites / f"{name}.toml").write_text(text)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "holdfire", "serve"],
        cwd=folder,
        env={
            **os.environ,
            "HOLDFIRE_PORT": str(port),
            "HOLDFIRE_SITES_DIR": str(sites),
            "HOLDFIRE_DATABASE": f"sqlite:///{folder}/holdfire.db",
            "HOLDFIRE_LOG_LEVEL": "error",
        },
        text=True,
    )
    try:
        ready(f"http://127.0.0.1:{port}/readyz")
        yield port
    finally:
        stop(process)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sisters]:
    """One service for all tests of this file, and a web server for each host."""
    folder = tmp_path_factory.mktemp("sisters")
    for name in ("shop", "blog", "other"):
        (folder / name).mkdir()
    with (
        pages(folder / "shop") as shop,
        pages(folder / "blog") as blog,
        pages(folder / "other") as other,
    ):
        origins = {"shop": f"http://127.0.0.1:{shop}", "blog": f"http://localhost:{blog}"}
        with serving(folder, **origins) as service:
            yield Sisters(
                **origins, other=f"http://127.0.0.1:{other}", service=service, folder=folder
            )


@pytest.fixture
def sisters(served: Sisters) -> Sisters:
    """A shop on one host, its blog on another, and somebody else's page, as nobody left them."""
    served.start_over()
    return served


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile."""
    found = browser.new_context()
    found.set_default_timeout(10_000)
    yield found
    found.close()


def visit(context: BrowserContext, url: str) -> Page:
    """Open a page, and wait until Holdfire is ready."""
    page = context.new_page()
    page.goto(url)
    page.wait_for_function("() => window.holdfire")
    return page


def choose(page: Page, name: str) -> None:
    """Use a button of the banner, until the service has recorded it."""
    with page.expect_response(lambda answer: "/choices" in answer.url and answer.status == 201):
        page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_function("() => !Object.keys(localStorage).some(key => key.includes(':out:'))")


def minted(page: Page, sisters: Sisters) -> str:
    """A genuine token, asked for by a page of the shop as the part does."""
    token: str = page.evaluate(
        """async ([base, token]) => {
          const answer = await fetch(`${base}/v1/sites/shop/handoffs`, {
            method: "POST", body: '{"site": "blog"}',
            headers: {"content-type": "application/json",
                      authorization: `Bearer ${localStorage["holdfire:shop:token"]}`}});
          return (await answer.json()).token;
        }""",
        [f"http://127.0.0.1:{sisters.service}", None],
    )
    assert token
    return token


@pytest.mark.parametrize(("button", "allowed"), [(ACCEPT, True), ("Reject all", False)])
def test_who_has_chosen_is_not_asked_again(
    context: BrowserContext,
    sisters: Sisters,
    button: str,
    allowed: bool,  # noqa: FBT001 -- a parameter
) -> None:
    """One click on a link, one record on each side, nothing in the address, and nothing twice."""
    page = visit(context, sisters.shop)
    choose(page, button)
    requests: list[Request] = []
    context.on("request", lambda request: requests.append(request))
    page.locator("#sister").click()
    page.wait_for_url(f"{sisters.blog}/")
    page.wait_for_function(
        "wanted => window.holdfire?.decision('marketing').reason === wanted",
        arg="choice_granted" if allowed else "choice_denied",
    )
    expect(page.get_by_role("button", **ACCEPTS)).to_be_hidden()  # type: ignore[arg-type]  # a dict of its own arguments
    assert page.url == f"{sisters.blog}/"
    assert page.evaluate("() => window.holdfire.allowed('marketing')") is allowed

    page.reload()
    page.wait_for_function("() => window.holdfire")
    page.wait_for_timeout(SETTLE_MS)
    expect(page.get_by_role("button", **ACCEPTS)).to_be_hidden()  # type: ignore[arg-type]  # a dict of its own arguments
    posts = [request.url.rpartition("/")[2] for request in requests if request.method == "POST"]
    assert posts == ["handoffs", "takeovers"]
    assert not [request.url for request in requests if "holdfire=" in request.url.partition("#")[0]]
    first = "accept_all" if allowed else "reject_all"
    assert sisters.records("shop") == [first, "hand_over"]
    assert sisters.records("blog") == ["hand_off"]

    # The way back carries nothing: the shop knows its visitor.
    page.locator("#sister").click()
    page.wait_for_url(f"{sisters.shop}/")
    page.wait_for_function("() => window.holdfire")
    page.wait_for_timeout(SETTLE_MS)
    assert sisters.records("shop") == [first, "hand_over"]


def test_a_link_into_a_page_still_leads_there(context: BrowserContext, sisters: Sisters) -> None:
    """The link's own fragment is what is left in the address."""
    sisters.write("shop", "#chapter")
    page = visit(context, sisters.shop)
    choose(page, ACCEPT)
    page.locator("#sister").click()
    page.wait_for_url(f"{sisters.blog}/#chapter")
    page.wait_for_function("() => window.holdfire?.allowed('marketing')")

    assert page.url == f"{sisters.blog}/#chapter"


def test_who_refuses_while_a_consent_is_on_its_way_has_refused(
    context: BrowserContext, sisters: Sisters
) -> None:
    """The visitor's own word at the site counts, whatever arrives after it."""
    page = visit(context, sisters.shop)
    choose(page, ACCEPT)
    waiting = []
    page.route("**/takeovers*", lambda route: waiting.append(route))
    page.locator("#sister").click()
    page.wait_for_url(f"{sisters.blog}/")
    choose(page, "Reject all")
    waiting[0].continue_()
    page.wait_for_timeout(SETTLE_MS)

    for _ in range(2):
        assert page.evaluate("() => window.holdfire.decision('marketing').reason") == (
            "choice_denied"
        )
        page.reload()
        page.wait_for_function("() => window.holdfire")


@pytest.mark.parametrize("way", ["query", "elsewhere", "frame", "message"])
def test_nothing_but_a_link_of_the_sister_carries_a_choice(
    context: BrowserContext, sisters: Sisters, way: str
) -> None:
    """A genuine token in a query, on somebody else's page, in a frame or in a message does nothing."""
    shop = visit(context, sisters.shop)
    choose(shop, ACCEPT)
    token = minted(shop, sisters)
    posts: list[str] = []
    context.on("request", lambda one: posts.append(one.url) if one.method == "POST" else None)
    page = context.new_page()
    target = f"{sisters.blog}/#holdfire={token}"
    if way == "query":
        page = visit(context, f"{sisters.blog}/?holdfire={token}")
    elif way == "elsewhere":
        link = f'<a href="{target}">Free hats</a>'
        (sisters.folder / "other/index.html").write_text(link)
        page.goto(sisters.other)
        page.get_by_text("Free hats").click()
        page.wait_for_url(f"{sisters.blog}/")
    elif way == "frame":
        (sisters.folder / "shop/framing.html").write_text(f'<iframe src="{target}"></iframe>')
        page.goto(f"{sisters.shop}/framing.html")
        page.frame_locator("iframe").locator("#sister").wait_for()
    else:
        said = json.dumps({"holdfire": 1, "token": token, "from": sisters.shop})
        (sisters.folder / "shop/sender.html").write_text(
            f"<script>for (const said of [{said}, '#holdfire={token}', JSON.stringify({said})])"
            " parent.postMessage(said, '*')</script>"
        )
        frame = f'<iframe src="{sisters.shop}/sender.html"></iframe></html>'
        index = sisters.folder / "blog/index.html"
        index.write_text(index.read_text().replace("</html>", frame))
        page = visit(context, sisters.blog)
    page.wait_for_timeout(SETTLE_MS)

    assert [url for url in posts if "takeovers" in url and way != "elsewhere"] == []
    assert sisters.records("blog") == []
    there = next(frame for frame in page.frames if frame.url.startswith(sisters.blog))
    there.wait_for_function("() => window.holdfire?.decision")
    assert there.evaluate("() => window.holdfire.allowed('marketing')") is False
