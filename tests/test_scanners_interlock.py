"""The interlock for real: the agent is killed with -9 at every bad moment, and the scale's own counters are the judge.

Run as a program this file is the victim: a filling line without guns and server that recovers what was left open and
fills under one leave. The wire between it and the scale runs through a tap that can hold the
permit, or the scale's word that it came.
"""

import asyncio
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.bundle import open_bundle
from ledger.claim import AnyClaim, Cause, CompleteFill, InterruptFill, StartFill
from ledger.identity import own_code
from scanners import scale_registers as at
from scanners.claim_id import ClaimIds, uuid7
from scanners.faults import AlreadyConsumed
from scanners.outbox import FillState, Outbox
from scanners.physical import ScaleProcess
from scanners.scale import Scale
from scanners.valve import Leave, Valve

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
LOG = "test.example/lpg"
CODE = str(own_code("TS", "G0001"))
WATCHDOG_MS = 300


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def open_outbox(path: Path) -> Outbox:
    return Outbox(path, log=LOG, key=KEY)


async def work(port: int, path: Path, leave_id: str | None, start_by: int, say: Callable[[str], None]) -> None:
    outbox = open_outbox(path)

    async def report(claims: Sequence[AnyClaim], settles: tuple[str, FillState]) -> None:
        await asyncio.to_thread(outbox.put, claims, settles=settles)

    valve = Valve(
        "L1",
        Scale("127.0.0.1", port, at.SIMULATED, timeout_s=0.5),
        outbox,
        report=report,
        clock=now_ms,
        ids=ClaimIds(now_ms),
        on_opened=lambda _: say("opened"),
        on_fault=lambda _: say("fault"),
        poll_s=0.01,
        beat_s=0.05,
        opens_within_s=0.2,
    )
    say("ready")
    for ending in await valve.recover():
        say(f"recovered {ending.kind}")
    if leave_id is not None:
        leave = Leave(leave_id, CODE, "s-1", "L1", "p-1", "t-1", start_by, 30_500)
        try:
            say(f"ended {(await valve.fill(leave)).kind}")
        except AlreadyConsumed:
            say("ended already_consumed")
    valve.scale.close()
    outbox.close()


class Tap:
    """The wire. `hold`: `permit` stops the coil write before the scale, `word` stops the scale's answer to it."""

    def __init__(self, port: int) -> None:
        self.scale_port = port
        self.hold = ""
        self.held = asyncio.Event()
        self.permits = 0

    async def serve(self) -> tuple[asyncio.Server, int]:
        server = await asyncio.start_server(self._wire, "127.0.0.1", 0)
        return server, server.sockets[0].getsockname()[1]

    async def _wire(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_scale, to_scale = await asyncio.open_connection("127.0.0.1", self.scale_port)
        except OSError:
            writer.close()
            return
        back = asyncio.create_task(self._back(from_scale, writer))
        try:
            while data := await reader.read(4_096):
                if data[7] == 5 and data[10] == 0xFF:
                    self.permits += 1
                    if self.hold == "permit":
                        self.held.set()
                        continue
                to_scale.write(data)
        except OSError:
            pass  # the victim died by reset: that is what is tested
        finally:
            to_scale.close()
            back.cancel()
            writer.close()

    async def _back(self, from_scale: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await from_scale.read(4_096):
            if data[7] == 5 and self.hold == "word":
                self.held.set()
                continue
            writer.write(data)
        writer.close()


class Line:
    """One line under test: scale, tap, outbox, and victims to kill."""

    def __init__(self, scale: ScaleProcess, tap: Tap, port: int, path: Path) -> None:
        self.scale, self.tap, self.port, self.path = scale, tap, port, path
        self.start_by = now_ms() + 60_000

    async def start(self, leave: str) -> asyncio.subprocess.Process:
        """A victim in a process of its own; returns when it begins."""
        words = [str(self.port), str(self.path), str(self.start_by), leave]
        process = await asyncio.create_subprocess_exec(sys.executable, __file__, *words, stdout=asyncio.subprocess.PIPE)
        await self.hear(process, "ready")
        return process

    async def hear(self, process: asyncio.subprocess.Process, word: str) -> None:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 15) == f"{word}\n".encode()

    async def run(self, leave: str | None = None) -> list[str]:
        """The same work, undisturbed, in this process: what it said at the end."""
        said: list[str] = []
        await asyncio.wait_for(work(self.port, self.path, leave, self.start_by, said.append), 15)
        return [word for word in said if word.startswith(("recovered", "ended"))]

    async def kill(self, process: asyncio.subprocess.Process) -> None:
        process.send_signal(signal.SIGKILL)
        await process.communicate()

    def claims(self) -> list[AnyClaim]:
        outbox = open_outbox(self.path)
        claims = [signed.claim for row in outbox.select("pending") for signed in open_bundle(row.envelope).claims]
        outbox.close()
        return claims

    async def openings(self) -> tuple[int, int]:
        """All openings, and the most under any one permit, by the scale's own count."""
        hands = self.scale.hands
        return await hands.read(at.OPENINGS), await hands.read(at.MOST_OPENINGS_OF_A_TOKEN)


@asynccontextmanager
async def filling_line(tmp_path: Path, *, speed_up: int = 50):
    scale = await ScaleProcess.start(kept_in=tmp_path / "scale.json")
    tap = Tap(scale.port)
    server, port = await tap.serve()
    await scale.hands.write(at.SPEED_UP, speed_up)
    await scale.hands.write(at.WATCHDOG_MS, WATCHDOG_MS)
    await scale.put(16_000)
    line = Line(scale, tap, port, tmp_path / "outbox.sqlite")
    try:
        yield line
    finally:
        server.close()
        await line.scale.stop()


def on_a_line(tmp_path: Path, act: Callable[[Line], Awaitable[None]], *, speed_up: int = 50) -> None:
    async def scenario() -> None:
        async with filling_line(tmp_path, speed_up=speed_up) as line:
            await act(line)

    asyncio.run(scenario())


def new_leave() -> str:
    return uuid7(now_ms(), random.randbytes(10))


def test_an_undisturbed_fill(tmp_path):
    async def act(line: Line) -> None:
        leave = new_leave()
        assert await line.run(leave) == ["ended completed"]
        start, done = line.claims()
        assert isinstance(start, StartFill)
        assert isinstance(done, CompleteFill)
        assert (start.authorisation, done.authorisation) == (leave, leave)
        assert (done.start_weight_g, done.end_weight_g, done.scale_seq) == (16_000, 30_500, 1)
        assert await line.run(leave) == ["ended already_consumed"]
        assert await line.openings() == (1, 1)

    on_a_line(tmp_path, act, speed_up=1_000)


def test_killed_between_consuming_and_opening(tmp_path):
    async def act(line: Line) -> None:
        leave = new_leave()
        line.tap.hold = "permit"
        process = await line.start(leave)
        await line.tap.held.wait()
        await line.kill(process)
        line.tap.hold = ""
        assert await line.run(leave) == ["recovered unused", "ended already_consumed"]
        assert line.claims() == []
        assert await line.openings() == (0, 0)

    on_a_line(tmp_path, act)


def test_killed_between_opening_and_knowing_it(tmp_path):
    async def act(line: Line) -> None:
        leave = new_leave()
        line.tap.hold = "word"
        process = await line.start(leave)
        await line.tap.held.wait()
        await line.kill(process)
        line.tap.hold = ""
        await asyncio.sleep(WATCHDOG_MS / 1_000)
        assert not (await line.scale.hands.state()).valve_open, "nobody beats: the scale shut it"
        assert await line.run(leave) == ["recovered interrupted", "ended already_consumed"]
        start, stopped = line.claims()
        assert isinstance(start, StartFill)
        assert isinstance(stopped, InterruptFill)
        assert stopped.cause is Cause.POWER_CUT
        assert 16_000 < stopped.weight_g < 30_500
        assert await line.openings() == (1, 1)

    on_a_line(tmp_path, act)


def test_killed_while_filling_and_back_before_the_watchdog_bites(tmp_path):
    async def act(line: Line) -> None:
        await line.scale.hands.write(at.WATCHDOG_MS, 5_000)
        process = await line.start(new_leave())
        await line.hear(process, "opened")
        await line.kill(process)
        assert await line.run() == ["recovered completed"]
        assert [type(claim) for claim in line.claims()] == [StartFill, CompleteFill]
        assert await line.openings() == (1, 1)

    on_a_line(tmp_path, act, speed_up=150)


def test_a_lost_answer_is_asked_for_never_written_again(tmp_path):
    async def act(line: Line) -> None:
        await line.scale.hands.write(at.WATCHDOG_MS, 5_000)
        line.tap.hold = "word"
        assert await line.run(new_leave()) == ["ended completed"]
        assert line.tap.permits == 1
        assert await line.openings() == (1, 1)

    on_a_line(tmp_path, act, speed_up=300)


def test_a_permit_lost_on_the_way_is_given_up(tmp_path):
    async def act(line: Line) -> None:
        line.tap.hold = "permit"
        assert await line.run(new_leave()) == ["ended unused"]
        assert line.tap.permits == 1
        assert await line.openings() == (0, 0)
        assert line.claims() == []

    on_a_line(tmp_path, act)


def test_the_scale_itself_loses_power(tmp_path):
    async def act(line: Line) -> None:
        process = await line.start(new_leave())
        await line.scale.hands.write(at.WATCHDOG_MS, 5_000)
        await line.hear(process, "opened")
        line.scale.kill()
        await line.hear(process, "fault")
        await line.scale.stop()
        line.scale = await ScaleProcess.start(kept_in=tmp_path / "scale.json")
        line.tap.scale_port = line.scale.port
        out, _ = await asyncio.wait_for(process.communicate(), 15)
        assert out.decode().splitlines()[-1] == "ended interrupted"
        stopped = line.claims()[-1]
        assert isinstance(stopped, InterruptFill)
        assert stopped.cause is Cause.POWER_CUT
        assert await line.openings() == (1, 1)

    on_a_line(tmp_path, act, speed_up=10)


def test_never_opens_after_the_leave_lapsed(tmp_path):
    async def act(line: Line) -> None:
        line.start_by = now_ms() - 1
        assert await line.run(new_leave()) == ["ended late"]
        assert line.tap.permits == 0
        assert await line.openings() == (0, 0)

    on_a_line(tmp_path, act)


def test_a_stop_that_comes_before_the_permit_keeps_the_valve_shut(tmp_path):
    async def act(line: Line) -> None:
        outbox = open_outbox(line.path)
        leave = Leave(new_leave(), CODE, "s-1", "L1", "p-1", "t-1", line.start_by, 30_500)

        async def report(claims: Sequence[AnyClaim], settles: tuple[str, FillState]) -> None:
            await asyncio.to_thread(outbox.put, claims, settles=settles)

        scale = Scale("127.0.0.1", line.port, at.SIMULATED)
        valve = Valve(
            "L1", scale, outbox, report=report, clock=now_ms, ids=ClaimIds(now_ms),
            on_opened=lambda _: None, on_fault=lambda _: None, poll_s=0.01,
        )  # fmt: skip
        await valve.stop()
        assert (await valve.fill(leave)).kind == "unused"
        assert line.tap.permits == 0
        scale.close()
        outbox.close()

    on_a_line(tmp_path, act)


def test_killed_at_random_moments(tmp_path):
    """Whatever the moment: no permit opens twice, and every opening is told exactly once."""
    chance = random.Random(1)

    async def act(line: Line) -> None:
        for _ in range(4):
            await line.scale.put(16_000)
            process = await line.start(new_leave())
            await asyncio.sleep(chance.uniform(0.0, 0.25))
            if process.returncode is None:
                await line.kill(process)
        await line.run()
        openings, most = await line.openings()
        claims = line.claims()
        assert most <= 1
        assert sum(isinstance(claim, StartFill) for claim in claims) == openings
        assert sum(isinstance(claim, CompleteFill | InterruptFill) for claim in claims) == openings

    on_a_line(tmp_path, act, speed_up=500)


def to_parent(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    port, path, start_by, leave_id = sys.argv[1:]
    asyncio.run(work(int(port), Path(path), leave_id, int(start_by), to_parent))
