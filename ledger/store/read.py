"""Reading: straight to SQL, in the reader's role, within the reader's scope.

Row-level security on `entry_party` is the way into entries: a reader scoped to sites sees the entries of those sites,
and a cylinder, lot or site only through them. Without a scope set, nothing is visible.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from msgspec import Struct

from ledger import events as e
from ledger.cylinder import Cylinder
from ledger.entry import Entry, decode_entry, leaf_hash
from ledger.errors import NotFound
from ledger.store import schema as t
from ledger.store.load import cylinder_decoder

ALL_SITES = ("*",)


class Stored(Struct, frozen=True):
    """An entry where it stands: its index, its leaf hash (hexadecimal), and what its bytes say."""

    entry_index: int
    leaf: str
    entry: Entry


class LogState(Struct, frozen=True):
    """A log as it stands: its id here, origin, number of entries, and when the last was recorded (ms UTC)."""

    log_id: int
    origin: str
    size: int
    recorded_at: int


@contextmanager
def reading(engine: sa.Engine, sites: tuple[str, ...]) -> Iterator[sa.Connection]:
    """A read-only transaction in the reader's role; `sites` bounds what it sees, `ALL_SITES` for the whole log."""
    with engine.connect() as connection, connection.begin():
        connection.execute(sa.text("SET LOCAL ROLE ledger_reader"))
        connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        connection.execute(sa.select(sa.func.set_config("ledger.sites", ",".join(sites), True)))
        yield connection


def log_state(connection: sa.Connection, origin: str) -> LogState:
    """The log of that origin; NotFound if there is none."""
    found = connection.execute(
        sa.select(t.log.c.log_id, t.log.c.origin, t.log.c.size, t.log.c.recorded_at).where(t.log.c.origin == origin)
    ).one_or_none()
    if found is None:
        raise NotFound(f"此处没有日志 {origin}", f"no log {origin} here")
    return LogState(*found)


def origins(connection: sa.Connection) -> list[str]:
    """The origins of the logs in this database, oldest first."""
    return list(connection.execute(sa.select(t.log.c.origin).order_by(t.log.c.log_id)).scalars())


def cylinder_by_code(connection: sa.Connection, log_id: int, code: str) -> tuple[Cylinder, bool]:
    """The cylinder that carries or carried this code, and whether the code is active; NotFound otherwise.

    Within a scope of sites, a cylinder that none of their entries names is as good as unknown.
    """
    seen = sa.exists().where(
        t.entry_party.c.log_id == log_id,
        t.entry_party.c.party == sa.func.concat("cylinder:", sa.cast(t.code.c.cylinder, sa.Text)),
    )
    found = connection.execute(
        sa.select(t.cylinder.c.body, t.code.c.active)
        .join_from(
            t.code,
            t.cylinder,
            sa.and_(t.cylinder.c.log_id == t.code.c.log_id, t.cylinder.c.cylinder == t.code.c.cylinder),
        )
        .where(t.code.c.log_id == log_id, t.code.c.code == code, seen)
    ).one_or_none()
    if found is None:
        raise NotFound(f"没有编码为 {code} 的气瓶", f"no cylinder carries the code {code}")
    return cylinder_decoder.decode(found.body), found.active


def entries_of(
    connection: sa.Connection, log_id: int, party: str, *, after: int = -1, limit: int | None = None
) -> list[Stored]:
    """The entries of a party (`cylinder:…`, `site:…`, `tank_lot:…`) after an index, in index order."""
    rows = connection.execute(
        sa.select(t.entry.c.entry_index, t.entry.c.body)
        .join_from(
            t.entry_party,
            t.entry,
            sa.and_(t.entry.c.log_id == t.entry_party.c.log_id, t.entry.c.entry_index == t.entry_party.c.entry_index),
        )
        .where(t.entry_party.c.log_id == log_id, t.entry_party.c.party == party, t.entry_party.c.entry_index > after)
        .order_by(t.entry.c.entry_index)
        .limit(limit)
    )
    return [Stored(index, leaf_hash(body).hex(), decode_entry(body)) for index, body in rows]


def has_record(connection: sa.Connection, log_id: int, subject: str) -> bool:
    """Whether the registry knows this subject."""
    found = sa.select(sa.literal(1)).where(t.record.c.log_id == log_id, t.record.c.subject == subject)
    return connection.execute(found).first() is not None


def lot_cylinders(connection: sa.Connection, log_id: int, tank_lot: str) -> list[Stored]:
    """The fills from a tank lot, in index order: what may contain its gas."""
    stored = entries_of(connection, log_id, f"tank_lot:{tank_lot}")
    return [one for one in stored if isinstance(one.entry.outcome, e.CylinderFilled)]
