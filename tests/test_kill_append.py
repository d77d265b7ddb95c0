"""Many clients post at once while the database, then the server, is killed with -9 again and again.

A client keeps its signed bytes and sends them until it is answered with 200. Then they stand in the log: once, where
the answer says. To repeat a run: KILL_SEED=… pytest tests/test_kill_append.py
"""

import asyncio
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from ledger import claim as c
from ledger.clock import ScaledTime
from tests.shift_kit import (
    Database,
    Nursery,
    Said,
    Served,
    base_seed,
    check_log,
    children,
    found_town,
    note,
    running_database,
    running_nursery,
    story_time,
    until,
)
from tests.story import ORIGIN, Signer, Story, private_key

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds the processes to kill under /proc")

CLIENTS = 12
OWNER = """
import pathlib, sys, time
from ledger.store.embedded import EmbeddedServer
with EmbeddedServer(pathlib.Path(sys.argv[1])) as server:
    print(server.pid, flush=True)
    time.sleep(600)
"""
ROUNDS = {"database": 10, "server": 6}
THINKING_S = 0.02


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    folder = Path(tempfile.mkdtemp(prefix="ledger-kill-"))
    try:
        with running_nursery(folder) as running:
            yield running
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def database() -> Iterator[Database]:
    folder = Path(tempfile.mkdtemp(prefix="ledger-kill-"))
    try:
        with running_database(folder) as running:
            yield running
    finally:
        shutil.rmtree(folder)


class Clients:
    """Each with a key and a cylinder of its own; `said` is all that was acknowledged to any of them."""

    def __init__(self, database: Database, served: Served, story: ScaledTime, seed: int) -> None:
        self.url, self.served, self.seed = database.url, served, seed
        self._time, self._chance = story, random.Random(f"clients {seed}")
        self._story = Story()
        self._signers = [Signer(f"client {n}", private_key(f"client {n}")) for n in range(CLIENTS)]
        self._codes = [one.code for one in found_town(database.url, self._signers, CLIENTS)]
        self.said: list[Said] = []
        self.sent = 0
        self.stopping = False
        self.going = asyncio.Event()

    async def run(self, number: int) -> None:
        """Say one thing after another until told to stop; what was begun is said to its end."""
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            for turn in itertools.count():
                await self.going.wait()
                if self.stopping:
                    return
                self._story.now = self._time.at(self._time.real_start_ms) + turn
                envelope = self._signers[number].sign(self._claim(turn, self._codes[number]))
                # Now and then the same bytes go out twice at once, as a device with two lines might send them.
                copies = 2 if self._chance.random() < 0.2 else 1
                answers = await asyncio.gather(*(self._post(http, envelope) for _ in range(copies)))
                assert len(set(answers)) == 1, "the same bytes were answered differently"
                self.said.append(Said(envelope, answers[0]))
                await asyncio.sleep(self._chance.expovariate(1 / THINKING_S))

    def _claim(self, turn: int, code: str) -> c.AnyClaim:
        empty = {"code": code, "content": c.Content.EMPTY}
        return (
            self._story.make(c.CountStock, **empty),
            self._story.make(c.CheckPrefill, code=code),
            self._story.make(c.CollectCylinder, **empty),
            self._story.make(c.UnloadVehicle, **empty),
        )[turn % 4]

    async def _post(self, http: httpx.AsyncClient, envelope: bytes) -> bytes:
        """The answers to these bytes, sent until there are some."""
        while True:
            self.sent += 1
            try:
                response = await http.post(f"{self.served.url}/bundles", content=envelope)
            except httpx.TransportError:
                await asyncio.sleep(0.02)
                continue
            if response.status_code == 200:
                return response.content
            assert response.status_code == 503, f"{response.text}\n{self.served.told()}"
            await asyncio.sleep(0.05)


async def play(clients: Clients, kill: Callable[[random.Random], Awaitable[str]], rounds: int) -> None:
    """Rounds of killing under load, each followed by all checks."""
    served, url = clients.served, clients.url
    await served.start()
    async with asyncio.TaskGroup() as tasks:
        for number in range(CLIENTS):
            tasks.create_task(clients.run(number))
        for number in range(rounds):
            chance = random.Random(f"{clients.seed} {number}")
            moment_s = chance.uniform(0.05, 0.7)
            clients.going.set()
            await asyncio.sleep(moment_s)
            killed = await kill(chance)
            before = len(clients.said)
            await until(lambda before=before: len(clients.said) > before, "an answer after the kill")  # type: ignore[misc]
            clients.going.clear()  # what is under way goes on during the checks, nothing new begins
            held = await asyncio.to_thread(check_log, url, ORIGIN, list(clients.said))
            note(f"round {number}: {killed} after {moment_s:.3f} s; {len(clients.said)} said, {len(held)} entries")
        clients.stopping = True
        clients.going.set()
    held = check_log(url, ORIGIN, clients.said)
    ours = {signer.id for signer in clients._signers}
    assert sum(one.entry.signer in ours for one in held) == len(clients.said), "nothing stands that was never answered"
    assert {one.entry.device_chain for one in held if one.entry.signer in ours} == {"first", "next"}
    assert clients.sent > len(clients.said), "something had to be sent again"


@pytest.mark.parametrize("victim", ["database", "server"])
def test_what_was_acknowledged_stands_once(nursery: Nursery, database: Database, victim: str) -> None:
    seed = base_seed()
    story = story_time(10)
    served = Served(nursery, database.url, story)
    clients = Clients(database, served, story, seed)

    async def kill(chance: random.Random) -> str:
        if victim == "server":
            served.kill()
            await asyncio.sleep(chance.uniform(0, 0.1))
            await served.start()
            return "the server"
        what = chance.choice(("database", "postmaster", "backend"))
        await asyncio.to_thread(database.kill, what, chance)
        await asyncio.sleep(chance.uniform(0, 0.3))
        await asyncio.to_thread(database.start)
        return what

    try:
        asyncio.run(play(clients, kill, ROUNDS[victim]))
    finally:
        served.kill()


def test_a_database_that_mends_itself_while_its_owner_dies_starts_again() -> None:
    """PostgreSQL 18 hangs in a fast shutdown that comes during its restart after a crash: it must not be left so."""
    chance = random.Random(base_seed())
    folders = [Path(tempfile.mkdtemp(prefix="ledger-kill-")) for _ in range(3)]
    try:
        for folder in folders:
            with subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE) as owner:
                assert owner.stdout is not None
                try:
                    os.kill(chance.choice(children(int(owner.stdout.readline()))), signal.SIGKILL)
                    time.sleep(chance.uniform(0, 0.05))
                finally:
                    owner.kill()
        for folder in folders:
            with running_database(folder) as database, psycopg.connect(database.url) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        for folder in folders:
            shutil.rmtree(folder)
