"""FILL after the fill: weight, second check, label and seal, and the way out of the depot to the door."""

from ledger import claim as c
from ledger.china import day_of
from ledger.cylinder import Cylinder
from ledger.lifecycle import Stage
from ledger.model import parse_model
from ledger.rules.filling import allowed_net_g
from ledger.rules.rule import Case, Finding, Gate, rule

_FIFTEEN_KG = "YSP35.5"


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
    "FILL-07@1",
    gates=(Gate.RELEASE,),
    zh="充装量不足的须补充装",
    en="an under-filled cylinder is topped up before release",
    basis="GB 17267 第9章（15 kg 气瓶 14.5±0.5 kg）；其他型号允差待核",
    grade="B",
    reasons=("underfilled", "underfilled_other"),
    params=("tolerance_15kg_g",),
    soft=("underfilled_other",),
)
def not_underfilled(case: Case) -> Finding | str | None:
    """Net less than nominal by more than the tolerance: the pack's for the 15-kg class, else the model's own.

    Honest work it must not stop: a cylinder whose stamp allows less than its class's nominal fill is full at that. The
    other classes only warn: their tolerances are not confirmed.
    """
    cylinder = case.cylinder
    if cylinder is None or cylinder.net_g is None:
        return None
    model = parse_model(cylinder.model)
    fifteen = model.model == _FIFTEEN_KG
    tolerance_g = case.params["tolerance_15kg_g"] if fifteen else model.fill_tolerance_g
    least_g = min(model.nominal_fill_g, allowed_net_g(cylinder)) - tolerance_g
    if cylinder.net_g >= least_g:
        return None
    return "underfilled" if fifteen else "underfilled_other", {"net_g": cylinder.net_g, "least_g": least_g}


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
    "FILL-09@1",
    gates=(Gate.DEPOT_OUT,),
    zh="出库气瓶须标明充装单位和服务电话，按要求加封签",
    en="what leaves is labelled with its filler and service phone, and sealed where asked",
    basis="溧水实施意见 附件3-6（充装后的燃气气瓶上未标明充装单位和服务电话的，责令改正并处罚款）",
    grade="A",
    reasons=("label_missing", "seal_missing"),
    params=("need_seal",),
)
def labelled(case: Case) -> Finding | str | None:
    """Nobody on record filled it, so no label can name filler and phone; or, with `need_seal` 1, no seal was recorded.

    Honest work it must not stop: opening stock was labelled before the ledger and goes out once as it is. Whether the
    label sticks is the post-check's question (COND-02).
    """
    cylinder = case.cylinder
    if cylinder is None or cylinder.opening_stock or cylinder.opening_back:
        return None
    if not _filler_on_record(case, cylinder):
        return "label_missing"
    return "seal_missing" if case.params["need_seal"] and cylinder.seal is None else None


def _filler_on_record(case: Case, cylinder: Cylinder) -> bool:
    """Whether the last fill's station belongs to an enterprise on record, whose filing states name and phone."""
    site = None if cylinder.fill is None else case.registry.get(c.FileSite, cylinder.fill.site)
    return site is not None and case.registry.get(c.FileEnterprise, site.enterprise) is not None


@rule(
    "FILL-12@2",
    gates=(Gate.RELEASE, Gate.DEPOT_OUT, Gate.HANDOVER),
    zh="无合法充装记录、未经放行的重瓶不得出库、交付（黑气瓶）",
    en="out of the depot, and over to a customer, only after a lawful, released fill since it was last empty",
    basis="城镇燃气管理条例 第十八条(八)；溧水实施意见 附件3-19“黑气瓶”",
    grade="B",
    reasons=("no_lawful_fill", "not_released_for_sale"),
)
def lawful_fill(case: Case) -> Finding | str | None:
    """At the door: it passed the gate out of the depot for sale and was not handed over or taken back since.

    Honest work it must not stop: stock counted full in the first days of the site that it leaves from is exempt once
    (FLOW.md section 4), and again when it comes straight back unsold. Counted later it is not opening stock: a count
    must not launder black gas. A hand-over that is told after its cylinder came back is about a journey that is over.
    """
    cylinder = case.cylinder
    if cylinder is None:
        return None
    if case.gate is Gate.HANDOVER:
        return None if cylinder.out or _over(case, cylinder) else "not_released_for_sale"
    if case.gate is Gate.DEPOT_OUT and _opening(case, cylinder):
        return None
    lawful = cylinder.content is c.Content.FULL and cylinder.fill is not None and cylinder.fill.lawful
    released = cylinder.released or case.gate is Gate.RELEASE
    return None if lawful and released else "no_lawful_fill"


def _over(case: Case, cylinder: Cylinder) -> bool:
    """Whether the claim reports what a newer fact overtook, about a cylinder that was lawfully filled: whether it was
    out for sale then is not known any more.
    """
    overtaken = not c.is_request(case.claim) and case.scanned_at < cylinder.placed_at
    return overtaken and cylinder.fill is not None and cylinder.fill.lawful


def _opening(case: Case, cylinder: Cylinder) -> bool:
    until = None if case.site is None else case.site.transition_until
    counted_at = cylinder.counted_at
    opening = cylinder.opening_stock or cylinder.opening_back
    return opening and until is not None and counted_at is not None and day_of(counted_at) <= until
