"""How long a token takes to read: the visitor's own, and the one that other servers check offline.

``python -m bench.tokens`` prints a table. What an Ed25519 signature costs in OpenSSL itself is the
floor of a first verification; it is measured in turn with ours, and once by ``openssl speed``.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from unittest import mock

import msgspec

from holdfire import jws
from holdfire.consent_token import TYPE, Claims
from holdfire.jws import KeySet
from holdfire.ledger import ed25519
from holdfire.model import Decision, Signals
from holdfire.token_keys import FOLDER, TokenKeys
from holdfire.tokens import VisitorToken, VisitorTokens
from holdfire.verify import Verifier

ROUNDS = 3_000
GOAL = "≤ 60"
GRANTED = Decision(allow=True, reason="choice_granted")
DENIED = Decision(allow=False, reason="choice_denied")


def main() -> None:
    """Print the table."""
    for name, value, unit, goal in figures():
        sys.stdout.write(f"{name:<60} {value:>10,.2f} {unit}{f'   goal {goal}' if goal else ''}\n")


def figures() -> Iterator[tuple[str, float, str, str]]:
    """Quantiles of single calls, warm."""
    yield from _visitors()
    now = int(time.time())
    claims = _claims(now)
    with tempfile.TemporaryDirectory() as folder:
        keys = TokenKeys(Path(folder) / FOLDER, os.urandom, time.time)
        key = keys.signing()

        def signed() -> str:
            key = keys.signing()
            return jws.compact(TYPE, key.public.kid, claims, key.private.sign)

        yield from _quantiles("consent token: signed", _timed(signed)[0])
    made = signed_once = jws.compact(TYPE, key.public.kid, claims, key.private.sign)
    jwks = msgspec.json.encode(KeySet((key.public,)))
    message = signed_once.rpartition(".")[0].encode()
    raw, public = key.private.sign(message), key.private.public_key()
    first = Verifier(jwks, site="demo", remembers=0)
    again = Verifier(jwks, site="demo")
    ours, floor = _timed(lambda: first.verify(made, now), lambda: public.verify(raw, message))
    yield "consent token: bytes", len(made), "", ""
    yield from _quantiles("consent token: verified for the first time", ours, GOAL)
    yield from _quantiles("Ed25519 alone, OpenSSL by cryptography", floor)
    ratios = [one / other for one, other in zip(ours, floor, strict=True)]
    yield "consent token: of Ed25519 alone", statistics.median(ratios), "×", ""
    yield from _openssl()
    yield from _quantiles(
        "consent token: verified again", _timed(lambda: again.verify(made, now))[0], GOAL
    )
    with mock.patch.object(ed25519, "LIBRARY", new=False):
        alone = _timed(lambda: first.verify(made, now), rounds=50)[0]
    yield from _quantiles("consent token: verified with Python alone", alone)


def _visitors() -> Iterator[tuple[str, float, str, str]]:
    tokens = VisitorTokens([os.urandom(32).hex()])
    token = VisitorToken(
        visitor="A" * 22,
        seq=3,
        recorded_at=1_795_262_400,
        valid_until=1_810_814_400,
        notice_version="0123456789abcdef",
        action="save",
        categories={"functional": 1, "analytics": 1, "marketing": 0},
        shown_services=("posthog", "plausible", "mixpanel", "ad-pixel", "ad-frame", "video"),
    )
    text = tokens.sign("demo", token)
    yield from _quantiles(
        "visitor token: verified", _timed(lambda: tokens.read("demo", text))[0], GOAL
    )


def _claims(now: int) -> Claims:
    services = ("posthog", "plausible", "mixpanel", "ad-pixel", "ad-frame", "video", "chat")
    return Claims(
        iss="consent.example.com",
        aud="demo",
        iat=now,
        exp=now + 600,
        regime="de",
        notice_version="0123456789abcdef",
        categories={"functional": GRANTED, "analytics": GRANTED, "marketing": DENIED},
        services=dict.fromkeys(services, GRANTED),
        sale_or_share=DENIED,
        signals=Signals(),
        sub="A" * 22,
        seq=3,
        log="consent.example.com/log/2026",
        log_index=1_234,
    )


def _timed(*acts: Callable[[], object], rounds: int = ROUNDS) -> list[list[float]]:
    """Microseconds of each call; the acts take turns, and the first tenth warms up."""
    taken: list[list[float]] = [[] for _ in acts]
    for round_ in range(rounds + rounds // 10):
        for act, times in zip(acts, taken, strict=True):
            begun = time.perf_counter_ns()
            act()
            if round_ >= rounds // 10:
                times.append((time.perf_counter_ns() - begun) / 1e3)
    return taken


def _quantiles(
    name: str, times: list[float], goal: str = ""
) -> Iterator[tuple[str, float, str, str]]:
    yield f"{name}, p50", statistics.median(times), "µs", goal
    yield f"{name}, p99", statistics.quantiles(times, n=100)[98], "µs", ""


def _openssl() -> Iterator[tuple[str, float, str, str]]:
    program = which("openssl")
    if program is None:
        return
    said = subprocess.run(  # noqa: S603 -- found on the path
        [program, "speed", "-seconds", "1", "ed25519"], capture_output=True, text=True, check=True
    )
    if rate := re.search(r"EdDSA \(Ed25519\).*\s([\d.]+)\s*$", said.stdout, re.MULTILINE):
        yield "Ed25519 alone, openssl speed", 1e6 / float(rate[1]), "µs", ""


if __name__ == "__main__":
    main()
