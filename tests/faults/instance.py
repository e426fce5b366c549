"""A whole instance that lives a short life, for a tracer that makes its system calls fail.

``python instance.py LIFE FOLDER NOTES`` opens store and notary in the folder, and does a little of
all that writes (``LIVES``). It comes back to whatever was refused, as a client would, three times.
A line of JSON in NOTES is a promise that was given, or
says what is about to be erased.

It ends with 0, or with 3 after a line that says why it does not start. Whatever else it ends with
is a fault of the service.
"""

import asyncio
import hashlib
import logging
import os
import secrets
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from holdfire.errors import ConfigError, HoldfireError, StoreUnavailable
from holdfire.ledger import checkpoint, note
from holdfire.notary import Notary, Publisher
from holdfire.record import Artefact, Draft, Erasure, Part, Statement
from holdfire.settings import Settings
from holdfire.store import Store
from holdfire.store.sqlite import SqliteStore

NOON = 1_795_262_400.0  # 2026-11-21T12:00:00Z
DAYS = 86_400.0
SITE = "demo"
REFUSED = 3
TIMES = 3
CROWD = 36
LARGE = 60_000  # bytes of evidence: from two crowds of them SQLite folds its write-ahead log

Done = TypeVar("Done")


class Life:
    """What one process does, and what it was promised."""

    def __init__(
        self, store: Store, notary: Notary, publisher: Publisher, notes: int, clock: list[float]
    ) -> None:
        self._store = store
        self._notary = notary
        self._publisher = publisher
        self._notes = notes
        self._clock = clock

    async def small(self) -> None:
        """Acts, statements, checkpoints, erasures, artefacts, keys, and the turn of the year."""
        await self._choose("ann", "bob", "cid")
        await self._state()
        await self._sign()
        await self._keep()
        await self._choose("ann", "dan")
        await self._erase("bob", "subject")
        await self._rotate()
        await self._sign()
        await self._erase("cid", "record")
        await self._retire()
        self._clock[0] += 60 * DAYS
        await self._choose("ann", "eve")
        await self._sign()

    async def heavy(self) -> None:
        """As much at once as makes SQLite fold its write-ahead log into the database."""
        for _ in range(2):
            await self._choose(*(f"v{n}" for n in range(CROWD)), size=LARGE)
        await self._sign()

    async def _choose(self, *names: str, size: int = 20) -> None:
        run = os.urandom(4).hex()
        drafts = [self._draft(f"{run}-{name}", name, size) for name in names]
        await asyncio.gather(*map(self._append, drafts))

    def _draft(self, event: str, name: str, size: int) -> Draft:
        return Draft(
            site=SITE,
            visitor=visitor(name),
            event_id=event,
            fingerprint=hashlib.sha256(event.encode()).digest(),
            recorded_ms=self._ms(),
            evidence=event.ljust(size).encode(),
            subject=name.encode(),
        )

    def _ms(self) -> int:
        return int(self._clock[0] * 1000)

    async def _append(self, draft: Draft) -> None:
        appended = await _trying(lambda: self._store.append(draft))
        if appended is not None:
            record = appended.record
            self._note("act", event=record.event_id, log=record.log, index=record.log_index)

    async def _state(self) -> None:
        body = msgspec.json.encode({"v": 1, "word": os.urandom(4).hex()})
        statement = Statement(kind=6, site=SITE, body=body, recorded_ms=self._ms())
        said = await _trying(lambda: self._store.state(statement))
        if said is not None:
            self._note("statement", log=said.log, index=said.log_index, body=body.decode())

    async def _sign(self) -> None:
        for _ in range(TIMES):
            await self._publisher.step()
            assert self._publisher.health.held != "Something went wrong here."
        logs = await _trying(self._store.heads) or ()
        for log in range(1, len(logs) + 1):
            data = await _trying(lambda log=log: self._store.checkpoint(log))  # type: ignore[misc]  # a default, so that each has its own
            if data is not None:
                found = checkpoint.parse(note.parse(data).text)
                self._note("signed", origin=found.origin, size=found.size, root=found.root.hex())

    async def _erase(self, name: str, part: Part) -> None:
        erasure = Erasure(
            part=part, why="request", recorded_ms=self._ms(), site=SITE, visitor=visitor(name)
        )
        self._note("erasing", visitor=visitor(name), part=part)
        if await _trying(lambda: self._store.erase(erasure)) is not None:
            self._note("erased", visitor=visitor(name))

    async def _keep(self) -> None:
        body = os.urandom(64)
        artefact = Artefact(hashlib.sha256(body).hexdigest(), "texts", body)

        async def keep() -> bool:
            await self._store.keep([artefact])
            return True

        if await _trying(keep):
            self._note("kept", digest=artefact.digest)

    async def _rotate(self) -> None:
        async def rotate() -> str:
            keys = self._notary.keys
            return keys.rotate(keys.all[0].verifier.name).id if keys.all else ""

        made = await _trying(rotate)
        if made:
            self._note("made", id=made)

    async def _retire(self) -> None:
        lost = ""

        async def retire() -> str:
            nonlocal lost
            keys = self._notary.keys
            keys.reload()
            first = next(iter(keys.all), None)
            if first is None or first.seed is None or len(keys.signing(first.verifier.name)) == 1:
                return ""
            lost = first.lines().splitlines()[0].split("+", 4)[4]
            return keys.retire(first.id).id

        if await _trying(retire):
            self._note("retired", secret=lost)

    def _note(self, did: str, **what: Any) -> None:
        # Not `write`, which may be what fails: what is in the file has been promised.
        os.writev(self._notes, [msgspec.json.encode({"did": did, **what}) + b"\n"])


LIVES = {"small": Life.small, "heavy": Life.heavy}


async def _trying(question: Callable[[], Awaitable[Done]]) -> Done | None:
    """Ask up to three times for what is refused with a reason; ``None`` if it is every time."""
    for _ in range(TIMES):
        try:
            return await question()
        except (StoreUnavailable, ConfigError):
            continue
    return None


def visitor(name: str) -> str:
    """The pseudonym of a visitor, to be found again in any file that has it."""
    return f"{name:.>22}"


async def run(life: str, folder: Path, notes: int) -> int:
    """Live in this folder; the status to end with."""
    clock = [NOON]
    settings = Settings(data_dir=str(folder / "var"))
    try:
        notary = Notary.open(settings, clock=lambda: clock[0], random=secrets.token_bytes)
        store = await SqliteStore.open(folder / "holdfire.db", fence=notary.fence)
        try:
            lived = Life(store, notary, await notary.begin(store), notes, clock)
            await LIVES[life](lived)
        finally:
            await store.close()
    except HoldfireError as error:
        print(f"refused: {error}")  # noqa: T201 - how it answers
        return REFUSED
    return 0


def _opened(notes: str) -> int:
    """The side file of promises. A fault is meant for the life, whose thread counts for itself."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    try:
        return os.open(notes, flags, 0o600)
    except OSError:
        return os.open(notes, flags, 0o600)


def main() -> None:
    """Live in a thread of its own: a tracer counts for each thread, and not the imports then."""
    life, folder, notes = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    os.getpid = lambda: 1  # drafts are named after it, and a tracer goes by names
    descriptor = _opened(notes)
    ended: list[int] = []
    living = threading.Thread(
        target=lambda: ended.append(asyncio.run(run(life, Path(folder), descriptor)))
    )
    living.start()
    living.join()
    sys.exit(ended[0] if ended else 1)


if __name__ == "__main__":
    main()
