"""Whatever befalls a log: it is the reference's, whole, and every receipt there ever was verifies."""

import asyncio
import copy
import hashlib
import shutil
import sqlite3
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from holdfire.canonical import canonical
from holdfire.errors import EventConflict, LogRefused, Overtaken
from holdfire.ledger.entry import Kind
from holdfire.ledger.verdict import judge
from holdfire.notary import recovery
from holdfire.notary.receipts import Receipts
from holdfire.record import Draft, Erasure, Part, Statement
from holdfire.store.sqlite import SqliteStore
from house import Clock
from log_reference import Item, Model
from notaries import World, world
from stores import SITE, campaign, visitor
from whole_log import check_log

VISITORS = ("ann", "bob", "cid")
HOUR, DAY = 3_600, 86_400
TOLERANCE = 5 * 60  # seconds by which the anchor may be ahead of the clock
DATABASE = "holdfire.db"

Done = TypeVar("Done")

names = st.sampled_from(VISITORS)
events = st.integers(0, 11)  # few, so that they meet again
parts = st.sampled_from(["subject", "record"])


@dataclass
class Copy:
    """An old copy of the database, and what the reference held then."""

    path: Path
    model: Model


def said(what: str) -> bytes:
    """The evidence of an act."""
    return canonical({"said": what, "site": SITE})


class Life(RuleBasedStateMachine):
    """One instance, its clock, and everything that may happen to both."""

    @initialize()
    def begin(self) -> None:
        """Open an instance in an empty folder."""
        self.base = Path(tempfile.mkdtemp(prefix="holdfire-life-"))
        self.folder = self.base / "0"
        self.folder.mkdir()
        self.clock = Clock()
        self.frozen = False
        self.runner = asyncio.Runner()
        self.model = Model()
        self.kept: Copy | None = None
        self.receipts: list[bytes] = []
        self.receipted: set[tuple[str, int]] = set()
        self.judged: tuple[str, int] = ("", 0)
        self.start()

    # ------------------------------------------------------------ what visitors and sites do

    @rule(event=events, name=names, stale=st.booleans())
    def write(self, event: int, name: str, *, stale: bool) -> None:
        """Choose: new, or the same again, or the event id of another's act, or too late."""
        body = said(f"all {name} {event}")
        after = len(self.model.of(visitor(name))) + 1 if stale else None
        self.append(f"e{event}", name, body, after)

    @rule(event=events, name=names)
    def withdraw(self, event: int, name: str) -> None:
        """Withdraw, on what one has chosen."""
        body = said(f"none {name} {event}")
        self.append(f"w{event}", name, body, len(self.model.of(visitor(name))))

    @rule(pick=st.integers(0), same=st.booleans(), name=names)
    def replay(self, pick: int, name: str, *, same: bool) -> None:
        """An act that is in the log already, with the same payload or another."""
        acts = [item for _, item in self.model.items() if item.event]
        if acts:
            item = acts[pick % len(acts)]
            body = item.body if same else said("something else")
            self.append(item.event, name, body, None)

    @rule(what=st.integers(0, 2), repeats=st.booleans())
    def state(self, what: int, *, repeats: bool) -> None:
        """Publish a configuration, perhaps the one that stands."""
        self.tick()
        body = canonical({"configuration": what})
        statement = Statement(
            kind=4, site=SITE, body=body, recorded_ms=self.ms, config=bytes(32), repeats=repeats
        )
        said = self.run(self.world.store.state(statement))
        newest = [item.body for _, item in self.model.items() if item.kind is Kind.CONFIG][-1:]
        if repeats or newest != [body]:
            assert said is not None
            assert (said.log, said.log_index) == self.model.put(Item(Kind.CONFIG, body, self.ms))
        else:
            assert said is None

    @rule(part=parts, name=st.none() | names, days=st.none() | st.integers(0, 400))
    def erase(self, part: Part, name: str | None, days: int | None) -> None:
        """Erase one visitor's, or what is old, or all."""
        self.tick()
        who = name and visitor(name)
        settled = None if days is None else self.ms - days * DAY * 1000
        erasure = Erasure(part, "request", self.ms, SITE, who, settled)
        due = self.run(self.world.store.erasable(erasure))
        erased = self.model.erase(part, self.ms, who, settled)
        assert (due, self.run(self.world.store.erase(erasure))) == (len(erased), len(erased))

    # ------------------------------------------------------------ what the instance does

    @rule()
    def publish(self) -> None:
        """Sign what there is; hand out receipts for what has none."""
        self.tick()
        for _ in range(3):  # the first may have a key to make, of which the log is told after all
            self.run(self.world.publisher.step())
        assert self.refusal() is None
        self.absorb_keys()
        if self.signed_until() <= self.ms:
            for log, (_, items) in enumerate(self.model.logs, 1):
                assert self.given_up(log) or self.run(self.world.signed(log)).size == len(items)
            self.hand_out()

    @rule(retire=st.booleans())
    def rotate(self, *, retire: bool) -> None:
        """Another key for the log that grows; perhaps the oldest one ends."""
        self.tick()
        keys = self.world.notary.keys
        if self.model.logs:
            origin = self.model.logs[-1][0]
            made = keys.rotate(origin)
            assert made in keys.signing(origin)
            if retire and len(keys.signing(origin)) > 1:
                keys.retire(keys.signing(origin)[0].id)

    @rule()
    def crash(self) -> None:
        """The process dies: what it had written by then is what the next one finds."""
        after = self.base / str(int(self.folder.name) + 1)
        shutil.copytree(self.folder, after, ignore=shutil.ignore_patterns("*-shm", "*.lock"))
        self.stop()
        shutil.rmtree(self.folder)
        self.folder = after
        self.start()

    @rule(log_too=st.booleans())
    def keep_a_copy(self, *, log_too: bool) -> None:
        """A backup of the database, which is not the anchor's."""
        path = self.base / "copy.db"
        with closing(sqlite3.connect(self.folder / DATABASE)) as source:
            path.unlink(missing_ok=True)
            with closing(sqlite3.connect(path)) as target:
                source.backup(target)
        self.kept = Copy(path, copy.deepcopy(self.model))
        if log_too:
            self.publish()

    @precondition(lambda self: self.kept is not None)
    @rule(growth=st.integers(0, 3), recover=st.booleans())
    def restore(self, growth: int, *, recover: bool) -> None:
        """Put the old copy there. It is refused if anything signed is not in it, even grown."""
        assert self.kept is not None
        before, now = self.kept.model, self.model
        signed = self.signed_end()
        if signed <= (len(before.logs), len(before.logs[-1][1]) if before.logs else 0):
            return  # nothing was signed since: nobody can tell
        self.tick()
        self.stop()
        right = self.base / "right.db"
        (self.folder / DATABASE).replace(right)  # closed: it has no write-ahead log
        shutil.copy(self.kept.path, self.folder / DATABASE)
        forked = copy.deepcopy(before)
        self.run(self.fork(forked, growth))
        self.open()
        assert self.refusal()
        for question in (
            self.world.store.heads(),
            self.world.store.latest(SITE, visitor("ann")),
            self.world.store.append(self.draft("e99", "ann", b"{}", None)),
        ):
            with pytest.raises(LogRefused):
                self.run(question)
        self.stop()
        if recover:
            self.recover(forked)
            self.kept = None
        else:
            (self.folder / DATABASE).unlink()
            right.replace(self.folder / DATABASE)
            self.model = now
        self.start()

    # ------------------------------------------------------------ what the clock does

    @rule()
    def an_hour_back(self) -> None:
        """The clock was wrong, or is now."""
        self.clock.now -= HOUR

    @rule()
    def freeze(self) -> None:
        """The clock stands still, or goes on."""
        self.frozen = not self.frozen

    @precondition(lambda self: self.clock.now < 3e9)
    @rule()
    def ten_years_on(self) -> None:
        """The clock jumps far ahead."""
        self.clock.forward(days=3_652)

    @rule()
    def the_year_turns(self) -> None:
        """It is New Year."""
        year = datetime.fromtimestamp(self.clock.now, UTC).year
        self.clock.now = datetime(year + 1, 1, 1, tzinfo=UTC).timestamp()

    # ------------------------------------------------------------ what must hold

    @invariant()
    def log_is_whole_and_the_reference_s(self) -> None:
        """Entry for entry; the roots are those of the reference tree, every commitment opens."""
        self.run(self.compare())

    @invariant()
    def receipts_verify(self) -> None:
        """Every receipt ever handed out, by the policy of now."""
        policy = self.world.notary.policy_text()
        fresh = self.judged[1] if policy == self.judged[0] else 0
        for receipt in self.receipts[fresh:]:
            verdict = judge(receipt, policy.encode())
            assert verdict.outcome == "verified", verdict.why
        self.judged = policy, len(self.receipts)

    def teardown(self) -> None:
        """Let go of all of it."""
        if hasattr(self, "base"):
            self.stop()
            self.runner.close()
            shutil.rmtree(self.base)

    # ------------------------------------------------------------ how

    @property
    def ms(self) -> int:
        """The time."""
        return int(self.clock.now * 1000)

    def run(self, question: Coroutine[Any, Any, Done]) -> Done:
        """Wait for an answer."""
        return self.runner.run(question)

    def tick(self) -> None:
        """A while later, unless the clock stands still."""
        if not self.frozen:
            self.clock.forward(seconds=20)

    def open(self) -> None:
        """Open store and notary, as a start does."""
        self.stack = AsyncExitStack()
        self.world: World = self.run(self.stack.enter_async_context(world(self.folder, self.clock)))

    def start(self) -> None:
        """Start; if the clock is behind what was signed, only once it has caught up."""
        self.open()
        if self.signed_until() > self.ms + TOLERANCE * 1000:
            assert self.refusal() == "A checkpoint was signed later than the clock says it is now."
            self.stop()
            self.clock.now = self.signed_until() / 1000
            self.open()
        assert self.refusal() is None
        self.absorb_keys()

    def refusal(self) -> str | None:
        """Why the log is not gone on with."""
        try:
            self.run(self.world.store.heads())
        except LogRefused as refused:
            assert self.world.publisher.health.held
            return str(refused)
        return self.world.refused

    def stop(self) -> None:
        """Close all of it."""
        self.run(self.stack.aclose())

    def signed_until(self) -> int:
        """When the newest checkpoint was signed, ms; 0 for none."""
        signed = self.world.notary.anchor.read()
        return max((anchored.at_ms for anchored in signed if not anchored.given_up), default=0)

    def signed_end(self) -> tuple[int, int]:
        """Log and size of what was signed last."""
        signed = self.world.notary.anchor.read()
        live = [(anchored.log, anchored.size) for anchored in signed if not anchored.given_up]
        return max(live, default=(0, 0))

    def given_up(self, log: int) -> bool:
        """Whether nothing is signed for a log any more."""
        origin = self.model.logs[log - 1][0]
        return any(a.given_up and a.origin == origin for a in self.world.notary.anchor.read())

    def draft(self, event: str, name: str, body: bytes, after: int | None) -> Draft:
        """An act."""
        return Draft(
            site=SITE,
            visitor=visitor(name),
            event_id=event,
            fingerprint=hashlib.sha256(body).digest(),
            recorded_ms=self.ms,
            evidence=body,
            subject=b'{"visitor":"x"}',
            after=after,
        )

    def append(self, event: str, name: str, body: bytes, after: int | None) -> None:
        """Append to store and reference."""
        self.tick()
        expected = self.model.act(event, visitor(name), body, self.ms, after)
        draft = self.draft(event, name, body, after)
        if expected is None:
            with pytest.raises((EventConflict, Overtaken)):
                self.run(self.world.store.append(draft))
        else:
            got = self.run(self.world.store.append(draft))
            assert ((got.record.log, got.record.log_index), got.fresh) == expected

    def absorb_keys(self) -> None:
        """What the notary said of its keys, which the reference has not: nothing but that."""
        heads = self.run(self.world.store.heads())
        while True:
            log, items = (
                (len(self.model.logs), self.model.logs[-1][1]) if self.model.logs else (0, [])
            )
            head = next((head for head in heads if head.log == max(log, 1)), None)
            if head is not None and head.size == len(items) and len(heads) > log:
                head, items = heads[log], []
            if head is None or head.size == len(items):
                return
            said = self.run(self.world.store.said(head.log, len(items)))
            assert said is not None
            assert said.kind == Kind.KEYS
            self.model.put(Item(Kind.KEYS, said.body, self.ms))

    def hand_out(self) -> None:
        """A receipt for each of the newest acts and statements that has none."""
        receipts = Receipts(self.world.store, self.world.publisher.signed)
        for (log, index), item in self.model.items()[-8:]:
            place = (self.model.logs[log - 1][0], index)
            if place not in self.receipted and "record" not in item.gone and not self.given_up(log):
                self.receipts.append(self.run(receipts.receipt(log, index)).encode())
                self.receipted.add(place)

    async def fork(self, model: Model, growth: int) -> None:
        """Go on with an old copy as a program would that knows of no anchor."""
        store = await SqliteStore.open(self.folder / DATABASE)
        for number in range(growth):
            draft = self.draft(f"fork {self.ms} {number}", "ann", said(f"forked {number}"), None)
            model.act(draft.event_id, draft.visitor, draft.evidence, self.ms, None)
            await store.append(draft)
        await store.close()

    def recover(self, forked: Model) -> None:
        """Leave the log that is not what was signed; go on from the copy in another."""
        notary = self.world.notary
        keys = notary.keys
        taken = {a.origin for a in notary.anchor.read()} | {k.verifier.name for k in keys.all}

        async def recovered() -> None:
            store = await SqliteStore.open(self.folder / DATABASE)
            try:
                done = await recovery.recover(
                    store, notary.anchor, keys, because="test", now_ms=self.ms
                )
                note = await store.said(done.opened.log, 0)
                assert note is not None
                origin = ""
                while origin != done.opened.origin:
                    forked.last_ms = self.ms
                    forked.open(datetime.fromtimestamp(self.ms / 1000, UTC).year)
                    origin, items = forked.logs[-1]
                    items.append(Item(Kind.NOTE, note.body, self.ms))
                    assert (origin in taken) == (origin != done.opened.origin)
            finally:
                await store.close()

        self.run(recovered())
        self.model = forked

    async def compare(self) -> None:
        """The store says what the reference says."""
        store, model = self.world.store, self.model
        records = await check_log(store)
        heads = await store.heads()
        assert [(h.origin, h.size) for h in heads] == [(o, len(items)) for o, items in model.logs]
        assert not heads or heads[-1].last_ms == model.last_ms
        for place, item in model.items():
            if not item.event:
                said = await store.said(*place)
                assert said is not None
                assert (said.kind, said.body) == (item.kind, item.body)
            elif "record" in item.gone:
                assert place not in records
                assert await store.find(SITE, item.event) is None
            else:
                record = records[place]
                known = (record.event_id, record.visitor, record.seq, record.recorded_ms)
                shown = "" if item.gone else item.visitor
                assert known == (item.event, shown, item.seq, item.ms)
                assert record.evidence == item.body
        for name in VISITORS:
            latest = await store.latest(SITE, visitor(name))
            acts = model.of(visitor(name))
            assert (latest and latest.event_id) == (acts[-1].event if acts else None)


def live(*, examples: int, steps: int) -> None:
    """Run a campaign."""
    campaign(Life, examples=examples, steps=steps)


def test_whatever_befalls_a_log_it_is_the_reference_s() -> None:
    """Acts, erasures, crashes, old copies, keys, clocks: the log is whole, and receipts verify."""
    live(examples=12, steps=25)


@pytest.mark.long
def test_whatever_befalls_a_log_for_long_it_is_the_reference_s() -> None:
    """The same over more and longer lives."""
    live(examples=200, steps=50)
