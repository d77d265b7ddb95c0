"""The bench as a whole, small: every row is measured on work that was all accepted. Never a timing."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from api.bench import load
from api.bench.command import bench_command
from api.bench.load import Plan, WrongWork
from api.bench.setting import child_environment

ROWS = [
    "single_1", "single_16", "single_64", "bundle_100", "append", "steady_500", "trace_1m", "audit", "import_1m",
    "publish", "replay", "verify", "checkpoint_lag", "single_64_published",
    "handover_64", "trace_cylinder", "customer_at", "building_now", "recall_10k", "scan_during_recall",
    "eventsourcing_single", "eventsourcing_batch", "copy", "empty_handler",
]  # fmt: skip
MACHINE = {"cpu", "cores", "memory_mib", "python", "postgresql", "fdatasync_ms"}


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", "from api.cli import main; main(prog_name='ledger')", "bench", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=child_environment(folder), timeout=240
    )


def test_quick_bench_measures_every_row(tmp_path: Path):
    done = run(tmp_path, "--quick", "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert [row["name"] for row in told["rows"]] == ROWS
    assert set(told["machine"]) == MACHINE
    assert told["machine"]["postgresql"].startswith("18.")
    for row in told["rows"]:
        assert set(row) == {"name", "per_s", "p50_ms", "p95_ms", "p99_ms", "loss_percent"}
        assert row["per_s"] > 0, row
        if row["name"] not in ("audit", "import_1m", "publish", "replay"):
            assert 0 < row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"], row
        assert (row["loss_percent"] is not None) == (row["name"] in ("single_64_published", "scan_during_recall"))
    assert all(name in done.stderr for name in ROWS)


def test_unknown_row_is_named_with_those_there_are():
    done = CliRunner().invoke(bench_command, ["--rows", "single_1,double_2"])
    assert done.exit_code == 2
    assert "double_2" in done.output
    assert "bundle_100" in done.output


@pytest.mark.parametrize(
    "outcome",
    [
        {"type": "refused.v1", "reasons": [{"rule": "LOCK-01@1", "reason": "locked"}]},
        {"type": "fill_started.v1", "violations": [{"rule": "FILL-01@1", "reason": "authorisation_used"}]},
        {"type": "fill_started.v1", "warnings": [{"rule": "DATA-01@1", "reason": "clock_skew"}]},
    ],
)
def test_wrong_work_is_not_measured(outcome: dict[str, object]):
    plan = Plan(port=0, requests=[], warm=0, limit_s=1, expected="accepted", claims=1)
    right = {"entry_index": 1, "recorded_at": 2, "leaf": "", "outcome": {"type": "fill_started.v1"}}
    load.check(json.dumps([right]).encode(), plan)
    with pytest.raises(WrongWork):
        load.check(json.dumps([right, right]).encode(), plan)
    with pytest.raises(WrongWork):
        load.check(json.dumps([right | {"outcome": outcome}]).encode(), plan)
