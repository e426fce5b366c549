"""Locales: one flat file a language, each saying everything the others say.

First the reader of these files, then the 60 that ship. Their plural forms are held against CLDR in
``sdk/test/locales.test.ts``, their looks in ``tests/browser/test_locales.py``.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from holdfire.errors import ConfigError
from holdfire.lint.wording import load as load_wording
from holdfire.lint.wording import steering
from holdfire.settings import shipped
from holdfire.sites import load_locales, read_locales

LOCALES, PROBLEMS = read_locales(shipped("config/locales"))
ENGLISH = LOCALES["en"]
OTHERS = tuple(language for language in LOCALES if language != "en")
WORDING = load_wording(shipped("config/wording"))


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


# ---------------------------------------------------------------- the languages that ship

OFFICIAL = "bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv"
ORDERED = "ar es-419 fa fr-ca he pt-br sr-latn ur zh-hans zh-hant"

# The scripts of languages that are not written in Latin letters, by the first word of the names
# that Unicode gives to their characters.
SCRIPTS = {
    "ar": "ARABIC",
    "bg": "CYRILLIC",
    "bn": "BENGALI",
    "el": "GREEK",
    "fa": "ARABIC",
    "he": "HEBREW",
    "hi": "DEVANAGARI",
    "ja": "CJK HIRAGANA KATAKANA KATAKANA-HIRAGANA",
    "ko": "HANGUL",
    "mk": "CYRILLIC",
    "ru": "CYRILLIC",
    "sr": "CYRILLIC",
    "ta": "TAMIL",
    "th": "THAI",
    "uk": "CYRILLIC",
    "ur": "ARABIC",
    "zh-hans": "CJK",
    "zh-hant": "CJK",
}
RIGHT_TO_LEFT = {"ARABIC", "HEBREW"}
# What stays in Latin letters anywhere: the names of the two signals.
NAMES = ("Global Privacy Control", "Do Not Track", "GPC", "DNT")
LOANS = {  # and what these languages themselves write in Latin letters
    "el": ("cookies", "OK"),
    "ja": ("cookie", "OK"),
    "ru": ("cookie",),
    "uk": ("cookie",),
    "zh-hans": ("cookie",),
    "zh-hant": ("cookie",),
}
# The letters beyond a to z of those that are; none where none are given.
BEYOND = {
    "af": "áèéêëíîïóôöúûý",
    "bs": "čćđšž",
    "ca": "àçèéíïòóúü",
    "cs": "áčďéěíňóřšťúůýž",
    "cy": "àáâäèéêëìíîïòóôöùúûüŵŷ",
    "da": "åæéø",
    "de": "äöüß",
    "es": "áéíñóúü",
    "es-419": "áéíñóúü",
    "et": "äõöüšž",
    "eu": "ñ",
    "fi": "åäöšž",
    "fil": "ñ",
    "fr": "àâæçèéêëîïôùûüÿœ",
    "fr-ca": "àâæçèéêëîïôùûüÿœ",
    "ga": "áéíóú",
    "gl": "áéíñóúü",
    "hr": "čćđšž",
    "hu": "áéíóöőúüű",
    "is": "áæðéíóöúýþ",
    "it": "àèéìîòóù",
    "lb": "äëéèêëîôöü",
    "lt": "ąčęėįšųūž",
    "lv": "āčēģīķļņšūž",
    "mt": "àċèġħìòùż",
    "nb": "åæéòóø",
    "nl": "áèéêëíïóöúü",
    "pl": "ąćęłńóśźż",
    "pt": "àáâãçéêíóôõú",
    "pt-br": "àáâãçéêíóôõú",
    "ro": "âîășț",  # with comma; the cedilla is Turkish
    "sk": "áäčďéíĺľňóôŕšťúýž",
    "sl": "čšž",
    "sq": "çë",
    "sr-latn": "čćđšž",
    "sv": "åäéö",
    "tr": "âçğîıöşûü",
    "vi": "àáâãèéêìíòóôõùúýăđĩũơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ",
}
# Letters of a neighbour that looks the same to who does not read it.
NEVER = {
    "ar": "یکہےپچگٹڈڑں",
    "bg": "ыэёіїєґѓќљњџђћј",
    "fa": "يكىہےٹڈڑں",
    "mk": "йщъыьэюяђћёіїєґ",
    "ru": "іїєґўјљњџђћѓќ",
    "sr": "йщъыьэюяѓќѕёіїєґ",
    "uk": "ыэъёўјљњџђћѓќ",
    "ur": "يكىه",
    "zh-hans": "們這個為與來說時國選擇設關閉開啟廣語網續顯",
    "zh-hant": "们这个为与来说时国选择设关闭开启广语网续显",
}
# What may be said as in English, and why.
AS_IN_ENGLISH = {
    "button.acknowledge": (
        "af cs da de el et eu fi fil fr fr-ca ga it ja lb ms mt nb nl pl pt pt-br ro sk sv vi",
        "OK is a word of these languages",
    ),
    "service.cookies": (
        "da de el es es-419 fil fr gl mt nl pt pt-br sq sv",
        "the usual word there, its plural made in the same way",
    ),
    "category.marketing.title": ("de nl", "a word of these languages"),
    "preferences.services.one": ("fr fr-ca", "service is a French word"),
    "preferences.services.other": ("fr fr-ca", "services is a French word"),
}
STOP = {"bn": "।", "hi": "।", "ja": "。", "th": "", "ur": "۔", "zh-hans": "。", "zh-hant": "。"}
QUESTION = {
    "ar": "؟",
    "el": ";",
    "fa": "؟",
    "ja": "",  # asked as a request
    "th": "",  # has no mark for it
    "ur": "؟",
    "zh-hans": "？",
    "zh-hant": "？",
}
OWN_MARKS = {"ar", "fa", "ja", "ur", "zh-hans", "zh-hant"}  # have their own for , ; ? and more
SPACED_MARKS = {"fr": ":;?!»", "fr-ca": ":»"}  # a no-break space stands before them

PLACEHOLDER = re.compile(r"\{[a-z_]+\}")
PLURAL = re.compile(r"\.(zero|one|two|few|many|other)$")
WIDEST = 34  # columns: about what a button holds on one line on a phone of 320 px
BALANCE = 1.8


def english_of(key: str) -> str:
    """The English text that a text translates."""
    return ENGLISH.get(key) or ENGLISH[PLURAL.sub(".other", key)]


def bare(text: str, language: str) -> str:
    """A text without placeholders and without what may stay in Latin letters."""
    text = PLACEHOLDER.sub(" ", text)
    for name in (*NAMES, *LOANS.get(language, ())):
        text = re.sub(rf"(?<![a-z]){name}(?![a-z])", " ", text, flags=re.IGNORECASE)
    return text


def columns(text: str) -> int:
    """Its width in columns of a terminal: two for wide characters, none for marks."""
    return sum(
        2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
        if unicodedata.category(c) not in {"Mn", "Me", "Cf"}
    )


def told(faults: Iterable[str]) -> None:
    """Fail with every fault, not with the first."""
    found = list(faults)
    assert not found, "\n".join(found)


def test_the_languages_that_ship_are_in_order() -> None:
    """All official languages of the EU are there, and no file lacks or makes up a key."""
    assert PROBLEMS == ()
    assert len(LOCALES) >= 60
    assert {*OFFICIAL.split(), *ORDERED.split()} <= LOCALES.keys()
    assert LOCALES["de"]["language.name"] == "Deutsch"
    assert WORDING.keys() == LOCALES.keys()


def test_no_two_languages_have_one_name() -> None:
    """A list of languages shows each by the name it gives itself."""
    names = Counter(texts["language.name"] for texts in LOCALES.values())
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_has_the_keys_of_the_reference(language: str) -> None:
    """Every key of English and no other, but for the forms that numbers take."""
    assert {k for k in LOCALES[language] if not PLURAL.search(k)} == {
        k for k in ENGLISH if not PLURAL.search(k)
    }
    plurals = {PLURAL.sub("", k) for k in ENGLISH if PLURAL.search(k)}
    assert {PLURAL.sub("", k) for k in LOCALES[language] if PLURAL.search(k)} == plurals


def holes(text: str) -> Counter[str]:
    """How often each placeholder stands in a text; a name may be said again as grammar wants it."""
    found = Counter(PLACEHOLDER.findall(text))
    return found + Counter(["{name}"]) if found["{name}"] == 1 else found


@pytest.mark.parametrize("language", OTHERS)
def test_placeholders_are_those_of_the_reference(language: str) -> None:
    """None is lost, made up, misspelt or doubled."""
    told(
        f"{key}: {text}"
        for key, text in LOCALES[language].items()
        if holes(text) != holes(english_of(key)) or re.search(r"[{}]", PLACEHOLDER.sub("", text))
    )


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_in_english(language: str) -> None:
    """What is said as in English is on a list that says why; and nothing else is on it."""
    same = {
        key
        for key, text in LOCALES[language].items()
        if text == english_of(key) and re.search(r"[^\W\d_]", PLACEHOLDER.sub("", text))
    }
    listed = {key for key, (where, _) in AS_IN_ENGLISH.items() if language in where.split()}

    assert same - {"language.direction"} == listed


@pytest.mark.parametrize("language", LOCALES)
def test_every_letter_is_of_the_languages_script(language: str) -> None:
    """Placeholders, GPC, DNT and a short list of loans apart."""
    own = set(SCRIPTS.get(language, "LATIN").split())
    told(
        f"{key}: {character} {unicodedata.name(character, '?')}"
        for key, text in LOCALES[language].items()
        if key != "language.direction"
        for character in bare(text, language)
        if unicodedata.category(character)[0] in "LM"
        and unicodedata.name(character, "?").split()[0] not in own
    )


def foreign(character: str) -> bool:
    """Whether it is a Latin letter that not every alphabet has."""
    return character > "z" and unicodedata.name(character, "").startswith("LATIN")


@pytest.mark.parametrize("language", LOCALES)
def test_every_letter_is_of_the_languages_alphabet(language: str) -> None:
    """No ş in Romanian, no і in Russian, no traditional character in a simplified text."""
    told(
        f"{key}: {character}"
        for key, text in LOCALES[language].items()
        for character in bare(text, language).lower()
        if character in NEVER.get(language, "")
        or (foreign(character) and character not in BEYOND.get(language, ""))
    )


@pytest.mark.parametrize("language", LOCALES)
def test_the_direction_is_that_of_the_script(language: str) -> None:
    """Arabic and Hebrew letters run from right to left."""
    rtl = bool(set(SCRIPTS.get(language, "LATIN").split()) & RIGHT_TO_LEFT)
    assert LOCALES[language]["language.direction"] == ("rtl" if rtl else "ltr")


def strikes(language: str) -> Iterator[tuple[str, str]]:
    """What a printer of the language would strike out, and how it is found."""
    marks = SPACED_MARKS.get(language, "")
    yield "a space too many", r"^\s|\s$|\s\s"
    yield "typewriter punctuation", r"[\"'`´]|\.\.\.|--"
    yield "a space before a mark", r"\s[.,…)\]،。、।۔]| [:;?!»]"
    yield "an invisible character", "[\x00-\x1f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
    if marks:
        yield "no no-break space before a mark", f"[^\u00a0\u202f][{marks}]"
    else:
        yield "a no-break space that nothing asks for", "[\u00a0\u202f]"
    if language in OWN_MARKS:
        yield "a mark of another script", r"[,;?!]"
    if language in SCRIPTS and "CJK" in SCRIPTS[language]:
        yield "a narrow mark", r"[.:()]"


def typographic_faults(language: str, text: str) -> list[str]:
    """What is to be struck out of one text."""
    plain = PLACEHOLDER.sub("x", text)
    if language == "fa":
        plain = plain.replace("\u200c", "")  # Persian alone is written with joiners
    found = [fault for fault, pattern in strikes(language) if re.search(pattern, plain)]
    return found if unicodedata.is_normalized("NFC", text) else [*found, "not in NFC"]


@pytest.mark.parametrize("language", LOCALES)
def test_texts_are_set_as_the_language_is(language: str) -> None:
    """Spaces, quotes, marks and normal form."""
    told(
        f"{key}: {fault}: {text}"
        for key, text in LOCALES[language].items()
        for fault in typographic_faults(language, text)
    )


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Two  spaces."),
        ("en", "The browser's."),
        ("en", 'A "quote".'),
        ("en", "And so on..."),
        ("en", "A space ."),
        ("en", "Hid\u200bden."),
        ("en", "A\u00a0space."),
        ("de", "Cafe\u0301."),
        ("fr", "Refusé: tout."),
        ("fr", "Refusé : tout."),
        ("ar", "نعم, لا."),
        ("ja", "はい,いいえ。"),
        ("zh-hans", "信号(GPC)。"),
        ("hi", "ज\u200cरूर।"),
    ],
)
def test_what_a_printer_would_strike_out_is_found(language: str, text: str) -> None:
    """Each kind of fault once, lest the test above be blind."""
    assert typographic_faults(language, text) != []


@pytest.mark.parametrize("language", LOCALES)
def test_sentences_end_where_english_ones_do(language: str) -> None:
    """With the mark of the language; and what is no sentence in English has none."""
    stop, question = STOP.get(language, "."), QUESTION.get(language, "?")
    told(
        f"{key}: {text}"
        for key, text in LOCALES[language].items()
        for end in [{".": stop, "?": question}.get(english_of(key)[-1], "")]
        if (not text.endswith(end) if end else text[-1] in ".!?;。।۔؟？！")
    )


@pytest.mark.parametrize("language", LOCALES)
def test_accepting_and_refusing_weigh_the_same(language: str) -> None:
    """Neither label is much longer than the other, so that neither button can look lesser."""
    texts = LOCALES[language]
    for pair in [
        ("button.accept_all", "button.reject_all"),
        ("reason.choice_granted", "reason.choice_denied"),
    ]:
        short, long = sorted(columns(texts[key]) for key in pair)
        assert long <= BALANCE * short, pair


@pytest.mark.parametrize("language", LOCALES)
def test_labels_are_short(language: str) -> None:
    """A button and a link fit on one line of a phone."""
    told(
        f"{key}: {text} ({columns(text)})"
        for key, text in LOCALES[language].items()
        if key.startswith(("button.", "link.")) and columns(PLACEHOLDER.sub("", text)) > WIDEST
    )


@pytest.mark.parametrize("language", LOCALES)
def test_different_controls_have_different_names(language: str) -> None:
    """Nobody can tell apart by ear what is called the same."""
    names = Counter(text for key, text in LOCALES[language].items() if key.startswith("button."))
    titles = Counter(
        text for key, text in LOCALES[language].items() if re.match(r"category\..+\.title", key)
    )
    assert [name for name, times in (names + titles).items() if times > 1] == []


LATINICA = str.maketrans("абвгдежзијклмнопрстћуфхцчшђ", "abvgdežzijklmnoprstćufhcčšđ")
DIGRAPHS = str.maketrans({"љ": "lj", "њ": "nj", "џ": "dž"})


def test_serbian_says_the_same_in_both_its_scripts() -> None:
    """One text in two scripts, letter by letter."""
    told(
        f"{key}: {text}"
        for key, text in LOCALES["sr"].items()
        if key != "language.name"
        and text.lower().translate(DIGRAPHS).translate(LATINICA) != LOCALES["sr-latn"][key].lower()
    )


# ---------------------------------------------------------------- wording that steers


@pytest.mark.parametrize("language", LOCALES)
def test_a_list_of_steering_words_is_of_use(language: str) -> None:
    """Ten phrases at the least, each once, lower case, long enough to mean something."""
    phrases = WORDING[language]
    assert len(phrases) >= 10
    assert len(set(phrases)) == len(phrases)
    for phrase in phrases:
        assert phrase == phrase.lower() == phrase.strip(" .,;:!?()")
        assert unicodedata.normalize("NFC", phrase) == phrase
        assert columns(phrase) >= 5


HONEST = [
    ("en", "These cookies help us understand how the shop is used."),
    ("en", "Remembers which products were recommended to you."),
    ("en", "The data is shared with the seller who recommended this article."),
    ("de", "Zeigt empfohlene Produkte. Die Daten helfen uns, Fehler zu finden."),
    ("de", "Ihre Daten werden nur eingeschränkt gespeichert."),
    ("af", "Hierdie koekies help ons om foute te vind."),
    ("lb", "Dëse Cookie hëlleft eis, Feeler ze fannen."),
    ("nb", "Best mulig sikkerhet. Viser anbefalte produkter."),
    ("sv", "Rekommenderade produkter, med bästa möjliga skydd."),
    ("fr", "Affiche les produits recommandés."),
    ("es", "Muestra productos recomendados."),
    ("pt-br", "Um cookie que nos ajude a medir o uso."),
    ("it", "Mostra i prodotti consigliati."),
    ("pl", "Pokazuje produkty, które zalecamy."),
    ("cs", "Zobrazuje zboží, které doporučujeme."),
    ("ru", "Показывает товары, которые мы рекомендуем."),
    ("sl", "Za najboljši prikaz na telefonu."),
    ("tr", "Bu çerezler bize yardımcı olur."),
    ("ta", "இந்தக் குக்கீகள் எங்களுக்கு உதவுகின்றன."),
    ("zh-hans", "这些 Cookie 帮助我们发现错误。"),
    ("zh-hant", "這些 Cookie 幫助我們發現錯誤。"),
]


@pytest.mark.parametrize(("language", "text"), HONEST)
def test_an_honest_text_is_not_blamed(language: str, text: str) -> None:
    """Shops recommend things and cookies help: that alone is no pressure."""
    assert steering(text, language, WORDING) == ()


STEERING = [
    ("en", "Accept all (recommended)"),
    ("en", "Help us by accepting."),
    ("de", "Alle akzeptieren (empfohlen)"),
    ("fr", "Tout accepter (recommandé)"),
    ("es", "Aceptar todo (recomendado)"),
    ("it", "Accetta tutto (consigliato)"),
    ("pl", "Zaakceptuj wszystkie (zalecane)"),
    ("nl", "Alles accepteren (aanbevolen)"),
    ("sv", "Acceptera alla (rekommenderas)"),
    ("af", "Help ons asseblief."),
    ("zh-hans", "请帮助我们改进服务。"),
]


@pytest.mark.parametrize(("language", "text"), STEERING)
def test_pressure_is_still_heard(language: str, text: str) -> None:
    """What was made more specific still finds what it is for."""
    assert steering(text, language, WORDING) != ()
