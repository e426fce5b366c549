"""The policy file of this instance (C2SP tlog-policy): whose signatures its receipts rest on."""

from collections.abc import Iterable

from holdfire.notary.keys import LogKey


def policy_text(
    keys: Iterable[LogKey], witnesses: Iterable[str] = (), quorum: Iterable[str] = ()
) -> str:
    """One ``log`` line for each key there ever was, then ``witness`` lines and the quorum.

    A witness is ``NAME VKEY [URL]``; ``quorum`` are whole lines, ``group …`` and ``quorum …``, in
    their order, none for a policy that asks for no witness.
    """
    lines = [
        "# Whose signatures the receipts of this service rest on.",
        "# A key that was retired stays here: it verifies what it signed.",
        *(f"log {key.verifier.text()}" for key in keys if not key.is_sample),
        *(f"witness {' '.join(witness.split())}" for witness in witnesses),
        *([line.strip() for line in quorum] or ["quorum none"]),
    ]
    return "\n".join(lines) + "\n"
