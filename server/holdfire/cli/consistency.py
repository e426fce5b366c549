"""Whether two checkpoints are of one log that only grew: from its tiles, wherever they come from.

The tiles need no trust. Those that hash to the newer checkpoint are the newer tree, and tell what
its older beginning was; any others tell nothing.
"""

from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Literal
from urllib.error import HTTPError
from urllib.request import urlopen

from holdfire.errors import HoldfireError
from holdfire.law import Value
from holdfire.ledger import Malformed, checkpoint, note, trust
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.ledger.command import printable
from holdfire.ledger.merkle import EMPTY_ROOT, WIDTH, consistency_ranges, is_consistent
from holdfire.ledger.tiles import FULL, Tile, range_hash, tiles_for
from holdfire.ledger.trust import Policy
from holdfire.ledger.verdict import (
    Outcome,
    Reason,
    Refuted,
    Undecided,
    check_signatures,
)

ABSENT = (404, 410)
TIMEOUT = 20  # seconds, for one tile of at most 8 KiB

Source = Callable[[str], bytes | None]
"""What is at a path below the log's prefix; ``None`` if nothing is."""


class Compared(Value, frozen=True):
    """What was found, with one sentence that says why."""

    outcome: Outcome
    reason: Reason | Literal["tiles", "fork"]
    why: str


def compare(old: bytes, new: bytes, policy: bytes, source: Source) -> Compared:
    """Judge two signed checkpoints by a policy and the log's tiles.

    They are taken in the order of their sizes. Raises ``HoldfireError`` if the source fails.
    """
    try:
        first, second = _heads(old, new, policy)
    except Undecided as error:
        return Compared("undecided", error.reason, str(error))
    except Refuted as error:
        return Compared("refuted", error.reason, str(error))
    beginning = _beginning(first.size, second, source)
    if beginning is None:
        return Compared("undecided", "tiles", "The tiles are not those of the newer checkpoint.")
    if beginning != first.root:
        why = f"Two histories of {first.origin} were signed: they differ before entry {first.size}."
        return Compared("refuted", "fork", why)
    why = f"The first {first.size} of {second.size} entries of {first.origin} are as they were."
    return Compared("verified", "verified", why)


def source(where: str) -> Source:
    """What reads tiles from a URL or a folder. Raises ``HoldfireError`` for any other."""
    if where.startswith(("http://", "https://")):
        return lambda path: _fetched(f"{where.rstrip('/')}/{path}")
    folder = Path(where)
    if not folder.is_dir():
        raise HoldfireError(f"--tiles: {where} is neither a URL nor a folder")
    return lambda path: _opened(folder / path)


def _heads(old: bytes, new: bytes, policy: bytes) -> list[Checkpoint]:
    """Both checkpoints, the smaller first. Raises ``Refuted`` or ``Undecided``."""
    try:
        trusted = trust.parse(policy)
    except Malformed as error:
        raise Undecided("policy", f"The policy cannot be used: {error}.") from error
    try:
        heads = [_head(data, trusted) for data in (old, new)]
    except Malformed as error:
        raise Refuted("malformed", f"A checkpoint is malformed: {error}.") from error
    if heads[0].origin != heads[1].origin:
        raise Undecided("origin", "The checkpoints are of two logs.")
    return sorted(heads, key=lambda head: head.size)


def _head(data: bytes, trusted: Policy) -> Checkpoint:
    """The checkpoint, if the policy trusts its signatures. Raises as ``check_signatures``."""
    signed = note.parse(data)
    head = checkpoint.parse(signed.text)
    _, witnesses = check_signatures(signed, head.origin, trusted)
    if not trusted.is_met({w.key for w in witnesses}):
        raise Undecided("quorum", "Fewer witnesses have cosigned than the policy asks for.")
    return head


def _beginning(size: int, head: Checkpoint, source: Source) -> bytes | None:
    """The root that the tree of ``head`` had at an earlier size; ``None`` if the tiles are not its."""
    if size == 0:
        return EMPTY_ROOT
    if size == head.size:
        return head.root
    ranges = consistency_ranges(size, head.size)
    wanted = tiles_for([(0, size), *ranges], head.size)
    tiles = {(tile.level, tile.index): _tile(tile, source) for tile in wanted}
    try:
        beginning = range_hash(0, size, tiles)
        path = [range_hash(lo, hi, tiles) for lo, hi in ranges]
    except Malformed:
        return None
    proved = is_consistent(size, beginning, head.size, head.root, path)
    return beginning if proved else None


def _tile(tile: Tile, source: Source) -> bytes:
    """A tile, cut from the full one where the partial one is not kept any more."""
    found = source(tile.path())
    if found is None and tile.width < FULL:
        found = source(Tile(tile.level, tile.index).path())
    return (found or b"")[: tile.width * WIDTH]


def _fetched(url: str) -> bytes | None:
    try:
        with urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310 -- http or https, see source
            return bytes(answer.read(FULL * WIDTH))
    except HTTPError as error:
        with error:  # it holds the connection
            if error.code in ABSENT:
                return None
        raise HoldfireError(f"{url} cannot be read: status {error.code}") from error
    except (OSError, HTTPException, ValueError) as error:
        # What a server said instead of an answer is not for a terminal.
        raise HoldfireError(f"{url} cannot be read: {printable(str(error))}") from error


def _opened(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(FULL * WIDTH)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HoldfireError(f"{path} cannot be read: {error.strerror}") from error
