"""The command line over the records of a test's service, in this process."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from holdfire import cli


class Ran(NamedTuple):
    """What a command left."""

    code: int
    out: str
    errors: str

    @property
    def lines(self) -> list[Any]:
        """The JSON document of each line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def rows(self) -> list[dict[str, str]]:
        """The rows of a table."""
        return list(csv.DictReader(io.StringIO(self.out)))


Command = Callable[..., Ran]


def command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """``holdfire``, with the settings of the service that keeps everything in this folder."""
    monkeypatch.setenv("HOLDFIRE_DATABASE", f"sqlite:///{folder}/holdfire.db")
    monkeypatch.setenv("HOLDFIRE_DATA_DIR", f"{folder}/var")

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        code = cli.main(arguments)
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run
