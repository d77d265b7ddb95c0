"""FILL-05: the gas itself, by tank lot (罐次)."""

from ledger import claim as c
from ledger.rules.rule import Case, Finding, Gate, rule


@rule(
    "FILL-05@2",
    gates=(Gate.FILL, Gate.COMPLETE),
    zh="气源须来自有许可的供气单位，加臭、检测合格并放行",
    en="gas comes from a released tank lot: licensed supplier, civil LPG, odorant, no DME, little residue",
    basis="GB 11174；溧水实施意见 附件3-4、附件3-11、附件3-18",
    grade="A",
    reasons=("tank_lot_not_released",),
    params=("dme_max_permille", "residue_max_permille"),
)
def lot_released(case: Case) -> Finding | str | None:
    """Unknown or of another site, or something is missing, which `missing` names; measured limits are the pack's.

    Honest work it must not stop: a fill under way when its tank was declared empty drew from a lot that was released
    when it began; a product or residue that nobody stated is not asked about; a supplier whose permit has run out since
    delivered lawfully when it delivered.
    """
    claim = case.claim
    if isinstance(claim, c.InterruptFill):
        return None
    assert isinstance(claim, c.AuthoriseFill | c.CompleteFill)
    lot = case.registry.get(c.FileTankLot, claim.tank_lot)
    fit = ("released", "emptied") if isinstance(claim, c.CompleteFill) else ("released",)
    if lot is None or lot.site != claim.site:
        return "tank_lot_not_released", {"tank_lot": claim.tank_lot, "missing": "release"}
    dme, residue = lot.dme_permille, lot.residue_permille
    missing = {
        "supplier": not _supplier_permitted(case, lot),
        "odorant": not lot.odorant_certificate,
        "dme": dme is None or dme > case.params["dme_max_permille"],
        "product": lot.product is not None and not _for_kitchens(case, lot.product),
        "residue": residue is not None and residue > case.params["residue_max_permille"],
        "release": lot.status not in fit,
    }
    said = " ".join(what for what, lacks in missing.items() if lacks)
    return ("tank_lot_not_released", {"tank_lot": claim.tank_lot, "missing": said}) if said else None


def _supplier_permitted(case: Case, lot: c.FileTankLot) -> bool:
    permit = case.registry.get(c.FilePermit, lot.supplier_permit)
    day = lot.received_on or case.today
    return (
        permit is not None
        and permit.kind in ("supply", "gas_business")
        and permit.status != "revoked"
        and permit.valid_from <= day <= permit.valid_to
    )


def _for_kitchens(case: Case, product: str) -> bool:
    filed = case.registry.get(c.FileProduct, product)
    return filed is not None and filed.medium == "lpg" and filed.use == "civil" and filed.status == "current"
