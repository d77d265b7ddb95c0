"""The lists by which premises are checked (安检项目), by version: a check names its list, and a list never changes.

Sources: 溧水实施意见 附件1、附件3-15、附件3-22; 通政办发〔2021〕67号 四(七)、四(十); 武隆府办发〔2022〕5号 三(三)3.
"""

from ledger.claim import CheckItem, SafetyCheck

_DELIVERY = (
    CheckItem.LEAK, CheckItem.UNDERGROUND, CheckItem.HOSE_RUBBER, CheckItem.HOSE_LONG, CheckItem.HOSE_TEE,
    CheckItem.HOSE_THROUGH_WALL, CheckItem.HOSE_AGED, CheckItem.REGULATOR_ADJUSTABLE,
    CheckItem.REGULATOR_MEDIUM_PRESSURE, CheckItem.STOVE_UNFIT, CheckItem.DINING_AREA, CheckItem.NEAR_FIRE,
    CheckItem.VENTILATION, CheckItem.FOREIGN_CYLINDER,
)  # fmt: skip

CHECKLISTS: dict[str, tuple[CheckItem, ...]] = {
    "delivery-1": _DELIVERY,
    "home-1": tuple(CheckItem),
    "presupply-1": tuple(CheckItem),
}
"""What each list asks, in the order in which a phone shows it. A further version is a further list."""

AT_ONCE = (CheckItem.LEAK, CheckItem.UNDERGROUND, CheckItem.TWO_PHASE)
"""What closes the door at once, without a deadline (FLOW.md section 5, USR-05)."""


def is_complete(check: SafetyCheck) -> bool:
    """Whether it followed a list on record, left nothing out, and shows a photograph."""
    return check.checklist in CHECKLISTS and not check.skipped_items and bool(check.photos)


def passed(check: SafetyCheck) -> bool:
    """Whether it is complete and found nothing wrong."""
    return is_complete(check) and not check.failed_items
