"""RECALL, SCRAP: what was called back, seized, black-listed or given up, and may only go one way."""

from ledger import claim as c
from ledger.cylinder import Cylinder
from ledger.lifecycle import SCRAPPED, Stage
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


def matches(recall: c.OpenRecall, cylinder: Cylinder) -> bool:
    """Whether every selector that the recall names fits the cylinder."""
    return (
        recall.maker in (None, cylinder.maker)
        and recall.model in (None, cylinder.model)
        and recall.phase in (None, cylinder.phase)
        and (recall.made_from is None or recall.made_from <= cylinder.made_month)
        and (recall.made_to is None or cylinder.made_month <= recall.made_to)
    )


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
