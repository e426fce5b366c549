"""NDJSON: one record a line, whole, as it is stored."""

import json

from holdfire.record import Record


class Lines:
    """The form ``ndjson``."""

    def head(self) -> str:
        """Nothing."""
        return ""

    async def record(self, record: Record, origin: str) -> str:
        """The record's place in the log, and both blocks; one that was erased is ``null``."""
        return json.dumps(document(record, origin), ensure_ascii=False) + "\n"


def document(record: Record, origin: str) -> dict[str, object]:
    """One record as a JSON document."""
    return {
        "origin": origin,
        "log_index": record.log_index,
        "site": record.site,
        "event_id": record.event_id,
        "seq": record.seq,
        "recorded_ms": record.recorded_ms,
        "erased": erased(record),
        "evidence": json.loads(record.evidence) if record.evidence else None,
        "subject": json.loads(record.subject) if record.subject else None,
    }


def erased(record: Record) -> list[str]:
    """Which blocks of the record were erased."""
    blocks = {"evidence": record.evidence, "subject": record.subject}
    return [name for name, body in blocks.items() if not body]
