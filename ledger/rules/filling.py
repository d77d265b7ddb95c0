"""FILL: who fills, where, and under which leave (一扫一充)."""

from ledger import claim as c
from ledger.cylinder import Cylinder
from ledger.lifecycle import Stage
from ledger.model import allowed_fill_g
from ledger.rules.inspection import certified
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
    "FILL-02@2",
    gates=(Gate.FILL, Gate.COMPLETE),
    zh="充装单位须有覆盖本站的有效充装许可，且未列入黑名单",
    en="the filler needs a filling permit in force that covers LPG and this site, and is not black-listed",
    basis="特种设备安全法 第四十九条；溧水实施意见 附件3-10；武隆府办发〔2022〕5号 五(四)（“黑名单”）",
    grade="A",
    reasons=("no_filling_permit", "enterprise_blacklisted"),
)
def permitted(case: Case) -> Finding | str | None:
    """Missing, out of date, suspended, for another medium, or for other sites or districts than this one.

    Honest work it must not stop: a permit that names no site and no district covers all of its enterprise's.
    """
    site = case.site
    if site is None:
        return "no_filling_permit"
    if not any(_covers(p, site, case.today) for p in case.registry.owned_by(c.FilePermit, site.enterprise)):
        return "no_filling_permit"
    listing = case.registry.blacklisted("enterprise", site.enterprise, case.today)
    return None if listing is None else ("enterprise_blacklisted", {"enterprise": site.enterprise})


def _covers(permit: c.FilePermit, site: c.FileSite, day: str) -> bool:
    return (
        permit.kind == "filling"
        and permit.status == "valid"
        and "lpg" in permit.media
        and permit.valid_from <= day <= permit.valid_to
        and (not permit.sites or site.site in permit.sites)
        and (not permit.districts or site.district in permit.districts)
    )


@rule(
    "FILL-03@2",
    gates=(Gate.PREFILL, Gate.FILL, Gate.COMPLETE, Gate.POSTFILL, Gate.TARE),
    zh="充装、检查人员须持证，为本单位在职人员，且未列入黑名单",
    en="who checks or fills is certified (item P), employed here, and not black-listed",
    basis="特种设备安全法 第四十九条；溧水实施意见 附件3-10；武隆府办发〔2022〕5号 三(三)3、五(四)",
    grade="A",
    reasons=("operator_not_certified", "person_blacklisted"),
)
def operator_certified(case: Case) -> Finding | str | None:
    """No valid certificate for filling on that day, or employed by nobody, or by another enterprise.

    Honest work it must not stop: people of an enterprise that this one took over go on working; at an inspection body
    its own inspectors determine a tare.
    """
    person: str = getattr(case.claim, "person", "")
    held = certified(case, person, "filling", case.today)
    if not held and case.gate is Gate.TARE:
        held = certified(case, person, "inspection", case.today)
    record = case.registry.get(c.FilePerson, person)
    if not held or record is None or not case.registry.stands_for(case.enterprise, record.enterprise, case.today):
        return "operator_not_certified"
    return None if case.registry.blacklisted("person", person, case.today) is None else "person_blacklisted"


@rule(
    "FILL-04@2",
    gates=(Gate.FILL, Gate.COMPLETE),
    zh="须在充装站登记的充装秤上充装",
    en="fills happen on a registered line of a filling station",
    basis="特种设备安全法 第四十九条；GB 17267；溧水实施意见 附件3-6（禁止贮罐、槽车直接充装或相互倒灌）",
    grade="A",
    reasons=("line_not_registered",),
)
def on_a_line(case: Case) -> Finding | str | None:
    """Unknown, of another site, out of service, or at a site that is closed, no filling station or not approved for it.

    Honest work it must not stop: a scale swapped at 07:00. A spare is registered beforehand and used at once.
    """
    claim, site = case.claim, case.site
    assert isinstance(claim, c.AuthoriseFill | c.CompleteFill | c.InterruptFill)
    line = case.registry.get(c.FileLine, claim.line)
    station = site is not None and site.status == "open" and site.kind == "filling_station"
    approved = site is not None and (not site.approvals or "filling" in site.approvals)
    good = line is not None and line.site == claim.site and line.status in ("in_service", "spare")
    return None if station and approved and good else "line_not_registered"


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
