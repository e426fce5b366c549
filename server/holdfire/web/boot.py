"""The boot script: all that a page needs to be under control, in one request.

    !function(HOLDFIRE_BOOT,HOLDFIRE_INLINED){ …the SDK core… }(
      { …this visitor's rules… }, {chunks: {…}, words: …, parts: […]});

The first line has a browser that knows it compile everything while it still downloads, off the
thread of the page: every function of this script is called while the page loads.

Who comes back with a choice needs no more than the core. To who is to be asked it brings the first
layer as well, with its texts: a second request would cost more time than the bytes do.
"""

import msgspec

from holdfire.law import ASKING, Regime, Value
from holdfire.model import Look, Rules, Signals, Site
from holdfire.rules import compile_rules, links
from holdfire.web.parts import chunks as part_chunks
from holdfire.web.parts import parts
from holdfire.web.words import Words, escaped, first_words

SILENCE = Signals()


class BootService(Value, frozen=True, omit_defaults=True):
    """What of a service the page goes by: to match it, and to clean up after it."""

    id: str
    category: str
    cookies: tuple[str, ...]
    storage: tuple[str, ...]
    databases: tuple[str, ...] = ()
    reload: bool = False


class BootLink(Value, frozen=True):
    """A link the law wants, with its statutory label."""

    id: str
    label: str
    icon: bool


class Boot(Value, frozen=True):
    """What the boot script hands to the SDK."""

    site: str
    version: str
    rules: Rules
    language: str
    services: tuple[BootService, ...]
    links: tuple[BootLink, ...]
    look: Look
    signals: Signals  # of this request's headers; silence where the answer is for anybody
    sdk: str  # in the name of every chunk
    words: str  # in the name of every table of words


class Asked(Value, frozen=True):
    """What a boot script is made for: it is the same for everyone of whom all of this holds."""

    site: Site
    regime: Regime
    language: str
    signals: Signals = SILENCE
    fresh: bool = False  # whether this may be a visitor who is to be asked

    @property
    def key(self) -> tuple[str, str, int, str, Signals, bool]:
        """What tells it from others. Whoever keeps it keeps the regime, lest its id be another's."""
        said = (self.language, self.signals, self.fresh)
        return (self.site.id, self.site.version, id(self.regime), *said)


class Build(msgspec.Struct):
    """What the SDK build made: its core, and the chunks that may travel inside the boot script."""

    sdk: str
    core: bytes
    inlined: dict[str, bytes]


def _inlined(asked: Asked, rules: Rules) -> tuple[str, ...]:
    """The chunks that come along: for who has not chosen yet, what makes acts and what asks."""
    if not asked.fresh:
        return ()
    layout = asked.site.look.layout
    if rules.surface not in ASKING or layout == "headless":
        return ("act",)
    return ("act", "banner") if layout == "box" else ("act", "banner", "layout")


def render(build: Build, asked: Asked, words_digest: str) -> bytes:
    """The boot script, as text. ``words_digest`` is that of the site's words."""
    site, regime = asked.site, asked.regime
    rules = compile_rules(site, regime)
    boot = Boot(
        site=site.id,
        version=site.version,
        rules=rules,
        language=asked.language,
        services=tuple(
            BootService(
                s.id,
                s.category,
                tuple(use.name for use in s.cookies if not use.host),
                tuple(use.name for use in s.storage),
                tuple(use.name for use in s.databases),
                s.reload,
            )
            for s in site.services
        ),
        links=tuple(BootLink(link.id, link.label, link.icon) for link in links(site, regime)),
        look=site.look,
        signals=asked.signals,
        sdk=build.sdk,
        words=words_digest,
    )
    turned_on = parts(site, rules)
    names = (*_inlined(asked, rules), *part_chunks(turned_on))
    chunks = {name: build.inlined[name] for name in names}
    words: Words | None = None
    if "banner" in chunks:
        words = first_words(site, asked.language, rules, asked.signals)
    # Without a prototype: no member that a page gave to all objects is taken for a chunk.
    members = b"".join(b',"' + name.encode() + b'":' + text for name, text in chunks.items())
    inlined = b"".join(
        (
            b"{chunks:{__proto__:null" + members,
            b"},words:" + escaped(words),
            b",parts:" + escaped(turned_on),
            b"}",
        )
    )
    return b"".join(
        (
            b"//# allFunctionsCalledOnLoad\n!function(HOLDFIRE_BOOT,HOLDFIRE_INLINED){",
            build.core,
            b"\n}(",
            escaped(boot),
            b",",
            inlined,
            b");\n",
        )
    )
