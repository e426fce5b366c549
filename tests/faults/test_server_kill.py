"""SIGKILL of the whole server in a storm of choices: a 201 is a promise that outlives it."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from holdfire.store.sqlite import SqliteStore
from house import ORIGIN, ROOT, demo_site
from survival import check
from whole_log import NOWHERE

TASKS = 24
MOMENTS = (0.01, 0.15)  # seconds after the first acknowledgement
SITE = demo_site()


@pytest.fixture(scope="module")
def servers() -> Iterator[subprocess.Popen[str]]:
    """What forks the servers to be killed."""
    command = [sys.executable, str(Path(__file__).with_name("server.py"))]
    path = os.pathsep.join([str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command,
        stdin=pipe,
        stdout=pipe,
        text=True,
        bufsize=1,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        yield process


def choice(action: str) -> dict[str, Any]:
    """A well-formed choice."""
    granted = action == "accept_all"
    return {
        "event_id": str(uuid.uuid4()),
        "action": action,
        "categories": {"functional": granted, "analytics": granted, "marketing": granted},
        "services": {},
        "notice_version": SITE.version,
        "language": "en",
        "layer": 1,
        "control": action,
        "client_time": "2026-11-21T12:00:00Z",
    }


async def visit(client: httpx2.AsyncClient, promised: dict[str, int], first: asyncio.Event) -> None:
    """Visitors who choose and withdraw, one after another, until the server is gone."""
    while True:
        headers = {"origin": ORIGIN}
        for action in ("accept_all", "withdraw"):
            try:
                answer = await client.post(
                    "/v1/sites/demo/choices", json=choice(action), headers=headers
                )
                body = answer.json()
            except (httpx2.TransportError, ValueError):
                return  # killed; what was not answered was not promised
            if answer.status_code != 201:
                assert answer.status_code == 503, answer.text
                continue
            promised[body["event_id"]] = body["log_index"]
            first.set()
            headers = {"origin": ORIGIN, "authorization": f"Bearer {body['token']}"}


async def storm(port: int, pid: int, after: float) -> dict[str, int]:
    """Choose from many visitors at once, and kill the server ``after`` seconds of it."""
    promised: dict[str, int] = {}
    first = asyncio.Event()
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        await up(client)
        visits = [asyncio.create_task(visit(client, promised, first)) for _ in range(TASKS)]
        await asyncio.wait_for(first.wait(), 20)
        await asyncio.sleep(after)  # a moment like any other is what this is about
        os.kill(pid, signal.SIGKILL)
        await asyncio.gather(*visits)
    return promised


async def up(client: httpx2.AsyncClient) -> None:
    """Wait until the server could record."""
    for _ in range(400):
        try:
            if (await client.get("/readyz")).status_code == 200:
                return
        except httpx2.TransportError:
            await asyncio.sleep(0.02)
    raise AssertionError("the server did not come up")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


async def survive(servers: subprocess.Popen[str], folder: Path, *, kills: int, seed: int) -> None:
    """Kill the server of one database so many times, and check the log after each."""
    assert servers.stdin is not None
    assert servers.stdout is not None
    moments = random.Random(seed)  # noqa: S311 - a moment, not a secret
    promised: dict[str, int] = {}
    checked = NOWHERE
    for _ in range(kills):
        port = free_port()
        print(folder, port, sep="\t", file=servers.stdin)
        pid = int(await asyncio.to_thread(servers.stdout.readline))
        promised |= await storm(port, pid, moments.uniform(*MOMENTS))
        assert await asyncio.to_thread(servers.stdout.readline) == "gone\n"
        store = await SqliteStore.open(folder / "holdfire.db", writing=False)
        checked = await check(store, promised, checked)
        await store.close()
    assert promised


@pytest.mark.parametrize("seed", range(10))
async def test_every_acknowledged_choice_survives_ten_kills_of_the_server(
    servers: subprocess.Popen[str], tmp_path: Path, seed: int
) -> None:
    """After each kill every choice that was answered 201 is in the log, and there is no gap."""
    await survive(servers, tmp_path, kills=10, seed=seed)
