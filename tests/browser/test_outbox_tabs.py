"""Two tabs of one profile and what waits in their one outbox: each act is recorded once, in order."""

import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request
from visits import Demo, Visit, start_demo, stop, visitor

ACTS = (
    "() => holdfire.choose({ functional: true })",
    "() => holdfire.rejectAll()",
    "() => holdfire.choose({ functional: true })",
    "() => holdfire.withdraw()",
    "() => holdfire.choose({ functional: false })",
    "() => holdfire.choose({ functional: true })",
)
"""What the visitor does, in turn in the one tab and in the other."""

WAITING = """() => Object.keys(localStorage).filter(key => key.includes(":out:"))
  .map(key => JSON.parse(localStorage[key])).sort((a, b) => a.queued - b.queued)
  .map(({ choice }) => choice.event_id)"""
COUNTED = """count => count ===
  Object.keys(localStorage).filter(key => key.includes(":out:")).length"""
SENT = "() => !Object.keys(localStorage).some(key => key.includes(':out:'))"
HOLDS = "() => holdfire.allowed('functional')"


@dataclass
class Service:
    """A demo that can be made to keep its visitors waiting, and what it has recorded."""

    demo: Demo
    process: subprocess.Popen[str]
    folder: Path

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Whoever asks is connected, and not answered before this is over."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def recorded(self) -> list[str]:
        """The event ids of all acts, in the order of their numbers."""
        (path,) = self.folder.rglob("*.db")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT event_id FROM record ORDER BY seq")
            return [event_id for (event_id,) in rows]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service with an empty ledger."""
    process, demo = start_demo(tmp_path)
    yield Service(demo, process, tmp_path)
    stop(process)


@pytest.fixture
def visit(browser: Browser, service: Service) -> Iterator[Visit]:
    """One profile, with however many tabs."""
    with visitor(browser, service.demo) as found:
        yield found


@pytest.fixture
def tabs(visit: Visit) -> tuple[Page, Page]:
    """Two tabs, in each of which the visitor has acted before: both can send."""
    one, other = visit.open(), visit.open()
    for tab in (one, other):
        with tab.expect_response("**/choices*"):
            tab.evaluate("() => holdfire.rejectAll()")
        tab.wait_for_function(SENT)
    return one, other


def acted_offline(visit: Visit, tabs: tuple[Page, Page]) -> list[str]:
    """Have each act made without a network; gives the event ids of what waits, oldest first."""
    visit.context.set_offline(True)
    for at, act in enumerate(ACTS):
        tab = tabs[at % 2]
        tab.evaluate(act)
        tab.wait_for_function(COUNTED, arg=at + 1)
    waiting: list[str] = tabs[0].evaluate(WAITING)
    return waiting


def is_sending(request: Request) -> bool:
    """Whether an act is on its way."""
    return request.method == "POST" and request.url.split("?")[0].endswith("/choices")


def test_acts_of_two_tabs_are_recorded_once_each_and_in_their_order(
    visit: Visit, service: Service, tabs: tuple[Page, Page]
) -> None:
    """Both come back at once; one of them sends what both have left, the other at most its last."""
    before = service.recorded()
    waiting = acted_offline(visit, tabs)
    visit.forget()
    visit.context.set_offline(False)
    for tab in tabs:
        tab.wait_for_function(SENT)

    assert service.recorded() == before + waiting
    sent = [(one.post_data_json or {})["event_id"] for one in visit.requests if is_sending(one)]
    # An act that finds nothing before it goes without waiting for the other tab, before its page can.
    assert sent in (waiting, [*waiting, waiting[-1]])
    for tab in (*tabs, visit.open()):
        assert tab.evaluate(HOLDS)


def test_the_other_tab_goes_on_where_one_was_closed_while_it_sent(
    visit: Visit, service: Service, tabs: tuple[Page, Page]
) -> None:
    """What was on its way is sent anew, and recorded once; the newest act counts."""
    before = service.recorded()
    waiting = acted_offline(visit, tabs)
    with service.standing_still():
        with visit.context.expect_event("request", is_sending) as begun:
            visit.context.set_offline(False)
        sender = begun.value.frame.page
        (left,) = {*tabs} - {sender}
        with visit.context.expect_event("request", is_sending) as again:
            sender.close()
    left.wait_for_function(SENT)

    assert again.value.frame.page == left
    assert service.recorded() == before + waiting
    for tab in (left, visit.open()):
        assert tab.evaluate(HOLDS)
