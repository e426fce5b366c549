"""A witness to ask, and logs that ask it: for tests of both sides of tlog-witness."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import uvicorn
from starlette.testclient import TestClient

from holdfire.ledger import note
from holdfire.ledger.checkpoint import Checkpoint
from holdfire.ledger.note import Note, Signed
from holdfire.ledger.scalars import base64
from holdfire.serving import listen
from holdfire.witness.cosigner import Cosigner, open_witness
from holdfire.witness.service import WitnessService
from house import Clock
from ledger_world import LOG, Signer, secret
from rfc6962 import Tree

NAME = "witness.example/w1"


class Log:
    """A log as its operator has it; one with another ``story`` differs from entry ``since`` on."""

    def __init__(self, signer: Signer = LOG, story: str = "", since: int = 0) -> None:
        self.signer = signer
        self.tree = Tree([secret(f"{story if i >= since else ''} entry {i}") for i in range(300)])

    def text(self, size: int) -> str:
        """The checkpoint that is signed at a size."""
        return Checkpoint(self.signer.key.name, size, self.tree.mth(0, size)).text()

    def signed(self, size: int, *signers: Signer) -> bytes:
        """The same, signed by the log or by others."""
        text = self.text(size)
        return Note(text, tuple(s.sign(text) for s in signers or (self.signer,))).encode()

    def proof(self, old: int, new: int) -> list[str]:
        """The lines that show the one tree begins with the other."""
        return [] if old in (0, new) else [base64(h) for h in self.tree.proof(old, 0, new)]

    def request(self, old: int, new: int, signed: bytes | None = None) -> bytes:
        """The body of a request."""
        lines = [f"old {old}", *self.proof(old, new), ""]
        return "".join(f"{line}\n" for line in lines).encode() + (signed or self.signed(new))


@dataclass
class Witness:
    """A witness in this process."""

    client: TestClient
    cosigner: Cosigner
    clock: Clock

    def add(self, body: bytes) -> httpx2.Response:
        """POST add-checkpoint."""
        return self.client.post("/add-checkpoint", content=body)

    def sizes(self) -> dict[str, int | None]:
        """What it says of the logs it knows."""
        logs = self.client.get("/").json()["logs"]
        return {log["origin"]: log["size"] for log in logs}

    def cosigned(self, log: Log, old: int, new: int) -> Signed:
        """Have a checkpoint cosigned; the cosignature, verified."""
        answer = self.add(log.request(old, new))
        assert answer.status_code == 200, answer.text
        cosigned = Note(log.text(new), note.parse_signatures(answer.text))
        (signed,) = note.verify(cosigned, [self.cosigner.key.verifier])
        return signed


@contextmanager
def witness(
    folder: Path,
    logs: Sequence[str] = (LOG.key.text(),),
    *,
    policy: Path | None = None,
    name: str | None = NAME,
    clock: Clock | None = None,
) -> Iterator[Witness]:
    """Open a witness in a folder, as its command does."""
    moved = clock or Clock()
    cosigner = open_witness(
        folder / "w.key",
        folder / "w.key.db",
        list(logs),
        policy,
        name=name,
        random=os.urandom,
        clock=moved,
    )
    try:
        yield Witness(TestClient(WitnessService(cosigner)), cosigner, moved)
    finally:
        cosigner.close()


@contextmanager
def process(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Run ``holdfire witness``: its process, its key and its address. It is killed in the end."""
    command = [sys.executable, "-m", "holdfire", "witness", "--port", "0"]
    with subprocess.Popen(
        [*command, "--key-file", str(folder / "w.key"), *arguments],
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            assert running.stdout is not None
            vkey, _, url = running.stdout.readline().strip().partition(" at ")
            yield running, vkey, url
        finally:
            running.kill()


@contextmanager
def serving(found: Witness) -> Iterator[str]:
    """Serve a witness on loopback, from a thread: its address."""
    config = uvicorn.Config(
        WitnessService(found.cosigner),
        loop="asyncio",
        lifespan="off",
        ws="none",
        log_config=None,
    )
    server = uvicorn.Server(config)
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            # The port is taken already: who asks before the thread listens only waits.
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
