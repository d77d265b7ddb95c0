"""Columns of rows as arrays in PostgreSQL's binary format: an append sends some thirty of them, mostly of a row or two.

psycopg looks at every element of a list to find out what it is a list of, which costs an append more than deciding its
claims does. Here each column is told; the statement names the type.
"""

from collections.abc import Iterable
from struct import Struct
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

from ledger.store.named import id_bytes

_BYTEA, _INT8, _INT4, _TEXT, _UUID = 17, 20, 23, 25, 2950
_EMPTY, _HEAD, _LENGTH = Struct(">iiI"), Struct(">iiIii"), Struct(">i")
_NULL = _LENGTH.pack(-1)


class Column(bytes):
    """One array, as `array_recv` of PostgreSQL reads it."""

    __slots__ = ()


class _ColumnDumper(Dumper):
    """Sends a column as it is. Its type is unknown (0): the statement's cast says which."""

    format = Format.BINARY

    def dump(self, obj: Any) -> Buffer | None:  # noqa: ANN401 - psycopg's own
        return bytes(obj)


psycopg.adapters.register_dumper(Column, _ColumnDumper)


def texts(values: Iterable[str | None]) -> Column:
    """As text[]."""
    return _column(_TEXT, [None if one is None else one.encode() for one in values])


def blobs(values: Iterable[bytes | None]) -> Column:
    """As bytea[]."""
    return _column(_BYTEA, list(values))


def bigints(values: Iterable[int | None]) -> Column:
    """As int8[]."""
    return _column(_INT8, [None if one is None else one.to_bytes(8, signed=True) for one in values])


def ints(values: Iterable[int]) -> Column:
    """As int4[]."""
    return _column(_INT4, [one.to_bytes(4, signed=True) for one in values])


def uuids(values: Iterable[str]) -> Column:
    """As uuid[], of UUIDs' texts."""
    return _column(_UUID, [id_bytes(one) for one in values])


def _column(oid: int, values: list[bytes | None]) -> Column:
    if not values:
        return Column(_EMPTY.pack(0, 0, oid))
    parts = [_HEAD.pack(1, None in values, oid, len(values), 1)]
    for one in values:
        if one is None:
            parts.append(_NULL)
        else:
            parts += _LENGTH.pack(len(one)), one
    return Column(b"".join(parts))
