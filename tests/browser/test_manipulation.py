"""The lint, looking at banners in a real Chromium: planted ones that steer, and those that do not."""

import json
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest
from hosting import pages
from visits import Demo

from holdfire import check
from holdfire.lint.finding import Finding
from holdfire.lint.rules import RULES

TODAY = date(2026, 11, 21)
NEUTRAL = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Shop</title>
<style>
  body { margin: 0; font: 16px/1.5 sans-serif; background: #fff; color: #111 }
  main { height: 3000px }
  [hidden] { display: none !important }
  .ask, .back { position: fixed; bottom: 0; left: 0; padding: 12px; background: #fff }
  .ask { right: 0; border-top: 1px solid #555 }
  button { min-width: 160px; min-height: 44px; font: inherit; border: 1px solid #173a5e;
           background: #173a5e; color: #fff }
  .switch { appearance: none; width: 48px; height: 28px; border: 2px solid #555; margin: 0 }
</style>
<main><h1>Shop</h1><p>Boots, and <a href="#boots">more boots</a>.</p></main>
<div class="ask" data-holdfire-layer="1" hidden>
  <p class="lead">We use cookies to measure how this shop is used.</p>
  <button data-holdfire="accept_all">Accept all</button>
  <button data-holdfire="reject_all">Reject all</button>
  <button data-holdfire="preferences">Settings</button>
  <button data-holdfire="close">Close and reject</button>
</div>
<div class="ask" data-holdfire-layer="2" hidden>
  <p><label><input class="switch" type="checkbox" data-category="analytics"> Statistics</label></p>
  <button data-holdfire="accept_all">Accept all</button>
  <button data-holdfire="reject_all">Reject all</button>
  <button data-holdfire="save">Save my choice</button>
</div>
<div class="back" hidden>
  <button data-holdfire="preferences">Settings</button>
  <button data-holdfire="withdraw" class="out">Withdraw</button>
</div>
<script>
  const one = (selector) => document.querySelector(selector);
  const said = () => localStorage.getItem("said");
  const remembers = () => true;
  const show = (layer) => {
    one('[data-holdfire-layer="1"]').hidden = layer !== 1;
    one('[data-holdfire-layer="2"]').hidden = layer !== 2;
    one(".back").hidden = layer !== 0;
    one(".out").hidden = said() !== "yes";
  };
  const say = (answer) => {
    if (remembers(answer)) localStorage.setItem("said", answer);
    show(0);
  };
  const acts = {
    accept_all: () => say("yes"), reject_all: () => say("no"), withdraw: () => say("no"),
    close: () => say("no"), preferences: () => show(2),
    save: () => say(one(".switch").checked ? "yes" : "no"),
  };
  for (const control of document.querySelectorAll("[data-holdfire]")) {
    control.addEventListener("click", acts[control.dataset.holdfire]);
  }
  show(said() ? 0 : 1);
</script>
</html>
"""
REJECT = '<button data-holdfire="reject_all">Reject all</button>\n  <button data-holdfire="pref'
Changes = tuple[tuple[str, str], ...]
ASK = '<div class="ask" data-holdfire-layer="1" hidden>'


class Planted(NamedTuple):
    """One way to steer: what is changed in the neutral page, and the rule that must notice."""

    rule: str
    name: str
    changes: Changes
    place: str = "DE"


def styled(style: str) -> Changes:
    """The refusal of the first layer, drawn otherwise."""
    return ((REJECT, REJECT.replace("<button", f'<button style="{style}"', 1)),)


def instead(markup: str) -> Changes:
    """Something else in the place of the refusal of the first layer."""
    return ((REJECT, f'{markup}<button data-holdfire="pref'),)


PLANTED = (
    Planted("refuse-missing", "no refusal", instead("")),
    Planted("refuse-missing", "no refusal in California", instead(""), "US-CA"),
    Planted(
        "refuse-unequal-kind",
        "a link",
        instead('<p><a href="#" data-holdfire="reject_all">Reject all</a></p>'),
    ),
    Planted("refuse-unequal-kind", "words without a box", styled("border:0;background:none;color:#111")),
    Planted(
        "refuse-unequal-kind",
        "no stop for the keyboard",
        instead('<button tabindex="-1" data-holdfire="reject_all">Reject all</button>'),
    ),
    Planted("refuse-unequal-size", "narrow", styled("min-width:90px")),
    Planted("refuse-unequal-size", "small words", styled("font-size:12px")),
    Planted("refuse-unequal-size", "thin words", (("font: inherit;", "font: 700 16px sans-serif;"), *styled("font-weight:400"))),
    Planted("refuse-unequal-contrast", "faint words", styled("color:#9ab")),
    Planted("refuse-unequal-contrast", "faint fill", styled("background:#eee;color:#111")),
    Planted("refuse-steered-colour", "green against red", (*styled("background:#8a1c1c"), ("background: #173a5e", "background: #10562a"))),
    Planted("refuse-steered-colour", "a gradient", styled("background:linear-gradient(#173a5e,#173a5f)")),
    Planted("refuse-unequal-clicks", "on the second layer only", instead("")),
    Planted(
        "refuse-in-text",
        "a word in a sentence",
        instead(
            '<p>Or go on and <button data-holdfire="reject_all">reject all</button> of it, if you '
            "really want to.</p>"
        ),
    ),
    Planted("refuse-hidden", "off the screen", styled("position:absolute;left:-9999px")),
    Planted("refuse-hidden", "transparent", styled("opacity:0.02")),
    Planted("refuse-hidden", "without size", styled("min-width:0;width:0;min-height:0;height:0;padding:0;border:0;overflow:hidden")),
    Planted("refuse-hidden", "disabled", instead('<button disabled data-holdfire="reject_all">Reject all</button>')),
    Planted(
        "refuse-hidden",
        "below a fold of its own",
        (
            (
                REJECT,
                ('<div style="height:50px;overflow:auto"><p style="height:90px">Why.</p>'
                '<button data-holdfire="reject_all">Reject all</button></div>'
                '<button data-holdfire="pref'),
            ),
        ),
    ),
    Planted(
        "refuse-hidden",
        "covered",
        instead(
            '<span style="display:inline-block;position:relative">'
            '<button data-holdfire="reject_all">Reject all</button>'
            '<i style="position:absolute;inset:0"></i></span>'
        ),
    ),
    Planted("preticked", "a switch that is on", (("data-category", "checked data-category"),)),
    Planted("contrast", "faint running text", ((".switch {", ".lead { color: #999 } .switch {"),)),
    Planted("contrast", "words behind a veil", ((".switch {", ".lead { opacity: 0.5 } .switch {"),)),
    Planted("contrast", "a faint switch", (("2px solid #555", "2px solid #ddd"),)),
    Planted("guilt-wording", "in English", (("to measure how", "and you will miss out, to measure how"),)),
    Planted("guilt-wording", "in a title", (('class="lead"', 'class="lead" title="Please accept cookies"'),)),
    Planted("reprompt-early", "refusals are forgotten", (("remembers = () => true", 'remembers = (a) => a === "yes"'),)),
    Planted("withdraw-steps", "through the settings", ((">Withdraw<", " style='display:none'>Withdraw<"),)),
    Planted("withdraw-steps", "no way back", (('<div class="back"', '<div style="display:none" class="back"'),)),
    Planted(
        "withdraw-steps",
        "opting out is further than opting in",
        (
            *instead(""),
            ('<button data-holdfire="reject_all">Reject all</button>\n  <button data-holdfire="save"', '<button data-holdfire="save"'),
            ('class="out">Withdraw', 'class="out">Withdraw</button><button data-holdfire="accept_all">Agree'),
            (' type="checkbox"', ' type="checkbox" checked'),
        ),
        "US-CA",
    ),
    Planted("target-size", "a small switch", (("48px; height: 28px", "18px; height: 18px"), (" Statistics</label>", "</label> Statistics"))),
    Planted("blocks-page", "a veil", ((ASK, f'<div style="position:fixed;inset:0" class="veil"></div>{ASK}'),)),
    Planted("blocks-page", "a locked scroll bar", (("body { margin", "html { overflow: hidden } body { margin"),)),
    Planted("blocks-page", "a layer as large as the screen", ((ASK, ASK.replace("hidden", 'style="top:0" hidden')),)),
    Planted("blocks-page", "an inert page", (("<main>", "<main inert>"),)),
    Planted("close-missing", "no close control", (('<button data-holdfire="close">Close and reject</button>', ""),), "IT"),
)  # fmt: skip


class Banner(NamedTuple):
    """A banner that steers in several ways at once, each of which must be told."""

    name: str
    rules: frozenset[str]
    changes: Changes
    place: str = "DE"


BANNERS = (
    Banner(
        "nothing refuses, and the page waits behind a veil",
        frozenset(
            [
                "refuse-missing",
                "refuse-unequal-clicks",
                "preticked",
                "contrast",
                "guilt-wording",
                "reprompt-early",
                "target-size",
                "blocks-page",
            ]
        ),
        (
            *instead(""),
            ("data-category", "checked data-category"),
            (".switch {", ".lead { color: #999 } .switch {"),
            ("to measure how", "and you will miss out, to measure how"),
            ("remembers = () => true", 'remembers = (a) => a === "yes"'),
            ("48px; height: 28px", "18px; height: 18px"),
            (" Statistics</label>", "</label> Statistics"),
            (ASK, f'<div style="position:fixed;inset:0" class="veil"></div>{ASK}'),
        ),
    ),
    Banner(
        "the refusal is a faint link, and the way back is long",
        frozenset(
            [
                "refuse-unequal-kind",
                "refuse-unequal-size",
                "refuse-unequal-contrast",
                "refuse-steered-colour",
                "contrast",
                "withdraw-steps",
            ]
        ),
        (
            *instead(
                '<a href="#" style="display:inline-block;background:#8a1c1c;color:#a55" '
                'data-holdfire="reject_all">Reject all</a>'
            ),
            (">Withdraw<", " style='display:none'>Withdraw<"),
        ),
    ),
    Banner(
        "the refusal is a transparent word in a sentence",
        frozenset(["refuse-in-text", "refuse-hidden", "refuse-unequal-clicks"]),
        instead(
            '<p>Or go on and <button style="opacity:0.02" data-holdfire="reject_all">reject all'
            "</button> of it, if you really want to.</p>"
        ),
    ),
    Banner(
        "nothing closes it",
        frozenset({"close-missing"}),
        (('<button data-holdfire="close">Close and reject</button>', ""),),
        "IT",
    ),
    Banner("a neutral one", frozenset(), ()),
    Banner("a neutral one in California", frozenset(), (), "US-CA"),
)


def changed(changes: Changes) -> str:
    """The neutral page, changed."""
    page = NEUTRAL
    for old, new in changes:
        assert old in page, old
        page = page.replace(old, new)
    return page


Looked = dict[str, tuple[Finding, ...]]


def look(folder: Path, planted: Iterable[Planted | Banner]) -> Looked:
    """What ``holdfire check --page`` finds on each page, by its name; each place in one run."""
    looked: Looked = {}
    by_place: dict[str, list[Planted | Banner]] = {}
    for one in planted:
        by_place.setdefault(one.place, []).append(one)
    for place, group in by_place.items():
        for number, one in enumerate(group):
            (folder / f"{number}.html").write_text(changed(one.changes))
        with pages(folder) as port:
            sites = {f"127.0.0.1:{port}/{n}.html": one.name for n, one in enumerate(group)}
            addresses = [f"http://{site}" for site in sites]
            report = check.pages(None, {}, addresses, today=TODAY, tell=lambda _: None, place=place)
        assert not report.problems, report.problems
        for site, name in sites.items():
            looked[name] = tuple(f for f in report.findings if f.site == site)
    return looked


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Looked:
    """What is found on the banners."""
    return look(tmp_path_factory.mktemp("banners"), BANNERS)


@pytest.fixture(scope="module")
def found_alone(tmp_path_factory: pytest.TempPathFactory) -> Looked:
    """What is found on a page for each way to steer, with nothing else that is wrong."""
    return look(tmp_path_factory.mktemp("alone"), PLANTED)


def assert_told(rule: str, findings: Sequence[Finding]) -> None:
    """The rule is broken, and the finding says everything there is to say."""
    faults = [f for f in findings if f.severity == "fault" and f.rule == rule]
    assert faults, [str(f) for f in findings]
    assert all(f.law and f.element and f.measured and f.limit and f.remedy for f in faults)


@pytest.mark.parametrize("banner", BANNERS, ids=lambda banner: banner.name)
def test_a_banner_is_told_how_it_steers_and_nothing_else(found: Looked, banner: Banner) -> None:
    """Each way is a fault, with law, element, measure, limit, remedy; a neutral one is clean."""
    for rule in banner.rules:
        assert_told(rule, found[banner.name])
    assert {finding.rule for finding in found[banner.name]} == banner.rules


@pytest.mark.long
@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: f"{planted.rule}: {planted.name}")
def test_a_planted_manipulation_is_found(found_alone: Looked, planted: Planted) -> None:
    """Each way to steer that real banners use, on a page that has nothing else."""
    assert_told(planted.rule, found_alone[planted.name])


def test_every_rule_has_a_planted_example() -> None:
    """No rule is believed to work that has not been seen to, among others and alone."""
    rules = {rule.id for rule in RULES}
    assert frozenset().union(*(banner.rules for banner in BANNERS)) == rules
    assert {planted.rule for planted in PLANTED} == rules
    for group in (BANNERS, PLANTED):
        assert len({one.name for one in group}) == len(group)


OWN_SITE = """\
name = "Shop"
origins = ["https://shop.example"]
default_language = "en"
languages = {languages}

[links]
privacy_policy = "https://shop.example/privacy"

[[category]]
id = "necessary"

[[category]]
id = "functional"

[[category]]
id = "marketing"
sale = true
"""


def look_at_our_own(folder: Path, languages: Sequence[str], **more: str) -> Sequence[str]:
    """Fail unless our own banner has nothing to answer for; what was looked at."""
    (folder / "shop.toml").write_text(OWN_SITE.format(languages=json.dumps(languages)))
    told: list[str] = []
    environment = {"HOLDFIRE_SITES_DIR": str(folder), "HOLDFIRE_DATA_DIR": str(folder / "var")}

    report = check.banners(None, environment | more, today=TODAY, tell=told.append)

    assert report == check.Report()
    assert list(json.loads((folder / "var/checked.json").read_text())) == ["shop"]
    return told


@pytest.mark.parametrize(("regime", "languages"), [("strictest", ("en", "ar")), ("us-ca", ("en",))])
def test_our_own_banner_steers_nobody(
    tmp_path: Path, regime: str, languages: Sequence[str]
) -> None:
    """Where it asks and where it tells: both themes, both sizes, and writing from the right."""
    told = look_at_our_own(tmp_path, languages, HOLDFIRE_REGIME_OVERRIDE=regime)

    assert [line.rpartition(" ")[2] for line in told] == list(languages)
    assert all(f"({regime})" in line for line in told)


@pytest.mark.long
def test_our_own_banner_steers_nobody_in_any_regime(tmp_path: Path) -> None:
    """The same in every kind of regime."""
    told = look_at_our_own(tmp_path, ("en", "de", "ar"))

    assert any("shop in DE (de), ar" in line for line in told)
    assert any("strictest" in line for line in told)


def test_a_pages_own_colours_are_seen(tmp_path: Path, demo: Demo) -> None:
    """Tokens that only the page sets are judged too, by the law that its boot script names."""
    page = (
        '<!doctype html><html lang="en"><style>html { --hf-fg: #9aa }</style>'
        f'<script async src="{demo.own}/s/demo.js?geo=DE"></script><p>A page.</p></html>'
    )
    (tmp_path / "index.html").write_text(page)
    with pages(tmp_path) as port:
        address = f"http://127.0.0.1:{port}/"
        report = check.pages(None, {}, [address], today=TODAY, tell=lambda _: None)

    assert {(f.rule, f.severity, f.site, f.regime) for f in report.findings} == {
        ("contrast", "fault", "demo", "de")
    }
