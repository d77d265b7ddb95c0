"""CUST: whether a cylinder was where a scan says that it came from (去向可追)."""

from ledger import claim as c
from ledger.cylinder import UNKNOWN_HOLDER
from ledger.rules.rule import Case, Finding, Gate, rule
from ledger.scene import counted


@rule(
    "CUST-01@1",
    gates=(Gate.DEPOT_OUT, Gate.HANDOVER, Gate.CYLINDER, Gate.PREMISES),
    zh="流转须连续：扫码与账本所记持有者矛盾的，记录并核查",
    en="custody is continuous: a scan that contradicts who holds it by the ledger is recorded, and looked into",
    basis="通政办发〔2021〕67号 三(四)（从充装、配送到用户全流程追踪）；溧水实施意见 二(十)",
    grade="A",
    reasons=("custody_contradiction",),
)
def came_from_there(case: Case) -> Finding | str | None:
    """It leaves hands that, by the ledger, it was not in; a count finds what it has elsewhere, or misses what it has
    there.

    Honest work it must not stop: an unscanned unloading, neighbours who swap, scans that come late. It warns; what
    follows puts custody right, and a scan overtaken by a newer one contradicts nothing.
    """
    claim, cylinder = case.claim, case.cylinder
    if isinstance(claim, c.CountPremises):
        count = counted(case.world, claim, case.scanned_at)
        said = {"elsewhere": len(count.elsewhere), "missing": len(count.missing) + len(count.gone)}
        return ("custody_contradiction", dict(said)) if any(said.values()) else None
    if cylinder is None or cylinder.holder == UNKNOWN_HOLDER or case.scanned_at < cylinder.placed_at:
        return None
    expected = left_by(claim)
    if expected is None or cylinder.holder == expected:
        return None
    return "custody_contradiction", {"holder": cylinder.holder, "expected": expected}


def left_by(claim: c.AnyClaim) -> str | None:
    """Whose hands a claim says that its cylinder leaves, or is still in; None for claims that do not say so."""
    match claim:
        case c.DepotOut() | c.LoadVehicle() | c.HandOver(vehicle=None):
            return f"site:{claim.site}"
        case c.HandOver() | c.DepotIn() | c.UnloadVehicle() | c.NotDelivered():
            return f"vehicle:{claim.vehicle}"
        case c.CollectCylinder(customer=customer) if customer is not None:
            return f"customer:{customer}"
        case _:
            return None
