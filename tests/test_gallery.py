"""The gallery: a page of frames, and the variants of the demo site that they show."""

import re
import uuid
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from holdfire import app
from holdfire.demo.collector import Tally
from holdfire.demo.gallery import SURFACES, THEMES, variants
from holdfire.demo.shop import demo_site, shop
from holdfire.settings import Settings
from house import NOON, ORIGIN, Clock, settings
from house import demo_site as site_of_file

THIRD = "http://127.0.0.1:8081"
STATIC = Settings().static_path
SITES = variants(demo_site(site_of_file(), (ORIGIN,), THIRD))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The demo, asked by a browser."""
    site = demo_site(site_of_file(), (ORIGIN,), THIRD)
    built = app.build(
        settings(tmp_path_factory.mktemp("gallery")),
        {site.id: site, **SITES},
        demo=True,
        extra_routes=shop(STATIC, THIRD, Tally()),
        clock=Clock(NOON),
        prebuild=False,
    )
    with TestClient(built, base_url=ORIGIN) as client:
        yield client


def frames(page: str) -> list[str]:
    """The addresses of all frames of a page."""
    return [
        found.replace("&amp;", "&") for found in re.findall(r'<iframe[^>]* src="([^"]+)"', page)
    ]


def test_every_surface_is_shown_in_every_theme(browser: TestClient) -> None:
    """Unfiltered, there is a frame for each of them, and each frame's page is there."""
    found = frames(browser.get("/gallery").text)

    assert len(found) == len(set(found)) == len(SURFACES) * len(THEMES)
    assert {browser.get(address).status_code for address in found} == {200}


def test_filters_leave_what_they_ask_for(browser: TestClient) -> None:
    """One surface in one theme and the few languages are so many frames, in the width asked for."""
    query = "surface=bar&theme=dark&language=all&width=narrow"
    page = browser.get(f"/gallery?{query}").text

    assert [address.rpartition("=")[2] for address in frames(page)] == [
        "en",
        "de",
        "fr",
        "ar",
        "ja",
    ]
    assert page.count('<div class="screen narrow">') == 5
    assert '<option value="bar" selected>' in page


@pytest.mark.parametrize(
    "address",
    [
        "/gallery?surface=none",
        "/gallery?colour=red",
        "/gallery?theme=dark&theme=light",
        "/gallery?width=1",
        "/gallery/scene",
        "/gallery/scene?surface=box&theme=light",
        "/gallery/scene?surface=box&theme=light&language=xx",
        "/gallery/scene?surface=box&theme=light&language=en&geo=DE",
        '/gallery/scene?surface="><script>&theme=light&language=en',
    ],
)
def test_what_is_not_on_the_list_is_refused(browser: TestClient, address: str) -> None:
    """A parameter that is unknown, doubled, missing or of another value is a bad request."""
    answer = browser.get(address)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_query"


def test_a_scene_is_as_strict_as_a_page_can_be(browser: TestClient) -> None:
    """Scripts need this answer's nonce, Trusted Types are enforced, and only the gallery frames it."""
    answer = browser.get("/gallery/scene?surface=box&theme=light&language=en")
    policy = answer.headers["content-security-policy"]
    nonces = set(re.findall(r'nonce="([^"]+)"', answer.text))

    assert len(nonces) == 1
    assert f"'nonce-{nonces.pop()}'" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "__" not in answer.text + policy


@pytest.mark.parametrize("key", SURFACES)
def test_the_service_serves_each_surface_in_the_language_of_the_frame(
    browser: TestClient, key: str
) -> None:
    """The boot script that a scene names is that of its variant, in the scene's language."""
    scene = browser.get(f"/gallery/scene?surface={key}&theme=light&language=ar").text
    found = re.search(r'src="(/gallery/in/ar/s/([\w-]+)\.js\?geo=[\w-]+)"', scene)
    assert found
    answer = browser.get(found[1], headers={"accept-language": "de"})

    assert answer.status_code == 200
    assert answer.headers["content-language"] == "ar"
    assert f'"site":"{found[2]}"' in answer.text
    assert found[2] in SITES


def test_a_frame_is_always_a_first_visit(browser: TestClient) -> None:
    """A cookie of an earlier frame changes nothing in the boot script of the next."""
    path = "/gallery/in/en/s/demo-box.js?geo=DE"
    first = browser.get(path)
    again = browser.get(path, headers={"cookie": "holdfire_demo-box=anything"})

    assert again.content == first.content


def choose(browser: TestClient, path: str, origin: str) -> int:
    """Refuse everything on the bar's site; gives the answer's status."""
    body = {
        "event_id": str(uuid.uuid4()),
        "action": "reject_all",
        "categories": {"functional": False, "analytics": False, "marketing": False},
        "services": {},
        "notice_version": SITES["demo-bar"].version,
        "language": "en",
        "layer": 1,
        "control": "reject_all",
        "client_time": "2026-11-21T12:00:00Z",
    }
    return browser.post(path, json=body, headers={"origin": origin}).status_code


def test_a_choice_in_a_frame_is_recorded_for_its_variant_alone(browser: TestClient) -> None:
    """It is taken from the gallery's own origin, and from no other; the shop hears nothing of it."""
    path = "/gallery/in/en/v1/sites/demo-bar/choices?geo=DE"

    assert choose(browser, path, "https://elsewhere.example") == 403
    assert choose(browser, path.removeprefix("/gallery/in/en"), ORIGIN) == 403
    browser.cookies.clear()
    assert choose(browser, path, ORIGIN) == 201
    assert set(browser.cookies) == {"holdfire_demo-bar"}


def test_a_language_nobody_speaks_is_not_found(browser: TestClient) -> None:
    """The way in stands open for the languages of the demo only."""
    assert browser.get("/gallery/in/xx/s/demo-box.js").status_code == 404


def test_the_variants_differ_in_their_look_and_never_in_what_is_asked() -> None:
    """All layouts are there, and every variant has the categories and services of the shop."""
    shop_site = site_of_file()

    assert {site.look.layout for site in SITES.values()} == {"box", "bar", "dialog", "headless"}
    assert {site.categories for site in SITES.values()} == {shop_site.categories}
    assert {len(site.services) for site in SITES.values()} == {len(shop_site.services)}
    assert [name for name, site in SITES.items() if site.ask_age] == ["demo-age"]
