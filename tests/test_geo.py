"""The geo database: three shapes of record, exchanged in service, never a reason to fall over."""

import csv
import gzip
import itertools
import logging
import os
from datetime import date
from ipaddress import ip_address, ip_network
from pathlib import Path

import geoip2.database
import pytest

from holdfire.errors import ConfigError
from holdfire.model import UNKNOWN_LOCATION, Location, Quality
from holdfire.visitor import GeoDatabase, Observatory, geo, install, unpack
from holdfire.visitor.places import NAMES
from maxmind_file import write

DATA = Path(__file__).parent / "data"
EMBEDDED = Path(__file__).parent.parent / "config/geo/dbip-country-us-ca-region-2026-06.mmdb.gz"
ROWS = list(csv.DictReader((DATA / "geo-test.csv").read_text().splitlines()))


class Clock:
    """Monotonic seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        """The time now."""
        return self.seconds


def places(path: Path) -> Observatory:
    """An observatory over this one database."""
    return Observatory(databases=[GeoDatabase(path)])


def database(country: str | None, region: str | None = None, **more: Quality) -> Location:
    """A location as told by a database."""
    return Location(
        country=country,
        region=region,
        source="database",
        confidence="medium" if region else "high",
        **more,
    )


def one(tmp_path: Path, record: object, kind: str = "Test-City") -> Location:
    """Where a database with this one record places an address of its network."""
    path = write(tmp_path / "one.mmdb", {"192.0.2.0/24": record, "1.0.0.0/24": FILLER}, kind=kind)
    return places(path).place("192.0.2.1")


FILLER = {"country": {"iso_code": "DE"}}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['country']}-{row['subdivision']}")
def test_every_network_of_the_test_database(row: dict[str, str]) -> None:
    """IPv4 and IPv6 addresses of each network are placed in its country and subdivision."""
    here = places(DATA / "geo-test.mmdb")
    for network in (row["ipv4"], row["ipv6"]):
        address = str(ip_network(network)[7])
        assert here.place(address) == database(row["country"], row["subdivision"] or None)


@pytest.mark.parametrize("name", ["GeoIP2-City-Test.mmdb", "GeoLite2-City-Test.mmdb"])
def test_maxminds_own_databases_read_as_geoip2_reads_them(name: str) -> None:
    """On every network of MaxMind's test files the country and first subdivision are geoip2's."""
    read = GeoDatabase(DATA / name)
    seen = 0
    with geoip2.database.Reader(DATA / name) as reference:
        for network in read._reader:
            address = network[0].network_address
            found = read.look(address)
            model = reference.city(address)
            if found.country is None:
                continue
            seen += 1
            assert found.country == model.country.iso_code
            first = model.subdivisions[0].iso_code if model.subdivisions else None
            assert found.region == first
    assert seen > 20


@pytest.mark.parametrize(
    ("address", "country", "region"),
    [("81.2.69.142", "GB", "ENG"), ("::ffff:81.2.69.142", "GB", "ENG"), ("1.1.1.1", None, None)],
)
def test_the_first_subdivision_is_the_region(
    address: str, country: str | None, region: str | None
) -> None:
    """Of England and Berkshire, England; mapped addresses are those they carry."""
    found = places(DATA / "GeoIP2-City-Test.mmdb").place(address)
    assert (found.country, found.region) == (country, region)


SHAPES = [
    ({"country": {"iso_code": "US"}, "subdivisions": [{"iso_code": "CA"}]}, "US", "CA"),
    ({"country": {"iso_code": "US"}, "subdivisions": [{"names": {"en": "Ohio"}}]}, "US", "OH"),
    ({"country": {"iso_code": "CA"}, "subdivisions": [{"names": {"en": "Québec"}}]}, "CA", "QC"),
    ({"country": {"iso_code": "FR"}, "subdivisions": [{"names": {"en": "Corsica"}}]}, "FR", None),
    ({"country_code": "US", "state1": "New Hampshire", "city": "Keene"}, "US", "NH"),
    ({"country_code": "CA", "state1": "British Columbia"}, "CA", "BC"),
    ({"country_code": "DE", "state1": "Bavaria"}, "DE", None),
    ({"country_code": "DE", "country": "Germany"}, "DE", None),
    ({"country": {"iso_code": "US"}, "subdivisions": []}, "US", None),
    ({"country": {"iso_code": "US"}, "subdivisions": ["CA"]}, "US", None),
    ({"country": {"iso_code": "US"}, "subdivisions": {"iso_code": "CA"}}, "US", None),
    ({"country": {"iso_code": "ZZ"}}, None, None),
    ({"country": "US"}, None, None),
    ({"country_code": 7}, None, None),
    ({"registered_country": {"iso_code": "US"}}, None, None),
    ({}, None, None),
    ([], None, None),
    ("US", None, None),
]


@pytest.mark.parametrize(("record", "country", "region"), SHAPES)
def test_three_shapes_and_junk(
    tmp_path: Path, record: object, country: str | None, region: str | None
) -> None:
    """GeoIP2, DB-IP Lite and flat records are read; other things are nowhere."""
    found = one(tmp_path, record)
    assert (found.country, found.region) == (country, region)


def test_names_of_states_and_provinces(tmp_path: Path) -> None:
    """Every US state, DC and every Canadian province is known by name, in both named shapes."""
    for country, names in NAMES.items():
        codes = {r["subdivision"] for r in ROWS if r["country"] == country} - {""}
        assert set(names.values()) == codes
        flat: dict[str, object] = {
            f"198.18.{i}.0/24": {"country_code": country, "state1": name.title()}
            for i, name in enumerate(names)
        }
        nested: dict[str, object] = {
            f"198.19.{i}.0/24": {
                "country": {"iso_code": country},
                "subdivisions": [{"names": {"en": name.upper()}}],
            }
            for i, name in enumerate(names)
        }
        here = places(write(tmp_path / f"{country}.mmdb", flat | nested))
        for i, code in enumerate(names.values()):
            assert here.place(f"198.18.{i}.1") == database(country, code)
            assert here.place(f"198.19.{i}.1") == database(country, code)


@pytest.mark.parametrize(
    ("traits", "quality"),
    [
        ({"is_tor_exit_node": True, "is_anonymous": True}, "tor"),
        ({"is_anonymous_vpn": True}, "vpn"),
        ({"is_anonymous_proxy": True}, "vpn"),
        ({"is_public_proxy": True}, "vpn"),
        ({"is_anonymous": True}, "vpn"),
        ({"is_anonymous": True, "is_hosting_provider": True}, "hosting"),
    ],
)
def test_anonymisers_are_nowhere(tmp_path: Path, traits: dict[str, bool], quality: Quality) -> None:
    """Tor, VPN and hosting ranges give no place, whatever the record says, and say why."""
    hidden = Location(
        country=None, region=None, source="unknown", confidence="low", quality=quality
    )
    nested = {"country": {"iso_code": "US"}, "traits": traits}
    assert one(tmp_path, nested) == hidden
    assert one(tmp_path, traits, kind="GeoIP2-Anonymous-IP") == hidden


def test_satellites_have_a_country_only(tmp_path: Path) -> None:
    """Of a satellite's place the country is kept, with low confidence."""
    record = {
        "country": {"iso_code": "US"},
        "subdivisions": [{"iso_code": "CA"}],
        "traits": {"is_satellite_provider": True, "is_anonymous": False},
    }
    assert one(tmp_path, record) == Location(
        country="US", region=None, source="database", confidence="low", quality="satellite"
    )


@pytest.mark.parametrize(
    "address",
    [
        "0.1.2.3",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.1.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::8.8.8.8",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "junk",
        "",
    ],
)
def test_private_and_reserved_addresses_are_nowhere(tmp_path: Path, address: str) -> None:
    """Even if a database has something to say of them."""
    path = write(tmp_path / "all.mmdb", {"0.0.0.0/1": FILLER, "128.0.0.0/1": FILLER})
    assert places(path).place("9.255.255.255") == database("DE")
    assert places(path).place("172.32.0.0") == database("DE")
    assert places(path).place(address) == UNKNOWN_LOCATION


def test_two_databases_must_agree(tmp_path: Path) -> None:
    """Databases that differ dispute the place; one of anonymisers adds what it knows."""
    us = {"country": {"iso_code": "US"}, "subdivisions": [{"iso_code": "CA"}]}
    nevada = {"country": {"iso_code": "US"}, "subdivisions": [{"iso_code": "NV"}]}
    first = write(tmp_path / "1.mmdb", {f"192.0.2.{n}/32": us for n in range(5)})
    records: dict[str, object] = {"192.0.2.0/32": us, "192.0.2.1/32": nevada}
    second = write(tmp_path / "2.mmdb", {**records, "192.0.2.2/32": FILLER})
    third = write(tmp_path / "3.mmdb", {"192.0.2.3/32": {"is_tor_exit_node": True}})
    here = Observatory(databases=[GeoDatabase(path) for path in (first, second, third)])
    assert here.place("192.0.2.0") == here.place("192.0.2.4") == database("US", "CA")
    assert here.place("192.0.2.1") == Location(
        country="US", region=None, source="database", confidence="low"
    )
    assert here.place("192.0.2.2") == UNKNOWN_LOCATION
    assert here.place("192.0.2.3").quality == "tor"


# ---------------------------------------------------------------- opened, exchanged, unpacked


def us_and_de(tmp_path: Path) -> tuple[bytes, bytes]:
    """Two databases, as bytes, that place 192.0.2.1 differently."""
    us = write(tmp_path / "us", {"192.0.2.0/24": {"country": {"iso_code": "US"}}}).read_bytes()
    de = write(tmp_path / "de", {"192.0.2.0/24": {"country": {"iso_code": "DE"}}}).read_bytes()
    return us, de


def test_a_changed_file_is_taken_up_in_service(tmp_path: Path) -> None:
    """A new file answers within the interval, and is not looked for sooner."""
    us, de = us_and_de(tmp_path)
    clock, path = Clock(), tmp_path / "geo.mmdb"
    path.write_bytes(us)
    opened = GeoDatabase(path, clock=clock, every_seconds=5)
    here = Observatory(databases=[opened])
    (tmp_path / "new").write_bytes(de)
    (tmp_path / "new").replace(path)
    clock.seconds += 4.9
    assert here.place("192.0.2.1") == database("US")
    clock.seconds += 0.1
    assert here.place("192.0.2.1") == database("DE")
    assert opened.problem == ""


def test_refresh_takes_up_a_file_at_once(tmp_path: Path) -> None:
    """Asked to, the database is exchanged without waiting, and only if it changed."""
    us, de = us_and_de(tmp_path)
    path = tmp_path / "geo.mmdb"
    path.write_bytes(us)
    opened = GeoDatabase(path)
    assert not opened.refresh()
    path.write_bytes(de)
    os.utime(path, ns=(1, 1))
    assert opened.refresh()
    assert Observatory(databases=[opened]).place("192.0.2.1") == database("DE")


@pytest.mark.parametrize("damage", ["empty", "short", "text", "gone", "no places", "folder"])
def test_a_broken_file_leaves_the_old_one_in_service(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    """What cannot be used is reported once and not used; when it is mended, it is."""
    us, de = us_and_de(tmp_path)
    clock, path = Clock(), tmp_path / "geo.mmdb"
    path.write_bytes(us)
    opened = GeoDatabase(path, clock=clock)
    here = Observatory(databases=[opened])
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage == "no places":
        write(path, {"192.0.2.0/24": {"autonomous_system_number": 64496}}, kind="GeoLite2-ASN")
    elif damage != "gone":
        path.write_bytes({"empty": b"", "short": de[:-40], "text": b"<html>" * 99}[damage])
    with caplog.at_level(logging.WARNING, "holdfire.geo"):
        for _ in range(3):
            clock.seconds += 60
            assert here.place("192.0.2.1") == database("US")
    assert len(caplog.records) == 1
    assert opened.problem in caplog.text
    assert str(path) in opened.problem
    if damage == "folder":
        path.rmdir()
    path.write_bytes(de)
    clock.seconds += 60
    assert here.place("192.0.2.1") == database("DE")
    assert opened.problem == ""


def test_a_file_that_is_still_being_written_is_left_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that changes while it is read is not taken up until it has come to rest."""
    us, de = us_and_de(tmp_path)
    path = tmp_path / "geo.mmdb"
    path.write_bytes(us)
    opened = GeoDatabase(path)
    path.write_bytes(de)
    with monkeypatch.context() as busy:
        states = itertools.count()
        busy.setattr(geo, "_signature", lambda _: (next(states), 0, 0))
        assert not opened.refresh()
    assert opened.look(ip_address("192.0.2.1")).country == "US"
    assert opened.refresh()
    assert opened.look(ip_address("192.0.2.1")).country == "DE"


def test_the_old_file_put_back_ends_the_complaint(tmp_path: Path) -> None:
    """When the broken file is taken away again, nothing is wrong any more."""
    us, _ = us_and_de(tmp_path)
    path, aside = tmp_path / "geo.mmdb", tmp_path / "aside.mmdb"
    path.write_bytes(us)
    opened = GeoDatabase(path)
    path.rename(aside)
    path.write_bytes(b"broken")
    assert not opened.refresh()
    assert "no MaxMind-format database" in opened.problem
    aside.replace(path)
    assert not opened.refresh()
    assert opened.problem == ""


def test_one_exchange_at_a_time(tmp_path: Path) -> None:
    """While one thread exchanges the database the others go on with the old one."""
    us, de = us_and_de(tmp_path)
    clock, path = Clock(), tmp_path / "geo.mmdb"
    path.write_bytes(us)
    opened = GeoDatabase(path, clock=clock)
    path.write_bytes(de)
    clock.seconds += 60
    with opened._exchange:
        assert opened.look(ip_address("192.0.2.1")).country == "US"
    assert opened.look(ip_address("192.0.2.1")).country == "DE"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Where the data folder is in the way of itself, the error says which path."""
    (tmp_path / "var").write_bytes(b"a file")
    with pytest.raises(ConfigError, match="var: geo_database: File exists"):
        unpack(EMBEDDED, tmp_path / "var")


def test_a_database_of_ipv4_alone_knows_nothing_of_ipv6(tmp_path: Path) -> None:
    """Half of a pair of files answers for its half."""
    path = write(tmp_path / "v4.mmdb", {"192.0.2.0/24": FILLER}, ip_version=4)
    assert places(path).place("192.0.2.1") == database("DE")
    assert places(path).place("2001:db8::1") == UNKNOWN_LOCATION


def test_a_file_overwritten_in_place_is_not_read_from_under_us(tmp_path: Path) -> None:
    """Cutting the file short while it is open neither ends the process nor changes an answer."""
    us, _ = us_and_de(tmp_path)
    path = tmp_path / "geo.mmdb"
    path.write_bytes(us)
    here = places(path)
    path.write_bytes(b"")
    assert here.place("192.0.2.1") == database("US")


@pytest.mark.parametrize("content", [None, b"", b"not a database", b"\xab\xcd\xefMaxMind.com"])
def test_a_start_without_a_database_stops(tmp_path: Path, content: bytes | None) -> None:
    """A missing or broken file is a configuration error that names file and remedy."""
    path = tmp_path / "geo.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"geo\.mmdb: geo_database: .* — (give a|put it)"):
        GeoDatabase(path)


def test_a_database_that_geoip2_reads_otherwise_is_refused(tmp_path: Path) -> None:
    """A file whose records are not those its name promises is not trusted."""
    record = {"country": {"iso_code": "uk"}}
    path = write(tmp_path / "odd.mmdb", {"192.0.2.0/24": record}, kind="Test-Country")
    with pytest.raises(ConfigError, match="not those of a Test-Country database"):
        GeoDatabase(path)


def test_an_edition_has_a_name_and_a_date(tmp_path: Path) -> None:
    """Which database answers can be shown."""
    edition = GeoDatabase(write(tmp_path / "a.mmdb", {"192.0.2.0/24": FILLER})).edition
    assert (edition.kind, edition.built) == ("Test-City", date(2026, 6, 1))


def test_the_embedded_database_is_unpacked_once(tmp_path: Path) -> None:
    """It is put into the data folder at the first start, found there later, and places people."""
    folder = tmp_path / "var" / "geo"
    path = unpack(EMBEDDED, folder)
    assert path == folder / EMBEDDED.name.removesuffix(".gz")
    assert list(folder.iterdir()) == [path]
    before = path.stat()
    assert unpack(EMBEDDED, folder) == path
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    here = places(path)
    assert here.place("8.8.8.8") == database("US", "CA")
    assert here.place("2a02:8108::1") == database("DE")
    assert here.place("142.1.0.1").country == "CA"
    assert here.place("198.18.0.1") == UNKNOWN_LOCATION
    assert GeoDatabase(path).look(ip_address("2001:db8::1")).country is None


def test_a_damaged_copy_is_unpacked_again(tmp_path: Path) -> None:
    """What a crash or a full disk left behind is replaced."""
    source = tmp_path / "small.mmdb.gz"
    source.write_bytes(gzip.compress(us_and_de(tmp_path)[0]))
    folder = tmp_path / "var"
    folder.mkdir()
    (folder / "small.mmdb").write_bytes(b"half")
    assert places(unpack(source, folder)).place("192.0.2.1") == database("US")


@pytest.mark.parametrize("damage", ["cut", "flipped", "no gzip", "no database", "missing"])
def test_a_damaged_package_changes_nothing(tmp_path: Path, damage: str) -> None:
    """An unusable source is refused by name, and the folder is left as it was."""
    us, _ = us_and_de(tmp_path)
    packed = gzip.compress(us)
    flipped = packed[:60] + bytes([packed[60] ^ 255]) + packed[61:]
    content = {"cut": packed[:-20], "flipped": flipped, "no gzip": us, "missing": b""}
    source, target = tmp_path / "new.mmdb.gz", tmp_path / "var" / "geo.mmdb"
    source.write_bytes(content.get(damage, gzip.compress(b"no database")))
    if damage == "missing":
        source.unlink()
    target.parent.mkdir()
    target.write_bytes(us)
    with pytest.raises(ConfigError, match=r"new\.mmdb\.gz: geo_database"):
        install(source, target)
    assert target.read_bytes() == us
    assert list(target.parent.iterdir()) == [target]


def test_a_plain_file_is_installed_too(tmp_path: Path) -> None:
    """A database need not be packed to be installed over a running one."""
    us, de = us_and_de(tmp_path)
    source, target = tmp_path / "new.mmdb", tmp_path / "geo.mmdb"
    source.write_bytes(de)
    target.write_bytes(us)
    here = GeoDatabase(target)
    install(source, target)
    assert here.refresh()
    assert here.look(ip_address("192.0.2.1")).country == "DE"
