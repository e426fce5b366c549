"""Wording that steers: ``config/wording``, and the texts that say what it lists.

    # config/wording/en.toml
    phrases = ["no thanks, i", "help us"]

A phrase is looked for at the start of a word, whatever its case; in scripts that put no space
between words, anywhere. A text is held against the list of its language and against English,
because sites leave English words in other languages' notices.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from holdfire.document import Document
from holdfire.errors import ConfigError
from holdfire.law import Value

Phrases = Mapping[str, tuple[str, ...]]  # language → phrases as written

ENGLISH = "en"
# Thai, Lao, Burmese and Khmer; kana and Han ideographs.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_SAME = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "\u00ad": None})


class WordingFile(Value, frozen=True):
    """One file of ``config/wording/``, named after its language."""

    phrases: tuple[str, ...]


def load(folder: Path) -> dict[str, tuple[str, ...]]:
    """Read every list. Raises ``ConfigError``: without them steering words would pass."""
    found: dict[str, tuple[str, ...]] = {}
    documents = {path: Document(str(path)) for path in sorted(folder.glob("*.toml"))}
    for path, document in documents.items():
        raw = document.read(path)
        if raw is None:
            continue
        found[path.stem] = document.decode(raw, WordingFile).phrases
        for place, phrase in enumerate(found[path.stem], start=1):
            if not phrase.strip():
                document.fault(f"phrases[#{place}]", "is empty", "it would match every text")
    if not documents:
        documents[folder] = Document(str(folder))
        documents[folder].fault("(folder)", "no list in it", "put the shipped lists back")
    if problems := tuple(p for document in documents.values() for p in document.problems):
        raise ConfigError(problems)
    return found


def steering(text: str, language: str, phrases: Phrases) -> tuple[str, ...]:
    """The phrases of its language, and of English, that a text contains: each as listed."""
    return _steering(text, tuple(phrases.get(kin, ()) for kin in _kin(language)))


def steered(texts: Mapping[str, str], language: str, phrases: Phrases) -> Iterator[tuple[str, str]]:
    """Each text of a language that steers, by its key, with each phrase that it contains.

    All of them are looked through as one first: a phrase that is nowhere is in none of them, and
    there are thousands of texts at every start.
    """
    said = _plain("\n".join(texts.values()))
    lists = tuple(
        tuple(phrase for phrase in phrases.get(kin, ()) if _plain(phrase) in said)
        for kin in _kin(language)
    )
    if any(lists):
        for key, text in texts.items():
            for phrase in _steering(text, lists):
                yield key, phrase


@lru_cache(maxsize=32_768)
def _steering(text: str, lists: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    said = _plain(text)
    return tuple(phrase for listed in lists for phrase in listed if _says(said, _plain(phrase)))


def _says(text: str, phrase: str) -> bool:
    """Whether the phrase begins a word somewhere in the text; both are plain."""
    at = text.find(phrase)
    while at > 0 and not _UNSPACED.match(phrase) and _in_word(text[at - 1]):
        at = text.find(phrase, at + 1)
    return at >= 0


def _in_word(character: str) -> bool:
    """Letters, digits, and the marks that many scripts write vowels with."""
    return unicodedata.category(character)[0] in "LNM"


def _kin(language: str) -> Iterator[str]:
    """A language, what it is a variant of, and English, each once."""
    parts = language.lower().split("-")
    for length in range(len(parts), 0, -1):
        yield "-".join(parts[:length])
    if parts[0] != ENGLISH:
        yield ENGLISH


@lru_cache(maxsize=32_768)
def _plain(text: str) -> str:
    """Case, width, spaces and apostrophes levelled."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_SAME).casefold().split())
