"""The door under bad luck and bad manners: who hangs up, who crowds, who says a thing oddly."""

import asyncio
import json
import logging
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from holdfire.web.middleware import Door
from house import ORIGIN, Service


def scope(method: str, path: str, headers: dict[str, str] | None = None) -> Scope:
    """A request's head as the server hands it on."""
    fields = {"host": "127.0.0.1:8080", **(headers or {})}
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
        "client": ("198.18.4.1", 50_000),
        "server": ("127.0.0.1", 8080),
    }


async def asked(app: Any, head: Scope, *incoming: Message) -> list[Message]:
    """What an application sends for a request whose messages are ``incoming``."""
    waiting, sent = list(incoming), []

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await app(head, receive, send)
    return sent


def test_who_hangs_up_in_the_middle_is_no_fault(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """A body that breaks off is answered by nothing, written nowhere, and logged in one line."""
    caplog.set_level(logging.DEBUG, "holdfire")
    head = scope(
        "POST",
        f"{service.base}/choices",
        {"origin": ORIGIN, "content-type": "application/json", "content-length": "500"},
    )
    begun = {"type": "http.request", "body": b'{"event_id": "', "more_body": True}

    sent = asyncio.run(asked(service.client.app, head, begun, {"type": "http.disconnect"}))

    assert sent == []
    (line,) = (r for r in caplog.records if r.name.startswith("holdfire"))
    assert (line.name, line.levelno, line.exc_info) == ("holdfire.access", logging.INFO, None)
    assert " gone " in line.getMessage()


async def test_a_crowd_is_shed_before_it_crushes() -> None:
    """Beyond the limit the next request gets one 503 to come back on; room made is used again."""
    release = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 -- ASGI
        await release.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    door = Door(slow, most=2)
    inside = [asyncio.create_task(asked(door, scope("GET", "/"))) for _ in range(2)]
    await asyncio.sleep(0)

    start, body = await asked(door, scope("GET", "/"))
    release.set()
    served = [await task for task in inside]
    later = await asked(door, scope("GET", "/"))

    headers = dict(start["headers"])
    assert start["status"] == 503
    assert int(headers[b"retry-after"]) > 0
    assert headers[b"content-type"] == b"application/json"
    error = json.loads(body["body"])["error"]
    assert error["code"] == "overloaded"
    assert error["request_id"].encode() == headers[b"x-request-id"]
    assert [messages[0]["status"] for messages in (*served, later)] == [204, 204, 204]


async def test_a_crash_makes_room_again() -> None:
    """A request that ends in a fault no longer counts as one in progress."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 -- ASGI
        raise RuntimeError

    door = Door(broken, most=1)
    answers = [await asked(door, scope("GET", "/")) for _ in range(3)]

    assert [messages[0]["status"] for messages in answers] == [500, 500, 500]


def test_a_fault_is_logged_under_the_id_its_caller_was_given(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The id in the error body is that of the record which holds the traceback."""

    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("holdfire.web.page.language_of", broken)
    answer = service.client.get("/s/demo.js")

    (fault,) = (r for r in caplog.records if r.name == "holdfire.faults")
    assert answer.status_code == 500
    assert fault.__dict__["request_id"] == answer.json()["error"]["request_id"]


@pytest.mark.parametrize("told", ["Application/JSON", "APPLICATION/JSON; charset=UTF-8"])
def test_a_media_type_has_no_case(service: Service, told: str) -> None:
    """A choice declared as JSON in capitals is a choice (RFC 9110 §8.3.1)."""
    assert service.choose("reject_all", headers={"content-type": told}).status_code == 201


@pytest.mark.parametrize(
    ("length", "status"),
    [
        ("0", 200),
        ("0000000", 200),
        ("0" * 6_000, 200),
        ("016384", 200),
        ("0016385", 413),
        ("99999999", 413),
        ("-1", 413),
        ("x", 413),
        ("", 413),
    ],
)
def test_a_declared_length_is_a_number(service: Service, length: str, status: int) -> None:
    """Zeros before a length change nothing; what is over the limit or no number is refused."""
    head = scope("GET", "/healthz", {"content-length": length})
    start, _ = asyncio.run(asked(service.client.app, head))

    assert start["status"] == status


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/healthz", {"GET", "HEAD"}),
        ("PUT", "/v1/sites/demo/choices", {"GET", "HEAD", "POST", "OPTIONS"}),
    ],
)
def test_a_refused_method_names_the_right_ones(
    service: Service, method: str, path: str, allowed: set[str]
) -> None:
    """A 405 has the one error body and an ``Allow`` header (RFC 9110 §15.5.6)."""
    answer = service.client.request(method, path)

    assert answer.status_code == 405
    assert answer.json()["error"]["code"] == "method_refused"
    assert set(answer.headers["allow"].replace(" ", "").split(",")) == allowed


@pytest.mark.parametrize(
    "query",
    [
        "geo=DE&geo=US-CA",
        "residence=US-CA&residence=US-TX",
        "age=15&age=40",
        "age=old",
        "age=-1",
        "age=151",
        "age=",
        "%61ge=x",
        "residence=Ohio",
        "residence=",
        "geo=nowhere",
    ],
)
@pytest.mark.parametrize("path", ["/s/demo.js", "/s/demo/us-ca.js"])
def test_a_page_that_declares_nonsense_is_not_let_in(
    service: Service, path: str, query: str
) -> None:
    """What the other endpoints would refuse is refused on the boot script, so nothing fires."""
    answer = service.client.get(f"{path}?{query}")

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_query"


def test_a_page_that_declares_well_is_served(service: Service) -> None:
    """An age and a residence are accepted, beside whatever else rides on a script's address."""
    told = service.client.get("/s/demo.js?age=15&residence=US-TX&v=1&v=2&utm_source=x")

    assert told.status_code == 200
    assert told.content.startswith(b"//# allFunctionsCalledOnLoad\n!function(HOLDFIRE_BOOT")


def test_a_served_page_cannot_be_moved(served: Service) -> None:
    """Outside the demo ``geo`` is one more parameter without meaning, doubled or not."""
    plain = served.client.get("/s/demo.js")

    assert served.client.get("/s/demo.js?geo=DE&geo=x").content == plain.content
