"""Hostile bodies and queries: a clear refusal, and nothing written."""

import json
import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfire import parse
from holdfire.errors import BadQuery, HoldfireError
from house import Service, demo_site

SITE = demo_site()


def rows(service: Service) -> int:
    """How many records the database holds, asked behind the service's back."""
    with sqlite3.connect(service.folder / "holdfire.db") as connection:
        found = connection.execute("SELECT count(*) FROM record").fetchone()
    connection.close()
    return int(found[0])


def raw(service: Service, **members: Any) -> bytes:
    """A well-formed choice as bytes, members replaced."""
    return json.dumps(service.choice(**members)).encode()


BODIES: dict[str, tuple[Any, int, str]] = {
    # what → (body from a service, status, code)
    "empty": (lambda _: b"", 400, "bad_json"),
    "not JSON": (lambda _: b"action=accept_all", 400, "bad_json"),
    "cut off": (lambda s: raw(s)[:-1], 400, "bad_json"),
    "followed by more": (lambda s: raw(s) + b"{}", 400, "bad_json"),
    "an array": (lambda s: b"[" + raw(s) + b"]", 400, "bad_member"),
    "null": (lambda _: b"null", 400, "bad_member"),
    "a text for a boolean": (
        lambda s: raw(s, categories={"functional": "true", "analytics": True, "marketing": True}),
        400,
        "bad_member",
    ),
    "a number for a boolean": (
        lambda s: raw(s, categories={"functional": 1, "analytics": True, "marketing": True}),
        400,
        "bad_member",
    ),
    "null for a boolean": (
        lambda s: raw(s, categories={"functional": None, "analytics": True, "marketing": True}),
        400,
        "bad_member",
    ),
    "a category left out": (
        lambda s: raw(s, categories={"functional": False, "analytics": False}),
        400,
        "bad_member",
    ),
    "a category nobody has": (
        lambda s: raw(
            s,
            categories={"functional": False, "analytics": False, "marketing": False, "x": False},
        ),
        400,
        "bad_member",
    ),
    "the locked category": (
        lambda s: raw(
            s,
            categories={
                "necessary": False,
                "functional": False,
                "analytics": False,
                "marketing": False,
            },
        ),
        400,
        "bad_member",
    ),
    "a prototype for a category": (
        lambda s: raw(
            s,
            categories={
                "functional": False,
                "analytics": False,
                "marketing": False,
                "__proto__": True,
            },
        ),
        400,
        "bad_member",
    ),
    "an unknown service": (lambda s: raw(s, services={"x'; DROP": False}), 400, "bad_member"),
    "an unknown member": (lambda s: raw(s, admin=True), 400, "bad_member"),
    "an unknown action": (lambda s: raw(s, action="grant"), 400, "bad_member"),
    "no action": (
        lambda s: json.dumps({k: v for k, v in s.choice().items() if k != "action"}).encode(),
        400,
        "bad_member",
    ),
    "an event id that is no UUID": (lambda s: raw(s, event_id="1"), 400, "bad_member"),
    "an event id with a newline": (
        lambda s: raw(s, event_id=s.choice()["event_id"] + "\n"),
        400,
        "bad_member",
    ),
    "a layer out of range": (lambda s: raw(s, layer=3), 400, "bad_member"),
    "a layer that is a boolean": (lambda s: raw(s, layer=True), 400, "bad_member"),
    "a layer too large to count": (lambda s: raw(s, layer=10**400), 400, "bad_member"),
    "a control with markup": (lambda s: raw(s, control="<script>"), 400, "bad_member"),
    "a language nobody speaks here": (lambda s: raw(s, language="tlh"), 400, "bad_member"),
    "a path for a language": (lambda s: raw(s, language="../../etc"), 400, "bad_member"),
    "a version that is no digest": (lambda s: raw(s, notice_version="latest"), 400, "bad_member"),
    "a time without a zone": (
        lambda s: raw(s, client_time="2026-11-21T12:00:00"),
        400,
        "bad_member",
    ),
    "a day that never was": (
        lambda s: raw(s, client_time="2026-02-30T12:00:00Z"),
        400,
        "bad_member",
    ),
    "not a number": (
        lambda s: raw(s).replace(b'"layer": 1', b'"layer": NaN'),
        400,
        "bad_json",
    ),
    "infinity": (lambda s: raw(s).replace(b'"layer": 1', b'"layer": 1e999'), 400, "bad_member"),
    "a doubled member": (
        lambda s: raw(s).replace(b'"layer": 1', b'"layer": 1, "layer": 1'),
        400,
        "bad_json",
    ),
    "a doubled category": (
        lambda s: raw(s).replace(b'"analytics": false', b'"analytics": true, "analytics": false'),
        400,
        "bad_json",
    ),
    "a lone surrogate, escaped": (
        lambda s: raw(s).replace(b'"control": "save"', b'"control": "sa\\ud800ve12345"'),
        400,
        "bad_json",
    ),
    "a lone surrogate, in bytes": (
        lambda s: raw(s).replace(b'"control": "save"', b'"control": "\xed\xa0\x80"'),
        400,
        "bad_json",
    ),
    "a byte order mark": (lambda s: b"\xef\xbb\xbf" + raw(s), 400, "bad_json"),
    "UTF-16": (lambda s: raw(s).decode().encode("utf-16"), 400, "bad_json"),
    "1,000 arrays in one another": (lambda _: b"[" * 1_000 + b"]" * 1_000, 400, "bad_member"),
    "1,000 arrays in a member": (
        lambda s: raw(s).replace(b'"services": {}', b'"services": ' + b"[" * 1_000 + b"]" * 1_000),
        400,
        "bad_member",
    ),
    "1,000 arrays in an unknown member": (
        lambda s: raw(s).replace(b'"layer"', b'"x": ' + b"[" * 1_000 + b"]" * 1_000 + b', "layer"'),
        400,
        "bad_member",
    ),
    "65 services": (
        lambda s: raw(s, services={f"s{n}": False for n in range(65)}),
        400,
        "bad_member",
    ),
    "17 KiB": (lambda s: raw(s) + b" " * (17 * 1024), 413, "body_too_large"),
    "16 KiB and one byte": (
        lambda s: raw(s) + b" " * (16 * 1024 + 1 - len(raw(s))),
        413,
        "body_too_large",
    ),
    "accept_all that refuses": (
        lambda s: raw(
            s,
            action="accept_all",
            categories={"functional": True, "analytics": True, "marketing": False},
        ),
        400,
        "action_mismatch",
    ),
    "reject_all that grants": (
        lambda s: raw(
            s,
            action="reject_all",
            categories={"functional": True, "analytics": False, "marketing": False},
        ),
        400,
        "action_mismatch",
    ),
    "withdraw that grants a service": (
        lambda s: raw(s, action="withdraw", services={"posthog": True}),
        400,
        "action_mismatch",
    ),
    "opt_out that sells": (
        lambda s: raw(
            s,
            action="opt_out",
            categories={"functional": True, "analytics": True, "marketing": True},
        ),
        400,
        "action_mismatch",
    ),
}


@pytest.mark.parametrize("what", BODIES)
def test_a_malformed_choice_is_refused_and_nothing_is_written(service: Service, what: str) -> None:
    """Each gets a 4xx with the one error body and a documented code."""
    build, status, code = BODIES[what]

    answer = service.post(build(service))

    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == code
    assert set(answer.json()["error"]) == {"code", "message", "request_id"}
    assert "set-cookie" not in answer.headers
    assert rows(service) == 0


def test_a_body_of_exactly_16_kib_is_read(service: Service) -> None:
    """The limit is the limit: at n it is accepted, at n + 1 refused."""
    body = raw(service, action="reject_all")

    assert service.post(body + b" " * (16 * 1024 - len(body))).status_code == 201


def test_a_body_that_goes_on_without_a_length_is_cut_off(service: Service) -> None:
    """A chunked body is counted as it comes, whatever its head declared."""

    def endless() -> Any:
        for _ in range(64):
            yield b" " * 1024

    answer = service.client.post(
        f"{service.base}/choices",
        content=endless(),
        headers={"origin": "http://127.0.0.1:8080", "content-type": "application/json"},
    )

    assert answer.status_code == 413


QUERIES = [
    "?category=analytics&service=posthog",
    "?",
    "?category=analytics&category=marketing",
    "?site=other&category=analytics",
    "?category=analytics&gpc=2",
    "?category=%ff",
    "?category=" + "a" * 2_000,
    "?" + "&".join(f"a{n}=1" for n in range(40)),
    "?category",
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_malformed_query_is_refused(service: Service, query: str) -> None:
    """One source per parameter, and no parameter but the documented ones."""
    answer = service.get(f"/decision{query}")

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_query"


@given(st.binary(max_size=400))
def test_no_bytes_make_the_parser_fail_otherwise(body: bytes) -> None:
    """Random bytes are refused with one of our errors, never another exception."""
    with pytest.raises(HoldfireError) as refused:
        parse.choice(body, SITE)

    assert 400 <= refused.value.status < 500


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_no_json_document_passes_unless_it_is_a_choice(value: object) -> None:
    """Random documents are refused."""
    with pytest.raises(HoldfireError):
        parse.choice(json.dumps(value).encode(), SITE)


@given(st.binary(max_size=200))
def test_no_query_makes_the_parser_fail_otherwise(query: bytes) -> None:
    """Random queries are read or refused, never another exception."""
    try:
        found = parse.query(query, {"a": None})
    except BadQuery:
        return

    assert set(found) <= {"a"}
