"""The mass balance of tank lots and stations: what came, what went into cylinders, and where that is by the ledger.

What a lot filled is delivered, in stock, or neither: that is the difference which somebody has to explain. What went in
before a fill was interrupted is its own lot's, whichever lot went on. Grams throughout.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec import json as mjson

from ledger import claim as c
from ledger.contents import share_of
from ledger.cylinder import UNKNOWN_HOLDER, WHOLE, Cylinder

Fate = Literal["delivered", "returned", "in_stock", "difference"]


class LotMass(Struct, frozen=True):
    """One lot. `taken_over_g`: of the lot that it includes; `passed_on_g`: to lots that include it; None where nobody
    measured it. `left_g`: what should be in the tank still, None where that cannot be known.

    `delivered_g` holds what was handed over, of which the cylinders of `returned_g` came back; `in_stock_g` stands at
    sites and on vehicles. `difference_g` = filled − delivered − in stock. `fills`: with those that were interrupted.
    """

    tank_lot: str
    site: str
    received_g: int
    taken_over_g: int | None
    passed_on_g: int | None
    filled_g: int
    left_g: int | None
    delivered_g: int
    returned_g: int
    in_stock_g: int
    difference_g: int
    fills: int


class StationMass(Struct, frozen=True):
    """The sums over a station's lots; see `LotMass`."""

    site: str
    received_g: int
    filled_g: int
    delivered_g: int
    returned_g: int
    in_stock_g: int
    difference_g: int
    fills: int


class Poured(NamedTuple):
    """A fill, completed or interrupted: at which entry, of which cylinder (None for a code that nobody registered),
    from which lot, under which authorisation, when the valve closed by clocks put right (ms UTC), and how much gas went
    in; nothing where nobody said at what weight it began.
    """

    entry_index: int
    cylinder: str | None
    tank_lot: str
    authorisation: str
    at: int
    gas_g: int


class RoundEnd(NamedTuple):
    """An entry that ends the round of a cylinder's fill: a hand-over, or the pre-check for the next one."""

    entry_index: int
    cylinder: str | None
    handed_over: bool


class _Made(Struct):
    type: str
    cylinder: str | None = None
    tank_lot: str | None = None
    gas_g: int | None = None


class _Entry(Struct):
    recorded_at: int
    clock_offset_ms: int | None
    claim: str
    outcome: _Made


class _Filled(Struct):
    scanned_at: int
    authorisation: str
    tank_lot: str = ""
    start_weight_g: int = 0
    end_weight_g: int = 0


_entry, _filled = mjson.Decoder(_Entry), mjson.Decoder(_Filled)


def poured(entry_index: int, body: bytes) -> Poured:
    """What the entry of a completed or interrupted fill says: of an interrupted one, lot and gas stand in the event.

    There are many, so no more of its bytes is read than this.
    """
    entry = _entry.decode(body)
    claim, made = _filled.decode(entry.claim), entry.outcome
    at = min(claim.scanned_at + (entry.clock_offset_ms or 0), entry.recorded_at)
    lot = claim.tank_lot if made.tank_lot is None else made.tank_lot
    gas_g = claim.end_weight_g - claim.start_weight_g if made.gas_g is None else made.gas_g
    return Poured(entry_index, made.cylinder, lot, claim.authorisation, at, gas_g)


def is_newest(fill: Poured, now: Cylinder) -> bool:
    """Whether this is the cylinder's newest fill, or one that its newest fill continued."""
    newest = now.fill is not None and now.fill.authorisation == fill.authorisation
    return newest or share_of(now, fill.authorisation) == WHOLE


def cylinder_in(body: bytes) -> str | None:
    """The cylinder that an entry's event is about, by ledger id."""
    return _entry.decode(body).outcome.cylinder


def round_end(entry_index: int, body: bytes) -> RoundEnd:
    """What the entry of a hand-over or a pre-check says."""
    made = _entry.decode(body).outcome
    return RoundEnd(entry_index, made.cylinder, made.type.startswith("cylinder_handed_over."))


def lot_masses(
    lots: Mapping[str, c.FileTankLot],
    names: Iterable[str],
    fills: Iterable[Poured],
    rounds: Iterable[RoundEnd],
    cylinders: Mapping[str, Cylinder],
) -> list[LotMass]:
    """The balance of the lots of these names. `lots` are all on record; `fills` every fill from those named;
    `rounds` of those cylinders that were filled since, in index order; `cylinders` by id.
    """
    after: dict[str | None, list[RoundEnd]] = defaultdict(list)
    for one in rounds:
        after[one.cylinder].append(one)
    fates: dict[str, list[tuple[int, Fate]]] = defaultdict(list)
    for fill in fills:
        now = None if fill.cylinder is None else cylinders.get(fill.cylinder)
        fates[fill.tank_lot].append((fill.gas_g, _fate(fill, after[fill.cylinder], now)))
    return [_lot_mass(lots, lots[name], fates[name]) for name in sorted({*names} & {*lots})]


def _fate(fill: Poured, rounds: Sequence[RoundEnd], now: Cylinder | None) -> Fate:
    """What became of a fill: what ended its round, if it was filled since; else where its cylinder is."""
    if now is None:
        return "difference"
    if not is_newest(fill, now):
        ended = next((one for one in rounds if one.entry_index > fill.entry_index), None)
        if ended is not None:
            return "returned" if ended.handed_over else "difference"
    with_customer = now.holder.startswith("customer:")
    if now.holder == UNKNOWN_HOLDER:
        return "difference"
    if now.delivery is not None and now.delivery.at >= fill.at:
        return "delivered" if with_customer else "returned"
    return "difference" if with_customer else "in_stock"


def _lot_mass(lots: Mapping[str, c.FileTankLot], lot: c.FileTankLot, fates: Sequence[tuple[int, Fate]]) -> LotMass:
    sums: dict[Fate, int] = defaultdict(int)
    for gas_g, fate in fates:
        sums[fate] += gas_g
    filled_g = sum(sums.values())
    passed = [one.remainder_g for one in lots.values() if one.includes == lot.tank_lot]
    passed_on_g = None if None in passed else sum(one for one in passed if one is not None)
    taken_over_g = 0 if lot.includes is None else lot.remainder_g
    known = taken_over_g is not None and passed_on_g is not None
    return LotMass(
        tank_lot=lot.tank_lot,
        site=lot.site,
        received_g=lot.received_g,
        taken_over_g=taken_over_g,
        passed_on_g=passed_on_g,
        filled_g=filled_g,
        left_g=lot.received_g + (taken_over_g or 0) - filled_g - (passed_on_g or 0) if known else None,
        delivered_g=sums["delivered"] + sums["returned"],
        returned_g=sums["returned"],
        in_stock_g=sums["in_stock"],
        difference_g=sums["difference"],
        fills=len(fates),
    )


_SUMMED = ("received_g", "filled_g", "delivered_g", "returned_g", "in_stock_g", "difference_g", "fills")


def station_masses(lots: Iterable[LotMass]) -> list[StationMass]:
    """The sums of these lots by station."""
    by_site: dict[str, list[LotMass]] = defaultdict(list)
    for lot in lots:
        by_site[lot.site].append(lot)
    return [
        StationMass(site, *(sum(getattr(lot, field) for lot in here) for field in _SUMMED))
        for site, here in sorted(by_site.items())
    ]
