"""What every endpoint needs, in one value, and how an endpoint gets at it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdfire.apikeys import ApiKeys
from holdfire.consent_token import ConsentTokens
from holdfire.ground import Context
from holdfire.limits import Limits
from holdfire.metrics import Metrics
from holdfire.model import DecisionSource
from holdfire.notary.receipts import Receipts
from holdfire.tally import SignalTally
from holdfire.visitor import Observatory
from holdfire.web.shelf import Shelf

_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class House:
    """Built once by ``app``; nothing in it is replaced while the process runs."""

    ctx: Context
    observatory: Observatory
    shelf: Shelf
    tally: SignalTally
    receipts: Receipts
    keys: ApiKeys
    consent_tokens: ConsentTokens
    metrics: Metrics
    limits: Limits
    policy: Callable[[], str]  # the text of the policy file, with the keys there are now
    cookie_seconds: int
    boot_seconds: int
    demo: bool  # whether ``?geo=`` moves the visitor; never true in ``serve``


def house_of(request: Request) -> House:
    """The house this request arrived at."""
    house: House = request.app.state.house
    return house


def json_response(
    body: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer that no cache may keep."""
    return Response(
        _ENCODER.encode(body),
        status,
        {"cache-control": "no-store", **(headers or {})},
        "application/json",
    )


def status_of(source: DecisionSource) -> int:
    """A broken store answers 503 with a full body: whoever reads only the status is denied too."""
    return 503 if source == "degraded" else 200


def timestamp(seconds: int) -> str:
    """A time on the wire: 2026-11-21T12:00:00Z, of seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
