"""What stands with somebody or somewhere: now, from the cached state; at a past moment, from the entries."""

from collections.abc import Collection, Iterable

from msgspec import structs

from api.trace.view import HeldView, held_view
from ledger.custody import came_to, stands_with
from ledger.cylinder import Cylinder
from ledger.fold import Place
from ledger.store.holding import CODE, CYLINDER, Stock, foreign_aboard, stock_by, stock_now, told_of
from ledger.store.read import Connection, LogState, cylinders_by_id
from ledger.store.tracing import standing
from ledger.told import Told
from ledger.trace.statement import Window


def held_at_end(
    connection: Connection, log: LogState, party: str, entries: Collection[Told], window: Window
) -> list[HeldView]:
    """What stood with a customer or at premises at the end of the times asked for, as known then; now where they have
    no end. `entries`: all that name the party, none for them to be read here.
    """
    until = window.until
    if until is None:
        return held_now(connection, log, party, entries)
    stories = {party: entries} if entries else told_of(connection, log.log_id, [party])
    held = stock_by(connection, log.log_id, stories, until - 1, window.known_at)[party]
    return with_codes(connection, log, [held_view(one.party, one.span) for one in held])


def with_codes(connection: Connection, log: LogState, held: list[HeldView]) -> list[HeldView]:
    """The same with the codes that each carries now: what somebody at the scene can read."""
    bare = {one.party.removeprefix(CYLINDER) for one in held if not one.codes and one.party.startswith(CYLINDER)}
    known = cylinders_by_id(connection, log.log_id, bare) if bare else {}
    codes = {f"{CYLINDER}{key}": one.codes for key, one in known.items()}
    return [structs.replace(one, codes=codes.get(one.party, one.codes)) for one in held]


def held_now(connection: Connection, log: LogState, party: str, entries: Iterable[Told] = ()) -> list[HeldView]:
    """What stands with that party now, and by which entry each came. Of what nobody registered, the cached state knows
    the customer and the vehicle, and only the premises' own `entries` what came to them.
    """
    stock = stock_now(connection, log.log_id, party)
    if party.startswith("person:"):
        stock = Stock(stock.cylinders, foreign_aboard(connection, log.log_id))
    if party.startswith("premises:"):
        came = (one.removeprefix(CODE) for one in came_to(party, entries) if one.startswith(CODE))
        stock = Stock(stock.cylinders, tuple(came))
    return [one for one in stood(connection, log, stock) if _is_with(one, party)]


def stood(connection: Connection, log: LogState, stock: Stock) -> list[HeldView]:
    """What a stock holds, with the entry that put each there, in the order in which they came."""
    now: dict[str, Cylinder | None] = {f"{CYLINDER}{one.cylinder}": one for one in stock.cylinders}
    now |= dict.fromkeys(f"{CODE}{code}" for code in stock.foreign)
    placed = standing(connection, log.log_id, list(now))
    held = [held_view(party, span, now[party]) for party, span in placed.items()]
    return sorted(held, key=lambda one: (one.since, one.entry_index, one.party))


def _is_with(held: HeldView, party: str) -> bool:
    """Whether it is there still; of what nobody registered, whether it ever was."""
    return stands_with(Place(held.holder, held.premises, held.carrier), party)
