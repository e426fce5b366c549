"""The policy that is compiled from what was decided, and what a site file may add to it."""

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from enforcing import shop
from holdfire import csp, policy
from holdfire.errors import ConfigError
from holdfire.model import Csp, Decision, Service, Site
from holdfire.sites.addresses import covers
from house import Service as Running
from house import demo_site
from test_degraded import take_away

NO = policy.BECAUSE["choice_denied"]
YES = policy.BECAUSE["choice_granted"]


def policy_of(site: Site, *allowed: str) -> dict[str, list[str]]:
    """The directives under which these services are allowed."""
    granted = [service for service in site.services if service.id in allowed]
    text = csp.content_policy(site, granted)
    return {line.split()[0]: line.split()[1:] for line in text.split("; ")}


def serving(*rows: tuple[str, ...]) -> Site:
    """A site with services of these hosts, whose ids are letters."""
    services = tuple(
        Service(id=chr(97 + at), name="S", category="marketing", hosts=hosts)
        for at, hosts in enumerate(rows)
    )
    return replace(demo_site(), services=services)


def test_only_what_is_allowed_is_in_it(tmp_path: Path) -> None:
    """Hosts of allowed services stand there with every port, those of others do not."""
    site = shop(tmp_path)

    assert policy_of(site, "pay")["default-src"] == ["'self'", "pay.example:*"]
    assert policy_of(site, "pay", "track")["default-src"] == [
        *("'self'", "*.t.example:*", "pay.example:*", "t.example:*"),
    ]
    assert "wss://t.example:*" in policy_of(site, "track")["connect-src"]


def test_a_host_that_a_refused_service_names_too_is_blocked() -> None:
    """A list has no exceptions: what would let a refused host through is left out."""
    both = serving(("cdn.example", "a.example"), ("cdn.example",))
    wide = serving(("*.x.example",), ("ads.x.example",))
    inner = serving(("ads.x.example",), ("*.x.example",))

    assert policy_of(both, "a")["default-src"] == ["'self'", "a.example:*"]
    assert policy_of(wide, "a")["default-src"] == ["'self'"]
    assert policy_of(inner, "a")["default-src"] == ["'self'"]
    assert policy_of(wide, "a", "b")["default-src"] == ["'self'", "*.x.example:*"]


def test_the_sites_own_sources_stand_in_it(tmp_path: Path) -> None:
    """A directive that the site names has its sources, the others those of ``default-src``."""
    more = (
        '[csp]\nbase = "https://consent.example"\nimg-src = ["\'self\'", "data:"]\n'
        "frame-src = [\"'none'\"]\n"
    )
    site = shop(tmp_path, more)

    assert policy_of(site) == {
        "default-src": ["'self'", "https://consent.example"],
        "connect-src": ["'self'", "https://consent.example"],
        "img-src": ["'self'", "data:", "https://consent.example"],
        "frame-src": ["https://consent.example"],
    }


def test_none_stands_alone(tmp_path: Path) -> None:
    """``'none'`` gives way to what is allowed, and stays where nothing is."""
    site = shop(tmp_path, "[csp]\ndefault-src = [\"'none'\"]\n")

    assert policy_of(site)["default-src"] == ["'none'"]
    assert policy_of(site, "ads")["default-src"] == ["ads.example:*"]


def test_our_inline_line_is_let_through_by_its_digest(tmp_path: Path) -> None:
    """The digest stands with the scripts, unless it would turn off what the site says."""
    named = shop(tmp_path / "a", "[csp]\nscript-src = [\"'self'\"]\n")
    inline = shop(tmp_path / "b", "[csp]\nscript-src = [\"'self'\", \"'unsafe-inline'\"]\n")
    nonces = shop(tmp_path / "c", "[csp]\nnonces = true\n")
    digest = ("'sha256-x'",)

    assert "script-src 'self' 'sha256-x'" in csp.content_policy(named, (), digest)
    assert "sha256" not in csp.content_policy(inline, (), digest)
    # The site's own policy judges inline code there; a nonce in ours would let every host through.
    assert csp.content_policy(nonces, (), digest).startswith("default-src 'self' 'unsafe-inline'")


def test_what_is_too_long_leaves_services_out() -> None:
    """The policy of a thousand hosts stays within its bound, and the last services are blocked."""
    site = serving(*((f"{'h' * 50}{at}.example",) for at in range(1_000)))
    text = csp.content_policy(site, site.services)

    assert csp.MOST / 2 < len(text) <= csp.MOST
    assert "h0.example:*" in text
    assert "h999.example" not in text


LABELS = st.sampled_from(["a", "b", "ads", "x"])
HOSTS = st.builds(
    lambda star, labels: ("*." if star else "") + ".".join((*labels, "example")),
    st.booleans(),
    st.lists(LABELS, min_size=1, max_size=3),
)


@given(st.lists(st.lists(HOSTS, max_size=3).map(tuple), max_size=5), st.integers(0, 31), HOSTS)
def test_no_host_of_a_refused_service_is_ever_let_through(
    rows: list[tuple[str, ...]], mask: int, host: str
) -> None:
    """Whatever hosts services share, one that a refused service names is in no source."""
    site = serving(*rows)
    granted = [s.id for at, s in enumerate(site.services) if mask >> at & 1]
    sources = [s.removesuffix(":*") for s in policy_of(site, *granted)["default-src"]]
    denied = [h for s in site.services if s.id not in granted for h in s.hosts]
    exact = host.removeprefix("*.")

    if any(covers(pattern, exact) for pattern in denied):
        assert not any(covers(source, exact) for source in sources)
    assert csp.content_policy(site, site.services[::-1]) == csp.content_policy(site, site.services)


def test_cookies_of_what_is_refused_are_named(tmp_path: Path) -> None:
    """Those that an allowed service lists under the same name are not."""
    site = shop(tmp_path)
    ids = [s.id for s in site.services]
    found = csp.enforced(
        site, {"necessary": policy.NECESSARY}, {**dict.fromkeys(ids, NO), "pay": policy.NECESSARY}
    )

    assert found.refused == ("_ad", "_trk", "_trk_*")
    assert found.kept == ("pay_sid",)
    assert found.allowed == ("necessary", "pay")


def test_both_policies_fit_into_one_line() -> None:
    """Merged, the site's own stands as it was, and a comma parts the two."""
    assert csp.merge("img-src 'self'; ", "default-src 'self'") == (
        "img-src 'self';, default-src 'self'"
    )
    assert csp.merge("", "default-src 'self'") == "default-src 'self'"


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('img-src = ["*"]', "img-src[#1]"),
        ('img-src = ["https:"]', "img-src[#1]"),
        ('img-src = ["wss:"]', "img-src[#1]"),
        ('img-src = ["https://*"]', "img-src[#1]"),
        ('img-src = ["https://a.example; script-src *"]', "img-src[#1]"),
        ('img-src = ["a.example,b.example"]', "img-src[#1]"),
        ('img-src = ["https://a.example/x;y"]', "img-src[#1]"),
        ('img-src = ["a.example\\r\\nX: y"]', "img-src[#1]"),
        ('img-src = ["https://a.example/$x"]', "img-src[#1]"),
        ('img-src = ["a.example:99999"]', "img-src[#1]"),
        ('img-src = ["https://*.com"]', "img-src[#1]"),
        ('img-src = ["a.*.example"]', "img-src[#1]"),
        ("img-src = []", "img-src"),
        ("img-src = [\"'none'\", \"'self'\"]", "img-src[#1]"),
        ("script-src = [\"'strict-dynamic'\"]", "script-src[#1]"),
        ("script-src = [\"'nonce-abc'\"]", "script-src[#1]"),
        ("script-src = [\"'sha256-abc'\"]", "script-src[#1]"),
        ('script-src = ["\'self"]', "script-src[#1]"),
        ('script-src = ["ads.example"]', "script-src[#1]"),
        ('script-src = ["https://*.t.example:443"]', "script-src[#1]"),
        ('base = "consent.example"', "base"),
        ('object-src = ["a.example"]', "object-src"),
    ],
)
def test_a_source_that_would_undo_it_is_refused(tmp_path: Path, line: str, key: str) -> None:
    """What lets every host, or a refusable one, through, and what is no source, is told by its key."""
    with pytest.raises(ConfigError) as refused:
        shop(tmp_path, f"[csp]\n{line}\n")

    assert [problem.key for problem in refused.value.problems] == [f"csp.{key}"]


@pytest.mark.parametrize(
    "source",
    [
        *("'self'", "'unsafe-inline'", "data:", "blob:", "a.example", "https://a.example:8443"),
        *("*.cdn.example:*", "https://ads.example/only/this.js", "http://127.0.0.1:3000"),
        *("wss://live.example", "x.t.example", "localhost:3000"),
        "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    ],
)
def test_what_pages_need_may_be_named(tmp_path: Path, source: str) -> None:
    """Hosts, local schemes, keywords and digests; a part of a service's host, as an exception."""
    site = shop(tmp_path, f'[csp]\nscript-src = ["{source}"]\n')

    assert site.csp == Csp(script_src=(source,))


def test_none_of_it_is_material(tmp_path: Path) -> None:
    """It asks nobody anew, and the published configuration of a site without it has no member."""
    without, with_it = shop(tmp_path / "a"), shop(tmp_path / "b", "[csp]\nnonces = true\n")

    assert without.version == with_it.version
    assert "csp" not in msgspec.to_builtins(without)
    assert msgspec.to_builtins(with_it)["csp"] == {"nonces": True}


# ---------------------------------------------------------------- the service's answer


def test_the_service_says_what_to_enforce(service: Running) -> None:
    """Policy, cookies and ids change with the visitor's choice, in headers and body alike."""
    service.choose("reject_all")
    refused = service.get("/enforcement")
    service.choose("accept_all")
    granted = service.get("/enforcement")

    assert refused.status_code == granted.status_code == 200
    assert refused.headers["cache-control"] == granted.headers["cache-control"] == "no-store"
    assert "127.0.0.1:*" not in refused.headers["x-holdfire-policy"]
    assert "127.0.0.1:*" in granted.headers["x-holdfire-policy"]
    assert refused.headers["x-holdfire-refused-cookies"] == "demo_ad_id, mp_*, ph_*"
    assert granted.headers["x-holdfire-refused-cookies"] == ""
    assert refused.headers["x-holdfire-allowed"] == "necessary"
    assert "mixpanel" in granted.headers["x-holdfire-allowed"].split(", ")
    assert granted.json()["policy"] == granted.headers["x-holdfire-policy"]
    assert granted.json()["categories"]["analytics"] == {"allow": True, "reason": "choice_granted"}


def test_it_is_the_verdict_of_the_lookups(service: Running) -> None:
    """What is decided there is what ``…/decisions`` says, with its regime and its times."""
    asked = {"headers": {"sec-gpc": "1"}}
    enforced, decided = (service.get(p, **asked).json() for p in ("/enforcement", "/decisions"))
    same = ("regime", "categories", "services", "decided_at", "valid_until", "source")

    assert {name: enforced[name] for name in same} == {name: decided[name] for name in same}


def test_a_forged_bearer_token_is_refused(service: Running) -> None:
    """As with every lookup: 401, and nothing about anybody."""
    answer = service.get("/enforcement", headers={"authorization": "Bearer forged"})

    assert answer.status_code == 401
    assert "x-holdfire-policy" not in answer.headers


def test_without_the_store_it_says_the_strictest(service: Running) -> None:
    """503 with everything denied that can be, for whoever reads the body and whoever does not."""
    service.choose("accept_all")
    take_away(service)
    answer = service.get("/enforcement")

    assert answer.status_code == 503
    assert answer.json()["source"] == "degraded"
    assert answer.headers["x-holdfire-allowed"] == "necessary"
    assert "127.0.0.1:*" not in answer.headers["x-holdfire-policy"]
    assert answer.headers["x-holdfire-refused-cookies"] == "demo_ad_id, mp_*, ph_*"


def test_the_policy_is_one_line_of_known_words(service: Running) -> None:
    """No comma, no line break: it cannot end before it should, nor begin another header."""
    for act in ("reject_all", "accept_all"):
        service.choose(act)
        text = service.get("/enforcement").headers["x-holdfire-policy"]
        assert re.fullmatch(r"[a-z]+-src( [!-+\--:<-~]+)+(; [a-z]+-src( [!-+\--:<-~]+)+)*", text)


def test_nothing_but_what_is_necessary_is_in_the_strictest(tmp_path: Path) -> None:
    """What servers keep for when nobody answers."""
    categories, services = csp.strictest(shop(tmp_path))

    assert [key for key, one in (categories | services).items() if one.allow] == [
        *("necessary", "pay"),
    ]
    assert categories["analytics"] == Decision(allow=False, reason="store_unavailable")
