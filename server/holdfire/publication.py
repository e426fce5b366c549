"""Which configurations may be published: those whose banners a browser has shown to be in order.

``holdfire check`` leaves a mark for every site whose rendered banners had no fault, over all that
makes up what visitors see there. With the setting ``checked_only`` a service starts with nothing
else, so that a change which manipulates does not come before anybody's eyes.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from holdfire.canonical import canonical
from holdfire.errors import ConfigError, Problem
from holdfire.model import Site
from holdfire.web.display import ShelfDisplay

NAME = "checked.json"
REMEDY = "run: holdfire check --render"


def remember(folder: Path, display: ShelfDisplay, sites: Iterable[Site]) -> None:
    """Leave the marks of these sites beside those that are there; whole or not at all.

    Raises ``ConfigError`` if they cannot be kept.
    """
    path = folder / NAME
    marks = _marks(path) | {site.id: _mark(display, site) for site in sites}
    draft = path.with_name(f".{NAME}.{os.getpid()}")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_bytes(canonical(marks))
        draft.replace(path)
    except OSError as error:
        what = f"no marks can be kept here: {error.strerror}"
        remedy = "name a folder that this user may write"
        raise ConfigError((Problem(str(folder), "data_dir", what, remedy),)) from error


def require_checked(folder: Path, display: ShelfDisplay, sites: Iterable[Site]) -> None:
    """See that a browser has looked at each site as it is now; else raises ``ConfigError``.

    One that draws its banner itself has none to look at: ``holdfire check --page`` does.
    """
    marks = _marks(folder / NAME)
    what = "nobody has looked at its banners since they were changed"
    problems = [
        Problem(site.id, "checked_only", what, REMEDY)
        for site in sites
        if site.look.layout != "headless" and marks.get(site.id) != _mark(display, site)
    ]
    if problems:
        raise ConfigError(tuple(problems))


def _mark(display: ShelfDisplay, site: Site) -> str:
    """SHA-256 in hex, over the digests of configuration, texts and SDK."""
    texts = {language: exhibit.digest for language, exhibit in display.texts(site).items()}
    seen = {"config": display.config(site).digest, "sdk": display.sdk().digest, "texts": texts}
    return hashlib.sha256(canonical(seen)).hexdigest()


def _marks(path: Path) -> dict[str, str]:
    """What is marked; nothing where that cannot be read: then it is looked at again."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.MsgspecError):
        return {}
