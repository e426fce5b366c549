"""Words for what servers do with consent tokens: fetch one, fetch the keys, verify offline."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from holdfire import verify
from holdfire.token_keys import FOLDER, TokenKeys
from holdfire.verify import Consent, Refused
from house import Service


def key_set(service: Service) -> dict[str, Any]:
    """The keys that the service publishes."""
    found: dict[str, Any] = service.client.get("/.well-known/jwks.json").json()
    return found


def token_of(service: Service, query: str = "", **more: Any) -> str:
    """A consent token of this browser's visitor."""
    answer = service.get(f"/token{query}", **more)
    assert answer.status_code == 200, answer.text
    return answer.text


def consent_of(service: Service, query: str = "", **more: Any) -> Consent:
    """What the token says, found by our own verifier."""
    made = token_of(service, query, **more)
    return verify.verify(made, key_set(service), site="demo", now=service.clock())


def why(judging: Callable[[], object]) -> str:
    """The reason for which a token is refused."""
    with pytest.raises(Refused) as refused:
        judging()
    return refused.value.reason


def keys_of(service: Service) -> TokenKeys:
    """The service's own folder of keys, as another process would open it."""
    folder = service.folder / "var" / FOLDER
    return TokenKeys(folder, os.urandom, service.clock)
