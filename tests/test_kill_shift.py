"""A shift at a filling station in which server, agent and PostgreSQL are killed with -9, twenty-two times and more.

Nothing that was acknowledged is lost, nothing stands twice, no valve opens twice under one leave, and every opening is
reported in the end. The people are played here; agent, scales, server and database are the real ones, each a process
of its own. A killed agent goes on from its outbox, the people by what that says.

To repeat a run: KILL_SEED=… pytest tests/test_kill_shift.py
"""

import asyncio
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec import json as mjson

from ledger import claim as c
from scanners import scale_registers as at
from scanners.config import Crew, GunConfig, ScaleConfig, StationConfig
from scanners.physical import ScaleProcess
from tests.shift_kit import (
    AgentOrders,
    Child,
    Database,
    Held,
    Memory,
    Nursery,
    Said,
    Served,
    Signals,
    Wire,
    base_seed,
    check_log,
    found_town,
    note,
    running_database,
    running_nursery,
    story_time,
    until,
)
from tests.story import ORIGIN, Signer, private_key

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes to kill under /proc")

ROUNDS = 22
CYLINDERS = 96  # more than can be filled meanwhile
ROW = 4
LINES = ("L1", "L3")
CHECK_SCALE = "CW"
STORY_SCALE = 60  # a leave of 120 s lapses after 2 s, a gun's double-trigger window of 10 s after a sixth of one
SPEED_UP = 50  # 14.5 kg in 1.9 s
WATCHDOG_MS = 700  # the agent's heart beats every 0.5 s
TARE_G = 16_500
PEOPLE_WAIT_S = 4.0

# Who is killed, and the moments at which it hurts most.
VICTIMS = (
    ("server",), ("agent",), ("database",), ("postmaster",), ("backend",), ("server", "agent"), ("server", "database"),
    ("agent", "database"), ("server", "agent", "database"),
)  # fmt: skip
MOMENTS = ("any", "request", "answer", "opened", "read")
AGAIN = 0.25  # of all restarts are cut short by another kill
WHOLE_TEST_S = 300.0
SETTLED = {"completed", "interrupted", "unused"}


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="ledger-kill-"))
    try:
        yield made
    finally:
        shutil.rmtree(made)


class Agent:
    """The station's agent, as often as it is started: always the same key, outbox and scales."""

    def __init__(self, nursery: Nursery, orders: AgentOrders, signals: Signals) -> None:
        self._nursery, self._argument, self._signals = nursery, mjson.encode(orders).decode(), signals
        self.child: Child | None = None
        self.lives = 0
        self.guns: dict[str, int] = {}
        self.lights: list[dict[str, str]] = []
        self._watching: asyncio.Task[None] | None = None

    def check(self) -> None:
        """Between rounds it lives: what ended it otherwise was a bug of its own."""
        assert self.child is not None
        assert self._watching is not None
        assert self.child.alive, self.child.out.read_text()
        assert not self._watching.done(), self.child.out.read_text()

    async def start(self) -> None:
        self.child = self._nursery.bear("agent", self._argument)
        self.guns, self.lights = {}, []
        self._watching = asyncio.create_task(self._watch(self.child))
        while not self.guns:
            assert self.child.alive, self.child.out.read_text()
            await asyncio.sleep(0.01)
        self.lives += 1

    def kill(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        if self.child is not None:
            self.guns = {}
            self.child.kill()

    async def _watch(self, child: Child) -> None:
        """Read its screens."""
        done = 0
        while True:
            lines = child.said()[done:]
            done += len(lines)
            for line in lines.splitlines():
                told = mjson.decode(line)
                if "guns" in told:
                    self.guns = told["guns"]
                else:
                    self.lights.append(told)
                    self._signals.tell(told["kind"])
            await asyncio.sleep(0.01)

    async def scan(self, post: str, *readings: str) -> bool:
        """Pull the trigger; False when nobody listens."""
        if post not in self.guns:
            return False
        with suppress(OSError):
            _, gun = await asyncio.open_connection("127.0.0.1", self.guns[post])
            try:
                gun.write("".join(f"{reading}\r\n" for reading in readings).encode())
                await gun.drain()
            finally:
                gun.close()
            return True
        return False


class People:
    """They scan, carry and look; whatever dies, they go on until the outbox says that it is done."""

    def __init__(self, agent: Agent, memory: Memory, scales: dict[str, ScaleProcess]) -> None:
        self._agent, self._memory, self._scales = agent, memory, scales
        self.through: list[str] = []
        self.stopping = False

    async def work(self, codes: list[str]) -> None:
        """Row after row; while one is checked and loaded the next is filled."""
        rows = [codes[first : first + ROW] for first in range(0, len(codes), ROW)]
        async with asyncio.TaskGroup() as tasks:
            loading: asyncio.Task[None] | None = None
            for row in rows:
                if self.stopping:
                    break
                await self._row("prefill", "check_prefill", row)
                waiting = list(row)
                await asyncio.gather(*(self._fill_all(line, waiting) for line in LINES))
                if loading is not None:
                    await loading
                loading = tasks.create_task(self._load(row))

    async def _load(self, row: list[str]) -> None:
        await self._row(f"postfill:{CHECK_SCALE}", "check_postfill", row)
        await self._row("release", "release_cylinder", row)
        await self._row("depot_out", "depot_out", row)
        self.through += row

    async def _fill_all(self, line: str, waiting: list[str]) -> None:
        while waiting:
            await self._fill(line, waiting.pop(0))

    async def _fill(self, line: str, code: str) -> None:
        """The cylinder stands on the scale until it is full, however often somebody dies meanwhile."""
        scale = self._scales[line]
        await scale.put(TARE_G)
        while not self._memory.filled(code):
            await self._agent.scan(f"fill:{line}", code)
            await self._until(
                lambda: self._memory.filled(code), "offline", "fault", "refused", "interrupted", code=code
            )
        await scale.put(0)

    async def _row(self, post: str, act: str, row: list[str]) -> None:
        """Scan a row and sign it; whatever was lost with a dead agent is scanned again."""
        if post.endswith(CHECK_SCALE):
            await self._scales[CHECK_SCALE].put(TARE_G + 14_500)
        while todo := [code for code in row if not self._memory.accepted(act, code)]:
            await self._agent.scan(post, *todo, "%CLOSE")
            await self._until(
                lambda todo=todo: all(self._memory.accepted(act, code) for code in todo),  # type: ignore[misc]
                "offline", "fault", "refused", code=todo[0],
            )  # fmt: skip

    async def _until(self, done: Callable[[], bool], *lights: str, code: str) -> None:
        """Wait until it is done, or until there is reason to try again: such a light, a dead agent, a long silence."""
        agent, seen = self._agent, len(self._agent.lights)
        life, loop = agent.lives, asyncio.get_running_loop()
        deadline = loop.time() + PEOPLE_WAIT_S
        while loop.time() < deadline and agent.lives == life and not done():
            new = agent.lights[seen:]
            if any(light["kind"] in lights and light["code"] == code for light in new):
                break
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)  # longer than a double trigger


class Killer:
    """Kills and starts again, in an order that only the seed knows."""

    def __init__(self, seed: int, database: Database, served: Served, agent: Agent, signals: Signals) -> None:
        self._seed, self._signals = seed, signals
        self._database, self._served, self._agent = database, served, agent
        self.killed: Counter[str] = Counter()

    async def round(self, number: int) -> str:
        """One round; what was done."""
        chance = random.Random(f"{self._seed} {number}")
        victims = VICTIMS[number % len(VICTIMS)] if number < len(VICTIMS) else chance.choice(VICTIMS)
        moment, delay_s = chance.choice(MOMENTS), chance.uniform(0, 0.03)
        await asyncio.sleep(chance.uniform(0.1, 0.8))
        if moment != "any":
            await self._signals.next(moment, within_s=1.5)
        await asyncio.sleep(delay_s)
        for victim in chance.sample(victims, len(victims)):
            self.killed[victim] += 1
            await self._kill(victim, chance)
            await asyncio.sleep(chance.choice((0, 0.01, 0.1)))
        await asyncio.sleep(chance.choice((0, 0.1, 0.7)))
        await asyncio.gather(*(self._start(victim, random.Random(chance.random())) for victim in victims))
        self._agent.check()
        return f"{'+'.join(victims)} at {moment}+{1000 * delay_s:.0f}ms"

    async def _kill(self, victim: str, chance: random.Random) -> None:
        if victim == "server":
            self._served.kill()
        elif victim == "agent":
            self._agent.kill()
        else:
            await asyncio.to_thread(self._database.kill, victim, chance)

    async def _start(self, victim: str, chance: random.Random) -> None:
        await asyncio.sleep(chance.uniform(0, 0.3))
        while True:
            if victim == "server":
                await self._served.start()
            elif victim == "agent":
                await self._agent.start()
            else:
                await asyncio.to_thread(self._database.start)
            if chance.random() >= AGAIN:
                return
            # Just started, and in the middle of its recovery.
            await asyncio.sleep(chance.uniform(0, 0.05))
            self.killed[victim] += 1
            await self._kill(victim, chance)


@asynccontextmanager
async def running_scales(folder: Path) -> AsyncIterator[dict[str, ScaleProcess]]:
    """The lines' scales and the check-weigh scale. Nobody kills them: their counters are the judge."""
    names = (*LINES, CHECK_SCALE)
    started = [await ScaleProcess.start(seed=n, kept_in=folder / f"{name}.json") for n, name in enumerate(names)]
    try:
        for scale in started:
            await scale.hands.write(at.SPEED_UP, SPEED_UP)
            await scale.hands.write(at.WATCHDOG_MS, WATCHDOG_MS)
        yield dict(zip(names, started, strict=True))
    finally:
        for scale in started:
            await scale.stop()


def station(folder: Path, url: str, key: Signer, scales: dict[str, ScaleProcess]) -> StationConfig:
    """What `station.toml` would say."""
    path = folder / "station.pem"
    path.write_bytes(key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    rows = (GunConfig("prefill", 0), GunConfig("postfill", 0, CHECK_SCALE))
    return StationConfig(
        url=url,
        log=ORIGIN,
        site="S1",
        key_file=str(path),
        outbox=str(folder / "outbox.sqlite"),
        crew=Crew("P1", "P2", "V1", "T1"),
        scales=tuple(ScaleConfig(name, "127.0.0.1", scale.port) for name, scale in scales.items()),
        guns=(
            *rows,
            *(GunConfig("fill", 0, line) for line in LINES),
            GunConfig("release", 0),
            GunConfig("depot_out", 0),
        ),
        poll_s=0.02,
        answer_within_s=3.0,
    )


async def shift(seed: int, folder: Path, nursery: Nursery, database: Database) -> None:
    key = Signer("agent", private_key("agent"))
    codes = [one.code for one in found_town(database.url, [key], CYLINDERS)]
    story, signals = story_time(STORY_SCALE), Signals()
    served = Served(nursery, database.url, story)
    wire = Wire(served, signals)
    async with running_scales(folder) as scales, wire.running() as url:
        config = station(folder, url, key, scales)
        agent = Agent(nursery, AgentOrders(mjson.encode(config), story), signals)
        memory = Memory(Path(config.outbox))
        people = People(agent, memory, scales)
        killer = Killer(seed, database, served, agent, signals)
        await asyncio.gather(served.start(), agent.start())
        try:
            async with asyncio.TaskGroup() as tasks:
                working = tasks.create_task(people.work(codes))
                for number in range(ROUNDS):
                    told = await killer.round(number)
                    held = await asyncio.to_thread(check_log, database.url, ORIGIN, list(wire.said))
                    await never_twice(scales)
                    note(f"round {number:2}: {told}; {len(wire.said)} bundles said, {len(held)} entries")
                assert not working.done(), "the shift was over before the killing was"
                people.stopping = True
            await settled(memory)
            check_outbox(memory, held := check_log(database.url, ORIGIN, wire.said), key)
            await check_valves(scales, held)
            note(f"killed {dict(killer.killed)}; {len(people.through)} cylinders went through; {len(held)} entries")
        finally:
            agent.kill()
            served.kill()


async def never_twice(scales: dict[str, ScaleProcess]) -> None:
    for line in LINES:
        assert await scales[line].hands.read(at.MOST_OPENINGS_OF_A_TOKEN) <= 1, "a valve opened twice under one leave"


async def settled(memory: Memory) -> None:
    """The agent lives and the line is there: wait until it has nothing left to say."""
    await until(lambda: all(state != "pending" for state, _, _ in memory.bundles()), "every bundle is answered")
    await until(lambda: not memory.authorisations().keys() - SETTLED, "every leave is settled")


def check_outbox(memory: Memory, held: list[Held], key: Signer) -> None:
    """Every bundle is answered and none set aside; its answers hold; the log has nothing of the agent's beside."""
    bundles = memory.bundles()
    assert Counter(state for state, _, _ in bundles).keys() == {"answered"}
    ours = [one for one in held if one.entry.signer == key.id]
    answered = [Said(envelope, answer) for _, envelope, answer in bundles if answer is not None]
    assert len(ours) == sum(len(mjson.decode(said.answers)) for said in answered)
    assert {one.entry.device_chain for one in ours} <= {"first", "next"}, "in the order in which they were signed"


async def check_valves(scales: dict[str, ScaleProcess], held: list[Held]) -> None:
    """The scales' own counters against the log: each opening started once and ended once, completed ones by number."""
    await never_twice(scales)
    for line in LINES:
        hands = scales[line].hands
        openings = await hands.read(at.OPENINGS)
        assert (await hands.state()).sequence == openings
        started = [
            one.claim.authorisation for one in held if isinstance(one.claim, c.StartFill) and one.claim.line == line
        ]
        done = [one.claim for one in held if isinstance(one.claim, c.CompleteFill) and one.claim.line == line]
        stopped = [one.claim for one in held if isinstance(one.claim, c.InterruptFill) and one.claim.line == line]
        ended = [claim.authorisation for claim in done] + [claim.authorisation for claim in stopped]
        assert len(set(started)) == len(started) == openings
        assert sorted(ended) == sorted(started)
        assert len({claim.scale_seq for claim in done}) == len(done)
        lost = sum(claim.cause is c.Cause.SCALE_FAULT for claim in stopped)
        assert lost == 0, "the scales live, so no count was lost"
        note(f"{line}: {openings} openings, {len(done)} completed, {len(stopped)} interrupted")


def test_a_shift_survives_kill_9_at_any_moment(folder: Path) -> None:
    seed = base_seed()
    with running_nursery(folder) as nursery, running_database(folder / "db") as database:
        asyncio.run(asyncio.wait_for(shift(seed, folder, nursery, database), WHOLE_TEST_S))
