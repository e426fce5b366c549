"""What a site file may say of its adapters: one table for each that is turned on.

[adapters.google]
mode = "basic"
wait_for_update = 500
ads_data_redaction = true

[[adapters.google.regions]]
region = ["US-TX"]
granted = ["ad_storage", "analytics_storage"]

[adapters.meta]
ldu = true

[adapters.zaraz.purposes]
dQOe = "analytics"

What the tables say is made ready here for the page's half, ``sdk/src/adapters/``: nothing of it
depends on the visitor.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Literal

import msgspec

from holdfire.document import Document, nearest, within
from holdfire.law import Value
from holdfire.model import Service

Options = dict[str, object]
"""What an adapter is opened with: a JSON object."""

Signal = Literal[
    "ad_storage",
    "ad_user_data",
    "ad_personalization",
    "analytics_storage",
    "functionality_storage",
    "personalization_storage",
    "security_storage",
]
"""The seven of Google Consent Mode v2, in the order in which they are told."""

DENIED: dict[str, str] = dict.fromkeys(Signal.__args__, "denied") | {"security_storage": "granted"}  # type: ignore[attr-defined]  # a Literal has its values there

_REGION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")  # ISO 3166-2
_NAME = re.compile(r"[A-Za-z_$][\w$]{0,63}", re.ASCII)  # of a global of the page
_HOST = re.compile(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)+")


class Region(Value, frozen=True):
    """What Google's tags may do in some regions before they are told of the visitor."""

    region: tuple[str, ...]  # ISO 3166-2; the most specific that fits wins
    granted: tuple[Signal, ...]


class Google(Value, frozen=True):
    """Google Consent Mode v2."""

    mode: Literal["basic", "advanced"] = "basic"  # advanced: the tags run before consent
    wait_for_update: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 500  # milliseconds
    ads_data_redaction: bool = True
    url_passthrough: bool = False
    regions: tuple[Region, ...] = ()


class Meta(Value, frozen=True):
    """The Meta Pixel."""

    ldu: bool = False  # it runs limited where a sale is opposed, and does not stop


class Amazon(Value, frozen=True):
    """Amazon's consent signal."""

    country: str = "EU"  # of a visitor whose regime is not that of one country


class Adobe(Value, frozen=True):
    """The Adobe Experience Platform Web SDK."""

    version: Literal["1.0", "2.0"] = "2.0"
    instance: str = "alloy"  # its name on the page


class Segment(Value, frozen=True):
    """Twilio Segment. Without categories, those of its events are the kinds of use."""

    categories: dict[str, str] = msgspec.field(default_factory=dict)


class Matomo(Value, frozen=True):
    """Matomo."""

    cookies_only: bool = False  # it counts before consent, without cookies


class Piwik(Value, frozen=True):
    """Piwik PRO."""

    data_layer: str = "dataLayer"


class Headless(Value, frozen=True):
    """What a storefront has to tell that is not Shopify's own."""

    checkout_root_domain: str
    storefront_root_domain: str
    storefront_access_token: str  # the public one, which any page of the shop shows


class Shopify(Value, frozen=True):
    """Shopify's Customer Privacy API."""

    headless: Headless | None = None


class Tealium(Value, frozen=True):
    """Tealium iQ. Without categories there is one yes or no for all."""

    categories: dict[str, str] = msgspec.field(default_factory=dict)


class Zaraz(Value, frozen=True):
    """Cloudflare Zaraz, by the ids of its purposes."""

    purposes: dict[str, str]


class Event(Value, frozen=True):
    """One event for whoever listens. An empty name leaves that way out."""

    name: str = "consent_status"
    data_layer: str = "dataLayer"
    window_event: str = "consent_status"


class Plain(Value, frozen=True):
    """An adapter with nothing to set."""


class Adapters(Value, frozen=True, rename=lambda name: name.replace("_", "-")):
    """Those that a site turned on, in the order in which they are told."""

    google: Google | None = None
    microsoft_uet: Plain | None = None
    clarity: Plain | None = None
    meta: Meta | None = None
    tiktok: Plain | None = None
    pinterest: Plain | None = None
    reddit: Plain | None = None
    amazon: Amazon | None = None
    adobe: Adobe | None = None
    segment: Segment | None = None
    posthog: Plain | None = None
    matomo: Matomo | None = None
    piwik_pro: Piwik | None = None
    shopify: Shopify | None = None
    wordpress: Plain | None = None
    tealium: Tealium | None = None
    zaraz: Zaraz | None = None
    hubspot: Plain | None = None
    event: Event | None = None


NAMES = tuple(field.encode_name for field in msgspec.structs.fields(Adapters))


def _turned_on(adapters: Adapters) -> Iterator[tuple[str, Value]]:
    for field in msgspec.structs.fields(Adapters):
        if (table := getattr(adapters, field.name)) is not None:
            yield field.encode_name, table


# ---------------------------------------------------------------- what is wrong with them


def check_adapters(
    document: Document, adapters: Adapters, ids: tuple[str, ...], services: tuple[Service, ...]
) -> None:
    """Note what names nothing; ``ids`` are those of the site's categories and services."""
    for service in services:
        if service.adapter and service.adapter not in NAMES:
            what = f"there is no adapter {service.adapter!r}"
            document.fault(f"service[{service.id}].adapter", what, nearest(service.adapter, NAMES))
    for name, table in _turned_on(adapters):
        at = within("adapters", name)
        for key in ("categories", "purposes"):
            _mapping(document, within(at, key), getattr(table, key, {}), ids)
        for key in ("instance", "data_layer"):
            _global(document, within(at, key), getattr(table, key, ""))
        _own(document, at, table)


def _own(document: Document, at: str, table: Value) -> None:
    match table:
        case Google():
            _regions(document, table)
        case Amazon(country=code) if not re.fullmatch(r"[A-Z]{2}", code):
            document.fault(f"{at}.country", f"{code!r} is no country", 'write it like "DE"')
        case Adobe(instance=""):
            document.fault(f"{at}.instance", "is empty", "leave it out, or name the instance")
        case Zaraz(purposes=purposes) if not purposes:
            document.fault(f"{at}.purposes", "is empty", "name the purposes that Zaraz has")
        case Shopify(headless=Headless() as told):
            _headless(document, told)
        case _:
            pass


def _mapping(document: Document, at: str, names: Mapping[str, str], ids: tuple[str, ...]) -> None:
    for name, key in names.items():
        if key not in ids:
            what = f"there is no category or service {key!r}"
            document.fault(within(at, name), what, nearest(key, ids))


def _global(document: Document, at: str, name: str) -> None:
    if name and not _NAME.fullmatch(name):
        what = f"{name!r} is not the name of a variable"
        document.fault(at, what, 'write it as the page\'s scripts do, such as "dataLayer"')


def _regions(document: Document, google: Google) -> None:
    for place, entry in enumerate(google.regions, start=1):
        at = f"adapters.google.regions[#{place}]"
        if not entry.region:
            document.fault(f"{at}.region", "is empty", 'name regions, such as ["US-TX"]')
        if not entry.granted:
            document.fault(f"{at}.granted", "is empty", "name what is granted, or remove the entry")
        for nth, code in enumerate(entry.region, start=1):
            if not _REGION.fullmatch(code):
                what = f"{code!r} is no region of ISO 3166-2"
                document.fault(f"{at}.region[#{nth}]", what, 'write it like "US-TX" or "DE"')


def _headless(document: Document, headless: Headless) -> None:
    at = "adapters.shopify.headless"
    for key in ("checkout_root_domain", "storefront_root_domain"):
        if not _HOST.fullmatch(host := getattr(headless, key)):
            document.fault(
                f"{at}.{key}", f"{host!r} is not a domain", 'write it like "shop.example"'
            )
    if not headless.storefront_access_token:
        document.fault(f"{at}.storefront_access_token", "is empty", "copy it from Shopify")


# ---------------------------------------------------------------- what the page gets


def page_options(adapters: Adapters) -> dict[str, Options]:
    """The options of each adapter that is turned on, by its name; the visitor's are added later."""
    return {
        name: _MAKERS.get(type(table), _as_written)(table) for name, table in _turned_on(adapters)
    }


def _as_written(table: Value) -> Options:
    return msgspec.structs.asdict(table)


def _google(table: Google) -> Options:
    options: Options = {
        "defaults": (
            ("consent", "default", {**DENIED, "wait_for_update": table.wait_for_update}),
            *(
                ("set", key, True)
                for key in ("ads_data_redaction", "url_passthrough")
                if getattr(table, key)
            ),
        ),
        "regional": tuple(
            (
                "consent",
                "default",
                {**dict.fromkeys(entry.granted, "granted"), "region": entry.region},
            )
            for entry in table.regions
        ),
    }
    return options if table.mode == "basic" else {**options, "advanced": True}


def _shopify(table: Shopify) -> Options:
    told = table.headless
    if told is None:
        return {"headless": {}}
    return {
        "headless": {
            "headlessStorefront": True,
            "checkoutRootDomain": told.checkout_root_domain,
            "storefrontRootDomain": told.storefront_root_domain,
            "storefrontAccessToken": told.storefront_access_token,
        }
    }


def _named(key: str) -> Callable[[Value], Options]:
    return lambda table: {key: {name: (one,) for name, one in getattr(table, key).items()}}


_MAKERS: Mapping[type, Callable[..., Options]] = {
    Google: _google,
    Shopify: _shopify,
    Segment: _named("categories"),
    Tealium: _named("categories"),
    Zaraz: _named("purposes"),
}
