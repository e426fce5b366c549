"""The boot script: a prebuilt byte string for each (site version, regime, language).

    !function(HOLDFIRE_BOOT){ …the SDK core… }({ …this visitor's notice… });

A request picks a string; it never renders one. The shelf is filled in the background after the
start: first with what is quick to compress, so that nobody waits, then with what is smallest. A
request that comes before its string is ready makes it once.
"""

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import brotli
import msgspec

from holdfire.errors import ConfigError, Problem
from holdfire.law import Regime, Value
from holdfire.model import CookieUse, NoticeRegime, Rules, Signals, Site
from holdfire.rules import compile_rules, links

SILENCE = Signals()
QUICK, SMALLEST = 5, 11  # brotli qualities: 5 ms and 90 ms for one script, 8 % apart
SHELF = 2_048  # strings kept, 45 KB each; a site in two languages has 250 of them


class BootService(Value, frozen=True):
    """A service as the page needs to know it: to disclose it, to match it, to clean up after it."""

    id: str
    name: str
    category: str
    provider: str
    policy: str
    hosts: tuple[str, ...]
    cookies: tuple[CookieUse, ...]
    storage: tuple[CookieUse, ...]


class BootLink(Value, frozen=True):
    """A link the law wants, with its statutory label."""

    id: str
    label: str
    icon: bool


class Boot(Value, frozen=True):
    """What the boot script hands to the SDK."""

    site: str
    version: str
    regime: NoticeRegime
    language: str
    direction: str
    rules: Rules
    services: tuple[BootService, ...]
    links: tuple[BootLink, ...]
    urls: dict[str, str]
    texts: dict[str, str]
    signals: Signals  # of this request's headers; silence where the answer is for anybody
    banner: str
    sdk: str


@dataclass(frozen=True, slots=True)
class Served:
    """One body in every encoding we speak, and the tag that names it."""

    etag: str
    identity: bytes
    br: bytes
    gzip: bytes

    @classmethod
    def of(cls, body: bytes, quality: int = SMALLEST) -> "Served":
        """Compress once: it is read many times."""
        digest = hashlib.sha256(body).hexdigest()[:20]
        return cls(
            etag=digest,
            identity=body,
            br=brotli.compress(body, mode=brotli.MODE_TEXT, quality=quality),
            gzip=gzip.compress(body, 9, mtime=0),
        )

    def encoded(self, accept: str) -> tuple[bytes, str]:
        """The body in the best encoding the client accepts, and that encoding's name."""
        offered = accepted(accept)
        if "br" in offered:
            return self.br, "br"
        if "gzip" in offered:
            return self.gzip, "gzip"
        return self.identity, "identity"


class Manifest(msgspec.Struct):
    """What the SDK build wrote; members it also wrote for people are passed over."""

    core: str
    banner: str
    sdk: str


class Shelf:
    """The prebuilt boot scripts and the assets beside them."""

    def __init__(self, dist: Path) -> None:
        """Read the build. Raises ``ConfigError`` if the SDK has not been built."""
        try:
            manifest = msgspec.json.decode((dist / "manifest.json").read_bytes(), type=Manifest)
            self._core = (dist / manifest.core).read_bytes().rstrip()
            banner = (dist / manifest.banner).read_bytes()
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(
                (Problem(str(dist), "manifest.json", "the SDK is not built", "run: make setup"),)
            ) from error
        self.assets = {manifest.banner: Served.of(banner)}
        self.sdk = manifest.sdk
        self._banner = manifest.banner
        self._stopped = False
        self._made: dict[tuple[str, str, int, str, Signals], tuple[Regime, Served]] = {}

    def pick(self, site: Site, regime: Regime, language: str, signals: Signals = SILENCE) -> Served:
        """The script for one site, regime, language, and what the browser said."""
        key = (site.id, site.version, id(regime), language, signals)
        held = self._made.get(key)
        # The entry holds the regime, so that no other can come to have its identity.
        if held is not None and held[0] is regime:
            return held[1]
        served = Served.of(self._render(site, regime, language, signals), QUICK)
        if len(self._made) >= SHELF:
            self._made.clear()
        self._made[key] = (regime, served)
        return served

    def fill(self, wanted: Sequence[tuple[Site, Regime, str, Signals]]) -> None:
        """Make everything that may be asked for. Runs in a thread of its own, until ``stop``."""
        for site, regime, language, signals in wanted:
            if self._stopped:
                return
            self.pick(site, regime, language, signals)
        for site, regime, language, signals in wanted:
            if self._stopped:
                return
            quick = self.pick(site, regime, language, signals)
            key = (site.id, site.version, id(regime), language, signals)
            self._made[key] = (regime, Served.of(quick.identity))

    def stop(self) -> None:
        """Let a filling thread end at the next script, so that a stopping server does not wait."""
        self._stopped = True

    def _render(self, site: Site, regime: Regime, language: str, signals: Signals) -> bytes:
        texts = site.texts[language]
        boot = Boot(
            site=site.id,
            version=site.version,
            regime=NoticeRegime(id=regime.id, model=regime.model),
            language=language,
            direction=texts["language.direction"],
            rules=compile_rules(site, regime),
            services=tuple(
                BootService(
                    s.id, s.name, s.category, s.provider, s.policy, s.hosts, s.cookies, s.storage
                )
                for s in site.services
            ),
            links=tuple(BootLink(link.id, link.label, link.icon) for link in links(site, regime)),
            urls=site.links,
            texts=texts,
            signals=signals,
            banner=self._banner,
            sdk=self.sdk,
        )
        # "<" cannot end the script early: it is served as its own file. It is escaped all the
        # same, for whoever inlines this answer into a page.
        data = msgspec.json.encode(boot).replace(b"<", b"\\u003c")
        return b"!function(HOLDFIRE_BOOT){" + self._core + b"\n}(" + data + b");\n"


def accepted(header: str) -> set[str]:
    """The content codings a client accepts, by RFC 9110 §12.5.3; unreadable weights refuse."""
    found = set()
    for part in header[:256].split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        refused = any(
            p.replace(" ", "") in {"q=0", "q=0.0", "q=0.00", "q=0.000"} for p in parameters
        )
        if name and not refused:
            found.add(name)
    return found
