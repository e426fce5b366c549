"""The rendered lint: every surface of every site, or one live page, in a real Chromium.

The caller serves the application (this package lies below it); the page around the banner is
made here and handed to the browser without a server.
"""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from holdfire.errors import Problem
from holdfire.law import Value
from holdfire.lint.browser import chromium
from holdfire.lint.conduct import ways
from holdfire.lint.finding import Facts, Finding, View, folded
from holdfire.lint.journey import Fresh, walked
from holdfire.lint.judge import judge
from holdfire.lint.surfaces import Surface
from holdfire.lint.visit import Visit
from holdfire.lint.wording import Phrases

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Route

THEMES = ("light", "dark")
SIZES = ((1280, 800), (390, 844))  # CSS pixels: a desktop, a phone
DRESSES = tuple((theme, *size) for theme in THEMES for size in SIZES)
ACROSS = (DRESSES[0], DRESSES[-1])  # each theme and each size once
LIMIT_SECONDS = 900.0
PATH = "/lint-page"
PAGE = """\
<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>A page</title>
<style>body {{ margin: 2em; font: 16px/1.5 sans-serif }} p {{ min-height: 12em }}</style>
<script>window.holdfire=window.holdfire||[]</script>
<script async src="{script}"></script>
<h1>A page</h1>
{paragraphs}
</html>
"""
PARAGRAPHS = "\n".join(f'<p>Paragraph {n}, with <a href="#{n}">a link</a>.</p>' for n in range(12))

Tell = Callable[[str], None]
Origin = Callable[[str], str]  # the id of a site → where its pages are
Told = Callable[[str, dict[str, Any] | None], Facts]


class Outcome(Value, frozen=True):
    """What was found, and what could not be looked at."""

    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...] = ()


def rendered(
    surfaces: Sequence[Surface],
    origin: Origin,
    phrases: Phrases,
    tell: Tell,
    *,
    limit: float = LIMIT_SECONDS,
) -> Outcome:
    """Look at every surface of a running service, for ``limit`` seconds at most.

    Raises ``Unavailable`` where there is no browser.
    """
    end = time.monotonic() + limit
    findings: list[Finding] = []
    problems: list[Problem] = []
    # How far it is to each end depends on what a model of law lets be pressed, not on the place.
    trodden: set[tuple[str, str, bool]] = set()
    with chromium() as browser:
        for number, surface in enumerate(surfaces, start=1):
            way = (surface.site.id, surface.facts.model, surface.prompts)
            for language in surface.languages:
                if time.monotonic() > end:
                    return Outcome(folded(findings), (*problems, _late(surface, limit)))
                tell(f"{number}/{len(surfaces)} {surface.name}, {language}")
                walk = way not in trodden
                trodden.add(way)
                where = origin(surface.site.id)
                outcome = _surface(browser, surface, language, where, phrases, walk=walk)
                findings += outcome.findings
                problems += outcome.problems
    return Outcome(folded(findings), tuple(problems))


def live(pages: Sequence[str], facts: Told, phrases: Phrases, tell: Tell) -> Outcome:
    """Look at the banners of live pages, as a visitor from here meets them.

    ``facts`` is told the page and what its boot script was given, or ``None`` if it has none.
    Raises ``ConfigError`` if a page cannot be loaded, ``Unavailable`` without a browser.
    """
    findings: list[Finding] = []
    problems: list[Problem] = []
    with chromium() as browser:
        for url in pages:
            tell(url)
            fresh = _profiles(browser, url)
            with fresh() as visit:
                visit.open()
                met = visit.measure()
                if not met.controls:
                    what = "no control of a banner on it"
                    remedy = 'mark the controls with data-holdfire="accept_all" and so on'
                    problems.append(Problem(url, "(page)", what, remedy))
                    continue
                known = facts(url, visit.boot())
                for view in _views(visit, known, met.language):
                    findings += judge(view, phrases)
            findings += ways(known, walked(fresh), met.language)
    return Outcome(folded(findings), tuple(problems))


def _surface(
    browser: Browser,
    surface: Surface,
    language: str,
    origin: str,
    phrases: Phrases,
    *,
    walk: bool,
) -> Outcome:
    def around(context: BrowserContext) -> None:
        context.route(origin + PATH, lambda route: _answer(route, surface, language))

    fresh = _profiles(browser, origin + PATH, around, locale=language)
    findings: list[Finding] = []
    with fresh() as visit:
        visit.open()
        if surface.prompts and not visit.shows(1):
            what = f"no first layer came up in {surface.place}, {language}"
            remedy = "look at it with: holdfire demo; build the page's half with: make setup"
            problem = Problem(f"{surface.site.id}.toml", "(banner)", what, remedy)
            return Outcome((), (problem,))
        for view in _views(visit, surface.facts, language, DRESSES if walk else ACROSS):
            findings += judge(view, phrases)
    if walk:
        findings += ways(surface.facts, walked(fresh), language)
    return Outcome(tuple(findings))


def _profiles(
    browser: Browser,
    url: str,
    around: Callable[[BrowserContext], None] = lambda _: None,
    **options: Any,
) -> Fresh:
    """Visitors of one page, each with a browser profile of their own, made ready by ``around``."""

    @contextmanager
    def fresh() -> Iterator[Visit]:
        context = browser.new_context(
            viewport={"width": SIZES[0][0], "height": SIZES[0][1]},
            reduced_motion="reduce",  # what moves cannot be measured
            **options,
        )
        try:
            around(context)
            yield Visit(context, url)
        finally:
            context.close()

    return fresh


def _late(surface: Surface, limit: float) -> Problem:
    what = f"not looked at within {limit:g} seconds, nor anything after it"
    return Problem("lint", surface.name, what, "check fewer sites at a time, or a faster machine")


def _views(
    visit: Visit,
    facts: Facts,
    language: str,
    dresses: Sequence[tuple[str, int, int]] = DRESSES,
) -> Iterator[View]:
    """The first layer and then the preference centre, in themes and sizes."""
    for opened in (False, True):
        if opened:
            visit.dress(THEMES[0], *SIZES[0])
            if not visit.show_preferences():
                return
        for theme, width, height in dresses:
            visit.dress(theme, width, height)
            yield View(facts, language, theme, visit.measure())


def _answer(route: Route, surface: Surface, language: str) -> None:
    script = f"/s/{surface.site.id}.js?geo={surface.place}"
    body = PAGE.format(
        language=html.escape(language), script=html.escape(script), paragraphs=PARAGRAPHS
    )
    route.fulfill(body=body, content_type="text/html; charset=utf-8")
