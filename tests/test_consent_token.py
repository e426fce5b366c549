"""Consent tokens: what one visitor allows, as any server can check it without asking."""

import json
import random
import string
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from jwt.utils import base64url_decode, base64url_encode

from consent_tokens import consent_of, key_set, keys_of, token_of, why
from holdfire import verify
from holdfire.verify import Refused, Verifier
from house import PEERS, Clock, Service, running
from test_degraded import give_back, take_away

MINUTES_10 = 600
GEOS = (
    "DE",
    "FR",
    "GB",
    "CH",
    "US-CA",
    "US-CO",
    "US-TX",
    "US-NY",
    "US-WA",
    "BR",
    "CA-QC",
    "JP",
    "AU",
    "XX",
)


# ---------------------------------------------------------------- what it says


@pytest.mark.parametrize("act", ["", "accept_all", "reject_all"])
def test_it_says_what_the_decisions_say(service: Service, act: str) -> None:
    """Every category, service and the sale, under the law of every kind of place."""
    if act:
        service.choose(act)
    regimes = set()
    for geo in GEOS:
        said = consent_of(service, f"?geo={geo}")
        decided = service.get(f"/decisions?geo={geo}").json()
        regimes.add(said.regime)

        assert said.regime == decided["regime"]
        for family in ("categories", "services"):
            told = {key: one._asdict() for key, one in getattr(said, family).items()}
            assert told == decided[family]
        assert said.sale_or_share._asdict() == decided["sale_or_share"]
        assert said.notice_version == service.site.version
    assert len(regimes) == len(GEOS)


def test_it_names_the_newest_act_and_where_the_log_has_it(service: Service) -> None:
    """Pseudonym, sequence, log and index are those of the answer to the choice."""
    made = service.choose("accept_all").json()
    said = consent_of(service)

    assert (said.visitor, said.seq, said.log_index) == (made["visitor"], 1, made["log_index"])
    assert said.log == "localhost/log/2026"
    assert said.issuer == "localhost"


def test_it_names_nobody_who_has_not_chosen(service: Service) -> None:
    """Before there is an act there is no pseudonym, and the law's default is what holds."""
    said = consent_of(service)
    raw = json.loads(base64url_decode(token_of(service).split(".")[1]))

    assert (said.visitor, said.seq, said.log, said.log_index) == (None, None, None, None)
    assert not {"sub", "seq", "log", "log_index"} & raw.keys()
    assert said.reason("analytics") == "default_granted"


def test_a_signal_is_in_it(service: Service) -> None:
    """GPC denies what it denies in the decision, by header or as the page saw it."""
    service.choose("accept_all")
    for consent in (consent_of(service, headers={"sec-gpc": "1"}), consent_of(service, "?gpc=1")):
        assert (consent.gpc, consent.dnt) == (True, None)
        assert consent.reason("marketing") == "gpc"
        assert not consent.sale_or_share.allow
    assert consent_of(service).allowed("marketing")


def test_a_withdrawal_is_in_the_next_token(service: Service) -> None:
    """The next token denies, and its sequence has grown; who holds both knows the newer."""
    service.choose("accept_all")
    before = consent_of(service)
    service.choose("withdraw")
    after = consent_of(service)

    assert before.allowed("marketing")
    assert not any(
        after.allowed(key) for key in ("functional", "analytics", "marketing", "mixpanel")
    )
    assert (before.seq, after.seq) == (1, 2)


def test_an_older_visitor_token_does_not_bring_back_a_yes(service: Service) -> None:
    """The store says what the newest act is, whichever cookie comes."""
    old = service.choose("accept_all").json()["token"]
    service.choose("withdraw")
    said = consent_of(service, headers={"authorization": f"Bearer {old}"})

    assert said.seq == 2
    assert not said.allowed("marketing")


# ---------------------------------------------------------------- how long it holds


def test_it_holds_for_ten_minutes(service: Service) -> None:
    """And not a second longer: a copy that is kept is worth nothing then."""
    service.choose("accept_all")
    verifier = Verifier(key_set(service), site="demo")
    made = token_of(service)
    begun = service.clock()

    assert verifier.verify(made, begun).expires_at == begun + MINUTES_10
    assert verifier.verify(made, begun + MINUTES_10 - 1).allowed("marketing")
    assert why(lambda: verifier.verify(made, begun + MINUTES_10)) == "expired"


@pytest.mark.parametrize("known", [True, False], ids=["with a choice", "without"])
def test_it_ends_at_midnight(tmp_path: Path, known: bool) -> None:  # noqa: FBT001 -- a parameter
    """The law may be another tomorrow."""
    clock = Clock(datetime(2026, 11, 21, 23, 55, 0, tzinfo=UTC).timestamp())
    with running(tmp_path, clock=clock) as service:
        if known:
            service.choose("accept_all")
        assert consent_of(service).expires_at == clock() + 300
        clock.forward(seconds=299.5)
        said = consent_of(service)
        assert said.expires_at - said.issued_at == 1
        clock.forward(seconds=0.5)
        assert consent_of(service).expires_at == clock() + MINUTES_10


def test_it_ends_with_the_choice_it_rests_on(service: Service) -> None:
    """Five minutes before a choice runs out a token has five minutes, and then it says so."""
    made = service.post(service.choice("accept_all"), query="?geo=DE").json()
    ends = datetime.fromisoformat(made["valid_until"]).timestamp()
    bearer = {"authorization": f"Bearer {made['token']}"}
    service.clock.now = ends - 300

    assert consent_of(service, "?geo=DE", headers=bearer).expires_at == ends
    assert consent_of(service, "?geo=DE", headers=bearer).allowed("marketing")
    service.clock.now = ends
    assert consent_of(service, "?geo=DE", headers=bearer).reason("marketing") == "choice_expired"


# ---------------------------------------------------------------- how it is answered


def test_it_is_a_bare_token_that_nobody_keeps(service: Service) -> None:
    """The body is the compact JWS, of its own type, kept by no cache, and readable by the site."""
    answer = service.get("/token", headers={"origin": service.site.origins[0]})

    assert answer.headers["content-type"] == "application/jwt"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] == service.site.origins[0]
    assert "etag" not in answer.headers
    assert answer.text.count(".") == 2


@pytest.mark.parametrize(
    ("accept", "json_wanted"),
    [
        ("application/json", True),
        ("text/html, Application/JSON;q=0.9", True),
        ("application/jwt, application/json", False),
        ("*/*", False),
        ("application/*", False),
        ("text/plain", False),
    ],
)
def test_it_comes_in_json_to_who_asks_for_that(
    service: Service,
    accept: str,
    json_wanted: bool,  # noqa: FBT001 -- a parameter
) -> None:
    """Named outright, JSON has the token and its end; whatever else is accepted gets the token."""
    answer = service.get("/token", headers={"accept": accept})

    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == (
        "application/json" if json_wanted else "application/jwt"
    )
    if json_wanted:
        body = answer.json()
        assert body["expires_at"] == "2026-11-21T12:10:00Z"
        assert body.keys() == {"token", "expires_at"}
        verify.verify(body["token"], key_set(service), site="demo", now=service.clock())


def test_a_bad_bearer_is_refused_and_a_bad_cookie_is_as_none(service: Service) -> None:
    """As with decisions."""
    token = service.choose("accept_all").json()["token"]
    service.client.cookies.clear()

    assert consent_of(service, headers={"authorization": f"Bearer {token}"}).seq == 1
    for bad in (f"Bearer {token}x", f"Bearer {token_of(service)}", "Basic x", "Bearer"):
        answer = service.get("/token", headers={"authorization": bad})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "token_invalid")
    assert consent_of(service, headers={"cookie": f"holdfire_demo={token}x"}).seq is None


def test_a_consent_token_is_no_visitor_token(service: Service) -> None:
    """Who was shown one cannot ask, choose or read a history in the visitor's name."""
    service.choose("accept_all")
    shown = token_of(service)
    service.client.cookies.clear()

    bearer = {"authorization": f"Bearer {shown}"}
    assert service.get("/decisions", headers=bearer).status_code == 401
    assert service.get("/choices", headers=bearer).json()["choices"] == []
    assert (
        service.get(
            "/decision?category=marketing", headers={"cookie": f"holdfire_demo={shown}"}
        ).json()["source"]
        == "default"
    )


@pytest.mark.parametrize("query", ["?gpc=2", "?site=demo", "?gpc=1&gpc=1", "?aud=other"])
def test_an_unknown_parameter_is_refused(service: Service, query: str) -> None:
    """Nothing that a request names is in a token but what a decision may be told."""
    assert service.get(f"/token{query}").status_code == 400


def test_a_foreign_site_has_no_token(service: Service) -> None:
    """An id that no site has is unknown, and a verifier of another site refuses ours."""
    assert service.client.get("/v1/sites/other/token").status_code == 404
    made = token_of(service)
    keys = key_set(service)

    assert why(lambda: verify.verify(made, keys, site="other", now=service.clock())) == "site"
    assert (
        why(lambda: verify.verify(made, keys, site="demo", now=service.clock(), issuer="other"))
        == "issuer"
    )


@pytest.mark.parametrize("known", [True, False], ids=["with a choice", "without"])
def test_while_the_store_is_away_there_is_none(service: Service, known: bool) -> None:  # noqa: FBT001 -- a parameter
    """503 and an error, never a token; and one again when the store is back."""
    if known:
        service.choose("accept_all")
    take_away(service)
    answer = service.get("/token")

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")
    assert answer.headers["cache-control"] == "no-store"
    assert int(answer.headers["retry-after"]) > 0
    give_back(service)
    assert consent_of(service).allowed("marketing")


def test_it_is_made_anew_each_time(service: Service) -> None:
    """A token a second later has a second more: none is kept and handed out again."""
    service.choose("accept_all")
    before = consent_of(service)
    service.clock.forward(seconds=1)
    after = consent_of(service)

    assert (after.issued_at, after.expires_at) == (before.issued_at + 1, before.expires_at + 1)


# ---------------------------------------------------------------- an independent library


def test_an_independent_library_verifies_ours(service: Service) -> None:
    """PyJWT, from the key set as it is published, with audience and issuer."""
    service.choose("accept_all")
    made = token_of(service)
    keys = jwt.PyJWKSet.from_dict(key_set(service))
    header = jwt.get_unverified_header(made)
    claims = jwt.decode(
        made,
        keys[header["kid"]],
        algorithms=["EdDSA"],
        audience="demo",
        issuer="localhost",
        options={"require": ["exp", "iat", "aud", "iss"], "verify_exp": False, "verify_iat": False},
    )

    assert header == {"alg": "EdDSA", "typ": "consent+jwt", "kid": header["kid"]}
    assert claims["categories"]["marketing"] == {"allow": True, "reason": "choice_granted"}
    assert claims["exp"] - claims["iat"] == MINUTES_10
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(
            made,
            keys[header["kid"]],
            algorithms=["EdDSA"],
            audience="other",
            options={"verify_exp": False, "verify_iat": False},
        )


def test_ours_verifies_what_an_independent_library_makes(service: Service) -> None:
    """PyJWT, by the service's own key; and refuses what it makes of it otherwise."""
    made = token_of(service)
    private = keys_of(service).signing().private
    keys, now = key_set(service), service.clock()
    claims = json.loads(base64url_decode(made.split(".")[1]))
    header = jwt.get_unverified_header(made)

    def theirs(**more: Any) -> str:
        return jwt.encode(
            {**claims, **more.pop("claims", {})},
            private,
            algorithm="EdDSA",
            headers={**header, **more},
        )

    assert verify.verify(theirs(), keys, site="demo", now=now).site == "demo"
    for reason, other in {
        "header": theirs(typ="JWT"),
        "unknown_key": theirs(kid="other"),
        "site": theirs(claims={"aud": "other"}),
        "lifetime": theirs(claims={"exp": claims["exp"] + 1}),
        "algorithm": jwt.encode(
            claims,
            "k" * 32,
            algorithm="HS256",
            headers={"kid": header["kid"], "typ": header["typ"]},
        ),
    }.items():
        with pytest.raises(Refused, match=reason):
            verify.verify(other, keys, site="demo", now=now)


# ---------------------------------------------------------------- the hostile


def mutated(made: str, chance: random.Random) -> str:
    """A token that is not this one: letters, parts, claims or keys of it are others."""
    alphabet = string.ascii_letters + string.digits + "-_.=+/ \n\0é"
    head, said, signature = made.split(".")
    at = chance.randrange(len(made))
    letter = chance.choice(alphabet)
    claims = json.loads(base64url_decode(said))
    key = chance.choice(sorted(claims))
    claims[key] = chance.choice(
        [
            None,
            True,
            0,
            -1,
            1e300,
            "",
            "demo",
            [],
            {},
            {"allow": True, "reason": "necessary"},
            ["demo"],
            claims[chance.choice(sorted(claims))],
        ]
    )
    tampered = base64url_encode(json.dumps(claims, separators=(",", ":")).encode()).decode()
    return chance.choice(
        [
            made[:at] + letter + made[at + 1 :],
            made[:at] + made[at + 1 :],
            made[:at] + letter + made[at:],
            made[:at],
            made[at:],
            made[:at] + chance.choice(alphabet) * chance.randrange(1, 90) + made[at:],
            f"{head}.{tampered}.{signature}",
            f"{said}.{head}.{signature}",
            f"{head}.{said}.{base64url_encode(chance.randbytes(64)).decode()}",
            made.swapcase(),
            made[::-1],
        ]
    )


def forge(service: Service, times: int, seed: int) -> None:
    """Send so many mutations past the verifier: one exception, one kind, or it is the token."""
    service.choose("accept_all")
    made = token_of(service)
    verifier = Verifier(key_set(service), site="demo")
    chance = random.Random(seed)  # noqa: S311 -- the same campaign each time
    good = verifier.verify(made, service.clock())
    for _ in range(times):
        other = mutated(made, chance)
        try:
            found = verifier.verify(other, service.clock())
        except Refused:
            continue
        assert (other, found) == (made, good)


def test_no_mutated_token_is_believed(service: Service) -> None:
    """10⁴ of them: each is refused, by the one exception there is."""
    forge(service, 10_000, 1)


@pytest.mark.long
def test_no_mutated_token_is_believed_in_a_long_campaign(service: Service) -> None:
    """10⁵ of them."""
    forge(service, 100_000, 2)


def test_a_token_is_worth_nothing_after_its_end(service: Service) -> None:
    """A copy from before a withdrawal is refused from its last second on, by whoever kept it."""
    service.choose("accept_all")
    kept = token_of(service)
    warm = Verifier(key_set(service), site="demo")
    warm.verify(kept, service.clock())
    service.choose("withdraw")
    service.clock.forward(seconds=MINUTES_10)

    assert why(lambda: warm.verify(kept, service.clock())) == "expired"
    assert not warm.verify(token_of(service), service.clock()).allowed("marketing")


def test_who_is_elsewhere_gets_the_law_of_their_place(tmp_path: Path) -> None:
    """The token is of the place the request came from."""
    with running(tmp_path, peer=PEERS["US-CO"]) as service:
        assert consent_of(service).regime == "us-co"
