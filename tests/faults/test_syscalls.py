"""Each system call that makes something durable fails, or is the last: no promise is broken."""

import shutil
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from aftermath import check
from tracing import CALLS, PROMISE, Call, Fault, Trace, killed, trace

INTO_FILES = [
    "openat",
    "pwrite64",
    "write",
    "fdatasync",
    "fsync",
    "ftruncate",
    "rename",
    "link",
    "mkdir",
]
FAULTS = {
    "error=EIO": tuple(CALLS),
    "error=ENOSPC": tuple(INTO_FILES),
    "signal=SIGKILL": (*INTO_FILES, "unlink"),
}
# A heavy life adds only how the write-ahead log is folded while acts come in.
FOLDING = ("pwrite64", "fdatasync")
CAMPAIGN = [
    *((fault, name, "small") for fault, names in FAULTS.items() for name in names),
    *((fault, name, "heavy") for fault in FAULTS for name in FOLDING),
]
LASTING = ("pwrite64", "write", "fdatasync", "fsync")  # a disk that stays full, or stays broken
EACH = 3  # places of a call about one kind of file, spread from the first to the last

DRAFT = "var/.anchor.json.1"
KEYS = "var/log.keys"
KEY_DRAFT = "var/log.keys/.localhost_log_2026.1.key.1"

# What a life must come by, or a campaign says nothing about it.
SITES = {
    ("fdatasync", "holdfire.db-wal"),  # a commit
    ("fdatasync", "holdfire.db-journal"),  # the first one
    ("fdatasync", "holdfire.db"),  # the write-ahead log folded into the database
    ("pwrite64", "holdfire.db"),
    ("ftruncate", "holdfire.db-wal"),  # and emptied
    ("ftruncate", "holdfire.db"),  # what an erasure gives back
    ("fsync", DRAFT),
    ("rename", DRAFT),
    ("fsync", "var"),
    ("write", KEY_DRAFT),
    ("link", KEY_DRAFT),
    ("fsync", KEYS),
    ("rename", KEY_DRAFT),  # a key retires
}

# What a pull request is held to: one place of each.
SMOKE = (
    ("pwrite64", "holdfire.db-wal", "error=EIO"),
    ("fdatasync", "holdfire.db-wal", "error=EIO"),
    ("fdatasync", "holdfire.db-wal", "signal=SIGKILL"),
    ("pwrite64", "holdfire.db-wal", "error=ENOSPC"),
    ("pwrite64", "holdfire.db", "signal=SIGKILL"),
    ("fdatasync", "holdfire.db", "error=EIO"),
    ("ftruncate", "holdfire.db", "error=EIO"),
    ("ftruncate", "holdfire.db-wal", "signal=SIGKILL"),
    ("fsync", DRAFT, "error=EIO"),
    ("rename", DRAFT, "signal=SIGKILL"),
    ("write", KEY_DRAFT, "error=ENOSPC"),
    ("unlink", KEY_DRAFT, "signal=SIGKILL"),
)


@cache
def calls(life: str) -> Sequence[Call]:
    """What a life does when nothing is in its way."""
    with TemporaryDirectory() as name:
        run = trace(life, made(Path(name)), Path(name) / "notes")
        assert (run.status, run.said) == (0, "")
        return run.calls


def made(folder: Path) -> Path:
    """A folder for an instance."""
    inner = folder / "instance"
    inner.mkdir()
    return inner


def spread(places: Sequence[int], most: int) -> Sequence[int]:
    """So many of them, the first and the last among them."""
    last = len(places) - 1
    return [places[n * last // max(most - 1, 1)] for n in range(most)] if last else places


def chosen(life: str, name: str, most: int = EACH) -> Iterator[tuple[str, int]]:
    """Files that a call is about, and at which of the calls to make it fail."""
    files: dict[str, set[int]] = {}
    for call in calls(life):
        if call.name == name:
            files.setdefault(call.file, set()).add(call.place)
    for file, places in sorted(files.items()):
        yield from ((file, place) for place in sorted(set(spread(sorted(places), most))))


async def survives(folder: Path, life: str, fault: Fault) -> Trace:
    """Let an instance live with this fault, and check what it leaves; how it went."""
    inner = made(folder)
    run = trace(life, inner, folder / "notes", fault)
    refused = run.status == 3 and run.said.startswith("refused: ")
    assert run.status == 0 or killed(run) or refused, f"{life}: {fault}: {run.said}"
    try:
        await check(inner, folder / "notes")
    except BaseException as error:
        error.add_note(f"{life}: {fault}")
        raise
    shutil.rmtree(inner)
    (folder / "notes").unlink(missing_ok=True)
    return run


def hit(run: Trace) -> bool:
    """Whether the fault came to pass."""
    return killed(run) or any(call.failed for call in run.calls)


def test_a_life_comes_by_every_place_that_writes() -> None:
    """The campaign covers commit, folding, anchor, keys, and what an erasure gives back."""
    found = {(call.name, call.file) for call in calls("small")}
    assert found >= SITES


@pytest.mark.parametrize(("name", "file", "fault"), SMOKE)
async def test_one_fault_of_each_sort_breaks_no_promise(
    tmp_path: Path, name: str, file: str, fault: str
) -> None:
    """The last such call about such a file fails or is the end; nothing promised is lost."""
    places = [call.place for call in calls("small") if (call.name, call.file) == (name, file)]
    when = sorted(set(places))[len(set(places)) // 2]
    run = await survives(tmp_path, "small", Fault(name, file, fault, str(when)))
    assert hit(run)


@pytest.mark.parametrize("commit", [2, 5])
async def test_a_connection_whose_fsync_failed_acknowledges_nothing_more(
    tmp_path: Path, commit: int
) -> None:
    """What is promised after it was made durable by another connection, which began afresh."""
    wal = "holdfire.db-wal"
    run = await survives(tmp_path, "small", Fault("fdatasync", wal, "error=EIO", str(commit)))
    (first, *_) = (place for place, call in enumerate(run.calls) if call.failed)
    broken, after = run.calls[first].thread, run.calls[first + 1 :]
    assert PROMISE in {call.name for call in after}
    promised = next(place for place, call in enumerate(after) if call.name == PROMISE)
    by_others = {call.name for call in after[:promised] if call.thread != broken}
    assert {"pwrite64", "fdatasync"} <= by_others
    assert "pwrite64" not in {call.name for call in after if call.thread == broken}


@pytest.mark.long
@pytest.mark.parametrize(("fault", "name", "life"), CAMPAIGN)
async def test_no_fault_of_any_call_breaks_a_promise(
    tmp_path: Path, life: str, fault: str, name: str
) -> None:
    """Whichever call it is: nothing promised is lost, and the next start goes on."""
    runs = [
        await survives(tmp_path, life, Fault(name, file, fault, str(place)))
        for file, place in chosen(life, name)
    ]
    # Each life is a little different: one that makes a call less is not hit by its last.
    assert sum(map(hit, runs)) > len(runs) * 2 / 3


@pytest.mark.long
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("name", LASTING)
async def test_no_fault_that_lasts_breaks_a_promise(tmp_path: Path, error: str, name: str) -> None:
    """A disk that fails from some call on: what was promised before it is all there."""
    for file, place in chosen("small", name, 2):
        fault = Fault(name, file, f"error={error}", f"{place}+")
        run = await survives(tmp_path, "small", fault)
        assert hit(run)
