"""A gun over TCP: it connects to us and sends bytes; readings come out, in order."""

import asyncio
import time
from collections.abc import AsyncIterator

from scanners.faults import Misconfigured
from scanners.framing import Framer

_WAITING_READINGS = 256


class Gun:
    """The listening end of one gun. `port` 0 takes any free port; `port` says which after `start`.

    `idle_gap_ms`: for guns that send no suffix (ECOSYSTEM.md section 6: 80 ms fits those we know).
    """

    def __init__(self, host: str, port: int, *, idle_gap_ms: int | None = None) -> None:
        self.port = port
        self._host, self._idle_gap_ms = host, idle_gap_ms
        self._readings: asyncio.Queue[str] = asyncio.Queue(_WAITING_READINGS)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen; Misconfigured when the port is taken."""
        try:
            self._server = await asyncio.start_server(self._connected, self._host, self.port)
        except OSError as error:
            raise Misconfigured(
                f"扫码枪端口 {self.port} 无法使用", f"cannot listen on port {self.port}: {error}"
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def readings(self) -> AsyncIterator[str]:
        """All readings, for ever. A slow reader slows the gun's connection, nothing is lost."""
        while True:
            yield await self._readings.get()

    async def close(self) -> None:
        """Stop listening and hang up."""
        if self._server is not None:
            self._server.close()
            for writer in self._writers:
                writer.close()
            await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Each connection has a framer of its own: half a code from a gun that fell joins nothing.
        framer = Framer(idle_gap_ms=self._idle_gap_ms)
        self._writers.add(writer)
        try:
            while True:
                data = await self._read(reader, framer)
                if data == b"":
                    return
                readings = framer.idle(_now_ms()) if data is None else framer.feed(data, _now_ms())
                for text in readings:
                    await self._readings.put(text)
        except ConnectionError:
            return  # the gun went out of reach; it connects again by itself, and whole readings are already queued
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, framer: Framer) -> bytes | None:
        """The next bytes, b'' at the end, None when a gun without suffix fell silent in the middle."""
        if self._idle_gap_ms is None or not framer.partial:
            return await reader.read(4096)
        try:
            return await asyncio.wait_for(reader.read(4096), self._idle_gap_ms / 1_000)
        except TimeoutError:
            return None


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
