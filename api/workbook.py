"""Workbooks for people: every cell is text or a number, whatever it begins with; nothing becomes a formula or a link.

Rows are written as they come, in constant memory.
"""

from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import IO, Any, TypeAlias

import xlsxwriter  # type: ignore[import-untyped]

MOST_ROWS = 1_000_000
"""Rows of one sheet; a spreadsheet holds 1,048,576."""
_MOST_LETTERS = 32_767
_CUT = "…（截断 cut here）"

Cells = Sequence[str | int | None]
# The package has no types.
Worksheet: TypeAlias = Any
Format: TypeAlias = Any


class Book:
    """A new workbook; `close` it in the end."""

    def __init__(self, target: Path | IO[bytes]) -> None:
        """Written to a file of that path, or to an open one."""
        options = dict.fromkeys(("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False)
        to = str(target) if isinstance(target, Path) else target
        self.book = xlsxwriter.Workbook(to, options | {"constant_memory": True})
        self.bold: Format = self.book.add_format({"bold": True, "bg_color": "#DDEBF7"})

    def sheet(self, name: str, widths: tuple[int, ...]) -> Worksheet:
        """A new sheet with columns of these widths, in letters."""
        sheet = self.book.add_worksheet(name)
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)
        return sheet

    def rows(self, name: str, widths: tuple[int, ...], titles: Sequence[str], rows: Iterator[Cells]) -> None:
        """Rows under titles, on as many sheets as they need."""
        for part in count(1):
            sheet = self.sheet(name if part == 1 else f"{name} {part}", widths)
            sheet.freeze_panes(1, 0)
            put(sheet, 0, titles, self.bold)
            at = 0
            for at, cells in enumerate(islice(rows, MOST_ROWS), 1):
                put(sheet, at, cells)
            if at < MOST_ROWS:
                return

    def close(self) -> None:
        """Write what is left."""
        self.book.close()


def put(sheet: Worksheet, row: int, cells: Cells, style: Format | None = None) -> None:
    """Write one row: numbers as numbers, text as text."""
    for column, cell in enumerate(cells):
        if isinstance(cell, int):
            sheet.write_number(row, column, cell, style)
        elif cell:
            sheet.write_string(row, column, _fitting(cell), style)


def _fitting(text: str) -> str:
    """What a cell holds of it; where that is not all, it says so."""
    return text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - len(_CUT)] + _CUT
