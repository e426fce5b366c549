"""``holdfire check``: everything that would stop a start, all at once, without starting."""

from collections.abc import Callable, Mapping
from datetime import date

from holdfire import app, compliance, regimes
from holdfire.errors import ConfigError, Problem
from holdfire.model import Site
from holdfire.settings import Settings, load
from holdfire.sites import read_locales, read_sites
from holdfire.web.boot import Shelf


def everything(
    config: str | None, environment: Mapping[str, str], *, today: date, stale: int | None
) -> tuple[Problem, ...]:
    """Every problem found, in the order of settings, law, sites, scripts, geo database.

    ``stale`` also lists the regimes that nobody has reviewed for that many days.
    """
    try:
        settings = load(config, environment)
    except ConfigError as error:
        return error.problems
    problems: list[Problem] = []
    for step in (_law(today, stale), _sites, _scripts, _geo):
        try:
            problems.extend(step(settings))
        except ConfigError as error:
            problems.extend(error.problems)
    return tuple(problems)


def _law(today: date, stale: int | None) -> Callable[[Settings], list[Problem]]:
    def step(settings: Settings) -> list[Problem]:
        law = app.open_law(settings)
        return [] if stale is None else list(regimes.stale(law, today, stale))

    return step


def _sites(settings: Settings) -> list[Problem]:
    locales, of_locales = read_locales(settings.locales_path)
    sites, of_sites = read_sites(settings.sites_path, locales)
    return [*of_locales, *of_sites, *_agreement(settings, sites)]


def _agreement(settings: Settings, sites: Mapping[str, Site]) -> list[Problem]:
    try:
        law = regimes.load(settings.regimes_path)
    except ConfigError:
        return []  # the step before has said what is wrong with it
    return [*compliance.faults(sites, law), *compliance.concerns(sites, law)]


def _scripts(settings: Settings) -> list[Problem]:
    Shelf(settings.static_path / "dist")
    return []


def _geo(settings: Settings) -> list[Problem]:
    app.open_observatory(settings)
    return []
