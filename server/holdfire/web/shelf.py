"""What pages load, ready to be sent: a request picks a byte string and never renders one.

The shelf is filled in the background after the start, first with what is quick to compress, so
that nobody waits, then with what is smallest. What is asked for before its time is made once.
"""

import gzip
import hashlib
import queue
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import brotli
import msgspec

from holdfire.canonical import canonical
from holdfire.errors import ConfigError, Problem
from holdfire.law import Regime
from holdfire.model import Site
from holdfire.web.boot import Asked, Build, render
from holdfire.web.words import digests, every_word, module

QUICK, SMALLEST = 5, 11  # brotli qualities: 5 ms and 90 ms for one script, 8 % apart
SHELF = 1_024  # scripts kept, 25 to 60 KB each


@dataclass(frozen=True, slots=True)
class Served:
    """One body in every encoding we speak, and its SHA-256 in hex."""

    digest: str
    identity: bytes
    br: bytes
    gzip: bytes

    @classmethod
    def of(cls, body: bytes, quality: int = SMALLEST) -> "Served":
        """Compress once: it is read many times."""
        return cls(
            digest=hashlib.sha256(body).hexdigest(),
            identity=body,
            br=brotli.compress(body, mode=brotli.MODE_TEXT, quality=quality),
            gzip=gzip.compress(body, 9, mtime=0),
        )

    @property
    def etag(self) -> str:
        """The tag that names it."""
        return self.digest[:20]

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

    sdk: str
    chunks: tuple[str, ...]
    inlined: tuple[str, ...]


class Shelf:
    """The boot scripts, the chunks beside them, and the words of every site."""

    def __init__(self, dist: Path, sites: Collection[Site] = ()) -> None:
        """Read the build. Raises ``ConfigError`` if the SDK has not been built."""
        try:
            manifest = msgspec.json.decode((dist / "manifest.json").read_bytes(), type=Manifest)
            self._build = Build(
                sdk=manifest.sdk,
                core=(dist / "core.js").read_bytes().rstrip(),
                inlined={
                    name: (dist / f"{name}.inline.js").read_bytes() for name in manifest.inlined
                },
            )
            names = [f"{name}.{manifest.sdk}.js" for name in manifest.chunks]
            self._chunks = {name: (dist / name).read_bytes() for name in names}
            self.frame = Served.of((dist / "frame.js").read_bytes())
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(
                (Problem(str(dist), "manifest.json", "the SDK is not built", "run: make setup"),)
            ) from error
        self.sdk = manifest.sdk
        self._assets: dict[str, Served] = {}
        hashed = {site.id: digests(site) for site in sites}
        self._digests = {key: short for key, (short, _) in hashed.items()}
        self.said = {key: each for key, (_, each) in hashed.items()}  # SHA-256 by language
        self._words = {
            f"{part}-{site.id}-{language}.{self._digests[site.id]}.js": (site, language, part)
            for site in sites
            for language in site.texts
            for part in ("words", "more")
        }
        self._made: dict[object, tuple[Regime, Served]] = {}
        # What was only compressed quickly, for the thread that has the time; ``None`` ends it.
        self._rough: queue.SimpleQueue[Asked | None] | None = None

    def build(self) -> bytes:
        """The whole build, as one text that is the same for the same build."""
        return canonical(
            {
                "sdk": self.sdk,
                "core": self._build.core.decode(),
                "frame": self.frame.identity.decode(),
                "chunks": {name: text.decode() for name, text in self._chunks.items()},
                "inlined": {name: text.decode() for name, text in self._build.inlined.items()},
            }
        )

    def asset(self, name: str) -> Served | None:
        """A chunk, or the words of a site in one language; ``None`` for any other name."""
        held = self._assets.get(name)
        if held is not None:
            return held
        if name in self._words:
            site, language, part = self._words[name]
            body = module(every_word(site, language)[part])
        elif name in self._chunks:
            body = self._chunks[name]
        else:
            return None
        self._assets[name] = Served.of(body)
        return self._assets[name]

    def pick(self, asked: Asked) -> Served:
        """The boot script."""
        held = self._made.get(asked.key)
        # The entry holds the regime, so that no other can come to have its identity.
        if held is not None and held[0] is asked.regime:
            return held[1]
        words = self._digests[asked.site.id]
        served = Served.of(render(self._build, asked, words), QUICK)
        if len(self._made) >= SHELF:
            self._made.clear()
        self._made[asked.key] = (asked.regime, served)
        if self._rough is not None:
            self._rough.put(asked)
        return served

    def fill(self, wanted: Sequence[Asked]) -> None:
        """Make what is likely to be asked for, then make smaller what was asked for.

        Runs in a thread of its own, until ``stop``.
        """
        self._rough = queue.SimpleQueue()
        for name in self._chunks:
            self.asset(name)
        for asked in wanted:
            if self._stopped:
                return
            self.pick(asked)
        while not self._stopped and (rough := self._rough.get()) is not None:
            held = self._made.get(rough.key)
            if held is not None:
                self._made[rough.key] = (held[0], Served.of(held[1].identity))

    def stop(self) -> None:
        """Let a filling thread end at the next script, so that a stopping server does not wait."""
        self._stopped = True
        if self._rough is not None:
            self._rough.put(None)

    _stopped = False


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
