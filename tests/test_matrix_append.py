"""The kill matrix of append: whoever takes part in it is struck at each of its system calls.

    appender       the process that appends, at each message to and from PostgreSQL: SIGKILL, or the connection lost
    backend        the PostgreSQL process that serves it, at each call on WAL, tables and connection
    checkpointer   the PostgreSQL process that writes tables back, during the checkpoint after an append

Afterwards everything that was acknowledged stands, the audit finds nothing, and the same bytes sent again are answered
as they were, or for the first time. A sample of the cells, unless LEDGER_MATRIX=all.
"""

import itertools
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import psycopg
import pytest
from msgspec import json as mjson

from ledger import claim as c
from ledger.bundle import open_bundle
from ledger.errors import Busy
from ledger.store.append import Received, append
from ledger.store.load import LogCache
from ledger.store.writer import Writer, connect_writer
from tests.shift_kit import Database, Said, _until, check_log, found_town, running_database
from tests.story import MINUTE, ORIGIN, START, USUAL, K, Story
from tests.strace_kit import WHOLE, Call, Injection, Ready, attached, calls, chosen, counted, needs_strace, record

pytestmark = needs_strace

Victim = Literal["appender", "backend", "checkpointer"]

SAMPLE = {"appender": 6, "backend": 10, "checkpointer": 4}
CYLINDERS = 7
CLAIMS = 2 * CYLINDERS + 3  # so many take a page more now and then
DATABASE_LASTS = 30  # cells; the audit after each cell reads all of it
STEPS = {
    "BEGIN": "0 begin", "SELECT log_id": "1-3 lock and load", "INSERT": "5 write", "COMMIT": "6 commit",
    '"X': "7 answered",
}  # fmt: skip
"""Words in what the appender sends, and the step that they begin (`ledger.store.append`). Step 4 sends nothing."""
RECOVERED_WITHIN_S = 60.0
TRIES = 2  # not every append makes the same calls: which one opens a file, or adds to it, is a matter of the moment
FILES = {"pg_wal/": "WAL", "base/": "tables", "global/": "tables", "pg_xact/": "transactions", "socket": "connection"}


class Cell(NamedTuple):
    victim: Victim
    where: str
    injection: Injection


def appending(url: str, envelope: bytes, now: int) -> Callable[[], bytes]:
    """A process of its own that appends one bundle, connected before it is struck; what it would tell the device."""
    connection = connect_writer(url)
    received = Received(open_bundle(envelope), 0)
    return lambda: mjson.encode(append(connection, ORIGIN, [received], now, LogCache())[0])


def wheres(victim: Victim, trace: list[Call]) -> Iterator[tuple[Call, str]]:
    """The calls that count, each with the step of the append or the sort of file that it is about."""
    step = "0 begin"
    for call in trace:
        if victim == "appender":
            if call.name == "sendto":
                step = next((named for word, named in STEPS.items() if word in call.line), step)
            if call.name in ("sendto", "recvfrom"):
                yield call, step
        else:
            where = next((named for part, named in FILES.items() if part in call.line), None)
            if where is not None:
                yield call, where


def blows(victim: Victim, call: Call, where: str) -> tuple[str, ...]:
    """What can happen at a call. A socket that fails one call and lives on is no accident: someone would wait on it."""
    if (victim, call.name) == ("appender", "recvfrom"):
        return ("ECONNRESET", "KILL")
    if victim == "appender" or where == "connection":
        return ("KILL",)
    return ("EIO", "ENOSPC", "KILL") if call.name != "lseek" else ("EIO", "KILL")


class Bench:
    """A durable database with a log to append to, a new one now and then."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self.trace, self._told = database, folder / "trace", folder / "said"
        self.url, self._number = "", 0
        self.renew()

    def renew(self) -> None:
        if self.url:
            self._database._server.drop_database(f"log_{self._number}")  # recovery looks at every file there is
        self._number += 1
        name = f"log_{self._number}"
        self._database._server.create_database(name)
        self.url = self._database._server.url(name)
        self.story, self._cells = Story(), 0
        self.story.ids = itertools.count(1_000_000)
        self.story.now = START + 60 * MINUTE
        self.codes = [one.code for one in found_town(self.url, [], CYLINDERS)]
        self.said: list[Said] = []

    def bundle(self) -> bytes:
        """A worker's round: handed over while the line was down, taken back, and the kitchen looked at and counted."""
        self.story.now += MINUTE
        hazard = self.say(c.OpenHazard)
        return self.story.worker.sign(
            *(self.say(c.HandOver, code=code, done=True) for code in self.codes),
            *(self.say(c.CollectCylinder, code=code, customer="K1", premises="H1") for code in self.codes[1:]),
            hazard,
            self.say(c.RectifyHazard, hazard=hazard.claim_id),
            self.say(c.CheckPremises),
            self.say(c.CountPremises, codes=tuple(self.codes[:2])),
        )

    def say(self, act: type[K], **fields: Any) -> K:
        return self.story.make(act, **USUAL[act] | fields)

    def by_writer(self, options: list[str], envelope: bytes) -> bytes | None:
        """Have a writer append over a connection whose backend is traced; None when it says to send again."""
        writer = Writer(self.url, ORIGIN, lambda: self.story.now)
        writer._connection = connection = connect_writer(self.url)
        with attached(connection.info.backend_pid, self.trace, options), writer:
            try:
                return mjson.encode(writer.submit(Received(open_bundle(envelope), 0)).result(60))
            except Busy:
                return None

    def append(self, envelope: bytes) -> bytes:
        """Append these bytes undisturbed."""
        with connect_writer(self.url) as connection:
            received = Received(open_bundle(envelope), 0)
            return mjson.encode(append(connection, ORIGIN, [received], self.story.now, LogCache())[0])

    def size(self) -> int:
        """How many entries stand, once nobody is about to commit more."""
        with psycopg.connect(self.url, autocommit=True) as owner:
            _until(lambda: owner.execute(_OTHERS).fetchall() == [(0,)])
            [(size,)] = owner.execute("SELECT count(*) FROM entry").fetchall()
        return int(size)

    def cells(self, victim: Victim) -> Iterator[Cell]:
        """Every call of one undisturbed append, by what can happen at it."""
        self.strike(victim, ["-e", "trace=all"], self.bundle())
        for call, where in wheres(victim, calls(self.trace)):
            for what in blows(victim, call, where):
                yield Cell(victim, where, Injection(call.name, call.number, what))

    def strike(self, victim: Victim, options: list[str], envelope: bytes) -> bytes | None:
        """Append while the victim is traced; the answer, None when there was none."""
        if victim == "appender":
            child = Ready(appending, self.url, envelope, self.story.now, said=self._told)
            with attached(child.pid, self.trace, [*options, "-e", "trace=sendto,recvfrom"]):
                answer: bytes | None = child.go()
        elif victim == "backend":
            answer = self.by_writer(options, envelope)
        else:
            with suppress(psycopg.Error), psycopg.connect(self.url, autocommit=True) as owner:
                owner.execute("CHECKPOINT")  # so that the one to come has this append to write, and no more
                answer = self.append(envelope)
                [(pid,)] = owner.execute(_CHECKPOINTER).fetchall()
                with attached(pid, self.trace, options):
                    owner.execute("CHECKPOINT")
        return answer

    def outcome(self, cell: Cell) -> tuple[str, str, str] | None:
        """Strike; where that was, what the device was told, what stood then; once all that must hold was found to hold.

        None when the call never came: not every append writes to the same files.
        """
        self._cells += 1
        if self._cells % DATABASE_LASTS == 0:
            self.renew()
        envelope, before = self.bundle(), self.size()
        answer = self.strike(cell.victim, cell.injection.options, envelope)
        _until(self._database._open, RECOVERED_WITHIN_S)  # it mends itself
        stood = self.size() - before
        assert stood in (0, CLAIMS), "all of a bundle or nothing"
        again = self.append(envelope)
        if answer is not None:
            assert stood == CLAIMS, "acknowledged and lost"
            assert again == answer, "the same bytes were answered differently"
        self.said.append(Said(envelope, again))
        assert len(check_log(self.url, ORIGIN, self.said)) == before + CLAIMS
        told = "acknowledged" if answer is not None else "no answer"
        injection, made = cell.injection, wheres(cell.victim, calls(self.trace))
        where = [at for call, at in made if (call.name, call.number) == (injection.call, injection.number)]
        return (where[0], told, "recorded" if stood else "not recorded") if where else None


_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
    " AND pid <> pg_backend_pid()"
)
_CHECKPOINTER = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'"


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    folder = Path(tempfile.mkdtemp(prefix="ledger-kill-"))
    try:
        with running_database(folder) as database:
            yield Bench(database, folder)
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("victim", get_args(Victim))
def test_what_was_acknowledged_stands_whoever_is_struck_wherever(bench: Bench, victim: Victim) -> None:
    cells, rows, wrong, began = list(bench.cells(victim)), [], [], time.monotonic()
    assert len(cells) > 20
    for cell in chosen(cells, 2 * SAMPLE[victim], lambda one: (one.where, one.injection.call, one.injection.what)):
        try:
            tries = (bench.outcome(cell) for _ in range(TRIES))
            where, *found = next(filter(None, tries), (cell.where, "not reached", ""))
            rows.append((where, cell.injection.call, cell.injection.what, *found))
        except Exception as error:  # noqa: BLE001 - the other cells are worth running
            wrong.append(f"{cell}: {error!r}")
        if not WHOLE and sum("not reached" not in row for row in rows) == SAMPLE[victim]:
            break
    assert wrong == []
    # The checkpointer makes few of its calls in a cell's short life: half of the sample reached is what can be asked.
    assert sum("not reached" not in row for row in rows) * 2 >= SAMPLE[victim]
    record(f"kill-{victim}", {"seconds": round(time.monotonic() - began), "outcomes": counted(rows)})
