"""USR at the door: the delivery check, the customer's confirmation, open hazards and suspended supply."""

from ledger import claim as c
from ledger.checklists import AT_ONCE, is_complete
from ledger.rules.rule import Case, Finding, Gate, rule


@rule(
    "USR-04@1",
    gates=(Gate.HANDOVER,),
    zh="每次交付须随瓶安检，并由用户确认",
    en="every hand-over has its delivery check, and the customer confirms it",
    basis="通政办发〔2021〕67号 三(四)（定期入户安检和随瓶安检、供气使用凭证）；溧水实施意见 附件3-4",
    grade="A",
    reasons=("delivery_check_missing", "delivery_check_incomplete", "not_confirmed", "confirmation_late"),
    soft=("confirmation_late",),
)
def checked_and_confirmed(case: Case) -> Finding | str | None:
    """No check, items left out, no photograph; or nobody who may confirm it did.

    Honest work it must not stop: a grandmother without a phone: voucher, code, signature and a filed proxy are alike;
    a code that comes late, which only warns.
    """
    claim = case.claim
    assert isinstance(claim, c.HandOver)
    if claim.check is None:
        return "delivery_check_missing"
    if not is_complete(claim.check):
        skipped = " ".join(claim.check.skipped_items)
        return "delivery_check_incomplete", {"checklist": claim.check.checklist, "skipped": skipped}
    shown = claim.confirmation
    if shown is None or shown.result in ("wrong", "absent") or not _good(case, shown, claim.customer):
        return "not_confirmed", {"how": "" if shown is None else shown.how}
    return "confirmation_late" if shown.result == "late" else None


def _good(case: Case, shown: c.Confirmation, customer: str) -> bool:
    """Whether the voucher or proxy that it names, and must name, is this customer's and valid on that day."""
    if shown.how == "voucher" or shown.voucher is not None:
        voucher = case.world.supply.get(c.FileVoucher, shown.voucher or "")
        if voucher is None or voucher.status != "valid" or case.today > voucher.valid_to:
            return False
        if voucher.customer != customer:
            return False
    if shown.how == "proxy" or shown.proxy is not None:
        proxy = case.world.supply.get(c.FileProxy, shown.proxy or "")
        if proxy is None or proxy.status != "valid" or proxy.customer != customer:
            return False
        return proxy.valid_from <= case.today <= proxy.valid_to
    return True


@rule(
    "USR-05@1",
    gates=(Gate.HANDOVER,),
    zh="已暂停供气或隐患未整改的，任何企业不予供气",
    en="nobody supplies where supply is suspended by anybody, or a hazard closes the door",
    basis="城镇燃气管理条例 第二十八条（不具备安全条件的场所，条次待核）；溧水实施意见 二(三)、二(六)、附件3-9",
    grade="A",
    reasons=("supply_suspended", "hazard_open"),
)
def safe_to_supply(case: Case) -> Finding | str | None:
    """Any enterprise suspended it; a hazard blocks by that day, or the customer refused to mend it; or this very check
    finds what closes the door at once.

    Honest work it must not stop: a hazard with time left to mend it; what was put right and re-checked on the spot.
    """
    claim, there = case.claim, case.premises
    assert isinstance(claim, c.HandOver)
    if there is None:
        return None
    if there.suspensions:
        return "supply_suspended", {"enterprise": there.suspensions[0].enterprise}
    for hazard in there.hazards:
        if hazard.closes_door(case.today):
            return "hazard_open", {"hazard": hazard.hazard, "item": hazard.item}
    found = () if claim.check is None else claim.check.failed_items
    at_once = next((item for item in found if item in AT_ONCE), None)
    return None if at_once is None else ("hazard_open", {"item": at_once})
