"""Reading what is committed, bytes as they are stored: for whoever publishes a log.

One snapshot holds the head and the entries, so that they belong together whatever is appended meanwhile.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy as sa
from msgspec import Struct

from ledger.errors import Corrupt, NotFound
from ledger.merkle import Frontier, unpack_frontier
from ledger.store import schema as t
from ledger.store.read import Connection, Engine, reading

_BODIES = (
    "SELECT entry_index, body FROM entry WHERE log_id = %s AND entry_index >= %s AND entry_index < %s "
    "ORDER BY entry_index"
)


class Committed(Struct, frozen=True):
    """A log as one snapshot has it: `size` entries, and the frontier that appending kept in the head row.

    `primary` is false on a replica, which may lack or lose what its primary answered for.
    """

    connection: Connection
    log_id: int
    size: int
    frontier: Frontier
    primary: bool

    def bodies(self, start: int, end: int, chunk: int) -> Iterator[list[bytes]]:
        """Entry bytes [start, end) in index order, `chunk` at a time. Corrupt when one is missing."""
        driver = self.connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        with driver.cursor(binary=True) as cursor:  # as text, bytes would cross the wire in hexadecimal
            for first in range(start, end, chunk):
                below = min(first + chunk, end)
                rows = cursor.execute(_BODIES, (self.log_id, first, below)).fetchall()
                for expected, (index, _) in enumerate(rows, first):
                    if index != expected:
                        raise missing(expected)
                if len(rows) < below - first:
                    raise missing(first + len(rows))
                yield [body for _, body in rows]


@contextmanager
def committed(engine: Engine, origin: str) -> Iterator[Committed]:
    """One snapshot of a log. NotFound when there is none of that origin, Busy when the database is away."""
    head = sa.select(t.log.c.log_id, t.log.c.size, t.log.c.frontier, sa.func.pg_is_in_recovery())
    with reading(engine, ()) as connection:
        found = connection.execute(head.where(t.log.c.origin == origin)).one_or_none()
        if found is None:
            raise NotFound(f"此处没有日志 {origin}", f"no log {origin} here")
        log_id, size, frontier, replica = found
        yield Committed(connection, log_id, size, unpack_frontier(bytes(frontier)), not replica)


def missing(index: int) -> Corrupt:
    """An entry that its index says is there is not."""
    return Corrupt(
        f"数据库中缺第 {index} 条；请停止写入，运行 ledger audit",
        f"entry {index} is missing from the database; stop writing and run ledger audit",
    )
