# ruff: noqa: INP001 - a part of the script beside it
"""docs/drills.md: what whole runs of the drills found, from the records in docs/drills/ that they wrote."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from docs.tamper_page import tamper_section

RECORDS = Path(__file__).parent / "drills"

_ENDED = {"stopped": "停下 stopped", "went on": "照常完成 went on", "killed": "被杀 killed"}
_TOLD = {
    ("acknowledged", "recorded"): "已答，在账 answered, recorded",
    ("no answer", "recorded"): "未答，在账 unanswered, recorded",
    ("no answer", "not recorded"): "未答，不在账 unanswered, not recorded",
    ("not reached", ""): "未到此处 not reached",
}
_VICTIMS = {
    "appender": "入账进程 the process that appends",
    "backend": "为它服务的 PostgreSQL 后端 its PostgreSQL backend",
    "checkpointer": "PostgreSQL 检查点进程 PostgreSQL's checkpointer",
}


def drills_page() -> str:
    """Kill matrices of publisher and append, and the slow disk."""
    return f"{_INTRO}{_publisher()}{_append()}{_slow_disk()}\n{tamper_section()}"


_INTRO = """\
# 演练 Drills

整套演练逐格跑完后自己记下结果，本页由记录生成；平时的测试只抽取若干格，种子印在输出里（`MATRIX_SEED`）。
需要 Linux 与 strace。

A whole run of the drills records what it found, and this page is made of those records. The tests of every day run a
sample of the cells and print its seed (`MATRIX_SEED` repeats one). They need Linux and strace.

```console
$ LEDGER_MATRIX=all make test ARGS="tests/test_matrix_publisher.py tests/test_matrix_append.py tests/test_slow_disk.py"
$ python -m docs.generate
```

## 击杀矩阵 Kill matrix

先跟踪一遍，列出每个系统调用；再对每一个重来一遍，恰在此处注入 EIO、ENOSPC 或 SIGKILL。

One run is traced; then, for every single system call, it is run again with EIO, ENOSPC or SIGKILL at exactly that call.
What fails is not carried out, and who is killed dies before it.
"""

_PUBLISHER = """\

### 发布 Publisher

`ledger publish --once` 对密钥、状态文件与发布目录的每个调用。每格之后：处处的存证快照都出自真实的历史，且是我们所签；
状态文件未记的，一个也没有公开；重跑一次即恢复如常，逐条复核无误，见证方没有收到过矛盾的快照。

Each call of `ledger publish --once` on keys, state file and folder. After each cell: every checkpoint that lies
anywhere is of the true history and signed by us; nothing is public that the state does not hold; a clean run goes on,
everything verifies and is rechecked entry by entry, and no witness was sent what contradicts.

"""

_APPEND = """\

### 入账 Append

一包十七条，恰够走 COPY。每格之后：答复过的都在账，一字不差；一包要么全在要么全不在；原样重发得到同样的答复；
审计无误。ECONNRESET 是连接断了。

A bundle of seventeen, enough for COPY. After each cell: whatever was answered stands, byte for byte; all of a bundle
stands or nothing; the same bytes sent again are answered the same; the audit finds nothing. ECONNRESET is a lost
connection. A step is one of `ledger/store/append.py`; step 4 happens in memory, between the last answer of steps 1 to 3
and the first message of step 5.

"""

_SLOW = """\

## 慢盘 Slow disk

每次 fdatasync 多花几毫秒（strace 的 `delay_exit`，只有这一种调用受影响）；一包一条，闭环，写入线程在进程内。
一个人等满全程，人多时同一次落盘由大家分担。

Each fdatasync takes some milliseconds longer (strace's `delay_exit`, on no other call). Bundles of one claim, closed
loop, through the writer in one process. Who is alone waits for each flush; many share one. Everything answered was
found in the log afterwards.

"""


def _record(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((RECORDS / f"{name}.json").read_text("utf-8"))
    return told


def _run(told: dict[str, Any], cells: int) -> str:
    return f"{told['date']}，{cells} 格 cells，{told['seconds']} s；{told['machine']}。\n\n"


def _publisher() -> str:
    told = _record("kill-publisher")
    table: dict[tuple[str, ...], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    where: dict[tuple[str, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    ends: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for file, call, what, ended, count in told["outcomes"]:
        ends[call, what][_ENDED[ended]] += count
        if what == "KILL":
            where[(call,)][file] += count
    for (call, what), counts in ends.items():
        table[(call, _listed(where[(call,)]))][what] = [f"{count} {ended}" for ended, count in sorted(counts.items())]
    runs = "、".join(f"{name} {count}" for name, count in told["cells"].items())
    head = _run(told, sum(row[-1] for row in told["outcomes"])) + f"各起点的格数 Cells by start: {runs}。\n\n"
    return _PUBLISHER + head + _table(("调用 call", "何处 where (calls)"), ("EIO", "ENOSPC", "KILL"), table)


def _append() -> str:
    parts = [_APPEND]
    for victim, named in _VICTIMS.items():
        told = _record(f"kill-{victim}")
        table: dict[tuple[str, ...], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for where, call, what, answered, stood, count in told["outcomes"]:
            table[where, call][what].append(f"{count} {_TOLD[answered, stood]}")
        blows = ("ECONNRESET", "KILL") if victim == "appender" else ("EIO", "ENOSPC", "KILL")
        parts.append(f"**{named}.** " + _run(told, sum(row[-1] for row in told["outcomes"])))
        parts.append(_table(("何处 where", "调用 call"), blows, table) + "\n")
    return "".join(parts).rstrip("\n") + "\n"


def _slow_disk() -> str:
    told = _record("slow-disk")
    rows = ["| fdatasync | 客户 clients | 每秒 /s | p50 ms | p99 ms |\n|---|---:|---:|---:|---:|\n"]
    rows += [
        f"| +{row['delay_ms']} ms | {row['clients']} | {row['per_s']:,} | {row['p50_ms']} | {row['p99_ms']} |\n"
        for row in told["rows"]
    ]
    run = f"{told['date']}，每行 {told['seconds_each']:g} s a row；{told['machine']}。\n\n"
    return _SLOW + run + "".join(rows)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def _table(named: tuple[str, str], blows: tuple[str, ...], table: dict[tuple[str, ...], dict[str, list[str]]]) -> str:
    heads = [*named, *("SIGKILL" if blow == "KILL" else blow for blow in blows)]
    lines = [f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n"]
    for keys, struck in sorted(table.items()):
        cells = ["<br>".join(struck.get(blow, ())) for blow in blows]
        lines.append(f"| {' | '.join((*keys, *cells))} |\n")
    return "".join(lines)
