"""SIGKILL in a storm of writes, over and over: nothing that was acknowledged is lost."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from holdfire.store.sqlite import SqliteStore
from survival import acknowledged, check
from whole_log import NOWHERE

APPENDER = Path(__file__).with_name("appender.py")
MOMENTS = (0.002, 0.06)  # seconds after the first acknowledgement


@pytest.fixture(scope="module")
def appender() -> Iterator[subprocess.Popen[str]]:
    """What forks the processes to be killed."""
    command = [sys.executable, str(APPENDER)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) as process:
        yield process


def kill_in_a_storm(
    appender: subprocess.Popen[str], database: Path, notes: Path, after: float
) -> None:
    """Have a process append, and kill it ``after`` so many seconds of storm."""
    assert appender.stdin is not None
    assert appender.stdout is not None
    print(database, notes, sep="\t", file=appender.stdin)
    storm = int(appender.stdout.readline())
    time.sleep(after)  # a moment like any other is what this is about
    os.kill(storm, signal.SIGKILL)
    assert appender.stdout.readline() == "gone\n"


async def survive(appender: subprocess.Popen[str], folder: Path, *, kills: int, seed: int) -> None:
    """Kill the writer of one database so many times, and check the log after each."""
    moments = random.Random(seed)  # noqa: S311 - a moment, not a secret
    database, notes = folder / "holdfire.db", folder / "acknowledged"
    checked = NOWHERE
    for _ in range(kills):
        kill_in_a_storm(appender, database, notes, moments.uniform(*MOMENTS))
        promised = acknowledged(notes)
        assert promised
        for writing in (False, True):  # first as an operator looks at what the crash has left
            store = await SqliteStore.open(database, writing=writing)
            end = await check(store, promised, checked)
            await store.close()
        checked = end
    await check_all(database, promised)


async def check_all(database: Path, promised: Mapping[str, int]) -> None:
    """The last look: at every commitment, however old."""
    store = await SqliteStore.open(database, writing=False)
    await check(store, promised)
    await store.close()


@pytest.mark.parametrize("seed", range(10))
async def test_what_was_acknowledged_survives_ten_kills(
    appender: subprocess.Popen[str], tmp_path: Path, seed: int
) -> None:
    """After each kill every acknowledged record is in the log, at its index, and there is no gap."""
    await survive(appender, tmp_path, kills=10, seed=seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 150))
async def test_what_was_acknowledged_survives_a_hundred_kills(
    appender: subprocess.Popen[str], tmp_path: Path, seed: int
) -> None:
    """The same for a log that is killed a hundred times as it grows."""
    await survive(appender, tmp_path, kills=100, seed=seed)
