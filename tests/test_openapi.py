"""The description of the HTTP interface: it is of everything that is served, and it is true."""

import copy
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import unquote, urlsplit

import httpx2
import jsonschema  # type: ignore[import-untyped]  # ships no types
import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from openapi_spec_validator import validate
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.python import asgi
from schemathesis.specs.openapi import checks
from starlette.routing import Route

from holdfire import app, parse
from holdfire.errors import BadQuery
from holdfire.ledger.tiles import FULL, Tile
from holdfire.model import Site
from holdfire.visitor.languages import well_formed
from holdfire.web import request
from holdfire.web.consent_token import JWT
from holdfire.web.media import JSON, MESSAGEPACK
from holdfire.web.openapi import TABLE, terms
from holdfire.web.openapi.document import document
from holdfire.web.routes import routes
from house import ORIGIN, STATED, Service, demo_site, running
from house import settings as service_settings
from test_docs import WIRE
from test_edge_faults import asked, scope

Json = dict[str, Any]
AnyCase = schemathesis.Case[Any]
YEAR = str(datetime.now(UTC).year)  # of the log that a service begins
DOCUMENT: Json = json.loads(json.dumps(document(routes(), TABLE, demo=True)))
OPERATIONS = {
    (method, path): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}

# ---------------------------------------------------------------- the document itself


def test_the_document_is_openapi() -> None:
    """It is valid OpenAPI 3.1, and each of its schemas is valid JSON Schema 2020-12."""
    validate(DOCUMENT)

    assert DOCUMENT["openapi"].startswith("3.1.")
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_its_patterns_are_those_of_every_language() -> None:
    """No pattern has what only Python's regular expressions have."""
    patterns = re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(DOCUMENT))

    assert patterns
    for pattern in map(json.loads, patterns):
        assert not re.search(r"\\[AZdDsSwWbB]|\(\?", pattern), pattern
        re.compile(pattern)


def test_everything_served_is_described_and_nothing_else() -> None:
    """Addresses and methods of the route table and of the document are the same."""
    served = {
        (method.lower(), re.sub(r":\w+}", "}", route.path))
        for route in routes()
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }

    assert served == set(OPERATIONS)


def test_every_operation_is_the_endpoint_of_an_address() -> None:
    """The table describes nothing that no address leads to."""
    endpoints = {route.endpoint for route in routes() if isinstance(route, Route)}

    assert set(TABLE) <= endpoints


def test_the_codes_of_errors_are_a_closed_list() -> None:
    """Every code that an error can have on the wire is in the list, and every other is not."""
    listed = DOCUMENT["components"]["schemas"]["ErrorCode"]["enum"]

    assert sorted(listed) == sorted(kind.code for kind in WIRE)
    told = set(re.findall(r"`([a-z_]+)`", json.dumps(DOCUMENT["components"]["responses"])))
    # The first is what others are kinds of, the second is for methods that are not described.
    assert set(listed) - told == {"bad_request", "method_refused"}


def test_no_two_operations_have_one_name() -> None:
    """Generated clients call each of them by its own."""
    names = [operation["operationId"] for operation in OPERATIONS.values()]

    assert len(names) == len(set(names))


def test_what_a_page_may_say_of_its_visitor_is_described() -> None:
    """The parameters that every endpoint of a site reads are those of the document."""
    assert [one["name"] for one in terms.TOLD] == list(request.TOLD)


@given(text=st.from_regex(terms.PLACE) | st.text(max_size=7))
def test_a_place_is_described_as_it_is_read(text: str) -> None:
    """What matches the pattern is read, and nothing else."""
    matches = re.fullmatch(terms.PLACE, text) is not None and not text.endswith("\n")
    try:
        request.place(text)
    except BadQuery:
        assert not matches
    else:
        assert matches


@given(text=st.from_regex(terms.TAG) | st.text(max_size=12))
def test_a_language_is_described_as_it_is_read(text: str) -> None:
    """What matches the pattern is a tag, and nothing else."""
    assert well_formed(text) == (re.fullmatch(terms.TAG, text) is not None)


@given(level=st.integers(0, 63), index=st.integers(0, 2**53), width=st.integers(1, FULL))
def test_every_tile_has_a_described_name(level: int, index: int, width: int) -> None:
    """What a tile is called matches the pattern."""
    name = Tile(level, index, width).path().removeprefix("tile/")

    assert re.fullmatch(terms.TILE, name)


# ---------------------------------------------------------------- as it is served


def test_anybody_may_read_and_keep_it(service: Service) -> None:
    """It is public, the same for everybody, and costs a revalidation once it is held."""
    first = service.client.get("/openapi.json")
    tag = first.headers["etag"]
    again = service.client.get("/openapi.json", headers={"if-none-match": f'"other", W/{tag}'})

    assert first.json() == DOCUMENT
    assert first.headers["content-type"] == "application/json"
    assert first.headers["cache-control"] == "public, max-age=3600"
    assert first.headers["access-control-allow-origin"] == "*"
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)


def test_what_only_the_demo_takes_is_only_described_there(served: Service) -> None:
    """``serve`` knows no ``geo``, and says so by its silence."""
    told = served.client.get("/openapi.json").text

    assert '"geo"' not in told
    assert '"geo"' in json.dumps(DOCUMENT)


# ---------------------------------------------------------------- whether it is true

SISTER = "sister"
IDS = [str(uuid.UUID(int=at, version=4)) for at in range(16)]
CHOSEN = "3f0e7c52-9d1b-4c8e-8a55-0d3f6b1e7a90"
ACCEPTED: Json = {
    "event_id": CHOSEN,
    "action": "accept_all",
    "categories": {"functional": True, "analytics": True, "marketing": True},
    "notice_version": demo_site().version,
    "language": "en",
    "layer": 1,
    "control": "accept_all",
    "client_time": "2026-11-21T12:00:00Z",
}


def sites() -> dict[str, Site]:
    """The demo site with all that a site can turn on, and a sister of it."""
    demo = demo_site()
    elsewhere = ("http://127.0.0.1:8090",)
    sister = replace(demo, id=SISTER, origins=elsewhere, sisters={demo.id: demo.origins})
    return {
        demo.id: replace(demo, debug=True, sisters={SISTER: elsewhere}),
        SISTER: sister,
    }


def of_the_demo(described: Json) -> Json:
    """The document with what it leaves to a site's file filled in, and no room in its answers."""
    filled = copy.deepcopy(described)
    site = sites()["demo"]
    services = [service.id for service in site.services]
    only = {"site": [site.id], "log": [YEAR], "Origin": [ORIGIN]}
    likely = {
        "service": services,
        "category": [category.id for category in site.categories],
        "event_id": [CHOSEN],
        "tile": ["0/000.p/2"],
    }
    for operation in (one for methods in filled["paths"].values() for one in methods.values()):
        for parameter in operation.get("parameters", ()):
            name, schema = parameter["name"], parameter["schema"]
            if name in only:
                parameter["schema"] = {"type": "string", "enum": only[name]}
            elif name in likely:
                parameter["schema"] = {"anyOf": [{"enum": likely[name]}, schema]}
    schemas = filled["components"]["schemas"]
    schemas["HandOffBody"]["properties"]["site"] = {"enum": [SISTER]}
    choice = schemas["ChoiceBody"]["properties"]
    unlocked = [category.id for category in site.categories if not category.locked]
    choice["categories"] = {
        "type": "object",
        "properties": {key: {"type": "boolean"} for key in unlocked},
        "required": unlocked,
        "additionalProperties": False,
    }
    choice["services"]["propertyNames"] = {"enum": services}
    choice["language"] = {"enum": sorted(site.texts)}
    choice["event_id"] = {"anyOf": [{"enum": IDS}, choice["event_id"]]}
    choice["client_time"] = {"enum": ["2026-11-21T12:00:00Z", "2026-02-28T23:59:59.5-03:30"]}
    for schema in schemas.values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return filled


@schemathesis.serializer(MESSAGEPACK.type)
def packed(_: object, value: object) -> bytes:
    """A body in MessagePack."""
    return MESSAGEPACK.encode(value)


@schemathesis.deserializer(MESSAGEPACK.type)
def unpacked(_: object, answer: Response) -> object:
    """What a body in MessagePack says."""
    return msgspec.msgpack.decode(answer.content)


@schemathesis.deserializer("application/json")
def decoded(_: object, answer: Response) -> object:
    """What a body in JSON says. A token is counted as JSON by schemathesis, and is its own text."""
    is_token = answer.headers["content-type"] == [JWT]
    return answer.content.decode("ascii") if is_token else json.loads(answer.content)


SCHEMA = schemathesis.openapi.from_dict(of_the_demo(DOCUMENT))
SCHEMA.config.phases.coverage.generate_duplicate_query_parameters = True
CONFORMANCE = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.missing_required_header,
    checks.unsupported_method,
    checks.allow_header_conformance,
]
UNLOOKED = {
    # What is wrong with one visitor is told in that visitor's place, beside the others' decisions.
    "POST /v1/sites/{site}/decisions",
    # A preflight is about the address, and asks for nothing that is there.
    "OPTIONS /v1/sites/{site}/receipts/{event_id}",
    "OPTIONS /v1/sites/{site}/receipts/{event_id}/page",
}
"""Operations that answer though something of the request is not as described."""
UNSAID = {
    ("POST /v1/sites/{site}/choices", "action_mismatch"),
    ("POST /v1/sites/{site}/choices", "event_conflict"),
    ("GET /v1/sites/{site}/decision", "bad_query"),  # neither a category nor a service, or both
    ("POST /v1/sites/{site}/takeovers", "hand_off_invalid"),
    ("POST /v1/sites/{site}/handoffs", "nothing_to_carry"),
}
"""Refusals of what is as described: what they depend on no schema can say."""


class Instance(NamedTuple):
    """A running service, and those who ask it: what each of them sends along."""

    client: requests.Session
    callers: Mapping[str, Mapping[str, str]]


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A service that limits nobody, a visitor who has chosen, and a server with an API key."""
    unlimited = service_settings(
        tmp_path_factory.mktemp("openapi"),
        limit_network_per_second=0,
        limit_site_per_second=0,
        limit_key_per_second=0,
        limit_batch_per_second=0,
    )
    built = app.build(unlimited, sites(), demo=True, prebuild=False)
    with asgi.get_client(cast("asgi.ASGIApp", built)) as client:
        _, key = built.state.house.keys.create("demo", ("decisions:read",), 3_600)
        address = "http://testserver/v1/sites/demo/choices"
        chosen = client.post(address, headers={"origin": ORIGIN}, json=ACCEPTED).json()
        client.cookies.clear()
        yield Instance(
            client,
            {
                "visitorToken": {"authorization": f"Bearer {chosen['token']}"},
                "apiKey": {"authorization": f"Bearer {key}"},
            },
        )
    asgi.shutdown_lifespans()


def try_each(case: AnyCase, instance: Instance) -> None:
    """Send a case, well formed as nobody and as each who may ask, else as who gets furthest.

    Holds each answer to the document.
    """
    assert case.meta is not None
    label, well = case.operation.label, case.meta.generation.mode.is_positive
    named = {name for way in case.operation.definition.raw.get("security", ()) for name in way}
    ways: list[Mapping[str, str]] = [
        {},
        *(w for name, w in instance.callers.items() if name in named),
    ]
    for said in ways if well else ways[-1:]:
        answer = case.call("http://testserver", instance.client, dict(said))
        instance.client.cookies.clear()
        case.validate_response(answer, checks=CONFORMANCE)
        if label not in UNLOOKED:
            case.validate_response(answer, checks=[checks.negative_data_rejection])
        if well and answer.status_code in {400, 409, 415}:
            code = json.loads(answer.content)["error"]["code"]
            expected = (label, code) in UNSAID or too_long(answer) or with_a_fraction(answer)
            assert expected, answer.content


def too_long(answer: Response) -> bool:
    """Whether the query was longer than any honest one, which no schema of one parameter says."""
    return len(urlsplit(answer.request.url).query) > parse.QUERY_BYTES


def with_a_fraction(answer: Response) -> bool:
    """Whether it was about 2.0, an integer to JSON Schema (2020-12 §6.1.1), and none to us."""
    said = json.loads(answer.content)["error"]["message"]
    return "got `float`" in said or said == "An age is a number of years."


@SCHEMA.parametrize()
@settings(max_examples=3, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_described(case: AnyCase, instance: Instance) -> None:
    """Whatever is asked, well or badly, by whomever: status, type, headers and body conform."""
    try_each(case, instance)


@pytest.mark.long
@SCHEMA.parametrize()
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_described_at_length(case: AnyCase, instance: Instance) -> None:
    """The same with fifty times as many cases that nobody thought of."""
    try_each(case, instance)


def conforms(method: str, template: str, answer: httpx2.Response, status: int) -> None:
    """Hold one answer to what the document says of its operation."""
    assert answer.status_code == status, answer.text
    places = dict.fromkeys(re.findall(r"{(\w+)}", template), "x")
    case: AnyCase = SCHEMA[template][method].Case(path_parameters=places)
    case.validate_response(answer, checks=CONFORMANCE[1:])  # a 503 of ours is no fault


def called(service: Service, verb: str) -> None:
    """Let something inside the service happen now."""
    built: Any = service.client.app
    assert service.client.portal is not None
    service.client.portal.call(attrgetter(verb)(built.state))


LOOKUPS = [
    ("notice", ""),
    ("choices", ""),
    ("decision", "?service=posthog"),
    ("decisions", ""),
    ("enforcement", ""),
    ("tags/posthog.js", ""),
    ("token", ""),
    (f"receipts/{CHOSEN}", ""),
    (f"receipts/{CHOSEN}/page", ""),
]


@pytest.mark.parametrize(("verb", "query"), LOOKUPS)
def test_answers_without_a_store_are_as_described(service: Service, verb: str, query: str) -> None:
    """What is answered when nothing can be read: 503, as the document has it, and nothing allowed."""
    called(service, "house.ctx.store.close")
    template = verb.replace(CHOSEN, "{event_id}").replace("posthog", "{service}")

    said = {"authorization": f"Bearer {service.signed('A' * 22)}"}
    answer = service.get(f"/{verb}{query}", headers=said)

    conforms("GET", f"/v1/sites/{{site}}/{template}", answer, 503)
    assert '"allow":true,"reason":"choice' not in answer.text


def test_a_batch_without_a_store_is_as_described(service: Service) -> None:
    """Everybody is denied, with status 503, in either language."""
    house = service.client.app.state.house  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    _, key = house.keys.create("demo", ("decisions:read",), 3_600)
    called(service, "house.ctx.store.close")
    for spoken in (JSON, MESSAGEPACK):
        answer = service.client.post(
            f"{service.base}/decisions",
            content=spoken.encode({"visitors": ["A" * 22]}),
            headers={
                "authorization": f"Bearer {key}",
                "content-type": spoken.type,
                "accept": spoken.type,
            },
        )

        conforms("POST", "/v1/sites/{site}/decisions", answer, 503)


def test_what_is_too_much_is_refused_as_described(tmp_path: Path) -> None:
    """Too many acts, too long a body, and too long a head."""
    template = "/v1/sites/{site}/choices"
    with running(tmp_path, limit_network_per_second=1, limit_network_burst=1) as service:
        told = [service.choose("accept_all") for _ in range(8)]
        refused = next(answer for answer in told if answer.status_code != 201)

        long = service.post(b"x" * 20_000)

        conforms("POST", template, refused, 429)
        conforms("POST", template, long, 413)
        conforms("GET", template, service.get("/choices", headers={"x": "x" * 9_000}), 431)


def test_a_tile_is_as_described(service: Service) -> None:
    """Its path has slashes, which no generator of requests writes."""
    called(service, "publisher.step")

    for log in ("/log", "/log/{log}"):
        answer = service.client.get(f"{log.format(log='2026')}/tile/0/000.p/{STATED}")
        conforms("GET", f"{log}/tile/{{tile}}", answer, 200)
        assert len(answer.content) == 32 * STATED


# ---------------------------------------------------------------- what no schema would come up with

HOSTILE = (
    "' OR '1'='1' --",
    "1; DROP TABLE choices",
    "1' AND SLEEP(5)#",
    "1) UNION ALL SELECT NULL,NULL,CONCAT(0x71,0x62)-- -",
    "'||(SELECT 1 FROM pg_sleep(5))||'",
    '"><script>alert(1)</script>',
    "${jndi:ldap://127.0.0.1/a}",
    "{{7*7}}",
    "../../../../etc/passwd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5c..%5cwindows",
    "%00",
    "demo%00.js",
    "%ff%fe",
    "%",
    "%zz",
    "%0d%0aSet-Cookie:%20a=b",
    "demo;jsessionid=1",
    "demo/",
    "/demo",
    ".",
    "..",
    "DEMO",
    "d%65mo",
    "demo%20",
    "\xe2\x80\xae",
    "__proto__",
    "A" * 4_000,
)
"""As scanners write them: some are escaped, some are not."""


def usual(template: str) -> str:
    """A path with something in each place that is there, or could be."""
    known = {"site": "demo", "event_id": CHOSEN, "service": "posthog", "tracking": "N"}
    return re.sub(r"{(\w+)}", lambda found: known.get(found[1], "de"), template)


def hostile_targets() -> Iterator[tuple[str, str, str]]:
    """Method, path and query, each with one hostile text in one place of each operation."""
    for (method, template), operation in OPERATIONS.items():
        names = re.findall(r"{(\w+)}", template)
        path = usual(template)
        queries = [one["name"] for one in operation["parameters"] if one["in"] == "query"]
        for text in HOSTILE:
            for name in names:
                yield method, usual(template.replace(f"{{{name}}}", text)), ""
            yield method, f"{path}{text}", ""
            yield method, f"{path}/{text}", ""
            for name in queries[:2]:
                yield method, path, f"{name}={text}"
            yield method, path, text
        for name in queries:
            yield method, path, f"{name}=1&{name}=1"
            yield method, path, f"{name}[]=1"
            yield method, path, f"{name}"


def test_nothing_hostile_is_more_than_refused(service: Service) -> None:
    """Scanners' strings, doubled parameters and tricks with paths: no fault, no redirect, no echo.

    What is refused is refused in the one form; what is answered is no more than what anybody gets.
    """

    async def knock_all() -> list[tuple[str, str, str, int, bytes]]:
        told = []
        for method, path, query in hostile_targets():
            head = scope(method.upper(), unquote(path, errors="replace"))
            head["raw_path"] = path.encode("latin-1", "replace")
            head["query_string"] = query.encode("latin-1", "replace")
            sent = await asked(service.client.app, head, {"type": "http.request", "body": b""})
            body = b"".join(message.get("body", b"") for message in sent)
            told.append((method, path, query, sent[0]["status"], body))
        return told

    assert service.client.portal is not None
    answers = service.client.portal.call(knock_all)

    assert len(answers) > 3_000
    for method, path, query, status, body in answers:
        about = (method, path, query, status, body[:200])
        assert status < 300 or 400 <= status < 500, about
        if status >= 400:
            error = json.loads(body)["error"]
            assert error["code"] in DOCUMENT["components"]["schemas"]["ErrorCode"]["enum"], about
            assert b"<script>" not in body, about
            assert b"etc/passwd" not in body, about
