"""Site files: what is read, and what is refused with which remedy."""

import textwrap
from pathlib import Path

import pytest

from holdfire.errors import ConfigError, Problem
from holdfire.model import Category, Site, in_language
from holdfire.settings import shipped
from holdfire.sites import load_locales, load_sites, read_sites, shape

STANDARD = ("necessary", "functional", "analytics", "marketing")
WORDS = {f"category.{key}.{part}": part for key in STANDARD for part in ("title", "text")}
EN = {"language.name": "English", "banner.title": "Your choice at {site}", **WORDS}
DE = {"language.name": "Deutsch", "banner.title": "Ihre Wahl bei {site}", **WORDS}
LOCALES = {"en": EN, "de": DE}

HEAD = """
name = "Shop"
origins = ["https://shop.example"]
default_language = "en"
"""
CATEGORIES = """
[[category]]
id = "necessary"

[[category]]
id = "analytics"
"""
SERVICE = """
[[service]]
id = "ga4"
name = "Analytics"
category = "analytics"
"""
GOOD = HEAD + CATEGORIES + SERVICE


def site_of(folder: Path, text: str, name: str = "shop") -> Site:
    """Write one site file and load it."""
    (folder / f"{name}.toml").write_text(text, "utf-8")
    return load_sites(folder, LOCALES)[name]


def problems_of(folder: Path, text: str, name: str = "shop.toml") -> tuple[Problem, ...]:
    """What loading a folder with this site file refuses."""
    (folder / name).write_text(text, "utf-8")
    with pytest.raises(ConfigError) as refused:
        load_sites(folder, LOCALES)
    return refused.value.problems


# ---------------------------------------------------------------- what is read


def test_a_site_is_named_after_its_file(tmp_path: Path) -> None:
    """The id of a site is the name of its file; files of other kinds are not sites."""
    (tmp_path / "README.md").write_text("Not a site.")

    site = site_of(tmp_path, GOOD, "shop-2")

    assert (site.id, site.name, site.origins) == ("shop-2", "Shop", ("https://shop.example",))


def test_a_standard_category_needs_no_standard(tmp_path: Path) -> None:
    """The four standard ids stand for themselves; any other says which it is."""
    text = f"""
    {GOOD}
    [[category]]
    id = "loyalty"
    standard = "marketing"
    sale = true
    [texts.en]
    "category.loyalty.title" = "Loyalty card"
    "category.loyalty.text" = "Points for what you buy."
    """

    site = site_of(tmp_path, textwrap.dedent(text))

    assert site.categories == (
        Category(id="necessary", standard="necessary"),
        Category(id="analytics", standard="analytics"),
        Category(id="loyalty", standard="marketing", sale=True),
    )


def test_texts_are_complete_for_every_language(tmp_path: Path) -> None:
    """A site's own words replace those of the locale, key by key, in their language only."""
    text = 'languages = ["en", "de"]' + GOOD + '[texts.de]\n"banner.title" = "Kekse bei {site}?"'

    site = site_of(tmp_path, text)

    assert site.texts == {"en": EN, "de": DE | {"banner.title": "Kekse bei {site}?"}}


def test_without_languages_a_notice_speaks_the_default_one(tmp_path: Path) -> None:
    """Naming one language is enough."""
    assert list(site_of(tmp_path, GOOD).texts) == ["en"]


def test_links_left_out_are_left_out(tmp_path: Path) -> None:
    """Only links that the owner gave reach the page."""
    text = GOOD + '[links]\nprivacy_policy = "https://shop.example/privacy?lang=en#cookies"'

    assert site_of(tmp_path, text).links == {
        "privacy_policy": "https://shop.example/privacy?lang=en#cookies"
    }


def test_what_is_told_of_a_service_is_said_in_each_language(tmp_path: Path) -> None:
    """One text is for every language; a table has one for each, and no language gets another's."""
    text = f"""
    languages = ["en", "de"]
    {GOOD}
    text = {{ en = "Counts visits.", de = "Zählt Besuche." }}
    recipients = ["Adstream"]
    cookies = [
      {{ name = "_ga", purpose = "Statistik", lifetime = "2 years" }},
      {{ name = "_gb", purpose = {{ en = "Sums.", de = "Summen." }}, lifetime = "session" }},
    ]
    """

    told = site_of(tmp_path, textwrap.dedent(text)).services[0]

    assert (told.legal_basis, told.recipients) == ("consent", ("Adstream",))
    for language, said in (
        ("en", ["Counts visits.", "Statistik", "Sums."]),
        ("de", ["Zählt Besuche.", "Statistik", "Summen."]),
    ):
        words = (told.text, *(use.purpose for use in told.cookies))
        assert [in_language(one, language) for one in words] == said


@pytest.mark.parametrize(
    "lifetime", ["session", "persistent", "1 minute", "24 hours", "13 months", "Until deleted"]
)
def test_a_lifetime_is_kept_as_it_is_written(tmp_path: Path, lifetime: str) -> None:
    """The forms that the page says in its own language, and free text, which it shows as it is."""
    use = f'cookies = [{{ name = "_ga", purpose = "p", lifetime = "{lifetime}" }}]'

    assert site_of(tmp_path, GOOD + use).services[0].cookies[0].lifetime == lifetime


def test_the_demo_site_loads_with_the_real_texts() -> None:
    """What ships is in order, and has what the demo page is built upon."""
    locales = load_locales(shipped("config/locales"))

    demo = load_sites(shipped("config/sites"), locales)["demo"]

    assert [c.id for c in demo.categories] == list(STANDARD)
    assert [c.id for c in demo.categories if c.sale] == ["marketing"]
    assert not demo.attestations.analytics_exempt
    assert not demo.attestations.functional_exempt
    assert {s.id: s.category for s in demo.services} == {
        "posthog": "analytics",
        "plausible": "analytics",
        "mixpanel": "marketing",
        "ad-pixel": "marketing",
        "ad-frame": "marketing",
        "video": "functional",
        "chat": "functional",
    }
    assert demo.texts.keys() == locales.keys()
    assert demo.texts["en"].keys() == locales["en"].keys()


def test_the_documented_shape_is_a_site_file(tmp_path: Path) -> None:
    """The example in the documentation of the shape can be copied as it is."""
    _, _, example = (shape.__doc__ or "").partition("\n\n")

    site = site_of(tmp_path, example)

    assert site.service("posthog") is not None
    assert site.ask_age


# ---------------------------------------------------------------- what is refused


DIGEST = "sha384-" + "A" * 64

WRONG = [
    # keys and types
    (HEAD + 'langages = ["en"]' + CATEGORIES, "langages", "did you mean languages?"),
    (GOOD + "[[categories]]\nid = 1", "categories", "did you mean category?"),
    (GOOD + "host = []", "service[ga4].host", "did you mean hosts?"),
    (GOOD + "[links]\nimprnt = 'x'", "links.imprnt", "did you mean imprint?"),
    (GOOD + "[attestations]\nexempt = true", "attestations.exempt", "analytics_exempt"),
    (
        GOOD + "[attestations]\nanalytics_exempt = 1",
        "attestations.analytics_exempt",
        "true or false",
    ),
    (GOOD + "hosts = ['a.example', 5]", "service[ga4].hosts[#2]", "a text in quotes"),
    (GOOD + "cookies = ['_ga']", "service[ga4].cookies[#1]", "a table"),
    (GOOD + "[[service]]", "service[#2].id", "add it"),
    (HEAD.replace('"Shop"', "5") + CATEGORIES, "name", "a text in quotes"),
    (HEAD.replace("name", "# name") + CATEGORIES, "name", "add it"),
    (HEAD + "policy_version = 2" + CATEGORIES, "policy_version", "a text in quotes"),
    (HEAD + 'category = "necessary"', "category", "a table in double brackets"),
    (HEAD + 'name = "Twice"' + CATEGORIES, "(file)", "syntax"),
    (HEAD.replace("Shop", " ") + CATEGORIES, "name", "has to be told"),
    # origins
    (GOOD.replace("https://shop.example", "*"), "origins[#1]", "by itself"),
    (GOOD.replace("https://shop.example", "https://*.example"), "origins[#1]", "by itself"),
    (GOOD.replace('"https://shop.example"', ""), "origins", "list the origins"),
    # links and policies
    (GOOD + '[links]\nimprint = "javascript:alert(1)"', "links.imprint", "https://"),
    (GOOD + '[links]\nimprint = "http://shop.example/"', "links.imprint", 'write "https://shop'),
    (GOOD + '[links]\nimprint = "/imprint"', "links.imprint", "https://"),
    (GOOD + 'policy = "data:text/html,x"', "service[ga4].policy", "https://"),
    # categories
    (HEAD + '[[category]]\nid = "analytics"', "category[necessary]", 'id = "necessary"'),
    (GOOD + '[[category]]\nid = "loyalty"', "category[loyalty].standard", "functional"),
    (GOOD + '[[category]]\nid = "x"\nstandard = "ads"', "category[x].standard", "marketing"),
    (
        GOOD + '[[category]]\nid = "functional"\nstandard = "marketing"',
        "category[functional].standard",
        "another id",
    ),
    (GOOD + '[[category]]\nid = "Ads"\nstandard = "marketing"', "category[Ads].id", "a-z, 0-9"),
    (GOOD + '[[category]]\nid = "analytics"', "category[#3].id", "each its own"),
    (
        GOOD.replace('id = "necessary"', 'id = "necessary"\nsale = true'),
        "category[necessary].sale",
        "remove it",
    ),
    (
        GOOD.replace('id = "necessary"', 'id = "necessary"\nsensitive = true'),
        "category[necessary].sensitive",
        "remove it",
    ),
    # services
    (
        GOOD.replace('category = "analytics"', 'category = "ads"'),
        "service[ga4].category",
        "analytics",
    ),
    (GOOD + SERVICE, "service[#2].id", "each its own"),
    (GOOD.replace('"ga4"', '"g a"'), "service[g a].id", "a-z, 0-9"),
    (GOOD.replace('"ga4"', '"analytics"'), "service[analytics].id", "another id"),
    (GOOD + 'hosts = ["*"]', "service[ga4].hosts[#1]", "*.example.com"),
    (GOOD + 'hosts = ["*.com"]', "service[ga4].hosts[#1]", "*.example.com"),
    (GOOD + 'hosts = ["*.127.0.0.1"]', "service[ga4].hosts[#1]", "*.example.com"),
    (GOOD + 'hosts = ["a*.example.com"]', "service[ga4].hosts[#1]", "*.example.com"),
    (GOOD + 'hosts = ["a.*.com"]', "service[ga4].hosts[#1]", "*.example.com"),
    (GOOD + 'hosts = ["https://a.example"]', "service[ga4].hosts[#1]", "cdn.example.com"),
    (GOOD + 'hosts = ["a.example:443"]', "service[ga4].hosts[#1]", "cdn.example.com"),
    (GOOD + 'hosts = ["A.example"]', "service[ga4].hosts[#1]", 'write "a.example"'),
    (
        GOOD + 'hosts = ["*.b.example"]\nscript = "https://b.example/t.js"',
        "service[ga4].hosts",
        'add "b.example"',
    ),
    (
        GOOD + 'hosts = ["b.example"]\nscript = "http://b.example/t.js"',
        "service[ga4].script",
        'write "https://b.example"',
    ),
    (GOOD + f'integrity = "{DIGEST}"', "service[ga4].integrity", "name the script"),
    *(
        (
            GOOD + f'hosts = ["b.example"]\nscript = "https://b.example/"\nintegrity = "{digest}"',
            "service[ga4].integrity",
            "sha384-",
        )
        for digest in ("md5-AAAA", "sha384-AAAA", "sha256-%", f"{DIGEST}  {DIGEST}", DIGEST.upper())
    ),
    *(
        (
            GOOD + f"cookies = [{{ name = '{name}', purpose = 'p', lifetime = 'l' }}]",
            "service[ga4].cookies[#1].name",
            remedy,
        )
        for name, remedy in (
            ("a b", "_ga_*"),
            ("a=b", "_ga_*"),
            ("a;b", "_ga_*"),
            ("ü", "_ga_*"),
            ("*", "_ga_*"),
            ("a*b", "_ga_*"),
            ("h*", "longer name"),
            ("__Host-*", "longer name"),
            ("holdfire_shop", "longer name"),
        )
    ),
    (
        GOOD + "cookies = [{ name = '_ga', purpose = 'p' }]",
        "service[ga4].cookies[#1].lifetime",
        "told",
    ),
    (
        GOOD + "storage = [{ name = 'k', lifetime = 'l' }]",
        "service[ga4].storage[#1].purpose",
        "told",
    ),
    (
        GOOD + "storage = [{ name = '*', purpose = 'p', lifetime = 'l' }]",
        "service[ga4].storage[#1].name",
        "ph_*",
    ),
    # what a visitor is told of a service, in every language
    (GOOD + 'text = " "', "service[ga4].text", "told"),
    (GOOD + 'text = { en = "" }', "service[ga4].text.en", "told"),
    (GOOD + "text = {}", "service[ga4].text.en", "add it"),
    (GOOD + "text = ['x']", "service[ga4].text", "a text in quotes"),
    (GOOD + "text = { en = 5 }", "service[ga4].text", "a text in quotes"),
    (GOOD + 'text = { en = "x", de = "x" }', "service[ga4].text.de", "known are en"),
    (
        'languages = ["en", "de"]' + GOOD + 'text = { en = "x" }',
        "service[ga4].text.de",
        "add it, or take 'de' out of languages",
    ),
    (
        'languages = ["en", "de"]'
        + GOOD
        + "cookies = [{ name = '_ga', purpose = { de = 'p' }, lifetime = 'l' }]",
        "service[ga4].cookies[#1].purpose.en",
        "add it",
    ),
    (GOOD + 'legal_basis = "interest"', "service[ga4].legal_basis", "legitimate_interest"),
    (GOOD + 'recipients = [""]', "service[ga4].recipients[#1]", "told"),
    # languages and texts
    (GOOD.replace('"en"', '"fr"'), "default_language", "add fr.toml"),
    ('languages = ["en", "fr"]' + GOOD, "languages", "add fr.toml"),
    ('languages = ["de"]' + GOOD, "default_language", "add it to languages"),
    (GOOD + "[texts.de]", "texts.de", "known are en"),
    (GOOD + '[texts.en]\n"banner.titel" = "x"', 'texts.en."banner.titel"', "banner.title?"),
    (GOOD + '[texts.en]\nbanner.title = "x"', "texts.en.banner", "quoted as a whole"),
    (GOOD + '[texts.en]\n"banner.title" = "{size}"', 'texts.en."banner.title"', "use {site}"),
    (GOOD + '[texts.en]\n"banner.title" = "{site"', 'texts.en."banner.title"', "{name}"),
    (GOOD + '[texts.en]\n"banner.title" = ""', 'texts.en."banner.title"', "remove the key"),
    (
        GOOD + "[texts.en]\n'category.analytics.text' = '{x}'",
        'texts.en."category.analytics.text"',
        "remove",
    ),
    (
        GOOD
        + "[[category]]\nid = 'x'\nstandard = 'marketing'\n[texts.en]\n'category.x.text' = 'x'",
        'texts.en."category.x.title"',
        "add it",
    ),
    (
        'languages = ["en", "de"]'
        + GOOD
        + "[[category]]\nid = 'x'\nstandard = 'marketing'\n[texts.en]\n"
        + "'category.x.title' = 'x'\n'category.x.text' = 'x'\n"
        + "[texts.de]\n'category.x.title' = 'x'",
        'texts.de."category.x.text"',
        "take 'de' out of languages",
    ),
]


@pytest.mark.parametrize(("text", "key", "remedy"), WRONG, ids=[key for _, key, _ in WRONG])
def test_a_fault_is_told_with_file_key_and_remedy(
    tmp_path: Path, text: str, key: str, remedy: str
) -> None:
    """Every planted fault stops the start, and says where it is and how to mend it."""
    told = {problem.key: problem for problem in problems_of(tmp_path, text)}

    assert key in told
    assert told[key].file == str(tmp_path / "shop.toml")
    assert remedy in told[key].remedy
    assert told[key].what


@pytest.mark.parametrize("name", ["Shop.toml", "my shop.toml", "shop_1.toml", "x" * 65 + ".toml"])
def test_a_file_name_that_is_no_id_is_refused(tmp_path: Path, name: str) -> None:
    """The id stands in URLs, cookies and rows: it is checked where it is made."""
    (problem,) = problems_of(tmp_path, GOOD, name)

    assert problem.key == "(file name)"
    assert "a-z, 0-9" in problem.remedy


def test_all_problems_of_all_sites_are_told_at_once(tmp_path: Path) -> None:
    """Types, addresses, references and texts, in two files: one start tells them all."""
    bad = GOOD.replace("https://shop.example", "*").replace(
        'category = "analytics"', "category = 'x'"
    )
    (tmp_path / "other.toml").write_text("name = = 1")

    found = {
        (Path(p.file).name, p.key)
        for p in problems_of(tmp_path, "nmae = 1" + bad + "hosts = [1]\n[texts.en]\n'x.y' = 'z'")
    }

    assert found == {
        ("other.toml", "(file)"),
        ("shop.toml", "nmae"),
        ("shop.toml", "origins[#1]"),
        ("shop.toml", "service[ga4].category"),
        ("shop.toml", "service[ga4].hosts[#1]"),
        ("shop.toml", 'texts.en."x.y"'),
    }


def test_sites_in_order_can_be_had_beside_those_that_are_not(tmp_path: Path) -> None:
    """Reading tells problems and still gives the sites that have none."""
    (tmp_path / "bad.toml").write_text("name = 1")
    (tmp_path / "good.toml").write_text(GOOD)

    sites, problems = read_sites(tmp_path, LOCALES)

    assert list(sites) == ["good"]
    assert {Path(p.file).name for p in problems} == {"bad.toml"}


def test_a_folder_without_a_site_is_refused(tmp_path: Path) -> None:
    """A mistyped folder is told, and not served as nothing."""
    with pytest.raises(ConfigError) as refused:
        load_sites(tmp_path / "none", LOCALES)

    (problem,) = refused.value.problems
    assert "demo.toml" in problem.remedy
