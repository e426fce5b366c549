"""Requests within requests: never answered, never passed on as another's, and nothing comes of them.

Each case is sent to the service itself, and to a real nginx that keeps one connection to it.
"""

import asyncio
import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from kept import records
from nginx import fronted
from outside import BASE, Line, Outside, outside, posting, written
from smuggling import ASKED, CASES, HIDDEN, MARK, Case, Heard, attack

FRONTS_OWN = {501, 505}  # what nginx says of an encoding or a version that it does not speak
ALIVE = {"status": "alive"}


class Street(NamedTuple):
    """A service, and an nginx in front of it."""

    service: Outside
    front: int


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """Both, for all tests of this file, with one choice on record."""
    folder = tmp_path_factory.mktemp("smuggling")
    with (
        outside(folder, trusted_proxies=["127.0.0.0/8"]) as service,
        fronted(folder / "nginx", service.port) as front,
    ):
        with service.line() as line:
            service.choose(line, "reject_all")
        yield Street(service, front)


async def attacked(port: int, cases: list[tuple[str, bytes]]) -> dict[str, Heard]:
    """All cases at once, each on a connection of its own."""
    heard = await asyncio.gather(*(attack(port, sent) for _, sent in cases))
    return {name: found for (name, _), found in zip(cases, heard, strict=True)}


def test_there_are_more_than_sixty_of_them() -> None:
    """The corpus is as long as it says, and every case has a name of its own."""
    assert len({case.name for case in CASES}) == len(CASES) > 60


def test_the_hidden_request_is_one(street: Street) -> None:
    """Sent openly, alone or behind another, it is answered: the mark is what it would be told by."""
    last = b"Connection: close\r\n\r\n"
    openly = HIDDEN.replace(b"\r\n\r\n", b"\r\n" + last)
    for port in (street.service.port, street.front):
        heard = asyncio.run(attacked(port, [("alone", openly), ("two", ASKED + b"\r\n" + openly)]))
        assert heard["alone"].statuses == (200,)
        assert heard["two"].statuses == (200, 200)
        assert all(MARK in found.raw for found in heard.values())


def test_the_service_answers_no_hidden_request(street: Street) -> None:
    """One answer at most, no 5xx, and none of what was hidden."""
    heard = asyncio.run(attacked(street.service.port, [(c.name, c.sent) for c in CASES]))

    wrong = {name: found for name, found in heard.items() if not refused_or_one(found)}
    assert not wrong, wrong


def refused_or_one(heard: Heard) -> bool:
    """Whether at most one request was seen, and answered without fault."""
    final = [status for status in heard.statuses if status >= 200]
    return len(final) <= 1 and MARK not in heard.raw and all(status < 500 for status in final)


def test_nobody_behind_a_front_is_answered_for_another(street: Street) -> None:
    """Through nginx: as many answers as nginx sees requests, none of them a fault of the service."""
    heard = asyncio.run(attacked(street.front, [(case.name, case.sent) for case in CASES]))

    wrong = {case.name: heard[case.name] for case in CASES if not counted(case, heard[case.name])}
    assert not wrong, wrong


def counted(case: Case, heard: Heard) -> bool:
    """Whether nginx and the service have counted alike."""
    final = [status for status in heard.statuses if status >= 200]
    whole = case.front > 1 or MARK not in heard.raw
    return len(final) <= case.front and whole and not {s for s in final if s >= 500} - FRONTS_OWN


def test_who_comes_next_is_answered_their_own(street: Street) -> None:
    """After each attack the next visitors of the same nginx get the answers to what they asked."""
    before = len(records(street.service.folder))
    line = Line(street.front)
    try:
        for case in CASES:
            asyncio.run(hit_and_run(street.front, case.sent))
            assert line.ask("/healthz").json() == ALIVE, case.name
            assert line.ask("/readyz").json() == {"status": "ready"}, case.name
    finally:
        line.hang_up()
    assert len(records(street.service.folder)) == before


async def hit_and_run(port: int, sent: bytes) -> None:
    """Send an attack and leave without waiting for more than the first bytes of an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        async with asyncio.timeout(0.02):
            await reader.read(1)
    except (TimeoutError, ConnectionError):
        pass  # whoever attacks need not stay for the answer
    finally:
        writer.transport.abort()


def test_a_hidden_choice_is_not_recorded(street: Street) -> None:
    """With a choice in the hidden place, from the site's own origin: nothing is written."""
    service = street.service
    body = service.choice("accept_all")
    choice = written(f"{BASE}/choices", posting(), method="POST", body=body)
    length = b"Content-Length: %d\r\n"
    cases = [
        (
            case.name,
            case.sent.replace(HIDDEN, choice).replace(length % len(HIDDEN), length % len(choice)),
        )
        for case in CASES
        if HIDDEN in case.sent and case.front == 1
    ]
    before = len(records(service.folder))

    for port in (service.port, street.front):
        heard = asyncio.run(attacked(port, cases))
        assert not [found for found in heard.values() if b'"visitor"' in found.raw]

    assert len(cases) > 40
    assert len(records(service.folder)) == before


@pytest.mark.parametrize("fronted", [False, True], ids=["direct", "nginx"])
def test_a_pipeline_is_answered_in_order(street: Street, fronted: bool) -> None:  # noqa: FBT001 -- a parameter
    """Requests that are truly several are answered each as its own, in the order they came."""
    port = street.front if fronted else street.service.port
    paths = ["/healthz", f"{BASE}/notice", "/readyz", "/.well-known/gpc.json", "/nothing"] * 8
    line = Line(port)
    try:
        answers = line.ask_all([written(path) for path in paths])
    finally:
        line.hang_up()

    told = [json.loads(answer.body) for answer in answers]
    for begin in range(0, len(paths), 5):
        alive, notice, ready, gpc, nothing = told[begin : begin + 5]
        assert (alive, ready) == (ALIVE, {"status": "ready"})
        assert (notice["site"], gpc["gpc"]) == ("demo", True)
        assert nothing["error"]["code"] == "not_found"
