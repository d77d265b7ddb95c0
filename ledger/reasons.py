"""Why no: every reason code, in precedence order, in Chinese and English (wording: FLOW.md section 7).

The order is the order in which a refusal lists its reasons: who may speak at all, then what the thing is, then the
gravest about the cylinder, then its papers, then this fill, then warnings about the circumstances.
"""

from msgspec import Struct


class Reason(Struct, frozen=True):
    """`short` is what a scanner's screen shows; `zh` and `en` say what is wrong and what to do."""

    code: str
    short: str
    zh: str
    en: str


_ALL = (
    Reason("claim_id_reused", "编号重用", "该记录编号已用于其他内容；请用新编号重新提交",
           "this claim id was used for other bytes; make a new claim with a new id"),
    Reason("signer_revoked", "设备停用", "签名设备已停用或被隔离；请联系企业重新登记",
           "this signer is revoked or quarantined; have the office enrol it again"),
    Reason("signer_not_entitled", "无权操作", "该签名者无权进行此操作或不属于此站点；请由有权人员办理",
           "this signer may not do this act or not at this site; let someone entitled do it"),
    Reason("stale_filing", "内容已更新", "该登记已有新版本；请取得最新内容后重新提交",
           "the record has moved on; read it again and file anew"),
    Reason("reference_unknown", "引用不存在", "所引用的登记对象不存在；请先登记",
           "it refers to something that is not registered; file that first"),
    Reason("code_unread", "无法识别", "气瓶无信息标识或标识无法识别；请按钢印查找并重新贴标",
           "no readable information mark; identify it by its stamp and re-label it"),
    Reason("code_unknown", "未登记", "标识编码未在本账本登记，禁止充装；请查明来源",
           "this code is not registered here; find out whose cylinder it is"),
    Reason("code_retired", "编码注销", "标识编码已注销；请扫描现用标识",
           "this code is retired; scan the code in use"),
    Reason("code_used", "编码重复", "编码已被使用，一瓶一码；请换用新编码",
           "this code was used before; one cylinder, one code: take a new one"),
    Reason("scheme_occupied", "已有同类编码", "该瓶已有同类有效编码；请注明被替换的编码",
           "the cylinder has an active code of this scheme; name the one this retires"),
    Reason("seized", "查封扣押", "气瓶已被查封或扣押；须由执法机关解除",
           "the cylinder is seized; only the authority can end that"),
    Reason("recalled", "召回", "召回气瓶，不得充装或销售；请隔离并移交",
           "under recall; set it aside and hand it over"),
    Reason("scrapped", "报废", "气瓶待报废或已报废；只能办理报废手续",
           "to be scrapped or scrapped; only scrapping steps are left"),
    Reason("not_destroyed", "未消除功能", "尚未消除使用功能，不能注销；请先登记破坏性处理",
           "its function is not destroyed yet; record the destruction first"),
    Reason("two_phase_banned", "气液双相", "气液双相气瓶禁止使用，应召回报废；请隔离",
           "two-phase cylinders are banned; set it aside for recall and scrap"),
    Reason("life_ended", "达到报废年限", "达到报废年限；请送检验机构报废",
           "beyond its service life; send it to be scrapped"),
    Reason("not_own_cylinder", "非自有气瓶", "非本单位自有气瓶，禁止充装；请退还产权单位",
           "not an own cylinder; return it to its owner"),
    Reason("not_use_registered", "未办使用登记", "未办理使用登记或登记已注销；请先办理",
           "no use registration in force; have it registered first"),
    Reason("inspection_failed", "检验不合格", "定期检验不合格；请报废",
           "it failed its periodic inspection; scrap it"),
    Reason("inspection_overdue", "超期未检", "超期未检，禁止充装、销售；请送检",
           "periodic inspection overdue; send it to inspection"),
    Reason("inspection_ends_too_soon", "检验将到期", "检验有效期剩余不足，不宜充装；请送检",
           "too few days of its inspection are left; send it to inspection"),
    Reason("inspector_not_approved", "检验无资质", "检验机构或人员无有效资质；检验结果不予采用",
           "the inspector or body is not approved; the result does not count"),
    Reason("not_reviewed", "检验未复核", "检验须由他人复核；请补办复核",
           "an inspection needs another person's review"),
    Reason("failed_check", "检查不合格", "充装前后检查不合格；请隔离待处理",
           "it failed a check; set it aside"),
    Reason("locked", "已锁瓶", "气瓶已锁定；排除原因后方可继续",
           "the cylinder is locked; remove the cause first"),
    Reason("prefill_check_missing", "未排检", "未做充装前检查；请先排检",
           "no pre-fill check; check it first"),
    Reason("prefill_check_too_old", "排检过期", "充装前检查已过期；请重新排检",
           "its pre-fill check is too old; check it again"),
    Reason("no_filling_permit", "无充装许可", "充装许可无效；禁止充装",
           "no filling permit in force; filling is forbidden"),
    Reason("operator_not_certified", "人员无证", "充装人员无有效证书；请由持证人员操作",
           "the operator has no valid certificate; let a certified person do it"),
    Reason("line_not_registered", "非登记秤位", "不是本站登记的充装秤；禁止充装",
           "not a registered filling line of this station"),
    Reason("calibration_overdue", "秤未检定", "充装秤无有效检定证书；请检定",
           "the scale has no calibration in force; have it calibrated"),
    Reason("tank_lot_not_released", "气源未放行", "气源不合格或未检测放行；请换用已放行罐次",
           "the tank lot is not released; fill from a released one"),
    Reason("authorisation_open", "授权未用", "已有未使用的充装授权；请使用该授权或待其失效",
           "an authorisation is still open; use it or let it lapse"),
    Reason("authorisation_unknown", "无授权", "没有该充装授权；充装未经授权",
           "no such authorisation: this fill had no leave"),
    Reason("authorisation_used", "授权已用", "一扫一充：授权已使用",
           "one scan, one fill: the authorisation was used already"),
    Reason("authorisation_expired", "授权失效", "未在规定时间内开始充装，授权失效；请重新扫码",
           "filling did not start in time; scan again"),
    Reason("authorisation_other_line", "授权秤位不符", "授权属于另一充装秤；请在授权秤位充装",
           "the authorisation is for another line"),
    Reason("overfilled", "超装", "超装，须回抽复秤后方可放行",
           "overfilled: bleed it back and weigh again before release"),
    Reason("postfill_check_missing", "未做充后检查", "未复秤或未做充装后检查；请先检查",
           "no post-fill check with check-weighing; check it first"),
    Reason("postfill_same_person", "须换人复检", "充装后检查须由另一名持证人员进行",
           "the post-fill check needs a second certified person"),
    Reason("no_lawful_fill", "无合法充装记录", "无合法充装记录，禁止出库；请退回充装站核查",
           "no lawful, released fill since it was last empty; send it back to the station"),
    Reason("stage_closed", "当前状态不可办", "气瓶当前状态不能办理此事；请核对流程",
           "not possible at this stage; check the order of steps"),
    Reason("correction_without_reference", "更正无依据", "更正须注明原因和所更正的记录；未予采用",
           "a correction needs a reason, a reference and a change; it had no effect"),
    Reason("not_insured", "未投保", "未纳入保险；请尽快投保",
           "not insured; have it insured soon"),
    Reason("clock_skew", "终端时间异常", "终端时间与服务器相差过大；请校准时间",
           "the device's clock is far off; set it"),
)  # fmt: skip

REASONS: dict[str, Reason] = {reason.code: reason for reason in _ALL}
PRECEDENCE: dict[str, int] = {reason.code: rank for rank, reason in enumerate(_ALL)}


def text_of(code: str) -> tuple[str, str]:
    """The Chinese and the English sentence of a reason code. KeyError for a code that is none."""
    reason = REASONS[code]
    return reason.zh, reason.en
