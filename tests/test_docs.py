"""The documents say what the code does: addresses, codes, reasons, settings, the example."""

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import Any, get_args

import httpx2
import pytest
from starlette.routing import Route

from holdfire import errors
from holdfire.catalogue import Catalogue
from holdfire.errors import ConfigError, HoldfireError
from holdfire.ledger import command, entry, verdict
from holdfire.model import Action, Reason
from holdfire.settings import SETTINGS
from holdfire.sites import load_locales, load_sites
from holdfire.web.routes import routes
from house import ROOT, Service
from test_layers import LADDER

PROTOCOL = (ROOT / "PROTOCOL.md").read_text()
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()


def every_error(kind: type[HoldfireError]) -> list[type[HoldfireError]]:
    """A class and all below it."""
    return [kind, *(found for child in kind.__subclasses__() for found in every_error(child))]


# A class without a code of its own is told to operators alone; on the wire it is its parent.
WIRE = [
    kind
    for kind in every_error(HoldfireError)
    if "code" in vars(kind) and not issubclass(kind, ConfigError)
]


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
TEXT = re.compile(r"```http\n([^`]*)```\n```text\n([^`]*)```")
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_, _, EXAMPLE = PROTOCOL.partition("## 10. A worked example")


def test_the_worked_example_works(service: Service) -> None:
    """Each request of the protocol's example is sent, and answered as written there."""
    assert len(BLOCK.findall(EXAMPLE)) == 4
    for wanted, answer in exchanged(service, {}):
        assert answer == wanted


def test_the_receipt_of_the_example_holds_without_us(service: Service, tmp_path: Path) -> None:
    """The shell lines of the protocol find the receipt whole, with coreutils and openssl alone."""
    receipt = example_receipt(service, tmp_path)
    lines = shell(tmp_path).splitlines()

    evidence, committed, subject, too, root, signed_root, signature = lines
    assert (evidence, subject, root) == (committed, too, signed_root)
    assert "Verified Successfully" in signature
    judged = verdict.judge(receipt, (tmp_path / "policy").read_bytes(), service.clock())
    begins = "".join(command.present(judged).splitlines(keepends=True)[:2])
    assert f"```text\n{begins}```" in EXAMPLE


@pytest.mark.parametrize("at", [0, 70, entry.SIZE + 40])
def test_the_shell_lines_tell_a_receipt_that_was_changed(
    service: Service, tmp_path: Path, at: int
) -> None:
    """One bit of evidence, entry or subject's commitment, and a pair of lines differs."""
    example_receipt(service, tmp_path, flip=at)
    lines = shell(tmp_path).splitlines()

    assert any(lines[i] != lines[i + 1] for i in (0, 2, 4))


def exchanged(service: Service, seen: dict[str, str]) -> list[tuple[Any, Any]]:
    """Send the requests of the example; what it says of each answer, and the answer.

    What only the service knows is filled in as it becomes known, and put into ``seen``.
    """
    display = service.client.app.state.house.ctx.display  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    seen |= {
        "VERSION": service.site.version,
        "SHA-256 OF TEXTS": display.texts(service.site)["de"].digest,
        "SHA-256 OF CONFIG": display.config(service.site).digest,
    }
    pairs = []
    for request, expected in BLOCK.findall(EXAMPLE):
        answer = send(service, filled(request, seen)).json()
        wanted = json.loads(filled(expected, seen))
        for name, member in (("VISITOR", "visitor"), ("TOKEN", "token")):
            if wanted.get(member) == name:
                seen[name] = wanted[member] = answer[member]
        pairs.append((wanted, answer))
        service.client.cookies.clear()
    return pairs


def example_receipt(service: Service, folder: Path, *, flip: int | None = None) -> bytes:
    """Get the receipt of the example, and keep it in a folder with the policy.

    With ``flip`` a bit of that byte of ``extra`` is another than the service sent.
    """
    seen: dict[str, str] = {}
    exchanged(service, seen)
    ((request, expected),) = TEXT.findall(EXAMPLE)
    receipt = send(service, filled(request, seen)).content
    assert re.fullmatch(re.escape(expected).replace("BASE64", "[A-Za-z0-9+/]+=*"), receipt.decode())
    if flip is not None:
        head, extra, *rest = receipt.decode().split("\n")
        raw = bytearray(base64.b64decode(extra.removeprefix("extra ")))
        raw[flip] ^= 1
        extra = f"extra {base64.b64encode(raw).decode()}"
        receipt = "\n".join((head, extra, *rest)).encode()
    (folder / "receipt.tlog-proof").write_bytes(receipt)
    (folder / "policy").write_bytes(service.client.get("/log/policy").content)
    return receipt


def shell(folder: Path) -> str:
    """Run the shell lines of the example one after another in a folder; what they print."""
    script = "".join(SHELL.findall(EXAMPLE))
    ran = subprocess.run(
        ["sh", "-c", script], cwd=folder, capture_output=True, text=True, check=False, timeout=30
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def filled(text: str, seen: dict[str, str]) -> str:
    """A text of the example with what is known put in."""
    for name, value in seen.items():
        text = text.replace(name, value)
    return text


def send(service: Service, request: str) -> httpx2.Response:
    """Send a request as it is written."""
    head, _, body = request.strip().partition("\n\n")
    line, *fields = head.splitlines()
    method, url = line.split(" ")
    headers = dict(field.split(": ", 1) for field in fields)
    return service.client.request(method, url, headers=headers, content=body or None)


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


def test_architecture_has_the_ladder_that_is_held() -> None:
    """The rungs stand in the document as the test of imports has them."""
    assert f"`{' '.join(LADDER.split())}`" in ARCHITECTURE


def test_decisions_are_numbered_without_a_gap_and_say_what_they_cost() -> None:
    """Each has a number, a date and a cost."""
    _, _, text = ARCHITECTURE.partition("## 6. Decisions")
    decisions = re.split(r"^\*\*(\d+)\. ", text.partition("## 7. ")[0], flags=re.MULTILINE)[1:]

    numbers, bodies = decisions[::2], decisions[1::2]
    assert [int(number) for number in numbers] == list(range(1, len(numbers) + 1))
    for body in bodies:
        assert re.match(r"[^\n]+\*\* \(\d{4}-\d\d-\d\d\)\.\n", body), body[:60]
        assert "\n*Cost:* " in body, body[:60]


DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]


@pytest.mark.parametrize("path", sorted(DOCUMENTS), ids=lambda p: str(p.name))
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    """No relative link is dead."""
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target


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
