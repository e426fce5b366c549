"""The law as a page to read: ``docs/regimes.md``, generated from the lawbook.

First a table of places, then every regime in full with its evidence, then the sources.
"""

from collections.abc import Iterable, Iterator

from holdfire.law import Exemption, MinorRule, Regime
from holdfire.model import Location
from holdfire.regimes import Lawbook


def render(book: Lawbook) -> str:
    """The whole page, in Markdown. The same lawbook gives the same bytes."""
    return "\n".join(_page(book)) + "\n"


def _page(book: Lawbook) -> Iterator[str]:
    codes = list(book.law.subdivisions)
    yield from _head(book)
    yield from _places("Countries", book, _countries(book))
    yield from _places("United States", book, [code for code in codes if code[:2] == "US"])
    yield from _places("Canada", book, [code for code in codes if code[:2] == "CA"])
    rest = [code for code in codes if code[:2] not in {"US", "CA"}]
    yield from _places("Other subdivisions", book, rest)
    yield from _changes(book)
    yield from _overlays(book)
    yield from ("", "## Regimes in full", "")
    yield "S: seen in a source. M: from memory. D: an engineering decision, not a statement of law."
    for regime in book.regimes.values():
        yield from ("", f"### {regime.id}", "", f"**{regime.label}**", "")
        yield from (f"- {name}: {said}" for name, said in _members(regime) if said)
    yield from _sources(book)


def _countries(book: Lawbook) -> list[str]:
    return [code for code in book.law.names if "-" not in code]


def _head(book: Lawbook) -> Iterator[str]:
    law = book.law
    yield "# Regimes by country and state"
    yield ""
    yield "Generated from `config/regimes/`; edit the law there, then run `make docs`."
    yield (
        f"As of {law.about.as_of}: {len(law.regimes)} regimes,"
        f" {len(_countries(book))} countries and territories,"
        f" {len(law.subdivisions)} subdivisions, {len(law.sources)} sources."
    )
    yield from ("", law.about.disclaimer, law.about.blind_spot, law.about.credit, "")
    yield "A missing or unlisted subdivision falls to its country,"
    yield f"and what is no known place to [`{law.unknown}`](#{law.unknown})."
    yield "Each table shows the rule of that day; changes to come have a table of their own."


def _table(title: str, *columns: str) -> Iterator[str]:
    yield from ("", f"## {title}", "", _row(*columns), _row(*("---" for _ in columns)))


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


# ---------------------------------------------------------------- places


def _places(title: str, book: Lawbook, codes: Iterable[str]) -> Iterator[str]:
    columns = "Place,Code,Regime,Model,Since,GPC,Choice lasts,Law,Confidence,Sources"
    yield from _table(title, *columns.split(","))
    for code in sorted(codes, key=lambda code: book.law.names[code]):
        regime = _held(book, code)
        yield _row(
            book.law.names[code],
            code,
            f"[{regime.id}](#{regime.id})",
            regime.model,
            regime.effective or "",
            _signal(regime),
            f"{regime.lifetime.choice_days} d",
            "; ".join(regime.laws),
            regime.confidence,
            ", ".join(regime.sources),
        )


def _held(book: Lawbook, code: str) -> Regime:
    country, _, region = code.partition("-")
    place = Location(country, region or None, source="override", confidence="high")
    return book.at(place, book.law.about.as_of).regime


def _changes(book: Lawbook) -> Iterator[str]:
    yield from _table("Dated changes", "Place", "Code", "From", "Regime")
    for code, schedule in (*book.law.countries.items(), *book.law.subdivisions.items()):
        for entry in schedule[1:]:
            link = f"[{entry.regime}](#{entry.regime})"
            yield _row(book.law.names[code], code, entry.since, link)


def _overlays(book: Lawbook) -> Iterator[str]:
    yield from _table("Overlays", "Name", "Applies to", "Effect", "Why", "Evidence")
    for name, overlay in book.law.overlays.items():
        effect = "asks first" if overlay.enabled else "none: not law yet"
        where = f" ({_words(overlay.when)})" if overlay.when else ""
        applies = ", ".join(overlay.applies_to) + where
        yield _row(name, applies, effect, overlay.why, overlay.evidence)


def _sources(book: Lawbook) -> Iterator[str]:
    yield from _table("Sources", "Id", "Date", "What", "Seen")
    for name, source in book.law.sources.items():
        what = f"[{source.what}]({source.url})" if source.url else source.what
        seen = "yes" if source.seen else "from memory"
        yield _row(name, source.published or "", what, seen)


# ---------------------------------------------------------------- one regime


def _members(regime: Regime) -> Iterator[tuple[str, str]]:
    ui, lifetime, adtech = regime.ui, regime.lifetime, regime.adtech
    differs = f" (the act itself: {regime.legal_model})" * (regime.legal_model != regime.model)
    yield "model", regime.model + differs
    yield "status", _words(regime.status) + _since(regime.effective)
    yield "laws", "; ".join(regime.laws)
    yield "applies to", regime.applicability if regime.applicability != "any" else ""
    yield "analytics without consent", _exemption(regime.exemptions.analytics)
    yield "functional without consent", _exemption(regime.exemptions.functional)
    yield "prompt", f"{ui.surface}; refusing at once {_words(ui.first_layer_reject)}"
    yield "close control", _words(ui.close_x) if ui.close_x != "none" else ""
    yield "cookie wall", _words(ui.cookie_wall)
    yield "languages", ", ".join(ui.languages)
    yield "choice lasts", _days(lifetime.choice_days) + _cited(lifetime.basis)
    yield "regulator's figure", _days(lifetime.choice_regulator_days)
    yield "tracker cookies last", _days(lifetime.tracker_cookie_days)
    yield "data last", _days(lifetime.data_days)
    yield "asked again after a refusal", _again(regime)
    yield "proof", _proof(regime)
    yield "GPC", f"{_signal(regime)}; {_words(regime.gpc.conflict_rule)}{_cited(regime.gpc.cite)}"
    yield "DNT", regime.dnt.treatment + _cited(regime.dnt.cite)
    yield "minors", _minors(regime)
    yield "sensitive data", _words(regime.sensitive.rule) + _cited(regime.sensitive.cite)
    yield "links", "; ".join(f"“{lk.label}” ({_words(lk.required)})" for lk in regime.links)
    yield "opt-out status display", regime.opt_out_status_display
    gpp = f"GPP section {adtech.gpp.id} ({adtech.gpp.prefix})" if adtech.gpp else ""
    yield "industry strings", ", ".join(filter(None, ("TCF" * adtech.tcf, gpp)))
    yield "Google Consent Mode", _google(regime)
    yield "evidence", ", ".join(f"{what} {tag}" for what, tag in regime.evidence.items())
    yield "confidence", f"{regime.confidence}, reviewed {regime.reviewed}"
    yield "sources", ", ".join(regime.sources)
    yield "notes", regime.notes


def _words(code: str) -> str:
    return code.replace("_", " ")


def _cited(cite: str | None) -> str:
    return f" ({cite})" if cite else ""


def _since(day: object) -> str:
    return f" since {day}" if day else ""


def _days(days: int | None) -> str:
    return f"{days} days" if days is not None else ""


def _signal(regime: Regime) -> str:
    return _words(regime.gpc.status) + _since(regime.gpc.effective)


def _exemption(exemption: Exemption) -> str:
    if not exemption.available:
        return ""
    objection = "ends on objection; " if exemption.objection_required else ""
    return objection + ", ".join(map(_words, exemption.conditions)) + _cited(exemption.cite)


def _again(regime: Regime) -> str:
    reprompt = regime.reprompt
    triggers = ", ".join(map(_words, reprompt.triggers))
    return f"{_days(reprompt.after_refusal_days)}{_cited(reprompt.basis)}; earlier for {triggers}"


def _proof(regime: Regime) -> str:
    proof = regime.proof
    if not proof.required:
        return ""
    kept = f"; kept {_days(proof.retain_days)}" if proof.retain_days is not None else ""
    return ", ".join(map(_words, proof.record)) + kept + _cited(proof.cite)


def _minors(regime: Regime) -> str:
    minors = regime.minors
    age = f"consent from {minors.consent_age}; " if minors.consent_age is not None else ""
    rules = "; ".join(map(_band, minors.rules))
    knowledge = f"; knowledge {_words(minors.knowledge)}" if rules else ""
    return age + rules + knowledge + _cited(minors.cite) if age or rules else minors.cite or ""


def _band(rule: MinorRule) -> str:
    ages = f"{rule.ages[0]}–{rule.ages[1]}"
    condition = f" on a {_words(rule.condition)}" if rule.condition else ""
    return f"{ages}: {_words(rule.rule)} for {', '.join(map(_words, rule.categories))}{condition}"


def _google(regime: Regime) -> str:
    google = regime.google
    required = "required" if google.consent_mode_required else "not required"
    return f"{required}; advanced mode {google.advanced_mode}"
