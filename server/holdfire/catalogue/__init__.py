"""The service catalogue: well-known services, which a site uses by name instead of describing them.

One TOML file a service in ``config/services/``, named after its id; ``sites.taking.Entry`` is its
shape. ``holdfire check`` reads them all and tells everything that is wrong with them at once. A
service that no site uses is not read at the start, and cannot stop it.

    name = "Google Analytics 4"
    provider = "Google"
    category = "analytics"
    text = "Counts visits and what visitors do on the site."
    policy = "https://policies.google.com/privacy"
    adapter = "google"
    hosts = ["*.google-analytics.com"]
    cookies = [{ name = "_ga", purpose = "Tells visitors apart.", lifetime = "2 years" }]
    sources = ["open-cookie-database", "own"]
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from holdfire.catalogue.checks import check, overlaps
from holdfire.document import Document
from holdfire.errors import ConfigError, Problem
from holdfire.sites.shape import ID
from holdfire.sites.taking import Entry

__all__ = ["Catalogue", "read_catalogue"]


class Catalogue(Mapping[str, Entry]):
    """The entries of a folder by id, each read when it is first asked for: a site uses few.

    Asking for one that is not in order raises ``ConfigError`` with everything wrong with it.
    """

    def __init__(self, folder: Path) -> None:
        """List the folder. One that is empty or not there has no entries: a site may do without."""
        self._paths = {path.stem: path for path in sorted(folder.glob("*.toml"))}
        self._read: dict[str, Entry] = {}

    def __getitem__(self, key: str) -> Entry:
        """One entry."""
        if key not in self._read:
            path = self._paths[key]
            document = Document(str(path))
            entry = _read_entry(document, path)
            if entry is None:
                raise ConfigError(tuple(document.problems))
            self._read[key] = entry
        return self._read[key]

    def __contains__(self, key: object) -> bool:
        """Whether there is a file for it."""
        return key in self._paths

    def __iter__(self) -> Iterator[str]:
        """Every id, in alphabetical order."""
        return iter(self._paths)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._paths)


def read_catalogue(folder: Path) -> tuple[dict[str, Entry], tuple[Problem, ...]]:
    """Read every entry that is in order, and tell what is wrong with the others and between two."""
    entries: dict[str, Entry] = {}
    documents: dict[str, Document] = {}
    for path in sorted(folder.glob("*.toml")):
        documents[path.stem] = document = Document(str(path))
        entry = _read_entry(document, path)
        if entry is not None:
            entries[path.stem] = entry
    overlaps(documents, entries)
    return entries, tuple(p for document in documents.values() for p in document.problems)


def _read_entry(document: Document, path: Path) -> Entry | None:
    if not ID.fullmatch(path.stem):
        what = f"{path.stem!r} is not the id of a service"
        document.fault("(file name)", what, "use 1 to 64 of a-z, 0-9 and -, then .toml")
    raw = document.read(path)
    if raw is None:
        return None
    try:
        entry = msgspec.convert(raw, Entry)
    except msgspec.ValidationError:  # names the first fault; the document finds them all, slowly
        entry = document.decode(raw, Entry)
    check(document, entry)
    return None if document.problems else entry
