"""`ledger demo --once`, as a user starts it: embedded database, server and agents as processes, a shift over HTTP."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ledger.checkpoint import parse_checkpoint
from ledger.lines import encode_base64
from ledger.policy import judge_checkpoint, parse_policy
from ledger.signals.signal import RULE_OF
from ledger.verify import Report, verify

LEDGER = Path(sys.executable).with_name("ledger")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("LEDGER_")}
TIMEOUT_S = 600


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(LEDGER), *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env=ENVIRONMENT,
        cwd=cwd,
        check=False,
    )


def assert_outsiders_find_the_same(kept: Path, told: dict[str, Any]) -> None:
    """What is left can be checked by itself, and says what the demo said of it."""
    checkpoint = parse_checkpoint((kept / "tiles" / "checkpoint").read_bytes())
    assert checkpoint.head.size == told["published"]["size"]
    assert encode_base64(checkpoint.head.root) == told["published"]["root"]
    policy = (kept / "policy.txt").read_bytes()
    assert len(judge_checkpoint(parse_policy(policy), checkpoint).cosigned_s) == told["witnessed"]
    report = verify((kept / "cylinder.evidence.zip").read_bytes(), policy)
    assert isinstance(report, Report)
    assert (report.level, report.demo, report.contradicted) == ("L2", True, 0)
    assert report.seen > 0, "station agents say what they have seen"


def test_every_planted_violation_is_met_and_the_log_that_is_kept_audits(tmp_path: Path):
    kept = tmp_path / "city"
    done = run(
        "demo", "--once", "--seed", "7", "--customers", "1200", "--keep", kept.name, cwd=tmp_path
    )  # relative, as one types it
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert list(told) == [
        "entries", "planted", "found", "missed", "wrongly_refused", "audit", "published", "witnessed",
        "verified", "replayed", "alerts_planted", "alerts_found", "false_alerts", "incident",
    ]  # fmt: skip
    assert told["found"] == told["planted"]
    assert min(told["planted"].values()) >= 3
    assert told["missed"] == told["wrongly_refused"] == []
    assert told["audit"] == "ok"
    assert told["alerts_found"] == told["alerts_planted"]
    assert told["alerts_planted"].keys() == RULE_OF.keys()
    assert told["false_alerts"] == 0
    assert (told["incident"]["brute_force_equal"], told["incident"]["questions"]) == (True, 9)
    assert list(told["incident"]["ms"]) == [f"q{number}" for number in range(1, 10)]
    assert "爆炸之后第一小时" in done.stderr
    assert "一瓶到底" in done.stderr

    assert told["published"]["size"] == told["entries"]
    assert told["witnessed"] == 2
    assert told["verified"] == {"first": True, "second": True}
    assert told["replayed"] == {"decisions": told["entries"], "differences": 0}
    assert_outsiders_find_the_same(kept, told)

    audited = run("audit", "--data", str(kept), "--json")
    assert audited.returncode == 0, audited.stderr
    assert json.loads(audited.stdout.splitlines()[-1])["entries"] == told["entries"]


def test_a_directory_that_holds_something_is_not_used(tmp_path: Path):
    (tmp_path / "precious").touch()
    done = run("demo", "--once", "--keep", str(tmp_path))
    assert done.returncode == 2
    assert done.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
