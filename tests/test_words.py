"""What entries say in the trade's words: no code is left untranslated, and what was found is said with its items."""

from enum import StrEnum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from msgspec import convert

from api.act_words import CAUSES_ZH, OUTCOMES_ZH, WORDS_ZH
from api.trace.terms import STATUS_ZH
from api.trace.view import Views
from api.words import sentence
from ledger import claim as c
from ledger import events as e
from ledger.checklists import CHECKLISTS, ITEM_NAMES, LIST_NAMES
from ledger.claim import act_of
from ledger.trace.statement import Statement

ID = "019b7a00-0000-7000-8000-000000000000"
HAZARD = "019b7a00-0000-7000-8000-000000000001"
DIGEST = "ab" * 32


def said(act: str, event: e.AnyEvent, **fields: Any) -> tuple[str, str]:
    """The sentence of an accepted claim of that act."""
    claim: c.AnyClaim = convert({"type": act, "claim_id": ID, "scanned_at": 0, **fields}, c.AnyClaim)
    return sentence(claim, event)


HOME = {"premises": "H1", "person": "W1"}
CHECK = {"checklist": "home-1", "failed_items": ["hose_long", "alarm_missing"], "photos": [DIGEST]}
OPENED = {
    **HOME, "item": "hose_aged", "grade": "equipment", "deadline": "2026-03-20", "notice": "refused",
    "photo_digest": DIGEST, "major": True,
}  # fmt: skip
FOLLOWED = {**HOME, "hazard": HAZARD}


@pytest.mark.parametrize(
    ("act", "event", "fields", "zh", "en"),
    [
        (
            "check_premises", e.PremisesChecked(), {**HOME, "kind": "home", "check": CHECK},
            "入户安检：不合格；发现问题：软管超长、未装报警器（项目表 home-1，20 项）",
            "home check: not passed; found wrong: hose too long, no gas alarm (list home-1, 20 items)",
        ),
        (
            "check_premises", e.PremisesChecked(passed=True),
            {**HOME, "kind": "presupply", "check": {"checklist": "presupply-1", "photos": [DIGEST]},
             "confirmation": {"how": "voucher", "result": "matched", "voucher": "VO1"}},
            "通气前检查：合格；未发现问题（项目表 presupply-1，20 项）；用户确认：供气使用凭证 VO1 相符",
            ("pre-supply check: passed; nothing found wrong (list presupply-1, 20 items); "
             "confirmed by voucher VO1: matched"),
        ),
        (
            "check_premises", e.PremisesChecked(),
            {**HOME, "kind": "delivery", "check": {"checklist": "delivery-0", "skipped_items": ["leak"]}},
            "随瓶安检：不合格；未发现问题；漏检：漏气；未附照片（项目表 delivery-0，项目表未知）",
            None,
        ),
        (
            "open_hazard", e.HazardOpened(blocks_from="2026-03-21"), OPENED,
            ("发现隐患：软管老化（设施类，重大隐患）；整改期限 2026-03-20；"
             "未闭环则 2026-03-21 起不予供气；用户拒签告知书"),
            ("hazard: hose aged (of the equipment, major); to be put right by 2026-03-20; "
             "while open, no supply from 2026-03-21; the customer refused to sign the notice"),
        ),
        (
            "assign_hazard", e.HazardAssigned(),
            {**FOLLOWED, "measure": "replace", "funds": "customer", "deadline": "2026-03-25", "plan_digest": DIGEST},
            f"隐患五定：责任人 W1，措施 更换，资金 用户承担，期限 2026-03-25，有预案；隐患编号 {HAZARD}",
            None,
        ),
        (
            "rectify_hazard", e.HazardRectified(closed=True),
            {**FOLLOWED, "photo_digest": DIGEST, "before_digest": "cd" * 32},
            f"隐患整改：现场整改，前后照片为证，已闭环；隐患编号 {HAZARD}",
            f"rectification: put right on the spot, photographed before and after: closed; hazard {HAZARD}",
        ),
        (
            "recheck_hazard", e.HazardRechecked(), {**FOLLOWED, "passed": False, "photo_digest": DIGEST},
            f"隐患复查：复查不合格，未闭环；隐患编号 {HAZARD}",
            f"re-check of a hazard: failed: still open; hazard {HAZARD}",
        ),
        (
            "recheck_hazard", e.HazardRechecked(violations=(e.Note("HAZ-02@1", "not_rectified", {}),)),
            {**FOLLOWED, "passed": True, "photo_digest": DIGEST},
            f"隐患复查：复查合格，但未闭环；隐患编号 {HAZARD}；违规：尚未登记整改，复查不予闭环；请先整改",
            None,
        ),
        (
            "suspend_supply", e.SupplySuspended(),
            {"premises": "H1", "enterprise": "E1", "cause": "refused_to_rectify", "hazards": [HAZARD]},
            f"暂停供气：单位 E1；因拒不整改；隐患编号 {HAZARD}",
            f"suspension of supply: enterprise E1; cause: refused to rectify; hazard {HAZARD}",
        ),
        (
            "count_premises", e.PremisesCounted(found=(ID,), missing=(ID, ID), unknown=1),
            {**HOME, "customer": "K1", "codes": ["own:A-0000001-A", "own:X-0000001-A"], "photo_digest": DIGEST},
            "现场盘点：现场读到 2 个编码；在账气瓶 1 只；无人登记的编码 1 个；账上有、现场没有 2 只",
            None,
        ),
        (
            "not_delivered", e.DeliveryFailed(),
            {"code": "own:A-0000001-A", "person": "W1", "vehicle": "V1", "customer": "K1", "premises": "H1",
             "cause": "refused_to_sign"},
            "未送达：因用户拒绝签字", "no delivery: cause: refused to sign",
        ),
        (
            "check_prefill", e.PrefillFailed(),
            {"code": "own:A-0000001-A", "site": "S1", "person": "P1", "failed_items": ["corrosion", "stamp_illegible"]},
            "排检：不合格；发现 腐蚀、钢印不清", "pre-check: failed; found corrosion, stamp illegible",
        ),
        (
            "interrupt_fill", e.FillInterrupted(net_g=2000, tank_lot="T1", gas_g=1500),
            {"code": "own:A-0000001-A", "site": "S1", "line": "L1", "person": "P1", "authorisation": ID,
             "weight_g": 18_500, "cause": "power_cut"},
            "充装中断：已记录，净重 2.00 千克；充装秤 L1；罐次 T1；已进气 1.50 千克；因停电",
            "interrupted fill: recorded, net 2.00 kg; line L1; tank lot T1; 1.50 kg went in; cause: power cut",
        ),
        (
            "settle_alert", e.AlertSettled(), {"alert": "F2.12", "cause": "pocket_code", "outcome": "penalised"},
            "警报处理：警报 F2.12；原因：口袋码；结果：已处罚",
            "settling of an alert: alert F2.12; cause: pocket code; outcome: penalised",
        ),
    ],
)  # fmt: skip
def test_what_was_found_is_said_in_the_trades_words(
    act: str, event: e.AnyEvent, fields: dict[str, Any], zh: str, en: str | None
) -> None:
    told = said(act, event, **fields)
    assert told[0] == zh
    assert en is None or told[1] == en


def test_a_warning_is_told_with_what_was_done() -> None:
    warned = e.VehicleLoaded(warnings=(e.Note("INS-01@1", "inspection_due_soon", {}),))
    zh, en = said("load_vehicle", warned, code="own:A-0000001-A", site="S1", person="W1", vehicle="V1")
    assert zh == "装车：已记录；警示：检验即将到期；请安排送检"
    assert en == "loading: recorded; warned: its inspection ends soon; plan the next one"


def statement(index: int, event: e.AnyEvent, act: str, **fields: Any) -> Statement:
    claim: c.AnyClaim = convert({"type": act, "claim_id": ID, "scanned_at": 0, **fields}, c.AnyClaim)
    return Statement(
        entry_index=index, leaf="", recorded_at=0, seen_at=0, late=False, correction=False, known=True,
        act=act_of(claim), outcome_type=e.tag_of(event), accepted=True, subject="premises:H1", cylinder=None, code=None,
        site=None, person=None, vehicle=None, customer=None, premises="H1", signer="", claim=claim, outcome=event,
    )  # fmt: skip


def test_a_recheck_and_a_resumption_name_what_they_end() -> None:
    views = Views()
    views(statement(7, e.HazardOpened(), "open_hazard", **{**OPENED, "claim_id": HAZARD}))
    suspended = views(
        statement(8, e.SupplySuspended(), "suspend_supply", premises="H1", enterprise="E1", cause="hazard",
                  hazards=[HAZARD])
    )  # fmt: skip
    assert suspended.zh == "暂停供气：单位 E1；因有隐患未整改；隐患 #7 软管老化"
    passed = e.HazardRechecked(closed=True)
    again = views(statement(9, passed, "recheck_hazard", **FOLLOWED, passed=True, photo_digest=DIGEST))
    assert (again.zh, again.en) == (
        "隐患复查：复查合格，已闭环；隐患 #7 软管老化", "re-check of a hazard: passed: closed; hazard #7: hose aged"
    )  # fmt: skip
    resumed = views(statement(10, e.SupplyResumed(), "resume_supply", premises="H1", enterprise="E2"))
    assert resumed.zh == "恢复供气：单位 E2；此前由 E1 于 #8 暂停"
    assert resumed.en == "resumption of supply: enterprise E2; suspended by E1 in #8"


# --- no word is lacking --------------------------------------------------------------------------------------------

UNION = (Union, UnionType)


def words_of(hint: Any) -> set[str]:
    """The words that a field of that type may hold."""
    if get_origin(hint) is Literal:
        return {one for one in get_args(hint) if isinstance(one, str)}
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return set(hint)
    return {word for inner in get_args(hint) for word in words_of(inner)}


SHOWN = {
    "cause": CAUSES_ZH, "outcome": OUTCOMES_ZH, **{field: WORDS_ZH[field] for field in (
        "purpose", "content", "grade", "notice", "measure", "funds", "position", "channel", "valve", "to", "method",
    )},
}  # fmt: skip
"""The fields of acts that are said, and where their words stand."""


def test_every_word_of_an_act_has_its_chinese() -> None:
    lacking = list[tuple[str, str, str]]()
    for kind in get_args(c.AnyClaim):
        filing = issubclass(kind, c.Filing)
        for field, hint in get_type_hints(kind).items():
            table = {"kind": STATUS_ZH, "status": STATUS_ZH}.get(field) if filing else SHOWN.get(field)
            if kind is c.SeizeCylinder and field == "kind":
                table = WORDS_ZH["seizure"]
            if table is not None and not (kind is c.FileOrder and field == "channel"):
                lacking += [(kind.__name__, field, word) for word in words_of(hint) if word not in table]
    assert lacking == []
    assert set(WORDS_ZH["prefill"]) == set(c.PrefillItem)
    assert set(WORDS_ZH["postfill"]) == set(c.PostfillItem)
    confirmed = get_type_hints(c.Confirmation)
    assert words_of(confirmed["how"]) == set(WORDS_ZH["how"])
    assert words_of(confirmed["result"]) == set(WORDS_ZH["result"])


def test_a_filing_is_said_with_what_it_is_about() -> None:
    listed = said(
        "file_blacklisting", e.Filed(), blacklisting="B1", kind="maker", target="GL", from_day="2026-01-01",
        status="listed",
    )  # fmt: skip
    assert listed == ("黑名单：B1 制造单位产品 已列入 对象 GL", "blacklisting: B1 maker listed target GL")
    key = {"alg": "ed25519", "public": "ab" * 32}
    enrolled = said(
        "enrol_signer", e.Filed(), signer="ab" * 16, key=key, role="office", enterprise="E1", sites=[], acts=[],
        status="active",
    )  # fmt: skip
    assert enrolled[0].endswith(" 启用")
    frozen = said("open_incident", e.Filed(), incident="IN1", lines=["L1"], sites=["S1"])
    assert frozen[0] == "事故冻结：IN1；冻结 站点 S1；冻结 充装秤 L1"


def test_every_item_and_list_of_the_checks_is_named() -> None:
    assert set(ITEM_NAMES) == set(c.CheckItem)
    assert {name.rpartition("-")[0] for name in CHECKLISTS} == set(LIST_NAMES)
    assert words_of(get_type_hints(c.CheckPremises)["kind"]) == set(LIST_NAMES)
