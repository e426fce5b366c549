"""One record in plain English, for who has to read it and nothing else."""

from collections.abc import Iterator, Mapping

from holdfire import evidence
from holdfire.evidence import Evidence, Subject
from holdfire.export.reading import BECAUSE, LATE, at
from holdfire.law import Regime
from holdfire.ledger import checkpoint, note
from holdfire.ledger.receipt import NOT_SHOWN, Receipt
from holdfire.model import Action, Reason
from holdfire.record import Record

ACTIONS: Mapping[Action, str] = {
    "accept_all": "accepted everything",
    "reject_all": "refused everything that can be refused",
    "save": "saved a choice of their own",
    "withdraw": "took back every consent",
    "opt_out": "objected to the sale and sharing of their data",
    "acknowledge": "closed a notice that asks for no decision",
}
LAYERS = {
    0: "by a script of the site itself, not by the notice",
    1: "in the first layer of the notice",
    2: "in the preference centre",
}
FOLLOWED: Mapping[Reason, str] = {
    **BECAUSE,
    "necessary": "needed for the site to work",
    "choice_granted": "the visitor said yes",
    "choice_denied": "the visitor said no",
    "default_granted": "the law allows it until the visitor objects",
    "default_denied": "the law wants a yes first",
    "exempt_granted": "the site attests an exemption of the law",
}
SKEWED = "the browser's clock was wrong by more than five minutes"
WIDTH = 22


def told(record: Record, receipt: Receipt, regime: Regime | None) -> str:
    """The record in words, and where it stands in the log."""
    proof = evidence.read(record)
    person = evidence.read_subject(record) if record.subject else None
    blocks = (
        ("WHAT WAS RECORDED", _act(record, proof, regime)),
        ("WHAT WAS SAID, AND WHAT FOLLOWED", _said(proof)),
        ("WHAT WAS ON VIEW", _shown(proof)),
        ("WHO", _who(person)),
        ("IN THE LOG", _place(receipt)),
    )
    return "\n".join(f"{title}\n\n{_rows(rows)}" for title, rows in blocks)


def _rows(rows: Iterator[tuple[str, str]]) -> str:
    # What was recorded may hold anything; it cannot control the terminal it is read in.
    lines = (f"  {name + ':':{WIDTH}} {text}" for name, text in rows)
    return "".join("".join(c if c.isprintable() else "?" for c in line) + "\n" for line in lines)


def _act(record: Record, proof: Evidence, regime: Regime | None) -> Iterator[tuple[str, str]]:
    place = proof.location
    here = "-".join(filter(None, (place.country, place.region))) or "unknown"
    label = f", {regime.label}: {'; '.join(regime.laws)}" if regime else ""
    yield "Site", record.site
    if proof.handed_to:
        other = proof.handed_to
        yield "Act", f"none: a choice was handed on to the site {other.site}, act {other.event_id}"
    elif proof.taken_from:
        other = proof.taken_from
        yield (
            "Act",
            f"carried over from {other.site}, where it was made at {at(other.acted_ms / 1000)}",
        )
    elif evidence.is_signal(proof.layer, proof.control):
        yield "Act", "the browser's Global Privacy Control, remembered as an objection"
    else:
        yield "Act", f"the visitor {ACTIONS[proof.action]}"
        yield "By", f"the control “{proof.control}” {LAYERS.get(proof.layer, '')}"
    yield "Recorded", f"{at(record.recorded_ms / 1000)} (UTC, by the server's clock)"
    yield "Browser's clock", proof.client_time + (f"; {SKEWED}" if proof.skewed else "")
    yield "Number", f"act {record.seq} of this visitor at this site, id {record.event_id}"
    yield "Place", f"{here}, found by: {place.source}, confidence {place.confidence}"
    yield (
        "Law",
        f"{proof.regime.id}, model {proof.regime.model}, picked by {proof.regime.picked_by}{label}",
    )
    yield "Signals", _signals(proof)
    if proof.late:
        yield "Late", LATE
    yield "Stands until", at(proof.valid_until)


def _signals(proof: Evidence) -> str:
    gpc = "Global Privacy Control" + (", and the visitor was told" if proof.gpc_noticed else "")
    dnt = "Do Not Track" + (", and the visitor was told" if proof.dnt_noticed else "")
    sent = [*([gpc] if proof.signals.gpc else []), *([dnt] if proof.signals.dnt else [])]
    return f"the browser sent {'; '.join(sent)}" if sent else "the browser sent none"


def _said(proof: Evidence) -> Iterator[tuple[str, str]]:
    for key, decision in proof.decisions.items():
        said = proof.categories.get(key)
        answer = "cannot be refused" if said is None else "yes" if said else "no"
        if key in proof.left_on:
            answer = "left as the law had it: no consent"
        allowed = "allowed" if decision.allow else "not allowed"
        because = FOLLOWED.get(decision.reason, decision.reason).rstrip(".")
        yield key, f"said: {answer}; so: {allowed} ({because})"
    refused = [key for key, yes in proof.services.items() if not yes]
    if refused:
        yield "Services refused", ", ".join(refused)


def _shown(proof: Evidence) -> Iterator[tuple[str, str]]:
    shown = proof.shown
    yield "Notice", f"version {shown.notice_version}, in the language {proof.language}"
    if shown.notice_version != shown.current_version:
        yield "Meanwhile", f"the site was at version {shown.current_version}: an old page was open"
    yield "Services named", ", ".join(proof.shown_services) or "none"
    for name, digest in (
        ("Texts", shown.texts),
        ("Configuration", shown.config),
        ("SDK build", shown.sdk),
        ("Boot script", shown.boot),
    ):
        yield name, f"SHA-256 {digest}"


def _who(person: Subject | None) -> Iterator[tuple[str, str]]:
    if person is None:
        yield "Visitor", "erased: nothing that points at the person is kept"
        return
    yield "Visitor", f"{person.visitor} (a random pseudonym, valid for this site alone)"
    yield "Network", f"{person.address_prefix or 'unknown'} (shortened; the address is not kept)"
    yield "Browser", person.browser or "unknown"


def _place(receipt: Receipt) -> Iterator[tuple[str, str]]:
    head = checkpoint.parse(note.parse(receipt.checkpoint).text)
    yield "Log", f"{head.origin}, entry {receipt.index} of {head.size}"
    yield "Commits to evidence", receipt.entry.evidence.hex()
    subject = receipt.entry.subject.hex()
    yield "Commits to subject", subject + ("; erased" if receipt.subject == NOT_SHOWN else "")
