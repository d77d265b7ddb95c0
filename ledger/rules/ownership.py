"""OWN, SUP: whose cylinder it is, who may fill it and sell its gas, and whether it is insured."""

from ledger import claim as c
from ledger.china import day_of
from ledger.registry import Registry
from ledger.rules.rule import Case, Finding, Gate, rule


@rule(
    "OWN-01@2",
    gates=(Gate.PREFILL, Gate.FILL),
    zh="只充装本单位自有气瓶",
    en="a station fills its own enterprise's cylinders only",
    basis="城镇燃气管理条例 第十八条(七)；通政办发〔2021〕67号 三(四)；建城规〔2023〕4号（重大隐患）",
    grade="A",
    reasons=("not_own_cylinder",),
    params=("allow_custody",),
)
def own(case: Case) -> Finding | str | None:
    """The owner is not the site's enterprise, nor merged into it by that day; custody counts where the pack allows it.

    Honest work it must not stop: a merged filler's cylinders; what an old custody agreement covers, where that is law.
    """
    cylinder = case.cylinder
    if cylinder is None or case.registry.stands_for(case.enterprise, cylinder.owner, case.today):
        return None
    if case.params["allow_custody"] and in_custody(case.registry, case.enterprise, cylinder.owner, case.today):
        return None
    return "not_own_cylinder", {"owner": cylinder.owner}


def in_custody(registry: Registry, enterprise: str | None, owner: str, day: str) -> bool:
    """Whether an agreement in force on that day puts this owner's cylinders into the enterprise's custody (托管)."""
    return any(
        one.custodian == enterprise and one.status == "valid" and one.valid_from <= day <= one.valid_to
        for one in registry.owned_by(c.FileCustody, owner)
    )


@rule(
    "OWN-02@1",
    gates=(Gate.DEPOT_OUT, Gate.HANDOVER),
    zh="不得销售无许可单位或为非自有气瓶充装的瓶装燃气",
    en="no gas is sold that an unpermitted filler filled, or filled into another's cylinder",
    basis="城镇燃气管理条例 第十八条(八)；建城规〔2023〕4号（重大隐患）",
    grade="B",
    reasons=("unlawful_fill",),
)
def filled_lawfully(case: Case) -> Finding | str | None:
    """Its last fill broke a rule, and the filler had no permit that day, or neither ownership nor custody.

    Honest work it must not stop: opening stock that no fill is known of (FILL-12 speaks of that); a fill that was
    lawful on its day, whatever became of the filler since.
    """
    fill = None if case.cylinder is None else case.cylinder.fill
    if case.cylinder is None or fill is None or fill.lawful:
        return None
    owner, day = case.cylinder.owner, day_of(fill.at)
    site = case.registry.get(c.FileSite, fill.site)
    filler = None if site is None else site.enterprise
    permits = [] if filler is None else case.registry.owned_by(c.FilePermit, filler)
    permitted = any(
        p.kind == "filling" and p.status == "valid" and "lpg" in p.media and p.valid_from <= day <= p.valid_to
        for p in permits
    )
    own_or_kept = case.registry.stands_for(filler, owner, day) or in_custody(case.registry, filler, owner, day)
    return None if permitted and own_or_kept else ("unlawful_fill", {"site": fill.site})


@rule(
    "OWN-03@1",
    gates=(Gate.REGISTER, Gate.SURRENDER),
    zh="登记须有产权证明；只有用户自有气瓶可以置换",
    en="registration shows whose it is; only a customer's own cylinder is surrendered",
    basis="溧水实施意见 二(七)；TSG 23-2021（使用登记）",
    grade="B",
    reasons=("ownership_not_shown", "not_customer_owned"),
    soft=("ownership_not_shown",),
)
def ownership_shown(case: Case) -> Finding | str | None:
    """No kind of evidence at registration warns; a cylinder that is an enterprise's cannot be surrendered.

    Honest work it must not stop: an old fleet whose invoices are lost.
    """
    claim = case.claim
    if isinstance(claim, c.RegisterCylinder):
        return "ownership_not_shown" if claim.ownership is None else None
    return None if case.cylinder is None or case.cylinder.owner == c.CUSTOMER else "not_customer_owned"


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
