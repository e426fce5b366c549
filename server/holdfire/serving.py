"""How uvicorn is run: one process, loopback unless told otherwise, nothing about visitors logged."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.types import Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from holdfire.errors import ConfigError, Problem
from holdfire.settings import Settings

IDLE_SECONDS = 15  # a kept connection that says nothing longer than this is somebody else's place
BACKLOG = 2_048
CONNECTIONS = 8_192  # the last resort, idle ones counted; web.middleware sheds load long before


def listen(
    host: str, port: int, *, told_by: tuple[str, str] = ("settings", "port")
) -> socket.socket:
    """Take the port, before anything is started; ``told_by`` is where it was named.

    Raises ``ConfigError`` if it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        what = f"nothing can listen on {host}:{port}: {error}"
        remedy = "stop what does, or name another; 0 takes any free one"
        raise ConfigError((Problem(*told_by, what, remedy),)) from error


class Beside(uvicorn.Server):
    """A server in a process that has others: the signals are left to them together."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: uvicorn would hand each signal to the server that started last."""
        yield


def config(application: Starlette, settings: Settings, host: str, port: int) -> uvicorn.Config:
    """The server's configuration. Proxy headers are read by ``visitor`` alone, never by uvicorn."""
    return uvicorn.Config(
        application,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,  # its lines hold the visitor's address
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=settings.graceful_seconds,
        backlog=BACKLOG,
        limit_concurrency=CONNECTIONS,
    )


def in_one_piece(send: Send, status: int, lines: bytes, body: bytes) -> bool:
    """Write a whole answer to a GET request at once; ``False``: nothing was, send it in messages.

    uvicorn looks at each header of each answer, and writes head and body apart. That is half of
    what an answer from memory costs, and its headers were looked at when it was given first.
    ``lines`` are all headers with their line ends, and say how long ``body`` is. It is uvicorn's
    own ``send`` that is spared, so only uvicorn's own exchange is written to, and only where it
    goes on afterwards; ``tests/test_one_piece.py`` holds both ways equal, byte for byte.
    """
    cycle = getattr(send, "__self__", None)
    if (
        type(cycle) is not RequestResponseCycle
        or not cycle.keep_alive
        or cycle.response_started
        or cycle.disconnected
        or cycle.flow.write_paused
    ):
        return False
    own = b"".join([b"%b: %b\r\n" % line for line in cycle.default_headers])
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(b"%b%b%b\r\n%b" % (STATUS_LINE[status], own, lines, body))
    cycle.message_event.set()
    cycle.on_response()
    return True
