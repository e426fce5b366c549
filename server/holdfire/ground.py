"""What the verbs stand on: everything ``app`` built, and the law that holds for one visitor."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from holdfire.archive import Archive, Display, Seen
from holdfire.law import Resolution
from holdfire.model import Circumstances, Prior, Rules, Site, Visitor
from holdfire.regimes import Lawbook
from holdfire.rules import compile_rules
from holdfire.store import Store
from holdfire.tokens import VisitorTokens
from holdfire.visitor.languages import negotiate

GROUNDS = 4_096  # compiled tables kept; sites × regimes of one installation, with room


@dataclass(frozen=True, slots=True)
class Ground:
    """The law that holds for one visitor on one site: how it was found, and its table."""

    resolution: Resolution
    rules: Rules


@dataclass(frozen=True, slots=True)
class Context:
    """Everything the verbs need, built once by ``app``. Clock and randomness are passed in."""

    sites: Mapping[str, Site]
    lawbook: Lawbook
    store: Store
    tokens: VisitorTokens
    display: Display
    archive: Archive
    clock: Callable[[], float]  # seconds since 1970, UTC
    random: Callable[[int], bytes]
    establishment: str | None = None
    override: str | None = None
    grounds: dict[tuple[str, int], Ground] = field(default_factory=dict)


def ground(ctx: Context, site: Site, visitor: Visitor, now: float) -> Ground:
    """Find the law that holds for a visitor on the day of ``now``."""
    today = datetime.fromtimestamp(now, UTC).date()
    found = ctx.lawbook.at(
        visitor.location,
        today,
        override=ctx.override,
        floor=ctx.establishment,
        residence=visitor.residence,
        overlays=site.overlays,
    )
    # Keyed by identity: the entry holds the regime, so the id cannot be taken by another.
    key = (site.id, id(found.regime))
    held = ctx.grounds.get(key)
    if held is None or held.resolution.regime is not found.regime:
        if len(ctx.grounds) >= GROUNDS:
            ctx.grounds.clear()
        held = ctx.grounds[key] = Ground(found, compile_rules(site, found.regime))
    return held if held.resolution is found else Ground(found, held.rules)


def language_of(site: Site, visitor: Visitor, held: Ground) -> str:
    """The language to speak: one the visitor wants, else the page's, the place's, the site's own."""
    page = (visitor.page_language,) if visitor.page_language else ()
    wanted = (*visitor.languages, *page, *_spoken(visitor, held))
    return negotiate(wanted, tuple(site.texts), site.default_language)


def seen(ctx: Context, site: Site, visitor: Visitor, held: Ground, language: str) -> Seen:
    """What this visitor has before them on the site, in this language."""
    return ctx.display.seen(site, held.resolution.regime, language, visitor.signals)


def _spoken(visitor: Visitor, held: Ground) -> Iterator[str]:
    """The languages of the place, as they are written there: Brazil's Portuguese is not Portugal's."""
    country = (visitor.location.country or "").lower()
    for language in held.resolution.regime.ui.languages:
        yield language if "-" in language or not country else f"{language}-{country}"


def youngest(visitor: Visitor, *known: int | None) -> Visitor:
    """The visitor at the smallest age that was ever declared of them, this request's included.

    Who said to be twelve is not older for saying so, nor for a request that says nothing.
    """
    ages = [age for age in (visitor.age, *known) if age is not None]
    return msgspec.structs.replace(visitor, age=min(ages)) if ages else visitor


def circumstances(site: Site, visitor: Visitor, prior: Prior | None, now: float) -> Circumstances:
    """All that the decision for a visitor depends on, besides the rules."""
    return Circumstances(
        now=int(now),
        notice_version=site.version,
        services=tuple(s.id for s in site.services),
        signals=visitor.signals,
        prior=prior,
        age=visitor.age,
    )
