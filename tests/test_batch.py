"""Decisions for many visitors at once, over HTTP: the same as one by one, or a plain no."""

import asyncio
import base64
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfire import batch, evidence, parse
from holdfire.apikeys import SCOPES
from holdfire.errors import BadMember, BadRequest
from holdfire.parse import BATCH, BATCH_BYTES, BODY_BYTES
from holdfire.record import Erasure
from house import Clock, Service, running
from test_degraded import give_back, take_away

JSON, MSGPACK = "application/json", "application/msgpack"
NOBODY, NEVER_SEEN = "A" * 22, "_-" * 11
PLACES = ["DE", "FR", "BR", "US", "US-CA", "US-CO", "US-TX", "JP", "XX", "CA-QC"]
NOWHERE = "10.1.2.3"  # a private address has no place


class Caller:
    """A server that holds an API key."""

    def __init__(self, service: Service) -> None:
        self.service = service
        _, key = service.client.app.state.house.keys.create("demo", SCOPES, 86_400 * 700)  # type: ignore[attr-defined]  # the client types it as any ASGI callable
        self.headers = {"authorization": f"Bearer {key}"}

    def send(self, content: bytes, kind: str = JSON, **headers: str) -> httpx2.Response:
        """POST bytes as they are."""
        sent = {**self.headers, "content-type": kind, **headers}
        return self.service.client.post(
            f"{self.service.base}/decisions", content=content, headers=sent
        )

    def ask(self, *visitors: Any, **more: Any) -> httpx2.Response:
        """Ask in JSON; ``more`` is said of the whole batch."""
        return self.send(json.dumps({"visitors": visitors, **more}).encode())

    def items(self, *visitors: Any, **more: Any) -> list[Any]:
        """What was answered for each."""
        answer = self.ask(*visitors, **more)
        assert answer.status_code == 200, answer.text
        found: list[Any] = answer.json()["decisions"]
        return found

    def visitor(self, action: str = "accept_all", query: str = "", **members: Any) -> str:
        """A new visitor who has made a choice."""
        self.service.client.cookies.clear()
        answer = self.service.post(self.service.choice(action, **members), query=query)
        assert answer.status_code == 201, answer.text
        self.service.client.cookies.clear()
        return str(answer.json()["visitor"])


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[Caller]:
    """A caller of a service whose own address has no place."""
    with running(tmp_path, peer=NOWHERE) as service:
        yield Caller(service)


def code(answer: httpx2.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, answer.json()["error"]["code"]


# ---------------------------------------------------------------- what is answered


def test_an_answer_says_who_may_be_told_what_and_why(caller: Caller) -> None:
    """Every category and service, under the law of the place that was named, with its end."""
    visitor = caller.visitor("save", categories=some("analytics"), services={"plausible": False})
    answer = caller.ask({"visitor": visitor, "place": "DE"})
    body = answer.json()
    (item,) = body.pop("decisions")

    assert answer.headers["cache-control"] == "no-store"
    assert "Accept" in answer.headers.get_list("vary", split_commas=True)
    assert set(body) == {"site", "decided_at", "source", "version"}
    assert (body["site"], body["source"]) == ("demo", "store")
    assert body["decided_at"] == "2026-11-21T12:00:00Z"
    assert (item["visitor"], item["seq"], item["regime"]) == (visitor, 1, "de")
    assert item["valid_until"] > "2027"
    assert item["categories"]["analytics"] == {"allow": True, "reason": "choice_granted"}
    assert item["categories"]["marketing"] == {"allow": False, "reason": "choice_denied"}
    assert item["services"]["plausible"] == {"allow": False, "reason": "choice_denied"}
    assert item["services"]["posthog"]["allow"] is True
    assert list(item["categories"]) == [c.id for c in caller.service.site.categories]
    assert list(item["services"]) == [s.id for s in caller.service.site.services]


def some(*granted: str) -> dict[str, bool]:
    """A choice of categories."""
    return {key: key in granted for key in ("functional", "analytics", "marketing")}


def test_answers_come_in_the_order_asked(caller: Caller) -> None:
    """Doubled visitors too; what is wrong with one is said in its place."""
    known = caller.visitor()
    asked = [NOBODY, known, "no id", known, {"visitor": known}, {"visitor": NOBODY, "age": -1}]

    items = caller.items(*asked)

    assert [item["visitor"] for item in items] == [NOBODY, known, None, known, known, None]
    assert [item.get("error", {}).get("code") for item in items] == [
        None, None, "bad_member", None, None, "bad_member",
    ]  # fmt: skip
    assert items[1] == items[3] == items[4]


def test_only_what_was_asked_for_is_answered(caller: Caller) -> None:
    """A name that the site does not have is answered with a no, and does not fail the rest."""
    (item,) = caller.items(
        caller.visitor(),
        categories=["analytics", "analytics", "posthog", "nothing"],
        services=["video", "marketing", "nothing"],
    )

    no = {"allow": False, "reason": "unknown_service"}
    yes = {"allow": True, "reason": "choice_granted"}
    assert item["categories"] == {"analytics": yes, "posthog": no, "nothing": no}
    assert item["services"] == {"video": yes, "marketing": no, "nothing": no}


def test_nothing_may_be_asked_for(caller: Caller) -> None:
    """An empty list is a list of nothing, and not of everything."""
    (item,) = caller.items(NOBODY, categories=[], services=[])

    assert (item["categories"], item["services"]) == ({}, {})


def test_who_is_asked_for_without_a_place_has_the_strictest_law(caller: Caller) -> None:
    """Nobody is allowed because their place was left out, or is none."""
    for asked in ({"visitor": NOBODY}, {"visitor": NOBODY, "place": "ZZ"}):
        (item,) = caller.items(asked)
        assert item["regime"] == "strictest"
        assert [key for key, one in item["categories"].items() if one["allow"]] == ["necessary"]


def test_what_is_said_of_one_visitor_goes_before_what_is_said_of_all(caller: Caller) -> None:
    """Place and signals each by themselves."""
    all_of_them = {"place": "US-CA", "gpc": True}
    (own, default, quiet) = caller.items(
        {"visitor": NOBODY, "place": "DE"},
        NOBODY,
        {"visitor": NOBODY, "gpc": False},
        **all_of_them,
    )

    assert (own["regime"], default["regime"], quiet["regime"]) == ("de", "us-ca", "us-ca")
    assert default["categories"]["marketing"] == {"allow": False, "reason": "gpc"}
    assert quiet["categories"]["marketing"] == {"allow": True, "reason": "default_granted"}


def test_a_withdrawal_holds_with_the_next_batch(caller: Caller) -> None:
    """The store says what the newest act is."""
    token = caller.service.choose("accept_all").json()["token"]
    visitor = caller.service.get("/choices").json()["visitor"]
    caller.service.client.cookies.clear()
    assert caller.items(visitor)[0]["categories"]["marketing"]["allow"] is True

    caller.service.choose("withdraw", headers={"authorization": f"Bearer {token}"})

    (item,) = caller.items(visitor)
    assert item["categories"]["marketing"] == {"allow": False, "reason": "choice_denied"}
    assert item["seq"] == 2


def test_a_choice_ends_for_the_batch_as_it_does_for_one(caller: Caller) -> None:
    """At its second, between two batches."""
    visitor = caller.visitor()
    (item,) = caller.items(visitor)
    ends = evidence_of(caller, visitor).valid_until
    caller.service.clock.now = ends - 1
    assert caller.items(visitor)[0]["categories"] == item["categories"]

    caller.service.clock.now = ends

    assert caller.items(visitor)[0]["categories"]["analytics"]["reason"] == "choice_expired"


def evidence_of(caller: Caller, visitor: str) -> evidence.Evidence:
    """What is kept of a visitor's newest act."""
    client = caller.service.client
    store = client.app.state.house.ctx.store  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    assert client.portal is not None
    found = client.portal.call(store.standings, "demo", (visitor,))
    return msgspec.json.decode(found[visitor].evidence, type=evidence.Evidence)


# ---------------------------------------------------------------- unknown visitors


def test_an_unknown_visitor_is_answered_like_one_without_a_choice(caller: Caller) -> None:
    """Byte by byte: who never came, and who was erased, cannot be told apart."""
    erased = caller.visitor()
    forget(caller, erased)

    bodies = set()
    for visitor in (erased, NOBODY, NEVER_SEEN):
        answer = caller.ask({"visitor": visitor, "place": "DE"})
        own = answer.json()["version"].encode()  # of the ids that were asked for
        bodies.add(answer.content.replace(visitor.encode(), b"").replace(own, b""))

    (body,) = bodies
    assert json.loads(body)["decisions"][0]["seq"] == 0


def forget(caller: Caller, visitor: str) -> None:
    """Erase what points at a visitor."""
    client = caller.service.client
    store = client.app.state.house.ctx.store  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    assert client.portal is not None
    erasure = Erasure("subject", "request", int(caller.service.clock() * 1000), "demo", visitor)
    assert client.portal.call(store.erase, erasure) == 1


# ---------------------------------------------------------------- one by one


SERVICES = ["posthog", "plausible", "mixpanel", "ad-pixel", "video"]
ACTS = st.tuples(
    st.sampled_from(["accept_all", "reject_all", "save", "save", "save", "withdraw", "opt_out"]),
    st.fixed_dictionaries(
        {"functional": st.booleans(), "analytics": st.booleans(), "marketing": st.booleans()}
    ),
    st.dictionaries(st.sampled_from(SERVICES), st.booleans(), max_size=4),
    st.sampled_from([0, 1, 2]),
    st.none() | st.integers(10, 20),
    st.booleans(),
)
ASKED = st.fixed_dictionaries(
    {"place": st.sampled_from(PLACES)},
    optional={"gpc": st.booleans(), "dnt": st.booleans(), "age": st.integers(10, 20)},
)


def act(caller: Caller, given: Any, place: str, token: str | None) -> str | None:
    """Make an act as the visitor of a token; the token that stands for it then."""
    action, said, services, layer, age, gpc = given
    if action in {"accept_all", "reject_all", "withdraw"}:
        granted = action == "accept_all"
        said, services = dict.fromkeys(said, granted), dict.fromkeys(services, granted)
    elif action == "opt_out":
        said = {**said, "marketing": False}
    query = f"?geo={place}&lang=en" + (f"&age={age}" if age else "") + ("&gpc=1" if gpc else "")
    body = caller.service.choice(
        action,
        categories=said,
        services=services,
        layer=layer,
        control="gpc" if gpc and not layer else action,
        client_time="2026-11-21T12:00:00Z",
    )
    caller.service.client.cookies.clear()
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = caller.service.post(body, query=query, headers=headers)
    caller.service.client.cookies.clear()
    return str(answer.json()["token"]) if answer.status_code in {200, 201} else token


def one_by_one(caller: Caller, token: str | None, asked: dict[str, Any]) -> Any:
    """What the single lookup says in the same place with the same signals."""
    query = f"?geo={asked['place']}"
    query += "".join(f"&{name}=1" for name in ("gpc", "dnt") if asked.get(name))
    query += f"&age={asked['age']}" if "age" in asked else ""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = caller.service.get(f"/decisions{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return {key: body[key] for key in ("regime", "categories", "services", "valid_until")}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    histories=st.lists(
        st.tuples(st.lists(ACTS, max_size=3), st.sampled_from(PLACES)), min_size=1, max_size=4
    ),
    questions=st.lists(ASKED, min_size=1, max_size=3),
    days=st.sampled_from([0, 1, 200, 400]),
)
def test_a_batch_says_what_the_single_lookups_say(
    caller: Caller, histories: list[Any], questions: list[dict[str, Any]], days: int
) -> None:
    """For visitors with any history, at any place, with any signals, on any day."""
    caller.service.clock.now = Clock().now
    tokens: list[str | None] = []
    for acts, place in histories:
        token = None
        for one in acts:
            token = act(caller, one, place, token)
        tokens.append(token)
    caller.service.clock.forward(days=days)
    pairs = [(token, asked) for token in tokens for asked in questions]

    items = caller.items(*({"visitor": named(token), **asked} for token, asked in pairs))

    for item, (token, asked) in zip(items, pairs, strict=True):
        told = {key: item[key] for key in ("regime", "categories", "services", "valid_until")}
        assert told == one_by_one(caller, token, asked)


def named(token: str | None) -> str:
    """The visitor of a token."""
    if token is None:
        return NOBODY
    payload = token.split(".")[0]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=="))["v"])


@given(given=ACTS)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_deciding_reads_is_what_was_recorded(caller: Caller, given: Any) -> None:
    """The short way to a standing choice and the long one lead to the same."""
    token = act(caller, given, "US-CA", None)
    whole = evidence_of(caller, named(token))
    carried = msgspec.structs.replace(
        whole, taken_from=evidence.HandOff(site="s", event_id="e", acted_ms=1_234_567)
    )

    for one in (whole, carried):
        assert evidence.standing(evidence.encode(one)) == (evidence.prior_of(one), one.age)


def test_evidence_that_cannot_be_read_is_one_error(caller: Caller) -> None:
    """Of another version, or no JSON: that visitor is not allowed, and the others are answered."""
    known, damaged = caller.visitor(), caller.visitor()
    client = caller.service.client
    ctx = client.app.state.house.ctx  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    honest = ctx.store.standings

    for body in (
        b"{",
        b"null",
        b'{"v":2}',
        evidence_bytes(caller, known).replace(b'"v":1', b'"v":2'),
    ):

        async def lying(site: str, visitors: Any, body: bytes = body) -> Any:
            found = await honest(site, visitors)
            return {**found, damaged: found[damaged]._replace(evidence=body)}

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(type(ctx.store), "standings", lambda _, *asked: lying(*asked))
            good, bad = caller.items(known, damaged)
        assert good["categories"]["analytics"]["allow"] is True
        assert bad == {
            "visitor": None,
            "error": {"code": "internal", "message": bad["error"]["message"]},
        }


def evidence_bytes(caller: Caller, visitor: str) -> bytes:
    """The same as it is stored."""
    return evidence.encode(evidence_of(caller, visitor))


# ---------------------------------------------------------------- versions


def test_what_the_caller_holds_is_not_sent_again(caller: Caller) -> None:
    """An item with the version that it has is answered with that, and with its end."""
    known = caller.visitor()
    first, other = caller.items(known, NOBODY)

    again, changed = caller.items(
        {"visitor": known, "version": first["version"]},
        {"visitor": NOBODY, "version": first["version"]},
    )

    assert again == {
        "visitor": known,
        "version": first["version"],
        "valid_until": first["valid_until"],
        "unchanged": True,
    }
    assert changed == other


def test_a_version_is_of_what_was_decided(caller: Caller) -> None:
    """Equal for visitors who are alike; another for another law, act or question."""
    one, two = caller.visitor(), caller.visitor()
    refused = caller.visitor("reject_all")
    same = [item["version"] for item in caller.items(one, two)]
    others = [
        caller.items(refused)[0]["version"],
        caller.items(NOBODY)[0]["version"],
        caller.items({"visitor": one, "place": "DE"})[0]["version"],
        caller.items(one, services=["video"])[0]["version"],
    ]

    assert same[0] == same[1]
    assert len({same[0], *others}) == 5


def test_a_whole_answer_that_is_unchanged_is_short(caller: Caller) -> None:
    """It says so, and until when the earliest of it holds; one changed act changes it."""
    token = caller.service.choose("accept_all").json()["token"]
    visitor = named(token)
    caller.service.client.cookies.clear()
    body = caller.ask(visitor, NOBODY).json()

    short = caller.ask(visitor, NOBODY, version=body["version"]).json()
    caller.service.choose("reject_all", headers={"authorization": f"Bearer {token}"})
    full = caller.ask(visitor, NOBODY, version=body["version"]).json()

    assert short == {
        **without_decisions(body),
        "valid_until": min(item["valid_until"] for item in body["decisions"]),
        "unchanged": True,
    }
    assert full["version"] != body["version"]
    assert len(full["decisions"]) == 2


def without_decisions(body: dict[str, Any]) -> dict[str, Any]:
    """The head of an answer."""
    return {key: value for key, value in body.items() if key != "decisions"}


def test_the_version_of_an_answer_is_of_those_asked_for(caller: Caller) -> None:
    """What one list was answered with says nothing of another list, nor of another order."""
    versions = [
        caller.ask(*asked).json()["version"]
        for asked in ((NOBODY,), (NEVER_SEEN,), (NOBODY, NEVER_SEEN), (NEVER_SEEN, NOBODY), ("x",))
    ]

    assert len(set(versions)) == len(versions)
    held = caller.ask(NEVER_SEEN, version=versions[0]).json()
    assert "decisions" in held


# ---------------------------------------------------------------- the store is away


def test_without_the_store_everybody_is_denied(caller: Caller) -> None:
    """503 with a full body: everything but the necessary, and each error in its place."""
    visitor = caller.visitor()
    held = caller.ask(visitor).json()
    take_away(caller.service)

    answer = caller.ask(visitor, NOBODY, "no id", place="US-CA", version=held["version"])

    body = answer.json()
    assert answer.status_code == 503
    assert body["source"] == "degraded"
    assert [item["visitor"] for item in body["decisions"]] == [visitor, NOBODY, None]
    for item in body["decisions"][:2]:
        reasons = {key: one["reason"] for key, one in item["categories"].items()}
        assert [key for key, one in item["categories"].items() if one["allow"]] == ["necessary"]
        assert set(reasons.values()) == {"necessary", "store_unavailable"}
        assert not any(one["allow"] for one in item["services"].values())
        assert item["valid_until"] == body["decided_at"]
    give_back(caller.service)
    assert caller.items(visitor)[0]["categories"]["analytics"]["allow"] is True


def test_a_store_that_does_not_answer_in_time_is_away(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it longer than the deadline."""
    visitor = caller.visitor()
    store = caller.service.client.app.state.house.ctx.store  # type: ignore[attr-defined]  # the client types it as any ASGI callable

    async def stuck(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(type(store), "standings", stuck)
    monkeypatch.setattr(batch, "DEADLINE", 0.001)

    answer = caller.ask(visitor)

    assert (answer.status_code, answer.json()["source"]) == (503, "degraded")


# ---------------------------------------------------------------- two languages


def packed(body: object) -> bytes:
    """A body in MessagePack."""
    return msgspec.msgpack.encode(body)


def test_both_languages_say_the_same(caller: Caller) -> None:
    """Asked in either and answered in either, with errors and unchanged items."""
    known = caller.visitor()
    version = caller.items(known)[0]["version"]
    body = {
        "visitors": [known, NOBODY, "x", {"visitor": known, "version": version}],
        "place": "DE",
    }
    answers = {
        (sent, wanted): caller.send(content, sent, accept=wanted)
        for sent, content in ((JSON, json.dumps(body).encode()), (MSGPACK, packed(body)))
        for wanted in (JSON, MSGPACK)
    }

    told = [
        msgspec.msgpack.decode(a.content) if wanted == MSGPACK else a.json()
        for (_, wanted), a in answers.items()
    ]
    assert {a.status_code for a in answers.values()} == {200}
    assert all(a.headers["content-type"] == wanted for (_, wanted), a in answers.items())
    assert told[0]["decisions"][2]["error"]["code"] == "bad_member"
    assert all(one == told[0] for one in told)


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("APPLICATION/MSGPACK", MSGPACK),
        ("application/msgpack, application/json", JSON),
        ("application/json;q=0.5, application/msgpack", MSGPACK),
        ("application/msgpack;q=0.5, */*;q=0.1", MSGPACK),
        ("application/json;q=0, */*", MSGPACK),
        ("application/*;q=0.2, application/msgpack;q=0.1", JSON),
        ("text/html, application/json ; charset=utf-8 ; q=0.1", JSON),
        ("application/msgpack;q=1.0, application/json;q=0.999", MSGPACK),
        ("application/json;q=0", None),
        ("*/*;q=0", None),
        ("application/json;q=0, application/msgpack;q=0, */*", None),
        ("text/html", None),
        ("application/json;q=nan", None),
        ("application/json;q=-1", None),
        ("application/json;q=2", None),
        ("application/json;q=", None),
        ("application/xml, text/*", None),
        ("", None),
        (";;;,,,q=1", None),
        ("application/json" + "," * 7_000, JSON),
    ],
)
def test_the_answer_is_in_what_is_accepted(
    caller: Caller, accept: str | None, answered: str | None
) -> None:
    """By weight, the most specific range first; where nothing fits, 406 in JSON."""
    caller.service.client.headers.pop("accept", None)
    headers = {} if accept is None else {"accept": accept}
    answer = caller.send(json.dumps({"visitors": [NOBODY]}).encode(), **headers)

    if answered is None:
        assert code(answer) == (406, "not_acceptable")
    else:
        assert (answer.status_code, answer.headers["content-type"]) == (200, answered)


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/xml", "application/json, x", "multipart/form-data"]
)
def test_a_body_has_to_say_what_it_is(caller: Caller, kind: str) -> None:
    """Neither language is guessed."""
    answer = caller.send(json.dumps({"visitors": [NOBODY]}).encode(), kind)

    assert code(answer) == (415, "media_type_refused")


# ---------------------------------------------------------------- sizes


def test_a_thousand_visitors_are_answered_and_no_more(caller: Caller) -> None:
    """One more is refused as a whole, in both languages; so is none."""
    most = [f"{n:022d}" for n in range(BATCH)]
    assert len(caller.items(*most, services=[])) == BATCH

    refused: list[list[str]] = [[*most, NOBODY], [], ["x"] * (BATCH + 1)]
    for body in ({"visitors": visitors} for visitors in refused):
        assert code(caller.send(json.dumps(body).encode())) == (400, "bad_member")
        assert code(caller.send(packed(body), MSGPACK)) == (400, "bad_member")


def test_a_batch_may_be_longer_than_other_bodies(caller: Caller) -> None:
    """Up to 256 KiB, and not a byte more; what is said of 1,000 visitors fits."""
    one = {
        "visitor": NOBODY,
        "place": "US-CA",
        "gpc": False,
        "dnt": False,
        "age": 100,
        "version": "0" * 16,
    }
    body = json.dumps({"visitors": [one] * BATCH}).encode()
    assert BODY_BYTES < len(body) < BATCH_BYTES
    assert caller.send(body).status_code == 200
    assert caller.send(body.ljust(BATCH_BYTES)).status_code == 200

    assert code(caller.send(body.ljust(BATCH_BYTES + 1))) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("method", "path", "most"),
    [
        ("POST", "/v1/sites/demo/decisions", BATCH_BYTES),
        ("GET", "/v1/sites/demo/decisions", BODY_BYTES),
        ("POST", "/v1/sites/demo/choices", BODY_BYTES),
        ("POST", "/v1/sites/demo/decisions/", BODY_BYTES),
        ("POST", "/v1/sites/a/b/decisions", BODY_BYTES),
        ("POST", "//v1/sites/demo/decisions", BODY_BYTES),
        ("POST", "/v1/sites/demo/decisions\n", BODY_BYTES),
    ],
)
def test_only_a_batch_has_the_longer_limit(method: str, path: str, most: int) -> None:
    """By its method and its whole address."""
    assert parse.most_bytes(method, path) == most


# ---------------------------------------------------------------- hostile bodies


def whole(member: str) -> bytes:
    """A body with one more member."""
    return f'{{"visitors":["{NOBODY}"],{member}}}'.encode()


def listed(item: str | bytes) -> bytes:
    """A body with one item."""
    text = item if isinstance(item, bytes) else item.encode()
    return b'{"visitors":["' + NOBODY.encode() + b'",' + text + b"]}"


HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "null": b"null",
    "a list": b"[]",
    "a number": b"1",
    "nothing in it": b"{}",
    "cut off": b'{"visitors":["',
    "trailing": b'{"visitors":["AAAAAAAAAAAAAAAAAAAAAA"]}{}',
    "no UTF-8": listed(b'"\xff"'),
    "no UTF-8, where a list is": listed(b'["\xff"]'),
    "UTF-16": '{"visitors":["x"]}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + listed('"x"'),
    "lone surrogate": listed('"\\ud800"'),
    "lone surrogate as a name": listed('{"\\ud800":1}'),
    "NUL": listed('"\x00"'),
    "NaN": listed("NaN"),
    "infinity": listed("-Infinity"),
    "NaN for an age": listed(f'{{"visitor":"{NOBODY}","age":NaN}}'),
    "a comment": listed("/* x */ 1"),
    "a trailing comma": listed(""),
    "open lists": b'{"visitors":' + b"[" * 200_000,
    "open objects": b'{"visitors":[' + b'{"a":' * 40_000,
    "deep lists": b'{"visitors":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
    "deep elsewhere": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a member twice": whole('"place":"DE","place":"US"'),
    "visitors twice": whole('"visitors":[]'),
    "a member of a visitor twice": listed(
        f'{{"visitor":"{NOBODY}","gpc":true,"gpc":false}}'
    ),
    "a member twice, escaped": whole('"place":"DE","pl\\u0061ce":"US"'),
    "an unknown member": whole('"key":"hfk_"'),
    "a prototype": whole('"__proto__":{}'),
    "visitors as an object": b'{"visitors":{"0":"x"}}',
    "visitors as a text": b'{"visitors":"AAAAAAAAAAAAAAAAAAAAAA"}',
    "visitors null": b'{"visitors":null}',
    "a place in words": whole('"place":"Germany"'),
    "a place in small letters": whole('"place":"de"'),
    "a place with a line": whole('"place":"DE\\n"'),
    "a signal in words": whole('"gpc":"true"'),
    "a signal as a number": whole('"dnt":1'),
    "a version too short": whole('"version":"0"'),
    "categories as an object": whole('"categories":{"analytics":true}'),
    "a category of no shape": whole('"categories":["<script>"]'),
    "a service with a line": whole('"services":["video\\n"]'),
    "too many services": whole('"services":' + json.dumps([f"s{n}" for n in range(65)])),
}  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_malformed_batch_is_refused_as_a_whole(caller: Caller, body: bytes) -> None:
    """A clear 4xx, never a fault."""
    status, said = code(caller.send(body))

    assert (status, said) in {(400, "bad_json"), (400, "bad_member")}


ITEMS: dict[str, Any] = {
    "null": None,
    "a number": 1,
    "a long number": 10**400,
    "a boolean": True,
    "a list": [NOBODY],
    "an empty object": {},
    "too short": "A" * 21,
    "too long": "A" * 23,
    "another alphabet": "A" * 21 + "+",
    "a line": "A" * 22 + "\n",
    "beyond ASCII": "Ä" * 22,
    "digits of another script": "٣" * 22,
    "an id of another type": {"visitor": 1},
    "an unknown member": {"visitor": NOBODY, "categories": []},
    "a place in words": {"visitor": NOBODY, "place": "Germany"},
    "an age before birth": {"visitor": NOBODY, "age": -1},
    "an age of nobody": {"visitor": NOBODY, "age": 151},
    "an age with a fraction": {"visitor": NOBODY, "age": 12.5},
    "an age in words": {"visitor": NOBODY, "age": "12"},
    "an age that is a boolean": {"visitor": NOBODY, "age": True},
    "a signal in words": {"visitor": NOBODY, "gpc": "1"},
    "a version that is none": {"visitor": NOBODY, "version": "latest"},
    "nested": {"visitor": {"visitor": NOBODY}},
    "deep": json.loads("[" * 100 + "]" * 100),
    "a long name": {"visitor": NOBODY, "x" * 10_000: 1},
    "markup": "<img src=x onerror=1>",
}


@pytest.mark.parametrize("language", [JSON, MSGPACK])
@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS.keys())
def test_a_visitor_who_is_none_is_one_error(caller: Caller, item: Any, language: str) -> None:
    """The others are answered; nothing of what was sent there is repeated but a short name."""
    body = {"visitors": [NOBODY, item, NOBODY]}
    if language == MSGPACK and item == 10**400:
        item = body["visitors"][1] = 2**63  # as long as numbers get there
    content = packed(body) if language == MSGPACK else json.dumps(body).encode()
    answer = caller.send(content, language, accept=JSON)
    first, wrong, last = answer.json()["decisions"]

    assert answer.status_code == 200
    assert first == last
    assert first["visitor"] == NOBODY
    assert (wrong["visitor"], wrong["error"]["code"]) == (None, "bad_member")
    assert len(wrong["error"]["message"]) < 250
    assert "onerror" not in answer.text


LIST = b"\x81\xa8visitors"
PACKED: dict[str, bytes] = {
    "empty": b"",
    "never used": b"\xc1",
    "never used, inside": LIST + b"\x91\xc1",
    "a list": b"\x90",
    "an item that is cut off": LIST + b"\x91\xb6AAA",
    "trailing": LIST + b"\x91\xa1x\x00",
    "a list of four billion": LIST + b"\xdd\xff\xff\xff\xff",
    "a map of four billion": b"\xdf\xff\xff\xff\xff",
    "a text of four billion": LIST + b"\x91\xdb\xff\xff\xff\xff",
    "bytes of four billion": LIST + b"\x91\xc6\xff\xff\xff\xff",
    "an extension of four billion": LIST + b"\x91\xc9\xff\xff\xff\xff\x01",
    "deep lists": LIST + b"\x91" * 200_000,
    "deep maps": LIST + b"\x91" + b"\x81\xa1a" * 60_000,
    "bytes for a name": b"\x81\xc4\x08visitors\x90",
    "a number for a name": b"\x81\x01\x90",
    "a list for a name": b"\x81\x91\x01\x90",
    "no UTF-8": LIST + b"\x91\xa1\xff",
    "no UTF-8 in a name": b"\x81\xa8visitor\xff\x90",
    "a surrogate": LIST + b"\x91\xb6" + b"\xed\xa0\x80" + b"A" * 19,
    "JSON": b'{"visitors":["AAAAAAAAAAAAAAAAAAAAAA"]}',
}


@pytest.mark.parametrize("body", PACKED.values(), ids=PACKED.keys())
def test_malformed_messagepack_is_refused_as_a_whole(caller: Caller, body: bytes) -> None:
    """Lengths that lie, depth, what is no text: a clear 4xx, never a fault."""
    status, said = code(caller.send(body, MSGPACK))

    assert (status, said) in {(400, "bad_json"), (400, "bad_member")}


@pytest.mark.parametrize(
    "item", [b"\xc4\x16" + b"A" * 22, b"\xd6\xff\x00\x00\x00\x00", b"\xcb\x7f\xf8" + b"\x00" * 6]
)
def test_what_messagepack_alone_has_is_no_visitor(caller: Caller, item: bytes) -> None:
    """Bytes, a time and a number that is none are one error each."""
    answer = caller.send(LIST + b"\x91" + item, MSGPACK, accept=JSON)

    assert answer.json()["decisions"][0]["error"]["code"] == "bad_member"


@settings(max_examples=400)
@given(st.binary(max_size=200) | st.sampled_from(list(PACKED.values())), st.booleans())
def test_no_bytes_break_the_parser(content: bytes, language: bool) -> None:  # noqa: FBT001 -- drawn
    """Whatever comes is a batch or is refused."""
    found = parsed(content, packed=language)

    assert found is None or len(found.visitors) > 0


def parsed(content: bytes, *, packed: bool) -> parse.Batch | None:
    """A batch, or ``None`` where it is refused as the caller's fault; anything else is ours."""
    with suppress(BadRequest):
        return parse.batch(content, packed=packed)
    return None


VALID = json.dumps({"visitors": [NOBODY, {"visitor": NOBODY, "place": "DE", "age": 12}]}).encode()


@settings(max_examples=400)
@given(st.data())
def test_no_mutation_breaks_the_parser(data: st.DataObject) -> None:
    """A good batch with a few bytes changed is a batch or is refused; an error is of one item."""
    language = data.draw(st.booleans())
    content = bytearray(packed(json.loads(VALID)) if language else VALID)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    found = parsed(bytes(content), packed=language)

    assert found is None or {type(one) for one in found.visitors} <= {parse.AskedBody, BadMember}


# ---------------------------------------------------------------- beside it


def test_decisions_are_counted_by_reason(caller: Caller) -> None:
    """Every category and service of every visitor counts as one."""
    counted = caller.service.client.app.state.house.metrics.decisions  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    known = caller.visitor()
    before = sum(counted.values())

    caller.ask(known, known, NOBODY, "x")

    site = caller.service.site
    assert sum(counted.values()) - before == 3 * (len(site.categories) + len(site.services))
    assert counted["category", "necessary"] == 3


def test_no_visitor_is_in_the_log(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """Neither an id nor a place that was asked for."""
    caplog.set_level(logging.DEBUG)
    caller.ask({"visitor": NOBODY, "place": "US-CA"}, "x" * 22)

    assert NOBODY not in caplog.text
    assert "US-CA" not in caplog.text
