"""The log's formats: entries, tree, checkpoints, receipts, and how a receipt is judged.

What the log proves: that exactly this choice, made under exactly this configuration, was in
the log by the time its checkpoint was signed, and that neither it nor anything before it has
been altered since. A witness's cosignature adds that nobody was shown another history.

What it does not prove: who clicked, and that the operator logged every choice. Notes of the
operator and the visitor's own receipt narrow that gap; they do not close it.

No format here reads a file, a clock or the network, and nothing is imported but the standard
library, so that the same modules make up the verifier that stands alone (`command`,
`standalone`); only `ed25519` takes a library where there is one. Formats are those of
RFC 6962 and of C2SP: tlog-tiles, signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof and
tlog-policy.
"""


class Malformed(ValueError):
    """Bytes that are not what their format says; the message says what is wrong with them."""
