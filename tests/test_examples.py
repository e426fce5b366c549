"""Every example of docs/lookups.md is run as it stands there, in each language on this machine."""

import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import httpx2
import pytest
from msgspec.structs import replace

from enforcing import listening
from holdfire import app
from holdfire.model import Site
from house import ORIGIN, PEERS, ROOT, demo_site, settings

PAGE = (ROOT / "docs/lookups.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = {"sh": "sh", "python": sys.executable, "js": "node", "go": "go", "php": "php"}
"""What runs each language."""
SHOP: Site = replace(demo_site(), id="shop")
PATIENCE = {
    "--max-time ": "--max-time 6",
    "timeout=": "timeout=6",
    "timeout(": "timeout(6",
    "Timeout: ": "Timeout: 6",
    "'timeout' => ": "'timeout' => 6",
}
"""Ten times as long and more: a test that fails because the machine is busy says nothing."""
NOBODY = "http://127.0.0.1:9"  # nobody listens on discard's port


class Example(NamedTuple):
    """One fenced block."""

    section: str
    language: str
    text: str


def examples() -> Iterator[Example]:
    """The blocks of the page that are programs or markup, by the heading they stand under."""
    for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        section, _, body = part.partition("\n")
        for language, text in BLOCK.findall(body):
            if language in RUN or language == "html":
                yield Example(section, language, text)


EXAMPLES = tuple(examples())
WORKER = next(e for e in EXAMPLES if e.section == "At the edge")
PROGRAMS = tuple(
    e for e in EXAMPLES if e is not WORKER and e.language in RUN and shutil.which(RUN[e.language])
)
"""Those whose language is on this machine; the names of the tests say which."""
FETCHES = "--output jwks.json"  # the one program that gets something, and asks nothing
ASKING = tuple(e for e in PROGRAMS if FETCHES not in e.text)


def named(example: Example) -> str:
    """What a test of it is called."""
    return f"{example.section}-{example.language}".replace(" ", "-").lower()


def test_each_way_is_shown_in_each_language() -> None:
    """Deciding, deciding for many and checking offline: in curl, Python, Node, Go and PHP."""
    shown = {(example.section, example.language) for example in EXAMPLES}

    for section in ("One decision", "Many at once", "Without asking"):
        assert {(section, language) for language in RUN} <= shown
    assert {("The gate", "html"), ("The gate", "sh"), ("In a tag manager", "html")} <= shown


def test_what_is_not_on_this_machine_is_told(record_property: Any) -> None:
    """Python is, because this is it. Which of the others are not run stands in the report."""
    missing = sorted(language for language, program in RUN.items() if not shutil.which(program))
    record_property("not run", ", ".join(missing))

    assert "python" not in missing


# ---------------------------------------------------------------- a service, and what it is asked with


@dataclass
class Visit:
    """A running service with one visitor in California, who has chosen."""

    base: str
    folder: Path
    environment: Mapping[str, str]
    bodies: httpx2.Client

    def __post_init__(self) -> None:
        self.address = {"x-forwarded-for": PEERS["US-CA"]}

    def choose(self, action: Literal["accept_all", "withdraw"], token: str = "") -> dict[str, Any]:
        """An act of the visitor; its answer."""
        granted = action == "accept_all"
        said = {"authorization": f"Bearer {token}"} if token else {}
        answer = self.bodies.post(
            f"{self.base}/v1/sites/shop/choices",
            headers={"origin": ORIGIN, **self.address, **said},
            json={
                "event_id": str(uuid.uuid4()),
                "action": action,
                "categories": dict.fromkeys(("functional", "analytics", "marketing"), granted),
                "notice_version": SHOP.version,
                "language": "en",
                "layer": 1,
                "control": action,
                "client_time": "2026-11-21T12:00:00Z",
            },
        )
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def consent_token(self, token: str) -> str:
        """What the page fetches, and hands on."""
        said = {"authorization": f"Bearer {token}", **self.address}
        answer = self.bodies.get(f"{self.base}/v1/sites/shop/token", headers=said)
        assert answer.status_code == 200, answer.text
        return answer.text


@contextmanager
def visiting(folder: Path) -> Iterator[Visit]:
    """Run the service for the site ``shop``, and let a visitor allow everything."""
    options = settings(folder, trusted_proxies=("127.0.0.0/8",), graceful_seconds=1)
    built = app.build(options, {SHOP.id: SHOP}, prebuild=False)
    with listening(built) as port, httpx2.Client(timeout=30) as bodies:
        visit = Visit(f"http://127.0.0.1:{port}", folder, {}, bodies)
        _, key = _ready(visit, built).create("shop", ("decisions:read",), 3_600)
        chosen = visit.choose("accept_all")
        visit.environment = {
            "VISITOR": chosen["visitor"],
            "VISITOR_TOKEN": chosen["token"],
            "VISITOR_ADDRESS": PEERS["US-CA"],
            "CONSENT_TOKEN": visit.consent_token(chosen["token"]),
            "API_KEY": key,
        }
        keys = bodies.get(f"{visit.base}/.well-known/jwks.json")
        (folder / "jwks.json").write_bytes(keys.content)
        yield visit


def _ready(visit: Visit, built: Any) -> Any:
    """The keys of a service that answers, which it does once it has been asked."""
    assert visit.bodies.get(f"{visit.base}/readyz").status_code == 200
    return built.state.house.keys


@pytest.fixture(scope="module")
def allowed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """A visitor who has allowed everything."""
    with visiting(tmp_path_factory.mktemp("allowed")) as visit:
        _package(visit.folder)
        yield visit


@pytest.fixture(scope="module")
def withdrawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """A visitor who has allowed everything and taken it back; their old token is still about."""
    with visiting(tmp_path_factory.mktemp("withdrawn")) as visit:
        newer = visit.choose("withdraw", visit.environment["VISITOR_TOKEN"])
        token = visit.consent_token(newer["token"])
        visit.environment = {**visit.environment, "CONSENT_TOKEN": token}
        _package(visit.folder)
        yield visit


def _package(folder: Path) -> None:
    """The npm package as far as examples import it."""
    package = folder / "node_modules/holdfire"
    package.mkdir(parents=True)
    (package / "package.json").write_text(
        json.dumps({"type": "module", "exports": {"./verify": "./verify.js"}})
    )
    subprocess.run(
        [
            ROOT / "sdk/node_modules/.bin/esbuild",
            ROOT / "sdk/src/package/verify/index.ts",
            "--bundle",
            "--format=esm",
            f"--outfile={package / 'verify.js'}",
            "--log-level=error",
        ],
        check=True,
    )


def ran(example: Example, visit: Visit, base: str | None = None, **more: str) -> list[str]:
    """The lines that an example prints, for the service at ``base``; ``more`` is its environment."""
    folder = visit.folder / uuid.uuid4().hex
    folder.mkdir()
    (folder / "jwks.json").symlink_to(visit.folder / "jwks.json")
    (folder / "node_modules").symlink_to(visit.folder / "node_modules")
    names = {"sh": "x.sh", "python": "x.py", "js": "x.mjs", "go": "x.go", "php": "x.php"}
    program = folder / names[example.language]
    text = example.text.replace("https://consent.example.com", base or visit.base)
    for said, longer in PATIENCE.items():
        text = text.replace(said, longer)
    program.write_text(text)
    found = subprocess.run(
        [*command(example.language), program.name],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "server"),
            "HOME": str(visit.folder),
            "GOCACHE": str(visit.folder / "go"),
            "GOFLAGS": "-mod=mod",
            "GO111MODULE": "off",
            **visit.environment,
            **more,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert found.stderr == "", found.stderr
    return found.stdout.split()


def command(language: str) -> tuple[str, ...]:
    """What a program of a language is given to."""
    return ("go", "run") if language == "go" else (RUN[language],)


# ---------------------------------------------------------------- each example


@pytest.mark.parametrize("example", PROGRAMS, ids=named)
def test_who_allowed_it_is_answered_yes(example: Example, allowed: Visit) -> None:
    """Each example finds what the visitor chose; of many, nothing is known of the second."""
    said = ["yes", "no"] if example.section == "Many at once" else ["yes"]

    assert ran(example, allowed) == said


@pytest.mark.parametrize("example", ASKING, ids=named)
def test_who_took_it_back_is_answered_no(example: Example, withdrawn: Visit) -> None:
    """The token of the time when it was allowed opens nothing any more."""
    assert set(ran(example, withdrawn)) == {"no"}


@pytest.mark.parametrize(
    "example", [e for e in PROGRAMS if "consent.example.com" in e.text], ids=named
)
def test_no_answer_is_a_no(example: Example, allowed: Visit) -> None:
    """With nobody there, no example says yes, and none breaks."""
    assert "yes" not in ran(example, allowed, NOBODY)


FORGERIES = ("", "no.such.token", "CUT", "SWAPPED", "UNSIGNED")


@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.parametrize(
    "example", [e for e in PROGRAMS if "CONSENT_TOKEN" in e.text and e.language != "go"], ids=named
)
def test_a_forged_token_is_a_no(
    example: Example, forgery: str, allowed: Visit, withdrawn: Visit
) -> None:
    """Cut, unsigned, or another's payload under a good signature."""
    token = forged(forgery, allowed, withdrawn)

    assert ran(example, allowed, CONSENT_TOKEN=token) == ["no"]


@pytest.mark.long  # make test-long sees to it that Go is there
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_is_a_no_in_go(forgery: str, allowed: Visit, withdrawn: Visit) -> None:
    """The same, which takes a compiler's time for each."""
    (example,) = (e for e in PROGRAMS if "CONSENT_TOKEN" in e.text and e.language == "go")

    assert ran(example, allowed, CONSENT_TOKEN=forged(forgery, allowed, withdrawn)) == ["no"]


def forged(how: str, allowed: Visit, withdrawn: Visit) -> str:
    """A token that nobody signed as it stands."""
    header, payload, _ = allowed.environment["CONSENT_TOKEN"].split(".")
    _, _, other = withdrawn.environment["CONSENT_TOKEN"].split(".")
    return {
        "CUT": f"{header}.{payload}",
        "SWAPPED": f"{header}.{payload}.{other}",
        "UNSIGNED": f"eyJhbGciOiJub25lIn0.{payload}.",
    }.get(how, how)


# ---------------------------------------------------------------- markup, and the edge


def test_the_gate_in_a_page_loads_what_is_allowed(allowed: Visit, withdrawn: Visit) -> None:
    """The address in the markup answers the loader to the one, and a comment to the other."""
    (tag,) = (e for e in EXAMPLES if (e.section, e.language) == ("The gate", "html"))
    (address,) = re.findall(r'src="https://consent\.example\.com([^"]+)"', tag.text)
    told = []
    for visit in (allowed, withdrawn):
        said = {"authorization": f"Bearer {visit.environment['VISITOR_TOKEN']}", **visit.address}
        told.append(visit.bodies.get(visit.base + address, headers=said).text)

    assert told[0].startswith("/* holdfire: allowed")
    assert "createElement('script')" in told[0]
    assert told[1].startswith("/* holdfire: held")
    assert "createElement" not in told[1]


@pytest.mark.parametrize("allows", [True, False])
def test_the_container_runs_its_snippet_when_it_is_allowed(
    allows: bool,  # noqa: FBT001 -- one of two cases
) -> None:
    """What the container hands over is run by the page, once it is allowed and not before."""
    (tag,) = (e for e in EXAMPLES if (e.section, e.language) == ("In a tag manager", "html"))
    (script,) = re.findall(r"<script>(.*)</script>", tag.text, re.DOTALL)
    page = f"""
        globalThis.window = {{}};
        {script}
        const held = window.fired === undefined;
        for (const run of window.holdfire)
          run({{ when: (id, fire) => id === "posthog" && {str(allows).lower()} && fire() }});
        console.log(held, window.fired === true);
    """
    found = subprocess.run(["node", "-e", page], capture_output=True, text=True, check=True)

    assert found.stdout.split() == ["true", str(allows).lower()]


def test_the_worker_lets_through_what_is_allowed(allowed: Visit, withdrawn: Visit) -> None:
    """What is allowed goes on to the collector; a refusal, a forgery and no token do not."""
    (allowed.folder / "worker.mjs").write_text(
        WORKER.text.replace("https://consent.example.com", allowed.base)
    )
    (allowed.folder / "drive.mjs").write_text(
        f"""
        import worker from "./worker.mjs";
        for (const token of JSON.parse(process.argv[2])) {{
          const headers = token === null ? {{}} : {{ "x-consent": token }};
          const request = new Request("{allowed.base}/healthz", {{ headers }});
          console.log((await worker.fetch(request)).status);
        }}
        """
    )
    good = allowed.environment["CONSENT_TOKEN"]
    tokens = [good, forged("SWAPPED", allowed, withdrawn), "nonsense", None]
    found = subprocess.run(
        ["node", "drive.mjs", json.dumps(tokens)],
        cwd=allowed.folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.stdout.split() == ["200", "204", "204", "204"], found.stderr
