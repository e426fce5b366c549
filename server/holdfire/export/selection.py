"""Which records are meant."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta

from holdfire.errors import HoldfireError
from holdfire.law import Value
from holdfire.record import Head, Record
from holdfire.store import Store


class Selection(Value, frozen=True):
    """Records that fit everything that is given. Times are milliseconds since 1970, UTC."""

    site: str | None = None
    visitor: str | None = None
    event_id: str | None = None
    since_ms: int | None = None  # recorded then or later
    until_ms: int | None = None  # recorded before then

    def fits(self, record: Record) -> bool:
        """Whether the record is meant. One whose person was erased is of no visitor."""
        return (
            self.site in {None, record.site}
            and self.visitor in {None, record.visitor}
            and self.event_id in {None, record.event_id}
            and (self.since_ms is None or record.recorded_ms >= self.since_ms)
            and (self.until_ms is None or record.recorded_ms < self.until_ms)
        )


async def selected(
    store: Store,
    selection: Selection,
    heads: Sequence[Head],
    read: Callable[[Record], object] = lambda _: None,
) -> AsyncGenerator[Record, None]:
    """The records that fit, up to the ``heads``, in the order of the logs.

    ``read`` is called with every record that is looked at. Errors as ``Store.scan``. Whoever may
    stop before the end closes it, so that the scan below is not left to the end of the loop.
    """
    ends = {head.log: head.size for head in heads}
    if selection.site is not None and selection.event_id is not None:
        record = await store.find(selection.site, selection.event_id)
        if record is not None and selection.fits(record):
            yield record
        return
    async with aclosing(store.scan(selection.site)) as scan:
        async for record in scan:
            if record.log_index >= ends.get(record.log, 0):
                return
            read(record)
            if selection.fits(record):
                yield record


def moment(text: str, *, end: bool = False) -> int:
    """A date (UTC) or an RFC 3339 time as milliseconds since 1970.

    A date is its first moment or, as the ``end`` of a time, the first one after it.
    Raises ``HoldfireError`` if it is neither.
    """
    try:
        day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
        at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    except (ValueError, OverflowError):
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            at = datetime.min  # noqa: DTZ901 -- it has no zone, which is what is refused below
        if at.tzinfo is None:
            form = "write 2026-11-21, or 2026-11-21T12:00:00Z"
            raise HoldfireError(
                f"{text!r} is neither a date nor a time with its zone; {form}"
            ) from None
    return int(at.timestamp() * 1000)
