"""docs/guides/go-live.md, command by command, against a real server: from a dirty fleet file to the first full one."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from python_calamine import CalamineWorkbook

from api.bench.setting import child_environment
from tests.fleet_kit import row, write_csv, write_xlsx

GUIDE = Path(__file__).parent.parent / "docs" / "guides" / "go-live.md"
SERVED = "http://127.0.0.1:8000"
SCRIPT = """set -e
[ -f .variables ] && . ./.variables
{commands}
declare -p OFFICE STATION > .variables 2>/dev/null || true
"""
FLEET = [
    row(1, 上次检验日期="2025-08"),
    row(2, 气瓶编号="８００００２"),
    row(3, 产权单位="示例"),
    row(4, 型号="大瓶", **{"公称容积(L)": "118", "皮重(kg)": "45", "最大充装量(kg)": "49.5"}),
    row(5, **{"皮重(kg)": ""}),
    row(6, 二维码编号="NT00000007"),
    row(7),
    row(8, 气瓶编号="0000000"),
]


def blocks() -> list[list[str]]:
    """What the guide tells to type, block by block: one command each, with its here-document."""
    return [
        [command for command in re.split(r"^\$ ", block, flags=re.MULTILINE) if command]
        for block in re.findall(r"```console\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    ]


class Shell:
    """A folder in which blocks are typed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.url = folder, SERVED
        self.environment = {
            **child_environment(folder),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
        }

    def type(self, commands: list[str]) -> str:
        """What the block says; it must succeed."""
        script = SCRIPT.format(commands="".join(commands)).replace(SERVED, self.url)
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def serving(self, command: str) -> Iterator[None]:
        """The guide's server, on a port of its own."""
        process = subprocess.Popen(
            [*command.split(), "--port", "0"], cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        with process:
            self.url = process.stdout.readline().removeprefix("READY ").strip()
            try:
                yield
            finally:
                process.send_signal(signal.SIGTERM)


def mended(report: Path) -> Path:
    """What a person does in a spreadsheet."""
    with CalamineWorkbook.from_path(report) as book:
        sheets = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    header, *lines = sheets["隔离 quarantined"]
    cells = {line[header.index("序号")]: line for line in lines}
    assert sorted(cells) == ["5", "6", "7", "8"]
    cells["5"][header.index("皮重(kg)")] = "16.5"
    cells["6"][header.index("二维码编号")] = "NT00000006"
    return write_xlsx(report.with_name("mended.xlsx"), sheets)


def told(folder: Path, name: str) -> tuple[int, dict[str, int]]:
    report: dict[str, Any] = json.loads((folder / f"{name}.import.json").read_text("utf-8"))
    return report["registered"], report["quarantined"]


def test_the_guide_goes_from_a_dirty_file_to_the_first_full_cylinder(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    opening, authority, office, trial, mapped, real, again, registrations, count, shift = blocks()
    write_csv(tmp_path / "fleet.csv", FLEET, "gb18030")
    shell.type(opening[:3])
    with shell.serving(opening[3]):
        shell.type(authority)
        shell.type(office)
        shell.type(trial)
        assert told(tmp_path, "fleet.csv")[0] == 3  # 1, 2, and 3 under a short name that a trial takes for an owner
        shell.type(mapped)
        shell.type(real)
        found = (4, {"code_twice_in_file": 2, "serial_placeholder": 1, "tare_missing": 1})
        assert told(tmp_path, "fleet.csv") == found
        mended(tmp_path / "fleet.csv.import.xlsx")
        shell.type(again)
        assert told(tmp_path, "mended.xlsx") == (3, {"serial_placeholder": 1})
        shell.type(registrations)
        (tmp_path / "counted.txt").write_text("NT00000001\nNT00000002\nNT00000003\n")
        shell.type(count)
        shell.type(shift)
        trace = httpx.get(f"{shell.url}/cylinders/NT00000001/trace").json()
    said = [entry["outcome_type"] for entry in trace["entries"]]
    story = [entry["zh"] for entry in trace["entries"]]
    assert {"cylinder_registered.v1", "stock_counted.v1", "cylinder_filled.v1", "cylinder_released.v1"} <= set(said), (
        story
    )
    assert "refused.v1" not in said, story
