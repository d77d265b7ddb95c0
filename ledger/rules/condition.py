"""COND, LOCK: what this cylinder is found to be like today, before gas goes into it and after."""

from ledger import claim as c
from ledger.cylinder import Authorisation, Cylinder
from ledger.lifecycle import Stage
from ledger.rules.rule import Case, Finding, Gate, rule


@rule(
    "COND-01@2",
    gates=(Gate.FILL,),
    zh="充装前须经持证人员检查且在有效期内",
    en="a fill needs a pre-check here, in this shift, by a certified person",
    basis="特种设备安全法 第四十九条第二款",
    grade="B",
    reasons=("prefill_check_missing", "prefill_check_too_old"),
    params=("max_age_min",),
)
def prechecked(case: Case) -> Finding | str | None:
    """Valid for the shift, at most `max_age_min`, void on leaving the site.

    Honest work it must not stop: 200 checked at 06:00 and filled by 09:00; a resumption, a top-up or a refill after
    bleeding, which rests on the check of what it continues, and may be asked for again when its leave lapsed unused.
    """
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
    """Whether the claim resumes the fill under way, refills the one last done (after a bleeding, a top-up), or asks
    again for such leave that was granted and never used.
    """
    if claim.continues is None or cylinder.holder != f"site:{claim.site}":
        return False
    leave = cylinder.authorisation
    if cylinder.stage is Stage.INTERRUPTED:
        return leave is not None and leave.claim_id == claim.continues
    if cylinder.stage is Stage.AUTHORISED:
        return leave is not None and not leave.started and leave.continues == claim.continues
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
    "COND-03@1",
    gates=(Gate.PREFILL, Gate.FILL),
    zh="皮重不清的不准充装",
    en="no fill while the tare is not known",
    basis="特种设备安全法 第四十九条第二款；GB 17267（充装量以皮重计）；条文待核",
    grade="C",
    reasons=("tare_unknown",),
)
def tare_known(case: Case) -> Finding | str | None:
    """A pre-check found the tare unclear, now or before, and nobody has determined it since.

    Honest work it must not stop: the cylinder goes on at once when its tare is weighed anew or an inspection states it.
    """
    claim, cylinder = case.claim, case.cylinder
    named = isinstance(claim, c.CheckPrefill) and c.PrefillItem.TARE_UNCLEAR in claim.failed_items
    return "tare_unknown" if named or (cylinder is not None and cylinder.tare_unknown) else None


@rule(
    "COND-04@1",
    gates=(Gate.FILL,),
    zh="新瓶、检验后首次充装前须抽真空",
    en="the air is drawn out before the first fill and after an inspection",
    basis="TSG 23-2021（条文待核）；GB 17267",
    grade="K",
    reasons=("not_evacuated",),
)
def evacuated(case: Case) -> Finding | str | None:
    """New, or inspected, and not evacuated since.

    Honest work it must not stop: only what the ledger itself saw registered as new or inspected is asked about (first
    in the ledger is not first in life); a continuation has its gas already.
    """
    claim, cylinder = case.claim, case.cylinder
    assert isinstance(claim, c.AuthoriseFill)
    if cylinder is None or not cylinder.needs_evacuation or continues(cylinder, claim):
        return None
    return "not_evacuated"


@rule(
    "COND-05@1",
    gates=(Gate.FILL, Gate.START, Gate.COMPLETE),
    zh="起始重量不得明显低于皮重；余量偏多的先查明",
    en="a start far below the tare is perhaps another cylinder; much residue is looked into first",
    basis="特种设备安全法 第四十九条第二款；允差与余量为行业做法，条文待核",
    grade="K",
    reasons=("weight_below_tare", "residue_high"),
    params=("tolerance_g", "tolerance_percent", "residue_warn_g"),
    soft=("residue_high",),
)
def start_weight_plausible(case: Case) -> Finding | str | None:
    """Lighter than its tare by more than `tolerance_g` and `tolerance_percent`; or more than `residue_warn_g` in it.

    Honest work it must not stop: winter residue, full returns and a new valve. Residue only warns; no start weight, no
    finding; a continuation starts with gas in it, and is never asked about residue.
    """
    claim, cylinder = case.claim, case.cylinder
    start_g: int | None = getattr(claim, "start_weight_g", None)  # an interruption states none
    if cylinder is None or start_g is None:
        return None
    tolerance_g = max(case.params["tolerance_g"], cylinder.tare_g * case.params["tolerance_percent"] // 100)
    over_g = start_g - cylinder.tare_g
    if over_g < -tolerance_g:
        return "weight_below_tare", {"start_g": start_g, "tare_g": cylinder.tare_g}
    if over_g <= case.params["residue_warn_g"] or _resumes(cylinder, claim):
        return None
    return "residue_high", {"residue_g": over_g}


def _resumes(cylinder: Cylinder, claim: c.AnyClaim) -> bool:
    """Whether this is, or happens under, leave to continue a fill."""
    if isinstance(claim, c.AuthoriseFill):
        return continues(cylinder, claim)
    leave: Authorisation | None = cylinder.authorisation
    named: str | None = getattr(claim, "authorisation", None)
    return leave is not None and leave.claim_id == named and leave.continues is not None


@rule(
    "LOCK-01@1",
    gates=(Gate.FILL, Gate.RELEASE, Gate.DEPOT_OUT, Gate.HANDOVER),
    zh="已锁瓶的不得充装、放行、出库、交付",
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
