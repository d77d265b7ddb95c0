"""Earlier versions, which old logs name; never change: COND, FILL, RECALL, DATA.

This file is longer than most because it is an archive: nobody works on it, a replay only runs it.
"""

from ledger import claim as c
from ledger.cylinder import Cylinder
from ledger.lifecycle import Stage
from ledger.rules.inspection import certified
from ledger.rules.rule import Case, Finding, Gate, rule

_CUSTOMER = (Gate.PREFILL, Gate.FILL, Gate.RELEASE, Gate.DEPOT_OUT)


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
    "FILL-02@1",
    gates=(Gate.FILL, Gate.COMPLETE),
    zh="充装单位须有有效充装许可",
    en="the filler needs a filling permit in force that covers LPG",
    basis="特种设备安全法 第四十九条；溧水实施意见 附件3-10",
    grade="A",
    reasons=("no_filling_permit",),
)
def permitted(case: Case) -> Finding | str | None:
    """Missing, out of date, suspended, or for another medium."""
    permits = [] if case.enterprise is None else case.registry.owned_by(c.FilePermit, case.enterprise)
    good = any(
        p.kind == "filling" and p.status == "valid" and "lpg" in p.media and p.valid_from <= case.today <= p.valid_to
        for p in permits
    )
    return None if good else "no_filling_permit"


@rule(
    "FILL-03@1",
    gates=(Gate.PREFILL, Gate.FILL, Gate.COMPLETE, Gate.POSTFILL),
    zh="充装、检查人员须持证",
    en="who checks or fills holds a certificate for filling (item P)",
    basis="特种设备安全法 第四十九条；溧水实施意见 附件3-10；武隆府办发〔2022〕5号 三(三)3",
    grade="A",
    reasons=("operator_not_certified",),
)
def operator_certified(case: Case) -> Finding | str | None:
    """No valid certificate of kind filling on that day."""
    person: str = getattr(case.claim, "person", "")
    return None if certified(case, person, "filling", case.today) else "operator_not_certified"


@rule(
    "FILL-04@1",
    gates=(Gate.FILL, Gate.COMPLETE),
    zh="须在本站登记的充装秤上充装",
    en="fills happen on a registered line of the station",
    basis="特种设备安全法 第四十九条；GB 17267；溧水实施意见 附件3-6（禁止贮罐、槽车直接充装或相互倒灌）",
    grade="A",
    reasons=("line_not_registered",),
)
def on_a_line(case: Case) -> Finding | str | None:
    """Unknown, of another site, out of service, or at a site that is closed."""
    claim = case.claim
    assert isinstance(claim, c.AuthoriseFill | c.CompleteFill | c.InterruptFill)
    line = case.registry.get(c.FileLine, claim.line)
    site_open = case.site is not None and case.site.status == "open"
    good = site_open and line is not None and line.site == claim.site and line.status == "in_service"
    return None if good else "line_not_registered"


@rule(
    "FILL-05@1",
    gates=(Gate.FILL, Gate.COMPLETE),
    zh="气源须检测合格并放行",
    en="gas comes from a released tank lot: licensed source, odorant certificate, no DME",
    basis="GB 11174；溧水实施意见 附件3-4、附件3-11、附件3-18",
    grade="A",
    reasons=("tank_lot_not_released",),
    params=("dme_max_permille",),
)
def lot_released(case: Case) -> Finding | str | None:
    """Unknown, of another site, not released, without odorant certificate, or with DME over `dme_max_permille`.

    A fill under way when its tank was declared empty drew from a lot that was released when it began.
    """
    claim = case.claim
    if isinstance(claim, c.InterruptFill):
        return None
    assert isinstance(claim, c.AuthoriseFill | c.CompleteFill)
    lot = case.registry.get(c.FileTankLot, claim.tank_lot)
    fit = ("released", "emptied") if isinstance(claim, c.CompleteFill) else ("released",)
    good = (
        lot is not None
        and lot.site == claim.site
        and lot.status in fit
        and lot.odorant_certificate
        and lot.dme_permille is not None
        and lot.dme_permille <= case.params["dme_max_permille"]
    )
    return None if good else ("tank_lot_not_released", {"tank_lot": claim.tank_lot})


@rule(
    "FILL-12@1",
    gates=(Gate.RELEASE, Gate.DEPOT_OUT),
    zh="无合法充装记录的重瓶不得出库（黑气瓶）",
    en="out of the depot only after a lawful, released fill since it was last empty",
    basis="城镇燃气管理条例 第十八条(八)；溧水实施意见 附件3-19“黑气瓶”",
    grade="B",
    reasons=("no_lawful_fill",),
)
def lawful_fill(case: Case) -> Finding | str | None:
    """Opening stock counted full on the first day is exempt once (FLOW.md section 4)."""
    cylinder = case.cylinder
    if cylinder is None or (cylinder.opening_stock and case.gate is Gate.DEPOT_OUT):
        return None
    lawful = cylinder.content is c.Content.FULL and cylinder.fill is not None and cylinder.fill.lawful
    released = cylinder.released or case.gate is Gate.RELEASE
    return None if lawful and released else "no_lawful_fill"


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
    "DATA-02@1",
    gates=(Gate.CORRECT,),
    zh="更正须注明原因和所更正的记录",
    en="a correction names its reason, the entry it corrects, and a change",
    basis="通政办发〔2021〕67号 五(十二)（虚报、瞒报）",
    grade="B",
    reasons=("correction_without_reference",),
)
def correction_refers(case: Case) -> Finding | str | None:
    """The entry named must stand in the log already, and some fact must change."""
    claim = case.claim
    assert isinstance(claim, c.CorrectCylinder)
    changed = any(value is not None for value in (claim.tare_g, claim.max_fill_g, claim.made_month, claim.phase))
    return None if changed and claim.corrects < case.world.size else "correction_without_reference"
