"""Who asks: where a request comes from and what its browser says.

An ``Observatory`` turns a peer address and raw headers into a ``Visitor``. The address ends here:
what leaves is a place, and a network of at least 256 neighbours. So does the user agent, of which
``agent.family`` keeps the browser's name, and that only when a choice is recorded.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address

from holdfire.model import UNKNOWN_LOCATION, Location, Visitor
from holdfire.visitor import hops, languages, places, signals
from holdfire.visitor.edge import FAMILIES, Edges
from holdfire.visitor.geo import PLACELESS, GeoDatabase, install, unpack
from holdfire.visitor.hops import Front, Network

__all__ = ["FAMILIES", "Front", "GeoDatabase", "Observatory", "install", "prefix", "unpack"]

RawHeaders = Iterable[tuple[bytes, bytes]]  # as ASGI has them: names in lower case

_LANGUAGE = b"accept-language"


class Observatory:
    """Built once at start; holds no state of any request.

    ``trusted``: networks of the operator's own proxies; nobody else's word on addresses, schemes,
    hosts or places is read. ``edges``: families of location headers those proxies set (see
    ``edge.FAMILIES``). ``databases``: asked in turn, and those that differ dispute the place; one
    of anonymisers alone adds what the others cannot know. Raises ``ConfigError`` for an unknown
    family. Safe to use from several threads.
    """

    def __init__(
        self,
        *,
        trusted: Iterable[Network] = (),
        edges: Iterable[str] = (),
        databases: Sequence[GeoDatabase] = (),
    ) -> None:
        self._trusted = hops.Networks(trusted)
        self._edges = Edges(edges)
        self.databases = tuple(databases)
        self.headers = frozenset((*hops.HEADERS, *signals.HEADERS, _LANGUAGE, *self._edges.headers))

    def describe(
        self,
        peer: str | None,
        headers: RawHeaders,
        *,
        gpc_hint: bool = False,
        dnt_hint: bool = False,
    ) -> Visitor:
        """The sender of a request; never raises, whatever the headers hold.

        ``peer`` is the address of the connection's other end; the hints are what the page saw of
        ``navigator.globalPrivacyControl`` and ``navigator.doNotTrack``.
        """
        fields = self._gather(headers)
        sender = hops.literal(peer)
        claim = self._edges.find(fields) if sender in self._trusted else places.NOWHERE
        address = hops.client(sender, fields, self._trusted)
        return Visitor(
            location=self._locate(claim, address),
            signals=signals.heard(
                fields.get(signals.GPC, ()),
                fields.get(signals.DNT, ()),
                gpc_hint=gpc_hint,
                dnt_hint=dnt_hint,
            ),
            languages=_languages(fields),
            address_prefix=prefix(address),
        )

    def place(self, address: str) -> Location:
        """Where the databases say an address is; what is no address is nowhere."""
        return self._locate(places.NOWHERE, hops.literal(address))

    def current(self) -> int:
        """What was said of a place holds while this number is the same: exchanges of databases."""
        exchanges = 0
        for database in self.databases:
            exchanges += database.current()
        return exchanges

    def network(self, peer: str | None, headers: RawHeaders) -> str:
        """The network a request comes from, as ``prefix`` writes it.

        "" where it is nobody's in particular: loopback, private, unknown. Those may be all who come
        through a proxy that was not declared.
        """
        address = hops.literal(peer)
        if address in self._trusted:
            address = hops.client(address, self._gather(headers), self._trusted)
        return "" if address in PLACELESS else prefix(address)

    def front(self, peer: str | None, headers: RawHeaders, scheme: str) -> Front:
        """The scheme and host the visitor used; ``scheme`` is the connection's own."""
        return hops.front(hops.literal(peer), self._gather(headers), self._trusted, scheme)

    def _locate(self, claim: places.Finding, address: hops.Address | None) -> Location:
        found = claim
        if address is not None:
            for database in self.databases:
                found = places.agree(found, database.look(address))
        if found == places.NOWHERE:
            return UNKNOWN_LOCATION
        by_header = claim.country and (claim.region or not found.region)
        return places.location(found, "header" if by_header else "database")

    def _gather(self, headers: RawHeaders) -> dict[bytes, list[str]]:
        """The few headers that are read; Latin-1 because any byte is a character in it."""
        fields: dict[bytes, list[str]] = {}
        for name, value in headers:
            if name in self.headers:
                fields.setdefault(name, []).append(value.decode("latin-1"))
        return fields


def _languages(fields: hops.Fields) -> tuple[str, ...]:
    lines = fields.get(_LANGUAGE)
    return languages.parse(",".join(lines)) if lines else ()


def prefix(address: hops.Address | None) -> str:
    """The network that may be kept: IPv4 /24, IPv6 /48, in CIDR form; "" without an address."""
    if address is None:
        return ""
    packed = address.packed
    if isinstance(address, IPv4Address):
        return f"{packed[0]}.{packed[1]}.{packed[2]}.0/24"
    groups = [packed[0] << 8 | packed[1], packed[2] << 8 | packed[3], packed[4] << 8 | packed[5]]
    while groups and not groups[-1]:
        groups.pop()
    return f"{':'.join(f'{group:x}' for group in groups)}::/48"
