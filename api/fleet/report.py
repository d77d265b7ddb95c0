"""What came of an import, as JSON: the outcome's figures, and every row that is not simply registered as it stood."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import msgspec
from msgspec import Struct

from api.fleet.journal import Journal, State
from api.fleet.texts import NOTES, why
from ledger.reasons import REASONS, text_of

LEDGER_NOTE = "ledger"
"""What stands before a note that is a rule's warning: `ledger:ownership_not_shown`."""


class Outcome(Struct, frozen=True):
    """What `--json` ends with. Every row is one of registered or quarantined."""

    rows: int
    registered: int
    quarantined: dict[str, int]


class Summary(Struct, frozen=True):
    """The outcome and what else the report's first page says. `owners`: enterprises by the file's names for them."""

    file: str
    sha256: str
    trial: bool
    log: str
    rows: int
    registered: int
    quarantined: dict[str, int]
    notes: dict[str, int]
    skipped: dict[str, int]
    columns_not_used: list[str]
    owners: dict[str, str]


class Refused(NamedTuple):
    """A quarantined row: where it stands, why, and its cells."""

    sheet: int
    line: int
    reason: str
    detail: list[list[str]]
    cells: list[str]


def summarise(journal: Journal) -> Summary:
    """The figures of an import that has ended."""
    noted: dict[str, int] = {}
    for notes, many in journal.ask(
        "SELECT notes, count(*) FROM row WHERE state = ? AND notes != '' GROUP BY notes", State.REGISTERED
    ):
        for code in {note.partition(":")[2] for note in notes.split()}:
            noted[code] = noted.get(code, 0) + many
    quarantined = journal.ask(
        "SELECT reason, count(*) FROM row WHERE state = ? GROUP BY reason ORDER BY 2 DESC, 1", State.QUARANTINED
    )
    unused = [
        name for (text,) in journal.ask("SELECT unused FROM sheet ORDER BY sheet") for name in msgspec.json.decode(text)
    ]
    what = journal.meta("what")
    return Summary(
        file=what["file"], sha256=what["sha256"], trial=what["trial"], log=what["log"], rows=journal.meta("taken"),
        registered=journal.count(State.REGISTERED), quarantined=dict(quarantined.fetchall()),
        notes=dict(sorted(noted.items())),
        skipped=dict(journal.ask("SELECT kind, count(*) FROM skipped GROUP BY kind ORDER BY kind").fetchall()),
        columns_not_used=list(dict.fromkeys(unused)), owners=what["owners"],
    )  # fmt: skip


def quarantined_rows(journal: Journal, sheet: int | None = None) -> Iterator[Refused]:
    """The quarantined rows of a sheet, or of all, in order."""
    where = "" if sheet is None else f" AND sheet = {int(sheet)}"
    for number, line, reason, detail, cells in journal.ask(
        f"SELECT sheet, line, reason, detail, cells FROM row WHERE state = ?{where} ORDER BY n",  # noqa: S608 - a number
        State.QUARANTINED,
    ):
        yield Refused(number, line, reason, msgspec.json.decode(detail), msgspec.json.decode(cells))


def explain(row: Refused) -> tuple[str, str]:
    """What is wrong with a row, all of it, and what to do; Chinese and English."""
    wrong_zh, wrong_en, do_zh, do_en = [], [], [], []
    for code, where in row.detail:
        said = why(code)
        place_zh = (
            f"（另见第 {where} 行）" if code.endswith(("_in_file", "_repeated")) else f"（{where}）" if where else ""
        )
        place_en = (
            f" (see rows {where})" if code.endswith(("_in_file", "_repeated")) else f" ({where})" if where else ""
        )
        wrong_zh.append(said.zh + place_zh)
        wrong_en.append(said.en + place_en)
        do_zh.append(said.do_zh)
        do_en.append(said.do_en)
    return (
        f"{'；'.join(wrong_zh)} · {'; '.join(wrong_en)}",
        f"{'；'.join(dict.fromkeys(do_zh))} · {'; '.join(dict.fromkeys(do_en))}",
    )


def explain_note(note: str) -> str:
    """A row's note `column:code` in both languages."""
    column, _, code = note.partition(":")
    zh, en = text_of(code) if column == LEDGER_NOTE and code in REASONS else NOTES.get(code, (code, code))
    return f"{column}: {zh} {en}"


def write_json(journal: Journal, summary: Summary, path: Path) -> None:
    """The report as JSON: the summary's fields, then `quarantined_rows`, `normalised_rows` and `skipped_rows`.

    Row by row, so that its size does not matter; a row's `row` is its number in the file as a spreadsheet shows it.
    """
    names = dict(journal.ask("SELECT sheet, name FROM sheet").fetchall())
    head = msgspec.json.format(msgspec.json.encode(summary)).decode().removesuffix("\n}")
    with path.open("w", encoding="utf-8") as file:
        file.write(head)
        _list(file, "quarantined_rows", _quarantined(journal, names))
        _list(file, "normalised_rows", _normalised(journal, names))
        found = journal.ask("SELECT sheet, line, kind FROM skipped WHERE kind != 'sheet' ORDER BY sheet, line")
        _list(file, "skipped_rows", ({"sheet": name, "row": line, "kind": kind} for name, line, kind in found))
        file.write("\n}\n")


def _quarantined(journal: Journal, names: dict[int, str]) -> Iterator[dict[str, Any]]:
    for row in quarantined_rows(journal):
        wrong, do = explain(row)
        yield {
            "sheet": names[row.sheet], "row": row.line, "reason": row.reason,
            "all": [code for code, _ in row.detail], "wrong": wrong, "do": do, "cells": row.cells,
        }  # fmt: skip


def _normalised(journal: Journal, names: dict[int, str]) -> Iterator[dict[str, Any]]:
    for sheet, line, notes in journal.ask(
        "SELECT sheet, line, notes FROM row WHERE state = ? AND notes != '' ORDER BY n", State.REGISTERED
    ):
        ours = [note for note in notes.split() if not note.startswith(f"{LEDGER_NOTE}:")]
        if ours:
            yield {"sheet": names[sheet], "row": line, "notes": ours}


def _list(file: TextIO, name: str, rows: Iterator[dict[str, Any]]) -> None:
    file.write(f',\n  "{name}": [')
    file.writelines(
        f"{',' if number else ''}\n    {msgspec.json.encode(row).decode()}" for number, row in enumerate(rows)
    )
    file.write("]")
