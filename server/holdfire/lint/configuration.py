"""What can be told from a site's file alone: wording, asking again, the colours of its theme."""

from collections.abc import Iterator, Mapping

from msgspec.structs import asdict

from holdfire.document import within
from holdfire.law import ASKING, Regime
from holdfire.lint.adapters import adapters
from holdfire.lint.colour import contrast, parse
from holdfire.lint.finding import Facts, Finding, Severity
from holdfire.lint.rules import BOUNDARY, FRAMEWORK, TEXT, stated
from holdfire.lint.wording import Phrases, steered
from holdfire.model import Site

TOKENS: Mapping[str, Mapping[str, str]] = {
    "light": {
        "bg": "#fff",
        "fg": "#17212e",
        "muted": "#465364",
        "line": "#768394",
        "soft": "#eef2f6",
        "accent": "#173a5e",
        "on_accent": "#fff",
        "focus": "#2b7de9",
    },
    "dark": {
        "bg": "#171d26",
        "fg": "#eef2f7",
        "muted": "#b3c0cf",
        "line": "#768394",
        "soft": "#232c38",
        "accent": "#bcd8f5",
        "on_accent": "#0d1a28",
        "focus": "#2b7de9",
    },
}
"""The colours of ``sdk/src/tokens.css`` where a site names none."""

TEXTS = (("fg", "bg"), ("muted", "bg"), ("fg", "soft"), ("muted", "soft"))
BUTTON = ("on_accent", "accent")
EDGES = (("line", "bg"), ("accent", "bg"), ("focus", "bg"))


def configuration(
    sites: Mapping[str, Site],
    regimes: Mapping[str, Regime],
    phrases: Phrases,
    *,
    cookie_days: int | None = None,
) -> Iterator[Finding]:
    """What is wrong with the sites' files; ``cookie_days`` is the longest life of the cookie."""
    for site in sites.values():
        yield from _wording(site, phrases)
        yield from _asking_again(site, regimes)
        yield from adapters(site, regimes)
        for name, colours in (("light", site.look.light), ("dark", site.look.dark)):
            named = {key: text for key, text in asdict(colours).items() if text}
            yield from theme(site.id, name, named, tcf=site.attestations.tcf)
        if cookie_days is not None:
            yield from _forgetting(site, regimes, cookie_days)


def _facts(site: Site, regimes: str = "") -> Facts:
    """The facts of a site under no regime in particular, or under those named."""
    return Facts(site.id, regimes, "opt_in", "required", "none")


def _wording(site: Site, phrases: Phrases) -> Iterator[Finding]:
    for language, texts in site.texts.items():
        for key, phrase in steered(texts, language, phrases):
            yield stated(
                "guilt-wording",
                _facts(site),
                within(within("texts", language), key),
                f"it says “{phrase}”",
                seen=(language, "", ""),
            )


def _asking_again(site: Site, regimes: Mapping[str, Regime]) -> Iterator[Finding]:
    """Who refused everything is left alone for as long as the regime says, whatever a site sets.

    Who refused in part is asked when the choice ends. Where that comes too early by a known rule
    it is a fault; where the figure is this project's own, a concern.
    """
    days = site.choice_days
    if days is None:
        return
    early = {
        key: regime
        for key, regime in regimes.items()
        if regime.ui.surface in ASKING
        and days < min(regime.reprompt.after_refusal_days, regime.lifetime.choice_days)
    }
    for severity in ("fault", "concern"):
        found = {
            key: regime.reprompt.after_refusal_days
            for key, regime in early.items()
            if _weight(regime) == severity
        }
        if found:
            yield stated(
                "reprompt-early",
                _facts(site, ", ".join(found)),
                "choice_days",
                f"a choice ends after {days} days",
                severity=_weight(regimes[next(iter(found))]),
                limit=f"{min(found.values())} days after a refusal",
                figures={"days": days, "limit": min(found.values())},
            )


def _weight(regime: Regime) -> Severity:
    ours = regime.reprompt.basis.startswith(("D ", "D:"))
    return "concern" if ours or regime.model != "opt_in" else "fault"


def _forgetting(site: Site, regimes: Mapping[str, Regime], cookie_days: int) -> Iterator[Finding]:
    found = {
        key: regime.reprompt.after_refusal_days
        for key, regime in regimes.items()
        if regime.ui.surface in ASKING and cookie_days < regime.reprompt.after_refusal_days
    }
    if found:
        yield stated(
            "reprompt-early",
            _facts(site, ", ".join(found)),
            "cookie_max_age_days",
            f"the cookie that keeps a refusal ends after {cookie_days} days",
            severity="concern",
            limit=f"{max(found.values())} days after a refusal",
            figures={"days": cookie_days, "limit": max(found.values())},
        )


def theme(
    site: str, name: str, tokens: Mapping[str, str], *, tcf: bool = False
) -> Iterator[Finding]:
    """What is too faint in a theme of a site: ``name`` is "light" or "dark".

    ``tokens`` are the colours the site names; the others are those of the banner. A colour that
    is not written in hexadecimal digits is left to the rendered check.
    """
    colours = {key: parse(text) for key, text in {**TOKENS[name], **tokens}.items()}
    pairs = {
        **dict.fromkeys(TEXTS, TEXT),
        BUTTON: FRAMEWORK if tcf else TEXT,
        **dict.fromkeys(EDGES, BOUNDARY),
    }
    for (one, other), needed in pairs.items():
        front, back = colours[one], colours[other]
        if front is None or back is None or not {one, other} & tokens.keys():
            continue
        ratio = contrast(front, back)
        if ratio < needed:
            yield stated(
                "contrast",
                Facts(site, "", "opt_in", "required", "none"),
                f"banner.{name}: {one} on {other}",
                f"contrast {ratio:.2f}:1",
                limit=f"{needed:g}:1",
                figures={"contrast": ratio, "limit": needed},
                seen=("", name, ""),
            )
