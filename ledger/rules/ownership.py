"""OWN, REG, SUP: whose cylinder it is, whether it is registered for use and insured."""

from ledger import claim as c
from ledger.rules.rule import Case, Finding, Gate, rule


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


@rule(
    "REG-01@1",
    gates=(Gate.PREFILL, Gate.FILL),
    zh="气瓶须办理使用登记",
    en="a cylinder needs a use registration in force",
    basis="特种设备安全法 第三十三条、第四十九条；市场监管总局2021年燃气气瓶整治通知",
    grade="B",
    reasons=("not_use_registered",),
)
def use_registered(case: Case) -> Finding | str | None:
    """No use-registration certificate lists it any more, or the certificate is cancelled."""
    if case.cylinder is None:
        return None
    name = case.cylinder.use_registration
    record = None if name is None else case.registry.get(c.FileUseRegistration, name)
    listed = record is not None and record.status == "valid" and case.cylinder.cylinder in record.cylinders
    return None if listed else "not_use_registered"


@rule(
    "SUP-01@1",
    gates=(Gate.FILL, Gate.DEPOT_OUT),
    zh="在用气瓶应纳入保险",
    en="cylinders in use should be insured",
    basis="通政办发〔2021〕67号 三(四)",
    grade="A",
    reasons=("not_insured",),
)
def insured(case: Case) -> Finding | str | None:
    """The owner has no policy in force on that day. It warns everywhere: no text forbids the fill (FLOW.md)."""
    if case.cylinder is None:
        return None
    policies = case.registry.owned_by(c.FileInsurance, case.cylinder.owner)
    return None if any(p.valid_from <= case.today <= p.valid_to for p in policies) else "not_insured"
