"""A site's server asks on behalf of its visitor, and the page then decides the same."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfire import policy
from holdfire.model import Circumstances, Prior, Rules, Signals
from house import PEERS, ROOT, Service, running

RENDERER, STRANGER = "10.0.0.9", "198.18.4.7"  # the latter stands in California
PLACES = {
    **PEERS,
    "US-NY": "198.18.32.1",
    "US-FL": "198.18.9.1",
    "US-TX": "198.18.43.1",
    "DE": "198.18.74.1",
    "GB": "198.18.94.1",
    "BR": "198.18.96.1",
    "JP": "198.18.97.1",
    "nowhere": "192.0.2.1",
}
COOKIE = "holdfire_demo"


@pytest.fixture(scope="module")
def site_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service as a trusted machine reaches it: the site's front end, or its renderer."""
    folder = tmp_path_factory.mktemp("rendering")
    with running(folder, peer=RENDERER, demo=False, trusted_proxies=("10.0.0.0/8",)) as found:
        yield found


def page_of(
    service: Service, headers: Mapping[str, str], token: str | None, age: int | None
) -> Any:
    """What the visitor's page decides first, from nothing but its boot script and its cookie."""
    sent = {**headers, **({"cookie": f"{COOKIE}={token}"} if token else {})}
    query = "" if age is None else f"?age={age}"
    script = service.client.get(f"/s/demo.js{query}", headers=sent).text
    boot, _ = json.JSONDecoder().raw_decode(script[script.rindex('}({"site":') + 2 :])
    rules = msgspec.convert(boot["rules"], Rules)
    prior, known = prior_in(token, tuple(one["id"] for one in boot["services"]))
    ages = [years for years in (age, known) if years is not None]
    return policy.decide(
        rules,
        Circumstances(
            now=int(service.clock()),
            notice_version=boot["version"],
            services=tuple(one["id"] for one in boot["services"]),
            signals=Signals(
                gpc=headers.get("sec-gpc") == "1", dnt=headers.get("dnt") == "1" or None
            ),
            prior=prior,
            age=min(ages) if ages else None,
        ),
    )


def prior_in(token: str | None, shown: tuple[str, ...]) -> tuple[Prior | None, int | None]:
    """The choice in a token, as the page reads it without its signature; and the age in it."""
    if token is None:
        return None, None
    payload = token.partition(".")[0]
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    prior = Prior(
        action=said["a"],
        categories={key: value == 1 for key, value in said["c"].items()},
        services={key: value == 1 for key, value in said.get("s", {}).items()},
        shown_services=tuple(said.get("h", shown)),
        notice_version=said["n"],
        recorded_at=said["t"],
        valid_until=said["u"],
        gpc_noticed=said.get("k") in {1, 3},
        dnt_noticed=said.get("k") in {2, 3},
        by_signal=said.get("g") == 1,
        left_on=tuple(said.get("d", ())),
    )
    return prior, said.get("y")


def notice_for(
    service: Service, headers: Mapping[str, str], token: str | None, age: int | None = None
) -> Any:
    """What the site's server is answered for the same visitor."""
    bearer = {"authorization": f"Bearer {token}"} if token else {}
    query = "" if age is None else f"?age={age}"
    answer = service.get(f"/notice{query}", headers={**headers, **bearer})
    assert answer.status_code == 200
    return answer.json()


def chosen(service: Service, headers: Mapping[str, str], action: str) -> str:
    """The token of a fresh visitor who does this at a page of the site."""
    granted = {"functional": True, "analytics": True, "marketing": False}
    members = {"categories": granted, "layer": 2} if action == "save" else {}
    answer = service.choose(action, headers=dict(headers), **members)
    service.client.cookies.clear()
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


signals = st.fixed_dictionaries(
    {}, optional={"sec-gpc": st.just("1"), "dnt": st.sampled_from(["0", "1"])}
)


class Story(NamedTuple):
    """A visitor: what they did, and where and as whom they come back."""

    action: str | None
    where: str
    saying: dict[str, str]
    place: str
    signals: dict[str, str]
    age: int | None


@settings(max_examples=80, deadline=None)
@given(
    st.builds(
        Story,
        action=st.sampled_from([None, "accept_all", "reject_all", "save", "withdraw"]),
        where=st.sampled_from(sorted(PLACES)),
        saying=signals,
        place=st.sampled_from(sorted(PLACES)),
        signals=signals,
        age=st.sampled_from([None, 12, 15, 17, 40]),
    )
)
def test_the_pages_first_decision_is_the_notice(site_server: Service, story: Story) -> None:
    """Wherever they are, whatever they chose and wherever that was, with every signal and age."""
    before = {"x-forwarded-for": PLACES[story.where], **story.saying}
    token = chosen(site_server, before, story.action) if story.action else None
    now = {"x-forwarded-for": PLACES[story.place], **story.signals}

    notice = notice_for(site_server, now, token, story.age)
    decided = page_of(site_server, now, token, story.age)

    assert {one["id"]: (one["allow"], one["reason"]) for one in notice["categories"]} == {
        key: (one.allow, one.reason) for key, one in decided.categories.items()
    }
    assert notice["prompt"] == decided.prompt
    assert notice["sale_or_share"]["allow"] == decided.sale_or_share.allow
    assert notice["opt_out_status"] == decided.opt_out_status


def test_a_renderer_speaks_for_its_visitor(site_server: Service) -> None:
    """The place is the visitor's, and no ``Origin`` is needed to ask."""
    places = {
        place: notice_for(site_server, {"x-forwarded-for": address}, None)["location"]
        for place, address in PLACES.items()
    }

    assert (places["US-CA"]["country"], places["US-CA"]["region"]) == ("US", "CA")
    assert (places["US-NY"]["region"], places["nowhere"]["source"]) == ("NY", "unknown")


def test_a_machine_that_is_not_named_speaks_for_itself_alone(tmp_path: Path) -> None:
    """What it says of its visitor is not read; the test address of the documents shows it."""
    with running(tmp_path, peer=STRANGER, demo=False) as service:
        told = notice_for(service, {"x-forwarded-for": "unknown"}, None)

    assert told["location"]["source"] == "database"
    assert told["location"]["region"] == "CA"


def test_the_test_address_is_nowhere_for_a_machine_that_is_named(site_server: Service) -> None:
    """So ``is_believed`` tells the two apart."""
    told = notice_for(site_server, {"x-forwarded-for": "unknown"}, None)

    assert told["location"]["source"] == "unknown"


def test_a_cookie_from_a_page_over_https_is_found_where_the_last_hop_has_plain_http(
    site_server: Service,
) -> None:
    """A refusal is seen, whether it comes as a bearer token or as the cookie that it was."""
    visitor = {"x-forwarded-for": PLACES["US-CA"]}
    token = chosen(site_server, visitor, "reject_all")
    as_cookie = site_server.get(
        "/notice", headers={**visitor, "cookie": f"__Host-{COOKIE}={token}"}
    ).json()
    as_bearer = notice_for(site_server, visitor, token)

    for notice in (as_bearer, as_cookie):
        allowed = {one["id"]: one["allow"] for one in notice["categories"]}
        assert allowed["marketing"] is False


@pytest.mark.parametrize("token", ["", "x", "a.b", "é"])
def test_a_token_that_is_none_is_refused(site_server: Service, token: str) -> None:
    """And whoever reads no notice renders nothing that is held."""
    answer = site_server.get("/notice", headers={"authorization": f"Bearer {token}".encode()})

    assert answer.status_code == 401


def test_the_answer_is_for_nobodys_cache(site_server: Service) -> None:
    """It is for one visitor and one moment."""
    answer = site_server.get("/notice", headers={"x-forwarded-for": PLACES["US-CA"]})

    assert answer.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in answer.headers


def test_the_documents_example_names_what_the_service_reads() -> None:
    """Both examples pass on the same headers, and ask the same address."""
    text = (ROOT / "docs/server-rendering.md").read_text()
    blocks = re.findall(r"```(?:python|js)\n(.*?)```", text, re.DOTALL)

    assert len(blocks) == 2
    for block in blocks:
        for name in ("accept-language", "sec-gpc", "dnt", "x-forwarded-for", "authorization"):
            assert name in block.lower(), name
        assert "/notice" in block
