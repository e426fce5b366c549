"""The files of the law: ``config/regimes/*.toml`` → one checked ``Law``.

    [regimes.us-ok]                       # a regime; [profiles.…] has the same members
    extends = "us-state"                  # a profile or a regime, merged in first
    label = "Oklahoma"
    effective = 2027-01-01
    laws = ["OKCDPA, 75A O.S. 300-315 (SB 546)"]

    [subdivisions]                        # a place; a dated list switches by itself
    US-OK = [{ from = 2000-01-01, regime = "us-federal" }, { from = 2027-01-01, regime = "us-ok" }]

Merging: the parent first; tables merge deeply, single values and lists replace. How many files
there are and what they are called is free; two of them may not define the same thing.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec.structs import replace

from holdfire.document import MISSING, Document, nearest
from holdfire.errors import Problem
from holdfire.law import EvidenceTag, Regime, Value

# ---------------------------------------------------------------- shapes

Table = dict[str, Any]


class Source(Value, frozen=True):
    """What a rule rests on. ``seen`` is false for what was written from memory."""

    seen: bool
    what: str
    published: date | None = msgspec.field(name="date", default=None)  # else: of the rule described
    url: str = ""


class Overlay(Value, frozen=True):
    """A stricter reading that a site may switch on; a disabled one is not law yet."""

    applies_to: tuple[str, ...]  # regimes or profiles
    why: str
    evidence: EvidenceTag
    set_model: Literal["opt_in"] | None = None
    when: str = ""  # what must be true of the site; the owner answers for it
    enabled: bool = True


class Scheduled(Value, frozen=True):
    """A regime that holds from a day on, until the next one of its list."""

    since: date = msgspec.field(name="from")
    regime: str


class Group(Value, frozen=True):
    """Countries with one regime. A ``fallback`` group yields to a country's own entry."""

    regime: str
    members: tuple[str, ...]
    fallback: bool = False


class About(Value, frozen=True):
    """What a reader of the whole must know."""

    as_of: date
    disclaimer: str
    blind_spot: str
    credit: str


class LawFile(Value, frozen=True):
    """One file: any of these, in any order."""

    about: About | None = None
    unknown: str | None = None
    sources: dict[str, Source] = msgspec.field(default_factory=dict)
    profiles: dict[str, Table] = msgspec.field(default_factory=dict)
    regimes: dict[str, Table] = msgspec.field(default_factory=dict)
    overlays: dict[str, Overlay] = msgspec.field(default_factory=dict)
    names: dict[str, str] = msgspec.field(default_factory=dict)
    aliases: dict[str, str] = msgspec.field(default_factory=dict)
    special: dict[str, str] = msgspec.field(default_factory=dict)
    subdivisions: dict[str, str | tuple[Scheduled, ...]] = msgspec.field(default_factory=dict)
    groups: dict[str, Group] = msgspec.field(default_factory=dict)
    countries: dict[str, str | tuple[Scheduled, ...]] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Law:
    """Everything the files say, merged and typed. ``origin`` tells the file of ``section.key``."""

    about: About
    unknown: str
    regimes: dict[str, Regime]
    sources: dict[str, Source]
    overlays: dict[str, Overlay]
    names: dict[str, str]  # every country of ISO 3166-1, XK, and the subdivisions with a rule
    aliases: dict[str, str]
    special: dict[str, str]
    subdivisions: dict[str, tuple[Scheduled, ...]]
    groups: dict[str, Group]
    countries: dict[str, tuple[Scheduled, ...]]
    known: frozenset[str]  # ids of all regimes, those that could not be decoded included
    profiles: frozenset[str]
    lineage: dict[str, frozenset[str]]  # a regime → itself and all it extends
    origin: dict[str, str]


class Fault(NamedTuple):
    """One fault of an entry: where in it, what, and what to do about it."""

    key: str
    what: str
    remedy: str


ALWAYS = date.min  # an undated entry holds from the beginning


# ---------------------------------------------------------------- reading


def read(folder: Path) -> tuple[Law | None, list[Problem]]:
    """Read every ``*.toml`` of a folder, and list every fault of form.

    The law is ``None`` if a file could not be read: judging the rest would raise false alarms.
    """
    files, problems = [], []
    for path in sorted(folder.glob("*.toml")):
        found, faulty = _read_file(path)
        files.append((str(path), found))
        problems += faulty
    whole, origin, doubled = _join(files)
    problems += doubled
    problems += [
        Problem(str(folder), key, "missing", "copy config/regimes, or correct the setting")
        for key in ("about", "unknown")
        if not whole[key] and not problems
    ]
    if problems:
        return None, problems
    return _assemble(whole, origin)


def _read_file(path: Path) -> tuple[LawFile, list[Problem]]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return LawFile(), [Problem(str(path), "", f"not TOML: {error}", "mend the place named")]
    try:
        return msgspec.convert(table, LawFile), []
    except msgspec.ValidationError:
        return LawFile(), [Problem(str(path), *fault) for fault in faults(table, LawFile)]


def _join(
    files: Iterable[tuple[str, LawFile]],
) -> tuple[dict[str, Table], dict[str, str], list[Problem]]:
    """Put the files together: section → key → value, and which file said so."""
    whole: dict[str, Table] = {section: {} for section in LawFile.__struct_fields__}
    origin: dict[str, str] = {}
    problems = []
    for path, found in files:
        for section, table in whole.items():
            said = getattr(found, section)
            if said is None:
                continue
            for key, value in (said if isinstance(said, dict) else {"": said}).items():
                name = f"{section}.{key}" if key else section
                if name in origin:
                    remedy = f"keep this one or that of {origin[name]}"
                    problems.append(Problem(path, name, "defined twice", remedy))
                origin[name] = path
                table[key] = value
    return whole, origin, problems


def _assemble(whole: dict[str, Table], origin: dict[str, str]) -> tuple[Law, list[Problem]]:
    profiles, raw = whole["profiles"], whole["profiles"] | whole["regimes"]
    regimes: dict[str, Regime] = {}
    lineages: dict[str, frozenset[str]] = {}
    problems = []
    for name, table in raw.items():
        where = f"profiles.{name}" if name in profiles else f"regimes.{name}"
        ill = list(_misnamed(name, table, whole))
        lineage, lost = _lineage(name, raw)
        ill += lost
        regime = None
        if lineage and name not in profiles:
            regime, faulty = _decode(name, [raw[ancestor] for ancestor in lineage])
            ill += faulty
        if regime is None:
            own = {key: member for key, member in table.items() if key != "extends"}
            ill += faults(own, Regime, partial=True)
        else:
            regimes[name] = regime
            lineages[name] = frozenset(lineage)
        problems += [Problem(origin[where], join(where, f.key), f.what, f.remedy) for f in ill]
    law = Law(
        about=whole["about"][""],
        unknown=whole["unknown"][""],
        regimes=regimes,
        sources=whole["sources"],
        overlays=whole["overlays"],
        names=whole["names"],
        aliases=whole["aliases"],
        special=whole["special"],
        subdivisions={key: _schedule(entry) for key, entry in whole["subdivisions"].items()},
        groups=whole["groups"],
        countries={key: _schedule(entry) for key, entry in whole["countries"].items()},
        known=frozenset(whole["regimes"]),
        profiles=frozenset(profiles),
        lineage=lineages,
        origin=origin,
    )
    return law, problems


def _schedule(entry: str | tuple[Scheduled, ...]) -> tuple[Scheduled, ...]:
    return (Scheduled(ALWAYS, entry),) if isinstance(entry, str) else entry


def _misnamed(name: str, table: Table, whole: dict[str, Table]) -> Iterator[Fault]:
    if name in whole["profiles"] and name in whole["regimes"]:
        yield Fault("", "a profile and a regime have this name", "rename one of them")
    if "id" in table:
        yield Fault("id", "nothing reads this key", "drop it: the name of the table is the id")
    cited = table.get("sources")
    for source in cited if isinstance(cited, list) else ():
        if source not in whole["sources"]:
            remedy = nearest(str(source), whole["sources"])
            yield Fault("sources", f"unknown source {source!r}", remedy)


def faults(value: object, kind: type[Value], *, partial: bool = False) -> list[Fault]:
    """Everything wrong with a decoded table, by key within it."""
    document = Document("")
    document.decode(value, kind, partial=partial)
    return [Fault(problem.key, problem.what, problem.remedy) for problem in document.problems]


def join(key: str, name: str) -> str:
    """Write one more member onto a dotted key."""
    return f"{key}.{name}" if key and name else key or name


# ---------------------------------------------------------------- inheritance


def _lineage(name: str, raw: Mapping[str, Table]) -> tuple[list[str], list[Fault]]:
    """The entry and its ancestors, nearest first; empty if it has no complete ancestry.

    A fault is told once, at the entry that has it, and not again at every heir.
    """
    chain = [name]
    while "extends" in raw[chain[-1]]:
        parent = raw[chain[-1]]["extends"]
        if not isinstance(parent, str) or parent not in raw:
            unknown = Fault("extends", f"unknown parent {parent!r}", nearest(str(parent), raw))
            return [], [unknown] if len(chain) == 1 else []
        if parent in chain:
            circle = Fault(
                "extends", "inherits from itself", "break the circle: " + " → ".join(chain)
            )
            return [], [circle] if parent == name else []
        chain.append(parent)
    return chain, []


def _decode(name: str, lineage: Sequence[Table]) -> tuple[Regime | None, list[Fault]]:
    table: Table = {}
    for ancestor in reversed(lineage):
        table = _merged(table, ancestor)
    table.pop("extends", None)
    table["id"] = name
    try:
        return _of_age(msgspec.convert(table, Regime))
    except msgspec.ValidationError:
        # What was written wrongly is told where it was written; here only what nobody wrote.
        # Nor a list's gaps: a list is inherited whole.
        absent = (fault for fault in faults(table, Regime) if fault.what == MISSING)
        return None, [fault for fault in absent if "[" not in fault.key]


def _merged(parent: Table, child: Table) -> Table:
    merged = dict(parent)
    for key, value in child.items():
        inherited = merged.get(key)
        if isinstance(inherited, dict) and isinstance(value, dict):
            merged[key] = _merged(inherited, value)
        else:
            merged[key] = value
    return merged


def _of_age(regime: Regime) -> tuple[Regime | None, list[Fault]]:
    """Write the age of digital consent into the bands that refer to it (GDPR Art. 8(1))."""
    if all(rule.ages != "below_consent_age" for rule in regime.minors.rules):
        return regime, []
    age = regime.minors.consent_age
    if age is None:
        remedy = "add minors.consent_age, or write the ages out"
        return None, [Fault("minors.rules", "below_consent_age, but no age is given", remedy)]
    rules = tuple(
        replace(rule, ages=(0, age - 1)) if rule.ages == "below_consent_age" else rule
        for rule in regime.minors.rules
    )
    return replace(regime, minors=replace(regime.minors, rules=rules)), []
