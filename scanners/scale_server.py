"""The simulated filling scale behind a real Modbus TCP server, for a process of its own (`station scale`).

pymodbus asks `action` before each read and write: that is where the simulation catches up with the clock.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import json as mjson
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from scanners import scale_registers as at
from scanners.registers import Register, value_of, words_of
from scanners.scale_physics import Counters, ScaleSimulation

_COILS, _DISCRETES = (1, 5, 15), (2,)
_HOLDING, _INPUT = (3, 6, 16), (4,)


class ScaleServer:
    """One simulated scale. `kept_in`: where its counters outlive kill -9, None to forget them."""

    def __init__(self, *, kept_in: Path | None = None, seed: int | None = None) -> None:
        counters = Counters()
        if kept_in is not None and kept_in.exists():
            counters = mjson.decode(kept_in.read_bytes(), type=Counters)
        self._kept_in = kept_in
        self.scale = ScaleSimulation(counters, seed=seed)
        self._keep()

    async def start(self, host: str, port: int) -> tuple[ModbusTcpServer, int]:
        """Serve on `host:port` (0: any free port); the server and the port it got."""
        bits, words = DataType.BITS, DataType.REGISTERS
        device = SimDevice(
            at.SIMULATED.device_id,
            (
                [SimData(0, values=[False] * 16, datatype=bits)],
                [SimData(0, values=[False] * 16, datatype=bits)],
                [SimData(first, count=count, datatype=words) for first, count in at.HOLDING_SPANS],
                [SimData(at.INPUT_SPAN[0], count=at.INPUT_SPAN[1], datatype=words)],
            ),
            action=self._action,
        )
        server = ModbusTcpServer(device, address=(host, port))
        await server.serve_forever(background=True)
        assert isinstance(server.transport, asyncio.Server)
        return server, server.transport.sockets[0].getsockname()[1]

    async def _action(  # noqa: PLR0917 - the shape that pymodbus calls
        self,
        code: int,
        first: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        now_ms = time.monotonic_ns() // 1_000_000
        self.scale.advance(now_ms)
        if values is not None and code in _COILS:
            self.scale.set_permit(bool(values[0]), now_ms)
        elif values is not None and code in _HOLDING:
            after = registers.copy()
            after[address - first : address - first + count] = [int(value) for value in values]
            self._written(address, count, after, now_ms)
        if code in _COILS:
            registers[0] = int(self.scale.permit)
        elif code in _DISCRETES:
            registers[0] = int(self.scale.counters.valve_open)
        elif code in _INPUT:
            self._show(registers)
        self._keep()
        return None

    def _show(self, registers: list[int]) -> None:
        now, shown = self.scale.counters, at.SIMULATED
        openings = now.openings
        for register, value in (
            (shown.weight_g, now.weight_g),
            (shown.sequence, now.sequence),
            (shown.valve, int(now.valve_open)),
            (shown.result, now.result),
            (shown.start_weight_g, now.start_weight_g),
            (shown.end_weight_g, now.end_weight_g),
            (at.OPENINGS, sum(openings.values())),
            (at.OPENINGS_OF_TOKEN, openings.get(str(self.scale.token), 0)),
            (at.MOST_OPENINGS_OF_A_TOKEN, max(openings.values(), default=0)),
        ):
            assert register is not None
            registers[register.address : register.address + register.words] = words_of(register, value, "high_first")

    def _written(self, address: int, count: int, after: list[int], now_ms: int) -> None:
        scale = self.scale

        def wrote(register: Register, act: Callable[[int], None]) -> None:
            if register.address < address + count and address < register.address + register.words:
                words = after[register.address : register.address + register.words]
                act(value_of(register, words, "high_first"))

        heartbeat, token = at.SIMULATED.heartbeat, at.SIMULATED.permit_token
        assert heartbeat is not None
        assert token is not None
        wrote(heartbeat, lambda _: scale.beat(now_ms))
        for register, name in (
            (token, "token"),
            (at.SIMULATED.target_g, "target_g"),
            (at.WATCHDOG_MS, "watchdog_ms"),
            (at.OVERFILL_G, "overfill_g"),
            (at.CUT_POWER_AT_G, "cut_power_at_g"),
            (at.SPEED_UP, "speed_up"),
            (at.FLOW_G_S, "flow_g_s"),
        ):
            wrote(register, lambda value, name=name: setattr(scale, name, value))  # type: ignore[misc]
        wrote(at.PUT_WEIGHT_G, scale.put)

    def _keep(self) -> None:
        if self._kept_in is None or not self.scale.changed:
            return
        # Renamed into place, so a kill -9 leaves the old counters or the new, never half of them.
        beside = self._kept_in.with_suffix(".new")
        beside.write_bytes(mjson.encode(self.scale.counters))
        beside.replace(self._kept_in)
        self.scale.changed = False


async def serve(host: str, port: int, *, kept_in: Path | None, seed: int | None, until_eof: bool) -> None:
    """Run until cancelled, or until standard input ends; the first line on standard output is `{"port": …}`."""
    server, got = await ScaleServer(kept_in=kept_in, seed=seed).start(host, port)
    print(mjson.encode({"port": got}).decode(), flush=True)  # noqa: T201 - the line that the parent waits for
    try:
        if until_eof:
            # Whoever started us holds the other end of this pipe; when it dies, however it dies, we go too.
            await asyncio.to_thread(sys.stdin.buffer.read)
        else:
            await asyncio.Event().wait()
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]
