"""Records, for people and programs outside: NDJSON or CSV, streamed in log order."""

import csv
import json
from collections.abc import Iterator
from typing import Literal, TextIO

from holdfire import evidence
from holdfire.model import Record
from holdfire.store import Store

EVERY = 10_000  # records between two lines of progress
COLUMNS = (
    "log_index", "seq", "site", "visitor", "event_id", "recorded_ms", "action", "layer", "control",
    "categories", "services", "language", "regime", "model", "country", "region",
    "location_source", "gpc", "dnt", "gpc_noticed", "notice_version", "texts_sha256",
    "client_time", "valid_until", "address_prefix", "browser",
)  # fmt: skip


async def write(
    store: Store,
    site: str | None,
    form: Literal["ndjson", "csv"],
    out: TextIO,
    progress: TextIO,
) -> int:
    """Write every record of a site, or of all; returns how many. Memory stays constant."""
    table = csv.DictWriter(out, COLUMNS)
    if form == "csv":
        table.writeheader()
    count = 0
    async for record in store.scan(site):
        if form == "csv":
            table.writerow({key: safe(value) for key, value in _row(record)})
        else:
            out.write(json.dumps(document(record), ensure_ascii=False) + "\n")
        count += 1
        if count % EVERY == 0:
            print(f"{count} records", file=progress)
    print(f"{count} records", file=progress)
    return count


def document(record: Record) -> dict[str, object]:
    """One record as a JSON document: its place in the log, and both blocks as they were stored."""
    return {
        "log_index": record.log_index,
        "seq": record.seq,
        "recorded_ms": record.recorded_ms,
        "evidence": json.loads(record.evidence),
        "subject": json.loads(record.subject),
    }


def safe(value: object) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def _row(record: Record) -> Iterator[tuple[str, object]]:
    proof, person = evidence.read(record), evidence.read_subject(record)
    values = (
        record.log_index, record.seq, record.site, record.visitor, record.event_id,
        record.recorded_ms, proof.action, proof.layer, proof.control, proof.categories,
        proof.services, proof.language, proof.regime.id, proof.regime.model,
        proof.location.country, proof.location.region, proof.location.source, proof.signals.gpc,
        proof.signals.dnt, proof.gpc_noticed, proof.shown.notice_version, proof.shown.texts,
        proof.client_time, proof.valid_until, person.address_prefix, person.browser,
    )  # fmt: skip
    return zip(COLUMNS, values, strict=True)
