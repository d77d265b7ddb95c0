"""The kit of the kill tests: a durable database, a nursery of processes to kill, a wire that remembers, and the checks.

    people ──gun, scale──▶ agent ──▶ Wire ──▶ server ──▶ PostgreSQL        all but people and wire are killed with -9
                            │          │
                          outbox   what was answered with 200, byte for byte

Run as a program this file is the nursery: it has done the imports (seconds of them) and forks a child for each order,
so that a restart costs milliseconds and many kills fit in a minute. When the test dies, however, its children do too.

This file is over 400 lines because it is also the program that its own processes are forked from.
"""

import asyncio
import itertools
import json
import os
import random
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psycopg
from msgspec import Struct
from msgspec import json as mjson

from ledger import claim as c
from ledger.bundle import decode_claim, open_bundle
from ledger.clock import ScaledTime
from ledger.entry import Answer, Entry, decode_entry, leaf_hash
from ledger.events import Refusal
from ledger.store.append import append, open_log
from ledger.store.audit import audit
from ledger.store.embedded import EmbeddedServer
from ledger.store.load import LogCache
from ledger.store.migrate import migrate
from ledger.store.writer import connect_writer
from tests.story import MINUTE, ORIGIN, Signer, Story

ROOT = Path(__file__).resolve().parent.parent
GONE_WITHIN_S = 10.0
READY_WITHIN_S = 40.0


def base_seed() -> int:
    """The seed of all chance in a kill test: KILL_SEED, or a new one. Told on standard output."""
    seed = int(os.environ.get("KILL_SEED") or secrets.randbits(32))
    note(f"KILL_SEED={seed}")
    return seed


def note(text: str) -> None:
    """A line that pytest shows when the test fails."""
    sys.stdout.write(f"{text}\n")


async def until(done: Callable[[], bool], what: str, within_s: float = 60.0) -> None:
    """Wait for it; an AssertionError that names it when it does not come."""
    deadline = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < deadline, f"never happened: {what}"
        await asyncio.sleep(0.01)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


# --- the nursery, and what its children are


class AgentOrders(Struct, frozen=True):
    """What an agent's process is told: `scanners.config.StationConfig` as JSON, and the story's time."""

    config: bytes
    time: ScaledTime


def nursery() -> None:
    """Fork a child for each order on standard input; when that ends, so does the whole group."""
    import api.demo.serve  # noqa: F401, PLC0415 - what children need, imported once
    import scanners.agent  # noqa: F401, PLC0415

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin.buffer:
        role, argument, out = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(role, argument, out)
        os.write(1, b"%d\n" % pid)
    os.killpg(0, signal.SIGKILL)


def _become(role: str, argument: str, out: str) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for path, flags, number in ((os.devnull, os.O_RDONLY, 0), (out, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 1)):
        os.dup2(os.open(path, flags, 0o600), number)
    os.dup2(1, 2)
    try:
        _ROLES[role](argument)
    except BaseException:  # noqa: BLE001 - a child's last words; it must not go on as a nursery
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(1)


def _serve(argument: str) -> None:
    from api.demo.serve import main  # noqa: PLC0415

    main(argument)


def _agent(argument: str) -> None:
    """The agent of `station run`, by the story's clock, with its screens as JSON lines on standard output."""
    from scanners import sender  # noqa: PLC0415
    from scanners.agent import Station  # noqa: PLC0415
    from scanners.config import StationConfig, load_key  # noqa: PLC0415

    sender.LONGEST_PAUSE_S = 0.6  # the round is for killing, not for waiting
    orders = mjson.decode(argument, type=AgentOrders)
    config = mjson.decode(orders.config, type=StationConfig)

    def say(what: object) -> None:
        os.write(1, mjson.encode(what) + b"\n")

    async def work() -> None:
        station = Station(config, load_key(Path(config.key_file)), clock=lambda: orders.time.at(now_ms()), show=say)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(station.run())
            await station.ready.wait()
            say({"guns": {name: gun.port for name, gun in station.guns.items()}})

    asyncio.run(work())


_ROLES: dict[str, Callable[[str], None]] = {"serve": _serve, "agent": _agent}


class Child(NamedTuple):
    """A process that the nursery bore; what it says stands in `out`."""

    pid: int
    out: Path

    @property
    def alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        _until(lambda: not self.alive)

    def said(self) -> bytes:
        """Every whole line that it said by now."""
        text = self.out.read_bytes() if self.out.exists() else b""
        return text[: text.rfind(b"\n") + 1]


class Nursery:
    """Bears children for the tests; each has a file in `folder` that it writes to."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path) -> None:
        self._process, self._folder = process, folder
        self._born: Counter[str] = Counter()

    def bear(self, role: str, argument: str) -> Child:
        self._born[role] += 1
        out = self._folder / f"{role}-{self._born[role]}.out"
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([role, argument, str(out)]).encode() + b"\n")
        self._process.stdin.flush()
        return Child(int(self._process.stdout.readline()), out)


@contextmanager
def running_nursery(folder: Path) -> Iterator[Nursery]:
    """A nursery, and at the end an end of it and of all its children."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.shift_kit"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield Nursery(process, folder)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


# --- the database


class Database:
    """PostgreSQL with its default durability, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedServer(folder)
        self._server.start()
        self._server.create_database("ledger")
        self.url = self._server.url("ledger")

    def kill(self, what: str, chance: random.Random) -> None:
        """Kill -9. `database`: all of its processes; `postmaster`: that one; `backend`: any one of the others."""
        postmaster = self._server.pid
        if postmaster is None:
            return
        others = children(postmaster)
        killed = {"database": [postmaster, *others], "postmaster": [postmaster], "backend": [chance.choice(others)]}
        for pid in killed[what]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if what != "backend":
            _until(lambda: self._server.pid is None)

    def start(self) -> None:
        """Start it again if it does not run; return when it takes connections."""
        if self._server.pid is None:
            self._server.stop()
            self._server.start()
        _until(self._open)

    def stop(self) -> None:
        """Stop it, but not while it mends itself: PostgreSQL 18 then hangs, and stopping takes a minute."""
        with suppress(AssertionError):
            _until(self._open)
        self._server.stop()

    def _open(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def running_database(folder: Path) -> Iterator[Database]:
    """A database of this test's own."""
    database = Database(folder)
    try:
        yield database
    finally:
        database.stop()


def children(parent: int) -> list[int]:
    """The processes whose parent this is."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def _until(done: Callable[[], bool], within_s: float = GONE_WITHIN_S) -> None:
    deadline = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < deadline, "it should have happened by now"
        time.sleep(0.002)


# --- the town


def found_town(url: str, stations: list[Signer], cylinders: int) -> list[c.RegisterCylinder]:
    """A demo's log in this database, in which these may act as stations at S1; so many empty cylinders stand there.

    L1 and L3 are scales.
    """
    migrate(url)
    story, cache = Story(), LogCache()
    made = [story.cylinder(number) for number in range(cylinders)]
    year = {"valid_from": "2025-01-01", "valid_to": "2027-12-31"}
    third: list[c.AnyClaim] = [
        story.make(c.FileLine, line="L3", kind="scale", division_g=50, status="in_service"),
        story.make(c.FileCalibration, certificate="CAL3", line="L3", **year),
    ]
    told: list[tuple[Signer, Sequence[c.AnyClaim]]] = [(signer, [claim]) for signer, claim in story.filings()]
    told += [(story.authority, [story.enrolment(one, c.Role.STATION, "E1", ("S1",))]) for one in stations]
    told += [(story.office, third), (story.office, made), (story.authority, [story.certificate(*made)])]
    counts = [story.make(c.CountStock, code=one.code, content=c.Content.EMPTY) for one in made]
    told += [(story.station, counts)]
    with connect_writer(url) as connection:
        open_log(connection, story.receive(story.authority, story.opening(demo=True)), story.now)
        received = [story.receive(signer, *claims) for signer, claims in told]
        answers = append(connection, ORIGIN, received, story.now + MINUTE, cache)
    for answer in itertools.chain.from_iterable(answers):
        assert not isinstance(answer.outcome, Refusal), answer
        assert not answer.outcome.violations, answer
    return made


def story_time(scale: int) -> ScaledTime:
    """The story goes on an hour after the town was founded."""
    return ScaledTime(now_ms(), Story().now + 60 * MINUTE, scale)


# --- server and wire


class Served:
    """The HTTP server, by the demo's entry point; started again, as a supervisor does, until it is ready."""

    def __init__(self, nursery: Nursery, database_url: str, story: ScaledTime) -> None:
        self._nursery = nursery
        self._argument = mjson.encode({"database_url": database_url, "time": story}).decode()
        self.child: Child | None = None
        self.url = ""

    async def start(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            self.child = self._nursery.bear("serve", self._argument)
            while self.child.alive:
                assert time.monotonic() < deadline, self.child.said().decode()
                if self.child.said().startswith(b"READY "):
                    self.url = self.child.said().split()[1].decode()
                    return
                await asyncio.sleep(0.01)
            # The database is away: it said so and ended.
            assert time.monotonic() < deadline, self.child.said().decode()
            await asyncio.sleep(0.1)

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()

    def told(self) -> str:
        """What the server that runs now has written."""
        return "" if self.child is None else self.child.out.read_text()


class Said(NamedTuple):
    """One bundle and the answers that the server gave it with 200: from then on they hold for ever."""

    envelope: bytes
    answers: bytes


class Signals:
    """Moments worth a kill, told by name to whoever waits for one."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, list[asyncio.Future[None]]] = defaultdict(list)

    def tell(self, name: str) -> None:
        for future in self._waiting.pop(name, []):
            if not future.done():
                future.set_result(None)

    async def next(self, name: str, within_s: float) -> None:
        """Return at the next such moment, or when there was none for so long."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[name].append(future)
        with suppress(TimeoutError):
            await asyncio.wait_for(future, within_s)


class Wire:
    """Between agent and server: passes bytes on as they are, and keeps what was asked and answered with 200."""

    def __init__(self, served: Served, signals: Signals) -> None:
        self._served, self._signals = served, signals
        self.said: list[Said] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """The URL for the agent."""
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked: list[bytes] = []
        back: asyncio.Task[None] | None = None
        to_server: asyncio.StreamWriter | None = None
        try:
            host, port = self._served.url.removeprefix("http://").split(":")
            from_server, to_server = await asyncio.open_connection(host, int(port))
            back = asyncio.create_task(self._back(from_server, writer, asked))
            whole = _Messages()
            while data := await reader.read(65_536):
                asked += [body for _, body in whole.feed(data)]
                to_server.write(data)
                self._signals.tell("request")
        except OSError:
            pass  # one end was killed, or is not there yet
        finally:
            writer.close()
            if to_server is not None:
                to_server.close()
            if back is not None:
                await asyncio.wait([back])

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: list[bytes]) -> None:
        whole = _Messages()
        try:
            while data := await reader.read(65_536):
                for first, body in whole.feed(data):
                    envelope = asked.pop(0)
                    if first.startswith(b"HTTP/1.1 200"):
                        # The server has said it. Whether the agent lives to hear it is another matter.
                        self.said.append(Said(envelope, body))
                writer.write(data)
                self._signals.tell("answer")
        except OSError:
            pass
        finally:
            writer.close()


class _Messages:
    """Whole HTTP messages with a Content-Length, out of pieces: first line and body."""

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            first, *headers = self._data[:end].split(b"\r\n")
            named = dict(header.lower().split(b":", 1) for header in headers)
            size = end + 4 + int(named[b"content-length"])
            if len(self._data) < size:
                return
            body, self._data = self._data[end + 4 : size], self._data[size:]
            yield first, body


# --- the checks


class Held(NamedTuple):
    """One entry as the log holds it."""

    body: bytes
    entry: Entry
    claim: c.AnyClaim


def check_log(url: str, origin: str, said: list[Said]) -> list[Held]:
    """The whole log, after the checks that every kill test makes; `said` is what was acknowledged before now.

    The audit finds nothing, indexes are dense, no claim stands twice, and everything acknowledged stands where and as
    it was acknowledged.
    """
    report = audit(url, origin)
    assert report.findings == []
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT entry_index, body FROM entry JOIN log USING (log_id) WHERE origin = %s ORDER BY entry_index",
            (origin,),
        ).fetchall()
    assert [index for index, _ in rows] == list(range(len(rows)))
    assert len(rows) >= report.entries
    held = [Held(body, entry := decode_entry(body), decode_claim(entry.claim)) for _, body in rows]
    twice = Counter((one.entry.signer, one.claim.claim_id) for one in held)
    assert [key for key, times in twice.items() if times > 1] == []
    for envelope, answers in said:
        bundle = open_bundle(envelope)
        told = mjson.decode(answers, type=list[Answer])
        assert len(told) == len(bundle.claims)
        for position, (signed, answer) in enumerate(zip(bundle.claims, told, strict=True)):
            assert answer.entry_index < len(held), "acknowledged and lost"
            body, entry, _ = held[answer.entry_index]
            assert answer.leaf == leaf_hash(body).hex(), "acknowledged and changed"
            assert (entry.claim, entry.bundle, entry.position) == (signed.text, bundle.digest.hex(), position)
            assert (entry.recorded_at, entry.outcome) == (answer.recorded_at, answer.outcome)
    return held


# --- what the agent's own memory says


class Memory:
    """The agent's outbox, read from outside: it says what is done, whatever was killed meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_to = -1
        self._accepted: set[tuple[str, str]] = set()

    def accepted(self, act: str, code: str) -> bool:
        """Whether the ledger has ever said yes to this act with this cylinder."""
        for seq, envelope, answer in self._rows(
            "SELECT seq, envelope, answer FROM bundle WHERE seq > ? AND state = 'answered' ORDER BY seq", self._read_to
        ):
            answers = mjson.decode(answer, type=list[Answer])
            for signed, one in zip(open_bundle(envelope).claims, answers, strict=True):
                if not isinstance(one.outcome, Refusal):
                    self._accepted.add((c.act_of(signed.claim), getattr(signed.claim, "code", "")))
            if seq == self._read_to + 1:
                self._read_to = seq
        return (act, code) in self._accepted

    def filled(self, code: str) -> bool:
        """Whether the last fill of this cylinder came to its end."""
        rows = self._rows(
            "SELECT state FROM authorisation WHERE code = ? AND state <> 'unused' ORDER BY rowid DESC LIMIT 1", code
        )
        return rows == [("completed",)]

    def authorisations(self) -> Counter[str]:
        """How many authorisations stand in each state."""
        return Counter(state for (state,) in self._rows("SELECT state FROM authorisation"))

    def bundles(self) -> list[tuple[str, bytes, bytes | None]]:
        """State, envelope and answer of all bundles."""
        return self._rows("SELECT state, envelope, answer FROM bundle ORDER BY seq")

    def _rows(self, question: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]
        if not self.path.exists():
            return []
        with closing(sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True)) as db:
            db.execute("PRAGMA busy_timeout = 5000")
            return db.execute(question, values).fetchall()


if __name__ == "__main__":
    nursery()
