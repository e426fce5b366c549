"""The part of ``holdfire keys`` that is about the keys of consent tokens."""

import secrets
import sys
import time
from pathlib import Path

from holdfire.settings import Settings
from holdfire.token_keys import FOLDER, TokenKeys


def open_token_keys(settings: Settings) -> TokenKeys:
    """The keys of consent tokens; none is made. Raises ``ConfigError``."""
    return TokenKeys(Path(settings.data_dir) / FOLDER, secrets.token_bytes, time.time)


def lines(settings: Settings) -> list[str]:
    """What ``holdfire keys list`` shows of them."""
    shown = []
    for row in open_token_keys(settings).rows():
        shown += [f"{row['id']}  {row['state']} from {row['signs']}  consent tokens"]
        shown += [f"          kid {row['kid']}"]
    return shown


def rotate(settings: Settings) -> int:
    """``holdfire keys rotate --tokens``."""
    made = open_token_keys(settings).rotate()
    print(made.public.kid)
    print(
        f"Key {made.id} is in /.well-known/jwks.json now, and signs consent tokens in ten minutes. "
        "The one before it stays there for a day more. Nothing else has to be done.",
        file=sys.stderr,
    )
    return 0


def retire(settings: Settings, key_id: str) -> int | None:
    """``holdfire keys retire``, where the id is that of a key of consent tokens; else ``None``."""
    keys = open_token_keys(settings)
    if all(row["id"] != key_id for row in keys.rows()):
        return None
    print(keys.retire(key_id).public.kid)
    print(
        "It is in no key set any more. Tokens that it has signed are refused as soon as verifiers "
        "fetch the key set again, within five minutes.",
        file=sys.stderr,
    )
    return 0
