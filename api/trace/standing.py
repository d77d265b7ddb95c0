"""What stands with somebody or somewhere: now, from the cached state; at a past moment, from the entries."""

from api.trace.view import HeldView, held_view
from ledger.cylinder import Cylinder
from ledger.store.holding import CODE, CYLINDER, Stock, stock_now, stock_then
from ledger.store.read import Connection, LogState
from ledger.store.tracing import standing
from ledger.trace.statement import Window


def held_at_end(connection: Connection, log: LogState, party: str, window: Window) -> list[HeldView]:
    """What stood with a customer or at premises at the end of the times asked for, as known then; now where they have
    no end.
    """
    until = window.until
    if until is None:
        return held_now(connection, log, party)
    held = stock_then(connection, log.log_id, [party], until - 1, window.known_at)[party]
    return [held_view(one.party, one.span) for one in held]


def held_now(connection: Connection, log: LogState, party: str) -> list[HeldView]:
    """What stands with that party now, and by which entry each came."""
    stock = stock_now(connection, log.log_id, party)
    return [one for one in stood(connection, log, stock) if _is_with(one, party)]


def stood(connection: Connection, log: LogState, stock: Stock) -> list[HeldView]:
    """What a stock holds, with the entry that put each there, in the order in which they came."""
    now: dict[str, Cylinder | None] = {f"{CYLINDER}{one.cylinder}": one for one in stock.cylinders}
    now |= dict.fromkeys(f"{CODE}{code}" for code in stock.foreign)
    placed = standing(connection, log.log_id, list(now))
    held = [held_view(party, span, now[party]) for party, span in placed.items()]
    return sorted(held, key=lambda one: (one.since, one.entry_index, one.party))


def _is_with(held: HeldView, party: str) -> bool:
    """Of what nobody registered, the cached state knows the customer, and the entries the premises."""
    kind, _, key = party.partition(":")
    return kind != "premises" or held.premises == key
