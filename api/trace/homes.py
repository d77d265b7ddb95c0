"""How premises stood by the entries known, and what was open against a cylinder."""

from collections.abc import Collection, Sequence

from ledger import claim as c
from ledger.custody import Span
from ledger.cylinder import Cylinder
from ledger.store.read import Connection, LogState
from ledger.store.recalls import HOLD, carry_over
from ledger.store.tracing import filings_below, filings_of_kind
from ledger.told import Told, in_order
from ledger.trace.home import home_of
from ledger.trace.origin import Fact
from ledger.trace.statement import Window
from ledger.trace.withdrawn import Counts, cylinder_as_of, withdrawn_of


def known_of(entries: Sequence[Told], window: Window) -> list[Told]:
    """What was recorded before the end of the times asked for."""
    return [one for one in entries if window.until is None or one.entry.recorded_at < window.until]


def entries_at(connection: Connection, log: LogState, homes: Collection[str], window: Window) -> list[Told]:
    """What was known to have befallen these premises, in order."""
    there = filings_below(connection, log.log_id, [f"premises:{one}" for one in homes], end=log.size)
    return known_of(in_order(one for _, one in there), window)


def facts_at(
    connection: Connection, log: LogState, homes: Collection[str], known: Sequence[Told], window: Window
) -> dict[str, list[Fact]]:
    """How each of these premises stood by what is known, entries in order."""
    by_home: dict[str, list[Told]] = {one: [] for one in homes}
    for one in known:
        premises = getattr(one.claim, "premises", None)
        if premises in by_home:
            by_home[premises].append(one)
    successors = list[Told]()
    if any(isinstance(one.claim, c.ResumeSupply) for one in known):
        # Who could resume the supply that another suspended, and when.
        successors = known_of(filings_of_kind(connection, log, "successor"), window)
    return {home: home_of(in_order([*there, *successors])) for home, there in by_home.items()}


def facts_there(connection: Connection, log: LogState, places: Sequence[Span], window: Window) -> list[Fact]:
    """How the premises stood where a cylinder was at the end of the times asked for; nothing where it was at none."""
    premises = places[-1].place.premises if places and places[-1].until is None else None
    if premises is None:
        return []
    return facts_at(connection, log, [premises], entries_at(connection, log, [premises], window), window)[premises]


def facts_against(
    connection: Connection, log: LogState, now: Cylinder, known: Sequence[Told], window: Window
) -> list[Fact]:
    """The recalls, drills and incidents that reach a cylinder by what is known. `now`: as it stands."""
    filed = known_of(filings_of_kind(connection, log, "recall", "incident"), window)
    cylinder = now if window.until is None else cylinder_as_of(now.cylinder, known)
    if not filed or cylinder is None:
        return []
    lots = dict[str, c.FileTankLot]()
    counts = Counts(lots.get, None, 0)
    if any(getattr(one.claim, "tank_lot", None) or getattr(one.claim, "tank_lots", ()) for one in filed):
        for one in known_of(filings_of_kind(connection, log, "tank_lot"), window):
            assert isinstance(one.claim, c.FileTankLot)
            lots[one.claim.tank_lot] = one.claim
        counts = Counts(lots.get, carry_over(connection, log.log_id), carry_over(connection, log.log_id, HOLD) or 0)
    return withdrawn_of(cylinder, known, filed, counts)
