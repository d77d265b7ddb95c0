"""From a file to the journal: every row READY with a claim or QUARANTINED with a reason; then the twins.

Of rows that share a code, or an identity by the stamp, none is registered: one body bears that label, the file does not
say which, and a code that is bound to the wrong one is spent for ever. The station scans those cylinders and mends the
rows. Rows that are the same in every cell but the running number name one cylinder twice: the first counts.
A use registration that more rows share than a slip explains covers many cylinders, so it is no cylinder's code.
"""

import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import structs

from api.fleet.cells import clean, is_blank
from api.fleet.fields import Owners
from api.fleet.headers import NEEDED, Columns, field_of, find_header, read_header, same_columns
from api.fleet.journal import Journal, State
from api.fleet.mapping import Mapping
from api.fleet.row import Clock, RowReader
from api.fleet.sheets import HEAD_ROWS, Row, filled, open_sheets
from ledger.claim import RegisterCylinder
from ledger.errors import Malformed

CHUNK = 2_000
SHARED = 10
"""A use registration in more rows than this is one of many cylinders."""
_TOTAL = re.compile(
    r"(?:(?:本页|本表|全部)?(?:合\s*计|总\s*计|小\s*计|共\s*计|累\s*计)|(?:sub|grand )?totals?|sum)(?:[:\s\d].*)?",
    re.IGNORECASE,
)

_decoder = msgspec.json.Decoder(RegisterCylinder)


class Line(NamedTuple):
    """A row of a sheet that has a header: `kind` is why it is skipped, None for a cylinder."""

    line: int
    cells: list[str]
    kind: str | None


class Table(NamedTuple):
    """A sheet's columns and rows; no columns and no rows where it is none of a fleet."""

    name: str
    line: int
    columns: Columns | None
    lines: Iterator[Line]


def tables(path: Path, mapping: Mapping) -> Iterator[Table]:
    """The sheets of a file, understood. Malformed when none has a header, or has one that does not do."""
    seen: list[Sequence[str]] = []
    found = False
    for sheet in open_sheets(path, mapping.headers):
        head = list(islice(sheet.rows, HEAD_ROWS))
        at = find_header([cells for _, cells in head], mapping.headers)
        if at is None:
            seen += [cells for _, cells in head if filled(cells)][:3]
            yield Table(sheet.name, 0, None, iter(()))
            continue
        found = True
        columns = read_header(head[at][1], mapping.headers, makers=bool(mapping.makers))
        rows = chain(head[at + 1 :], sheet.rows)
        titles = (Line(line, cells, "title") for line, cells in head[:at] if filled(cells))
        yield Table(sheet.name, head[at][0], columns, chain(titles, _judged(rows, columns, mapping)))
    if not found:
        words = "；".join("、".join(cell for cell in cells if cell.strip()) for cells in seen[:5])
        example = '[headers] "瓶身码" = "code"'
        raise Malformed(
            f"找不到表头。看到的是：{words}。请核对文件，或在对照文件（--mapping）里写明各列，如 {example}；"
            f"需要：{', '.join(NEEDED)}",
            f"no header found. Seen: {words}. Look at the file, or name its columns in a mapping file (--mapping), "
            f"like {example}; needed are {', '.join(NEEDED)}",
        )


def _judged(rows: Iterator[Row], columns: Columns, mapping: Mapping) -> Iterator[Line]:
    needed = [columns.first(field) for field in (*NEEDED, "maker_name") if columns.first(field) >= 0]
    glance = [columns.first(field) for field in ("model", "serial", "code")]
    for line, cells in rows:
        kind = _kind(cells, needed, glance, mapping)
        if kind == "repeated_header" and not same_columns(cells, columns, mapping.headers):
            raise Malformed(
                f"第 {line} 行的表头与前面的列不同，请拆成两个文件（或两个工作表）",
                f"the header in row {line} has other columns than the one before; make it two files (or two sheets)",
            )
        yield Line(line, cells, kind)


def _kind(cells: Sequence[str], needed: Sequence[int], glance: Sequence[int], mapping: Mapping) -> str | None:
    """Why a row is no cylinder's; None for most, after a glance."""
    if all(number < len(cells) and cells[number] for number in glance) and not field_of(
        cells[glance[0]], mapping.headers
    ):
        return None
    held = [cells[number] for number in needed if number < len(cells) and cells[number].strip()]
    texts = [plain for cell in cells if (plain := clean(cell)[0])]
    if not texts:
        return "blank"
    if len(held) * 2 > len(needed):
        return "repeated_header" if sum(field_of(one, mapping.headers) is not None for one in held) > 1 else None
    if any(_TOTAL.fullmatch(one) for one in texts[:3]):
        return "total"
    return "no_data" if all(is_blank(clean(one)[0]) for one in held) else None


def owners_in(path: Path, mapping: Mapping) -> Counter[str]:
    """How many rows each owner's name holds, as it is mostly written."""
    spelt: Counter[str] = Counter()
    for table in tables(path, mapping):
        number = -1 if table.columns is None else table.columns.first("owner")
        for line in table.lines:
            if line.kind is None:
                spelt[clean(line.cells[number])[0] if number < len(line.cells) else ""] += 1
    return spelt


def take_in(journal: Journal, path: Path, mapping: Mapping, owners: Owners, clock: Clock) -> Iterator[int]:
    """Read the file into the journal; how many rows, as it goes. One transaction: a kill leaves nothing behind."""
    keys = _Keys(array("q"), array("I"))
    with journal.transaction():
        journal.clear()
        taken = 0
        for number, table in enumerate(tables(path, mapping)):
            if table.columns is None:
                journal.do("INSERT INTO skipped VALUES (?, 0, 'sheet')", [(table.name,)])
                continue
            texts = (msgspec.json.encode(table.columns.header), msgspec.json.encode(table.columns.unused))
            journal.do("INSERT INTO sheet VALUES (?, ?, ?, ?, ?)", [(number, table.name, table.line, *texts)])
            reader = RowReader(table.columns, mapping, owners, clock)
            while some := list(islice(table.lines, CHUNK)):
                skipped = [(table.name, one.line, one.kind) for one in some if one.kind is not None]
                journal.do("INSERT INTO skipped VALUES (?, ?, ?)", skipped)
                lines = [one for one in some if one.kind is None]
                taken = _take(journal, reader, lines, keys, sheet=number, taken=taken)
                yield taken
        _settle_twins(journal, keys)
        journal.keep("taken", taken)


def _take(journal: Journal, reader: RowReader, lines: Sequence[Line], keys: "_Keys", *, sheet: int, taken: int) -> int:
    rows: list[tuple[object, ...]] = []
    for n, one in enumerate(lines, taken + 1):
        read = reader.read(one.cells)
        state = State.QUARANTINED if read.doubts else State.READY
        reason = read.doubts[0].reason if read.doubts else None
        detail = msgspec.json.encode(read.doubts).decode() if read.doubts else None
        cells = msgspec.json.encode(one.cells)
        notes = " ".join(read.notes)
        rows.append((n, sheet, one.line, state, read.enterprise, reason, detail, notes, read.claim, cells))
        for key in read.keys:
            keys.hashes.append(hash(key))
            keys.rows.append(n)
    journal.do("INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)", rows)
    return taken + len(lines)


class _Keys(NamedTuple):
    """What no two rows may share, as hashes: some twelve bytes each, three a row."""

    hashes: "array[int]"
    rows: "array[int]"


def _settle_twins(journal: Journal, keys: _Keys) -> None:
    """Quarantine rows that share what no two cylinders may share."""
    ranked = sorted(keys.hashes)
    twice = {one for one, other in pairwise(ranked) if one == other}
    if not twice:
        return
    shared: dict[int, list[int]] = {}
    for key, n in zip(keys.hashes, keys.rows, strict=True):
        if key in twice:
            shared.setdefault(key, []).append(n)
    for key, rows in shared.items():
        _settle(journal, key, rows)


def _settle(journal: Journal, key: int, rows: list[int]) -> None:
    ready = {n: one for n in rows if (one := _ready(journal, n)) is not None}
    kinds = {_kind_of_key(claim, key) for claim in ready.values()}
    if kinds == {"registration"} and len(rows) > SHARED:
        for n, claim in ready.items():
            alone = msgspec.json.encode(structs.replace(claim, also=()))
            journal.do(
                "UPDATE row SET claim = ?, notes = trim(notes || ' registration:certificate_shared') WHERE n = ?",
                [(alone, n)],
            )
        return
    lines = {n: journal.one("SELECT line FROM row WHERE n = ?", n) for n in rows}
    first, *again = (_without_number(journal, n) for n in rows)
    alike = all(one == first for one in again)
    reason = "row_repeated" if alike else "identity_twice_in_file" if "identity" in kinds else "code_twice_in_file"
    for n in ready if not alike else [n for n in ready if n != rows[0]]:
        others = ", ".join(str(lines[other]) for other in rows if other != n)
        detail = msgspec.json.encode([(reason, others)]).decode()
        journal.do(
            "UPDATE row SET state = ?, reason = ?, detail = ?, claim = NULL WHERE n = ?",
            [(State.QUARANTINED, reason, detail, n)],
        )


def _ready(journal: Journal, n: int) -> RegisterCylinder | None:
    text = journal.one("SELECT claim FROM row WHERE n = ? AND state = ?", n, State.READY)
    return None if text is None else _decoder.decode(text)


def _kind_of_key(claim: RegisterCylinder, key: int) -> str:
    if key == hash(claim.code):
        return "code"
    return "registration" if key in map(hash, claim.also) else "identity"


def _without_number(journal: Journal, n: int) -> list[str]:
    """A row's cells without its running number."""
    cells, header = journal.ask("SELECT cells, header FROM row JOIN sheet USING (sheet) WHERE n = ?", n).fetchone()
    named = msgspec.json.decode(header)
    return [
        clean(cell)[0]
        for at, cell in enumerate(msgspec.json.decode(cells))
        if at >= len(named) or field_of(named[at], {}) != "number"
    ]
