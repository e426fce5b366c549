"""A receipt in words: one HTML file that needs nothing else, to read, to print and to keep.

What was chosen is said in the visitor's language, in the words of the preference centre. Where it
is in the log, and how that is verified, is said in English. The receipt itself is inside, so that
a copy of the page that was kept still has it.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import escape

import msgspec

from holdfire import evidence
from holdfire.evidence import Evidence
from holdfire.ledger.merkle import leaf_hash
from holdfire.ledger.receipt import NOT_SHOWN, Receipt
from holdfire.model import Site
from holdfire.record import Record
from holdfire.regimes import Lawbook

Facts = Iterator[tuple[str, str]]
"""What a fact is called, and what it is: text, not markup."""

LAYERS = ("the site’s own code", "the first layer", "the preference centre")
DNT = {True: "sent", False: "sent, “may track”", None: "not sent"}
SEPARATORS = {"ar": "، ", "fa": "، ", "ur": "، ", "ja": "、", "zh": "、"}
STYLE = """
:root{color-scheme:light dark;--bg:#f3f5f8;--sheet:#fff;--fg:#17212e;--muted:#465364;--line:#d3dae3;
--soft:#eef2f6;--accent:#173a5e;--on-accent:#fff;--focus:#2b7de9}
@media(prefers-color-scheme:dark){:root{--bg:#10151c;--sheet:#171d26;--fg:#eef2f7;--muted:#b3c0cf;
--line:#364252;--soft:#232c38;--accent:#bcd8f5;--on-accent:#0d1a28;--focus:#7db4f5}}
*{box-sizing:border-box}
body{margin:0;padding:clamp(0px,3vw,2.5rem) clamp(0px,3vw,1.5rem);background:var(--bg);color:var(--fg);
font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{max-width:44rem;margin:auto;padding:clamp(1.25rem,5vw,2.75rem);background:var(--sheet);
border:1px solid var(--line);border-radius:16px}
h1,h2,h3,p,dl,dd,ul,ol{margin:0}
h1{font-size:1.5rem;line-height:1.25;text-wrap:balance}
header p{color:var(--muted);margin-top:.35rem}
.act{margin:1.75rem 0;padding:1.25rem 1.4rem;background:var(--soft);border-radius:12px;
display:grid;gap:.4rem}
.act h2{font-size:1.25rem;line-height:1.3}
.act ul{list-style:none;padding:0;display:grid;gap:.3rem;margin-top:.35rem}
.act time,.proves{color:var(--muted);font-size:.9375rem}
a{color:var(--accent);text-underline-offset:.2em}
a:focus-visible{outline:3px solid var(--focus);outline-offset:3px;border-radius:4px}
.button{display:inline-block;padding:.65rem 1.2rem;border-radius:10px;background:var(--accent);
color:var(--on-accent);font-weight:600;text-decoration:none}
.log{margin-top:2.25rem;padding-top:1.75rem;border-top:1px solid var(--line);display:grid;gap:1.75rem}
.log h2{font-size:1.0625rem;margin-bottom:.6rem}
dl{display:grid;grid-template-columns:11.5rem 1fr;gap:.4rem 1.25rem;font-size:.9375rem}
dt{color:var(--muted)}
dd,code{overflow-wrap:anywhere}
.digests dd,code{font:.8125rem/1.6 ui-monospace,"SF Mono",Menlo,Consolas,monospace}
ol{padding-inline-start:1.25rem;display:grid;gap:.4rem}
@media(max-width:34rem){main{border-width:0;border-radius:0}dl{grid-template-columns:1fr;gap:0}
dd{margin-bottom:.6rem}}
@media print{:root{--bg:#fff;--sheet:#fff;--fg:#000;--muted:#333;--line:#999;--soft:#fff;--accent:#000}
body,main{padding:0}main{border:0;max-width:none}.act{border:1px solid var(--line);break-inside:avoid}
.button{display:none}h2{break-after:avoid}li,dd{break-inside:avoid}}
"""
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; "
    f"style-src 'sha256-{b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)
"""What the page may load: nothing. It stands in the page as well, for copies that were kept.

For the same reason it has no link but the one to the receipt inside: a copy has no service round it.
"""

PAGE = """<!doctype html>
<html lang="{language}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title} – {site}</title>
<style>{style}</style>
</head>
<body>
<main>
<header><h1>{title}</h1>
<p>{of_site}</p>
<p>{of_visitor}</p></header>
<section class="act"><h2>{action}</h2>
<p>{recorded}</p>
<ul>{told}</ul></section>
<p><a class="button" download="{file_name}" href="data:text/plain;base64,{file}">{download}</a></p>
<div class="log" lang="en" dir="ltr">
<section><h2>The record</h2>{record}</section>
<section><h2>Its place in the log</h2>{place}</section>
<section class="digests"><h2>Digests, SHA-256</h2>{digests}</section>
<section><h2>How to verify it</h2>
<ol><li>Keep the receipt: the file <code>{file_name}</code>, which the button above saves.</li>
<li>Take the log’s policy file, with its keys and witnesses, from
this service (<code>/log/policy</code>) or from anybody you trust.</li>
<li>Run <code>holdfire verify receipt {file_name} --policy policy</code>, or open the
verifier page (<code>/verify</code>), which sends nothing
anywhere. Both work without this service, and for ever.</li></ol></section>
<section><h2>What it proves</h2>
<p class="proves">That exactly this choice, made under exactly this configuration, was in the log when its
checkpoint was signed, and that neither it nor anything before it has been altered since.
It does not prove who clicked, nor that every choice was recorded.</p></section>
</div>
</main>
</body>
</html>
"""


def file_name(record: Record) -> str:
    """What the receipt is called where it is kept: ASCII, as site ids are."""
    return f"{record.site}-{record.seq}.tlog-proof"


def render(site: Site, lawbook: Lawbook, record: Record, receipt: Receipt) -> tuple[str, str]:
    """The language of the page, and the page."""
    proof = evidence.read(record)
    language = proof.language if proof.language in site.texts else site.default_language
    said = Wording(site, language)
    regime = lawbook.regimes.get(proof.regime.id)
    page = PAGE.format(
        language=language,
        direction=escape(site.texts[language]["language.direction"]),
        policy=escape(POLICY),
        style=STYLE,
        site=escape(site.name),
        title=said.text("receipt.title"),
        of_site=said.text("receipt.site", site=site.name),
        of_visitor=said.text("receipt.visitor", visitor=record.visitor),
        action=said.text(f"action.{_act(proof)}"),
        recorded=_time(record.recorded_ms // 1000),
        told="".join(f"<li>{line}</li>" for line in said.told(record, proof)),
        download=said.text("button.receipt"),
        file_name=escape(file_name(record)),
        file=b64encode(receipt.encode()).decode(),
        record=_listed(_of_record(proof, said, regime.label if regime else "")),
        place=_listed(_of_place(receipt)),
        digests=_listed(_of_digests(proof, receipt)),
    )
    return language, page


class Wording:
    """The words of one language of a site, as markup: whatever is put into them stays text."""

    def __init__(self, site: Site, language: str) -> None:
        self._site = site
        self._texts: Mapping[str, str] = site.texts[language]
        self._separator = SEPARATORS.get(language.partition("-")[0], ", ")

    def text(self, key: str, **values: str) -> str:
        """A text with its placeholders filled in, each apart from the direction of the rest."""
        filled = {name: f"<bdi>{escape(value)}</bdi>" for name, value in values.items()}
        return re.sub(r"\{(\w+)\}", lambda m: filled.get(m[1], ""), escape(self._texts[key]))

    def told(self, record: Record, proof: Evidence) -> Iterator[str]:
        """An act as the preference centre tells it: until when, what, under which text."""
        yield self.text("history.until", date=_date(proof.valid_until))
        for key, allow in (("history.allowed", True), ("history.refused", False)):
            if names := self.names(proof.categories, proof.services, allow=allow):
                yield self.text(key, categories=names)
        version = proof.shown.notice_version
        yield self.text("history.record", number=str(record.seq), version=version)

    def names(
        self, categories: Mapping[str, bool], services: Mapping[str, bool], *, allow: bool
    ) -> str:
        """What was allowed, or refused: in the site's order, by the names that it has for it now."""
        known = [category.id for category in self._site.categories]
        ids = [*(key for key in known if key in categories), *categories.keys() - set(known)]
        found = [
            self._texts.get(f"category.{key}.title", key) for key in ids if categories[key] == allow
        ]
        for key, allowed in services.items():
            service = self._site.service(key)
            if allowed == allow:
                found.append(service.name if service else key)
        return self._separator.join(found)


def _act(proof: Evidence) -> str:
    return "gpc" if evidence.is_signal(proof.layer, proof.control) else proof.action


def _of_record(proof: Evidence, said: Wording, law: str) -> Facts:
    yield "Event", proof.event_id
    model = proof.regime.model.replace("_", "-")
    yield "Law", f"{law or proof.regime.id} ({proof.regime.id}, {model})"
    place = "-".join(filter(None, (proof.location.country, proof.location.region)))
    yield "Place", f"{place or 'unknown'} ({proof.location.source})"
    yield "Global Privacy Control", "sent" if proof.signals.gpc else "not sent"
    yield "Do Not Track", DNT[proof.signals.dnt]
    yield "Made in", f"{LAYERS[proof.layer]}, by “{proof.control}”, in language {proof.language}"
    if proof.left_on:
        left = said.names(dict.fromkeys(proof.left_on, True), {}, allow=True)
        yield "Left on, no consent", left
    if (proof.effective, proof.effective_services) != (proof.categories, proof.services):
        counts = said.names(proof.effective, proof.effective_services, allow=True)
        yield "What counts of it", f"allowed: {counts or 'nothing'}"
    if proof.late:
        yield "Late", "it arrived after a newer act, so it could only narrow what held"


def _of_place(receipt: Receipt) -> Facts:
    head, signed = receipt.head()
    yield "Log", head.origin
    yield "Entry", str(receipt.index)
    yield "Entry time", _stamp(receipt.entry.ms // 1000) + ", in whole minutes"
    yield "Signed as part of", f"the tree of the first {head.size} entries"
    yield "Signed by", ", ".join(dict.fromkeys(s.name for s in signed.signatures))


def _of_digests(proof: Evidence, receipt: Receipt) -> Facts:
    names = {
        "texts": "Texts as shown",
        "config": "Configuration",
        "sdk": "Page script",
        "boot": "Boot script",
    }
    for member, value in msgspec.structs.asdict(proof.shown).items():
        if member in names:
            yield names[member], str(value)
    yield "Entry, as a leaf", leaf_hash(receipt.entry.encode()).hex()
    yield "Evidence, with its salt", receipt.entry.evidence.hex()
    if receipt.subject != NOT_SHOWN:
        yield "Subject, with its salt", receipt.entry.subject.hex()
    yield "Tree", receipt.head()[0].root.hex()


def _listed(facts: Facts) -> str:
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(fact)}</dd>" for name, fact in facts)
    return f"<dl>{''.join(rows)}</dl>"


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _stamp(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _time(seconds: int) -> str:
    exact = datetime.fromtimestamp(seconds, UTC).isoformat()
    return f'<time datetime="{exact}" dir="ltr">{_stamp(seconds)}</time>'
