"""Reading a part of a log as evidence needs it: by party, by time, by index; bytes as they are stored.

Every function reads within the caller's snapshot (`reading` with `ALL_SITES`), below a size that the caller knows to
be published, and looks up by key: no table is scanned, however long the log.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from msgspec import MsgspecError, Struct
from msgspec import json as mjson
from psycopg.rows import TupleRow

from ledger.errors import Corrupt, TooLarge
from ledger.store.committed import missing
from ledger.store.read import Connection, driver_of
from ledger.world import filing_party

Progress = Callable[[int, int], None]
CHUNK = 1000

T = TypeVar("T", int, str)

_PARTY = (
    "SELECT entry_index FROM entry_party "
    "WHERE log_id = %s AND party = %s AND entry_index >= %s AND entry_index < %s ORDER BY entry_index LIMIT %s"
)
_PARTIES = "SELECT entry_index FROM entry_party WHERE log_id = %s AND party = ANY(%s::text[]) AND entry_index < %s"
_BODY = "SELECT body FROM entry WHERE log_id = %s AND entry_index = %s"
_BODIES = "SELECT entry_index, body FROM entry WHERE log_id = %s AND entry_index = ANY(%s::bigint[])"
_ENVELOPES = "SELECT digest, envelope FROM bundle WHERE log_id = %s AND digest = ANY(%b)"


class _Peek(Struct, frozen=True):
    """The one field of an entry that a search by time looks at."""

    recorded_at: int


_peek = mjson.Decoder(_Peek)


def entry_indexes(
    connection: Connection, log_id: int, party: str, *, start: int, end: int, limit: int | None = None
) -> list[int]:
    """Where the entries [start, end) of a party stand, ascending."""
    rows = driver_of(connection).execute(_PARTY, (log_id, party, start, end, limit))
    return [index for (index,) in rows]


def signer_filings(connection: Connection, log_id: int, signers: Collection[str], *, end: int) -> list[int]:
    """Where the accepted filings of these signers stand below `end`, ascending; none of those that entry 0 enrols."""
    parties = [filing_party(f"signer:{one}") for one in sorted(signers)]
    rows = driver_of(connection).execute(_PARTIES, (log_id, parties, end))
    return sorted(index for (index,) in rows)


def first_at(connection: Connection, log_id: int, at_ms: int, *, start: int, end: int) -> int:
    """The first of the entries [start, end) that was recorded at that instant (ms UTC) or later; `end` if none was.

    Found by halving: times never decrease along a log.
    """
    return start + bisect_left(range(start, end), at_ms, key=lambda index: _recorded_at(connection, log_id, index))


def bodies_at(
    connection: Connection, log_id: int, indexes: Collection[int], *, most_bytes: int, progress: Progress | None = None
) -> dict[int, bytes]:
    """The bytes of these entries by index, ascending. Corrupt when one is not there, TooLarge over so many bytes."""
    found, room = dict[int, bytes](), most_bytes
    with driver_of(connection).cursor(binary=True) as cursor:  # as text, bytes would cross the wire in hexadecimal
        for some in _chunks(indexes):
            rows = cursor.execute(_BODIES, (log_id, some)).fetchall()
            room = _left(room, rows)
            found.update(rows)
            if progress is not None:
                progress(len(found), len(indexes))
    for index in indexes:
        if index not in found:
            raise missing(index)
    return {index: found[index] for index in sorted(found)}


def envelopes(connection: Connection, log_id: int, digests: Collection[str], *, most_bytes: int) -> dict[str, bytes]:
    """The signed bundles of these payload digests (hexadecimal), ascending. Faults as `bodies_at`."""
    found, room = dict[str, bytes](), most_bytes
    with driver_of(connection).cursor(binary=True) as cursor:
        for some in _chunks(digests):
            rows = cursor.execute(_ENVELOPES, (log_id, [bytes.fromhex(one) for one in some])).fetchall()
            room = _left(room, rows)
            found.update((digest.hex(), envelope) for digest, envelope in rows)
    for digest in digests:
        if digest not in found:
            raise Corrupt(
                f"数据库中缺签名包 {digest}；请停止写入，运行 ledger audit",
                f"bundle {digest} is missing from the database; stop writing and run ledger audit",
            )
    return {digest: found[digest] for digest in sorted(found)}


def _left(room: int, rows: Iterable[TupleRow]) -> int:
    """How many bytes there is room for after these rows: no selection may fill the machine's memory."""
    room -= sum(len(body) for _, body in rows)
    if room < 0:
        raise TooLarge("内容过多，一个文件装不下，请缩小范围", "too much for one file; narrow the scope")
    return room


def _recorded_at(connection: Connection, log_id: int, index: int) -> int:
    with driver_of(connection).cursor(binary=True) as cursor:
        row = cursor.execute(_BODY, (log_id, index)).fetchone()
    if row is None:
        raise missing(index)
    try:
        return _peek.decode(row[0]).recorded_at
    except (MsgspecError, UnicodeError) as error:
        raise Corrupt(f"第 {index} 条无法解读：{error}", f"entry {index} does not decode: {error}") from error


def _chunks(keys: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(keys)
    while some := list(islice(rest, CHUNK)):
        yield some
