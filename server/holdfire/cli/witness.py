"""``holdfire witness``: cosigns the checkpoints of other instances."""

import argparse
import secrets
import sys
from pathlib import Path

import uvicorn

from holdfire import serving
from holdfire.cli.opening import USAGE, log_to_stderr
from holdfire.settings import Settings
from holdfire.witness.cosigner import open_witness
from holdfire.witness.service import WitnessService

STOP_SECONDS = 10
CONNECTIONS = 512

EPILOG = """\
A log of this project has another name, and another key, every year. The next year's key is made
in December and announced in the log (a statement of kind 5) and in the policy file that the
service serves at /log/policy. Keep that file, fetch it anew in December, compare, and name it with
--policy: it is read again when it changes, without a restart. Serve the witness over HTTPS, through
a reverse proxy. Never restore its state from an old copy, and never copy its key: both would sign
two histories.
"""


def add(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The options."""
    verb = verbs.add_parser(
        "witness", help="cosign the checkpoints of other instances", epilog=EPILOG
    )
    verb.add_argument("--host", default="127.0.0.1", help="address to listen on")
    verb.add_argument("--port", type=int, default=8090, help="0 takes any free one")
    verb.add_argument(
        "--key-file", required=True, type=Path, metavar="F", help="made at the first start"
    )
    verb.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help="what was cosigned last (default: F.db beside the key)",
    )
    verb.add_argument(
        "--name", help="of a new key: an address without scheme, such as w.example/w1"
    )
    verb.add_argument(
        "--log",
        action="append",
        default=[],
        metavar="VKEY",
        help="key of a log that is cosigned; may be given again",
    )
    verb.add_argument("--policy", type=Path, metavar="FILE", help="its log lines are cosigned too")
    verb.set_defaults(run=run_witness)


def run_witness(options: argparse.Namespace) -> int:
    """``holdfire witness``."""
    log_to_stderr(Settings())
    cosigner = open_witness(
        options.key_file,
        options.state or options.key_file.with_name(f"{options.key_file.name}.db"),
        options.log,
        options.policy,
        name=options.name,
        random=secrets.token_bytes,
    )
    try:
        with serving.listen(options.host, options.port, told_by=("witness", "--port")) as listener:
            where = f"http://{options.host}:{listener.getsockname()[1]}"
            print(f"{cosigner.key.verifier.text()} at {where}", flush=True)
            server = uvicorn.Server(_config(WitnessService(cosigner)))
            server.run([listener])
        return 0 if server.started else USAGE
    finally:
        cosigner.close()
        sys.stdout.flush()


def _config(service: WitnessService) -> uvicorn.Config:
    return uvicorn.Config(
        service,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=STOP_SECONDS,
        limit_concurrency=CONNECTIONS,
    )
