"""HOLD: what an open incident (事故) freezes, until the authority lifts it (FLOW.md section 6)."""

from collections.abc import Iterator
from functools import partial

from ledger import claim as c
from ledger.lots import holds_gas_of
from ledger.rules.rule import Case, Finding, Gate, rule

Held = tuple[str, str]
"""A field of an incident, and the id that it would have to hold."""


@rule(
    "HOLD-01@1",
    gates=(Gate.FILL, Gate.RELEASE, Gate.DEPOT_OUT, Gate.HANDOVER, Gate.CYLINDER),
    zh="事故涉及的充装秤、罐次、库存和车辆冻结，由监管机构解除",
    en="scales, tank lots, stock and vehicles of an incident are frozen until the authority lifts it",
    basis="特种设备安全法 第七十条（保护事故现场和有关证据，条文待核）；本账本规则（FLOW 第6节）",
    grade="K",
    reasons=("incident_hold",),
)
def not_frozen(case: Case) -> Finding | str | None:
    """The scale or tank lot that would fill it or last did (or a lot that took over its gas), the site or vehicle that
    it would leave by or is at by the ledger, or itself.

    Honest work it must not stop: whatever comes back, is counted, inspected or taken away. What is moved away from
    the freeze for another purpose is recorded, and locked: it may not reach a customer from elsewhere.
    """
    moved = isinstance(case.claim, c.DepotOut)
    if not case.registry.open_incidents or (case.gate is Gate.CYLINDER and not moved):
        return None
    named = tuple(_named(case))
    for incident in case.registry.open_incidents.values():
        if case.cylinder is not None and incident.cylinder == case.cylinder.cylinder:
            return "incident_hold", {"incident": incident.incident, "held": f"cylinder:{incident.cylinder}"}
        for field, key in named:
            if key in getattr(incident, field) or (field == "tank_lots" and _holds_gas(case, incident, key)):
                return "incident_hold", {"incident": incident.incident, "held": f"{field.removesuffix('s')}:{key}"}
    return None


_CARRY_OVER_PERMILLE = 50
"""As RECALL-01's: a lot that took over so much of a frozen one's gas is the same evidence, in the same tank."""


def _holds_gas(case: Case, incident: c.OpenIncident, lot: str) -> bool:
    """Whether that lot took over the remainder of one that is frozen: a new number frees no tank."""
    find = partial(case.registry.get, c.FileTankLot)
    return any(holds_gas_of(find, lot, frozen, _CARRY_OVER_PERMILLE) for frozen in incident.tank_lots)


def _named(case: Case) -> Iterator[Held]:
    """What this claim would use, or the cylinder's last fill did."""
    claim = case.claim
    if isinstance(claim, c.AuthoriseFill):
        yield "lines", claim.line
        yield "tank_lots", claim.tank_lot
        return
    if isinstance(claim, c.ReleaseCylinder | c.DepotOut | c.LoadVehicle):
        yield "sites", claim.site
    if isinstance(claim, c.DepotOut | c.LoadVehicle | c.HandOver):
        yield "vehicles", claim.vehicle
    if case.cylinder is None:
        return
    # Where the ledger has it counts, too: another vehicle's or site's name in a scan frees nothing.
    kind, _, holder = case.cylinder.holder.partition(":")
    if kind in ("site", "vehicle"):
        yield f"{kind}s", holder
    fill = case.cylinder.fill
    if fill is not None:
        yield "lines", fill.line
        yield "tank_lots", fill.tank_lot
