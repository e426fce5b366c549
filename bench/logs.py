"""Logs to measure: instances of the service with as many entries as are wanted, made quickly.

Their rows are those of the service: an act that it really recorded, again and again under other
ids. Between two looks at the disk stands nothing, and the triggers of the tables, which ask every
row where it comes from, come back when the log is full.
"""

import base64
import os
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec
from starlette.testclient import TestClient

from holdfire import app
from holdfire.ledger import entry
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.ledger.merkle import leaf_hash, node_hash
from holdfire.ledger.note import Note
from holdfire.ledger.tiles import FULL, range_hash
from holdfire.model import Site
from holdfire.notary import Notary, Publisher, inspection
from holdfire.notary.anchor import Anchored
from holdfire.record import Draft, Head
from holdfire.settings import Settings
from holdfire.sites import load_locales, load_sites
from holdfire.store import Store, rows, sqlite_writing

ROOT = Path(__file__).parent.parent
SITE = "demo"
ORIGIN = "http://127.0.0.1:8080"
AT_ONCE = 4_096  # acts a transaction, where nobody waits for them
REAL = 2 * FULL  # entries of acts at the beginning of a log that otherwise has entries alone


@dataclass
class Instance:
    """What signs a store, and the store behind its fence."""

    store: Store
    notary: Notary
    publisher: Publisher


def settings(folder: Path) -> Settings:
    """Everything in one folder, where ``bench.servers`` looks for it."""
    return Settings(database=f"sqlite:///{folder}/holdfire.db", data_dir=str(folder / "var"))


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Instance]:
    """An instance, opened as a start of the service does."""
    chosen = settings(folder)
    notary = Notary.open(chosen, clock=time.time, random=os.urandom)
    store = await app.open_store(chosen, fence=notary.fence)
    try:
        yield Instance(store, notary, await notary.begin(store))
        if notary.fence.reason:
            raise RuntimeError(notary.fence.reason)
    finally:
        await store.close()


class Acts:
    """Acts of visitors who each act once, as long as the one that was recorded by the service."""

    def __init__(self, sample: Draft) -> None:
        self._sample = sample

    def __iter__(self) -> Iterator[Draft]:
        one = self._sample
        while True:
            event = str(uuid.UUID(bytes=os.urandom(16)))
            visitor = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
            yield msgspec.structs.replace(
                one,
                visitor=visitor,
                event_id=event,
                recorded_ms=int(time.time() * 1000),
                evidence=one.evidence.replace(one.event_id.encode(), event.encode()),
                subject=one.subject.replace(one.visitor.encode(), visitor.encode()),
            )


def recorded(folder: Path) -> Draft:
    """An act as the service records it: somebody refuses everything at the demo site."""
    site = _site()
    served = app.build(settings(folder), {site.id: site}, prebuild=False)
    body = {
        "event_id": str(uuid.uuid4()),
        "action": "reject_all",
        "categories": {"functional": False, "analytics": False, "marketing": False},
        "services": {},
        "notice_version": site.version,
        "language": "en",
        "layer": 1,
        "control": "reject_all",
        "client_time": "2026-11-21T12:00:00Z",
    }
    with TestClient(served, base_url=ORIGIN, client=("127.0.0.1", 50_000)) as client:
        url = f"/v1/sites/{site.id}/choices"
        client.post(url, json=body, headers={"origin": ORIGIN}).raise_for_status()
    with closing(sqlite3.connect(folder / "holdfire.db")) as db:
        found = f"SELECT {rows.RECORD} FROM record {sqlite_writing.WHOLE}"  # noqa: S608 -- our own columns
        kept = rows.record(db.execute(found).fetchone())
        (leaf,) = db.execute(
            "SELECT body FROM entry WHERE log = ? AND log_index = ?", (kept.log, kept.log_index)
        ).fetchone()
    return Draft(
        site=kept.site,
        visitor=kept.visitor,
        event_id=kept.event_id,
        fingerprint=kept.fingerprint,
        recorded_ms=kept.recorded_ms,
        evidence=kept.evidence,
        subject=kept.subject,
        config=entry.decode(leaf).tail,
    )


async def whole(folder: Path, size: int, sample: Draft) -> None:
    """Grow a log to ``size`` entries, each new one an act with all that is kept of it."""
    head = await _begun(folder)
    acts = iter(Acts(sample))
    with filling(folder) as db:
        while head.size < size:
            batch = list(islice(acts, min(AT_ONCE, size - head.size)))
            head, _ = sqlite_writing.write(db, batch, "localhost", os.urandom)
    await _signed(folder)


async def entries_alone(folder: Path, size: int, sample: Draft) -> None:
    """Grow a log to ``size`` entries, all but the first few hundred without what they commit to.

    Enough for the tree; whoever looked at what is stored would find it missing.
    """
    await whole(folder, REAL, sample)
    with filling(folder) as db:
        _grow(db, size)
        db.execute("UPDATE head SET size = ?", (size,))
        db.execute("COMMIT")
    chosen = settings(folder)
    store = await app.open_store(chosen)
    end = await inspection.frontier_at(store, 1, size)
    await store.close()
    with filling(folder) as db:
        values = (end.root(), b"".join(end.hashes))
        db.execute("UPDATE head SET root = ?, frontier = ?", values)
    await _signed(folder)


def _grow(db: sqlite3.Connection, size: int) -> None:
    """Entries from ``REAL`` on, and the hashes of all tiles they fill."""
    (body,) = db.execute("SELECT body FROM entry WHERE log_index = ?", (REAL - 1,)).fetchone()
    db.execute("BEGIN")
    level = [row[0] for row in db.execute("SELECT hash FROM node WHERE level = 1 ORDER BY n")]
    for first in range(REAL, size, FULL):
        drawn = os.urandom(64 * min(FULL, size - first))
        bodies = [body[:32] + drawn[at : at + 64] + body[96:] for at in range(0, len(drawn), 64)]
        db.executemany("INSERT INTO entry VALUES (1, ?, ?)", list(enumerate(bodies, start=first)))
        if len(bodies) == FULL:
            level.append(_over(list(map(leaf_hash, bodies))))
            db.execute("INSERT INTO node VALUES (1, 1, ?, ?)", (len(level) - 1, level[-1]))
    height = 2
    while len(level) >= FULL:
        level = [_over(level[at : at + FULL]) for at in range(0, len(level) // FULL * FULL, FULL)]
        db.executemany(
            "INSERT INTO node VALUES (1, ?, ?, ?)",
            [(height, n, hash_) for n, hash_ in enumerate(level)],
        )
        height += 1


def _over(hashes: list[bytes]) -> bytes:
    """The root over 256 hashes."""
    tile = {(0, 0): b"".join(hashes)}
    half = FULL // 2
    return node_hash(range_hash(0, half, tile), range_hash(half, FULL, tile))


async def _begun(folder: Path) -> Head:
    """Open the instance, which makes its keys and its first entries; where the log ends."""
    async with opened(folder) as instance:
        return (await instance.store.heads())[-1]


async def _signed(folder: Path) -> None:
    """Sign the log as it ends, on trust: to look at each entry first would take as long again."""
    chosen = settings(folder)
    notary = Notary.open(chosen, clock=time.time, random=os.urandom)
    store = await app.open_store(chosen)
    try:
        head = (await store.heads())[-1]
        text = Checkpoint(head.origin, head.size, head.root).text()
        keys = notary.keys.signing(head.origin)
        note = Note(text, tuple(key.sign(text) for key in keys)).encode()
        now_ms = int(time.time() * 1000)
        mine = Anchored(head.log, head.origin, head.size, head.root, now_ms, note.decode())
        notary.anchor.advance(notary.anchor.of(head.origin), mine)
        await store.publish(head.log, head.size, note)
    finally:
        await store.close()


@contextmanager
def filling(folder: Path) -> Iterator[sqlite3.Connection]:
    """A connection that writes without asking, and without waiting for the disk."""
    db = sqlite3.connect(folder / "holdfire.db", isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA cache_size = -500000")
        triggers = db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
        kept = triggers.fetchall()
        for name, _ in kept:
            db.execute(f"DROP TRIGGER {name}")
        yield db
        for _, sql in kept:
            db.execute(sql)
        db.execute("PRAGMA journal_mode = WAL")
    finally:
        db.close()


def _site() -> Site:
    config = ROOT / "config"
    return load_sites(config / "sites", load_locales(config / "locales"))[SITE]
