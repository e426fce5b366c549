"""Accept-Language: what is wanted, and what of it there is."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfire.visitor import Observatory
from holdfire.visitor.languages import negotiate, parse, well_formed
from house import ROOT, Service

LANGUAGES = tuple(sorted(path.stem for path in (ROOT / "config/locales").glob("*.toml")))


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
    ("pt-AO", "en pt-BR pt-PT", "pt-PT"),
    ("es-AR", "en es-ES es-419", "es-419"),
    ("bs, en", "en hr", "hr"),
    ("sh-Cyrl", "en sr-Cyrl sr-Latn", "sr-Cyrl"),
    ("gsw, en", "en de", "de"),
    ("yue-Hans", "en zh-Hant zh-Hans", "zh-Hans"),
    ("ko-Kore-KR, en", "en ko", "ko"),
    ("de-Latn-AT, en", "en de", "de"),
    ("uk-Latn, en", "en uk", "en"),
    ("uk-Latn", "en uk", "uk"),
    ("ur-Latn-PK, en", "en ur", "en"),
    ("en", "de fr", "en"),
]


@pytest.mark.parametrize(("wanted", "available", "best"), CASES)
def test_the_best_there_is(wanted: str, available: str, best: str) -> None:
    """A language is found under its other names, shorter forms and near kin, and else the default."""
    assert negotiate(parse(wanted), tuple(available.split()), "en") == best


SHIPPED: dict[str, str] = {
    # what ships → the tags that lead to it, though other variants of the language ship as well
    "pt": "pt pt-PT pt-AO pt-MZ",
    "pt-br": "pt-BR PT-br",
    "es": "es es-ES es-GQ es-x-mine",
    "es-419": "es-419 es-MX es-AR es-US es-CO",
    "fr": "fr fr-FR fr-CH fr-BE fr-LU",
    "fr-ca": "fr-CA",
    "zh-hant": "zh-Hant zh-TW zh-HK zh-MO zh-Hant-HK zh-Hant-TW yue yue-HK",
    "zh-hans": "zh zh-Hans zh-CN zh-SG zh-Hans-CN zh-Hans-HK zh-cmn cmn-CN yue-CN",
    "sr": "sr sr-RS sr-Cyrl sr-Cyrl-ME bs-Cyrl",
    "sr-latn": "sr-Latn sr-Latn-RS sr-ME sh sh-BA cnr cnr-ME",
    "bs": "bs bs-BA bs-Latn-BA",
    "hr": "hr hr-HR hr-BA",
    "nb": "nb nb-NO no no-NO nn nn-NO",
    "he": "he he-IL iw iw-IL",
    "fil": "fil fil-PH tl tl-PH",
    "id": "id id-ID in in-ID",
    "en": "en en-GB en-US en-AU en-001 tlh qaa xx-YY",
    "de": "de de-DE de-AT de-CH de-AT-1996 gsw-CH",
    "lb": "lb lb-LU",
    "ko": "ko ko-KR ko-Kore-KR",
    "ar": "ar ar-EG ar-001 ar-Arab-AE",
}


@pytest.mark.parametrize(
    ("wanted", "best"), [(tag, best) for best, tags in SHIPPED.items() for tag in tags.split()]
)
def test_of_what_ships_the_right_variant_is_found(wanted: str, best: str) -> None:
    """Regions and scripts lead to the variant that is written there, not to the first there is."""
    assert negotiate(parse(f"{wanted}, eo;q=0.5"), LANGUAGES, "en") == best


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_that_ships_is_found_under_its_own_name(language: str) -> None:
    """Whatever is offered beside it, in whatever order, and whatever part of the world is added."""
    region = "" if language in {"es", "pt", "fr", "zh-hans", "zh-hant"} else "-ZZ"
    for offered in (LANGUAGES, LANGUAGES[::-1]):
        assert negotiate((language,), offered, "xx") == language
        assert negotiate(parse(f"{language}{region}, en"), offered, "xx") == language


@given(st.permutations(["en", "de", "pt", "pt-br", "zh-hant", "sr", "sr-latn", "es-419"]))
def test_the_order_of_what_is_offered_decides_nothing(offered: list[str]) -> None:
    """Where one suits best, it does so wherever it stands."""
    for wanted, best in [("pt-AO", "pt"), ("sr-ME", "sr-latn"), ("es-ES", "es-419"), ("xx", "en")]:
        assert negotiate(parse(wanted), tuple(offered), "en") == best


def test_underscores_of_file_names_are_hyphens() -> None:
    """What is available may be spelt as files are, and is handed back in that spelling."""
    assert negotiate(("pt-br",), ("en", "pt_BR"), "en") == "pt_BR"


@settings(deadline=None)
@given(st.lists(st.from_regex(r"[a-z]{2,3}(-[a-z0-9]{2,8}){0,3}", fullmatch=True), max_size=20))
def test_what_is_spoken_is_available(wanted: list[str]) -> None:
    """Whatever is wanted, the answer is one of the texts there are."""
    available = ("en", "de", "zh-Hant", "sr-Latn", "pt-BR")
    assert negotiate(tuple(wanted), available, "en") in available


@settings(deadline=None)
@given(st.lists(st.sampled_from(LANGUAGES), min_size=1, max_size=5), st.text(max_size=20))
def test_the_first_that_is_offered_wins(wanted: list[str], junk: str) -> None:
    """Exact names are answered in the order of wanting, whatever stands between them."""
    header = f" ,{junk.replace(',', '')}=,".join(wanted)
    assert negotiate(parse(header), LANGUAGES, "xx") == wanted[0]


# ---------------------------------------------------------------- what the page declares


def spoken(service: Service, query: str, accepted: str = "") -> str:
    """The language of the boot script, which is that of the notice."""
    headers = {"accept-language": accepted}
    script = service.client.get(f"/s/demo.js?{query}", headers=headers)
    notice = service.get(f"/notice?{query}", headers=headers).json()
    assert script.status_code == 200
    assert f'"language":"{notice["language"]}"' in script.text
    assert script.headers["content-language"] == notice["language"]
    return str(notice["language"])


@pytest.mark.parametrize(
    ("accepted", "query", "language"),
    [
        ("", "geo=DE&lang=fr", "fr"),  # the page before the place
        ("", "geo=ZZ&lang=pt-BR", "pt-br"),
        ("", "geo=ZZ&lang=ZH-tw", "zh-hant"),  # negotiated as any other tag
        ("it, en;q=0.5", "geo=DE&lang=fr", "it"),  # the visitor before the page
        ("tlh, en;q=0.5", "geo=DE&lang=fr", "en"),
        ("tlh", "geo=DE&lang=fr", "fr"),  # the visitor's is not offered
        ("", "geo=DE&lang=tlh", "de"),  # the page's is not offered
        ("", "geo=ZZ&lang=tlh", "en"),
        ("", "geo=DE", "de"),
    ],
)
def test_the_page_says_what_it_is_written_in(
    service: Service, accepted: str, query: str, language: str
) -> None:
    """After what the visitor wants, and before what the place speaks."""
    assert spoken(service, query, accepted) == language


@pytest.mark.parametrize(
    ("geo", "language"),
    [("BR", "pt-br"), ("AR", "es-419"), ("ES", "es"), ("CN", "zh-hans"), ("CA-QC", "fr-ca")],
)
def test_a_place_speaks_as_it_is_written_there(service: Service, geo: str, language: str) -> None:
    """The law's languages are those of its place: Brazil's Portuguese, Québec's French."""
    assert spoken(service, f"geo={geo}") == language


NO_TAGS = ["", "*", "fr_FR", "français", "fr-", "-fr", "abcdefghi", "fr, de", "a" * 400]


@pytest.mark.parametrize("lang", NO_TAGS)
def test_a_language_that_is_none_is_refused_but_by_the_boot_script(
    service: Service, lang: str
) -> None:
    """A page is not left without control over the way it wrote its language."""
    query = {"geo": "DE", "lang": lang}
    refused = service.get("/notice", params=query)

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "bad_query")
    assert not well_formed(lang)
    assert service.client.get("/s/demo.js", params=query).headers["content-language"] == "de"


def test_two_languages_of_one_page_are_none(service: Service) -> None:
    """Doubled parameters are refused; the boot script passes over the language."""
    query = "geo=DE&lang=fr&lang=it"

    assert service.get(f"/notice?{query}").status_code == 400
    assert service.client.get(f"/s/demo.js?{query}").headers["content-language"] == "de"


def test_a_shared_script_speaks_the_pages_language(service: Service) -> None:
    """The language stands in its address, so that a cache keeps one for each."""
    script = service.client.get("/s/demo/de.js?lang=nl", headers={"accept-language": ""})

    assert script.headers["content-language"] == "nl"


def test_a_declared_language_decides_nothing(service: Service) -> None:
    """What may fire is the same in every language."""
    plain = service.get("/decisions?geo=DE").json()
    said = service.get("/decisions?geo=DE&lang=fr").json()

    assert said["categories"] == plain["categories"]
