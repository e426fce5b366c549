"""The documents say what the code does: addresses, codes, reasons, settings, the example."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from starlette.routing import Route

from holdfire import errors
from holdfire.catalogue import Catalogue
from holdfire.errors import ConfigError, HoldfireError
from holdfire.model import Action, Reason
from holdfire.settings import SETTINGS
from holdfire.sites import load_locales, load_sites
from holdfire.web.routes import routes
from house import ROOT, Service

PROTOCOL = (ROOT / "PROTOCOL.md").read_text()
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()


def every_error(kind: type[HoldfireError]) -> list[type[HoldfireError]]:
    """A class and all below it."""
    return [kind, *(found for child in kind.__subclasses__() for found in every_error(child))]


WIRE = [kind for kind in every_error(HoldfireError) if not issubclass(kind, ConfigError)]


@pytest.mark.parametrize("kind", WIRE, ids=lambda kind: str(kind.__name__))
def test_every_error_is_documented_and_says_what_to_do(kind: type[HoldfireError]) -> None:
    """Code and status stand in the protocol, and the class tells its receiver what to do."""
    assert f"| `{kind.code}` | {kind.status} |" in PROTOCOL
    assert kind.__doc__


def test_no_two_errors_share_a_code() -> None:
    """A code names one thing."""
    codes = [kind.code for kind in WIRE]

    assert len(codes) == len(set(codes))
    assert set(re.findall(r"^\| `([a-z_]+)` \| \d{3} \|", PROTOCOL, re.MULTILINE)) == set(codes)
    assert errors.__doc__


def test_every_address_is_documented() -> None:
    """The URL table of the code and that of the protocol are the same."""
    documented = set(re.findall(r"`(GET|POST) (/[^`]*)`", PROTOCOL))
    served = {
        ("POST" if "POST" in route.methods else "GET", route.path)
        for route in routes()
        if isinstance(route, Route) and route.methods and "OPTIONS" not in route.methods
    }

    assert {
        (method, "/assets/{name}" if path.startswith("/assets/") else path)
        for method, path in documented
    } >= served


def test_every_reason_and_action_is_documented() -> None:
    """The closed lists stand in the protocol."""
    for word in (*get_args(Reason), *get_args(Action)):
        assert f"`{word}`" in PROTOCOL


def test_every_setting_is_in_the_example_with_its_help() -> None:
    """What can be set is what the example shows."""
    example = (ROOT / "config/holdfire.example.toml").read_text()
    for setting in SETTINGS:
        assert re.search(rf"^{setting.name} = ", example, re.MULTILINE), setting.name


BLOCK = re.compile(r"```http\n(.*?)```\n```json\n(.*?)```", re.DOTALL)


def test_the_worked_example_works(service: Service) -> None:
    """Each request of the protocol's example is sent, and answered as written there."""
    digests = service.client.app.state.house.ctx.digests  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    seen = {
        "VERSION": service.site.version,
        "SHA-256 OF TEXTS": digests.texts["demo", "de"],
        "SHA-256 OF CONFIG": digests.config["demo"],
    }
    _, _, example = PROTOCOL.partition("## 9. A worked example")
    exchanges = BLOCK.findall(example)
    assert len(exchanges) == 4
    for request, expected in exchanges:
        for name, value in seen.items():
            request = request.replace(name, value)  # noqa: PLW2901 -- filled in
            expected = expected.replace(name, value)  # noqa: PLW2901 -- filled in
        answer = send(service, request)
        wanted = json.loads(expected)
        for name, member in (("VISITOR", "visitor"), ("TOKEN", "token")):
            if wanted.get(member) == name:
                seen[name] = wanted[member] = answer[member]
        assert answer == wanted
        service.client.cookies.clear()


def send(service: Service, request: str) -> Any:
    """Send a request as it is written; the body of the answer."""
    head, _, body = request.strip().partition("\n\n")
    line, *fields = head.splitlines()
    method, url = line.split(" ")
    headers = dict(field.split(": ", 1) for field in fields)
    return service.client.request(method, url, headers=headers, content=body or None).json()


def test_readme_opens_with_what_it_is_and_two_commands() -> None:
    """A stranger finds the screenshot, ``make run`` and ``make test`` on the first screen."""
    first_screen = README[:2_500]

    assert "make run" in first_screen
    assert "make test" in first_screen
    assert re.search(r"!\[[^\]]+\]\(docs/[^)]+\.png\)", first_screen)
    for image in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README):
        assert (ROOT / image).is_file(), image


def test_architecture_names_every_module() -> None:
    """The map is the house: each module and package of the server stands in it."""
    server = ROOT / "server/holdfire"
    names = {p.name for p in server.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}

    missing = {name for name in names - {"__init__.py"} if f"`{name}" not in ARCHITECTURE}

    assert not missing


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.md")), ids=lambda p: str(p.name))
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    """No relative link is dead."""
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
        assert (ROOT / target).exists(), target


def test_the_site_file_of_the_readme_can_be_pasted(tmp_path: Path) -> None:
    """It loads as it stands, with what it takes from the catalogue."""
    blocks = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (whole,) = [text for text in blocks if text.startswith("name = ")]
    (tmp_path / "shop.toml").write_text(whole)
    locales = load_locales(ROOT / "config/locales")
    shop = load_sites(tmp_path, locales, Catalogue(ROOT / "config/services"))["shop"]

    assert [service.name for service in shop.services] == ["Google Analytics 4", "Meta Pixel"]
    assert set(shop.adapters) == {"google"}
    assert shop.intercept.mode == "report"
