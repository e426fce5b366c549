"""CSV (RFC 4180): one record a row, for people with a spreadsheet.

Every cell is quoted, and none is a formula to any spreadsheet, whatever separator it splits at
(OWASP, CSV injection): where a cell, or a part that may become one, begins like a formula, an
apostrophe stands before it. Who needs the exact bytes takes NDJSON.
"""

import csv
import io
import json
import re
from collections.abc import Mapping

from holdfire import evidence
from holdfire.export.lines import erased
from holdfire.record import Record

PLACE = ("origin", "log_index", "seq", "site", "event_id", "recorded_ms", "erased")
EVIDENCE = (
    "prev", "action", "layer", "control", "via", "late", "categories", "services", "effective",
    "effective_services", "left_on", "language", "regime", "model", "country", "region",
    "location_source", "residence", "age", "gpc", "dnt", "gpc_noticed", "dnt_noticed",
    "notice_version", "current_version", "texts_sha256", "config_sha256", "sdk_sha256",
    "boot_sha256",
    "client_time", "skewed", "valid_until", "keep_days", "handed_to", "taken_from",
)  # fmt: skip
SUBJECT = ("visitor", "address_prefix", "browser")
COLUMNS = (*PLACE, *EVIDENCE, *SUBJECT)

# Full-width signs count: East Asian editions of spreadsheets read them as formulas too.
SIGNS = "=+@\uff1d\uff0b\uff0d\uff20\\-"
SPLITS = ';,|"\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029'  # where a spreadsheet may begin a cell
BLANKS = "\\s\x00\u200b\ufeff"  # what it may pass over before it looks
FORMULA = re.compile(f"(^|[{SPLITS}])([{BLANKS}]*)([{SIGNS}])")
SIGN = re.compile(f"[{SIGNS}]")  # most cells have none, and need no closer look


class Table:
    """The form ``csv``."""

    def head(self) -> str:
        """The names of the columns."""
        return row(dict(zip(COLUMNS, COLUMNS, strict=True)))

    async def record(self, record: Record, origin: str) -> str:
        """One row; what was erased is empty, and named in the column ``erased``."""
        return row({**_place(record, origin), **_evidence(record), **_subject(record)})


def row(values: Mapping[str, object]) -> str:
    """One line of the table; columns without a value are empty."""
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow(safe(values.get(key)) for key in COLUMNS)
    return line.getvalue()


def safe(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if text.startswith(("\t", "\r", "\n")):
        text = f"'{text}"
    return FORMULA.sub(r"\1\2'\3", text) if SIGN.search(text) else text


def _place(record: Record, origin: str) -> dict[str, object]:
    return {
        "origin": origin,
        "log_index": record.log_index,
        "seq": record.seq,
        "site": record.site,
        "event_id": record.event_id,
        "recorded_ms": record.recorded_ms,
        "erased": " ".join(erased(record)),
    }


def _evidence(record: Record) -> dict[str, object]:
    if not record.evidence:
        return {}
    proof = evidence.read(record)
    values = (
        proof.prev, proof.action, proof.layer, proof.control, proof.via, proof.late, proof.categories,
        proof.services, proof.effective, proof.effective_services, " ".join(proof.left_on),
        proof.language, proof.regime.id, proof.regime.model, proof.location.country,
        proof.location.region, proof.location.source, _joined(proof.residence), proof.age,
        proof.signals.gpc, proof.signals.dnt, proof.gpc_noticed, proof.dnt_noticed,
        proof.shown.notice_version, proof.shown.current_version, proof.shown.texts,
        proof.shown.config, proof.shown.sdk, proof.shown.boot, proof.client_time, proof.skewed, proof.valid_until,
        proof.keep_days, _other(proof.handed_to), _other(proof.taken_from),
    )  # fmt: skip
    return dict(zip(EVIDENCE, values, strict=True))


def _subject(record: Record) -> dict[str, object]:
    if not record.subject:
        return {}
    person = evidence.read_subject(record)
    values = (person.visitor, person.address_prefix, person.browser)
    return dict(zip(SUBJECT, values, strict=True))


def _joined(place: tuple[str, str | None] | None) -> str | None:
    return None if place is None else "-".join(filter(None, place))


def _other(side: object) -> str | None:
    return f"{side.site} {side.event_id}" if isinstance(side, evidence.HandOff) else None
