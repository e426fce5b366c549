"""What a visitor saw, drawn again from what is kept, after all of it was changed."""

import base64
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser

from holdfire.model import Colours, Look, Site
from holdfire.sites.version import notice_version
from house import ROOT, Service, demo_site, running

RED, BLUE = "#aa0011", "#1122cc"
OLD, NEW = "Bleiben Sie noch ein wenig", "Ganz andere Worte"
PIXELS = """\
async ([png, colour]) => {
  const picture = new Image();
  picture.src = `data:image/png;base64,${png}`;
  await picture.decode();
  const canvas = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  canvas.drawImage(picture, 0, 0);
  const { data } = canvas.getImageData(0, 0, picture.width, picture.height);
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  let found = 0;
  for (let i = 0; i < data.length; i += 4)
    if (data[i] === r && data[i + 1] === g && data[i + 2] === b) found++;
  return found;
}
"""


def dressed(title: str, colour: str) -> Site:
    """The demo site with its first layer's German title and its colour changed."""
    site = demo_site()
    words = {**site.texts["de"], "banner.title.opt_in": title, "preferences.body": title}
    look = Look(light=Colours(accent=colour))
    return msgspec.structs.replace(site, look=look, texts={**site.texts, "de": words})


def rebuilt(folder: Path) -> Path:
    """A build of the SDK that says other things, under another hash."""
    static = folder / "static"
    shutil.copytree(ROOT / "static", static)
    dist = static / "dist"
    manifest = json.loads((dist / "manifest.json").read_text())
    old, manifest["sdk"] = manifest["sdk"], "0123abcd"
    for file in list(dist.glob(f"*.{old}.js")):
        file.rename(dist / file.name.replace(old, manifest["sdk"]))
    (dist / "manifest.json").write_text(json.dumps(manifest))
    core = dist / "core.js"
    core.write_text(core.read_text() + "\n;console.log('another build')")
    return static


@dataclass
class Shown:
    """What ``records show`` said and drew."""

    code: int
    told: dict[str, Any]
    stderr: str
    picture: Path

    @property
    def digests(self) -> dict[str, str]:
        """What the visitor had before them."""
        found: dict[str, str] = self.told["evidence"]["shown"]
        return found

    def wrong(self) -> list[str]:
        """What does not match."""
        return [check["what"] for check in self.told["checks"] if check["holds"] is False]


def show(folder: Path, event: str) -> Shown:
    """Run the command as an operator does, without any configuration of the site."""
    picture = folder / f"{event}.png"
    environment = {
        "HOLDFIRE_DATABASE": f"sqlite:///{folder}/holdfire.db",
        "HOLDFIRE_DATA_DIR": str(folder / "var"),
        "HOLDFIRE_SITES_DIR": str(folder / "nowhere"),
    }
    command = ["records", "show", event, "--json", "--render", str(picture)]
    ran = subprocess.run(
        [sys.executable, "-m", "holdfire", *command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.stdout, ran.stderr
    return Shown(ran.returncode, json.loads(ran.stdout), ran.stderr, picture)


def act(service: Service, query: str = "?geo=DE", **members: Any) -> str:
    """A new visitor refuses; the event id."""
    service.client.cookies.clear()
    headers = members.pop("headers", {})
    choice = service.choice("reject_all", **{"language": "de", **members})
    answer = service.post(choice, query=query, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(choice["event_id"])


def coloured(browser: Browser, picture: Path, colour: str) -> bool:
    """Whether a picture has a good deal of a colour."""
    page = browser.new_page()
    try:
        png = base64.b64encode(picture.read_bytes()).decode()
        count: int = page.evaluate(PIXELS, [png, colour])
    finally:
        page.close()
    return count > 500


def test_what_was_seen_is_drawn_after_everything_changed(browser: Browser, tmp_path: Path) -> None:
    """Words, colours and SDK of then, and every digest matches; the next visitor sees the new."""
    with running(tmp_path, site=dressed(OLD, RED)) as service:
        before = act(service)
    static = rebuilt(tmp_path)
    with running(tmp_path, site=dressed(NEW, BLUE), static_dir=str(static)) as service:
        after = act(service)
    old, new = show(tmp_path, before), show(tmp_path, after)

    assert (old.code, old.wrong(), old.stderr) == (0, [], "")
    assert (new.code, new.wrong(), new.stderr) == (0, [], "")
    assert OLD in old.told["words"]
    assert NEW not in old.told["words"]
    assert NEW in new.told["words"]
    for name in ("texts", "config", "sdk", "boot"):
        assert old.digests[name] != new.digests[name]
    assert coloured(browser, old.picture, RED)
    assert not coloured(browser, old.picture, BLUE)
    assert coloured(browser, new.picture, BLUE)


def test_the_preference_centre_is_drawn_for_who_acted_in_it(tmp_path: Path) -> None:
    """All of it, of a site that is not configured any more, and nothing else is asked for."""
    with running(tmp_path, site=dressed(OLD, RED)) as service:
        event = act(service, layer=2, control="reject_all")
        words = service.site.texts["de"]
    with running(tmp_path, site=msgspec.structs.replace(demo_site(), id="another")):
        pass
    found = show(tmp_path, event)

    assert (found.code, found.wrong(), found.stderr) == (0, [], "")
    for key in ("preferences.body", "category.analytics.text", "button.save"):
        assert words[key] in found.told["words"]


def test_the_signals_of_then_are_sent_again(tmp_path: Path) -> None:
    """A banner that spoke of GPC speaks of it again, in its own direction of writing."""
    with running(tmp_path) as service:
        event = act(service, language="ar", headers={"sec-gpc": "1"})
        site = service.site
    found = show(tmp_path, event)
    begins, _, _ = site.texts["ar"]["signal.gpc"].partition("{")

    assert (found.code, found.wrong(), found.stderr) == (0, [], "")
    assert begins.strip() in found.told["words"]


def test_a_page_that_was_kept_open_is_drawn_as_it_was(tmp_path: Path) -> None:
    """The notice that the page says it showed is drawn, not the one that was current by then."""
    first = dressed(OLD, RED)
    version = notice_version(first.id, first.categories, first.services, "2")
    second = msgspec.structs.replace(dressed(NEW, BLUE), version=version)
    with running(tmp_path, site=first) as service:
        act(service)
    with running(tmp_path, site=second) as service:
        event = act(service, notice_version=first.version)
    found = show(tmp_path, event)

    assert (found.code, found.wrong()) == (0, [])
    assert found.told["older"]["version"] == first.version != second.version
    assert OLD in found.told["words"]


@pytest.mark.parametrize("query", ["?geo=US-CA", pytest.param("?geo=AU", marks=pytest.mark.long)])
def test_what_does_not_come_by_itself_is_opened(tmp_path: Path, query: str) -> None:
    """Under laws that do not ask, the layer that was used is drawn all the same."""
    with running(tmp_path) as service:
        event = act(service, query)
    found = show(tmp_path, event)

    assert (found.code, found.wrong(), found.stderr) == (0, [], "")
    assert found.told["words"]
