"""The bytes of a record: one spelling only, and all that stands in them."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kept
from holdfire import evidence
from holdfire.canonical import LARGEST, canonical
from holdfire.errors import ConfigError
from holdfire.evidence import BLOCK, Subject
from holdfire.ledger.entry import OUTBOX, SKEWED, Kind, tenant
from house import STATED, Service, demo_site, running

NUMBERS = st.integers(min_value=-LARGEST, max_value=LARGEST)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=6),
    max_leaves=20,
)
ESCAPES = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}


def rfc8785(value: Any) -> str:
    """A value as the standard has it, letter by letter (§3.2), for numbers without a fraction."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: units(member[0]))
        return "{" + ",".join(f"{rfc8785(k)}:{rfc8785(v)}" for k, v in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(rfc8785, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(map(letter, value)) + '"'
    return {"True": "true", "False": "false", "None": "null"}.get(str(value), str(value))


def letter(one: str) -> str:
    """§3.2.2.2."""
    code = ord(one)
    return ESCAPES.get(code) or (f"\\u{code:04x}" if code < 0x20 else one)


def units(text: str) -> list[int]:
    """§3.2.3: names are in the order of their UTF-16 code units."""
    coded = text.encode("utf-16-be")
    return [int.from_bytes(coded[i : i + 2]) for i in range(0, len(coded), 2)]


@given(VALUES)
def test_canonical_json_is_that_of_the_standard(value: Any) -> None:
    """Members in order, strings escaped as little as can be, no spaces: whatever the letters."""
    assert canonical(value) == rfc8785(value).encode()


def test_names_are_in_the_order_that_the_standard_shows() -> None:
    """The example of RFC 8785 §3.2.3, in which UTF-16 and code points disagree."""
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    ordered = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]

    assert list(json.loads(canonical(dict.fromkeys(names, 0)))) == ordered


@pytest.mark.parametrize("value", [0.5, 1.0, [1e30], {"a": float("nan")}, LARGEST + 1, -(2**60)])
def test_numbers_that_two_programs_may_spell_differently_are_refused(value: object) -> None:
    """No fractions, and nothing that a page cannot count to."""
    with pytest.raises(ValueError, match=r"fraction|count to"):
        canonical(value)


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_block_is_written_as_the_standard_has_it(prefix: str, browser: str) -> None:
    """Whatever the letters in it."""
    person = Subject(visitor="v" * 22, address_prefix=prefix, browser=browser)

    assert evidence.encode(person) == rfc8785(msgspec.to_builtins(person)).encode()


def test_both_blocks_of_a_record_are_canonical(service: Service) -> None:
    """Whoever parses them and writes them again by the standard has the same bytes."""
    service.choose(services={"posthog": False}, layer=2, language="ar")
    (record,) = kept.records(service.folder)

    for block in (record.evidence, record.subject):
        assert rfc8785(json.loads(block)).encode() == block
        assert len(block) <= BLOCK


def test_an_act_names_its_number_and_the_one_before_it(service: Service) -> None:
    """The acts of one visitor are a chain; another visitor's begins anew."""
    acts = [service.choose(action).json() for action in ("accept_all", "withdraw", "accept_all")]
    service.client.cookies.clear()
    service.choose("reject_all")
    told = [(proof.seq, proof.prev) for proof in kept.proofs(service.folder)]

    first, second, _ = (act["event_id"] for act in acts)
    assert told == [(1, None), (2, first), (3, second), (1, None)]
    assert [act["seq"] for act in acts] == [1, 2, 3]


def test_the_entry_says_where_and_under_which_configuration(service: Service) -> None:
    """An entry of a choice has its site and the configuration the evidence names, and no flags."""
    service.choose("accept_all")
    (proof,) = kept.proofs(service.folder)
    *_, stated, entry = kept.entries(service.folder)

    assert (entry.kind, entry.tenant, entry.flags) == (Kind.CHOICE, tenant("demo"), 0)
    assert entry.tail.hex() == proof.shown.config
    assert (stated.kind, stated.tail) == (Kind.CONFIG, entry.tail)


def test_an_entry_says_that_the_clock_was_off(service: Service) -> None:
    """A client clock that is hours away is flagged where anybody can see it."""
    service.choose("accept_all", client_time="2026-11-21T18:00:00Z")

    assert kept.entries(service.folder)[STATED].flags == SKEWED


def test_an_entry_says_that_the_act_was_late(service: Service) -> None:
    """So is an act that came in after a newer one, by the outbox."""
    service.choose("reject_all")
    service.choose("accept_all", client_time="2026-11-21T11:58:00Z")

    assert kept.entries(service.folder)[STATED + 1].flags == OUTBOX


def test_no_record_is_longer_than_what_was_reckoned_with(service: Service) -> None:
    """What is known at the start to be the longest is longer than an act that says all it can."""
    site = service.site
    service.choose(
        "reject_all",
        services={one.id: False for one in site.services},
        control="x" * 64,
        headers={"sec-gpc": "1", "dnt": "1"},
    )
    (record,) = kept.records(service.folder)

    assert len(record.evidence) < evidence.longest(site) <= BLOCK


def test_a_site_whose_records_could_be_too_long_does_not_start(tmp_path: Path) -> None:
    """A receipt holds a whole record: what one act could name has to fit into 8 KiB."""
    site = demo_site()
    many = tuple(
        msgspec.structs.replace(site.services[0], id=f"service-{number:03}-{'x' * 40}")
        for number in range(64)
    )
    with (
        pytest.raises(ConfigError, match=r"demo\.toml: service: the record of one act could"),
        running(tmp_path, site=msgspec.structs.replace(site, services=many)),
    ):
        pass


def test_a_block_that_is_too_long_is_not_written() -> None:
    """Were one to come about all the same, it would be a fault of the program."""
    person = Subject(visitor="v" * 22, address_prefix="", browser="x" * BLOCK)

    with pytest.raises(ValueError, match="a block of"):
        evidence.encode(person)
