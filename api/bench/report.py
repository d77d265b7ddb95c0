"""What the bench found: figures, the machine they hold for, and the table that sets them side by side."""

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from msgspec import Struct
from rich.table import Table

BESIDE = ("empty_handler", "copy", "eventsourcing_single")
"""The rows that others are measured against."""
_SYNCS, _SYNCED_BYTES = 200, 4096


class Row(Struct, frozen=True):
    """One figure: scans (entries, traces, requests) a second, and percentiles of latency in ms where it means
    anything: of a request, in a batched row of a commit, of an entry's wait for its checkpoint. `loss_percent`: how
    many fewer a second than without what the row adds.
    """

    name: str
    per_s: float
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    loss_percent: float | None = None


def row(name: str, count: int, seconds: float, latencies: Sequence[float]) -> Row:
    """`count` things done in `seconds`; `latencies` in seconds, nearest rank."""
    ranked = sorted(latencies)
    p50, p95, p99 = (round(ranked[-(-len(ranked) * share // 100) - 1] * 1000, 3) for share in (50, 95, 99))
    return Row(name, round(count / seconds, 1), p50, p95, p99)


class Machine(Struct, frozen=True):
    """What the figures hold for. `fdatasync_ms`: median of writing 4 KiB and fdatasync in the data directory."""

    cpu: str
    cores: int
    memory_mib: int
    python: str
    postgresql: str
    fdatasync_ms: float


def machine(data: Path, postgresql: str) -> Machine:
    """The machine we are on; `data` is the directory that PostgreSQL writes to."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(_cpu(), cores, memory, platform.python_version(), postgresql, round(_fdatasync_s(data) * 1000, 3))


def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _fdatasync_s(data: Path) -> float:
    path, took = data / "fdatasync", []
    flush = getattr(os, "fdatasync", os.fsync)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for number in range(_SYNCS):
            begun = time.perf_counter()
            os.pwrite(handle, bytes(_SYNCED_BYTES), number * _SYNCED_BYTES)
            flush(handle)
            took.append(time.perf_counter() - begun)
    finally:
        os.close(handle)
        path.unlink()
    return median(took)


def table(rows: Sequence[Row]) -> Table:
    """The figures, and how they compare with the rows `BESIDE`, where those were measured."""
    drawn = Table(title="压测 bench")
    beside = [one for one in rows if one.name in BESIDE]
    drawn.add_column("", no_wrap=True)
    for name in ("每秒 /s", "p50 ms", "p95 ms", "p99 ms", *(f"÷{one.name.partition('_')[0]}" for one in beside)):
        drawn.add_column(name, justify="right")
    lossy = any(one.loss_percent is not None for one in rows)
    if lossy:
        drawn.add_column("损失 loss %", justify="right")
    for one in rows:
        percentiles = ("—" if value is None else f"{value:,.2f}" for value in (one.p50_ms, one.p95_ms, one.p99_ms))
        ratios = (f"{one.per_s / other.per_s:.3g}" for other in beside)
        loss = "" if one.loss_percent is None else f"{one.loss_percent:.1f}"
        drawn.add_row(one.name, f"{one.per_s:,.0f}", *percentiles, *ratios, *([loss] if lossy else []))
    return drawn
