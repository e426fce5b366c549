"""What of a choice made at one site holds at another. Pure: no clock, no I/O.

A refusal is always carried. A consent has to be specific and informed (GDPR Art 4(11)), so it is
only carried where it stands at the sender at this moment, for a category that is the same at both
in law and in words, and for services that the visitor was told of there. Whoever has chosen at the
second site already is only ever narrowed.
"""

import msgspec

from holdfire import evidence, policy
from holdfire.evidence import Evidence
from holdfire.law import Value
from holdfire.model import Action, Category, Decisions, Prior, Rules, Site
from holdfire.sites import notice_version


class Carried(Value, frozen=True):
    """What the visitor has said that reaches the other site; of the rest they said nothing."""

    categories: dict[str, bool]
    services: dict[str, bool]  # refusals only


def carried(act: Evidence, sender: Site, decided: Decisions, site: Site) -> Carried:
    """What reaches ``site`` of an act at ``sender``, where ``decided`` is what holds there now."""
    said: dict[str, bool] = {}
    for category in site.categories:
        if category.locked:
            continue
        word = act.effective.get(category.id)
        # Who objects to the sale of their data need not know what a sister calls it.
        if word is False or (category.sale and act.action == "opt_out"):
            said[category.id] = False
        elif word and _consented(act, decided, category) and _same(act, sender, site, category):
            said[category.id] = True
    refused = {key: False for key, granted in act.effective_services.items() if not granted}
    return Carried(said, {key: no for key, no in refused.items() if site.service(key)})


def standing(site: Site, rules: Rules, act: Evidence, said: Carried) -> Prior | None:
    """The choice of a visitor who has made none at ``site``; ``None`` if nothing reached it.

    It lives no longer for having been carried.
    """
    if not said.categories and not said.services:
        return None
    then = evidence.prior_of(act).recorded_at
    return Prior(
        action=_action(site, said.categories),
        categories=said.categories,
        services=said.services,
        # What is refused is refused whoever does it; what is locked nobody was to be asked of.
        shown_services=tuple(
            service.id
            for service in site.services
            if (category := site.category(service.category)) is not None
            and (category.locked or category.id in said.categories)
        ),
        notice_version=site.version,
        recorded_at=then,
        valid_until=min(act.valid_until, then + rules.choice_days * policy.DAY),
    )


def narrowed(prior: Prior, said: Carried) -> Prior | None:
    """A choice that was made at the site itself, less what was refused; ``None`` if that is all."""
    refused = {key: False for key, granted in said.categories.items() if not granted}
    categories = {**prior.categories, **refused}
    services = {**prior.services, **said.services}
    if (categories, services) == (prior.categories, prior.services):
        return None
    weaker: dict[Action, Action] = {"accept_all": "save", "acknowledge": "opt_out"}
    return msgspec.structs.replace(
        prior,
        action=weaker.get(prior.action, prior.action),
        categories=categories,
        services=services,
        left_on=tuple(key for key in prior.left_on if categories[key]),
    )


def _action(site: Site, said: dict[str, bool]) -> Action:
    """The narrowest word: a record must not claim a consent that nobody gave."""
    if any(said.values()):
        return "save"
    unlocked = [category.id for category in site.categories if not category.locked]
    return "reject_all" if all(key in said for key in unlocked) else "opt_out"


def _consented(act: Evidence, decided: Decisions, category: Category) -> bool:
    """Whether a yes of the visitor's own, said at the sender itself, allows it there now."""
    found = decided.categories.get(category.id)
    return (
        found is not None
        and found.reason == "choice_granted"
        and category.id not in act.left_on
        and not act.taken_from
    )


def _same(act: Evidence, sender: Site, site: Site, category: Category) -> bool:
    """Whether the visitor was told at the sender of all that the category is at this site."""
    if sender.category(category.id) != category:
        return False
    here = [service for service in site.services if service.category == category.id]
    told = [
        service
        for one in here
        if one.id in act.shown_services and (service := sender.service(one.id)) is not None
    ]
    words = [f"category.{category.id}.{part}" for part in ("title", "text")]
    texts, others = site.texts.get(act.language, {}), sender.texts.get(act.language, {})
    return notice_version("", (), here, "") == notice_version("", (), told, "") and all(
        key in texts and texts[key] == others.get(key) for key in words
    )
