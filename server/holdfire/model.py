"""The vocabulary: frozen values that every other module speaks in.

Words are those of PROTOCOL.md §1. Nothing here does I/O, reads a clock or imports a higher module.
"""

from typing import Literal

import msgspec

from holdfire.law import (
    Confidence,
    ConflictRule,
    MinorEffect,
    Model,
    Prompt,
    State,
    Trigger,
    Value,
)

Source = Literal["override", "header", "database", "unknown"]
Quality = Literal["ok", "vpn", "tor", "hosting", "satellite"]
Standard = Literal["necessary", "functional", "analytics", "marketing"]
Action = Literal["accept_all", "reject_all", "save", "withdraw", "opt_out", "acknowledge"]
DecisionSource = Literal["cookie", "store", "default", "degraded"]
LegalBasis = Literal[
    "consent", "contract", "legal_obligation", "public_interest", "legitimate_interest"
]
Reason = Literal[
    "necessary",
    "choice_granted",
    "choice_denied",
    "gpc",
    "dnt",
    "default_granted",
    "default_denied",
    "exempt_granted",
    "minor",
    "sensitive_page",
    "choice_expired",
    "notice_changed",
    "unknown_service",
    "store_unavailable",
]


# ---------------------------------------------------------------- where the visitor is


class Location(Value, frozen=True):
    """Country (ISO 3166-1) and first-level subdivision (ISO 3166-2, without the country)."""

    country: str | None
    region: str | None
    source: Source
    confidence: Confidence
    quality: Quality = "ok"


UNKNOWN_LOCATION = Location(country=None, region=None, source="unknown", confidence="low")


class Signals(Value, frozen=True):
    """What the browser says by itself. ``None`` is "it said nothing"; only ``True`` has force."""

    gpc: bool = False
    dnt: bool | None = None


class Visitor(Value, frozen=True):
    """All that is kept of a request's sender; the address and user agent end in ``visitor.py``."""

    location: Location
    signals: Signals
    languages: tuple[str, ...]  # most wanted first, lower case BCP 47
    address_prefix: str  # IPv4 /24 or IPv6 /48 in CIDR form, or "" when there was no address
    age: int | None = None  # in years, the smallest that was declared; it only ever tightens
    residence: tuple[str, str | None] | None = None  # country and subdivision, likewise
    page_language: str = ""  # lower case BCP 47, as the page declared it; "" where it did not


# ---------------------------------------------------------------- the site


class Category(Value, frozen=True):
    """What a visitor decides on. ``standard`` names the kind of use the law knows it by."""

    id: str
    standard: Standard
    sale: bool = False
    sensitive: bool = False

    @property
    def locked(self) -> bool:
        """A necessary category cannot be refused."""
        return self.standard == "necessary"


Multilingual = str | dict[str, str]
"""One text that is said in every language, or a table of one text for each language."""


def in_language(text: Multilingual, language: str) -> str:
    """The text in one of the site's languages: a table has them all, so no foreign one is needed."""
    return text if isinstance(text, str) else text[language]


class CookieUse(Value, frozen=True):
    """One cookie (or storage key) of a service. ``name`` may end in ``*``.

    ``lifetime`` is "session", "persistent" or a number of minutes, hours, days, weeks, months or
    years ("1 year"), which the page says in its own language; or free text, shown as it is.
    """

    name: str
    purpose: Multilingual = ""
    lifetime: str = ""
    host: str = ""  # of a cookie that is kept on a host of the provider: no page can reach it there


class Service(Value, frozen=True):
    """One tag or vendor; belongs to one category."""

    id: str
    name: str
    category: str
    text: Multilingual = ""  # what the service is for
    legal_basis: LegalBasis = "consent"  # GDPR Art 6(1)
    recipients: tuple[str, ...] = ()  # who else receives the data: GDPR Art 13(1)(e)
    provider: str = ""
    policy: str = ""  # URL of the provider's privacy policy
    hosts: tuple[str, ...] = ()
    script: str = ""  # URL the gate may load; "" when the gate has none
    integrity: str = ""
    cookies: tuple[CookieUse, ...] = ()
    storage: tuple[CookieUse, ...] = ()
    databases: tuple[CookieUse, ...] = ()  # of IndexedDB
    reload: bool = (
        False  # the page is loaded anew when it is refused: it cannot be stopped otherwise
    )
    adapter: str = ""  # the adapter that speaks to it, where the site turned that on


class Colours(Value, frozen=True, omit_defaults=True):
    """Colours of one theme, each as `#rgb` or `#rrggbb`; "" is our own."""

    bg: str = ""  # behind everything
    fg: str = ""  # text
    muted: str = ""  # text of less weight
    line: str = ""  # edges of controls
    soft: str = ""  # behind notes and services
    accent: str = ""  # buttons, and switches that are on
    on_accent: str = ""  # text on them
    focus: str = ""  # the ring around what has the focus


class Look(Value, frozen=True, omit_defaults=True):
    """How the interface is laid out and coloured. None of it is material for the notice version."""

    layout: Literal["box", "bar", "dialog", "headless"] = "box"  # headless: the site draws it
    blocking: bool = False  # a dialog that the page waits for
    hide_from_bots: bool = False  # robots that say that they are robots are not asked
    light: Colours = Colours()
    dark: Colours = Colours()


class Attestations(Value, frozen=True):
    """What the owner declares of the site; each one opens or closes a rule of law."""

    analytics_exempt: bool = False
    functional_exempt: bool = False
    analytics_role: Literal["processor", "third_party"] = "processor"
    online_platform: bool = False
    child_directed: bool = False
    covered_design_code_service: bool = False
    cookie_wall: bool = False  # entry is denied without consent; checked against the law
    tcf: bool = False  # part of the IAB's framework, which asks for buttons of more contrast


class Intercept(Value, frozen=True, omit_defaults=True):
    """Whether requests and writes are held that nobody marked. None of it is material."""

    mode: Literal["off", "report", "hold"] = "off"  # report: tell what would have been held
    unknown: Literal["allow", "hold"] = "allow"  # hosts that no service names
    trusted: tuple[str, ...] = ()  # host patterns that run in any case


class Retention(Value, frozen=True, omit_defaults=True):
    """How long is kept what is recorded of a visitor, in days. None of it is material.

    ``None``: our own terms (``retention.terms``). Neither ends anything while the choice stands, or
    while the law wants its proof kept.
    """

    subject_days: int | None = None  # what points at the person: after the choice has run out
    record_days: int | None = None  # the record itself: after the visitor's newest act


class Address(Value, frozen=True, omit_defaults=True):
    """Where post reaches somebody."""

    street: str = ""
    postal_code: str = ""
    locality: str = ""
    region: str = ""
    country: str = ""  # ISO 3166-1, two capitals


class Csp(Value, frozen=True, omit_defaults=True, rename=lambda name: name.replace("_", "-")):
    """What pages need besides the services: sources, by directive of CSP Level 3. Not material.

    A directive that the site does not name has the sources of ``default-src``.
    """

    default_src: tuple[str, ...] = ("'self'",)
    script_src: tuple[str, ...] | None = None
    style_src: tuple[str, ...] | None = None
    img_src: tuple[str, ...] | None = None
    font_src: tuple[str, ...] | None = None
    connect_src: tuple[str, ...] | None = None
    frame_src: tuple[str, ...] | None = None
    media_src: tuple[str, ...] | None = None
    worker_src: tuple[str, ...] | None = None
    base: str = ""  # origin from which pages load this service; "": it is under their own
    nonces: bool = False  # a policy of the site's own judges inline code, by nonce


class Controller(Value, frozen=True, omit_defaults=True):
    """Who answers for a site: GDPR Art 13(1)(a), (b). Only ``name`` is material for the version."""

    name: str = ""  # as it is registered
    role: Literal["controller", "joint_controller", "processor"] = "controller"
    contact: str = ""  # a person or an office, such as the data protection officer
    address: Address = Address()
    email: str = ""
    phone: str = ""
    privacy_policy: str = ""  # URL; left out, the one that the notice links to
    jurisdiction: str = ""  # whose law it is under: ISO 3166-1 or -2, or EU
    rights: str = ""  # where rights are exercised: URL or e-mail address


class Site(Value, frozen=True):
    """One embedding property, decoded, checked, and hashed."""

    id: str
    name: str
    origins: tuple[str, ...]
    default_language: str
    categories: tuple[Category, ...]
    services: tuple[Service, ...]
    attestations: Attestations
    links: dict[str, str]  # "privacy_policy" and so on → URL
    texts: dict[str, dict[str, str]]  # language → key → text, complete for every language
    version: str  # 16 hex digits over what is material; wording and styling leave it as it is
    choice_days: int | None = None  # the owner's own lifetime of a choice, within the law's
    overlays: tuple[str, ...] = ()  # stricter readings of the law that the owner switches on
    policy_version: str = "1"  # the owner's own mark of a material change of wording
    look: Look = Look()
    ask_age: bool = False  # visitors are asked their age where the law has rules for minors
    intercept: Intercept = Intercept()
    frames: tuple[str, ...] = ()  # origins of frames that may read what holds
    native: bool = False  # whether an app that shows the page may read what holds
    debug: bool = False  # whether the page may show its owner why
    # The adapters that are turned on, with what the page's half of each is told of the site.
    adapters: dict[str, dict[str, object]] = msgspec.field(default_factory=dict)
    sisters: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)  # id → origins
    controller: Controller = Controller()
    retention: Retention = Retention()
    # Left out of the published configuration where the file says nothing: its digest stays.
    csp: Csp | msgspec.UnsetType = msgspec.UNSET

    def category(self, key: str) -> Category | None:
        """The category of this id."""
        return next((c for c in self.categories if c.id == key), None)

    def service(self, key: str) -> Service | None:
        """The service of this id."""
        return next((s for s in self.services if s.id == key), None)


# ---------------------------------------------------------------- rules, as both sides read them


class CategoryRule(Value, frozen=True):
    """One category of one site under one regime: a row of the table server and page decide by."""

    id: str
    locked: bool
    sale: bool
    default: State
    exempt: bool = False  # allowed without a choice, because the site attests an exemption
    gpc: bool = False  # GPC denies it
    gpc_ends_exempt: bool = False  # GPC ends its exempt use, and nothing else
    dnt: bool = False  # DNT denies it
    consent_cannot_unlock: bool = False
    sensitive: bool = False  # its use may be limited, under a switch of its own: 11 CCR 7014
    minors: tuple[tuple[int, int, MinorEffect], ...] = ()


class Rules(Value, frozen=True):
    """The decision table of one site under one regime on one day. Pure data, sent to the page."""

    regime: str
    model: Model
    surface: Prompt
    conflict_rule: ConflictRule
    choice_days: int
    after_refusal_days: int
    refusal_lapses: bool  # only where silence means "no" may an old refusal run out
    opt_out_status: bool  # the status must be displayed while GPC is honoured
    remember_gpc: bool  # GPC is a standing directive: its later absence is not consent
    close: bool  # the first layer needs a control that closes it and refuses
    triggers: tuple[Trigger, ...]
    assume_age: int | None  # child-directed sites: the age of a visitor who did not say
    categories: tuple[CategoryRule, ...]
    sale_or_share: CategoryRule
    ask_age: bool = False  # the site asks: until it is answered, the visitor may be of any age


class Prior(Value, frozen=True):
    """A visitor's newest choice, as far as deciding needs it. Times are seconds since 1970, UTC."""

    action: Action
    categories: dict[str, bool]
    services: dict[str, bool]
    shown_services: tuple[str, ...]  # vendors disclosed when it was made
    notice_version: str
    recorded_at: int
    valid_until: int
    gpc_noticed: bool = False  # made while GPC was on, and after being told so
    dnt_noticed: bool = False  # likewise DNT
    by_signal: bool = False  # GPC itself was the act, remembered as the law asks
    left_on: tuple[str, ...] = ()  # named true, but only left as the law had it: no consent


class Circumstances(Value, frozen=True):
    """All that a decision depends on besides the rules."""

    now: int  # seconds since 1970, UTC
    notice_version: str
    services: tuple[str, ...] = ()  # vendors the site discloses now
    signals: Signals = Signals()
    prior: Prior | None = None
    age: int | None = None
    known: bool = False  # signed in, or otherwise identified to the site
    parental: bool = False  # a parent made or authorised the choice


class Decision(Value, frozen=True):
    """May it fire, and why."""

    allow: bool
    reason: Reason


class Decisions(Value, frozen=True):
    """Everything decided for one visitor at one moment."""

    categories: dict[str, Decision]
    sale_or_share: Decision
    prompt: Prompt
    opt_out_status: Literal["required", "none"]


# ---------------------------------------------------------------- acts and their records


class Choice(Value, frozen=True):
    """One explicit act of a visitor, as it arrived and was found well-formed."""

    event_id: str
    action: Action
    categories: dict[str, bool]
    services: dict[str, bool]
    notice_version: str
    language: str
    layer: int  # 0 site's own code, 1 first layer, 2 preference centre
    control: str  # the control that was used: "accept_all", "save", …
    client_time: str  # RFC 3339
    after: tuple[int, str] | None = None  # ``seq`` and event id of the newest act it knew of
