"""The snippets of ``holdfire csp``, in a real nginx and, where there is one, a real Caddy."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from visits import stop

import enforcing
from enforcing import COLORADO, COOKIE, COOKIES, GERMANY, NEVER, choose, deciding, shop
from holdfire.middleware.verdict import strictest
from holdfire.model import Site
from nginx import nginx
from ports import free_port, listening

OWN = "img-src 'self'"
HTTP = """\
    # As behind a load balancer: the visitors of a test have addresses of their own.
    set_real_ip_from 127.0.0.0/8;
    real_ip_header X-Forwarded-For;
"""


def page(_: Request) -> Response:
    """A page of the shop, which sets cookies of its own and of its services."""
    answer = PlainTextResponse("page", headers={"content-security-policy": OWN})
    for line in COOKIES:
        answer.headers.append("set-cookie", line)
    return answer


async def echo(request: Request) -> Response:
    """What was sent."""
    return PlainTextResponse(await request.body())


SHOP = Starlette(routes=[Route("/", page), Route("/post", echo, methods=["POST"])])


def snippet(folder: Path, *more: str) -> str:
    """What ``holdfire csp shop`` prints."""
    ran = subprocess.run(
        [sys.executable, "-m", "holdfire", "csp", "shop", *more],
        env={**os.environ, "HOLDFIRE_SITES_DIR": str(folder / "sites")},
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    return ran.stdout


@contextmanager
def behind_nginx(folder: Path, base: str, app: str) -> Iterator[str]:
    """The shop behind nginx, as the snippet has it."""
    text = snippet(folder, "--server", "nginx", "--base", base, "--app", app)
    http, server = text.split("# In your server {}:")
    port = free_port()
    with nginx(folder, port, server, HTTP + http):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def behind_caddy(folder: Path, base: str, app: str) -> Iterator[str]:
    """The shop behind Caddy, as the snippet has it."""
    text = snippet(folder, "--server", "caddy", "--base", base, "--app", app)
    port = free_port()
    text = text.replace("shop.example {", f"http://127.0.0.1:{port} {{")
    (folder / "Caddyfile").write_text(f"{{\n    admin off\n    auto_https off\n}}\n{text}")
    process = subprocess.Popen(
        ["caddy", "run", "--adapter", "caddyfile", "--config", f"{folder}/Caddyfile"],
        text=True,
        env={**os.environ, "HOME": str(folder)},
        stderr=subprocess.DEVNULL,
    )
    try:
        listening(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(process)


Front = Callable[[Path, str, str], AbstractContextManager[str]]
FRONTS = [
    pytest.param(behind_nginx, id="nginx"),
    pytest.param(
        behind_caddy,
        id="caddy",
        marks=pytest.mark.long,  # it is on few machines; its snippet is read in every run
    ),
]


def get(base: str, token: str | None = None, address: str = GERMANY) -> httpx2.Response:
    """A visitor asks for the page."""
    headers = {"x-forwarded-for": address, "x-holdfire-policy": "default-src *"}
    if token:
        headers["cookie"] = f"{COOKIE}={token}"
    return httpx2.get(base, headers=headers, timeout=10)


def left(answer: httpx2.Response) -> set[str]:
    """The names of the cookies that a browser has afterwards."""
    jar: dict[str, bool] = {}
    for line in answer.headers.get_list("set-cookie"):
        jar[line.partition("=")[0]] = "Max-Age=0" not in line
    return {name for name, there in jar.items() if there}


def policies(answer: httpx2.Response) -> list[str]:
    """The lines of policy, the site's own among them."""
    return list(answer.headers.get_list("content-security-policy"))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """The shop, with its file where the command finds it."""
    return shop(tmp_path / "sites")


@pytest.mark.parametrize("front", FRONTS)
def test_the_verdict_is_enforced(front: Front, tmp_path: Path, site: Site) -> None:
    """A visitor's page has the policy for their choice beside its own, and loses refused cookies."""
    with (
        deciding(tmp_path / "service", site) as base,
        enforcing.listening(SHOP) as app,
        front(tmp_path, base, f"http://127.0.0.1:{app}") as shown,
    ):
        nobody, granted = get(shown), get(shown, choose(base, site, "analytics"))
        forged = get(shown, "forged")
        posted = httpx2.post(f"{shown}/post", content=b"basket=1", timeout=10)

    assert OWN in policies(nobody)
    assert OWN in policies(granted)
    assert not [p for p in policies(nobody) if "t.example" in p]
    (ours,) = (p for p in policies(granted) if p != OWN)
    assert "*.t.example:*" in ours
    assert "ads.example" not in ours
    assert policies(forged) == policies(nobody)
    assert {"session", "_trk"} <= left(granted)
    assert not {"_trk", "_ad"} & left(nobody)
    assert "_ad" not in left(granted)
    assert "session" in left(nobody)
    assert nobody.headers["cache-control"] == "private"
    assert (posted.status_code, posted.content) == (200, b"basket=1")


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("front", FRONTS)
def test_without_the_service_the_strictest_is_enforced(front: Front, tmp_path: Path) -> None:
    """The page comes, its posts arrive, and nothing that can be refused is let through."""
    with (
        enforcing.listening(SHOP) as app,
        front(tmp_path, NEVER, f"http://127.0.0.1:{app}") as shown,
    ):
        answer = get(shown)
        posted = httpx2.post(f"{shown}/post", content=b"basket=1", timeout=10)

    assert (answer.status_code, answer.text) == (200, "page")
    (ours,) = (p for p in policies(answer) if p != OWN)
    assert "pay.example:*" in ours
    assert "t.example" not in ours
    assert "session" in left(answer)
    assert not {"_trk", "_ad"} & left(answer)
    assert (posted.status_code, posted.content) == (200, b"basket=1")


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("status", [204, 301, 401, 503])
def test_an_answer_that_is_none_is_the_strictest(front: Front, status: int, tmp_path: Path) -> None:
    """Whatever the service answers without a policy, the page comes, under the strictest."""

    async def answering(_: Request) -> Response:
        return Response(status_code=status, headers={"location": "https://elsewhere.example/"})

    broken = Starlette(routes=[Route("/{path:path}", answering)])
    with (
        enforcing.listening(broken) as base,
        enforcing.listening(SHOP) as app,
        front(tmp_path, f"http://127.0.0.1:{base}", f"http://127.0.0.1:{app}") as shown,
    ):
        answer = get(shown)

    assert (answer.status_code, answer.text) == (200, "page")
    (ours,) = (p for p in policies(answer) if p != OWN)
    assert "t.example" not in ours
    assert not {"_trk", "_ad"} & left(answer)


def test_nginx_tells_the_service_where_the_visitor_is(tmp_path: Path, site: Site) -> None:
    """In Colorado analytics may run until somebody objects, and a signal objects to advertising."""
    with (
        deciding(tmp_path / "service", site) as base,
        enforcing.listening(SHOP) as app,
        behind_nginx(tmp_path, base, f"http://127.0.0.1:{app}") as shown,
    ):
        answer = get(shown, address=COLORADO)

    (ours,) = (p for p in policies(answer) if p != OWN)
    assert "*.t.example:*" in ours
    assert {"session", "_trk", "_trk_9"} <= left(answer)


@pytest.mark.usefixtures("site")
def test_caddy_takes_whole_families_of_cookies(tmp_path: Path) -> None:
    """The snippet names beginnings as well, in matchers and in the fallback alike."""
    text = snippet(tmp_path, "--server", "caddy")

    assert text.count(r'Set-Cookie "^\s*_trk_[^=;]*\s*=.*$"') == 2
    assert r'header_regexp X-Holdfire-Refused-Cookies "(^|, )_trk_\*(,|$)"' in text
    assert "<" not in text


@pytest.mark.usefixtures("site")
def test_the_header_is_that_of_a_visitor_who_has_not_chosen(tmp_path: Path) -> None:
    """For servers that can only send one: what is necessary, and nothing else."""
    text = snippet(tmp_path)

    assert text.startswith("Content-Security-Policy: default-src 'self' pay.example:* 'sha256-")
    assert "t.example" not in text


@pytest.mark.usefixtures("site")
def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    """What would be written into a server's configuration has to be an address."""
    with pytest.raises(subprocess.CalledProcessError) as refused:
        snippet(tmp_path, "--server", "nginx", "--base", "http://x;}")

    assert "is not an address" in refused.value.stderr


@pytest.mark.usefixtures("site")
def test_the_middleware_reads_what_the_command_writes(tmp_path: Path) -> None:
    """With ``--json``: nothing that can be refused, and the names of all cookies to take away."""
    file = tmp_path / "shop.csp.json"
    file.write_text(snippet(tmp_path, "--json"))
    held = strictest(file, "shop")

    assert [key for key in ("pay", "track", "ads") if held.consent.allowed(key)] == ["pay"]
    assert held.refused == ("_ad", "_trk", "_trk_*")
    assert f"Content-Security-Policy: {held.policy}\n" == snippet(tmp_path)
