"""Signs the logs: each new entry is checked from its stored bytes before a key touches it.

A second at most after a commit: verify, sign, put into the anchor, keep beside the log, and then
ask the witnesses. The anchor goes before the store: whoever dies between the two has promised no
more than is anchored, and publishes it at the next start.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from holdfire.canonical import canonical
from holdfire.errors import ConfigError, LogRefused, StoreUnavailable
from holdfire.ledger import Malformed, checkpoint, note
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.ledger.merkle import Frontier, leaf_hash
from holdfire.ledger.note import Note
from holdfire.notary import inspection, leaves, tombstones
from holdfire.notary.anchor import Anchor, AnchorAway, AnchorBroken, Anchored
from holdfire.notary.keys import LogKeys
from holdfire.record import Head, Statement
from holdfire.store import Store
from holdfire.store.fence import Fence

LOG = logging.getLogger("holdfire.notary")
REMEDY = "run: holdfire log fsck; and to go on with a new log: holdfire log recover"

POLL_SECONDS = 0.25  # other processes write too, and tell nobody
COSIGN_SECONDS = 60.0  # what a hook may take; it goes beside everything else
SKEW_MS = 5_000
AT_ONCE = 16  # entries verified between two looks at who else waits
DECEMBER = 12

OnCheckpoint = Callable[[bytes], Awaitable[bytes]]
"""Is given a signed checkpoint, and returns it with more signature lines."""


class Contradiction(Exception):
    """What is stored is not what it says it is. The message is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Health:
    """How far the log that grows is signed."""

    origin: str
    size: int
    signed_size: int
    oldest_unsigned_seconds: float  # since this process saw it first; 0 when all are signed
    held: str | None  # why nothing is signed, in a sentence


class Publisher:
    """Signs what grows in one store. ``run`` is a background task of the service."""

    def __init__(
        self,
        store: Store,
        keys: LogKeys,
        anchor: Anchor,
        fence: Fence,
        *,
        host: str,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        on_checkpoint: Sequence[OnCheckpoint] = (),
    ) -> None:
        self._store = store
        self._keys = keys
        self._anchor = anchor
        self._fence = fence
        self._host = host
        self._clock = clock
        self._monotonic = monotonic
        self._on_checkpoint = on_checkpoint
        self._inspected = False
        self._said: object = None  # the register of keys the log was told last
        self._verified: dict[int, Frontier] = {}
        self._met: dict[int, Anchored] = {}  # whose root the verified tree has gone through
        self._published: dict[int, int] = {}
        self._moved = asyncio.Condition()
        self._poked = asyncio.Event()
        self._told: set[str] = set()
        self._newest: Head | None = None
        self._unsigned_since: float | None = None
        self._held: str | None = None
        self._cosigning: asyncio.Task[None] | None = None
        self._to_cosign: dict[int, tuple[int, bytes]] = {}  # the newest of each log

    async def run(self) -> None:
        """Sign for ever, or until the fence closes."""
        try:
            while self._fence.reason is None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._poked.wait(), POLL_SECONDS)
                self._poked.clear()
                await self.step()
        finally:
            if self._cosigning is not None:
                self._cosigning.cancel()

    async def step(self) -> None:
        """Inspect, if that was not done yet, then sign what is not. Raises nothing of the store."""
        try:
            if not self._inspected:
                await self._inspect()
            if self._fence.reason is None and await self._sign_all():
                self._held = None
        except AnchorAway as error:
            if not self._inspected:
                self._refuse(str(error))
            self._hold(str(error), str(error))
        except (Contradiction, AnchorBroken, Malformed) as error:
            self._refuse(str(error))
        except LogRefused as error:
            self._held = str(error)
            self._tell(f"the log is refused: {error} — {REMEDY}")
        except StoreUnavailable:
            self._held = "The record store does not answer."
        except (ConfigError, OSError) as error:
            self._hold("Keys or anchor cannot be used.", f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 -- the task must not end; lost are signatures, until it goes well again
            self._hold("Something went wrong here.", f"{type(error).__name__}: {error}")

    async def signed(self, log: int, size: int, timeout: float) -> bool:  # noqa: ASYNC109 -- its callers answer a request by then
        """Wait until a checkpoint of a log at this size or more is published; whether it came.

        Raises ``LogRefused`` if none will.
        """
        self.poke()
        try:
            async with asyncio.timeout(timeout), self._moved:
                await self._moved.wait_for(
                    lambda: self._fence.reason or self._published.get(log, 0) >= size
                )
        except TimeoutError:
            return False
        self._fence.require()
        return True

    def poke(self) -> None:
        """Look at once for what is to be signed."""
        self._poked.set()

    @property
    def health(self) -> Health:
        """How far it has come."""
        newest = self._newest
        since = self._unsigned_since
        return Health(
            newest.origin if newest else "",
            newest.size if newest else 0,
            self._published.get(newest.log, 0) if newest else 0,
            0.0 if since is None else self._monotonic() - since,
            self._fence.reason or self._held,
        )

    # ------------------------------------------------------------ what is signed

    async def _inspect(self) -> None:
        reason = await inspection.at_start(self._store, self._anchor, self._keys, self._now())
        if reason:
            raise Contradiction(reason)
        self._inspected = True

    async def _sign_all(self) -> bool:
        """Sign every log that has grown; whether all are signed now."""
        # What was signed is read first: the log may grow meanwhile, and never gets shorter.
        signed = {anchored.origin: anchored for anchored in self._anchor.read()}
        heads = await self._store.heads()
        self._newest = heads[-1] if heads else None
        if await self._say_keys():
            heads = await self._store.heads()
        heads = tuple(
            head for head in heads if (s := signed.get(head.origin)) is None or not s.given_up
        )
        for head in heads:
            if head.origin in signed and (
                reason := inspection.at_anchor(head, signed[head.origin])
            ):
                raise Contradiction(reason)
        behind = [head for head in heads if self._published.get(head.log, -1) < head.size]
        if behind and self._unsigned_since is None:
            self._unsigned_since = self._monotonic()
        for head in behind:
            if not self._keys.signing(head.origin):
                self._keys.ensure(head.origin)
                await self._say_keys()
            if not await self._sign(head):
                return False
        self._unsigned_since = None
        return True

    async def _say_keys(self) -> bool:
        """Make the keys that will be needed, and tell the log of every change; whether there was one."""
        self._keys.reload()
        for origin in self._coming():
            self._keys.ensure(origin)
        register = self._keys.register()
        if not register or register == self._said:
            return False
        body = canonical({"keys": register, "v": 1})
        await self._store.state(
            Statement(kind=5, site=None, body=body, recorded_ms=self._now(), repeats=False)
        )
        self._said = register
        return True

    def _coming(self) -> list[str]:
        """The logs whose keys are to be known before they open: this year's and the next one's."""
        today = datetime.fromtimestamp(self._clock(), UTC)
        opened = int(self._newest.origin.rsplit("/", 1)[1][:4]) if self._newest else 0
        years = [today.year] if opened < today.year else []
        if today.month == DECEMBER:
            years.append(today.year + 1)
        return [f"{self._host}/log/{year}" for year in years]

    async def _sign(self, head: Head) -> bool:
        """Sign one log as it ends, unless the clock forbids it; whether it is signed now."""
        anchored = self._anchor.of(head.origin)
        if anchored is None and head.log in self._met:
            raise AnchorAway("The anchor was taken away.")
        await self._verify(head, anchored)
        if not self._clock_allows(head, anchored):
            return False
        keys = self._keys.signing(head.origin)
        if any(key.is_sample for key in keys):
            raise Contradiction("A key of the log is a sample, which anybody has.")
        if anchored is None or anchored.size < head.size:
            text = Checkpoint(head.origin, head.size, head.root).text()
            encoded = Note(text, tuple(key.sign(text) for key in keys)).encode().decode()
            mine = Anchored(head.log, head.origin, head.size, head.root, self._now(), encoded)
            new = await asyncio.to_thread(self._anchor.advance, anchored, mine)
            if new != mine:
                return False  # another process was quicker: what it signed is looked at next time
            anchored = self._met[head.log] = new
        await self._publish(head.log, head.size, anchored.note.encode())
        return True

    async def _verify(self, head: Head, anchored: Anchored | None) -> None:
        """Extend the tree over what was signed by the new entries, each looked at.

        Raises ``Contradiction`` if that is not the tree of the head.
        """
        log, frontier = head.log, self._verified.get(head.log)
        try:
            if frontier is None or (
                # Another process has signed less than was verified here, and its root is not met.
                anchored is not None
                and anchored.size < frontier.size
                and self._met.get(log) != anchored
            ):
                frontier = await inspection.frontier_at(
                    self._store, log, anchored.size if anchored else 0
                )
            self._meet(head, frontier, anchored)
            async for index, body in inspection.leaves(self._store, log, frontier.size, head.size):
                await self._verify_leaf(head, index, body)
                frontier = frontier.append(leaf_hash(body))
                self._meet(head, frontier, anchored)
                if index % AT_ONCE == 0:
                    await asyncio.sleep(0)  # whoever waits for an answer goes first
        except LookupError as error:
            raise Contradiction(f"Entries or hashes of {head.origin} are missing.") from error
        if frontier.root() != head.root or frontier.hashes != head.frontier:
            raise Contradiction(f"The entries of {head.origin} do not make up its root.")
        self._verified[log] = frontier

    def _meet(self, head: Head, frontier: Frontier, anchored: Anchored | None) -> None:
        """Where the tree is as long as it was when it was signed last, it must have that root."""
        if anchored is not None and anchored.size == frontier.size:
            if frontier.root() != anchored.root:
                raise Contradiction(f"The entries of {head.origin} are not those that were signed.")
            self._met[head.log] = anchored

    async def _verify_leaf(self, head: Head, index: int, body: bytes) -> None:
        """Raises ``Contradiction`` if an entry does not commit to what is stored with it."""
        leaf = leaves.read(body)
        if leaf is None:
            raise Contradiction(f"Entry {index} of {head.origin} is damaged.")
        if leaves.is_personal(leaf):
            whole, missing = leaves.opens(leaf, await self._store.blocks(head.log, index))
            whole = whole and (
                not missing or await tombstones.cover(self._store, head.origin, index, missing)
            )
        else:
            whole = leaves.says(leaf, await self._store.said(head.log, index))
        if not whole:
            raise Contradiction(f"Entry {index} of {head.origin} is not what is stored with it.")

    def _clock_allows(self, head: Head, anchored: Anchored | None) -> bool:
        """Whether a checkpoint signed now would not be dated before one that was signed."""
        now = self._now()
        if head.last_ms - now > SKEW_MS:
            self._tell("the clock is more than 5 s behind the newest entry of the log")
        behind = anchored.at_ms - now if anchored is not None else 0
        if behind <= 0:
            return True
        if behind > SKEW_MS:
            self._tell("the clock is more than 5 s behind the last checkpoint; none is signed")
        else:
            self._tell("the clock is behind the last checkpoint; none is signed", logging.WARNING)
        self._held = "The clock is behind the last checkpoint."
        return False

    async def _publish(self, log: int, size: int, encoded: bytes) -> None:
        kept = await self._store.checkpoint(log)
        # One of this size may have cosignatures already, which this one has not.
        if kept is None or checkpoint.parse(note.parse(kept).text).size < size:
            await self._store.publish(log, size, encoded)
        async with self._moved:
            self._published[log] = size
            self._moved.notify_all()
        if self._on_checkpoint:
            self._to_cosign[log] = size, encoded
            if self._cosigning is None or self._cosigning.done():
                self._cosigning = asyncio.create_task(self._cosign(), name="holdfire-cosigning")

    async def _cosign(self) -> None:
        """Ask for cosignatures on the newest checkpoint, until none is newer."""
        while self._to_cosign:
            log, (size, encoded) = self._to_cosign.popitem()
            before = encoded
            for hook in self._on_checkpoint:
                try:
                    encoded = await asyncio.wait_for(hook(encoded), COSIGN_SECONDS)
                except Exception as error:  # noqa: BLE001 -- a hook talks to strangers; lost are their signatures
                    self._tell(f"no cosignature: {type(error).__name__}: {error}", logging.WARNING)
            if encoded != before:
                with suppress(StoreUnavailable):  # lost are cosignatures, until the next checkpoint
                    await self._store.publish(log, size, encoded)

    # ------------------------------------------------------------ what the operator is told

    def _refuse(self, reason: str) -> None:
        self._fence.close(reason)
        self._tell(f"the log is refused: {reason} — {REMEDY}")

    def _hold(self, reason: str, detail: str) -> None:
        self._held = reason
        self._tell(f"nothing is signed: {detail}")

    def _tell(self, message: str, level: int = logging.ERROR) -> None:
        """Say it once."""
        if message not in self._told:
            self._told.add(message)
            LOG.log(level, "%s", message)

    def _now(self) -> int:
        return int(self._clock() * 1000)
