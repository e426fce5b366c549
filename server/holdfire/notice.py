"""The notice on the wire: what one visitor is to be shown, and what holds until they choose."""

from typing import Literal

from holdfire.law import Confidence, Model, Prompt, Value
from holdfire.model import Decision, Location, Reason, Signals, Source


class NoticeRegime(Value, frozen=True):
    """The regime as the wire names it."""

    id: str
    model: Model


class NoticeLocation(Value, frozen=True):
    """The location as the wire names it."""

    country: str | None
    region: str | None
    source: Source
    confidence: Confidence

    @classmethod
    def of(cls, place: Location) -> "NoticeLocation":
        """A location without what only a record needs."""
        return cls(place.country, place.region, place.source, place.confidence)


class NoticeCategory(Value, frozen=True):
    """One category of a notice, with what holds until the visitor chooses."""

    id: str
    locked: bool
    allow: bool
    reason: Reason


class Notice(Value, frozen=True):
    """What one visitor is to be shown, and what holds until they choose (PROTOCOL.md §3)."""

    site: str
    version: str
    regime: NoticeRegime
    location: NoticeLocation
    language: str
    direction: Literal["ltr", "rtl"]
    signals: Signals
    prompt: Prompt
    categories: tuple[NoticeCategory, ...]
    sale_or_share: Decision
    links: tuple[str, ...]
    opt_out_status: Literal["required", "none"]
