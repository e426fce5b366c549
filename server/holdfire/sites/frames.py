"""The frames that may read what holds: ``frames`` in a site file.

frames = ["https://ads.example", "https://widget.example:8443"]

Each is the origin of a frame's own page, compared byte by byte with what the browser says of the
sender of a message. A sandboxed frame without ``allow-same-origin`` has none and cannot be listed.
"""

from collections.abc import Sequence

from holdfire.document import Document
from holdfire.sites.addresses import Fault, origin_fault


def check_frames(document: Document, origins: Sequence[str]) -> None:
    """Note every entry that is no exact origin, or is given twice."""
    for place, origin in enumerate(origins):
        if (fault := _fault(origin, origins[:place])) is not None:
            document.fault(f"frames[#{place + 1}]", *fault)


def _fault(origin: str, before: Sequence[str]) -> Fault | None:
    if "*" in origin:
        return Fault(
            "a wildcard would let any stranger's frame read what the visitor decided",
            "list each origin by itself",
        )
    if origin in before:
        return Fault(f"{origin!r} was given before", "remove one of the two")
    return origin_fault(origin)
