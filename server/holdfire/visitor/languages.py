"""Which language to speak: ``Accept-Language`` read safely, and matched with what there is.

    Accept-Language: de-CH, fr;q=0.8, *;q=0.1  →  ("de-ch", "fr")

Sources: RFC 9110 section 12.5.4; RFC 4647 section 3.4 (lookup); Unicode CLDR for the fallbacks
that cross no script, because another script is another reading skill.
"""

import re
from functools import lru_cache

MAX_CHARACTERS = 1024  # browsers send some 40; what is longer was not written by a reader
MAX_RANGES = 20
_CACHED = 2048

_TAG = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,6}")
_RANGE = re.compile(
    rf"[ \t]*({_TAG.pattern})[ \t]*"
    r"(?:;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*)?"
)
_SCRIPT = re.compile(r"[a-z]{4}")

# Withdrawn or regional tags → what they mean. Chinese by place: the script is what matters.
_ALIASES = {
    "cmn": "zh",
    "cnr": "sr-latn",
    "iw": "he",
    "in": "id",
    "ji": "yi",
    "jw": "jv",
    "mo": "ro",
    "no": "nb",
    "sh": "sr-latn",
    "sh-cyrl": "sr-cyrl",
    "tl": "fil",
    "sr-me": "sr-latn",
    "yue": "zh-hant",
    "yue-cn": "zh-hans",
    "yue-hans": "zh-hans",
    "yue-hant": "zh-hant",
    "zh-cmn": "zh",
    "zh-yue": "zh-hant",
    "zh-tw": "zh-hant",
    "zh-hk": "zh-hant",
    "zh-mo": "zh-hant",
    "zh-cn": "zh-hans",
    "zh-sg": "zh-hans",
    "zh-my": "zh-hans",
}
# What a reader of the one reads as well, best first.
_KIN = {
    "bs": ("hr", "sr-latn"),
    "bs-cyrl": ("sr", "sr-cyrl"),
    "gsw": ("de",),
    "hr": ("bs", "sr-latn"),
    "lb": ("de",),
    "zh": ("zh-hans",),
    "zh-hans": ("zh",),
    "pt": ("pt-br", "pt-pt"),
    "nb": ("nn",),
    "nn": ("nb",),
    "sr": ("sr-cyrl", "sr-latn"),
    "sr-cyrl": ("sr", "sr-latn"),
    "sr-latn": ("sr", "sr-cyrl", "bs", "hr"),
}
# Countries that write as a region does which is not the language's first (CLDR parentLocales).
_REGIONS = {
    "es-419": "ar bo br bz cl co cr cu do ec gt hn mx ni pa pe pr py sv us uy ve",
    "pt-pt": "ao ch cv fr gq gw lu mo mz st tl",
}
_PARENT = {
    f"{region[:2]}-{country}": region
    for region, countries in _REGIONS.items()
    for country in countries.split()
}
# The script a language is written in where its tag names none (BCP 47 Suppress-Script, CLDR
# likelySubtags); Latin where none is given here. Chinese and Serbian name theirs, and are no case.
_SCRIPTS = {
    "arab": "ar fa ps sd ug ur",
    "armn": "hy",
    "beng": "as bn",
    "cyrl": "be bg kk ky mk mn ru tg uk",
    "deva": "hi mr ne",
    "ethi": "am ti",
    "geor": "ka",
    "grek": "el",
    "gujr": "gu",
    "guru": "pa",
    "hebr": "he yi",
    "jpan": "ja",
    "khmr": "km",
    "knda": "kn",
    "kore": "ko",
    "laoo": "lo",
    "mlym": "ml",
    "mymr": "my",
    "sinh": "si",
    "taml": "ta",
    "telu": "te",
    "thai": "th",
}
_OWN_SCRIPT = {
    language: script for script, languages in _SCRIPTS.items() for language in languages.split()
} | {"sr": "", "zh": ""}


def well_formed(tag: str) -> bool:
    """Whether a text has the shape of one BCP 47 tag; it need not be one that is registered."""
    return _TAG.fullmatch(tag) is not None


def parse(header: str) -> tuple[str, ...]:
    """The languages wanted, most wanted first, lower case; ``*``, ``q=0`` and junk left out.

    Reads at most 20 ranges of the first 1,024 characters.
    """
    return _parse(header[:MAX_CHARACTERS])


@lru_cache(maxsize=_CACHED)
def _parse(header: str) -> tuple[str, ...]:
    weighted: list[tuple[float, str]] = []
    for part in header.split(",", MAX_RANGES)[:MAX_RANGES]:
        match = _RANGE.fullmatch(part)
        if match is None:
            continue
        weight = float(match[2] or 1)
        if weight > 0:
            weighted.append((-weight, match[1].lower()))
    weighted.sort(key=lambda item: item[0])  # stable: the order of writing breaks ties
    return tuple(dict.fromkeys(tag for _, tag in weighted))


@lru_cache(maxsize=_CACHED)
def negotiate(wanted: tuple[str, ...], available: tuple[str, ...], default: str) -> str:
    """The member of ``available``, in its own spelling, that suits best; else ``default``.

    First each wanted language in turn: itself, as its part of the world writes it, its shorter
    forms, its kin, its variants of other regions. Then, before giving up, any text in a wanted language whatever its script.
    """
    offered = {_canonical(tag): tag for tag in available}
    tags = [_canonical(tag) for tag in wanted]
    for tag in tags:
        if (found := _lookup(tag, offered)) is not None:
            return offered[found]
    for tag in tags:
        for candidate, spelling in offered.items():
            if _primary(candidate) == _primary(tag):
                return spelling
    return default


def _lookup(tag: str, offered: dict[str, str]) -> str | None:
    stem = tag
    while stem:
        for candidate in (stem, _PARENT.get(stem, ""), *_KIN.get(stem, ())):
            if candidate in offered:
                return candidate
        stem, _, last = stem.rpartition("-")
        if _SCRIPT.fullmatch(last) and stem:
            return None
    for candidate in offered:
        if _primary(candidate) == _primary(tag) and not _has_script(candidate):
            return candidate
    return None


def _canonical(tag: str) -> str:
    subtags = tag.lower().replace("_", "-").split("-")
    for length in (2, 1):
        known = _ALIASES.get("-".join(subtags[:length]))
        if known is not None:
            subtags = [*known.split("-"), *subtags[length:]]
            break
    if _SCRIPT.fullmatch("".join(subtags[1:2])) and subtags[1] == _own_script(subtags[0]):
        del subtags[1]
    return "-".join(subtags)


def _own_script(language: str) -> str:
    return _OWN_SCRIPT.get(language, "latn")


def _primary(tag: str) -> str:
    return tag.partition("-")[0]


def _has_script(tag: str) -> bool:
    return any(_SCRIPT.fullmatch(subtag) for subtag in tag.split("-")[1:])
