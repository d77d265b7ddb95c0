"""FILL: the fill itself, from the leave to fill to the way out of the depot (一扫一充)."""

from ledger import claim as c
from ledger.cylinder import Cylinder
from ledger.lifecycle import Stage
from ledger.model import allowed_fill_g
from ledger.rules.fitness import certified
from ledger.rules.rule import Case, Finding, Gate, rule


def allowed_net_g(cylinder: Cylinder) -> int:
    """The most gas it may hold, grams, net: the lower of the stamped fill and 0.42 kg/L (DOMAIN.md section 7)."""
    return allowed_fill_g(cylinder.max_fill_g, cylinder.water_volume_ml)


@rule(
    "FILL-01@1",
    gates=(Gate.FILL, Gate.START, Gate.COMPLETE),
    zh="一扫一充：授权只能用一次，且须按时在授权秤位开始",
    en="one scan, one fill: leave is single-use, for one line, and lapses unless the fill starts in time",
    basis="特种设备安全法 第四十九条第二款（充装前后检查、记录制度）；溧水实施意见 二(四)“一瓶一码、一扫一充”",
    grade="A",
    reasons=(
        "authorisation_open",
        "authorisation_unknown",
        "authorisation_used",
        "authorisation_expired",
        "authorisation_other_line",
    ),
    params=("start_s", "carousel_start_s"),
)
def single_use(case: Case) -> Finding | str | None:
    """A running fill never expires; only its start has a deadline, by the device's time put right."""
    claim, cylinder = case.claim, case.cylinder
    if cylinder is None:
        return None
    leave = cylinder.authorisation
    if isinstance(claim, c.AuthoriseFill):
        unused = leave is not None and not leave.started and case.at <= leave.start_by
        return "authorisation_open" if unused or cylinder.stage is Stage.FILLING else None
    assert isinstance(claim, c.StartFill | c.CompleteFill | c.InterruptFill)
    if leave is None or leave.claim_id != claim.authorisation:
        last = cylinder.fill
        spent = last is not None and last.authorisation == claim.authorisation
        return "authorisation_used" if spent else "authorisation_unknown"
    if leave.start_fault:
        # What broke at the start still breaks at the end: nobody gets a lawful fill by reporting it late.
        return leave.start_fault
    if leave.line != claim.line:
        return "authorisation_other_line", {"line": leave.line}
    if isinstance(claim, c.StartFill):
        if leave.started:
            return "authorisation_used"
        return "authorisation_expired" if case.scanned_at > leave.start_by else None
    if leave.finished:
        return "authorisation_used"
    # A fill whose start nobody reported must at least have ended in time.
    return "authorisation_expired" if not leave.started and case.scanned_at > leave.start_by else None


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
    "CAL-01@1",
    gates=(Gate.FILL,),
    zh="充装秤须在检定有效期内",
    en="a filling scale needs a verification in force",
    basis="计量法 第九条（强制检定）；条文待核",
    grade="K",
    reasons=("calibration_overdue",),
)
def calibrated(case: Case) -> Finding | str | None:
    """No verification certificate of the line holds on that day; apart from FILL-04 (FLOW.md section 5)."""
    claim = case.claim
    assert isinstance(claim, c.AuthoriseFill)
    held = case.registry.owned_by(c.FileCalibration, claim.line)
    return None if any(h.valid_from <= case.today <= h.valid_to for h in held) else "calibration_overdue"


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
    "FILL-06@1",
    gates=(Gate.FILL, Gate.COMPLETE, Gate.POSTFILL, Gate.BLEED, Gate.RELEASE, Gate.DEPOT_OUT),
    zh="超装的须回抽复秤，否则不得再充装、放行",
    en="an over-filled cylinder is locked until bled and weighed again",
    basis="GB 5842（允许充装量）；GB 17267",
    grade="B",
    reasons=("overfilled",),
)
def not_overfilled(case: Case) -> Finding | str | None:
    """Compliance is on net mass, tare-based, with no tolerance: net = gross - tare > allowed."""
    claim, cylinder = case.claim, case.cylinder
    if cylinder is None:
        return None
    allowed = allowed_net_g(cylinder)
    if isinstance(claim, c.CompleteFill):
        net = claim.end_weight_g - cylinder.tare_g
    elif isinstance(claim, c.CheckPostfill | c.InterruptFill | c.BleedCylinder):
        net = claim.weight_g - cylinder.tare_g
    else:
        net = cylinder.net_g if cylinder.net_g is not None else 0
        if c.Cause.OVERFILLED in cylinder.locks:
            return "overfilled", {"net_g": net, "allowed_g": allowed}
    return ("overfilled", {"net_g": net, "allowed_g": allowed}) if net > allowed else None


@rule(
    "FILL-08@1",
    gates=(Gate.POSTFILL, Gate.RELEASE),
    zh="充装后须由另一名持证人员复秤检查",
    en="release needs a post-check with check-weighing by a second certified person",
    basis="特种设备安全法 第四十九条第二款",
    grade="B",
    reasons=("postfill_check_missing", "postfill_same_person"),
)
def postchecked(case: Case) -> Finding | str | None:
    """The check may wait for the morning shift; the release may not go before it."""
    claim, cylinder = case.claim, case.cylinder
    if cylinder is None:
        return None
    filler = None if cylinder.fill is None else cylinder.fill.person
    if isinstance(claim, c.CheckPostfill):
        return "postfill_same_person" if claim.person == filler else None
    # Stage released without a release left for sale, or was locked since: it needs a new check, not a second release.
    checked = cylinder.stage is Stage.POSTCHECKED or (cylinder.stage is Stage.RELEASED and cylinder.released)
    if not checked or cylinder.postfill_person is None:
        return "postfill_check_missing"
    return "postfill_same_person" if cylinder.postfill_person == filler else None


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
