"""What must hold after a life of ``instance.py``, however it ended: every promise, and a new start."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from instance import visitor

from holdfire.notary.anchor import Anchored
from holdfire.record import Erasure, Head
from holdfire.store import Store
from holdfire.store.sqlite import SqliteStore
from house import NOON, Clock
from notaries import World, audit, world
from whole_log import check_log, root_of

LATER = NOON + 61 * 86_400  # no life comes this far
INCREMENTAL = 2  # what `PRAGMA auto_vacuum` answers
Promise = dict[str, Any]


def promises(notes: Path) -> list[Promise]:
    """What a life was promised: a line each, of which the last may be torn."""
    if not notes.exists():
        return []
    lines = notes.read_bytes().splitlines(keepends=True)
    return [msgspec.json.decode(line) for line in lines if line.endswith(b"\n")]


async def check(folder: Path, notes: Path) -> None:
    """Fail unless nothing that was promised is lost, and the next start goes on with the log."""
    promised = promises(notes)
    check_gone(folder, promised)
    if of("act", promised):  # first as an operator looks at what is left
        reader = await SqliteStore.open(folder / "holdfire.db", writing=False)
        await check_promises(reader, promised)
        await reader.close()
    async with world(folder, Clock(LATER)) as started:
        assert started.refused is None
        await check_promises(started.store, promised)
        await check_keys(started, promised)
        await check_anchor(started.store, started.notary.anchor.read())
        finished = await erase_again(started.store, promised)
        await started.grow(2, "after")  # and signs, the tombstones too
        assert (started.refused, started.publisher.health.held) == (None, None)
        heads = await started.store.heads()
        assert (await started.signed(heads[-1].log)).size == heads[-1].size
        check_gone(folder, [*promised, *finished])
    with closing(sqlite3.connect(folder / "holdfire.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (INCREMENTAL,)
    assert await audit(folder, Clock(LATER)) == []


async def check_promises(store: Store, promised: Sequence[Promise]) -> None:
    """Every act, statement and signed root is where it was said to be."""
    records = await check_log(store)
    places = {(record.log, record.log_index): record.event_id for record in records.values()}
    leaving = {person["visitor"] for person in of("erasing", promised)}
    for act in of("act", promised):
        place = (act["log"], act["index"])
        gone = visitor(act["event"].partition("-")[2]) in leaving  # then there is a tombstone
        assert places.get(place) == act["event"] or (gone and place not in places)
        assert gone or await store.find("demo", act["event"])
    for statement in of("statement", promised):
        said = await store.said(statement["log"], statement["index"])
        assert said is not None
        assert said.body.decode() == statement["body"]
    for kept in of("kept", promised):
        assert await store.artefact(kept["digest"])
    for person in of("erased", promised):
        assert await store.latest("demo", person["visitor"]) is None
    heads = {head.origin: head for head in await store.heads()}
    for signed in of("signed", promised):
        root = await root_at(store, heads[signed["origin"]], signed["size"])
        assert root.hex() == signed["root"]


async def erase_again(store: Store, promised: Sequence[Promise]) -> Sequence[Promise]:
    """Ask once more for every erasure; what that promises."""
    for person in of("erasing", promised):
        erasure = Erasure(person["part"], "request", int(LATER * 1000), "demo", person["visitor"])
        await store.erase(erasure)
    return [{"did": "erased", "visitor": person["visitor"]} for person in of("erasing", promised)]


async def check_anchor(store: Store, signed: Sequence[Anchored]) -> None:
    """What is anchored is of this log, and no checkpoint was published that is not anchored."""
    heads = {head.origin: head for head in await store.heads()}
    for anchored in signed:
        assert not anchored.given_up
        assert await root_at(store, heads[anchored.origin], anchored.size) == anchored.root


async def check_keys(started: World, promised: Sequence[Promise]) -> None:
    """A key that was promised is there, and one that retires now leaves its secret nowhere."""
    keys = started.notary.keys
    assert {made["id"] for made in of("made", promised)} <= {key.id for key in keys.all}
    oldest = next(key for key in keys.all if key.seed is not None)
    secret = oldest.lines().splitlines()[0].split("+", 4)[4]
    keys.rotate(oldest.verifier.name)
    keys.retire(oldest.id)
    check_gone(
        Path(started.notary.anchor.path).parent.parent, [{"did": "retired", "secret": secret}]
    )


def check_gone(folder: Path, promised: Sequence[Promise]) -> None:
    """What was destroyed is in no file any more."""
    gone = [(e["visitor"].encode(), "holdfire.db*") for e in of("erased", promised)]
    gone += [(retired["secret"].encode(), "var/log.keys/*") for retired in of("retired", promised)]
    gone += [(retired["secret"].encode(), "var/log.keys/.*") for retired in of("retired", promised)]
    for secret, files in gone:
        for path in folder.glob(files):
            assert not secret or secret not in path.read_bytes(), f"it is still in {path.name}"


async def root_at(store: Store, head: Head, size: int) -> bytes:
    """The root over the first entries of a log. Fails if there are fewer."""
    assert size <= head.size
    return root_of(await store.entries(head.log, 0, size))


def of(did: str, promised: Sequence[Promise]) -> Sequence[Promise]:
    """Promises of one sort."""
    return [promise for promise in promised if promise["did"] == did]
