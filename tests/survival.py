"""What must hold of a log after any crash, for whoever noted what was acknowledged before it."""

from collections.abc import Mapping
from pathlib import Path

from holdfire.store import Store


def acknowledged(notes: Path) -> dict[str, int]:
    """Event id → log index, as a process noted them, one ``event index`` a line.

    A last line without its end was torn by the crash and counts for nothing.
    """
    lines = notes.read_text("ascii").splitlines(keepends=True)
    pairs = (line.split() for line in lines if line.endswith("\n"))
    return {event: int(index) for event, index in pairs}


async def check(store: Store, promised: Mapping[str, int]) -> int:
    """Fail unless the log is whole and keeps every promise; return how many records it holds.

    Every acknowledged act is there, once, at the index that was acknowledged. The index has no
    gap, nor has any visitor's ``seq``; the entry times never go back; the head is the log's end.
    """
    places: dict[str, int] = {}
    newest: dict[tuple[str, str], int] = {}
    last_ms = 0
    count = 0
    async for record in store.scan():
        assert record.log_index == count, f"gap before {record.log_index}"
        visitor = (record.site, record.visitor)
        assert record.seq == newest.get(visitor, 0) + 1, f"gap in the acts of {visitor}"
        assert record.recorded_ms >= last_ms, f"time went back at {record.log_index}"
        assert record.event_id not in places, f"{record.event_id} is there twice"
        places[record.event_id] = record.log_index
        newest[visitor] = record.seq
        last_ms = record.recorded_ms
        count += 1
    assert await store.size() == count
    lost = {event: index for event, index in promised.items() if places.get(event) != index}
    assert not lost, f"{len(lost)} acknowledged records lost or moved, such as {min(lost.items())}"
    return count
