"""A site file held against itself: what each value may be, and what refers to what."""

from collections.abc import Callable, Collection, Iterable, Sequence

import msgspec

from holdfire.document import Document, row_keys, within
from holdfire.model import CookieUse, Multilingual, Service
from holdfire.sites import addresses
from holdfire.sites.addresses import Fault
from holdfire.sites.shape import ID, STANDARDS, CategoryEntry, SiteFile, standard_of

Check = Callable[[str], Fault | None]


def check(document: Document, site: SiteFile) -> None:
    """Note everything that is wrong with a site file of the right types."""
    _each(document, "origins", site.origins, addresses.origin_fault)
    if not site.origins:
        document.fault("origins", "is empty", "list the origins of the pages of this site")
    _told(document, "name", site.name)
    for name, url in msgspec.structs.asdict(site.links).items():
        _optional(document, f"links.{name}", url, addresses.url_fault)
    _categories(document, site.categories)
    _services(document, site)


def _categories(document: Document, categories: Sequence[CategoryEntry]) -> None:
    ids = [c.id for c in categories]
    if "necessary" not in ids:
        remedy = 'add [[category]] with id = "necessary"'
        document.fault("category[necessary]", "is missing", remedy)
    rows = row_keys("category", ids)
    _ids(document, rows, ids)
    for at, category in zip(rows, categories, strict=True):
        standard = standard_of(category)
        if standard is None and ID.fullmatch(category.id):
            what = "is missing: the law knows only the standard kinds of use"
            document.fault(f"{at}.standard", what, f"add it: one of {', '.join(STANDARDS)}")
        if category.id in STANDARDS and category.id != standard:
            what = f"{category.id!r} is itself a standard kind of use, and not {standard!r}"
            document.fault(f"{at}.standard", what, "remove it, or give the category another id")
        for mark in ("sale", "sensitive"):
            if standard == "necessary" and getattr(category, mark):
                what = "a necessary category cannot be refused, and this asks for a way to refuse"
                document.fault(f"{at}.{mark}", what, "remove it, or choose another standard")


def _services(document: Document, site: SiteFile) -> None:
    services = site.services
    categories = [c.id for c in site.categories]
    ids = [s.id for s in services]
    rows = row_keys("service", ids)
    _ids(document, rows, ids, taken=categories)
    for at, service in zip(rows, services, strict=True):
        _told(document, f"{at}.name", service.name)
        if categories and service.category not in categories:
            what = f"there is no category {service.category!r}"
            document.fault(
                f"{at}.category", what, f"choose from {', '.join(filter(None, categories))}"
            )
        _optional(document, f"{at}.policy", service.policy, addresses.url_fault)
        _each(document, f"{at}.hosts", service.hosts, addresses.pattern_fault)
        _script(document, at, service)
        if service.text != "":
            _spoken(document, f"{at}.text", service.text, site)
        for place, recipient in enumerate(service.recipients, start=1):
            _told(document, f"{at}.recipients[#{place}]", recipient)
        for uses, key, fault in (
            (service.cookies, f"{at}.cookies", addresses.cookie_fault),
            (service.storage, f"{at}.storage", addresses.storage_fault),
            (service.databases, f"{at}.databases", addresses.storage_fault),
        ):
            _uses(document, key, uses, fault, site)


def _script(document: Document, at: str, service: Service) -> None:
    _optional(document, f"{at}.script", service.script, addresses.url_fault)
    _optional(document, f"{at}.integrity", service.integrity, addresses.integrity_fault)
    if service.integrity and not service.script:
        what = "there is no script that this could be the digest of"
        document.fault(f"{at}.integrity", what, "name the script, or remove this")
    host = addresses.url_host(service.script)
    if host and not any(addresses.covers(pattern, host) for pattern in service.hosts):
        what = f"the script comes from {host!r}, which is not among them"
        document.fault(f"{at}.hosts", what, f'add "{host}"')


def _uses(
    document: Document, key: str, uses: Iterable[CookieUse], fault: Check, site: SiteFile
) -> None:
    for place, use in enumerate(uses, start=1):
        at = f"{key}[#{place}]"
        if (found := fault(use.name)) is not None:
            document.fault(f"{at}.name", *found)
        _optional(document, f"{at}.host", use.host, addresses.pattern_fault)
        # A visitor has to be told both: CJEU C-673/17 (Planet49) §81.
        _spoken(document, f"{at}.purpose", use.purpose, site)
        _told(document, f"{at}.lifetime", use.lifetime)


def _ids(
    document: Document, rows: Iterable[str], ids: Sequence[str], taken: Collection[str] = ()
) -> None:
    for place, (at, key) in enumerate(zip(rows, ids, strict=True)):
        if not ID.fullmatch(key):
            document.fault(f"{at}.id", f"{key!r} is not an id", "use 1 to 64 of a-z, 0-9 and -")
        elif key in ids[:place]:
            document.fault(f"{at}.id", f"{key!r} was given before", "give each its own id")
        elif key in taken:
            what = f"{key!r} is the id of a category, and a page asks for both by id alone"
            document.fault(f"{at}.id", what, "give the service another id")


def _spoken(document: Document, key: str, text: Multilingual, site: SiteFile) -> None:
    """Note what is not said in some language: a foreign one is no help to who cannot read it."""
    if isinstance(text, str):
        _told(document, key, text)
        return
    for language, words in text.items():
        if language in site.offered:
            _told(document, within(key, language), words)
        else:
            document.unknown(language, site.offered, at=key)
    for language in site.offered:
        if language not in text:
            remedy = f"add it, or take {language!r} out of languages"
            if language == site.default_language:
                remedy = "add it"
            document.fault(within(key, language), "is missing", remedy)


def _told(document: Document, key: str, text: str) -> None:
    if not text.strip():
        document.fault(key, "is empty", "write it: a visitor has to be told")


def _optional(document: Document, key: str, text: str, fault: Check) -> None:
    if text and (found := fault(text)) is not None:
        document.fault(key, *found)


def _each(document: Document, key: str, texts: Iterable[str], fault: Check) -> None:
    for place, text in enumerate(texts, start=1):
        if (found := fault(text)) is not None:
            document.fault(f"{key}[#{place}]", *found)
