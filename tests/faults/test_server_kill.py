"""SIGKILL of the whole server in a storm of choices: a 201 is a promise that outlives it."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from holdfire.store.sqlite import SqliteStore
from house import ORIGIN, ROOT, demo_site
from survival import check
from whole_log import NOWHERE

TASKS = 12
MOMENTS = (0.002, 0.1)  # seconds after the first acknowledgement
UP_SECONDS = 60  # a server that does not answer by then does not come up
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


async def visit(
    client: httpx2.AsyncClient, own: str, promised: dict[str, int], first: asyncio.Event
) -> None:
    """Visitors who choose and withdraw, one after another, until the server is gone."""
    while True:
        headers = {"origin": ORIGIN}
        for action in ("accept_all", "withdraw"):
            try:
                answer = await client.post(
                    f"{own}/v1/sites/demo/choices", json=choice(action), headers=headers
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


async def storm(client: httpx2.AsyncClient, own: str, pid: int, after: float) -> Mapping[str, int]:
    """Choose from many visitors at once, and kill the server ``after`` seconds of it."""
    promised: dict[str, int] = {}
    first = asyncio.Event()
    visits = [asyncio.create_task(visit(client, own, promised, first)) for _ in range(TASKS)]
    await asyncio.wait_for(first.wait(), UP_SECONDS)
    await asyncio.sleep(after)  # a moment like any other is what this is about
    os.kill(pid, signal.SIGKILL)
    await asyncio.gather(*visits)
    return promised


async def survive(servers: subprocess.Popen[str], folder: Path, *, kills: int, seed: int) -> None:
    """Kill the server of one database so many times, and check the log after each."""
    assert servers.stdin is not None
    assert servers.stdout is not None
    moments = random.Random(seed)  # noqa: S311 - a moment, not a secret
    promised: dict[str, int] = {}
    checked = NOWHERE
    async with httpx2.AsyncClient(timeout=UP_SECONDS) as client:
        for _ in range(kills):
            print(folder, file=servers.stdin)
            pid, port = (await asyncio.to_thread(servers.stdout.readline)).split()
            own = f"http://127.0.0.1:{port}"
            promised |= await storm(client, own, int(pid), moments.uniform(*MOMENTS))
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
