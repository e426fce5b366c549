"""What was answered before, answered again in front of the framework.

A tag asks the same thing of the same visitor on every page. Whole answers of ``…/decision``,
``…/decisions``, ``…/notice`` and ``/s/{site}.js`` are kept under everything that the way through
the framework reads of a request, so that both ways answer alike; its endpoint leaves a ``Memo`` that
says what the answer rests on. It is given again while none of that has changed: the visitor's
newest act (the store tells news from memory), the law and the clock, the database of places. What
cannot be told so goes through the framework, which denies where the store is away.

A lookup that was answered here leaves its line in the access log only at level ``debug``: the line
costs more than the answer. Metrics and the tally of signals count both ways alike.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfire import patience
from holdfire.errors import StoreUnavailable
from holdfire.store import Mark, News
from holdfire.visitor import hops
from holdfire.web.house import House
from holdfire.web.kept import Copy, Kept, Stamp
from holdfire.web.memo import MEMO, Memo, Whose
from holdfire.web.middleware import HEADER_BYTES
from holdfire.web.request_id import request_id

LOG = logging.getLogger("holdfire.access")
MOST = 16_384  # answers kept: 28 MB where each is of another visitor
NEWS_SECONDS = 0.005  # what is waited for news; the way through the framework waits after that
LOOKUPS = ("/decision", "/decisions", "/notice")
SCRIPTS = "/s/"
ADDRESSES = frozenset((hops.FORWARDED, hops.X_FORWARDED_FOR))
OUR_COOKIE = b"holdfire_"  # in the name of each of them
HIT, MISS, DROPPED = (("lookups", what) for what in ("hit", "miss", "dropped"))

Key = tuple[Hashable, ...]
Whole = Callable[[Send, int, bytes, bytes], bool]
"""Writes status, header lines and body at once, or says that it did not: ``serving.in_one_piece``."""
T = TypeVar("T")


class Lookups:
    """Answers GET requests from memory, or through ``app``. Touched by one event loop only."""

    def __init__(
        self,
        app: ASGIApp,
        house: House,
        *,
        most: int = MOST,
        monotonic: Callable[[], float] = time.monotonic,
        whole: Whole | None = None,
    ) -> None:
        """Remember at most ``most`` answers, and forget the oldest; ``monotonic`` is in seconds.

        ``whole`` writes an answer at once where the server lets it.
        """
        self._app = app
        self._most = most
        self._monotonic = monotonic
        self._whole = whole
        self._clock, self._store = house.ctx.clock, house.ctx.store
        self._observatory = house.observatory
        self._tally, self._metrics = house.tally, house.metrics
        self._metrics.entries["lookups"] = lambda: len(self._kept)
        own = (b"authorization", b"cookie", b"origin", b"content-length")
        self._read = self._observatory.headers.union(own)
        self._read_by_scripts = self._read.union((b"accept-encoding", b"if-none-match"))
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._of: dict[Whose, list[Key]] = {}  # oldest first
        self._pool: dict[Any, Any] = {}  # what many answers have in common, once
        self._exchanges = self._observatory.current()
        self._mark: Mark | None = None  # all that happened up to it has been heard of
        self._turn = 0  # how often there was news
        self._cleared = 0  # the turn of the newest news of anybody
        self._changed: dict[Whose | None, int] = {}  # visitor → the turn of the newest news of them
        self._stamp = Stamp()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one GET request."""
        begun = self._monotonic()
        key = self._key(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        # A script rests on no act: pages are under control while the store is away.
        told = key[0] is True or self._store.quiet(self._mark) or await self._hear()
        exchanges = self._observatory.current()
        if exchanges != self._exchanges:
            self._exchanges = exchanges
            self._forget()
        kept = self._kept.get(key) if told else None
        if kept is not None:
            now = self._clock()
            if kept.memo.since <= now < kept.until:
                name, body = request_id(), self._stamp.body(kept, int(now))
                whole = self._whole
                if whole is None or not whole(send, kept.status, kept.written(name), body):
                    await _sent(send, kept, name, body)
                self._count(kept, name, begun)
                return
            self._drop(key)
        self._metrics.cache[MISS] += 1
        turn, copy = self._turn, Copy(send)
        await self._app(scope, receive, copy.send)
        if told and copy.body is not None:
            self._keep(key, scope, copy.start, copy.body, turn)

    def _key(self, scope: Scope) -> Key | None:
        """All that is read of a request; ``None`` for one that is never remembered."""
        path: str = scope["path"]
        if path.endswith(LOOKUPS):
            script, read = False, self._read
        elif path.startswith(SCRIPTS):
            script, read = True, self._read_by_scripts
        else:
            return None
        peer = scope.get("client")
        # Addresses are kept as Python's hash of them, SipHash under a key of this process.
        key: list[Hashable] = [script, path, scope["query_string"], scope["scheme"]]
        key.append(hash(peer and peer[0]))
        size = 0
        for name, value in scope["headers"]:
            size += len(name) + len(value) + 4
            if name in read and (name != b"cookie" or OUR_COOKIE in value):
                key += name, (hash(value) if name in ADDRESSES else value)
        return tuple(key) if size <= HEADER_BYTES else None

    async def _hear(self) -> bool:
        """Drop what there is news of; whether the store said so."""
        asked = self._mark
        try:
            news = await patience.within(NEWS_SECONDS, self._store.news(asked))
        except (StoreUnavailable, TimeoutError):
            return False  # lost is an answer from memory: the framework asks again, or denies
        if news is not None:
            self._take(news)
            if self._mark == asked:  # else another request has heard more meanwhile
                self._mark = news.mark
        return True

    def _take(self, news: News) -> None:
        if news.visitors is None:
            self._forget()
            return
        self._turn += 1
        if len(self._changed) > self._most:
            self._changed.clear()
            self._cleared = self._turn
        for whose in news.visitors:
            self._changed[whose] = self._turn
            for key in self._of.pop(whose, ()):
                del self._kept[key]
                self._metrics.cache[DROPPED] += 1

    def _forget(self) -> None:
        """Drop everything."""
        self._turn += 1
        self._cleared = self._turn
        self._metrics.cache[DROPPED] += len(self._kept)
        for held in (self._kept, self._of, self._pool, self._changed):
            held.clear()

    def _drop(self, key: Key) -> None:
        whose = self._kept.pop(key).memo.whose
        if whose is not None:
            self._of[whose].remove(key)
            if not self._of[whose]:
                del self._of[whose]

    def _count(self, kept: Kept, name: bytes, begun: float) -> None:
        memo, metrics = kept.memo, self._metrics
        for decided in memo.decided:
            metrics.decisions[decided] += 1
        if memo.view is not None:
            self._tally.note(*memo.view)
        metrics.places[memo.place] += 1
        metrics.cache[HIT] += 1
        took = self._monotonic() - begun
        metrics.answered(kept.route, "GET", kept.status, took)
        if LOG.isEnabledFor(logging.DEBUG):
            said = (kept.route, kept.status, took * 1000, name.decode())
            LOG.debug("GET %s %s %.1fms %s", *said)

    def _keep(self, key: Key, scope: Scope, start: Message, body: bytes, turn: int) -> None:
        """Keep a finished answer, if nothing that it rests on has changed since it was begun."""
        memo: Memo | None = scope.get(MEMO)
        if memo is None or start["status"] not in {200, 304}:
            return
        if max(self._cleared, self._changed.get(memo.whose, 0)) > turn:
            return
        if self._observatory.current() != self._exchanges:
            return
        kept = Kept.of(memo, scope["route"].path, start, body)
        kept.head, kept.tail = self._shared(kept.head), self._shared(kept.tail)
        kept.lines = self._shared(kept.lines)
        if kept.after is not None:
            kept.before = self._shared(kept.before)
        if key in self._kept:
            self._drop(key)
        if len(self._kept) >= self._most:
            self._drop(next(iter(self._kept)))
        self._kept[key] = kept
        if memo.whose is not None:
            self._of.setdefault(memo.whose, []).append(key)

    def _shared(self, value: T) -> T:
        if len(self._pool) >= self._most:
            self._pool.clear()
        shared: T = self._pool.setdefault(value, value)
        return shared


async def _sent(send: Send, kept: Kept, name: bytes, body: bytes) -> None:
    headers = kept.headers(name)
    await send({"type": "http.response.start", "status": kept.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
