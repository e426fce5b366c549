"""The lint's rules as pure functions, its configuration rules, and the command that runs it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from holdfire import lint, regimes
from holdfire.errors import ConfigError
from holdfire.lint import colour
from holdfire.lint.conduct import ways
from holdfire.lint.configuration import TOKENS, configuration, theme
from holdfire.lint.finding import Facts, Finding, Journey, View, folded
from holdfire.lint.judge import judge
from holdfire.lint.measurement import Box, Control, Layer, Measurement, Paint, Target, Text
from holdfire.lint.rules import RULES
from holdfire.lint.surfaces import surfaces
from holdfire.lint.wording import load, steering
from holdfire.rules import compile_rules
from holdfire.sites import read_locales
from house import ROOT, demo_site

TODAY = date(2026, 11, 21)
WORDING = ROOT / "config/wording"
LAW = regimes.load(ROOT / "config/regimes")
BLUE, WHITE = (23, 58, 94), (255, 255, 255)
GERMANY = Facts("shop", "de", "opt_in", "required", "none")
EXAMPLE = {"en": ("help us", "no thanks, i"), "de": ("schade",), "th": ("ช่วยเรา",)}


def control(role: str, **more: Any) -> Control:
    """A control that nothing is wrong with."""
    known: dict[str, Any] = {
        "index": 0,
        "element": f"button[data-holdfire={role}]",
        "kind": "button",
        "text": role,
        "box": Box(0, 0, 160, 44),
        "target": Target(160, 44),
        "font_size": 16,
        "font_weight": 400,
        "colour": WHITE,
        "paint": Paint(
            filled=True, fill=BLUE, surround=WHITE, image=False, border=None, native=False
        ),
        "visible": True,
        "shown": 1,
        "covered": False,
        "disabled": False,
        "focusable": True,
        "beside": 0,
        "leaves": False,
    }
    return Control(role=role, **{**known, **more})


def judged(
    refuse: Control | None, *texts: Text, facts: Facts = GERMANY, **accept: Any
) -> dict[str, Finding]:
    """What is found in a first layer with this refusal, by rule."""
    controls = (control("accept_all", **accept), *([refuse] if refuse else []))
    layer = Layer(1, "div.ask", Box(0, 600, 1280, 200), controls, (), texts, ())
    seen = Measurement("en", 1280, 800, (layer,), (), ())
    return {f.rule: f for f in judge(View(facts, "en", "light", seen), EXAMPLE)}


# ---------------------------------------------------------------- colours


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000", "#fff", 21.0),
        ("#777777", "#fff", 4.48),
        ("#767676", "#fff", 4.54),
        ("#f00", "#f00", 1),
    ],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    """Known pairs have their known ratio, whichever comes first."""
    a, b = colour.parse(one), colour.parse(other)
    assert a is not None
    assert b is not None

    assert round(colour.contrast(a, b), 2) == ratio
    assert colour.contrast(a, b) == colour.contrast(b, a)


def test_distance_is_that_of_oklab() -> None:
    """White is at lightness 1, red is where CSS Color 4 puts it, and equal colours do not differ."""
    lightness, a, b = colour.oklab((255, 0, 0))

    assert (round(lightness, 3), round(a, 3), round(b, 3)) == (0.628, 0.225, 0.126)
    assert round(colour.distance((0, 0, 0), WHITE), 3) == 1
    assert colour.distance(BLUE, BLUE) == 0


def test_only_hexadecimal_colours_are_computed() -> None:
    """Any other notation is left to the browser."""
    assert colour.parse("#0af") == (0, 170, 255)
    assert colour.parse(" #00AAFF ") == (0, 170, 255)
    assert [colour.parse(text) for text in ("red", "#0af8", "oklch(50% 0 0)", "")] == [None] * 4


# ---------------------------------------------------------------- wording


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("Help us, please.", "en", ("help us",)),
        ("HELP  US\nnow", "en-gb", ("help us",)),
        ("Ask whelp us not.", "en", ()),
        ("No thanks, I’d rather not.", "en", ("no thanks, i",)),
        ("Wie schade!", "de-at", ("schade",)),
        ("Beschaden", "de", ()),
        ("Help us", "de", ("help us",)),
        ("Wie schade!", "en", ()),
        ("โปรดช่วยเราด้วย", "th", ("ช่วยเรา",)),
    ],
)
def test_a_phrase_is_found_at_the_start_of_a_word(
    text: str, language: str, found: tuple[str, ...]
) -> None:
    """In the text's language and in English, whatever its case, spaces and apostrophes."""
    assert steering(text, language, EXAMPLE) == found


def test_missing_and_empty_lists_stop_everything(tmp_path: Path) -> None:
    """Without phrases steering words would pass; an empty phrase would match every text."""
    with pytest.raises(ConfigError):
        load(tmp_path)
    (tmp_path / "en.toml").write_text('phrases = ["help us", " "]\n')
    with pytest.raises(ConfigError, match="empty"):
        load(tmp_path)


def test_no_shipped_text_steers() -> None:
    """What is shipped in any language passes the lists of its language and of English."""
    locales, _ = read_locales(ROOT / "config/locales")
    phrases = load(WORDING)

    found = [
        (language, key, phrase)
        for language, texts in locales.items()
        for key, text in texts.items()
        for phrase in steering(text, language, phrases)
    ]
    assert not found


# ---------------------------------------------------------------- one view


def test_equal_controls_are_in_order() -> None:
    """Nothing is found where nothing is wrong."""
    assert judged(control("reject_all")) == {}


@pytest.mark.parametrize(
    ("rule", "refuse"),
    [
        ("refuse-unequal-size", {"box": Box(0, 0, 143, 44)}),
        ("refuse-unequal-size", {"box": Box(0, 0, 200, 39)}),
        ("refuse-unequal-size", {"font_size": 14}),
        ("refuse-unequal-kind", {"kind": "link"}),
        ("refuse-unequal-kind", {"focusable": False}),
        ("refuse-in-text", {"beside": 10}),
        ("refuse-hidden", {"shown": 0.89}),
        ("refuse-hidden", {"visible": False}),
        ("refuse-hidden", {"disabled": True}),
        ("refuse-hidden", {"covered": True}),
        ("refuse-unequal-contrast", {"colour": (170, 190, 210)}),
    ],
)
def test_a_refusal_that_is_less_is_a_fault(rule: str, refuse: Mapping[str, Any]) -> None:
    """Beyond the tolerance, by one measure at a time."""
    found = judged(control("reject_all", **refuse))

    assert set(found) == {rule}
    assert found[rule].severity == "fault"


@pytest.mark.parametrize(
    "refuse",
    [
        {"box": Box(0, 0, 145, 44)},
        {"box": Box(0, 0, 400, 60)},
        {"font_size": 14.5},
        {"beside": 9},
        {"shown": 0.9},
    ],
)
def test_within_the_tolerance_nothing_is_found(refuse: Mapping[str, Any]) -> None:
    """Up to a tenth less, and any amount more."""
    assert judged(control("reject_all", **refuse)) == {}


def test_a_finding_has_its_figures() -> None:
    """Measured, limit, law and remedy are there for a machine and for a reader."""
    found = judged(control("reject_all", box=Box(0, 0, 80, 44)))["refuse-unequal-size"]

    assert found.figures == {"area of refuse": 3520, "area of accept": 7040}
    for part in ("area 3520 against 7040", "90 %", "CNIL", "de, en, light, 1280×800"):
        assert part in str(found)


@pytest.mark.parametrize(
    ("duty", "severity"),
    [("required", "fault"), ("required_if_banner", "fault"), ("recommended", "concern")],
)
def test_a_missing_refusal_weighs_what_the_regime_says(duty: Any, severity: str) -> None:
    """A duty makes a fault, a recommendation a concern, and no duty nothing."""
    assert judged(None, facts=replace(GERMANY, reject=duty))["refuse-missing"].severity == severity
    assert judged(None, facts=replace(GERMANY, reject="not_required")) == {}


def test_where_both_are_out_of_sight_nobody_is_steered() -> None:
    """A refusal below the edge is a concern if the agreement is there too."""
    found = judged(control("reject_all", shown=0), shown=0)

    assert found["refuse-hidden"].severity == "concern"


@pytest.mark.parametrize(
    ("size", "weight", "tcf", "grey", "faint"),
    [
        (16, 400, False, 0x76, False),
        (16, 400, False, 0x77, True),
        (24, 400, False, 0x94, False),
        (18.66, 700, False, 0x94, False),
        (18.66, 400, False, 0x94, True),
        (16, 400, True, 0x70, True),
        (16, 400, True, 0x6F, False),
    ],
)
def test_words_have_the_contrast_of_their_size(
    size: float,
    weight: float,
    tcf: bool,  # noqa: FBT001 -- a column of the table above
    grey: int,
    faint: bool,  # noqa: FBT001 -- a column of the table above
) -> None:
    """4.5:1, large ones 3:1, and 5:1 on the buttons of the IAB's framework."""
    words = Text(
        "p", "Words", seen=True, font_size=size, font_weight=weight, colour=(grey, grey, grey),
        background=WHITE, image=False, button=True, disabled=False,
    )  # fmt: skip
    found = judged(control("reject_all"), words, facts=replace(GERMANY, tcf=tcf))

    assert ("contrast" in found) is faint


def test_words_on_a_picture_are_a_concern() -> None:
    """What nobody can compute is told, and stops nothing."""
    words = Text(
        "p", "Words", seen=True, font_size=16, font_weight=400, colour=WHITE,
        background=WHITE, image=True, button=False, disabled=False,
    )  # fmt: skip

    assert judged(control("reject_all"), words)["contrast"].severity == "concern"


def test_a_fault_seen_often_is_told_once() -> None:
    """With the number of views; a concern of the same rule stays apart, behind the faults."""
    fault = judged(control("reject_all", kind="link"))["refuse-unequal-kind"]
    concern = replace(fault, severity="concern", theme="dark")

    assert folded([concern, fault, replace(fault, theme="dark")]) == (
        replace(fault, views=2),
        concern,
    )


# ---------------------------------------------------------------- ways


def walked(facts: Facts, **clicks: Any) -> dict[str, Finding]:
    """What is found of a visitor's ways, by rule."""
    even = {"grant": 1, "refuse": 1, "withdraw": 1, "opt_in": 1}
    journey = Journey(**{"asks": True, "asked_again": False, **even, **clicks})
    return {f.rule: f for f in ways(facts, journey, "en")}


@pytest.mark.parametrize(
    ("clicks", "rules"),
    [
        ({}, set()),
        ({"refuse": 2}, {"refuse-unequal-clicks"}),
        ({"refuse": None}, {"refuse-unequal-clicks"}),
        ({"withdraw": 2}, {"withdraw-steps"}),
        ({"withdraw": None}, {"withdraw-steps"}),
        ({"grant": 2, "refuse": 2, "withdraw": 2}, set()),
        ({"asked_again": True}, {"reprompt-early"}),
    ],
)
def test_ways_out_are_as_short_as_ways_in(clicks: Mapping[str, Any], rules: set[str]) -> None:
    """Where the law asks first: refusing and withdrawing take no click more than agreeing."""
    assert set(walked(GERMANY, **clicks)) == rules


def test_opting_out_is_as_short_as_opting_in() -> None:
    """In California the two ways are held against each other (11 CCR § 7004(a)(2))."""
    california = Facts("shop", "us-ca", "opt_out", "required_if_banner", "none")

    assert walked(california, refuse=2, opt_in=2) == {}
    assert set(walked(california, refuse=3, opt_in=2)) == {"withdraw-steps"}
    assert set(walked(california, refuse=None, opt_in=None)) == {"withdraw-steps"}


# ---------------------------------------------------------------- configuration


def test_a_site_that_steers_by_words_is_not_published() -> None:
    """A phrase in a text of the site's own stops the start, with file, key, law and remedy."""
    site = demo_site()
    steered = f"Well, {load(WORDING)['en'][0]}!"
    texts = {**site.texts, "en": {**site.texts["en"], "banner.body.opt_in": steered}}

    (problem,) = lint.faults({"demo": replace(site, texts=texts)}, LAW)

    assert problem.file == "demo.toml"
    assert problem.key == 'texts.en."banner.body.opt_in"'
    assert "guilt-wording" in problem.what
    assert "GDPR" in problem.what


def test_what_is_shipped_is_published() -> None:
    """The demo site has no fault that its file could show."""
    assert lint.faults({"demo": demo_site()}, LAW) == []


def test_a_choice_that_ends_too_soon_is_told() -> None:
    """A fault where a regulator's rule is known, a concern where the figure is this project's."""
    site = replace(demo_site(), choice_days=30)

    found = list(configuration({"demo": site}, LAW.regimes, {}))

    by_weight = {f.severity: f for f in found if f.rule == "reprompt-early"}
    assert "it" in by_weight["fault"].regime.split(", ")
    assert "de" in by_weight["concern"].regime.split(", ")
    assert by_weight["fault"].figures["days"] == 30
    assert lint.faults({"demo": replace(site, choice_days=365)}, LAW) == []


def test_a_cookie_that_forgets_a_refusal_is_a_concern() -> None:
    """Its longest life is held against the days after a refusal."""
    found = list(configuration({"demo": demo_site()}, LAW.regimes, {}, cookie_days=30))

    assert [(f.rule, f.severity, f.element) for f in found] == [
        ("reprompt-early", "concern", "cookie_max_age_days")
    ]
    assert list(configuration({"demo": demo_site()}, LAW.regimes, {}, cookie_days=395)) == []


def test_a_theme_is_held_to_contrast_before_it_is_drawn() -> None:
    """A pair counts if the site names one of its colours; the other is the banner's own."""
    found = list(theme("demo", "light", {"fg": "#999", "accent": "#1e6fd9"}, tcf=True))

    assert {f.element for f in found} == {
        "banner.light: fg on bg",
        "banner.light: fg on soft",
        "banner.light: on_accent on accent",
    }
    assert all(f.severity == "fault" and f.theme == "light" for f in found)
    assert list(theme("demo", "dark", {"fg": "oklch(90% 0 0)"})) == []


@pytest.mark.parametrize(("attested", "faults"), [(False, []), (True, ["5:1"])])
def test_who_takes_part_in_the_iabs_framework_says_so_in_the_site_file(
    *, attested: bool, faults: list[str]
) -> None:
    """A button of 4.6:1 is enough for WCAG, and not for a site with ``attestations.tcf``."""
    site = demo_site()
    told = replace(
        site,
        attestations=replace(site.attestations, tcf=attested),
        look=replace(site.look, light=replace(site.look.light, accent="#757575")),
    )

    found = configuration({"demo": told}, LAW.regimes, {})
    named = [f.limit for f in found if f.element == "banner.light: on_accent on accent"]
    surface = Facts.of(told, LAW.regimes["de"], compile_rules(told, LAW.regimes["de"]))

    assert named == faults
    assert surface.tcf is attested


@pytest.mark.parametrize("name", ["light", "dark"])
def test_the_banners_own_colours_pass(name: str) -> None:
    """Every pair of them, in both themes, also under the IAB's framework."""
    assert list(theme("demo", name, TOKENS[name], tcf=True)) == []


def test_the_lint_knows_the_banners_own_colours() -> None:
    """Its table is that of ``tokens.css``: every colour of each theme, and no other."""
    css = (ROOT / "sdk/src/tokens.css").read_text()
    plain, _, themed = css.partition("@supports")
    light = dict(re.findall(r"var\(--hf-([a-z-]+), (#[0-9a-f]+)\)", plain))
    both = re.findall(r"var\(--hf-([a-z-]+), light-dark\((#[0-9a-f]+), (#[0-9a-f]+)\)\)", themed)
    dark = light | {name: colour for name, _, colour in both}

    assert light == {name.replace("_", "-"): text for name, text in TOKENS["light"].items()}
    assert dark == {name.replace("_", "-"): text for name, text in TOKENS["dark"].items()}
    assert all(light[name] == colour for name, colour, _ in both)


def test_no_other_sheet_has_colours_of_its_own_for_a_token() -> None:
    """A token's colour stands in one place: any other sheet only reads it."""
    sheets = [*(ROOT / "sdk/src").rglob("*.css")]
    assert len(sheets) > 1
    for sheet in sheets:
        if sheet.name != "tokens.css":
            for name in TOKENS["light"]:
                assert f"--hf-{name.replace('_', '-')}" not in sheet.read_text(), sheet


# ---------------------------------------------------------------- surfaces


def test_each_kind_of_banner_is_looked_at_once() -> None:
    """One place a kind; more languages where the law asks first, the site's own elsewhere."""
    found = surfaces(demo_site(), LAW, TODAY)
    every = surfaces(demo_site(), LAW, TODAY, every=True)

    kinds = {(s.facts.model, s.facts.close, s.prompts) for s in found}
    assert {
        ("opt_in", "none", True),
        ("opt_in", "required", True),
        ("opt_out", "none", False),
        ("opt_out", "none", True),
        ("notice", "none", True),
    } <= kinds
    assert found[0].place == "DE"
    assert set(every[0].languages) == set(demo_site().texts)
    assert found[0].languages[0] == "en"
    assert "ar" in found[0].languages
    assert 2 <= len(found[0].languages) <= 4
    assert all(s.languages == ("en",) for s in found[1:])
    assert len(found) <= 12


def test_an_override_leaves_one_kind() -> None:
    """Where one regime holds for everybody, one banner is all there is to look at."""
    (only,) = surfaces(demo_site(), LAW, TODAY, override="fr")

    assert only.facts.regime == "fr"


# ---------------------------------------------------------------- the document


def test_the_document_says_what_the_rules_say() -> None:
    """Every rule stands there with its law, tolerance and remedy, and no other does."""
    document = (ROOT / "docs/lint.md").read_text()

    assert re.findall(r"^### (\S+)$", document, re.MULTILINE) == [rule.id for rule in RULES]
    for rule in RULES:
        section = document.partition(f"### {rule.id}\n")[2].partition("\n#")[0]
        for said in (rule.what, f"Law: {rule.law}.", f"Tolerance: {rule.tolerance}.",
                     f"Remedy: {rule.remedy}."):  # fmt: skip
            assert said in section, rule.id


# ---------------------------------------------------------------- the command


def checked(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run ``holdfire check`` in an empty folder, for a site that has one fault of wording."""
    sites = folder / "sites"
    sites.mkdir(exist_ok=True)
    site = (ROOT / "config/sites/demo.toml").read_text()
    wording = more.pop("wording", "")
    languages = re.sub(r"^languages = .*$", 'languages = ["en"]', site, flags=re.MULTILINE)
    (sites / "demo.toml").write_text(languages + wording)
    return subprocess.run(
        [sys.executable, "-m", "holdfire", "check", *arguments],
        cwd=folder,
        env={**os.environ, "HOLDFIRE_SITES_DIR": str(sites), **more},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


STEERED = f'\n[texts.en]\n"banner.title.opt_in" = "Well, {load(WORDING)["en"][0]}"\n'
BLIND = {"PATH": "", "PLAYWRIGHT_BROWSERS_PATH": "/nowhere"}


def test_check_tells_a_fault_with_its_figures(tmp_path: Path) -> None:
    """The finding stands behind the problems, in one list, and the exit code is 1."""
    ran = checked(tmp_path, "--json", "--no-render", wording=STEERED)

    assert ran.returncode == 1, ran.stderr
    (finding,) = json.loads(ran.stdout)
    assert finding["rule"] == "guilt-wording"
    assert finding["severity"] == "fault"
    assert finding["element"] == 'texts.en."banner.title.opt_in"'
    assert finding["law"]
    assert "figures" in finding


def test_a_concern_fails_only_a_strict_check(tmp_path: Path) -> None:
    """It is told either way."""
    short = {"HOLDFIRE_COOKIE_MAX_AGE_DAYS": "30"}
    lax = checked(tmp_path, "--no-render", **short)
    strict = checked(tmp_path, "--no-render", "--strict", **short)

    assert (lax.returncode, strict.returncode) == (0, 1), lax.stderr
    assert "concern: demo: reprompt-early" in lax.stdout
    assert "Concerns: 1." in lax.stdout


def test_without_a_browser_the_check_says_what_to_install(tmp_path: Path) -> None:
    """One line on standard error; only ``--render`` and ``--page`` insist on one."""
    lax = checked(tmp_path, **BLIND)
    insisting = checked(tmp_path, "--render", **BLIND)
    page = checked(tmp_path, "--page", "http://127.0.0.1:9/", **BLIND)

    assert lax.returncode == 0, lax.stderr
    assert lax.stderr.count("\n") == 1
    assert "install" in lax.stderr
    assert (insisting.returncode, page.returncode) == (2, 2)
    assert "install" in insisting.stderr


def test_a_place_belongs_to_a_page(tmp_path: Path) -> None:
    """What would be passed over in silence is a usage error."""
    ran = checked(tmp_path, "--no-render", "--place", "DE")

    assert (ran.returncode, ran.stdout) == (2, "")
    assert "--page" in ran.stderr
