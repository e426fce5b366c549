"""``holdfire log recover``: leaves a log that is not what was signed, and opens another.

The old one is not mended and not signed again. The new one begins with a note of the operator that
names what was left, so that nobody who compares the two is told less than there is to know.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from holdfire.canonical import canonical
from holdfire.errors import HoldfireError
from holdfire.notary import inspection
from holdfire.notary.anchor import Anchor, AnchorBroken, Anchored
from holdfire.notary.audit import Audit
from holdfire.notary.keys import LogKeys
from holdfire.record import Head, Statement
from holdfire.store import Store

MOST = 20  # findings that are named in the note


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was left, and where it goes on."""

    left: Head
    opened: Head
    found: tuple[str, ...]


async def recover(
    store: Store,
    anchor: Anchor,
    keys: LogKeys,
    *,
    because: str,
    now_ms: int,
    tell: Callable[[str], None] = lambda _: None,
) -> Recovered:
    """Open a new log in a store that is behind no fence.

    Raises ``HoldfireError`` if nothing is wrong with the old one, and ``StoreUnavailable``. Stopped
    half-way, calling it again opens one more.
    """
    found = [str(f) async for f in Audit(store, anchor, keys, now_ms, tell).findings()]
    reason = await inspection.at_start(store, anchor, keys, now_ms)
    if reason and not any(reason in line for line in found):
        found.insert(0, reason)
    if not found:
        raise HoldfireError("nothing is wrong with the log; it goes on as it is")
    heads = await store.heads()
    left = heads[-1] if heads else inspection.NO_LOG
    signed = _signed(anchor)
    note = Statement(
        kind=6,
        site=None,
        body=canonical(_note(left, signed, found, because)),
        recorded_ms=now_ms,
    )
    # The name of a log whose receipts are with visitors is never used for another.
    taken = {anchored.origin for anchored in signed} | {k.verifier.name for k in keys.all}
    opened = await store.reopen(note)
    while opened.origin in taken:
        opened = await store.reopen(note)
    _give_up(anchor, keys, await store.heads(), left, opened, now_ms)
    keys.ensure(opened.origin)
    return Recovered(left, opened, tuple(found))


def _signed(anchor: Anchor) -> tuple[Anchored, ...]:
    try:
        return anchor.read()
    except AnchorBroken:
        return ()


def _note(
    left: Head, signed: Sequence[Anchored], found: Sequence[str], because: str
) -> dict[str, object]:
    """What the operator says: which log was left, what was signed of it, and what was found."""
    live = [anchored for anchored in signed if not anchored.given_up]
    newest = max(live, key=lambda anchored: anchored.log, default=None)
    was_signed = (
        {}
        if newest is None
        else {
            "signed": {
                "origin": newest.origin,
                "root": newest.root.hex(),
                "size": newest.size,
            }
        }
    )
    return {
        "because": because,
        "found": list(found[:MOST]),
        "left": {"origin": left.origin, "root": left.root.hex(), "size": left.size},
        "v": 1,
        "what": "recovered",
        **was_signed,
    }


def _give_up(  # noqa: PLR0917 -- the state of a recovery, all of it
    anchor: Anchor,
    keys: LogKeys,
    heads: Sequence[Head],
    left: Head,
    opened: Head,
    now_ms: int,
) -> None:
    """Sign nothing more for the log that was left, nor for any that is not what was signed."""
    by_origin = {head.origin: head for head in heads}

    def stands(anchored: Anchored) -> bool:
        head = by_origin.get(anchored.origin)
        return (
            head is not None
            and anchored.origin != left.origin
            and not anchored.given_up
            and head.log < left.log
            and inspection.at_anchor(head, anchored) is None
            and anchored.at_ms <= now_ms + inspection.AHEAD_MS
        )

    def change(signed: tuple[Anchored, ...]) -> tuple[Anchored, ...]:
        known = {anchored.origin for anchored in signed}
        unsigned = [
            Anchored(head.log, head.origin, head.size, head.root, now_ms, "", given_up=True)
            for head in heads
            if head.origin not in known and head.origin != opened.origin
        ]
        return (*(a if stands(a) else replace(a, given_up=True) for a in signed), *unsigned)

    anchor.change(change)
    given_up = {anchored.origin for anchored in anchor.read() if anchored.given_up}
    for key in keys.all:
        if key.seed is not None and key.verifier.name in given_up:
            keys.give_up(key)
