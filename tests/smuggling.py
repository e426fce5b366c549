"""Requests that two programs in a row might count differently: the corpus, and how it is sent.

Each hides a second request, ``HIDDEN``, in the first: where a body, a header or an address is.
A server that counts otherwise than the one before it would answer the second to somebody else.
"""

import asyncio
from typing import NamedTuple

HOST = b"Host: shop.example\r\n"
HIDDEN = b"GET /.well-known/gpc.json HTTP/1.1\r\nHost: shop.example\r\n\r\n"
MARK = b'"gpc"'  # what nothing but the hidden request is answered with
POSTED = b"POST /v1/sites/demo/choices HTTP/1.1\r\n" + HOST
ASKED = b"GET /healthz HTTP/1.1\r\n" + HOST
BYTES = 1 << 20
WATCHED = 2.0  # seconds in which whoever is still connected might say one thing more


class Case(NamedTuple):
    """One attack, and how many answers a front that reads leniently may make of it."""

    name: str
    sent: bytes
    front: int = 1  # nginx ends lines at a bare LF (RFC 9112 §2.2), and counts to two where that is


class Heard(NamedTuple):
    """What came back on a connection."""

    statuses: tuple[int, ...]
    raw: bytes


def framed(name: str, *lines: bytes, body: bytes = b"0\r\n\r\n" + HIDDEN, front: int = 1) -> Case:
    """A body whose end two readers may see in two places."""
    head = b"".join(line + b"\r\n" for line in lines).replace(b"LENGTH", b"%d" % len(body))
    return Case(name, POSTED + head + b"\r\n" + body, front)


def obfuscated(name: str, line: bytes, front: int = 1) -> Case:
    """Chunked to who understands the line, and of a stated length to who does not."""
    return framed(f"TE: {name}", b"Content-Length: LENGTH", line, front=front)


def chunked(name: str, body: bytes, front: int = 1) -> Case:
    """A chunked body that is broken, with a request behind the break."""
    return framed(f"chunk: {name}", b"Transfer-Encoding: chunked", body=body, front=front)


def measured(name: str, *lines: bytes, front: int = 1) -> Case:
    """A body whose stated length is none, or two."""
    return framed(f"CL: {name}", *lines, body=HIDDEN, front=front)


def headed(name: str, lines: bytes, front: int = 1) -> Case:
    """A head with something wrong in it, and a request that a lenient reader finds there."""
    return Case(f"head: {name}", ASKED + lines, front)


def lined(name: str, line: bytes, rest: bytes = HOST + b"\r\n", front: int = 1) -> Case:
    """A request line with something wrong in it."""
    return Case(f"line: {name}", line + rest, front)


TE = b"Transfer-Encoding: chunked"
CL = b"Content-Length: LENGTH"
INJECTED = b"%0d%0a%0d%0aGET%20/.well-known/gpc.json%20HTTP/1.1%0d%0aHost:%20x%0d%0a%0d%0a"

CASES: tuple[Case, ...] = (
    framed("both lengths", CL, TE),
    framed("both lengths, the other way", TE, CL),
    framed("both, the stated one short", TE, b"Content-Length: 4", body=b"3c\r\n" + HIDDEN),
    framed("both, nothing stated", TE, b"Content-Length: 0"),
    framed("both, in HTTP/1.0", CL, TE)._replace(
        sent=POSTED.replace(b"1.1", b"1.0")
        + b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
        + b"0\r\n\r\n"
        + HIDDEN,
    ),
    obfuscated("a blank before the colon", b"Transfer-Encoding : chunked"),
    obfuscated("a tab before the colon", b"Transfer-Encoding\t: chunked"),
    obfuscated("a tab for the blank", b"Transfer-Encoding:\tchunked"),
    obfuscated("another word", b"Transfer-Encoding: xchunked"),
    obfuscated("half the word", b"Transfer-Encoding: chunk"),
    obfuscated("quotes", b'Transfer-Encoding: "chunked"'),
    obfuscated("capitals", b"TRANSFER-ENCODING: CHUNKED"),
    obfuscated("identity", b"Transfer-Encoding: identity"),
    obfuscated("identity first", b"Transfer-Encoding: identity, chunked"),
    obfuscated("identity last", b"Transfer-Encoding: chunked, identity"),
    obfuscated("twice in a line", b"Transfer-Encoding: chunked, chunked"),
    obfuscated("packed first", b"Transfer-Encoding: gzip, chunked"),
    obfuscated("two lines", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x"),
    obfuscated("two lines, the other way", b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked"),
    obfuscated("a parameter", b"Transfer-Encoding: chunked;a=b"),
    obfuscated("a vertical tab", b"Transfer-Encoding: \x0bchunked"),
    obfuscated("a form feed behind", b"Transfer-Encoding: chunked\x0c"),
    obfuscated("a NUL behind", b"Transfer-Encoding: chunked\x00"),
    obfuscated("a high byte", b"Transfer-Encoding: chunked\xff"),
    obfuscated("nothing", b"Transfer-Encoding:"),
    obfuscated("a comma", b"Transfer-Encoding: ,chunked"),
    obfuscated("folded", b"Transfer-Encoding:\r\n chunked"),
    obfuscated("folded into another", b"X: y\r\n Transfer-Encoding: chunked"),
    obfuscated("behind a bare LF", b"X: y\nTransfer-Encoding: chunked"),
    obfuscated("behind a bare CR", b"X: y\rTransfer-Encoding: chunked"),
    obfuscated("an underscore", b"Transfer_Encoding: chunked"),
    obfuscated("another header", b"Content-Encoding: chunked"),
    obfuscated("taken off on the way", b"Connection: Transfer-Encoding\r\n" + TE),
    framed("TE: another word, no length", b"Transfer-Encoding: xchunked"),
    framed("TE: identity, no length", b"Transfer-Encoding: identity", body=HIDDEN),
    framed("TE: chunked is not the last", b"Transfer-Encoding: chunked, gzip"),
    measured("two that differ", CL, b"Content-Length: 0"),
    measured("two that differ, the other way", b"Content-Length: 0", CL),
    measured("two in a line", b"Content-Length: 0, LENGTH"),
    measured("one twice in a line", b"Content-Length: LENGTH, LENGTH"),
    measured("a plus", b"Content-Length: +LENGTH"),
    measured("a minus", b"Content-Length: -1"),
    measured("hexadecimal", b"Content-Length: 0x3f"),
    measured("an exponent", b"Content-Length: 6e1"),
    measured("a fraction", b"Content-Length: 60.0"),
    measured("a blank within", b"Content-Length: 6 0"),
    measured("more than 64 bits", b"Content-Length: 18446744073709551616"),
    measured("more than anybody counts", b"Content-Length: " + b"9" * 400),
    measured("nothing", b"Content-Length:"),
    measured("a word", b"Content-Length: sixty"),
    measured("other digits", b"Content-Length: \xd9\xa6\xd9\xa0"),
    measured("a NUL behind", b"Content-Length: 0\x00"),
    measured("a blank before the colon", b"Content-Length : LENGTH"),
    measured("folded", b"Content-Length:\r\n 0"),
    measured("a semicolon", b"Content-Length: 0;LENGTH"),
    measured("taken off on the way", b"Connection: Content-Length", CL),
    chunked("no number", b"g\r\n" + HIDDEN),
    chunked("a minus", b"-1\r\n" + HIDDEN),
    chunked("a prefix", b"0x0\r\n\r\n" + HIDDEN),
    chunked("a plus", b"+0\r\n\r\n" + HIDDEN),
    chunked("a blank before", b" 0\r\n\r\n" + HIDDEN),
    chunked("an underscore", b"0_0\r\n\r\n" + HIDDEN),
    chunked("no size", b"\r\n\r\n" + HIDDEN),
    chunked("more than 64 bits", b"10000000000000000\r\n\r\n" + HIDDEN),
    chunked("more than it is", b"ffff\r\n" + HIDDEN),
    chunked("less than it is", b"1\r\nabcdef\r\n0\r\n\r\n" + HIDDEN),
    chunked("no end of the data", b"5\r\nhello0\r\n\r\n" + HIDDEN),
    chunked("another end of the data", b"5\r\nhelloXX0\r\n\r\n" + HIDDEN),
    chunked("a bare LF behind the data", b"5\r\nhello\n0\r\n\r\n" + HIDDEN, front=2),
    chunked("a bare CR behind the data", b"5\r\nhello\r0\r\n\r\n" + HIDDEN),
    chunked("a bare LF behind the size", b"0\n\n" + HIDDEN, front=2),
    chunked("a bare CR behind the size", b"0\r\r" + HIDDEN),
    chunked("a bare LF in an extension", b"0;a\n\r\n\r\n" + HIDDEN, front=2),
    chunked("a NUL behind the size", b"0\x00\r\n\r\n" + HIDDEN),
    chunked("a trailer that never ends", b"0\r\nX: y" + HIDDEN.replace(b"\r\n\r\n", b"")),
    headed("a bare LF", b"X: y\n\n" + HIDDEN, front=2),
    headed("a bare CR", b"X: y\r\r" + HIDDEN),
    headed("a bare LF at the end", b"X: y\r\n\n" + HIDDEN, front=2),
    headed("two CR and a LF", b"X: y\r\r\n\r\r\n" + HIDDEN, front=2),
    headed("folded", b"X: y\r\n z\r\n\r\n"),
    headed("folded over nothing", b"X: y\r\n \r\n" + HIDDEN),
    headed("folded at once", b" X: y\r\n\r\n"),
    headed("no colon", b"X\r\n\r\n"),
    headed("no name", b": y\r\n\r\n"),
    headed("a blank in a name", b"X Y: z\r\n\r\n"),
    headed("a NUL in a name", b"X\x00: y\r\n\r\n"),
    headed("a NUL in a value", b"X: \x00\r\n\r\n"),
    headed("a request for a name", HIDDEN),
    headed("a second host", b"Host: evil.example\r\n\r\n"),
    headed("another method by header", b"X-HTTP-Method-Override: POST\r\n\r\n"),
    headed("another method by another", b"X-Method-Override: DELETE\r\nX-HTTP-Method: PUT\r\n\r\n"),
    headed("another address by header", b"X-Original-URL: /.well-known/gpc.json\r\n\r\n"),
    headed("another address by another", b"X-Rewrite-URL: /.well-known/gpc.json\r\n\r\n"),
    headed("another prefix by header", b"X-Forwarded-Prefix: /.well-known/gpc.json#\r\n\r\n"),
    headed("a body of a GET", b"Content-Length: %d\r\n\r\n%b" % (len(HIDDEN), HIDDEN)),
    headed("HTTP/2 by the way", b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n"),
    headed("a socket by the way", b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    headed("an expectation", b"Expect: 100-continue\r\nContent-Length: 63\r\n\r\n" + HIDDEN),
    headed("another expectation", b"Expect: 200-ok\r\n\r\n"),
    headed("20 KB of header", b"X: " + b"y" * 20_000 + b"\r\n\r\n"),
    headed("200 KB of header", b"X: " + b"y" * 200_000 + b"\r\n\r\n"),
    headed("a thousand headers", b"X: y\r\n" * 1_000 + b"\r\n"),
    headed("injected by an escape", b"X: y" + INJECTED + b"\r\n\r\n"),
    lined("absolute", b"GET http://shop.example/healthz HTTP/1.1\r\n"),
    lined("absolute, of another host", b"GET http://evil.example/healthz HTTP/1.1\r\n"),
    lined("absolute, of another scheme", b"GET gopher://shop.example/healthz HTTP/1.1\r\n"),
    lined("no host", b"GET /healthz HTTP/1.1\r\n", b"\r\n"),
    lined("HTTP/0.9", b"GET /healthz\r\n", b"\r\n"),
    lined("HTTP/0.9 and more", b"GET /healthz\r\n", HIDDEN),
    lined("HTTP/1.2", b"GET /healthz HTTP/1.2\r\n"),
    lined("HTTP/2.0", b"PRI * HTTP/2.0\r\n", b"\r\nSM\r\n\r\n" + HIDDEN),
    lined("HTTP/9.9", b"GET /healthz HTTP/9.9\r\n"),
    lined("another protocol", b"GET /healthz HTTPS/1.1\r\n"),
    lined("a tunnel", b"CONNECT shop.example:443 HTTP/1.1\r\n", HOST + b"\r\n" + HIDDEN),
    lined("a star", b"OPTIONS * HTTP/1.1\r\n"),
    lined("a method in small letters", b"get /healthz HTTP/1.1\r\n"),
    lined("a method nobody knows", b"HEALTH /healthz HTTP/1.1\r\n"),
    lined("a blank in front", b" GET /healthz HTTP/1.1\r\n"),
    lined("two blanks", b"GET  /healthz HTTP/1.1\r\n"),
    lined("a tab", b"GET\t/healthz\tHTTP/1.1\r\n"),
    lined("a blank in the address", b"GET /healthz x HTTP/1.1\r\n"),
    lined("a request in the address", b"GET /healthz HTTP/1.1 " + HIDDEN[:-2], b"\r\n"),
    lined("a NUL in the address", b"GET /healthz\x00 HTTP/1.1\r\n"),
    lined("high bytes in the address", b"GET /\xe9\xff HTTP/1.1\r\n"),
    lined("an escaped NUL", b"GET /healthz%00 HTTP/1.1\r\n"),
    lined("injected into the path", b"GET /" + INJECTED + b" HTTP/1.1\r\n"),
    lined("injected into the query", b"GET /healthz?x=" + INJECTED + b" HTTP/1.1\r\n"),
    lined("a fragment", b"GET /healthz#/.well-known/gpc.json HTTP/1.1\r\n"),
    lined("steps up", b"GET /healthz/../../../etc/passwd HTTP/1.1\r\n"),
    lined("escaped steps up", b"GET /assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd HTTP/1.1\r\n"),
    lined("backslashes", b"GET \\\\evil.example\\x HTTP/1.1\r\n"),
    lined("another host by slashes", b"GET //evil.example/healthz HTTP/1.1\r\n"),
    lined("70 KB of address", b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n"),
)


async def attack(port: int, sent: bytes) -> Heard:
    """Send bytes on a connection of their own, and hear all that is said to them.

    A connection that stays open is watched for a while: for what a hidden request is answered.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=BYTES)
    raw = b""
    try:
        writer.write(sent)
        async with asyncio.timeout(WATCHED):
            while data := await reader.read(65_536):
                raw += data
    except (TimeoutError, ConnectionError):
        pass  # it waits for more of a body, or has hung up on us: both are answers
    finally:
        writer.transport.abort()
    return Heard(tuple(statuses(raw)), raw)


def statuses(raw: bytes) -> list[int]:
    """The status of each answer in a stream of them."""
    found = []
    while raw.startswith(b"HTTP/1."):
        head, _, rest = raw.partition(b"\r\n\r\n")
        status = int(head[9:12])
        fields = (line.partition(b":") for line in head.lower().split(b"\r\n")[1:])
        length = next((int(value) for name, _, value in fields if name == b"content-length"), 0)
        found.append(status)
        raw = rest if status < 200 else rest[length:]
    return found
