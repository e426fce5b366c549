"""A visitor's own receipt: ``GET …/receipts/{event_id}``, as a file and as a page."""

import base64
import dataclasses
import re
import sqlite3
import uuid
from collections.abc import Callable
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

import httpx2
import msgspec
import pytest

from holdfire import cli
from holdfire.ledger import receipt
from holdfire.ledger.entry import Kind
from holdfire.ledger.merkle import inclusion_ranges
from holdfire.ledger.tiles import FULL, Tile
from holdfire.ledger.verdict import Verdict, judge
from holdfire.notary.receipts import Receipts
from holdfire.notary.tree import Tree
from holdfire.record import Erasure
from holdfire.store import Store
from house import ORIGIN, Service, demo_site, running


def bearing(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"authorization": f"Bearer {token}"}


def store_of(service: Service) -> Store:
    """The store under a running service."""
    store: Store = service.client.app.state.house.ctx.store  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    return store


def within(service: Service, verb: Callable[..., Any], *arguments: Any) -> Any:
    """Call something of the service in its own event loop."""
    assert service.client.portal is not None
    return service.client.portal.call(verb, *arguments)


def verdict_on(service: Service, body: bytes) -> Verdict:
    """The verdict under the policy that the service hands out."""
    return judge(body, service.client.get("/log/policy").content, service.clock())


def chosen(service: Service, action: str = "save", **more: Any) -> dict[str, Any]:
    """What a visitor who was not here before is answered to a choice."""
    service.client.cookies.clear()
    answer: dict[str, Any] = service.choose(action, **more).json()
    return answer


def receipt_of(service: Service, made: dict[str, Any]) -> httpx2.Response:
    """The receipt of a choice, asked for by whose it is."""
    return service.get(f"/receipts/{made['event_id']}", headers=bearing(made["token"]))


# ---------------------------------------------------------------- the file


def test_a_visitor_gets_a_receipt_that_verifies(service: Service) -> None:
    """Under the served policy it proves what was chosen, where in the log, and for whom."""
    made = service.choose(
        "save", categories={"functional": True, "analytics": True, "marketing": False}
    ).json()
    answer = service.get(f"/receipts/{made['event_id']}")
    verdict = verdict_on(service, answer.content)

    assert answer.status_code == 200
    assert (verdict.outcome, verdict.why[:6]) == ("verified", "Entry ")
    assert verdict.proved is not None
    assert verdict.proved.index == made["log_index"]
    assert verdict.proved.checkpoint.origin == "localhost/log/2026"
    assert verdict.proved.said["event_id"] == made["event_id"]
    assert verdict.proved.said["categories"]["analytics"] is True
    assert verdict.proved.subject_shown
    shown = receipt.decode(answer.content)
    assert msgspec.json.decode(shown.subject.body)["visitor"] == made["visitor"]


def test_a_receipt_is_a_file_that_no_cache_keeps(service: Service) -> None:
    """Plain text to keep, under a name of ASCII, and private."""
    made = service.choose("reject_all").json()
    answer = service.get(f"/receipts/{made['event_id']}")

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="demo-1.tlog-proof"'
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.text.startswith("c2sp.org/tlog-proof@v1\nextra ")


def test_cookie_and_bearer_token_open_the_same_receipt(service: Service) -> None:
    """A page on another host sends the token, one on this host the cookie."""
    made = service.choose("accept_all").json()
    by_cookie = service.get(f"/receipts/{made['event_id']}").content
    service.client.cookies.clear()

    assert receipt_of(service, made).content == by_cookie


def test_every_act_of_a_visitor_keeps_its_receipt(service: Service) -> None:
    """After a withdrawal, the receipt from before it still verifies, and a newer one of it too."""
    given = service.choose("accept_all").json()
    kept = receipt_of(service, given).content
    withdrawn = service.choose("withdraw").json()
    again = receipt_of(service, given).content

    for body in (kept, again, receipt_of(service, withdrawn).content):
        assert verdict_on(service, body).outcome == "verified"
    sizes = [receipt.decode(body).head()[0].size for body in (kept, again)]
    assert sizes[0] <= sizes[1]


def test_a_receipt_outlives_the_erasure_of_another_visitor(service: Service) -> None:
    """The tombstone takes nothing from the tree."""
    mine, theirs = chosen(service), chosen(service)
    kept = {name: receipt_of(service, one).content for name, one in (("m", mine), ("t", theirs))}
    erasure = Erasure(
        "subject",
        "request",
        int(service.clock() * 1000),
        "demo",
        visitor=theirs["visitor"],
    )

    assert within(service, store_of(service).erase, erasure) == 1
    for body in (*kept.values(), receipt_of(service, mine).content):
        assert verdict_on(service, body).outcome == "verified"


def test_an_erased_choice_is_like_one_that_never_was(service: Service) -> None:
    """Nobody holds the token of that visitor any more; what they had kept stays good."""
    made = chosen(service)
    erasure = Erasure("subject", "request", int(service.clock() * 1000), "demo", made["visitor"])
    within(service, store_of(service).erase, erasure)

    assert same(receipt_of(service, made)) == same(
        service.get(f"/receipts/{uuid.uuid4()}", headers=bearing(made["token"]))
    )


def test_without_its_subject_an_entry_still_has_a_receipt(service: Service) -> None:
    """For the operator, who has to show that the choice was made and its person erased."""
    made = chosen(service)
    record = within(service, store_of(service).find, "demo", made["event_id"])
    erasure = Erasure("subject", "request", int(service.clock() * 1000), "demo", made["visitor"])
    within(service, store_of(service).erase, erasure)
    receipts: Receipts = service.client.app.state.house.receipts  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    verdict = verdict_on(
        service, within(service, receipts.receipt, record.log, record.log_index).encode()
    )

    assert verdict.outcome == "verified"
    assert verdict.proved is not None
    assert not verdict.proved.subject_shown


def test_statements_have_receipts_too(service: Service) -> None:
    """What the instance said of itself is in the log like a choice, and in public."""
    receipts: Receipts = service.client.app.state.house.receipts  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    made = chosen(service)
    kinds = set()
    for index in range(made["log_index"]):
        found = within(service, receipts.receipt, 1, index)
        assert verdict_on(service, found.encode()).outcome == "verified"
        kinds.add(found.entry.kind)
    assert kinds <= {Kind.CONFIG, Kind.KEYS}
    assert kinds


def test_receipts_outlive_the_keys_that_signed_them(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From before a rotation, from the time of two keys, and from after: the policy has them all."""
    monkeypatch.setenv("HOLDFIRE_DATA_DIR", str(service.folder / "var"))
    before = receipt_of(service, chosen(service)).content
    assert cli.main(["keys", "rotate", "--log", "localhost/log/2026"]) == 0
    during = [receipt_of(service, chosen(service)).content for _ in range(2)][-1]
    (old,) = signers(before)
    assert cli.main(["keys", "retire", old]) == 0
    after = [receipt_of(service, chosen(service)).content for _ in range(2)][-1]

    assert [len(signers(body)) for body in (before, during, after)] == [1, 2, 1]
    assert old in signers(during)
    assert old not in signers(after)
    for body in (before, during, after):
        assert verdict_on(service, body).outcome == "verified"


def signers(body: bytes) -> list[str]:
    """The ids of the keys that signed for a receipt."""
    _, signed = receipt.decode(body).head()
    return [signature.id.hex() for signature in signed.signatures]


def test_a_receipt_of_last_year_verifies_in_the_next(service: Service) -> None:
    """The log of each year has a name and keys of its own; the policy has both."""
    old = chosen(service)
    kept = receipt_of(service, old).content
    service.clock.forward(days=60)
    new = chosen(service)

    for body, origin in (
        (kept, "localhost/log/2026"),
        (receipt_of(service, old).content, "localhost/log/2026"),
        (receipt_of(service, new).content, "localhost/log/2027"),
    ):
        verdict = verdict_on(service, body)
        assert verdict.outcome == "verified"
        assert verdict.proved is not None
        assert verdict.proved.checkpoint.origin == origin


def test_pages_of_the_site_may_fetch_their_visitors_receipt(service: Service) -> None:
    """CORS as for choices: credentials and a preflight, and for no page of elsewhere."""
    made = service.choose("accept_all").json()
    for path in (f"/receipts/{made['event_id']}", f"/receipts/{made['event_id']}/page"):
        own = service.get(path, headers={"origin": ORIGIN})
        foreign = service.get(path, headers={"origin": "https://evil.example"})
        asked = service.client.options(
            service.base + path,
            headers={"origin": ORIGIN, "access-control-request-headers": "authorization"},
        )

        assert own.headers["access-control-allow-origin"] == ORIGIN
        assert own.headers["access-control-allow-credentials"] == "true"
        assert "access-control-allow-origin" not in foreign.headers
        assert "authorization" in asked.headers["access-control-allow-headers"]
        assert asked.headers["access-control-allow-origin"] == ORIGIN


# ---------------------------------------------------------------- who is told nothing


def same(answer: httpx2.Response) -> tuple[object, ...]:
    """All of an answer that could tell one case from another."""
    error = answer.json()["error"]
    error.pop("request_id")
    headers = {k: v for k, v in answer.headers.items() if k not in {"x-request-id", "date"}}
    return answer.status_code, error, headers


def test_nobody_learns_whether_another_visitors_choice_exists(service: Service) -> None:
    """A foreign choice, an unknown one and no event id at all are answered alike."""
    theirs = chosen(service, "accept_all")
    mine = chosen(service, "reject_all")
    unknown = same(service.get(f"/receipts/{uuid.uuid4()}"))
    asked = [
        service.get(f"/receipts/{theirs['event_id']}"),
        service.get(f"/receipts/{theirs['event_id']}", headers=bearing(mine["token"])),
        service.get(f"/receipts/{theirs['event_id']}", headers=bearing("forged")),
        service.get(f"/receipts/{theirs['event_id']}", headers={"authorization": "Basic eDp5"}),
        service.get(f"/receipts/{theirs['event_id']}", headers=bearing(mine["token"][:-1] + "~")),
        service.get(
            f"/receipts/{theirs['event_id']}",
            headers=bearing(service.signed(theirs["visitor"], site="other")),
        ),
        service.get(f"/receipts/{theirs['event_id']}/page"),
        service.get(f"/receipts/{theirs['event_id'].upper()}", headers=bearing(theirs["token"])),
        service.get("/receipts/x"),
    ]
    service.client.cookies.clear()
    asked.append(service.get(f"/receipts/{theirs['event_id']}"))

    assert unknown[0] == 404
    assert [same(answer) for answer in asked] == [unknown] * len(asked)


SUFFIXES = [
    "/x.css",
    ".css",
    ".js",
    "%2fx.css",
    "%2Fx.css",
    "%3b.css",
    ";x.css",
    ";.css",
    "%00.css",
    "%0a",
    "%0Ax.css",
    "%09.ico",
    "%20",
    "%23.css",
    "%3f.css",
    "/",
    "//",
    "/..;/x.css",
    "/page.css",
    "/page/",
    "/page/x.css",
    "/page%2fx.css",
    "/page;.js",
    "/page%00",
    "/page%23.png",
    "/page%3f.css",
    "\u00e9.css",
]


def test_no_suffix_makes_a_cache_keep_a_receipt(service: Service) -> None:
    """An address that looks like a file's has nothing, for whose choice it is too."""
    made = service.choose("accept_all").json()
    assert service.get(f"/receipts/{made['event_id']}").status_code == 200
    for suffix in SUFFIXES:
        answer = service.get(f"/receipts/{made['event_id']}{suffix}")
        assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store"), suffix
        assert made["visitor"] not in answer.text


def test_a_query_is_read_as_strictly_as_everywhere(service: Service) -> None:
    """What is unknown, malformed or doubled is refused; what a page declares is taken."""
    made = service.choose("accept_all").json()
    path = f"/receipts/{made['event_id']}"
    for query in ("?x=1", "?.css", "?lang=en&lang=de", "?age=abc"):
        answer = service.get(path + query)
        assert (answer.status_code, answer.headers["cache-control"]) == (400, "no-store"), query
    assert service.get(f"{path}?age=15&residence=DE&gpc=1").status_code == 200


# ---------------------------------------------------------------- when there is none yet


async def never(log: int, size: int, seconds: float) -> bool:
    """No checkpoint comes."""
    del log, size, seconds
    return False


def test_a_choice_that_is_not_signed_yet_has_its_receipt_later(service: Service) -> None:
    """503 with its own code and ``Retry-After``, on a service whose clock fell behind its log's."""
    house = service.client.app.state.house  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    receipt_of(service, chosen(service))
    service.clock.forward(seconds=-3600)
    service.client.app.state.house = dataclasses.replace(  # type: ignore[attr-defined]  # likewise
        house, receipts=Receipts(house.ctx.store, never)
    )
    made = chosen(service)
    answer = receipt_of(service, made)

    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "receipt_not_ready"
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["cache-control"] == "no-store"
    service.client.app.state.house = house  # type: ignore[attr-defined]  # likewise
    service.clock.forward(seconds=3600)
    assert receipt_of(service, made).status_code == 200


def test_what_is_not_as_it_was_signed_gets_no_receipt(tmp_path: Path) -> None:
    """Better none than one that fails when it is needed; the operator is told."""
    with running(tmp_path) as service:
        made = service.choose("accept_all").json()
        assert receipt_of(service, made).status_code == 200
        with sqlite3.connect(tmp_path / "holdfire.db") as database:
            for (name,) in database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                database.execute(f"DROP TRIGGER {name}")
            database.execute(
                "UPDATE evidence SET body = CAST("
                "replace(CAST(body AS TEXT), 'accept_all', 'reject_all') AS BLOB)"
            )
        answer = receipt_of(service, made)

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "log_refused")


def test_behind_a_closed_fence_nothing_is_proved(service: Service) -> None:
    """A log that is not gone on with is not read, nor served; what people hold is as good as ever."""
    made = chosen(service)
    kept = receipt_of(service, made).content
    tile = "/log/tile/0/000.p/1"
    assert service.client.get(tile).status_code == 200
    store_of(service)._fence.close("The log is another.")  # type: ignore[attr-defined]  # of SqliteStore
    asked = [service.client.get(path) for path in ("/log/checkpoint", tile)]

    for answer in (receipt_of(service, made), page_of(service, made), *asked):
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "log_refused")
        assert answer.headers["cache-control"] == "no-store"
    assert verdict_on(service, kept).outcome == "verified"


# ---------------------------------------------------------------- what a proof costs


class Counting:
    """A log of any size, made up tile by tile, which counts how many are read."""

    def __init__(self) -> None:
        self.read: list[Tile] = []

    async def tile(self, log: int, tile: Tile) -> bytes:
        """Hashes, each the same whenever it is asked for."""
        self.read.append(tile)
        names = range(tile.index * FULL, tile.index * FULL + tile.width)
        return b"".join(sha256(f"{log} {tile.level} {n}".encode()).digest() for n in names)


@pytest.mark.parametrize(("size", "most"), [(10_000, 4), (1_000_003, 6), (10_000_019, 6)])
async def test_a_proof_reads_few_tiles(size: int, most: int) -> None:
    """Two for each level of tiles, of which ten million entries have three; none twice, if full."""
    log = Counting()
    for index in (0, 1, 255, 256, size // 3, size // 2, size - 300, size - 2, size - 1):
        tree, ranges = Tree(cast("Store", log)), inclusion_ranges(index, size)
        path = await tree.hashes(1, size, ranges)
        first = log.read
        log.read = []

        assert len(path) == len(ranges)
        assert len(first) <= most
        assert await tree.hashes(1, size, ranges) == path
        assert all(tile.width < FULL for tile in log.read)
        log.read = []


async def test_only_so_many_tiles_are_kept() -> None:
    """The one that was used longest ago goes first; those of two logs are not mixed up."""
    log = Counting()
    tree = Tree(cast("Store", log), kept=2)
    one, two, three = (Tile(0, index) for index in range(3))
    for tile in (one, two, one, three, one, two):
        await tree.tile(1, tile)

    assert log.read == [one, two, three, two]
    assert await tree.tile(1, one) != await tree.tile(2, one)


# ---------------------------------------------------------------- the page


class Reader(HTMLParser):
    """What a browser would find in a page: text, and every attribute of every element."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data

    def first(self, tag: str) -> dict[str, str | None]:
        """The attributes of the first element of a name."""
        return next(attributes for name, attributes in self.elements if name == tag)


def page_of(service: Service, made: dict[str, Any]) -> httpx2.Response:
    """The page of a choice, asked for by whose it is."""
    return service.get(f"/receipts/{made['event_id']}/page", headers=bearing(made["token"]))


def test_the_page_says_what_was_chosen_when_and_under_which_text(service: Service) -> None:
    """In the words of the preference centre; the law, the place in the log and digests below."""
    made = service.post(
        service.choice(
            "save", categories={"functional": True, "analytics": False, "marketing": False}
        ),
        query="?geo=DE&gpc=1",
    ).json()
    text = Reader(page_of(service, made).text).text

    for said in (
        "Receipt for a choice about cookies",
        "Site: Fernweh Supply",
        f"Visitor number: {made['visitor']}",
        "Saved a choice",
        "2026-11-21 12:00:00 UTC",
        "Valid until 2027-05-20",
        "Allowed: Preferences",
        "Refused: Statistics, Marketing",
        f"Record 1, text version {service.site.version}",
        "Germany (de, opt-in)",
        made["event_id"],
        "localhost/log/2026",
        "holdfire verify receipt demo-1.tlog-proof --policy policy",
    ):
        assert said in text, said
    (choice,) = service.get("/choices", headers=bearing(made["token"])).json()["choices"]
    assert choice["texts"] in text
    assert choice["config"] in text


def test_the_page_has_the_receipt_inside(service: Service) -> None:
    """A copy that was kept still has the file, and it verifies."""
    made = service.choose("accept_all").json()
    link = Reader(page_of(service, made).text).first("a")
    kind, _, encoded = str(link["href"]).partition(",")

    assert link["download"] == "demo-1.tlog-proof"
    assert kind == "data:text/plain;base64"
    assert verdict_on(service, base64.b64decode(encoded)).outcome == "verified"


def test_the_page_loads_nothing_and_runs_nothing(service: Service) -> None:
    """No script, one style that the policy names by its hash, in the header and in the page."""
    made = service.choose("accept_all").json()
    answer = page_of(service, made)
    read = Reader(answer.text)
    policy = answer.headers["content-security-policy"]

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-store"
    assert re.fullmatch(
        r"default-src 'none'; base-uri 'none'; form-action 'none'; "
        r"style-src 'sha256-[A-Za-z0-9+/]{43}='; frame-ancestors 'none'",
        policy,
    )
    (meta,) = [a["content"] for _, a in read.elements if "http-equiv" in a]
    assert policy == f"{meta}; frame-ancestors 'none'"
    assert {tag for tag, _ in read.elements}.isdisjoint({"script", "img", "link", "iframe", "form"})
    names = {name for _, attributes in read.elements for name in attributes}
    assert not [name for name in names if name.startswith("on") or name in {"style", "src"}]


def test_the_page_has_no_link_that_is_dead_in_a_copy(service: Service) -> None:
    """Its one link is the receipt inside; the service's own addresses are said, not linked."""
    made = service.choose("accept_all").json()
    read = Reader(page_of(service, made).text)

    links = [str(attributes["href"]) for _, attributes in read.elements if "href" in attributes]
    assert [link.partition(",")[0] for link in links] == ["data:text/plain;base64"]
    assert "(/log/policy)" in read.text
    assert "(/verify)" in read.text


@pytest.mark.parametrize(("language", "direction"), [("ar", "rtl"), ("de", "ltr"), ("ja", "ltr")])
def test_the_page_is_in_the_language_of_the_choice(
    service: Service, language: str, direction: str
) -> None:
    """What was asked in Arabic is told in Arabic, from the right; the technical part stays English."""
    made = service.choose("accept_all", language=language).json()
    answer = page_of(service, made)
    read = Reader(answer.text)
    texts = service.site.texts[language]

    assert answer.headers["content-language"] == language
    assert (read.first("html")["lang"], read.first("html")["dir"]) == (language, direction)
    assert texts["receipt.title"] in read.text
    assert texts["action.accept_all"] in read.text
    (technical,) = [a for tag, a in read.elements if tag == "div"]
    assert (technical["lang"], technical["dir"]) == ("en", "ltr")


HOSTILE = "<script>alert(1)</script>\"'&{visitor}\u202e"


def test_whatever_a_site_is_called_stays_text(tmp_path: Path) -> None:
    """Names and texts of site files, which may be anybody's, are written as text."""
    shop = demo_site()
    texts = {**shop.texts["en"], "category.analytics.title": HOSTILE, "history.now": HOSTILE}
    site = msgspec.structs.replace(
        shop, name=HOSTILE, texts={**shop.texts, "en": {**texts, "action.save": HOSTILE}}
    )
    with running(tmp_path, site=site) as service:
        made = service.choose("save").json()
        read = Reader(page_of(service, made).text)

    assert read.text.count("<script>alert(1)</script>") == 4  # title, site, action, category
    assert "script" not in {tag for tag, _ in read.elements}


def test_an_act_by_the_browsers_signal_is_called_so(service: Service) -> None:
    """GPC that the page remembered is no button that somebody pressed."""
    made = service.post(
        service.choice(
            "opt_out",
            categories={"functional": True, "analytics": True, "marketing": False},
            layer=0,
            control="gpc",
        ),
        query="?gpc=1",
    ).json()

    assert "Opted out by the browser’s signal (GPC)" in Reader(page_of(service, made).text).text
