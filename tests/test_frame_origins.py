"""Frames that may read: what a site file may list, what the boot script brings, and ``/frame.js``."""

from pathlib import Path

import msgspec
import pytest

from holdfire.document import Document
from holdfire.sites import load_locales, read_sites
from holdfire.sites.frames import check_frames
from house import ORIGIN, ROOT, Service, demo_site, running

ADS = "https://ads.example"


def faults(*origins: str) -> list[tuple[str, str, str]]:
    """What is wrong with a list of frames: key, what and remedy."""
    document = Document("shop.toml")
    check_frames(document, origins)
    return [(p.key, p.what, p.remedy) for p in document.problems]


@pytest.mark.parametrize("origin", [ADS, f"{ADS}:8443", "http://127.0.0.1:8081", "https://[::1]"])
def test_an_exact_origin_may_be_listed(origin: str) -> None:
    """As a browser says it of the sender of a message."""
    assert faults(origin) == []


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://*.ads.example",
        "null",
        "",
        "ads.example",
        f"{ADS}/",
        f"{ADS}/frame.html",
        f"{ADS}:443",
        "http://ads.example",
        "HTTPS://ads.example",
        "https://ads.example ",
        "file://",
        "https://user@ads.example",
    ],
)
def test_anything_else_is_refused_with_its_place(origin: str) -> None:
    """A frame without an origin of its own, as in a sandbox, is among what cannot be listed."""
    found = faults("https://widget.example", origin)

    assert [key for key, *_ in found] == ["frames[#2]"]
    assert all(what and remedy for _, what, remedy in found)


def test_an_origin_is_listed_once() -> None:
    """The second of two is the one to remove."""
    assert [key for key, *_ in faults(ADS, "https://b.example", ADS)] == ["frames[#3]"]


def test_a_wildcard_is_told_from_that_of_a_page() -> None:
    """It would let strangers read, which is what its message says."""
    ((_, what, _),) = faults("*")

    assert "read" in what


def test_a_site_file_with_such_an_entry_is_refused(tmp_path: Path) -> None:
    """The fault stands among all others of the file."""
    shipped = ROOT / "config"
    text = (shipped / "sites/demo.toml").read_text()
    (tmp_path / "shop.toml").write_text(f'frames = ["{ADS}", "null"]\n{text}')
    sites, problems = read_sites(tmp_path, load_locales(shipped / "locales"))

    assert not sites
    assert [problem.key for problem in problems] == ["frames[#2]"]


def boot_script(folder: Path, **members: object) -> str:
    """The boot script of the demo site with these members."""
    with running(folder, site=msgspec.structs.replace(demo_site(), **members)) as service:
        return service.client.get("/s/demo.js").text


def test_a_site_that_lists_frames_brings_the_part_and_the_list(tmp_path: Path) -> None:
    """Within the boot script, so that it is there before anything is decided."""
    script = boot_script(tmp_path, frames=(ADS,))

    assert '["frames",{"origins":["https://ads.example"]}]' in script
    assert ',"frames":()=>' in script


def test_a_site_that_lists_none_answers_nobody(tmp_path: Path) -> None:
    """No part, no listener."""
    script = boot_script(tmp_path)

    assert '"frames"' not in script


def test_the_app_is_spoken_to_only_where_the_site_says_so(tmp_path: Path) -> None:
    """``native`` brings the bridge, and nothing else does."""
    assert '["native",{}]' in boot_script(tmp_path / "on", native=True)
    assert '"native"' not in boot_script(tmp_path / "off")


def test_the_frames_script_is_the_same_for_everybody(service: Service) -> None:
    """It is public, short-lived, readable across origins, and says nothing of who asked."""
    answer = service.client.get("/frame.js", headers={"sec-gpc": "1", "cookie": "holdfire_demo=x"})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "set-cookie" not in answer.headers
    assert answer.content == (ROOT / "static/dist/frame.js").read_bytes()


@pytest.mark.parametrize("coding", ["br", "gzip"])
def test_the_frames_script_is_ready_compressed(service: Service, coding: str) -> None:
    """Each coding is the same script, under a tag of its own."""
    plain = service.client.get("/frame.js", headers={"accept-encoding": "identity"})
    packed = service.client.get("/frame.js", headers={"accept-encoding": coding})

    assert packed.headers["content-encoding"] == coding
    assert packed.content == plain.content  # the client has unpacked it
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert packed.headers["etag"] != plain.headers["etag"]


def test_a_frames_script_that_is_known_is_not_sent_again(service: Service) -> None:
    """304 for its tag, under whatever query it is asked for."""
    first = service.client.get("/frame.js")
    again = service.client.get(
        "/frame.js?v=2", headers={"if-none-match": first.headers["etag"], "origin": ORIGIN}
    )

    assert again.status_code == 304
    assert again.content == b""


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_written_to_it(service: Service, method: str) -> None:
    """It is read, and that is all."""
    assert service.client.request(method, "/frame.js").status_code == 405
