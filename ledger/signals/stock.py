"""Signals of what stands about, F15 (full ones rest, a household holds too many), and of missing numbers, F12."""

from collections.abc import Iterator

from msgspec import Struct, structs

from ledger import claim as c
from ledger import events as e
from ledger.china import HOUR_MS
from ledger.fold import destination
from ledger.signals.body import Body
from ledger.signals.due import remind
from ledger.signals.signal import SHOWN, Scan, Signal

_MAX_MISSING = 100


class Load(Struct, frozen=True, omit_defaults=True):
    """The full cylinders of a vehicle or a worker: since when (ms UTC), and by which entry."""

    full: dict[str, tuple[int, int]] = {}


class Kitchen(Struct, frozen=True, omit_defaults=True):
    """A customer's cylinders, and by which entry each came. `household`: whether it is one."""

    held: dict[str, int] = {}
    household: bool = False


def filed_customer(scan: Scan) -> Iterator[Signal]:
    """Whether a customer is a household; told by no signal."""
    claim = scan.claim
    assert isinstance(claim, c.FileCustomer)
    where = f"customer:{claim.customer}"
    scan.memory.put(where, structs.replace(scan.memory.get(Kitchen, where), household=claim.kind == "resident"))
    yield from ()


def moved(scan: Scan) -> Iterator[Signal]:
    """F15: a household gets more than it may hold; and what is loaded is looked at later: of a vehicle, and of the
    worker who takes it along, whichever vehicle it is on.
    """
    body, key = scan.body, scan.key
    place = destination(scan.claim)
    overtaken = isinstance(scan.event, e.PlacedEvent) and scan.event.superseded
    if body is None or key is None or place is None or overtaken:
        return
    if body.holder != place.holder:
        _leave(scan, body.holder, key)
    if body.carrier and body.carrier != place.carrier:
        _leave(scan, f"person:{body.carrier}", key)
    params = scan.params("F15")
    if isinstance(scan.claim, c.LoadVehicle | c.DepotOut) and body.full:
        _take(scan, place.holder, key, None if params is None else params["vehicle_h"])
    if isinstance(scan.claim, c.LoadVehicle) and body.full and params is not None:
        _take(scan, f"person:{scan.claim.person}", key, params.get("worker_h"))
    if place.holder.startswith("customer:"):
        kitchen = scan.memory.get(Kitchen, place.holder)
        kitchen = structs.replace(kitchen, held=kitchen.held | {key: scan.index})
        scan.memory.put(place.holder, kitchen)
        # The empties of the same visit are collected in a moment.
        count = len(kitchen.held) - (len(scan.claim.empties) if isinstance(scan.claim, c.HandOver) else 0)
        if params is not None and kitchen.household and count > params["household"]:
            yield scan.signal("F15", place.holder, *list(kitchen.held.values())[-SHOWN:], held=count)


def _take(scan: Scan, holder: str, key: str, rests_h: int | None) -> None:
    where = f"load:{holder}"
    full = scan.memory.get(Load, where).full
    scan.memory.put(where, Load(full | {key: full.get(key, (scan.seen_at, scan.index))}))
    if rests_h is not None:
        remind(scan, scan.seen_at + rests_h * HOUR_MS, where)


def _leave(scan: Scan, holder: str, key: str) -> None:
    if holder.startswith(("vehicle:", "person:")):
        load = scan.memory.get(Load, f"load:{holder}")
        if key in load.full:
            scan.memory.put(f"load:{holder}", Load({one: since for one, since in load.full.items() if one != key}))
    elif holder.startswith("customer:"):
        kitchen = scan.memory.get(Kitchen, holder)
        if key in kitchen.held:
            held = {one: entry for one, entry in kitchen.held.items() if one != key}
            scan.memory.put(holder, structs.replace(kitchen, held=held))


def overdue(scan: Scan, where: str) -> Iterator[Signal]:
    """F15: full ones that a vehicle or a worker has carried for longer than they may; each is told once."""
    params, holder = scan.params("F15"), where.removeprefix("load:")
    rests_h = None if params is None else params.get("worker_h" if holder.startswith("person:") else "vehicle_h")
    if rests_h is None:
        return
    full = scan.memory.get(Load, where).full
    until = scan.at - rests_h * HOUR_MS
    resting = sorted(entry for since, entry in full.values() if since <= until)
    if resting:
        scan.memory.put(where, Load({key: one for key, one in full.items() if one[0] > until}))
        shown = tuple(resting[:SHOWN])
        yield Signal("F15", holder, shown, {"resting": len(resting)}, scan.at)


def recounted(scan: Scan, was: Body, holder: str, key: str) -> None:
    """A count found a cylinder elsewhere than it was held, or did not find it."""
    if was.holder != holder:
        _leave(scan, was.holder, key)
        if was.carrier:
            _leave(scan, f"person:{was.carrier}", key)
        if holder.startswith("customer:"):
            kitchen = scan.memory.get(Kitchen, holder)
            scan.memory.put(holder, structs.replace(kitchen, held=kitchen.held | {key: scan.index}))


class Counter(Struct, frozen=True, omit_defaults=True):
    """A scale's counter: its highest number, those missing and since when (ms UTC) at which entry, interrupted fills
    that told no number.
    """

    highest: int | None = None
    missing: dict[str, tuple[int, int]] = {}
    silent: int = 0


def numbered(scan: Scan) -> Iterator[Signal]:
    """F12, first half: numbers of a line's scale are missing; a fill that was interrupted took one and told none."""
    claim, params = scan.claim, scan.params("F12")
    if params is None or not isinstance(claim, c.CompleteFill | c.InterruptFill):
        return
    where = f"scale:{claim.line}"
    state = scan.memory.get(Counter, where)
    if isinstance(claim, c.InterruptFill):
        scan.memory.put(where, structs.replace(state, silent=state.silent + 1))
        return
    number, highest, missing = claim.scale_seq, state.highest, dict(state.missing)
    if str(number) in missing:
        del missing[str(number)]
    elif highest is not None and number > highest + 1:
        first = max(highest + 1, number - _MAX_MISSING)
        missing |= {str(one): (scan.at, scan.index) for one in range(first, number)}
        remind(scan, scan.at + params["open_h"] * HOUR_MS, where)
    # A number far below is another scale's, or its counter was set back: it counts anew from there.
    anew = highest is None or number > highest or number < highest - _MAX_MISSING
    newest = number if anew else highest
    scan.memory.put(where, structs.replace(state, highest=newest, missing=missing))
    yield from ()


def missing(scan: Scan, where: str) -> Iterator[Signal]:
    """F12, second half: numbers that stayed missing for `open_h`."""
    params = scan.params("F12")
    if params is None:
        return
    state = scan.memory.get(Counter, where)
    until = scan.at - params["open_h"] * HOUR_MS
    over = {number: told for number, told in state.missing.items() if told[0] <= until}
    lacking = len(over) - state.silent
    left = {number: told for number, told in state.missing.items() if number not in over}
    scan.memory.put(where, structs.replace(state, missing=left, silent=max(0, -lacking)))
    if lacking > 0:
        entries = tuple(sorted({entry for _, entry in over.values()})[:SHOWN])
        facts: dict[str, int | str] = {"missing": lacking, "first": int(min(over, key=int))}
        yield Signal("F12", f"line:{where.removeprefix('scale:')}", entries, facts, scan.at)
