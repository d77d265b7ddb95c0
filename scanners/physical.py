"""The physical world of a simulation: scales in processes of their own, and a gun's cable."""

import asyncio
import random
import sys
from pathlib import Path

from msgspec import json as mjson

from scanners import scale_registers as at
from scanners.scale import Scale

_STARTS_WITHIN_S = 20.0
_IN_TWO_PIECES, _DOUBLE_TRIGGER = 0.1, 0.05  # of all readings


class ScaleProcess:
    """`station scale` as a child, and the hands on its platform (a second Modbus connection, the control block)."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process, self.port = process, port
        self.hands = Scale("127.0.0.1", port, at.SIMULATED, timeout_s=5.0)

    @classmethod
    async def start(cls, *, seed: int | None = None, kept_in: Path | None = None) -> "ScaleProcess":
        """Start one; it dies with us, however we die, because its standard input ends."""
        options = [] if seed is None else ["--seed", str(seed)]
        options += [] if kept_in is None else ["--state", str(kept_in)]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "scanners.scale_process", *options,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), _STARTS_WITHIN_S)
        return cls(process, mjson.decode(line, type=dict[str, int])["port"])

    async def put(self, weight_g: int) -> None:
        """Put a cylinder of this gross weight on the platform; 0 takes it off."""
        await self.hands.write(at.PUT_WEIGHT_G, weight_g)

    async def weight_g(self) -> int:
        """What the platform shows, gross."""
        return (await self.hands.state()).weight_g

    def kill(self) -> None:
        """Kill -9: a power cut of the indicator itself."""
        self._process.kill()

    async def stop(self) -> None:
        """End the process."""
        self.hands.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


class GunCable:
    """A gun: TCP, CRLF, now and then a double trigger, now and then a reading in two pieces."""

    def __init__(self, writer: asyncio.StreamWriter, chance: random.Random) -> None:
        self._writer, self._chance = writer, chance

    @classmethod
    async def connect(cls, port: int, chance: random.Random) -> "GunCable":
        """Connect to the agent."""
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        return cls(writer, chance)

    async def read(self, text: str) -> None:
        """Pull the trigger at this text."""
        line = text.encode() + b"\r\n"
        if self._chance.random() < _IN_TWO_PIECES:
            cut = self._chance.randrange(1, len(line))
            self._writer.write(line[:cut])
            await self._writer.drain()
            await asyncio.sleep(0)
            self._writer.write(line[cut:])
        else:
            self._writer.write(line)
        if self._chance.random() < _DOUBLE_TRIGGER and not text.startswith("%"):
            self._writer.write(line)
        await self._writer.drain()

    def close(self) -> None:
        """Unplug."""
        self._writer.close()
