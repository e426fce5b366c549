"""How the interface of a site looks: what its colours and its layout may be."""

import re

import msgspec

from holdfire.document import Document
from holdfire.model import Look

# Numbers only: what is put into a style sheet must not be able to say anything else.
_COLOUR = re.compile(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")


def check_look(document: Document, look: Look) -> None:
    """Note every colour that is none, and a blocking layer that is no dialog."""
    for theme in ("light", "dark"):
        for token, colour in msgspec.structs.asdict(getattr(look, theme)).items():
            if colour and not _COLOUR.fullmatch(colour):
                what = f"{colour!r} is not a colour"
                document.fault(f"banner.{theme}.{token}", what, "write it like #173a5e")
    if look.blocking and look.layout != "dialog":
        what = f"a {look.layout} does not block the page"
        document.fault("banner.blocking", what, 'set layout = "dialog", or remove it')
