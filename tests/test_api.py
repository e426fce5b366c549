"""What pages, tags and servers are answered, through HTTP only."""

import gzip
import json
import re
from pathlib import Path

import brotli
import pytest

from handed import handed_in
from house import ORIGIN, PEERS, STATED, Service, running

# ---------------------------------------------------------------- the notice


def test_a_notice_says_what_holds_and_why(service: Service) -> None:
    """In California nothing is asked first, and the sale may be opted out of by link."""
    notice = service.get("/notice").json()

    assert notice["regime"] == {"id": "us-ca", "model": "opt_out"}
    assert notice["location"] == {
        "country": "US",
        "region": "CA",
        "source": "database",
        "confidence": "medium",
    }
    assert notice["prompt"] == "link"
    assert notice["links"] == ["choices"]
    assert notice["signals"] == {"gpc": False, "dnt": None}
    assert notice["opt_out_status"] == "none"
    assert notice["version"] == service.site.version
    assert {c["id"]: c["reason"] for c in notice["categories"]} == {
        "necessary": "necessary",
        "functional": "default_granted",
        "analytics": "default_granted",
        "marketing": "default_granted",
    }


def test_a_signal_is_obeyed_without_a_click(service: Service) -> None:
    """With GPC on, what carries a sale is denied and the status must be shown."""
    notice = service.get("/notice", headers={"sec-gpc": "1"}).json()

    assert notice["sale_or_share"] == {"allow": False, "reason": "gpc"}
    assert notice["opt_out_status"] == "required"


def test_an_unknown_place_gets_the_strictest_regime(tmp_path: Path) -> None:
    """A private address has no place, so everything is asked first."""
    with running(tmp_path, peer="10.1.2.3") as service:
        notice = service.get("/notice").json()

        assert notice["regime"]["id"] == "strictest"
        assert notice["location"]["source"] == "unknown"
        assert notice["prompt"] == "banner"


def test_the_language_is_negotiated(service: Service) -> None:
    """German is answered to who wants German, the default to who wants what is not there."""
    german = service.get("/notice", headers={"accept-language": "de-CH, en;q=0.5"}).json()
    other = service.get("/notice", headers={"accept-language": "tlh"}).json()

    assert german["language"] == "de"
    assert other["language"] == "en"


def test_only_the_demo_can_be_moved_by_a_query(service: Service, tmp_path: Path) -> None:
    """``?geo=`` works in the demo; ``serve`` refuses it as it refuses any unknown parameter."""
    assert service.get("/notice?geo=DE").json()["regime"]["id"] == "de"
    assert service.get("/notice?geo=US-CO").json()["regime"]["id"] == "us-co"
    with running(tmp_path / "served", demo=False) as served:
        assert served.get("/notice?geo=DE").status_code == 400
        assert b'"us-ca"' in served.client.get("/s/demo.js?geo=DE").content


@pytest.mark.parametrize("geo", ["", "D", "DEU", "DE-", "DE-TOOLONG", "D<", "DE-B/", "ÄÖ"])
def test_a_place_that_is_none_is_refused(service: Service, geo: str) -> None:
    """The demo's places are CC or CC-SUB."""
    assert service.client.get(f"{service.base}/notice", params={"geo": geo}).status_code == 400


# ---------------------------------------------------------------- the boot script


def test_the_boot_script_carries_the_notice(service: Service) -> None:
    """One request brings regime, rules and services, and is never shared."""
    answer = service.client.get("/s/demo.js")
    handed, _ = handed_in(answer.text)

    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "private, max-age=300"
    assert answer.headers["vary"].startswith("Accept-Encoding, Accept-Language")
    assert (handed["rules"]["regime"], handed["rules"]["model"]) == ("us-ca", "opt_out")
    assert handed["version"] == service.site.version
    assert handed["language"] == "en"
    assert "script" not in str(handed["services"])


def test_who_is_to_be_asked_gets_the_question_along(service: Service) -> None:
    """Without a cookie, and where the law asks, the first layer and its texts come in one request."""
    asked = service.client.get("/s/demo.js?geo=DE")
    _, words = handed_in(asked.text)

    assert words is not None
    assert words["texts"]["button.reject_all"] == "Alle ablehnen"
    assert not [key for key in words["texts"] if key.startswith(("preferences.", "history."))]
    assert (words["services"], words["languages"]) == ([], {})
    assert ',"act":()=>{' in asked.text
    assert ',"banner":()=>{' in asked.text


def test_who_is_not_asked_is_spared_the_question(service: Service) -> None:
    """Where the law asks nothing the first layer stays away; what makes an act comes to newcomers."""
    script = service.client.get("/s/demo.js?geo=US-CA").text

    assert handed_in(script)[1] is None
    assert ',"act":()=>{' in script
    assert ',"banner":()=>{' not in script


def test_who_comes_back_gets_the_core_alone(service: Service) -> None:
    """A cookie of the site, good or bad, means that there was a choice: the rest stays away."""
    service.client.cookies.set("holdfire_demo", "anything")

    script = service.client.get("/s/demo.js?geo=DE").text

    assert handed_in(script)[1] is None
    assert "{chunks:{__proto__:null},words:null,parts:[]}" in script


def test_a_returning_visitor_costs_one_revalidation(service: Service) -> None:
    """The tag that came with the script brings a 304 without a body."""
    first = service.client.get("/s/demo.js")
    again = service.client.get("/s/demo.js", headers={"if-none-match": first.headers["etag"]})
    other = service.client.get("/s/demo.js", headers={"if-none-match": '"something"'})

    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]
    assert other.status_code == 200


def test_every_encoding_holds_the_same_script(service: Service) -> None:
    """Brotli, gzip and identity decode to the same bytes under different tags."""
    raw: dict[str, bytes] = {}
    tags = set()
    for accept in ("br", "gzip", "identity", "gzip;q=0, br;q=0", "br;q=0, gzip"):
        with service.client.stream(
            "GET", "/s/demo.js", headers={"accept-encoding": accept}
        ) as answer:
            raw[accept] = b"".join(answer.iter_raw())
            tags.add(answer.headers["etag"])

    assert brotli.decompress(raw["br"]) == raw["identity"]
    assert gzip.decompress(raw["gzip"]) == raw["identity"]
    assert raw["gzip;q=0, br;q=0"] == raw["identity"]
    assert raw["br;q=0, gzip"] == raw["gzip"]
    assert len(tags) == 3


def test_the_tag_differs_where_the_law_does(service: Service) -> None:
    """No two places with different rules share a tag."""
    tags = {
        service.client.get(f"/s/demo.js?geo={geo}").headers["etag"]
        for geo in ("DE", "FR", "US-CA", "US-TX", "XX")
    }

    assert len(tags) == 5


def test_a_named_region_may_be_shared(service: Service) -> None:
    """The region in the path decides, whoever asks, so a CDN may keep it."""
    answer = service.client.get("/s/demo/de.js")

    assert answer.headers["cache-control"] == "public, max-age=300"
    assert handed_in(answer.text)[0]["rules"]["regime"] == "de"
    assert "{chunks:{__proto__:null},words:null,parts:[]}" in answer.text
    coloradan, _ = handed_in(service.client.get("/s/demo/us-co.js").text)
    assert coloradan["rules"]["regime"] == "us-co"
    assert service.client.get("/s/demo/..%2f.js").status_code == 404


def test_chunks_are_named_by_content_and_never_change(service: Service) -> None:
    """Their names come with the boot script, and all of them may be kept for ever."""
    handed, _ = handed_in(service.client.get("/s/demo.js").text)
    chunks = [f"{name}.{handed['sdk']}.js" for name in ("banner", "act", "preferences")]
    spoken = [f"{part}-demo-de.{handed['words']}.js" for part in ("words", "more")]
    for name in (*chunks, *spoken):
        answer = service.client.get(f"/assets/{name}")

        assert answer.status_code == 200, name
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"].startswith("text/javascript")
    assert service.client.get(f"/assets/words-demo-xx.{handed['words']}.js").status_code == 404
    assert service.client.get("/assets/words-demo-de.00000000.js").status_code == 404
    assert service.client.get("/assets/manifest.json").status_code == 404
    assert service.client.get("/assets/..%2f..%2fpyproject.toml").status_code == 404


# ---------------------------------------------------------------- the choice


def test_a_choice_is_durable_and_answers_what_follows(service: Service) -> None:
    """201 with pseudonym, place in the log, token and decisions."""
    answer = service.choose(
        categories={"functional": True, "analytics": True, "marketing": False},
        layer=2,
        control="save",
    )
    body = answer.json()

    assert answer.status_code == 201
    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", body["visitor"])
    assert (body["seq"], body["log_index"]) == (1, STATED)
    assert body["recorded_at"] == "2026-11-21T12:00:00Z"
    assert body["valid_until"] == "2027-11-21T12:00:00Z"
    assert body["decisions"]["analytics"] == {"allow": True, "reason": "choice_granted"}
    assert body["decisions"]["marketing"] == {"allow": False, "reason": "choice_denied"}
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["set-cookie"].startswith(f"holdfire_demo={body['token']}; Path=/; ")


def test_the_same_act_sent_again_is_the_same_record(service: Service) -> None:
    """A retry gets 200 and the first answer; another act under its id gets 409."""
    choice = service.choice("accept_all")
    first = service.post(choice)
    again = service.post(choice)
    other = service.post({**choice, "control": "elsewhere"})

    assert again.status_code == 200
    assert again.json() == first.json()
    assert other.status_code == 409
    assert other.json()["error"]["code"] == "event_conflict"
    assert service.choose("accept_all").json()["log_index"] == STATED + 1


def test_a_retry_without_its_cookie_is_still_the_same_visitor(service: Service) -> None:
    """The answer to the first attempt may have been lost together with its cookie."""
    choice = service.choice("reject_all")
    first = service.post(choice).json()
    service.client.cookies.clear()

    assert service.post(choice).json()["visitor"] == first["visitor"]


def test_another_visitor_cannot_fetch_a_token_by_replay(service: Service) -> None:
    """Who replays an act under another pseudonym learns nothing."""
    choice = service.choice("accept_all")
    service.post(choice)
    service.client.cookies.clear()
    service.choose("reject_all")

    answer = service.post(choice)

    assert answer.status_code == 409
    assert "token" not in answer.text


def test_the_newest_act_counts(service: Service) -> None:
    """Each act of a visitor has the next number, and the last one decides."""
    service.choose("accept_all")
    assert service.allowed()["marketing"] is True

    assert service.choose("withdraw").json()["seq"] == 2
    assert service.allowed() == {
        "necessary": True,
        "functional": False,
        "analytics": False,
        "marketing": False,
    }


def test_an_older_token_does_not_outlive_a_withdrawal(service: Service) -> None:
    """Replaying the cookie of an accept after a withdrawal is answered with the withdrawal."""
    token = service.choose("accept_all").json()["token"]
    service.choose("withdraw")
    service.client.cookies.clear()

    assert service.reason("analytics", headers={"authorization": f"Bearer {token}"}) == (
        "choice_denied"
    )


def test_an_accept_made_offline_does_not_undo_a_later_refusal(service: Service) -> None:
    """An act that arrives late is recorded, and can only narrow what holds."""
    service.choose("reject_all", client_time="2026-11-21T11:59:00Z")
    late = service.choose("accept_all", client_time="2026-11-21T11:50:00Z")

    assert late.status_code == 201
    assert service.allowed()["analytics"] is False


def test_a_clock_that_ran_ahead_does_not_silence_the_visitor(service: Service) -> None:
    """An act dated in the future is not believed to be newer than what follows it."""
    service.choose("reject_all", client_time="2030-01-01T00:00:00Z")
    service.clock.forward(seconds=60)

    service.choose("accept_all", client_time="2026-11-21T12:01:00Z")

    assert service.allowed()["analytics"] is True


def test_a_choice_under_an_older_notice_is_kept_and_asked_again(service: Service) -> None:
    """What was granted under another material version grants nothing; the record says which."""
    service.choose("accept_all", notice_version="0" * 16)

    notice = service.get("/notice?geo=DE").json()

    assert notice["prompt"] == "banner"
    assert service.reason("analytics&geo=DE") == "notice_changed"


def test_a_choice_expires(service: Service) -> None:
    """After its lifetime a consent grants nothing and the visitor is asked again."""
    service.choose("accept_all")
    service.clock.forward(days=181)

    assert service.reason("analytics&geo=DE") == "choice_expired"
    assert service.get("/notice?geo=DE").json()["prompt"] == "banner"


def test_a_service_can_be_refused_within_a_granted_category(service: Service) -> None:
    """A service choice narrows its category, and never widens it."""
    service.choose(
        categories={"functional": False, "analytics": True, "marketing": False},
        services={"plausible": False, "mixpanel": True},
    )
    services = service.get("/decisions").json()["services"]

    assert services["posthog"] == {"allow": True, "reason": "choice_granted"}
    assert services["plausible"] == {"allow": False, "reason": "choice_denied"}
    assert services["mixpanel"]["allow"] is False


ORIGINS_REFUSED = [
    None,
    "null",
    "http://127.0.0.1:8081",
    "http://127.0.0.1",
    "https://127.0.0.1:8080",
    "http://127.0.0.1:8080.evil.example",
    "http://127.0.0.1:8080/",
    "HTTP://127.0.0.1:8080",
    "http://evil.example",
    "http://user@127.0.0.1:8080",
    "http://127.0.0.1:8080, http://evil.example",
]


@pytest.mark.parametrize("origin", ORIGINS_REFUSED)
def test_an_origin_not_on_the_list_cannot_choose(service: Service, origin: str | None) -> None:
    """Lookalikes by prefix, suffix, scheme and port are refused, and nothing is shared with them."""
    headers = {"content-type": "application/json"}
    if origin is not None:
        headers["origin"] = origin
    answer = service.client.post(
        f"{service.base}/choices", json=service.choice("accept_all"), headers=headers
    )

    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "origin_refused"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_choice_is_sent_as_json(service: Service, media: str) -> None:
    """What a form or a beacon can send without a preflight is refused."""
    answer = service.post(service.choice(), headers={"content-type": media})

    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "media_type_refused"


def test_an_unknown_site_is_unknown_everywhere(service: Service) -> None:
    """Every endpoint answers an unknown site with the same 404."""
    for path in (
        "/s/nobody.js",
        "/s/nobody/de.js",
        "/v1/sites/nobody/notice",
        "/v1/sites/nobody/decision?category=analytics",
        "/v1/sites/nobody/decisions",
        "/v1/sites/nobody/tags/posthog.js",
        "/v1/sites/..%2f..%2fetc/notice",
        "/v1/sites/'%20OR%201=1/notice",
    ):
        answer = service.client.get(path)
        assert answer.status_code == 404, path
        assert answer.json()["error"]["code"] in {"unknown_site", "not_found"}


# ---------------------------------------------------------------- the cookie


def test_behind_tls_on_the_sites_own_host_the_cookie_cannot_be_planted(tmp_path: Path) -> None:
    """``__Host-``: no other host, no other path, never over plain http."""
    with running(tmp_path, trusted_proxies=("198.18.4.0/24",)) as service:
        service.site.origins  # noqa: B018 -- the demo's origin is plain http, so it is not own here
        answer = service.choose(
            "accept_all", headers={"x-forwarded-proto": "https", "host": "shop.example"}
        )

        assert answer.headers["set-cookie"].startswith("__Secure-holdfire_demo=")
        assert answer.headers["set-cookie"].endswith("; Secure; SameSite=None; Partitioned")


def test_a_bad_cookie_is_as_no_choice(service: Service) -> None:
    """Forged, cut, foreign and doubled cookies leave the visitor where they were: unasked."""
    token = service.choose("accept_all").json()["token"]
    service.client.cookies.clear()
    for cookie in (
        "holdfire_demo=forged.token",
        f"holdfire_demo={token[:-1]}",
        f"holdfire_demo={token}; holdfire_demo={token}",
        f"holdfire_other={token}",
        "holdfire_demo=",
        f"holdfire_demo={'A' * 5_000}",
    ):
        answer = service.get("/decisions?geo=DE", headers={"cookie": cookie}).json()
        assert answer["source"] == "default", cookie
        assert answer["categories"]["analytics"] == {"allow": False, "reason": "default_denied"}


@pytest.mark.parametrize(
    "header", ["Bearer forged", "Bearer ", "Bearer", "Basic eDp5", "Bearer a.b c", "\xff"]
)
def test_a_bad_bearer_token_is_refused(service: Service, header: str) -> None:
    """Who names a token is told when it is none; nothing is decided on it."""
    answer = service.get(
        "/decision?category=analytics",
        headers=[("authorization", header.encode("latin-1"))],
    )

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "token_invalid"


def test_a_doubled_bearer_token_is_refused(service: Service) -> None:
    """Two tokens are no token, even if both are good."""
    token = service.choose("accept_all").json()["token"]
    header = ("authorization", f"Bearer {token}")

    assert service.get("/decisions", headers=[header, header]).status_code == 401


# ---------------------------------------------------------------- the decision


def test_a_decision_says_everything_a_tag_needs(service: Service) -> None:
    """Service, category, verdict, reason, regime, moment, and what it rests on."""
    service.choose("reject_all")

    assert service.get("/decision?service=posthog").json() == {
        "site": "demo",
        "service": "posthog",
        "category": "analytics",
        "allow": False,
        "reason": "choice_denied",
        "regime": "us-ca",
        "decided_at": "2026-11-21T12:00:00Z",
        "valid_until": "2027-11-21T12:00:00Z",
        "source": "store",
    }


def test_an_unknown_service_may_not_fire(service: Service) -> None:
    """What nobody registered is denied, with its own reason."""
    service.choose("accept_all")
    body = service.get("/decision?service=nobody").json()

    assert (body["allow"], body["reason"]) == (False, "unknown_service")


def test_the_page_may_report_a_signal_the_header_did_not_carry(service: Service) -> None:
    """An extension may set the property alone; either source suffices."""
    assert service.get("/decision?category=marketing&gpc=1").json()["reason"] == "gpc"


def test_pages_of_the_site_may_read_answers_and_others_may_not(service: Service) -> None:
    """CORS echoes exactly the site's origins, with credentials, and varies by origin."""
    own = service.get("/decisions", headers={"origin": ORIGIN})
    foreign = service.get("/decisions", headers={"origin": "https://evil.example"})

    assert own.headers["access-control-allow-origin"] == ORIGIN
    assert own.headers["access-control-allow-credentials"] == "true"
    assert "access-control-allow-origin" not in foreign.headers
    assert "Origin" in own.headers["vary"]
    assert "Origin" in foreign.headers["vary"]


def test_a_preflight_is_answered_for_the_sites_origins_only(service: Service) -> None:
    """The browser may go on where the origin is on the list."""
    ask = {"access-control-request-method": "POST"}
    own = service.client.options(f"{service.base}/choices", headers={**ask, "origin": ORIGIN})
    foreign = service.client.options(
        f"{service.base}/choices", headers={**ask, "origin": "https://evil.example"}
    )

    assert own.status_code == 204
    assert own.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in foreign.headers


# ---------------------------------------------------------------- the gate


def test_the_gate_loads_the_registered_script_when_it_may_fire(service: Service) -> None:
    """The loader names the script of the site file and nothing a request said."""
    service.choose("accept_all")
    answer = service.get("/tags/posthog.js")

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    registered = service.site.service("posthog")
    assert registered is not None
    assert json.dumps(registered.script) in answer.text


def test_the_gate_says_why_it_holds(service: Service) -> None:
    """A refused tag gets a script of one comment."""
    service.choose("reject_all")
    for name, reason in (("posthog", "choice_denied"), ("nobody", "unknown_service")):
        answer = service.get(f"/tags/{name}.js")
        assert re.fullmatch(r"/\*[^*]*\*/\n", answer.text)
        assert reason in answer.text


def test_a_hostile_service_name_never_reaches_the_script(service: Service) -> None:
    """A name cannot close the comment it would be quoted in."""
    answer = service.get("/tags/*%2Falert(1)%2F*.js")

    assert "alert" not in answer.text


# ---------------------------------------------------------------- every answer


def test_every_answer_is_safe_and_carries_its_id(service: Service) -> None:
    """The protective headers are on successes and errors alike."""
    for path in ("/s/demo.js", "/healthz", "/nothing", f"{service.base}/decision", "/s/nobody.js"):
        headers = service.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert re.fullmatch(r"[0-9a-f]{16}", headers["x-request-id"])


def test_a_wrong_method_and_a_wrong_address_get_the_one_error_body(service: Service) -> None:
    """The router's own refusals look like all others."""
    wrong_method = service.client.delete(f"{service.base}/notice")
    wrong_address = service.client.get("/v2/")

    assert (wrong_method.status_code, wrong_method.json()["error"]["code"]) == (
        405,
        "method_refused",
    )
    assert (wrong_address.status_code, wrong_address.json()["error"]["code"]) == (404, "not_found")


def test_headers_over_the_limit_are_refused(service: Service) -> None:
    """Eight KiB is eight times what an honest browser sends."""
    answer = service.client.get("/healthz", headers={"x-long": "a" * 9_000})

    assert answer.status_code == 431


def test_ready_means_able_to_record(service: Service) -> None:
    """Alive and ready are two questions."""
    assert service.client.get("/healthz").json() == {"status": "alive"}
    assert service.client.get("/readyz").json() == {"status": "ready"}


def test_a_different_place_is_a_different_law(tmp_path: Path) -> None:
    """The address of the connection decides, through the database."""
    with running(tmp_path, peer=PEERS["US-CO"]) as service:
        assert service.get("/notice").json()["regime"]["id"] == "us-co"
