"""Founding the city's log: entry 0, the registry, the cylinders and the first stock count, straight through the store.

Before the doors open there is no server and no shift: claims are signed by whoever would sign them, and go in by the
store's own write path at the story's days. Anything that is not accepted here is a bug of the demo.
"""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future

from api.demo.city import DAY_MS, ORIGIN, SHIFT_AT_MS, STATIONS, City
from api.demo.city_filings import counts, opening, waves
from api.demo.city_signers import ClaimIds
from api.demo.city_supply import DEPOTS
from api.demo.city_supply_filings import customer_filings, found_at_homes, orders, supply_registry
from api.demo.clerk import Clerk, Wave
from api.demo.plant import Planting
from api.demo.plant_history import told
from ledger.bundle import open_bundle
from ledger.entry import Answer
from ledger.events import Refusal
from ledger.store.append import Received, open_log
from ledger.store.migrate import migrate
from ledger.store.writer import Writer, connect_writer

Told = Callable[[int], None]
"""Told how many claims have been recorded so far."""

_WAITING = 4
"""Bundles under way at once: the next is being signed while this one is written."""


def found_city(url: str, city: City, planting: Planting, told: Told) -> int:
    """Migrate the database and file all that comes before the shift; how many entries that made."""
    migrate(url)
    ids = ClaimIds(random.Random(f"town {city.seed}"))  # noqa: S311 - play, not a secret
    clerk = Clerk(ids, SHIFT_AT_MS - 9 * DAY_MS)
    first = city.signers["authority"].sign(ORIGIN, [opening(city, clerk)])
    with connect_writer(url) as connection:
        open_log(connection, Received(open_bundle(first), 0), clerk.at_ms)
    now, entries = clerk.at_ms, 1
    under_way: list[tuple[Wave, Future[list[Answer]]]] = []
    with Writer(url, ORIGIN, lambda: now) as writer:
        for wave in all_waves(city, planting, clerk):
            if wave.at_ms != now or len(under_way) == _WAITING:
                # The clock stands still while bundles are under way.
                entries += _settle(under_way)
                told(entries)
                now = wave.at_ms
            envelope = city.signers[wave.signer].sign(ORIGIN, wave.claims)
            under_way.append((wave, writer.submit(Received(open_bundle(envelope), 0))))
        entries += _settle(under_way)
    told(entries)
    return entries


def all_waves(city: City, planting: Planting, clerk: Clerk) -> Iterator[Wave]:
    """Everything before the shift, but for entry 0."""
    yield from waves(city, clerk)
    yield from supply_registry(city, clerk)
    yield from customer_filings(city, clerk)
    # In the stations' first days: what is full now is opening stock.
    clerk.at_ms = SHIFT_AT_MS - 5 * DAY_MS
    yield from orders(clerk, planting.orders)
    for station in STATIONS:
        yield from counts(clerk, station.site, station.filler, planting.stock[station.site])
    for depot in DEPOTS:
        yield from counts(clerk, depot.site, depot.keeper, planting.stock[depot.site])
        yield from found_at_homes(clerk, depot, planting.homes)
    yield from told(clerk, planting.past)


def _settle(under_way: list[tuple[Wave, "Future[list[Answer]]"]]) -> int:
    """Wait for what was submitted; how many entries it made."""
    made = 0
    for wave, future in under_way:
        for claim, answer in zip(wave.claims, future.result(), strict=True):
            outcome = answer.outcome
            refused = isinstance(outcome, Refusal)
            assert not refused, (wave.signer, claim, outcome)
            noted = outcome.warnings or (not isinstance(outcome, Refusal) and outcome.violations)
            assert wave.past or not noted, (wave.signer, claim, outcome)
            made += 1
    under_way.clear()
    return made
