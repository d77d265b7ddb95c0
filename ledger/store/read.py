"""Reading: straight to SQL, in the reader's role, within the reader's scope.

Row-level security on `entry_party` is the way into entries: a reader scoped to sites sees the entries of those sites,
and a cylinder, lot or site only through them. Without a scope set, nothing is visible. A database that is away is
Busy: ask again.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import sqlalchemy as sa
from msgspec import Struct

from ledger import claim as c
from ledger import events as e
from ledger.bundle import PublicKey, decode_claim
from ledger.cylinder import Cylinder
from ledger.entry import Entry, decode_entry, leaf_hash
from ledger.errors import Busy, NotFound
from ledger.store import schema as t
from ledger.store.keys import Keys
from ledger.store.load import other_fold
from ledger.store.state_rows import cylinder_decoder
from ledger.world import FOLD

Engine = sa.Engine
Connection = sa.Connection

ALL_SITES = ("*",)

_AWAY = (
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    sa.exc.TimeoutError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)


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


_SESSION = f"{t.BY_KEY} -c default_transaction_read_only=on -c default_transaction_isolation=repeatable\\ read"
_LOG = "SELECT log_id, origin, size, recorded_at FROM log WHERE origin = %s"
_CARRIER = (
    "SELECT y.body, k.active FROM code k JOIN cylinder y ON y.log_id = k.log_id AND y.cylinder = k.cylinder"
    " WHERE k.log_id = %s AND k.code = %s"
)
_AS_READER = "SELECT set_config('role', 'ledger_reader', true), set_config('ledger.sites', %s, true)"


def open_engine(url: str) -> Engine:
    """A pool of reading connections to this database, every transaction read-only and of one snapshot; nothing is
    connected yet. `dispose()` it in the end.
    """
    return sa.create_engine(
        t.engine_url(url),
        pool_size=8,
        max_overflow=8,
        pool_timeout=5,
        connect_args={"connect_timeout": 5, "options": _SESSION},
    )


@contextmanager
def reading(engine: sa.Engine, sites: tuple[str, ...]) -> Iterator[sa.Connection]:
    """A read-only transaction in the reader's role; `sites` bounds what it sees, `ALL_SITES` for the whole log.

    Busy when the database is away.
    """
    try:
        with _as_reader(engine, ",".join(sites)) as connection:
            yield connection
            connection.commit()
    except _AWAY as error:
        raise Busy("数据库暂不可用，请稍后再试", "the database is away; try again shortly") from error


def _as_reader(engine: sa.Engine, sites: str) -> sa.Connection:
    """A connection in a transaction of the reader's role. Where the pool's was dead, as after a restart of the server,
    all of the pool's are dropped and a new one is asked once: cheaper than a ping before every transaction.
    """
    for is_last in (False, True):
        connection = engine.connect()
        try:
            connection.exec_driver_sql(_AS_READER, (sites,))
        except sa.exc.DBAPIError as error:
            connection.close()
            if is_last or not error.connection_invalidated:
                raise
        else:
            return connection
    raise AssertionError("the last try returns or raises")


def driver_of(connection: sa.Connection) -> psycopg.Connection:
    """The driver's own connection, within the same transaction: it reads bytes as bytes, and costs less."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def find_key(engine: sa.Engine, keys: Keys, signer: str) -> PublicKey:
    """The key of that signer, read if it was not known; UnknownSigner if the log never enrolled it."""
    with reading(engine, ()) as connection:
        return keys.find(driver_of(connection), signer)


def log_state(connection: sa.Connection, origin: str) -> LogState:
    """The log of that origin; NotFound if there is none."""
    found = driver_of(connection).execute(_LOG, (origin,)).fetchone()
    if found is None:
        raise NotFound(f"此处没有日志 {origin}", f"no log {origin} here")
    return LogState(*found)


def hosted_origins(url: str) -> list[str]:
    """The origins of the logs in the database at `url`, oldest first.

    NotFound when `migrate` never ran or is behind, Busy when the database is away.
    """
    return [origin for origin, _ in _folds(url)]


def servable_origins(url: str) -> list[str]:
    """As `hosted_origins`; Busy, too, for a log whose caches another version of the fold made."""
    folds = _folds(url)
    for origin, fold in folds:
        if fold != FOLD:
            raise other_fold(origin)
    return [origin for origin, _ in folds]


def outdated_origins(url: str) -> list[str]:
    """The logs whose caches another version of the fold made: `rebuild` makes them anew."""
    return [origin for origin, fold in _folds(url) if fold != FOLD]


def _folds(url: str) -> list[tuple[str, int]]:
    engine = sa.create_engine(t.engine_url(url), poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            found = sa.inspect(connection)
            if not found.has_table(t.log.name):
                raise NotFound("数据库尚未建表；请先运行 ledger migrate", "no tables yet; run ledger migrate first")
            if not {column["name"] for column in found.get_columns(t.log.name)} >= set(t.log.c.keys()):
                raise NotFound(
                    "数据库结构是旧版本的；请先运行 ledger migrate",
                    "the schema is an older version's; run ledger migrate first",
                )
            rows = connection.execute(sa.select(t.log.c.origin, t.log.c.fold).order_by(t.log.c.log_id))
            return [(origin, fold) for origin, fold in rows]
    except _AWAY as error:
        raise Busy("无法连接数据库", "cannot connect to the database") from error


def cylinder_by_code(connection: sa.Connection, log_id: int, code: str) -> tuple[Cylinder, bool]:
    """The cylinder that carries or carried this code, and whether the code is active; NotFound otherwise.

    Within a scope of sites, a cylinder that none of their entries names is as good as unknown.
    """
    found = carrier_of(connection, log_id, code)
    # A question of its own, so that the party is a constant that the index serves.
    if found is not None and entries_of(connection, log_id, f"cylinder:{found[0].cylinder}", limit=1):
        return found
    raise NotFound(f"没有编码为 {code} 的气瓶", f"no cylinder carries the code {code}")


def carrier_of(connection: sa.Connection, log_id: int, code: str) -> tuple[Cylinder, bool] | None:
    """As `cylinder_by_code`, None for a code that nobody registered; whoever asks must see to what the reader may see:
    to nobody it tells a cylinder of which no entry shows.
    """
    with driver_of(connection).cursor(binary=True) as cursor:
        found = cursor.execute(_CARRIER, (log_id, code)).fetchone()
    return None if found is None else (cylinder_decoder.decode(found[0]), found[1])


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
        .order_by(t.entry_party.c.entry_index)
        .limit(limit)
    )
    return [Stored(index, leaf_hash(body).hex(), decode_entry(body)) for index, body in rows]


def cylinders_by_id(connection: sa.Connection, log_id: int, cylinders: Iterable[str]) -> dict[str, Cylinder]:
    """These cylinders as they stand, by ledger id. The caller has their ids from entries that it may see."""
    keys = [UUID(cylinder) for cylinder in cylinders]
    rows = connection.execute(
        sa.select(t.cylinder.c.cylinder, t.cylinder.c.body).where(
            t.cylinder.c.log_id == log_id, t.cylinder.c.cylinder == sa.any_(sa.literal(keys, sa.ARRAY(sa.Uuid)))
        )
    )
    return {str(key): cylinder_decoder.decode(body) for key, body in rows}


def record(connection: sa.Connection, log_id: int, subject: str) -> c.AnyClaim | None:
    """The filing in force of a subject (`enterprise:…`, `pack`, `log`), None when there is none."""
    found = sa.select(t.record.c.body).where(t.record.c.log_id == log_id, t.record.c.subject == subject)
    body = connection.execute(found).scalar_one_or_none()
    return None if body is None else decode_claim(bytes(body).decode())


def open_recalls(connection: sa.Connection, log_id: int) -> list[c.OpenRecall]:
    """The recalls that are not closed, oldest first; drills close no gate, and are none of them."""
    rows = connection.execute(
        sa.select(t.record.c.body)
        .where(t.record.c.log_id == log_id, t.record_kind == "recall")
        .order_by(t.record.c.entry_index)
    ).scalars()
    claims = [decode_claim(bytes(body).decode()) for body in rows]
    return [claim for claim in claims if isinstance(claim, c.OpenRecall) and not claim.drill]


def has_record(connection: sa.Connection, log_id: int, subject: str) -> bool:
    """Whether the registry knows this subject."""
    found = sa.select(sa.literal(1)).where(t.record.c.log_id == log_id, t.record.c.subject == subject)
    return connection.execute(found).first() is not None


def lot_cylinders(connection: sa.Connection, log_id: int, tank_lot: str) -> list[Stored]:
    """The fills from a tank lot, in index order: what may contain its gas. Of a fill that did not end with that lot,
    where it was interrupted, else where it began.
    """
    fills, later = list[Stored](), set[tuple[str | None, str]]()
    for one in reversed(entries_of(connection, log_id, f"tank_lot:{tank_lot}")):
        outcome, claim = one.entry.outcome, decode_claim(one.entry.claim)
        if not isinstance(claim, c.StartFill | c.InterruptFill | c.CompleteFill) or isinstance(outcome, e.Refusal):
            continue
        assert isinstance(outcome, e.FillStarted | e.FillInterrupted | e.CylinderFilled)
        fill = outcome.cylinder, claim.authorisation
        told_after = fill in later or (isinstance(outcome, e.FillStarted) and outcome.superseded)
        if isinstance(outcome, e.CylinderFilled) or not told_after:
            fills.append(one)
            later.add(fill)
    return fills[::-1]
