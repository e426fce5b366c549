"""Sister sites: those of one instance that hand choices to each other.

    sisters = ["blog"]        in shop.toml, and ["shop"] in blog.toml

Both have to say so. Whoever is asked on the one has to be told of the other (GDPR recital 42), so
the list is part of what the notice version hashes, on either side.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from holdfire.errors import Problem
from holdfire.model import Site


def join(folder: Path, sites: Mapping[str, Site]) -> tuple[dict[str, Site], list[Problem]]:
    """The sites, each with the origins of its sisters; and what is wrong with their lists.

    A site whose own file is at fault is not there, and its sisters are not blamed for it.
    """
    problems = [fault for site in sites.values() for fault in _faults(folder, site, sites)]
    joined = {
        key: msgspec.structs.replace(
            site, sisters={name: sites[name].origins for name in site.sisters if name in sites}
        )
        for key, site in sites.items()
    }
    return joined, problems


def _faults(folder: Path, site: Site, sites: Mapping[str, Site]) -> Iterator[Problem]:
    file = str(folder / f"{site.id}.toml")
    for name in site.sisters:
        key = f"sisters[{name}]"
        if name == site.id:
            yield Problem(file, key, "is this site itself", "remove it")
        elif name in sites:
            if site.id not in sites[name].sisters:
                remedy = f'add sisters = ["{site.id}"] to {name}.toml, or remove it here'
                yield Problem(file, key, "that site does not list this one", remedy)
        elif not (folder / f"{name}.toml").exists():
            yield Problem(file, key, "there is no site of this id", "name another file's site")
