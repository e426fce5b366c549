"""The gallery: every surface of the interface, live, in every theme, language and width.

``GET /gallery`` is the page, ``GET /gallery/scene`` one frame of it. The frames' sites are variants
of the demo site, served by the service like any other. A frame is a browser of its own: its script
keeps nothing (``static/demo/gallery-scene.js``), and ``/gallery/in/{language}/…`` is the service as
it answers a browser that speaks this language and has never been here.
"""

import re
import secrets
from collections.abc import Mapping
from html import escape
from itertools import product
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

from holdfire.demo.page import html_response
from holdfire.errors import BadQuery, NotFound
from holdfire.ground import ground
from holdfire.model import Colours, Look, Signals, Site, Visitor
from holdfire.rules import links
from holdfire.web.house import house_of
from holdfire.web.request import place

LOOKS = {
    "demo-box": Look(),
    "demo-bar": Look(layout="bar"),
    "demo-dialog": Look(layout="dialog"),
    "demo-blocking": Look(layout="dialog", blocking=True),
    "demo-headless": Look(layout="headless"),
    "demo-age": Look(),
    "demo-colours": Look(
        light=Colours(
            bg="#fdf6ff", fg="#2b1538", accent="#6b2a8c", on_accent="#fff", soft="#f1e4f7"
        ),
        dark=Colours(
            bg="#1d1424", fg="#f3e9f8", accent="#dcb3f0", on_accent="#2b1538", soft="#2b2034"
        ),
    ),
}
"""The variants, by the ids of their sites."""


class Surface(NamedTuple):
    """One thing that visitors meet, and how to come to see it."""

    name: str
    about: str
    site: str = "demo-box"
    geo: str = "DE"
    page: str = "plain"  # static/demo/gallery-{page}.html
    step: str = ""  # what gallery-scene.js does first
    signal: str = ""  # what the browser says by itself


SURFACES = {
    "box": Surface("Box", "The question where the law wants a permission first."),
    "bar": Surface("Bar", "The same along the lower edge.", site="demo-bar"),
    "dialog": Surface("Dialog", "In the middle; the page stays usable.", site="demo-dialog"),
    "blocking": Surface("Dialog that blocks", "The page waits for it.", site="demo-blocking"),
    "notice": Surface("Notice", "Where telling is enough: Australia.", geo="AU"),
    "close": Surface("Close and refuse", "The control that Italy asks for.", geo="IT"),
    "signal": Surface("Signal heard", "The browser sends GPC: the question says so.", signal="gpc"),
    "age": Surface("Age question", "For sites that need it; here, Britain.", "demo-age", "GB"),
    "settings": Surface("Preference centre", "The second layer.", step="settings"),
    "embedded": Surface(
        "Preference centre, embedded", "In a privacy page.", page="embed", step="refuse"
    ),
    "way-back": Surface("Way back", "Settings, and withdrawal in one press.", step="accept"),
    "opt-out-link": Surface("Opt-out link", "The page's own link.", geo="US-CA", page="link"),
    "opt-out-pill": Surface("Opt-out pill", "Where a page has no link of its own.", geo="US-CA"),
    "opt-out": Surface("Opt-out panel", "Behind link and pill.", geo="US-CA", step="settings"),
    "opt-out-status": Surface(
        "Opt-out honoured", "California, with GPC.", geo="US-CA", signal="gpc"
    ),
    "held": Surface("Placeholders", "A film and a map, held back.", page="held", step="refuse"),
    "colours": Surface("Colours of the site's file", "Light and dark.", site="demo-colours"),
    "headless": Surface("Headless", "The site draws it.", "demo-headless", page="headless"),
}
THEMES = {"light": "Light", "dark": "Dark", "site": "A site's colours"}
WIDTHS = {"phone": "Phone, 390 px", "narrow": "Narrow, 320 px", "desktop": "Desktop, 1280 px"}
FEW = ("en", "de", "fr", "ar", "ja")
EVERY = "all"

OWN = "demo"  # the shop, whose origin the gallery shares
NONCE = "__NONCE__"
SCENE_POLICY = (
    f"default-src 'self'; script-src 'self' 'nonce-{NONCE}'; frame-src __THIRD__; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "require-trusted-types-for 'script'"
)
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Scene(NamedTuple):
    """What one frame shows; also its query."""

    surface: str
    theme: str
    language: str


def variants(site: Site) -> dict[str, Site]:
    """The gallery's own sites, by id. An origin has one site, so theirs are no real ones."""
    return {
        name: msgspec.structs.replace(
            site,
            id=name,
            origins=(f"http://{name}.invalid",),
            look=look,
            ask_age=name == "demo-age",
        )
        for name, look in LOOKS.items()
    }


def gallery(static: Path, third: str) -> list[BaseRoute]:
    """The page at ``/gallery`` and its frames.

    ``static`` is the folder that holds ``demo/``, ``third`` the origin of the third party.
    """
    folder = static / "demo"

    def text_of(name: str) -> str:
        return (
            (folder / f"gallery{name}.html").read_text(encoding="utf-8").replace("__THIRD__", third)
        )

    template, frame = text_of(""), text_of("-scene")
    pages = {name: text_of(f"-{name}") for name in {s.page for s in SURFACES.values()}}
    policy = SCENE_POLICY.replace("__THIRD__", third)

    async def page(request: Request) -> Response:
        tongues = _tongues(request)
        offered = {
            "surface": {EVERY: "All", **{key: s.name for key, s in SURFACES.items()}},
            "theme": {EVERY: "All", **THEMES},
            "language": {EVERY: "A few", **tongues},
            "width": WIDTHS,
        }
        first = {"surface": EVERY, "theme": EVERY, "language": "en", "width": "phone"}
        wanted = first | _query(request, offered)
        return html_response(_filled(template, offered, wanted), PAGE_POLICY, framed=True)

    async def scene(request: Request) -> Response:
        offered: dict[str, Mapping[str, object]] = {
            "surface": SURFACES,
            "theme": THEMES,
            "language": _tongues(request),
        }
        found = _query(request, offered)
        if len(found) != len(offered):
            raise BadQuery("A scene needs a surface, a theme and a language.")
        nonce = secrets.token_urlsafe(16)
        drawn = _drawn(request, Scene(**found), frame, pages)
        return html_response(drawn.replace(NONCE, nonce), policy.replace(NONCE, nonce), framed=True)

    return [
        Route("/gallery", page),
        Route("/gallery/scene", scene),
        Mount("/gallery/in/{language}", _service_in),
    ]


async def _service_in(scope: Scope, receive: Receive, send: Send) -> None:
    """The service, for a browser that speaks one language; a boot script is for a first visit."""
    request = Request(scope)
    language = request.path_params["language"]
    rest = scope["path"].removeprefix(f"/gallery/in/{language}")
    if language not in _tongues(request):
        raise NotFound("The gallery does not speak this language.")
    headers = [(b"accept-language", language.encode("ascii"))]
    for name, value in scope["headers"]:
        if name == b"origin":
            headers.append((name, _moved_in(request, rest, value)))
        elif name != b"accept-language" and not (name == b"cookie" and rest.startswith("/s/")):
            headers.append((name, value))
    inner = {**scope, "headers": headers, "path": rest, "raw_path": rest.encode()}
    await scope["app"].router({**inner, "root_path": "", "path_params": {}}, receive, send)


def _moved_in(request: Request, path: str, origin: bytes) -> bytes:
    """The origin of a variant for a request of ours to it; any other stays, to be refused."""
    sites = house_of(request).ctx.sites
    called = re.match(r"/v1/sites/([\w-]+)/", path)
    if called and called[1] in LOOKS and origin.decode("latin-1") in sites[OWN].origins:
        return sites[called[1]].origins[0].encode("ascii")
    return origin


def _tongues(request: Request) -> dict[str, str]:
    """The languages there are, by their own names, the few most shown first."""
    texts = house_of(request).ctx.sites["demo-box"].texts
    order = (*FEW, *sorted(set(texts) - set(FEW)))
    return {tag: texts[tag]["language.name"] for tag in order}


def _query(request: Request, offered: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """The query, of offered values only. Raises ``BadQuery``."""
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in found or value not in offered.get(name, {}):
            raise BadQuery("A parameter is unknown, is given twice, or has no such value.")
        found[name] = value
    return found


def _filled(
    template: str, offered: Mapping[str, Mapping[str, str]], wanted: Mapping[str, str]
) -> str:
    """The page, with the filters as they are set and a frame for each scene they let through."""
    every = {"surface": tuple(SURFACES), "theme": tuple(THEMES), "language": FEW}
    chosen = {
        name: values if wanted[name] == EVERY else (wanted[name],) for name, values in every.items()
    }
    sections = []
    for key in chosen["surface"]:
        scenes = [Scene(key, *rest) for rest in product(chosen["theme"], chosen["language"])]
        shown = "\n".join(
            _framed(s, wanted["width"], offered["language"][s.language]) for s in scenes
        )
        surface = SURFACES[key]
        sections.append(
            f'<section class="surface" aria-labelledby="{key}"><h2 id="{key}">{surface.name}</h2>'
            f'<p>{surface.about}</p><ul class="frames">\n{shown}\n</ul></section>'
        )
    number = len(sections) * len(chosen["theme"]) * len(chosen["language"])
    filters = "\n".join(_filter(name, values, wanted[name]) for name, values in offered.items())
    count = "1 scene." if number == 1 else f"{number} scenes."
    filled = template.replace("__FILTERS__", filters).replace("__COUNT__", count)
    return filled.replace("__SCENES__", "\n".join(sections))


def _filter(name: str, values: Mapping[str, str], wanted: str) -> str:
    """One list to choose from; each language stands in itself."""
    options = ""
    for value, label in values.items():
        tongue = f' lang="{value}"' if name == "language" and value != EVERY else ""
        chosen = " selected" if value == wanted else ""
        options += f'<option value="{value}"{tongue}{chosen}>{escape(label)}</option>'
    return f'<label>{name.title()}<select name="{name}">{options}</select></label>'


def _framed(scene: Scene, width: str, language: str) -> str:
    """One frame with what it is, loaded when it is scrolled to."""
    address = escape(f"/gallery/scene?{urlencode(scene._asdict())}")
    theme = THEMES[scene.theme]
    name = escape(f"{SURFACES[scene.surface].name}, {theme}, {language}")
    return (
        f'<li><figure><div class="screen {width}">'
        f'<iframe loading="lazy" title="{name}" src="{address}"></iframe></div>'
        f'<figcaption><span>{theme}, <span lang="{scene.language}">{escape(language)}</span></span>'
        f'<a href="{address}" aria-label="Open alone: {name}">Open alone</a></figcaption></figure></li>'
    )


def _drawn(request: Request, scene: Scene, frame: str, pages: Mapping[str, str]) -> str:
    """The page in a frame, in the language and with the marks that its scripts go by."""
    surface = SURFACES[scene.surface]
    site = house_of(request).ctx.sites[surface.site]
    texts = site.texts[scene.language]
    body = re.sub(r"\{([\w.]+)\}", lambda key: escape(texts[key[1]]), pages[surface.page])
    marks = {
        "__PAGE__": body,
        "__LANGUAGE__": scene.language,
        "__DIRECTION__": texts["language.direction"],
        "__THEME__": scene.theme,
        "__STEP__": surface.step,
        "__SIGNAL__": surface.signal,
        "__SERVICE__": f"/gallery/in/{scene.language}",
        "__SITE__": site.id,
        "__GEO__": surface.geo,
        "__LABEL__": escape(_statutory(request, site, surface.geo)),
    }
    for mark, value in marks.items():
        frame = frame.replace(mark, value)
    return frame


def _statutory(request: Request, site: Site, geo: str) -> str:
    """The label the law wants on a page's own link, which is not translated."""
    ctx = house_of(request).ctx
    visitor = Visitor(location=place(geo), signals=Signals(), languages=(), address_prefix="")
    found = links(site, ground(ctx, site, visitor, ctx.clock()).resolution.regime)
    return found[0].label if found else ""
