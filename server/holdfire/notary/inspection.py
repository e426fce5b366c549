"""Whether a log is the one that was signed: where it ends, and what it consists of near there.

Quick enough for every start. What takes a walk through the whole log is in ``audit``.
Everything returned is one sentence for the operator, without paths, or ``None``.
"""

from collections.abc import AsyncIterator

from holdfire.ledger import Malformed, checkpoint, note
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.ledger.merkle import EMPTY_ROOT, Frontier, leaf_hash
from holdfire.ledger.tiles import FULL, perfect
from holdfire.notary.anchor import Anchor, AnchorBroken, Anchored
from holdfire.notary.keys import LogKeys
from holdfire.notary.tree import Tree
from holdfire.record import Head
from holdfire.store import Store

CHUNK = 4_096  # entries asked of a store at once, its most
RECENT = 65_536  # entries before a signed head that a start hashes again: under a second
AHEAD_MS = 5 * 60_000  # an anchor this far ahead of the clock was not signed by this one

NO_LOG = Head(0, "", 0, 0, EMPTY_ROOT, ())
"""Where a database ends in which no log was opened yet."""


def at_head(head: Head, signed: tuple[Anchored, ...], now_ms: int) -> str | None:
    """What is wrong with a database whose newest log ends so, given what was signed."""
    if any(anchored.given_up and anchored.origin == head.origin for anchored in signed):
        return f"The database ends in {head.origin}, which was given up."
    live = [anchored for anchored in signed if not anchored.given_up]
    if any(anchored.at_ms > now_ms + AHEAD_MS for anchored in live):
        return "A checkpoint was signed later than the clock says it is now."
    return _at_newest(head, max(live, key=lambda anchored: anchored.log)) if live else None


def _at_newest(head: Head, newest: Anchored) -> str | None:
    """The same, given what was signed last."""
    if head.log == 0:
        return f"The database is empty, and {newest.size} entries of {newest.origin} were signed."
    if head.origin == newest.origin:
        return at_anchor(head, newest)
    if head.log > newest.log:
        return None  # a younger log of which nothing was signed yet
    return f"The database ends in {head.origin}, and {newest.origin} was signed after it."


def at_anchor(head: Head, anchored: Anchored) -> str | None:
    """What is wrong with the end of one log, given what was signed for it."""
    if head.size < anchored.size:
        return (
            f"The database holds {head.size} entries of {head.origin}, and {anchored.size} were "
            "signed: it was brought back from an old copy."
        )
    if head.size == anchored.size and head.root != anchored.root:
        return f"The entries of {head.origin} are not those that were signed."
    return None


async def at_start(store: Store, anchor: Anchor, keys: LogKeys, now_ms: int) -> str | None:
    """What is wrong with the logs of a store, as far as it can be seen quickly.

    Raises ``StoreUnavailable`` if that cannot be told.
    """
    if any(key.is_sample for key in keys.all if key.seed is not None):
        return "A key of the log is a sample, which anybody has."
    try:
        signed = anchor.read()
    except AnchorBroken as error:
        return str(error)
    heads = await store.heads()
    ends = heads[-1] if heads else NO_LOG
    if reason := at_head(ends, signed, now_ms):
        return reason
    for anchored in signed:
        if reason := of_anchor(anchored, heads, keys):
            return reason
    given_up = {anchored.origin for anchored in signed if anchored.given_up}
    by_origin = {anchored.origin: anchored for anchored in signed}
    for head in heads:
        # A log that is closed was hashed again when it grew, and is by every audit.
        recent = RECENT if head is ends else 0
        if head.origin not in given_up and (
            reason := await _log(store, head, by_origin.get(head.origin), keys, recent)
        ):
            return reason
    return None


def of_anchor(anchored: Anchored, heads: tuple[Head, ...], keys: LogKeys) -> str | None:
    """What is wrong with one line of the anchor."""
    if anchored.given_up:
        return None
    if not signed_by_us(anchored.note.encode(), keys):
        return f"The anchor of {anchored.origin} was not signed by a key of this instance."
    if all(head.origin != anchored.origin for head in heads) and anchored.size:
        return f"The database does not hold {anchored.origin}, which was signed."
    return None


async def _log(
    store: Store, head: Head, anchored: Anchored | None, keys: LogKeys, recent: int
) -> str | None:
    """What is wrong with one log: its end, its anchor, its checkpoint."""
    if anchored is not None and (reason := at_anchor(head, anchored)):
        return reason
    published = await store.checkpoint(head.log)
    if reason := at_checkpoint(head, published, anchored, keys):
        return reason
    roots = {head.size: head.root}
    found = None if published is None else signed_by_us(published, keys)
    for known in (anchored, found):
        if known is not None and roots.setdefault(known.size, known.root) != known.root:
            return f"Two checkpoints of {head.origin} contradict each other."
    try:
        return await _edges(store, head, roots, recent)
    except LookupError:
        return f"Entries or hashes of {head.origin} are missing."


def at_checkpoint(
    head: Head, published: bytes | None, anchored: Anchored | None, keys: LogKeys
) -> str | None:
    """What is wrong with the checkpoint that is kept of a log."""
    if published is None:
        return None
    found = signed_by_us(published, keys)
    if found is None or found.origin != head.origin:
        return f"The checkpoint kept of {head.origin} was not signed by a key of this instance."
    if anchored is None:
        return f"A checkpoint of {head.origin} was signed, and the anchor does not know of it."
    if found.size > head.size:
        return f"The checkpoint kept of {head.origin} is ahead of the log."
    return None


async def _edges(store: Store, head: Head, roots: dict[int, bytes], recent: int) -> str | None:
    """Whether the stored hashes, and the newest entries, make up these roots."""
    end = await frontier_at(store, head.log, head.size)
    if end.root() != head.root or end.hashes != head.frontier:
        return f"The hashes at the end of {head.origin} do not make up its root."
    for size, root in sorted(roots.items()):
        start = max(0, size - recent) // FULL * FULL
        frontier = await frontier_at(store, head.log, start)
        async for _, body in leaves(store, head.log, start, size):
            frontier = frontier.append(leaf_hash(body))
        if frontier.root() != root:
            return f"The entries of {head.origin} are not those that were signed."
    return None


async def frontier_at(store: Store, log: int, size: int) -> Frontier:
    """The perfect subtrees of a log at one of its sizes, from its tiles: O(log n).

    Raises ``LookupError`` if the log is not that long, or a hash is missing.
    """
    if size == 0:
        return Frontier()
    ranges = [(lo, lo + (1 << height)) for lo, height in perfect(0, size)]
    return Frontier(size, await Tree(store, kept=0).hashes(log, size, ranges))


async def leaves(store: Store, log: int, start: int, end: int) -> AsyncIterator[tuple[int, bytes]]:
    """Entries ``start`` to before ``end`` with their indices. Raises ``LookupError`` for a gap."""
    for first in range(start, end, CHUNK):
        last = min(end, first + CHUNK)
        bodies = await store.entries(log, first, last)
        if len(bodies) != last - first:
            raise LookupError(f"log {log} has a gap after entry {first}")
        for index, body in enumerate(bodies, start=first):
            yield index, body


def signed_by_us(data: bytes, keys: LogKeys) -> Checkpoint | None:
    """The checkpoint in a note, if a key of its log signed it."""
    try:
        signed = note.parse(data)
        found = checkpoint.parse(signed.text)
        note.verify(signed, keys.verifiers(found.origin))
    except Malformed:
        return None
    return found
