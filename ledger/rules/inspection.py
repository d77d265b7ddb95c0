"""INS: periodic inspection, and who may inspect."""

from ledger import claim as c
from ledger.china import add_months, days_between, is_day, last_day
from ledger.cylinder import Cylinder
from ledger.model import LARGE_ML
from ledger.rules.rule import Case, Finding, Gate, rule

_BEFORE_FILL = (Gate.PREFILL, Gate.FILL)
_CUSTOMER = (Gate.PREFILL, Gate.FILL, Gate.RELEASE, Gate.DEPOT_OUT)


def due_month(cylinder: Cylinder, *, interval_months: int, cap_months: int) -> str:
    """The month to whose end the last inspection (or the making) holds, `YYYY-MM`; never past the end of life."""
    counted_from = cylinder.inspected_month or cylinder.made_month
    return min(add_months(counted_from, interval_months), add_months(cylinder.made_month, cap_months))


def due_month_under(params: dict[str, int], cylinder: Cylinder) -> str:
    """As `due_month`, under a rule's parameters, of which `interval_118_months` is for 118 L where a version has it."""
    large = cylinder.water_volume_ml >= LARGE_ML and "interval_118_months" in params
    interval = params["interval_118_months" if large else "interval_months"]
    return due_month(cylinder, interval_months=interval, cap_months=params["cap_months"])


@rule(
    "INS-01@2",
    gates=_BEFORE_FILL,
    zh="超期未检气瓶禁止充装",
    en="no fill past the inspection due date, nor with too few days of it left",
    basis="特种设备安全法 第四十条、第四十九条；TSG 23-2021 9.3；通政办发〔2021〕67号 三(四)；50公斤瓶周期各地不一",
    grade="A",
    reasons=("inspection_overdue", "inspection_ends_too_soon", "large_inspection_due"),
    params=("interval_months", "interval_118_months", "warn_118_months", "cap_months", "min_days_left"),
    soft=("large_inspection_due",),
)
def inspected(case: Case) -> Finding | str | None:
    """Stamps say a month only: valid to its last day. Filling needs `min_days_left`; 118 L may have its own interval.

    Honest work it must not stop: a cylinder whose due month has not ended; the sixth floor, expired at midnight.
    """
    cylinder = case.cylinder
    if cylinder is None:
        return None
    month = due_month_under(case.params, cylinder)
    left = days_between(case.today, last_day(month))
    if left < 0:
        return "inspection_overdue", {"due_month": month}
    if left < case.params["min_days_left"]:
        return "inspection_ends_too_soon", {"due_month": month, "days_left": left}
    if cylinder.water_volume_ml < LARGE_ML:
        return None
    asked = add_months(cylinder.inspected_month or cylinder.made_month, case.params["warn_118_months"])
    return ("large_inspection_due", {"due_month": asked}) if case.today > last_day(asked) else None


@rule(
    "INS-02@2",
    gates=(Gate.DEPOT_OUT, Gate.HANDOVER),
    zh="超期未检气瓶不得出库；到门口才到期的由送气工带回",
    en="no cylinder leaves for sale past its inspection due date; one that runs out on the road comes back",
    basis="特种设备安全法 第四十条；溧水实施意见 附件2（严禁不合格气瓶流入市场）",
    grade="B",
    reasons=("inspection_overdue", "overdue_at_door"),
    params=("interval_months", "interval_118_months", "cap_months"),
    soft=("overdue_at_door",),
)
def inspected_on_the_way_out(case: Case) -> Finding | str | None:
    """Load is the last refusal for expiry, and the due month's last day still goes.

    Honest work it must not stop: the sixth floor, cylinder expired at midnight: at the door it only warns.
    """
    if case.cylinder is None:
        return None
    month = due_month_under(case.params, case.cylinder)
    if case.today <= last_day(month):
        return None
    return "overdue_at_door" if case.gate is Gate.HANDOVER else "inspection_overdue", {"due_month": month}


@rule(
    "INS-03@1",
    gates=_BEFORE_FILL,
    zh="检验即将到期的提前送检",
    en="an inspection that ends soon is planned in time",
    basis="运营实践（提前送检）；特种设备安全法 第四十条",
    grade="K",
    reasons=("inspection_due_soon",),
    params=("interval_months", "interval_118_months", "cap_months", "min_days_left", "warn_days"),
)
def inspection_planned(case: Case) -> Finding | str | None:
    """Fewer than `warn_days` are left, but enough for a fill: below that INS-01 refuses.

    Honest work it must not stop: the fill itself; it warns, so that the next round brings it to inspection.
    """
    if case.cylinder is None:
        return None
    month = due_month_under(case.params, case.cylinder)
    left = days_between(case.today, last_day(month))
    soon = case.params["min_days_left"] <= left < case.params["warn_days"]
    return ("inspection_due_soon", {"due_month": month, "days_left": left}) if soon else None


@rule(
    "INS-04@1",
    gates=_CUSTOMER,
    zh="检验不合格气瓶不得充装、销售",
    en="no gas in a cylinder that failed its inspection",
    basis="特种设备安全法 第四十九条第二款；通政办发〔2021〕67号 三(四)",
    grade="A",
    reasons=("inspection_failed",),
)
def not_failed(case: Case) -> Finding | str | None:
    """Its last inspection failed."""
    return "inspection_failed" if case.cylinder is not None and case.cylinder.inspection_failed else None


@rule(
    "INS-05@2",
    gates=(Gate.INSPECTION,),
    zh="检验机构、人员须有资质并复核",
    en="an inspection counts only from an approved body, its certified inspector and a second person, and in order",
    basis="溧水实施意见 附件3-16（检验人员挂证、无证操作、报告弄虚作假）",
    grade="A",
    reasons=("inspection_out_of_order", "inspector_not_approved", "not_reviewed"),
)
def inspector_approved(case: Case) -> Finding | str | None:
    """The body's approval and both people's certificates and employment there (挂证) on a day that has come.

    Older than the inspection on record it changes no date. Honest work it must not stop: two inspections in one month,
    and a result keyed late, which INS-06 warns of.
    """
    claim = case.claim
    assert isinstance(claim, c.RecordInspection)
    day = claim.inspected_on
    recorded = None if case.cylinder is None else case.cylinder.inspected_month
    if recorded is not None and day[:7] < recorded:
        return "inspection_out_of_order", {"inspected_on": day, "recorded_month": recorded}
    if day > case.today:
        return "inspector_not_approved", {"inspected_on": day}
    permits = [] if case.enterprise is None else case.registry.owned_by(c.FilePermit, case.enterprise)
    if not any(p.kind == "inspection" and p.status == "valid" and p.valid_from <= day <= p.valid_to for p in permits):
        return "inspector_not_approved"
    if claim.reviewer == claim.person:
        return "not_reviewed"
    for person in (claim.person, claim.reviewer):
        record = case.registry.get(c.FilePerson, person)
        employed = record is not None and record.enterprise == case.enterprise
        if not employed or not certified(case, person, "inspection", day):
            return "inspector_not_approved"
    return None


@rule(
    "INS-06@1",
    gates=(Gate.INSPECTION,),
    zh="检验结果须及时录入",
    en="inspection results are entered in time",
    basis="溧水实施意见 附件3-17（检验信息录入）；天数待核",
    grade="K",
    reasons=("inspection_late",),
    params=("max_days",),
)
def entered_in_time(case: Case) -> Finding | str | None:
    """Entered more than `max_days` after the day of the inspection.

    Honest work it must not stop: results that waited for the line to come back; it warns, and the result counts.
    """
    claim = case.claim
    assert isinstance(claim, c.RecordInspection)
    if not is_day(claim.inspected_on):
        return None
    late = days_between(claim.inspected_on, case.today)
    return ("inspection_late", {"days": late}) if late > case.params["max_days"] else None


def certified(case: Case, person: str, kind: str, day: str) -> bool:
    """Whether that person, employed, holds a valid certificate of that kind on that day."""
    record = case.registry.get(c.FilePerson, person)
    if record is None or record.status != "active":
        return False
    held = case.registry.owned_by(c.FileCertificate, person)
    return any(h.kind == kind and h.status == "valid" and h.valid_from <= day <= h.valid_to for h in held)
