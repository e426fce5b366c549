"""What every test may ask for."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from house import Service, running

pytest_plugins = ["postgres", "sharing", "stores", "visits"]

# A test that fails because the machine is busy says nothing about the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A whole demo service, asked by one browser in California."""
    with running(tmp_path) as found:
        yield found


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Service]:
    """The same as ``serve`` runs it: the visitor's place cannot be moved by a query."""
    with running(tmp_path, demo=False) as found:
        yield found


@pytest.fixture(autouse=True)
def heard() -> None:
    """The demo quietens two loggers of its process; no test starts with that."""
    for name in ("holdfire.access", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.NOTSET)
