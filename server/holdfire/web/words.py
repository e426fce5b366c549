"""What the interface says: the texts of one language, the site's pages and its services.

All of it is in modules of its own, fetched when somebody looks closer: the words of the preference
centre, `/assets/words-{site}-{language}.{hash}.js`, and those that few ever open, `/assets/more-…`.
The few texts of the first layer travel inside the boot script of who is to be asked.

    export const words={"language": "de", "direction": "ltr", "texts": {…}, "urls": {…}, …}
"""

import hashlib
from collections.abc import Mapping

import msgspec

from holdfire.law import Value
from holdfire.model import CookieUse, LegalBasis, Rules, Service, Signals, Site, in_language

DIGITS = 8
LATER = ("age.", "history.", "action.", "receipt.", "held.")
"""The beginnings of the keys of what few visitors ever open."""


class Use(Value, frozen=True):
    """A cookie, storage key or database, in one language; with its host where that is another's."""

    name: str
    purpose: str
    lifetime: str


class Disclosed(Value, frozen=True):
    """What a visitor is told of a service: GDPR Art 13(1)(c), (e); CJEU C-673/17 §81."""

    id: str
    name: str
    category: str
    text: str
    provider: str
    policy: str
    legal_basis: LegalBasis
    recipients: tuple[str, ...]
    cookies: tuple[Use, ...]
    storage: tuple[Use, ...]


class Words(Value, frozen=True):
    """All that the interface says in one language; or, with fewer texts, all that it says first."""

    language: str
    direction: str
    texts: Mapping[str, str]
    urls: Mapping[str, str]
    services: tuple[Disclosed, ...]
    languages: Mapping[str, str]  # the others there are, by their own names
    more: bool  # whether there are other languages


def every_word(site: Site, language: str) -> dict[str, Words]:
    """All that is said in one language of the site, by the name of its module."""
    texts = site.texts[language]
    words = Words(
        language=language,
        direction=texts["language.direction"],
        texts={key: text for key, text in texts.items() if not key.startswith(LATER)},
        urls=site.links,
        services=tuple(_disclosed(service, language) for service in site.services),
        languages={tag: said["language.name"] for tag, said in site.texts.items()},
        more=len(site.texts) > 1,
    )
    later = {key: text for key, text in texts.items() if key.startswith(LATER)}
    more = msgspec.structs.replace(words, texts=later, urls={}, services=(), languages={})
    return {"words": words, "more": more}


def first_words(site: Site, language: str, rules: Rules, said: Signals) -> Words:
    """What the first layer says under these rules to a browser that said this."""
    texts = site.texts[language]
    spoken = _spoken(site, rules, said)
    return Words(
        language=language,
        direction=texts["language.direction"],
        texts={key: text for key, text in texts.items() if key.startswith(spoken)},
        urls=site.links,
        services=(),
        languages={},
        more=len(site.texts) > 1,
    )


def _spoken(site: Site, rules: Rules, said: Signals) -> tuple[str, ...]:
    """The beginnings of the keys of the first layer."""
    notice = rules.surface == "notice" or rules.model == "none"
    keys = [f"banner.{part}.{'notice' if notice else rules.model}" for part in ("title", "body")]
    keys += ["language.", "link.manage", *(f"link.{name}" for name in site.links)]
    if notice:
        keys += ["button.acknowledge", "button.settings", "saved.acknowledge"]
    else:
        keys += ["button.accept_all", "button.reject_all", "button.settings"]
        keys += ["saved.accept_all", "saved.reject_all"]
    if rules.close:
        keys += ["button.close_refuse"]
    if said.gpc or said.dnt:
        keys += ["signal.", "status."]
        keys += [f"category.{rule.id}.title" for rule in rules.categories if rule.gpc or rule.dnt]
    return tuple(keys)


def module(words: Words) -> bytes:
    """The words as the page imports them."""
    return b"export const words=" + escaped(words) + b";\n"


def escaped(value: object) -> bytes:
    """JSON that may stand in a script.

    "<" cannot end ours early, which is a file of its own. It is escaped all the same, for whoever
    inlines the answer into a page.
    """
    return msgspec.json.encode(value).replace(b"<", b"\\u003c")


def said_in(site: Site, language: str) -> bytes:
    """All that is said in one language of the site: its modules, one after the other, a line each."""
    return b"".join(module(words) for words in every_word(site, language).values())


def digests(site: Site) -> tuple[str, dict[str, str]]:
    """Hashes of what the site says: 8 hex digits for all languages, SHA-256 in hex for each."""
    said = hashlib.sha256()
    each = {}
    for language in site.texts:
        body = said_in(site, language)
        said.update(body)
        each[language] = hashlib.sha256(body).hexdigest()
    return said.hexdigest()[:DIGITS], each


def _disclosed(service: Service, language: str) -> Disclosed:
    return Disclosed(
        id=service.id,
        name=service.name,
        category=service.category,
        text=in_language(service.text, language),
        provider=service.provider,
        policy=service.policy,
        legal_basis=service.legal_basis,
        recipients=service.recipients,
        cookies=tuple(_use(use, language) for use in service.cookies),
        storage=tuple(_use(use, language) for use in (*service.storage, *service.databases)),
    )


def _use(use: CookieUse, language: str) -> Use:
    name = f"{use.name} ({use.host})" if use.host else use.name
    return Use(name, in_language(use.purpose, language), use.lifetime)
