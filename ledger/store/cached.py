"""What every cache must hold, derived from a folded world, and where a table differs from it."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql

from ledger.store.load import chain_heads
from ledger.store.state_rows import CylinderRow, PlaceRow, cylinder_encoder, cylinder_row, place_row, places_of
from ledger.world import World

Row = tuple[object, ...]
Different = tuple[str, str, str]
"""Table, row's key, what is wrong."""

DIGEST_BYTES = 32


class Indexed:
    """A table of rows per entry, read in index order beside the entries: only one entry's rows are held at a time."""

    def __init__(self, table: str, rows: Iterator[Row]) -> None:
        """`rows` are (entry_index, column, …) ordered by index; they are read when first compared."""
        self.table = table
        self._rows = rows
        self._next: Row | None = None
        self._begun = False

    def compare(self, entry_index: int, expected: set[Row]) -> Iterator[Different]:
        """Where the rows of this entry differ from those expected; rows of indexes passed by are extra."""
        found: set[Row] = set()
        for row in self._until(entry_index):
            if row[0] == entry_index:
                found.add(tuple(row[1:]))
            else:
                yield self.table, _text(row), "日志中没有 the log knows no such row"
        if found != expected:
            for row in sorted(found - expected, key=str):
                yield self.table, f"{entry_index} {_text(row)}", "日志中没有 the log knows no such row"
            for row in sorted(expected - found, key=str):
                yield self.table, f"{entry_index} {_text(row)}", "缺失 the row is missing"

    def rest(self) -> Iterator[Different]:
        """The rows after the last entry compared."""
        for row in self._until(None):
            yield self.table, _text(row), "日志中没有 the log knows no such row"

    def _until(self, entry_index: int | None) -> Iterator[Row]:
        if not self._begun:
            self._begun, self._next = True, next(self._rows, None)
        while self._next is not None:
            index = self._next[0]
            assert isinstance(index, int)
            if entry_index is not None and index > entry_index:
                return
            yield self._next
            self._next = next(self._rows, None)


def compare_caches(connection: psycopg.Connection, log_id: int, world: World) -> Iterator[Different]:
    """Every cached row of a log that is not what the world says: changed, missing or extra."""
    for table, columns, rows in folded_tables(world):
        expected = {row[0]: row[1:] for row in rows}
        with connection.cursor(f"compare {table}", binary=True) as cursor:
            cursor.itersize = 1000
            names = sql.SQL(", ").join(map(sql.Identifier, columns))
            query = sql.SQL("SELECT {} FROM {} WHERE log_id = %s").format(names, sql.Identifier(table))
            cursor.execute(query, (log_id,))
            yield from differences(table, columns, expected, cursor)


def differences(
    table: str, columns: tuple[str, ...], expected: dict[object, Row], rows: Iterable[Row]
) -> Iterator[Different]:
    """Where a table's rows, their key first, are not those expected by key, which this uses up."""
    for key, *values in rows:
        wanted = expected.pop(key, None)
        if wanted is None:
            yield table, _text((key,)), "日志中没有 the log knows no such row"
            continue
        for column, found, right in zip(columns[1:], values, wanted, strict=True):
            if found != right:
                yield table, _text((key,)), f"{column}: {_text((found,))}，应为 expected {_text((right,))}"
    for key in expected:
        yield table, _text((key,)), "缺失 the row is missing"


def _text(values: Row) -> str:
    """Row values for people: digests and ids in hexadecimal, the rest as it is."""
    return " ".join(
        value.hex() if isinstance(value, bytes) and len(value) <= DIGEST_BYTES else str(value) for value in values
    )


class Folded(NamedTuple):
    """A table that holds the newest state: its columns, the key first, and the rows that the world makes of it."""

    table: str
    columns: tuple[str, ...]
    rows: Iterator[Row]


def folded_tables(world: World) -> tuple[Folded, ...]:
    """What the tables must hold that have no rows per entry. Rows are made as they are read."""
    return (
        Folded(
            "cylinder",
            ("cylinder", *CylinderRow._fields),
            ((UUID(key), *cylinder_row(one)) for key, one in world.cylinders.items()),
        ),
        Folded("place", PlaceRow._fields, (place_row(world, place) for place in places_of(world))),
        Folded(
            "code",
            ("code", "cylinder", "active"),
            ((code, UUID(use.cylinder), use.active) for code, use in world.codes.items()),
        ),
        Folded(
            "chain_head",
            ("chain", "seq", "digest"),
            ((chain, head.seq, bytes.fromhex(head.digest)) for chain, head in chain_heads(world)),
        ),
        Folded(
            "record",
            ("subject", "seq", "entry_index", "body"),
            (
                (subject, record.seq, record.entry_index, cylinder_encoder.encode(record.claim))
                for book in (world.registry, world.supply)
                for subject, record in book.records.items()
            ),
        ),
    )
