"""A choice is carried to a sister site: what of it holds there, and all the ways in which it does not."""

import asyncio
import base64
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from starlette.testclient import TestClient

from holdfire import app, evidence
from holdfire.errors import ConfigError
from holdfire.evidence import Evidence
from holdfire.model import Site
from holdfire.record import Record
from holdfire.sites import load_locales, load_sites
from holdfire.sites.texts import Locales
from house import PEERS, ROOT, Clock, settings
from stores import Database, SqliteDatabase

SHOP = "https://shop.example"
BLOG = "https://blog.example"
OTHER = "https://elsewhere.example"
PLACE = "?geo=DE"

FILE = """\
name = "{name}"
origins = ["https://{name}.example"]
default_language = "en"
languages = ["en", "de"]
{sisters}

[links]
privacy_policy = "https://{name}.example/privacy"

[[category]]
id = "necessary"

[[category]]
id = "functional"

[[category]]
id = "analytics"

[[category]]
id = "marketing"
sale = true
{more}
[[service]]
id = "plausible"
name = "Plausible"
category = "analytics"
provider = "Plausible Insights OÜ"
hosts = ["plausible.io"]
"""
PIXEL = """
[[service]]
id = "pixel"
name = "Pixel"
category = "marketing"
provider = "Somebody"
hosts = ["pixel.example"]
"""
ALL = {"functional": True, "analytics": True, "marketing": True}
NONE = dict.fromkeys(ALL, False)


def site_file(name: str, *sisters: str, more: str = "", services: str = "") -> str:
    """The file of a site with the usual four categories and one service."""
    listed = f"sisters = {json.dumps(sisters)}" if sisters else ""
    return FILE.format(name=name, sisters=listed, more=more) + services


@cache
def locales() -> Locales:
    """The texts of the interface, read once."""
    return load_locales(ROOT / "config/locales")


def load(folder: Path, **files: str) -> dict[str, Site]:
    """The sites of these files."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)
    return load_sites(folder, locales())


@dataclass
class Browser:
    """One visitor's browser, at the pages of either site."""

    client: TestClient
    clock: Clock
    sites: dict[str, Site]

    def post(
        self, site: str, what: str, body: object, *, query: str = PLACE, **headers: str
    ) -> httpx2.Response:
        """POST from a page of the site, unless ``origin`` says otherwise."""
        sent = {"origin": f"https://{site}.example", "content-type": "application/json", **headers}
        url = f"/v1/sites/{site}/{what}{query}"
        if isinstance(body, bytes):
            return self.client.post(url, content=body, headers=sent)
        return self.client.post(url, json=body, headers=sent)

    def choose(self, site: str, action: str, query: str = PLACE, **members: Any) -> dict[str, Any]:
        """Make a choice; it is recorded."""
        states = {"accept_all": ALL, "acknowledge": ALL}.get(action, NONE)
        body = {
            "event_id": str(uuid.uuid4()),
            "action": action,
            "categories": states,
            "notice_version": self.sites[site].version,
            "language": "en",
            "layer": 1,
            "control": action,
            "client_time": f"{self.time()}Z",
            **members,
        }
        answer = self.post(site, "choices", body, query=query)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def time(self) -> str:
        """The clock, as a page would tell it."""
        seconds = int(self.clock.now) % 86_400
        return f"2026-11-21T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"

    def hand_over(self, site: str = "shop", to: str = "blog", **headers: str) -> httpx2.Response:
        """Ask for a token at one site."""
        return self.post(site, "handoffs", {"site": to}, **headers)

    def token(self) -> str:
        """A token from the shop for the blog."""
        answer = self.hand_over()
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    def take_over(
        self, token: str, site: str = "blog", *, came_from: str = SHOP, **more: str
    ) -> httpx2.Response:
        """Bring a token to the other."""
        return self.post(site, "takeovers", {"token": token, "from": came_from}, **more)

    def reasons(self, site: str = "blog", query: str = PLACE) -> dict[str, str]:
        """Why each category is decided as it is."""
        answer = self.client.get(f"/v1/sites/{site}/decisions{query}").json()
        return {key: decision["reason"] for key, decision in answer["categories"].items()}

    def prompt(self, site: str = "blog") -> str:
        """Whether the visitor is to be asked."""
        return str(self.client.get(f"/v1/sites/{site}/notice{PLACE}").json()["prompt"])

    def records(self, site: str) -> list[Record]:
        """The log of one site."""
        store = self.client.app.state.house.ctx.store  # type: ignore[attr-defined]  # the client types it as any ASGI callable

        async def read() -> list[Record]:
            return [record async for record in store.scan(site)]

        assert self.client.portal is not None
        return self.client.portal.call(read)

    def proofs(self, site: str) -> list[Evidence]:
        """What the records of one site prove."""
        return [evidence.read(record) for record in self.records(site)]

    def forget(self) -> None:
        """As another browser would come."""
        self.client.cookies.clear()


@contextmanager
def browsing(
    folder: Path, sites: dict[str, Site], peer: str = PEERS["US-CA"], **more: Any
) -> Iterator[Browser]:
    """A service for these sites, and a browser at ``peer``."""
    clock = Clock()
    built = app.build(settings(folder, **more), sites, demo=True, clock=clock, prebuild=False)
    with TestClient(
        built, base_url=SHOP, client=(peer, 50_000), raise_server_exceptions=False
    ) as client:
        yield Browser(client, clock, sites)


def sisters(folder: Path, **more: str) -> dict[str, Site]:
    """A shop and its blog, alike in everything, unless ``blog_more`` or ``blog_services`` say so."""
    return load(
        folder / "sites",
        shop=site_file("shop", "blog", services=more.get("shop_services", "")),
        blog=site_file(
            "blog",
            "shop",
            more=more.get("blog_more", ""),
            services=more.get("blog_services", ""),
        ),
    )


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A browser, and two sister sites."""
    with browsing(tmp_path, sisters(tmp_path)) as found:
        yield found


# ---------------------------------------------------------------- what is carried


def test_a_consent_is_carried_and_recorded_on_both_sides(
    tmp_path: Path, database: Database
) -> None:
    """The sister allows what was allowed, asks nothing, and either log says what went where."""
    url = f"sqlite:///{database.path}" if isinstance(database, SqliteDatabase) else database.url
    with browsing(tmp_path, sisters(tmp_path), database=url) as browser:
        chosen = browser.choose("shop", "accept_all")
        browser.clock.forward(seconds=30)
        answer = browser.take_over(browser.token())

        assert answer.status_code == 201
        assert answer.json()["seq"] == 1
        assert "holdfire_blog" in answer.headers["set-cookie"]
        assert browser.prompt() == "link"
        assert set(browser.reasons().values()) == {"necessary", "choice_granted"}
        act, handed = browser.proofs("shop")
        (taken,) = browser.proofs("blog")
        assert (handed.control, handed.via) == ("hand_over", "hand_off")
        assert handed.handed_to
        assert (handed.handed_to.site, handed.handed_to.event_id) == ("blog", act.event_id)
        assert (taken.action, taken.control, taken.via) == ("save", "hand_off", "hand_off")
        assert taken.taken_from
        assert (taken.taken_from.site, taken.taken_from.event_id) == ("shop", chosen["event_id"])
        assert taken.effective == ALL


def test_a_refusal_is_carried(browser: Browser) -> None:
    """Who refused at the one is not asked at the other, and is refused there."""
    browser.choose("shop", "reject_all")
    answer = browser.take_over(browser.token())

    assert answer.status_code == 201
    assert browser.proofs("blog")[0].action == "reject_all"
    assert set(browser.reasons().values()) == {"necessary", "choice_denied"}
    assert browser.prompt() == "link"


def test_a_consent_lives_no_longer_for_being_carried(browser: Browser) -> None:
    """Its lifetime counts from the day it was given, on both sites."""
    given = browser.choose("shop", "accept_all")
    browser.clock.forward(days=100)
    taken = browser.take_over(browser.token()).json()

    assert taken["valid_until"] == given["valid_until"]
    browser.clock.forward(days=81)
    assert browser.reasons()["analytics"] == "choice_expired"
    assert browser.prompt() == "banner"


def test_each_site_knows_the_visitor_by_another_name(browser: Browser) -> None:
    """No pseudonym of the one is in the token, in the answer, or in any record of the other."""
    first = browser.choose("shop", "accept_all")
    token = browser.token()
    payload = token.partition(".")[0]
    told = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
    answer = browser.take_over(token)
    (record,) = browser.records("blog")

    assert answer.json()["visitor"] == record.visitor != first["visitor"]
    for text in (told, answer.text, record.evidence.decode(), record.subject.decode()):
        assert first["visitor"] not in text
    for text in (told, answer.text):
        assert first["event_id"] not in text


def test_withdrawal_is_each_sites_own(browser: Browser) -> None:
    """What was carried is the sister's own choice from then on: it is withdrawn there."""
    browser.choose("shop", "accept_all")
    browser.take_over(browser.token())
    browser.choose("blog", "withdraw")

    assert browser.reasons("blog")["analytics"] == "choice_denied"
    assert browser.reasons("shop")["analytics"] == "choice_granted"


def test_an_act_is_recorded_as_handed_over_once(browser: Browser) -> None:
    """However often a page asks, the log has one record for an act and a site."""
    browser.choose("shop", "accept_all")
    tokens = {browser.token() for _ in range(3)}

    assert len(tokens) == 3
    assert [proof.control for proof in browser.proofs("shop")] == ["accept_all", "hand_over"]


def test_handing_over_changes_nothing_where_the_choice_was_made(browser: Browser) -> None:
    """The record of a disclosure is no act: what holds, until when, and its number stay."""
    browser.choose("shop", "accept_all")
    before = browser.client.get(f"/v1/sites/shop/decisions{PLACE}").json()
    browser.token()

    assert browser.client.get(f"/v1/sites/shop/decisions{PLACE}").json() == before
    assert len(browser.client.get("/v1/sites/shop/choices").json()["choices"]) == 1
    assert browser.choose("shop", "withdraw")["seq"] == 2


# ---------------------------------------------------------------- what of it


def test_a_category_is_carried_only_if_the_visitor_was_told_of_its_services(
    tmp_path: Path,
) -> None:
    """A service that the sister has and the sender had not: no consent, and the visitor is asked."""
    with browsing(tmp_path, sisters(tmp_path, blog_services=PIXEL)) as browser:
        browser.choose("shop", "accept_all")
        browser.take_over(browser.token())

        assert browser.proofs("blog")[0].effective == {"functional": True, "analytics": True}
        assert browser.reasons()["analytics"] == "choice_granted"
        assert browser.reasons()["marketing"] == "default_denied"
        assert browser.prompt() == "banner"


def test_a_refusal_needs_no_such_thing(tmp_path: Path) -> None:
    """Who refuses marketing refuses it whatever the sister does under that name."""
    with browsing(tmp_path, sisters(tmp_path, blog_services=PIXEL)) as browser:
        browser.choose("shop", "reject_all")
        browser.take_over(browser.token())

        assert browser.reasons()["marketing"] == "choice_denied"


def test_fewer_services_than_were_told_of_are_fine(tmp_path: Path) -> None:
    """The visitor said yes to more than the sister does."""
    with browsing(tmp_path, sisters(tmp_path, shop_services=PIXEL)) as browser:
        browser.choose("shop", "accept_all")
        browser.take_over(browser.token())

        assert browser.reasons()["marketing"] == "choice_granted"


def test_a_category_that_the_sender_has_not_is_asked_for(tmp_path: Path) -> None:
    """Nothing is said of it; the rest is carried."""
    more = '\n[[category]]\nid = "loyalty"\nstandard = "marketing"\n'
    texts = "".join(
        f'\n[texts.{language}]\n"category.loyalty.title" = "L"\n"category.loyalty.text" = "L"\n'
        for language in ("en", "de")
    )
    with browsing(tmp_path, sisters(tmp_path, blog_more=more, blog_services=texts)) as browser:
        browser.choose("shop", "accept_all")
        browser.take_over(browser.token())

        assert browser.reasons()["loyalty"] == "default_denied"
        assert browser.reasons()["analytics"] == "choice_granted"
        assert browser.prompt() == "banner"


def test_the_same_name_for_another_thing_carries_no_consent(tmp_path: Path) -> None:
    """A category that is explained in other words is another one to agree to."""
    texts = "".join(
        f'\n[texts.{language}]\n"category.analytics.text" = "Everything you do."\n'
        for language in ("en", "de")
    )
    with browsing(tmp_path, sisters(tmp_path, blog_services=texts)) as browser:
        browser.choose("shop", "accept_all")
        browser.take_over(browser.token())

        assert browser.reasons()["analytics"] == "default_denied"
        assert browser.reasons()["functional"] == "choice_granted"


def test_a_service_that_was_refused_is_refused_there(browser: Browser) -> None:
    """Within a category that was allowed, too."""
    browser.choose("shop", "save", categories=ALL, services={"plausible": False})
    browser.take_over(browser.token())
    answer = browser.client.get(f"/v1/sites/blog/decision{PLACE}&service=plausible").json()

    assert answer["reason"] == "choice_denied"
    assert browser.reasons()["analytics"] == "choice_granted"


def test_an_opt_out_of_the_sale_is_carried_under_any_name(tmp_path: Path) -> None:
    """Who objects to the sale of their data in California objects to the sister's, too."""
    more = '\n[[category]]\nid = "partners"\nstandard = "marketing"\nsale = true\n'
    texts = "".join(
        f'\n[texts.{language}]\n"category.partners.title" = "P"\n"category.partners.text" = "P"\n'
        for language in ("en", "de")
    )
    with browsing(tmp_path, sisters(tmp_path, blog_more=more, blog_services=texts)) as browser:
        allowed = {**ALL, "marketing": False}
        browser.choose("shop", "opt_out", query="", categories=allowed)
        token = browser.token()
        browser.take_over(token, query="")

        assert browser.reasons(query="")["partners"] == "choice_denied"
        assert browser.reasons(query="")["marketing"] == "choice_denied"
        assert browser.reasons(query="")["analytics"] == "default_granted"


def test_what_was_only_left_on_is_no_consent_to_carry(browser: Browser) -> None:
    """A switch that the law had on and nobody touched opens nothing in a place that asks."""
    browser.choose("shop", "save", query="", categories=ALL)
    answer = browser.take_over(browser.token())

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "nothing_to_carry")
    assert browser.records("blog") == []


def test_a_signal_at_the_sister_beats_a_consent_that_was_carried(browser: Browser) -> None:
    """Nobody told the visitor there what the signal means, so it denies."""
    browser.choose("shop", "accept_all", query="")
    token = browser.token()
    browser.take_over(token, query="?gpc=1")

    assert browser.reasons(query="?gpc=1")["marketing"] == "gpc"


def test_an_age_goes_along(browser: Browser) -> None:
    """Who said at the sender to be a child is one at the sister."""
    browser.choose("shop", "reject_all", query="?geo=DE&age=12")
    browser.take_over(browser.token())

    assert browser.proofs("blog")[0].age == 12


def test_a_notice_that_changed_since_carries_no_consent(browser: Browser) -> None:
    """What no longer stands at the sender does not come to stand at the sister."""
    browser.choose("shop", "accept_all", notice_version="0" * 16)

    assert browser.take_over(browser.token()).status_code == 409
    assert browser.records("blog") == []


def test_a_choice_is_carried_no_further(tmp_path: Path) -> None:
    """A consent goes one step: who took it over has none of its own to hand on."""
    sites = load(
        tmp_path / "sites",
        shop=site_file("shop", "blog"),
        blog=site_file("blog", "shop", "club"),
        club=site_file("club", "blog"),
    )
    with browsing(tmp_path, sites) as browser:
        browser.choose("shop", "accept_all")
        browser.take_over(browser.token())
        onward = browser.hand_over("blog", "club").json()["token"]

        assert browser.take_over(onward, "club", came_from=BLOG).status_code == 409
        assert browser.records("club") == []


# ---------------------------------------------------------------- who has chosen there already


def test_a_refusal_that_was_made_there_stays(browser: Browser) -> None:
    """A consent that is carried never undoes what the visitor said at the site itself."""
    browser.choose("blog", "reject_all")
    browser.clock.forward(seconds=60)
    browser.choose("shop", "accept_all")
    answer = browser.take_over(browser.token())

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "nothing_to_carry")
    assert set(browser.reasons().values()) == {"necessary", "choice_denied"}
    assert len(browser.records("blog")) == 1


def test_a_refusal_narrows_what_was_allowed_there(browser: Browser) -> None:
    """What was refused at the sender is refused; the rest stays as it was, and as long."""
    before = browser.choose("blog", "accept_all")
    browser.clock.forward(seconds=60)
    browser.choose("shop", "save", categories={**ALL, "marketing": False})
    answer = browser.take_over(browser.token()).json()

    assert (answer["visitor"], answer["seq"]) == (before["visitor"], 2)
    assert answer["valid_until"] == before["valid_until"]
    assert browser.reasons() == {
        "necessary": "necessary",
        "functional": "choice_granted",
        "analytics": "choice_granted",
        "marketing": "choice_denied",
    }


def test_an_act_meanwhile_is_not_overwritten(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A withdrawal that is recorded while a hand-off is being read stands."""
    kept = browser.choose("blog", "accept_all")["token"]
    browser.choose("shop", "save", categories={**ALL, "marketing": False})
    token = browser.token()
    store = browser.client.app.state.house.ctx.store  # type: ignore[attr-defined]  # the client types it as any ASGI callable
    append, held = store.append, asyncio.Event()

    async def slow(draft: Any) -> Any:
        if b'"control":"hand_off"' in draft.evidence:
            # The withdrawal comes in between.
            earlier = (await store.latest("blog", draft.visitor)).evidence
            withdrawn = msgspec.structs.replace(
                draft,
                event_id=str(uuid.uuid4()),
                after=None,
                evidence=earlier.replace(b'"action":"accept_all"', b'"action":"withdraw"').replace(
                    b":true", b":false"
                ),
            )
            await append(withdrawn)
            held.set()
        return await append(draft)

    monkeypatch.setattr(store, "append", slow)
    answer = browser.take_over(token, authorization=f"Bearer {kept}")

    assert held.is_set()
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "overtaken")
    assert len(browser.records("blog")) == 2
    assert browser.reasons()["analytics"] == "choice_denied"


# ---------------------------------------------------------------- once, soon, there, by the same


def refused(answer: httpx2.Response, status: int, code: str) -> None:
    """The one error body, and nothing that a browser would keep."""
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "set-cookie" not in answer.headers


def test_a_token_is_good_for_once(browser: Browser) -> None:
    """The second time it is gone, for the same browser and for any other, and writes nothing."""
    browser.choose("shop", "accept_all")
    token = browser.token()
    assert browser.take_over(token).status_code == 201

    refused(browser.take_over(token), 409, "nothing_to_carry")
    browser.forget()
    refused(browser.take_over(token), 410, "hand_off_spent")
    assert len(browser.records("blog")) == 1


def test_a_token_is_good_for_two_minutes(browser: Browser) -> None:
    """It says so, and holds to it."""
    browser.choose("shop", "accept_all")
    answer = browser.hand_over().json()
    assert answer["expires_at"] == "2026-11-21T12:02:00Z"
    browser.clock.forward(seconds=120)

    refused(browser.take_over(answer["token"]), 410, "hand_off_spent")
    assert browser.records("blog") == []


def test_a_withdrawal_in_between_wins(browser: Browser) -> None:
    """What was handed over and then withdrawn does not arrive."""
    browser.choose("shop", "accept_all")
    token = browser.token()
    browser.choose("shop", "withdraw")

    refused(browser.take_over(token), 410, "hand_off_spent")
    assert browser.records("blog") == []


def test_a_token_is_for_one_site(tmp_path: Path) -> None:
    """Not even another sister may take it."""
    sites = load(
        tmp_path / "sites",
        shop=site_file("shop", "blog", "club"),
        blog=site_file("blog", "shop"),
        club=site_file("club", "shop"),
    )
    with browsing(tmp_path, sites) as browser:
        browser.choose("shop", "accept_all")
        token = browser.token()

        refused(browser.take_over(token, "club"), 400, "hand_off_invalid")
        refused(browser.take_over(token, "shop"), 400, "hand_off_invalid")


def test_no_other_network_may_use_it(tmp_path: Path) -> None:
    """A token that somebody made for themselves is no good in another's browser."""
    sites = sisters(tmp_path)
    with browsing(tmp_path, sites) as attacker:
        attacker.choose("shop", "accept_all")
        token = attacker.token()
        attacker.client._transport.client = (PEERS["US-CO"], 50_000)  # type: ignore[attr-defined]  # the same service, asked from elsewhere
        attacker.forget()

        refused(attacker.take_over(token), 400, "hand_off_invalid")
        assert attacker.records("blog") == []


@pytest.mark.parametrize("origin", [OTHER, BLOG, f"{SHOP}:444", "http://shop.example"])
def test_only_who_comes_from_the_sender_may_use_it(browser: Browser, origin: str) -> None:
    """A link with a token that stands anywhere else carries nothing."""
    browser.choose("shop", "accept_all")
    token = browser.token()

    refused(browser.take_over(token, came_from=origin), 400, "hand_off_invalid")
    assert browser.records("blog") == []


def test_no_tampered_token_is_taken(browser: Browser) -> None:
    """Not one character can be another, nor missing."""
    browser.choose("shop", "accept_all")
    token = browser.token()
    # The last character of a base64 digest has bits that mean nothing.
    for index, character in enumerate(token[:-1]):
        other = "A" if character != "A" else "B"
        tampered = token[:index] + other + token[index + 1 :]
        refused(browser.take_over(tampered), 400, "hand_off_invalid")
    for length in (1, len(token) // 2, len(token) - 1):
        refused(browser.take_over(token[:length]), 400, "hand_off_invalid")
    assert browser.records("blog") == []
    assert browser.take_over(token).status_code == 201


def test_a_visitor_token_is_no_hand_off_and_the_other_way_round(browser: Browser) -> None:
    """Each is signed for one purpose."""
    visitors = browser.choose("shop", "accept_all")["token"]
    token = browser.token()

    refused(browser.take_over(visitors), 400, "hand_off_invalid")
    header = {"authorization": f"Bearer {token}"}
    for site in ("shop", "blog"):
        answer = browser.client.get(f"/v1/sites/{site}/decisions{PLACE}", headers=header)
        refused(answer, 401, "token_invalid")


@pytest.mark.parametrize("origin", [OTHER, SHOP + "/", "null"])
def test_foreign_pages_can_neither_hand_over_nor_take(browser: Browser, origin: str) -> None:
    """Either needs an origin of the site's own list, which a browser does not lie about."""
    browser.choose("shop", "accept_all")
    token = browser.token()

    refused(browser.hand_over(origin=origin), 403, "origin_refused")
    refused(browser.take_over(token, origin=origin), 403, "origin_refused")
    refused(browser.take_over(token, origin=SHOP), 403, "origin_refused")


def test_a_query_string_does_nothing(browser: Browser) -> None:
    """No address of the service takes a token from a query: it is refused, or passed over."""
    browser.choose("shop", "accept_all")
    token = browser.token()
    query = f"{PLACE}&holdfire={token}"

    for path in ("notice", "decisions", "choices"):
        refused(browser.client.get(f"/v1/sites/blog/{path}{query}"), 400, "bad_query")
    assert "set-cookie" not in browser.client.get(f"/s/blog.js{query}").headers
    refused(browser.post("blog", "takeovers", {}, query=query), 400, "bad_query")
    assert browser.records("blog") == []
    assert browser.reasons()["analytics"] == "default_denied"


# ---------------------------------------------------------------- what there is to hand over


def test_who_has_not_chosen_has_nothing_to_hand_over(browser: Browser) -> None:
    """No token without a choice, and none for having closed a notice."""
    refused(browser.hand_over(), 409, "nothing_to_carry")
    browser.choose("shop", "acknowledge", query="")
    refused(browser.hand_over(), 409, "nothing_to_carry")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"site": "nobody"}', "bad_member"),
        (b'{"site": "shop"}', "bad_member"),
        (b'{"site": "../blog"}', "bad_member"),
        (b'{"site": "blog", "extra": 1}', "bad_member"),
        (b'{"site": "blog", "site": "blog"}', "bad_json"),
        (b"{}", "bad_member"),
        (b"[]", "bad_member"),
        (b"{", "bad_json"),
    ],
)
def test_a_hand_off_is_asked_for_in_one_way(browser: Browser, body: bytes, code: str) -> None:
    """A sister by its id, and nothing else."""
    browser.choose("shop", "accept_all")

    refused(browser.post("shop", "handoffs", body), 400, code)


@pytest.mark.parametrize(
    "change",
    [
        {"token": "a" * 513},
        {"token": ""},
        {"token": "a b"},
        {"token": 1},
        {"from": "shop.example"},
        {"from": "https://" + "a" * 300},
        {"from": None},
        {"visitor": "A" * 22},
    ],
)
def test_a_take_over_is_asked_for_in_one_way(browser: Browser, change: dict[str, Any]) -> None:
    """A token and an origin, each within its bounds, and nothing else."""
    body = {"token": "a.b", "from": SHOP, **change}

    refused(browser.post("blog", "takeovers", body), 400, "bad_member")


def test_a_body_must_say_that_it_is_json(browser: Browser) -> None:
    """What a form of any page could send is refused."""
    for site, what in (("shop", "handoffs"), ("blog", "takeovers")):
        answer = browser.post(site, what, b"{}", **{"content-type": "text/plain"})
        refused(answer, 415, "media_type_refused")


def test_pages_may_preflight_both(browser: Browser) -> None:
    """As they do a choice."""
    for site, what in (("shop", "handoffs"), ("blog", "takeovers")):
        answer = browser.client.options(
            f"/v1/sites/{site}/{what}", headers={"origin": f"https://{site}.example"}
        )
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-credentials"] == "true"


def test_without_the_store_nothing_is_signed_or_taken(browser: Browser, tmp_path: Path) -> None:
    """503, no token, no cookie, whoever asks."""
    browser.choose("shop", "accept_all")
    token = browser.token()
    for path in tmp_path.glob("holdfire.db*"):
        if path.suffix != ".lock":
            path.unlink()
    (tmp_path / "holdfire.db").mkdir()

    refused(browser.hand_over(), 503, "store_unavailable")
    refused(browser.take_over(token), 503, "store_unavailable")
    browser.forget()
    refused(browser.hand_over(), 503, "store_unavailable")


# ---------------------------------------------------------------- sisters


def faults(folder: Path, **files: str) -> list[str]:
    """What stops the start, by its key."""
    with pytest.raises(ConfigError) as found:
        load(folder, **files)
    return [problem.key for problem in found.value.problems]


def test_both_sites_have_to_say_that_they_are_sisters(tmp_path: Path) -> None:
    """One side alone, a site that is not there, and the site itself: each stops the start."""
    blog = site_file("blog")

    assert faults(tmp_path / "a", shop=site_file("shop", "blog"), blog=blog) == ["sisters[blog]"]
    assert faults(tmp_path / "b", shop=site_file("shop", "bolg"), blog=blog) == ["sisters[bolg]"]
    assert faults(tmp_path / "c", shop=site_file("shop", "shop")) == ["sisters[shop]"]


def test_a_sister_whose_own_file_is_at_fault_is_blamed_alone(tmp_path: Path) -> None:
    """What is wrong is said once."""
    broken = site_file("blog", "shop").replace('name = "blog"', 'name = ""')

    assert faults(tmp_path / "a", shop=site_file("shop", "blog"), blog=broken) == ["name"]


def test_a_new_sister_is_a_change_of_notice(tmp_path: Path) -> None:
    """Who agreed before the sister was named did not agree to have it told."""
    alone = load(tmp_path / "a", shop=site_file("shop"))["shop"]
    joined = sisters(tmp_path)["shop"]

    assert joined.version != alone.version
    assert joined.sisters == {"blog": (BLOG,)}


def test_a_sister_that_is_no_longer_listed_gets_nothing(tmp_path: Path) -> None:
    """A token from before is refused once the sites have parted."""
    folder = tmp_path / "one"
    folder.mkdir()
    sites = sisters(folder)
    with browsing(folder, sites) as browser:
        browser.choose("shop", "accept_all")
        token = browser.token()
    parted = {key: msgspec.structs.replace(site, sisters={}) for key, site in sites.items()}
    with browsing(folder, parted) as browser:
        refused(browser.take_over(token), 400, "hand_off_invalid")
