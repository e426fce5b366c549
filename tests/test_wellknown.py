"""The well-known resources and the ``Tk`` header, through HTTP only."""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from starlette.testclient import TestClient

from holdfire import app, policy, regimes
from holdfire.errors import StoreUnavailable
from holdfire.model import Circumstances, Signals, Site
from holdfire.rules import compile_rules
from holdfire.store.sqlite import SqliteStore
from house import NOON, ORIGIN, PEERS, ROOT, Clock, Service, demo_site, settings

GPC: dict[str, Any] = json.loads((ROOT / "tests/vectors/gpc.json").read_text())
DNT: dict[str, Any] = json.loads((ROOT / "tests/vectors/dnt.json").read_text())

# The grammar of TPE §6.2 and §6.3, extension values included; "?" needs an id, "G" has no place.
TK = re.compile(
    r"(?:[!NTCPDU#$%*+,\-./0-9:;@ABEFHIJKLMOQRSVWXYZ_a-z](?:;[A-Za-z0-9_\-+=/]+)?"
    r"|\?;[A-Za-z0-9_\-+=/]+)"
)
SITE_WIDE = "/.well-known/dnt/"


# ---------------------------------------------------------------- two sites in one service


def shop() -> Site:
    """A second site: several origins, a policy, and everything the demo has."""
    return msgspec.structs.replace(
        demo_site(),
        id="shop-2",
        origins=("https://shop.example", "https://www.shop.example:8443", "https://shop.example:1"),
        links={"privacy_policy": "https://shop.example/privacy"},
    )


def library() -> Site:
    """A site that has nothing to hold but a film, and links to nothing."""
    whole = demo_site()
    quiet = tuple(c for c in whole.categories if c.standard in {"necessary", "functional"})
    return msgspec.structs.replace(
        whole,
        id="library",
        origins=("https://library.example",),
        categories=quiet,
        services=tuple(s for s in whole.services if s.category == "functional"),
        links={},
    )


@contextmanager
def hosting(folder: Path, *sites: Site, base: str = ORIGIN, **more: Any) -> Iterator[TestClient]:
    """Run a service for several sites, asked by one browser in California."""
    built = app.build(
        settings(folder, **more), {s.id: s for s in sites}, clock=Clock(), prebuild=False
    )
    with TestClient(
        built, base_url=base, client=(PEERS["US-CA"], 50_000), raise_server_exceptions=False
    ) as client:
        yield client


def tk(answer: httpx2.Response) -> str:
    """The one ``Tk`` header of an answer, which must be of the grammar."""
    (value,) = answer.headers.get_list("tk")
    assert TK.fullmatch(value), value
    return str(value)


# ---------------------------------------------------------------- gpc.json


def support(body: Any) -> tuple[bool | str, bool]:
    """What a reader of GPC §4 makes of a support resource: the support, and whether it is dated."""
    if not isinstance(body, dict) or not isinstance(body.get("gpc"), bool):
        return "unknown", False
    said = body.get("lastUpdate")
    try:
        # RFC 3339 needs a zone on a date-time; a full-date has none.
        known = isinstance(said, str) and (
            bool(date.fromisoformat(said))
            if len(said) == 10
            else bool(datetime.fromisoformat(said).tzinfo)
        )
    except ValueError:
        known = False
    return body["gpc"], known


@pytest.mark.parametrize("row", GPC["supportResource"], ids=lambda row: json.dumps(row["body"]))
def test_support_is_read_as_the_specification_reads_it(row: dict[str, Any]) -> None:
    """The reader by which our own resource is judged agrees with every row of the vectors."""
    supports, dated = support(row["body"])

    assert supports == row["support"]
    if supports != "unknown":
        assert dated is (row.get("lastUpdate") != "unknown")


def test_gpc_is_supported_and_dated(service: Service) -> None:
    """One object with the two members of the specification, dated as the law is."""
    answer = service.client.get(GPC["path"])

    assert answer.status_code == 200
    assert answer.headers["content-type"] == GPC["contentType"]
    assert support(answer.json()) == (True, True)
    assert answer.json() == {
        "gpc": True,
        "lastUpdate": regimes.load(ROOT / "config/regimes").law.about.as_of.isoformat(),
    }


def test_the_statement_of_support_is_true() -> None:
    """Under every regime the law has, GPC alone ends the sale and whatever carries it."""
    site = demo_site()
    now = Circumstances(now=int(NOON), notice_version=site.version, signals=Signals(gpc=True))
    for regime in regimes.load(ROOT / "config/regimes").regimes.values():
        decided = policy.decide(compile_rules(site, regime), now)
        assert not decided.sale_or_share.allow, regime.id
        assert not decided.categories["marketing"].allow, regime.id


# ---------------------------------------------------------------- the tracking status


def test_the_site_wide_status_says_that_it_depends(service: Service) -> None:
    """A site with analytics and marketing has no one answer: the header gives each visitor's."""
    answer = service.client.get(DNT["resource"]["path"])

    assert answer.status_code == 200
    assert answer.headers["content-type"] == DNT["resource"]["contentType"]
    assert answer.json() == {
        "tracking": "?",
        "compliance": [],
        "controller": ["http://127.0.0.1:8080"],
        "same-party": ["127.0.0.1"],
        "config": "http://127.0.0.1:8080/",
        "policy": "http://127.0.0.1:8080/privacy",
    }
    assert answer.json().keys() <= DNT["resource"]["members"].keys()


@pytest.mark.parametrize("value", ["N", "C", "T", "D"])
def test_every_status_a_visitor_can_have_is_explained(service: Service, value: str) -> None:
    """A status of its own has the site's particulars, and the place to change one's mind."""
    site_wide = service.client.get(SITE_WIDE).json()
    answer = service.client.get(f"/.well-known/dnt/demo/{value}")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == DNT["resource"]["contentType"]
    assert answer.json() == {**site_wide, "tracking": value}


@pytest.mark.parametrize(
    "name",
    [
        *("demo/%3F", "demo/U", "demo/G", "demo/P", "demo/!", "demo/n", "demo/NN", "demo/N/N"),
        *("demo", "demo/", "demo.N", "N", "/N", "nobody/N", "DEMO/N"),
        *("demo/N%00", "demo/N%0d%0aSet-Cookie:%20a=b", "demo/%F0%9F%8D%AA", "demo/" + "N" * 2_000),
        *("%2e%2e/%2e%2e/etc/passwd", "demo/..%2f..%2fN", "demo/<script>", "demo/N;T"),
    ],
)
def test_a_status_that_nobody_has_is_not_found(service: Service, name: str) -> None:
    """Neither ``?`` nor ``U`` is ever a visitor's status, and nothing asked for is echoed."""
    answer = service.client.get(f"/.well-known/dnt/{name}")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert name.removeprefix("demo/") not in answer.json()["error"]["message"].split()


def test_a_site_without_tags_to_hold_says_that_it_does_not_track(tmp_path: Path) -> None:
    """``N`` for the whole site, for each visitor, and no other status to ask for."""
    with hosting(tmp_path, library()) as client:
        assert client.get(SITE_WIDE).json() == {
            "tracking": "N",
            "compliance": [],
            "controller": ["https://library.example"],
            "same-party": ["library.example"],
            "config": "https://library.example/",
        }
        assert tk(client.get("/v1/sites/library/decisions", headers={"dnt": "1"})) == "N;library/N"
        assert client.get("/.well-known/dnt/library/N").status_code == 200
        assert client.get("/.well-known/dnt/library/T").status_code == 404


@pytest.mark.parametrize(
    ("host", "controller"),
    [
        ("shop.example", "https://shop.example"),
        ("SHOP.example", "https://shop.example"),
        ("www.shop.example:8443", "https://shop.example"),
        ("library.example", "https://library.example"),
        ("www.shop.example", None),
        ("consent.example", None),
        ("shop.example.evil.example", None),
        ("", None),
        ("shop.example/library.example", None),
    ],
)
def test_of_several_sites_the_host_tells_which(
    tmp_path: Path, host: str, controller: str | None
) -> None:
    """The host, with its port, of one of a site's origins; where it is none of them, 404."""
    with hosting(tmp_path, shop(), library()) as client:
        answer = client.get(SITE_WIDE, headers={"host": host})

        if controller is None:
            assert answer.status_code == 404
            assert "ask at the host" in answer.json()["error"]["message"]
        else:
            assert answer.json()["controller"][0] == controller
        assert client.get(GPC["path"], headers={"host": host}).json()["gpc"] is True


def test_the_only_site_needs_no_host(tmp_path: Path) -> None:
    """On a host of its own the service speaks for its one site; hosts are listed once."""
    with hosting(tmp_path, shop(), base="https://consent.example") as client:
        status = client.get(SITE_WIDE).json()

        assert status["controller"] == list(shop().origins)
        assert status["same-party"] == ["shop.example", "www.shop.example"]
        assert status["config"] == "https://shop.example/"
        assert status["policy"] == "https://shop.example/privacy"


def test_only_a_trusted_proxy_may_say_which_host_was_asked(tmp_path: Path) -> None:
    """Behind a proxy of the owner's the site is found; a stranger's word is not read."""
    told = {"host": "inside:8080", "x-forwarded-host": "library.example"}
    with hosting(tmp_path / "a", shop(), library()) as client:
        assert client.get(SITE_WIDE, headers=told).status_code == 404
    with hosting(tmp_path / "b", shop(), library(), trusted_proxies=[PEERS["US-CA"]]) as client:
        assert client.get(SITE_WIDE, headers=told).json()["same-party"] == ["library.example"]


# ---------------------------------------------------------------- both


PUBLIC = [
    (GPC["path"], "public, max-age=86400"),
    (SITE_WIDE, "public, max-age=3600"),
    ("/.well-known/dnt/demo/C", "public, max-age=3600"),
]


@pytest.mark.parametrize(("path", "cache"), PUBLIC)
def test_everybody_is_told_the_same(service: Service, path: str, cache: str) -> None:
    """Cookies, signals and origins change nothing, so any cache may keep it and any page read it."""
    service.choose("accept_all")
    plain = service.client.get(path)
    dressed = service.client.get(
        path, headers={"dnt": "1", "sec-gpc": "1", "origin": "https://anybody.example"}
    )

    assert plain.content == dressed.content
    for answer in (plain, dressed):
        assert answer.headers["cache-control"] == cache
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        assert "vary" not in answer.headers
        assert "set-cookie" not in answer.headers
        assert "set-cookie2" not in answer.headers


@pytest.mark.parametrize(("path", "cache"), PUBLIC)
def test_only_reading_is_offered(service: Service, path: str, cache: str) -> None:
    """HEAD is answered like GET without its body; nothing can be written."""
    head = service.client.head(path)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["cache-control"] == cache
    assert service.client.post(path).status_code == 405


def test_asking_for_a_status_leaves_nothing_but_the_route(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the shape of the address: not the status, the query, the host or a signal."""
    with caplog.at_level(logging.DEBUG, "holdfire.access"):
        service.client.get("/.well-known/dnt/demo/C?who=me", headers={"dnt": "1", "cookie": "a=b"})

    (line,) = [r.getMessage() for r in caplog.records if r.name.startswith("holdfire")]
    assert re.fullmatch(
        r"GET /\.well-known/dnt/\{site\}/\{tracking\} 200 [0-9.]+ms [0-9a-f]{16}", line
    )


# ---------------------------------------------------------------- the header


@pytest.mark.parametrize("row", DNT["tk"], ids=lambda row: repr(row["value"]))
def test_the_grammar_is_the_specifications(row: dict[str, Any]) -> None:
    """The grammar by which our own header is judged agrees with every row of the vectors."""
    assert bool(TK.fullmatch(row["value"])) is bool(row["valid"])


STANDINGS = [
    # place, DNT, choice, letter, why
    ("US-CA", "", "", "T", "allowed until objection"),
    ("US-CA", "0", "", "T", "DNT: 0 asks for nothing"),
    ("US-CA", "1", "", "D", "California wants disclosed how DNT is treated, and no more"),
    ("US-CA", "1", "accept_all", "C", "the visitor's yes"),
    ("US-CA", "", "reject_all", "N", "the visitor's no"),
    ("DE", "", "", "N", "nothing before a choice"),
    ("DE", "1", "", "N", "nor with DNT"),
    ("DE", "", "accept_all", "C", "consent"),
    ("DE", "1", "accept_all", "N", "DNT came after the consent, and is an objection"),
    ("DE", "", "reject_all", "N", "refused"),
]


@pytest.mark.parametrize(("place", "dnt", "act", "letter", "why"), STANDINGS)
def test_every_answer_about_a_visitor_says_how_they_stand(
    *, service: Service, place: str, dnt: str, act: str, letter: str, why: str
) -> None:
    """Notice, decision and decisions say the same letter, and refer to what explains it."""
    if act:
        assert service.post(service.choice(act), query=f"?geo={place}").status_code == 201
    headers = {"dnt": dnt} if dnt else {}
    for path in (
        "/notice?",
        "/decision?category=functional&",
        "/decision?service=no&",
        "/decisions?",
    ):
        answer = service.get(f"{path}geo={place}", headers=headers)

        assert tk(answer) == f"{letter};demo/{letter}", why
        assert answer.headers["cache-control"] == "no-store"
        explained = service.client.get(f"/.well-known/dnt/{tk(answer).partition(';')[2]}")
        assert explained.json()["tracking"] == letter


def test_what_the_page_saw_counts_like_the_header(service: Service) -> None:
    """``?dnt=1`` reports the property of ``navigator``, which an extension may have set."""
    assert tk(service.get("/notice?dnt=1")) == "D;demo/D"
    assert tk(service.get("/decisions?dnt=1&geo=DE")) == "N;demo/N"


def test_a_site_with_a_hyphen_and_a_digit_has_a_valid_id(tmp_path: Path) -> None:
    """Every site id is also a valid part of a status id."""
    with hosting(tmp_path, shop(), library()) as client:
        assert tk(client.get("/v1/sites/shop-2/notice")) == "T;shop-2/T"
        assert client.get("/.well-known/dnt/shop-2/T").json()["controller"] == list(shop().origins)


@pytest.mark.parametrize("action", ["accept_all", "reject_all"])
def test_a_choice_says_that_the_status_may_have_changed(service: Service, action: str) -> None:
    """``U`` on the first answer and on a repeated one, whose first may have been lost."""
    choice = service.choice(action)

    first, again = service.post(choice), service.post(choice)

    assert (first.status_code, again.status_code) == (201, 200)
    assert tk(first) == tk(again) == "U"


def test_a_broken_store_tracks_nobody(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not known what the visitor said, everything is denied, and the header says so."""
    service.choose("accept_all")

    async def lost(*_: object) -> None:
        raise StoreUnavailable("The disk is gone.")

    monkeypatch.setattr(SqliteStore, "newest", lost)
    answer = service.get("/decisions")

    assert answer.status_code == 503
    assert tk(answer) == "N;demo/N"


def test_an_answer_that_says_nothing_of_a_visitor_has_no_status(service: Service) -> None:
    """Refusals changed nothing and decided nothing; a probe asks about nobody."""
    refused = service.post({**service.choice(), "action": "dance"})

    assert refused.status_code == 400
    for answer in (refused, service.get("/notice?x=1"), service.client.get("/healthz")):
        assert "tk" not in answer.headers
