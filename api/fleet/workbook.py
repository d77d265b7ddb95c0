"""The report as a workbook: a summary with pictures, what was registered, and what to mend, ready to be imported again.

A quarantine sheet has the station's own columns and cells behind ours, so that a mended sheet is a fleet file. The
other sheets have no fleet's header: an import skips them. Every cell is text or a number, whatever it begins with;
nothing that a file holds can become a formula or a link here. Rows are written as they come, in constant memory.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from api.fleet.headers import SHEET_COLUMNS
from api.fleet.journal import Journal, State
from api.fleet.report import Summary, explain, explain_note, quarantined_rows
from api.fleet.texts import NOTES, SKIPPED, why
from api.workbook import Book, Cells, Worksheet, put
from ledger.claim import RegisterCylinder
from ledger.reasons import REASONS, text_of

_REGISTERED = (
    "工作表 sheet",
    "文件行 row",
    "编码 code",
    "钢印 stamp",
    "账本编号 cylinder",
    "条目 entry",
    "归一说明 normalised",
)
_WIDTHS = {"summary": (34, 60, 12, 60), "registered": (14, 10, 30, 26, 38, 10, 80), "quarantined": (26, 60, 60, 10)}
_decoder = msgspec.json.Decoder(RegisterCylinder)


def write_workbook(journal: Journal, summary: Summary, path: Path) -> None:
    """Write the report to a new file in place of an old one."""
    made = path.with_name(f"{path.name}.part")
    book = Book(made)
    _summary(book, summary)
    sheets = journal.ask("SELECT sheet, header FROM sheet ORDER BY sheet").fetchall()
    for number, (sheet, header) in enumerate(sheets, 1):
        name = f"隔离 quarantined{f'-{number}' if len(sheets) > 1 else ''}"
        titles = [*SHEET_COLUMNS, *msgspec.json.decode(header)]
        book.rows(name, _WIDTHS["quarantined"], titles, _quarantined(journal, sheet))
    book.rows("已登记 registered", _WIDTHS["registered"], _REGISTERED, _registered(journal))
    book.close()
    made.replace(path)


def _summary(book: Book, summary: Summary) -> None:
    sheet = book.sheet("汇总 summary", _WIDTHS["summary"])
    kind = "试导入 trial: 什么都没有登记 nothing was registered" if summary.trial else f"导入 import: {summary.log}"
    lines: list[Cells] = [
        ["文件 file", summary.file], ["方式 way", kind], ["SHA-256", summary.sha256],
        ["气瓶 rows", "", summary.rows],
        ["已登记 registered", "", summary.registered],
        ["隔离 quarantined", "", summary.rows - summary.registered],
    ]  # fmt: skip
    outcome = 4
    lines += [[], ["隔离原因 reason", "说明 what is wrong", "行 rows", "怎么办 what to do"]]
    first = len(lines)
    for code, many in summary.quarantined.items():
        said = why(code)
        lines.append([code, f"{said.zh} {said.en}", many, f"{said.do_zh} {said.do_en}"])
    last = len(lines) - 1
    lines += [[], ["归一或提醒 note", "说明 meaning", "行 rows"]]
    for code, many in summary.notes.items():
        zh, en = NOTES.get(code) or (text_of(code) if code in REASONS else (code, code))
        lines.append([code, f"{zh} {en}", many])
    lines += [[], ["略过 skipped", "说明 meaning", "行 rows"]]
    lines += [[code, " ".join(SKIPPED[code]), many] for code, many in summary.skipped.items()]
    lines += [[], ["未用的列 columns not used", "、".join(summary.columns_not_used)]]
    lines += [["产权单位 owner", f"{name} = {one}"] for name, one in summary.owners.items()]
    for row, cells in enumerate(lines):
        put(sheet, row, cells, book.bold if cells and row and not lines[row - 1] else None)
    _picture(book, sheet, outcome, first, last)


def _picture(book: Book, sheet: Worksheet, outcome: int, first: int, last: int) -> None:
    name = "汇总 summary"
    whole = book.book.add_chart({"type": "doughnut"})
    whole.add_series(
        {
            "categories": [name, outcome, 0, outcome + 1, 0],
            "values": [name, outcome, 2, outcome + 1, 2],
            "points": [{"fill": {"color": "#70AD47"}}, {"fill": {"color": "#ED7D31"}}],
        }
    )
    whole.set_title({"name": "登记与隔离 registered and quarantined"})
    sheet.insert_chart("F1", whole)
    if last >= first:
        bars = book.book.add_chart({"type": "bar"})
        bars.add_series(
            {
                "categories": [name, first, 0, last, 0],
                "values": [name, first, 2, last, 2],
                "fill": {"color": "#ED7D31"},
                "data_labels": {"value": True},
            }
        )
        bars.set_title({"name": "隔离原因 reasons"})
        bars.set_legend({"none": True})
        bars.set_y_axis({"reverse": True})
        bars.set_size({"width": 720, "height": 160 + 24 * (last - first + 1)})
        sheet.insert_chart("F17", bars)


def _quarantined(journal: Journal, sheet: int) -> Iterator[Cells]:
    for row in quarantined_rows(journal, sheet):
        wrong, do = explain(row)
        yield [row.reason, wrong, do, row.line, *row.cells]


def _registered(journal: Journal) -> Iterator[Cells]:
    for name, line, text, entry, notes in journal.ask(
        "SELECT name, row.line, claim, entry, notes FROM row JOIN sheet USING (sheet) WHERE state = ? ORDER BY n",
        State.REGISTERED,
    ):
        claim = _decoder.decode(text)
        stamp = f"{claim.maker}_{claim.serial}_{claim.made_month}"
        said = "；".join(explain_note(note) for note in notes.split())
        yield [name, line, claim.code, stamp, claim.cylinder, entry, said]
