"""Whom a verifier trusts: policy files of C2SP tlog-policy.

A policy lists logs and witnesses by their keys, and says which witnesses together are a quorum.
Names are opaque octets; nothing but ASCII is ever interpreted.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from holdfire.ledger import Malformed
from holdfire.ledger.note import COSIGNATURE, SIGNATURE, VerifierKey
from holdfire.ledger.scalars import decimal

NONE = b"none"
MOST_LINES = 1000
CONTROLS = frozenset(range(0x20)) - {0x09, 0x0A} | {0x7F}


@dataclass(frozen=True, slots=True)
class Group:
    """Members, by name, of which at least `least` must have cosigned."""

    least: int
    members: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """The logs and witnesses that are trusted; a `quorum` of `None` asks for no witness."""

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[bytes, VerifierKey]
    groups: Mapping[bytes, Group]
    quorum: bytes | None

    def keys_of(self, origin: str) -> tuple[VerifierKey, ...]:
        """Return the keys with which the log of this origin may sign: several, if it changed them."""
        return tuple(key for key in self.logs if key.name == origin)

    def is_met(self, cosigned: Collection[VerifierKey]) -> bool:
        """Whether witnesses with these keys are a quorum."""
        met = {name for name, key in self.witnesses.items() if key in cosigned}
        # A group names only what is defined before it, so one pass settles all.
        for name, group in self.groups.items():
            if len(met & set(group.members)) >= group.least:
                met.add(name)
        return self.quorum is None or self.quorum in met


def parse(data: bytes) -> Policy:
    """Read a policy file, or raise `Malformed` with the line at fault."""
    lines = data.split(b"\n")
    if lines[-1]:
        raise Malformed("the policy's last line does not end")
    if len(lines) > MOST_LINES:
        raise Malformed("the policy has too many lines")
    reading = Reading()
    for number, line in enumerate(lines, 1):
        try:
            reading.read(line)
        except Malformed as e:
            raise Malformed(f"policy, line {number}: {e}") from e
    if not reading.quorum:
        raise Malformed("the policy names no quorum")
    quorum = None if reading.quorum == NONE else reading.quorum
    return Policy(tuple(reading.logs), reading.witnesses, reading.groups, quorum)


@dataclass(slots=True)
class Reading:
    """A policy as far as it was read."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[bytes, VerifierKey] = field(default_factory=dict)
    groups: dict[bytes, Group] = field(default_factory=dict)
    taken: set[bytes] = field(default_factory=set)
    quorum: bytes = b""

    def read(self, line: bytes) -> None:
        """Take in one line, or raise `Malformed`."""
        if not CONTROLS.isdisjoint(line):
            raise Malformed("a control character")
        match [word for word in line.replace(b"\t", b" ").split(b" ") if word]:
            case []:
                pass
            case [first, *_] if first.startswith(b"#"):
                pass
            case [b"log", vkey] | [b"log", vkey, _]:
                self.add_log(key_of(vkey, SIGNATURE))
            case [b"witness", name, vkey] | [b"witness", name, vkey, _]:
                self.add_witness(name, key_of(vkey, COSIGNATURE))
            case [b"group", name, least, *members]:
                self.add_group(name, least, tuple(members))
            case [b"quorum", name]:
                self.set_quorum(name)
            case _:
                raise Malformed("neither log, witness, group nor quorum, or with too few words")

    def add_log(self, key: VerifierKey) -> None:
        """Trust a log."""
        if any(key.public == log.public for log in self.logs):
            raise Malformed("a log with the key of another")
        self.logs.append(key)

    def add_witness(self, name: bytes, key: VerifierKey) -> None:
        """Know a witness."""
        self.check_free(name)
        if any(key.public == witness.public for witness in self.witnesses.values()):
            raise Malformed("a witness with the key of another")
        self.witnesses[name] = key

    def add_group(self, name: bytes, least: bytes, members: tuple[bytes, ...]) -> None:
        """Define a group of names defined before, none of which is in another group."""
        self.check_free(name)
        for member in members:
            if member not in self.witnesses and member not in self.groups:
                raise Malformed("a member that is not defined before")
            if member in self.taken:
                raise Malformed("a member that is in a group already")
            self.taken.add(member)
        needed = {b"all": len(members), b"any": 1}.get(least)
        if needed is None:
            needed = decimal(least.decode("ascii", "replace"))
        if not 1 <= needed <= len(members):
            raise Malformed("a group of fewer members than it needs")
        self.groups[name] = Group(needed, members)

    def set_quorum(self, name: bytes) -> None:
        """Say what a quorum is, once."""
        if self.quorum:
            raise Malformed("a second quorum")
        if name not in (NONE, *self.witnesses, *self.groups):
            raise Malformed("a quorum that is not defined before")
        self.quorum = name

    def check_free(self, name: bytes) -> None:
        """Raise `Malformed` if a witness or group has this name, or none can."""
        if name == NONE or name in self.witnesses or name in self.groups:
            raise Malformed("a name that is taken")


def key_of(vkey: bytes, kind: int) -> VerifierKey:
    """Read the key of a log or witness, or raise `Malformed`."""
    try:
        key = VerifierKey.parse(vkey.decode())
    except UnicodeDecodeError as e:
        raise Malformed("a key's name that is not UTF-8") from e
    if key.type != kind:
        raise Malformed(f"a key of type {key.type} where {kind} belongs")
    return key
