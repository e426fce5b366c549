"""Has the log cosigned: what witnesses are asked, and what is believed of their answers.

C2SP tlog-witness, the client's side. The newest checkpoint of each log is taken to every witness
at once, with the proof that it goes on from what that witness cosigned last; the next one not
before ``between`` seconds have passed. Nothing waits for any of it: who gets no cosignature has a
checkpoint all the same, and asks again, less and less often.

Two things that a witness says are believed: a cosignature that verifies, and that it knows a longer
log than is stored here. Then the database was brought back from an old copy, and the fence closes.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from holdfire.errors import StoreUnavailable
from holdfire.ledger import Malformed, checkpoint, note
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.ledger.merkle import consistency_ranges
from holdfire.ledger.note import Note, Signature, VerifierKey
from holdfire.ledger.scalars import decimal
from holdfire.ledger.submission import Submission
from holdfire.ledger.trust import Policy
from holdfire.ledger.verdict import TOLERANCE_S
from holdfire.notary import posting
from holdfire.notary.posting import Unanswered
from holdfire.notary.tree import Tree
from holdfire.settings.witness import Witness
from holdfire.store import Store
from holdfire.store.fence import Fence

LOG = logging.getLogger("holdfire.notary")

TRIES = 4  # requests to one witness for one checkpoint; its size is known after the first
LONGEST_REST = 600.0  # seconds
SIZE = "text/x.tlog.size"

Post = Callable[[str, bytes], Awaitable[posting.Answer]]


class Refused(Exception):
    """A witness does not cosign, or answers what no witness answers."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One checkpoint that is taken to the witnesses."""

    log: int
    head: Checkpoint
    note: Note
    lines: dict[VerifierKey, Signature]  # cosignatures, as far as they have come

    def encode(self) -> bytes:
        """Return the checkpoint with its cosignatures below the log's own signatures."""
        theirs = {(key.name, key.id) for key in self.lines}
        own = (s for s in self.note.signatures if (s.name, s.id) not in theirs)
        return Note(self.note.text, (*own, *self.lines.values())).encode()


class Cosigning:
    """Is told of each signed checkpoint, as one of the publisher's hooks. ``run`` asks."""

    def __init__(
        self,
        witnesses: Collection[Witness],
        quorum: Policy,
        store: Store,
        fence: Fence,
        *,
        between: float,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        post: Post = posting.post,
    ) -> None:
        """``between`` is how long no witness is asked again, in seconds."""
        self._witnesses = witnesses
        self._quorum = quorum
        self._store = store
        self._tree = Tree(store)
        self._fence = fence
        self._between = between
        self._clock = clock
        self._monotonic = monotonic
        self._post = post
        self._open: dict[str, bytes] = {}  # newest checkpoint by origin, until all have cosigned it
        self._woken = asyncio.Event()
        self._turns = asyncio.Lock()  # one request to a witness at a time
        self._sizes: dict[tuple[VerifierKey, str], int] = {}
        self._failures: dict[VerifierKey, int] = {}
        self._rests: dict[VerifierKey, float] = {}  # until when
        self._told: set[tuple[VerifierKey, str]] = set()

    async def __call__(self, signed: bytes) -> bytes:
        """Take note of a checkpoint; it is returned as it is, and the cosignatures come later."""
        self._open[checkpoint.parse(note.parse(signed).text).origin] = signed
        self._woken.set()
        return signed

    async def run(self) -> None:
        """Ask for ever, or until the fence closes."""
        while self._witnesses and self._fence.reason is None:
            if not self._open:
                await self._woken.wait()
            self._woken.clear()
            await self.step()
            await asyncio.sleep(self._between)

    async def step(self) -> None:
        """Take the newest checkpoint of each log to the witnesses that have not cosigned it."""
        async with self._turns:
            for origin, signed in tuple(self._open.items()):
                try:
                    done = await self._round(signed)
                except StoreUnavailable:
                    continue  # lost is one round
                if done and self._open[origin] == signed:
                    del self._open[origin]

    async def _round(self, signed: bytes) -> bool:
        """Whether all have cosigned it now."""
        parsed = note.parse(signed)
        head = checkpoint.parse(parsed.text)
        log = next((h.log for h in await self._store.heads() if h.origin == head.origin), None)
        if log is None:
            return True
        asked = Asked(log, head, parsed, await self._kept(log, parsed))
        now = self._monotonic()
        async with asyncio.TaskGroup() as group:
            for witness in self._missing(asked):
                if self._rests.get(witness.key, now) <= now:
                    group.create_task(self._take(witness, asked))
        return not self._missing(asked)

    def _missing(self, asked: Asked) -> list[Witness]:
        """Who has not cosigned it, or was not asked since the start: they may know a longer log."""
        return [
            witness
            for witness in self._witnesses
            if witness.key not in asked.lines or (witness.key, asked.head.origin) not in self._sizes
        ]

    async def _kept(self, log: int, parsed: Note) -> dict[VerifierKey, Signature]:
        """The cosignatures there are already: this process is not the only one, nor the first."""
        published = [parsed.encode()]
        for cosigned in (False, True):
            found = await self._store.checkpoint(log, cosigned=cosigned)
            published += [found] if found is not None else []
        kept: dict[VerifierKey, Signature] = {}
        for encoded in published:
            other = note.parse(encoded)
            if other.text == parsed.text:
                for witness in self._witnesses:
                    for line in other.signatures:
                        if is_by(witness.key, other.text, line):
                            kept[witness.key] = line
        return kept

    async def _take(self, witness: Witness, asked: Asked) -> None:
        """Take the checkpoint to one witness, and keep what it signs. Raises nothing."""
        try:
            line = await self._ask(witness, asked)
            if line is not None:
                asked.lines[witness.key] = line
                await self._keep(asked)
        except (Refused, Unanswered, Malformed) as error:
            failures = self._failures[witness.key] = self._failures.get(witness.key, 0) + 1
            rest = min(self._between * 2.0 ** min(failures, 16), LONGEST_REST)
            self._rests[witness.key] = self._monotonic() + rest
            self._tell(witness, str(error))
        except (StoreUnavailable, LookupError) as error:
            self._tell(witness, f"{type(error).__name__} here")
        else:
            self._failures.pop(witness.key, None)

    async def _keep(self, asked: Asked) -> None:
        encoded, size = asked.encode(), asked.head.size
        await self._store.publish(asked.log, size, encoded)
        if self._quorum.is_met(asked.lines):
            await self._store.publish(asked.log, size, encoded, cosigned=True)

    async def _ask(self, witness: Witness, asked: Asked) -> Signature | None:
        """The cosignature of one witness; ``None`` if it has cosigned more already, or too much.

        Raises ``Refused``, ``Unanswered`` or ``Malformed``, and what the store raises.
        """
        head, suspected = asked.head, False
        for _ in range(TRIES):
            old = self._sizes.get((witness.key, head.origin), 0)
            if old > head.size:
                return None  # another process of this instance was there with a newer one
            answer = await self._post(
                f"{witness.url}/add-checkpoint", await self._submission(old, asked)
            )
            if answer.status == 200:  # noqa: PLR2004 -- the specification says it in this number
                line = self._believed(witness, asked, answer.body)
                self._sizes[witness.key, head.origin] = head.size
                return line
            size = told_size(answer)
            if size > await self._stored(head.origin):
                if suspected:
                    self._close(witness, head.origin, size)
                    return None
                suspected = True  # a yes or no on which all depends is asked for twice
                continue
            if size == old:
                raise Refused("it knows another history of this log")
            self._sizes[witness.key, head.origin] = size
        raise Refused("it names another size each time")

    async def _submission(self, old: int, asked: Asked) -> bytes:
        size = asked.head.size
        path = await self._tree.hashes(asked.log, size, consistency_ranges(old, size))
        return Submission(old, path, asked.head, asked.note).encode()

    def _believed(self, witness: Witness, asked: Asked, body: bytes) -> Signature:
        """The line by its key, verified. Raises ``Malformed`` or ``Refused``; others are ignored."""
        text = asked.note.text
        lines = note.parse_signatures(body.decode(errors="replace"))
        signed = note.verify(Note(text, lines), [witness.key])
        # Who reads the receipt ignores what was signed in the future.
        if (signed[0].time or 0) > self._clock() + TOLERANCE_S:
            raise Refused("its clock is ahead")
        return next(line for line in lines if is_by(witness.key, text, line))

    async def _stored(self, origin: str) -> int:
        return max((h.size for h in await self._store.heads() if h.origin == origin), default=0)

    def _close(self, witness: Witness, origin: str, size: int) -> None:
        reason = (
            f"The witness {witness.name} has cosigned {size} entries of {origin}, "
            "and there are fewer here."
        )
        self._fence.close(reason)
        LOG.error("the log is refused: %s — run: holdfire log fsck; holdfire log recover", reason)

    def _tell(self, witness: Witness, why: str) -> None:
        """Say it once."""
        if (witness.key, why) not in self._told:
            self._told.add((witness.key, why))
            LOG.warning("the witness %s does not cosign: %s", witness.name, why)


def is_by(key: VerifierKey, text: str, line: Signature) -> bool:
    """Whether a line is a signature by this key."""
    try:
        return bool(note.verify(Note(text, (line,)), [key]))
    except Malformed:
        return False


def told_size(answer: posting.Answer) -> int:
    """The size that a witness says it cosigned last. Raises ``Refused`` if it says anything else."""
    if answer.status == 422:  # noqa: PLR2004 -- the specification says it in this number
        raise Refused("it knows another history of this log")
    if answer.status != 409:  # noqa: PLR2004 -- likewise
        raise Refused(f"it answers {answer.status}")
    if answer.media_type != SIZE or not answer.body.endswith(b"\n"):
        raise Refused("it answers 409 without a size")
    return decimal(answer.body[:-1].decode("ascii", "replace"))
