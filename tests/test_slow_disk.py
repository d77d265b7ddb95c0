"""A disk whose fdatasync takes milliseconds longer: nothing is lost, and those who wait share the waiting.

With LEDGER_MATRIX=all the drill also measures, for the docs; nothing here asserts how fast.
"""

import itertools
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

import pytest
from msgspec import json as mjson

from ledger import claim as c
from ledger.bundle import open_bundle
from ledger.store.append import Received
from ledger.store.embedded import EmbeddedServer
from ledger.store.writer import Writer
from tests.shift_kit import Said, check_log, found_town
from tests.story import MINUTE, ORIGIN, START, Signer, Story, private_key
from tests.strace_kit import WHOLE, needs_strace, record

pytestmark = needs_strace

DELAYS_MS = (0, 2, 8)
CROWDS = (1, 64)
MEASURED_S = 8.0
SLOW = """#!/bin/sh
exec strace -D -f --seccomp-bpf -o /dev/null -e trace=fdatasync -e inject=fdatasync:delay_exit={delay_us} {real} "$@"
"""


@contextmanager
def running_server(folder: Path, delay_ms: int) -> Iterator[EmbeddedServer]:
    """A durable server whose every fdatasync takes so much longer; nothing else of it is slowed."""
    with EmbeddedServer(folder / "data") as server:
        real = server._bin
    if delay_ms:
        slow = folder / "bin"
        slow.mkdir()
        (slow / "postgres").write_text(SLOW.format(delay_us=delay_ms * 1000, real=real / "postgres"))
        (slow / "postgres").chmod(0o755)
        for path in (folder, slow):
            path.chmod(0o755)
        server._bin = slow
    with server:
        server.create_database("ledger")
        yield server


class Crowd:
    """Clients who each send a bundle, wait for its answer, and send the next."""

    def __init__(self, url: str, size: int) -> None:
        self.url = url
        self._story, self._lock = Story(), threading.Lock()
        self._story.ids = itertools.count(1_000_000)
        self._story.now = START + 60 * MINUTE
        self._signers = [Signer(f"client {n}", private_key(f"client {n}")) for n in range(size)]
        self._codes = [one.code for one in found_town(url, self._signers, size)]
        self.said: list[Said] = []
        self.latencies_s: list[float] = []

    def run(self, *, seconds: float = 0, turns: int = 0) -> float:
        """For so long, or so many turns each; how many were answered a second."""
        signed = [[self._bundle(n) for _ in range(turns or int(seconds * 200))] for n in range(len(self._signers))]
        began = time.monotonic()
        with Writer(self.url, ORIGIN, lambda: self._story.now) as writer:
            until = began + seconds if seconds else float("inf")
            threads = [threading.Thread(target=self._talk, args=(writer, bundles, until)) for bundles in signed]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            took_s = time.monotonic() - began
        return len(self.said) / took_s

    def _bundle(self, number: int) -> Received:
        claim = self._story.make(c.CountStock, code=self._codes[number], content=c.Content.EMPTY)
        return Received(open_bundle(self._signers[number].sign(claim)), 0)

    def _talk(self, writer: Writer, bundles: list[Received], until: float) -> None:
        for received in bundles:
            if time.monotonic() > until:
                break
            began = time.perf_counter()
            answers = writer.submit(received).result(60)
            took_s = time.perf_counter() - began
            with self._lock:
                self.latencies_s.append(took_s)
                self.said.append(Said(received.bundle.envelope, mjson.encode(answers)))


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="ledger-slow-"))
    try:
        yield made
    finally:
        shutil.rmtree(made)


def test_nothing_is_lost_on_a_slow_disk_and_waiting_is_shared(folder: Path) -> None:
    with running_server(folder, 8) as server:
        crowd = Crowd(server.url("ledger"), 8)
        crowd.run(turns=4)
        assert len(crowd.said) == 8 * 4
        check_log(crowd.url, ORIGIN, crowd.said)
        assert min(crowd.latencies_s) > 0.008, "the disk was slow"


@pytest.mark.skipif(not WHOLE, reason="measures; LEDGER_MATRIX=all")
def test_measured_for_the_docs() -> None:
    rows = []
    for delay_ms, size in itertools.product(DELAYS_MS, CROWDS):
        made = Path(tempfile.mkdtemp(prefix="ledger-slow-"))
        try:
            with running_server(made, delay_ms) as server:
                crowd = Crowd(server.url("ledger"), size)
                per_s = crowd.run(seconds=MEASURED_S)
                check_log(crowd.url, ORIGIN, crowd.said)
        finally:
            shutil.rmtree(made)
        cuts = quantiles(crowd.latencies_s, n=100)
        told = {"p50_ms": round(cuts[49] * 1000, 1), "p99_ms": round(cuts[98] * 1000, 1)}
        rows.append({"delay_ms": delay_ms, "clients": size, "per_s": round(per_s), **told})
        sys.stdout.write(f"{rows[-1]}\n")
    record("slow-disk", {"seconds_each": MEASURED_S, "load": os.getloadavg()[0], "rows": rows})
