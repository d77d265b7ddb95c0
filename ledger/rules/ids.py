"""ID: one cylinder, one code, for life (一瓶一码), and the code fits the stamp."""

from ledger import claim as c
from ledger.china import add_months, day_of
from ledger.rules.condition import continues
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
    gates=(Gate.PREFILL, Gate.FILL, Gate.RELEASE, Gate.DEPOT_OUT, Gate.HANDOVER, Gate.BIND),
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
        given = {claim.code, *claim.also}
        if claim.cylinder in case.world.cylinders or any(code in case.world.codes for code in given):
            return "code_used"
        return "scheme_occupied" if len({code.partition(":")[0] for code in given}) < len(given) else None
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


@rule(
    "ID-04@1",
    gates=(Gate.PREFILL, Gate.FILL),
    zh="码印一致：编码须与瓶体钢印相符，并随机抽查",
    en="the code fits the stamp on the metal, and now and then somebody must prove it",
    basis="特种设备安全法 第四十九条第二款（充装前检查）；通政办发〔2021〕67号 三(五)“一瓶一码一印”",
    grade="A",
    reasons=("stamp_mismatch", "stamp_challenge_open"),
    params=("challenge_permille", "digits"),
)
def stamp_fits(case: Case) -> Finding | str | None:
    """What was keyed is the end of the serial, `digits` long at least; what else was read belongs to this cylinder.

    Honest work it must not stop: a row of greens with nothing keyed; a tag on the body that nobody registered; a fill
    resumed after a power cut while a challenge is open. The finding never says the serial: it is what was asked for.
    """
    claim, cylinder = case.claim, case.cylinder
    if cylinder is None:
        return None
    if isinstance(claim, c.AuthoriseFill):
        return "stamp_challenge_open" if cylinder.challenged and not continues(cylinder, claim) else None
    assert isinstance(claim, c.CheckPrefill)
    if claim.stamp_tail is not None:
        short = len(claim.stamp_tail) < min(case.params["digits"], len(cylinder.serial))
        if short or not cylinder.serial.endswith(claim.stamp_tail):
            return "stamp_mismatch"
    for code in claim.also_read:
        use = case.world.codes.get(code)
        if use is not None and use.cylinder != cylinder.cylinder:
            return "stamp_mismatch", {"code": code}
    return None


@rule(
    "ID-07@1",
    gates=(Gate.BIND, Gate.RELABEL, Gate.DEPOT_OUT, Gate.HANDOVER),
    zh="换标须双人并拍照，出库前须复核",
    en="a new label in place of an old one needs a photo and a second person before it leaves",
    basis="通政办发〔2021〕67号 三(五)（禁通用码、口袋码）；双人与次数为本账本规则",
    grade="B",
    reasons=("relabel_photo_missing", "relabel_unconfirmed", "relabel_same_person", "relabelled_too_often"),
    params=("max_relabels", "window_months"),
    soft=("relabelled_too_often",),
)
def relabelled_by_two(case: Case) -> Finding | str | None:
    """A first label needs nothing. The count, this one included, only alerts.

    Honest work it must not stop: a dirty label at night: photo at once, the second person confirms before loading.
    """
    claim, cylinder = case.claim, case.cylinder
    if isinstance(claim, c.BindCode):
        if cylinder is None or claim.retires is None:
            return None
        if claim.person is None or claim.photo_digest is None:
            return "relabel_photo_missing"
        count = 1 + sum(_within(case, at) for at in cylinder.relabels)
        return ("relabelled_too_often", {"count": count}) if count > case.params["max_relabels"] else None
    if cylinder is None or cylinder.relabelled_by is None:
        return None
    if isinstance(claim, c.ConfirmRelabel):
        return "relabel_same_person" if claim.person == cylinder.relabelled_by else None
    return "relabel_unconfirmed"


def _within(case: Case, at: int) -> bool:
    """Whether that time (ms UTC) is less than `window_months` ago."""
    day = day_of(at)
    return case.today < add_months(day[:7], case.params["window_months"]) + day[7:]
