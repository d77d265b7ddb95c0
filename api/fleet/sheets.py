"""A fleet file's rows as texts, in order, streamed: CSV in whatever encoding and separator, and workbooks.

Line numbers are those that a spreadsheet shows: a line break inside quotes does not count. A workbook's numbers come as
people read them (8688401, 35.5), dates as `YYYY-MM-DD`, formulas as their cached values, what is too long for a
spreadsheet's 15 digits in scientific notation, which nothing reads as a code. Hidden sheets are read like others.
"""

import codecs
import csv
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from python_calamine import CalamineError, CalamineWorkbook

from api.fleet.headers import known_cells
from ledger.errors import Malformed

HEAD_ROWS = 30
"""How far down a header may stand: titles, dates and remarks come before it."""

_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # XLSX and kin are ZIP files, XLS is an OLE file
_CHUNK = 1 << 20
_MAX_CELL = 1 << 17
_EXACT = 10**15
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

Row = tuple[int, list[str]]
Word = dict[str, str]


class Sheet(NamedTuple):
    """One sheet: its name, '' in a CSV file, and its rows with their line numbers, from 1."""

    name: str
    rows: Iterator[Row]


def open_sheets(path: Path, mapped: Word) -> Iterator[Sheet]:
    """The sheets of a file; the rows of each must be taken before the next. Malformed when it cannot be read."""
    with path.open("rb") as file:
        begin = file.read(4)
    if begin.startswith(_WORKBOOKS):
        yield from _workbook(path)
    else:
        encoding = _encoding(path)
        yield Sheet("", _lines(path, encoding, _separator(path, encoding, mapped)))


def _workbook(path: Path) -> Iterator[Sheet]:
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            for name in workbook.sheet_names:
                sheet = workbook.get_sheet_by_name(name)
                first = 0 if sheet.start is None else sheet.start[0]
                # iter_rows() begins with the first row that holds anything.
                yield Sheet(name, ((n, [_text(v) for v in row]) for n, row in enumerate(sheet.iter_rows(), first + 1)))
    except (CalamineError, OSError) as error:
        raise Malformed(
            f"{path} 打不开：{error}。请另存为 .xlsx 或 .csv 再试",
            f"{path} cannot be opened: {error}. Save it as .xlsx or .csv and try again",
        ) from error


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value == int(value) and abs(value) < _EXACT:
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int) and abs(value) >= _EXACT:
        return f"{value:E}"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _encoding(path: Path) -> str:
    """UTF-8 with or without a mark, UTF-16 with one, else GB 18030, which GBK and GB 2312 are part of."""
    with path.open("rb") as file:
        begin = file.read(4)
        for mark, encoding in _BOMS:
            if begin.startswith(mark):
                return encoding
        for encoding in ("utf-8", "gb18030"):
            file.seek(0)
            decoder = codecs.getincrementaldecoder(encoding)()
            try:
                while chunk := file.read(_CHUNK):
                    decoder.decode(chunk)
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                continue
            return encoding
    raise Malformed(
        f"{path} 既不是 UTF-8 也不是 GB 18030 文字；请另存为 UTF-8 的 CSV",
        f"{path} is neither UTF-8 nor GB 18030 text; save it as CSV in UTF-8",
    )


def _separator(path: Path, encoding: str, mapped: Word) -> str:
    """Comma, tab or semicolon: under which a row near the top names the most columns."""

    def named(separator: str) -> int:
        rows = islice(_lines(path, encoding, separator), HEAD_ROWS)
        return max((known_cells(cells, mapped) for _, cells in rows), default=0)

    return max((",", "\t", ";"), key=named)


def _lines(path: Path, encoding: str, separator: str) -> Iterator[Row]:
    csv.field_size_limit(_MAX_CELL)
    with path.open(encoding=encoding, newline="") as file:
        rows = csv.reader(file, delimiter=separator)
        line = 0
        try:
            for line, cells in enumerate(rows, 1):
                yield line, cells
        except (csv.Error, UnicodeError) as error:
            raise Malformed(
                f"{path} 第 {line + 1} 行读不下去：{error}；多半是引号不成对",
                f"{path} cannot be read on at row {line + 1}: {error}; probably a quotation mark without its pair",
            ) from error


def filled(cells: Sequence[str]) -> int:
    """How many cells hold anything."""
    return sum(1 for cell in cells if cell and not cell.isspace())
