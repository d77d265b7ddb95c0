"""USR-06, HAZ: hazards (隐患) at a customer's are closed in order, and who may supply again (闭环、恢复供气)."""

from ledger import claim as c
from ledger.checklists import is_complete
from ledger.china import HOUR_MS
from ledger.rules.rule import Case, Finding, Gate, rule


@rule(
    "USR-06@1",
    gates=(Gate.RESUME,),
    zh="整改完成后由原燃气经营企业恢复供气，并在隐患消除后24小时内",
    en="supply resumes by the enterprise that suspended it, once no hazard is open, within 24 h of the repair",
    basis="溧水实施意见 二(六)（原燃气经营企业恢复）；河南省城镇燃气管理办法 第十七条（24小时内恢复）",
    grade="A",
    reasons=("not_suspended", "not_original_enterprise", "hazard_not_closed", "resumed_late"),
    params=("resume_h",),
    soft=("resumed_late",),
)
def may_resume(case: Case) -> Finding | str | None:
    """Nobody suspended it, somebody else did, or a hazard that closes the door is open still.

    Honest work it must not stop: a merged enterprise's successor resumes for it; a hazard with time left to mend it
    keeps no kitchen cold; late is better than never, so that only warns, from the repair and not from the closing.
    """
    claim, there = case.claim, case.premises
    assert isinstance(claim, c.ResumeSupply)
    if there is None or not there.suspensions:
        return "not_suspended"
    own = case.world.suspended_by(there, claim.enterprise, case.today)
    if not own:
        return "not_original_enterprise", {"enterprise": there.suspensions[0].enterprise}
    blocking = next((one for one in there.hazards if one.closes_door(case.today)), None)
    if blocking is not None:
        return "hazard_not_closed", {"hazard": blocking.hazard, "item": blocking.item}
    suspended_at = min(one.at for one in there.suspensions if one.enterprise in own)
    if there.rectified_at is None or there.rectified_at < suspended_at:
        return None  # it was suspended for something else
    waited_ms = case.at - there.rectified_at
    if waited_ms <= case.params["resume_h"] * HOUR_MS:
        return None
    return "resumed_late", {"hours": waited_ms // HOUR_MS}


@rule(
    "HAZ-01@1",
    gates=(Gate.PREMISES,),
    zh="隐患须告知、整改、复查，由他人复查后闭环",
    en="a hazard is told, put right and re-checked by another person before it is closed",
    basis="溧水实施意见 二(三)(六)；通政办发〔2021〕67号 三(四)；次序为本账本规则",
    grade="A",
    reasons=("hazard_unknown", "not_rectified", "recheck_same_person", "notice_missing"),
    soft=("recheck_same_person", "notice_missing"),
)
def hazard_in_order(case: Case) -> Finding | str | None:
    """It names no open hazard there, or passes what nobody put right.

    Honest work it must not stop: a re-check that finds it as it was; a repair on the spot with before and after
    photographs, which is a re-check; a customer who refuses the notice or is away; a station with one worker.
    """
    claim = case.claim
    if isinstance(claim, c.OpenHazard):
        return "notice_missing" if claim.notice == "signed" and claim.notice_digest is None else None
    if case.premises is None or not isinstance(
        claim, c.AssignHazard | c.EscalateHazard | c.RectifyHazard | c.RecheckHazard
    ):
        return None
    hazard = case.premises.hazard(claim.hazard)
    if hazard is None:
        return "hazard_unknown", {"hazard": claim.hazard}
    if not isinstance(claim, c.RecheckHazard) or not claim.passed:
        return None
    if hazard.rectified_at is None:
        return "not_rectified"
    return "recheck_same_person" if claim.person == hazard.rectified_by else None


@rule(
    "HAZ-02@1",
    gates=(Gate.PREMISES,),
    zh="通气前检查、入户安检、随瓶安检须按项目表逐项检查并拍照",
    en="a check at a customer's follows its list, item by item, with a photograph",
    basis="溧水实施意见 二(三)、附件3-4；通政办发〔2021〕67号 三(四)",
    grade="A",
    reasons=("check_incomplete",),
)
def check_complete(case: Case) -> Finding | str | None:
    """It names no list of its kind, leaves items out, or shows no photograph.

    Honest work it must not stop: a check that found hazards is as complete as one that found none.
    """
    claim = case.claim
    if not isinstance(claim, c.CheckPremises):
        return None
    check = claim.check
    if is_complete(check) and check.checklist.startswith(f"{claim.kind}-"):
        return None
    return "check_incomplete", {"checklist": check.checklist, "skipped": " ".join(check.skipped_items)}
