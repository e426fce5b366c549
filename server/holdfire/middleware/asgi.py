"""``ConsentMiddleware`` for ASGI: Starlette, FastAPI, Django, Quart. Runs on asyncio.

app.add_middleware(ConsentMiddleware, base="http://10.0.0.5:8080", site="shop",
                   strictest="shop.csp.json")

Sets ``scope["state"]["consent"]``, which is ``request.state.consent`` in Starlette.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Collection, MutableMapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from holdfire.middleware.question import Answer, Asker, answer, ended
from holdfire.middleware.rules import Lines, Rules, enforce, stripped
from holdfire.middleware.verdict import Verdict

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADS = frozenset(("http.response.start", "websocket.http.response.start"))
ENDS = frozenset(("lifespan.shutdown.complete", "lifespan.shutdown.failed"))
CHUNK = 65_536


class ConsentMiddleware:
    """Enforces what holds for the visitor of each request. Never touches a body."""

    def __init__(
        self,
        app: App,
        *,
        base: str,
        site: str,
        strictest: str | Path,
        seconds: float = 0.25,
        connections: int = 16,
        proxies: int = 0,
        pass_on: Collection[str] = (),
        unasked: Sequence[str] = (),
    ) -> None:
        """Wrap an application.

        ``base``: where the service is reached; ``strictest``: the file that ``holdfire csp SITE
        --json`` wrote; ``seconds``: how long a page may wait for the service; ``connections``: how
        many there may be to it; ``proxies``: how many of the owner's own proxies have added to
        ``X-Forwarded-For`` before this server (0: the peer is the visitor); ``pass_on``: further
        headers for the service, such as those of an edge that locates; ``unasked``: beginnings of
        paths for which the strictest holds, unasked and for everybody alike, such as "/static/".

        Raises ``ValueError`` or ``OSError`` for what is wrong with any of them.
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
        self._lines = _Lines(self._rules)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand a socket over; lifespan messages pass through."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, self._until_the_end(send))
            return
        personal = self._rules.asks(scope["path"])
        found = await self._verdict(scope) if personal else self._rules.held
        scope["state"] = {**scope.get("state", {}), "consent": found.consent}

        async def enforced(message: Message) -> None:
            if message["type"] in HEADS:
                lines = enforce(_texts(message), found, personal=personal)
                message = {**message, "headers": _raw(lines)}
            elif "headers" in message:  # of a socket that is accepted, or trailers
                message = {**message, "headers": _raw(stripped(_texts(message), found))}
            await send(message)

        await self._app(scope, receive, enforced)

    def _until_the_end(self, send: Send) -> Send:
        """The same, and where the server ends, so do our connections."""

        async def sent(message: Message) -> None:
            if message["type"] in ENDS:
                self._lines.close()
            await send(message)

        return sent

    async def _verdict(self, scope: Scope) -> Verdict:
        """What the service says, or the strictest."""
        client = scope.get("client")
        asker = Asker(
            fields=[(name.lower(), value) for name, value in _texts(scope)],
            peer=client[0] if client else None,
            scheme=scope.get("scheme", "http"),
        )
        rules = self._rules
        try:
            question = rules.service.question(asker, proxies=rules.proxies, passed_on=rules.pass_on)
            async with asyncio.timeout(rules.seconds):
                return rules.judged(await self._lines.ask(question))
        except Exception as error:  # noqa: BLE001 -- whatever fails here must not fail the page, and lost is consent on it
            rules.note(error)
            return rules.held


def _texts(message: Message) -> Lines:
    # Latin-1, because any byte is a character in it.
    return [(n.decode("latin-1"), v.decode("latin-1")) for n, v in message.get("headers", ())]


def _raw(lines: Lines) -> list[tuple[bytes, bytes]]:
    return [(n.encode("latin-1"), v.encode("latin-1")) for n, v in lines]


class _Line(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class _Lines:
    """Connections to the service, kept for the next question: at most so many, of one event loop."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._tls = ssl.create_default_context() if rules.service.tls else None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._idle: list[_Line] = []
        self._turns = asyncio.Semaphore(rules.connections)

    async def ask(self, question: bytes) -> Answer:
        """Ask, on a kept connection first: the service may have closed that meanwhile."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._idle = loop, []
            self._turns = asyncio.Semaphore(self._rules.connections)
        async with self._turns:
            if self._idle:
                with suppress(ConnectionError):
                    return await self._asked(self._idle.pop(), question)
            return await self._asked(await self._open(), question)

    def close(self) -> None:
        """Close what is kept."""
        while self._idle:
            self._idle.pop().writer.close()

    async def _open(self) -> _Line:
        service = self._rules.service
        return _Line(*await asyncio.open_connection(service.host, service.port, ssl=self._tls))

    async def _asked(self, line: _Line, question: bytes) -> Answer:
        again = False
        try:
            line.writer.write(question)
            await line.writer.drain()
            received = b""
            while (found := answer(received)) is None:
                more = await line.reader.read(CHUNK)
                if not more:
                    raise ended(received)
                received += more
            again = found.again
        finally:
            if again:
                self._idle.append(line)
            else:
                line.writer.close()
        return found
