"""Writes small MaxMind-format databases, so that tests can hold records of any shape.

Format: MaxMind DB File Format Specification 2.0; 24-bit records, IPv4 below ``::/96``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from pathlib import Path

BUILT = 1_780_272_000  # 2026-06-01T00:00:00Z
_EMPTY = -1


@dataclass(frozen=True)
class _Uint:
    """An unsigned integer of so many bytes; readers of the metadata insist on the width."""

    width: int
    number: int


_UINT_HEADS = {2: bytes([5 << 5 | 2]), 4: bytes([6 << 5 | 4]), 8: bytes([8, 9 - 7])}


def write(
    path: Path, records: Mapping[str, object], *, kind: str = "Test-City", ip_version: int = 6
) -> Path:
    """A database of these networks and records at ``path``, which is returned."""
    bits_of_tree = 128 if ip_version == 6 else 32
    tree, data = [[_EMPTY, _EMPTY]], bytearray()
    for text, record in records.items():
        network = ip_network(text)
        bits, length = int(network.network_address), network.prefixlen
        if isinstance(network, IPv4Network) and ip_version == 6:
            length += 96
        node = 0
        for depth in range(length - 1):
            turn = bits >> (bits_of_tree - 1 - depth) & 1
            if tree[node][turn] == _EMPTY:
                tree.append([_EMPTY, _EMPTY])
                tree[node][turn] = len(tree) - 1
            node = tree[node][turn]
        tree[node][bits >> (bits_of_tree - length) & 1] = -2 - len(data)
        data += _encode(record)
    metadata: dict[str, object] = {
        "node_count": _Uint(4, len(tree)),
        "record_size": _Uint(2, 24),
        "ip_version": _Uint(2, ip_version),
        "database_type": kind,
        "languages": ["en"],
        "binary_format_major_version": _Uint(2, 2),
        "binary_format_minor_version": _Uint(2, 0),
        "build_epoch": _Uint(8, BUILT),
        "description": {"en": "made for one test"},
    }
    path.write_bytes(
        b"".join(_record(child, len(tree)) for node in tree for child in node)
        + bytes(16)
        + data
        + b"\xab\xcd\xefMaxMind.com"
        + _encode(metadata)
    )
    return path


def _record(child: int, nodes: int) -> bytes:
    if child == _EMPTY:
        return nodes.to_bytes(3, "big")
    return (child if child >= 0 else nodes + 16 - 2 - child).to_bytes(3, "big")


def _encode(value: object) -> bytes:
    if isinstance(value, bool):
        return bytes([int(value), 14 - 7])
    if isinstance(value, int):
        value = _Uint(4, value)
    if isinstance(value, _Uint):
        return _UINT_HEADS[value.width] + value.number.to_bytes(value.width, "big")
    if isinstance(value, str):
        text = value.encode()
        size = bytes([2 << 5 | len(text)]) if len(text) < 29 else bytes([93, len(text) - 29])
        return size + text
    if isinstance(value, list):
        return bytes([len(value), 11 - 7]) + b"".join(map(_encode, value))
    assert isinstance(value, dict), value
    members = (_encode(key) + _encode(member) for key, member in value.items())
    return bytes([7 << 5 | len(value)]) + b"".join(members)
