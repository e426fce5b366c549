"""A record read as a standard has it: what was said to each service, and what it amounts to.

What the services are is read from the configuration that the record names, where it is kept, and
else from the site's file of today; every document says which. So is who answers for the site, but
for the addresses, which are those of today while the name is the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from msgspec.structs import asdict

from holdfire import evidence
from holdfire.errors import ConfigError, HoldfireError, Problem
from holdfire.evidence import Evidence
from holdfire.export.exhibits import Exhibit, Exhibits
from holdfire.law import Regime, Value
from holdfire.model import Category, Controller, CookieUse, Reason, Service, Site, in_language
from holdfire.record import Record
from holdfire.store import Store

State = Literal["given", "refused", "withdrawn", "invalid", "not_asked"]
"""What an act says of one service; ``not_asked``: it was not objected to, which is no consent."""

ERASED = "erased"
REQUIRED = (
    "name", "contact", "email", "jurisdiction", "address.street", "address.locality",
    "address.country",
)  # fmt: skip
"""Members of ``[controller]`` that both standards want."""

LAYERS = {
    0: "a call by the site's own code",
    1: "the first layer of the cookie notice",
    2: "the preference centre",
}
NOT_ASKED = "Not objected to. No consent was asked for or given; the law allows it until objection."
LATE = "It arrived after a newer act that refused it, and could not undo that."
BECAUSE: Mapping[Reason, str] = {
    "gpc": "The browser sent Global Privacy Control, which prevails here.",
    "dnt": "The browser sent Do Not Track, which prevails here.",
    "minor": "The law does not let a visitor of this age consent to it.",
    "notice_changed": "It was said to another notice than the one in force at that moment.",
    "choice_expired": "It had run out.",
    "default_denied": "It was not said in a way that the law takes for consent.",
    "choice_denied": "A refusal stands.",
}
"""Why a yes did not count."""


class Said(Value, frozen=True):
    """What was said to one service, or to a category that has none."""

    service: Service | None
    category: Category
    title: str  # of the category, in the record's language
    text: str  # what the service is for, in the record's language
    state: State
    why: str  # in English; empty where the state says it all

    @property
    def uses(self) -> tuple[CookieUse, ...]:
        """What is kept on the device."""
        if self.service is None:
            return ()
        return (*self.service.cookies, *self.service.storage, *self.service.databases)


class Reading(Value, frozen=True):
    """One record with all that a document about it needs."""

    record: Record
    origin: str
    proof: Evidence
    visitor: str  # ``ERASED`` where that was
    site: Site
    as_shown: bool  # whether the site is as the record's own configuration has it
    regime: Regime | None  # None: the law's data no longer has it
    said: tuple[Said, ...]

    def recipients(self, said: Said) -> tuple[str, ...]:
        """Who else than the controller receives what a service collects, by name."""
        if said.service is None:
            return ()
        ours = {"", self.site.name, self.site.controller.name}
        named = dict.fromkeys((said.service.provider, *said.service.recipients))
        return tuple(name for name in named if name not in ours)

    @property
    def jurisdiction(self) -> str:
        """Whose law held: that of the visitor's place, or else the controller's own."""
        place = self.proof.location
        here = "-".join(filter(None, (place.country, place.region)))
        return here or self.site.controller.jurisdiction

    @property
    def method(self) -> str:
        """How the visitor said it, in English."""
        proof = self.proof
        if proof.taken_from:
            return f"Carried over from the site {proof.taken_from.site} by the visitor"
        if evidence.is_signal(proof.layer, proof.control):
            return "The browser's Global Privacy Control, a standing directive here"
        where = LAYERS.get(proof.layer, f"layer {proof.layer}")
        return f"Control “{proof.control}” in {where} ({proof.action})"

    @property
    def described(self) -> str:
        """What services and recipients were read from, in English."""
        shown = self.proof.shown
        if self.as_shown and shown.notice_version == shown.current_version:
            return f"Services as in the notice that was shown, version {self.site.version}."
        present = "at that moment" if self.as_shown else "today"
        return (
            f"Services as in the notice in force {present}, version {self.site.version};"
            f" the page showed version {shown.notice_version}."
        )


class Reader:
    """Reads records for documents that have to name a controller."""

    def __init__(
        self,
        store: Store,
        sites: Mapping[str, Site],
        regimes: Mapping[str, Regime],
        required: Sequence[str],
    ) -> None:
        """``sites`` are those of today that may be met. Raises ``ConfigError``."""
        for site in sites.values():
            require(site, required)
        self._exhibits = Exhibits(store, sites)
        self._regimes = regimes
        self._required = required

    async def read(self, record: Record, origin: str) -> Reading | None:
        """One record; ``None`` for a hand-over, which is no act. Raises ``HoldfireError``."""
        if not record.evidence:
            raise HoldfireError(
                f"the evidence of {record.event_id} was erased; nothing can be said"
            )
        proof = evidence.read(record)
        if proof.handed_to:
            return None
        shown = await self._exhibits.of(proof)
        if shown is None:
            raise HoldfireError(
                f"there are records of the site {record.site!r}, and nothing says who answers for"
                " it: put its file back, or name another with --site"
            )
        require(shown.site, self._required)
        return Reading(
            record=record,
            origin=origin,
            proof=proof,
            visitor=evidence.read_subject(record).visitor if record.subject else ERASED,
            site=shown.site,
            as_shown=shown.as_shown,
            regime=self._regimes.get(proof.regime.id),
            said=tuple(_said(shown, proof)),
        )


def require(site: Site, members: Sequence[str]) -> None:
    """See that a site says of its controller what a document has to. Raises ``ConfigError``."""
    stated = filled(site)
    missing = [name for name in members if not stated[name]]
    if missing:
        what = "is missing, and a consent record has to state it"
        remedy = "write it there, name another site with --site, or take --format ndjson"
        raise ConfigError(
            tuple(
                Problem(f"{site.id}.toml", f"controller.{name}", what, remedy) for name in missing
            )
        )


def filled(site: Site) -> dict[str, str]:
    """What the site's file says of its controller, by key."""
    controller: Controller = site.controller
    members = {k: v for k, v in asdict(controller).items() if isinstance(v, str)}
    address = {f"address.{k}": v for k, v in asdict(controller.address).items()}
    policy = controller.privacy_policy or site.links.get("privacy_policy", "")
    return {**members, **address, "privacy_policy": policy}


def at(seconds: float) -> str:
    """A time, seconds since 1970, as RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


def _said(shown: Exhibit, proof: Evidence) -> Iterator[Said]:
    """What was said to each service that was shown, and to each category without any."""
    site, named = shown.site, set(proof.shown_services)
    for key in proof.categories:
        category = site.category(key) or Category(id=key, standard="functional")
        title = shown.texts.get(f"category.{key}.title", key)
        services = [s for s in site.services if s.category == key and s.id in named]
        for service in services:
            text = _text(service, proof.language, site.default_language)
            yield Said(service, category, title, text, *_state(proof, key, service.id))
        if not services:
            yield Said(None, category, title, "", *_state(proof, key, None))


def _text(service: Service, language: str, otherwise: str) -> str:
    known = isinstance(service.text, str) or language in service.text
    return in_language(service.text, language if known else otherwise)


def _state(proof: Evidence, category: str, service: str | None) -> tuple[State, str]:
    def yes(categories: Mapping[str, bool], services: Mapping[str, bool]) -> bool:
        return categories.get(category, False) and (service is None or services.get(service, True))

    if not yes(proof.categories, proof.services):
        return ("withdrawn" if proof.action == "withdraw" else "refused"), ""
    if proof.action in {"acknowledge", "opt_out"} or category in proof.left_on:
        return "not_asked", NOT_ASKED
    if not yes(proof.effective, proof.effective_services):
        return "invalid", LATE
    decided = proof.decisions.get(category)
    if decided is not None and not decided.allow:
        return "invalid", BECAUSE.get(decided.reason, f"It did not count: {decided.reason}.")
    return "given", ""
