"""The kill matrix of the publisher: at each of its system calls on keys, state and folder, EIO, ENOSPC and SIGKILL.

`ledger publish --once` is traced; then, for every single call on those files, it is run again on a fresh copy of them
with the call failing, or the process killed at it. A sample of the cells, unless LEDGER_MATRIX=all.
"""

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from api.publish.plan import Plan
from api.serve import real_clock
from ledger.checkpoint import Checkpoint, parse_checkpoint
from ledger.entry import leaf_hash
from ledger.merkle import extend, root_of
from ledger.policy import judge_checkpoint
from tests.cosign_kit import Town, town_of
from tests.publish_kit import ORIGIN, Press, running_press
from tests.strace_kit import Injection, Ready, attached, calls, chosen, counted, needs_strace, record, struck

pytestmark = needs_strace

SAMPLE = 20
LAST = 300
STARTS = {"first": 0, "tile filled": 200, "more": 260, "witnessed": 260, "signed, not out": LAST}
"""What is published before each run: nothing; some of the first tile; some of the last; all but the checkpoint."""
TAKES_ROOM = {"openat", "mkdir", "rename", "write", "fsync"}  # what a full disk fails
GATHERED_WITHIN = 20  # clean runs; a witness that is away is asked again a little later


class Cell(NamedTuple):
    start: str
    where: str
    injection: Injection


def publishing(url: str, words: list[str]) -> Callable[[], None]:
    """What `ledger publish --once` does, in a process of its own."""
    from api.cli import main  # noqa: PLC0415 - the parent needs it not

    os.environ["LEDGER_DATABASE_URL"] = url
    return lambda: main(["publish", *words])


class Bench:
    """A log of LAST entries, and the files that publisher and witness left at earlier sizes, to be put back at will."""

    def __init__(self, press: Press, town: Town, folder: Path, kept: Path) -> None:
        self.press, self.town, self.folder, self._kept = press, town, folder, kept
        self.trace, self.said = kept / "trace", kept / "said"
        self._seen: dict[str, list[Checkpoint]] = {}
        self._plans = {"": press.plan}
        town.require(1)
        self._plans["witnessed"] = press.plan
        self._memory = town.plans["a"].db
        (kept / "first").mkdir()
        for start, size in sorted(STARTS.items(), key=lambda item: item[1]):
            press.plan = self.plan(start)
            press.now, published = real_clock(), press.folder / "checkpoint"
            older = published.read_bytes() if published.exists() else b""
            self._seen[start] = list(press.seen)
            if size:
                press.log.add(size - len(press.log.bodies))
                press.publish()
                self._seen[start] = [press.seen[-1]]
                if size == LAST:
                    published.write_bytes(older)
                    self._seen[start] = press.seen[:-1]
                shutil.copytree(folder, kept / start)
        town.stop("a")
        self._remembered = self._memory.read_bytes()
        town.start("a")

    def plan(self, start: str) -> Plan:
        return self._plans.get(start, self._plans[""])

    def put_back(self, start: str) -> None:
        for path in self.folder.iterdir():
            if path.suffix != ".pem":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(self._kept / start, self.folder, dirs_exist_ok=True)
        self.press.seen, self.press.plan = list(self._seen[start]), self.plan(start)
        if start == "witnessed":
            self.town.stop("a")
            for path in self._memory.parent.glob(f"{self._memory.name}*"):
                path.unlink()
            self._memory.write_bytes(self._remembered)
            self.town.start("a")

    def run(self, start: str, options: list[str]) -> int:
        """One run from there; its exit code, -9 when it was killed."""
        self.put_back(start)
        plan = self.press.plan
        words = ["--key", plan.key, "--pq-key", plan.pq_key, "--dir", plan.root, "--state", plan.state, "--log", ORIGIN]
        words += ["--once", *(() if plan.policy is None else ("--policy", plan.policy))]
        child = Ready(publishing, self.press.log.url, [*map(str, words)], said=self.said)
        with attached(child.pid, self.trace, options):
            child.go()
        return child.exit_code

    def cells(self) -> Iterator[Cell]:
        """Every call of every run that touches one of our files, by what is done to it."""
        for start in STARTS:
            assert self.run(start, ["-e", "trace=%file,%desc"]) == 0, self.said.read_text()
            assert self.found_true() == (LAST, LAST)
            for call in calls(self.trace):
                where = self.where(call.line)
                for what in ("EIO", "ENOSPC", "KILL") if where else ():
                    if what != "ENOSPC" or call.name in TAKES_ROOM:
                        yield Cell(start, where, Injection(call.name, call.number, what))

    def where(self, line: str) -> str:
        """Whose file a call touches; '' for what is not ours."""
        if str(self.folder) not in line:
            return ""
        name = line.partition(f"{self.folder}/")[2].partition('"')[0].partition(">")[0]
        if name.endswith(".pem"):
            return "keys"
        published = self.press.plan.root.name
        if not name.startswith(published):
            return "state"
        return name.partition(f"{ORIGIN}/")[2].partition("/")[0].removesuffix(".new") or "folder"

    def found_true(self) -> tuple[int, int]:
        """What is signed and what is public by now, once every checkpoint that lies anywhere was found true."""
        signed = self.press.signed() if self.press.plan.state.exists() else (0, "")
        public = self.press.folder / "checkpoint"
        lying = [path for path in self.folder.rglob("*") if path.is_file() and "checkpoint" in str(path)]
        whole = [path.read_bytes() for path in lying if path.suffix != ".new"]
        for raw in [*whole, *([signed[1].encode()] if signed[1] else ())]:
            checkpoint = parse_checkpoint(raw)
            head, bodies = checkpoint.head, self.press.log.bodies
            assert head.root == root_of(extend((), 0, map(leaf_hash, bodies[: head.size]))), "a wrong signature"
            assert head.size <= signed[0], "nothing is public that the state does not hold"
            assert len(judge_checkpoint(self.press.policy, checkpoint).signed_by) == len(self.press.policy.logs)
        return signed[0], parse_checkpoint(public.read_bytes()).head.size if public.exists() else 0

    def goes_on(self, start: str) -> None:
        """A clean run puts all to rights, and an outsider finds it so."""
        press, press.now = self.press, real_clock()
        press.publish()
        if start == "witnessed":
            for _ in range(GATHERED_WITHIN):
                if self.town.standing().quorum == "met":
                    break
                press.publish()
            assert self.town.standing().quorum == "met"
            assert self.town.conflicts() == [], "the witness was never sent what contradicts"
        assert self.found_true() == (LAST, LAST)
        assert press.recheck() == LAST
        press.check_files()

    def outcome(self, cell: Cell) -> str:
        """Strike one call; how the run ended, once all was found true, a clean run went on, and everything verifies."""
        line = ""
        for _ in range(3):  # a library that reads a file of its own more or less shifts the count
            code = self.run(cell.start, cell.injection.options)
            line = struck(self.trace, cell.injection) or ""
            if self.where(line) == cell.where:
                break
        assert self.where(line) == cell.where, f"became {line}"
        ended = {0: "went on", -9: "killed"}.get(code, "stopped")
        assert (ended == "killed") == (cell.injection.what == "KILL")
        assert "Traceback" not in self.said.read_text(), "a failing disk is no bug of ours"
        found = self.found_true()
        assert ended != "went on" or found == (LAST, LAST), "it said that it published"
        self.goes_on(cell.start)
        return ended


@pytest.fixture
def bench(database_url: str, tmp_path: Path) -> Iterator[Bench]:
    folder, kept, witness = (tmp_path / name for name in ("work", "kept", "witness"))
    for one in (folder, kept, witness):
        one.mkdir()
    with running_press(database_url, folder) as press, town_of(press, witness, "a", clock=real_clock) as town:
        yield Bench(press, town, folder, kept)


def test_each_call_failing_or_killed_at_leaves_what_verifies(bench: Bench) -> None:
    cells, rows, wrong, began = list(bench.cells()), [], [], time.monotonic()
    assert len(cells) > 1000
    for cell in chosen(cells, SAMPLE, lambda one: (one.injection.call, one.injection.what)):
        try:
            rows.append((cell.where, cell.injection.call, cell.injection.what, bench.outcome(cell)))
        except Exception as error:  # noqa: BLE001 - the other cells are worth running
            wrong.append(f"{cell}: {error!r}\n{bench.said.read_text()}")
    assert wrong == []
    calls_of = Counter(cell.start for cell in cells)
    record("kill-publisher", {"seconds": round(time.monotonic() - began), "cells": calls_of, "outcomes": counted(rows)})
