"""A visitor's own choices, as they were recorded: ``GET …/choices``."""

import pytest

from house import ORIGIN, STATED, Service

NOTHING: dict[str, object] = {"visitor": None, "choices": []}
SAVED = {"functional": True, "analytics": True, "marketing": False}


def bearing(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"authorization": f"Bearer {token}"}


def test_a_choice_is_told_as_it_was_recorded(service: Service) -> None:
    """Act, full state, law, wording and lifetime, each under the name the record has for it."""
    made = service.post(
        service.choice("save", categories=SAVED, services={"plausible": False}, layer=2),
        query="?geo=DE",
    ).json()
    answer = service.get("/choices")
    (told,) = answer.json()["choices"]

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["visitor"] == made["visitor"]
    assert all(len(told.pop(digest)) == 64 for digest in ("texts", "config"))
    assert told == {
        "event_id": made["event_id"],
        "seq": 1,
        "log_index": STATED,
        "recorded_at": "2026-11-21T12:00:00Z",
        "valid_until": "2027-05-20T12:00:00Z",
        "action": "save",
        "categories": SAVED,
        "services": {"plausible": False},
        "notice_version": service.site.version,
        "regime": "de",
        "language": "en",
        "layer": 2,
        "control": "save",
    }


def test_the_newest_act_comes_first(service: Service) -> None:
    """Acts are told from the last one back."""
    for action in ("reject_all", "accept_all", "withdraw"):
        service.choose(action)
    told = service.get("/choices").json()["choices"]

    assert [choice["action"] for choice in told] == ["withdraw", "accept_all", "reject_all"]
    assert [choice["seq"] for choice in told] == [3, 2, 1]


def test_at_most_fifty_acts_are_told(service: Service) -> None:
    """Of more, the newest."""
    for _ in range(52):
        service.choose("reject_all")
    told = service.get("/choices").json()["choices"]

    assert [choice["seq"] for choice in told] == list(range(52, 2, -1))


def test_a_visitor_is_told_nobody_elses_choices(service: Service) -> None:
    """Each token opens its own visitor's history."""
    mine = service.choose("accept_all").json()
    service.client.cookies.clear()
    theirs = service.choose("reject_all").json()

    assert service.get("/choices").json()["visitor"] == theirs["visitor"]
    told = service.get("/choices", headers=bearing(mine["token"])).json()
    assert told["visitor"] == mine["visitor"]
    assert [choice["event_id"] for choice in told["choices"]] == [mine["event_id"]]


def test_who_never_chose_has_an_empty_history(service: Service) -> None:
    """Without a token nobody is known."""
    assert service.get("/choices").json() == NOTHING


@pytest.mark.parametrize("header", ["Bearer forged", "Bearer ", "Basic eDp5", "Bearer a.b c"])
def test_a_bad_token_is_as_having_chosen_nothing(service: Service, header: str) -> None:
    """What is no token tells nothing, not even that it is none; the cookie beside it counts not."""
    service.choose("accept_all")
    answer = service.get("/choices", headers={"authorization": header})

    assert (answer.status_code, answer.json()) == (200, NOTHING)


def test_a_token_of_nobody_known_is_as_having_chosen_nothing(service: Service) -> None:
    """A genuine token without a record looks the same as none: not even its visitor is repeated."""
    token = service.signed("B" * 22)

    assert service.get("/choices", headers=bearing(token)).json() == NOTHING


def test_a_token_of_another_site_is_as_having_chosen_nothing(service: Service) -> None:
    """A visitor who is known here is not found by another site's token for the same pseudonym."""
    visitor = service.choose("accept_all").json()["visitor"]
    token = service.signed(visitor, site="other")

    assert service.get("/choices", headers=bearing(token)).json() == NOTHING


def test_pages_of_the_site_may_read_their_visitors_history(service: Service) -> None:
    """CORS is as for the other lookups, and no page of elsewhere may read along."""
    own = service.get("/choices", headers={"origin": ORIGIN})
    foreign = service.get("/choices", headers={"origin": "https://evil.example"})

    assert own.headers["access-control-allow-origin"] == ORIGIN
    assert own.headers["access-control-allow-credentials"] == "true"
    assert "access-control-allow-origin" not in foreign.headers
    assert "Origin" in foreign.headers["vary"]


@pytest.mark.parametrize("query", ["?limit=5", "?age=abc", "?gpc=1&gpc=1"])
def test_a_query_is_read_as_strictly_as_everywhere(service: Service, query: str) -> None:
    """What is unknown, malformed or doubled is refused; what a page declares is taken."""
    assert service.get(f"/choices{query}").status_code == 400
    assert service.get("/choices?age=15&residence=DE&gpc=1").status_code == 200


def test_a_choice_of_an_earlier_notice_is_told_with_its_version(service: Service) -> None:
    """The version is the one that was on the page, whatever the site shows now."""
    service.choose("accept_all", notice_version="0" * 16)
    (told,) = service.get("/choices").json()["choices"]

    assert told["notice_version"] == "0" * 16
