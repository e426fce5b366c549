"""Acts that arrive late: a queued consent must not undo a refusal that was made meanwhile."""

import uuid
from typing import Any

import pytest

from holdfire.errors import StoreUnavailable
from holdfire.record import Draft
from holdfire.store import Appended, Store
from house import Service


def after(answer: dict[str, Any]) -> dict[str, Any]:
    """What a page says that knows of this act."""
    return {"seq": answer["seq"], "event_id": answer["event_id"]}


NOTHING = {"seq": 0, "event_id": ""}


def test_an_accept_that_knows_of_no_refusal_does_not_undo_it(service: Service) -> None:
    """Two acts were made on the same one; whatever the clocks say, the refusal stands."""
    first = service.choose("accept_all").json()
    service.choose("reject_all", after=after(first))
    late = service.choose("accept_all", after=after(first), client_time="2026-11-21T12:00:01Z")

    assert late.status_code == 201
    assert not late.json()["decisions"]["analytics"]["allow"]
    assert service.allowed()["analytics"] is False


def test_an_accept_that_knows_of_the_refusal_counts(service: Service) -> None:
    """It knows of it by its number or by its id, even if a clock was set back in between."""
    refusal = service.choose("reject_all").json()
    past = "2026-11-21T09:00:00Z"
    by_number = {"seq": refusal["seq"], "event_id": ""}
    by_id = {"seq": 0, "event_id": refusal["event_id"]}
    for known in (by_id, by_number):
        service.choose("accept_all", after=known, client_time=past)
        assert service.allowed()["analytics"] is True
        service.choose("reject_all")
        by_number["seq"] += 2


def test_acts_made_one_on_another_while_offline_count_in_their_order(service: Service) -> None:
    """A chain that was queued before the first of it had a number is no conflict."""
    ids = [str(uuid.uuid4()) for _ in range(3)]
    chain = zip(ids, ["", *ids], ("accept_all", "reject_all", "accept_all"), strict=False)
    for event_id, before, action in chain:
        service.choose(action, event_id=event_id, after={"seq": 0, "event_id": before})

    assert service.allowed()["analytics"] is True


@pytest.mark.parametrize(("moment", "allowed"), [("12:00:01", True), ("11:59:59", False)])
def test_the_clock_tells_where_the_page_knew_of_nothing(
    service: Service, moment: str, *, allowed: bool
) -> None:
    """Another page of the site asked anew: what was said last counts, as far as can be told."""
    service.choose("reject_all", after=NOTHING)
    service.clock.forward(seconds=60)
    service.choose("accept_all", after=NOTHING, client_time=f"2026-11-21T{moment}Z")

    assert service.allowed()["analytics"] is allowed


@pytest.mark.parametrize(
    "known",
    [
        {"seq": -1, "event_id": ""},
        {"seq": 1},
        {"seq": 1, "event_id": "x"},
        {"seq": "1", "event_id": ""},
        {**NOTHING, "more": 1},
        [],
    ],
)
def test_what_a_page_cannot_have_known_is_refused(service: Service, known: object) -> None:
    """A malformed ``after`` is a bad request, and nothing is written."""
    assert service.choose("accept_all", after=known).status_code == 400
    assert service.get("/choices").json()["choices"] == []


def test_an_accept_that_a_refusal_overtakes_is_proved_anew(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal recorded while the accept is under way counts as if it had come before."""
    first = service.choose("accept_all").json()
    store: Store = service.client.app.state.house.ctx.store  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    real = store.append
    refusal: list[Draft] = []

    async def lose(draft: Draft) -> Appended:
        refusal.append(draft)
        raise StoreUnavailable("It is slow.")

    async def overtake(draft: Draft) -> Appended:
        while refusal:
            await real(refusal.pop())
        return await real(draft)

    monkeypatch.setattr(store, "append", lose)
    service.choose("reject_all", after=after(first))
    monkeypatch.setattr(store, "append", overtake)
    answer = service.choose("accept_all", after=after(first)).json()

    assert answer["seq"] == first["seq"] + 2
    assert service.allowed()["analytics"] is False
