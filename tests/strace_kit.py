"""strace around a process that is ready to go: its system calls listed, and any one of them made to fail or to kill.

    child ── imports done, waits ──▶ strace attaches ──▶ go ──▶ works ──▶ ends
                                       └─ at the n-th fsync: EIO, ENOSPC or SIGKILL

A call that is made to fail is not carried out; one that kills is not either: the process dies before it.
LEDGER_MATRIX=all runs every cell of the matrices and records what came of them in docs/drills/; without it a sample is
run, and MATRIX_SEED=… repeats one.
"""

import datetime as dt
import json
import multiprocessing
import os
import platform
import random
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest

Cell = TypeVar("Cell")

DRILLS = Path(__file__).parent.parent / "docs" / "drills"
WHOLE = os.environ.get("LEDGER_MATRIX") == "all"
ATTACHED_WITHIN_S = 10.0

processes = multiprocessing.get_context("forkserver")  # the seconds of importing are spent once
processes.set_forkserver_preload(
    ["api.publish.command", "tests.test_publish_kill", "tests.test_matrix_publisher", "tests.test_matrix_append"]
)
IMPORTED = ("api.cli", "api.publish.command", "cryptography.hazmat.backends.openssl.backend")
"""What a child has imported before it is traced: which calls it makes must not depend on what it still has to load."""


@cache
def why_not() -> str:
    """Why nothing can be traced here; empty when it can."""
    if sys.platform != "linux" or shutil.which("strace") is None:
        return "needs strace, on Linux"
    with subprocess.Popen(["sleep", "60"]) as other:
        words = ["timeout", "0.2", "strace", "-o", os.devnull, "-p", str(other.pid)]
        tried = subprocess.run(words, capture_output=True, text=True, check=False)
        other.kill()
    return "" if "attached" in tried.stderr else f"strace may not trace here: {tried.stderr.strip()}"


needs_strace = pytest.mark.skipif(bool(why_not()), reason=why_not() or "strace is here")


# --- calls and what is done to them


class Call(NamedTuple):
    """One system call of a trace: which one it is among those of its name, counted from 1, and its line."""

    name: str
    number: int
    line: str


class Injection(NamedTuple):
    """What happens at a call: an error's name, or KILL."""

    call: str
    number: int
    what: str

    @property
    def options(self) -> list[str]:
        done = "signal=KILL" if self.what == "KILL" else f"error={self.what}"
        return ["-e", f"trace={self.call}", "-e", f"inject={self.call}:{done}:when={self.number}"]


def calls(trace: Path) -> list[Call]:
    """What a trace of one thread holds, in order."""
    found, counted = [], Counter[str]()
    for line in trace.read_text(errors="replace").splitlines():
        match = re.match(r"([a-z0-9_]+)\(", line)
        if match is not None:
            counted[match[1]] += 1
            found.append(Call(match[1], counted[match[1]], line))
    return found


def struck(trace: Path, injection: Injection) -> str | None:
    """The line of the call that was struck; None when the process ended before it."""
    ours = [call for call in calls(trace) if call.name == injection.call]
    return ours[injection.number - 1].line if len(ours) >= injection.number else None


# --- tracing


@contextmanager
def attached(pid: int, trace: Path, options: Sequence[str]) -> Iterator[None]:
    """Have strace at this process until it ends, or this does."""
    words = ["strace", "-y", "-s", "200", "-o", str(trace), *options, "-p", str(pid)]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as tracer:
        try:
            deadline = time.monotonic() + ATTACHED_WITHIN_S
            while _tracer_of(pid) == 0:
                assert tracer.poll() is None, "strace did not attach"
                assert time.monotonic() < deadline, "strace did not attach in time"
                time.sleep(0.001)
            yield
        finally:
            if _tracer_of(pid) != 0:
                tracer.terminate()  # it lets go of a process that goes on
            tracer.wait(ATTACHED_WITHIN_S)


def _tracer_of(pid: int) -> int:
    """Who traces this process, 0 for nobody, or when it is dead."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if re.search(r"State:\t[ZX]", status) else int(status.partition("TracerPid:")[2].split()[0])


class Ready:
    """A child with everything imported and `prepare` done; `go` has it do what `prepare` returned."""

    def __init__(self, prepare: Callable[..., Callable[[], Any]], *arguments: object, said: Path) -> None:
        self._ours, theirs = processes.Pipe()
        self.process = processes.Process(target=_child, args=(theirs, said, prepare, arguments), daemon=True)
        self.process.start()
        theirs.close()
        self._ours.recv()
        assert self.process.pid is not None
        self.pid = self.process.pid

    def go(self) -> Any:
        """Let it work, and wait for its end: what came of the work, None when nothing did."""
        self._ours.send(None)
        try:
            answer = self._ours.recv()
        except EOFError:
            answer = None
        self.process.join()
        self._ours.close()
        return answer

    @property
    def exit_code(self) -> int:
        """How it ended; -9 when it was killed."""
        assert self.process.exitcode is not None
        return self.process.exitcode


def _child(
    pipe: Connection, said: Path, prepare: Callable[..., Callable[[], Any]], arguments: tuple[object, ...]
) -> None:
    out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(out, 1)
    os.dup2(out, 2)
    for name in IMPORTED:
        import_module(name)
    work = prepare(*arguments)
    pipe.send(None)
    pipe.recv()
    pipe.send(work())


# --- which cells, and what came of them


def chosen(cells: Sequence[Cell], sample: int, kind: Callable[[Cell], object]) -> list[Cell]:
    """All of them, or a sample by MATRIX_SEED that has one of as many kinds as may be; the seed is told."""
    if WHOLE:
        return list(cells)
    seed = int(os.environ.get("MATRIX_SEED") or secrets.randbits(32))
    sys.stdout.write(f"MATRIX_SEED={seed}\n")
    mixed = random.Random(seed).sample(cells, len(cells))
    times, ranked = Counter[object](), []
    for cell in mixed:
        times[kind(cell)] += 1
        ranked.append((times[kind(cell)], cell))
    return [cell for _, cell in sorted(ranked, key=lambda one: one[0])[:sample]]


def record(name: str, told: dict[str, Any]) -> None:
    """Keep what a whole run found, for the docs, with machine and date; a sample is no record."""
    if not WHOLE:
        return
    DRILLS.mkdir(exist_ok=True)
    whole = {"date": dt.datetime.now(tz=dt.UTC).date().isoformat(), "machine": machine(), **told}
    (DRILLS / f"{name}.json").write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", "utf-8")


def machine() -> str:
    """The machine in a line."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    named = cpu[1].strip() if cpu is not None else platform.machine()
    return f"{named}, {os.cpu_count()} 核 cores, Linux {platform.release()}, Python {platform.python_version()}"


def counted(rows: Sequence[tuple[str, ...]]) -> list[list[Any]]:
    """Equal rows once, each with how often it came."""
    return [[*row, count] for row, count in sorted(Counter(rows).items())]
