"""What a type cannot say of the settings: one check for each kind of value.

A fault is (setting, "[#2]" where it is the second of a list, what is wrong, remedy).
"""

import ipaddress
import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from holdfire.ledger import Malformed
from holdfire.settings.table import Settings
from holdfire.settings.witness import quorum_of, read

SECRET_CHARACTERS = 32  # of base64: 192 bits, beyond any search
SECRET_VARIETY = 10  # different characters; random base64 of that length has about 25

_SAMPLES = re.compile(
    r"change.?me|example|secret|password|sample|your.?key|insert|replace", re.IGNORECASE
)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_LOG_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?")
_REGIME = re.compile(r"([a-z0-9]+(-[a-z0-9]+)*)?")

Fault = tuple[str, str, str, str]


def faults(settings: Settings) -> Iterator[Fault]:
    """Everything that is wrong with settings of the right types."""
    checks: tuple[Callable[[Settings], Iterator[Fault]], ...] = (
        _host,
        _metrics_host,
        _database,
        _data_dir,
        _log_host,
        _witnesses,
        _proxies,
        _secrets,
        _regimes,
    )
    for check in checks:
        yield from check(settings)


def _host(settings: Settings) -> Iterator[Fault]:
    try:
        ipaddress.ip_address(settings.host)
    except ValueError:
        if not _HOST.fullmatch(settings.host):
            what = f"{settings.host!r} is neither an address nor a host name"
            yield "host", "", what, 'write "127.0.0.1", or "0.0.0.0" for every interface'


def _metrics_host(settings: Settings) -> Iterator[Fault]:
    try:
        own = ipaddress.ip_address(settings.metrics_host).is_loopback
    except ValueError:
        own = False
    if not own:
        what = f"{settings.metrics_host!r} is no address of this machine alone"
        yield "metrics_host", "", what, 'write "127.0.0.1", and put a proxy in front for others'


def _database(settings: Settings) -> Iterator[Fault]:
    # The URL may hold a password, so it is never repeated here.
    remedy = 'write "sqlite:///var/holdfire.db" or "postgresql://user:password@host/database"'
    sqlite = settings.database.removeprefix("sqlite:///")
    if sqlite != settings.database:
        if ":memory:" in sqlite:
            what = "a database in memory forgets every record when the process ends"
            yield "database", "", what, remedy
        elif not sqlite.strip("/") or "?" in sqlite or "#" in sqlite:
            yield "database", "", "the path of the SQLite file is empty, or has parameters", remedy
    elif settings.database.startswith("sqlite:"):
        what = "a SQLite URL has three slashes, and a fourth when the path is absolute"
        yield "database", "", what, remedy
    elif not _is_postgresql(settings.database):
        yield "database", "", "the URL is neither of SQLite nor of PostgreSQL", remedy


def _is_postgresql(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "postgresql" and bool(parts.path.strip("/")) and parts.port != 0
    except ValueError:  # the port is no number, or the brackets of an IPv6 address do not match
        return False


def _data_dir(settings: Settings) -> Iterator[Fault]:
    if not settings.data_dir:
        yield "data_dir", "", "is empty", 'name a folder that may be written to, such as "var"'


def _log_host(settings: Settings) -> Iterator[Fault]:
    if not _LOG_HOST.fullmatch(settings.log_host):
        what = f"{settings.log_host!r} is not the name of a host, in small letters"
        yield "log_host", "", what, 'write it like "consent.example.com"'


def _witnesses(settings: Settings) -> Iterator[Fault]:
    sound = True
    for place, text in enumerate(settings.witnesses, start=1):
        try:
            read(text)
        except ValueError as error:
            sound = False
            remedy = 'write it as "NAME VKEY https://host/path"; the witness prints its key'
            yield "witnesses", f"[#{place}]", str(error), remedy
    try:
        if sound:
            quorum_of(settings.witnesses, settings.quorum)
    except Malformed as error:
        remedy = 'write it like "group all-of-them all a b", "quorum all-of-them"'
        yield "quorum", "", str(error), remedy


def _proxies(settings: Settings) -> Iterator[Fault]:
    for place, text in enumerate(settings.trusted_proxies, start=1):
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            what = f"{text!r} is not a network"
            yield "trusted_proxies", f"[#{place}]", what, 'write it as "10.0.0.0/8" or "10.0.0.7"'
            continue
        if network.prefixlen == 0:
            what = "this network is the whole world: anyone could forge a visitor's place"
            yield "trusted_proxies", f"[#{place}]", what, "name the networks of your own proxies"
        elif "/" in text and ipaddress.ip_address(text.split("/")[0]) != network.network_address:
            what = f"{text!r} is an address inside a network"
            yield "trusted_proxies", f"[#{place}]", what, f'write "{network}"'
    if settings.edge_headers and not settings.trusted_proxies:
        what = "these headers would be believed from nobody, since trusted_proxies is empty"
        yield "edge_headers", "", what, "name in trusted_proxies the proxies that set them"


def _secrets(settings: Settings) -> Iterator[Fault]:
    remedy = "make one with: openssl rand -base64 33"
    for place, key in enumerate(settings.secret_keys, start=1):
        item = f"[#{place}]"
        if len(key) < SECRET_CHARACTERS:
            yield "secret_keys", item, f"is shorter than {SECRET_CHARACTERS} characters", remedy
        elif _SAMPLES.search(key) or len(set(key)) < SECRET_VARIETY:
            yield "secret_keys", item, "is a sample, or could be guessed", remedy


def _regimes(settings: Settings) -> Iterator[Fault]:
    # Whether the regime exists is known once the law is loaded.
    for name in ("establishment", "regime_override"):
        given = getattr(settings, name)
        if not _REGIME.fullmatch(given):
            yield name, "", f"{given!r} is not the id of a regime", 'write it like "de" or "us-ca"'
