"""Runs ``instance.py`` under strace, and has one of its system calls fail or be its last."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

INSTANCE = Path(__file__).with_name("instance.py")
CALLS = [
    "openat",
    "pread64",
    "pwrite64",
    "write",
    "fdatasync",
    "fsync",
    "ftruncate",
    "unlink",
    "rename",
    "link",
    "mkdir",
    "flock",
]
PROMISE = "writev"  # how an instance notes what it was promised
SECONDS = 120  # what a run may take on a busy machine

_CALL = re.compile(r"(\d+) +(\w+)\((.*)")


@dataclass(frozen=True)
class Fault:
    """What befalls some calls of one name about one file: for each thread those of this place."""

    name: str
    file: str  # in the folder; empty for the folder itself
    what: str  # ``error=EIO``, ``signal=SIGKILL``
    when: str  # ``3``; from there on ``3+``

    def __str__(self) -> str:
        return f"{self.name} {self.file} {self.what} {self.when}"


@dataclass(frozen=True)
class Call:
    """One system call about something in the folder."""

    name: str
    file: str
    place: int  # among such calls of its thread, from 1
    failed: bool  # it was made to
    thread: str


@dataclass(frozen=True)
class Trace:
    """What a run did, and how it ended."""

    calls: Sequence[Call]
    status: int
    said: str


def trace(life: str, folder: Path, notes: Path, fault: Fault | None = None) -> Trace:
    """Let an instance live in a folder, with this fault."""
    log = notes.with_suffix(".strace")
    # Quicker where only these calls stop; but at such a stop no signal can be given.
    quick = ["--seccomp-bpf"] if fault is None or "signal=" not in fault.what else []
    command = [_strace(), "-f", *quick, "-qq", "-y", "-s", "300", "-o", str(log)]
    command += ["-e", f"trace={','.join([*CALLS, PROMISE])}", "-e", "signal=none"]
    if fault is not None:  # what is not about this file is neither counted nor harmed
        inject = f"inject={fault.name}:{fault.what}:when={fault.when}"
        command += ["-P", str(folder / fault.file), "-P", str(notes), "-e", inject]
    ran = subprocess.run(
        [*command, sys.executable, str(INSTANCE), life, str(folder), str(notes)],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    said = (ran.stdout + ran.stderr).strip()
    if "ptrace" in said or not log.exists():
        raise AssertionError(
            f"holdfire: strace may not trace here; allow ptrace (docker: --cap-add=SYS_PTRACE): {said}"
        )
    return Trace(_read(log, folder, notes), ran.returncode, said)


def killed(run: Trace) -> bool:
    """Whether that was the end of it."""
    return run.status in {-signal.SIGKILL, 128 + signal.SIGKILL}


def _strace() -> str:
    found = shutil.which("strace")
    assert found, "holdfire: 'strace' is missing. Install it: apt-get install strace"
    return found


def _read(log: Path, folder: Path, notes: Path) -> list[Call]:
    """The calls that are about something in the folder, and the promises between them."""
    counts: dict[tuple[str, str, str], int] = {}
    calls = []
    for line in log.read_text("utf-8", "replace").splitlines():
        found = _CALL.match(line)
        if found is not None and found[2] == PROMISE and str(notes) in line:
            calls.append(Call(PROMISE, "", 0, failed=False, thread=found[1]))
        # The descriptor's file, or the path that is opened, linked, renamed …: all are in front.
        elif found is not None and str(folder) in line:
            thread, name, rest = found.groups()
            path = rest.split(str(folder), 1)[1]
            file = re.split(r'[">]', path, maxsplit=1)[0].lstrip("/")
            place = counts[thread, name, file] = counts.get((thread, name, file), 0) + 1
            calls.append(Call(name, file, place, "(INJECTED)" in line, thread))
    return calls
