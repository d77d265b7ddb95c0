"""A filling scale over Modbus TCP: one connection per scale, one register map, no blind retries.

One dead device must not take others down, so each scale has its own socket (pymodbus issue 3012), and after any failure
the socket is closed: a late answer can never be taken for the answer to a later question. Reads, set-points,
heartbeats and dropping the permit may be repeated at will; energising the permit may not: it is written once, and what
became of it is read back by the caller (`scanners.valve`).
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

from msgspec import Struct
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from scanners.faults import ScaleRefused, ScaleSilent
from scanners.registers import Register, RegisterMap, Table, spans, value_of, words_of

_RESET = struct.pack("ii", 1, 0)


class ScaleState(Struct, frozen=True):
    """One snapshot. Weights gross, grams; `result` as in the register map, None where the scale has none."""

    weight_g: int
    sequence: int
    valve_open: bool
    result: int | None
    start_weight_g: int | None
    end_weight_g: int | None


class Scale:
    """The client of one scale. Every method raises ScaleSilent or ScaleRefused when it could not be done."""

    def __init__(self, host: str, port: int, registers: RegisterMap, *, timeout_s: float = 1.0) -> None:
        self.registers = registers
        self._host, self._port, self._timeout_s = host, port, timeout_s
        self._client: AsyncModbusTcpClient | None = None
        self._one_at_a_time = asyncio.Lock()
        self._beats = 0
        r = registers
        state = [r.weight_g, r.sequence, r.valve, r.result, r.start_weight_g, r.end_weight_g]
        self._spans = spans([register for register in state if register is not None])

    async def state(self) -> ScaleState:
        """Weight, sequence and valve, one block read per table."""
        read: dict[Table, tuple[int, list[int]]] = {}
        for table, (first, count) in self._spans.items():
            read[table] = (first, await self._read(table, first, count))
        r = self.registers

        def value(register: Register) -> int:
            first, words = read[register.table]
            return value_of(register, words[register.address - first :][: register.words], r.word_order)

        return ScaleState(
            weight_g=value(r.weight_g),
            sequence=value(r.sequence),
            valve_open=bool(value(r.valve)),
            result=None if r.result is None else value(r.result),
            start_weight_g=None if r.start_weight_g is None else value(r.start_weight_g),
            end_weight_g=None if r.end_weight_g is None else value(r.end_weight_g),
        )

    async def permitted(self) -> bool:
        """Whether the permit coil is energised: the read-back."""
        return bool((await self._read("coil", self.registers.permit.address, 1))[0])

    async def prepare(self, target_g: int, token: int) -> None:
        """Set the gross weight to close at, and note which permit comes next. Opens nothing; may be repeated."""
        await self.write(self.registers.target_g, target_g)
        if self.registers.permit_token is not None:
            await self.write(self.registers.permit_token, token)

    async def permit_once(self) -> None:
        """Energise the permit: ONE write. After a fault it may have arrived or not: read the sequence, never repeat."""
        await self._write_permit(energised=True)

    async def withdraw(self) -> None:
        """Drop the permit: the valve closes. Closing is always safe, so this may be repeated."""
        await self._write_permit(energised=False)

    async def beat(self) -> None:
        """One heartbeat, where the scale has a watchdog."""
        if self.registers.heartbeat is not None:
            self._beats = (self._beats + 1) % 0x10000
            await self.write(self.registers.heartbeat, self._beats)

    async def write(self, register: Register, value: int) -> None:
        """Write a holding register."""
        words = words_of(register, value, self.registers.word_order)
        address, unit = register.address - self.registers.address_base, self.registers.device_id
        await self._ask(lambda client: client.write_registers(address, words, device_id=unit))

    async def read(self, register: Register) -> int:
        """Read one register of any table."""
        words = await self._read(register.table, register.address, register.words)
        return value_of(register, words, self.registers.word_order)

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _write_permit(self, *, energised: bool) -> None:
        address, unit = self.registers.permit.address - self.registers.address_base, self.registers.device_id
        await self._ask(lambda client: client.write_coil(address, energised, device_id=unit))

    async def _read(self, table: Table, first: int, count: int) -> list[int]:
        address, unit = first - self.registers.address_base, self.registers.device_id

        def question(client: AsyncModbusTcpClient) -> Awaitable[ModbusPDU]:
            match table:
                case "coil":
                    return client.read_coils(address, count=count, device_id=unit)
                case "discrete":
                    return client.read_discrete_inputs(address, count=count, device_id=unit)
                case "holding":
                    return client.read_holding_registers(address, count=count, device_id=unit)
                case "input":
                    return client.read_input_registers(address, count=count, device_id=unit)

        answer = await self._ask(question)
        found = answer.bits[:count] if table in ("coil", "discrete") else answer.registers
        words = [int(word) for word in found]
        if len(words) != count:
            raise ScaleRefused("充装秤返回的数据长度不符", f"the scale answered {len(words)} values, not {count}")
        return words

    async def _ask(self, question: Callable[[AsyncModbusTcpClient], Awaitable[ModbusPDU]]) -> ModbusPDU:
        async with self._one_at_a_time:
            done = False
            try:
                answer = await question(await self._connected())
                done = True
            except (ModbusException, OSError) as error:
                raise ScaleSilent(
                    "充装秤无应答，请检查连接；阀门状态以秤为准", f"the scale does not answer: {error}"
                ) from error
            finally:
                if not done:
                    self.close()
        if answer.isError():
            raise ScaleRefused("充装秤拒绝该指令，请核对寄存器配置", f"the scale refuses: {answer}")
        return answer

    async def _connected(self) -> AsyncModbusTcpClient:
        if self._client is None or not self._client.connected:
            self.close()
            # retries=0: pymodbus would repeat a permit that was only slow. reconnect_delay=0: nothing behind our back.
            client = AsyncModbusTcpClient(
                self._host, port=self._port, timeout=self._timeout_s, retries=0, reconnect_delay=0
            )
            self._client = client
            if not await client.connect():
                raise ScaleSilent("充装秤连接不上，请检查电源和网线", f"no connection to {self._host}:{self._port}")
            # Close, and death, by reset: a permit still on its way is thrown away, never delivered late.
            client.ctx.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        return self._client
