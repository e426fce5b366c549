"""Every language that ships, drawn: the first layer and the opt-out panel, on a phone and a desktop."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route
from visits import Demo

from holdfire.settings import shipped
from holdfire.sites import load_locales

LOCALES = load_locales(shipped("config/locales"))
SIZES = {"phone": (320, 640), "desktop": (1280, 800)}
LAYERS = {"DE": "[role=region]", "US-CA": "dialog[open]"}
BARE = "/bare"
"""A page of the shop's origin with the boot script and nothing else: its tags would take the time."""
RATIO = 1.8  # the longer of the labels of accept and refuse, to the shorter, in rendered width

# What is wrong with a layer, as sentences. Half a pixel is rounding.
LOOK = """([selector, keys, ratio]) => {
  const near = (a, b) => Math.abs(a - b) <= 0.5;
  const root = [...document.querySelectorAll('holdfire-ui')].map(host => host.shadowRoot)
    .find(shadow => shadow.querySelector(selector));
  const layer = root.querySelector(selector);
  const faults = [];
  const must = (holds, what) => { if (!holds) faults.push(what); };
  const frame = layer.getBoundingClientRect();

  must(layer.scrollWidth <= layer.clientWidth, 'the layer scrolls sideways');
  must(frame.left >= -0.5 && frame.right <= innerWidth + 0.5, 'the layer is wider than the screen');
  must(frame.top >= -0.5 && frame.bottom <= innerHeight + 0.5, 'the layer is taller than the screen');

  const shown = [...layer.querySelectorAll('*')].filter(node => node.checkVisibility());
  for (const node of shown) {
    const box = node.getBoundingClientRect();
    const {overflowX, display} = getComputedStyle(node);
    const name = `${node.localName}.${node.className} "${node.textContent.slice(0, 40)}"`;
    if (node.classList.contains('aside') || node.closest('.aside')) continue;
    if (display !== 'inline') must(node.scrollWidth <= node.clientWidth, `${name} is clipped`);
    must(box.left >= frame.left - 0.5 && box.right <= frame.right + 0.5, `${name} sticks out`);
    if (node.matches('button, a, summary')) {
      must(node.scrollHeight <= node.clientHeight || display === 'inline', `${name} is cut off`);
      node.scrollIntoView({block: 'nearest'});
      const seen = node.getBoundingClientRect();
      must(seen.top >= -0.5 && seen.bottom <= innerHeight + 0.5, `${name} cannot be reached`);
    }
  }

  const pair = ['accept_all', 'reject_all']
    .map(id => layer.querySelector(`[data-control="${id}"]`)).filter(Boolean);
  if (pair.length) {
    const [yes, no] = pair.map(node => node.getBoundingClientRect());
    must(near(yes.width, no.width) && near(yes.height, no.height), 'accept and refuse differ in size');
    must(near(yes.top, no.top) || near(yes.left, no.left), 'accept and refuse are not aligned');
    const [short, long] = pair.map(node => {
      const range = document.createRange();
      range.selectNodeContents(node);
      return [...range.getClientRects()].reduce((sum, {width}) => sum + width, 0);
    }).sort((a, b) => a - b);
    must(long <= ratio * short, `one label is ${(long / short).toFixed(2)} times the other`);
  }

  const said = [...shown.map(n => `${n.ariaLabel ?? ''} ${n.title}`), layer.innerText].join('\\n');
  must(!/[{}]/.test(said), 'a placeholder is seen');
  for (const key of keys) must(!said.includes(key), `the key ${key} is seen`);
  return {
    lang: layer.lang, dir: layer.dir, direction: getComputedStyle(layer).direction, said,
    controls: pair.length, faults,
  };
}"""


KEYS = [key for key in LOCALES["en"] if not key.startswith("language.")]


@dataclass
class Reader:
    """One page of one browser, that is sent from language to language."""

    page: Page
    demo: Demo
    faults: list[str] = field(default_factory=list)

    def open(self, language: str, place: str) -> None:
        """Come to a place, wanting a language, and wait for its layer."""
        self.page.set_extra_http_headers({"Accept-Language": language})
        self.page.goto(f"{self.demo.own}{BARE}?geo={place}", wait_until="domcontentloaded")
        if place == "US-CA":
            self.page.evaluate("() => holdfire.ready.then(() => holdfire.show('preferences'))")
        self.page.wait_for_selector(f"holdfire-ui {LAYERS[place]}")

    def look(self, place: str, size: str) -> Any:
        """What there is to be said of the layer, on a screen of this size."""
        width, height = SIZES[size]
        self.page.set_viewport_size({"width": width, "height": height})
        return self.page.evaluate(LOOK, [LAYERS[place], KEYS, RATIO])


def bare(route: Route) -> None:
    """Answer as the shop would, did it sell nothing."""
    query = urlsplit(route.request.url).query
    body = f'<!doctype html><title>Bare</title><script src="/s/demo.js?{query}"></script><p>Bare.'
    route.fulfill(body=body, content_type="text/html; charset=utf-8")


@pytest.fixture(scope="module")
def reader(browser: Browser, demo: Demo) -> Iterator[Reader]:
    """A context for each of 60 languages would cost more than all there is to see in them."""
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(30_000)
    context.route(f"{demo.own}{BARE}?*", bare)
    found = Reader(context.new_page(), demo)
    found.page.on("pageerror", lambda error: found.faults.append(str(error)))
    yield found
    context.close()


# Panels of one build differ in their words alone: a fourth of them, and all from the right, in each run.
SHARE = {
    language
    for number, (language, texts) in enumerate(LOCALES.items())
    if number % 4 == 0 or texts["language.direction"] == "rtl"
}
SEEN = [
    *(("DE", language) for language in LOCALES),
    *(
        pytest.param("US-CA", language, marks=() if language in SHARE else pytest.mark.long)
        for language in LOCALES
    ),
]


@pytest.mark.parametrize(("place", "language"), SEEN)
def test_a_language_fits_where_it_is_shown(reader: Reader, language: str, place: str) -> None:
    """Nothing is clipped, hidden or out of balance, and the page says which language it is."""
    texts = LOCALES[language]
    reader.faults.clear()
    reader.open(language, place)
    for size in SIZES:
        seen = reader.look(place, size)
        assert seen["faults"] == [], size
        assert seen["lang"].lower() == language
        assert seen["dir"] == seen["direction"] == texts["language.direction"]
        assert seen["controls"] == 2
        assert texts["button.accept_all" if place == "DE" else "sale.title"] in seen["said"]
    assert reader.faults == []
