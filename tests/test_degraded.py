"""What is answered while the store is away: no, to everything, and nothing is lost by it."""

import shutil

import pytest

from house import Service


def take_away(service: Service) -> None:
    """Put a folder where the database was: no file of that name can be read or written."""
    kept = service.folder / "away"
    kept.mkdir()
    for path in service.folder.glob("holdfire.db*"):
        if path.suffix != ".lock":
            shutil.move(path, kept / path.name)
    (service.folder / "holdfire.db").mkdir()


def give_back(service: Service) -> None:
    """Put the database where it was."""
    (service.folder / "holdfire.db").rmdir()
    for path in (service.folder / "away").iterdir():
        shutil.move(path, service.folder / path.name)


@pytest.mark.parametrize("known", [True, False], ids=["with a choice", "without"])
def test_every_lookup_is_denied_with_a_full_body(service: Service, known: bool) -> None:  # noqa: FBT001 -- a parameter
    """503, everything but the necessary denied, marked as degraded, kept by no cache."""
    if known:
        service.choose("accept_all")
    take_away(service)

    one = service.get("/decision?service=mixpanel")
    every = service.get("/decisions")

    assert (one.status_code, every.status_code) == (503, 503)
    assert one.headers["cache-control"] == "no-store"
    assert (one.json()["allow"], one.json()["reason"]) == (False, "store_unavailable")
    assert one.json()["source"] == every.json()["source"] == "degraded"
    assert {key: d["allow"] for key, d in every.json()["categories"].items()} == {
        "necessary": True,
        "functional": False,
        "analytics": False,
        "marketing": False,
    }
    assert not any(d["allow"] for d in every.json()["services"].values())


def test_the_gate_loads_nothing(service: Service) -> None:
    """A tag that only knows how to load a script gets none, and an error status."""
    service.choose("accept_all")
    take_away(service)
    answer = service.get("/tags/mixpanel.js")

    assert answer.status_code == 503
    assert answer.text.startswith("/* holdfire: held: mixpanel (marketing), store_unavailable")


@pytest.mark.parametrize("known", [True, False], ids=["with a choice", "without"])
def test_nobody_is_told_that_they_chose_nothing(service: Service, known: bool) -> None:  # noqa: FBT001 -- a parameter
    """A history that cannot be read is an error, never an empty one, whoever asks."""
    if known:
        service.choose("accept_all")
    take_away(service)
    answer = service.get("/choices")

    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "store_unavailable"
    assert answer.headers["cache-control"] == "no-store"


def test_a_choice_is_not_acknowledged(service: Service) -> None:
    """503 with a time to come back: never a 2xx that is not durable."""
    take_away(service)
    answer = service.choose("reject_all")

    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "store_unavailable"
    assert int(answer.headers["retry-after"]) > 0
    assert "set-cookie" not in answer.headers
    assert service.client.get("/readyz").status_code == 503
    assert service.client.get("/healthz").status_code == 200


def test_pages_are_still_served(service: Service) -> None:
    """The boot script needs no store: the page keeps its visitor's own choice, and holds the rest."""
    take_away(service)

    assert service.client.get("/s/demo.js").status_code == 200


def test_it_mends_itself(service: Service) -> None:
    """When the store is back the same act is recorded once, without a restart."""
    service.choose("accept_all")
    take_away(service)
    refusal = service.choice("withdraw")
    assert service.post(refusal).status_code == 503
    give_back(service)

    assert service.post(refusal).status_code == 201
    assert service.allowed()["analytics"] is False
