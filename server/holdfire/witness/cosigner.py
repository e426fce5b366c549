"""The decision of a witness: one submission in, an answer as tlog-witness lays it down out."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from holdfire.errors import ConfigError, Problem
from holdfire.ledger import Malformed, note, submission
from holdfire.witness import key as keys
from holdfire.witness.key import WitnessKey
from holdfire.witness.logs import Logs
from holdfire.witness.state import Conflict, Inconsistent, State, StateUnavailable

LOG = logging.getLogger("holdfire.witness")

TEXT = "text/plain; charset=utf-8"
SIZE = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered to a request."""

    status: int
    body: str
    media_type: str = TEXT


class Cosigner:
    """A witness: its key, the logs it knows, and what it cosigned last."""

    def __init__(
        self, key: WitnessKey, logs: Logs, state: State, clock: Callable[[], float] = time.time
    ) -> None:
        self.key = key
        self._logs = logs
        self._state = state
        self._clock = clock

    async def add_checkpoint(self, body: bytes) -> Answer:
        """Answer a submission. Every check is in the order of the specification."""
        try:
            asked = submission.parse(body)
        except Malformed as error:
            return Answer(400, f"{error}\n")
        known = self._logs.of(asked.head.origin)
        if not known:
            return Answer(404, "this log is not known here\n")
        try:
            note.verify(asked.note, known)
        except Malformed as error:
            return Answer(403, f"{error}\n")
        if asked.old > asked.head.size:
            return Answer(400, "the old size is larger than that of the checkpoint\n")
        return await self._cosign(asked)

    async def _cosign(self, asked: submission.Submission) -> Answer:
        try:
            moment = await asyncio.to_thread(self._state.advance, asked, self._clock)
        except Conflict as conflict:
            if conflict.size == asked.old:  # then it is the root that differs
                LOG.error("%s has two roots at size %d", asked.head.origin, conflict.size)  # noqa: TRY400 -- nothing was raised but the news
            return Answer(409, f"{conflict.size}\n", SIZE)
        except Inconsistent:
            LOG.warning("a proof for %s at size %d is wrong", asked.head.origin, asked.head.size)
            return Answer(422, "the proof does not lead from the old tree to this one\n")
        except StateUnavailable as error:
            LOG.error("nothing is cosigned: %s", error)  # noqa: TRY400 -- the database's sentence says it all
            return Answer(503, "nothing can be cosigned now\n")
        return Answer(200, self.key.cosign(asked.note.text, moment).line())

    async def latest(self) -> dict[str, object]:
        """Name, key, and the size cosigned last of each log: for whoever watches the witness.

        Raises ``StateUnavailable``.
        """
        found = {
            latest.origin: latest.size for latest in await asyncio.to_thread(self._state.latest)
        }
        origins = sorted({*found, *(key.name for key in self._logs.keys)})
        return {
            "name": self.key.verifier.name,
            "vkey": self.key.verifier.text(),
            "logs": [{"origin": origin, "size": found.get(origin)} for origin in origins],
        }

    def close(self) -> None:
        """Let go of the state."""
        self._state.close()


def open_witness(
    key_file: Path,
    state_file: Path,
    vkeys: list[str],
    policy: Path | None,
    *,
    name: str | None,
    random: Callable[[int], bytes],
    clock: Callable[[], float] = time.time,
) -> Cosigner:
    """Open a witness, or make one. Raises ``ConfigError``.

    A key without its state has forgotten what it signed, and could sign another history: it is
    refused. Therefore the state is made before the key is.
    """
    if key_file.exists() and not state_file.exists():
        what = "the state of this key is gone: what it has cosigned is forgotten"
        remedy = "restore the newest state, or begin anew with another key file"
        raise ConfigError((Problem(str(state_file), "state", what, remedy),))
    state = State(state_file)
    try:
        key = keys.read_or_make(key_file, name, random)
        return Cosigner(key, Logs(vkeys, policy, key.verifier), state, clock)
    except ConfigError:
        state.close()
        raise
