"""LIFE, TYPE: whether this cylinder may hold gas at all, and at whose place it may stand."""

from ledger import claim as c
from ledger.china import add_months
from ledger.model import LARGE_ML
from ledger.rules.rule import Case, Finding, Gate, rule

_CUSTOMER = (Gate.PREFILL, Gate.FILL, Gate.RELEASE, Gate.DEPOT_OUT)
WELDED_SINCE = "2007-02"
"""GB 5842-2006 is in force since 2007-02-01: what was made before is over-age by now, and its collar may be screwed."""


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
    "LIFE-02@1",
    gates=(Gate.PREFILL, Gate.FILL),
    zh="超过设计使用年限的，须经检验合格方可继续使用",
    en="past its design life a cylinder needs an inspection passed at the end of it",
    basis="GB 5842-2006（设计使用年限8年，检验合格可延至12年；长治市通告）；TSG 23-2021 9.3",
    grade="B",
    reasons=("design_life_ended",),
    params=("extension_months",),
)
def in_design_life(case: Case) -> Finding | str | None:
    """The stamped life has passed, its last month included, without a pass in its last `extension_months` or after.

    Honest work it must not stop: inspected at 7 years 10 months and brought at 8 (FLOW.md section 5).
    """
    cylinder = case.cylinder
    if cylinder is None:
        return None
    end = add_months(cylinder.made_month, cylinder.design_life_months)
    if case.today[:7] <= end:
        return None
    passed = cylinder.inspected_month
    extended = passed is not None and add_months(passed, case.params["extension_months"]) >= end
    return None if extended else ("design_life_ended", {"end_month": end})


@rule(
    "LIFE-03@1",
    gates=(Gate.PREFILL, Gate.FILL, Gate.DEPOT_OUT),
    zh="2007年2月前制造或护罩螺纹连接的气瓶应报废",
    en="cylinders made before February 2007 or with a screwed collar are to be scrapped",
    basis="市场监管总局2021年燃气气瓶整治通知（“螺丝瓶”立即消除使用功能）；GB 5842-2006 2007-02-01 起施行",
    grade="B",
    reasons=("obsolete",),
)
def not_obsolete(case: Case) -> Finding | str | None:
    """Made before the month of GB 5842-2006, or its collar is screwed on.

    Honest work it must not stop: registering it as what it is, taking it back, sending it to be scrapped.
    """
    cylinder = case.cylinder
    if cylinder is None:
        return None
    return "obsolete" if cylinder.made_month < WELDED_SINCE or cylinder.collar == "screwed" else None


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
    "TYPE-02@1",
    gates=(Gate.HANDOVER,),
    zh="不得向餐饮用户提供气液两相瓶装燃气",
    en="no two-phase cylinder for a restaurant; a liquid-phase one needs a vaporiser there",
    basis="GB 5842-2023；溧水实施意见 附件3-6",
    grade="B",
    reasons=("two_phase_restaurant", "liquid_restaurant"),
    soft=("liquid_restaurant",),
)
def fit_for_restaurant(case: Case) -> Finding | str | None:
    """Two-phase blocks; liquid-phase without a vaporiser on record warns.

    Honest work it must not stop: liquid-phase cylinders at a vaporiser, or where nobody has filed it yet.
    """
    claim, cylinder = case.claim, case.cylinder
    assert isinstance(claim, c.HandOver)
    premises = case.place
    if cylinder is None or premises is None or premises.kind != "restaurant":
        return None
    if cylinder.phase is c.Phase.TWO_PHASE:
        return "two_phase_restaurant"
    return "liquid_restaurant" if cylinder.phase is c.Phase.LIQUID and not premises.vaporiser else None


@rule(
    "TYPE-03@1",
    gates=(Gate.HANDOVER,),
    zh="50公斤气瓶不得放在室内；人员密集场所室内不宜放瓶",
    en="a 118-L cylinder never stands indoors; no cylinder should in a crowded place",
    basis="GB 5842-2023 5.2",
    grade="B",
    reasons=("large_indoors", "indoors_crowded"),
    soft=("indoors_crowded",),
)
def stands_where_it_may(case: Case) -> Finding | str | None:
    """A cylinder room is not indoors. Crowded places only warn until a district defines them.

    Honest work it must not stop: a small eatery with 15-kg cylinders.
    """
    claim, cylinder = case.claim, case.cylinder
    assert isinstance(claim, c.HandOver)
    if cylinder is None or claim.position != "indoor":
        return None
    if cylinder.water_volume_ml >= LARGE_ML:
        return "large_indoors"
    premises = case.place
    return "indoors_crowded" if premises is not None and premises.crowded else None
