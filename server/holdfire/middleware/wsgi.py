"""``ConsentMiddleware`` for WSGI: Django, Flask, and whatever speaks PEP 3333.

application = ConsentMiddleware(application, base="http://10.0.0.5:8080", site="shop",
                                strictest="shop.csp.json")

Sets ``environ["holdfire.consent"]``.
"""

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from holdfire.middleware.question import Answer, Asker, answer, ended
from holdfire.middleware.rules import Rules, enforce
from holdfire.middleware.verdict import Verdict

CHUNK = 65_536


class ConsentMiddleware:
    """Enforces what holds for the visitor of each request. Never touches a body."""

    def __init__(
        self,
        app: WSGIApplication,
        *,
        base: str,
        site: str,
        strictest: str | Path,
        seconds: float = 0.25,
        connections: int = 16,
        proxies: int = 0,
        pass_on: Collection[str] = (),
        unasked: Sequence[str] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wrap an application; the arguments are those of the ASGI one.

        ``monotonic`` (seconds) measures how long the service takes. Raises ``ValueError`` or
        ``OSError`` for what is wrong with any of them.
        """
        self._app = app
        self._rules = Rules(
            base=base,
            site=site,
            strictest=strictest,
            seconds=seconds,
            connections=connections,
            proxies=proxies,
            pass_on=pass_on,
            unasked=unasked,
        )
        self._lines = _Lines(self._rules, monotonic)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        personal = self._rules.asks(f"{environ.get('PATH_INFO', '')}")
        found = self._verdict(environ) if personal else self._rules.held
        environ["holdfire.consent"] = found.consent

        def enforced(status: str, lines: list[tuple[str, str]], *raised: Any) -> Any:
            return start_response(status, enforce(lines, found, personal=personal), *raised)

        return self._app(environ, enforced)

    def _verdict(self, environ: WSGIEnvironment) -> Verdict:
        """What the service says, or the strictest."""
        asker = Asker(
            fields=[
                (name[5:].replace("_", "-").lower(), value)
                for name, value in environ.items()
                if name.startswith("HTTP_") and isinstance(value, str)
            ],
            peer=environ.get("REMOTE_ADDR"),
            scheme=environ.get("wsgi.url_scheme", "http"),
        )
        rules = self._rules
        try:
            question = rules.service.question(asker, proxies=rules.proxies, passed_on=rules.pass_on)
            return rules.judged(self._lines.ask(question))
        except Exception as error:  # noqa: BLE001 -- whatever fails here must not fail the page, and lost is consent on it
            rules.note(error)
            return rules.held


class _Lines:
    """Connections to the service, kept for the next question: at most so many, of one process."""

    def __init__(self, rules: Rules, monotonic: Callable[[], float]) -> None:
        self._rules = rules
        self._monotonic = monotonic
        self._tls = ssl.create_default_context() if rules.service.tls else None
        self._idle: list[socket.socket] = []
        self._process = os.getpid()
        self._turns = threading.BoundedSemaphore(rules.connections)

    def ask(self, question: bytes) -> Answer:
        """Ask, on a kept connection first: the service may have closed that meanwhile.

        Raises ``OSError`` once the time is over, whatever the service was sending.
        """
        until = self._monotonic() + self._rules.seconds
        if self._process != os.getpid():
            # A forked server must not speak on its sibling's connections.
            self._process, self._idle = os.getpid(), []
        if not self._turns.acquire(timeout=self._rules.seconds):
            raise TimeoutError("every connection to the service is in use")
        try:
            # Another thread may take the one that was there.
            with suppress(IndexError, ConnectionError):
                return self._asked(self._idle.pop(), question, until)
            return self._asked(self._open(until), question, until)
        finally:
            self._turns.release()

    def _open(self, until: float) -> socket.socket:
        service = self._rules.service
        line = socket.create_connection((service.host, service.port), self._left(until))
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is None:
            return line
        try:
            return self._tls.wrap_socket(line, server_hostname=service.host)
        except OSError:
            line.close()
            raise

    def _asked(self, line: socket.socket, question: bytes, until: float) -> Answer:
        again = False
        try:
            line.settimeout(self._left(until))
            line.sendall(question)
            received = b""
            while (found := answer(received)) is None:
                line.settimeout(self._left(until))
                more = line.recv(CHUNK)
                if not more:
                    raise ended(received)
                received += more
            again = found.again
        finally:
            if again:
                self._idle.append(line)
            else:
                line.close()
        return found

    def _left(self, until: float) -> float:
        left = until - self._monotonic()
        if left <= 0:
            raise TimeoutError("the service took too long")
        return left
