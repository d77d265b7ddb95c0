"""USR about the premises: where gas may be used, how much may stand there, alarm, hose and regulator."""

from ledger import claim as c
from ledger.china import HOUR_MS, add_months
from ledger.claim import CheckItem
from ledger.model import LARGE_ML, MODELS
from ledger.rules.rule import Case, Finding, Gate, rule
from ledger.world import nominal_g

HOMES = ("resident", "group_rental")
"""Kinds of premises where people live: the other kinds are customers who are no residents (非居民用户)."""

EATERIES = ("restaurant", "canteen")
"""餐饮: what the texts on restaurants speak of. A canteen (食堂) cooks as a restaurant does."""

_LARGE_G = min(model.nominal_fill_g for model in MODELS.values() if model.water_volume_ml >= LARGE_ML)
_HOSE = (
    CheckItem.HOSE_RUBBER, CheckItem.HOSE_LONG, CheckItem.HOSE_TEE, CheckItem.HOSE_THROUGH_WALL, CheckItem.HOSE_AGED,
)  # fmt: skip
_REGULATOR = (CheckItem.REGULATOR_ADJUSTABLE, CheckItem.REGULATOR_MEDIUM_PRESSURE)


@rule(
    "USR-07@1",
    gates=(Gate.HANDOVER,),
    zh="地下、半地下、车库、储藏室等场所不得使用瓶装液化气",
    en="no bottled gas underground, half underground, in garages or store rooms",
    basis="城镇燃气管理条例 第二十八条（条次待核）；溧水实施意见 附件3-22；通政办发〔2021〕67号 四(十)",
    grade="A",
    reasons=("premises_underground",),
)
def above_ground(case: Case) -> Finding | str | None:
    """The record says that the gas is used elsewhere than above ground.

    Honest work it must not stop: a high-rise is no cellar.
    """
    if case.place is None or case.place.storey == "above_ground":
        return None
    return "premises_underground", {"storey": case.place.storey}


def stock_after(case: Case) -> tuple[int, ...]:
    """The nominal fill (grams) of each cylinder there once this one is handed over and the visit's empties are gone.

    What a visit said that it takes back is there still when `visit_h` hours have gone by, and is netted by no second
    promise: by a scan, or by a count.
    """
    claim, cylinder, there = case.claim, case.cylinder, case.premises
    assert isinstance(claim, c.HandOver)
    named = {case.world.codes[code].cylinder for code in claim.empties if code in case.world.codes}
    held: dict[str, int] = {}
    if there is not None:
        promised, visit_ms = there.promised, case.params["visit_h"] * HOUR_MS
        leaving = {k for k in named if case.scanned_at - promised.get(k, case.scanned_at) <= visit_ms}
        held = {k: g for k, g in there.held.items() if k not in leaving}
    if cylinder is not None:
        held[cylinder.cylinder] = nominal_g(cylinder)
    return tuple(held.values())


@rule(
    "USR-08@1",
    gates=(Gate.HANDOVER,),
    zh="餐饮用户存瓶超过100公斤须设专用气瓶间",
    en="a restaurant with over 100 kg of gas has a cylinder room",
    basis="溧水实施意见 附件3-22；国务院安委会有关通知（100公斤折合2只50公斤瓶或7只15公斤瓶）",
    grade="A",
    reasons=("over_100kg_without_room",),
    params=("limit_kg", "large_count", "visit_h"),
)
def room_for_so_much(case: Case) -> Finding | str | None:
    """By what the ledger knows is held there: more than `limit_kg` of nominal fills, or `large_count` 50-kg cylinders.

    Honest work it must not stop: a swap, whose empties are netted; unscanned empties, which a photographed count
    (现场盘点) takes off first; schools and other kinds, which the text does not name.
    """
    place = case.place
    if place is None or place.cylinder_room or place.kind not in EATERIES:
        return None
    stock = stock_after(case)
    large = sum(nominal >= _LARGE_G for nominal in stock)
    if sum(stock) <= case.params["limit_kg"] * 1000 and large < case.params["large_count"]:
        return None
    return "over_100kg_without_room", {"nominal_g": sum(stock), "large": large}


@rule(
    "USR-09@1",
    gates=(Gate.HANDOVER,),
    zh="非居民用户须安装燃气泄漏报警器及联动切断装置并定期检测",
    en="who is no resident has an alarm and a shut-off device, both tested in time",
    basis="安全生产法 第三十六条；GB 55009-2021（中原区方案 二(一) 所引）；通政办发〔2021〕67号 四(七)",
    grade="A",
    reasons=("alarm_missing", "alarm_advised"),
    params=("eateries", "tested_months"),
    soft=("alarm_advised",),
)
def alarm_works(case: Case) -> Finding | str | None:
    """The record says no test of the one or the other within `tested_months`; one that is still to come is none. With
    `eateries` 1 the text asks it of eating places alone, and others are only warned.

    Honest work it must not stop: homes; a test that falls due today.
    """
    place = case.place
    if place is None or place.kind in HOMES:
        return None
    asked = place.kind in EATERIES or not case.params["eateries"]
    reason = "alarm_missing" if asked else "alarm_advised"
    for device, tested in (("alarm", place.alarm_tested_on), ("shut_off", place.shut_off_tested_on)):
        if tested is None or tested > case.today:
            return reason, {"device": device}
        if case.today > add_months(tested[:7], case.params["tested_months"]) + tested[7:]:
            return reason, {"device": device}
    return None


@rule(
    "USR-10@1",
    gates=(Gate.HANDOVER,),
    zh="连接软管须为金属软管，不超过2米、不接三通、不穿墙",
    en="the hose is of metal, at most two metres, without a tee, through no wall",
    basis="溧水实施意见 附件1、附件3-22；中原区方案 三(一)、三(二)",
    grade="A",
    reasons=("hose_unfit",),
    params=("homes",),
)
def hose_fit(case: Case) -> Finding | str | None:
    """The record says rubber, or this check found the hose wrong; with `homes` 0 only where no residents live.

    Honest work it must not stop: a rubber hose where no text has banned it yet: outside their days and districts the
    texts only ask to replace it, and so it only warns.
    """
    rubber = case.place is not None and case.place.hose == "rubber"
    return _unfit(case, "hose_unfit", _HOSE, CheckItem.HOSE_RUBBER if rubber else None)


@rule(
    "USR-14@1",
    gates=(Gate.HANDOVER,),
    zh="调压器不得可调出口压力，不得中压供气",
    en="the regulator's outlet pressure is fixed, and low",
    basis="溧水实施意见 附件1、附件3-15",
    grade="A",
    reasons=("regulator_unfit",),
    params=("homes",),
)
def regulator_fit(case: Case) -> Finding | str | None:
    """The record says adjustable or medium pressure, or this check found it so; `homes` as in USR-10.

    Honest work it must not stop: as USR-10.
    """
    kind = None if case.place is None else case.place.regulator
    recorded = {"adjustable": _REGULATOR[0], "medium_pressure": _REGULATOR[1]}.get(kind or "")
    return _unfit(case, "regulator_unfit", _REGULATOR, recorded)


def _unfit(case: Case, reason: str, items: tuple[CheckItem, ...], recorded: CheckItem | None) -> Finding | None:
    """The first of these items that this check found wrong, or else what the record says."""
    claim, place = case.claim, case.place
    assert isinstance(claim, c.HandOver)
    if place is not None and place.kind in HOMES and not case.params["homes"]:
        return None
    failed = () if claim.check is None else claim.check.failed_items
    item = next((one for one in failed if one in items), recorded)
    return None if item is None else (reason, {"item": item})


@rule(
    "USR-13@1",
    gates=(Gate.HANDOVER,),
    zh="居民用户存瓶不宜过多",
    en="a household keeps no more cylinders than it needs",
    basis="运营实践（囤瓶核查，3只15公斤）",
    grade="K",
    reasons=("too_many_cylinders",),
    params=("max_cylinders", "visit_h"),
)
def not_hoarding(case: Case) -> Finding | str | None:
    """More than `max_cylinders` by the ledger after this one, the empties of the visit netted.

    Honest work it must not stop: a household whose empties nobody scanned. Practice, not law: it warns.
    """
    if case.place is None or case.place.kind != "resident":
        return None
    count = len(stock_after(case))
    return None if count <= case.params["max_cylinders"] else ("too_many_cylinders", {"count": count})
