"""Where things go in the log: the one rule both stores obey. Pure; the caller holds the lock.

The time of an entry is the later of what was asked for and the time of the entry before it, and
decides about the year, and so about the log. All that is random is asked of the caller.
"""

from collections.abc import Sequence
from datetime import MAXYEAR, UTC, datetime
from functools import lru_cache
from hashlib import sha256
from json import dumps

from holdfire.errors import EventConflict, Overtaken
from holdfire.ledger.entry import (
    LAST_MS,
    NO_TENANT,
    SALT,
    ZERO,
    Entry,
    Kind,
    commit_evidence,
    commit_subject,
    erased_tail,
    minute,
    tenant,
)
from holdfire.ledger.merkle import EMPTY_ROOT, Frontier, leaf_hash, node_hash
from holdfire.ledger.tiles import HEIGHT
from holdfire.record import Draft, Erasure, Head, Record, Said, Statement
from holdfire.store import Appended
from holdfire.store.placement import (
    Erased,
    Ground,
    Placement,
    Random,
    RecordRow,
    Standing,
    Stretch,
    Tombstone,
)
from holdfire.store.sealing import KEY, NONCE, seal
from holdfire.store.work import Outcome, Shared

_tenant = lru_cache(tenant)


def turns(times_ms: Sequence[int], head: Head) -> bool:
    """Whether one of these times opens a new log."""
    return head.log == 0 or max(times_ms) >= _next_year_ms(_year_of(head.origin))


def place(
    works: Sequence[Shared],
    standings: Sequence[Standing | bytes | None],
    ground: Ground,
    random: Random,
) -> Placement:
    """Give each new act and statement its place; answer a repeated act with the record of the first.

    What stands is a ``Standing`` for a draft, and the newest statement of its kind and site for a
    statement. Those of one batch see each other: the same event id twice makes one row, and two
    acts of one visitor get successive ``seq``. Raises ``ValueError`` for what no entry can hold.
    """
    growth = _Growth(ground, random)
    for work, standing in zip(works, standings, strict=True):
        if isinstance(work, Draft):
            assert isinstance(standing, Standing)  # noqa: S101 - for the type checker
            growth.outcomes.append(growth.act(work, standing))
        else:
            assert not isinstance(standing, Standing)  # noqa: S101 - for the type checker
            growth.outcomes.append(growth.state(work, standing))
    return growth.placement()


def reopen(statement: Statement, ground: Ground, random: Random) -> Placement:
    """Close the log, and open one whose time begins with the statement's."""
    growth = _Growth(ground, random)
    growth.open(statement.recorded_ms)
    growth.said(statement, statement.recorded_ms)
    growth.outcomes.append(growth.head())
    return growth.placement()


def bury(erased: Sequence[Erased], erasure: Erasure, ground: Ground, random: Random) -> Placement:
    """A tombstone for each record of which something is erased."""
    growth = _Growth(ground, random)
    for one in erased:
        growth.bury(one, erasure)
    growth.outcomes.append(len(erased))
    return growth.placement()


def event_digest(site: str, event_id: str) -> str:
    """What is kept of an event id whose record was erased: SHA-256, hex."""
    return sha256(f"event/v1\n{site}\n{event_id}".encode()).hexdigest()


class _Growth:
    """A log as it grows, and what has to be written for it."""

    def __init__(self, ground: Ground, random: Random) -> None:
        self._ground = ground
        self._random = random
        self._people = ground.people
        self._origins = set(ground.origins)
        self._stretches: list[Stretch] = []
        self._last_ms = self._until_ms = 0
        self._start(ground.head, opens=False)
        self._events: dict[tuple[str, str], Record] = {}
        self._persons: dict[tuple[str, str], tuple[int, bytes, int]] = {}  # number, key, newest seq
        self._newest: dict[tuple[int, str | None], bytes] = {}
        self.nodes: list[tuple[int, int, int, bytes]] = []
        self.persons: list[tuple[int, str, str, bytes]] = []
        self.records: list[RecordRow] = []
        self.evidence: list[tuple[int, int, bytes, bytes]] = []
        self.subjects: list[tuple[int, int, bytes]] = []
        self.statements: list[tuple[int, int, int, str | None, bytes]] = []
        self.tombstones: list[Tombstone] = []
        self.outcomes: list[Outcome] = []

    def act(self, draft: Draft, standing: Standing) -> Outcome:
        """Place an act, if it is new and comes when it says it comes."""
        event = (draft.site, draft.event_id)
        if known := standing.known or self._events.get(event):
            return _repeated(draft, known)
        if standing.spent:
            return EventConflict("The record of this act was erased.")
        visitor = (draft.site, draft.visitor)
        number, key, seq = self._persons.get(visitor) or (
            *(standing.person or (0, b"")),
            standing.seq,
        )
        if draft.after not in {None, seq}:
            return Overtaken("The visitor acted meanwhile.")
        if not number:
            self._people += 1
            number, key = self._people, self._random(KEY)
            self.persons.append((number, draft.site, draft.visitor, key))
        self._persons[visitor] = number, key, seq + 1
        record = self._record(draft, number, key, seq + 1)
        self._events[event] = record
        return Appended(record, fresh=True)

    def _record(self, draft: Draft, number: int, key: bytes, seq: int) -> Record:
        drawn = self._random(2 * SALT + NONCE)
        evidence_salt, subject_salt, nonce = drawn[:SALT], drawn[SALT:-NONCE], drawn[-NONCE:]
        log, index = self._entry(
            draft.recorded_ms,
            draft.site,
            kind=Kind(draft.kind),
            flags=draft.flags,
            evidence=commit_evidence(evidence_salt, draft.evidence),
            subject=commit_subject(subject_salt, draft.subject),
            tail=draft.config,
        )
        sealed = seal(key, log, index, nonce, subject_salt + draft.subject)
        self.records.append(
            RecordRow(
                log,
                index,
                seq,
                draft.site,
                number,
                draft.event_id,
                draft.fingerprint,
                self._last_ms,
            )
        )
        self.evidence.append((log, index, evidence_salt, draft.evidence))
        self.subjects.append((log, index, sealed))
        return Record(
            log=log,
            log_index=index,
            seq=seq,
            site=draft.site,
            visitor=draft.visitor,
            event_id=draft.event_id,
            fingerprint=draft.fingerprint,
            recorded_ms=self._last_ms,
            evidence=draft.evidence,
            subject=draft.subject,
        )

    def state(self, statement: Statement, newest: bytes | None) -> Said | None:
        """Place a statement, unless it only repeats and need not be said."""
        about = (statement.kind, statement.site)
        if not statement.repeats and self._newest.get(about, newest) == statement.body:
            return None
        self._newest[about] = statement.body
        return self.said(statement, statement.recorded_ms)

    def said(self, statement: Statement, ms: int) -> Said:
        """Place a statement."""
        kind = Kind(statement.kind)
        tail = statement.config if kind is Kind.CONFIG else ZERO
        return self._said(kind, ms, statement.site, statement.body, tail)

    def bury(self, erased: Erased, erasure: Erasure) -> None:
        """State that something of a record was erased, and what."""
        body = {
            "because": erasure.why,
            "index": erased.log_index,
            "origin": erased.origin,
            "part": erasure.part,
            "v": 1,
        }
        said = self._said(
            Kind.ERASURE,
            erasure.recorded_ms,
            erasure.site,
            dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode(),
            erased_tail(erased.log_index),
        )
        gone = event_digest(erasure.site, erased.event_id) if erasure.part == "record" else None
        self.tombstones.append(
            Tombstone(erased.log, erased.log_index, erasure.part, said.log, said.log_index, gone)
        )

    def _said(self, kind: Kind, ms: int, site: str | None, body: bytes, tail: bytes) -> Said:
        log, index = self._entry(ms, site, kind=kind, evidence=sha256(body).digest(), tail=tail)
        self.statements.append((log, index, kind, site, body))
        return Said(log=log, log_index=index, kind=kind, site=site, body=body)

    def _entry(
        self,
        ms: int,
        site: str | None,
        *,
        kind: Kind,
        evidence: bytes,
        tail: bytes,
        subject: bytes = ZERO,
        flags: int = 0,
    ) -> tuple[int, int]:
        """Put an entry at the end, in a new log if its time is in another year."""
        ms = max(ms, self._last_ms)
        if ms >= self._until_ms:
            self.open(ms)
        self._last_ms = ms
        owner = NO_TENANT if site is None else _tenant(site)
        body = Entry(kind, flags, minute(ms), owner, evidence, subject, tail).encode()
        index = self._size
        self._entries.append((self._log, index, body))
        self._grow(leaf_hash(body))
        return self._log, index

    def _grow(self, leaf: bytes) -> None:
        """Put a leaf to the frontier, and note the tiles that it fills."""
        carry, height = self._size, 0
        while carry & 1:
            leaf = node_hash(self._frontier.pop(), leaf)
            carry >>= 1
            height += 1
            if height % HEIGHT == 0:
                self.nodes.append((self._log, height // HEIGHT, carry, leaf))
        self._frontier.append(leaf)
        self._size += 1

    def open(self, ms: int) -> None:
        """Begin another log, of the year of this time."""
        if self._log:
            self._stretch()
        origin = self._origin(_year(ms))
        self._origins.add(origin)
        new = Head(
            log=self._log + 1, origin=origin, size=0, last_ms=ms, root=EMPTY_ROOT, frontier=()
        )
        self._start(new, opens=True)

    def _start(self, head: Head, *, opens: bool) -> None:
        self._log, self._name, self._size = head.log, head.origin, head.size
        self._last_ms, self._frontier = head.last_ms, list(head.frontier)
        self._until_ms = _next_year_ms(_year_of(head.origin)) if head.log else 0
        self._opens = opens
        self._entries: list[tuple[int, int, bytes]] = []

    def _origin(self, year: int) -> str:
        first = f"{self._ground.host}/log/{year:04}"
        names = (first, *(f"{first}-{n}" for n in range(2, len(self._origins) + 3)))
        return next(name for name in names if name not in self._origins)

    def head(self) -> Head:
        """Where the log ends now."""
        hashes = tuple(self._frontier)
        root = Frontier(self._size, hashes).root()
        return Head(self._log, self._name, self._size, self._last_ms, root, hashes)

    def _stretch(self) -> None:
        self._stretches.append(Stretch(self.head(), self._opens, tuple(self._entries)))

    def placement(self) -> Placement:
        """All that was placed."""
        self._stretch()
        return Placement(
            stretches=tuple(self._stretches),
            people=self._people,
            nodes=tuple(self.nodes),
            persons=tuple(self.persons),
            records=tuple(self.records),
            evidence=tuple(self.evidence),
            subjects=tuple(self.subjects),
            statements=tuple(self.statements),
            tombstones=tuple(self.tombstones),
            outcomes=tuple(self.outcomes),
        )


def _repeated(draft: Draft, known: Record) -> Outcome:
    if not known.visitor:
        return EventConflict("The record of this act was erased.")
    if draft.fingerprint == known.fingerprint:
        return Appended(known, fresh=False)
    return EventConflict("This event id was used for another act.")


def _year(ms: int) -> int:
    if ms >= LAST_MS:
        raise ValueError("a time after the year 9999")
    return datetime.fromtimestamp(ms / 1000, UTC).year


def _next_year_ms(year: int) -> int:
    return (
        int(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp()) * 1000 if year < MAXYEAR else LAST_MS
    )


def _year_of(origin: str) -> int:
    return int(origin.rpartition("/")[2].partition("-")[0])
