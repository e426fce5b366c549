"""A visitor's own receipt: the file that proves their choice, and the same in words."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdfire import parse
from holdfire.errors import NotFound
from holdfire.ledger.receipt import Receipt
from holdfire.model import Site
from holdfire.record import Record
from holdfire.web import receipt_page
from holdfire.web.house import house_of
from holdfire.web.log import TEXT
from holdfire.web.request import query_of, site_of, token_if_good, visitor_of

PRIVATE = {"cache-control": "private, no-store"}


async def get_receipt(request: Request) -> Response:
    """``GET …/receipts/{event_id}``: a ``.tlog-proof`` file; 503 until a checkpoint has the choice.

    To everybody but the visitor whose choice it is, the answer is the same as for one that never
    was, whatever they bring along.
    """
    record, receipt = await _own(request, site_of(request))
    name = receipt_page.file_name(record)
    return Response(
        receipt.encode(),
        headers={**PRIVATE, "content-disposition": f'attachment; filename="{name}"'},
        media_type=TEXT,
    )


async def get_page(request: Request) -> Response:
    """``GET …/receipts/{event_id}/page``: the receipt to read and to print, with the file in it."""
    site = site_of(request)
    record, receipt = await _own(request, site)
    language, page = receipt_page.render(site, house_of(request).ctx.lawbook, record, receipt)
    headers = {
        **PRIVATE,
        "content-security-policy": f"{receipt_page.POLICY}; frame-ancestors 'none'",
        "content-language": language,
    }
    return Response(page, headers=headers, media_type="text/html; charset=utf-8")


async def _own(request: Request, site: Site) -> tuple[Record, Receipt]:
    """The record and receipt of the visitor's own choice. Raises ``NotFound`` for any other.

    It is looked for among the visitor's own, whoever asks, so that neither the answer nor the time
    it takes tells whether there is one of somebody else.
    """
    house = house_of(request)
    visitor_of(request, query_of(request))  # changes nothing here; refused where it is malformed
    token, event_id = token_if_good(request, site), request.path_params["event_id"]
    visitor = token.visitor if token is not None else ""
    asked = event_id if _is_event_id(event_id) else ""
    record = await house.ctx.store.own(site.id, visitor, asked)
    if record is None:
        raise NotFound("There is no receipt of this number for this visitor.")
    try:
        return record, await house.receipts.receipt(record.log, record.log_index)
    except LookupError as error:  # erased since it was found
        raise NotFound("There is no receipt of this number for this visitor.") from error


def _is_event_id(text: str) -> bool:
    try:
        msgspec.convert(text, parse.EventId)
    except msgspec.ValidationError:
        return False
    return True
