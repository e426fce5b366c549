"""What must hold of a log after any crash, for whoever noted what was acknowledged before it."""

from collections.abc import Mapping
from pathlib import Path

from holdfire.store import Store
from whole_log import NOWHERE, Place, check_log


def acknowledged(notes: Path) -> dict[str, int]:
    """Event id → log index, as a process noted them, one ``event index`` a line.

    A last line without its end was torn by the crash and counts for nothing.
    """
    lines = notes.read_text("ascii").splitlines(keepends=True)
    pairs = (line.split() for line in lines if line.endswith("\n"))
    return {event: int(index) for event, index in pairs}


async def check(store: Store, promised: Mapping[str, int], since: Place = NOWHERE) -> Place:
    """Fail unless the log is whole and keeps every promise; return where it ends.

    Every acknowledged act is there, once, at the index that was acknowledged. The log is whole, as
    ``whole_log`` says. What stands up to the entry ``since`` is taken to have been checked before.
    """
    records = await check_log(store, since)
    places = {record.event_id: record.log_index for record in records.values()}
    assert len(places) == len(records), "an act is there twice"
    lost = {
        event: index
        for event, index in promised.items()
        if places.get(event) != index and (since == NOWHERE or index > since[1])
    }
    assert not lost, f"{len(lost)} acknowledged records lost or moved, such as {min(lost.items())}"
    *_, head = await store.heads()
    return head.log, head.size - 1
