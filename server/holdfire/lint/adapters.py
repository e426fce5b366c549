"""What an adapter's table says that the law of some visitors discourages."""

from collections.abc import Iterator, Mapping
from typing import Any

from holdfire.law import Regime
from holdfire.lint.finding import Finding
from holdfire.model import Site

LAW = "ePrivacy Directive Art 5(3); EDPB Guidelines 2/2023, section 2.6; GDPR Art 7"


def adapters(site: Site, regimes: Mapping[str, Regime]) -> Iterator[Finding]:
    """Google's tags that run before consent, and defaults that grant where the law asks first."""
    google = site.adapters.get("google")
    if google is None:
        return
    asking = {key for key, regime in regimes.items() if regime.model == "opt_in"}
    if "advanced" in google:
        yield _concern(
            site,
            ", ".join(sorted(asking)),
            "adapters.google.mode",
            "Google's tags run, and send pings, before the visitor has said anything",
            'set mode = "basic", and hold the tags',
        )
    defaults: Any = google["regional"]
    for place, (_, _, default) in enumerate(defaults, start=1):
        found = {law for code in default["region"] if (law := _law(code, regimes)) in asking}
        if found:
            yield _concern(
                site,
                ", ".join(sorted(found)),
                f"adapters.google.regions[#{place}]",
                "signals are granted by default where consent is asked for first",
                "take the region out",
            )


def _law(code: str, regimes: Mapping[str, Regime]) -> str:
    """The regime that a region of ISO 3166-2 is called by, or its country; "" if neither is."""
    country = code.partition("-")[0]
    return next((key for key in (code.lower(), country.lower()) if key in regimes), "")


def _concern(site: Site, regimes: str, element: str, measured: str, remedy: str) -> Finding:
    return Finding(
        rule="consent-mode",
        severity="concern",
        site=site.id,
        regime=regimes,
        language="",
        theme="",
        viewport="",
        element=element,
        measured=measured,
        figures={},
        limit="no tag before consent",
        law=LAW,
        remedy=remedy,
    )
