"""The version of a notice: what asks visitors again, and what does not."""

import hashlib
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfire.model import Category, CookieUse, LegalBasis, Service, Site
from holdfire.sites import load_sites, notice_version

WORDS = {
    f"category.{key}.{part}": part
    for key in ("necessary", "analytics")
    for part in ("title", "text")
}


def site_of(folder: Path, text: str, name: str = "shop") -> Site:
    """Write one site file and load it."""
    (folder / f"{name}.toml").write_text(text, "utf-8")
    return load_sites(folder, {"en": WORDS, "de": WORDS})[name]


FULL = """
name = "Shop"
origins = ["https://shop.example"]
default_language = "en"
languages = ["en"]
policy_version = "1"

[attestations]
online_platform = false

[links]
imprint = "https://shop.example/imprint"

[[category]]
id = "necessary"

[[category]]
id = "loyalty"
standard = "marketing"
sale = false
sensitive = false

[[service]]
id = "card"
name = "Card"
category = "loyalty"
provider = "Cards Ltd"
policy = "https://cards.example/privacy"
hosts = ["cards.example", "*.cards.example"]
script = "https://cards.example/a.js"
cookies = [{ name = "card", purpose = "Points.", lifetime = "1 year" }]
storage = [{ name = "card_*", purpose = "Points.", lifetime = "1 year" }]

[texts.en]
"category.loyalty.title" = "Loyalty card"
"category.loyalty.text" = "Points for what you buy."
"""

IMMATERIAL = [
    ('name = "Shop"', 'name = "Store"'),
    ('name = "Card"', 'name = "The Card"'),
    ("https://shop.example/imprint", "https://shop.example/legal"),
    ('["https://shop.example"]', '["https://shop.example", "https://m.shop.example"]'),
    ("Loyalty card", "Loyalty Card"),
    ("Points for what you buy.", "Points for everything you buy."),
    ("Points.", "Your points."),
    ('lifetime = "1 year"', 'lifetime = "12 months"'),
    ("https://cards.example/privacy", "https://cards.example/policy"),
    ("https://cards.example/a.js", "https://cards.example/b.js"),
    ('"cards.example", "*.cards.example"', '"*.cards.example", "cards.example"'),
    ("online_platform = false", "online_platform = true"),
    ('name = "Card"', 'name = "Card"\ntext = "Counts points."\nlegal_basis = "contract"'),
    ('name = "card", purpose = "Points."', 'name = "card", purpose = { en = "Points." }'),
    ("[attestations]", "ask_age = true\n[attestations]"),
]

MATERIAL = [
    ('policy_version = "1"', 'policy_version = "2"'),
    ('standard = "marketing"', 'standard = "analytics"'),
    ("sale = false", "sale = true"),
    ("sensitive = false", "sensitive = true"),
    ('id = "card"', 'id = "card-2"'),
    ('category = "loyalty"', 'category = "necessary"'),
    ("Cards Ltd", "Other Ltd"),
    ('name = "Card"', 'name = "Card"\nrecipients = ["Points Bank AG"]'),
    ('"*.cards.example"', '"*.tracker.example"'),
    ('name = "card"', 'name = "card_id"'),
    ('name = "card_*"', 'name = "cards_*"'),
    ("[texts.en]", '[[category]]\nid = "analytics"\n[texts.en]'),
]


@pytest.mark.parametrize(("old", "new"), IMMATERIAL)
def test_wording_asks_nobody_again(tmp_path: Path, old: str, new: str) -> None:
    """Texts, names, links, origins and the order of lists leave the version as it is."""
    before = site_of(tmp_path, FULL)
    after = site_of(tmp_path, FULL.replace(old, new))

    assert after != before
    assert after.version == before.version


@pytest.mark.parametrize(("old", "new"), MATERIAL)
def test_a_material_change_is_a_new_notice(tmp_path: Path, old: str, new: str) -> None:
    """What a visitor agreed to is another thing now, so the version is another."""
    before = site_of(tmp_path, FULL)
    after = site_of(tmp_path, FULL.replace(old, new))

    assert after.version != before.version


def test_another_language_is_the_same_notice(tmp_path: Path) -> None:
    """Whoever agreed in English is not asked again in German."""
    before = site_of(tmp_path, FULL)
    german = '[texts.de]\n"category.loyalty.title" = "Karte"\n"category.loyalty.text" = "Punkte."'
    after = site_of(tmp_path, FULL.replace('["en"]', '["en", "de"]') + german)

    assert set(after.texts) == {"en", "de"}
    assert after.version == before.version


def test_a_version_belongs_to_one_site(tmp_path: Path) -> None:
    """The same file under another id is another notice."""
    assert site_of(tmp_path, FULL, "a").version != site_of(tmp_path, FULL, "b").version


def test_a_version_can_be_computed_by_hand() -> None:
    """Records point at versions for years, so the bytes under the hash are fixed."""
    services = (
        Service(
            id="card",
            name="Card",
            category="loyalty",
            provider="Cards Ltd",
            hosts=("cards.example",),
            cookies=(CookieUse(name="card"),),
        ),
    )
    categories = (Category(id="loyalty", standard="marketing", sale=True),)
    material = (
        b'{"categories":[["loyalty","marketing",true,false]],'
        b'"policy_version":"1",'
        b'"services":[["card","loyalty","Cards Ltd",["cards.example"],["card"],[]]],'
        b'"site":"shop"}'
    )

    by_hand = hashlib.sha256(material).hexdigest()[:16]

    assert notice_version("shop", categories, services, "1") == by_hand == "6de22810dc7f3a3e"


def test_recipients_are_hashed_where_there_are_any() -> None:
    """Who receives the data is a seventh item of the service, in any order."""
    service = Service(
        id="card", name="Card", category="loyalty", recipients=("Points Bank AG", "Adstream")
    )
    material = (
        b'{"categories":[],"policy_version":"1",'
        b'"services":[["card","loyalty","",[],[],[],["Adstream","Points Bank AG"]]],'
        b'"site":"shop"}'
    )

    by_hand = hashlib.sha256(material).hexdigest()[:16]

    assert notice_version("shop", (), (service,), "1") == by_hand


IDS = st.from_regex(r"[a-z0-9-]{1,12}", fullmatch=True)
NAMES = st.lists(st.from_regex(r"[a-z_]{1,12}", fullmatch=True), unique=True, max_size=3)
SERVICES = st.lists(
    st.builds(
        Service,
        id=IDS,
        name=st.text(),
        category=IDS,
        provider=st.text(max_size=8),
        recipients=NAMES.map(tuple),
        policy=st.text(),
        hosts=NAMES.map(tuple),
        script=st.text(),
        cookies=NAMES.map(lambda names: tuple(CookieUse(name=name) for name in names)),
        storage=NAMES.map(lambda names: tuple(CookieUse(name=name) for name in names)),
    ),
    max_size=4,
)


@given(SERVICES, st.data())
def test_words_and_order_are_never_material(services: list[Service], data: st.DataObject) -> None:
    """Any rewording and any reordering of services keeps the version."""
    reworded = [
        msgspec.structs.replace(
            service,
            name=data.draw(st.text()),
            policy=data.draw(st.text()),
            text=data.draw(st.text()),
            legal_basis=data.draw(st.sampled_from(get_args(LegalBasis))),
            recipients=tuple(data.draw(st.permutations(service.recipients))),
            hosts=tuple(data.draw(st.permutations(service.hosts))),
            cookies=tuple(
                msgspec.structs.replace(use, purpose=data.draw(st.text()), lifetime="x")
                for use in data.draw(st.permutations(service.cookies))
            ),
        )
        for service in data.draw(st.permutations(services))
    ]

    assert notice_version("s", (), reworded, "1") == notice_version("s", (), services, "1")


@given(SERVICES, SERVICES)
def test_services_that_differ_make_another_notice(one: list[Service], two: list[Service]) -> None:
    """Two lists share a version only if they share everything material."""

    def material(services: list[Service]) -> list[tuple[object, ...]]:
        return sorted(
            (
                s.id,
                s.category,
                s.provider,
                tuple(sorted(s.recipients)),
                tuple(sorted(s.hosts)),
                tuple(sorted(use.name for use in s.cookies)),
                tuple(sorted(use.name for use in s.storage)),
            )
            for s in services
        )

    same = notice_version("s", (), one, "1") == notice_version("s", (), two, "1")

    assert same == (material(one) == material(two))
