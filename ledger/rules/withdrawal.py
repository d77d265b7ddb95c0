"""RECALL, LOST, SCRAP: what was called back, seized, black-listed, lost or given up, and may only go one way."""

from ledger import claim as c
from ledger.cylinder import Cylinder, Delivery, Fill, Gas, Inspection
from ledger.lifecycle import SCRAPPED, Stage
from ledger.lots import Find, holds_gas_of
from ledger.rules.rule import Case, Finding, Gate, rule

_CUSTOMER = (Gate.PREFILL, Gate.FILL, Gate.RELEASE, Gate.DEPOT_OUT, Gate.HANDOVER)


@rule(
    "RECALL-01@1",
    gates=_CUSTOMER,
    zh="召回气瓶不得充装、销售",
    en="a cylinder under recall passes no gate",
    basis="溧水实施意见 附件2-7、附件3-12",
    grade="A",
    reasons=("recalled",),
)
def not_recalled(case: Case) -> Finding | str | None:
    """An open recall's selectors all match it."""
    if case.cylinder is None:
        return None
    for recall in case.registry.open_recalls.values():
        if matches(recall, case.cylinder):
            return "recalled", {"recall": recall.recall}
    return None


@rule(
    "RECALL-01@2",
    gates=_CUSTOMER,
    zh="召回气瓶不得充装、销售",
    en="a cylinder under recall passes no gate",
    basis="溧水实施意见 附件2-7、附件3-12；罐次余气份额为参数，条文待核",
    grade="A",
    reasons=("recalled",),
    params=("carry_over_permille",),
)
def not_recalled_with_carry_over(case: Case) -> Finding | str | None:
    """An open recall's selectors all match it. Of a tank lot, so does each later lot that took over enough of its gas,
    and each lot that gave any of the fill in it, or what remained in it of an earlier one.

    Honest work it must not stop: a drill closes no gate; a refill, inspection or delivery after the fault is another
    one; a lot in which so little of the recalled gas is left that nobody could tell it.
    """
    if case.cylinder is None:
        return None
    carry_over = case.params["carry_over_permille"]
    for recall in case.registry.open_recalls.values():
        if matches(recall, case.cylinder, lots=lambda lot: case.registry.get(c.FileTankLot, lot), floor=carry_over):
            return "recalled", {"recall": recall.recall}
    return None


def matches(recall: c.OpenRecall, cylinder: Cylinder, *, lots: Find | None = None, floor: int = 0) -> bool:
    """Whether every selector that the recall names fits the cylinder. Without `lots`, a tank lot is itself alone, and
    that of the newest completed fill, and a vehicle or worker who delivered it; with them, each that took over at least
    `floor` permille of it, and of whatever gas may be in the cylinder, and a vehicle or worker who carries it too.
    """
    fill, done, given = cylinder.fill, cylinder.inspection, cylinder.delivery
    return (
        body_matches(recall, cylinder)
        and (
            not of_fill(recall)
            or (fill is not None and fill_matches(recall, fill, lots, floor))
            or any(gas_matches(recall, one, lots, floor) for one in cylinder.gas)
        )
        and (not of_inspection(recall) or (done is not None and inspection_matches(recall, done)))
        and (
            not of_delivery(recall)
            or (given is not None and delivery_matches(recall, given))
            or (lots is not None and carried_matches(recall, cylinder.holder, cylinder.carrier))
        )
    )


def of_fill(recall: c.OpenRecall) -> bool:
    """Whether the recall asks about the newest fill."""
    asked = (recall.line, recall.tank_lot, recall.filler, recall.filled_from, recall.filled_to)
    return any(one is not None for one in asked)


def of_inspection(recall: c.OpenRecall) -> bool:
    """Whether the recall asks about the newest inspection."""
    return any(one is not None for one in (recall.inspected_at, recall.inspector, recall.inspected_on))


def of_delivery(recall: c.OpenRecall) -> bool:
    """Whether the recall asks about the newest delivery."""
    return recall.vehicle is not None or recall.worker is not None


def body_matches(recall: c.OpenRecall, cylinder: Cylinder) -> bool:
    """Whether the selectors of the cylinder itself fit: maker, model, phase, month, valve."""
    return (
        recall.maker in (None, cylinder.maker)
        and recall.model in (None, cylinder.model)
        and recall.phase in (None, cylinder.phase)
        and recall.valve_model in (None, cylinder.valve_model)
        and (recall.made_from is None or recall.made_from <= cylinder.made_month)
        and (recall.made_to is None or cylinder.made_month <= recall.made_to)
    )


def fill_matches(recall: c.OpenRecall, fill: Fill, lots: Find | None, floor: int) -> bool:
    """Whether the selectors of a fill fit this one; `lots` and `floor` as in `matches`."""
    tank_lot = recall.tank_lot
    if tank_lot is not None and tank_lot != fill.tank_lot:
        # Or some of it was in the tank still.
        carried = lots is not None and holds_gas_of(lots, fill.tank_lot, tank_lot, floor)
        if not carried:
            return False
    return _went_in(recall, fill)


def gas_matches(recall: c.OpenRecall, gas: Gas, lots: Find | None, floor: int) -> bool:
    """Whether a recall of a tank lot is about this gas beside the newest fill's; `lots` and `floor` as in `matches`.
    Who filled, where and when alone is asked of the newest completed fill.
    """
    return (
        recall.tank_lot is not None
        and lots is not None
        and holds_gas_of(lots, gas.tank_lot, recall.tank_lot, floor, gas.permille)
        and _went_in(recall, gas)
    )


def _went_in(recall: c.OpenRecall, gas: Fill | Gas) -> bool:
    """Whether it went in by whom, where and when the recall says."""
    return (
        recall.line in (None, gas.line)
        and recall.filler in (None, gas.person)
        and (recall.filled_from is None or recall.filled_from <= gas.seen_at)
        and (recall.filled_to is None or gas.seen_at <= recall.filled_to)
    )


def inspection_matches(recall: c.OpenRecall, done: Inspection) -> bool:
    """Whether the selectors of an inspection fit this one."""
    return (
        recall.inspected_at in (None, done.site)
        and recall.inspector in (None, done.person)
        and recall.inspected_on in (None, done.inspected_on)
    )


def delivery_matches(recall: c.OpenRecall, given: Delivery) -> bool:
    """Whether the selectors of a delivery fit this one."""
    return recall.vehicle in (None, given.vehicle) and recall.worker in (None, given.person)


def carried_matches(recall: c.OpenRecall, holder: str, carrier: str | None) -> bool:
    """Whether it is on the vehicle, or with the worker, that the selectors of a delivery name."""
    aboard = holder.startswith("vehicle:") and recall.vehicle in (None, holder.removeprefix("vehicle:"))
    return aboard and recall.worker in (None, carrier)


@rule(
    "LOST-01@1",
    gates=_CUSTOMER,
    zh="曾报丢失的气瓶重现时须核对钢印",
    en="a cylinder that was reported lost and turns up is compared with its stamp",
    basis="通政办发〔2021〕67号 三(四)（全流程追踪）；本账本规则",
    grade="K",
    reasons=("reported_lost",),
)
def not_lost(case: Case) -> Finding | str | None:
    """Nobody knew where it was, until now.

    Honest work it must not stop: what is found again is used again; this only warns.
    """
    return "reported_lost" if case.cylinder is not None and case.cylinder.lost else None


@rule(
    "RECALL-02@2",
    gates=_CUSTOMER,
    zh="已查封、扣押或列入产品黑名单的气瓶不得充装、销售",
    en="a cylinder that is seized, or of a black-listed maker, passes no gate",
    basis="特种设备安全法 第六十一条（查封、扣押）；溧水实施意见 附件3-12（立即查封扣押，纳入产品“黑名单”）",
    grade="A",
    reasons=("seized", "blacklisted"),
)
def not_withheld(case: Case) -> Finding | str | None:
    """An order of the authority holds it, or its maker is on the blacklist.

    Honest work it must not stop: an order that is filed as lifted frees all it held, without a scan of each; an order
    that was only noted on the cylinder holds until it is ended there. Moves to the pound are no sale, and pass.
    """
    cylinder = case.cylinder
    if cylinder is None:
        return None
    for order_no in cylinder.orders:
        order = case.registry.get(c.FileSeizureOrder, order_no)
        if order is None or order.status == "in_force":
            return "seized", {"order": order_no}
    listing = case.registry.blacklisted("maker", cylinder.maker, case.today)
    return None if listing is None else ("blacklisted", {"maker": cylinder.maker})


@rule(
    "SCRAP-01@1",
    gates=(*_CUSTOMER, Gate.BIND),
    zh="待报废、已报废气瓶只能办理报废手续",
    en="after a decision to scrap only scrapping steps are left",
    basis="特种设备安全法 第四十八条；通政办发〔2021〕67号 三(四)",
    grade="A",
    reasons=("scrapped",),
)
def not_scrapped(case: Case) -> Finding | str | None:
    """There is no way back."""
    return "scrapped" if case.cylinder is not None and case.cylinder.stage in SCRAPPED else None


@rule(
    "SCRAP-02@1",
    gates=(Gate.DEREGISTER,),
    zh="未消除使用功能的不得注销",
    en="no deregistration before destruction",
    basis="市场监管总局2021年燃气气瓶整治通知",
    grade="B",
    reasons=("not_destroyed",),
)
def destroyed(case: Case) -> Finding | str | None:
    """Its destruction has not been recorded."""
    gone = case.cylinder is None or case.cylinder.stage in (Stage.DESTROYED, Stage.DEREGISTERED)
    return None if gone else "not_destroyed"
