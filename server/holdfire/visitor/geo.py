"""Which place an address belongs to, as a MaxMind-format database knows it.

geoip2 opens the file and checks it; lookups go to maxminddb, at 2 µs instead of 37 µs, because
geoip2 builds a model of every member of the record.
"""

import gzip
import logging
import os
import shutil
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from ipaddress import ip_network
from itertools import islice
from pathlib import Path

import geoip2.database
import maxminddb

from holdfire.errors import ConfigError, Problem
from holdfire.law import Value
from holdfire.visitor.hops import Address, Networks
from holdfire.visitor.places import NOWHERE, Finding
from holdfire.visitor.records import read

LOG = logging.getLogger("holdfire.geo")
CHECK_SECONDS = 5.0
_SAMPLE = 5_000  # records searched for one that names a place; the first nearly always does

# What is nobody's in particular: this network, private, shared, loopback, link-local, multicast,
# reserved; and all of IPv6 outside 2000::/3. The ranges for benchmarks and documentation are left
# to the database: a real one holds nothing there, and a made-up one can live nowhere else.
# Source: IANA special-purpose address registries.
PLACELESS = Networks(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
        "::/3",
        "4000::/2",
        "8000::/1",
    )
)

# What opening, unpacking and reading a file that is no database can raise: three libraries take
# its bytes at their word. Never more than the new file is lost.
_UNREADABLE = (
    OSError,
    EOFError,
    zlib.error,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    MemoryError,
    RuntimeError,  # maxminddb's and geoip2's own
)


_Signature = tuple[int, int, int]  # when the file was changed, which file it is, and its size


class Edition(Value, frozen=True):
    """Which database is in use, for ``explain`` and for warnings about its age."""

    kind: str
    built: date


class GeoDatabase:
    """One database file, opened once and exchanged in place when the file changes.

    The file is copied to a private temporary one, and that is mapped: overwriting the original in
    place would otherwise pull pages from under the mapping, and the kernel answers that with
    SIGBUS. Whether it changed is asked at most every ``every_seconds`` of ``clock``, by the lookup
    that comes next; exchanging the embedded one takes that lookup 5 to 10 ms. A changed file that
    cannot be used leaves the old one in service, logs why, and keeps the reason in ``problem``.

    Safe to use from several threads. Raises ``ConfigError`` if there is nothing usable to start.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        every_seconds: float = CHECK_SECONDS,
    ) -> None:
        self.path = path
        self.problem = ""
        self.exchanges = 0  # since the start
        self._clock = clock
        self._every = every_seconds
        self._due = clock() + every_seconds
        self._exchange = threading.Lock()
        self._refused: _Signature | None = None
        try:
            self._seen = _signature(path)
            self._reader, self.edition = _open(path)
        except _UNREADABLE as fault:
            raise ConfigError((_problem(path, fault),)) from fault

    def look(self, address: Address) -> Finding:
        """What is known of the address. Private, reserved and unlisted ones are nowhere."""
        self.current()
        if address in PLACELESS:
            return NOWHERE
        try:
            return read(self._reader.get(address))
        except (ValueError, maxminddb.InvalidDatabaseError):
            return NOWHERE  # an IPv6 address in a database of IPv4, or a damaged page

    def current(self) -> int:
        """How often it has been exchanged, once the file was looked at if that is due."""
        if self._clock() >= self._due:
            self.refresh()
        return self.exchanges

    def refresh(self) -> bool:
        """Exchange the database if its file has changed; true if it was exchanged."""
        if not self._exchange.acquire(blocking=False):
            return False  # another thread is at it
        seen: _Signature | None = None
        try:
            self._due = self._clock() + self._every
            seen = _signature(self.path)
            if seen == self._refused:
                return False
            if seen == self._seen:
                self.problem = ""  # whatever stood in its place has been taken away again
                return False
            opened = _open(self.path)
            if _signature(self.path) != seen:
                return False  # still being written: look again next time
            self._seen = seen
            self._reader, self.edition = opened
            self.exchanges += 1
            self.problem = ""
        except _UNREADABLE as fault:
            # A full disk may empty; a file that is no database stays one until it changes.
            self._refused = None if isinstance(fault, OSError) else seen
            self._complain(fault)
            return False
        else:
            LOG.info("%s exchanged: %s of %s", self.path, self.edition.kind, self.edition.built)
            return True
        finally:
            self._exchange.release()

    def _complain(self, fault: BaseException) -> None:
        """Once for each reason: a missing file is missed again at every check."""
        reason = str(_problem(self.path, fault))
        if reason != self.problem:
            LOG.warning("%s; the database opened before stays in use", reason)
        self.problem = reason


def unpack(source_gz: Path, folder: Path) -> Path:
    """The database packed in ``source_gz``, unpacked into ``folder``; at once if it is there.

    Raises ``ConfigError`` if the packed file is damaged or the folder cannot be written.
    """
    target = folder / source_gz.name.removesuffix(".gz")
    try:
        _open(target)
    except _UNREADABLE:
        install(source_gz, target)
    return target


def install(source: Path, target: Path) -> None:
    """Put a database, packed by gzip or not, where a running service will find it.

    It is checked before it takes the target's name, in one step; a reader sees the old file or
    the new one, also after a crash. Raises ``ConfigError`` and changes nothing if it is unusable.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with source.open("rb") as file, part.open("wb") as unpacked:
                packed = gzip.GzipFile(fileobj=file) if source.suffix == ".gz" else file
                shutil.copyfileobj(packed, unpacked, 1 << 20)
                unpacked.flush()
                os.fsync(unpacked.fileno())
            _open(part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except _UNREADABLE as fault:
        raise ConfigError((_problem(source, fault),)) from fault


def _open(path: Path) -> tuple[maxminddb.Reader, Edition]:
    """A reader over a private copy of the file, checked; raises one of ``_UNREADABLE``."""
    with tempfile.NamedTemporaryFile(suffix=".mmdb") as copy:
        with path.open("rb") as source:
            shutil.copyfileobj(source, copy, 1 << 20)
        copy.flush()
        try:
            reader = maxminddb.open_database(copy.name)  # its mapping outlives the name
        except maxminddb.InvalidDatabaseError as fault:  # whose text names the copy
            raise ValueError("is no MaxMind-format database, or not all of one") from fault
        with geoip2.database.Reader(copy.name) as reference:
            metadata = reference.metadata()
            _check(reader, reference)
    built = datetime.fromtimestamp(metadata.build_epoch, UTC).date()
    return reader, Edition(kind=metadata.database_type, built=built)


def _check(reader: maxminddb.Reader, reference: geoip2.database.Reader) -> None:
    """Some record names a place or a kind of network, and geoip2 reads the same in it."""
    records = ((network, record, read(record)) for network, record in islice(reader, _SAMPLE))
    sample = next((row for row in records if row[2] != NOWHERE), None)
    if sample is None:
        raise ValueError("no record in it names a country or an anonymiser")
    network, record, found = sample
    kind = reference.metadata().database_type
    look = reference.city if "City" in kind else reference.country if "Country" in kind else None
    nested = isinstance(record, dict) and isinstance(record.get("country"), dict)
    if look is None or not nested or found.country is None:
        return  # a shape geoip2 does not know, or a database of anonymisers
    if look(network.network_address).country.iso_code != found.country:
        raise ValueError(f"its records are not those of a {kind} database")


def _signature(path: Path) -> _Signature:
    found = path.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size


def _problem(path: Path, fault: BaseException) -> Problem:
    if isinstance(fault, OSError) and fault.filename:
        remedy = "put it there, or mend its rights"
        return Problem(str(fault.filename), "geo_database", str(fault.strerror), remedy)
    remedy = "give a MaxMind-format file that holds countries"
    return Problem(str(path), "geo_database", str(fault) or type(fault).__name__, remedy)
