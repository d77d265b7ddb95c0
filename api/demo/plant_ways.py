"""The ways of going wrong that the demo plants, each with the one rule that must answer."""

from msgspec import Struct


class Way(Struct, frozen=True):
    """`rule` must answer. `also` may answer beside it: an over-aged cylinder is overdue as well."""

    rule: str
    zh: str
    en: str
    also: tuple[str, ...] = ()


WAYS = {
    # by state: what the cylinder or its label is
    "unknown": Way("ID-01", "未登记的编码", "a code that nobody registered"),
    "stray": Way("ID-01", "付款码、身份证等杂码", "a payment code, an identity card"),
    "old_label": Way("ID-02", "已换标的旧标签", "the label that a new one replaced"),
    "gone": Way("ID-02", "已注销气瓶重现", "a deregistered cylinder turns up", ("SCRAP-01", "LIFE-01", "INS-01")),
    "foreign": Way("OWN-01", "他企业气瓶", "another enterprise's cylinder"),
    "unregistered": Way("REG-01", "无使用登记", "no use registration"),
    "cancelled": Way("REG-01", "使用登记已注销", "its use registration was cancelled"),
    "overdue": Way("INS-01", "超期未检", "inspection overdue"),
    "due_soon": Way("INS-01", "检验有效期不足15日", "fewer than 15 days of its inspection left"),
    "failed": Way("INS-04", "检验不合格", "failed its inspection"),
    "over_age": Way("LIFE-01", "超过使用年限", "beyond its service life", ("INS-01",)),
    "two_phase": Way("TYPE-01", "气液双相瓶", "a two-phase cylinder"),
    "recalled": Way("RECALL-01", "召回批次", "of a recalled lot"),
    "seized": Way("RECALL-02", "已查封扣押", "under seizure"),
    "scrap": Way("SCRAP-01", "待报废", "to be scrapped"),
    "locked": Way("LOCK-01", "已锁瓶直接上秤", "locked, yet put on the scale", ("COND-01",)),
    # by act: what people and devices do
    "bad_item": Way("COND-02", "外观、附件不合格", "a failed item of the pre-check"),
    "unchecked": Way("COND-01", "未排检直接上秤", "no pre-check"),
    "late_start": Way("FILL-01", "授权过期后才开阀", "the valve opened after the leave lapsed", ("FILL-12",)),
    "wrong_line": Way("FILL-01", "在另一秤位充装", "filled on another line", ("FILL-12",)),
    "reused": Way("FILL-01", "一次授权充两次", "one leave used twice", ("FILL-12",)),
    "no_leave": Way("FILL-01", "无授权充装", "filled without leave", ("FILL-12",)),
    "suspended": Way("FILL-02", "充装许可暂停期间", "the filling permit is suspended"),
    "no_certificate": Way("FILL-03", "充装人员无证", "the operator has no certificate"),
    "lapsed_certificate": Way("FILL-03", "充装人员证书过期", "the operator's certificate has expired"),
    "no_line": Way("FILL-04", "未登记或停用秤位", "a line that is not registered or not in service"),
    "calibration": Way("CAL-01", "秤检定过期", "the scale's calibration has lapsed"),
    "bad_lot": Way("FILL-05", "未放行罐次、无加臭证、掺二甲醚", "an unreleased lot, no odorant certificate, DME"),
    "overfill": Way("FILL-06", "超装", "over-filled"),
    "overfill_insist": Way(
        "FILL-06", "超装后仍要放行", "over-filled, release tried all the same", ("FILL-08", "FILL-12")
    ),
    "same_person": Way("FILL-08", "充装人自检", "the filler checks his own fill"),
    "no_postcheck": Way("FILL-08", "未做充后检查就放行", "release without a post-check"),
    "unreleased": Way("FILL-12", "未放行强行装车", "loaded without a release", ("FILL-08",)),
    "black_gas": Way("FILL-12", "黑气瓶装车", "loaded without a lawful fill"),
    "uninsured": Way("SUP-01", "企业保险过期", "the enterprise's insurance has lapsed"),
    "skew": Way("DATA-01", "终端时间偏差", "the device's clock is far off"),
    # by papers: what offices and bodies say
    "overdue_full": Way("INS-02", "超期未检重瓶装车", "an overdue full one loaded"),
    "recalled_full": Way("RECALL-01", "召回后重瓶装车", "a full one loaded after its recall"),
    "seized_full": Way("RECALL-02", "扣押重瓶装车", "a seized full one loaded"),
    "locked_full": Way("LOCK-01", "锁定重瓶装车", "a locked full one loaded"),
    "code_twice": Way("ID-03", "重复使用编码", "a code used twice"),
    "two_labels": Way("ID-03", "一瓶两码", "a second code of the same scheme"),
    "trainee": Way("INS-05", "无证人员检验", "inspected by someone without a certificate"),
    "unreviewed": Way("INS-05", "检验未复核", "an inspection that nobody reviewed"),
    "scrap_label": Way("SCRAP-01", "给待报废瓶换标", "a new label for a cylinder to be scrapped"),
    "not_destroyed": Way("SCRAP-02", "未破坏先注销", "deregistered before its destruction"),
    "bare_correction": Way("DATA-02", "更正无依据", "a correction that refers to nothing"),
}


def family_of(rule: str) -> str:
    """The part of a rule's id before the dash."""
    return rule.partition("-")[0]
