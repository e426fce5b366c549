import time
from datetime import date
from pathlib import Path

import pytest

from holdfire import regimes
from holdfire.errors import ConfigError, Problem
from holdfire.model import Location
from holdfire.regimes import Lawbook

TODAY = date(2026, 11, 21)

SMALL = """
unknown = "strictest"

[about]
as_of = 2026-11-21
disclaimer = "Made up."
blind_spot = "Everything."
credit = "Nobody."

[sources]
act = { seen = true, date = 2020-01-01, what = "The act", url = "https://law.example/" }

[profiles.base]
status = "in_force"
legal_model = "notice"
model = "notice"
reviewed = 2026-11-21
laws = ["The Act"]
defaults = { functional = "granted", analytics = "granted", marketing = "granted", sale_or_share = "granted" }
exemptions = {}
ui = { surface = "link", first_layer_reject = "not_required", close_x = "none", cookie_wall = "unregulated" }
lifetime = { choice_days = 365 }
reprompt = { after_refusal_days = 365, triggers = ["expiry", "purpose_added"] }
proof = { required = false }
gpc = { status = "no_rule", denies = ["marketing"], analytics = ["deny_exempt"], conflict_rule = "explicit_wins" }
dnt = { treatment = "ignore" }
minors = {}
sensitive = { rule = "none" }
links = []
opt_out_status_display = "none"
adtech = {}
google = {}
sources = ["act"]
evidence = {}
confidence = "low"

[profiles.ask]
extends = "base"
model = "opt_in"
defaults = { functional = "denied", analytics = "denied", marketing = "denied", sale_or_share = "denied" }
lifetime.choice_days = 180
minors.rules = [{ ages = "below_consent_age", categories = ["marketing"], rule = "parental_opt_in" }]
minors.consent_age = 16
evidence.model = "S"

[regimes.strictest]
extends = "ask"
label = "Unknown"

[regimes.de]
extends = "ask"
label = "Germany"
lifetime.basis = "practice"
minors.consent_age = 14
evidence.laws = "M"

[regimes.us-now]
extends = "base"
label = "United States"

[regimes.us-ca]
extends = "us-now"
label = "California"
status = "enacted_not_in_force"
effective = 2027-01-01

[overlays.ask-first]
applies_to = ["us-now"]
set_model = "opt_in"
why = "Prudence."
evidence = "D"

[names]
DE = "Germany"
FR = "France"
US = "United States"
US-CA = "California"

[aliases]
FX = "FR"

[special]
XX = "unknown"

[subdivisions]
US-CA = [{ from = 2000-01-01, regime = "us-now" }, { from = 2027-01-01, regime = "us-ca" }]

[groups.EEA]
fallback = true
regime = "de"
members = ["DE", "FR"]

[countries]
DE = "de"
US = "us-now"
"""

GERMANY = '[regimes.de]\nextends = "ask"'


def load(tmp_path: Path, *texts: str) -> Lawbook:
    """Write each text as a file of its own and load them."""
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.toml").write_text(text)
    return regimes.load(tmp_path)


def problems(tmp_path: Path, *texts: str) -> tuple[Problem, ...]:
    """What loading these texts complains of."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, *texts)
    return caught.value.problems


def test_tables_merge_deeply_and_values_replace(tmp_path: Path) -> None:
    """An heir keeps what it does not say, member by member, and overrules the rest."""
    germany = load(tmp_path, SMALL).regimes["de"]

    assert (germany.lifetime.choice_days, germany.lifetime.basis) == (180, "practice")
    assert germany.model == "opt_in"
    assert germany.legal_model == "notice"
    assert germany.evidence == {"model": "S", "laws": "M"}
    assert germany.laws == ("The Act",)


def test_the_age_of_consent_fills_the_bands_that_refer_to_it(tmp_path: Path) -> None:
    """An inherited band "below_consent_age" ends one year below the heir's own age of consent."""
    book = load(tmp_path, SMALL)

    assert book.regimes["de"].minors.rules[0].ages == (0, 13)
    assert book.regimes["strictest"].minors.rules[0].ages == (0, 15)


def test_a_law_may_be_spread_over_files(tmp_path: Path) -> None:
    """The number of files and their names mean nothing."""
    cut = SMALL.index("[regimes.de]")

    assert load(tmp_path, SMALL[:cut], SMALL[cut:]).regimes.keys() == {
        "strictest",
        "de",
        "us-now",
        "us-ca",
    }


def test_a_fallback_group_yields_to_every_other_rule(tmp_path: Path) -> None:
    """A country's own entry goes first, then any other group, wherever in the file it stands."""
    south = '[groups.SOUTH]\nregime = "strictest"\nmembers = ["FR"]\n'
    before = SMALL.replace("[groups.EEA]", f"{south}[groups.EEA]")
    first = SMALL + south.replace("SOUTH", "ALPS")  # a name that sorts before "EEA"
    for folder, text in (
        ("fallback", SMALL),
        ("before", before),
        ("after", SMALL + south),
        ("first", first),
    ):
        (tmp_path / folder).mkdir()
        book = load(tmp_path / folder, text)

        regime = "de" if text is SMALL else "strictest"
        assert book.at(Location("FR", None, "header", "low"), TODAY).regime.id == regime
        assert book.at(Location("DE", None, "header", "low"), TODAY).regime.id == "de"


def test_a_subdivision_that_begins_like_its_country_is_found_whole(tmp_path: Path) -> None:
    """A region "USX" is first looked for as it stands, and only then as "X" of the United States."""
    text = SMALL.replace("US-CA = [", 'US-USX = "us-now"\nUS-X = "strictest"\nUS-CA = [').replace(
        "[aliases]", 'US-USX = "Whole"\nUS-X = "Part"\n[aliases]'
    )

    whole = load(tmp_path, text).at(Location("US", "USX", "header", "low"), TODAY)

    assert whole.regime.id == "us-now"


def test_only_hyphens_part_a_country_from_its_subdivision(tmp_path: Path) -> None:
    """A region "USX" is "X" of the United States: no letter is taken for a separator."""
    text = SMALL.replace("US-CA = [", 'US-X = "strictest"\nUS-CA = [').replace(
        "[aliases]", 'US-X = "Part"\n[aliases]'
    )
    book = load(tmp_path, text)

    for region in ("USX", "US-X", "X", "-X"):
        found = book.at(Location("US", region, "header", "low"), TODAY)
        assert (found.regime.id, found.picked_by) == ("strictest", "subdivision")


def test_a_law_may_take_effect_on_the_day_of_its_review(tmp_path: Path) -> None:
    """Only a day after the review contradicts "in force"."""
    text = SMALL.replace('label = "Germany"', 'label = "Germany"\neffective = 2026-11-21')

    assert load(tmp_path, text).regimes["de"].effective == TODAY


FAULTS = {
    "not TOML": ("[about]", "[about", "", "not TOML"),
    "unknown section": ("[aliases]", "[alias]", "alias", "nothing reads this key"),
    "unknown member of a regime": (
        GERMANY,
        f"{GERMANY}\nlaw = 1",
        "regimes.de.law",
        "nothing reads this key",
    ),
    "unknown member of a table": (
        'lifetime.basis = "practice"',
        "lifetime.years = 1",
        "regimes.de.lifetime.years",
        "nothing reads this key",
    ),
    "an id beside the name": (
        GERMANY,
        f'{GERMANY}\nid = "x"',
        "regimes.de.id",
        "nothing reads this key",
    ),
    "wrong type": (
        "minors.consent_age = 14",
        'minors.consent_age = "14"',
        "regimes.de.minors.consent_age",
        "Expected `int | null`, got `str`",
    ),
    "wrong type in a list": (
        "triggers = [",
        'triggers = ["whim", ',
        "profiles.base.reprompt.triggers[#1]",
        "Invalid enum value 'whim'",
    ),
    "wrong type within a listed table": (
        '["marketing"], rule = "parental_opt_in" }',
        '["marketing"], rule = "frown" }',
        "profiles.ask.minors.rules[#1].rule",
        "Invalid enum value 'frown'",
    ),
    "missing member of a listed table": (
        ', rule = "parental_opt_in" }',
        " }",
        "profiles.ask.minors.rules[#1].rule",
        "missing",
    ),
    "missing member": ('label = "Germany"\n', "", "regimes.de.label", "missing"),
    "wrong date": (
        "effective = 2027-01-01",
        'effective = "soon"',
        "regimes.us-ca.effective",
        "Invalid RFC3339",
    ),
    "unknown parent": (
        GERMANY,
        '[regimes.de]\nextends = "asks"',
        "regimes.de.extends",
        "unknown parent 'asks'",
    ),
    "a parent that is no name": (
        GERMANY,
        "[regimes.de]\nextends = 1",
        "regimes.de.extends",
        "unknown parent 1",
    ),
    "cycle": (
        '[profiles.base]\nstatus = "in_force"',
        '[profiles.base]\nstatus = "in_force"\nextends = "base"',
        "profiles.base.extends",
        "inherits from itself",
    ),
    "a name for two things": (
        "[regimes.strictest]",
        '[regimes.ask]\nlabel = "Ask"\nextends = "base"\n[regimes.strictest]',
        "profiles.ask",
        "a profile and a regime have this name",
    ),
    "unknown source": (
        'label = "Germany"',
        'label = "Germany"\nsources = ["acts"]',
        "regimes.de.sources",
        "unknown source 'acts'",
    ),
    "no source": ('label = "Germany"', 'label = "Germany"\nsources = []', "sources", "no source"),
    "no citation": (
        'label = "Germany"',
        'label = "Germany"\nlaws = []',
        "regimes.de.laws",
        "a law without a citation",
    ),
    "binding signal without a citation": (
        'label = "Germany"',
        'label = "Germany"\ngpc.status = "binding"',
        "regimes.de.gpc.cite",
        "binds without a citation",
    ),
    "conditionally binding signal without a citation": (
        'label = "Germany"',
        'label = "Germany"\ngpc.status = "binding_conditional"',
        "regimes.de.gpc.cite",
        "binds without a citation",
    ),
    "no day for a law to come": (
        "effective = 2027-01-01\n",
        "",
        "regimes.us-ca.effective",
        "no day from which it will be",
    ),
    "in force before its day": (
        'label = "Germany"',
        'label = "Germany"\neffective = 2026-11-22',
        "regimes.de.effective",
        "a day after its review",
    ),
    "a choice outlives the regulator's limit": (
        'lifetime.basis = "practice"',
        "lifetime.choice_regulator_days = 179",
        "regimes.de.lifetime.choice_days",
        "outlives",
    ),
    "opt-in that grants": (
        'label = "Germany"',
        'label = "Germany"\ndefaults.analytics = "granted"',
        "regimes.de.defaults",
        "opt_in grants something",
    ),
    "an exemption where nothing is denied": (
        'label = "California"',
        'label = "California"\nexemptions.functional.available = true',
        "regimes.us-ca.exemptions.functional",
        "nobody asks for",
    ),
    "age band upside down": (
        'ages = "below_consent_age"',
        "ages = [13, 12]",
        "minors.rules[0].ages",
        "no age band",
    ),
    "age band beyond a life": (
        'ages = "below_consent_age"',
        "ages = [0, 121]",
        "minors.rules[0].ages",
        "no age band",
    ),
    "no age of consent": (
        "minors.consent_age = 16\n",
        "",
        "regimes.strictest.minors.rules",
        "no age is given",
    ),
    "a gap at the beginning": (
        "from = 2000-01-01",
        "from = 2000-01-02",
        "subdivisions.US-CA",
        "a gap",
    ),
    "an empty schedule": ('US = "us-now"', "US = []", "countries.US", "a gap"),
    "the same day twice": (
        '{ from = 2027-01-01, regime = "us-ca" }',
        '{ from = 2027-01-01, regime = "us-ca" }, { from = 2027-01-01, regime = "us-now" }',
        "subdivisions.US-CA",
        "an overlap",
    ),
    "days out of order": (
        "[{ from = 2000-01-01, ",
        '[{ from = 2000-01-01, regime = "us-now" }, { from = 1999-01-01, ',
        "subdivisions.US-CA",
        "an overlap",
    ),
    "a schedule ahead of the law": (
        "from = 2027-01-01",
        "from = 2026-12-31",
        "subdivisions.US-CA",
        "us-ca before 2027-01-01",
    ),
    "a law to come without a schedule": (
        'US = "us-now"',
        'US = "us-ca"',
        "countries.US",
        "us-ca before 2027-01-01",
    ),
    "country to an unknown regime": (
        'US = "us-now"',
        'US = "us-then"',
        "countries.US",
        "unknown regime 'us-then'",
    ),
    "group to an unknown regime": (
        'fallback = true\nregime = "de"',
        'fallback = true\nregime = "nl"',
        "groups.EEA",
        "unknown regime 'nl'",
    ),
    "special code to an unknown regime": (
        'XX = "unknown"',
        'XX = "limbo"',
        "special.XX",
        "unknown regime 'limbo'",
    ),
    "unknown to an unknown regime": (
        'unknown = "strictest"',
        'unknown = "strict"',
        "unknown",
        "unknown regime 'strict'",
    ),
    "no rule for a country": (
        'members = ["DE", "FR"]',
        'members = ["DE"]',
        "names.FR",
        "a gap: no rule",
    ),
    "two rules for a country": (
        "fallback = true\n",
        "",
        "countries.DE",
        "an overlap: DE has more than one rule",
    ),
    "no such country": ('US = "us-now"', 'US = "us-now"\nQQ = "de"', "countries.QQ", "no country"),
    "no such country in a group": ('["DE", "FR"]', '["DE", "FR", "QQ"]', "groups.EEA", "'QQ'"),
    "no such subdivision": (
        "[subdivisions]",
        '[subdivisions]\nUS-QQ = "us-now"',
        "subdivisions.US-QQ",
        "not a subdivision",
    ),
    "an alias that hides a country": ('FX = "FR"', 'DE = "FR"', "aliases.DE", "would hide it"),
    "an alias for no country": ('FX = "FR"', 'FX = "QQ"', "aliases.FX", "'QQ' is no country"),
    "a special code that hides a country": (
        'XX = "unknown"',
        'DE = "unknown"',
        "special.DE",
        "would hide it",
    ),
    "an overlay for nothing": (
        'applies_to = ["us-now"]',
        'applies_to = ["us-then"]',
        "overlays.ask-first.applies_to",
        "unknown regime 'us-then'",
    ),
    "an overlay without effect": (
        'set_model = "opt_in"\n',
        "",
        "overlays.ask-first",
        "would change nothing",
    ),
}


@pytest.mark.parametrize(("good", "bad", "key", "what"), FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_is_named(tmp_path: Path, good: str, bad: str, key: str, what: str) -> None:
    """Each fault stops the start, with its file, its exact key, and something to do about it."""
    assert SMALL.count(good) >= 1
    found = problems(tmp_path, SMALL.replace(good, bad, 1))

    first = found[0]
    assert first.file == str(tmp_path / "0.toml")
    assert first.key.endswith(key)
    assert what in first.what
    assert first.remedy
    assert {p.what for p in found} == {first.what}  # one fault raises no false alarms


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    """Faults of different kinds in different tables come in one error."""
    text = (
        SMALL.replace(GERMANY, f"{GERMANY}\nlaw = 1\nconfidence = 3")
        .replace('FX = "FR"', 'FX = "QQ"')
        .replace("from = 2000-01-01", "from = 2000-01-02")
    )

    assert {p.key for p in problems(tmp_path, text)} == {
        "regimes.de.law",
        "regimes.de.confidence",
        "aliases.FX",
        "subdivisions.US-CA",
    }


def test_a_close_name_is_suggested(tmp_path: Path) -> None:
    """A slip of the pen is answered with the name that was probably meant."""
    (found,) = problems(tmp_path, SMALL.replace('FX = "FR"\n', "").replace("[aliases]", "[alias]"))

    assert found.remedy == "did you mean aliases?"


def test_what_two_files_define_is_refused(tmp_path: Path) -> None:
    """An overlap of files is named in the second, with the first as the remedy."""
    (found,) = problems(tmp_path, SMALL, '[countries]\nDE = "de"\n')

    assert (found.file, found.key) == (str(tmp_path / "1.toml"), "countries.DE")
    assert found.what == "defined twice"
    assert str(tmp_path / "0.toml") in found.remedy


def test_an_empty_folder_is_no_law(tmp_path: Path) -> None:
    """Without files there is nothing to serve by."""
    found = problems(tmp_path)

    assert [p.key for p in found] == ["about", "unknown"]
    assert all(p.file == str(tmp_path) and p.what == "missing" for p in found)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A file that is not UTF-8 is a problem of that file, not a crash."""
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError) as caught:
        regimes.load(tmp_path)
    assert "not TOML" in caught.value.problems[0].what


def test_stale_rules_are_listed_oldest_first(tmp_path: Path) -> None:
    """A rule is stale once its review is more than so many days old, and not a day before."""
    text = SMALL.replace('label = "Germany"', 'label = "Germany"\nreviewed = 2026-01-01')
    book = load(tmp_path, text)

    assert regimes.stale(book, date(2026, 1, 31), 30) == []
    (germany,) = regimes.stale(book, date(2026, 2, 1), 30)
    assert (germany.file, germany.key) == (str(tmp_path / "0.toml"), "regimes.de.reviewed")
    assert germany.what == "last reviewed on 2026-01-01, 31 days ago"
    assert germany.remedy == "compare it with act, then set the day"
    assert regimes.stale(book, date(2027, 11, 21), 30)[0].key == germany.key
    assert len(regimes.stale(book, date(2027, 11, 21), 30)) == len(book.regimes)


def test_a_stale_rule_names_all_its_sources(tmp_path: Path) -> None:
    """Whoever reviews a rule is told everything that it rests on."""
    source = (
        'act = { seen = true, date = 2020-01-01, what = "The act", url = "https://law.example/" }\n'
    )
    text = SMALL.replace(source, source + source.replace("act =", "code =")).replace(
        'label = "Germany"', 'label = "Germany"\nreviewed = 2026-01-01\nsources = ["act", "code"]'
    )

    (germany,) = regimes.stale(load(tmp_path, text), date(2026, 2, 1), 30)

    assert germany.remedy == "compare it with act, code, then set the day"


def test_the_whole_law_loads_in_time() -> None:
    """Reading, merging and checking the full matrix takes less than 150 ms of processor time."""

    def once() -> float:
        start = time.process_time()
        regimes.load(Path("config/regimes"))
        return time.process_time() - start

    assert min(once() for _ in range(3)) < 0.15
