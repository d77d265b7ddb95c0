"""The scale's client against a simulated scale in its own process, over real Modbus TCP."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs, toml

from scanners import scale_registers as at
from scanners.faults import Misconfigured, ScaleRefused, ScaleSilent
from scanners.physical import ScaleProcess
from scanners.registers import Register, RegisterMap, spans, value_of, words_of
from scanners.scale import Scale, ScaleState
from scanners.scale_physics import AT_TARGET, POWER_CUT, STOPPED, WATCHDOG


def with_scale(act: Callable[[ScaleProcess, Scale], Awaitable[None]], *, kept_in: Path | None = None) -> None:
    async def scenario() -> None:
        process = await ScaleProcess.start(kept_in=kept_in)
        scale = Scale("127.0.0.1", process.port, at.SIMULATED)
        try:
            await process.hands.write(at.SPEED_UP, 1_000)
            await process.put(16_000)
            await act(process, scale)
        finally:
            scale.close()
            await process.stop()

    asyncio.run(scenario())


async def closed(scale: Scale) -> ScaleState:
    while (state := await scale.state()).valve_open:  # noqa: ASYNC110 - Modbus has no events
        await asyncio.sleep(0.005)
    return state


def test_one_permit_fills_once_closes_by_itself_and_is_consumed():
    async def act(process: ScaleProcess, scale: Scale) -> None:
        await scale.prepare(30_500, 7)
        assert (await scale.state()).sequence == 0
        await scale.permit_once()
        assert await scale.permitted()
        assert (await scale.state()).valve_open
        state = await closed(scale)
        assert state == ScaleState(30_500, 1, False, AT_TARGET, 16_000, 30_500)  # noqa: FBT003
        assert not await scale.permitted()
        assert await scale.read(at.OPENINGS_OF_TOKEN) == 1
        await process.put(0)
        await scale.permit_once()
        assert not (await scale.state()).valve_open, "never fills air"

    with_scale(act)


def test_energising_an_energised_permit_is_no_second_opening():
    async def act(_: ScaleProcess, scale: Scale) -> None:
        await scale.prepare(60_000, 7)
        for _again in range(3):
            await scale.permit_once()
        assert (await scale.state()).sequence == 1
        await scale.withdraw()
        state = await scale.state()
        assert (state.valve_open, state.result) == (False, STOPPED)
        assert await scale.read(at.MOST_OPENINGS_OF_A_TOKEN) == 1

    with_scale(act)


def test_without_heartbeats_the_watchdog_shuts_the_valve():
    async def act(process: ScaleProcess, scale: Scale) -> None:
        await process.hands.write(at.SPEED_UP, 1)
        await process.hands.write(at.WATCHDOG_MS, 400)
        await scale.prepare(30_500, 7)
        await scale.permit_once()
        for _ in range(3):
            await asyncio.sleep(0.15)
            await scale.beat()
        assert (await scale.state()).valve_open
        state = await closed(scale)
        assert state.result == WATCHDOG
        assert 16_000 < state.weight_g < 17_000

    with_scale(act)


def test_overfill_and_power_cut_as_told():
    async def act(process: ScaleProcess, scale: Scale) -> None:
        await process.hands.write(at.OVERFILL_G, 900)
        await process.hands.write(at.CUT_POWER_AT_G, 22_000)
        await scale.prepare(30_500, 7)
        await scale.permit_once()
        state = await closed(scale)
        assert (state.result, state.end_weight_g) == (POWER_CUT, 22_000)
        await process.hands.write(at.OVERFILL_G, 900)
        await scale.prepare(30_500, 8)
        await scale.permit_once()
        state = await closed(scale)
        assert (state.result, state.weight_g, state.sequence) == (AT_TARGET, 31_400, 2)

    with_scale(act)


def test_counters_outlive_kill_9_and_the_valve_comes_back_shut(tmp_path):
    kept_in = tmp_path / "scale.json"

    async def act(process: ScaleProcess, scale: Scale) -> None:
        await process.hands.write(at.SPEED_UP, 10)
        await scale.prepare(30_500, 7)
        await scale.permit_once()
        await asyncio.sleep(0.05)
        assert (await scale.state()).valve_open
        process.kill()
        with pytest.raises(ScaleSilent):
            await scale.state()
        again = await ScaleProcess.start(kept_in=kept_in)
        state = await again.hands.state()
        await again.stop()
        assert (state.sequence, state.valve_open, state.result) == (1, False, POWER_CUT)
        assert 16_000 < state.weight_g < 30_500

    with_scale(act, kept_in=kept_in)


def test_a_map_that_does_not_fit_is_refused_not_guessed():
    async def act(process: ScaleProcess, _: Scale) -> None:
        wrong = structs.replace(at.SIMULATED, weight_g=Register("input", 50, 2), result=None)
        scale = Scale("127.0.0.1", process.port, wrong)
        with pytest.raises(ScaleRefused):
            await scale.state()
        scale.close()

    with_scale(act)


def test_a_scale_that_hangs_is_silent_and_the_permit_is_written_once():
    asked: list[bytes] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1_000):
            asked.append(data)
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(hang, "127.0.0.1", 0)
        scale = Scale("127.0.0.1", server.sockets[0].getsockname()[1], at.SIMULATED, timeout_s=0.1)
        with pytest.raises(ScaleSilent):
            await scale.permit_once()
        await asyncio.sleep(0.3)
        server.close()
        await server.wait_closed()

    asyncio.run(scenario())
    assert [data[7] for data in asked] == [5]


REGISTERS = st.builds(
    Register,
    table=st.just("holding"),
    address=st.integers(0, 100),
    words=st.sampled_from([1, 2]),
    signed=st.booleans(),
)


@given(REGISTERS, st.sampled_from(["high_first", "low_first"]), st.integers(0, 32_767))
def test_words_say_what_was_meant(register, order, value):
    assert value_of(register, words_of(register, value, order), order) == value
    signed = structs.replace(register, signed=True)
    assert value_of(signed, words_of(signed, -value, order), order) == -value


def test_units_orders_and_bounds():
    tens = Register("holding", 0, 2, multiplier=10)
    assert words_of(tens, 30_509, "high_first") == [0, 3_050], "a set-point is never rounded up"
    tenths = Register("input", 0, 2, signed=True, divisor=10)
    assert value_of(tenths, [0xFFFF, 0xFFF6], "high_first") == -1
    assert value_of(tenths, [0xFFF6, 0xFFFF], "low_first") == -1
    with pytest.raises(Misconfigured):
        words_of(Register("holding", 0), 70_000, "high_first")
    with pytest.raises(Misconfigured):
        spans([Register("input", 0), Register("input", 300)])
    with pytest.raises(Misconfigured):
        structs.replace(at.SIMULATED, permit=Register("holding", 9))


def test_a_map_in_toml_with_address_base_1_and_low_word_first():
    text = """
    address_base = 1
    word_order = "low_first"
    weight_g = { table = "input", address = 1, words = 2, signed = true }
    sequence = { table = "input", address = 3, words = 2 }
    valve = { table = "discrete", address = 1 }
    permit = { table = "coil", address = 1 }
    target_g = { table = "holding", address = 3, words = 2 }
    """
    registers = toml.decode(text, type=RegisterMap)

    async def act(process: ScaleProcess, _: Scale) -> None:
        await process.put(5)
        scale = Scale("127.0.0.1", process.port, registers)
        state = await scale.state()
        assert (state.weight_g, state.valve_open, state.result) == (5 << 16, False, None)
        scale.close()

    with_scale(act)
