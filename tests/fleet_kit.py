"""Fleet files for tests: one clean row whose cells are changed, files of such rows, and what reading makes of them."""

import csv
import io
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import xlsxwriter  # type: ignore[import-untyped]

from api.fleet.fields import Owners
from api.fleet.intake import take_in
from api.fleet.journal import Journal, State
from api.fleet.mapping import Mapping, name_key

CLEAN = {
    "序号": "1",
    "气瓶编号": "8688401",
    "使用登记证编号": "瓶10苏F72359(22)",
    "二维码编号": "NT00000001",
    "制造单位": "广陵特种设备制造厂",
    "制造单位代号": "GL",
    "型号": "YSP35.5",
    "公称容积(L)": "35.5",
    "皮重(kg)": "16.63",
    "最大充装量(kg)": "14.9",
    "制造年月": "2022-08",
    "设计使用年限": "12",
    "上次检验日期": "",
    "产权单位": "示例燃气",
    "封头标志": "有",
    "备注": "",
}
OWNERS = Owners({name_key("示例燃气"): "E1", name_key("邻家燃气"): "E2"}, frozenset({"E1"}))


class Seen(NamedTuple):
    """What became of a row."""

    line: int
    state: State
    reason: str | None
    notes: set[str]
    claim: dict[str, Any]


def row(number: int = 1, **cells: str) -> dict[str, str]:
    """A clean row that shares nothing with other numbers' rows, with these cells instead."""
    own = {
        "序号": str(number),
        "气瓶编号": str(8_000_000 + number),
        "二维码编号": f"NT{number:08d}",
        "使用登记证编号": f"瓶10苏F{number:05d}(22)",
    }
    return CLEAN | own | cells


def csv_text(rows: list[dict[str, str]], separator: str = ",") -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_csv(path: Path, rows: list[dict[str, str]], encoding: str = "utf-8") -> Path:
    path.write_bytes(csv_text(rows).encode(encoding))
    return path


def write_xlsx(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    book = xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd"})
    for name, lines in sheets.items():
        sheet = book.add_worksheet(name)
        for number, line in enumerate(lines):
            sheet.write_row(number, 0, line)
    book.close()
    return path


def read_file(path: Path, mapping: Mapping | None = None, owners: Owners = OWNERS) -> tuple[list[Seen], dict[str, int]]:
    """Each row, and how many were skipped by kind."""
    with Journal(path.with_name(f"{path.name}.test.sqlite"), durable=False) as journal:
        for _ in take_in(journal, path, mapping or Mapping(), owners, lambda: 1_767_225_600_000):
            pass
        rows = [
            Seen(line, State(state), reason, set(notes.split()), msgspec.json.decode(claim) if claim else {})
            for line, state, reason, notes, claim in journal.ask(
                "SELECT line, state, reason, notes, claim FROM row ORDER BY n"
            )
        ]
        skipped = dict(journal.ask("SELECT kind, count(*) FROM skipped GROUP BY kind").fetchall())
    return rows, skipped


def read_rows(tmp_path: Path, *rows: dict[str, str], mapping: Mapping | None = None) -> list[Seen]:
    return read_file(write_csv(tmp_path / "fleet.csv", list(rows)), mapping)[0]
