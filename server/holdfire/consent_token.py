"""Consent tokens: what one visitor allows, signed so that any server can check it offline.

    {"iss": "consent.example.com", "aud": "shop", "iat": 1795262400, "exp": 1795263000,
     "regime": "de", "notice_version": "9f2c…",
     "categories": {"analytics": {"allow": true, "reason": "choice_granted"}, …},
     "services": {"ga4": {"allow": true, "reason": "choice_granted"}, …},
     "sale_or_share": {"allow": false, "reason": "choice_denied"},
     "signals": {"gpc": false, "dnt": null},
     "sub": "…", "seq": 3, "log": "consent.example.com/log/2026", "log_index": 1234}

A token says what the decisions of that moment were, and holds for ten minutes at most: no longer
than the choice it rests on, nor past midnight, when the law may change. A withdrawal meanwhile is
in the next token. Who has to know at once asks for the decision.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from holdfire import consent, jws, policy, token_keys
from holdfire.consent import Answer
from holdfire.errors import ConfigError, StoreUnavailable
from holdfire.ground import Context
from holdfire.jws import KeySet
from holdfire.model import Decision, Signals, Site, Visitor
from holdfire.store import Store
from holdfire.token_keys import TokenKeys
from holdfire.tokens import VisitorToken

FOLDER = token_keys.FOLDER
LONGEST_SECONDS = 600  # of a token's life
TYPE = "consent+jwt"
LOG = logging.getLogger("holdfire")


class Claims(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a token says (PROTOCOL.md §5). Times are seconds since 1970, UTC."""

    iss: str  # host in the name of the instance's log
    aud: str  # id of the site
    iat: int
    exp: int
    regime: str
    notice_version: str
    categories: dict[str, Decision]
    services: dict[str, Decision]
    sale_or_share: Decision
    signals: Signals
    # Of the visitor's newest act; all or none.
    sub: str | None = None
    seq: int | None = None
    log: str | None = None  # origin
    log_index: int | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A token, and when it ends: seconds since 1970, UTC."""

    token: str
    expires_at: int


class ConsentTokens:
    """Signs consent tokens with the keys in ``data_dir/token.keys``."""

    def __init__(
        self, folder: Path, random: Callable[[int], bytes], clock: Callable[[], float]
    ) -> None:
        """Read the keys, and make the first one. Raises ``ConfigError``."""
        self._keys = TokenKeys(folder, random, clock)
        self._keys.ensure()
        self._origins: dict[int, str] = {}

    def jwks(self) -> bytes:
        """The public halves, as a JSON Web Key Set. Raises ``StoreUnavailable``."""
        try:
            keys = self._keys.published()
        except ConfigError as error:
            raise _unreadable(error) from error
        return msgspec.json.encode(KeySet(tuple(key.public for key in keys)))

    async def issue(
        self, ctx: Context, site: Site, visitor: Visitor, token: VisitorToken | None
    ) -> Issued:
        """A token for one visitor: what ``consent.decide`` says of them, signed.

        Raises ``StoreUnavailable`` where it is not known what they chose: without a token they are
        denied, and nobody keeps a "no" for ten minutes that was none.
        """
        answer = await consent.decide(ctx, site, visitor, token)
        if answer.source == "degraded":
            raise StoreUnavailable("It is not known what the visitor chose: no token was made.")
        origins = await self._known_origins(ctx.store, answer)
        claims = _claims(site, visitor, token, answer, origins)
        try:
            key = self._keys.signing()
        except ConfigError as error:
            raise _unreadable(error) from error
        signed = jws.compact(TYPE, key.public.kid, claims, key.private.sign)
        return Issued(signed, claims.exp)

    async def _known_origins(self, store: Store, answer: Answer) -> dict[int, str]:
        """The names of the instance's logs, which never change; a new one is looked up once."""
        wanted = answer.newest.log if answer.newest else None
        if not self._origins or (wanted is not None and wanted not in self._origins):
            self._origins = {head.log: head.origin for head in await store.heads()}
        if not self._origins:
            raise StoreUnavailable("No log has begun: there is nobody to speak for.")
        return self._origins


def _claims(
    site: Site,
    visitor: Visitor,
    token: VisitorToken | None,
    answer: Answer,
    origins: dict[int, str],
) -> Claims:
    newest = answer.newest
    return Claims(
        iss=origins[max(origins)].partition("/")[0],
        aud=site.id,
        iat=answer.decided_at,
        exp=min(answer.decided_at + LONGEST_SECONDS, answer.turns_at),
        regime=answer.regime,
        notice_version=site.version,
        categories=answer.decisions.categories,
        services=policy.decide_services(site, answer.decisions, answer.prior),
        sale_or_share=answer.decisions.sale_or_share,
        signals=visitor.signals,
        sub=token.visitor if token and newest else None,
        seq=newest.seq if newest else None,
        log=origins[newest.log] if newest else None,
        log_index=newest.log_index if newest else None,
    )


def _unreadable(error: ConfigError) -> StoreUnavailable:
    LOG.error("no consent token can be signed: %s", error)
    return StoreUnavailable("Consent tokens cannot be signed here now.")
