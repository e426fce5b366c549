"""The version of a notice: a hash of what a visitor agrees to, and of nothing else.

    SHA-256 over JSON without spaces, members sorted, first 16 hex digits:
    {"categories": [[id, standard, sale, sensitive], …],
     "policy_version": "1",
     "services": [[id, category, provider, [host, …], [cookie, …], [storage key, …]], …],
     "site": "demo"}

A service that names recipients has them as a seventh item, [recipient, …]: who receives the data
is part of what a visitor agrees to (GDPR Art 13(1)(e)). One that keeps databases has them as an
eighth, [database, …], after a seventh that may be empty.
A site with sisters has a member "sisters": [id, …]: whose page a choice may be carried to or from is
part of it too (GDPR recital 42: the visitor knows the controllers). So is the name of who answers for
the site, in a member "controller", where its file has one; the rest of that table is not.
Lists are sorted: their order is layout. Texts, names, colours, links and origins are left out, so
that mending a comma asks nobody again; ``policy_version`` is how an owner says that a change of
wording was more than that.
"""

import hashlib
from collections.abc import Iterable

import msgspec

from holdfire.model import Category, Service

DIGITS = 16  # 64 bits: versions of one site are told apart, not defended against forgery


def notice_version(
    site: str,
    categories: Iterable[Category],
    services: Iterable[Service],
    policy_version: str,
    sisters: Iterable[str] = (),
    *,
    controller: str = "",
) -> str:
    """Hash what is material of one site: 16 hex digits."""
    material: dict[str, object] = {
        "site": site,
        "categories": sorted([c.id, c.standard, c.sale, c.sensitive] for c in categories),
        "services": sorted(map(_service, services)),
        "policy_version": policy_version,
    }
    if listed := sorted(sisters):
        material["sisters"] = listed
    if controller:
        material["controller"] = controller
    return hashlib.sha256(msgspec.json.encode(material, order="sorted")).hexdigest()[:DIGITS]


def _service(service: Service) -> list[str | list[str]]:
    # What is not there has no item: such notices keep the version they had.
    more = [sorted(service.recipients)] if service.recipients or service.databases else []
    if service.databases:
        more.append(sorted(use.name for use in service.databases))
    return [
        service.id,
        service.category,
        service.provider,
        sorted(service.hosts),
        sorted(use.name for use in service.cookies),
        # A storage key needs the same consent as a cookie: ePrivacy Directive Art 5(3).
        sorted(use.name for use in service.storage),
        *more,
    ]
