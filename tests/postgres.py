"""A throw-away PostgreSQL server for the tests, and empty places on it. A pytest plugin.

It lives in a folder of its own under /tmp, listens on a socket in that folder and nowhere else,
and is ended by its own process id.
"""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

USER = "holdfire"


class Cluster:
    """One server process and its folder."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._folder = folder
        self._owner = _unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        self._names = itertools.count(1)
        if self._owner is not None:
            os.chown(folder, pwd.getpwnam(self._owner).pw_uid, -1)
        self._run(
            "initdb", "--auth=trust", "--no-sync", "--encoding=UTF8", "--no-locale", "-D", "d"
        )

    def start(self) -> None:
        """Start the server and return when it takes connections."""
        options = {"listen_addresses": "", "unix_socket_directories": self._folder, "fsync": "off"}
        settings = [f"--{name}={value}" for name, value in options.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", "d", *settings],
                cwd=self._folder,
                user=self._owner,
                stdout=log,
                stderr=log,
            )
        status = self._folder / "d" / "postmaster.pid"
        while not (status.exists() and status.read_text().rstrip().endswith("ready")):
            if self._process.poll() is not None:
                pytest.fail((self._folder / "log").read_text())
            time.sleep(0.01)  # for the condition above: the server has no other way to tell

    def stop(self) -> None:
        """End the server at once, as a crash would, and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(timeout=20)
            self._process = None

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._folder / ".s.PGSQL.5432"

    def create(self) -> str:
        """The address of a new, empty place for tables: a schema, made faster than a database."""
        name = f"test_{next(self._names)}"
        self._run("psql", "-h", str(self._folder), "-qc", f"CREATE SCHEMA {name}", "postgres")
        return f"postgresql://{USER}@/postgres?host={self._folder}&search_path={name}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), "-U", USER, *arguments]
        subprocess.run(
            command, cwd=self._folder, user=self._owner, check=True, stdout=subprocess.DEVNULL
        )


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """The running server; tests that stop it start it again."""
    folder = Path(tempfile.mkdtemp(prefix="holdfire-pg-", dir="/tmp"))  # a socket's path is short
    try:
        cluster = Cluster(_binaries(), folder)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> str:
    """The address of a new, empty place for tables on the running server."""
    return postgres_cluster.create()


def _binaries() -> Path:
    """Where the server's programs are; a folder that has the client's as well is preferred."""
    places = [Path("/usr/local/bin/postgres"), *Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    found = [place.resolve().parent for place in places if place.exists()]
    if not found:
        pytest.fail("PostgreSQL's server is missing: apt-get install postgresql", pytrace=False)
    return max(found, key=lambda folder: (folder / "psql").exists())


def _unprivileged() -> str | None:
    """Whom the server runs as: it refuses to be root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
