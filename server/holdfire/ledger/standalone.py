"""The verifier as one file that needs nothing but Python: ``verify.pyz``.

The same modules give the same bytes, whenever and wherever they are packed.
"""

from importlib.resources import files
from io import BytesIO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

INTERPRETER = b"#!/usr/bin/env python3\n"
EPOCH = (1980, 1, 1, 0, 0, 0)
UNIX, READABLE = 3, 0o644 << 16

MODULES = (
    "__init__",
    "checkpoint",
    "command",
    "ed25519",
    "entry",
    "merkle",
    "note",
    "receipt",
    "scalars",
    "trust",
    "verdict",
)
"""What judging a receipt needs: everything here but tiles, and this module itself."""

MAIN = b'''"""Check a receipt, offline: verify.pyz receipt FILE --policy P."""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write("This needs Python 3.11 or newer.\\n")
    sys.exit(2)

from holdfire.ledger.command import main

sys.exit(main(sys.argv[1:]))
'''


def zipapp() -> bytes:
    """Return the file, to be run as ``python3 verify.pyz``; docs of the format: PEP 441."""
    package = files("holdfire")
    parts = {"__main__.py": MAIN, "holdfire/__init__.py": (package / "__init__.py").read_bytes()}
    for name in MODULES:
        parts[f"holdfire/ledger/{name}.py"] = (package / "ledger" / f"{name}.py").read_bytes()
    packed = BytesIO()
    packed.write(INTERPRETER)
    # Stored, not deflated: the bytes of a deflated file are those of one version of zlib.
    with ZipFile(packed, "a", ZIP_STORED) as archive:
        for name, body in parts.items():
            member = ZipInfo(name, EPOCH)
            member.create_system, member.external_attr = UNIX, READABLE
            archive.writestr(member, body)
    return packed.getvalue()
