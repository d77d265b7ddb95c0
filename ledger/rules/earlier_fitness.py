"""Earlier versions of INS and OWN, which old logs name; never change."""

from ledger import claim as c
from ledger.china import days_between, last_day
from ledger.rules.inspection import certified, due_month
from ledger.rules.rule import Case, Finding, Gate, rule

_BEFORE_FILL = (Gate.PREFILL, Gate.FILL)


@rule(
    "INS-01@1",
    gates=_BEFORE_FILL,
    zh="超期未检气瓶禁止充装",
    en="no fill past the inspection due date, nor with too few days of it left",
    basis="特种设备安全法 第四十条、第四十九条；通政办发〔2021〕67号 三(四)；TSG 23-2021 9.3",
    grade="A",
    reasons=("inspection_overdue", "inspection_ends_too_soon"),
    params=("interval_months", "cap_months", "min_days_left"),
)
def inspected(case: Case) -> Finding | str | None:
    """Stamps say a month only: valid to its last day. Filling needs `min_days_left` (FLOW.md section 5)."""
    if case.cylinder is None:
        return None
    month = due_month(
        case.cylinder, interval_months=case.params["interval_months"], cap_months=case.params["cap_months"]
    )
    left = days_between(case.today, last_day(month))
    if left < 0:
        return "inspection_overdue", {"due_month": month}
    if left < case.params["min_days_left"]:
        return "inspection_ends_too_soon", {"due_month": month, "days_left": left}
    return None


@rule(
    "INS-02@1",
    gates=(Gate.DEPOT_OUT,),
    zh="超期未检气瓶不得出库",
    en="no cylinder leaves for sale past its inspection due date",
    basis="特种设备安全法 第四十条；溧水实施意见 附件2（严禁不合格气瓶流入市场）",
    grade="B",
    reasons=("inspection_overdue",),
    params=("interval_months", "cap_months"),
)
def inspected_on_the_way_out(case: Case) -> Finding | str | None:
    """Load is the last refusal for expiry, and the due month's last day still goes (FLOW.md section 5)."""
    if case.cylinder is None:
        return None
    month = due_month(
        case.cylinder, interval_months=case.params["interval_months"], cap_months=case.params["cap_months"]
    )
    return ("inspection_overdue", {"due_month": month}) if case.today > last_day(month) else None


@rule(
    "INS-05@1",
    gates=(Gate.INSPECTION,),
    zh="检验机构、人员须有资质并复核",
    en="an inspection counts only from an approved body, a certified inspector and a second person",
    basis="溧水实施意见 附件3-16（检验人员挂证、无证操作、报告弄虚作假）",
    grade="A",
    reasons=("inspector_not_approved", "not_reviewed"),
)
def inspector_approved(case: Case) -> Finding | str | None:
    """The body's approval and both people's certificates on the day of the inspection, which has come."""
    claim = case.claim
    assert isinstance(claim, c.RecordInspection)
    day = claim.inspected_on
    if day > case.today:
        return "inspector_not_approved", {"inspected_on": day}
    permits = [] if case.enterprise is None else case.registry.owned_by(c.FilePermit, case.enterprise)
    if not any(p.kind == "inspection" and p.status == "valid" and p.valid_from <= day <= p.valid_to for p in permits):
        return "inspector_not_approved"
    if claim.reviewer == claim.person:
        return "not_reviewed"
    people = (claim.person, claim.reviewer)
    return None if all(certified(case, person, "inspection", day) for person in people) else "inspector_not_approved"


@rule(
    "OWN-01@1",
    gates=(Gate.PREFILL, Gate.FILL),
    zh="只充装本单位自有气瓶",
    en="a station fills its own enterprise's cylinders only",
    basis="城镇燃气管理条例 第十八条(七)；通政办发〔2021〕67号 三(四)；建城规〔2023〕4号（重大隐患）",
    grade="A",
    reasons=("not_own_cylinder",),
)
def own(case: Case) -> Finding | str | None:
    """The owner is not the enterprise of the filling site (固定充装)."""
    cylinder = case.cylinder
    if cylinder is None or cylinder.owner == case.enterprise:
        return None
    return "not_own_cylinder", {"owner": cylinder.owner}
