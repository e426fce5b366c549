"""``holdfire check``: everything that would stop a start, all at once, without starting.

And what would stop a publication: the lint, over the files and over the rendered banners.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import uvicorn

from holdfire import app, compliance, lint, regimes, serving
from holdfire.catalogue import Catalogue, read_catalogue
from holdfire.errors import ConfigError, HoldfireError, Problem
from holdfire.explain import place as known_place
from holdfire.law import Value
from holdfire.lint.configuration import configuration
from holdfire.lint.finding import Facts, Finding, folded
from holdfire.lint.render import Outcome, live, rendered
from holdfire.lint.surfaces import Surface, surfaces
from holdfire.model import UNKNOWN_LOCATION, Location, Site
from holdfire.publication import remember
from holdfire.regimes import Lawbook
from holdfire.settings import Settings, load
from holdfire.sites import load_locales, load_sites, read_locales, read_sites
from holdfire.web.display import ShelfDisplay
from holdfire.web.shelf import Shelf

START_SECONDS = 30.0

Tell = Callable[[str], None]


class Files:
    """What the settings name, each read once: when it is first asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def law(self) -> Lawbook:
        """Raises ``ConfigError``."""
        return regimes.load(self.settings.regimes_path)

    @cached_property
    def read(self) -> tuple[Mapping[str, Site], tuple[Problem, ...]]:
        """The sites that are in order; what is wrong with locales, catalogue and other sites."""
        locales, of_locales = read_locales(self.settings.locales_path)
        catalogue, of_catalogue = read_catalogue(self.settings.services_path)
        sites, of_sites = read_sites(self.settings.sites_path, locales, catalogue)
        return sites, (*of_locales, *of_catalogue, *of_sites)


class Report(Value, frozen=True):
    """Everything a check found. Problems are of files, findings are of banners."""

    problems: tuple[Problem, ...] = ()
    findings: tuple[Finding, ...] = ()

    def __add__(self, other: "Report") -> "Report":
        """Both together."""
        return Report(self.problems + other.problems, self.findings + other.findings)

    def fails(self, *, strict: bool) -> bool:
        """Whether something must be mended first; ``strict`` counts concerns too."""
        return bool(self.problems) or any(f.severity == "fault" or strict for f in self.findings)


def everything(
    config: str | None, environment: Mapping[str, str], *, today: date, stale: int | None
) -> Report:
    """Every problem found, in the order of settings, law, sites, scripts, geo database; the lint.

    ``stale`` also lists the regimes that nobody has reviewed for that many days.
    """
    try:
        settings = load(config, environment)
    except ConfigError as error:
        return Report(error.problems)
    problems: list[Problem] = []
    files = Files(settings)
    for step in (_law(today, stale), _sites, _scripts, _geo):
        try:
            problems.extend(step(files))
        except ConfigError as error:
            problems.extend(error.problems)
    try:
        return Report(tuple(problems), _configuration(files))
    except ConfigError as error:
        # What the steps before have said already is not said twice.
        return Report((*problems, *(p for p in error.problems if p not in problems)))


def banners(
    config: str | None,
    environment: Mapping[str, str],
    *,
    today: date,
    tell: Tell,
    every: bool = False,
) -> Report:
    """What the rendered banners of every site show, each surface looked at in a real browser.

    A site without a fault is marked as one that may be published (``publication``).
    ``every`` looks at all languages, which takes minutes where a site has many.
    Raises ``Unavailable`` where there is none, ``ConfigError`` for what stops a start.
    """
    settings = load(config, environment)
    catalogue = Catalogue(settings.services_path)
    sites = load_sites(settings.sites_path, load_locales(settings.locales_path), catalogue)
    law = app.open_law(settings)
    found: list[Surface] = []
    for site in sites.values():
        if site.look.layout == "headless":
            tell(f"{site.id} draws its banner itself: look at one of its pages with --page")
            continue
        found += surfaces(
            site,
            law,
            today,
            override=settings.regime_override or None,
            floor=settings.establishment or None,
            every=every,
        )
    if not found:
        return Report()
    with _served(settings, sites) as origins:
        report = _report(rendered(found, origins.__getitem__, lint.phrases(), tell))
    faulty = {finding.site for finding in report.findings if finding.severity == "fault"}
    passed = {surface.site.id for surface in found} - faulty
    if not report.problems and passed:
        shelf = Shelf(settings.static_path / "dist", tuple(sites.values()))
        display = ShelfDisplay(shelf, tuple(sites.values()))
        remember(Path(settings.data_dir), display, [sites[key] for key in passed])
    return report


def pages(
    config: str | None,
    environment: Mapping[str, str],
    addresses: Sequence[str],
    *,
    today: date,
    tell: Tell,
    place: str | None = None,
) -> Report:
    """What the banners of live pages show to a visitor from here.

    The law is that of ``place`` (CC or CC-SUB); without one, what the page's own boot script
    names; and without that the strictest. Raises as ``banners`` does.
    """
    settings = load(config, environment)
    law = app.open_law(settings)
    location = _location(place, law)

    def facts(url: str, boot: dict[str, Any] | None) -> Facts:
        if boot is not None and place is None:
            return _told(boot, law)
        regime = law.at(location, today).regime
        ui = regime.ui
        named = url.partition("://")[2]
        return Facts(named, regime.id, regime.model, ui.first_layer_reject, ui.close_x)

    return _report(live(addresses, facts, lint.phrases(), tell))


# ---------------------------------------------------------------- the steps


def _law(today: date, stale: int | None) -> Callable[[Files], list[Problem]]:
    def step(files: Files) -> list[Problem]:
        app.known_regimes(files.settings, files.law)
        return [] if stale is None else list(regimes.stale(files.law, today, stale))

    return step


def _sites(files: Files) -> list[Problem]:
    sites, problems = files.read
    return [*problems, *_agreement(files, sites)]


def _agreement(files: Files, sites: Mapping[str, Site]) -> list[Problem]:
    try:
        law = files.law
    except ConfigError:
        return []  # the step before has said what is wrong with it
    return [*compliance.faults(sites, law), *compliance.concerns(sites, law)]


def _scripts(files: Files) -> list[Problem]:
    Shelf(files.settings.static_path / "dist")
    return []


def _geo(files: Files) -> list[Problem]:
    app.open_observatory(files.settings)
    return []


def _configuration(files: Files) -> tuple[Finding, ...]:
    sites, _ = files.read
    days = files.settings.cookie_max_age_days
    return folded(configuration(sites, files.law.regimes, lint.phrases(), cookie_days=days))


# ---------------------------------------------------------------- the rendered lint


def _report(outcome: Outcome) -> Report:
    return Report(outcome.problems, outcome.findings)


def _location(place: str | None, law: Lawbook) -> Location:
    if place is None:
        return UNKNOWN_LOCATION
    code, _, part = place.partition("-")
    country, region = known_place(code, part or None, law.law.aliases)
    return Location(country=country, region=region, source="override", confidence="high")


def _told(boot: Mapping[str, Any], law: Lawbook) -> Facts:
    """The facts of a page that our boot script serves, as the script itself has them."""
    try:
        rules = boot["rules"]
        regime = law.regimes[rules["regime"]]
        held = {
            rule["id"]
            for rule in rules["categories"]
            if rule.get("locked") or rule.get("exempt") or rule.get("default") == "granted"
        }
        return Facts(
            site=boot["site"],
            regime=regime.id,
            model=rules["model"],
            reject=regime.ui.first_layer_reject,
            close="required" if rules["close"] else "none",
            held_on=frozenset(held),
            blocking=boot["look"].get("blocking") is True,
        )
    except (KeyError, TypeError) as error:
        what = f"its boot script is of another version: {error}"
        raise ConfigError(
            (Problem("--page", "(page)", what, "name the place: --place"),)
        ) from error


@contextmanager
def _served(settings: Settings, sites: Mapping[str, Site]) -> Iterator[dict[str, str]]:
    """Serve the real application on loopback; yields where the pages of each site are.

    Every site gets a host of its own below localhost, since a page belongs to one site only.
    """
    with serving.listen("127.0.0.1", 0) as listener, TemporaryDirectory() as folder:
        port = listener.getsockname()[1]
        origins = {key: f"http://s{n}.localhost:{port}" for n, key in enumerate(sites)}
        moved = {
            key: msgspec.structs.replace(site, origins=(origins[key],))
            for key, site in sites.items()
        }
        # Nothing of this visit is to be found in the operator's own records.
        apart = msgspec.structs.replace(
            settings, data_dir=folder, database=f"sqlite:///{folder}/holdfire.db"
        )
        application = app.build(apart, moved, demo=True, prebuild=False)
        server = uvicorn.Server(serving.config(application, apart, "127.0.0.1", port))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            _wait(server, thread)
            yield origins
        finally:
            server.should_exit = True
            thread.join()


def _wait(server: uvicorn.Server, thread: threading.Thread) -> None:
    end = time.monotonic() + START_SECONDS
    while not server.started:
        if time.monotonic() > end or not thread.is_alive():
            raise HoldfireError("the service to be looked at did not start")
        time.sleep(0.02)
