"""Words of acts in Chinese, by what a claim says: causes, outcomes, items, purposes. Their English is the word itself.

`tests/test_words.py` holds that no word of a claim is lacking.
"""

from collections.abc import Iterable

from ledger import claim as c

Words = tuple[str, str]
"""Chinese, then English."""

# fmt: off
CAUSES_ZH: dict[str, str] = {
    c.Cause.POWER_CUT: "停电", c.Cause.OPERATOR_STOP: "人工停止", c.Cause.SCALE_FAULT: "秤故障", c.Cause.LEAK: "漏气",
    c.Cause.WEIGHT_ABNORMAL: "重量异常", c.Cause.FAILED_CHECK: "检查不合格", c.Cause.OVERFILLED: "超装",
    c.Cause.FOREIGN: "外来瓶", c.Cause.INSPECTION_DUE: "检验到期", c.Cause.INSPECTION_FAILED: "检验不合格",
    c.Cause.LIFE_END: "达到报废年限", c.Cause.RECALLED: "召回", c.Cause.KEYING_ERROR: "录入错误",
    c.Cause.SCALE_ERROR: "秤误差", c.Cause.STAMP_RE_READ: "重读钢印", c.Cause.LABEL_UNREADABLE: "标签无法识读",
    c.Cause.LABEL_LOST: "标签脱落", c.Cause.INCIDENT: "事故",
    # brought, and not handed over
    "nobody_home": "家中无人", "refused": "用户拒收", "refused_to_sign": "用户拒绝签字", "unsafe": "现场不安全",
    "supply_refused": "不予供气", "wrong_order": "订单有误",
    # taken away, lost
    "fire": "火灾", "explosion": "爆炸", "illegal_point": "非法储存点", "other_danger": "其他险情",
    "not_returned": "未退回", "stolen": "被盗", "destroyed_unseen": "毁损未见", "miscounted": "盘点有误",
    # supply suspended
    "hazard": "有隐患未整改", "refused_to_rectify": "拒不整改", "unsafe_premises": "场所不安全",
    "diversion": "转供他处",
    # what was behind an alert
    "missed_scan": "漏扫", "swapped_by_neighbours": "邻里换瓶", "late_upload": "迟传", "equipment_fault": "设备故障",
    "clock_fault": "时钟不准", "cloned_code": "克隆码", "pocket_code": "口袋码", "decanting": "瘦身（倒气）",
    "hoarding": "囤瓶", "unrecorded_fill": "未记充装", "false_report": "虚报", "other": "其他",
    # another pairing
    "planned": "按计划", "illness": "患病", "leave": "休假", "breakdown": "车辆故障",
}
"""Causes, of whatever act."""
OUTCOMES_ZH = {
    "explained": "已说明", "corrected": "已纠正", "penalised": "已处罚", "handed_over": "已移送", "false_alarm": "误报",
}
"""What became of an alert."""
WORDS_ZH: dict[str, dict[str, str]] = {
    "prefill": {
        c.PrefillItem.STAMP_MISMATCH: "码印不符", c.PrefillItem.STAMP_ILLEGIBLE: "钢印不清",
        c.PrefillItem.BODY_DAMAGE: "瓶体损伤", c.PrefillItem.CORROSION: "腐蚀", c.PrefillItem.FIRE_MARKS: "火烧痕迹",
        c.PrefillItem.VALVE: "瓶阀异常", c.PrefillItem.ACCESSORIES: "附件不全", c.PrefillItem.COLOUR: "颜色标志不符",
        c.PrefillItem.REFURBISHED: "翻新瓶", c.PrefillItem.MODIFIED: "改装瓶", c.PrefillItem.LEAK: "漏气",
        c.PrefillItem.TARE_UNCLEAR: "皮重不清",
    },
    "postfill": {
        c.PostfillItem.LEAK: "漏气", c.PostfillItem.SEAL: "封签异常", c.PostfillItem.LABEL: "标签异常",
        c.PostfillItem.BULGE: "鼓包", c.PostfillItem.TEMPERATURE: "温度异常",
    },
    "purpose": {
        c.Purpose.SALE: "销售", c.Purpose.TRANSFER: "调拨", c.Purpose.INSPECTION: "送检",
        c.Purpose.DESTRUCTION: "送报废处理", c.Purpose.RETURN: "退回", c.Purpose.OWNER_RETURN: "退还产权单位",
        c.Purpose.SEIZURE_TRANSFER: "查扣移送", c.Purpose.EMERGENCY: "应急",
    },
    "content": {c.Content.FULL: "重瓶", c.Content.EMPTY: "空瓶", c.Content.UNKNOWN: "空重不明"},
    "grade": {"place": "现场类", "equipment": "设施类", "management": "管理类", "rules": "制度类"},
    "notice": {"signed": "用户已签收告知书", "refused": "用户拒签告知书", "absent": "用户不在，告知书未签收"},
    "measure": {
        "repair": "维修", "replace": "更换", "install": "加装", "move": "移位", "remove": "拆除", "train": "培训",
    },
    "funds": {"customer": "用户承担", "enterprise": "企业承担", "government": "政府承担"},
    "how": {"voucher": "供气使用凭证", "code": "验证码", "signature": "签名", "proxy": "代收人"},
    "result": {"matched": "相符", "wrong": "不符", "late": "事后补确认", "absent": "未确认"},
    "position": {"indoor": "室内", "outdoor": "室外", "cylinder_room": "气瓶间"},
    "channel": {"delivery": "配送", "self_pickup": "自提"},
    "valve": {"plain": "普通阀", "smart": "智能角阀", "self_closing": "自闭阀"},
    "to": {"enterprise": "归本单位", "scrap": "报废"},
    "seizure": {"sealed": "查封", "detained": "扣押"},
    "method": {"flattened": "压扁", "cut": "切割", "pierced": "打孔"},
}
"""Other words of acts, by what they say. Their English is the word itself."""
# fmt: on


def english(word: str) -> str:
    """A word of a claim in English: `refused_to_sign` is said so."""
    return word.replace("_", " ")


def joined(parts: Iterable[Words]) -> Words:
    """Several things in one sentence."""
    said = list(parts)
    return "；".join(zh for zh, _ in said), "; ".join(en for _, en in said)


def enterprise_named(key: str) -> Words:
    """An enterprise by its id."""
    return f"单位 {key}", f"enterprise {key}"


def word(kind: str, value: str) -> Words:
    """A word of a claim, by what it says."""
    return WORDS_ZH[kind][value], english(value)
