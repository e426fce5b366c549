"""One answer, copied while it is sent, and taken apart so that it can be given again later."""

from dataclasses import dataclass

from starlette.types import Message, Send

from holdfire.consent import FRESH_SECONDS
from holdfire.web.house import timestamp
from holdfire.web.memo import Memo

REQUEST_ID = b"x-request-id"
DECIDED = b'"decided_at":"'  # unescaped quotes: no text in a body can look like it
RELIED = b'","valid_until":"'
TIME_BYTES = 20  # of 2026-11-21T12:00:00Z

Line = tuple[bytes, bytes]


@dataclass(slots=True)
class Kept:
    """One answer that may be given again."""

    memo: Memo
    until: int
    route: str
    status: int
    head: tuple[Line, ...]  # the headers before the one that names the answer
    tail: tuple[Line, ...]
    before: bytes  # up to where the times stand in it; or all of it
    after: bytes | None = None
    relies: bool = False  # whether ``valid_until`` goes with the clock
    lines: tuple[bytes, bytes] = (b"", b"")  # ``head`` and ``tail`` as they are written

    @classmethod
    def of(cls, memo: Memo, route: str, start: Message, body: bytes) -> "Kept":
        """Take an answer apart. Raises ``ValueError`` if it has no name."""
        lines = tuple(start["headers"])
        at = [name for name, _ in lines].index(REQUEST_ID)
        head, tail = lines[:at], lines[at + 1 :]
        kept = cls(memo, memo.until, route, start["status"], head, tail, body)
        kept.lines = (_written(head) + REQUEST_ID + b": ", b"\r\n" + _written(tail))
        if memo.relied_until is not None:
            before, mark, rest = body.partition(DECIDED)
            kept.before, kept.after = before + mark, rest[TIME_BYTES:]
            kept.relies = memo.relied_until == memo.since + FRESH_SECONDS
            if kept.relies:
                kept.after = kept.after[len(RELIED) + TIME_BYTES :]
            else:  # it says when a choice runs out, until that is nearer than what always holds
                kept.until = min(memo.until, memo.relied_until - FRESH_SECONDS)
        return kept

    def headers(self, name: bytes) -> list[Line]:
        """The headers, with the name of this answer."""
        return [*self.head, (REQUEST_ID, name), *self.tail]

    def written(self, name: bytes) -> bytes:
        """The same as they are written, each with its line end."""
        return self.lines[0] + name + self.lines[1]


def _written(lines: tuple[Line, ...]) -> bytes:
    return b"".join(b"%b: %b\r\n" % line for line in lines)


class Stamp:
    """The times that stand in bodies, written anew each second."""

    def __init__(self) -> None:
        self._second = -1
        self._now = self._now_and_on = b""

    def body(self, kept: Kept, second: int) -> bytes:
        """The body as of this second since 1970."""
        if kept.after is None:
            return kept.before
        if second != self._second:
            self._second, self._now = second, timestamp(second).encode()
            self._now_and_on = self._now + RELIED + timestamp(second + FRESH_SECONDS).encode()
        return kept.before + (self._now_and_on if kept.relies else self._now) + kept.after


class Copy:
    """What is sent of one answer. ``body`` stays ``None`` unless it is sent in one piece."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.start: Message = {}
        self.body: bytes | None = None

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self.start = message
        elif not message.get("more_body"):
            self.body = message["body"]
        await self._send(message)
