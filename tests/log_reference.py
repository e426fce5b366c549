"""The log in a few lines: lists of what was said and done, and what became of it. For comparison."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from holdfire.ledger.entry import Kind

Place = tuple[int, int]


@dataclass
class Item:
    """One entry: an act of a person, or a statement."""

    kind: Kind
    body: bytes
    ms: int
    event: str = ""
    visitor: str = ""
    person: int = 0
    seq: int = 0
    gone: set[str] = field(default_factory=set)


@dataclass
class Model:
    """All logs: origin and items of each."""

    logs: list[tuple[str, list[Item]]] = field(default_factory=list)
    last_ms: int = 0
    people: int = 0

    def put(self, item: Item) -> Place:
        """Put an item to the end, in a log of its year."""
        item.ms = max(item.ms, self.last_ms)
        year = datetime.fromtimestamp(item.ms / 1000, UTC).year
        if not self.logs or year > int(self.logs[-1][0][len("localhost/log/") :][:4]):
            self.open(year)
        self.last_ms = item.ms
        self.logs[-1][1].append(item)
        return len(self.logs), len(self.logs[-1][1]) - 1

    def open(self, year: int) -> None:
        """Begin a log, of the first name that was not used."""
        first, used = f"localhost/log/{year}", {origin for origin, _ in self.logs}
        names = (first, *(f"{first}-{n}" for n in range(2, len(used) + 3)))
        self.logs.append((next(name for name in names if name not in used), []))

    def items(self) -> list[tuple[Place, Item]]:
        """All of them, by place."""
        return [
            ((log, index), item)
            for log, (_, items) in enumerate(self.logs, 1)
            for index, item in enumerate(items)
        ]

    def of(self, visitor: str) -> list[Item]:
        """What is known of a visitor, oldest first."""
        return [item for _, item in self.items() if item.visitor == visitor and not item.gone]

    def act(
        self, event: str, visitor: str, body: bytes, ms: int, after: int | None
    ) -> tuple[Place, bool] | None:
        """Where an act is and whether it is new; ``None`` if it is refused."""
        for place, item in self.items():
            if item.event == event:
                return (place, False) if item.body == body and not item.gone else None
        before = self.of(visitor)
        if after not in {None, len(before)}:
            return None
        person = before[-1].person if before else self.people + 1
        self.people = max(self.people, person)
        return self.put(Item(Kind.CHOICE, body, ms, event, visitor, person, len(before) + 1)), True

    def erase(self, part: str, ms: int, visitor: str | None, settled: int | None) -> list[Item]:
        """Erase a part of all that fits; what was erased."""
        newest = {item.person: item.ms for _, item in self.items() if item.person}
        erased = [
            (place, item)
            for place, item in self.items()
            if item.person
            and not item.gone & {part, "record"}
            and (visitor is None or (item.visitor == visitor and not item.gone))
            and (settled is None or newest[item.person] < settled)
        ]
        for place, item in erased:
            origin = self.logs[place[0] - 1][0]
            said = f'{{"because":"request","index":{place[1]},"origin":"{origin}","part":"{part}","v":1}}'
            self.put(Item(Kind.ERASURE, said.encode(), ms))
            item.gone.add(part)
        return [item for _, item in erased]
