"""ID: one cylinder, one code, for life (一瓶一码)."""

from ledger import claim as c
from ledger.rules.rule import CYLINDER_GATES, Case, Finding, Gate, rule


@rule(
    "ID-01@1",
    gates=CYLINDER_GATES,
    zh="气瓶须有可识别且已登记的信息标识",
    en="a cylinder needs a readable, registered code",
    basis="TSG 23-2021 第1号修改单（电子识读标志）；溧水实施意见 附件3-17；DB4114/T 185-2023 4.2",
    grade="B",
    reasons=("code_unknown", "code_unread"),
)
def known(case: Case) -> Finding | str | None:
    """A code that nobody registered opens no gate; the refusal is the signer's (DESIGN.md section 5)."""
    if case.cylinder is not None:
        return None
    code: str = getattr(case.claim, "code", "")
    return "code_unread" if code.startswith("unread:") else "code_unknown"


@rule(
    "ID-02@1",
    gates=(Gate.PREFILL, Gate.FILL, Gate.RELEASE, Gate.DEPOT_OUT, Gate.BIND),
    zh="标识编码已注销的，不得使用",
    en="a retired code opens no gate",
    basis="DB4114/T 185-2023 4.9",
    grade="B",
    reasons=("code_retired",),
)
def not_retired(case: Case) -> Finding | str | None:
    """The code once was this cylinder's, and is no longer."""
    code: str = getattr(case.claim, "code", "")
    use = case.world.codes.get(code)
    return "code_retired" if use is not None and not use.active else None


@rule(
    "ID-03@1",
    gates=(Gate.REGISTER, Gate.BIND),
    zh="编码不得重复使用，一瓶一码",
    en="a code is never used twice",
    basis="通政办发〔2021〕67号 三(五) “一瓶一码一印”；DB4114/T 185-2023 4.7",
    grade="A",
    reasons=("code_used", "scheme_occupied"),
)
def unused(case: Case) -> Finding | str | None:
    """Never used by any cylinder; at most one active code of a scheme on one cylinder."""
    claim = case.claim
    if isinstance(claim, c.RegisterCylinder):
        taken = claim.code in case.world.codes or claim.cylinder in case.world.cylinders
        return "code_used" if taken else None
    assert isinstance(claim, c.BindCode)
    if claim.new_code in case.world.codes:
        return "code_used"
    if case.cylinder is None:
        return None
    scheme = claim.new_code.partition(":")[0]
    active = [code for code in case.cylinder.codes if code.partition(":")[0] == scheme]
    if claim.retires is None:
        return "scheme_occupied" if active else None
    return None if claim.retires in active else "scheme_occupied"
