"""Site files and locales: what is asked of a visitor, and in which words.

One TOML file a site, named after its id; ``shape`` shows one. Everything wrong with all of them
is told at once, each with file, key and remedy. What a site uses of the catalogue (``taking``) is
checked and hashed like what it wrote itself.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from holdfire.document import Document
from holdfire.errors import ConfigError, Problem
from holdfire.model import Category, Site
from holdfire.sites.adapters import check_adapters, page_options
from holdfire.sites.checks import check
from holdfire.sites.controller import check_controller
from holdfire.sites.csp import check_csp
from holdfire.sites.frames import check_frames
from holdfire.sites.intercept import check_intercept
from holdfire.sites.look import check_look
from holdfire.sites.retention import check_retention
from holdfire.sites.shape import ID, SiteFile, standard_of
from holdfire.sites.sisters import join
from holdfire.sites.taking import Entry, taken
from holdfire.sites.texts import Locales, check_texts, load_locales, merged, read_locales
from holdfire.sites.version import notice_version

__all__ = ["load_locales", "load_sites", "notice_version", "read_locales", "read_sites"]

EVERY = ("*",)
NO_CATALOGUE: Mapping[str, Entry] = {}


def load_sites(
    folder: Path, locales: Locales, catalogue: Mapping[str, Entry] = NO_CATALOGUE
) -> dict[str, Site]:
    """Read every site, by id. Raises ``ConfigError`` with every problem found."""
    sites, problems = read_sites(folder, locales, catalogue)
    if problems:
        raise ConfigError(problems)
    return sites


def read_sites(
    folder: Path, locales: Locales, catalogue: Mapping[str, Entry] = NO_CATALOGUE
) -> tuple[dict[str, Site], tuple[Problem, ...]]:
    """Read every site that is in order, and tell what is wrong with the others."""
    sites: dict[str, Site] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.toml")):
        document = Document(str(path))
        site = _read_site(document, path, locales, catalogue)
        problems += document.problems
        if site is not None:
            sites[site.id] = site
    sites, unjoined = join(folder, sites)
    problems += unjoined
    if not sites and not problems:
        remedy = "put a site file there, such as a copy of demo.toml"
        problems.append(Problem(str(folder), "(folder)", "there is no site in it", remedy))
    return sites, tuple(problems)


def _read_site(
    document: Document, path: Path, locales: Locales, catalogue: Mapping[str, Entry]
) -> Site | None:
    if not ID.fullmatch(path.stem):
        what = f"{path.stem!r} is not the id of a site"
        document.fault("(file name)", what, "use 1 to 64 of a-z, 0-9 and -, then .toml")
    raw = document.read(path)
    if raw is None:
        return None
    file = _spread(document.decode(taken(document, raw, catalogue), SiteFile), locales)
    check(document, file)
    check_look(document, file.banner)
    check_frames(document, file.frames)
    check_controller(document, file.controller)
    check_intercept(document, file.intercept)
    check_retention(document, file.retention)
    check_csp(document, file)
    ids = (*(c.id for c in file.categories), *(s.id for s in file.services))
    check_adapters(document, file.adapters, ids, file.services)
    check_texts(document, file, locales)
    return None if document.problems else _site(path.stem, file, locales)


def _spread(file: SiteFile, locales: Locales) -> SiteFile:
    """A file that offers every language, with the names of them all."""
    if file.languages != EVERY:
        return file
    return msgspec.structs.replace(file, languages=tuple(locales))


def _site(key: str, file: SiteFile, locales: Locales) -> Site:
    categories = tuple(
        Category(id=c.id, standard=standard, sale=c.sale, sensitive=c.sensitive)
        for c in file.categories
        if (standard := standard_of(c)) is not None
    )
    return Site(
        id=key,
        name=file.name,
        origins=file.origins,
        default_language=file.default_language,
        categories=categories,
        services=file.services,
        attestations=file.attestations,
        links={name: url for name, url in msgspec.structs.asdict(file.links).items() if url},
        texts=merged(file, locales),
        version=notice_version(
            key,
            categories,
            file.services,
            file.policy_version,
            file.sisters,
            controller=file.controller.name,
        ),
        policy_version=file.policy_version,
        choice_days=file.choice_days,
        overlays=file.overlays,
        ask_age=file.ask_age,
        look=file.banner,
        intercept=file.intercept,
        frames=file.frames,
        native=file.native,
        debug=file.debug,
        adapters=page_options(file.adapters),
        sisters=dict.fromkeys(file.sisters, ()),
        controller=file.controller,
        retention=file.retention,
        csp=msgspec.UNSET if file.csp is None else file.csp,
    )
