"""The service as strangers find it: a process of its own on a port, and lines to speak to it.

Nothing here knows what HTTP allows: a line sends the bytes it is given, and reads what comes back.
"""

import base64
import json
import re
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from visits import stop

from apart import KEY, SHOP, sites
from holdfire import serving
from holdfire.model import Site
from holdfire.tokens import VisitorToken, VisitorTokens
from house import PEERS

APART = Path(__file__).with_name("apart.py")
GERMAN, CALIFORNIAN = "198.18.74.1", PEERS["US-CA"]
PATIENCE = 30.0  # seconds after which somebody who says nothing is a fault
MOMENT = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
SECONDS = re.compile(rb'(?<="(?:iat|exp)":)\d+')  # of a consent token
BASE = "/v1/sites/demo"
Headers = Sequence[tuple[str, str]]


class Answer(NamedTuple):
    """What came back for one request."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """All values of a header, joined as RFC 9110 §5.3 allows."""
        return ", ".join(value for key, value in self.headers if key == name)

    def json(self) -> Any:
        """The body's document."""
        return json.loads(self.body)

    @property
    def settled(self) -> tuple[object, ...]:
        """What two answers to the same question have in common: all but the times and the id."""
        body = SECONDS.sub(b"NOW", MOMENT.sub(b"NOW", spelt_out(self)))
        body = body.replace(self.header("x-request-id").encode() or b"\0", b"ID")
        told = [pair for pair in self.headers if pair[0].startswith(("tk", "x-holdfire", "set-"))]
        return self.status, body, told


class Line:
    """One connection that is kept, and made anew where the other side has closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._dial()

    def _dial(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")

    def ask(
        self, path: str, headers: Headers = (), *, method: str = "GET", body: bytes = b""
    ) -> Answer:
        """Ask one thing."""
        self._socket.sendall(written(path, headers, method=method, body=body))
        return self._read(method)

    def ask_all(self, requests: Sequence[bytes]) -> list[Answer]:
        """Ask many things at once, and read the answers in order; none of them a HEAD."""
        self._socket.sendall(b"".join(requests))
        return [self._read() for _ in requests]

    def hang_up(self) -> None:
        """Close it."""
        self._reader.close()
        self._socket.close()

    def _read(self, method: str = "GET") -> Answer:
        first = self._reader.readline()
        if not first:
            raise ConnectionError("the other side has hung up")
        status, headers = int(first.split()[1]), []
        while (line := self._reader.readline()) not in {b"\r\n", b""}:
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name.lower(), value.strip()))
        length = int(dict(headers).get("content-length", "0"))
        bare = method == "HEAD" or status in {204, 304}
        answer = Answer(status, tuple(headers), b"" if bare else self._reader.read(length))
        if answer.header("connection") == "close":
            self.hang_up()
            self._dial()
        return answer


def written(path: str, headers: Headers = (), *, method: str = "GET", body: bytes = b"") -> bytes:
    """A request's bytes, with a length where it has a body; in Latin-1, as RFC 9112 §2.2 reads it."""
    lines = [f"{method} {path} HTTP/1.1", "Host: shop.example"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@dataclass
class Outside:
    """A running service, and words for what is done to it."""

    port: int
    folder: Path
    process: subprocess.Popen[str]
    tokens: VisitorTokens = field(default_factory=lambda: VisitorTokens([KEY]))
    sites: dict[str, Site] = field(default_factory=sites)

    @contextmanager
    def line(self) -> Iterator[Line]:
        """A connection of one's own."""
        found = Line(self.port)
        try:
            yield found
        finally:
            found.hang_up()

    def choice(self, action: str, *, site: str = "demo", **more: Any) -> bytes:
        """The body of a choice that is well-formed."""
        granted = action == "accept_all"
        act = {
            "event_id": str(uuid.uuid4()),
            "action": action,
            "categories": dict.fromkeys(("functional", "analytics", "marketing"), granted),
            "notice_version": self.sites[site].version,
            "language": "en",
            "layer": 1,
            "control": action,
            "client_time": "2026-11-22T12:00:00Z",
            **more,
        }
        return json.dumps(act).encode()

    def choose(self, line: Line, action: str, token: str = "", *, site: str = "demo") -> Any:
        """Make a choice from a page of the site, and see that it is durable. The answer's body."""
        bearer = [("Authorization", f"Bearer {token}")] if token else []
        answer = line.ask(
            f"/v1/sites/{site}/choices",
            [*posting(self.sites[site].origins[0]), *bearer],
            method="POST",
            body=self.choice(action, site=site),
        )
        assert answer.status == 201, answer
        return answer.json()

    def signed(self, visitor: str, *, site: str = "demo") -> str:
        """A token that the service takes for its own, for whomever the test names."""
        token = VisitorToken(
            visitor=visitor,
            seq=1,
            recorded_at=0,
            valid_until=0,
            notice_version="0" * 16,
            action="save",
            categories={},
        )
        return self.tokens.sign(site, token)


def posting(origin: str = SHOP) -> list[tuple[str, str]]:
    """The headers of what a page at an origin posts."""
    return [("Origin", origin), ("Content-Type", "application/json")]


@contextmanager
def outside(folder: Path, **more: Any) -> Iterator[Outside]:
    """Run a service on a folder; ``more`` are settings. Its visitors come from nowhere known."""
    folder.mkdir(parents=True, exist_ok=True)
    with serving.listen("127.0.0.1", 0) as listener:
        port: int = listener.getsockname()[1]
        command = [
            sys.executable,
            str(APART),
            str(folder),
            str(listener.fileno()),
            json.dumps(more),
        ]
        process = subprocess.Popen(command, pass_fds=[listener.fileno()], text=True)
    try:
        found = Outside(port, folder, process)
        with found.line() as line:  # whoever calls waits in the line until somebody answers
            assert line.ask("/readyz").status == 200
        yield found
    finally:
        stop(process)


def spelt_out(answer: Answer) -> bytes:
    """The body; of a signed token what it says, without its signature."""
    if answer.header("content-type") != "application/jwt":
        return answer.body
    payload = answer.body.split(b".")[1]
    return base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))


def grants(answer: Answer) -> list[str]:
    """What an answer allows beyond the necessary: in any document, script or token there is."""
    if answer.header("content-type").startswith("text/javascript"):
        loads = b"createElement" in answer.body and b"holdfire: allowed" in answer.body
        return ["the tag"] if loads else []
    try:
        document = json.loads(spelt_out(answer))
    except ValueError:
        return []
    return list(_granted("", document))


def _granted(name: str, part: object) -> Iterable[str]:
    if isinstance(part, dict):
        if part.get("allow") is True and part.get("reason") != "necessary":
            yield str(part.get("id") or part.get("category") or name)
        for key, value in part.items():
            yield from _granted(key, value)
    elif isinstance(part, list):
        for value in part:
            yield from _granted(name, value)
