"""With ``checked_only`` a service starts with what a browser has looked at, and nothing else."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from holdfire import app
from holdfire.errors import ConfigError
from holdfire.model import Look, Site
from holdfire.publication import NAME, remember
from holdfire.settings import load
from holdfire.web.display import ShelfDisplay
from holdfire.web.shelf import Shelf
from house import ROOT, demo_site, settings

ENGLISH = replace(demo_site(), texts={"en": demo_site().texts["en"]}, default_language="en")


def looked_at(folder: Path, site: Site) -> None:
    """Leave the mark that ``holdfire check`` leaves for a site without a fault."""
    display = ShelfDisplay(Shelf(ROOT / "static/dist", (site,)), (site,))
    remember(folder / "var", display, [site])


def start(folder: Path, site: Site) -> None:
    """What ``holdfire serve`` does first."""
    app.build(settings(folder, checked_only=True), {site.id: site}, prebuild=False)


def refused(folder: Path, site: Site) -> str:
    """The one line that says why it does not start."""
    with pytest.raises(ConfigError) as caught:
        start(folder, site)
    (problem,) = caught.value.problems
    return str(problem)


def test_nothing_starts_that_nobody_has_looked_at(tmp_path: Path) -> None:
    """The line names the site, and the command that looks."""
    assert "demo" in refused(tmp_path, ENGLISH)
    assert "holdfire check --render" in refused(tmp_path, ENGLISH)


def test_what_was_looked_at_starts_until_it_is_changed(tmp_path: Path) -> None:
    """A text, a colour: anything that visitors see has to be looked at again."""
    looked_at(tmp_path, ENGLISH)
    start(tmp_path, ENGLISH)
    texts = {"en": {**ENGLISH.texts["en"], "banner.title.opt_in": "Cookies?"}}

    for changed in (
        replace(ENGLISH, texts=texts),
        replace(ENGLISH, look=replace(ENGLISH.look, light=replace(ENGLISH.look.light, fg="#111"))),
    ):
        assert "since they were changed" in refused(tmp_path, changed)
        looked_at(tmp_path, changed)
        start(tmp_path, changed)
    assert "since they were changed" in refused(tmp_path, ENGLISH)


@pytest.mark.parametrize("written", [b"", b"{", b"[]", b'{"demo": 1}', b'{"demo": "0"}', b"\xff"])
def test_marks_that_cannot_be_read_are_none(tmp_path: Path, written: bytes) -> None:
    """Then the banners are looked at again."""
    looked_at(tmp_path, ENGLISH)
    (tmp_path / "var" / NAME).write_bytes(written)

    assert "holdfire check --render" in refused(tmp_path, ENGLISH)


def test_the_marks_of_other_sites_stay(tmp_path: Path) -> None:
    """Sites are looked at one by one, and served together."""
    other = replace(ENGLISH, id="other", origins=("https://other.example",))
    looked_at(tmp_path, ENGLISH)
    looked_at(tmp_path, other)

    start(tmp_path, ENGLISH)
    start(tmp_path, other)


def test_who_draws_their_own_banner_has_none_to_look_at(tmp_path: Path) -> None:
    """Such a site is looked at on one of its own pages."""
    start(tmp_path, replace(ENGLISH, look=Look(layout="headless")))


def test_it_is_off_unless_it_is_asked_for() -> None:
    """A service that was set up without a browser starts as ever; one word in a file changes it."""
    assert load(None, {}).checked_only is False
    assert load(None, {"HOLDFIRE_CHECKED_ONLY": "true"}).checked_only is True
