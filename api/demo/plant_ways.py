"""The ways of going wrong that the demo plants, each with the one rule that must answer."""

from api.demo.plant_road_ways import ROAD_WAYS
from api.demo.way import Way

WAYS = {
    # by state: what the cylinder or its label is
    "unknown": Way("ID-01", "未登记的编码", "a code that nobody registered"),
    "stray": Way("ID-01", "付款码、身份证等杂码", "a payment code, an identity card"),
    "old_label": Way("ID-02", "已换标的旧标签", "the label that a new one replaced"),
    "gone": Way(
        "ID-02", "已注销气瓶重现", "a deregistered cylinder turns up", ("SCRAP-01", "LIFE-01", "LIFE-02", "INS-01")
    ),
    "wrong_stamp": Way("ID-04", "码与钢印不符", "the stamp is not the label's"),
    "unanswered": Way("ID-04", "抽查钢印未答", "the stamp was asked for and never keyed"),
    "registered_twice": Way("ID-05", "他企业重复登记同一气瓶", "a cylinder that another registered already"),
    "no_mark": Way("ID-06", "封头无充装单位标志", "no filler's mark on its head"),
    "no_photo": Way("ID-07", "换标无照片", "re-labelled without a photo"),
    "unconfirmed": Way("ID-07", "换标未复核即装车", "loaded with a new label that nobody confirmed"),
    "foreign": Way("OWN-01", "他企业气瓶", "another enterprise's cylinder"),
    "custody": Way("OWN-01", "托管的他企业气瓶", "another enterprise's, in custody by an agreement"),
    "unlawful_sold": Way(
        "OWN-02",
        "为他企业气瓶充装后销售",
        "gas filled into another's cylinder, and sold",
        ("OWN-01", "FILL-01", "FILL-12"),
    ),
    "no_papers": Way("OWN-03", "登记未附产权证明", "registered without evidence of ownership"),
    "not_customers": Way("OWN-03", "企业气瓶当用户瓶置换", "an enterprise's cylinder surrendered as a customer's"),
    "no_maker": Way("MAKE-01", "制造单位无许可", "of a maker without a licence"),
    "implausible": Way("REG-02", "登记数据不合理", "registered with data that cannot be"),
    "unregistered": Way("REG-01", "无使用登记", "no use registration"),
    "cancelled": Way("REG-01", "使用登记已注销", "its use registration was cancelled"),
    "overdue": Way("INS-01", "超期未检", "inspection overdue"),
    "large_due": Way("INS-01", "50公斤瓶满三年未检", "50 kg, three years since its inspection"),
    "due_soon": Way("INS-03", "检验有效期不足30日", "fewer than 30 days of its inspection left"),
    "failed": Way("INS-04", "检验不合格", "failed its inspection"),
    "over_age": Way("LIFE-01", "超过使用年限", "beyond its service life", ("INS-01", "LIFE-02")),
    "design_ended": Way("LIFE-02", "超过设计使用年限未经检验合格", "past its design life, not inspected for it"),
    "screw_collar": Way("LIFE-03", "螺纹护罩", "a screwed collar"),
    "two_phase": Way("TYPE-01", "气液双相瓶", "a two-phase cylinder"),
    "recalled": Way("RECALL-01", "召回批次", "of a recalled lot"),
    "seized": Way("RECALL-02", "已查封扣押", "under seizure"),
    "bad_maker": Way("RECALL-02", "黑名单厂家的气瓶", "of a black-listed maker"),
    "scrap": Way("SCRAP-01", "待报废", "to be scrapped"),
    "locked": Way("LOCK-01", "已锁瓶直接上秤", "locked, yet put on the scale", ("COND-01",)),
    # by act: what people and devices do
    "bad_item": Way("COND-02", "外观、附件不合格", "a failed item of the pre-check"),
    "tare_unclear": Way("COND-03", "皮重不清仍充装", "filled although its tare is unclear"),
    "not_evacuated": Way("COND-04", "检验后未抽真空", "not evacuated after its inspection"),
    "below_tare": Way("COND-05", "起始重量低于皮重", "lighter than its tare"),
    "residue": Way("COND-05", "余量偏多", "much left in it"),
    "unchecked": Way("COND-01", "未排检直接上秤", "no pre-check"),
    "late_start": Way("FILL-01", "授权过期后才开阀", "the valve opened after the leave lapsed", ("FILL-12",)),
    "wrong_line": Way("FILL-01", "在另一秤位充装", "filled on another line", ("FILL-12",)),
    "reused": Way("FILL-01", "一次授权充两次", "one leave used twice", ("FILL-12",)),
    "no_leave": Way("FILL-01", "无授权充装", "filled without leave", ("FILL-12",)),
    "suspended": Way("FILL-02", "充装许可暂停期间", "the filling permit is suspended"),
    "no_certificate": Way("FILL-03", "充装人员无证", "the operator has no certificate"),
    "lapsed_certificate": Way("FILL-03", "充装人员证书过期", "the operator's certificate has expired"),
    "barred_person": Way("FILL-03", "黑名单人员操作", "the operator is on the blacklist"),
    "no_line": Way("FILL-04", "未登记或停用秤位", "a line that is not registered or not in service"),
    "calibration": Way("CAL-01", "秤检定过期", "the scale's calibration has lapsed"),
    "bad_lot": Way(
        "FILL-05",
        "未放行、无加臭、掺二甲醚、供方无证等罐次",
        "a lot not released, without odorant, with DME, unlicensed",
    ),
    "overfill": Way("FILL-06", "超装", "over-filled"),
    "overfill_insist": Way(
        "FILL-06", "超装后仍要放行", "over-filled, release tried all the same", ("FILL-08", "FILL-12")
    ),
    "underfill": Way("FILL-07", "充装不足", "under-filled"),
    "no_seal": Way("FILL-09", "新规则包要求封签后无封签装车", "loaded unsealed under a pack that asks for seals"),
    "too_soon": Way("FILL-10", "放行不久又来充装", "to be filled again right after its release", ("FILL-11",)),
    "no_return": Way("FILL-11", "未见回收记录", "back without a recorded return"),
    "same_person": Way("FILL-08", "充装人自检", "the filler checks his own fill"),
    "no_postcheck": Way("FILL-08", "未做充后检查就放行", "release without a post-check"),
    "unreleased": Way("FILL-12", "未放行强行装车", "loaded without a release", ("FILL-08",)),
    "black_gas": Way("FILL-12", "黑气瓶装车", "loaded without a lawful fill"),
    "late_stock": Way("FILL-12", "过渡期后才盘点的重瓶", "opening stock, counted when its time was over"),
    "door_black": Way("FILL-12", "未经出库直接交付", "handed over without leaving by the gate"),
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
    "out_of_order": Way("INS-05", "补录更早的检验", "an inspection older than the one on record"),
    "late_entry": Way("INS-06", "检验结果迟录", "an inspection entered late"),
    "restaurant_two_phase": Way(
        "TYPE-02", "双相瓶送餐馆", "a two-phase cylinder for a restaurant", ("FILL-12", "USR-08")
    ),
    "restaurant_liquid": Way("TYPE-02", "液相瓶送无气化器的餐馆", "a liquid-phase one, and no vaporiser there"),
    "large_indoors": Way("TYPE-03", "50公斤瓶放室内", "50 kg to stand indoors", ("USR-08",)),
    "crowded": Way("TYPE-03", "人员密集场所室内", "indoors in a crowded place"),
    "no_premises": Way("PREM-01", "未登记的用气场所", "premises that nobody filed", ("USR-01", "USR-02")),
    "bare_correction": Way("DATA-02", "更正无依据", "a correction that refers to nothing"),
    # on the road and at the door
    **ROAD_WAYS,
}


def family_of(rule: str) -> str:
    """The part of a rule's id before the dash."""
    return rule.partition("-")[0]
