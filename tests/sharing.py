"""How the tests are shared among processes: how many there are, and who begins. A pytest plugin.

A file stays whole (``--dist loadfile``), so one that is begun last is waited for alone: the longest
are begun first. It goes with ``--no-loadscope-reorder``, without which pytest-xdist begins with the
files of the most tests, which are the quickest.
"""

from collections.abc import Generator

import pytest

SECONDS = {
    "browser/test_manipulation.py": 100,
    "browser/test_hostile.py": 90,
    "browser/test_server_faults.py": 90,
    "browser/test_manners.py": 70,
    "browser/test_accessibility.py": 70,
    "browser/test_leaks.py": 60,
    "test_cli.py": 50,
    "faults/test_server_kill.py": 50,
    "test_store.py": 45,
    "browser/test_scenes.py": 45,
    "browser/test_spoken.py": 45,
    "test_batch.py": 40,
    "browser/test_fire.py": 40,
    "browser/test_held.py": 40,
    "browser/test_sisters.py": 40,
    "browser/test_verify_page.py": 35,
    "browser/test_gate.py": 35,
    "browser/test_replay.py": 30,
    "browser/test_preferences.py": 30,
    "test_notary_audit.py": 30,
    "faults/test_kill.py": 30,
    "faults/test_syscalls.py": 30,
    "test_outage_under_load.py": 30,
    "test_enforcement.py": 25,
    "test_erasure.py": 25,
    "test_log_model.py": 20,
    "test_bundle.py": 20,
}
"""What files take, as ``--durations=0`` tells; the others take less. What counts is the order."""


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """One process more than there are cores: they wait for pages, disks and others' processes."""
    return (yield) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files; the rest keeps its order."""
    items.sort(key=lambda item: -SECONDS.get(file_of(item), 0))


def file_of(item: pytest.Item) -> str:
    """The path of its file below ``tests/``."""
    return item.nodeid.partition("::")[0].removeprefix("tests/")
