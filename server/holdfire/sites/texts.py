"""The words of a notice: one flat file a language, and what a site says instead.

A placeholder is ``{name}``. A text may leave one out, never make one up: nobody would fill it.
A text that counts has one key for each form the language has for numbers, ``….one``, ``….few`` and
so on (Unicode CLDR plural rules); ``….other`` is the one that every language has.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from holdfire.document import Document, within
from holdfire.errors import ConfigError, Problem
from holdfire.sites.shape import SiteFile

Locales = Mapping[str, Mapping[str, str]]  # language → key → text

REFERENCE = "en"  # the language the others are translated from
DIRECTIONS = ("ltr", "rtl")

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}")  # BCP 47, in lower case
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_PLURAL = re.compile(r"(.+)\.(zero|one|two|few|many)")


def load_locales(folder: Path) -> dict[str, dict[str, str]]:
    """Read every language. Raises ``ConfigError`` with every problem found."""
    locales, problems = read_locales(folder)
    if problems:
        raise ConfigError(problems)
    return locales


def read_locales(folder: Path) -> tuple[dict[str, dict[str, str]], tuple[Problem, ...]]:
    """Read every language, and tell what is wrong instead of raising."""
    locales: dict[str, dict[str, str]] = {}
    documents: dict[str, Document] = {}
    for path in sorted(folder.glob("*.toml")):
        documents[path.stem] = document = Document(str(path))
        words = _read_locale(document, path)
        if words is not None:
            locales[path.stem] = words
    reference = REFERENCE if REFERENCE in locales else next(iter(locales), REFERENCE)
    for language, words in locales.items():
        _compare(documents[language], words, locales[reference], reference)
    if not documents:
        documents[""] = Document(str(folder))
        documents[""].fault("(folder)", "no language in it", f"put at least {REFERENCE}.toml there")
    return locales, tuple(p for document in documents.values() for p in document.problems)


def _read_locale(document: Document, path: Path) -> dict[str, str] | None:
    if not _LANGUAGE.fullmatch(path.stem):
        what = f"{path.stem!r} is not a language tag in lower case"
        document.fault("(file name)", what, 'name it like "de.toml" or "pt-br.toml"')
    raw = document.read(path)
    if raw is None:
        return None
    words = document.decode(raw, dict[str, str])
    if words.get("language.direction") not in DIRECTIONS:
        document.fault(
            within("", "language.direction"), "is not a direction", 'write "ltr" or "rtl"'
        )
    if not words.get("language.name", "").strip():
        document.fault(within("", "language.name"), "is missing", 'add it, such as "Deutsch"')
    return words


def _compare(
    document: Document,
    words: Mapping[str, str],
    reference: Mapping[str, str],
    language: str,
) -> None:
    """Hold one language against the one it was translated from."""
    for key, text in words.items():
        model = reference.get(key, reference.get(_general(key)))
        if model is None:
            document.unknown(key, reference)
        elif (fault := _text_fault(text, model)) is not None:
            document.fault(within("", key), *fault)
    for key in sorted({k for k in reference if _general(k) == k} - words.keys()):
        document.fault(within("", key), "is missing", f"translate it from {language}.toml")


def _general(key: str) -> str:
    """The form of a counting text that every language has; any other key is its own."""
    plural = _PLURAL.fullmatch(key)
    return f"{plural[1]}.other" if plural else key


def check_texts(document: Document, site: SiteFile, locales: Locales) -> None:
    """Note every language that cannot say everything, and every text that nobody would show."""
    for language in site.offered:
        if language not in locales:
            key = "languages" if site.languages else "default_language"
            remedy = f"add {language}.toml to the locales, or choose from {', '.join(locales)}"
            document.fault(key, f"there is no locale {language!r}", remedy)
    if site.default_language not in site.offered:
        what = f"{site.default_language!r} is not one of the languages"
        document.fault("default_language", what, "add it to languages")
    for language in site.texts:
        if language not in site.offered:
            document.unknown(language, site.offered, at="texts")
        elif language in locales:
            _check_own(document, site, language, locales[language])
    for language in site.offered:
        if language in locales:
            _check_categories(document, site, language, locales[language])


def _check_own(
    document: Document, site: SiteFile, language: str, locale: Mapping[str, str]
) -> None:
    known = locale.keys() | site.category_texts
    at = within("texts", language)
    for key, text in site.texts[language].items():
        if key not in known:
            document.unknown(key, known, at=at)
        elif (fault := _text_fault(text, locale.get(key, ""))) is not None:
            document.fault(within(at, key), *fault)


def _check_categories(
    document: Document, site: SiteFile, language: str, locale: Mapping[str, str]
) -> None:
    # Nobody can consent to what is not described, nor to what is described in a foreign language.
    words = locale.keys() | site.texts.get(language, {}).keys()
    remedy = f"add it, or take {language!r} out of languages"
    if language == site.default_language:
        remedy = "add it"
    for key in sorted(site.category_texts - words):
        document.fault(within(within("texts", language), key), "is missing", remedy)


def _text_fault(text: str, model: str) -> tuple[str, str] | None:
    """What is wrong with a text that may use the placeholders of another."""
    if not text.strip():
        return "is empty", "write the text, or remove the key"
    known = set(_PLACEHOLDER.findall(model))
    made_up = sorted(set(_PLACEHOLDER.findall(text)) - known)
    if made_up:
        remedy = (
            f"use {', '.join(f'{{{name}}}' for name in sorted(known))}" if known else "remove it"
        )
        return f"nothing fills the placeholder {{{made_up[0]}}}", remedy
    if re.search(r"[{}]", _PLACEHOLDER.sub("", text)):
        return "has a brace that belongs to no placeholder", "write placeholders like {name}"
    return None


def merged(site: SiteFile, locales: Locales) -> dict[str, dict[str, str]]:
    """Every text of every language of the site: its own words over those of the locale."""
    return {
        language: {**locales[language], **site.texts.get(language, {})} for language in site.offered
    }
