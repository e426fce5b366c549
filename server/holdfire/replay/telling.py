"""An account in plain words, and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from holdfire.evidence import Evidence
from holdfire.law import Value
from holdfire.replay.account import Account, Older
from holdfire.replay.checks import Check

LAYERS = ("by the site's own code", "in the first layer", "in the preference centre")
MARKS = {True: "ok", False: "NO", None: "--"}
SAID = {True: "on", False: "off", None: "not said"}


class Told(Value, frozen=True):
    """What ``--json`` prints (PROTOCOL.md §8)."""

    site: str
    event_id: str
    recorded_at: str
    seq: int
    origin: str
    log_index: int
    evidence: msgspec.Raw | None  # None: erased
    subject: msgspec.Raw | None
    older: Older | None
    checks: tuple[Check, ...]
    matches: bool
    rendered: str | None = None  # the file of the picture
    words: str | None = None  # all that can be read on it


def told(account: Account, found: Sequence[Check]) -> Told:
    """The account as JSON has it; both blocks are the bytes that were stored."""
    record = account.record
    return Told(
        site=record.site,
        event_id=record.event_id,
        recorded_at=_moment(record.recorded_ms),
        seq=record.seq,
        origin=account.head.origin,
        log_index=record.log_index,
        evidence=msgspec.Raw(record.evidence) if account.proof else None,
        subject=msgspec.Raw(record.subject) if account.person else None,
        older=account.older,
        checks=tuple(found),
        matches=matches(found),
    )


def matches(found: Sequence[Check]) -> bool:
    """Whether nothing contradicts."""
    return all(check.holds is not False for check in found)


def lines(account: Account, found: Sequence[Check]) -> Iterator[str]:
    """The account as a person reads it."""
    record, proof, person = account.record, account.proof, account.person
    yield f"{record.event_id} at site {record.site}"
    yield _line("recorded", f"{_moment(record.recorded_ms)}, number {record.seq} of the visitor")
    if person:
        origin = person.address_prefix or "no address"
        yield _line("visitor", f"{person.visitor}, {origin}, {person.browser}")
    elif not record.subject:
        yield _line("visitor", "gone")
    if proof:
        yield from _act(proof)
        yield from _surroundings(proof)
    elif not record.evidence:
        yield _line("act", "gone")
    if account.older:
        yield _line("on view", _lag(account.older))
    yield ""
    for check in found:
        yield f"  {MARKS[check.holds]}  {check.what:<17} {check.why}"
    yield ""
    yield "Everything matches." if matches(found) else "Not everything matches."


def _act(proof: Evidence) -> Iterator[str]:
    yield _line("act", f"{proof.action}, with {proof.control}, {LAYERS[proof.layer]}")
    yield _line("categories", _states(proof.categories))
    if proof.services:
        yield _line("services", _states(proof.services))
    if proof.effective != proof.categories or proof.effective_services != proof.services:
        yield _line("counted as", _states({**proof.effective, **proof.effective_services}))
    if proof.left_on:
        yield _line("left on", f"{', '.join(proof.left_on)}: named, and no consent")
    if proof.late:
        yield _line("late", "it came after a newer act, and could only narrow it")
    for carried, word in ((proof.handed_to, "handed to"), (proof.taken_from, "taken from")):
        if carried:
            yield _line(word, f"{carried.site}, {carried.event_id}")


def _surroundings(proof: Evidence) -> Iterator[str]:
    place, skewed = proof.location, ", more than five minutes off" if proof.skewed else ""
    where = "-".join(filter(None, (place.country, place.region))) or "unknown"
    yield _line("browser's clock", proof.client_time + skewed)
    yield _line("law", f"{proof.regime.id} ({proof.regime.model}), by {proof.regime.picked_by}")
    yield _line("where", f"{where}, from {place.source}, confidence {place.confidence}")
    if proof.age is not None:
        yield _line("age", str(proof.age))
    signals = f"GPC {SAID[proof.signals.gpc]}, DNT {SAID[proof.signals.dnt]}"
    yield _line("signals", signals)
    yield _line("language", proof.language)
    yield _line("notice", proof.shown.notice_version)
    yield _line("valid until", _moment(proof.valid_until * 1000))


def _lag(older: Older) -> str:
    kept = "the newest of it that was recorded is shown" if older.shown else "nothing of it is kept"
    return (
        f"the page had stayed open and showed notice {older.version}, not the current one; {kept}"
    )


def _states(said: Mapping[str, bool]) -> str:
    return ", ".join(f"{key} {'yes' if granted else 'no'}" for key, granted in said.items())


def _line(name: str, text: str) -> str:
    return f"  {name:<16} {text}"


def _moment(ms: int) -> str:
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return moment.isoformat().replace("+00:00", "Z")
