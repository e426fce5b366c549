"""Receipts: what shows that one choice is in the log, to anybody and for ever.

A receipt rests on the newest signed checkpoint that has its entry, and on the hashes between the
two, of which there are some log2(size). Each is tried before it is handed out: who keeps one has
nobody to ask when it fails, years later.
"""

import logging
from collections.abc import Awaitable, Callable

from holdfire.errors import LogRefused, ReceiptNotReady
from holdfire.ledger import Malformed, checkpoint, entry, note
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.ledger.merkle import inclusion_ranges
from holdfire.ledger.receipt import NOT_SHOWN, Block, Receipt
from holdfire.notary.tree import Tree
from holdfire.store import Store

LOG = logging.getLogger("holdfire.notary")
WAIT = 3.0  # seconds; three times what a checkpoint takes at most

Signed = Callable[[int, int, float], Awaitable[object]]
"""Waits, so many seconds at most, until a checkpoint of a log at this size or more is published."""


class Receipts:
    """Builds receipts from the store, for as many askers at once as there are."""

    def __init__(self, store: Store, signed: Signed, *, wait: float = WAIT) -> None:
        """``wait`` is how long a receipt may wait for its checkpoint, in seconds."""
        self.tree = Tree(store)
        self._store = store
        self._signed = signed
        self._wait = wait

    async def receipt(self, log: int, log_index: int) -> Receipt:
        """The receipt of one entry: of a choice with its blocks, or else of a statement.

        Where the subject was erased it is left out. Raises ``LookupError`` if there is no such
        entry or its evidence was erased; ``ReceiptNotReady`` if no checkpoint has it in
        time; ``LogRefused`` if what is stored is not what was signed; ``StoreUnavailable``.
        """
        leaf, evidence, subject = await self._content(log, log_index)
        head, signed = await self._covering(log, log_index)
        try:
            path = await self.tree.hashes(log, head.size, inclusion_ranges(log_index, head.size))
            made = Receipt(entry.decode(leaf), evidence, subject, log_index, path, signed)
            fits = made.root(head.size) == head.root and made.shows_evidence()
        except (LookupError, Malformed):
            fits = False
        if not fits or (subject != NOT_SHOWN and not made.shows_subject()):
            LOG.error(
                "entry %d of log %d is not what was signed; run: holdfire log fsck", log_index, log
            )
            raise LogRefused("The record is not what was signed for it.")
        return made

    async def _content(self, log: int, log_index: int) -> tuple[bytes, Block, Block]:
        """The entry, and what it commits to: two blocks, or a statement."""
        blocks = await self._store.blocks(log, log_index)
        if blocks is None:
            said = await self._store.said(log, log_index)
            if said is None:
                raise LookupError(f"log {log} has no entry {log_index}")
            (leaf,) = await self._store.entries(log, log_index, log_index + 1)
            return leaf, Block(body=said.body), NOT_SHOWN
        if not blocks.evidence:
            raise LookupError(f"entry {log_index} of log {log} was erased")
        evidence = Block(blocks.evidence_salt, blocks.evidence)
        subject = Block(blocks.subject_salt, blocks.subject) if blocks.subject else NOT_SHOWN
        return blocks.entry, evidence, subject

    async def _covering(self, log: int, log_index: int) -> tuple[Checkpoint, bytes]:
        """The newest checkpoint of a log that has the entry, or gets it in time.

        An older one that witnesses have cosigned is worth more, if it has the entry too.
        """
        found = await newest(self._store, log, cosigned=True)
        if found is not None and found[0].size > log_index:
            return found
        found = await newest(self._store, log)
        if found is None or found[0].size <= log_index:
            await self._signed(log, log_index + 1, self._wait)
            found = await newest(self._store, log)
        if found is None or found[0].size <= log_index:
            raise ReceiptNotReady("The choice is recorded; its receipt is not signed yet.")
        return found


async def newest(
    store: Store, log: int, *, cosigned: bool = False
) -> tuple[Checkpoint, bytes] | None:
    """The newest signed, or cosigned, checkpoint of a log, read and as it was published.

    Raises ``LogRefused`` for one that is none, and ``StoreUnavailable``.
    """
    signed = await store.checkpoint(log, cosigned=cosigned)
    if signed is None:
        return None
    try:
        return checkpoint.parse(note.parse(signed).text), signed
    except Malformed as error:
        raise LogRefused("The checkpoint is not what was signed.") from error
