"""HOLD: what an open incident (事故) freezes, until the authority lifts it (FLOW.md section 6)."""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from ledger import claim as c
from ledger.cylinder import WHOLE, Cylinder
from ledger.lots import Find, holds_gas_of
from ledger.rules.rule import Case, Finding, Gate, rule


class Use(NamedTuple):
    """A field of an incident, and the id that it would have to hold; of a tank lot, how much of the gas in question is
    its own, in permille.
    """

    field: str
    key: str
    permille: int = WHOLE


@rule(
    "HOLD-01@1",
    gates=(Gate.PREFILL, Gate.FILL, Gate.RELEASE, Gate.DEPOT_OUT, Gate.HANDOVER, Gate.BLEED, Gate.CYLINDER),
    zh="事故涉及的充装秤、罐次、库存和车辆冻结，由监管机构解除",
    en="scales, tank lots, stock and vehicles of an incident are frozen until the authority lifts it",
    basis="特种设备安全法 第七十条（保护事故现场和有关证据，条文待核）；本账本规则（FLOW 第6节）",
    grade="K",
    reasons=("incident_hold",),
    params=("carry_over_permille",),
)
def not_frozen(case: Case) -> Finding | str | None:
    """The scale or tank lot that would fill it or last did, the site or vehicle that it would leave by or is at by the
    ledger, or itself; of a lot, also one that took over `carry_over_permille` of its gas, or cylinders that did.

    Honest work it must not stop: whatever comes back, is counted, inspected or taken away; an empty that is filled
    beside. What is moved away from the freeze for another purpose, or whose gas is let out, is recorded, and locked: it
    may not reach a customer from elsewhere, nor be pre-checked before the incident is lifted.
    """
    cylinder = case.cylinder
    if not case.registry.open_incidents or not _asked(case):
        return None
    find, floor = partial(case.registry.get, c.FileTankLot), case.params["carry_over_permille"]
    if case.gate is Gate.PREFILL:
        return None if cylinder is None else _locked(case, cylinder, find, floor)
    uses = tuple(_uses(case))
    for incident in case.registry.open_incidents.values():
        if cylinder is not None and incident.cylinder == cylinder.cylinder:
            return "incident_hold", {"incident": incident.incident, "held": f"cylinder:{incident.cylinder}"}
        for use in uses:
            if any(_held(incident, use, find, floor)):
                return "incident_hold", {"incident": incident.incident, "held": _spelt(use.field, use.key)}
    return None


_LET_OUT = (c.BleedCylinder, c.ExtractResidue, c.EvacuateCylinder)


def _asked(case: Case) -> bool:
    """Whether the freeze speaks of such an act: of reports, those that take a cylinder or its gas away."""
    if isinstance(case.claim, _LET_OUT):
        return _has_gas(case)
    return case.gate is not Gate.CYLINDER or isinstance(case.claim, c.DepotOut)


def _has_gas(case: Case) -> bool:
    """Whether it is full, or a fill of it broke off: what came back from a kitchen is no evidence of a station's."""
    cylinder = case.cylinder
    if cylinder is None or cylinder.content is c.Content.EMPTY:
        return False
    return cylinder.content is c.Content.FULL or bool(cylinder.gas)


def _locked(case: Case, cylinder: Cylinder, find: Find, floor: int) -> Finding | None:
    """It was moved or let out though an incident held it: the open one that would hold it now, else the oldest."""
    if c.Cause.INCIDENT not in cylinder.locks:
        return None
    incidents = case.registry.open_incidents.values()
    first = next(iter(incidents))
    by = next((one for one in incidents if kept_by(one, cylinder, find, floor)), first)
    return "incident_hold", {"incident": by.incident, "held": f"cylinder:{cylinder.cylinder}"}


def kept_by(incident: c.OpenIncident, cylinder: Cylinder, find: Find, floor: int) -> tuple[str, ...]:
    """What of the incident keeps this cylinder from customers, as `line:…`, whatever scan would send it there; nothing
    where no gate stops it for that. `find` and `floor` as in `ledger.lots.holds_gas_of`.
    """
    itself = (f"cylinder:{cylinder.cylinder}",) if incident.cylinder == cylinder.cylinder else ()
    held = (one for use in _uses_of(cylinder) for one in _held(incident, use, find, floor))
    return tuple(dict.fromkeys((*itself, *held)))


def _held(incident: c.OpenIncident, use: Use, find: Find, floor: int) -> Iterator[str]:
    """Which of the incident's own this use falls under. A lot that took over enough of a frozen one is the same
    evidence: a new number frees no tank.
    """
    for frozen in getattr(incident, use.field):
        of_lot = use.field == "tank_lots" and holds_gas_of(find, use.key, frozen, floor, use.permille)
        if of_lot or (use.field != "tank_lots" and use.key == frozen):
            yield _spelt(use.field, frozen)


def _spelt(field: str, key: str) -> str:
    return f"{field.removesuffix('s')}:{key}"


def _uses(case: Case) -> Iterator[Use]:
    """What this claim would use, or the cylinder stands for."""
    claim = case.claim
    if isinstance(claim, c.AuthoriseFill):
        yield Use("lines", claim.line)
        yield Use("tank_lots", claim.tank_lot)
        if not _has_gas(case):
            return
    if isinstance(claim, c.ReleaseCylinder | c.DepotOut | c.LoadVehicle):
        yield Use("sites", claim.site)
    if isinstance(claim, c.DepotOut | c.LoadVehicle | c.HandOver):
        if claim.vehicle is not None:
            yield Use("vehicles", claim.vehicle)
        elif claim.site is not None:
            yield Use("sites", claim.site)
    if case.cylinder is not None:
        # Where the ledger has it counts, too: another vehicle's or site's name in a scan frees nothing.
        yield from _uses_of(case.cylinder)


def _uses_of(cylinder: Cylinder) -> Iterator[Use]:
    """Where the ledger has it, the scale of its newest fill, and every lot whose gas may be in it."""
    kind, _, holder = cylinder.holder.partition(":")
    if kind in ("site", "vehicle"):
        yield Use(f"{kind}s", holder)
    if cylinder.fill is not None:
        yield Use("lines", cylinder.fill.line)
        yield Use("tank_lots", cylinder.fill.tank_lot)
    yield from (Use("tank_lots", one.tank_lot, one.permille) for one in cylinder.gas)
