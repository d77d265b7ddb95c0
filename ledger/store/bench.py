"""What `ledger bench` asks of PostgreSQL beside the ledger: the bytes that were recorded, and other ways to keep them.

`by_copy` and `by_eventsourcing` write to an empty database and give seconds, one figure a commit.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from time import perf_counter
from typing import Any, NamedTuple, Self
from uuid import UUID

import psycopg
import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict

from ledger.entry import decode_entry


def server_version(url: str) -> str:
    """The version that the server at `url` gives for itself, `18.6`."""
    with psycopg.connect(url) as connection:
        return connection.info.parameter_status("server_version") or "unknown"


def settle(url: str) -> None:
    """What autovacuum and the checkpointer would do in the minutes after a bulk load."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


class Query(NamedTuple):
    """One statement as it went to the server, and the seconds until all its rows were here."""

    sql: str
    params: Any
    seconds: float


def watched(engine: sa.Engine) -> list[Query]:
    """Every statement of this engine's connections from now on, as it is made: call it before the first connects."""
    made: list[Query] = []

    class Watching(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> Self:  # noqa: ANN401 - psycopg's own
            begun = perf_counter()
            done = super().execute(query, params, **options)
            made.append(Query(query, params, perf_counter() - begun))
            return done

    def watch(connection: psycopg.Connection, _record: object) -> None:
        connection.cursor_factory = Watching

    sa.event.listen(engine, "connect", watch)
    return made


def newest_bodies(url: str, origin: str, count: int) -> list[bytes]:
    """The exact bytes of the newest entries, oldest first."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT body FROM entry JOIN log USING (log_id) WHERE origin = %s ORDER BY entry_index DESC LIMIT %s",
            (origin, count),
            binary=True,
        ).fetchall()
    return [bytes(body) for (body,) in reversed(rows)]


def by_copy(url: str, bodies: Sequence[bytes], batch: int) -> list[float]:
    """Plain COPY into a table of a number and the bytes; `batch` bodies a commit."""
    took: list[float] = []
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE plain (plain_index bigint PRIMARY KEY, body bytea NOT NULL)")
        for first in range(0, len(bodies), batch):
            begun = perf_counter()
            with cursor.copy("COPY plain (plain_index, body) FROM STDIN (FORMAT binary)") as copy:
                copy.set_types(["int8", "bytea"])
                for number, body in enumerate(bodies[first : first + batch], first):
                    copy.write_row((number, body))
            took.append(perf_counter() - begun)
    return took


def has_eventsourcing() -> bool:
    """Whether the `eventsourcing` package, a development dependency, is there to compare with."""
    return find_spec("eventsourcing") is not None


def by_eventsourcing(url: str, bodies: Sequence[bytes], batch: int) -> list[float]:
    """The `eventsourcing` package's PostgreSQL recorder as it comes, one connection; `batch` events a commit."""
    from eventsourcing.persistence import StoredEvent  # noqa: PLC0415 - only the bench of a development checkout
    from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore  # noqa: PLC0415

    told = [decode_entry(body) for body in bodies]
    events = [
        StoredEvent(UUID(entry.subject.partition(":")[2]), entry.subject_seq, "ledger.entry:Entry", body)
        for entry, body in zip(told, bodies, strict=True)
    ]
    known = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    took: list[float] = []
    with PostgresDatastore(known["dbname"], known["host"], known["port"], known["user"], "") as datastore:
        recorder = PostgresApplicationRecorder(datastore)
        recorder.create_table()
        for first in range(0, len(events), batch):
            begun = perf_counter()
            recorder.insert_events(events[first : first + batch])
            took.append(perf_counter() - begun)
    return took
