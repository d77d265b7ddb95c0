"""INS, LIFE, TYPE, COND, RECALL, SCRAP: whether this cylinder may hold gas at all, and was looked at before."""

from ledger import claim as c
from ledger.china import add_months, days_between, last_day
from ledger.cylinder import Cylinder
from ledger.lifecycle import SCRAPPED, Stage
from ledger.rules.rule import Case, Finding, Gate, rule

_BEFORE_FILL = (Gate.PREFILL, Gate.FILL)
_CUSTOMER = (Gate.PREFILL, Gate.FILL, Gate.RELEASE, Gate.DEPOT_OUT)


def due_month(cylinder: Cylinder, *, interval_months: int, cap_months: int) -> str:
    """The month to whose end the last inspection (or the making) holds, `YYYY-MM`; never past the end of life."""
    counted_from = cylinder.inspected_month or cylinder.made_month
    return min(add_months(counted_from, interval_months), add_months(cylinder.made_month, cap_months))


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


def certified(case: Case, person: str, kind: str, day: str) -> bool:
    """Whether that person, employed, holds a valid certificate of that kind on that day."""
    record = case.registry.get(c.FilePerson, person)
    if record is None or record.status != "active":
        return False
    held = case.registry.owned_by(c.FileCertificate, person)
    return any(h.kind == kind and h.status == "valid" and h.valid_from <= day <= h.valid_to for h in held)


@rule(
    "LIFE-01@1",
    gates=(Gate.PREFILL, Gate.FILL, Gate.DEPOT_OUT),
    zh="达到报废年限的气瓶禁止充装、销售",
    en="no gas in a cylinder beyond its service life",
    basis="TSG 23-2021 9.3（实际使用年限最长不得超过12年）；溧水实施意见 附件3-11",
    grade="B",
    reasons=("life_ended",),
    params=("cap_months",),
)
def in_life(case: Case) -> Finding | str | None:
    """Age counts from the month of making; the month in which the cap falls is the last (stamps say a month only)."""
    if case.cylinder is None:
        return None
    end = add_months(case.cylinder.made_month, case.params["cap_months"])
    return ("life_ended", {"end_month": end}) if case.today[:7] > end else None


@rule(
    "TYPE-01@1",
    gates=_CUSTOMER,
    zh="气液双相气瓶禁用",
    en="two-phase cylinders are banned",
    basis="GB 5842-2023；溧水实施意见 附件2、附件3-12",
    grade="B",
    reasons=("two_phase_banned",),
)
def single_phase(case: Case) -> Finding | str | None:
    """It gives off both phases."""
    two = case.cylinder is not None and case.cylinder.phase is c.Phase.TWO_PHASE
    return "two_phase_banned" if two else None


@rule(
    "COND-01@1",
    gates=(Gate.FILL,),
    zh="充装前须经持证人员检查且在有效期内",
    en="a fill needs a pre-check here, in this shift, by a certified person",
    basis="特种设备安全法 第四十九条第二款",
    grade="B",
    reasons=("prefill_check_missing", "prefill_check_too_old"),
    params=("max_age_min",),
)
def prechecked(case: Case) -> Finding | str | None:
    """Valid for the shift, at most `max_age_min`, void on leaving the site. A continuation rests on the first one."""
    claim, cylinder = case.claim, case.cylinder
    assert isinstance(claim, c.AuthoriseFill)
    if cylinder is None or continues(cylinder, claim):
        return None
    check = cylinder.prefill
    if check is None or check.site != claim.site:
        return "prefill_check_missing"
    age_min = (case.at - check.at) // 60_000
    return ("prefill_check_too_old", {"age_min": age_min}) if age_min > case.params["max_age_min"] else None


def continues(cylinder: Cylinder, claim: c.AuthoriseFill) -> bool:
    """Whether the claim resumes the fill under way, or refills the one last done (after a bleeding, a top-up)."""
    if claim.continues is None:
        return False
    if cylinder.holder != f"site:{claim.site}":
        return False
    if cylinder.stage is Stage.INTERRUPTED:
        return cylinder.authorisation is not None and cylinder.authorisation.claim_id == claim.continues
    filled = cylinder.stage in (Stage.FILLED, Stage.POSTCHECKED)
    return filled and cylinder.fill is not None and cylinder.fill.authorisation == claim.continues


@rule(
    "COND-02@1",
    gates=(Gate.PREFILL, Gate.POSTFILL),
    zh="外观、附件、码印等检查项目不合格的，禁止充装、放行",
    en="a failed item of the check closes the gate",
    basis="特种设备安全法 第四十九条第二款；通政办发〔2021〕67号 三(四)(五)；溧水实施意见 附件3-11",
    grade="A",
    reasons=("failed_check",),
)
def items_passed(case: Case) -> Finding | str | None:
    """Any listed item was found wrong."""
    claim = case.claim
    assert isinstance(claim, c.CheckPrefill | c.CheckPostfill)
    return ("failed_check", {"items": " ".join(dict.fromkeys(claim.failed_items))}) if claim.failed_items else None


@rule(
    "LOCK-01@1",
    gates=(Gate.FILL, Gate.RELEASE, Gate.DEPOT_OUT),
    zh="已锁瓶的不得充装、放行、出库",
    en="a locked cylinder passes no gate until the cause of its lock is gone",
    basis="本账本规则（FLOW 第1节：违规报告锁住下一道关）",
    grade="K",
    reasons=("locked",),
)
def unlocked(case: Case) -> Finding | str | None:
    """Locked for a cause other than over-filling, which FILL-06 names."""
    locks = () if case.cylinder is None else case.cylinder.locks
    causes = [lock for lock in locks if lock is not c.Cause.OVERFILLED]
    return ("locked", {"causes": " ".join(causes)}) if causes else None


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
    "RECALL-02@1",
    gates=_CUSTOMER,
    zh="已查封、扣押的气瓶不得充装、销售",
    en="a seized cylinder passes no gate",
    basis="溧水实施意见 附件3-12（立即查封扣押，纳入产品“黑名单”）",
    grade="A",
    reasons=("seized",),
)
def not_seized(case: Case) -> Finding | str | None:
    """An order of the authority holds it."""
    seized = None if case.cylinder is None else case.cylinder.seized
    return None if seized is None else ("seized", {"order": seized})


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
