"""One sentence for one entry, Chinese and English: what was asked or reported, and what came of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

from msgspec import Struct

from api.particulars import act_names, particulars
from api.premises_words import Known
from ledger import claim as c
from ledger import events as e
from ledger.claim import act_of
from ledger.reasons import text_of

_CHINA = timezone(timedelta(hours=8))

# fmt: off
ACTS: dict[str, tuple[str, str]] = {
    "register_cylinder": ("登记气瓶", "registration"),      "bind_code": ("绑定编码", "binding of a code"),
    "record_inspection": ("定期检验", "inspection"),        "check_prefill": ("排检", "pre-check"),
    "authorise_fill": ("申请充装", "leave to fill"),        "start_fill": ("开始充装", "start of filling"),
    "complete_fill": ("充装完成", "fill"),                  "interrupt_fill": ("充装中断", "interrupted fill"),
    "weigh_cylinder": ("称重", "weighing"),                 "check_postfill": ("充装后检查", "post-fill check"),
    "release_cylinder": ("放行", "release"),                "depot_out": ("出库", "leaving the depot"),
    "depot_in": ("入库", "entering the depot"),             "collect_cylinder": ("回收空瓶", "collection"),
    "set_aside": ("隔离待处理", "setting aside"),           "lock_cylinder": ("锁瓶", "locking"),
    "bleed_cylinder": ("回抽", "bleeding"),                 "seize_cylinder": ("查封扣押", "seizure"),
    "end_seizure": ("解除查封扣押", "end of seizure"),      "decide_scrap": ("决定报废", "decision to scrap"),
    "destroy_cylinder": ("消除使用功能", "destruction"),    "deregister_cylinder": ("注销", "deregistration"),
    "count_stock": ("盘点", "stock count"),                 "correct_cylinder": ("更正", "correction"),
    "record_arrival": ("车辆到站", "arrival of a truck"),   "open_log": ("建立日志", "opening of the log"),
    "adopt_pack": ("采用规则包", "adoption of a pack"),     "enrol_signer": ("登记签名者", "enrolment of a signer"),
    "file_enterprise": ("登记单位", "enterprise"),          "file_permit": ("登记许可", "permit"),
    "file_site": ("登记站点", "site"),                      "file_line": ("登记充装秤", "filling line"),
    "file_calibration": ("登记检定", "calibration"),        "file_person": ("登记人员", "person"),
    "file_certificate": ("登记证书", "certificate"),        "file_tank_lot": ("登记罐次", "tank lot"),
    "file_use_registration": ("使用登记", "use registration"), "file_insurance": ("登记保险", "insurance"),
    "open_recall": ("发布召回", "recall"),                  "close_recall": ("结束召回", "end of a recall"),
    "confirm_relabel": ("换标复核", "check of a new label"), "hand_over": ("交付", "hand-over"),
    "evacuate_cylinder": ("抽真空", "evacuation"),          "extract_residue": ("抽残", "residue extraction"),
    "replace_valve": ("换阀", "new valve"),                 "determine_tare": ("核定皮重", "new tare"),
    "surrender_cylinder": ("置换", "surrender"),            "file_successor": ("登记承继单位", "successor"),
    "file_custody": ("登记托管协议", "custody agreement"),  "file_blacklisting": ("黑名单", "blacklisting"),
    "file_seizure_order": ("查封扣押决定", "seizure order"), "file_product": ("登记气种", "kind of gas"),
    "file_premises": ("登记用气场所", "premises"),          "file_pairing": ("人车对应", "pairing"),
    "raise_alert": ("警报", "alert"),                        "load_vehicle": ("装车", "loading"),
    "unload_vehicle": ("卸车", "unloading"),                "not_delivered": ("未送达", "no delivery"),
    "remove_in_emergency": ("应急处置", "emergency removal"), "report_lost": ("报失", "loss"),
    "report_found": ("找到", "finding"),                    "check_premises": ("安检", "safety check"),
    "open_hazard": ("发现隐患", "hazard"),                  "assign_hazard": ("隐患五定", "assignment of a hazard"),
    "escalate_hazard": ("上报拒不整改", "refusal told to the town"),
    "rectify_hazard": ("隐患整改", "rectification"),        "recheck_hazard": ("隐患复查", "re-check of a hazard"),
    "suspend_supply": ("暂停供气", "suspension of supply"), "resume_supply": ("恢复供气", "resumption of supply"),
    "count_premises": ("现场盘点", "count at the premises"), "settle_alert": ("警报处理", "settling of an alert"),
    "acknowledge_recall": ("确认收到召回", "acknowledgement of a recall"),
    "file_customer": ("登记用户", "customer"),              "file_contract": ("登记供用气合同", "supply contract"),
    "file_voucher": ("登记供气使用凭证", "voucher"),        "file_proxy": ("登记代收委托", "proxy"),
    "file_order": ("登记订单", "order"),                    "file_vehicle": ("登记车辆", "vehicle"),
    "open_incident": ("事故冻结", "opening of an incident"), "lift_incident": ("解除事故冻结", "end of an incident"),
}
ALERTS: dict[c.AlertKind, tuple[str, str]] = {
    c.AlertKind.CLONED_KEY: ("疑似密钥被复制", "a key seems to be copied"),
    c.AlertKind.LOG_FORK: ("设备见过另一份日志", "the device was shown another log"),
    c.AlertKind.LOG_ROLLBACK: ("日志比设备见过的短", "the log is shorter than the device has seen it"),
    c.AlertKind.DEVICE_ROLLBACK: ("设备的日志记忆倒退", "the device's memory of the log went back"),
    c.AlertKind.REPLAY: ("编号重用于其他内容", "a claim id was used for other bytes"),
    c.AlertKind.LOST_QUEUE: ("设备有记录一直未到", "records of the device never came"),
}
CONTENT_ZH = {c.Content.EMPTY: "空瓶", c.Content.FULL: "重瓶", c.Content.UNKNOWN: "不明"}
_RESULTS: dict[type[e.Event], tuple[str, str]] = {
    e.InspectionPassed: ("合格", "passed"),   e.InspectionFailed: ("不合格", "failed"),
    e.PrefillChecked: ("合格", "passed"),     e.PrefillFailed: ("不合格", "failed"),
    e.PostfillChecked: ("合格", "passed"),    e.PostfillFailed: ("不合格", "failed"),
    e.FillAuthorised: ("已授权", "granted"),  e.CylinderReleased: ("已放行", "granted"),
    e.CylinderHandedOver: ("已交付", "done"), e.CylinderSurrendered: ("已置换", "done"),
}
# fmt: on


class Finding(Struct, frozen=True):
    """A rule's finding in words. `kind` says whether it refused, was broken by a report, only warns, or held at the
    time of a late scan; `facts` are the figures behind it.
    """

    kind: Literal["reason", "violation", "warning", "as_of_scan"]
    rule: str
    reason: str
    zh: str
    en: str
    facts: dict[str, int | str]


def china_time(at_ms: int) -> str:
    """The instant (ms UTC) as people in China read it, `2026-01-31 08:00:00`."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(_CHINA).strftime("%Y-%m-%d %H:%M:%S")


def zoned(at_ms: int) -> str:
    """The same with its offset, for tables: `2026-01-31 08:00:00 +08:00`; no spreadsheet makes a day of it."""
    return f"{china_time(at_ms)} +08:00"


def findings(outcome: e.Outcome) -> list[Finding]:
    """All that rules found, the gravest first."""
    if isinstance(outcome, e.Refusal):
        found = [_finding("reason", note) for note in outcome.reasons]
    else:
        found = [_finding("violation", note) for note in outcome.violations]
    found += [_finding("warning", note) for note in outcome.warnings]
    return found + [_finding("as_of_scan", note) for note in outcome.as_of_scan or ()]


def sentence(claim: c.AnyClaim, outcome: e.Outcome, known: Known | None = None) -> tuple[str, str]:
    """What an entry says, in one Chinese and one English sentence. `known`: what earlier entries opened, by name."""
    act_zh, act_en = act_names(claim) or ACTS[act_of(claim)]
    if isinstance(outcome, e.Refusal):
        zh, en = _listed(outcome.reasons)
        return f"{act_zh}被拒：{zh}", f"{act_en} refused: {en}"
    if isinstance(claim, c.RaiseAlert):
        zh, en = ALERTS[claim.kind]
        return f"{act_zh}：{zh}", f"{act_en}: {en}"
    said = [one for one in (_result(outcome), particulars(claim, outcome, known or {})) if one is not None]
    said = said or [("已记录", "recorded")]
    for zh, en, notes in (("违规", "broken", outcome.violations), ("警示", "warned", outcome.warnings)):
        if notes:
            listed_zh, listed_en = _listed(notes)
            said.append((f"{zh}：{listed_zh}", f"{en}: {listed_en}"))
    return f"{act_zh}：" + "；".join(zh for zh, _ in said), f"{act_en}: " + "; ".join(en for _, en in said)


def _result(event: e.Event) -> tuple[str, str] | None:
    """What came of it, where it may come out one way or another."""
    zh, en = _RESULTS.get(type(event), ("", ""))
    if isinstance(event, e.PremisesChecked):
        zh, en = ("合格", "passed") if event.passed else ("不合格", "not passed")
    if isinstance(event, e.FillAuthorised):
        return f"{zh}，至多 {_kg(event.allowed_net_g)} 千克", f"{en}, at most {_kg(event.allowed_net_g)} kg"
    if net_g := getattr(event, "net_g", None):
        zh, en = zh or "已记录", en or "recorded"
        return f"{zh}，净重 {_kg(net_g)} 千克", f"{en}, net {_kg(net_g)} kg"
    return (zh, en) if zh else None


def _listed(notes: Sequence[e.Note]) -> tuple[str, str]:
    texts = [text_of(note.reason) for note in notes]
    return "；".join(zh for zh, _ in texts), "; ".join(en for _, en in texts)


def _finding(kind: Literal["reason", "violation", "warning", "as_of_scan"], note: e.Note) -> Finding:
    zh, en = text_of(note.reason)
    return Finding(kind, note.rule, note.reason, zh, en, note.facts)


def _kg(grams: int) -> str:
    return f"{grams / 1000:.2f}"
