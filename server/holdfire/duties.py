"""What a regime asks of a site beside the decision itself, said step by step for an explanation.

The interface, lifetimes, proof, links, industry strings: each with the law it rests on. What the
service can do about them it does elsewhere; here it says what they are.
"""

from collections.abc import Iterator

from holdfire.law import Exemption, Regime, TraceStep
from holdfire.model import Site
from holdfire.rules import links


def cited(regime: Regime, step: str, rule: str, law: str | None = None) -> TraceStep:
    """A step on a regime's authority; ``law`` where a citation is more exact than the regime's."""
    return TraceStep(
        step=step,
        rule=rule,
        law=law or "; ".join(regime.laws),
        source=", ".join(regime.sources[:3]),
        as_of=regime.reviewed.isoformat(),
        confidence=regime.confidence,
    )


def duties(site: Site, regime: Regime) -> Iterator[TraceStep]:
    """The steps, in the order in which a visitor would meet them."""
    yield cited(regime, "applies to", regime.applicability)
    if regime.legal_model != regime.model:
        yield cited(regime, "reading", f"the statute is {regime.legal_model}", regime.notes)
    yield cited(regime, "interface", _interface(regime))
    for link in links(site, regime):
        other = f" (or “{link.alt_label}”)" if link.alt_label else ""
        yield cited(regime, f"link {link.id}", f"“{link.label}”{other}, {_words(link.required)}")
    attested = site.attestations
    for use, claimed, exemption in (
        ("analytics", attested.analytics_exempt, regime.exemptions.analytics),
        ("functional", attested.functional_exempt, regime.exemptions.functional),
    ):
        if claimed:
            yield cited(regime, f"exemption {use}", _exemption(exemption, regime), exemption.cite)
    yield cited(regime, "lifetime", _lifetime(regime), regime.lifetime.basis)
    yield cited(regime, "asking again", _asking(regime), regime.reprompt.basis)
    yield cited(regime, "proof", _proof(regime), regime.proof.cite)
    if regime.minors.rules:
        yield cited(regime, "minors", f"age counts if {_words(regime.minors.knowledge)}",
                    regime.minors.cite)  # fmt: skip
    if any(category.sensitive for category in site.categories):
        yield cited(regime, "sensitive", _words(regime.sensitive.rule), regime.sensitive.cite)
    yield cited(regime, "industry strings", _strings(regime))


def _interface(regime: Regime) -> str:
    ui = regime.ui
    said = [
        f"refuse on the first layer: {_words(ui.first_layer_reject)}",
        f"close control: {ui.close_x}",
        f"cookie wall: {_words(ui.cookie_wall)}",
        f"opt-out status: {regime.opt_out_status_display}",
    ]
    if ui.languages:
        said.append(f"languages: {', '.join(ui.languages)}")
    return "; ".join(said)


def _exemption(exemption: Exemption, regime: Regime) -> str:
    if not exemption.available:
        return "claimed, and not to be had here"
    limits = {
        "tracker cookies": regime.lifetime.tracker_cookie_days,
        "data": regime.lifetime.data_days,
    }
    kept = [f"{what} {days} days at most" for what, days in limits.items() if days]
    return "; ".join((*map(_words, exemption.conditions), *kept))


def _lifetime(regime: Regime) -> str:
    limit = regime.lifetime.choice_regulator_days
    regulator = f", the regulator's figure is {limit}" if limit else ""
    return f"a choice lasts {regime.lifetime.choice_days} days{regulator}"


def _asking(regime: Regime) -> str:
    reprompt = regime.reprompt
    triggers = ", ".join(map(_words, reprompt.triggers))
    return f"{reprompt.after_refusal_days} days after a refusal; sooner only for: {triggers}"


def _proof(regime: Regime) -> str:
    proof = regime.proof
    if not proof.required:
        return "no duty known; kept all the same"
    kept = f", for {proof.retain_days} days" if proof.retain_days else ""
    return f"required: {', '.join(map(_words, proof.record))}{kept}"


def _strings(regime: Regime) -> str:
    gpp, google = regime.adtech.gpp, regime.google
    said = [
        "TCF applies" if regime.adtech.tcf else "TCF does not apply",
        f"GPP section {gpp.id} ({gpp.prefix})" if gpp else "no GPP section",
        "Google wants consent mode" if google.consent_mode_required else "",
        f"advanced consent mode is {google.advanced_mode}",
    ]
    return "; ".join(filter(None, said))


def _words(key: str) -> str:
    return key.replace("_", " ")
