"""The table of settings: name, type, help, default."""

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from holdfire.law import Value
from holdfire.settings.witness import Witness, read

PREFIX = "HOLDFIRE_"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
EdgeFamily = Literal[
    "cloudflare", "cloudfront", "fastly", "vercel", "appengine", "akamai", "netlify", "generic"
]
LogLevel = Literal["debug", "info", "warning", "error"]


def _help(text: str, low: int | None = None, high: int | None = None) -> msgspec.Meta:
    return msgspec.Meta(description=text, ge=low, le=high)


class Settings(Value, frozen=True):
    """The table: name, type, help, default. Relative paths start at the working directory."""

    host: Annotated[
        str,
        _help("Address to listen on. Leave it on loopback behind a reverse proxy."),
    ] = "127.0.0.1"
    port: Annotated[
        int,
        _help("Port to listen on; 0 takes any free one.", 0, 65_535),
    ] = 8080
    database: Annotated[
        str,
        _help(
            "Where records are kept: sqlite:///relative/path or sqlite:////absolute/path for one "
            "process, postgresql://user:password@host/database for any number of them."
        ),
    ] = "sqlite:///var/holdfire.db"
    data_dir: Annotated[
        str,
        _help(
            "Folder for what the service makes itself: its keys, the unpacked geo database. The "
            "keys in log.keys have to be the same on all machines that serve one database."
        ),
    ] = "var"
    log_host: Annotated[
        str,
        _help(
            "Host in the name of the public log, HOST/log/YEAR: where the service is reached. "
            "Changing it takes effect with the next year's log."
        ),
    ] = "localhost"
    anchor: Annotated[
        str,
        _help(
            "File that holds the last signed checkpoint of each log, so that a database that was "
            "brought back from an old copy is noticed. Put it on another volume than the database, "
            "and never into its backups. Empty: anchor.json in data_dir."
        ),
    ] = ""
    witnesses: Annotated[
        tuple[str, ...],
        _help(
            "Who cosigns the log, each NAME VKEY URL: a name for the policy, the key of the "
            "witness, and the address it is asked at. One that says it knows a longer log than is "
            "here stops the service: the database was brought back from an old copy."
        ),
    ] = ()
    quorum: Annotated[
        tuple[str, ...],
        _help(
            'Whose cosignatures a receipt needs, in lines of a policy file: "group all-of-them all '
            'a b", "quorum all-of-them". Empty: nobody\'s.'
        ),
    ] = ()
    witness_seconds: Annotated[
        int,
        _help(
            "How long no witness is asked again after it was; a public one is patient.", 1, 3_600
        ),
    ] = 10
    sites_dir: Annotated[
        str,
        _help("Folder of site files, one TOML file a site. Empty: the demo site."),
    ] = ""
    services_dir: Annotated[
        str,
        _help(
            "Folder of the service catalogue, one TOML file a service. Empty: the one shipped with "
            "Holdfire."
        ),
    ] = ""
    regimes_dir: Annotated[
        str,
        _help("Folder of the law as data. Empty: the one shipped with Holdfire."),
    ] = ""
    locales_dir: Annotated[
        str,
        _help("Folder of texts, one TOML file a language. Empty: the one shipped with Holdfire."),
    ] = ""
    static_dir: Annotated[
        str,
        _help("Folder of the built page scripts. Empty: the one shipped with Holdfire."),
    ] = ""
    trusted_proxies: Annotated[
        tuple[str, ...],
        _help(
            "Networks (CIDR) of the reverse proxies in front. Only from these are Forwarded, "
            "X-Forwarded-* and the headers of edge_headers believed."
        ),
    ] = ()
    edge_headers: Annotated[
        tuple[EdgeFamily, ...],
        _help(
            "Whose headers tell the visitor's place: cloudflare, cloudfront, fastly, vercel, "
            "appengine, akamai, netlify, generic. Name only what your proxy overwrites: what it "
            "lets through, a visitor can forge."
        ),
    ] = ()
    geo_database: Annotated[
        str,
        _help("A MaxMind-format database (.mmdb). Empty: the embedded one."),
    ] = ""
    secret_keys: Annotated[
        tuple[str, ...],
        _help(
            "Keys that sign visitor tokens, oldest first: the last one signs, all are accepted. "
            "Empty: one is made at the first start and kept in data_dir, readable by its owner "
            "only. Several machines need the same keys. Make one with: openssl rand -base64 33"
        ),
    ] = ()
    checked_only: Annotated[
        bool,
        _help(
            "Start only with sites whose banners `holdfire check` has looked at in a browser, as "
            "they are now, without finding a fault."
        ),
    ] = False
    establishment: Annotated[
        str,
        _help(
            "Regime of the country the site's owner is established in, such as de: a visitor "
            "elsewhere is treated no worse. Empty: none."
        ),
    ] = ""
    regime_override: Annotated[
        str,
        _help("Regime that holds for every visitor, wherever they are. Empty: by place."),
    ] = ""
    boot_max_age_seconds: Annotated[
        int,
        _help("How long a browser may use a boot script before it asks again.", 0, 3_600),
    ] = 300
    cookie_max_age_days: Annotated[
        int,
        _help(
            "Longest life of the visitor's cookie. A choice ends when its regime says so; a cookie "
            "that ended before it would lose a refusal. Browsers cap cookies at 400 days.",
            1,
            395,
        ),
    ] = 395
    limit_network_per_second: Annotated[
        int,
        _help(
            "How many choices one network may make a second for long: IPv4 /24, IPv6 /48, nobody's "
            "in particular left out. As many again of histories, receipts and tokens. 0: any number.",
            0,
        ),
    ] = 20
    limit_network_burst: Annotated[
        int,
        _help("How many at once, where it has been quiet before.", 1),
    ] = 600
    limit_site_per_second: Annotated[
        int,
        _help(
            "How many choices are taken a second for one site, for long; and as many again from "
            "networks that have hardly made any. 0: any number.",
            0,
        ),
    ] = 2_000
    limit_site_burst: Annotated[
        int,
        _help("How many at once, where it has been quiet before.", 1),
    ] = 20_000
    limit_key_per_second: Annotated[
        int,
        _help("How many visitors one API key may ask about a second, for long. 0: any number.", 0),
    ] = 100_000
    limit_key_burst: Annotated[
        int,
        _help("How many at once, where it has been quiet before.", 1_000),
    ] = 1_000_000
    limit_batch_per_second: Annotated[
        int,
        _help("The same for all keys of one site together. 0: any number.", 0),
    ] = 200_000
    limit_batch_burst: Annotated[
        int,
        _help("How many at once, where it has been quiet before.", 1_000),
    ] = 2_000_000
    metrics_host: Annotated[
        str,
        _help("Address to serve metrics on: one of this machine alone."),
    ] = "127.0.0.1"
    metrics_port: Annotated[
        int,
        _help("Port to serve metrics on, at /metrics; 0 serves none.", 0, 65_535),
    ] = 9464
    log_level: Annotated[
        LogLevel,
        _help("How much is logged: debug, info, warning or error."),
    ] = "info"
    graceful_seconds: Annotated[
        int,
        _help("How long a stopping server waits for requests under way.", 0, 300),
    ] = 10

    def __repr__(self) -> str:
        """Everything but what a log must not hold."""
        shown = (
            f"{s.name}={getattr(self, s.name)!r}"
            for s in SETTINGS
            if s.name not in {"database", "secret_keys"}
        )
        return f"Settings({', '.join(shown)})"

    @property
    def sites_path(self) -> Path:
        """The folder of site files."""
        return Path(self.sites_dir) if self.sites_dir else shipped("config/sites")

    @property
    def services_path(self) -> Path:
        """The folder of the service catalogue."""
        return Path(self.services_dir) if self.services_dir else shipped("config/services")

    @property
    def regimes_path(self) -> Path:
        """The folder of the law."""
        return Path(self.regimes_dir) if self.regimes_dir else shipped("config/regimes")

    @property
    def locales_path(self) -> Path:
        """The folder of texts."""
        return Path(self.locales_dir) if self.locales_dir else shipped("config/locales")

    @property
    def static_path(self) -> Path:
        """The folder of page scripts."""
        return Path(self.static_dir) if self.static_dir else shipped("static")

    @property
    def cosigners(self) -> tuple[Witness, ...]:
        """The witnesses that are asked."""
        return tuple(map(read, self.witnesses))

    @property
    def proxies(self) -> tuple[Network, ...]:
        """The trusted proxies, as networks."""
        return tuple(ipaddress.ip_network(text) for text in self.trusted_proxies)


class Setting(NamedTuple):
    """One row of the table."""

    name: str
    type: Any
    default: object
    help: str

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return PREFIX + self.name.upper()


SETTINGS: tuple[Setting, ...] = tuple(
    Setting(field.name, field.type, field.default, field.type.__metadata__[0].description)
    for field in msgspec.structs.fields(Settings)
)


def shipped(name: str) -> Path:
    """A file or folder that comes with Holdfire, such as ``config/sites`` or ``static``.

    It is inside the package in a wheel. An editable installation ignores hatchling's
    ``force-include``, so there it is where the repository has it.
    """
    package = Path(__file__).parent.parent
    installed = package / name
    return installed if installed.exists() else package.parent.parent / name
