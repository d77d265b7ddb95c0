"""A line of the countryside, played: a TCP relay to the server that loses answers and goes down when it is told to."""

import asyncio
from contextlib import suppress

_CHUNK = 1 << 16
_SENDS = b"POST /bundles"


class BadLine:
    """One phone's way to `host:port`. `lose`: the answers to so many bundles from now on are swallowed."""

    def __init__(self, host: str, port: int) -> None:
        self.lose = 0
        self.lost = 0
        self._host, self._port = host, port
        self._down = False
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Listen on a free port; the address that a phone takes for the server's."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self, *, down: bool) -> None:
        """Take the line down, with all that is under way on it, or put it up again."""
        self._down = down
        if down:
            self._hang_up()

    async def close(self) -> None:
        """Stop listening."""
        assert self._server is not None
        self._server.close()
        self._hang_up()
        await self._server.wait_closed()

    def _hang_up(self) -> None:
        for writer in tuple(self._open):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            if self._down:
                return
            with suppress(OSError):
                await self._relay(reader, writer)
        finally:
            self._open.discard(writer)
            writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection(self._host, self._port)
        self._open.add(here)
        sent_bundle = False

        async def up() -> None:
            nonlocal sent_bundle
            while data := await reader.read(_CHUNK):
                sent_bundle = data.startswith(_SENDS) or sent_bundle
                here.write(data)
                await here.drain()

        async def down() -> None:
            nonlocal sent_bundle
            while data := await there.read(_CHUNK):
                if sent_bundle and self.lose:
                    self.lose, self.lost = self.lose - 1, self.lost + 1
                    return
                sent_bundle = False
                writer.write(data)
                await writer.drain()

        # Whoever hangs up first ends both ways.
        ways = [asyncio.create_task(up()), asyncio.create_task(down())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._open.discard(here)
            here.close()
