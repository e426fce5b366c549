"""Either store against a model of a few lines, over random histories (Hypothesis)."""

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from holdfire.errors import EventConflict
from holdfire.record import Draft, Part
from holdfire.store import Store
from stores import Database, SqliteDatabase, act, append_all, campaign, erasure, note, visitor
from whole_log import NOWHERE, Place, check_log

VISITORS = ("ann", "bob", "cid")
LIMIT = 3  # of a history; visitors here often have more acts
YEARS = 3 * 365 * 86_400_000
numbers = itertools.count()
events = st.integers(0, 12)  # few, so that they meet again
bodies = st.sampled_from(["accept", "accept", "reject"])
visitors = st.sampled_from(VISITORS)
times = st.integers(0, 1_000) | st.integers(0, YEARS)
parts: st.SearchStrategy[Part] = st.sampled_from(["subject", "record"])


@dataclass
class Act:
    """One act, and what is left of it."""

    draft: Draft
    seq: int
    left: Literal["all", "evidence", "nothing"] = "all"
    place: Place = NOWHERE


@dataclass
class Model:
    """The store in a few lines: a list."""

    acts: list[Act] = field(default_factory=list)

    def append(self, draft: Draft) -> tuple[Act, bool] | type[EventConflict]:
        """The act and whether it is new, or a conflict."""
        for known in self.acts:
            if known.draft.event_id == draft.event_id:
                same = known.draft.fingerprint == draft.fingerprint and known.left == "all"
                return (known, False) if same else EventConflict
        made = Act(draft, len(self.of(draft.visitor)) + 1)
        self.acts.append(made)
        return made, True

    def of(self, name: str) -> list[Act]:
        """What is known to be a visitor's, in order."""
        return [one for one in self.acts if one.draft.visitor == name and one.left == "all"]

    def erase(self, part: Part, name: str | None) -> int:
        """Take it from all acts that have it, and say how many those were."""
        count = 0
        for one in self.acts:
            # Whose evidence alone is left is nobody's, and not found under a name.
            chosen = name is None or (one.draft.visitor == name and one.left == "all")
            if chosen and one.left != "nothing" and (part == "record" or one.left == "all"):
                one.left = "evidence" if part == "subject" else "nothing"
                count += 1
        return count


class Comparison(RuleBasedStateMachine):
    """One site of a database that other examples have used before."""

    database: ClassVar[Database]

    def __init__(self) -> None:
        super().__init__()
        self.site = f"site-{next(numbers)}"
        self.model = Model()
        self.runner = asyncio.Runner()
        self.store: Store = self.runner.run(self.database.open())
        heads = self.runner.run(self.store.heads())
        self.base = (heads[-1].log, heads[-1].size - 1) if heads else NOWHERE

    def act(self, event: int, name: str, body: str, ms: int) -> Draft:
        """An act of this site."""
        return act(f"e{event}", of=name, site=self.site, ms=ms, body=body)

    @rule(event=events, name=visitors, body=bodies, ms=times)
    def append(self, event: int, name: str, body: str, ms: int) -> None:
        """One act, by itself."""
        self.batch([(event, name, body, ms)])

    @rule(batch=st.lists(st.tuples(events, visitors, bodies, times), min_size=2, max_size=8))
    def batch(self, batch: list[tuple[int, str, str, int]]) -> None:
        """Several acts at once; a batch keeps the order in which they came."""
        drafts = [self.act(*members) for members in batch]
        answers = self.runner.run(append_all(self.store, drafts))
        for draft, answer in zip(drafts, answers, strict=True):
            expected = self.model.append(draft)
            if isinstance(expected, tuple):
                known, fresh = expected
                place = (answer.record.log, answer.record.log_index)
                assert (answer.record.seq, answer.fresh) == (known.seq, fresh)
                assert fresh or place == known.place
                known.place = place
            else:
                assert isinstance(answer, expected)

    @rule(part=parts, name=st.none() | visitors, ms=times)
    def erase(self, part: Part, name: str | None, ms: int) -> None:
        """Of one visitor, or of all."""
        wanted = erasure(part, of=name, site=self.site, ms=ms)
        expected = self.model.erase(part, name and visitor(name))
        assert self.runner.run(self.store.erasable(wanted)) == expected
        assert self.runner.run(self.store.erase(wanted)) == expected

    @rule(text=st.sampled_from(["a", "b"]), ms=times, repeats=st.booleans())
    def state(self, text: str, ms: int, *, repeats: bool) -> None:
        """Say something, or not if it was said."""
        said = self.runner.run(self.store.state(note(text, ms=ms, repeats=repeats)))
        assert said or not repeats

    @rule(ms=times)
    def open_another_log(self, ms: int) -> None:
        """As after a recovery."""
        self.runner.run(self.store.reopen(note("recovered", ms=ms)))

    @rule()
    def reopen(self) -> None:
        """Close the store, and open it again."""
        self.runner.run(self.store.close())
        self.store = self.runner.run(self.database.open())

    @invariant()
    def logs_agree(self) -> None:
        """The log is whole, and each visitor's newest acts are as in the model."""
        found = self.runner.run(check_log(self.store, self.base))
        mine = [record for record in found.values() if record.site == self.site]
        left = [one for one in self.model.acts if one.left != "nothing"]
        assert [(record.log, record.log_index) for record in mine] == [one.place for one in left]
        for record, one in zip(mine, left, strict=True):
            assert (record.event_id, record.seq) == (one.draft.event_id, one.seq)
            assert (record.evidence, record.fingerprint) == (
                one.draft.evidence,
                one.draft.fingerprint,
            )
            known = (one.draft.visitor, one.draft.subject) if one.left == "all" else ("", b"")
            assert (record.visitor, record.subject) == known
        for name in VISITORS:
            acts = self.model.of(visitor(name))
            latest = self.runner.run(self.store.latest(self.site, visitor(name)))
            assert (latest and latest.event_id) == (acts[-1].draft.event_id if acts else None)
            assert (latest.seq if latest else 0) == len(acts)
            history = self.runner.run(self.store.history(self.site, visitor(name), LIMIT))
            assert [record.event_id for record in history] == [
                one.draft.event_id for one in acts[: -LIMIT - 1 : -1]
            ]

    def teardown(self) -> None:
        """Let go of the store and its loop."""
        self.runner.run(self.store.close())
        self.runner.close()


def compare(database: Database, *, examples: int, steps: int) -> None:
    """Run a campaign over one database."""

    class Here(Comparison):
        pass

    Here.database = database
    campaign(Here, examples=examples, steps=steps)


def test_the_store_does_as_its_model(database: Database) -> None:
    """Whatever the order of acts, repeats, conflicts, batches, erasures, new logs and restarts."""
    compare(database, examples=10 if isinstance(database, SqliteDatabase) else 5, steps=15)


@pytest.mark.long
def test_the_store_does_as_its_model_for_long(database: Database) -> None:
    """The same over more and longer histories."""
    compare(database, examples=200, steps=50)
