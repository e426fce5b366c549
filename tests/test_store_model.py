"""Any sequence of acts, repeats, conflicts, batches and restarts: the store does as a model does."""

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from holdfire.errors import EventConflict
from holdfire.model import Draft, Record
from holdfire.store import Store
from stores import Database, act, append_all, visitor

VISITORS = ("ann", "bob", "cid")
LIMIT = 3  # of a history; visitors here often have more acts
numbers = itertools.count()
events = st.integers(0, 12)  # few, so that they meet again
bodies = st.sampled_from(["accept", "accept", "reject"])
visitors = st.sampled_from(VISITORS)
times = st.integers(0, 1_000)


@dataclass
class Model:
    """The store in a few lines: a list."""

    log: list[Draft] = field(default_factory=list)
    last_ms: int = 0

    def append(self, draft: Draft) -> tuple[int, bool] | type[EventConflict]:
        """The place in the list and whether it is new, or a conflict."""
        for index, known in enumerate(self.log):
            if known.event_id == draft.event_id:
                same = known.fingerprint == draft.fingerprint
                return (index, False) if same else EventConflict
        self.last_ms = max(self.last_ms, draft.recorded_ms)
        self.log.append(draft)
        return len(self.log) - 1, True

    def of(self, name: str) -> list[Draft]:
        """A visitor's acts, in order."""
        return [draft for draft in self.log if draft.visitor == visitor(name)]


class Comparison(RuleBasedStateMachine):
    """One site of a database that other examples have used before."""

    database: ClassVar[Database]

    def __init__(self) -> None:
        super().__init__()
        self.site = f"site-{next(numbers)}"
        self.model = Model()
        self.runner = asyncio.Runner()
        self.store: Store = self.runner.run(self.database.open())
        self.base = self.runner.run(self.store.size())

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
                index, fresh = expected
                assert (answer.record.log_index, answer.fresh) == (self.base + index, fresh)
            else:
                assert isinstance(answer, expected)

    @rule()
    def reopen(self) -> None:
        """Close the store, and open it again."""
        self.runner.run(self.store.close())
        self.store = self.runner.run(self.database.open())

    @invariant()
    def logs_agree(self) -> None:
        """The whole log, and each visitor's newest acts, are as in the model."""
        records = self.runner.run(self.scan())
        assert [record.log_index - self.base for record in records] == list(
            range(len(self.model.log))
        )
        assert [record.fingerprint for record in records] == [
            draft.fingerprint for draft in self.model.log
        ]
        assert [record.recorded_ms for record in records] == sorted(
            record.recorded_ms for record in records
        )
        for name in VISITORS:
            acts = self.model.of(name)
            latest = self.runner.run(self.store.latest(self.site, visitor(name)))
            assert (latest and latest.event_id) == (acts[-1].event_id if acts else None)
            assert (latest.seq if latest else 0) == len(acts)
            history = self.runner.run(self.store.history(self.site, visitor(name), LIMIT))
            assert [record.event_id for record in history] == [
                draft.event_id for draft in acts[: -LIMIT - 1 : -1]
            ]

    async def scan(self) -> list[Record]:
        """This site's log."""
        return [record async for record in self.store.scan(self.site, self.base - 1)]

    def teardown(self) -> None:
        """Let go of the store and its loop."""
        self.runner.run(self.store.close())
        self.runner.close()


def compare(database: Database, *, examples: int, steps: int) -> None:
    """Run a campaign over one database."""

    class Here(Comparison):
        pass

    Here.database = database
    campaign = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    run_state_machine_as_test(Here, settings=campaign)


def test_the_store_does_as_its_model(database: Database) -> None:
    """Whatever the order of acts, repeats, conflicts, batches and restarts."""
    compare(database, examples=20, steps=15)


@pytest.mark.long
def test_the_store_does_as_its_model_for_long(database: Database) -> None:
    """The same over more and longer histories."""
    compare(database, examples=200, steps=50)
