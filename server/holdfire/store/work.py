"""What can be asked of the committing task, and what it answers. Values, no more."""

from collections.abc import Sequence

from holdfire.law import Value
from holdfire.record import Artefact, Draft, Erasure, Head, Said, Statement
from holdfire.store import Appended


class Step(Value, frozen=True):
    """One step of an erasure: those of these entries that it still takes something from."""

    erasure: Erasure
    places: tuple[tuple[int, int], ...]  # log, index


class Reopen(Value, frozen=True):
    """Close the present log, open another."""

    statement: Statement


class Sweep(Value, frozen=True):
    """Let the bytes that were erased go from the files; answered with whether they are gone."""

    rewrite: bool  # the whole file, if it is small


class Keep(Value, frozen=True):
    """Keep artefacts."""

    artefacts: tuple[Artefact, ...]


class Discard(Value, frozen=True):
    """Let go of artefacts."""

    digests: tuple[str, ...]


class Publish(Value, frozen=True):
    """Keep a checkpoint."""

    log: int
    size: int
    note: bytes
    cosigned: bool


Shared = Draft | Statement
"""Work that is committed together with what else is waiting."""

Alone = Step | Reopen | Sweep | Keep | Discard | Publish
"""Work that has a transaction to itself."""

Work = Shared | Alone

Outcome = Appended | Said | Head | int | bool | Exception | None
"""What the caller gets; an exception is raised there."""

Batch = Sequence[Shared] | Alone
"""What is committed at a time."""
