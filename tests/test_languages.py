"""Accept-Language: what is wanted, and what of it there is."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfire.visitor import Observatory
from holdfire.visitor.languages import negotiate, parse


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", ()),
        ("de", ("de",)),
        ("de-CH, de;q=0.9, en;q=0.8", ("de-ch", "de", "en")),
        ("en;q=0.2,fr;q=0.9,de", ("de", "fr", "en")),
        ("en;q=0.5, fr;q=0.5, de;q=0.5", ("en", "fr", "de")),
        ("de;q=0, en", ("en",)),
        ("de;q=0.000,en;q=0.001", ("en",)),
        ("*", ()),
        ("*;q=0.5, de;q=0.1", ("de",)),
        ("DE ; Q=0.7 , en;q=1.000", ("en", "de")),
        ("de,de;q=0.5,DE", ("de",)),
        ("zh-Hant-TW", ("zh-hant-tw",)),
        ("es-419", ("es-419",)),
        ("de;q=2, en", ("en",)),
        ("de;q=-1, en", ("en",)),
        ("de;q=0.1234, en", ("en",)),
        ("de;q=nan, en;q=inf, fr", ("fr",)),
        ("de;level=1, en", ("en",)),
        ("de_DE, en", ("en",)),
        ("toolonglanguage, en", ("en",)),
        (",,, ,en,,", ("en",)),
        ("../../etc/passwd, en", ("en",)),
        ("dé, en", ("en",)),
    ],
)
def test_ranges_are_ordered_by_weight(header: str, wanted: tuple[str, ...]) -> None:
    """Most wanted first, ties in the order of writing; refused, wild and malformed ones left out."""
    assert parse(header) == wanted


def test_lines_are_one_list() -> None:
    """Several header lines count as one; without any nothing is wanted."""
    lines = [(b"accept-language", b"en;q=0.5"), (b"accept-language", b"de")]
    assert Observatory().describe(None, lines).languages == ("de", "en")
    assert Observatory().describe(None, lines).languages == ("de", "en")
    assert Observatory().describe(None, []).languages == ()


def test_no_more_than_twenty_ranges_are_read() -> None:
    """The 21st range, and what lies beyond 1,024 characters, is not looked at."""
    tags = [f"a{chr(97 + n)}" for n in range(25)]
    assert parse(",".join(tags)) == tuple(tags[:20])
    assert parse(" " * 1024 + "de") == ()


@pytest.mark.parametrize("filler", ["a-", "a,", ";q=", " ", "a;q=0.", "-", "\t,", "aa-aa-"])
def test_long_headers_take_no_time(filler: str) -> None:
    """A header of a megabyte costs no more than its first kilobyte."""
    begun = time.process_time()
    parse(filler * 500_000)
    assert time.process_time() - begun < 0.05


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read(header: str) -> None:
    """Nothing raises, and what comes out is short and lower case."""
    for tag in parse(header):
        assert tag == tag.lower()
        assert len(tag) <= 62


CASES: list[tuple[str, str, str]] = [
    # wanted, available, best
    ("de", "en de fr", "de"),
    ("de-CH", "en de", "de"),
    ("de-AT-1996", "en de", "de"),
    ("fr, de", "de en", "de"),
    ("ja", "en de", "en"),
    ("", "en de", "en"),
    ("en-GB", "de en-US", "en-US"),
    ("pt", "en pt", "pt"),
    ("pt", "en pt-BR", "pt-BR"),
    ("pt-PT, en", "en pt-BR", "pt-BR"),
    ("pt-BR", "en pt", "pt"),
    ("pt-PT", "en pt-BR pt-PT", "pt-PT"),
    ("pt", "en pt-PT pt-BR", "pt-BR"),
    ("es-419", "en es", "es"),
    ("no", "en nb", "nb"),
    ("no-NO", "en nb", "nb"),
    ("nb", "en no", "no"),
    ("nn, en", "en nb", "nb"),
    ("iw", "en he", "he"),
    ("iw-IL", "en he", "he"),
    ("in", "en id", "id"),
    ("tl", "en fil", "fil"),
    ("mo", "en ro", "ro"),
    ("zh-TW", "en zh-Hans zh-Hant", "zh-Hant"),
    ("zh-HK", "en zh-Hans zh-Hant", "zh-Hant"),
    ("zh-MO", "en zh-Hans zh-Hant", "zh-Hant"),
    ("zh-Hant-HK", "en zh-Hans zh-Hant", "zh-Hant"),
    ("yue", "en zh-Hans zh-Hant", "zh-Hant"),
    ("zh-TW", "en zh-TW", "zh-TW"),
    ("zh-CN", "en zh-Hant zh-Hans", "zh-Hans"),
    ("zh-SG", "en zh", "zh"),
    ("zh", "en zh-Hant zh-Hans", "zh-Hans"),
    ("zh-TW, en", "en zh-Hans", "en"),
    ("zh-TW", "en zh-Hans", "zh-Hans"),
    ("sr", "en sr-Latn", "sr-Latn"),
    ("sr-Latn", "en sr", "sr"),
    ("sr-Latn-RS", "en sr sr-Latn", "sr-Latn"),
    ("sr-ME", "en sr sr-Latn", "sr-Latn"),
    ("sh", "en sr sr-Latn", "sr-Latn"),
    ("az-Cyrl, en", "en az", "en"),
    ("az-Cyrl", "en az", "az"),
    ("fr-x-private", "en fr", "fr"),
    ("pt_BR", "en pt-BR", "en"),
]


@pytest.mark.parametrize(("wanted", "available", "best"), CASES)
def test_the_best_there_is(wanted: str, available: str, best: str) -> None:
    """A language is found under its other names, shorter forms and near kin, and else the default."""
    assert negotiate(parse(wanted), tuple(available.split()), "en") == best


def test_underscores_of_file_names_are_hyphens() -> None:
    """What is available may be spelt as files are, and is handed back in that spelling."""
    assert negotiate(("pt-br",), ("en", "pt_BR"), "en") == "pt_BR"


@settings(deadline=None)
@given(st.lists(st.from_regex(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}", fullmatch=True), max_size=20))
def test_what_is_spoken_is_available(wanted: list[str]) -> None:
    """Whatever is wanted, the answer is one of the texts there are."""
    available = ("en", "de", "zh-Hant", "sr-Latn", "pt-BR")
    assert negotiate(tuple(wanted), available, "en") in available
