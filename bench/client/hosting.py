"""The two servers of a run, each a process of its own, ended by its own id."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import brotli

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SITE = "journal"
START_SECONDS = 60.0
WARM_SECONDS = 180.0  # boot scripts are compressed at their best some time after the start
QUIET_SECONDS = 1.0


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def static(folder: Path, port: int) -> Iterator[None]:
    """The server of the contenders' pages."""
    command = ["-m", "bench.client.static_server", str(folder), str(port)]
    with _process(command, {}) as process:
        _until_answered(process, f"http://127.0.0.1:{port}/bare")
        yield


@contextmanager
def holdfire(folder: Path, origin: str, port: int) -> Iterator[None]:
    """``holdfire serve`` for pages of ``origin``, with everything it keeps in ``folder``."""
    with _process(
        ["-m", "holdfire", *_config(), "serve"], _environment(folder, origin, port)
    ) as it:
        url = f"http://127.0.0.1:{port}"
        _until_answered(it, f"{url}/readyz")
        _until_warm(it, f"{url}/s/{SITE}.js")
        yield


def snippet(folder: Path, origin: str, port: int) -> str:
    """What ``holdfire snippet`` says to paste into the page."""
    verb = ["snippet", "--site", SITE, "--base", f"http://127.0.0.1:{port}"]
    printed = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-m", "holdfire", *_config(), *verb],
        env={**os.environ, **_environment(folder, origin, port)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return printed.stdout


def _config() -> list[str]:
    return ["--config", str(HERE / "holdfire.toml")]


def _environment(folder: Path, origin: str, port: int) -> dict[str, str]:
    sites = folder / "sites"
    sites.mkdir(exist_ok=True)
    text = (HERE / "sites" / f"{SITE}.toml").read_text()
    (sites / f"{SITE}.toml").write_text(text.replace("http://127.0.0.1:8080", origin))
    return {
        "HOLDFIRE_PORT": str(port),
        "HOLDFIRE_DATABASE": f"sqlite:///{folder}/holdfire.db",
        "HOLDFIRE_DATA_DIR": str(folder / "var"),
        "HOLDFIRE_SITES_DIR": str(sites),
        "HOLDFIRE_LOG_LEVEL": "warning",
    }


@contextmanager
def _process(
    arguments: Sequence[str], more: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(  # noqa: S603 -- our own programs
        [sys.executable, *arguments], cwd=ROOT, env={**os.environ, **more}
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_answered(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{url}: its server ended with {process.returncode}")
        try:
            _get(url)
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{url} did not answer within {START_SECONDS} s")


def _until_warm(process: subprocess.Popen[bytes], url: str) -> None:
    """Wait until the boot script has its final compression and the server has nothing to do."""
    until = time.monotonic() + WARM_SECONDS
    while time.monotonic() < until:
        before = _busy(process.pid)
        time.sleep(QUIET_SECONDS)
        sent = _get(url)
        best = brotli.compress(brotli.decompress(sent), mode=brotli.MODE_TEXT, quality=11)
        if len(sent) <= len(best) and _busy(process.pid) - before <= 2:
            return
    raise RuntimeError(f"{url} was not ready within {WARM_SECONDS} s")


def _busy(process: int) -> int:
    """Clock ticks it has used so far; user and system time, proc(5)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _get(url: str) -> bytes:
    request = urllib.request.Request(  # noqa: S310 -- our own server, on loopback
        url, headers={"Accept-Encoding": "br", "Accept-Language": "en-GB"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 -- the same
        body: bytes = answer.read()
        return body
