"""Adapters as a site file turns them on: what is refused, what reaches the page, the snippet."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from holdfire import regimes
from holdfire.lint.configuration import configuration
from holdfire.model import Site
from holdfire.rules import compile_rules
from holdfire.sites import load_locales, load_sites, read_sites
from holdfire.sites.adapters import NAMES
from holdfire.web.parts import Part, parts
from holdfire.web.snippet import snippet
from house import ROOT, running

VECTORS = ROOT / "tests/vectors"
GOOGLE = json.loads((VECTORS / "google-consent-mode.json").read_text("utf-8"))
LOCALES = load_locales(ROOT / "config/locales")
LAW = regimes.load(ROOT / "config/regimes")

SHOP = """
name = "Shop"
origins = ["http://127.0.0.1:8080"]
default_language = "en"

[[category]]
id = "necessary"

[[category]]
id = "functional"

[[category]]
id = "analytics"

[[category]]
id = "marketing"
sale = true

[[category]]
id = "loyalty"
standard = "marketing"

[texts.en]
"category.loyalty.title" = "Loyalty card"
"category.loyalty.text" = "Points for what you buy."

[[service]]
id = "ga4"
name = "Google Analytics"
category = "analytics"
hosts = ["*.google-analytics.com"]
adapter = "google"

[[service]]
id = "counter"
name = "Counter"
category = "analytics"
adapter = "matomo"
"""

FULL = """
[adapters.google]
wait_for_update = 500
ads_data_redaction = true
url_passthrough = true

[[adapters.google.regions]]
region = ["US-CA"]
granted = ["ad_storage"]

[adapters.shopify.headless]
checkout_root_domain = "checkout.shop.example"
storefront_root_domain = ".shop.example"
storefront_access_token = "public"

[adapters.zaraz.purposes]
dQOe = "analytics"
XyZw = "counter"
"""


HEADLESS = """
[adapters.shopify.headless]
checkout_root_domain = "https://x"
storefront_root_domain = "shop.example"
storefront_access_token = ""
"""


def site_of(folder: Path, adapters: str) -> Site:
    """The shop with these adapters."""
    (folder / "shop.toml").write_text(SHOP + adapters, "utf-8")
    return load_sites(folder, LOCALES)["shop"]


def parts_of(site: Site, regime: str = "de") -> tuple[Part, ...]:
    """What travels in the boot script of the site, under a regime."""
    return parts(site, compile_rules(site, LAW.regimes[regime]))


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("written", "key", "remedy"),
    [
        ("[adapters.gogle]", "adapters.gogle", "did you mean google?"),
        ("[adapters.meta]\nldv = true", "adapters.meta.ldv", "did you mean ldu?"),
        ('[adapters.google]\nmode = "loud"', "adapters.google.mode", "one of advanced, basic"),
        ("[adapters.google]\nwait_for_update = 99999", "adapters.google.wait_for_update", "10000"),
        (
            '[[adapters.google.regions]]\nregion = ["Texas"]\ngranted = ["ad_storage"]',
            "adapters.google.regions[#1].region[#1]",
            "US-TX",
        ),
        (
            '[[adapters.google.regions]]\nregion = ["US-TX"]\ngranted = ["ads"]',
            "adapters.google.regions[#1].granted[#1]",
            "ad_storage",
        ),
        (
            "[[adapters.google.regions]]\nregion = []\ngranted = []",
            "adapters.google.regions[#1].region",
            "name regions",
        ),
        ("[adapters.zaraz]", "adapters.zaraz.purposes", "add it"),
        ("[adapters.zaraz]\npurposes = {}", "adapters.zaraz.purposes", "name the purposes"),
        (
            '[adapters.segment.categories]\nAds = "marketng"',
            "adapters.segment.categories.Ads",
            "did you mean 'marketing'?",
        ),
        ('[adapters.adobe]\nversion = "3.0"', "adapters.adobe.version", "one of 1.0, 2.0"),
        ('[adapters.adobe]\ninstance = ""', "adapters.adobe.instance", "leave it out"),
        ('[adapters.adobe]\ninstance = "a.b"', "adapters.adobe.instance", "as the page's scripts"),
        ('[adapters.event]\ndata_layer = "</x>"', "adapters.event.data_layer", "dataLayer"),
        ('[adapters.amazon]\ncountry = "Germany"', "adapters.amazon.country", '"DE"'),
        (
            HEADLESS,
            "adapters.shopify.headless.checkout_root_domain",
            "shop.example",
        ),
        (
            '[[service]]\nid = "x"\nname = "X"\ncategory = "analytics"\nadapter = "gogle"',
            "service[x].adapter",
            "did you mean 'google'?",
        ),
    ],
)
def test_what_names_nothing_is_refused(tmp_path: Path, written: str, key: str, remedy: str) -> None:
    """Each fault is told with its key and a remedy, and the site is not served."""
    (tmp_path / "shop.toml").write_text(f"{SHOP}\n{written}\n", "utf-8")
    sites, problems = read_sites(tmp_path, LOCALES)

    assert sites == {}
    found = {problem.key: problem.remedy for problem in problems}
    assert remedy in found[key], found


# ---------------------------------------------------------------- what reaches the page


def test_none_is_on_unless_the_site_says_so(tmp_path: Path) -> None:
    """A service that names an adapter does not turn it on."""
    assert parts_of(site_of(tmp_path, "")) == ()


def test_each_is_turned_on_by_its_table_and_told_first(tmp_path: Path) -> None:
    """An empty table is enough; all of them come before what holds requests."""
    tables = "".join(f"[adapters.{name}]\n" for name in NAMES if name != "zaraz")
    zaraz = '[adapters.zaraz.purposes]\ndQOe = "analytics"\n[intercept]\nmode = "hold"\n'
    site = site_of(tmp_path, tables + zaraz)

    chunks = [part.chunk for part in parts_of(site)]

    assert chunks == [*(f"adapter-{name}" for name in NAMES), "intercept"]


def test_the_calls_before_anything_are_the_vectors(tmp_path: Path) -> None:
    """The default denies all but security, waits, and grants only what a region is told to."""
    [google, shopify, zaraz] = parts_of(site_of(tmp_path, FULL))
    options: Any = json.loads(json.dumps(google.options))

    assert options["defaults"] == [GOOGLE["defaultCall"], *GOOGLE["setCalls"]]
    assert list(options["defaults"][0][2]) == [*GOOGLE["signals"], "wait_for_update"]
    assert options["regional"] == [GOOGLE["regionCall"]]
    assert shopify.options["headless"] == {
        "headlessStorefront": True,
        "checkoutRootDomain": "checkout.shop.example",
        "storefrontRootDomain": ".shop.example",
        "storefrontAccessToken": "public",
    }
    assert zaraz.options["purposes"] == {"dQOe": ("analytics",), "XyZw": ("counter",)}


def test_a_kind_stands_for_its_categories_and_the_adapters_services(tmp_path: Path) -> None:
    """Every category of the kind counts, and of the services those of this adapter only."""
    site = site_of(tmp_path, "[adapters.google]\n[adapters.matomo]\n")
    by_chunk = {part.chunk: part.options["kinds"] for part in parts_of(site)}

    shared = {"functional": ("functional",), "marketing": ("marketing", "loyalty")}
    assert by_chunk == {
        "adapter-google": shared | {"analytics": ("analytics", "ga4")},
        "adapter-matomo": shared | {"analytics": ("analytics", "counter")},
    }


def test_a_kind_that_the_site_has_not_is_never_allowed(tmp_path: Path) -> None:
    """Without a category of a kind there is nobody who could have agreed to it."""
    site = site_of(tmp_path, "[adapters.google]\n")
    lean = replace(site, categories=tuple(c for c in site.categories if c.id != "functional"))

    [google] = parts_of(lean)
    assert google.options["kinds"]["functional"] == ()  # type: ignore[index]  # options are JSON


@pytest.mark.parametrize(("regime", "country", "ldu"), [("de", "DE", False), ("us-ca", "US", True)])
def test_what_depends_on_the_law_is_filled_in(
    tmp_path: Path, regime: str, country: str, *, ldu: bool
) -> None:
    """Limited data use is for where a sale can be opposed; a regime of a country names it."""
    site = site_of(tmp_path, "[adapters.meta]\nldu = true\n[adapters.amazon]\n")

    options = {part.chunk: part.options for part in parts_of(site, regime)}

    assert options["adapter-meta"]["ldu"] is ldu
    assert options["adapter-amazon"]["country"] == country


def test_segments_categories_are_the_kinds_unless_named(tmp_path: Path) -> None:
    """A site without a mapping gets one name for each kind of use that it has."""
    [segment] = parts_of(site_of(tmp_path, "[adapters.segment]\n"))

    assert segment.options["categories"] == segment.options["kinds"]


@pytest.mark.parametrize("mode", ["basic", "advanced"])
def test_tags_that_run_early_are_not_held_by_their_hosts(tmp_path: Path, mode: str) -> None:
    """In advanced mode the owner's word lets Google's hosts through, and nobody else's."""
    text = f'[intercept]\nmode = "hold"\n[adapters.google]\nmode = "{mode}"\n'
    [_, intercept] = parts_of(site_of(tmp_path, text))

    early = ("*.google-analytics.com",) if mode == "advanced" else ()
    assert intercept.options["trusted"] == early


def test_the_boot_script_brings_exactly_what_is_on(tmp_path: Path) -> None:
    """Each adapter's chunk travels inside with its options, and no other adapter's."""
    site = site_of(tmp_path, "[adapters.google]\n[adapters.posthog]\n")
    with running(tmp_path, site=site) as service:
        script = service.client.get("/s/shop.js").text

    assert set(re.findall(r'"(adapter-[a-z-]+)":\(\)', script)) == {
        "adapter-google",
        "adapter-posthog",
    }
    told = re.search(r"parts:(\[.*\])\}\);\s*$", script)
    assert told is not None
    assert [name for name, _ in json.loads(told[1])] == ["adapter-google", "adapter-posthog"]


def test_no_option_can_end_the_script(tmp_path: Path) -> None:
    """What an owner writes is data in the boot script and in the stub."""
    site = site_of(
        tmp_path, '[adapters.zaraz.purposes]\n"</script><script>x" = "analytics"\n[adapters.google]'
    )
    with running(tmp_path, site=site) as service:
        script = service.client.get("/s/shop.js").text

    assert "</script>" not in script
    assert "\\u003c/script>\\u003cscript>x" in script


# ---------------------------------------------------------------- the snippet


def test_without_google_the_snippet_is_two_lines(tmp_path: Path) -> None:
    """Other adapters need no stub in the page."""
    lines = snippet(site_of(tmp_path, "[adapters.meta]\n[adapters.matomo]\n"), "/consent")

    assert lines == (
        "<script>window.holdfire=window.holdfire||[]</script>\n"
        '<script async src="/consent/s/shop.js"></script>'
    )


def test_where_requests_are_held_the_script_comes_before_those_that_make_them(
    tmp_path: Path,
) -> None:
    """An asynchronous one would find them made."""
    lines = snippet(site_of(tmp_path, '[intercept]\nmode = "hold"\n'), "/consent")

    assert lines.splitlines()[1] == '<script src="/consent/s/shop.js"></script>'


def test_the_stub_says_the_defaults_and_how_a_policy_lets_it(tmp_path: Path) -> None:
    """One inline script, with its digest for a Content-Security-Policy."""
    note, stub, boot = snippet(site_of(tmp_path, FULL), "/consent").splitlines()

    code = stub.removeprefix("<script>").removesuffix("</script>")
    digest = b64encode(sha256(code.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in note
    assert "nonce" in note
    assert boot == '<script async src="/consent/s/shop.js"></script>'
    for call in (GOOGLE["defaultCall"], *GOOGLE["setCalls"], GOOGLE["regionCall"]):
        assert json.dumps(call, separators=(",", ":")) in code


# ---------------------------------------------------------------- what the law discourages


def concerns(site: Site) -> dict[str, tuple[str, str]]:
    """What the lint says of the adapters: where, under which regimes, how grave."""
    found = configuration({site.id: site}, LAW.regimes, {})
    return {f.element: (f.regime, f.severity) for f in found if f.rule == "consent-mode"}


def test_basic_mode_concerns_nobody(tmp_path: Path) -> None:
    """Tags that are held until consent are what the law asks for."""
    assert concerns(site_of(tmp_path, "[adapters.google]\n")) == {}


def test_advanced_mode_is_a_concern_where_consent_comes_first(tmp_path: Path) -> None:
    """The finding names the regimes that ask first, and not the others."""
    site = site_of(tmp_path, '[adapters.google]\nmode = "advanced"\n')
    [(regimes_named, severity)] = concerns(site).values()

    assert severity == "concern"
    assert "de" in regimes_named.split(", ")
    assert "us-ca" not in regimes_named.split(", ")


def test_a_region_that_grants_by_default_is_held_to_its_law(tmp_path: Path) -> None:
    """A grant for Texas is no concern; one for Germany is."""
    region = '[[adapters.google.regions]]\nregion = ["{}"]\ngranted = ["ad_storage"]\n'
    site = site_of(tmp_path, region.format("US-TX") + region.format("DE"))

    assert concerns(site) == {"adapters.google.regions[#2]": ("de", "concern")}
