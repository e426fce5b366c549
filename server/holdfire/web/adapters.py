"""Adapters as the page gets them: what the site file says of each, and whose decisions it tells."""

from collections.abc import Iterator, Mapping

from holdfire.model import Rules, Site

KINDS = ("functional", "analytics", "marketing")


def adapters(site: Site, rules: Rules) -> Iterator[tuple[str, dict[str, object]]]:
    """Name and options of each adapter that the site turned on, in the order of telling."""
    for name, written in site.adapters.items():
        of_kind = kinds(site, name)
        options = {**written, "kinds": of_kind}
        if name == "segment" and not written["categories"]:
            options["categories"] = {kind: ids for kind, ids in of_kind.items() if ids}
        if name == "amazon":
            options["country"] = _country(rules.regime, str(written["country"]))
        if name == "meta":
            # Limited data use is the way out of a sale, where the law has one.
            options["ldu"] = bool(written["ldu"]) and rules.model == "opt_out"
        yield name, options


def kinds(site: Site, adapter: str) -> Mapping[str, tuple[str, ...]]:
    """The ids that all have to be allowed for a kind of use to be: of categories, and of services.

    A kind that no category is of has none, and is never allowed.
    """
    return {kind: tuple(_ids(site, kind, adapter)) for kind in KINDS}


def _ids(site: Site, kind: str, adapter: str) -> Iterator[str]:
    categories = [category.id for category in site.categories if category.standard == kind]
    yield from categories
    for service in site.services:
        if service.adapter == adapter and service.category in categories:
            yield service.id


def _country(regime: str, otherwise: str) -> str:
    """The country of a regime: the regime of one is called by its code of ISO 3166-1."""
    country = regime.partition("-")[0]
    return country.upper() if len(country) == 2 else otherwise  # noqa: PLR2004 -- the length of a code


def running_early(site: Site) -> tuple[str, ...]:
    """The hosts of Google's tags where the owner says that they run before consent."""
    if "advanced" not in site.adapters.get("google", {}):
        return ()
    return tuple(host for one in site.services if one.adapter == "google" for host in one.hosts)
