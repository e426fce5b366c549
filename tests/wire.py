"""A wire to the PostgreSQL server that can be cut in the two ways that are hard to tell apart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path


class Wire:
    """A door on a loopback port. It can go deaf, or lose the answer to one request."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._hearing = asyncio.Event()
        self._hearing.set()
        self._lost = b""
        self._losing = False
        self.port = 0

    def go_deaf(self) -> None:
        """From now on take what is sent and pass nothing on, as a dead machine's network does."""
        self._hearing.clear()

    def hear(self) -> None:
        """Pass on everything again, what was held back first."""
        self._hearing.set()

    def lose_the_answer_to(self, request: bytes) -> None:
        """Pass the next such request on, and hang up instead of passing the answer back."""
        self._lost = request

    async def up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Client to server."""
        while data := await reader.read(65_536):
            await self._hearing.wait()
            if self._lost and self._lost in data:
                self._losing = True
            writer.write(data)
        writer.close()

    async def down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Server to client."""
        while data := await reader.read(65_536):
            await self._hearing.wait()
            if self._losing:
                self._lost, self._losing = b"", False
                break
            writer.write(data)
        writer.close()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side hangs up."""
        with closing(writer):
            server_reader, server_writer = await asyncio.open_unix_connection(self._socket)
            try:
                async with asyncio.TaskGroup() as pumps:
                    pumps.create_task(self.up(reader, server_writer))
                    pumps.create_task(self.down(server_reader, writer))
            except* OSError:
                pass  # hung up without a goodbye, which is what these tests are about
            finally:
                server_writer.close()


@asynccontextmanager
async def wire_to(socket: Path) -> AsyncIterator[Wire]:
    """Open the door, and shut it at the end with everyone who came through."""
    wire = Wire(socket)
    callers: set[asyncio.Task[None]] = set()

    def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        callers.add(asyncio.create_task(wire.carry(reader, writer)))

    server = await asyncio.start_server(welcome, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)
