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

LIST_NAMES: dict[str, tuple[str, str]] = {
    "delivery": ("随瓶安检", "delivery check"), "home": ("入户安检", "home check"),
    "presupply": ("通气前检查", "pre-supply check"),
}  # fmt: skip
"""The kinds of checks, as the trade calls them."""

ITEM_NAMES: dict[CheckItem, tuple[str, str]] = {
    CheckItem.LEAK: ("漏气", "gas leaks"),
    CheckItem.UNDERGROUND: ("地下或半地下使用", "used underground or half underground"),
    CheckItem.TWO_PHASE: ("气液双相瓶", "two-phase cylinder"),
    CheckItem.HOSE_RUBBER: ("使用橡胶软管", "rubber hose"),
    CheckItem.HOSE_LONG: ("软管超长", "hose too long"),
    CheckItem.HOSE_TEE: ("软管装三通", "tee in the hose"),
    CheckItem.HOSE_THROUGH_WALL: ("软管穿墙", "hose through a wall"),
    CheckItem.HOSE_AGED: ("软管老化", "hose aged"),
    CheckItem.REGULATOR_ADJUSTABLE: ("可调调压器", "adjustable regulator"),
    CheckItem.REGULATOR_MEDIUM_PRESSURE: ("中压调压器", "medium-pressure regulator"),
    CheckItem.STOVE_UNFIT: ("灶具不合格", "stove unfit"),
    CheckItem.ALARM_MISSING: ("未装报警器", "no gas alarm"),
    CheckItem.ALARM_FAILED: ("报警器失效", "gas alarm does not work"),
    CheckItem.SHUT_OFF_MISSING: ("未装切断装置", "no shut-off device"),
    CheckItem.DINING_AREA: ("用餐区放瓶", "cylinder in the dining area"),
    CheckItem.NO_CYLINDER_ROOM: ("未设瓶间", "no cylinder room"),
    CheckItem.NOT_SEPARATED: ("未分隔", "not separated"),
    CheckItem.NEAR_FIRE: ("靠近火源", "near a fire"),
    CheckItem.VENTILATION: ("通风不良", "badly ventilated"),
    CheckItem.FOREIGN_CYLINDER: ("使用外来瓶", "another enterprise's cylinder in use"),
}
"""What each item says when it was found wrong."""

AT_ONCE = (CheckItem.LEAK, CheckItem.UNDERGROUND, CheckItem.TWO_PHASE)
"""What closes the door at once, without a deadline (FLOW.md section 5, USR-05)."""


def is_complete(check: SafetyCheck) -> bool:
    """Whether it followed a list on record, left nothing out, and shows a photograph."""
    return check.checklist in CHECKLISTS and not check.skipped_items and bool(check.photos)


def passed(check: SafetyCheck) -> bool:
    """Whether it is complete and found nothing wrong."""
    return is_complete(check) and not check.failed_items
