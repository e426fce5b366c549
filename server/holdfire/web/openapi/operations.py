"""The table: what each endpoint takes and answers. The addresses are those of ``web.routes``."""

from collections.abc import Mapping
from typing import Any

from holdfire import parse
from holdfire.errors import (
    ActionMismatch,
    BadJson,
    BadMember,
    BadQuery,
    EventConflict,
    HandOffInvalid,
    HandOffSpent,
    KeyInvalid,
    LogRefused,
    MediaTypeRefused,
    NotAcceptable,
    NotFound,
    NothingToCarry,
    OriginRefused,
    Overtaken,
    RateLimited,
    ReceiptNotReady,
    ScopeRefused,
    StoreUnavailable,
    TokenInvalid,
)
from holdfire.explain import Explanation
from holdfire.jws import KeySet
from holdfire.notice import Notice
from holdfire.web import (
    batch,
    consent,
    consent_token,
    enforcement,
    handoff,
    health,
    log,
    media,
    page,
    receipts,
    tags,
    trace,
    verify,
    wellknown,
)
from holdfire.web.batch import BatchAnswerBody
from holdfire.web.consent import ChoicesBody, ChosenBody, DecisionBody, DecisionsBody
from holdfire.web.consent_token import TokenBody
from holdfire.web.enforcement import EnforcementBody
from holdfire.web.handoff import HandedOverBody
from holdfire.web.openapi.schemas import Json
from holdfire.web.openapi.terms import (
    AGE,
    ANYBODY,
    API_KEY,
    COOKIE,
    ETAG,
    JSON,
    LANGUAGES,
    ORIGIN,
    PAGE_LANG,
    RESIDENCE,
    REVALIDATE,
    SIGNALS,
    TK,
    TOLD,
    UPDATED,
    VISITOR,
    Answer,
    Operation,
    query,
)
from holdfire.web.wellknown import GpcSupport, StatusObject

TEXT: Json = {"type": "string"}
HTML = "text/html; charset=utf-8"
TRACKING = "application/tracking-status+json"
STORE = (StoreUnavailable, LogRefused)
BODY = (OriginRefused, MediaTypeRefused, BadJson, BadMember)
MARKED = (*SIGNALS, LANGUAGES)
FOR_EVER = "public, max-age=31536000, immutable"
AGED = "public, max-age=[0-9]+"
PACKED = {media.MESSAGEPACK.type: BatchAnswerBody}
ENFORCED: Mapping[str, Json] = {
    name: {"description": what, "required": True, "schema": TEXT}
    for name, what in (
        (enforcement.POLICY, "A Content-Security-Policy for the owner's page."),
        (enforcement.REFUSED, "Names of cookies to strip, or beginnings with `*` behind."),
        (enforcement.ALLOWED, "Ids of the categories and services that are allowed."),
    )
}
CATEGORY = query("category", "A category of the site.", TEXT)
SERVICE = query("service", "A service of the site.", TEXT)
DEGRADED = "It is not known what the visitor chose: everything but the necessary is denied."


def _script(what: str, caching: str, **headers: Json) -> Answer:
    return Answer(what, TEXT, page.SCRIPT, caching, headers)


def _revalidated(caching: str) -> Answer:
    return Answer("What is held is still right.", caching=caching, headers=ETAG)


def _recorded(what: str) -> Answer:
    return Answer(what, ChosenBody, headers={**UPDATED, **COOKIE})


def _file(what: str, media: str, caching: str) -> Answer:
    return Answer(what, TEXT, media, caching, ANYBODY)


def _status(word: str) -> Json:
    return {
        "type": "object",
        "properties": {"status": {"const": word}},
        "required": ["status"],
    }


PREFLIGHT = Operation(
    "The CORS preflight of the address.",
    {
        204: Answer(
            "What a page may send.",
            headers={
                "Access-Control-Allow-Methods": {"required": True, "schema": TEXT},
                "Access-Control-Allow-Headers": {"required": True, "schema": TEXT},
                "Access-Control-Max-Age": {"required": True, "schema": {"type": "integer"}},
            },
        )
    },
)

CONSENT: Mapping[Any, Operation] = {
    consent.get_notice: Operation(
        "What this visitor is to be shown, and what holds until they choose.",
        {200: Answer("The notice.", Notice, headers=TK)},
        (BadQuery, TokenInvalid, *STORE),
        (*TOLD, *MARKED),
        security=VISITOR,
    ),
    consent.post_choice: Operation(
        "Record a choice.",
        {
            201: _recorded("It is durable."),
            200: _recorded("The same act was recorded before: this is what holds now."),
        },
        (BadQuery, TokenInvalid, *BODY, ActionMismatch, EventConflict, RateLimited, *STORE),
        (*TOLD, *SIGNALS, ORIGIN),
        body=parse.ChoiceBody,
        security=VISITOR,
    ),
    consent.get_choices: Operation(
        "The visitor's own choices, newest first; nobody's without a good token.",
        {200: Answer("At most 50.", ChoicesBody)},
        (BadQuery, RateLimited, *STORE),
        TOLD,
        security=VISITOR,
    ),
    receipts.get_receipt: Operation(
        "The receipt of the visitor's own choice: a C2SP tlog-proof file.",
        {200: Answer("The file.", TEXT, log.TEXT, "private, no-store")},
        (BadQuery, RateLimited, ReceiptNotReady, *STORE),
        TOLD,
        security=VISITOR,
    ),
    receipts.get_page: Operation(
        "The same to read and to print.",
        {200: Answer("One HTML file, with the receipt in it.", TEXT, HTML, "private, no-store")},
        (BadQuery, RateLimited, ReceiptNotReady, *STORE),
        TOLD,
        security=VISITOR,
    ),
    consent.get_decision: Operation(
        "May it fire? One category or one service, and exactly one of them.",
        {
            200: Answer("The decision.", DecisionBody, headers=TK),
            503: Answer(DEGRADED, DecisionBody, headers=TK),
        },
        (BadQuery, TokenInvalid),
        (CATEGORY, SERVICE, *TOLD, *MARKED),
        security=VISITOR,
    ),
    consent.get_decisions: Operation(
        "Every decision for this visitor.",
        {
            200: Answer("The decisions.", DecisionsBody, headers=TK),
            503: Answer(DEGRADED, DecisionsBody, headers=TK),
        },
        (BadQuery, TokenInvalid),
        (*TOLD, *MARKED),
        security=VISITOR,
    ),
    batch.post_decisions: Operation(
        "Decisions for up to 1,000 visitors at once, for servers.",
        {
            200: Answer("One answer for each, in the order asked.", BatchAnswerBody, also=PACKED),
            503: Answer(DEGRADED, BatchAnswerBody, also=PACKED),
        },
        (
            *(BadQuery, OriginRefused, KeyInvalid, ScopeRefused, NotAcceptable),
            *(MediaTypeRefused, BadJson, BadMember, RateLimited, StoreUnavailable),
        ),
        body=parse.BatchBody,
        also=media.MESSAGEPACK.type,
        security=API_KEY,
    ),
    consent_token.get_token: Operation(
        "A consent token: what this visitor allows, signed, so that any server can check it.",
        {
            200: Answer(
                "A compact JWS; in JSON for who names that in `Accept`.",
                TEXT,
                consent_token.JWT,
                also={JSON: TokenBody},
            )
        },
        (BadQuery, TokenInvalid, RateLimited, *STORE),
        (*TOLD, *MARKED),
        security=VISITOR,
    ),
    enforcement.get_enforcement: Operation(
        "What the owner's own server enforces for this visitor.",
        {
            200: Answer("What to enforce.", EnforcementBody, headers={**TK, **ENFORCED}),
            503: Answer(DEGRADED, EnforcementBody, headers={**TK, **ENFORCED}),
        },
        (BadQuery, TokenInvalid),
        (*TOLD, *MARKED),
        security=VISITOR,
    ),
    tags.get_tag: Operation(
        "The gate: the service's own script if it may fire, otherwise a comment that says why not.",
        {
            200: _script("The loader, or a comment.", "no-store", **TK),
            503: _script(DEGRADED, "no-store", **TK),
        },
        (BadQuery, TokenInvalid),
        (*TOLD, *MARKED),
        security=VISITOR,
    ),
    trace.get_trace: Operation(
        "Why: what holds for this visitor and on whose authority. Only of a site with `debug`.",
        {
            200: Answer("The explanation.", Explanation),
            503: Answer("The same of a visitor who is new.", Explanation),
        },
        (BadQuery, TokenInvalid),
        (*TOLD, *MARKED),
        security=VISITOR,
    ),
    handoff.post_handoff: Operation(
        "Hand the visitor's choice to a sister site.",
        {201: Answer("A token that takes it there.", HandedOverBody)},
        (BadQuery, TokenInvalid, *BODY, NothingToCarry, EventConflict, RateLimited, *STORE),
        (*TOLD, *SIGNALS, ORIGIN),
        body=parse.HandOffBody,
        security=VISITOR,
    ),
    handoff.post_takeover: Operation(
        "Take over a choice that was handed to this site.",
        {201: _recorded("It is durable here too.")},
        (
            *(BadQuery, TokenInvalid, *BODY, HandOffInvalid, HandOffSpent, NothingToCarry),
            *(Overtaken, EventConflict, RateLimited, *STORE),
        ),
        (*TOLD, *SIGNALS, ORIGIN),
        body=parse.TakeOver,
        security=VISITOR,
    ),
}

PAGES: Mapping[Any, Operation] = {
    page.boot: Operation(
        "The boot script, with this visitor's notice inside.",
        {
            200: _script("The script.", "private, max-age=[0-9]+", **ETAG),
            304: _revalidated("private, max-age=[0-9]+"),
        },
        (BadQuery,),
        (AGE, RESIDENCE, PAGE_LANG, *MARKED, REVALIDATE),
        security=("", "visitorCookie"),
    ),
    page.boot_for_region: Operation(
        "The same for a named region, for a shared cache.",
        {200: _script("The script.", AGED, **ETAG), 304: _revalidated(AGED)},
        (BadQuery,),
        (AGE, RESIDENCE, PAGE_LANG, *MARKED, REVALIDATE),
    ),
    page.asset: Operation(
        "A part of the page's half, or what it says in one language.",
        {
            200: _script("An ES module.", FOR_EVER, **ETAG, **ANYBODY),
            304: _revalidated(FOR_EVER),
        },
        parameters=(REVALIDATE,),
    ),
    page.frame: Operation(
        "What a frame of another origin reads its page's decisions with.",
        {200: _script("The script.", AGED, **ETAG), 304: _revalidated(AGED)},
        parameters=(REVALIDATE,),
    ),
    verify.get_verify: Operation(
        "The page that checks receipts in the reader's browser.",
        {200: Answer("The page.", TEXT, HTML, AGED)},
        (NotFound,),
    ),
}

PUBLIC: Mapping[Any, Operation] = {
    log.get_checkpoint: Operation(
        "The newest signed checkpoint of the log.",
        {200: _file("A C2SP tlog-checkpoint.", log.TEXT, AGED)},
        (BadQuery, NotFound, *STORE),
    ),
    log.get_policy: Operation(
        "The keys of all logs, their witnesses, and the quorum.",
        {200: _file("A C2SP tlog-policy.", log.TEXT, AGED)},
        (BadQuery,),
    ),
    log.get_tile: Operation(
        "Hashes of the log's tree, 32 bytes each.",
        {200: _file("A tile of C2SP tlog-tiles.", log.BYTES, FOR_EVER)},
        (BadQuery, NotFound, *STORE),
    ),
    wellknown.get_gpc: Operation(
        "That Global Privacy Control is honoured.",
        {200: Answer("The support resource.", GpcSupport, JSON, AGED, ANYBODY)},
    ),
    wellknown.get_dnt: Operation(
        "The tracking status of the site whose host was asked.",
        {200: Answer("The status.", StatusObject, TRACKING, AGED, ANYBODY)},
        (NotFound,),
    ),
    wellknown.get_status: Operation(
        "The tracking status that a `Tk` header refers to.",
        {200: Answer("The status.", StatusObject, TRACKING, AGED, ANYBODY)},
    ),
    consent_token.get_jwks: Operation(
        "The keys to check consent tokens with.",
        {
            200: Answer(
                "A JSON Web Key Set.", KeySet, consent_token.KEY_SET, AGED, {**ETAG, **ANYBODY}
            ),
            304: _revalidated(AGED),
        },
        STORE,
        (REVALIDATE,),
    ),
    health.healthz: Operation("The process answers.", {200: Answer("It does.", _status("alive"))}),
    health.readyz: Operation(
        "A choice could be recorded durably now.",
        {200: Answer("It could.", _status("ready"))},
        STORE,
    ),
}

OPERATIONS: Mapping[Any, Operation] = {**CONSENT, **PAGES, **PUBLIC}
"""By endpoint, so that no address or method stands here again."""
