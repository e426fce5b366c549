"""What the browser says by itself: Global Privacy Control and Do Not Track.

Either source suffices, the request's header or the page's report of the property, and neither
ever grants: ``DNT: 0`` is kept as what was said, and has no force.
Sources: W3C Global Privacy Control (2026-04-03) section 3.2; W3C Tracking Preference Expression
section 5.2.
"""

from collections.abc import Sequence

from holdfire.model import Signals

GPC = b"sec-gpc"
DNT = b"dnt"
HEADERS = (GPC, DNT)

SILENCE = Signals()


def heard(
    gpc: Sequence[str], dnt: Sequence[str], *, gpc_hint: bool = False, dnt_hint: bool = False
) -> Signals:
    """The signals in the header lines and in what the page reports of ``navigator``.

    One ``1`` among several lines or list members is enough. GPC counts only as exactly ``1``; DNT
    by its first character, the rest is an extension. A hint of ``False`` says nothing: browser
    extensions may set the header and not the property, or the property and not the header.
    """
    if not (gpc or dnt or gpc_hint or dnt_hint):
        return SILENCE
    preferences = {member[:1] for member in _members(dnt)}
    return Signals(
        gpc=gpc_hint or "1" in _members(gpc),
        dnt=True if dnt_hint or "1" in preferences else False if "0" in preferences else None,
    )


def _members(lines: Sequence[str]) -> list[str]:
    """List members: a proxy may have joined several lines into one."""
    return [member.strip(" \t") for line in lines for member in line.split(",")]
