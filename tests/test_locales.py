"""Locales: one flat file a language, each saying everything the others say."""

from pathlib import Path

import pytest

from holdfire.errors import ConfigError
from holdfire.settings import shipped
from holdfire.sites import load_locales, read_locales


def locale_of(folder: Path, language: str, words: dict[str, str]) -> None:
    """Write one language."""
    lines = [f'"{key}" = "{text}"' for key, text in words.items()]
    (folder / f"{language}.toml").write_text("\n".join(lines), "utf-8")


BASE = {"language.name": "English", "language.direction": "ltr", "banner.title": "Hi {site}"}


def test_every_language_is_read(tmp_path: Path) -> None:
    """One flat file a language, named after it."""
    locale_of(tmp_path, "en", BASE)
    locale_of(tmp_path, "ar", BASE | {"language.direction": "rtl", "banner.title": "{site}"})

    locales = load_locales(tmp_path)

    assert locales["en"] == BASE
    assert locales["ar"]["language.direction"] == "rtl"


WRONG_WORDS = [
    ({"banner.titel": "x"}, '"banner.titel"', "banner.title?"),
    ({"banner.title": "Hallo {seite}"}, '"banner.title"', "use {site}"),
    ({"banner.title": "Hallo {Site}"}, '"banner.title"', "{name}"),
    ({"banner.title": " "}, '"banner.title"', "write the text"),
    ({"language.direction": "up"}, '"language.direction"', '"ltr" or "rtl"'),
    ({"language.name": ""}, '"language.name"', "Deutsch"),
]


@pytest.mark.parametrize(("words", "key", "remedy"), WRONG_WORDS)
def test_a_fault_of_a_locale_is_told_with_file_key_and_remedy(
    tmp_path: Path, words: dict[str, str], key: str, remedy: str
) -> None:
    """A translation says what the reference says, with its placeholders and no others."""
    locale_of(tmp_path, "en", BASE)
    locale_of(tmp_path, "de", BASE | words)

    with pytest.raises(ConfigError) as refused:
        load_locales(tmp_path)

    (problem,) = refused.value.problems
    assert (Path(problem.file).name, problem.key) == ("de.toml", key)
    assert remedy in problem.remedy


def test_a_translation_is_complete(tmp_path: Path) -> None:
    """Each text that is missing is told, all at once."""
    locale_of(tmp_path, "en", BASE | {"button.save": "Save"})
    locale_of(tmp_path, "de", {"language.name": "Deutsch", "language.direction": "ltr"})

    locales, problems = read_locales(tmp_path)

    assert set(locales) == {"en", "de"}
    assert [p.key for p in problems] == ['"banner.title"', '"button.save"']
    assert {p.remedy for p in problems} == {"translate it from en.toml"}


def test_a_key_that_was_not_quoted_is_told(tmp_path: Path) -> None:
    """Without quotes TOML makes a table of it."""
    locale_of(tmp_path, "en", BASE)
    with (tmp_path / "en.toml").open("a") as file:
        file.write('\nbutton.save = "Save"')

    _, problems = read_locales(tmp_path)

    assert ("button", True) in {(p.key, "quoted as a whole" in p.remedy) for p in problems}


@pytest.mark.parametrize("name", ["EN", "english", "de_AT"])
def test_a_locale_is_named_after_its_language(tmp_path: Path, name: str) -> None:
    """Browsers' tags are compared in lower case."""
    locale_of(tmp_path, name, BASE)

    _, (problem,) = read_locales(tmp_path)

    assert problem.key == "(file name)"
    assert "pt-br.toml" in problem.remedy


def test_a_folder_without_a_language_is_refused(tmp_path: Path) -> None:
    """A notice without words is no notice."""
    _, (problem,) = read_locales(tmp_path / "none")

    assert "en.toml" in problem.remedy


def test_the_languages_that_ship_are_in_order() -> None:
    """English and German are complete, and say in which direction they are read."""
    locales = load_locales(shipped("config/locales"))

    assert {"en", "de"} <= locales.keys()
    assert locales["de"]["language.name"] == "Deutsch"
