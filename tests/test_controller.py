"""The ``[controller]`` table of a site file: what is read, what is refused, and what is material."""

from pathlib import Path

import pytest

from holdfire.errors import ConfigError
from holdfire.model import Site
from holdfire.sites import load_sites

SITE = """
name = "Shop"
origins = ["https://shop.example"]
default_language = "en"
[[category]]
id = "necessary"
"""
WORDS = {
    "category.necessary.title": "Necessary",
    "category.necessary.text": "For the site to work.",
}
NAMED = '[controller]\nname = "Shop Ltd"\n'


def site_of(folder: Path, table: str) -> Site:
    """A site with this table at the end of its file."""
    (folder / "shop.toml").write_text(SITE + table, "utf-8")
    return load_sites(folder, {"en": WORDS})["shop"]


def test_all_of_it_may_be_left_out(tmp_path: Path) -> None:
    """A site that names nobody keeps the version it had; so does one that adds an address."""
    nobody = site_of(tmp_path, "")
    named = site_of(tmp_path, NAMED)
    reached = site_of(tmp_path, f'{NAMED}email = "a@shop.example"\naddress.country = "GB"\n')

    assert nobody.controller.name == ""
    assert named.controller.role == "controller"
    assert reached.controller.address.country == "GB"
    assert nobody.version != named.version == reached.version


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('email = "shop.example"', "email"),
        ('phone = "call us"', "phone"),
        ('jurisdiction = "Germany"', "jurisdiction"),
        ('address.country = "de"', "address.country"),
        ('address.street = "one\\ntwo"', "address.street"),
        ('privacy_policy = "javascript:alert(1)"', "privacy_policy"),
        ('rights = "ask us"', "rights"),
        ('role = "owner"', "role"),
    ],
)
def test_what_it_cannot_be_is_refused(tmp_path: Path, line: str, key: str) -> None:
    """Each member is told by its key, with how to write it."""
    with pytest.raises(ConfigError) as refused:
        site_of(tmp_path, f"{NAMED}{line}\n")

    (problem,) = refused.value.problems
    assert problem.key == f"controller.{key}"
    assert problem.remedy


def test_a_controller_has_a_name(tmp_path: Path) -> None:
    """An address of nobody helps nobody."""
    with pytest.raises(ConfigError, match=r"controller\.name: is missing"):
        site_of(tmp_path, '[controller]\nemail = "a@shop.example"\n')
