"""The public log: its checkpoint, the tiles of its tree, and whose signatures to trust.

As C2SP tlog-tiles has it: `/log/2026` is the prefix of the log `HOST/log/2026`, and `/log` always
that of the present one. Each log stays where it was; the present one is another every year, so
who follows a log uses the prefix with its name. The same for everybody, and read by any page.

Entries are not public: whoever wants to audit them is given them (`holdfire log export`).
"""

from starlette.requests import Request
from starlette.responses import Response

from holdfire import parse
from holdfire.errors import NotFound
from holdfire.ledger import Malformed
from holdfire.ledger.tiles import ENTRIES, FULL, Tile, hashes_at, parse_path
from holdfire.notary.receipts import newest
from holdfire.record import Head
from holdfire.web.house import house_of

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
HEAD_SECONDS = 1  # as often as there is a new checkpoint
POLICY_SECONDS = 300  # a new key signs beside the old one for longer than that
FOR_EVER = "public, max-age=31536000, immutable"


async def get_checkpoint(request: Request) -> Response:
    """``GET /log/checkpoint``: the newest that was signed."""
    head = await _log(request)
    found = await newest(house_of(request).ctx.store, head.log)
    if found is None:
        raise NotFound("No checkpoint of this log has been signed yet.")
    return _public(found[1], f"public, max-age={HEAD_SECONDS}", TEXT)


async def get_tile(request: Request) -> Response:
    """``GET /log/tile/{level}/{index}[.p/{width}]``: hashes, 32 bytes each.

    There is what the newest checkpoint covers, and nothing after it. A tile that has become full
    is still served at every width it ever had or could have had: who holds an older checkpoint
    finds its tree.
    """
    head = await _log(request)
    tile = _tile(request)
    house = house_of(request)
    found = await newest(house.ctx.store, head.log)
    size = found[0].size if found else 0
    if tile.index * FULL + tile.width > hashes_at(tile.level, size):
        raise NotFound("The newest checkpoint does not cover this tile.")
    return _public(await house.receipts.tree.tile(head.log, tile), FOR_EVER, BYTES)


async def get_policy(request: Request) -> Response:
    """``GET /log/policy``: the keys of all logs of this instance, its witnesses and their quorum.

    Whoever fetches it from here trusts whoever answers here: a policy is for keeping. It is there
    even while the log is refused: receipts that people hold are as good as before.
    """
    name, text = _named(request), house_of(request).policy()
    if name is not None and f"/log/{name}+" not in text:  # as in the key of a log, NAME+ID+KEY
        raise NotFound("There is no such log.")
    return _public(text, f"public, max-age={POLICY_SECONDS}", TEXT)


async def _log(request: Request) -> Head:
    """The log whose prefix was asked for. Raises ``NotFound``."""
    name, heads = _named(request), await house_of(request).ctx.store.heads()
    found = [head for head in heads if name is None or head.origin.endswith(f"/log/{name}")]
    if not found:
        raise NotFound("There is no such log.")
    return found[-1]


def _named(request: Request) -> str | None:
    """The name in the prefix, ``None`` in that of the present log. From here on any page may read.

    Raises ``NotFound`` and ``BadQuery`` for an address that could have been written otherwise.
    """
    request.scope["holdfire.headers"] = [(b"access-control-allow-origin", b"*")]
    parse.query(request.scope["query_string"], {})
    if b"%" in request.scope.get("raw_path", b""):
        raise NotFound("Addresses of the log are written in one way, without escapes.")
    name: str | None = request.path_params.get("log")
    return name


def _tile(request: Request) -> Tile:
    try:
        tile = parse_path(f"tile/{request.path_params['tile']}")
    except Malformed as error:
        raise NotFound("There is no tile of this name.") from error
    if tile.level == ENTRIES:
        raise NotFound("Entries are not public.")
    return tile


def _public(body: bytes | str, cache: str, media_type: str) -> Response:
    return Response(body, headers={"cache-control": cache}, media_type=media_type)
