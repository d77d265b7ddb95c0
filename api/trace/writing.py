"""Answers as JSON, CSV and XLSX, piece by piece: however long a story is, a part of it is in memory."""

import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

import click

from api.trace.telling import Telling
from api.workbook import Book

PIECE = 64 * 1024
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Format = Literal["json", "csv", "xlsx"]

_BOM = "\ufeff"
_FORMULA = (*"=+-@", *"＝＋－＠", "\t", "\r", "\n", "\0")  # some take the wide ones, too
_WIDTH, _WIDE = 20, 80
_SENTENCES = ("中文 Chinese", "英文 English", "依据 why")


def json_pieces(telling: Telling) -> Iterator[bytes]:
    """Its JSON."""
    return _pieced(telling.json)


def csv_pieces(telling: Telling) -> Iterator[bytes]:
    """Its rows: UTF-8 with a byte order mark, so that spreadsheets read Chinese."""
    return _pieced(_csv(telling))


def xlsx_pieces(telling: Telling) -> Iterator[bytes]:
    """Its rows as a workbook, which is made in a file before the first piece."""
    with tempfile.TemporaryFile() as file:
        book = Book(file)
        widths = tuple(_WIDE if title in _SENTENCES else _WIDTH for title in telling.titles)
        book.rows("追溯 trace", widths, telling.titles, telling.rows)
        book.close()
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece


WRITERS: dict[Format, tuple[str, Callable[[Telling], Iterator[bytes]]]] = {
    "json": ("application/json", json_pieces),
    "csv": ("text/csv; charset=utf-8", csv_pieces),
    "xlsx": (XLSX, xlsx_pieces),
}
"""How an answer is written: its media type, and its bytes in pieces."""


OUTPUT = (
    click.option(
        "--format", "written", type=click.Choice(["text", *WRITERS]), default="text", show_default=True,
        help="格式。How it is written.",
    ),
    click.option("--json", "written", flag_value="json", help="同 --format json。The same as --format json."),
    click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="写入文件。A file to write to."),
)  # fmt: skip
"""The options of a command whose answer may be had in each way: `written` and `out` of `write_out`."""


def write_out(telling: Telling, written: str, out: Path | None) -> None:
    """To a file, or else to the terminal: as lines (`text`), or in one of these formats."""
    if out is None:
        for piece in _written(telling, written):
            click.echo(piece, nl=False)
        if written == "json":
            click.echo()
        return
    with out.open("wb") as file:
        file.writelines(_written(telling, written))


def _written(telling: Telling, written: str) -> Iterator[bytes]:
    if written == "text":
        return (f"{line}\n".encode() for line in telling.lines)
    return next(pieces for name, (_, pieces) in WRITERS.items() if name == written)(telling)


def guarded(cell: str | int | None) -> str | int | None:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection): such text gets an apostrophe in front."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _csv(telling: Telling) -> Iterator[bytes]:
    line = io.StringIO(newline="")
    writer = csv.writer(line)
    line.write(_BOM)
    writer.writerow(telling.titles)
    for cells in telling.rows:
        yield _taken(line)
        writer.writerow([guarded(cell) for cell in cells])
    yield _taken(line)


def _taken(line: io.StringIO) -> bytes:
    taken = line.getvalue().encode()
    line.seek(0)
    line.truncate()
    return taken


def _pieced(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces worth sending."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= PIECE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
