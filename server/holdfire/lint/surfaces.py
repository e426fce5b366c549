"""Which banners a site shows: one place for each kind of first layer the law makes different."""

from collections.abc import Iterator
from datetime import date

from holdfire.errors import ConfigError
from holdfire.law import ASKING, Regime, Value
from holdfire.lint.finding import Facts
from holdfire.model import Location, Site
from holdfire.regimes import Lawbook
from holdfire.rules import compile_rules

# Well-known places first: a finding that names Germany is easier to look at than one in Åland.
EXAMPLES = ("DE", "IT", "FR", "GB", "US-CA", "US-CO", "BR", "CA-QC", "CH", "JP", "AU")


class Surface(Value, frozen=True):
    """A site as visitors of one place meet it, in the languages it is to be looked at in."""

    site: Site
    place: str  # CC or CC-SUB
    facts: Facts
    prompts: bool  # there is a first layer
    languages: tuple[str, ...]

    @property
    def name(self) -> str:
        """For a line of progress."""
        return f"{self.site.id} in {self.place} ({self.facts.regime})"


def surfaces(
    site: Site,
    lawbook: Lawbook,
    on: date,
    *,
    override: str | None = None,
    floor: str | None = None,
    every: bool = False,
) -> tuple[Surface, ...]:
    """One surface for each kind: several languages for one that asks first, one for the rest.

    ``override`` and ``floor`` are the regimes the settings name. ``every`` takes all languages of
    the site, instead of those in which a layout is most likely to give way.
    """
    found: dict[tuple[object, ...], Surface] = {}
    for code in _places(lawbook):
        country, _, region = code.partition("-")
        where = Location(
            country=country, region=region or None, source="override", confidence="high"
        )
        try:
            regime = lawbook.at(
                where, on, override=override, floor=floor, overlays=site.overlays
            ).regime
        except ConfigError:
            return ()  # said by the check of sites and law
        kind = _kind(site, regime)
        if kind not in found:
            found[kind] = _surface(site, code, regime)
    return tuple(_spoken(site, tuple(found.values()), every=every))


def _places(lawbook: Lawbook) -> Iterator[str]:
    known = lawbook.law.names
    yield from (code for code in EXAMPLES if code in known)
    yield from (code for code in known if code not in EXAMPLES)


def _kind(site: Site, regime: Regime) -> tuple[object, ...]:
    """What makes a banner another one to look at."""
    rules = compile_rules(site, regime)
    held_on = frozenset(r.id for r in rules.categories if r.exempt)
    sale = regime.model == "opt_out" and any(c.sale for c in site.categories)
    return (regime.model, rules.surface, rules.close, rules.opt_out_status, held_on, sale)


def _surface(site: Site, code: str, regime: Regime) -> Surface:
    rules = compile_rules(site, regime)
    return Surface(
        site=site,
        place=code,
        facts=Facts.of(site, regime, rules),
        prompts=rules.surface in ASKING,
        languages=(site.default_language,),
    )


def _spoken(site: Site, found: tuple[Surface, ...], *, every: bool) -> Iterator[Surface]:
    asking = next((s for s in found if s.facts.model == "opt_in" and s.prompts), None)
    for surface in found:
        if surface is not asking:
            yield surface
            continue
        languages = tuple(site.texts) if every else _telling(site)
        others = tuple(key for key in languages if key != site.default_language)
        yield Surface(
            surface.site,
            surface.place,
            surface.facts,
            surface.prompts,
            (site.default_language, *others),
        )


def _telling(site: Site) -> tuple[str, ...]:
    """The languages with the longest refusal, the longest text, and one read from the right."""

    def longest(key: str) -> str:
        return max(site.texts, key=lambda language: len(site.texts[language].get(key, "")))

    mirrored = [key for key, texts in site.texts.items() if texts["language.direction"] == "rtl"]
    keys = ("button.reject_all", "banner.body.opt_in")
    return tuple(dict.fromkeys((*map(longest, keys), *mirrored[:1])))
