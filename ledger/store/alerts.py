"""Following a log for its alerts, and reading them. Everything here is made from entries, and can be made anew.

Between two steps all that is remembered stands in the database, in one transaction with the alerts and with how far
the log was read: whoever goes on, in whichever process, goes on where the last one stood.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Self

import psycopg
import sqlalchemy as sa
from msgspec import Struct
from msgspec import json as mjson

from ledger import claim as c
from ledger.bundle import decode_claim
from ledger.entry import Entry, decode_entry, leaf_hash
from ledger.errors import Busy, NotFound
from ledger.signals.alerts import ALERT, VERSION, Alert, Following
from ledger.signals.memory import Memory
from ledger.store import schema as t
from ledger.store.read import Connection, Stored
from ledger.store.writer import connect_writer

SLICE = 2000
"""Entries of one transaction."""

_decoder = mjson.Decoder(Alert)


class Followed(Struct, frozen=True):
    """How far a log was followed: `read` of its `size` entries."""

    read: int
    size: int

    @property
    def done(self) -> bool:
        """Whether all of it was read."""
        return self.read >= self.size


class Follower:
    """Follows one log in the writer's role. A context manager: it holds a connection while entered."""

    def __init__(self, url: str, origin: str) -> None:
        """Nothing is connected before the first step."""
        self._url, self._origin = url, origin
        self._connection: psycopg.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def step(self, *, anew: bool = False) -> Followed | None:
        """Read a slice more; None while another process reads. `anew` forgets everything first.

        Busy when the database is away, NotFound without such a log.
        """
        try:
            if self._connection is None:
                self._connection = connect_writer(self._url)
            with self._connection.transaction():
                return _step(self._connection, self._origin, anew=anew)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self._close()
            raise Busy("数据库暂不可用，稍后再读", "the database is away; read on later") from error

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _step(connection: psycopg.Connection, origin: str, *, anew: bool) -> Followed | None:
    found = connection.execute("SELECT log_id, size FROM log WHERE origin = %s", (origin,)).fetchone()
    if found is None:
        raise NotFound(f"此处没有日志 {origin}", f"no log {origin} here")
    log_id, size = found
    connection.execute(
        "INSERT INTO alert_follow (log_id, version, read) VALUES (%s, %s, 0) ON CONFLICT DO NOTHING", (log_id, VERSION)
    )
    mine = connection.execute(
        "SELECT version, read FROM alert_follow WHERE log_id = %s FOR UPDATE SKIP LOCKED", (log_id,)
    ).fetchone()
    if mine is None:
        return None
    version, read = mine
    # read > size: the database was put back from a backup; 0: whatever stands there, nobody read it
    if anew or version != VERSION or not 0 < read <= size:
        read = 0
        connection.execute("DELETE FROM alert WHERE log_id = %s", (log_id,))
        connection.execute("DELETE FROM signal_state WHERE log_id = %s", (log_id,))
    end = min(size, read + SLICE)
    if end > read or version != VERSION:
        _read(connection, log_id, read, end)
        connection.execute("UPDATE alert_follow SET version = %s, read = %s WHERE log_id = %s", (VERSION, end, log_id))
    return Followed(end, size)


def _read(connection: psycopg.Connection, log_id: int, first: int, end: int) -> None:
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(
            "SELECT entry_index, body FROM entry WHERE log_id = %s AND entry_index >= %s AND entry_index < %s "
            "ORDER BY entry_index",
            (log_id, first, end),
        ).fetchall()
    decoded = ((index, decode_entry(body)) for index, body in rows)
    entries = [(index, entry, decode_claim(entry.claim)) for index, entry in decoded]
    memory = Memory(_loader(connection, log_id, {key for _, entry, claim in entries for key in _named(entry, claim)}))
    following = Following(memory)
    for index, entry, claim in entries:
        following.take(index, entry, claim)
    _write(connection, log_id, memory)


def _named(entry: Entry, claim: c.AnyClaim) -> Iterator[str]:
    """Most of the states that an entry is looked at with."""
    yield entry.subject
    for kind in ("customer", "premises"):
        name: str | None = getattr(claim, kind, None)
        if name is not None:
            yield f"{kind}:{name}"


def _loader(connection: psycopg.Connection, log_id: int, named: Iterable[str]) -> Callable[[str], bytes | None]:
    """What is kept under a key: those that the entries name read at once, others when they are asked for."""
    known: dict[str, bytes | None] = dict.fromkeys(named)
    statement = "SELECT key, body FROM signal_state WHERE log_id = %s AND key = ANY(%s)"
    with connection.cursor(binary=True) as cursor:
        known.update(dict(cursor.execute(statement, (log_id, list(known))).fetchall()))

    def load(key: str) -> bytes | None:
        if key in known:
            return known[key]
        with connection.cursor(binary=True) as cursor:
            if key.startswith(ALERT):
                row = cursor.execute(
                    "SELECT body FROM alert WHERE log_id = %s AND alert = %s", (log_id, key.removeprefix(ALERT))
                ).fetchone()
                return None if row is None else bytes(row[0])
            row = cursor.execute(
                "SELECT body FROM signal_state WHERE log_id = %s AND key = %s", (log_id, key)
            ).fetchone()
        return None if row is None else bytes(row[0])

    return load


def _write(connection: psycopg.Connection, log_id: int, memory: Memory) -> None:
    alerts = [memory.get(Alert, key) for key in sorted(memory.changed) if key.startswith(ALERT)]
    states = [key for key in sorted(memory.changed) if not key.startswith(ALERT)]
    with connection.cursor(binary=True) as cursor:
        cursor.execute(
            "INSERT INTO signal_state (log_id, key, body) SELECT %s, * FROM unnest(%s::text[], %b::bytea[]) "
            "ON CONFLICT (log_id, key) DO UPDATE SET body = excluded.body",
            (log_id, states, [memory.encoded(key) for key in states]),
        )
        cursor.executemany(
            "INSERT INTO alert (log_id, alert, kind, status, raised, raised_at, body) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (log_id, alert) DO UPDATE SET status = excluded.status, body = excluded.body",
            [(log_id, one.alert, *row_of(one)) for one in alerts],
        )


COLUMNS = ("alert", "kind", "status", "raised", "raised_at", "body")


def row_of(one: Alert) -> tuple[str, str, int, int, bytes]:
    """An alert's columns after its id."""
    return one.kind, one.status, one.raised, one.raised_at, mjson.encode(one)


def followed(connection: Connection, log_id: int) -> int:
    """How many entries were read for alerts; 0 before the first reading."""
    found = sa.select(t.alert_follow.c.read).where(t.alert_follow.c.log_id == log_id)
    read: int | None = connection.execute(found).scalar_one_or_none()
    return read or 0


def alerts_between(
    connection: Connection, log_id: int, *, kind: str | None = None, status: str | None = None, since: int = 0,
    after: tuple[int, str] = (-1, ""), limit: int,
) -> list[Alert]:  # fmt: skip
    """The alerts raised from `since` on (ms UTC), in the order in which they were raised, after that one (the entry
    that told it, its id).
    """
    columns = t.alert.c
    asked = sa.select(columns.body).where(
        columns.log_id == log_id, columns.raised_at >= since,
        sa.tuple_(columns.raised, columns.alert) > sa.tuple_(sa.literal(after[0]), sa.literal(after[1])),
    )  # fmt: skip
    if kind is not None:
        asked = asked.where(columns.kind == kind)
    if status is not None:
        asked = asked.where(columns.status == status)
    rows = connection.execute(asked.order_by(columns.raised, columns.alert).limit(limit)).scalars()
    return [_decoder.decode(body) for body in rows]


def alert_named(connection: Connection, log_id: int, alert: str) -> Alert:
    """The alert of that id; NotFound where none was raised."""
    asked = sa.select(t.alert.c.body).where(t.alert.c.log_id == log_id, t.alert.c.alert == alert)
    body = connection.execute(asked).scalar_one_or_none()
    if body is None:
        raise NotFound(f"没有警报 {alert}", f"no alert {alert}")
    return _decoder.decode(body)


def entries_at(connection: Connection, log_id: int, indexes: Iterable[int]) -> list[Stored]:
    """The entries at these indexes, in index order. The caller may see all of the log."""
    wanted = sa.any_(sa.literal(sorted(indexes), sa.ARRAY(sa.BigInteger)))
    rows = connection.execute(
        sa.select(t.entry.c.entry_index, t.entry.c.body)
        .where(t.entry.c.log_id == log_id, t.entry.c.entry_index == wanted)
        .order_by(t.entry.c.entry_index)
    )
    return [Stored(index, leaf_hash(body).hex(), decode_entry(body)) for index, body in rows]
