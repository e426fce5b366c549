"""The service catalogue: what ships, what two entries may claim, and how a site uses it."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from handed import handed_in
from holdfire.catalogue import Catalogue, read_catalogue, table
from holdfire.errors import ConfigError, Problem
from holdfire.model import Service, Site
from holdfire.sites import addresses, load_locales, load_sites
from holdfire.sites.adapters import NAMES
from holdfire.sites.taking import Entry
from house import ROOT, running

FOLDER = ROOT / "config/services"
SHIPPED, WRONG = read_catalogue(FOLDER)

WORDS = {
    "language.name": "English",
    "language.direction": "ltr",
    **{
        f"category.{key}.{part}": part
        for key in ("necessary", "functional", "analytics", "marketing")
        for part in ("title", "text")
    },
}
LOCALES = {"en": WORDS, "de": WORDS}

HEAD = """
name = "Shop"
origins = ["https://shop.example"]
default_language = "en"

[[category]]
id = "necessary"

[[category]]
id = "analytics"
"""
ENTRY = """
name = "Counter"
provider = "Counter Ltd"
category = "analytics"
text = "Counts visits."
policy = "https://counter.example/privacy"
hosts = ["*.counter.example"]
cookies = [{ name = "_ct", purpose = "Tells visits apart.", lifetime = "1 year" }]
sources = ["own"]
"""


def catalogue(folder: Path, **entries: str) -> Catalogue:
    """A catalogue of these entries, with dashes for underscores in their ids."""
    folder.mkdir(exist_ok=True)
    for key, text in entries.items():
        (folder / f"{key.replace('_', '-')}.toml").write_text(textwrap.dedent(text), "utf-8")
    return Catalogue(folder)


def found(folder: Path, **entries: str) -> list[tuple[str, str]]:
    """Which keys of which files are wrong in a catalogue of these entries."""
    catalogue(folder, **entries)
    _, problems = read_catalogue(folder)
    return [(Path(problem.file).stem, problem.key) for problem in problems]


def site(folder: Path, text: str, known: Catalogue | dict[str, Entry] = SHIPPED) -> Site:
    """Load one site file beside this catalogue."""
    (folder / "shop.toml").write_text(textwrap.dedent(text), "utf-8")
    return load_sites(folder, LOCALES, known)["shop"]


def only(folder: Path, text: str, known: Catalogue | dict[str, Entry] = SHIPPED) -> Service:
    """The only service of a site file."""
    (service,) = site(folder, text, known).services
    return service


def refused(folder: Path, text: str, known: Catalogue | dict[str, Entry] = SHIPPED) -> Problem:
    """The only thing that is wrong with a site file."""
    with pytest.raises(ConfigError) as caught:
        site(folder, text, known)
    (problem,) = caught.value.problems
    return problem


def holdfire(*arguments: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command in an empty folder."""
    return subprocess.run(
        [sys.executable, "-m", "holdfire", *arguments],
        cwd=folder,
        env={**os.environ, **more},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# ---------------------------------------------------------------- what ships


def test_what_ships_is_in_order() -> None:
    """At least 120 services, and nothing wrong with any or between two."""
    assert WRONG == ()
    assert len(SHIPPED) >= 120
    assert set(SHIPPED) == {path.stem for path in FOLDER.glob("*.toml")}


def test_every_host_is_held_on_whole_labels() -> None:
    """A pattern covers the hosts below its domain and no stranger whose name ends alike."""
    for key, entry in SHIPPED.items():
        for pattern in entry.hosts:
            assert addresses.pattern_fault(pattern) is None, (key, pattern)
            domain = pattern.removeprefix("*.")
            assert not addresses.covers(pattern, f"evil{domain}"), (key, pattern)
            assert not addresses.covers(pattern, f"{domain}.evil.example"), (key, pattern)


def test_every_adapter_has_its_service() -> None:
    """Each adapter that a site may turn on finds a service that it speaks to, by its name."""
    spoken = {entry.adapter for entry in SHIPPED.values()} - {""}

    assert spoken == set(NAMES) - {"event"}  # which speaks to whoever listens


def test_every_text_is_a_sentence() -> None:
    """A visitor reads them: they begin large and end with a full stop."""
    for key, entry in SHIPPED.items():
        uses = (*entry.cookies, *entry.storage, *entry.databases)
        for text in (entry.text, *(str(use.purpose) for use in uses)):
            assert text[0].isupper(), (key, text)
            assert text.endswith("."), (key, text)
            assert text.isascii(), (key, text)


def test_the_sources_are_credited() -> None:
    """What is drawn from others has their licence beside it and stands in NOTICE."""
    notice = (ROOT / "NOTICE").read_text("utf-8")
    licences = {path.name.split(".LICENSE-")[0] for path in FOLDER.glob("*.LICENSE-*")}

    assert {source for entry in SHIPPED.values() for source in entry.sources} == licences | {"own"}
    for name in licences:
        assert f'"{name}"' in notice


def test_the_page_of_services_is_fresh() -> None:
    """``docs/services.md`` is what the catalogue says now; ``make docs`` writes it anew."""
    assert (ROOT / "docs/services.md").read_text("utf-8") == table.render(SHIPPED)


# ---------------------------------------------------------------- one entry


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('"analytics"', '"statistics"', "category"),
        ('"Counts visits."', '""', "text"),
        ('"https://counter.example/privacy"', '"counter.example"', "policy"),
        ('"*.counter.example"', '"*counter.example"', "hosts[#1]"),
        ('"*.counter.example"', '"*.com"', "hosts[#1]"),
        ('["*.counter.example"]', '["c.example", "c.example"]', "hosts[#2]"),
        ('"_ct"', '"_ct; x"', "cookies[#1].name"),
        ('"_ct"', '"holdfire"', "cookies[#1].name"),
        ('"1 year"', '"1 years"', "cookies[#1].lifetime"),
        ('"1 year"', '"Until deleted"', "cookies[#1].lifetime"),
        ('"1 year"', '"1 year", host = "*.counter.example"', "cookies[#1].host"),
        ('"Tells visits apart."', '{ en = "Tells." }', "cookies[#1].purpose"),
        ('["own"]', "[]", "sources"),
        ('["own"]', '["hearsay"]', "sources[#1]"),
        ('["own"]', '["own"]\nadapter = "telepathy"', "adapter"),
        ('["own"]', '["own"]\nshares = ["nobody"]', "shares[#1]"),
        ('["own"]', '["own"]\ncookie = []', "cookie"),
    ],
)
def test_a_fault_of_an_entry_is_told_with_its_key(
    tmp_path: Path, old: str, new: str, key: str
) -> None:
    """A catalogue is refused where it is wrong, and says where."""
    assert found(tmp_path, counter=ENTRY) == []
    assert found(tmp_path, counter=ENTRY.replace(old, new)) == [("counter", key)]


def test_an_entry_without_a_mark_holds_nothing(tmp_path: Path) -> None:
    """With neither hosts nor cookies a service could be neither held nor cleaned up after."""
    bare = "\n".join(
        line for line in ENTRY.splitlines() if not line.startswith(("hosts", "cookie"))
    )

    assert found(tmp_path, counter=bare) == [("counter", "hosts")]


# ---------------------------------------------------------------- two entries

OTHER = ENTRY.replace("Counter Ltd", "Other Ltd")


def test_two_providers_may_not_claim_the_same(tmp_path: Path) -> None:
    """A host and a cookie of two providers are told at each of them."""
    assert found(tmp_path, one=ENTRY, other=OTHER) == [
        ("one", "hosts[#1]"),
        ("one", "cookies[#1]"),
        ("other", "hosts[#1]"),
        ("other", "cookies[#1]"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('["*.counter.example"]', '["a.b.counter.example"]', "hosts[#1]"),
        ('["*.counter.example"]', '["*.a.counter.example"]', "hosts[#1]"),
        ('["*.counter.example"]', '["counter.example", "*.ter.example"]', None),
    ],
)
def test_a_host_within_anothers_pattern_is_claimed_twice(
    tmp_path: Path, old: str, new: str, expected: str | None
) -> None:
    """A wildcard claims every host below its domain, and not the domain itself."""
    other = OTHER.replace(old, new).replace('"_ct"', '"_ot"')

    wanted = [("other", expected)] if expected else []
    assert found(tmp_path, one=ENTRY, other=other) == wanted


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ('"_ct*"', '"_ct_1"', ["other"]),
        ('"_ct*"', '"_ct_*"', ["other"]),
        ('"_ct*"', '"_ct*"', ["one", "other"]),
        ('"_ct_*"', '"_ct"', []),
        ('"_ct", host = "a.example"', '"_ct"', []),
        ('"_ct", host = "a.example"', '"_ct", host = "a.example"', ["one", "other"]),
    ],
)
def test_a_cookie_within_anothers_family_is_claimed_twice(
    tmp_path: Path, mine: str, theirs: str, expected: list[str]
) -> None:
    """Families claim every name that begins like them, where the cookie is kept."""
    one = ENTRY.replace('"_ct"', mine)
    other = OTHER.replace('"_ct"', theirs).replace("*.counter", "*.other")

    told = found(tmp_path, one=one, other=other)
    assert told == [(key, "cookies[#1]") for key in expected]


def test_what_is_shared_may_be_said(tmp_path: Path) -> None:
    """One provider may claim the same twice, and two that both say so; one alone may not."""
    assert found(tmp_path / "a", one=ENTRY, other=ENTRY) == []
    one, other = ENTRY + 'shares = ["other"]', OTHER + 'shares = ["one"]'
    assert found(tmp_path / "b", one=one, other=other) == []
    assert ("one", "shares[#1]") in found(tmp_path / "c", one=one, other=OTHER)


# ---------------------------------------------------------------- a site that uses it


def test_a_site_uses_a_service_by_name(tmp_path: Path) -> None:
    """Everything comes from the catalogue; the id is its name, the category that of its standard."""
    used = only(tmp_path, HEAD + '[[service]]\nuses = "ga4"')

    entry = SHIPPED["ga4"]
    assert (used.id, used.name, used.category) == ("ga4", entry.name, "analytics")
    assert (used.provider, used.policy, used.text) == (entry.provider, entry.policy, entry.text)
    assert (used.hosts, used.cookies, used.adapter) == (entry.hosts, entry.cookies, "google")
    assert used.legal_basis == "consent"


def test_a_site_replaces_what_it_says_itself(tmp_path: Path) -> None:
    """Each member that the site gives replaces that of the catalogue, as a whole."""
    text = f"""
    languages = ["en", "de"]
    {HEAD}
    [[service]]
    id = "shop-counter"
    uses = "ga4"
    recipients = ["Agency"]
    legal_basis = "legitimate_interest"
    hosts = ["stats.shop.example"]
    cookies = [{{ name = "_ga", purpose = {{ en = "Sums.", de = "Summen." }}, lifetime = "1 day" }}]
    [service.text]
    en = "Counts."
    de = "Zählt."
    """
    used = only(tmp_path, textwrap.dedent(text))

    assert (used.id, used.recipients, used.hosts) == (
        "shop-counter",
        ("Agency",),
        ("stats.shop.example",),
    )
    assert [use.name for use in used.cookies] == ["_ga"]
    assert used.text == {"en": "Counts.", "de": "Zählt."}
    assert used.provider == SHIPPED["ga4"].provider


LOYALTY = """
[[category]]
id = "loyalty"
standard = "analytics"
[texts.en]
"category.loyalty.title" = "Loyalty"
"category.loyalty.text" = "Points."
"""


def test_the_category_is_the_one_of_its_standard(tmp_path: Path) -> None:
    """A site that calls its category otherwise is understood by the standard it names."""
    head = HEAD.replace('[[category]]\nid = "analytics"', "")

    used = only(tmp_path, head + '[[service]]\nuses = "ga4"' + LOYALTY)

    assert used.category == "loyalty"


def test_a_category_that_is_not_clear_has_to_be_said(tmp_path: Path) -> None:
    """None or several of the standard: the site says which, and is told what it may say."""
    none = refused(tmp_path, HEAD + '[[service]]\nuses = "meta-pixel"')
    several = refused(tmp_path, HEAD + '[[service]]\nuses = "ga4"' + LOYALTY)
    said = only(tmp_path, HEAD + '[[service]]\nuses = "ga4"\ncategory = "loyalty"' + LOYALTY)

    assert (none.key, several.key) == ("service[meta-pixel].category", "service[ga4].category")
    assert "no category of this site" in none.what
    assert several.remedy == "name one of: analytics, loyalty"
    assert said.category == "loyalty"


@pytest.mark.parametrize(
    ("name", "near"),
    [("gaa4", "did you mean ga4?"), ("linkedin", "linkedin-insight"), ("zzz", "lists them all")],
)
def test_an_unknown_name_is_told_near_ones(tmp_path: Path, name: str, near: str) -> None:
    """Who mistypes a name learns which was probably meant, or where all of them are."""
    problem = refused(tmp_path, HEAD + f'[[service]]\nuses = "{name}"')

    assert problem.key == f"service[{name}].uses"
    assert near in problem.remedy


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ('hosts = ["*shop.example"]', "service[ga4].hosts[#1]"),
        ('sources = ["own"]', "service[ga4].sources"),
        ('cookies = [{ name = "a" }]', "service[ga4].cookies[#1].purpose"),
    ],
)
def test_what_a_site_says_itself_is_checked_as_ever(tmp_path: Path, more: str, key: str) -> None:
    """An override is held to what any service of a site is held to."""
    (tmp_path / "shop.toml").write_text(HEAD + f'[[service]]\nuses = "ga4"\n{more}')

    with pytest.raises(ConfigError) as caught:
        load_sites(tmp_path, LOCALES, SHIPPED)

    assert caught.value.problems[0].key == key


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """A number or a list names no service."""
    assert refused(tmp_path, HEAD + "[[service]]\nuses = 4").key == "service[#1].uses"


def test_the_version_is_that_of_the_merged_result(tmp_path: Path) -> None:
    """What the catalogue or the site changes of substance asks anew; a text alone does not."""
    text = HEAD + '[[service]]\nuses = "counter"'

    def version(name: str, entry: str, more: str = "") -> str:
        known = catalogue(tmp_path / name, counter=entry)
        return site(tmp_path, f"{text}\n{more}", known).version

    first = version("a", ENTRY)
    assert version("b", ENTRY.replace("Counts visits.", "Counts all visits.")) == first
    assert version("c", ENTRY.replace("*.counter", "*.count")) != first
    assert version("d", ENTRY.replace('"_ct"', '"_ct2"')) != first
    assert version("e", ENTRY, 'hosts = ["stats.shop.example"]') != first
    written = ENTRY.replace('sources = ["own"]', 'id = "counter"')
    assert site(tmp_path, f"{HEAD}[[service]]{written}").version == first


def test_a_broken_entry_stops_only_who_uses_it(tmp_path: Path) -> None:
    """A site that does not use it starts; one that does is told what is wrong with the entry."""
    broken = ENTRY.replace('"1 year"', '"long"')
    known = catalogue(tmp_path / "services", counter=ENTRY, broken=broken)

    assert only(tmp_path, HEAD + '[[service]]\nuses = "counter"', known).name == "Counter"
    problem = refused(tmp_path, HEAD + '[[service]]\nuses = "broken"', known)
    assert (Path(problem.file).name, problem.key) == ("broken.toml", "cookies[#1].lifetime")


# ---------------------------------------------------------------- as it is used


def test_a_site_that_uses_services_boots_and_tells_of_them(tmp_path: Path) -> None:
    """The page gets what to hold, and its visitor the cookies of each with purpose and lifetime."""
    categories = '\n[[category]]\nid = "marketing"\nsale = true\n'
    uses = '[[service]]\nuses = "ga4"\n[[service]]\nuses = "meta-pixel"\n'
    (tmp_path / "shop.toml").write_text(HEAD + categories + uses)
    locales = load_locales(ROOT / "config/locales")
    shop = load_sites(tmp_path, locales, Catalogue(FOLDER))["shop"]

    with running(tmp_path, site=shop) as service:
        boot, _ = handed_in(service.client.get("/s/shop.js").text)
        words = service.client.get(f"/assets/words-shop-en.{boot['words']}.js").text

    held = {one["id"]: one for one in boot["services"]}
    assert held["ga4"]["category"] == "analytics"
    assert held["meta-pixel"]["category"] == "marketing"
    assert "_ga_*" in held["ga4"]["cookies"]
    assert {"_fbp", "_fbc"} <= set(held["meta-pixel"]["cookies"])
    assert "fr" not in held["meta-pixel"]["cookies"]  # kept on the provider's host: out of reach
    told = json.loads(words.removeprefix("export const words=").rstrip(";\n"))["services"]
    for one in told:
        entry = SHIPPED[one["id"]]
        assert (one["name"], one["text"], one["policy"]) == (entry.name, entry.text, entry.policy)
        assert [(use["name"], use["purpose"], use["lifetime"]) for use in one["cookies"]] == [
            (f"{use.name} ({use.host})" if use.host else use.name, use.purpose, use.lifetime)
            for use in entry.cookies
        ]


def test_the_command_lists_the_catalogue(tmp_path: Path) -> None:
    """One line for each, or JSON with everything about each."""
    lines = holdfire("services", folder=tmp_path)
    told = holdfire("services", "--json", folder=tmp_path)

    assert lines.returncode == told.returncode == 0
    assert [line.split()[0] for line in lines.stdout.splitlines()] == list(SHIPPED)
    rows = json.loads(told.stdout)
    assert [row["id"] for row in rows] == list(SHIPPED)
    assert {"hosts", "cookies", "category", "provider", "policy", "adapter"} <= set(rows[0])


def test_the_command_shows_one(tmp_path: Path) -> None:
    """Everything about one service, in words or as JSON."""
    shown = holdfire("services", "clarity", folder=tmp_path).stdout
    told = json.loads(holdfire("services", "clarity", "--json", folder=tmp_path).stdout)

    for said in ("Microsoft Clarity", "*.clarity.ms", "_clck", "(1 year)", "MUID on clarity.ms"):
        assert said in shown
    assert told["id"] == "clarity"
    assert told["adapter"] == "clarity"


def test_the_command_tells_near_names(tmp_path: Path) -> None:
    """A name that is not there is a mistake of use, and the answer names what was meant."""
    ran = holdfire("services", "hotjr", folder=tmp_path)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert "did you mean hotjar" in ran.stderr


def test_a_catalogue_of_ones_own_replaces_the_shipped_one(tmp_path: Path) -> None:
    """``services_dir`` names it; every command that reads sites reads it, and check finds faults."""
    catalogue(tmp_path / "services", counter=ENTRY, other=OTHER)
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites/shop.toml").write_text(HEAD + '[[service]]\nuses = "counter"')
    own = {"HOLDFIRE_SERVICES_DIR": "services", "HOLDFIRE_SITES_DIR": "sites"}

    listed = holdfire("services", folder=tmp_path, **own).stdout
    snippet = holdfire("snippet", "--site", "shop", folder=tmp_path, **own)
    checked = holdfire("check", "--no-render", "--json", folder=tmp_path, **own)

    assert [line.split()[0] for line in listed.splitlines()] == ["counter", "other"]
    assert snippet.returncode == 0
    assert checked.returncode == 1
    keys = {problem["key"] for problem in json.loads(checked.stdout) if "key" in problem}
    assert {"hosts[#1]", "cookies[#1]"} <= keys
