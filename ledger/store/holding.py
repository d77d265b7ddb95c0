"""Who holds what: now, straight from the cached state by key; at a past moment, from the entries (`ledger.custody`).

Every function reads within a snapshot of the whole log (`reading` with `ALL_SITES`). None reads a whole table but
`balances`, which reads one narrow index.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from ledger.custody import Held, History, came_to, history_of, stock_at
from ledger.cylinder import UNKNOWN_HOLDER, Cylinder
from ledger.premises import Premises
from ledger.store import schema as t
from ledger.store.read import Connection, driver_of
from ledger.store.state_rows import cylinder_decoder, premises_decoder
from ledger.told import Told, in_order, told

CODE = "code:"
CYLINDER = "cylinder:"
_STRAY = "stray:"
END = 2**63 - 1
"""Above every entry's index."""

_TOLD = (
    "SELECT p.entry_index, p.parties, e.body FROM (SELECT entry_index, array_agg(party) AS parties FROM entry_party"
    "  WHERE log_id = %(log_id)s AND party = ANY(%(parties)s::text[]) AND entry_index < %(end)s GROUP BY entry_index) p"
    " JOIN entry e ON e.log_id = %(log_id)s AND e.entry_index = p.entry_index ORDER BY p.entry_index"
)
_HOMES = "SELECT body FROM place WHERE log_id = %s AND building = %s"


class Holding(Struct, frozen=True):
    """Who holds a cylinder now; `party` is `cylinder:ID`, or `code:CODE` for one that nobody registered."""

    party: str
    holder: str
    premises: str | None = None
    carrier: str | None = None


class Balances(Struct, frozen=True):
    """How many cylinders each holder has now; they add up to `registered`.

    `customers`: how many customers hold `with_customers` between them. `foreign`: by holder, those that nobody
    registered, beside all others.
    """

    registered: int
    sites: dict[str, int]
    vehicles: dict[str, int]
    workers: dict[str, int]
    customers: int
    with_customers: int
    unknown: int
    foreign: dict[str, int]


class Stock(Struct, frozen=True):
    """What stands somewhere now: registered cylinders, and codes that nobody registered (外来瓶)."""

    cylinders: tuple[Cylinder, ...]
    foreign: tuple[str, ...]


def holder_of(connection: Connection, log_id: int, code: str) -> Holding | None:
    """Who holds the cylinder with this code now, registered or not; None for a code that was never seen."""
    registered = (
        sa.select(t.code.c.cylinder, t.cylinder.c.holder, t.cylinder.c.premises, t.cylinder.c.carrier)
        .join(t.cylinder, sa.and_(t.cylinder.c.log_id == t.code.c.log_id, t.cylinder.c.cylinder == t.code.c.cylinder))
        .where(t.code.c.log_id == log_id, t.code.c.code == code)
    )
    found = connection.execute(registered).one_or_none()
    if found is not None:
        return Holding(f"{CYLINDER}{found.cylinder}", found.holder, found.premises, found.carrier)
    stray = sa.select(t.place.c.holder).where(t.place.c.log_id == log_id, t.place.c.place == f"{_STRAY}{code}")
    holder = connection.execute(stray).scalar_one_or_none()
    return None if holder is None else Holding(f"{CODE}{code}", holder)


def balances(connection: Connection, log_id: int) -> Balances:
    """Every cylinder once. Narrow indexes are read whole, no cylinder is."""
    holder = t.cylinder.c.holder
    counts = sa.select(holder, sa.func.count().label("count")).where(t.cylinder.c.log_id == log_id).group_by(holder)
    held = dict[str, int]()
    for few in (holder.like("site:%"), holder.like("vehicle:%"), holder == UNKNOWN_HOLDER):
        held |= _counts(connection.execute(counts.where(few)))
    theirs = counts.where(holder.like("customer:%")).subquery()
    customers = connection.execute(sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(theirs.c.count), 0))).one()
    carried = connection.execute(
        sa.select(t.cylinder.c.carrier, sa.func.count())
        .where(t.cylinder.c.log_id == log_id, t.cylinder.c.carrier.is_not(None))
        .group_by(t.cylinder.c.carrier)
    )
    strays = connection.execute(
        sa.select(t.place.c.holder, sa.func.count())
        .where(t.place.c.log_id == log_id, t.place.c.holder.is_not(None))
        .group_by(t.place.c.holder)
    )
    return Balances(
        registered=sum(held.values()) + int(customers[1]),
        sites=_of_kind(held, "site:"),
        vehicles=_of_kind(held, "vehicle:"),
        workers=_counts(carried),
        customers=int(customers[0]),
        with_customers=int(customers[1]),
        unknown=held.get(UNKNOWN_HOLDER, 0),
        foreign=_counts(strays),
    )


def _counts(rows: Iterable[Sequence[Any]]) -> dict[str, int]:
    return dict(sorted((str(holder), int(count)) for holder, count in rows))


def _of_kind(held: dict[str, int], kind: str) -> dict[str, int]:
    return {holder.removeprefix(kind): count for holder, count in held.items() if holder.startswith(kind)}


def stock_now(connection: Connection, log_id: int, party: str) -> Stock:
    """What that party holds now: `customer:…`, `premises:…`, `site:…`, `vehicle:…`, `person:…` as carrier, `unknown`.

    The codes that nobody registered are those of a holder or of premises; of a carrier, none.
    """
    kind, _, key = party.partition(":")
    there = {"premises": t.cylinder.c.premises == key, "person": t.cylinder.c.carrier == key}
    rows = connection.execute(
        sa.select(t.cylinder.c.body)
        .where(t.cylinder.c.log_id == log_id, there.get(kind, t.cylinder.c.holder == party))
        .order_by(t.cylinder.c.cylinder)
    ).scalars()
    return Stock(tuple(cylinder_decoder.decode(body) for body in rows), _foreign(connection, log_id, party))


def _foreign(connection: Connection, log_id: int, party: str) -> tuple[str, ...]:
    if party.startswith("premises:"):
        home = sa.select(t.place.c.body).where(t.place.c.log_id == log_id, t.place.c.place == party)
        body = connection.execute(home).scalar_one_or_none()
        return () if body is None else premises_decoder.decode(body).foreign
    places = connection.execute(
        sa.select(t.place.c.place)
        .where(t.place.c.log_id == log_id, t.place.c.holder == party)
        .order_by(t.place.c.place)
    ).scalars()
    return tuple(place.removeprefix(_STRAY) for place in places)


def foreign_aboard(connection: Connection, log_id: int) -> tuple[str, ...]:
    """The codes of the cylinders that nobody registered and that are on any vehicle now."""
    places = connection.execute(
        sa.select(t.place.c.place).where(t.place.c.log_id == log_id, t.place.c.holder.like("vehicle:%"))
    ).scalars()
    return tuple(sorted(place.removeprefix(_STRAY) for place in places))


def homes_in(connection: Connection, log_id: int, building: str, town: str | None = None) -> dict[str, Premises]:
    """The premises in a building by id, of every enterprise and customer, and what is known of them now."""
    with driver_of(connection).cursor(binary=True) as cursor:
        homes = [premises_decoder.decode(body) for (body,) in cursor.execute(_HOMES, (log_id, building))]
    return {one.premises: one for one in homes if town in (None, one.town)}


def told_of(connection: Connection, log_id: int, parties: Collection[str], *, end: int = END) -> dict[str, list[Told]]:
    """The entries below `end` of each of these parties, in index order; each entry is read once."""
    found: dict[str, list[Told]] = {party: [] for party in parties}
    if not found:
        return found
    with driver_of(connection).cursor(binary=True) as cursor:
        rows = cursor.execute(_TOLD, {"log_id": log_id, "parties": list(found), "end": end}).fetchall()
    for index, named, body in rows:
        one = told(index, body)
        for party in named:
            found[party].append(one)
    return found


def histories(connection: Connection, log_id: int, parties: Collection[str]) -> list[History]:
    """The histories of these cylinders (`cylinder:…`) and unregistered codes (`code:…`)."""
    codes = [party.removeprefix(CODE) for party in parties if party.startswith(CODE)]
    registered = cylinders_with(connection, log_id, codes)
    stories = told_of(connection, log_id, {*parties, *registered.values()})
    found = list[History]()
    for party in parties:
        since = registered.get(party.removeprefix(CODE)) if party.startswith(CODE) else None
        story = stories[party] if since is None else in_order([*stories[party], *stories[since]])
        found.append(history_of(party, story))
    return found


def cylinders_with(connection: Connection, log_id: int, codes: Collection[str]) -> dict[str, str]:
    """Whose codes these are or were: `cylinder:…` by code; none for codes that nobody registered."""
    if not codes:
        return {}
    rows = connection.execute(
        sa.select(t.code.c.code, t.code.c.cylinder).where(t.code.c.log_id == log_id, t.code.c.code == _any(codes))
    )
    return {code: f"{CYLINDER}{cylinder}" for code, cylinder in rows}


def stock_then(
    connection: Connection, log_id: int, parties: Collection[str], at: int, known_at: int | None = None
) -> dict[str, tuple[Held, ...]]:
    """What stood with each of these parties at that moment, as known at another (ms UTC; None: now), from the entries.

    Its cost grows with all that ever came to them: customers, premises and vehicles answer at once; a large station
    takes a while.
    """
    return stock_by(connection, log_id, told_of(connection, log_id, parties), at, known_at)


def stock_by(
    connection: Connection, log_id: int, stories: Mapping[str, Iterable[Told]], at: int, known_at: int | None = None
) -> dict[str, tuple[Held, ...]]:
    """As `stock_then` for whoever has read the parties' entries already; others among them do no harm."""
    came = {party: came_to(party, story) for party, story in stories.items()}
    came_any = {key for keys in came.values() for key in keys}
    known = {one.party: one for one in histories(connection, log_id, sorted(came_any))}
    return {party: stock_at((known[key] for key in keys), party, at, known_at) for party, keys in came.items()}


def _any(texts: Collection[str]) -> sa.CollectionAggregate[bool]:
    return sa.any_(sa.literal(list(texts), sa.ARRAY(sa.Text)))
