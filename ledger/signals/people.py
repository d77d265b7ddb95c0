"""Signals of people's work: F14 (rubber-stamping), F17 (inspections), F18 (labels)."""

from collections import Counter
from collections.abc import Iterator

from msgspec import Struct, structs

from ledger import claim as c
from ledger.china import DAY_MS, day_of
from ledger.signals.signal import SHOWN, Scan, Signal

_WHOLE = 1000  # permille
_KEPT_LABELS = 200


class Shift(Struct, frozen=True, omit_defaults=True):
    """A person's post-checks of a day, and the entries of those made in haste of what they had checked and filled."""

    day: str = ""
    checks: int = 0
    hasty: int = 0
    entries: tuple[int, ...] = ()


def rubber_stamped(scan: Scan) -> Iterator[Signal]:
    """F14: pre-check, fill and post-check by one person, the last within seconds, for nearly all of a day's work."""
    body, claim, params = scan.body, scan.claim, scan.params("F14")
    assert isinstance(claim, c.CheckPostfill)
    if body is None or params is None or not body.fills:
        return
    where, day = f"shift:{claim.person}", day_of(scan.seen_at)
    shift = scan.memory.get(Shift, where)
    shift = shift if shift.day == day else Shift(day)
    alone = body.prefill_by == body.filled_by == claim.person
    hasty = alone and scan.seen_at - body.placed_at < params["within_s"] * 1000
    entries = (*shift.entries, scan.index)[-SHOWN:] if hasty else shift.entries
    shift = Shift(day, shift.checks + 1, shift.hasty + hasty, entries)
    scan.memory.put(where, shift)
    if hasty and shift.hasty >= params["least"] and shift.hasty * _WHOLE > shift.checks * params["permille"]:
        yield scan.signal("F14", f"person:{claim.person}", *entries, checks=shift.checks, hasty=shift.hasty)


class Inspected(Struct, frozen=True, omit_defaults=True):
    """A day of an inspector or of an inspection station: entries, and how often each tare was measured (grams).
    `alike`: one of the station's inspectors measured one value over and over, and was told of.
    """

    day: str = ""
    count: int = 0
    tares: dict[str, int] = {}
    entries: tuple[int, ...] = ()
    alike: bool = False

    @property
    def same(self) -> int:
        """How often the most frequent tare was measured."""
        return max(self.tares.values(), default=0)


def inspections(scan: Scan) -> Iterator[Signal]:
    """F17: more in a day than anybody can inspect, or one measured value over and over; of a station, where it takes
    its inspectors together to see it.
    """
    claim, params = scan.claim, scan.params("F17")
    assert isinstance(claim, c.RecordInspection)
    if params is None:
        return
    alone = _inspected(scan, claim, f"person:{claim.person}")
    together = _inspected(scan, claim, f"site:{claim.site}", alike=_alike(alone, params))
    if alone.count > params["per_day"] or _alike(alone, params):
        yield scan.signal("F17", f"person:{claim.person}", *alone.entries, inspections=alone.count, same=alone.same)
    if "station_per_day" not in params:
        return
    if together.count > params["station_per_day"] or (not together.alike and _alike(together, params)):
        entries = together.entries
        yield scan.signal("F17", f"site:{claim.site}", *entries, inspections=together.count, same=together.same)


def _alike(state: Inspected, params: dict[str, int]) -> bool:
    measured = sum(state.tares.values())
    return measured >= params["least"] and state.same * 100 > measured * params["same_percent"]


def _inspected(scan: Scan, claim: c.RecordInspection, whose: str, *, alike: bool = False) -> Inspected:
    """That day of theirs, this inspection included."""
    where = f"inspected:{whose}"
    state = scan.memory.get(Inspected, where)
    state = state if state.day == claim.inspected_on else Inspected(claim.inspected_on)
    tares = Counter(state.tares)
    if claim.tare_g is not None:
        tares[str(claim.tare_g)] += 1
    entries = (*state.entries, scan.index)[-SHOWN:]
    state = Inspected(claim.inspected_on, state.count + 1, dict(tares), entries, alike=state.alike or alike)
    scan.memory.put(where, state)
    return state


class Fleet(Struct, frozen=True, omit_defaults=True):
    """An enterprise's cylinders: how many were registered, and the newest labels changed, time and entry."""

    count: int = 0
    labels: tuple[tuple[int, int], ...] = ()


def registered_one(scan: Scan) -> Iterator[Signal]:
    """Count an enterprise's cylinders; told by no signal."""
    claim = scan.claim
    assert isinstance(claim, c.RegisterCylinder)
    where = f"fleet:{claim.owner}"
    fleet = scan.memory.get(Fleet, where)
    scan.memory.put(where, structs.replace(fleet, count=fleet.count + 1))
    yield from ()


def labels_changed(scan: Scan) -> Iterator[Signal]:
    """F18: more labels changed within `window_days` than a share of the enterprise's cylinders, and than `least`."""
    body, claim, params = scan.body, scan.claim, scan.params("F18")
    assert isinstance(claim, c.BindCode)
    if body is None or params is None or claim.retires is None:
        return
    where, since = f"fleet:{body.owner}", scan.at - params["window_days"] * DAY_MS
    fleet = scan.memory.get(Fleet, where)
    labels = (*(one for one in fleet.labels if one[0] > since), (scan.at, scan.index))[-_KEPT_LABELS:]
    scan.memory.put(where, structs.replace(fleet, labels=labels))
    if len(labels) > params["least"] and len(labels) * _WHOLE > fleet.count * params["permille"]:
        yield scan.signal("F18", f"enterprise:{body.owner}", *(entry for _, entry in labels), labels=len(labels))
