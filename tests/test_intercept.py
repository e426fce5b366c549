"""Holding what nobody marked: what a site file may say of it, and what the page is told."""

from pathlib import Path
from typing import cast

import pytest

from holdfire.errors import ConfigError
from holdfire.model import Intercept, Rules, Site
from holdfire.sites import load_sites
from holdfire.web.parts import Part, chunks, parts

EN = {
    "language.name": "English",
    "banner.title": "Your choice",
    **{
        f"category.{key}.{part}": part
        for key in ("necessary", "marketing")
        for part in ("title", "text")
    },
}
SITE = """
name = "Shop"
origins = ["https://shop.example"]
default_language = "en"

{intercept}

[[category]]
id = "necessary"

[[category]]
id = "marketing"

[[service]]
id = "ads"
name = "Ads"
category = "marketing"
hosts = ["ads.example", "*.ads.example"]

[[service]]
id = "survey"
name = "Survey"
category = "marketing"
"""


def site_of(folder: Path, intercept: str) -> Site:
    """The site with this said of what is held."""
    (folder / "shop.toml").write_text(SITE.format(intercept=intercept), "utf-8")
    return load_sites(folder, {"en": EN})["shop"]


def turned_on(site: Site) -> tuple[Part, ...]:
    """What the site turned on of it; no rule of law has a say in that."""
    rules = cast("Rules", None)
    return tuple(part for part in parts(site, rules) if part.chunk == "intercept")


def test_nothing_is_held_unless_the_site_says_so(tmp_path: Path) -> None:
    """A site that says nothing of it gets no code for it."""
    site = site_of(tmp_path, "")

    assert site.intercept == Intercept()
    assert turned_on(site) == ()
    assert chunks(turned_on(site)) == ()


def test_the_page_is_told_whose_hosts_are_whose(tmp_path: Path) -> None:
    """The part gets the hosts of each service that has any, and what the site wants done."""
    site = site_of(
        tmp_path,
        '[intercept]\nmode = "hold"\nunknown = "hold"\ntrusted = ["cdn.example", "*.pay.example"]',
    )

    (part,) = turned_on(site)

    assert part.options == {
        "report": False,
        "hold_unknown": True,
        "trusted": ("cdn.example", "*.pay.example"),
        "hosts": {"ads": ("ads.example", "*.ads.example")},
    }


def test_the_code_that_it_opens_comes_along(tmp_path: Path) -> None:
    """What holds requests brings the chunks that it opens by itself."""
    site = site_of(tmp_path, '[intercept]\nmode = "report"')

    assert chunks(turned_on(site)) == ("intercept", "insertion", "writes")
    assert turned_on(site)[0].options["report"] is True


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ('mode = "hold"\ntrusted = ["https://cdn.example"]', "intercept.trusted[#1]"),
        ('mode = "hold"\ntrusted = ["cdn.example", "*"]', "intercept.trusted[#2]"),
        ('mode = "hold"\ntrusted = ["*.example"]', "intercept.trusted[#1]"),
        ('unknown = "hold"', "intercept.mode"),
        ('mode = "block"', "intercept.mode"),
    ],
)
def test_what_nobody_can_mean_is_refused(tmp_path: Path, said: str, key: str) -> None:
    """A pattern that is no host, a setting without effect, and a mode that there is not."""
    with pytest.raises(ConfigError) as refused:
        site_of(tmp_path, f"[intercept]\n{said}")

    assert [problem.key for problem in refused.value.problems] == [key]
