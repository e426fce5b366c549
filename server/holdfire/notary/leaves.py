"""What an entry commits to, opened and compared: entry by entry, from the bytes that are stored."""

from hashlib import sha256

from holdfire.ledger import Malformed, entry
from holdfire.ledger.entry import PERSONAL, Entry
from holdfire.record import Blocks, Part, Said

Missing = frozenset[Part]
NOTHING: Missing = frozenset()


def read(body: bytes) -> Entry | None:
    """The entry in these bytes, if they are one."""
    try:
        return entry.decode(body)
    except Malformed:
        return None


def is_personal(leaf: Entry) -> bool:
    """Whether it commits to two blocks, and not to a statement."""
    return leaf.kind in PERSONAL


def opens(leaf: Entry, blocks: Blocks | None) -> tuple[bool, Missing]:
    """Whether what is stored is what an act's entry commits to, and what of it is not there.

    A tombstone must cover what is missing. Without the evidence nothing else may be there.
    """
    if blocks is None:
        return True, frozenset({"record"})
    try:
        evidence = not blocks.evidence_salt or (
            entry.commit_evidence(blocks.evidence_salt, blocks.evidence) == leaf.evidence
        )
        subject = not blocks.subject_salt or (
            entry.commit_subject(blocks.subject_salt, blocks.subject) == leaf.subject
        )
    except Malformed:
        return False, NOTHING
    missing: set[Part] = set()
    if not blocks.evidence_salt:
        missing.add("record")
    if not blocks.subject_salt:
        missing.add("subject")
    left_over = (not blocks.evidence_salt and blocks.evidence) or (
        not blocks.subject_salt and blocks.subject
    )
    return evidence and subject and blocks.entry == leaf.encode() and not left_over, frozenset(
        missing
    )


def says(leaf: Entry, said: Said | None) -> bool:
    """Whether this is the statement that an entry commits to."""
    return (
        said is not None and said.kind == leaf.kind and sha256(said.body).digest() == leaf.evidence
    )
