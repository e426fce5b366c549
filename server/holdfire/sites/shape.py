"""What a site file may say, before it has been checked against itself and the locales.

name = "Fernweh Supply"
origins = ["https://shop.example"]
default_language = "en"
languages = ["en", "de"]
policy_version = "1"
overlays = ["us-ca-cipa"]
ask_age = true

[banner]
layout = "bar"

[banner.light]
accent = "#173a5e"

[attestations]
analytics_exempt = true

[retention]
subject_days = 30

[csp]
img-src = ["'self'", "https://img.shop.example", "data:"]

[links]
privacy_policy = "https://shop.example/privacy"

[controller]
name = "Fernweh Supply GmbH"
contact = "Data protection officer"
email = "privacy@shop.example"
phone = "+49 30 5550100"
jurisdiction = "DE"
rights = "https://shop.example/your-data"

[controller.address]
street = "Seestraße 4"
postal_code = "13347"
locality = "Berlin"
country = "DE"

[[category]]
id = "necessary"

[[category]]
id = "analytics"

[[category]]
id = "loyalty"
standard = "marketing"
sale = true

[[service]]
id = "posthog"
name = "PostHog"
category = "analytics"
legal_basis = "consent"
recipients = ["PostHog Inc."]
hosts = ["*.posthog.com"]
cookies = [{ name = "ph_*", purpose = "Tells visits apart.", lifetime = "1 year" }]

[service.text]
en = "Counts visits."
de = "Zählt Besuche."

[texts.en]
"category.loyalty.title" = "Loyalty card"
"category.loyalty.text" = "Points for what you buy."

[texts.de]
"category.loyalty.title" = "Kundenkarte"
"category.loyalty.text" = "Punkte für jeden Einkauf."
"""

import re
from typing import Annotated, get_args

import msgspec

from holdfire.law import Value
from holdfire.model import (
    Attestations,
    Controller,
    Csp,
    Intercept,
    Look,
    Retention,
    Service,
    Standard,
)
from holdfire.sites.adapters import Adapters

ID = re.compile(r"[a-z0-9-]{1,64}")  # of a site, a category or a service

STANDARDS: tuple[Standard, ...] = get_args(Standard)


class CategoryEntry(Value, frozen=True):
    """One ``[[category]]``; ``standard`` may be left out where the id is a standard one."""

    id: str
    standard: Standard | None = None
    sale: bool = False
    sensitive: bool = False


def standard_of(category: CategoryEntry) -> Standard | None:
    """The kind of use that the law knows a category by; ``None`` if the file does not say."""
    return category.standard or next((s for s in STANDARDS if s == category.id), None)


class Links(Value, frozen=True):
    """Pages of the site that the notice links to."""

    privacy_policy: str = ""
    cookie_policy: str = ""
    imprint: str = ""
    terms: str = ""


class SiteFile(Value, frozen=True):
    """One file of ``config/sites/``; its name is the id of the site."""

    name: str
    origins: tuple[str, ...]
    default_language: str
    categories: tuple[CategoryEntry, ...] = msgspec.field(name="category")
    languages: tuple[str, ...] = ()  # none: the default language only; "*": all there are
    policy_version: str = "1"
    choice_days: Annotated[int, msgspec.Meta(ge=1, le=730)] | None = None  # none: the regime's
    overlays: tuple[str, ...] = ()  # of config/regimes/overlays.toml
    ask_age: bool = False
    frames: tuple[str, ...] = ()
    native: bool = False
    debug: bool = False
    sisters: tuple[str, ...] = ()
    intercept: Intercept = Intercept()
    adapters: Adapters = Adapters()
    banner: Look = Look()
    attestations: Attestations = Attestations()
    retention: Retention = Retention()
    csp: Csp | None = None
    links: Links = Links()
    controller: Controller = Controller()
    services: tuple[Service, ...] = msgspec.field(default=(), name="service")
    texts: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)

    @property
    def offered(self) -> tuple[str, ...]:
        """The languages the notice is offered in."""
        return self.languages or (self.default_language,)

    @property
    def category_texts(self) -> set[str]:
        """The keys of the texts that every category needs."""
        ids = [c.id for c in self.categories if ID.fullmatch(c.id)]
        return {f"category.{key}.{part}" for key in ids for part in ("title", "text")}
